//! BMP: the bitmap header behind the file header.
//!
//! ```text
//! "BM" size:4 0:4 offset:4 | header size:4 | width:4 height:4 (negative: top down) planes:2 bits:2 compression:4
//!                          | 12:4            width:2 height:2 planes:2 bits:2
//! ```

use super::{Fault, Found, upright};
use crate::numbers::{le16, le32};

pub(super) fn probe(bytes: &[u8]) -> Found {
    let (width, height, depth) = if le32(bytes, 14).ok_or(Fault::End)? == 12 {
        let width = le16(bytes, 18).ok_or(Fault::End)?;
        let height = le16(bytes, 20).ok_or(Fault::End)?;
        (width.into(), height.into(), le16(bytes, 24).ok_or(Fault::End)?)
    } else {
        let width = le32(bytes, 18).ok_or(Fault::End)?.cast_signed();
        let height = le32(bytes, 22).ok_or(Fault::End)?.cast_signed();
        let width = u32::try_from(width).map_err(|_| Fault::Rule("its width is negative"))?;
        (width, height.unsigned_abs(), le16(bytes, 28).ok_or(Fault::End)?)
    };
    let bits = match depth {
        1 | 2 | 4 | 8 | 24 | 32 => 8,
        16 => 5,
        _ => return Err(Fault::Rule("its bit depth is none of 1, 2, 4, 8, 16, 24, 32")),
    };
    Ok(upright(width, height, 3, bits))
}
