//! The page: one column group of one leaf, encoded for point reads and scans at once.
//!
//! Promises: whatever Arrow arrays go in come out, bit for bit; equal values give equal bytes; one row is
//! read by index arithmetic from one block; a projection touches only its own streams. Hides: the
//! layout (docs/spec/page.md), the encodings, the shredding of nested types.
//!
//! INVARIANT: pages are untrusted. Whatever the bytes, reading ends in arrays or in
//! [`TableError::Corrupt`]; nothing panics, and what is allocated is bounded by the size of the input
//! (16,384 + 8 elements a byte, for each node and block). See docs/adr/0020 to 0023.
//!
//! ```text
//! header   magic · rows · tree of nodes with names, constants and dictionaries
//! block 0  offsets of chunks · chunk of stream 0 · chunk of stream 1 · … · 8 zero bytes
//! block 1  …                                                       (256 rows each)
//! ```

mod bits;
mod block;
mod dictionary;
mod encode;
mod header;
mod ints;
mod leaf;
mod numbers;
mod physical;
mod projection;
mod read;
mod shred;
mod wire;

pub mod fuzz;
pub mod keys;

#[cfg(test)]
pub(crate) mod tests;

use bytes::Bytes;

pub use encode::{EncodedPage, encode};
pub use projection::Projection;
pub use read::Page;

pub(crate) use physical::{Physical, physical};
pub(crate) use wire::put_varint;

use crate::error::TableError;

/// Rows in a block; the last block of a page may have fewer.
pub const BLOCK_ROWS: usize = 256;
/// Most rows of a page.
pub const MAX_ROWS: usize = 131_072;

/// Zero bytes at the end of a block, so that whole words can be loaded anywhere in it.
const PADDING: usize = 8;
/// Elements of a node that a block may have whatever its size; see [`most_elements`].
const FREE_ELEMENTS: usize = 16_384;
const MAX_NODES: usize = 4096;
const MAX_LEVELS: usize = 48;
const MAX_NAME: usize = 1024;
const MAX_BLOCK: usize = 1 << 30;
/// A zstd frame may expand to this and 256 times its length.
const MAX_UNZIPPED: usize = 1 << 20;

/// Where a page's bytes are: a blocked object of the store, or memory.
pub trait Blocks: Send + Sync {
    /// The page's header.
    fn header(&self) -> Bytes;
    /// How many blocks there are.
    fn blocks(&self) -> usize;
    /// The bytes of one block.
    fn block(&self, i: usize) -> Result<Bytes, TableError>;
}

/// A page in memory: just encoded, or a test's.
#[derive(Clone, Debug, Default)]
pub struct MemoryBlocks {
    header: Bytes,
    blocks: Vec<Bytes>,
}

impl From<EncodedPage> for MemoryBlocks {
    fn from(page: EncodedPage) -> MemoryBlocks {
        MemoryBlocks { header: page.header.into(), blocks: page.blocks.into_iter().map(Bytes::from).collect() }
    }
}

impl Blocks for MemoryBlocks {
    fn header(&self) -> Bytes {
        self.header.clone()
    }

    fn blocks(&self) -> usize {
        self.blocks.len()
    }

    fn block(&self, i: usize) -> Result<Bytes, TableError> {
        self.blocks.get(i).cloned().ok_or_else(|| corrupt("block missing"))
    }
}

// The one implementation for stored pages; it stays here, beside the trait.
impl Blocks for tamis_store::Blocked {
    fn header(&self) -> Bytes {
        self.header()
    }

    fn blocks(&self) -> usize {
        self.blocks()
    }

    fn block(&self, i: usize) -> Result<Bytes, TableError> {
        Ok(self.block(i)?)
    }
}

/// The most elements that one node may have in a block of `len` bytes.
fn most_elements(len: usize) -> usize {
    FREE_ELEMENTS + 8 * len
}

/// A page whose bytes break the format.
fn corrupt(reason: &'static str) -> TableError {
    TableError::Corrupt { what: "page", reason }
}
