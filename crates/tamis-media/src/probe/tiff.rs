//! TIFF, classic and big: the first image file directory. EXIF is the same structure, so its orientation is read here.
//!
//! ```text
//! classic: "II" 2A 00 offset:4 | count:2 (tag:2 type:2 count:4 value-or-offset:4)* next:4
//! big:     "II" 2B 00 08 00 00 00 offset:8 | count:8 (tag:2 type:2 count:8 value-or-offset:8)* next:8
//! ```
//! Source: TIFF 6.0; BigTIFF as the libtiff documentation describes it.

use super::{Fault, Found, ImageProbe, upright};
use crate::numbers::array;

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS: u16 = 258;
const PHOTOMETRIC: u16 = 262;
const STRIP_OFFSETS: u16 = 273;
const ORIENTATION: u16 = 274;
const SAMPLES: u16 = 277;
const STRIP_BYTES: u16 = 279;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTES: u16 = 325;
const EXTRA_SAMPLES: u16 = 338;

/// The bytes with their byte order and offset width.
struct Reader<'a> {
    bytes: &'a [u8],
    big_endian: bool,
    is_big: bool,
}

/// One entry of a directory.
struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    /// Where its value, or the offset of its values, stands.
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Option<Reader<'a>> {
        let big_endian = match array(bytes, 0)? {
            [b'I', b'I'] => false,
            [b'M', b'M'] => true,
            _ => return None,
        };
        let mut reader = Reader { bytes, big_endian, is_big: false };
        reader.is_big = reader.number(2, 2)? == 43;
        Some(reader)
    }

    /// An unsigned number of 1, 2, 4 or 8 bytes.
    fn number(&self, at: usize, width: usize) -> Option<u64> {
        let raw = self.bytes.get(at..at.checked_add(width)?)?;
        let join = |n: u64, b: &u8| n << 8 | u64::from(*b);
        Some(if self.big_endian { raw.iter().fold(0, join) } else { raw.iter().rev().fold(0, join) })
    }

    /// Width of offsets and counts in bytes.
    fn word(&self) -> usize {
        if self.is_big { 8 } else { 4 }
    }

    /// Where the first directory starts, and the widths of its count and of each entry.
    fn directory(&self) -> Option<(usize, usize, usize)> {
        let start = usize::try_from(self.number(if self.is_big { 8 } else { 4 }, self.word())?).ok()?;
        Some(if self.is_big { (start, 8, 20) } else { (start, 2, 12) })
    }

    /// How many entries the first directory says it has.
    fn count(&self) -> Option<u64> {
        let (start, counted, _) = self.directory()?;
        self.number(start, counted)
    }

    /// The entries of the first directory; ends early where the bytes do.
    fn entries(&self) -> Option<impl Iterator<Item = Entry> + '_> {
        let (start, counted, size) = self.directory()?;
        // No more entries than the bytes can hold.
        let count = usize::try_from(self.count()?).ok()?.min(self.bytes.len() / size);
        Some((0..count).map_while(move |i| {
            let at = start.checked_add(counted)?.checked_add(i * size)?;
            let entry = Entry {
                tag: self.number(at, 2)? as u16,
                kind: self.number(at + 2, 2)? as u16,
                count: self.number(at + 4, self.word())?,
                at: at + 4 + self.word(),
            };
            (at + size <= self.bytes.len()).then_some(entry)
        }))
    }

    /// Where the values of an entry end in the file, wherever they stand; [`None`] when that overflows.
    fn end(&self, entry: &Entry) -> Option<u64> {
        let width = match entry.kind {
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 | 17 | 18 => 8,
            _ => 1,
        };
        let size = entry.count.checked_mul(width)?;
        let is_inline = size <= self.word() as u64;
        let start = if is_inline { entry.at as u64 } else { self.number(entry.at, self.word())? };
        start.checked_add(size)
    }

    /// The `i`-th number of an entry, wherever it stands; [`None`] for types that are not whole numbers.
    fn value(&self, entry: &Entry, i: u64) -> Option<u64> {
        let width = match entry.kind {
            1 | 7 => 1,
            3 => 2,
            4 | 13 => 4,
            16 | 18 => 8,
            _ => return None,
        };
        if i >= entry.count {
            return None;
        }
        let is_inline = entry.count.checked_mul(width)? <= self.word() as u64;
        let start = if is_inline { entry.at as u64 } else { self.number(entry.at, self.word())? };
        self.number(usize::try_from(start.checked_add(i.checked_mul(width)?)?).ok()?, width as usize)
    }
}

/// The orientation in a TIFF structure (an EXIF payload), 1 to 8.
pub(super) fn orientation(bytes: &[u8]) -> Option<u8> {
    let reader = Reader::new(bytes)?;
    let entry = reader.entries()?.find(|e| e.tag == ORIENTATION)?;
    reader.value(&entry, 0).and_then(|v| u8::try_from(v).ok()).filter(|v| (1..=8).contains(v))
}

pub(super) fn probe(bytes: &[u8]) -> Found {
    let reader = Reader::new(bytes).ok_or(Fault::End)?;
    let (mut width, mut height, mut orientation, mut palette) = (None, None, 1, false);
    let (mut bits, mut samples, mut extra) = (1u64, 1u64, 0u64);
    for entry in reader.entries().ok_or(Fault::End)? {
        let first = reader.value(&entry, 0);
        match (entry.tag, first) {
            (WIDTH, _) => width = first,
            (HEIGHT, _) => height = first,
            (BITS, Some(v)) => bits = v,
            (PHOTOMETRIC, Some(v)) => palette = v == 3,
            (ORIENTATION, Some(v)) if (1..=8).contains(&v) => orientation = v as u8,
            (SAMPLES, Some(v)) => samples = v,
            (EXTRA_SAMPLES, _) => extra = entry.count,
            _ => {}
        }
    }
    let (Some(width), Some(height)) = (width, height) else {
        return Err(Fault::Rule("its first directory has no width and height, or lies outside the file"));
    };
    let whole = |n: u64| u32::try_from(n).map_err(|_| Fault::Rule("its width or height is above 4294967295"));
    let colours = samples.saturating_sub(extra).max(1);
    let channels = match (palette, colours, extra) {
        (true, ..) => 3,
        (_, 1, 0) => 1,
        (_, 1, _) => 2,
        (_, 3, 1..) => 4,
        (_, 4.., _) => 4,
        _ => 3,
    };
    let found = upright(whole(width)?, whole(height)?, channels, u8::try_from(bits).unwrap_or(u8::MAX));
    Ok(ImageProbe { orientation, ..found })
}

/// Whether the first directory, its values and all strips or tiles lie inside the file; [`None`] when the directory
/// names no strips.
pub(crate) fn strips(bytes: &[u8]) -> Option<bool> {
    let reader = Reader::new(bytes)?;
    let (mut offsets, mut lengths, mut count, length) = (None, None, 0, bytes.len() as u64);
    for entry in reader.entries()? {
        count += 1;
        if reader.end(&entry).is_none_or(|end| end > length) {
            return Some(false);
        }
        match entry.tag {
            STRIP_OFFSETS | TILE_OFFSETS => offsets = Some(entry),
            STRIP_BYTES | TILE_BYTES => lengths = Some(entry),
            _ => {}
        }
    }
    if reader.count() != Some(count) {
        return Some(false);
    }
    let (offsets, lengths) = (offsets?, lengths?);
    let inside = |i: u64| -> Option<bool> {
        Some(reader.value(&offsets, i)?.checked_add(reader.value(&lengths, i)?)? <= length)
    };
    // The values lie inside the file, so that there are no more of them than it has bytes.
    Some((0..offsets.count).all(|i| inside(i) == Some(true)))
}
