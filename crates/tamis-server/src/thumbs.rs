//! Small pictures, kept by what they are of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// The sizes that are made.
const SIZES: [u32; 6] = [64, 128, 256, 512, 1024, 2048];
/// Bytes of pictures that are kept.
const ROOM: usize = 96 << 20;

/// A small picture.
#[derive(Clone)]
pub(crate) struct Thumb {
    pub(crate) mime: &'static str,
    pub(crate) bytes: Bytes,
}

#[derive(Default)]
struct Inner {
    /// Pictures, and when each was last asked for.
    pictures: HashMap<Arc<str>, (Thumb, u64)>,
    bytes: usize,
    now: u64,
}

/// Pictures by key; those not asked for longest go first.
#[derive(Default)]
pub(crate) struct Thumbs(Mutex<Inner>);

/// The smallest size that has what was asked for.
pub(crate) fn size(wanted: u32) -> u32 {
    SIZES.into_iter().find(|size| *size >= wanted).unwrap_or(2048)
}

impl Thumbs {
    pub(crate) fn get(&self, key: &str) -> Option<Thumb> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.now += 1;
        let now = inner.now;
        let (thumb, used) = inner.pictures.get_mut(key)?;
        *used = now;
        Some(thumb.clone())
    }

    /// Keeps a picture. Where there is no room, a quarter of what is kept goes at once, so that ordering them by use
    /// costs little for each.
    pub(crate) fn put(&self, key: &str, thumb: Thumb) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = inner.now;
        inner.bytes += thumb.bytes.len();
        if let Some((old, _)) = inner.pictures.insert(key.into(), (thumb, now)) {
            inner.bytes -= old.bytes.len();
        }
        if inner.bytes <= ROOM {
            return;
        }
        let mut by_use: Vec<(u64, Arc<str>)> =
            inner.pictures.iter().map(|(key, (_, at))| (*at, Arc::clone(key))).collect();
        by_use.sort_unstable();
        for (_, key) in by_use {
            if inner.bytes <= ROOM / 4 * 3 {
                break;
            }
            if let Some((old, _)) = inner.pictures.remove(&key) {
                inner.bytes -= old.bytes.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_asked_for_longest_goes_first() {
        let thumbs = Thumbs::default();
        let megabyte = Thumb { mime: "image/png", bytes: vec![0; 1 << 20].into() };
        for i in 0..200 {
            thumbs.put(&format!("{i}"), megabyte.clone());
            assert!(thumbs.get("0").is_some(), "{i}");
        }
        assert!(thumbs.get("1").is_none());
        assert!(thumbs.get("199").is_some());
        assert!(thumbs.0.lock().unwrap().bytes <= ROOM);
        assert_eq!([1, 64, 65, 5000].map(size), [64, 64, 128, 2048]);
    }
}
