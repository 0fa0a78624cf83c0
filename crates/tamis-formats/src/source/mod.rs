//! Where a dataset is read from: a folder, an archive, or files that the caller lists itself (a bucket's prefix).
//!
//! A source is a sorted list of files with `/`-separated UTF-8 paths inside its root, and a way to open each. What it
//! promises: no entry leaves the root (`..`, absolute names, links that point out are findings and are left out), no
//! path stands twice, hidden and system files are left out, and an archive never unpacks to more than the limits allow.

mod archive;
mod folder;
mod shared;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tamis_core::{Place, Report};

use crate::error::{FormatError, Result};

/// The most memory taken for a file because its listing says so, before a byte of it was seen.
const ROOM: u64 = 64 << 20;

/// A file of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The path inside the source.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// What changes when the content does, where the source has such a thing (entity tag; size and time of a file).
    pub etag: Option<String>,
    /// How the backing finds it (an index or offset); 0 for those that go by path.
    pub(crate) at: u64,
}

impl Entry {
    /// A file of so many bytes at a path.
    pub fn new(path: impl Into<String>, size: u64) -> Entry {
        Entry { path: path.into(), size, ..Entry::default() }
    }

    /// With an entity tag.
    pub fn with_etag(mut self, etag: impl Into<String>) -> Entry {
        self.etag = Some(etag.into());
        self
    }
}

/// Files that can be opened: what stands behind a [`Source`]. Implemented here for folders and archives, by the
/// caller for prefixes of buckets.
pub trait Files: Send + Sync {
    /// Opens a file for reading from its start.
    fn open(&self, entry: &Entry) -> std::io::Result<Box<dyn Read + Send>>;

    /// The file on this machine's disk, where it is one by itself.
    fn local(&self, entry: &Entry) -> Option<PathBuf> {
        let _ = entry;
        None
    }

    /// Where the file can be referenced: `file://…`, `s3://…`; [`None`] inside archives.
    fn uri(&self, entry: &Entry) -> Option<String> {
        self.local(entry).map(|path| format!("file://{}", path.display()))
    }
}

/// How much a source may be.
#[derive(Clone, Debug)]
pub struct SourceLimits {
    /// Files at most. Default 20 million.
    pub entries: u64,
    /// Bytes that an archive may unpack to. Default 2 TiB.
    pub unpacked: u64,
    /// Bytes unpacked for each byte packed, once more than 16 MiB are unpacked. Default 200.
    pub ratio: u64,
    /// Folders inside folders at most. Default 64.
    pub depth: u32,
    /// Bytes of one annotation file that is read as a whole. Default 1 GiB.
    pub annotation: u64,
}

impl Default for SourceLimits {
    fn default() -> SourceLimits {
        SourceLimits { entries: 20_000_000, unpacked: 2 << 40, ratio: 200, depth: 64, annotation: 1 << 30 }
    }
}

impl SourceLimits {
    /// Fails once an archive has unpacked too much.
    pub(crate) fn check_unpacked(&self, path: &str, packed: u64, unpacked: u64) -> Result<()> {
        let too = |unit, found, allowed| Err(FormatError::TooLarge { path: path.to_owned(), unit, found, allowed });
        if unpacked > self.unpacked {
            return too("bytes unpacked", unpacked, self.unpacked);
        }
        let ratio = unpacked / packed.max(1);
        if unpacked > 16 << 20 && ratio > self.ratio {
            return too("bytes unpacked for each byte packed", ratio, self.ratio);
        }
        Ok(())
    }
}

/// A folder, archive or other set of files that a dataset is read from. Cheap to clone.
#[derive(Clone)]
pub struct Source {
    name: String,
    entries: Arc<Vec<Entry>>,
    files: Arc<dyn Files>,
    limits: SourceLimits,
}

impl Source {
    /// Opens a folder, or a file: `.zip`, `.tar`, `.tar.gz`, `.tar.zst` by content; any other file is a source of one
    /// entry. What is left out goes to the report.
    ///
    /// # Errors
    /// [`FormatError::Io`], [`FormatError::Archive`], [`FormatError::TooLarge`].
    pub fn open(path: &Path, limits: &SourceLimits, report: &Report) -> Result<Source> {
        let shown = path.display().to_string();
        let kind = std::fs::metadata(path).map_err(|e| FormatError::io("read", &shown, e))?;
        let (entries, files): (Vec<Entry>, Arc<dyn Files>) = if kind.is_dir() {
            folder::list(path, limits, report)?
        } else {
            match archive::open(path, limits, report)? {
                Some(found) => found,
                None => folder::single(path)?,
            }
        };
        Source::new(name_of(path), entries, files, limits.clone(), report)
    }

    /// A source of files that the caller lists and opens, e.g. the objects under a prefix of a bucket.
    ///
    /// # Errors
    /// [`FormatError::TooLarge`] for more entries than the limits allow.
    pub fn from_files(
        name: impl Into<String>,
        entries: Vec<Entry>,
        files: Arc<dyn Files>,
        limits: SourceLimits,
        report: &Report,
    ) -> Result<Source> {
        let keep = |entry: &Entry| match check(&entry.path) {
            Ok(()) => !is_hidden(&entry.path),
            Err(reason) => {
                report.error("source.path", Place::file(entry.path.escape_debug().to_string()), reason);
                false
            }
        };
        let entries = entries.into_iter().filter(keep).collect();
        Source::new(name.into(), entries, files, limits, report)
    }

    fn new(
        name: String,
        mut entries: Vec<Entry>,
        files: Arc<dyn Files>,
        limits: SourceLimits,
        report: &Report,
    ) -> Result<Source> {
        if entries.len() as u64 > limits.entries {
            let (found, allowed) = (entries.len() as u64, limits.entries);
            return Err(FormatError::TooLarge { path: name, unit: "entries", found, allowed });
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries.dedup_by(|later, first| {
            let same = later.path == first.path;
            if same {
                report.error(
                    "source.duplicate",
                    Place::file(&later.path),
                    "the archive holds this path twice; the first is read",
                );
            }
            same
        });
        Ok(Source { name, entries: Arc::new(entries), files, limits })
    }

    /// The folder's or archive's name, without extensions of archives.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Every file, ordered by path.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The limits it was opened with.
    pub fn limits(&self) -> &SourceLimits {
        &self.limits
    }

    /// The entry of a path. O(log n).
    pub fn find(&self, path: &str) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|e| e.path.as_str().cmp(path)).ok()?;
        self.entries.get(at)
    }

    /// Opens a file for reading from its start.
    ///
    /// # Errors
    /// [`FormatError::Io`], also for a path that is not there.
    pub fn reader(&self, path: &str) -> Result<Box<dyn Read + Send>> {
        let missing = || FormatError::io("read", path, std::io::ErrorKind::NotFound.into());
        let entry = self.find(path).ok_or_else(missing)?;
        self.files.open(entry).map_err(|e| FormatError::io("read", path, e))
    }

    /// As [`Source::reader`], for text: without a byte order mark, and UTF-8 where it is UTF-16.
    pub(crate) fn text(&self, path: &str) -> Result<Box<dyn Read + Send>> {
        crate::lex::text::stream(self.reader(path)?).map_err(|e| FormatError::io("read", path, e))
    }

    /// The first bytes of a text, as [`Source::text`] gives it.
    pub(crate) fn text_head(&self, path: &str, length: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.text(path)?.take(length).read_to_end(&mut bytes);
        read.map(|_| bytes).map_err(|e| FormatError::io("read", path, e))
    }

    /// The whole file.
    ///
    /// # Errors
    /// [`FormatError::TooLarge`] above the limit for annotation files; [`FormatError::Io`].
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        self.read_at_most(path, self.limits.annotation)
    }

    /// The whole file, when it has at most so many bytes.
    ///
    /// # Errors
    /// [`FormatError::TooLarge`], [`FormatError::Io`].
    pub fn read_at_most(&self, path: &str, allowed: u64) -> Result<Vec<u8>> {
        // Room for the whole file and the read that finds its end: one allocation, no short probing reads.
        let stated = self.find(path).map_or(0, |entry| entry.size).min(allowed).min(ROOM);
        let mut bytes = Vec::with_capacity(stated as usize + 1);
        let found = self.reader(path)?.take(allowed.saturating_add(1)).read_to_end(&mut bytes);
        let found = found.map_err(|e| FormatError::io("read", path, e))? as u64;
        if found > allowed {
            return Err(FormatError::TooLarge { path: path.to_owned(), unit: "bytes", found, allowed });
        }
        Ok(bytes)
    }

    /// The first bytes of a file, at most `length`.
    ///
    /// # Errors
    /// [`FormatError::Io`].
    pub fn head(&self, path: &str, length: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader(path)?.take(length as u64).read_to_end(&mut bytes).map_err(|e| FormatError::io("read", path, e))?;
        Ok(bytes)
    }

    /// The file on this machine's disk, where it is one by itself (a folder's file, not an archive's).
    pub fn local(&self, path: &str) -> Option<PathBuf> {
        self.find(path).and_then(|entry| self.files.local(entry))
    }

    /// Where the file can be referenced instead of copied.
    pub fn uri(&self, path: &str) -> Option<String> {
        self.find(path).and_then(|entry| self.files.uri(entry))
    }

    /// Width and height of an image from its header, as stored; [`None`] when it is none.
    pub fn image_size(&self, path: &str) -> Option<(u32, u32)> {
        let probe = |length| tamis_media::probe(&self.head(path, length).ok()?).ok();
        let found = probe(64 << 10).or_else(|| probe(64 << 20))?;
        Some((found.width, found.height))
    }
}

fn name_of(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_else(|| "dataset".to_owned());
    let lower = name.to_ascii_lowercase();
    let tails = [".tar.gz", ".tar.zst", ".tgz", ".tzst", ".tar", ".zip"];
    let cut = tails.iter().find(|t| lower.ends_with(**t)).map_or(0, |t| t.len());
    name.get(..name.len() - cut).filter(|n| !n.is_empty()).unwrap_or(&name).to_owned()
}

/// Whether a path is one that a source may hold.
pub(crate) fn check(path: &str) -> std::result::Result<(), String> {
    tamis_core::check_path(path).map_err(|e| e.to_string())
}

/// Hidden files and what operating systems and tools leave behind.
pub(crate) fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.') || matches!(part, "__MACOSX" | "Thumbs.db" | "desktop.ini"))
}
