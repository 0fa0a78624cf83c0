//! Varints, zigzag, and a cursor over bytes that nobody vouches for.
//!
//! Every read is checked and ends in [`TableError::Corrupt`]; nothing here panics.

use super::corrupt;
use crate::error::TableError;

/// Appends an unsigned LEB128 integer.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

/// Appends a length and the bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Small magnitudes to small numbers, whatever the sign.
pub(crate) fn zigzag(v: u64) -> u64 {
    (v << 1) ^ ((v as i64 >> 63) as u64)
}

/// The inverse of [`zigzag`].
pub(crate) fn unzigzag(v: u64) -> u64 {
    (v >> 1) ^ (v & 1).wrapping_neg()
}

/// Reads forward through untrusted bytes.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, at: 0 }
    }

    /// How many bytes have been read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn u8(&mut self) -> Result<u8, TableError> {
        let b = *self.bytes.get(self.at).ok_or_else(|| corrupt("ends too early"))?;
        self.at += 1;
        Ok(b)
    }

    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], TableError> {
        let end = self.at.checked_add(n).ok_or_else(|| corrupt("length overflows"))?;
        let bytes = self.bytes.get(self.at..end).ok_or_else(|| corrupt("ends too early"))?;
        self.at = end;
        Ok(bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, TableError> {
        Ok(load64(self.take(8)?, 0))
    }

    pub(crate) fn varint(&mut self) -> Result<u64, TableError> {
        let mut v = 0u64;
        for shift in (0..64).step_by(7) {
            let b = self.u8()?;
            if shift == 63 && b > 1 {
                break;
            }
            v |= u64::from(b & 0x7f) << shift;
            if b < 0x80 {
                return Ok(v);
            }
        }
        Err(corrupt("varint overflows"))
    }

    /// A varint that may be at most `max`.
    pub(crate) fn count(&mut self, max: usize) -> Result<usize, TableError> {
        let v = self.varint()?;
        if v > max as u64 { Err(corrupt("count over its limit")) } else { Ok(v as usize) }
    }
}

/// Eight bytes at `at` as an integer, or zero where the slice ends before: the caller has checked the
/// range that matters, and a bad answer is a wrong number, never a panic.
#[inline(always)]
pub(crate) fn load64(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..).and_then(|b| b.first_chunk::<8>()) {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => 0,
    }
}

/// The low `n` bytes (0 to 8) of the eight at `at`.
#[inline]
pub(crate) fn load_short(bytes: &[u8], at: usize, n: u32) -> u64 {
    let v = load64(bytes, at);
    if n >= 8 { v } else { v & ((1u64 << (8 * n)) - 1) }
}

/// How many bytes `v` needs.
pub(crate) fn short_len(v: u64) -> u32 {
    (64 - v.leading_zeros()).div_ceil(8)
}
