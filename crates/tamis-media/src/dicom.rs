//! DICOM: the header of single pictures, and uncompressed ones windowed to grey. Source: DICOM PS3.5 and PS3.10.

use serde::Serialize;

use crate::decode::Limits;
use crate::error::{MediaError, Result};
use crate::numbers::{le16, le32};
use crate::pixels::Image;

/// The media type.
pub(crate) const MIME: &str = "application/dicom";

/// What a DICOM file's header says.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DicomProbe {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Frames.
    pub frames: u32,
    /// Numbers a pixel.
    pub channels: u16,
    /// Bits that each number uses.
    pub bits: u16,
    /// Whether numbers have a sign.
    pub is_signed: bool,
    /// How it was taken: `CT`, `MR`, `CR` ….
    pub modality: Option<String>,
    /// Centre and width of the window to look through, in rescaled values.
    pub window: Option<[f64; 2]>,
    /// Slope and intercept from stored to rescaled values.
    pub rescale: [f64; 2],
    /// Whether low values are white (`MONOCHROME1`).
    pub is_inverted: bool,
    /// The transfer syntax's identifier.
    pub syntax: String,
}

const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const IMPLICIT: &str = "1.2.840.10008.1.2";
const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

pub(crate) fn is_dicom(head: &[u8]) -> bool {
    head.get(128..132) == Some(b"DICM")
}

struct Element<'a> {
    tag: (u16, u16),
    value: &'a [u8],
    /// The value has no length: items until a delimiter.
    is_open: bool,
}

/// The element at a place, and where the next one starts.
fn element(bytes: &[u8], at: usize, is_explicit: bool) -> Option<(Element<'_>, usize)> {
    let tag = (le16(bytes, at)?, le16(bytes, at + 2)?);
    let is_item = tag.0 == 0xFFFE;
    let (length, head) = if !is_explicit || is_item {
        (le32(bytes, at + 4)?, 8)
    } else {
        match bytes.get(at + 4..at + 6)? {
            b"OB" | b"OW" | b"OF" | b"OD" | b"OL" | b"OV" | b"SQ" | b"UT" | b"UN" | b"UC" | b"UR" | b"SV" | b"UV" => {
                (le32(bytes, at + 8)?, 12)
            }
            _ => (u32::from(le16(bytes, at + 6)?), 8),
        }
    };
    let start = at + head;
    if length == u32::MAX {
        return Some((Element { tag, value: &[], is_open: true }, start));
    }
    // Pixels may be cut off: what is there is given.
    let end = start.checked_add(length as usize)?;
    let value = bytes.get(start..end.min(bytes.len()))?;
    Some((Element { tag, value, is_open: false }, end))
}

/// Where an open sequence ends: items are stepped through, with those inside them.
fn skip(bytes: &[u8], mut at: usize, is_explicit: bool) -> Option<usize> {
    let mut depth = 1u32;
    while depth > 0 {
        let (found, next) = element(bytes, at, is_explicit)?;
        match found.tag {
            (0xFFFE, 0xE0DD | 0xE00D) => depth -= 1,
            _ if found.is_open => depth += 1,
            _ => {}
        }
        at = next;
    }
    Some(at)
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_matches(['\0', ' ']).to_owned()
}

/// The first of numbers written as text.
fn number(value: &[u8]) -> Option<f64> {
    text(value).split('\\').next()?.trim().parse::<f64>().ok().filter(|n| n.is_finite())
}

struct Read<'a> {
    probe: DicomProbe,
    allocated: u16,
    pixels: Option<&'a [u8]>,
}

fn read(bytes: &[u8]) -> Result<Read<'_>> {
    let bad = |reason: &str| MediaError::Malformed { mime: MIME, reason: reason.to_owned() };
    let mut probe = DicomProbe { frames: 1, channels: 1, rescale: [1.0, 0.0], ..DicomProbe::default() };
    let (mut at, mut allocated, mut pixels, mut center, mut width) = (132usize, 0, None, None, None);
    while let Some((found, next)) = element(bytes, at, found_explicit(&probe, bytes, at)) {
        let word = || le16(found.value, 0);
        match found.tag {
            (0x0002, 0x0010) => probe.syntax = text(found.value),
            (0x0008, 0x0060) => probe.modality = Some(text(found.value)).filter(|t| !t.is_empty()),
            (0x0028, 0x0002) => probe.channels = word().unwrap_or(1),
            (0x0028, 0x0004) => probe.is_inverted = text(found.value) == "MONOCHROME1",
            (0x0028, 0x0008) => probe.frames = number(found.value).map_or(1, |n| n as u32),
            (0x0028, 0x0010) => probe.height = u32::from(word().unwrap_or(0)),
            (0x0028, 0x0011) => probe.width = u32::from(word().unwrap_or(0)),
            (0x0028, 0x0100) => allocated = word().unwrap_or(0),
            (0x0028, 0x0101) => probe.bits = word().unwrap_or(0),
            (0x0028, 0x0103) => probe.is_signed = word() == Some(1),
            (0x0028, 0x1050) => center = number(found.value),
            (0x0028, 0x1051) => width = number(found.value),
            (0x0028, 0x1052) => probe.rescale[1] = number(found.value).unwrap_or(0.0),
            (0x0028, 0x1053) => probe.rescale[0] = number(found.value).unwrap_or(1.0),
            (0x7FE0, 0x0010) => {
                pixels = (!found.is_open).then_some(found.value);
                break;
            }
            _ => {}
        }
        if probe.syntax == BIG_ENDIAN {
            return Err(MediaError::Unsupported { mime: MIME, reason: "big-endian coding".to_owned() });
        }
        let is_explicit = found_explicit(&probe, bytes, at);
        at = if found.is_open {
            skip(bytes, next, is_explicit).ok_or_else(|| bad("a sequence does not end"))?
        } else {
            next
        };
    }
    probe.window = center.zip(width).map(|(center, width)| [center, width]);
    if probe.width == 0 || probe.height == 0 {
        return Err(bad("it has no picture"));
    }
    Ok(Read { probe, allocated, pixels })
}

/// The group 0002 is always explicit, the rest by the transfer syntax.
fn found_explicit(probe: &DicomProbe, bytes: &[u8], at: usize) -> bool {
    le16(bytes, at) == Some(0x0002) || probe.syntax != IMPLICIT
}

pub(crate) fn probe(bytes: &[u8]) -> Result<DicomProbe> {
    read(bytes).map(|read| read.probe)
}

/// The first frame of an uncompressed grey DICOM picture in 8 bits, through a window of centre and width in rescaled
/// values: the given one, or the file's own, or else all values.
///
/// # Errors
/// [`MediaError::Unsupported`] for compressed, coloured and big-endian pictures; [`MediaError::TooLarge`] beyond
/// `limits`; [`MediaError::Truncated`] and [`MediaError::Malformed`] for damaged ones.
pub fn dicom_image(bytes: &[u8], window: Option<[f64; 2]>, limits: &Limits) -> Result<Image> {
    let none = |reason: &str| MediaError::Unsupported { mime: MIME, reason: reason.to_owned() };
    if !is_dicom(bytes) {
        return Err(none("a file without the DICOM mark"));
    }
    let Read { probe, allocated, pixels } = read(bytes)?;
    if ![EXPLICIT, IMPLICIT].contains(&probe.syntax.as_str()) || probe.channels != 1 {
        return Err(none("a compressed or coloured picture"));
    }
    let count = u64::from(probe.width) * u64::from(probe.height);
    if count > limits.max_pixels {
        return Err(MediaError::TooLarge { mime: MIME, unit: "pixels", needed: count, allowed: limits.max_pixels });
    }
    let wide = match allocated {
        8 => 1,
        16 => 2,
        _ => return Err(none("a depth other than 8 or 16 bits")),
    };
    let raw = pixels.and_then(|pixels| pixels.get(..count as usize * wide));
    let raw = raw.ok_or(MediaError::Truncated { mime: MIME, part: "pixels", length: bytes.len() })?;
    let unused = 16u32.saturating_sub(u32::from(probe.bits.clamp(1, 16)));
    let [slope, intercept] = probe.rescale;
    let values = raw.chunks_exact(wide).map(|b| {
        let stored = match (b, probe.is_signed) {
            ([a], false) => f64::from(*a),
            ([a], true) => f64::from(*a as i8),
            ([a, b], false) => f64::from(u16::from_le_bytes([*a, *b]) << unused >> unused),
            ([a, b], true) => f64::from(i16::from_le_bytes([*a, *b]) << unused >> unused),
            _ => 0.0,
        };
        stored * slope + intercept
    });
    let [center, width] = window.or(probe.window).unwrap_or_else(|| {
        let (low, high) = values.clone().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        [(low + high) / 2.0, high - low]
    });
    let low = center - width / 2.0;
    let grey = values.map(|v| {
        // The cast saturates.
        let shown = ((v - low) / width.max(f64::MIN_POSITIVE) * 255.0).round() as u8;
        if probe.is_inverted { 255 - shown } else { shown }
    });
    Image::grey8(probe.width, probe.height, grey.collect())
}
