//! What an interrupted import has read: a file of one JSON line for each media file, kept beside the
//! cache until the import is committed, so that the next run reads only the rest.
//!
//! A line is a hint, never the truth: it counts only while the file's size and time are the same and the
//! lake has the bytes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use tamis_core::{Hash, Media};

use super::sample::Facts;

/// Less than this is read again sooner than it is written down.
const WORTHWHILE: u64 = 256 << 20;

#[derive(Serialize, Deserialize)]
struct Line {
    file: String,
    media: Media,
    #[serde(default)]
    facts: Facts,
}

/// A journal that is open.
#[derive(Debug)]
pub(in crate::ops) struct Journal {
    path: PathBuf,
    known: HashMap<String, (Media, Facts)>,
    out: Mutex<BufWriter<File>>,
}

impl Journal {
    /// Opens the journal of an import, by what it is of. [`None`] where it would not pay or cannot be
    /// kept: an import works without.
    pub(super) fn open(folder: Option<&Path>, of: &[&str], bytes: u64, is_remote: bool) -> Option<Journal> {
        if bytes < WORTHWHILE && !is_remote {
            return None;
        }
        let folder = folder?.join("imports");
        std::fs::create_dir_all(&folder).ok()?;
        let path = folder.join(format!("{}.jsonl", Hash::of(of.join("\n").as_bytes()).short()));
        let mut known = HashMap::new();
        if let Ok(file) = File::open(&path) {
            // The last line of a killed process may be cut.
            let lines = BufReader::new(file).lines().map_while(|line| line.ok());
            known.extend(
                lines.filter_map(|l| serde_json::from_str::<Line>(&l).ok()).map(|l| (l.file, (l.media, l.facts))),
            );
        }
        let out = File::options().create(true).append(true).open(&path).ok()?;
        Some(Journal { path, known, out: Mutex::new(BufWriter::new(out)) })
    }

    /// What was read of a file before.
    pub(super) fn find(&self, file: &str) -> Option<&(Media, Facts)> {
        self.known.get(file)
    }

    /// Notes what was read. Best effort.
    pub(super) fn note(&self, file: &str, media: &Media, facts: &Facts) {
        let line = Line { file: file.to_owned(), media: media.clone(), facts: facts.clone() };
        if let (Ok(text), Ok(mut out)) = (serde_json::to_string(&line), self.out.lock()) {
            drop(writeln!(out, "{text}"));
        }
    }

    /// Writes what was noted to disk.
    pub(super) fn flush(&self) {
        if let Ok(mut out) = self.out.lock() {
            drop(out.flush());
        }
    }

    /// Removes it: the import is committed.
    pub(super) fn done(self) {
        drop(std::fs::remove_file(&self.path));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_found_by_the_next_run_until_it_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Journal::open(Some(folder.path()), &["lake", "data"], WORTHWHILE, false).unwrap();
        let media = Media { size: 7, etag: Some("7-1".into()), ..Media::default() };
        let facts = Facts::from([("media.duration".to_owned(), 2.5.into())]);
        let journal = open();
        journal.note("a\n.jpg", &media, &facts);
        journal.flush();
        // A process killed in the middle of a line.
        File::options().append(true).open(&journal.path).unwrap().write_all(b"{\"file\":\"b.j").unwrap();
        drop(journal);
        let journal = open();
        assert_eq!(journal.find("a\n.jpg"), Some(&(media, facts)));
        assert_eq!(journal.known.len(), 1);
        journal.done();
        assert!(open().known.is_empty());
        assert!(Journal::open(Some(folder.path()), &["x"], WORTHWHILE - 1, false).is_none());
    }
}
