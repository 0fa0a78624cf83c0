//! PNG: the header chunk, and the EXIF chunk where one stands before the pixels.
//!
//! ```text
//! 89 "PNG" 0D 0A 1A 0A | length:4 "IHDR" width:4 height:4 depth colour … crc:4 | length:4 "eXIf" … | … "IDAT"
//! ```
//! Source: W3C PNG, third edition.

use super::{Fault, Found, ImageProbe, tiff, upright};
use crate::numbers::{array, be32, tag};

pub(super) fn probe(bytes: &[u8]) -> Found {
    if tag(bytes, 12).ok_or(Fault::End)? != *b"IHDR" {
        return Err(Fault::Rule("its first chunk is not `IHDR`"));
    }
    let width = be32(bytes, 16).ok_or(Fault::End)?;
    let height = be32(bytes, 20).ok_or(Fault::End)?;
    let [depth, colour] = array(bytes, 24).ok_or(Fault::End)?;
    let (mut channels, bits) = match (colour, depth) {
        (0, 1 | 2 | 4 | 8 | 16) => (1, depth),
        (2, 8 | 16) => (3, depth),
        (3, 1 | 2 | 4 | 8) => (3, 8),
        (4, 8 | 16) => (2, depth),
        (6, 8 | 16) => (4, depth),
        _ => return Err(Fault::Rule("its colour type and bit depth do not go together")),
    };
    let (mut at, mut orientation) = (33usize, None);
    // What follows the header may be cut off without harm: a prefix is enough for the size.
    while let (Some(length), Some(name)) = (be32(bytes, at), tag(bytes, at.saturating_add(4))) {
        let body = at + 8;
        match &name {
            b"IDAT" | b"IEND" => break,
            b"eXIf" => {
                let end = body.saturating_add(length as usize).min(bytes.len());
                orientation = bytes.get(body..end).and_then(tiff::orientation);
            }
            b"tRNS" if channels % 2 == 1 => channels += 1,
            _ => {}
        }
        at = body.saturating_add(length as usize).saturating_add(4);
    }
    Ok(ImageProbe { orientation: orientation.unwrap_or(1), ..upright(width, height, channels, bits) })
}
