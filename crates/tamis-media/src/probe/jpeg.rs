//! JPEG: segments up to the frame header.
//!
//! ```text
//! FF D8 | FF marker len_hi len_lo payload… | … | FF C0 len 8 height:2 width:2 components | … | FF DA (scan)
//! ```
//! Source: ITU-T T.81 annex B; EXIF in APP1 (JEITA CP-3451).

use super::{Fault, Found, tiff, upright};
use crate::numbers::{array, be16};

/// One segment: its marker and its payload, which may be cut by the end of the bytes.
struct Segment<'a> {
    marker: u8,
    payload: &'a [u8],
    /// Offset just behind the segment.
    end: usize,
}

/// The segment at `at`, skipping fill bytes before its marker. Stand-alone markers have no payload.
fn segment(bytes: &[u8], at: usize) -> Result<Segment<'_>, Fault> {
    if *bytes.get(at).ok_or(Fault::End)? != 0xff {
        return Err(Fault::Rule("a segment does not start with a marker"));
    }
    let fill = bytes.get(at..).ok_or(Fault::End)?.iter().take_while(|&&b| b == 0xff).count();
    let at = at + fill;
    let marker = *bytes.get(at).ok_or(Fault::End)?;
    if matches!(marker, 0x01 | 0xd0..=0xd9) {
        return Ok(Segment { marker, payload: &[], end: at + 1 });
    }
    let length = usize::from(be16(bytes, at + 1).ok_or(Fault::End)?);
    if length < 2 {
        return Err(Fault::Rule("a segment is shorter than its own length field"));
    }
    let end = at + 1 + length;
    let payload = bytes.get(at + 3..end.min(bytes.len())).unwrap_or_default();
    Ok(Segment { marker, payload, end })
}

pub(super) fn probe(bytes: &[u8]) -> Found {
    let (mut at, mut orientation) = (2, None);
    loop {
        let Segment { marker, payload, end } = segment(bytes, at)?;
        match marker {
            // Frame headers; C4, C8 and CC are tables in the same range.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let [bits, h1, h2, w1, w2, parts] = array(payload, 0).ok_or(Fault::End)?;
                let channels = if parts == 1 { 1 } else { 3 };
                let (width, height) = (u16::from_be_bytes([w1, w2]), u16::from_be_bytes([h1, h2]));
                let found = upright(width.into(), height.into(), channels, bits);
                return Ok(super::ImageProbe { orientation: orientation.unwrap_or(1), ..found });
            }
            0xe1 if orientation.is_none() => {
                orientation = payload.strip_prefix(b"Exif\0\0").and_then(tiff::orientation);
            }
            0xda => return Err(Fault::Rule("pixels come before the frame header")),
            0xd9 => return Err(Fault::Rule("it ends before the frame header")),
            _ => {}
        }
        at = end;
    }
}

/// Where the first scan's entropy-coded pixels begin; [`None`] when the headers do not lead there.
pub(crate) fn scan_offset(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        let next = segment(bytes, at).ok()?;
        match next.marker {
            0xda => return (next.end <= bytes.len()).then_some(next.end),
            0xd9 => return None,
            _ => at = next.end,
        }
    }
}
