//! The few things a store needs of whatever keeps its bytes.
//!
//! A [`Backend`] keeps named files. Packs are written once, never changed, and visible only when
//! they are whole and durable; small files (refs) are swapped atomically. Everything else of the
//! store is built on these calls, so that fault injection and counting wrap one trait.

mod cache;
mod cloud;
mod drive;
mod local;
mod stats;

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use crate::Location;
use crate::error::Result;

pub use cache::CachedBackend;
pub use cloud::CloudBackend;
pub use local::LocalBackend;
pub(crate) use stats::Counters;
pub use stats::StoreStats;

/// The version of a small file, as its backend tells versions apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileVersion(pub String);

/// What a listing says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// The path within the lake, `/`-separated.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// When it was written.
    pub modified: SystemTime,
}

/// The outcome of a swap: the new version, or what is there instead of what was expected.
pub type Swapped = std::result::Result<FileVersion, Option<(Bytes, FileVersion)>>;

/// Makes a part of a file durable when it is called.
pub type SyncWork = Box<dyn FnOnce() -> Result<()> + Send>;

/// Keeps named files. Paths are relative, `/`-separated, and made by the store.
pub trait Backend: Send + Sync + Debug {
    /// Where it is, for messages; without secrets.
    fn place(&self) -> String;

    /// Opens an immutable file for reading; [`None`] when it is not there.
    fn open(&self, path: &str) -> Result<Option<Arc<dyn ReadFile>>>;

    /// Opens an immutable file of which the size and last bytes are known from before, without a
    /// request where that is possible.
    fn open_known(&self, path: &str, size: u64, tail: &Bytes) -> Result<Arc<dyn ReadFile>> {
        let _ = (size, tail);
        let gone = || std::io::Error::from(std::io::ErrorKind::NotFound);
        self.open(path)?.ok_or_else(|| crate::StoreError::io("open", format!("{}/{path}", self.place()), gone()))
    }

    /// Starts a new immutable file of up to about `size_hint` bytes. It has no name yet.
    fn create(&self, size_hint: u64) -> Result<Box<dyn NewFile>>;

    /// Reads a small file whole with its version; [`None`] when it is not there.
    fn read_small(&self, path: &str) -> Result<Option<(Bytes, FileVersion)>>;

    /// Replaces a small file if it still has the version `expected` (`None`: is not there),
    /// atomically and durably.
    fn swap_small(&self, path: &str, expected: Option<&FileVersion>, bytes: Bytes) -> Result<Swapped>;

    /// Removes a small file if it still has the version `expected`. False when it has not.
    fn remove_small(&self, path: &str, expected: &FileVersion) -> Result<bool>;

    /// The files under a prefix (a folder path ending in `/`), in the order of their paths.
    fn list(&self, prefix: &str) -> Result<Vec<FileEntry>>;

    /// Deletes an immutable file; one that is not there is no error.
    fn delete(&self, path: &str) -> Result<()>;

    /// Whether reads are cheap enough to read parts one by one (a mapping), rather than worth
    /// coalescing into few requests (a network).
    fn is_local(&self) -> bool;

    /// What it has done since it was opened.
    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }

    /// Removes what crashed writers left behind. Best effort.
    fn sweep(&self) -> Result<()> {
        Ok(())
    }
}

/// An immutable file opened for reading.
pub trait ReadFile: Send + Sync + Debug {
    /// Bytes.
    fn size(&self) -> u64;

    /// The bytes of a range; an error when it leaves the file. Zero-copy where the file is mapped.
    fn read(&self, range: Range<u64>) -> Result<Bytes>;

    /// The bytes of several ranges, in as few waits as possible.
    fn read_many(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        ranges.iter().map(|range| self.read(range.clone())).collect()
    }

    /// Tells that the whole file will be read in order soon.
    fn will_scan(&self) {}
}

/// A file being written. Dropped without [`NewFile::publish`], it leaves no trace.
pub trait NewFile: Send + Sync + Debug {
    /// Appends bytes.
    fn append(&mut self, bytes: &[u8]) -> Result<()>;

    /// Reads back what was appended.
    fn read(&self, range: Range<u64>) -> Result<Bytes>;

    /// Work that makes durable what was appended so far, to be run beside further calls; [`None`]
    /// where [`NewFile::publish`] should follow at once.
    fn start_sync(&mut self) -> Result<Option<SyncWork>> {
        Ok(None)
    }

    /// Makes the file durable, then gives it its name. A file of that name that is there already
    /// has the same content (names are hashes of contents) and is left alone.
    fn publish(self: Box<Self>, path: &str) -> Result<Arc<dyn ReadFile>>;
}

/// Connects to a lake that is not a folder.
pub(crate) fn connect(location: &Location) -> Result<Arc<dyn Backend>> {
    match location {
        Location::Folder(path) => Ok(Arc::new(LocalBackend::open(path)?)),
        Location::Memory(name) => Ok(Arc::new(CloudBackend::memory(name))),
        Location::Bucket(url) => Ok(Arc::new(CloudBackend::bucket(url)?)),
    }
}
