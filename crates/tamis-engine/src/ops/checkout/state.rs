//! What a checkout remembers, in `.tamis-checkout` (docs/spec/checkout.md).
//!
//! ```text
//! checkout.json   version, lake, dataset, branch, commit, format, time of writing
//! files           "size mtime inode hash" NUL sample NUL file NUL   once a file, ordered by file
//! records         "digest" NUL sample NUL                           formats with losses only
//! ```

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tamis_core::Hash;

use crate::error::{EngineError, Result};

/// The folder that remembers.
pub(super) const FOLDER: &str = ".tamis-checkout";
/// A file changed this shortly before it was noted may change again within one tick of the clock.
const TICK: i64 = 20_000_000;

/// What was checked out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) version: u32,
    pub(super) lake: String,
    pub(super) dataset: String,
    pub(super) branch: Option<String>,
    pub(super) commit: String,
    pub(super) format: String,
    /// When the files were noted, in nanoseconds since 1970.
    pub(super) written: i64,
}

/// A file as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) file: String,
    /// The sample whose media it is; empty for label files and masks.
    pub(super) sample: String,
    pub(super) size: u64,
    pub(super) time: i64,
    pub(super) inode: u64,
    pub(super) hash: Hash,
}

impl Entry {
    pub(super) fn new(file: &str, sample: &str, facts: &fs::Metadata, hash: Hash) -> Entry {
        Entry {
            file: file.to_owned(),
            sample: sample.to_owned(),
            size: facts.len(),
            time: time_of(facts),
            inode: facts.ino(),
            hash,
        }
    }

    /// Whether a file is still the one that was written, by what the directory says; [`None`]:
    /// only its bytes can tell.
    pub(super) fn judge(&self, looks: Looks, written: i64) -> Option<bool> {
        if looks.size != self.size {
            return Some(false);
        }
        let same = looks.inode == self.inode && looks.time == self.time && self.time + TICK < written;
        same.then_some(true)
    }
}

/// What a directory says of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looks {
    size: u64,
    time: i64,
    inode: u64,
}

impl Looks {
    pub(super) fn of(facts: &fs::Metadata) -> Looks {
        Looks { size: facts.len(), time: time_of(facts), inode: facts.ino() }
    }
}

fn time_of(facts: &fs::Metadata) -> i64 {
    facts.mtime().saturating_mul(1_000_000_000).saturating_add(facts.mtime_nsec())
}

/// All that a checkout remembers.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) root: PathBuf,
    pub(super) identity: Identity,
    /// Ordered by file.
    pub(super) entries: Vec<Entry>,
    /// What each sample's labels read as right after the checkout, ordered by path.
    pub(super) records: Vec<(String, Hash)>,
}

/// The checkout that a folder is or lies in.
pub fn find_checkout(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    folder.ancestors().find(|up| up.join(FOLDER).join("checkout.json").is_file()).map(Path::to_owned)
}

pub(super) fn io(verb: &str, path: &Path, error: std::io::Error) -> EngineError {
    let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
    let code = if denied { "store.denied" } else { "format.io" };
    EngineError::new(code, format!("cannot {verb} `{}`: {error}", path.display()))
        .hint("check the path, its permissions, and that the disk is not full")
}

pub(super) fn load_identity(root: &Path) -> Result<Identity> {
    let path = root.join(FOLDER).join("checkout.json");
    let bytes = fs::read(&path).map_err(|e| io("read", &path, e))?;
    let identity: Identity = serde_json::from_slice(&bytes).map_err(|e| damaged(&path, &e.to_string()))?;
    if identity.version != 1 {
        return Err(EngineError::new(
            "lake.too_new",
            format!("cannot read `{}`: version {}", path.display(), identity.version),
        )
        .hint("install a newer Tamis"));
    }
    Ok(identity)
}

fn damaged(path: &Path, why: &str) -> EngineError {
    EngineError::new("checkout.damaged", format!("cannot read `{}`: {why}", path.display()))
        .hint("check out again into an empty folder; your files here are untouched")
}

impl State {
    /// Reads what the checkout in `root` remembers.
    pub(super) fn load(root: &Path) -> Result<State> {
        let identity = load_identity(root)?;
        let path = root.join(FOLDER).join("files");
        let text = fs::read(&path).map_err(|e| io("read", &path, e))?;
        let entries = parse_entries(&text).ok_or_else(|| damaged(&path, "it was cut short or changed"))?;
        let path = root.join(FOLDER).join("records");
        let records = match fs::read(&path) {
            Ok(text) => parse_records(&text).ok_or_else(|| damaged(&path, "it was cut short or changed"))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(io("read", &path, error)),
        };
        Ok(State { root: root.to_owned(), identity, entries, records })
    }

    /// Writes it down; each file is replaced as a whole, the identity last.
    pub(super) fn save(&mut self) -> Result<()> {
        self.entries.sort_by(|a, b| a.file.cmp(&b.file));
        let folder = self.root.join(FOLDER);
        fs::create_dir_all(&folder).map_err(|e| io("write", &folder, e))?;
        let mut text = Vec::with_capacity(self.entries.len() * 128);
        for entry in &self.entries {
            let facts = format!("{} {} {} {}", entry.size, entry.time, entry.inode, entry.hash);
            for part in [facts.as_bytes(), entry.sample.as_bytes(), entry.file.as_bytes()] {
                text.extend_from_slice(part);
                text.push(0);
            }
        }
        replace(&folder.join("files"), &text)?;
        if !self.records.is_empty() {
            let mut text = Vec::new();
            for (sample, digest) in &self.records {
                text.extend_from_slice(digest.to_string().as_bytes());
                text.push(0);
                text.extend_from_slice(sample.as_bytes());
                text.push(0);
            }
            replace(&folder.join("records"), &text)?;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        self.identity.written = i64::try_from(now).unwrap_or(i64::MAX);
        let json =
            serde_json::to_vec_pretty(&self.identity).map_err(|e| EngineError::new("internal", e.to_string()))?;
        replace(&folder.join("checkout.json"), &json)
    }

    /// Notes the files that the format wrote and that no sample's media are.
    pub(super) fn add_label_files(&mut self) -> Result<()> {
        let known: std::collections::HashSet<String> = self.entries.iter().map(|entry| entry.file.clone()).collect();
        for file in super::status::list(&self.root)? {
            if !known.contains(&file) {
                let entry = note(&self.root, &file, "")?;
                self.entries.push(entry);
            }
        }
        self.entries.sort_by(|a, b| a.file.cmp(&b.file));
        Ok(())
    }

    /// The entry of a file. O(log n).
    pub(super) fn find(&self, file: &str) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|entry| entry.file.as_str().cmp(file)).ok()?;
        self.entries.get(at)
    }

    /// The digest of a sample's labels right after the checkout.
    pub(super) fn record(&self, sample: &str) -> Option<Hash> {
        let at = self.records.binary_search_by(|(path, _)| path.as_str().cmp(sample)).ok()?;
        self.records.get(at).map(|(_, digest)| *digest)
    }
}

/// A file as it is now.
pub(super) fn note(root: &Path, file: &str, sample: &str) -> Result<Entry> {
    let path = root.join(file);
    let facts = fs::symlink_metadata(&path).map_err(|e| io("read", &path, e))?;
    Ok(Entry::new(file, sample, &facts, hash_of(&path)?))
}

/// The hash of a file's bytes.
pub(super) fn hash_of(path: &Path) -> Result<Hash> {
    let mut file = fs::File::open(path).map_err(|e| io("read", path, e))?;
    let mut hasher = tamis_core::Hasher::default();
    std::io::copy(&mut file, &mut hasher).map_err(|e| io("read", path, e))?;
    Ok(hasher.finish())
}

fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_extension("new");
    fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path)).map_err(|e| io("write", path, e))
}

fn parse_entries(text: &[u8]) -> Option<Vec<Entry>> {
    let mut entries = Vec::with_capacity(text.len() / 100);
    let mut parts = text.split(|byte| *byte == 0);
    loop {
        let head = parts.next()?;
        if head.is_empty() {
            return parts.next().is_none().then_some(entries);
        }
        let mut facts = std::str::from_utf8(head).ok()?.split(' ');
        let (size, time) = (facts.next()?.parse().ok()?, facts.next()?.parse().ok()?);
        let (inode, hash) = (facts.next()?.parse().ok()?, facts.next()?.parse().ok()?);
        let sample = std::str::from_utf8(parts.next()?).ok()?.to_owned();
        let file = std::str::from_utf8(parts.next()?).ok()?.to_owned();
        tamis_core::check_path(&file).ok()?;
        entries.push(Entry { file, sample, size, time, inode, hash });
    }
}

fn parse_records(text: &[u8]) -> Option<Vec<(String, Hash)>> {
    let mut records = Vec::new();
    let mut parts = text.split(|byte| *byte == 0);
    loop {
        let head = parts.next()?;
        if head.is_empty() {
            return parts.next().is_none().then_some(records);
        }
        let digest = std::str::from_utf8(head).ok()?.parse().ok()?;
        records.push((std::str::from_utf8(parts.next()?).ok()?.to_owned(), digest));
    }
}
