//! Finding the media file that an annotation means.

use std::collections::HashMap;

use crate::paths::{folder, is_media, join, name, normal, stem};
use crate::source::Source;

/// Media files by path, by path without extension, and by last component.
pub(crate) struct MediaIndex<'a> {
    source: &'a Source,
    by_stem: HashMap<&'a str, Vec<&'a str>>,
    by_name: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> MediaIndex<'a> {
    /// Of all media files of a source. O(files).
    pub(crate) fn new(source: &'a Source) -> MediaIndex<'a> {
        let mut index = MediaIndex { source, by_stem: HashMap::new(), by_name: HashMap::new() };
        for entry in source.entries().iter().filter(|e| is_media(&e.path)) {
            index.by_stem.entry(stem(&entry.path)).or_default().push(&entry.path);
            index.by_name.entry(name(&entry.path)).or_default().push(&entry.path);
        }
        index
    }

    /// The file at exactly this path.
    pub(crate) fn exact(&self, path: &str) -> Option<&'a str> {
        self.source.find(path).map(|entry| entry.path.as_str())
    }

    /// The media file with this path but for the extension.
    pub(crate) fn stem(&self, stem: &str) -> Option<&'a str> {
        self.by_stem.get(stem).and_then(|paths| paths.first().copied())
    }

    /// The only media file of this last component; of several, the one that shares most trailing folders.
    pub(crate) fn named(&self, path: &str) -> Option<&'a str> {
        let found = self.by_name.get(name(path))?;
        if let [only] = found.as_slice() {
            return Some(only);
        }
        let tail = format!("/{path}");
        let mut matching = found.iter().filter(|f| **f == path || f.ends_with(&tail));
        match (matching.next(), matching.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        }
    }

    /// All media files.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.source.entries().iter().map(|e| e.path.as_str()).filter(|p| is_media(p))
    }
}

/// Finds the media file for a name in an annotation file. Asked in this order: beside the annotation file; from the
/// top; under the folders that datasets use for images, beside and one above the annotation file's folder; by its
/// last component where that is unambiguous.
pub(crate) fn resolve<'a>(
    index: &MediaIndex<'a>,
    annotation: &str,
    wanted: &str,
    split: Option<&str>,
) -> Option<&'a str> {
    let wanted = normal(wanted)?;
    // The only file of its name is the answer, wherever it is; most names are.
    if let Some([only]) = index.by_name.get(name(&wanted)).map(Vec::as_slice) {
        return Some(only);
    }
    let here = folder(annotation);
    let above = folder(here);
    let split_names: &[&str] = match split {
        Some("val") => &["val", "valid", "validation", "val2017", "val2014"],
        Some("train") => &["train", "train2017", "train2014"],
        Some("test") => &["test", "test2017", "test2014"],
        _ => &[],
    };
    let mut candidates = vec![join(here, &wanted)];
    let raw = stem(name(annotation)).rsplit('_').next().unwrap_or_default().to_owned();
    for root in [here, above] {
        for images in ["", "images", "Images", "JPEGImages", "data", "img", "imgs"] {
            let at = if images.is_empty() { root.to_owned() } else { join(root, images) };
            for sub in std::iter::once(raw.as_str()).chain(split_names.iter().copied()) {
                candidates.push(join(&join(&at, sub), &wanted));
            }
            candidates.push(join(&at, &wanted));
        }
    }
    candidates.push(wanted.clone());
    candidates.iter().find_map(|c| index.exact(c)).or_else(|| index.named(&wanted))
}
