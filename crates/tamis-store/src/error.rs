//! What can go wrong with stored bytes.

use std::io;

use tamis_core::{Cancelled, Classify, Hash, Kind};

/// The result of the store's functions.
pub type Result<T> = std::result::Result<T, StoreError>;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// An object is not in the lake.
    #[error("object {id} is not in the lake {lake}")]
    Missing {
        /// The object's id.
        id: Hash,
        /// The lake's location.
        lake: String,
    },
    /// Stored bytes are not what they should be.
    #[error("cannot read {what} in {place}: {reason}")]
    Corrupt {
        /// What was read, e.g. `object 1a2b…`.
        what: String,
        /// The file or object key, with the lake.
        place: String,
        /// What is wrong with the bytes.
        reason: String,
    },
    /// The operating system or the object store refused.
    #[error("cannot {action} {place}: {source}")]
    Io {
        /// What was attempted, e.g. `write`.
        action: &'static str,
        /// The file or object key.
        place: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// There is no lake at the location.
    #[error("there is no lake at {place}")]
    NoLake {
        /// The location.
        place: String,
    },
    /// There is a lake, or something else, at the location already.
    #[error("cannot create a lake at {place}: {reason}")]
    LakeExists {
        /// The location.
        place: String,
        /// What is there.
        reason: &'static str,
    },
    /// The lake was written by a newer version of Tamis.
    #[error("cannot open the lake at {place}: it needs {needs}, which this version does not know")]
    TooNew {
        /// The location.
        place: String,
        /// The format or feature that is not known.
        needs: String,
    },
    /// A location, name or argument is not valid.
    #[error("`{text}` is not a valid {what}: {reason}")]
    BadArgument {
        /// What the text should have been.
        what: &'static str,
        /// The text.
        text: String,
        /// Which rule it breaks.
        reason: String,
    },
    /// The store was opened for reading only.
    #[error("cannot write to the lake at {place}: it was opened for reading only")]
    ReadOnly {
        /// The location.
        place: String,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
    /// A bug.
    #[error("internal: {0}")]
    Internal(&'static str),
}

impl StoreError {
    /// An input/output error with its place.
    pub fn io(action: &'static str, place: impl Into<String>, source: io::Error) -> StoreError {
        StoreError::Io { action, place: place.into(), source }
    }

    /// Bytes that are not what they should be.
    pub fn corrupt(what: impl Into<String>, place: impl Into<String>, reason: impl Into<String>) -> StoreError {
        StoreError::Corrupt { what: what.into(), place: place.into(), reason: reason.into() }
    }
}

impl Classify for StoreError {
    fn kind(&self) -> Kind {
        match self {
            StoreError::Missing { .. } | StoreError::Corrupt { .. } => Kind::Corrupt,
            StoreError::Io { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Kind::Denied,
                io::ErrorKind::NotFound => Kind::NotFound,
                io::ErrorKind::TimedOut
                | io::ErrorKind::Interrupted
                | io::ErrorKind::WouldBlock
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionRefused => Kind::Busy,
                _ => Kind::Io,
            },
            StoreError::NoLake { .. } => Kind::NotFound,
            StoreError::LakeExists { .. } => Kind::Exists,
            StoreError::TooNew { .. } => Kind::Unsupported,
            StoreError::BadArgument { .. } => Kind::Invalid,
            StoreError::ReadOnly { .. } => Kind::Denied,
            StoreError::Cancelled(_) => Kind::Cancelled,
            StoreError::Internal(_) => Kind::Internal,
        }
    }
}
