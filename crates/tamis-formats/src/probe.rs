//! What detectors look at: the list of files, and the heads of some.

use std::collections::BTreeMap;

use crate::paths;
use crate::source::{Entry, Source};

/// How sure a format is about a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Confidence {
    /// 0 = not this, 100 = certainly.
    pub score: u8,
    /// What was found, in words.
    pub why: String,
}

impl Confidence {
    /// Certainly not.
    pub const NONE: Confidence = Confidence { score: 0, why: String::new() };

    /// So sure, because of that.
    pub fn new(score: u8, why: impl Into<String>) -> Confidence {
        Confidence { score, why: why.into() }
    }
}

/// A source with the facts that several detectors want, found once.
pub struct Probe<'a> {
    source: &'a Source,
    by_extension: BTreeMap<String, Vec<&'a Entry>>,
    media: usize,
}

impl<'a> Probe<'a> {
    /// Looks over the list of files. O(files).
    pub fn new(source: &'a Source) -> Probe<'a> {
        let mut by_extension: BTreeMap<String, Vec<&Entry>> = BTreeMap::new();
        for entry in source.entries() {
            // Few extensions, many files: allocate for the first of each.
            match by_extension.get_mut(paths::raw_extension(&entry.path)) {
                Some(entries) => entries.push(entry),
                None => by_extension.entry(paths::extension(&entry.path)).or_default().push(entry),
            }
        }
        let is_media = |extension: &String| paths::is_media(&format!("x.{extension}"));
        let media =
            by_extension.iter().filter(|(extension, _)| is_media(extension)).map(|(_, files)| files.len()).sum();
        Probe { source, by_extension, media }
    }

    /// The source.
    pub fn source(&self) -> &'a Source {
        self.source
    }

    /// The files of an extension (lower case, without dot), ordered by path.
    pub fn with_extension(&self, extension: &str) -> &[&'a Entry] {
        self.by_extension.get(extension).map_or(&[], Vec::as_slice)
    }

    /// How many media files there are, by name.
    pub fn media(&self) -> usize {
        self.media
    }

    /// The first bytes of a file; empty when it cannot be read.
    pub fn head(&self, path: &str, length: usize) -> Vec<u8> {
        self.source.head(path, length).unwrap_or_default()
    }
}
