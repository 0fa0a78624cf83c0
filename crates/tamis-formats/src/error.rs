//! What can go wrong with a source, a sink or a whole format; what is wrong with single labels is a
//! finding of the [`tamis_core::Report`] and no error.

use std::io;

use tamis_core::{Classify, Kind};

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, FormatError>;

/// An error that stops a reader or a writer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// A file or folder of the source cannot be read, or one of the sink not written.
    #[error("cannot {verb} `{path}`: {source}")]
    Io {
        /// What was attempted: `read`, `write`, `list`.
        verb: &'static str,
        /// On what.
        path: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// An archive is damaged or of a kind that is not read.
    #[error("cannot read the archive `{path}`: {reason}")]
    Archive {
        /// The archive.
        path: String,
        /// Why not.
        reason: String,
    },
    /// A mapping file says what cannot be done.
    #[error("cannot use the mapping: {reason}")]
    BadMapping {
        /// What is wrong in it.
        reason: String,
    },
    /// A source is larger than the limits allow: a bomb, or limits too low.
    #[error("cannot read `{path}`: it has {found} {unit}, allowed are {allowed}")]
    TooLarge {
        /// The source or file.
        path: String,
        /// `entries`, `bytes`, `bytes unpacked for each packed`.
        unit: &'static str,
        /// How many it has (at least).
        found: u64,
        /// How many are allowed.
        allowed: u64,
    },
    /// No format of that name.
    #[error("there is no format `{id}`; there are {}", known.join(", "))]
    UnknownFormat {
        /// The name asked for.
        id: String,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// The source does not hold what the format needs.
    #[error("cannot read `{path}` as {format}: {reason}")]
    NotThis {
        /// The source.
        path: String,
        /// The format.
        format: &'static str,
        /// What is missing.
        reason: String,
    },
    /// The format cannot be written, or not read.
    #[error("cannot {verb} {format}: this version does not")]
    OneWay {
        /// `read` or `write`.
        verb: &'static str,
        /// The format.
        format: &'static str,
    },
    /// An option is unknown or has a wrong value.
    #[error("bad option `{name}` of {format}: {reason}")]
    BadOption {
        /// The format.
        format: &'static str,
        /// The option.
        name: String,
        /// Why not.
        reason: String,
    },
    /// The format cannot hold something, and the caller wants no losses.
    #[error("{format} cannot store {what} (`{path}`)")]
    Lossy {
        /// The format.
        format: &'static str,
        /// What it cannot hold.
        what: String,
        /// The first sample it happens on.
        path: String,
    },
    /// A path that would leave the sink, or that two files want.
    #[error("cannot write `{path}`: {reason}")]
    BadPath {
        /// The path.
        path: String,
        /// Why not.
        reason: &'static str,
    },
}

impl FormatError {
    pub(crate) fn io(verb: &'static str, path: impl Into<String>, source: io::Error) -> FormatError {
        FormatError::Io { verb, path: path.into(), source }
    }

    pub(crate) fn archive(path: impl Into<String>, reason: impl std::fmt::Display) -> FormatError {
        FormatError::Archive { path: path.into(), reason: reason.to_string() }
    }
}

impl Classify for FormatError {
    fn kind(&self) -> Kind {
        match self {
            FormatError::Io { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => Kind::NotFound,
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Kind::Denied,
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Kind::Invalid,
                _ => Kind::Io,
            },
            FormatError::UnknownFormat { .. } => Kind::NotFound,
            FormatError::OneWay { .. } | FormatError::Lossy { .. } => Kind::Unsupported,
            _ => Kind::Invalid,
        }
    }
}
