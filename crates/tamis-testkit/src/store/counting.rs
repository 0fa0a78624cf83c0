//! A backend that counts what is asked of it, reads of a mapping included.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tamis_store::Result;
use tamis_store::backend::{Backend, FileEntry, FileVersion, NewFile, ReadFile, StoreStats, Swapped, SyncWork};

/// Calls so far.
#[derive(Debug, Default)]
pub struct Calls {
    opens: AtomicU64,
    reads: AtomicU64,
    bytes_read: AtomicU64,
    lists: AtomicU64,
    published: AtomicU64,
    bytes_published: AtomicU64,
    small: AtomicU64,
    deletes: AtomicU64,
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

impl Calls {
    /// Files opened.
    pub fn opens(&self) -> u64 {
        self.opens.load(Ordering::Relaxed)
    }
    /// Ranges read.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
    /// Bytes of the ranges.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }
    /// Listings.
    pub fn lists(&self) -> u64 {
        self.lists.load(Ordering::Relaxed)
    }
    /// Files published.
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }
    /// Bytes of the files published.
    pub fn bytes_published(&self) -> u64 {
        self.bytes_published.load(Ordering::Relaxed)
    }
    /// Reads, swaps and removals of small files.
    pub fn small(&self) -> u64 {
        self.small.load(Ordering::Relaxed)
    }
    /// Files deleted.
    pub fn deletes(&self) -> u64 {
        self.deletes.load(Ordering::Relaxed)
    }
}

/// A backend whose calls are counted.
#[derive(Debug)]
pub struct CountingBackend {
    inner: Arc<dyn Backend>,
    calls: Arc<Calls>,
}

impl CountingBackend {
    /// Counts the calls of a backend.
    pub fn new(inner: Arc<dyn Backend>) -> (Arc<CountingBackend>, Arc<Calls>) {
        let calls = Arc::<Calls>::default();
        (Arc::new(CountingBackend { inner, calls: Arc::clone(&calls) }), calls)
    }

    fn counted(&self, inner: Arc<dyn ReadFile>) -> Arc<dyn ReadFile> {
        Arc::new(CountedFile { inner, calls: Arc::clone(&self.calls) })
    }
}

impl Backend for CountingBackend {
    fn place(&self) -> String {
        self.inner.place()
    }

    fn open(&self, path: &str) -> Result<Option<Arc<dyn ReadFile>>> {
        add(&self.calls.opens, 1);
        Ok(self.inner.open(path)?.map(|file| self.counted(file)))
    }

    fn open_known(&self, path: &str, size: u64, tail: &Bytes) -> Result<Arc<dyn ReadFile>> {
        self.inner.open_known(path, size, tail).map(|file| self.counted(file))
    }

    fn create(&self, size_hint: u64) -> Result<Box<dyn NewFile>> {
        let inner = self.inner.create(size_hint)?;
        Ok(Box::new(CountedNewFile { inner, calls: Arc::clone(&self.calls), size: 0 }))
    }

    fn read_small(&self, path: &str) -> Result<Option<(Bytes, FileVersion)>> {
        add(&self.calls.small, 1);
        self.inner.read_small(path)
    }

    fn swap_small(&self, path: &str, expected: Option<&FileVersion>, bytes: Bytes) -> Result<Swapped> {
        add(&self.calls.small, 1);
        self.inner.swap_small(path, expected, bytes)
    }

    fn remove_small(&self, path: &str, expected: &FileVersion) -> Result<bool> {
        add(&self.calls.small, 1);
        self.inner.remove_small(path, expected)
    }

    fn list(&self, prefix: &str) -> Result<Vec<FileEntry>> {
        add(&self.calls.lists, 1);
        self.inner.list(prefix)
    }

    fn delete(&self, path: &str) -> Result<()> {
        add(&self.calls.deletes, 1);
        self.inner.delete(path)
    }

    fn is_local(&self) -> bool {
        self.inner.is_local()
    }

    fn stats(&self) -> StoreStats {
        self.inner.stats()
    }

    fn sweep(&self) -> Result<()> {
        self.inner.sweep()
    }
}

#[derive(Debug)]
struct CountedFile {
    inner: Arc<dyn ReadFile>,
    calls: Arc<Calls>,
}

impl ReadFile for CountedFile {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        add(&self.calls.reads, 1);
        add(&self.calls.bytes_read, range.end.saturating_sub(range.start));
        self.inner.read(range)
    }

    fn read_many(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        add(&self.calls.reads, ranges.len() as u64);
        add(&self.calls.bytes_read, ranges.iter().map(|range| range.end.saturating_sub(range.start)).sum());
        self.inner.read_many(ranges)
    }

    fn will_scan(&self) {
        self.inner.will_scan();
    }
}

#[derive(Debug)]
struct CountedNewFile {
    inner: Box<dyn NewFile>,
    calls: Arc<Calls>,
    size: u64,
}

impl NewFile for CountedNewFile {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.size += bytes.len() as u64;
        self.inner.append(bytes)
    }

    fn start_sync(&mut self) -> Result<Option<SyncWork>> {
        self.inner.start_sync()
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        self.inner.read(range)
    }

    fn publish(self: Box<Self>, path: &str) -> Result<Arc<dyn ReadFile>> {
        add(&self.calls.published, 1);
        add(&self.calls.bytes_published, self.size);
        let calls = self.calls;
        Ok(Arc::new(CountedFile { inner: self.inner.publish(path)?, calls }))
    }
}
