//! One block opened for reading: its directory checked once, its chunks found in O(1).

use bytes::Bytes;

use super::header::Stream;
use super::ints::Ints;
use super::numbers::{Number, Numbers};
use super::{MAX_UNZIPPED, PADDING, corrupt, most_elements};
use crate::error::TableError;

/// A block with a checked directory.
///
/// INVARIANT: the directory's offsets ascend, and the last is at least 8 bytes before the block's end.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    bytes: Bytes,
    wide: bool,
    slots: usize,
}

impl Block {
    /// Checks the directory of a block of `slots` streams. O(streams).
    pub(crate) fn open(bytes: Bytes, slots: usize) -> Result<Block, TableError> {
        let wide = match bytes.first() {
            Some(0) => false,
            Some(1) => true,
            _ => return Err(corrupt("unknown kind of block")),
        };
        let block = Block { bytes, wide, slots };
        let mut last = 1 + (slots + 1) * if wide { 4 } else { 2 };
        if block.bytes.len() < last + PADDING {
            return Err(corrupt("block ends in its directory"));
        }
        for slot in 0..=slots {
            let at = block.offset(slot);
            if at < last {
                return Err(corrupt("chunks out of order"));
            }
            last = at;
        }
        if last + PADDING > block.bytes.len() {
            return Err(corrupt("chunk outside its block"));
        }
        Ok(block)
    }

    #[inline]
    fn offset(&self, slot: usize) -> usize {
        if self.wide {
            let at = 1 + 4 * slot;
            self.bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)
        } else {
            let at = 1 + 2 * slot;
            self.bytes.get(at..at + 2).map_or(0, |b| usize::from(u16::from_le_bytes([b[0], b[1]])))
        }
    }

    /// The bytes from chunk `slot` to the end of the block, and the chunk's length.
    #[inline]
    pub(crate) fn chunk(&self, slot: u16) -> Result<(&[u8], usize), TableError> {
        let slot = usize::from(slot);
        if slot >= self.slots {
            return Err(corrupt("stream out of range"));
        }
        let (from, to) = (self.offset(slot), self.offset(slot + 1));
        self.bytes.get(from..).map(|b| (b, to - from)).ok_or_else(|| corrupt("chunk outside its block"))
    }

    /// Opens a stream of bare integers.
    #[inline]
    pub(crate) fn ints(&self, stream: Stream) -> Result<Ints<'_>, TableError> {
        match stream {
            Stream::Constant(value) => Ok(Ints::constant(value)),
            Stream::Slot(slot) => {
                let (bytes, len) = self.chunk(slot)?;
                Ints::open(bytes, len)
            }
        }
    }

    /// Opens a stream of numbers.
    #[inline]
    pub(crate) fn numbers(&self, stream: Stream, number: Number) -> Result<Numbers<'_>, TableError> {
        match stream {
            Stream::Constant(bits) => Ok(Numbers::constant(bits, number)),
            Stream::Slot(slot) => Numbers::open(slot, |i| self.chunk(i)),
        }
    }

    /// The content of a byte chunk: in place, or unpacked into `scratch`.
    pub(crate) fn content<'a>(&'a self, slot: u16, scratch: &'a mut Vec<u8>) -> Result<&'a [u8], TableError> {
        let (bytes, len) = self.chunk(slot)?;
        let chunk = bytes.get(..len).unwrap_or_default();
        match chunk.split_first() {
            None => Ok(&[]),
            Some((0, raw)) => Ok(raw),
            Some((1, rest)) => {
                let (head, frame) = rest.split_first_chunk::<4>().ok_or_else(|| corrupt("chunk ends too early"))?;
                let raw_len = u32::from_le_bytes(*head) as usize;
                if raw_len > MAX_UNZIPPED + 256 * frame.len() {
                    return Err(corrupt("compressed chunk over its bound"));
                }
                *scratch = zstd::bulk::decompress(frame, raw_len).map_err(|_| corrupt("compressed chunk is broken"))?;
                if scratch.len() != raw_len {
                    Err(corrupt("compressed chunk has the wrong length"))
                } else {
                    Ok(scratch)
                }
            }
            Some(_) => Err(corrupt("unknown codec")),
        }
    }

    /// The most elements that a node may have in this block.
    pub(crate) fn most(&self) -> usize {
        most_elements(self.bytes.len())
    }

    /// The block of a page that has none, because everything is constant.
    pub(crate) fn none() -> Block {
        Block { bytes: Bytes::new(), wide: false, slots: 0 }
    }
}
