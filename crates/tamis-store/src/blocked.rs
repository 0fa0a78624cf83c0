//! Blocked objects: one object of many blocks that are read and verified one by one.
//!
//! The id is the BLAKE3 of the *prelude*, which holds a header of the caller's and the length and
//! BLAKE3 of each block. So one block of a megabyte page is verified by hashing the prelude once
//! and 17 KB. A block is verified the first time this process touches it through a handle or its
//! clones. Layout: docs/spec/pack.md.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::Mutex;
use tamis_core::Hash;

use crate::error::{Result, StoreError};
use crate::pack::{Pack, Record};
use crate::store::{Store, is_gone};

const MAGIC: [u8; 4] = *b"TBLK";
const VERSION: u16 = 1;
/// Magic, version, flags, header length, block count, prelude length, reserved.
const FIXED: usize = 24;
/// The first request for a remote object brings this much.
const FIRST_READ: u64 = 64 << 10;

/// Bytes of a blocked object of a header and blocks of these lengths.
pub fn blocked_size(header: usize, blocks: impl IntoIterator<Item = usize>) -> u64 {
    let fixed = (FIXED + header.next_multiple_of(8)) as u64;
    blocks.into_iter().fold(fixed, |size, block| size + 36 + block as u64)
}

/// Builds the prelude of a blocked object. The id is its hash.
pub(crate) fn prelude(header: &[u8], blocks: &[&[u8]]) -> Result<Vec<u8>> {
    let too_large = |_| StoreError::Internal("a blocked object of 4 GiB or more");
    let padded = header.len().next_multiple_of(8);
    let length = FIXED + padded + blocks.len() * 36;
    let mut out = Vec::with_capacity(length);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    for number in [header.len(), blocks.len(), length, 0] {
        out.extend_from_slice(&u32::try_from(number).map_err(too_large)?.to_le_bytes());
    }
    out.extend_from_slice(header);
    out.resize(FIXED + padded, 0);
    for block in blocks {
        out.extend_from_slice(&u32::try_from(block.len()).map_err(too_large)?.to_le_bytes());
    }
    for block in blocks {
        out.extend_from_slice(&Hash::of(block).0);
    }
    Ok(out)
}

/// The places of a prelude's parts.
#[derive(Debug)]
struct Layout {
    header: Range<usize>,
    hashes: usize,
    prelude: usize,
    /// Ends of the blocks, counted from the start of the object.
    ends: Vec<u64>,
}

impl Layout {
    /// Length of the prelude that starts with these bytes, if they are one's first 24.
    fn prelude_length(first: &[u8]) -> std::result::Result<usize, &'static str> {
        let fixed = first.get(..FIXED).ok_or("it is shorter than a prelude")?;
        if fixed[..4] != MAGIC {
            return Err("it does not start as a blocked object");
        }
        if u16::from_le_bytes([fixed[4], fixed[5]]) != VERSION || fixed[6..8] != [0, 0] {
            return Err("its version is not known");
        }
        Ok(word(fixed, 16) as usize)
    }

    fn parse(bytes: &[u8], object_length: u64) -> std::result::Result<Layout, &'static str> {
        let prelude = Layout::prelude_length(bytes)?;
        let (header, count) = (word(bytes, 8) as usize, word(bytes, 12) as usize);
        let lengths = FIXED + header.next_multiple_of(8);
        let expected = count.checked_mul(36).and_then(|n| n.checked_add(lengths));
        if expected != Some(prelude) || bytes.len() < prelude {
            return Err("the parts of its prelude do not add up");
        }
        let mut end = prelude as u64;
        let mut ends = Vec::with_capacity(count);
        for at in 0..count {
            end += u64::from(word(bytes, lengths + at * 4));
            ends.push(end);
        }
        if end != object_length {
            return Err("its blocks do not add up to its length");
        }
        Ok(Layout { header: FIXED..FIXED + header, hashes: lengths + count * 4, prelude, ends })
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// A blocked object opened for reading. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blocked(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: Hash,
    prelude: Bytes,
    layout: Layout,
    bytes: Source,
    /// The pack it was opened in, for messages.
    opened_in: Box<str>,
    verified: Box<[AtomicU64]>,
}

#[derive(Debug)]
enum Source {
    /// The whole object.
    Whole(Bytes),
    /// In a remote pack; blocks are kept once read.
    Remote { store: Store, place: Mutex<(Arc<Pack>, Record)>, blocks: Box<[OnceLock<Bytes>]> },
}

impl Blocked {
    /// Opens an object whose bytes are at hand; `place` is for messages.
    pub fn from_bytes(id: Hash, bytes: Bytes, place: &str) -> Result<Blocked> {
        let length = bytes.len() as u64;
        Blocked::new(id, bytes.clone(), length, place, |_| Source::Whole(bytes))
    }

    /// Opens an object in a remote pack by reading its prelude.
    pub(crate) fn remote(store: Store, pack: Arc<Pack>, record: Record) -> Result<Blocked> {
        let length = u64::from(record.stored);
        let place = pack.place().to_owned();
        let mut first = pack.frame_part(&record, 0..length.min(FIRST_READ))?;
        if first.len() as u64 == length {
            return Blocked::from_bytes(record.id, first, &place);
        }
        let prelude = Layout::prelude_length(&first).map_err(|reason| pack.corrupt(&record.id, reason))?;
        if prelude > first.len() {
            first = pack.frame_part(&record, 0..prelude as u64)?;
        }
        Blocked::new(record.id, first, length, &place, |layout| {
            let blocks = layout.ends.iter().map(|_| OnceLock::new()).collect();
            Source::Remote { store, place: Mutex::new((pack, record)), blocks }
        })
    }

    fn new(
        id: Hash,
        first: Bytes,
        length: u64,
        place: &str,
        source: impl FnOnce(&Layout) -> Source,
    ) -> Result<Blocked> {
        let bad = |reason: &str| StoreError::corrupt(format!("object {id}"), place, reason);
        let layout = Layout::parse(&first, length).map_err(bad)?;
        let prelude = first.slice(..layout.prelude);
        if Hash::of(&prelude) != id {
            return Err(bad("its prelude does not have the hash that is its id"));
        }
        let verified = (0..layout.ends.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        let bytes = source(&layout);
        Ok(Blocked(Arc::new(Inner { id, prelude, layout, bytes, opened_in: place.into(), verified })))
    }

    /// The object's id.
    pub fn id(&self) -> &Hash {
        &self.0.id
    }

    /// The caller's header.
    pub fn header(&self) -> Bytes {
        self.0.prelude.slice(self.0.layout.header.clone())
    }

    /// How many blocks there are.
    pub fn blocks(&self) -> usize {
        self.0.layout.ends.len()
    }

    /// Bytes of the whole object, prelude and blocks.
    pub fn size(&self) -> u64 {
        self.0.layout.ends.last().copied().unwrap_or(self.0.layout.prelude as u64)
    }

    /// The BLAKE3 of a block, from the prelude; [`None`] when there is no such block.
    pub fn block_hash(&self, at: usize) -> Option<Hash> {
        let start = self.0.layout.hashes + at * 32;
        let part = self.0.prelude.get(start..start + 32).filter(|_| at < self.blocks())?;
        let mut hash = [0; 32];
        hash.copy_from_slice(part);
        Some(Hash(hash))
    }

    fn range(&self, at: usize) -> Option<Range<u64>> {
        let end = *self.0.layout.ends.get(at)?;
        let start = match at {
            0 => self.0.layout.prelude as u64,
            _ => self.0.layout.ends[at - 1],
        };
        Some(start..end)
    }

    /// A part of the object from its remote pack. When the pack was merged or collected since,
    /// the object is looked for again.
    fn fetch(&self, range: Range<u64>) -> Result<Bytes> {
        let Source::Remote { store, place, .. } = &self.0.bytes else {
            return Err(StoreError::Internal("an object at hand is not fetched"));
        };
        let (pack, record) = place.lock().clone();
        match pack.frame_part(&record, range.clone()) {
            Err(error) if is_gone(&error) => {
                store.refresh()?;
                let (pack, record) = store.locate(&self.0.id)?.ok_or(error)?;
                let bytes = pack.frame_part(&record, range)?;
                *place.lock() = (pack, record);
                Ok(bytes)
            }
            other => other,
        }
    }

    /// A block's bytes, verified the first time they are touched. Zero-copy on a local lake.
    pub fn block(&self, at: usize) -> Result<Bytes> {
        let inner = &*self.0;
        let range = self.range(at).ok_or(StoreError::Internal("a block that the object does not have"))?;
        let bytes = match &inner.bytes {
            Source::Whole(bytes) => bytes.slice(range.start as usize..range.end as usize),
            Source::Remote { blocks, .. } => match blocks[at].get() {
                Some(bytes) => bytes.clone(),
                None => {
                    let bytes = self.fetch(range)?;
                    blocks[at].get_or_init(|| bytes).clone()
                }
            },
        };
        let (word, bit) = (&inner.verified[at / 64], 1u64 << (at % 64));
        if word.load(Ordering::Relaxed) & bit == 0 {
            if Some(Hash::of(&bytes)) != self.block_hash(at) {
                let reason = format!("block {at} does not have the hash that its prelude states");
                return Err(StoreError::corrupt(format!("object {}", inner.id), &*inner.opened_in, reason));
            }
            word.fetch_or(bit, Ordering::Relaxed);
        }
        Ok(bytes)
    }

    /// Brings the blocks of a range near in one request; nothing to do on a local lake.
    pub fn prefetch(&self, blocks: Range<usize>) -> Result<()> {
        let Source::Remote { blocks: cached, .. } = &self.0.bytes else { return Ok(()) };
        let end = blocks.end.min(self.blocks());
        let mut missing = (blocks.start..end).filter(|&at| cached[at].get().is_none());
        let (Some(first), last) = (missing.next(), missing.last()) else { return Ok(()) };
        let last = last.unwrap_or(first);
        let (Some(from), Some(to)) = (self.range(first), self.range(last)) else { return Ok(()) };
        let bytes = self.fetch(from.start..to.end)?;
        for at in first..=last {
            if let Some(range) = self.range(at) {
                let part = (range.start - from.start) as usize..(range.end - from.start) as usize;
                cached[at].get_or_init(|| bytes.slice(part));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn object(header: &[u8], blocks: &[&[u8]]) -> (Hash, Vec<u8>) {
        let prelude = prelude(header, blocks).unwrap();
        let id = Hash::of(&prelude);
        (id, [prelude, blocks.concat()].concat())
    }

    #[test]
    fn blocks_read_back_and_a_flipped_bit_is_found_in_its_block_only() {
        let (id, mut bytes) = object(b"header", &[b"one", b"", b"three"]);
        let whole = Blocked::from_bytes(id, bytes.clone().into(), "here").unwrap();
        assert_eq!(&whole.header()[..], b"header");
        assert_eq!((0..3).map(|i| whole.block(i).unwrap().len()).collect::<Vec<_>>(), [3, 0, 5]);
        assert!(whole.block(3).is_err());
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let flipped = Blocked::from_bytes(id, bytes.into(), "here").unwrap();
        assert!(flipped.block(0).is_ok());
        assert!(flipped.block(2).unwrap_err().to_string().contains("block 2"));
    }

    #[test]
    fn every_flipped_or_missing_byte_is_an_error() {
        let (id, bytes) = object(b"h", &[b"abc", b"defgh"]);
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x80;
            let read =
                Blocked::from_bytes(id, bad.into(), "x").and_then(|b| (0..2).try_for_each(|i| b.block(i).map(drop)));
            assert!(read.is_err(), "byte {at}");
            assert!(Blocked::from_bytes(id, bytes[..at].to_vec().into(), "x").is_err(), "cut at {at}");
        }
    }
}
