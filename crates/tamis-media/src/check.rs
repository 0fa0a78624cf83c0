//! What is broken in an image file.
//!
//! The cheap check reads the header and the marks at the end, so it costs microseconds and finds what breaks most often:
//! empty files, other kinds of files, downloads cut short. The deep check decodes every pixel.

use serde::Serialize;

use crate::decode::{Limits, decode};
use crate::error::MediaError;
use crate::numbers::{be32, le32, tag};
use crate::probe::{ImageProbe, jpeg_scan_offset, probe, tiff_strips};

/// One thing that is wrong with an image file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A stable name: `image.empty`, `image.unknown`, `image.header`, `image.truncated`, `image.pixels`,
    /// `image.too_large`, `image.unsupported`.
    pub code: &'static str,
    /// What is wrong, for people: lower case, no final stop.
    pub message: String,
}

/// Checks a whole file by its header and the marks at its end; no pixel is decoded. Empty when nothing is wrong.
pub fn check(bytes: &[u8]) -> Vec<Problem> {
    if bytes.is_empty() {
        return vec![Problem { code: "image.empty", message: "the file is empty".to_owned() }];
    }
    let head = match probe(bytes) {
        Ok(head) => head,
        Err(error) => return vec![problem(&error)],
    };
    ending(&head, bytes).map(|message| Problem { code: "image.truncated", message }).into_iter().collect()
}

/// Checks a whole file as [`check`] does, and decodes it within `limits`.
pub fn check_deep(bytes: &[u8], limits: &Limits) -> Vec<Problem> {
    let mut problems = check(bytes);
    if problems.is_empty()
        && let Err(error) = decode(bytes, limits)
    {
        problems.push(problem(&error));
    }
    problems
}

fn problem(error: &MediaError) -> Problem {
    let code = match error {
        MediaError::NotAnImage { .. } => "image.unknown",
        MediaError::Truncated { part: "header", .. } => "image.header",
        MediaError::Truncated { .. } => "image.truncated",
        MediaError::TooLarge { .. } | MediaError::TooSlow { .. } => "image.too_large",
        MediaError::Unsupported { .. } => "image.unsupported",
        _ => "image.pixels",
    };
    Problem { code, message: error.to_string() }
}

/// What the end of the file lacks.
fn ending(head: &ImageProbe, bytes: &[u8]) -> Option<String> {
    let lacks = |what: &str| Some(format!("the {} image is cut short: {what}", head.mime));
    match head.mime {
        "image/jpeg" => {
            // Cameras add bytes behind the end, so the mark may stand anywhere after the pixels began; within pixels
            // every FF is followed by 00 or a restart mark.
            let pixels = jpeg_scan_offset(bytes).and_then(|at| bytes.get(at..));
            let is_whole = pixels.is_some_and(|p| p.windows(2).rev().any(|w| w == [0xff, 0xd9]));
            if is_whole { None } else { lacks("it has no end mark (FF D9)") }
        }
        "image/png" => {
            if png_ends(bytes) {
                None
            } else {
                lacks("its last chunk is not `IEND`")
            }
        }
        "image/webp" => {
            let stated = u64::from(le32(bytes, 4).unwrap_or_default()) + 8;
            let length = bytes.len() as u64;
            if stated <= length { None } else { lacks(&format!("it should have {stated} bytes, and has {length}")) }
        }
        "image/gif" => {
            let last = bytes.iter().rev().find(|&&b| b != 0);
            if last == Some(&0x3b) { None } else { lacks("it has no trailer (3B)") }
        }
        "image/bmp" => {
            let needed = bmp_length(head, bytes);
            let length = bytes.len() as u64;
            if needed <= length { None } else { lacks(&format!("its pixels end at byte {needed} of {length}")) }
        }
        "image/tiff" if tiff_strips(bytes) == Some(false) => lacks("its pixels lie outside the file"),
        _ => None,
    }
}

/// Whether the chunks lead to `IEND`. O(chunks).
fn png_ends(bytes: &[u8]) -> bool {
    let mut at = 8usize;
    while let (Some(length), Some(name)) = (be32(bytes, at), tag(bytes, at.saturating_add(4))) {
        let end = at.saturating_add(12).saturating_add(length as usize);
        if &name == b"IEND" {
            return end <= bytes.len();
        }
        at = end;
    }
    false
}

/// Where the pixels of an uncompressed BMP end; 0 for a compressed one, whose length only decoding tells.
fn bmp_length(head: &ImageProbe, bytes: &[u8]) -> u64 {
    let is_old = le32(bytes, 14) == Some(12);
    let compression = if is_old { 0 } else { le32(bytes, 30).unwrap_or_default() };
    if !matches!(compression, 0 | 3 | 6) {
        return 0;
    }
    let depth = crate::numbers::le16(bytes, if is_old { 24 } else { 28 }).unwrap_or_default();
    let row = (u64::from(head.width) * u64::from(depth)).div_ceil(32) * 4;
    u64::from(le32(bytes, 10).unwrap_or_default()) + row * u64::from(head.height)
}
