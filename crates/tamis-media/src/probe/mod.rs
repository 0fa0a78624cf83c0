//! Size, depth and orientation of an image from its header alone: no pixel is decoded and nothing is allocated.
//!
//! Time: some 100 ns; JPEG walks its segments up to the frame header, TIFF one directory, WebP its chunks.

mod bmp;
mod gif;
mod jpeg;
mod png;
mod tiff;
mod webp;

pub(crate) use jpeg::scan_offset as jpeg_scan_offset;
pub(crate) use tiff::strips as tiff_strips;

use serde::Serialize;

use crate::error::{MediaError, Result};
use crate::sniff::sniff;

/// What an image's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ImageProbe {
    /// The media type by content, e.g. `image/jpeg`.
    pub mime: &'static str,
    /// Pixels across, as stored (before orientation).
    pub width: u32,
    /// Pixels down, as stored (before orientation).
    pub height: u32,
    /// EXIF orientation, 1 to 8; 1 = as stored.
    pub orientation: u8,
    /// Numbers a pixel when decoded: 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha.
    pub channels: u8,
    /// Bits of each number as stored (palettes: of the colours).
    pub bits: u8,
}

impl ImageProbe {
    /// Width and height as a person sees it, after turning by the orientation.
    pub fn upright_size(&self) -> (u32, u32) {
        if self.orientation >= 5 { (self.height, self.width) } else { (self.width, self.height) }
    }

    /// Pixels altogether.
    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// Reads the header of an image. `bytes` may be a prefix of the file; 64 KiB hold the header of nearly every file
/// (not of a TIFF, whose directory may be anywhere, nor the orientation of a WebP, which stands after the pixels).
///
/// # Errors
/// [`MediaError::NotAnImage`] for bytes of another kind, [`MediaError::Truncated`] when the header goes on past the
/// end of `bytes`, [`MediaError::Malformed`] when it breaks its format's rules (as does a size of 0).
pub fn probe(bytes: &[u8]) -> Result<ImageProbe> {
    let Some(mime) = sniff(bytes) else {
        return Err(MediaError::NotAnImage { found: if bytes.is_empty() { "nothing" } else { "unknown bytes" } });
    };
    let found = match mime {
        "image/jpeg" => jpeg::probe(bytes),
        "image/png" => png::probe(bytes),
        "image/webp" => webp::probe(bytes),
        "image/tiff" => tiff::probe(bytes),
        "image/bmp" => bmp::probe(bytes),
        "image/gif" => gif::probe(bytes),
        found => return Err(MediaError::NotAnImage { found }),
    };
    match found {
        Ok(probe) if probe.width == 0 || probe.height == 0 => {
            Err(MediaError::Malformed { mime, reason: format!("its size is {}×{}", probe.width, probe.height) })
        }
        Ok(probe) => Ok(ImageProbe { mime, ..probe }),
        Err(Fault::End) => Err(MediaError::Truncated { mime, part: "header", length: bytes.len() }),
        Err(Fault::Rule(reason)) => Err(MediaError::Malformed { mime, reason: reason.to_owned() }),
    }
}

/// Why a header cannot be read.
#[derive(Debug)]
enum Fault {
    /// It goes on past the end.
    End,
    /// It breaks a rule.
    Rule(&'static str),
}

/// What each format's reader answers; the media type is filled in by [`probe`].
type Found = std::result::Result<ImageProbe, Fault>;

/// A probe as stored, upright.
fn upright(width: u32, height: u32, channels: u8, bits: u8) -> ImageProbe {
    ImageProbe { mime: "", width, height, orientation: 1, channels, bits }
}
