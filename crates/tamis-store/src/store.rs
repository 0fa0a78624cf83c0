//! The store: objects in packs, small files as refs.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use tamis_core::{BlobId, Clock, Hash, IdSource, SystemClock, SystemIds};

use crate::backend::{Backend, CachedBackend, CloudBackend, FileVersion, LocalBackend, StoreStats, Swapped};
use crate::blob::{Blob, List};
use crate::blocked::Blocked;
use crate::error::{Result, StoreError};
use crate::gc::Condemned;
use crate::location::Location;
use crate::merge::merge_small_packs;
use crate::pack::{ObjectKind, Pack, Record, id_of, path_of};
use crate::writer::{Session, Writer};

/// The newest lake format this version reads and writes.
const FORMAT: u32 = 1;
const LAKE: &str = "lake.json";

/// How a store is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoreOptions {
    /// Bytes after which a pack is full.
    pub pack_size: u64,
    /// Packs that a write session fills side by side.
    pub writers: usize,
    /// Refuse writes.
    pub read_only: bool,
    /// Where a remote lake's reads are cached; `None`: nowhere.
    pub cache_dir: Option<std::path::PathBuf>,
    /// Bytes the cache may hold.
    pub cache_bytes: u64,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives ids.
    pub ids: Arc<dyn IdSource>,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions {
            pack_size: 64 << 20,
            writers: std::thread::available_parallelism().map_or(2, usize::from).min(8),
            read_only: false,
            cache_dir: None,
            cache_bytes: 4 << 30,
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
        }
    }
}

/// The lake's own description, `lake.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LakeHeader {
    /// Format number.
    pub format: u32,
    /// 32 hexadecimal digits, made when the lake was.
    pub id: String,
    /// Microseconds since 1970.
    pub created: i64,
    /// Features a reader must know.
    #[serde(default)]
    pub required: Vec<String>,
}

/// The version of a ref's value; changes with every swap.
pub type RefVersion = FileVersion;

/// A ref's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefValue {
    /// The bytes.
    pub bytes: Bytes,
    /// The version, for swapping.
    pub version: RefVersion,
}

/// A swap found another value than expected: the one that is there, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefMoved(pub Option<RefValue>);

/// A lake's bytes. Cheap to clone; safe to share between threads.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    backend: Arc<dyn Backend>,
    options: StoreOptions,
    header: LakeHeader,
    /// Newest last.
    packs: RwLock<Arc<Vec<Arc<Pack>>>>,
    /// The same packs, those with most objects first: an object is most likely there.
    search: RwLock<Arc<Vec<Arc<Pack>>>>,
    /// The pack of the last hit in `search`: neighbours are asked for together.
    last: AtomicUsize,
    sessions: RwLock<Vec<Arc<Session>>>,
    refreshing: Mutex<()>,
    /// Packs that cannot be opened: the id, where, and why.
    damaged: RwLock<Vec<(Hash, String, String)>>,
    condemned: Mutex<CondemnedSeen>,
}

/// The packs on which a write session does not count, as of the last look.
#[derive(Default)]
struct CondemnedSeen {
    /// The version of the list; [`None`] before the first look.
    version: Option<Option<FileVersion>>,
    ids: Arc<HashSet<Hash>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("place", &self.place()).finish_non_exhaustive()
    }
}

impl Store {
    /// Creates a lake; an error when there is one.
    pub fn create(location: &Location, options: StoreOptions) -> Result<Store> {
        let backend: Arc<dyn Backend> = match location {
            Location::Folder(path) => {
                let is_taken = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
                if is_taken && !path.join(LAKE).exists() {
                    let reason = "the folder is not empty";
                    return Err(StoreError::LakeExists { place: location.to_string(), reason });
                }
                Arc::new(LocalBackend::create(path)?)
            }
            other => cached(crate::backend::connect(other)?, &options)?,
        };
        Store::create_on(backend, options)
    }

    /// Opens a lake that is there.
    pub fn open(location: &Location, options: StoreOptions) -> Result<Store> {
        let backend: Arc<dyn Backend> = match location {
            Location::Folder(path) => Arc::new(LocalBackend::open(path)?),
            other => cached(crate::backend::connect(other)?, &options)?,
        };
        Store::open_on(backend, options)
    }

    /// A new lake in this process's memory, gone when the last handle is.
    pub fn memory() -> Result<Store> {
        Store::create_on(Arc::new(CloudBackend::memory("")), StoreOptions::default())
    }

    /// Creates a lake on a backend.
    pub fn create_on(backend: Arc<dyn Backend>, options: StoreOptions) -> Result<Store> {
        let header = LakeHeader {
            format: FORMAT,
            id: format!("{:032x}", options.ids.next_id()),
            created: options.clock.now_micros(),
            required: Vec::new(),
        };
        let bytes =
            serde_json::to_vec_pretty(&header).map_err(|_| StoreError::Internal("lake.json does not encode"))?;
        match backend.swap_small(LAKE, None, Bytes::from(bytes))? {
            Ok(_) => Store::open_on(backend, options),
            Err(_) => Err(StoreError::LakeExists { place: backend.place(), reason: "there is a lake" }),
        }
    }

    /// Opens the lake on a backend.
    pub fn open_on(backend: Arc<dyn Backend>, options: StoreOptions) -> Result<Store> {
        let place = backend.place();
        let Some((bytes, _)) = backend.read_small(LAKE)? else { return Err(StoreError::NoLake { place }) };
        let header: LakeHeader =
            serde_json::from_slice(&bytes).map_err(|e| StoreError::corrupt(LAKE, place.clone(), e.to_string()))?;
        if header.format > FORMAT {
            return Err(StoreError::TooNew { place, needs: format!("lake format {}", header.format) });
        }
        if let Some(feature) = header.required.first() {
            return Err(StoreError::TooNew { place, needs: format!("feature `{feature}`") });
        }
        let store = Store(Arc::new(Inner {
            backend,
            options,
            header,
            packs: RwLock::default(),
            search: RwLock::default(),
            last: AtomicUsize::new(0),
            sessions: RwLock::default(),
            refreshing: Mutex::new(()),
            damaged: RwLock::default(),
            condemned: Mutex::default(),
        }));
        store.refresh()?;
        if !store.0.options.read_only {
            // Litter is harmless; a folder that cannot be cleaned is not this call's concern.
            drop(store.0.backend.sweep());
        }
        Ok(store)
    }

    /// Where the lake is, for messages.
    pub fn place(&self) -> String {
        self.0.backend.place()
    }

    /// The lake's description.
    pub fn header(&self) -> &LakeHeader {
        &self.0.header
    }

    /// How it was opened.
    pub fn options(&self) -> &StoreOptions {
        &self.0.options
    }

    /// Requests and bytes since the store was opened, of all its clones.
    pub fn stats(&self) -> StoreStats {
        self.0.backend.stats()
    }

    /// Whether its bytes are on this machine.
    pub fn is_local(&self) -> bool {
        self.0.backend.is_local()
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.0.backend
    }

    /// The packs known now, oldest first.
    pub fn packs(&self) -> Arc<Vec<Arc<Pack>>> {
        Arc::clone(&self.0.packs.read())
    }

    // -- objects ------------------------------------------------------------------------------

    /// A plain object, verified. Zero-copy where the lake is local and the object not compressed.
    pub fn get(&self, id: &Hash) -> Result<Bytes> {
        let (kind, bytes, place) = self.read_object(id)?;
        if kind != ObjectKind::Plain {
            return Err(StoreError::corrupt(format!("object {id}"), place, "it is not a plain object"));
        }
        if Hash::of(&bytes) == *id {
            Ok(bytes)
        } else {
            Err(StoreError::corrupt(format!("object {id}"), place, "its bytes do not have the hash that is its id"))
        }
    }

    /// A plain object whose bytes the caller verifies.
    pub(crate) fn get_unverified(&self, id: &Hash) -> Result<Bytes> {
        match self.read_object(id)? {
            (ObjectKind::Plain, bytes, _) => Ok(bytes),
            (_, _, place) => Err(StoreError::corrupt(format!("object {id}"), place, "it is not a plain object")),
        }
    }

    /// A blocked object; its prelude is verified now, its blocks when they are touched.
    pub fn blocked(&self, id: &Hash) -> Result<Blocked> {
        if !self.is_local()
            && let Some((pack, record)) = self.locate(id)?
            && record.kind == ObjectKind::Blocked
        {
            match Blocked::remote(self.clone(), pack, record) {
                // Merged or collected since it was listed: below it is looked for again.
                Err(error) if is_gone(&error) => self.refresh()?,
                other => return other,
            }
        }
        let (kind, bytes, place) = self.read_object(id)?;
        if kind != ObjectKind::Blocked {
            return Err(StoreError::corrupt(format!("object {id}"), place, "it is not a blocked object"));
        }
        Blocked::from_bytes(*id, bytes, &place)
    }

    /// A blob. One kept whole is verified now, one in chunks when it is read.
    pub fn blob(&self, id: &BlobId) -> Result<Blob> {
        let (kind, bytes, place) = self.read_object(&id.0)?;
        let bad = |reason: &str| StoreError::corrupt(format!("blob {id}"), place.clone(), reason);
        match kind {
            ObjectKind::Plain if Hash::of(&bytes) == id.0 => Ok(Blob::whole(self.clone(), *id, bytes)),
            ObjectKind::Plain => Err(bad("its bytes do not have the hash that is its id")),
            ObjectKind::ChunkList => Ok(Blob::chunked(self.clone(), *id, &List::decode(&bytes).map_err(bad)?)),
            ObjectKind::Blocked => Err(bad("it is not a blob")),
        }
    }

    /// Whether the lake has the object.
    pub fn contains(&self, id: &Hash) -> Result<bool> {
        if self.contains_indexed(id)? {
            return Ok(true);
        }
        for session in self.sessions() {
            if session.find(id)?.is_some() {
                return Ok(true);
            }
        }
        self.refresh()?;
        self.contains_indexed(id)
    }

    /// Whether a pack known now has the object.
    pub(crate) fn contains_indexed(&self, id: &Hash) -> Result<bool> {
        Ok(self.find_indexed(id)?.is_some())
    }

    /// Whether a pack has the object that collecting garbage will not delete soon.
    pub(crate) fn contains_lasting(&self, id: &Hash) -> Result<bool> {
        let condemned = Arc::clone(&self.0.condemned.lock().ids);
        if condemned.is_empty() {
            return self.contains_indexed(id);
        }
        for pack in self.packs().iter().rev().filter(|pack| !condemned.contains(pack.id())) {
            if pack.find(id)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// As [`Store::contains_lasting`], and for a blob in chunks the same of each chunk.
    pub(crate) fn contains_blob_lasting(&self, id: &Hash) -> Result<bool> {
        if !self.contains_lasting(id)? {
            return Ok(false);
        }
        if self.0.condemned.lock().ids.is_empty() {
            return Ok(true);
        }
        match self.find_indexed(id)? {
            Some((pack, record)) if record.kind == ObjectKind::ChunkList => {
                let bytes = pack.decode(&record, pack.frame(&record)?)?;
                let list = List::decode(&bytes).map_err(|reason| pack.corrupt(id, reason))?;
                for (chunk, _) in &list.chunks {
                    if !self.contains_lasting(chunk)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Ok(true),
        }
    }

    /// Looks at the list of condemned packs, and at the packs again when it has changed.
    pub(crate) fn note_condemned(&self) -> Result<()> {
        let (condemned, version) = Condemned::load(self.backend())?;
        let mut seen = self.0.condemned.lock();
        if seen.version.as_ref() == Some(&version) {
            return Ok(());
        }
        // What was deleted is no longer listed as condemned, so the listing must be as new.
        if version.is_some() {
            self.refresh()?;
        }
        *seen = CondemnedSeen { version: Some(version), ids: Arc::new(condemned.ids()) };
        Ok(())
    }

    fn find_indexed(&self, id: &Hash) -> Result<Option<(Arc<Pack>, Record)>> {
        let packs = Arc::clone(&self.0.search.read());
        let last = self.0.last.load(Ordering::Relaxed);
        if let Some(pack) = packs.get(last)
            && let Some(record) = pack.find(id)?
        {
            return Ok(Some((Arc::clone(pack), record)));
        }
        for (at, pack) in packs.iter().enumerate().filter(|(at, _)| *at != last) {
            if let Some(record) = pack.find(id)? {
                self.0.last.store(at, Ordering::Relaxed);
                return Ok(Some((Arc::clone(pack), record)));
            }
        }
        Ok(None)
    }

    /// Where an object is; looks at the lake's listing once more before giving up.
    pub(crate) fn locate(&self, id: &Hash) -> Result<Option<(Arc<Pack>, Record)>> {
        if let Some(found) = self.find_indexed(id)? {
            return Ok(Some(found));
        }
        self.refresh()?;
        self.find_indexed(id)
    }

    /// An object's kind and raw bytes, not verified, with its place for messages.
    fn read_object(&self, id: &Hash) -> Result<(ObjectKind, Bytes, String)> {
        if let Some((pack, record)) = self.find_indexed(id)? {
            match Self::read_record(&pack, &record) {
                // Merged or collected since it was listed: below it is looked for again.
                Err(error) if is_gone(&error) => self.refresh()?,
                other => return other,
            }
        }
        for session in self.sessions() {
            if let Some((kind, bytes)) = session.find(id)? {
                return Ok((kind, bytes, self.place()));
            }
        }
        match self.locate(id)? {
            Some((pack, record)) => Self::read_record(&pack, &record),
            None => Err(self.missing(id)),
        }
    }

    /// Why an object is in no pack: a damaged pack may have had it.
    fn missing(&self, id: &Hash) -> StoreError {
        let damaged = |place: &str, why: &str| {
            let reason = format!("no sound pack has it, and this one is damaged: {why}");
            StoreError::corrupt(format!("object {id}"), place, reason)
        };
        if let Some((_, place, why)) = self.0.damaged.read().first() {
            return damaged(place, why);
        }
        let packs = self.packs();
        match packs.iter().find_map(|pack| pack.check_index().err().map(|error| (pack, error))) {
            Some((pack, error)) => damaged(pack.place(), &error.to_string()),
            None => StoreError::Missing { id: *id, lake: self.place() },
        }
    }

    fn read_record(pack: &Pack, record: &Record) -> Result<(ObjectKind, Bytes, String)> {
        let bytes = pack.decode(record, pack.frame(record)?)?;
        Ok((record.kind, bytes, pack.place().to_owned()))
    }

    /// Looks for packs that others have added or removed since.
    pub fn refresh(&self) -> Result<()> {
        let _one = self.0.refreshing.lock();
        let known = self.packs();
        let mut listed = self.0.backend.list("packs/")?;
        listed.sort_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)));
        let by_id: HashMap<Hash, &Arc<Pack>> = known.iter().map(|pack| (*pack.id(), pack)).collect();
        let mut packs = Vec::with_capacity(listed.len());
        let mut damaged = Vec::new();
        for entry in listed {
            let Some(id) = id_of(&entry.path) else { continue };
            if let Some(pack) = by_id.get(&id) {
                packs.push(Arc::clone(pack));
                continue;
            }
            let path = path_of(&id);
            // A pack deleted since the listing is not there.
            let Some(file) = self.0.backend.open(&path)? else { continue };
            match Pack::open(file, id, format!("{}/{path}", self.place())) {
                Ok(pack) => packs.push(Arc::new(pack)),
                // The objects of the others stay readable.
                Err(StoreError::Corrupt { place, reason, .. }) => damaged.push((id, place, reason)),
                Err(StoreError::TooNew { place, needs }) => damaged.push((id, place, format!("it needs {needs}"))),
                Err(other) => return Err(other),
            }
        }
        *self.0.damaged.write() = damaged;
        self.change_packs(|current| {
            // What this process has written since the listing stays.
            let is_new = |pack: &Arc<Pack>| {
                !by_id.contains_key(pack.id()) && packs.iter().all(|listed| listed.id() != pack.id())
            };
            let added: Vec<_> = current.iter().filter(|pack| is_new(pack)).cloned().collect();
            packs.extend(added);
            *current = packs;
        });
        Ok(())
    }

    pub(crate) fn add_pack(&self, pack: Arc<Pack>) {
        self.change_packs(|packs| {
            if packs.iter().all(|known| known.id() != pack.id()) {
                packs.push(pack);
            }
        });
    }

    /// Forgets packs whose files are about to be deleted.
    pub(crate) fn drop_packs(&self, is_leaving: impl Fn(&Pack) -> bool) {
        self.change_packs(|packs| packs.retain(|pack| !is_leaving(pack)));
    }

    fn change_packs(&self, change: impl FnOnce(&mut Vec<Arc<Pack>>)) {
        let mut packs = self.0.packs.write();
        change(Arc::make_mut(&mut packs));
        let mut search = Vec::clone(&packs);
        search.sort_by_key(|pack| std::cmp::Reverse(pack.len()));
        *self.0.search.write() = Arc::new(search);
    }

    // -- writing ------------------------------------------------------------------------------

    /// Starts a write session.
    pub fn writer(&self) -> Result<Writer> {
        if self.0.options.read_only {
            return Err(StoreError::ReadOnly { place: self.place() });
        }
        self.note_condemned()?;
        Ok(Writer::new(self.clone()))
    }

    fn sessions(&self) -> Vec<Arc<Session>> {
        self.0.sessions.read().clone()
    }

    pub(crate) fn register(&self, session: &Arc<Session>) {
        self.0.sessions.write().push(Arc::clone(session));
    }

    pub(crate) fn forget(&self, session: &Arc<Session>) {
        self.0.sessions.write().retain(|other| !Arc::ptr_eq(other, session));
    }

    /// Housekeeping after a session. The session is durable already, so that what fails here is
    /// left for the next one.
    pub(crate) fn tidy(&self) {
        if let Err(error) = merge_small_packs(self) {
            tracing::warn!(%error, lake = %self.place(), "cannot merge small packs");
        }
    }

    // -- refs ---------------------------------------------------------------------------------

    /// A ref's value; [`None`] when it is not there.
    pub fn read_ref(&self, name: &str) -> Result<Option<RefValue>> {
        let found = self.0.backend.read_small(&ref_path(name)?)?;
        Ok(found.map(|(bytes, version)| RefValue { bytes, version }))
    }

    /// Sets a ref if it still has the version `expected` (`None`: is not there). Atomic and
    /// durable when it returns.
    pub fn swap_ref(
        &self,
        name: &str,
        expected: Option<&RefVersion>,
        bytes: Bytes,
    ) -> Result<std::result::Result<RefVersion, RefMoved>> {
        self.check_writable()?;
        let swapped: Swapped = self.0.backend.swap_small(&ref_path(name)?, expected, bytes)?;
        Ok(swapped.map_err(|there| RefMoved(there.map(|(bytes, version)| RefValue { bytes, version }))))
    }

    /// Removes a ref if it still has the version `expected`. False when it has not.
    pub fn remove_ref(&self, name: &str, expected: &RefVersion) -> Result<bool> {
        self.check_writable()?;
        self.0.backend.remove_small(&ref_path(name)?, expected)
    }

    /// The names of the refs under a prefix (`` or one ending in `/`), sorted.
    pub fn list_refs(&self, prefix: &str) -> Result<Vec<String>> {
        let entries = self.0.backend.list(&format!("refs/{prefix}"))?;
        Ok(entries.iter().filter_map(|e| e.path.strip_prefix("refs/")).map(str::to_owned).collect())
    }

    pub(crate) fn check_writable(&self) -> Result<()> {
        if self.0.options.read_only { Err(StoreError::ReadOnly { place: self.place() }) } else { Ok(()) }
    }
}

/// A remote lake's backend behind its cache.
fn cached(backend: Arc<dyn Backend>, options: &StoreOptions) -> Result<Arc<dyn Backend>> {
    match &options.cache_dir {
        Some(dir) if !backend.is_local() => Ok(Arc::new(CachedBackend::new(backend, dir, options.cache_bytes)?)),
        _ => Ok(backend),
    }
}

/// Whether a file was not there any more.
pub(crate) fn is_gone(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { source, .. } if source.kind() == ErrorKind::NotFound)
}

/// The path of a ref: its name must be a relative path of plain components.
fn ref_path(name: &str) -> Result<String> {
    let is_plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0']);
    if name.split('/').all(is_plain) {
        Ok(format!("refs/{name}"))
    } else {
        let reason = "its parts must not be empty, `.` or `..`".to_owned();
        Err(StoreError::BadArgument { what: "ref name", text: name.to_owned(), reason })
    }
}

/// Reads up to `limit` more bytes of a stream.
pub(crate) fn read_all(reader: &mut dyn Read, buffer: &mut Vec<u8>, limit: usize) -> Result<()> {
    reader.take(limit as u64).read_to_end(buffer).map(drop).map_err(|e| match e.kind() {
        ErrorKind::OutOfMemory => StoreError::Internal("out of memory while reading a stream"),
        _ => StoreError::io("read", "the input", e),
    })
}
