//! The integer chunk: frame of reference or delta, then bit packing (docs/spec/page.md §3).
//!
//! Everything that is not bytes ends here: validity, lengths, codes, integers, and floats after their
//! transform. Frame of reference reads one value in O(1), delta in O(64).

use super::bits::{Word, count_ones, get, pack, packed_len, sum_narrow, unpack, width_of};
use super::corrupt;
use super::wire::{Cursor, load_short, put_varint, short_len, unzigzag, zigzag};
use crate::error::TableError;

const DELTA: u8 = 0x80;
/// Values between two anchors of a delta chunk.
const ANCHOR: usize = 64;

/// Smallest (in signed order) and largest distance from it.
pub(crate) fn range_of(values: impl Iterator<Item = u64>) -> (u64, u64) {
    let (mut min, mut max) = (i64::MAX, i64::MIN);
    for v in values {
        min = min.min(v as i64);
        max = max.max(v as i64);
    }
    if min > max { (0, 0) } else { (min as u64, (max as u64).wrapping_sub(min as u64)) }
}

/// Appends one chunk: frame of reference, or delta where that is `allowed` and smaller.
pub(crate) fn encode(values: &[u64], delta_allowed: bool, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let (base, spread) = range_of(values.iter().copied());
    let width = width_of(spread);
    if delta_allowed && values.len() > 2 && width > 1 && encode_delta(values, width, out) {
        return;
    }
    let short = zigzag(base);
    out.extend_from_slice(&[width as u8, short_len(short) as u8]);
    out.extend_from_slice(&short.to_le_bytes()[..short_len(short) as usize]);
    pack(values.iter().map(|v| v.wrapping_sub(base)), width, out);
}

fn steps(values: &[u64], step: u64) -> impl Iterator<Item = u64> {
    let mut last = 0;
    values.iter().enumerate().map(move |(i, &v)| {
        let d = v.wrapping_sub(last).wrapping_sub(step);
        last = v;
        if i % ANCHOR == 0 { 0 } else { d }
    })
}

fn encode_delta(values: &[u64], plain_width: u32, out: &mut Vec<u8>) -> bool {
    let n = values.len();
    let (step, spread) = range_of(
        values.windows(2).enumerate().filter(|(i, _)| (i + 1) % ANCHOR != 0).map(|(_, w)| w[1].wrapping_sub(w[0])),
    );
    let width = width_of(spread);
    let anchors = || values.iter().step_by(ANCHOR).skip(1).map(|v| v.wrapping_sub(values[0]));
    let anchor_width = anchors().map(width_of).max().unwrap_or(0);
    let cost = packed_len(n, width) + packed_len((n - 1) / ANCHOR, anchor_width) + 6;
    if cost >= packed_len(n, plain_width) {
        return false;
    }
    let (base, step_short) = (zigzag(values[0]), zigzag(step));
    out.extend_from_slice(&[width as u8 | DELTA, (short_len(base) | short_len(step_short) << 4) as u8]);
    out.extend_from_slice(&base.to_le_bytes()[..short_len(base) as usize]);
    out.extend_from_slice(&step_short.to_le_bytes()[..short_len(step_short) as usize]);
    out.push(anchor_width as u8);
    put_varint(out, n as u64);
    pack(anchors(), anchor_width, out);
    pack(steps(values, step), width, out);
    true
}

#[derive(Clone, Copy)]
struct Delta<'a> {
    step: u64,
    width: u32,
    anchors: &'a [u8],
    len: usize,
}

/// A chunk opened for reading. Parsing is O(1); each read checks its own range.
#[derive(Clone, Copy)]
pub(crate) struct Ints<'a> {
    width: u32,
    base: u64,
    /// From the packed values to the end of the block, padding included.
    body: &'a [u8],
    /// Bits of `body` that belong to this chunk.
    bits: usize,
    delta: Option<Delta<'a>>,
}

impl<'a> Ints<'a> {
    /// A stream that is one value everywhere.
    pub(crate) fn constant(value: u64) -> Ints<'a> {
        Ints { width: 0, base: value, body: &[], bits: 0, delta: None }
    }

    /// Opens the chunk of `len` bytes at the start of `bytes`, which reaches to the end of the block.
    pub(crate) fn open(bytes: &'a [u8], len: usize) -> Result<Ints<'a>, TableError> {
        let (Some(&first), Some(&lengths)) = (bytes.first(), bytes.get(1)) else {
            return Err(corrupt("chunk ends too early"));
        };
        let width = u32::from(first & !DELTA);
        let (base_len, step_len) = (u32::from(lengths & 15), u32::from(lengths >> 4));
        if width > 64 || base_len > 8 || step_len > 8 {
            return Err(corrupt("width over 64 bits"));
        }
        let base = unzigzag(load_short(bytes, 2, base_len));
        let mut at = 2 + base_len as usize;
        let mut delta = None;
        if first & DELTA != 0 {
            let step = unzigzag(load_short(bytes, at, step_len));
            let tail = bytes.get(at + step_len as usize..).unwrap_or_default();
            let mut cursor = Cursor::new(tail);
            let anchor_width = u32::from(cursor.u8()?);
            let n = cursor.count(u32::MAX as usize)?;
            if anchor_width > 64 {
                return Err(corrupt("width over 64 bits"));
            }
            let anchors = tail.get(cursor.position()..).unwrap_or_default();
            let anchors_len = packed_len(n.saturating_sub(1) / ANCHOR, anchor_width);
            at += step_len as usize + cursor.position() + anchors_len;
            delta = Some(Delta { step, width: anchor_width, anchors, len: n });
        }
        match (bytes.get(at..), len.checked_sub(at)) {
            (Some(body), Some(left)) => Ok(Ints { width, base, body, bits: left * 8, delta }),
            _ => Err(corrupt("chunk ends too early")),
        }
    }

    #[inline]
    fn check(&self, start: usize, len: usize) -> Result<(), TableError> {
        let end = start.checked_add(len).and_then(|end| end.checked_mul(self.width as usize));
        let inside = end.is_some_and(|end| end <= self.bits);
        if inside && self.delta.is_none_or(|d| start + len <= d.len) {
            Ok(())
        } else {
            Err(corrupt("element outside its chunk"))
        }
    }

    /// Reads the values `start ..` into `out`, modulo the word's size.
    pub(crate) fn read<T: Word>(&self, start: usize, out: &mut [T]) -> Result<(), TableError> {
        self.check(start, out.len())?;
        if let Some(delta) = self.delta {
            return self.read_delta(delta, start, out);
        }
        let base = T::cut(self.base);
        if self.width == 0 {
            out.fill(base);
            return Ok(());
        }
        if self.width > T::BITS {
            return Err(corrupt("value wider than its type"));
        }
        unpack(self.body, self.width, start, out);
        if self.base != 0 {
            out.iter_mut().for_each(|o| *o = o.plus(base));
        }
        Ok(())
    }

    fn read_delta<T: Word>(&self, d: Delta<'_>, start: usize, out: &mut [T]) -> Result<(), TableError> {
        let mut at = start;
        let mut written = 0;
        let mut buffer = [0u64; ANCHOR];
        while written < out.len() {
            let (group, first) = (at / ANCHOR, at % ANCHOR);
            let n = (ANCHOR - first).min(out.len() - written);
            let mut v = self.base;
            if group > 0 && d.width > 0 {
                v = v.wrapping_add(get(d.anchors, d.width, group - 1));
            }
            let steps = &mut buffer[..first + n];
            match self.width {
                0 => steps.fill(0),
                w => unpack(self.body, w, group * ANCHOR, steps),
            }
            let out = &mut out[written..written + n];
            for (i, s) in steps.iter().enumerate() {
                if i > 0 {
                    v = v.wrapping_add(*s).wrapping_add(d.step);
                }
                if i >= first {
                    out[i - first] = T::cut(v);
                }
            }
            at += n;
            written += n;
        }
        Ok(())
    }

    /// The sum of `len` values from `start`, which must all be below 2^31 (they are lengths).
    pub(crate) fn sum(&self, start: usize, len: usize) -> Result<usize, TableError> {
        self.check(start, len)?;
        if self.width == 0 && self.delta.is_none() {
            let total = self.base.checked_mul(len as u64).filter(|t| *t <= u64::from(u32::MAX));
            return total.map(|t| t as usize).ok_or_else(|| corrupt("lengths overflow"));
        }
        if self.delta.is_none()
            && self.base < 1 << 31
            && len < 1 << 20
            && let Some(sum) = sum_narrow(self.body, self.width, start, len)
        {
            let sum = self.base * len as u64 + sum;
            return u32::try_from(sum).map(|s| s as usize).map_err(|_| corrupt("lengths overflow"));
        }
        let mut buffer = [0u64; 64];
        let (mut at, end, mut sum, mut or) = (start, start + len, 0u64, 0u64);
        while at < end {
            let part = &mut buffer[..(end - at).min(64)];
            self.read(at, part)?;
            for v in part.iter() {
                sum = sum.wrapping_add(*v);
                or |= v;
            }
            at += part.len();
        }
        if or >> 31 != 0 || sum > u64::from(u32::MAX) { Err(corrupt("lengths overflow")) } else { Ok(sum as usize) }
    }

    /// How many of `len` bits from `start` are set; the chunk must hold bits.
    pub(crate) fn ones(&self, start: usize, len: usize) -> Result<usize, TableError> {
        self.check(start, len)?;
        match (self.width, self.base, self.delta) {
            (0, 0 | 1, None) => Ok(self.base as usize * len),
            (1, 0, None) => Ok(count_ones(self.body, start, len)),
            _ => Err(corrupt("bits expected")),
        }
    }

    /// The packed bits, or [`Err`] with the one value of a constant chunk; the chunk must hold bits.
    pub(crate) fn as_bits(&self, start: usize, len: usize) -> Result<Result<&'a [u8], bool>, TableError> {
        self.check(start, len)?;
        match (self.width, self.base, self.delta) {
            (0, 0 | 1, None) => Ok(Err(self.base == 1)),
            (1, 0, None) => Ok(Ok(self.body)),
            _ => Err(corrupt("bits expected")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn round_trip(values: &[u64]) -> usize {
        let mut bytes = Vec::new();
        encode(values, true, &mut bytes);
        let len = bytes.len();
        bytes.extend_from_slice(&[0; 8]);
        let ints = Ints::open(&bytes, len).unwrap();
        for start in [0, values.len() / 3, values.len() - 1] {
            let mut out = vec![0u64; values.len() - start];
            ints.read(start, &mut out).unwrap();
            assert_eq!(out, &values[start..]);
        }
        assert!(ints.read(1, &mut vec![0u64; values.len() + 80]).is_err() || ints.width == 0);
        len
    }

    #[test]
    fn ascending_ids_take_the_delta_form() {
        let ids: Vec<u64> = (0..1280u64).map(|i| 1_000_000 + i * 3 + i % 2).collect();
        assert!(round_trip(&ids) < 1280 * 2 / 4, "{}", round_trip(&ids));
    }

    proptest! {
        #[test]
        fn any_values_read_back(mut v in proptest::collection::vec(any::<u64>(), 1..300), bits in 0u32..64, sort in any::<bool>()) {
            v.iter_mut().for_each(|x| *x >>= bits);
            if sort { v.sort_unstable(); }
            round_trip(&v);
        }
    }
}
