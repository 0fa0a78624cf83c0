//! Finds and reads objects in a pack.

use std::io::Read;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tamis_core::Hash;

use super::{Codec, END_MAGIC, HEADER, RECORD, Record, TRAILER};
use crate::backend::ReadFile;
use crate::error::{Result, StoreError};

/// A pack opened for reading. Its frames are checked when read; its index when it is opened if
/// that is quick, else before it is said that an object is missing: an index with a flipped bit
/// can hide an object, but never give a wrong one.
#[derive(Debug)]
pub struct Pack {
    file: Arc<dyn ReadFile>,
    id: Hash,
    place: String,
    index: Bytes,
    index_offset: u64,
    /// Whether the index has the hash that is the pack's id, once known.
    is_sound: OnceLock<bool>,
}

/// Indexes up to this are checked when the pack is opened, in some 50 microseconds.
const CHECK_AT_ONCE: usize = 256 << 10;

/// What one request brings of a remote pack's end: enough for the index of some 5,000 objects.
const TAIL: u64 = 256 << 10;

impl Pack {
    /// Opens a pack by its id. O(1) for a mapped pack: a large index is not read.
    pub(crate) fn open(file: Arc<dyn ReadFile>, id: Hash, place: String) -> Result<Pack> {
        let bad = |reason: &str| StoreError::corrupt(format!("pack {}", id.short()), place.clone(), reason);
        let size = file.size();
        if size < (HEADER + TRAILER) as u64 {
            return Err(bad("it is cut short"));
        }
        let tail_start = size.saturating_sub(TAIL);
        let tail = file.read(tail_start..size)?;
        let trailer = &tail[tail.len() - TRAILER..];
        if trailer[56..] != END_MAGIC {
            return Err(bad("its last bytes are not a pack's: it is cut short or overwritten"));
        }
        let word = |at: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&trailer[at..at + 8]);
            u64::from_le_bytes(eight)
        };
        let (count, index_offset, flags) = (word(32), word(40), word(48) as u32);
        if flags != 0 {
            return Err(StoreError::TooNew { place, needs: format!("pack features {flags:#x}") });
        }
        let index_end = size - TRAILER as u64;
        let length = count.checked_mul(RECORD as u64);
        if length.and_then(|length| index_offset.checked_add(length)) != Some(index_end) || index_offset < HEADER as u64
        {
            return Err(bad("the place of its index is wrong"));
        }
        let index = if index_offset >= tail_start {
            tail.slice((index_offset - tail_start) as usize..tail.len() - TRAILER)
        } else {
            file.read(index_offset..index_end)?
        };
        if trailer[..32] != id.0 {
            return Err(bad("the hash in its trailer is not its name"));
        }
        let pack = Pack { file, id, place, index, index_offset, is_sound: OnceLock::new() };
        if pack.index.len() <= CHECK_AT_ONCE {
            pack.check_index()?;
        }
        Ok(pack)
    }

    /// Checks the index against the pack's id, once. O(index bytes).
    pub(crate) fn check_index(&self) -> Result<()> {
        if *self.is_sound.get_or_init(|| Hash::of(&self.index) == self.id) {
            return Ok(());
        }
        let reason = "its index does not have the hash that is its name";
        Err(StoreError::corrupt(format!("pack {}", self.id.short()), self.place.clone(), reason))
    }

    /// Where the frames end and the index begins.
    pub(crate) fn frames_end(&self) -> u64 {
        self.index_offset
    }

    /// The pack's id.
    pub fn id(&self) -> &Hash {
        &self.id
    }

    /// Where it is, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// How many objects it has.
    pub fn len(&self) -> usize {
        self.index.len() / RECORD
    }

    /// Whether it has no object.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Bytes of the whole file.
    pub fn size(&self) -> u64 {
        self.file.size()
    }

    /// The file, for reading ranges of several frames at once.
    pub(crate) fn file(&self) -> &dyn ReadFile {
        &*self.file
    }

    fn id_at(&self, at: usize) -> &[u8] {
        &self.index[at * RECORD..at * RECORD + 32]
    }

    /// The record at a position of the sorted index.
    pub fn record(&self, at: usize) -> Result<Record> {
        let mut bytes = [0; RECORD];
        let start = at * RECORD;
        match self.index.get(start..start + RECORD) {
            Some(part) => bytes.copy_from_slice(part),
            None => return Err(StoreError::Internal("a record outside a pack's index")),
        }
        let record = Record::decode(&bytes).map_err(|reason| self.corrupt(&Hash::ZERO, reason))?;
        let end = record.offset + u64::from(record.stored);
        if record.offset < HEADER as u64 || end > self.index_offset {
            return Err(self.corrupt(&record.id, "its place lies outside the pack"));
        }
        Ok(record)
    }

    /// All records, in the order of their ids.
    pub fn records(&self) -> impl Iterator<Item = Result<Record>> + '_ {
        (0..self.len()).map(|at| self.record(at))
    }

    /// Finds an object by interpolation search: ids are uniformly distributed, so that two or
    /// three probes suffice. O(log log n) expected, O(log n) at worst.
    pub fn find(&self, id: &Hash) -> Result<Option<Record>> {
        let prefix = |bytes: &[u8]| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[..8]);
            u64::from_be_bytes(eight)
        };
        let wanted = prefix(&id.0);
        let (mut low, mut high) = (0, self.len());
        let (mut low_value, mut high_value) = (0u64, u64::MAX);
        let mut probes = 0;
        while low < high {
            let span = high - low;
            // After a few bad guesses (crafted ids) halve, to keep the bound logarithmic.
            let guess = if probes < 8 && high_value > low_value {
                let share = u128::from(wanted.saturating_sub(low_value)) * span as u128;
                low + ((share / (u128::from(high_value - low_value) + 1)) as usize).min(span - 1)
            } else {
                low + span / 2
            };
            probes += 1;
            let found = self.id_at(guess);
            match found.cmp(&id.0[..]) {
                std::cmp::Ordering::Equal => return self.record(guess).map(Some),
                std::cmp::Ordering::Less => (low, low_value) = (guess + 1, prefix(found)),
                std::cmp::Ordering::Greater => (high, high_value) = (guess, prefix(found)),
            }
        }
        Ok(None)
    }

    /// The stored bytes of a frame, not yet decoded or verified.
    pub(crate) fn frame(&self, record: &Record) -> Result<Bytes> {
        self.file.read(record.offset..record.offset + u64::from(record.stored))
    }

    /// A part of a frame's stored bytes.
    pub(crate) fn frame_part(&self, record: &Record, range: Range<u64>) -> Result<Bytes> {
        if range.start > range.end || range.end > u64::from(record.stored) {
            return Err(self.corrupt(&record.id, "a part outside it is wanted"));
        }
        self.file.read(record.offset + range.start..record.offset + range.end)
    }

    /// An error about one object of this pack.
    pub(crate) fn corrupt(&self, id: &Hash, reason: impl Into<String>) -> StoreError {
        StoreError::corrupt(format!("object {id}"), self.place.clone(), reason)
    }

    /// Undoes the codec of a frame.
    pub(crate) fn decode(&self, record: &Record, frame: Bytes) -> Result<Bytes> {
        decode(record, frame).map_err(|reason| self.corrupt(&record.id, reason))
    }
}

/// Undoes the codec of a frame; the result has exactly the length that the record states.
pub(crate) fn decode(record: &Record, frame: Bytes) -> std::result::Result<Bytes, String> {
    let raw = record.raw as usize;
    let bytes = match record.codec {
        Codec::Raw => frame,
        Codec::Zstd => decompress(&frame, raw).map(Bytes::from).map_err(|e| format!("zstd: {e}"))?,
    };
    if bytes.len() == raw { Ok(bytes) } else { Err(format!("it has {} bytes where {raw} are stated", bytes.len())) }
}

/// The content of a zstd frame of `raw` bytes. A large claim is not believed before it is met: the
/// buffer grows with the content.
fn decompress(frame: &[u8], raw: usize) -> std::io::Result<Vec<u8>> {
    const BELIEVED: usize = 16 << 20;
    if raw <= BELIEVED {
        return zstd::bulk::decompress(frame, raw);
    }
    let mut bytes = Vec::with_capacity(BELIEVED);
    zstd::stream::read::Decoder::with_buffer(frame)?.take(raw as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
