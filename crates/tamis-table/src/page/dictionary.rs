//! Distinct values by the order of their first use: collected when writing, kept in the header when read.

use std::ops::Range;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::corrupt;
use super::wire::{Cursor, put_varint};
use crate::error::TableError;

/// Longest entry: keeps what a code can expand to in proportion.
pub(crate) const MAX_ENTRY: usize = 128;
/// Most entries of one dictionary; the header is read as a whole, so it stays small.
pub(crate) const MAX_ENTRIES: usize = 4096;
/// Most bytes of one dictionary's entries.
const MAX_BYTES: usize = 32 * 1024;
const EMPTY: u32 = u32::MAX;

/// Gives equal values equal codes.
pub(crate) struct Interner<'a> {
    /// Open addressing over a power of two of slots.
    slots: Vec<u32>,
    entries: Vec<&'a [u8]>,
    bytes: usize,
}

impl<'a> Interner<'a> {
    pub(crate) fn new() -> Interner<'a> {
        Interner { slots: vec![EMPTY; 64], entries: Vec::new(), bytes: 0 }
    }

    /// The value's code; [`None`] when the dictionary would outgrow its limits.
    pub(crate) fn code(&mut self, value: &'a [u8]) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut at = xxh3_64(value) as usize & mask;
        loop {
            match self.slots[at] {
                EMPTY => break,
                code if self.entries[code as usize] == value => return Some(code),
                _ => at = (at + 1) & mask,
            }
        }
        if self.entries.len() == MAX_ENTRIES || value.len() > MAX_ENTRY || self.bytes + value.len() > MAX_BYTES {
            return None;
        }
        let code = self.entries.len() as u32;
        self.slots[at] = code;
        self.entries.push(value);
        self.bytes += value.len();
        if self.entries.len() * 2 > self.slots.len() {
            self.grow();
        }
        Some(code)
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        self.slots = vec![EMPTY; mask + 1];
        for (code, value) in self.entries.iter().enumerate() {
            let mut at = xxh3_64(value) as usize & mask;
            while self.slots[at] != EMPTY {
                at = (at + 1) & mask;
            }
            self.slots[at] = code as u32;
        }
    }

    pub(crate) fn entries(&self) -> &[&'a [u8]] {
        &self.entries
    }

    /// Bytes of the dictionary in a header.
    pub(crate) fn cost(&self) -> usize {
        self.bytes + self.entries.len() + 2
    }

    /// Appends the dictionary's encoding.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        put_varint(out, self.entries.len() as u64);
        self.entries.iter().for_each(|e| put_varint(out, e.len() as u64));
        self.entries.iter().for_each(|e| out.extend_from_slice(e));
    }
}

/// A dictionary of a page, checked when the page was opened.
///
/// INVARIANT: `ends` ascends, starts at 0 and stays within `bytes`.
#[derive(Clone, Debug)]
pub(crate) struct Dictionary {
    bytes: Bytes,
    ends: Vec<u32>,
}

impl Dictionary {
    /// Parses a dictionary at the cursor, which runs over `header`.
    pub(crate) fn read(cursor: &mut Cursor<'_>, header: &Bytes, utf8: bool) -> Result<Dictionary, TableError> {
        let n = cursor.count(MAX_ENTRIES)?;
        if n == 0 {
            return Err(corrupt("dictionary without entries"));
        }
        let mut ends = Vec::with_capacity(n + 1);
        let mut end = 0u32;
        ends.push(end);
        for _ in 0..n {
            end += cursor.count(MAX_ENTRY)? as u32;
            ends.push(end);
        }
        let at = cursor.position();
        let content = cursor.take(end as usize)?;
        if utf8 {
            let text = std::str::from_utf8(content).map_err(|_| corrupt("dictionary is not utf-8"))?;
            if ends.iter().any(|e| !text.is_char_boundary(*e as usize)) {
                return Err(corrupt("dictionary is not utf-8"));
            }
        }
        Ok(Dictionary { bytes: header.slice(at..at + end as usize), ends })
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len() - 1
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where entry `code` is in [`Dictionary::bytes`].
    #[inline(always)]
    pub(crate) fn range(&self, code: usize) -> Option<Range<usize>> {
        Some(*self.ends.get(code)? as usize..*self.ends.get(code + 1)? as usize)
    }

    /// All entries in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &[u8]> {
        self.ends.windows(2).map(|w| &self.bytes[w[0] as usize..w[1] as usize])
    }
}
