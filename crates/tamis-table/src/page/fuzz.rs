//! Entry points for fuzzers: bytes in, no panic out. Not part of the interface.
#![doc(hidden)]

use arrow::datatypes::Fields;
use bytes::Bytes;

use super::keys::KeyPage;
use super::{MemoryBlocks, Page, Projection};

/// Splits an input into a header and blocks: u16 lengths before each part, the rest is the last one.
fn parts(mut input: &[u8]) -> MemoryBlocks {
    let mut parts = Vec::new();
    while let Some((head, rest)) = input.split_first_chunk::<2>() {
        let n = usize::from(u16::from_le_bytes(*head)).min(rest.len());
        parts.push(Bytes::copy_from_slice(&rest[..n]));
        input = &rest[n..];
    }
    let mut parts = parts.into_iter();
    MemoryBlocks { header: parts.next().unwrap_or_default(), blocks: parts.collect() }
}

/// The inverse of what the targets do to their input, for seeding a corpus.
pub fn join(header: &[u8], blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in std::iter::once(header).chain(blocks.iter().map(Vec::as_slice)) {
        out.extend_from_slice(&(part.len() as u16).to_le_bytes());
        out.extend_from_slice(part);
    }
    out
}

/// Reads a page in all ways with a schema.
pub fn page(input: &[u8], fields: &Fields) {
    read(parts(input), fields);
}

/// Reads a page of these parts in all ways with a schema; whether all of it could be read.
pub fn read(blocks: MemoryBlocks, fields: &Fields) -> bool {
    let Ok(page) = Page::open(blocks) else { return false };
    let all = Projection::all(fields);
    let scanned = page.scan(0..page.len(), &all).is_ok();
    let last = (page.len() as u32).saturating_sub(1);
    let taken = page.take(&[last / 2, last, 0, last / 3], &all).is_ok();
    for field in fields {
        if let Ok(one) = Projection::select(fields, &[field.name()]) {
            let _ = page.scan(page.len() / 3..page.len(), &one).is_ok();
        }
    }
    scanned && taken
}

/// Reads a key page in all ways.
pub fn keys(input: &[u8]) {
    read_keys(parts(input));
}

/// Reads a key page of these parts in all ways; whether all of it could be read.
pub fn read_keys(blocks: MemoryBlocks) -> bool {
    let Ok(page) = KeyPage::open(blocks) else { return false };
    let scanned = page.scan(0..page.len()).is_ok();
    let key = page.key(page.len() / 2).unwrap_or_default();
    scanned && page.find(&key).is_ok() && page.find(b"seg").is_ok()
}
