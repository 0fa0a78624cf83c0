//! Paths inside sources: extensions, stems, the splits that names mean.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The extension in lower case without its dot; empty where there is none.
pub(crate) fn extension(path: &str) -> String {
    raw_extension(path).to_ascii_lowercase()
}

/// The extension as it is written, without its dot; empty where there is none.
pub(crate) fn raw_extension(path: &str) -> &str {
    let bytes = path.as_bytes();
    match bytes.iter().rposition(|byte| matches!(byte, b'.' | b'/')) {
        Some(at) if bytes[at] == b'.' => path.get(at + 1..).unwrap_or_default(),
        _ => "",
    }
}

/// The last component.
pub(crate) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Everything before the last component, without the `/`; empty at the top.
pub(crate) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The path without the extension of its last component.
pub(crate) fn stem(path: &str) -> &str {
    match path.rsplit_once('.') {
        Some((stem, extension)) if !extension.contains('/') && !stem.is_empty() && !stem.ends_with('/') => stem,
        _ => path,
    }
}

/// `folder/name`, or `name` alone at the top.
pub(crate) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Whether the name says that it is an image.
pub(crate) fn is_image(path: &str) -> bool {
    tamis_media::mime_of_name(path).is_some_and(|mime| mime.starts_with("image/"))
}

/// Whether the name says that it is a media file of any kind.
pub(crate) fn is_media(path: &str) -> bool {
    tamis_media::mime_of_name(path).is_some_and(|mime| {
        ["image/", "video/", "audio/", "model/"].iter().any(|kind| mime.starts_with(kind)) || mime == "application/pdf"
    })
}

/// A relative path as somebody wrote it, in our form: `\` → `/`, `./` and empty components gone, `..` resolved.
/// [`None`] when it leaves the folder or is absolute.
pub(crate) fn normal(text: &str) -> Option<String> {
    let text = text.trim();
    let slashed = if text.contains('/') { text.to_owned() } else { text.replace('\\', "/") };
    let drive =
        slashed.as_bytes().get(1) == Some(&b':') && slashed.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    if slashed.starts_with('/') || drive || slashed.contains('\0') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in slashed.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// The split that a word names: `train2017` → `train`, `valid` → `val`; [`None`] for other words.
pub(crate) fn split_of(word: &str) -> Option<String> {
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
    let split = match word.as_str() {
        "train" | "training" => "train",
        "val" | "valid" | "validation" | "dev" => "val",
        "test" | "testing" | "test-dev" => "test",
        "minival" | "trainval" | "unlabeled" => word.as_str(),
        _ => return None,
    };
    Some(split.to_owned())
}

/// The split that the path's folders name, the outermost first.
pub(crate) fn split_of_folders(path: &str) -> Option<String> {
    folder(path).split('/').find_map(split_of)
}

/// Makes colliding names distinct by `-2`, `-3`, … before the extension; stable for a stable order of asking.
#[derive(Default)]
pub(crate) struct UniqueNames {
    taken: BTreeMap<String, u32>,
}

impl UniqueNames {
    /// The name itself the first time (compared without case, as some disks do), else a numbered one.
    pub(crate) fn take(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        loop {
            if let Entry::Vacant(free) = self.taken.entry(name.to_lowercase()) {
                free.insert(1);
                return name;
            }
            let count = self.taken.entry(wanted.to_lowercase()).or_insert(1);
            *count += 1;
            let tail = wanted.strip_prefix(stem(wanted)).unwrap_or_default();
            name = format!("{}-{count}{tail}", stem(wanted));
        }
    }
}
