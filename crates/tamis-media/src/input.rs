//! Random access to bytes that are in memory or in a file, with every read checked and bounded.

use std::io::{Read, Seek, SeekFrom};

/// Something to read from any place of.
pub(crate) trait Bytes: Read + Seek {}
impl<T: Read + Seek> Bytes for T {}

/// A file's bytes. Reads past the end, and errors of the medium, answer [`None`].
pub(crate) struct Input<'a> {
    from: &'a mut dyn Bytes,
    length: u64,
}

impl<'a> Input<'a> {
    /// The length is found by seeking.
    pub(crate) fn new(from: &'a mut dyn Bytes) -> Input<'a> {
        let length = from.seek(SeekFrom::End(0)).unwrap_or(0);
        Input { from, length }
    }

    /// Bytes altogether.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// Exactly `length` bytes from a place.
    pub(crate) fn get(&mut self, at: u64, length: usize) -> Option<Vec<u8>> {
        if at.checked_add(length as u64)? > self.length {
            return None;
        }
        let mut bytes = vec![0; length];
        self.from.seek(SeekFrom::Start(at)).ok()?;
        self.from.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    /// At most `length` bytes from a place; fewer at the end.
    pub(crate) fn upto(&mut self, at: u64, length: u64) -> Vec<u8> {
        let length = length.min(self.length.saturating_sub(at));
        self.get(at, usize::try_from(length).unwrap_or(0)).unwrap_or_default()
    }
}
