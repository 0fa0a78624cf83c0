//! Label Studio's masks: the bytes of an RGBA picture, whose alpha is the mask, packed in runs of bits.
//!
//! Source: the format of `@thi.ng/rle-pack`: 32 bits how many words, 5 bits the size of a word less 1, four times 4
//! bits the size of a count less 1; then blocks: 1 bit whether a word repeats, 2 bits which size of count, the count
//! less 1, and the word once or the words.

use serde_json::Value;
use tamis_core::Rle;

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut out = 0u32;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            out = (out << 1) | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(out)
    }
}

/// The mask out of packed bytes; [`None`] when they do not make a picture of the size.
pub(super) fn unpack(bytes: &[u8], (width, height): (u32, u32)) -> Option<Rle> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels > 1 << 28 {
        return None;
    }
    let mut bits = Bits { bytes, at: 0 };
    let words = u64::from(bits.take(32)?);
    let word = bits.take(5)? + 1;
    let mut sizes = [0u32; 4];
    for size in &mut sizes {
        *size = bits.take(4)? + 1;
    }
    if words != pixels * 4 || word > 16 {
        return None;
    }
    let mut mask = vec![0u8; pixels as usize];
    let mut set = |at: u64, value: u32| {
        if at % 4 == 3
            && value > 0
            && let Some(pixel) = mask.get_mut((at / 4) as usize)
        {
            *pixel = 1;
        }
    };
    let mut at = 0u64;
    while at < words {
        let repeats = bits.take(1)? == 1;
        let size = *sizes.get(bits.take(2)? as usize)?;
        let end = (at + 1 + u64::from(bits.take(size)?)).min(words);
        let mut value = if repeats { bits.take(word)? } else { 0 };
        for place in at..end {
            if !repeats {
                value = bits.take(word)?;
            }
            set(place, value);
        }
        at = end;
    }
    Rle::from_mask(width, height, &mask).ok()
}

/// The bytes of a value: numbers 0 to 255.
pub(super) fn bytes(value: &Value) -> Option<Vec<u8>> {
    value.as_array()?.iter().map(|v| v.as_u64().and_then(|n| u8::try_from(n).ok())).collect()
}

const SIZES: [u32; 4] = [3, 4, 8, 16];

/// A mask in packed bytes.
pub(super) fn pack(rle: &Rle) -> Option<Vec<u8>> {
    let mask = rle.to_mask().ok()?;
    let words = u32::try_from(mask.len() * 4).ok()?;
    let (mut out, mut filled) = (Vec::new(), 0u32);
    let mut put = |value: u32, count: u32| {
        for bit in (0..count).rev() {
            if filled % 8 == 0 {
                out.push(0u8);
            }
            if let Some(last) = out.last_mut() {
                *last |= ((value >> bit & 1) as u8) << (7 - filled % 8);
            }
            filled += 1;
        }
    };
    put(words, 32);
    put(7, 5);
    SIZES.iter().for_each(|size| put(size - 1, 4));
    for run in mask.chunk_by(|a, b| a == b) {
        let value = if run.first() == Some(&1) { 255 } else { 0 };
        let mut left = run.len() as u64 * 4;
        while left > 0 {
            let count = left.min(1 << 16);
            let which = SIZES.iter().position(|size| count <= 1 << size).unwrap_or(3);
            put(1, 1);
            put(which as u32, 2);
            put((count - 1) as u32, SIZES.get(which).copied().unwrap_or(16));
            put(value, 8);
            left -= count;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_come_back() {
        let mask: Vec<u8> = (0..700u32).map(|i| u8::from(i % 7 == 0 || i > 300 && i < 500)).collect();
        let rle = Rle::from_mask(35, 20, &mask).unwrap();
        let packed = pack(&rle).unwrap();
        assert_eq!(unpack(&packed, (35, 20)), Some(rle));
        assert_eq!(unpack(&packed, (35, 21)), None);
        assert_eq!(unpack(&packed[..packed.len() / 2], (35, 20)), None);
    }
}
