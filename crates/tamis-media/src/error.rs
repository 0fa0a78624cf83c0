//! What can go wrong with a media file.

use tamis_core::{Classify, Kind};

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, MediaError>;

/// An error of opening, decoding or writing media.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The bytes are no image that this version reads.
    #[error("cannot read the image: {found}, not one of JPEG, PNG, WebP, TIFF, BMP, GIF")]
    NotAnImage {
        /// What the bytes seem to be.
        found: &'static str,
    },
    /// The bytes end before the header or the pixels do.
    #[error("cannot read the {mime} file: it ends after {length} bytes, in its {part}")]
    Truncated {
        /// The media type.
        mime: &'static str,
        /// Where it ends, e.g. `header`.
        part: &'static str,
        /// How many bytes there are.
        length: usize,
    },
    /// The header or the pixels break a rule of the format.
    #[error("cannot decode the {mime} file: {reason}")]
    Malformed {
        /// The media type.
        mime: &'static str,
        /// Which rule, in the decoder's words.
        reason: String,
    },
    /// The format's variant is one that this version does not read.
    #[error("cannot decode the {mime} file: {reason} is not supported")]
    Unsupported {
        /// The media type.
        mime: &'static str,
        /// The variant, in the decoder's words.
        reason: String,
    },
    /// Decoding would take more than the caller allows.
    #[error("cannot decode the {mime} file: it needs {needed} {unit}, allowed are {allowed}")]
    TooLarge {
        /// The media type.
        mime: &'static str,
        /// `pixels` or `bytes`.
        unit: &'static str,
        /// How many it needs, where that is known; else just above what is allowed.
        needed: u64,
        /// How many are allowed.
        allowed: u64,
    },
    /// Decoding took longer than the caller allows.
    #[error("cannot decode the {mime} file: it takes longer than {allowed_millis} ms")]
    TooSlow {
        /// The media type.
        mime: &'static str,
        /// Allowed milliseconds.
        allowed_millis: u64,
    },
    /// Pixels, their size and their layout do not fit together.
    #[error("bad image of {width}×{height} pixels: {reason}")]
    BadPixels {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Which rule is broken.
        reason: &'static str,
    },
    /// The program that decodes films is missing, or failed.
    #[error("cannot take a frame with `{program}`: {reason}; install ffmpeg, or name it in TAMIS_FFMPEG")]
    Tool {
        /// The program.
        program: String,
        /// Why not, in its words.
        reason: String,
    },
    /// The encoder refused.
    #[error("cannot encode a {mime} image: {reason}")]
    Encode {
        /// The media type.
        mime: &'static str,
        /// The encoder's words.
        reason: String,
    },
    /// A file of the drawn dataset could not be written.
    #[error("cannot write `{path}`: {source}")]
    Write {
        /// The file.
        path: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
}

impl Classify for MediaError {
    fn kind(&self) -> Kind {
        match self {
            MediaError::NotAnImage { .. } | MediaError::Unsupported { .. } | MediaError::Tool { .. } => {
                Kind::Unsupported
            }
            MediaError::Write { source, .. } => match source.kind() {
                std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => Kind::Denied,
                _ => Kind::Io,
            },
            _ => Kind::Invalid,
        }
    }
}
