//! Copying history between lakes: clone, fetch, pull, push.
//!
//! What is missing follows from the commit graphs: only commits that the other side's refs do not
//! reach, of each only the pages and blobs that its first parent has not. Table objects go first,
//! then blobs, then commits, then the view is swapped: a copy that is stopped anywhere leaves the
//! other lake sound, and the next one skips what has arrived. See `docs/spec/sync.md`.

mod transfer;
mod verbs;

pub use verbs::{CloneOptions, PullOutcome, PushOptions};

pub(crate) use transfer::transfer;

use serde::Serialize;

/// What a copy moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SyncReport {
    /// Commits that were new to the other side.
    pub commits: u64,
    /// Objects copied: pages, nodes, blobs, chunks, commits.
    pub objects: u64,
    /// Bytes copied, as stored.
    pub bytes: u64,
    /// Objects that were there already.
    pub skipped: u64,
}

impl SyncReport {
    fn add(&mut self, stats: tamis_store::CopyStats) {
        self.objects += stats.objects;
        self.bytes += stats.bytes;
        self.skipped += stats.skipped;
    }
}
