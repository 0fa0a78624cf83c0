//! Bit packing: `n` integers of `w` bits each, least significant bit first.
//!
//! INVARIANT: a packed body is followed by at least 8 readable bytes (the block's padding), so
//! that whole words can be loaded. Unpacking goes in groups of eight values (= `w` bytes), each width
//! its own unrolled loop; what does not fill a group is read one value at a time.

use super::wire::load64;

/// An unsigned integer that values are unpacked into.
pub(crate) trait Word: Copy + Default + Send + Sync + 'static {
    /// Its bits.
    const BITS: u32;
    /// The low bits of `v`.
    fn cut(v: u64) -> Self;
    /// Addition modulo 2^BITS.
    fn plus(self, base: Self) -> Self;
}

macro_rules! words {
    ($($t:ty),*) => {$(
        impl Word for $t {
            const BITS: u32 = <$t>::BITS;
            #[inline(always)]
            fn cut(v: u64) -> Self { v as $t }
            #[inline(always)]
            fn plus(self, base: Self) -> Self { self.wrapping_add(base) }
        }
    )*};
}
words!(u8, u16, u32, u64);

/// Bits needed for `v`.
pub(crate) fn width_of(v: u64) -> u32 {
    64 - v.leading_zeros()
}

/// Bytes that `n` values of `width` bits fill; saturates.
pub(crate) fn packed_len(n: usize, width: u32) -> usize {
    (n as u128 * u128::from(width)).div_ceil(8).min(usize::MAX as u128) as usize
}

/// Appends `values`, each below 2^width.
pub(crate) fn pack(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    let (mut acc, mut used) = (0u64, 0u32);
    for v in values {
        acc |= v << used;
        used += width;
        if used >= 64 {
            out.extend_from_slice(&acc.to_le_bytes());
            used -= 64;
            acc = v.checked_shr(width - used).unwrap_or(0);
        }
    }
    let tail = acc.to_le_bytes();
    out.extend_from_slice(&tail[..(used.div_ceil(8) as usize).min(8)]);
}

/// Value `i` of a body of `width` > 0.
#[inline(always)]
pub(crate) fn get(body: &[u8], width: u32, i: usize) -> u64 {
    let bit = i * width as usize;
    let (at, shift) = (bit / 8, (bit % 8) as u32);
    let mut v = load64(body, at) >> shift;
    if shift + width > 64 {
        v |= u64::from(body.get(at + 8).copied().unwrap_or(0)) << (64 - shift);
    }
    v & (u64::MAX >> (64 - width))
}

/// Unpacks values `start ..` into `out`. The caller has checked that they are in the body.
pub(crate) fn unpack<T: Word>(body: &[u8], width: u32, start: usize, out: &mut [T]) {
    let head = (start.next_multiple_of(8) - start).min(out.len());
    let (head, rest) = out.split_at_mut(head);
    for (k, o) in head.iter_mut().enumerate() {
        *o = T::cut(get(body, width, start + k));
    }
    let start = start + head.len();
    let from = start / 8 * width as usize;
    let groups = rest.len() / 8;
    let (full, tail) = rest.split_at_mut(groups * 8);
    if let Some(src) = body.get(from..) {
        unpack_groups(src, width, full);
    }
    for (k, o) in tail.iter_mut().enumerate() {
        *o = T::cut(get(body, width, start + groups * 8 + k));
    }
}

#[inline(always)]
fn groups<T: Word, const W: usize>(src: &[u8], out: &mut [T]) {
    let mask = u64::MAX >> (64 - W);
    let (out, _) = out.as_chunks_mut::<8>();
    for (g, out) in out.iter_mut().enumerate() {
        let Some(src) = src.get(g * W..g * W + W + 8) else { return };
        for (i, o) in out.iter_mut().enumerate() {
            let (at, shift) = (i * W / 8, (i * W % 8) as u32);
            let mut v = load64(src, at) >> shift;
            if shift as usize + W > 64 {
                v |= u64::from(src[at + 8]) << (64 - shift);
            }
            *o = T::cut(v & mask);
        }
    }
}

macro_rules! dispatch {
    ($width:expr, $src:expr, $out:expr, $($w:literal)*) => {
        match $width { $($w => groups::<T, $w>($src, $out),)* _ => {} }
    };
}

fn unpack_groups<T: Word>(src: &[u8], width: u32, out: &mut [T]) {
    // Widths over the word's are refused before; the constant condition keeps their code out.
    if width <= 8 {
        dispatch!(width, src, out, 1 2 3 4 5 6 7 8);
    } else if T::BITS > 8 && width <= 16 {
        dispatch!(width, src, out, 9 10 11 12 13 14 15 16);
    } else if T::BITS > 16 && width <= 32 {
        dispatch!(width, src, out, 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
    } else if T::BITS > 32 {
        dispatch!(width, src, out, 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48
            49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64);
    }
}

/// How many of the bits `start .. start + len` of a body of width 1 are set.
pub(crate) fn count_ones(body: &[u8], start: usize, len: usize) -> usize {
    let (mut at, end) = (start, start + len);
    let mut ones = 0;
    while at < end {
        let shift = at % 8;
        let n = (64 - shift).min(end - at);
        let word = load64(body, at / 8) >> shift;
        ones += (if n == 64 { word } else { word & ((1u64 << n) - 1) }).count_ones() as usize;
        at += n;
    }
    ones
}

/// The sum of `len` values from `start` of a body whose width divides a byte; [`None`] for other widths.
///
/// A word's fields are added pairwise until a multiplication can add the rest.
pub(crate) fn sum_narrow(body: &[u8], width: u32, start: usize, len: usize) -> Option<u64> {
    let add: fn(u64) -> u64 = match width {
        1 => |x| u64::from(x.count_ones()),
        2 => |x| {
            let x = (x & 0x3333_3333_3333_3333) + ((x >> 2) & 0x3333_3333_3333_3333);
            (((x + (x >> 4)) & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul(0x0101_0101_0101_0101)) >> 56
        },
        4 => |x| {
            let x = (x & 0x0f0f_0f0f_0f0f_0f0f) + ((x >> 4) & 0x0f0f_0f0f_0f0f_0f0f);
            x.wrapping_mul(0x0101_0101_0101_0101) >> 56
        },
        8 => |x| {
            let x = (x & 0x00ff_00ff_00ff_00ff) + ((x >> 8) & 0x00ff_00ff_00ff_00ff);
            x.wrapping_mul(0x0001_0001_0001_0001) >> 48
        },
        _ => return None,
    };
    let (mut bit, end) = (start * width as usize, (start + len) * width as usize);
    let mut sum = 0;
    while bit < end {
        let shift = bit % 8;
        let n = (64 - shift).min(end - bit);
        let word = load64(body, bit / 8) >> shift;
        sum += add(if n == 64 { word } else { word & ((1u64 << n) - 1) });
        bit += n;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_reads_back_from_every_start() {
        for width in 1..=64u32 {
            let mask = u64::MAX >> (64 - width);
            let values: Vec<u64> = (0..50u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask).collect();
            let mut body = Vec::new();
            pack(values.iter().copied(), width, &mut body);
            assert_eq!(body.len(), packed_len(50, width));
            body.extend_from_slice(&[0xff; 8]);
            for start in 0..50 {
                let mut out = vec![0u64; 50 - start];
                unpack(&body, width, start, &mut out);
                assert_eq!(out, values[start..], "width {width} from {start}");
            }
        }
    }

    #[test]
    fn narrow_values_are_summed_in_any_range() {
        for width in [1u32, 2, 4, 8] {
            let values: Vec<u64> = (0..300u64).map(|i| (i * i * 31 / 7) & ((1 << width) - 1)).collect();
            let mut body = Vec::new();
            pack(values.iter().copied(), width, &mut body);
            body.extend_from_slice(&[0xff; 8]);
            for (a, b) in [(0, 300), (1, 64), (63, 65), (5, 5), (70, 299), (8, 72)] {
                assert_eq!(sum_narrow(&body, width, a, b - a), Some(values[a..b].iter().sum()), "{width}: {a}..{b}");
            }
            let full = vec![0xff; 80];
            assert_eq!(
                sum_narrow(&full, width, 0, 300 / width as usize),
                Some(300 / u64::from(width) * ((1 << width) - 1))
            );
        }
        assert_eq!(sum_narrow(&[0; 16], 3, 0, 4), None);
    }

    #[test]
    fn ones_are_counted_in_any_range() {
        let bits: Vec<u64> = (0..300u64).map(|i| (i * i / 7) & 1).collect();
        let mut body = Vec::new();
        pack(bits.iter().copied(), 1, &mut body);
        body.extend_from_slice(&[0xff; 8]);
        for (a, b) in [(0, 300), (1, 64), (63, 65), (5, 5), (70, 299), (8, 72)] {
            assert_eq!(count_ones(&body, a, b - a), bits[a..b].iter().sum::<u64>() as usize, "{a}..{b}");
        }
    }
}
