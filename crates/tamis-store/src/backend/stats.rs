//! Counts of what a backend did.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a store's backend did since it was opened.
///
/// Bytes read through a mapping are not counted: the operating system brings them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// Requests to an object store, or calls that open, list or change files.
    pub requests: u64,
    /// Bytes that came.
    pub bytes_read: u64,
    /// Bytes that went.
    pub bytes_written: u64,
    /// Times that a file or folder was made durable (a folder's lake only).
    pub syncs: u64,
}

/// Counters that clones of a backend share.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: AtomicU64,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
    syncs: AtomicU64,
}

impl Counters {
    pub(crate) fn request(&self, count: u64) {
        self.requests.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, bytes: usize) {
        self.bytes_read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn wrote(&self, bytes: u64) {
        self.bytes_written.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn synced(&self) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> StoreStats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StoreStats {
            requests: load(&self.requests),
            bytes_read: load(&self.bytes_read),
            bytes_written: load(&self.bytes_written),
            syncs: load(&self.syncs),
        }
    }
}
