//! Keeps what was read from a remote lake on this machine's disk.
//!
//! A decorator of a backend: the ends of packs (their indexes) and ranges of them are kept as
//! files named by the hash of what they are, so that reopening a lake reads no index again. Many
//! processes may share one folder: files appear whole by a rename and carry a checksum; a bad or
//! vanished one is a miss. When the files exceed the limit, the least recently used are deleted.
//! Why it is not a library: docs/adr/0013.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use bytes::Bytes;
use tamis_core::{Hash, IdSource, SystemIds};

use super::{Backend, FileEntry, FileVersion, NewFile, ReadFile, StoreStats, Swapped};
use crate::error::{Result, StoreError};

/// Ranges above this are read past the cache: bulk copies would only push everything else out.
const LARGEST: u64 = 4 << 20;
/// Bytes of a pack's end that are kept when it is opened.
const TAIL: u64 = 256 << 10;
/// Bytes of the checksum before an entry's content.
const CHECKSUM: usize = 32;
/// A sweep frees this share of the limit, as a divisor.
const SWEEP: u64 = 8;

/// A remote backend with a cache before it.
#[derive(Debug)]
pub struct CachedBackend {
    inner: Arc<dyn Backend>,
    cache: Arc<Cache>,
}

impl CachedBackend {
    /// Puts a cache in `dir` of at most about `limit` bytes before a backend.
    pub fn new(inner: Arc<dyn Backend>, dir: &Path, limit: u64) -> Result<CachedBackend> {
        fs::create_dir_all(dir).map_err(|e| StoreError::io("create folder", dir.display().to_string(), e))?;
        // A sweep is due early, because other processes may have filled the folder.
        let cache = Cache { dir: dir.to_owned(), limit, unswept: AtomicU64::new(limit / SWEEP) };
        Ok(CachedBackend { inner, cache: Arc::new(cache) })
    }
}

/// A folder of entries, each named by a key.
#[derive(Debug)]
struct Cache {
    dir: PathBuf,
    limit: u64,
    /// Bytes written since the last sweep.
    unswept: AtomicU64,
}

impl Cache {
    fn path(&self, key: &str) -> PathBuf {
        let name = Hash::of(key.as_bytes()).to_hex();
        self.dir.join(&name[..2]).join(&name[2..42])
    }

    fn get(&self, key: &str) -> Option<Bytes> {
        let path = self.path(key);
        let mut file = File::open(&path).ok()?;
        let mut content = Vec::with_capacity(file.metadata().map_or(0, |meta| meta.len() as usize));
        file.read_to_end(&mut content).ok()?;
        let is_sound = content.len() >= CHECKSUM && content[..CHECKSUM] == Hash::of(&content[CHECKSUM..]).0;
        if !is_sound {
            drop(fs::remove_file(&path));
            return None;
        }
        // The time of use orders the eviction; a read-only cache folder still serves.
        drop(file.set_modified(SystemTime::now()));
        Some(Bytes::from(content).slice(CHECKSUM..))
    }

    /// Keeps an entry. What goes wrong only costs a later request.
    fn put(&self, key: &str, content: &[u8]) {
        let path = self.path(key);
        if self.write(&path, content).is_err() {
            return;
        }
        let written = (content.len() + CHECKSUM) as u64;
        if self.unswept.fetch_add(written, Ordering::Relaxed) + written > self.limit / SWEEP {
            self.unswept.store(0, Ordering::Relaxed);
            self.sweep();
        }
    }

    fn write(&self, path: &Path, content: &[u8]) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(&self.dir);
        fs::create_dir_all(folder)?;
        let temporary = folder.join(format!("{:032x}.tmp", SystemIds.next_id()));
        let mut file = File::create_new(&temporary)?;
        let written = file.write_all(&Hash::of(content).0).and_then(|()| file.write_all(content));
        // Not fsynced: a torn file fails its checksum.
        written.and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| drop(fs::remove_file(&temporary)))
    }

    /// Deletes the least recently used entries above the limit.
    fn sweep(&self) {
        let mut entries: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        let folders = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        for folder in folders {
            for entry in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
                if let Ok(meta) = entry.metadata() {
                    let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                    // What an entry takes on the disk, in blocks.
                    entries.push((used, meta.len().next_multiple_of(4096), entry.path()));
                }
            }
        }
        let mut total: u64 = entries.iter().map(|(_, size, _)| size).sum();
        if total <= self.limit {
            return;
        }
        entries.sort();
        let goal = self.limit - self.limit / SWEEP;
        for (_, size, path) in entries {
            if total <= goal {
                break;
            }
            if fs::remove_file(&path).is_ok() {
                total -= size;
            }
        }
    }
}

impl Backend for CachedBackend {
    fn place(&self) -> String {
        self.inner.place()
    }

    fn open(&self, path: &str) -> Result<Option<Arc<dyn ReadFile>>> {
        let key = format!("{path}#end");
        if let Some(entry) = self.cache.get(&key)
            && let Some((size, tail)) = split_tail(&entry)
        {
            let file = CachedFile {
                inner: OnceLock::new(),
                backend: Arc::clone(&self.inner),
                cache: Arc::clone(&self.cache),
                path: path.to_owned(),
                size,
                tail,
            };
            return Ok(Some(Arc::new(file)));
        }
        let Some(inner) = self.inner.open(path)? else { return Ok(None) };
        let size = inner.size();
        let tail = inner.read(size.saturating_sub(TAIL)..size)?;
        self.cache.put(&key, &[&size.to_le_bytes()[..], &tail].concat());
        Ok(Some(Arc::new(CachedFile {
            inner: OnceLock::from(inner),
            backend: Arc::clone(&self.inner),
            cache: Arc::clone(&self.cache),
            path: path.to_owned(),
            size,
            tail,
        })))
    }

    fn create(&self, size_hint: u64) -> Result<Box<dyn NewFile>> {
        self.inner.create(size_hint)
    }

    fn read_small(&self, path: &str) -> Result<Option<(Bytes, FileVersion)>> {
        self.inner.read_small(path)
    }

    fn swap_small(&self, path: &str, expected: Option<&FileVersion>, bytes: Bytes) -> Result<Swapped> {
        self.inner.swap_small(path, expected, bytes)
    }

    fn remove_small(&self, path: &str, expected: &FileVersion) -> Result<bool> {
        self.inner.remove_small(path, expected)
    }

    fn list(&self, prefix: &str) -> Result<Vec<FileEntry>> {
        self.inner.list(prefix)
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.inner.delete(path)
    }

    fn is_local(&self) -> bool {
        self.inner.is_local()
    }

    fn sweep(&self) -> Result<()> {
        self.inner.sweep()
    }

    fn stats(&self) -> StoreStats {
        self.inner.stats()
    }
}

fn split_tail(entry: &Bytes) -> Option<(u64, Bytes)> {
    let mut eight = [0; 8];
    eight.copy_from_slice(entry.get(..8)?);
    let (size, tail) = (u64::from_le_bytes(eight), entry.slice(8..));
    (tail.len() as u64 == size.min(TAIL)).then_some((size, tail))
}

/// A remote file read through the cache. It is opened only when the cache misses.
#[derive(Debug)]
struct CachedFile {
    inner: OnceLock<Arc<dyn ReadFile>>,
    backend: Arc<dyn Backend>,
    cache: Arc<Cache>,
    path: String,
    size: u64,
    tail: Bytes,
}

impl CachedFile {
    fn inner(&self) -> Result<&Arc<dyn ReadFile>> {
        if let Some(inner) = self.inner.get() {
            return Ok(inner);
        }
        let opened = self.backend.open_known(&self.path, self.size, &self.tail)?;
        Ok(self.inner.get_or_init(|| opened))
    }

    fn key(&self, range: &Range<u64>) -> Option<String> {
        let length = range.end.checked_sub(range.start)?;
        (length > 0 && length <= LARGEST).then(|| format!("{}#{}-{}", self.path, range.start, range.end))
    }

    /// What is at hand without a request.
    fn at_hand(&self, range: &Range<u64>) -> Option<Bytes> {
        if let Some(start) = range.start.checked_sub(self.size - self.tail.len() as u64)
            && range.start <= range.end
            && range.end <= self.size
        {
            return Some(self.tail.slice(start as usize..(start + range.end - range.start) as usize));
        }
        let found = self.cache.get(&self.key(range)?)?;
        (found.len() as u64 == range.end - range.start).then_some(found)
    }

    fn keep(&self, range: &Range<u64>, bytes: &[u8]) {
        if let Some(key) = self.key(range) {
            self.cache.put(&key, bytes);
        }
    }
}

impl ReadFile for CachedFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        if let Some(bytes) = self.at_hand(&range) {
            return Ok(bytes);
        }
        let bytes = self.inner()?.read(range.clone())?;
        self.keep(&range, &bytes);
        Ok(bytes)
    }

    fn read_many(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let mut found: Vec<Option<Bytes>> = ranges.iter().map(|range| self.at_hand(range)).collect();
        let missing: Vec<Range<u64>> =
            ranges.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(range, _)| range.clone()).collect();
        if missing.is_empty() {
            return Ok(found.into_iter().flatten().collect());
        }
        let mut read = self.inner()?.read_many(&missing)?.into_iter();
        for (range, slot) in ranges.iter().zip(&mut found).filter(|(_, slot)| slot.is_none()) {
            let bytes = read.next().ok_or(StoreError::Internal("fewer ranges came than were asked for"))?;
            self.keep(range, &bytes);
            *slot = Some(bytes);
        }
        Ok(found.into_iter().flatten().collect())
    }
}
