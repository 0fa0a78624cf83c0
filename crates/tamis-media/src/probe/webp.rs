//! WebP: the first chunk of the RIFF container, and its EXIF chunk.
//!
//! ```text
//! "RIFF" size:4 "WEBP" | "VP8 " size:4 frame… | "VP8L" size:4 2F bits… | "VP8X" size:4 flags:4 width-1:3 height-1:3
//! ```
//! Source: RFC 9649.

use super::{Fault, Found, ImageProbe, tiff, upright};
use crate::numbers::{array, le16, le24, le32, tag};

pub(super) fn probe(bytes: &[u8]) -> Found {
    match &tag(bytes, 12).ok_or(Fault::End)? {
        b"VP8 " => {
            if array(bytes, 23).ok_or(Fault::End)? != [0x9d, 0x01, 0x2a] {
                return Err(Fault::Rule("its lossy frame has no start code"));
            }
            let width = le16(bytes, 26).ok_or(Fault::End)? & 0x3fff;
            let height = le16(bytes, 28).ok_or(Fault::End)? & 0x3fff;
            Ok(upright(width.into(), height.into(), 3, 8))
        }
        b"VP8L" => {
            if *bytes.get(20).ok_or(Fault::End)? != 0x2f {
                return Err(Fault::Rule("its lossless frame has no signature"));
            }
            let packed = le32(bytes, 21).ok_or(Fault::End)?;
            let channels = if packed >> 28 & 1 == 1 { 4 } else { 3 };
            Ok(upright((packed & 0x3fff) + 1, (packed >> 14 & 0x3fff) + 1, channels, 8))
        }
        b"VP8X" => {
            let flags = *bytes.get(20).ok_or(Fault::End)?;
            let width = le24(bytes, 24).ok_or(Fault::End)? + 1;
            let height = le24(bytes, 27).ok_or(Fault::End)? + 1;
            let channels = if flags & 0x10 != 0 { 4 } else { 3 };
            let orientation = if flags & 0x08 != 0 { exif(bytes) } else { None };
            Ok(ImageProbe { orientation: orientation.unwrap_or(1), ..upright(width, height, channels, 8) })
        }
        _ => Err(Fault::Rule("its first chunk is not `VP8 `, `VP8L` or `VP8X`")),
    }
}

/// The orientation in the `EXIF` chunk, which stands after the pixels.
fn exif(bytes: &[u8]) -> Option<u8> {
    let mut at = 12usize;
    loop {
        let (name, length) = (tag(bytes, at)?, le32(bytes, at.checked_add(4)?)? as usize);
        let body = at + 8;
        if &name == b"EXIF" {
            let payload = bytes.get(body..body.checked_add(length)?.min(bytes.len()))?;
            return tiff::orientation(payload.strip_prefix(b"Exif\0\0").unwrap_or(payload));
        }
        at = body.checked_add(length)?.checked_add(length & 1)?;
    }
}
