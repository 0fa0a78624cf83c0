//! What can go wrong with indexes.

use tamis_core::{Cancelled, Classify, Kind};
use tamis_table::TableError;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, IndexError>;

/// An error of an index.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The table below failed.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A vector has another length than the index's, or a number that is not finite.
    #[error("cannot use a vector of {found} dimensions where there are {expected}")]
    Dimensions {
        /// What the index has.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// There is nothing to learn from, or too much is asked for.
    #[error("cannot make a {what}: {reason}")]
    Impossible {
        /// What was to be made.
        what: &'static str,
        /// Why not.
        reason: String,
    },
    /// Stored bytes break their format.
    #[error("cannot read the {what} of an index: {reason}")]
    Corrupt {
        /// What was read.
        what: &'static str,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// The caller asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl From<arrow::error::ArrowError> for IndexError {
    fn from(error: arrow::error::ArrowError) -> IndexError {
        IndexError::Table(TableError::Arrow(error))
    }
}

impl Classify for IndexError {
    fn kind(&self) -> Kind {
        match self {
            IndexError::Table(error) => error.kind(),
            IndexError::Dimensions { .. } | IndexError::Impossible { .. } => Kind::Invalid,
            IndexError::Corrupt { .. } => Kind::Corrupt,
            IndexError::Cancelled(_) => Kind::Cancelled,
        }
    }
}
