//! The compressed text of runs, as COCO files hold it: each run as 5-bit groups, lowest first, with 0x20 for "more
//! follows", shifted to printable letters (48 to 111); from the fourth run on as the difference to the run two before.
//!
//! Source: `rleToString` and `rleFrString` of the COCO API's `maskApi`.

use super::{Rle, bad};
use crate::CoreError;

impl Rle {
    /// The runs as COCO's compressed text.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(self.counts.len() * 2);
        for (i, &run) in self.counts.iter().enumerate() {
            let before = if i > 2 { self.counts.get(i - 2).copied().unwrap_or(0) } else { 0 };
            let mut rest = i64::from(run) - i64::from(before);
            loop {
                let low = (rest & 0x1f) as u8;
                rest >>= 5;
                // Bit 4 is the sign of what follows no more.
                let is_last = rest == if low & 0x10 != 0 { -1 } else { 0 };
                text.push(char::from((low | if is_last { 0 } else { 0x20 }) + 48));
                if is_last {
                    break;
                }
            }
        }
        text
    }

    /// Reads COCO's compressed text. The runs are not compared with the size: [`Rle::check`] does that.
    ///
    /// # Errors
    /// [`CoreError::BadGeometry`] for another letter, a run below 0 or above 4,294,967,295, and text that ends within a
    /// run.
    pub fn from_text(width: u32, height: u32, text: &str) -> Result<Rle, CoreError> {
        let mut counts: Vec<u32> = Vec::new();
        let (mut value, mut shift) = (0i64, 0u32);
        for letter in text.bytes() {
            let Some(group) = letter.checked_sub(48).filter(|&g| g < 0x40) else {
                return Err(bad(format!("`{}` is not a letter of run lengths", letter.escape_ascii())));
            };
            if shift > 35 {
                return Err(bad("a run is longer than 4294967295".to_owned()));
            }
            value |= i64::from(group & 0x1f) << shift;
            shift += 5;
            if group & 0x20 != 0 {
                continue;
            }
            if group & 0x10 != 0 {
                value |= -1 << shift;
            }
            if counts.len() > 2 {
                value += counts.get(counts.len() - 2).copied().map_or(0, i64::from);
            }
            let run = u32::try_from(value).map_err(|_| bad(format!("{value} is not the length of a run")))?;
            counts.push(run);
            (value, shift) = (0, 0);
        }
        if shift > 0 {
            return Err(bad("the text ends within a run".to_owned()));
        }
        Ok(Rle { height, width, counts })
    }
}
