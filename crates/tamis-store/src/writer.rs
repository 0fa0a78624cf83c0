//! Writing: a session that gathers objects into packs and makes them durable at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use rayon::prelude::*;
use tamis_core::Hash;

use crate::blocked;
use crate::error::{Result, StoreError};
use crate::pack::{Codec, ObjectKind, Pack, PackBuilder, Record, decode};
use crate::store::{Store, read_all};

/// Parts of the map of pending objects, to keep threads apart.
const SHARDS: usize = 16;

/// What a finished session wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteStats {
    /// Objects written.
    pub objects: u64,
    /// Bytes of new packs.
    pub bytes: u64,
    /// New packs.
    pub packs: u64,
}

/// A write session; share it between threads by reference.
///
/// Each thread appends to a pack of its own. Objects are readable through the same [`Store`] at
/// once; other processes see them after [`Writer::finish`] (or earlier, when a pack is full).
/// Dropped unfinished, what is not yet in a full pack leaves no trace.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    session: Arc<Session>,
}

/// The part of a writer that its store can read from.
#[derive(Debug)]
pub(crate) struct Session {
    shards: [RwLock<HashMap<Hash, Pending>>; SHARDS],
    slots: Vec<Mutex<Slot>>,
    next: AtomicUsize,
    /// Chunk lists, kept back until the chunks are durable: a list in a lake means that its
    /// chunks are there.
    lists: RwLock<HashMap<Hash, Vec<u8>>>,
    /// A write has failed: what was put may be lost, so the session cannot be finished.
    has_failed: AtomicBool,
}

/// Bytes of chunk lists that are kept back at most.
const LISTS: usize = 16 << 20;

/// An object in a pack that is not finished.
#[derive(Clone, Copy, Debug)]
struct Pending {
    slot: usize,
    /// Which of the slot's packs; earlier ones are finished and indexed.
    turn: u64,
    record: Record,
}

#[derive(Debug, Default)]
struct Slot {
    open: Option<PackBuilder>,
    turn: u64,
    /// A full pack that a thread of its own makes durable; its turn is the one before.
    sealing: Option<Sealing>,
    finished: Vec<Arc<Pack>>,
}

impl Slot {
    /// Whether it has something that is not published.
    fn is_open(&self) -> bool {
        self.open.is_some() || self.sealing.is_some()
    }
}

#[derive(Debug)]
struct Sealing {
    builder: PackBuilder,
    thread: JoinHandle<Result<()>>,
}

impl Session {
    fn shard(&self, id: &Hash) -> &RwLock<HashMap<Hash, Pending>> {
        &self.shards[usize::from(id.0[31]) % SHARDS]
    }

    fn has(&self, id: &Hash) -> bool {
        self.shard(id).read().contains_key(id) || self.lists.read().contains_key(id)
    }

    /// The raw bytes and kind of a pending object; [`None`] when it is not here or is in a
    /// finished pack by now.
    pub(crate) fn find(&self, id: &Hash) -> Result<Option<(ObjectKind, Bytes)>> {
        let Some(pending) = self.shard(id).read().get(id).copied() else {
            let list = self.lists.read().get(id).map(|list| Bytes::copy_from_slice(list));
            return Ok(list.map(|list| (ObjectKind::ChunkList, list)));
        };
        let slot = self.slots[pending.slot].lock();
        let frame = match &slot.open {
            Some(pack) if slot.turn == pending.turn => pack.read(&pending.record)?,
            _ => match &slot.sealing {
                Some(full) if slot.turn == pending.turn + 1 => full.builder.read(&pending.record)?,
                _ => return Ok(None),
            },
        };
        drop(slot);
        let bytes = decode(&pending.record, frame)
            .map_err(|reason| StoreError::corrupt(format!("object {id}"), "a pack being written", reason))?;
        Ok(Some((pending.record.kind, bytes)))
    }
}

impl Writer {
    pub(crate) fn new(store: Store) -> Writer {
        let slots = store.options().writers.max(1);
        let session = Arc::new(Session {
            shards: Default::default(),
            slots: (0..slots).map(|_| Mutex::default()).collect(),
            next: AtomicUsize::new(0),
            lists: RwLock::default(),
            has_failed: AtomicBool::new(false),
        });
        store.register(&session);
        Writer { store, session }
    }

    /// The store it writes to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Whether the object is in the lake or in this session.
    pub fn contains(&self, id: &Hash) -> Result<bool> {
        Ok(self.session.has(id) || self.store.contains_lasting(id)?)
    }

    /// Whether the blob is in the lake or in this session, with all its chunks.
    pub(crate) fn contains_blob(&self, id: &Hash) -> Result<bool> {
        Ok(self.session.has(id) || self.store.contains_blob_lasting(id)?)
    }

    /// Keeps plain bytes; returns their id, the BLAKE3 of them.
    pub fn put(&self, bytes: impl AsRef<[u8]>) -> Result<Hash> {
        let bytes = bytes.as_ref();
        let id = Hash::of(bytes);
        self.put_hashed(id, bytes)?;
        Ok(id)
    }

    /// Keeps plain bytes whose BLAKE3 the caller has computed already.
    pub fn put_hashed(&self, id: Hash, bytes: &[u8]) -> Result<()> {
        if self.contains(&id)? {
            return Ok(());
        }
        self.put_plain(id, bytes)
    }

    /// Keeps plain bytes even if the lake has them, so that they lie beside their neighbours.
    pub(crate) fn put_plain(&self, id: Hash, bytes: &[u8]) -> Result<()> {
        match compress(bytes) {
            Some(packed) => self.append(id, ObjectKind::Plain, Codec::Zstd, bytes.len(), &[&packed]),
            None => self.append(id, ObjectKind::Plain, Codec::Raw, bytes.len(), &[bytes]),
        }
    }

    /// Keeps a blocked object; returns its id, the BLAKE3 of its prelude.
    pub fn put_blocked(&self, header: &[u8], blocks: &[&[u8]]) -> Result<Hash> {
        let prelude = blocked::prelude(header, blocks)?;
        let id = Hash::of(&prelude);
        if !self.contains(&id)? {
            let length = prelude.len() + blocks.iter().map(|block| block.len()).sum::<usize>();
            let mut whole = prelude;
            whole.reserve_exact(length - whole.len());
            blocks.iter().for_each(|block| whole.extend_from_slice(block));
            self.append(id, ObjectKind::Blocked, Codec::Raw, length, &[&whole])?;
        }
        Ok(id)
    }

    pub(crate) fn put_chunk_list(&self, id: Hash, list: &[u8]) -> Result<()> {
        let mut lists = self.session.lists.write();
        lists.insert(id, list.to_vec());
        let size: usize = lists.values().map(Vec::len).sum();
        drop(lists);
        if size > LISTS { self.publish_all().and_then(|()| self.append_lists()) } else { Ok(()) }
    }

    /// Appends the chunk lists that were kept back; their chunks must be durable or in the same
    /// pack.
    fn append_lists(&self) -> Result<()> {
        let lists = self.session.lists.read().clone();
        for (id, list) in &lists {
            self.append(*id, ObjectKind::ChunkList, Codec::Raw, list.len(), &[list])?;
        }
        self.session.lists.write().retain(|id, _| !lists.contains_key(id));
        Ok(())
    }

    /// Makes all open packs durable.
    fn publish_all(&self) -> Result<()> {
        let mut slots = self.session.slots.iter().enumerate();
        self.note_failure(slots.try_for_each(|(at, slot)| self.publish(at, &mut slot.lock())))
    }

    fn append(&self, id: Hash, kind: ObjectKind, codec: Codec, raw: usize, parts: &[&[u8]]) -> Result<()> {
        self.note_failure(self.try_append(id, kind, codec, raw, parts))
    }

    fn note_failure<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.inspect_err(|_| self.session.has_failed.store(true, Ordering::Relaxed))
    }

    fn try_append(&self, id: Hash, kind: ObjectKind, codec: Codec, raw: usize, parts: &[&[u8]]) -> Result<()> {
        let (at, mut slot) = self.take_slot();
        let builder = match &mut slot.open {
            Some(builder) => builder,
            none => none.insert(PackBuilder::new(self.store.backend(), self.store.options().pack_size)?),
        };
        let record = builder.append(id, kind, codec, raw, parts)?;
        let is_full = builder.size() >= self.store.options().pack_size;
        let pending = Pending { slot: at, turn: slot.turn, record };
        match self.session.shard(&id).write().entry(id) {
            Entry::Occupied(mut there) => drop(there.insert(pending)),
            Entry::Vacant(free) => drop(free.insert(pending)),
        }
        if is_full {
            self.seal(at, &mut slot)?;
        }
        Ok(())
    }

    /// A slot for this call: the thread's own when it is free, else any free one, else waits.
    fn take_slot(&self) -> (usize, parking_lot::MutexGuard<'_, Slot>) {
        let slots = &self.session.slots;
        // A single-threaded session stays with one pack; others spread as they collide.
        let first = self.session.next.load(Ordering::Relaxed);
        for step in 0..slots.len() {
            let at = (first + step) % slots.len();
            if let Some(slot) = slots[at].try_lock() {
                return (at, slot);
            }
        }
        let at = self.session.next.fetch_add(1, Ordering::Relaxed) % slots.len();
        (at, slots[at].lock())
    }

    /// Lets a full pack become durable while the next one is filled; at most one waits a slot.
    fn seal(&self, at: usize, slot: &mut Slot) -> Result<()> {
        self.publish_sealed(at, slot)?;
        let work = slot.open.as_mut().map_or(Ok(None), PackBuilder::start_sync)?;
        match (work, slot.open.take()) {
            (Some(work), Some(builder)) => {
                slot.sealing = Some(Sealing { builder, thread: std::thread::spawn(work) });
                slot.turn += 1;
                Ok(())
            }
            (_, open) => {
                slot.open = open;
                self.publish(at, slot)
            }
        }
    }

    /// Publishes the pack that was being made durable.
    fn publish_sealed(&self, at: usize, slot: &mut Slot) -> Result<()> {
        let Some(full) = slot.sealing.take() else { return Ok(()) };
        full.thread.join().map_err(|_| StoreError::Internal("a thread that makes a pack durable has failed"))??;
        let turn = slot.turn.saturating_sub(1);
        self.publish_pack(at, turn, full.builder, slot)
    }

    /// Publishes all that a slot has.
    fn publish(&self, at: usize, slot: &mut Slot) -> Result<()> {
        self.publish_sealed(at, slot)?;
        let Some(builder) = slot.open.take() else { return Ok(()) };
        let turn = slot.turn;
        slot.turn += 1;
        self.publish_pack(at, turn, builder, slot)
    }

    fn publish_pack(&self, at: usize, turn: u64, builder: PackBuilder, slot: &mut Slot) -> Result<()> {
        let pack = builder.publish(self.store.backend())?;
        self.store.add_pack(Arc::clone(&pack));
        // The pack's index finds them from now on.
        for record in pack.records() {
            let id = record?.id;
            if let Entry::Occupied(there) = self.session.shard(&id).write().entry(id)
                && (there.get().slot, there.get().turn) == (at, turn)
            {
                there.remove();
            }
        }
        slot.finished.push(pack);
        Ok(())
    }

    /// Makes everything durable and visible to other processes. An error when any write of the
    /// session has failed.
    pub fn finish(self) -> Result<WriteStats> {
        if self.session.has_failed.load(Ordering::Relaxed) {
            let reason = std::io::Error::other("an earlier write of it failed");
            return Err(StoreError::io("finish a write session in", self.store.place(), reason));
        }
        let mut stats = WriteStats::default();
        let mut open: Vec<usize> = (0..self.session.slots.len()).collect();
        open.retain(|at| self.session.slots[*at].lock().is_open());
        // ORDER: chunk lists go into the last pack, which is published when all chunks of the
        // others are durable.
        let has_lists = !self.session.lists.read().is_empty();
        let last = if has_lists { open.pop() } else { None };
        open.par_iter().try_for_each(|at| self.publish(*at, &mut self.session.slots[*at].lock()))?;
        if has_lists {
            self.session.next.store(last.unwrap_or(0), Ordering::Relaxed);
            self.append_lists()?;
            self.publish_all()?;
        }
        for slot in &self.session.slots {
            for pack in &slot.lock().finished {
                stats.objects += pack.len() as u64;
                stats.bytes += pack.size();
                stats.packs += 1;
            }
        }
        self.store.tidy();
        Ok(stats)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.store.forget(&self.session);
    }
}

/// zstd's bytes where they save at least an eighth, judged by a sample first; [`None`] for short
/// or already compressed bytes. Level 3.
fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    const SAMPLE: usize = 4096;
    if bytes.len() < 256 || is_compressed_media(bytes) {
        return None;
    }
    let saves = |raw: usize, packed: usize| packed + raw / 8 < raw;
    if bytes.len() > 4 * SAMPLE {
        let middle = bytes.len() / 2;
        let sample = bytes.get(middle..middle + SAMPLE)?;
        let packed = zstd::bulk::compress(sample, 1).ok()?;
        if !saves(sample.len(), packed.len()) {
            return None;
        }
    } else if looks_random(bytes) {
        return None;
    }
    zstd::bulk::compress(bytes, 3).ok().filter(|packed| saves(bytes.len(), packed.len()))
}

/// Whether the byte histogram of the first KiB is about flat, as of noise or compressed data.
fn looks_random(bytes: &[u8]) -> bool {
    let sample = &bytes[..bytes.len().min(1024)];
    let mut counts = [0u32; 256];
    sample.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    // The sum of squares is n + n²/256 for uniform bytes; text lies far above.
    let squares: u64 = counts.iter().map(|&count| u64::from(count) * u64::from(count)).sum();
    let n = sample.len() as u64;
    squares < n + n * n / 256 + n * n / 512
}

/// Formats that are compressed already: JPEG, PNG, GIF, WebP, MP4 and kin, Matroska, zip, gzip,
/// zstd, xz, bzip2, Ogg, FLAC, MP3.
fn is_compressed_media(bytes: &[u8]) -> bool {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    starts(b"\xff\xd8\xff")
        || starts(b"\x89PNG")
        || starts(b"GIF8")
        || (starts(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"))
        || bytes.get(4..8) == Some(b"ftyp")
        || starts(b"\x1a\x45\xdf\xa3")
        || starts(b"PK\x03\x04")
        || starts(b"\x1f\x8b")
        || starts(b"\x28\xb5\x2f\xfd")
        || starts(b"\xfd7zXZ")
        || starts(b"BZh")
        || starts(b"OggS")
        || starts(b"fLaC")
        || starts(b"ID3")
}

/// Reads a blob's stream piece by piece; used for blobs that are streams.
pub(crate) fn fill(reader: &mut dyn std::io::Read, buffer: &mut Vec<u8>, limit: usize) -> Result<()> {
    read_all(reader, buffer, limit)
}
