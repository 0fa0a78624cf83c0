//! GIF: the logical screen. Source: GIF89a specification, section 18.

use super::{Fault, Found, upright};
use crate::numbers::le16;

pub(super) fn probe(bytes: &[u8]) -> Found {
    let width = le16(bytes, 6).ok_or(Fault::End)?;
    let height = le16(bytes, 8).ok_or(Fault::End)?;
    // The decoder always answers with an alpha channel: frames may leave the canvas bare.
    Ok(upright(width.into(), height.into(), 4, 8))
}
