//! A lake in a folder: files written beside, made durable, then renamed; read through mappings.
//!
//! Durability: a published file and its folder are fsynced before `publish` returns. Small files
//! are swapped under one advisory lock (`lock/refs`), because a rename alone cannot compare.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use memmap2::{Advice, Mmap};
use tamis_core::{Hash, IdSource, SystemIds};

use super::{Backend, Counters, FileEntry, FileVersion, NewFile, ReadFile, StoreStats, Swapped, SyncWork};
use crate::error::{Result, StoreError};

/// Bytes gathered before they are handed to the operating system.
const BUFFER: usize = 1 << 20;

/// Temporary files older than this are a crashed writer's.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// A folder.
#[derive(Clone, Debug)]
pub struct LocalBackend {
    root: PathBuf,
    counters: Arc<Counters>,
}

impl LocalBackend {
    /// A backend on a folder, which is made when it is not there.
    pub fn create(root: &Path) -> Result<LocalBackend> {
        let root = std::path::absolute(root).map_err(|e| StoreError::io("resolve", root.display().to_string(), e))?;
        for part in ["", "packs", "refs", "tmp", "lock"] {
            let dir = root.join(part);
            fs::create_dir_all(&dir).map_err(|e| StoreError::io("create folder", dir.display().to_string(), e))?;
        }
        let backend = LocalBackend { root, counters: Arc::default() };
        backend.sync_dir(&backend.root)?;
        Ok(backend)
    }

    /// A backend on a folder that is there.
    pub fn open(root: &Path) -> Result<LocalBackend> {
        let root = std::path::absolute(root).map_err(|e| StoreError::io("resolve", root.display().to_string(), e))?;
        if root.join("lake.json").is_file() {
            Ok(LocalBackend { root, counters: Arc::default() })
        } else {
            Err(StoreError::NoLake { place: root.display().to_string() })
        }
    }

    fn full(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Makes the entries of a folder durable.
    fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.counters.synced();
        File::open(dir)
            .and_then(|d| d.sync_all())
            .map_err(|e| StoreError::io("sync folder", dir.display().to_string(), e))
    }

    /// A new file in `tmp/` that nobody else has.
    fn temporary(&self) -> Result<(File, PathBuf)> {
        let dir = self.full("tmp");
        let path = dir.join(format!("{:032x}", SystemIds.next_id()));
        let open = || OpenOptions::new().read(true).write(true).create_new(true).open(&path);
        let file = open().or_else(|e| match e.kind() {
            ErrorKind::NotFound => fs::create_dir_all(&dir).and_then(|()| open()),
            _ => Err(e),
        });
        file.map(|file| (file, path.clone())).map_err(|e| StoreError::io("create", path.display().to_string(), e))
    }

    /// Moves a durable temporary file to its name and makes the name durable.
    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let parent = to.parent().ok_or(StoreError::Internal("a file of the lake has no folder"))?;
        let failed = |e| StoreError::io("rename to", to.display().to_string(), e);
        match fs::rename(from, to) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::NotFound && !parent.is_dir() => {
                self.make_folders(parent)?;
                fs::rename(from, to).map_err(failed)?;
            }
            Err(e) => return Err(failed(e)),
        }
        self.sync_dir(parent)
    }

    /// Makes a folder and those above it, each durable in its parent.
    fn make_folders(&self, folder: &Path) -> Result<()> {
        if folder == self.root || folder.is_dir() {
            return Ok(());
        }
        let parent = folder.parent().ok_or(StoreError::Internal("a folder outside the lake"))?;
        self.make_folders(parent)?;
        match fs::create_dir(folder) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => {
                return Err(StoreError::io("create folder", folder.display().to_string(), e));
            }
            _ => {}
        }
        self.sync_dir(parent)
    }

    /// The lock under which small files are swapped; released when dropped.
    fn lock(&self) -> Result<File> {
        let path = self.full("lock/refs");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        file.and_then(|f| f.lock().map(|()| f)).map_err(|e| StoreError::io("lock", path.display().to_string(), e))
    }

    fn write_durably(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let (mut file, temporary) = self.temporary()?;
        self.counters.synced();
        self.counters.wrote(bytes.len() as u64);
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        let outcome = written.map_err(|e| StoreError::io("write", path.display().to_string(), e));
        let outcome = outcome.and_then(|()| self.rename(&temporary, path));
        if outcome.is_err() {
            drop(fs::remove_file(&temporary));
        }
        outcome
    }
}

fn version_of(bytes: &[u8]) -> FileVersion {
    FileVersion(Hash::of(bytes).to_hex())
}

impl Backend for LocalBackend {
    fn place(&self) -> String {
        self.root.display().to_string()
    }

    fn open(&self, path: &str) -> Result<Option<Arc<dyn ReadFile>>> {
        self.counters.request(1);
        let full = self.full(path);
        match File::open(&full) {
            Ok(file) => Ok(Some(Arc::new(MappedFile::map(&file, full.display().to_string())?))),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::io("open", full.display().to_string(), e)),
        }
    }

    fn create(&self, _size_hint: u64) -> Result<Box<dyn NewFile>> {
        let (file, path) = self.temporary()?;
        Ok(Box::new(LocalNewFile { backend: self.clone(), file, path, buffer: Vec::new(), flushed: 0, done: false }))
    }

    fn read_small(&self, path: &str) -> Result<Option<(Bytes, FileVersion)>> {
        self.counters.request(1);
        let full = self.full(path);
        match fs::read(&full) {
            Ok(bytes) => {
                self.counters.read(bytes.len());
                let version = version_of(&bytes);
                Ok(Some((Bytes::from(bytes), version)))
            }
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::io("read", full.display().to_string(), e)),
        }
    }

    fn swap_small(&self, path: &str, expected: Option<&FileVersion>, bytes: Bytes) -> Result<Swapped> {
        let _lock = self.lock()?;
        let current = self.read_small(path)?;
        if current.as_ref().map(|(_, version)| version) != expected {
            return Ok(Err(current));
        }
        self.write_durably(&self.full(path), &bytes)?;
        Ok(Ok(version_of(&bytes)))
    }

    fn remove_small(&self, path: &str, expected: &FileVersion) -> Result<bool> {
        let _lock = self.lock()?;
        match self.read_small(path)? {
            Some((_, version)) if version == *expected => {}
            _ => return Ok(false),
        }
        let full = self.full(path);
        fs::remove_file(&full).map_err(|e| StoreError::io("remove", full.display().to_string(), e))?;
        full.parent().map_or(Ok(()), |dir| self.sync_dir(dir))?;
        Ok(true)
    }

    fn list(&self, prefix: &str) -> Result<Vec<FileEntry>> {
        self.counters.request(1);
        let mut found = Vec::new();
        let mut folders = vec![self.full(prefix)];
        while let Some(folder) = folders.pop() {
            let failed = |e: io::Error| StoreError::io("list", folder.display().to_string(), e);
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                Err(e) => return Err(failed(e)),
            };
            for entry in entries {
                let entry = entry.map_err(failed)?;
                // A file that vanished between listing and looking is not there.
                let Ok(meta) = entry.metadata() else { continue };
                if meta.is_dir() {
                    folders.push(entry.path());
                } else if let Ok(Some(path)) = entry.path().strip_prefix(&self.root).map(Path::to_str) {
                    let modified = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                    found.push(FileEntry { path: path.to_owned(), size: meta.len(), modified });
                }
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.counters.request(1);
        let full = self.full(path);
        match fs::remove_file(&full) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(StoreError::io("delete", full.display().to_string(), e)),
        }
    }

    fn is_local(&self) -> bool {
        true
    }

    fn stats(&self) -> StoreStats {
        self.counters.get()
    }

    fn sweep(&self) -> Result<()> {
        let now = SystemTime::now();
        for entry in self.list("tmp/")? {
            if now.duration_since(entry.modified).is_ok_and(|age| age > ABANDONED) {
                self.delete(&entry.path)?;
            }
        }
        Ok(())
    }
}

/// An immutable file, mapped.
#[derive(Debug)]
struct MappedFile {
    bytes: Bytes,
    map: Arc<Mmap>,
    place: String,
}

/// Lets [`Bytes`] own a mapping.
struct MapOwner(Arc<Mmap>);

impl AsRef<[u8]> for MapOwner {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl MappedFile {
    fn map(file: &File, place: String) -> Result<MappedFile> {
        // SAFETY: files of a lake are never changed once they have their name (only unlinked), and
        // this process maps them for reading only. See docs/adr/0010.
        #[allow(unsafe_code)]
        let map = unsafe { Mmap::map(file) }.map_err(|e| StoreError::io("map", place.clone(), e))?;
        if !map.is_empty() {
            // Advice only: reading is right without it.
            drop(map.advise(Advice::Random));
        }
        let map = Arc::new(map);
        Ok(MappedFile { bytes: Bytes::from_owner(MapOwner(Arc::clone(&map))), map, place })
    }
}

impl ReadFile for MappedFile {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let size = self.size();
        if range.start > range.end || range.end > size {
            let reason = format!("bytes {}..{} are wanted, but it has {size}", range.start, range.end);
            return Err(StoreError::corrupt("a range", self.place.clone(), reason));
        }
        Ok(self.bytes.slice(range.start as usize..range.end as usize))
    }

    fn will_scan(&self) {
        drop(self.map.advise(Advice::WillNeed));
    }
}

/// A file in `tmp/` that becomes a pack.
#[derive(Debug)]
struct LocalNewFile {
    backend: LocalBackend,
    file: File,
    path: PathBuf,
    buffer: Vec<u8>,
    flushed: u64,
    done: bool,
}

impl LocalNewFile {
    fn flush(&mut self) -> Result<()> {
        self.file
            .write_all_at(&self.buffer, self.flushed)
            .map_err(|e| StoreError::io("write", self.path.display().to_string(), e))?;
        self.flushed += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl NewFile for LocalNewFile {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
            if bytes.len() >= BUFFER {
                self.file
                    .write_all_at(bytes, self.flushed)
                    .map_err(|e| StoreError::io("write", self.path.display().to_string(), e))?;
                self.flushed += bytes.len() as u64;
                return Ok(());
            }
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let out_of_file = || StoreError::Internal("a range outside a file being written");
        let length = usize::try_from(range.end.saturating_sub(range.start)).map_err(|_| out_of_file())?;
        if let Some(start) = range.start.checked_sub(self.flushed) {
            // Appended values never straddle the flushed part and the buffer.
            let start = usize::try_from(start).map_err(|_| out_of_file())?;
            let part = self.buffer.get(start..start + length).ok_or_else(out_of_file)?;
            return Ok(Bytes::copy_from_slice(part));
        }
        let mut bytes = vec![0; length];
        self.file
            .read_exact_at(&mut bytes, range.start)
            .map_err(|e| StoreError::io("read back", self.path.display().to_string(), e))?;
        Ok(Bytes::from(bytes))
    }

    fn start_sync(&mut self) -> Result<Option<SyncWork>> {
        self.flush()?;
        let place = self.path.display().to_string();
        let file = self.file.try_clone().map_err(|e| StoreError::io("sync", place.clone(), e))?;
        Ok(Some(Box::new(move || file.sync_data().map_err(|e| StoreError::io("sync", place, e)))))
    }

    fn publish(mut self: Box<Self>, path: &str) -> Result<Arc<dyn ReadFile>> {
        self.flush()?;
        self.file.sync_data().map_err(|e| StoreError::io("sync", self.path.display().to_string(), e))?;
        let full = self.backend.full(path);
        self.backend.rename(&self.path, &full)?;
        self.done = true;
        self.backend.counters.request(1);
        self.backend.counters.synced();
        self.backend.counters.wrote(self.flushed);
        Ok(Arc::new(MappedFile::map(&self.file, full.display().to_string())?))
    }
}

impl Drop for LocalNewFile {
    fn drop(&mut self) {
        if !self.done {
            drop(fs::remove_file(&self.path));
        }
    }
}
