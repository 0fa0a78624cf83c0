//! What can go wrong with tables.

use tamis_core::{Cancelled, Classify, Hash, Kind};
use tamis_store::StoreError;

/// The result of the table's functions.
pub type Result<T> = std::result::Result<T, TableError>;

/// An error of a table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The store below failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stored bytes break their format.
    #[error("cannot read a {what}: {reason}")]
    Corrupt {
        /// What was read.
        what: &'static str,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// A stored object breaks its format, and it is known which.
    #[error("cannot read {what} {id}: {source}")]
    In {
        /// What was read.
        what: &'static str,
        /// Its id.
        id: Hash,
        /// Why not.
        #[source]
        source: Box<TableError>,
    },
    /// The format does not hold this, or this version does not know it.
    #[error("not supported: {what}")]
    Unsupported {
        /// What is not supported.
        what: &'static str,
    },
    /// A row outside a page is wanted.
    #[error("row {row} is wanted of a page of {rows} rows")]
    OutOfRange {
        /// The row.
        row: usize,
        /// How many there are.
        rows: usize,
    },
    /// No field or group of that name.
    #[error("there is no field `{path}` in the table")]
    NoField {
        /// The dotted path or name.
        path: String,
    },
    /// A stored column does not have the type that the schema says.
    #[error("field `{field}` is stored with another type than the schema has")]
    Mismatch {
        /// The field's name.
        field: String,
    },
    /// Keys given are not in order, or one comes twice.
    #[error("keys must be in ascending order and unique, but `{key}` does not come after the key before it")]
    Unsorted {
        /// The key, as text.
        key: String,
    },
    /// Rows given do not fit the schema.
    #[error("rows do not fit the table: {reason}")]
    BadRows {
        /// Why not.
        reason: String,
    },
    /// Arrow refused.
    #[error("internal: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
    /// A bug.
    #[error("internal: {0}")]
    Internal(&'static str),
}

impl TableError {
    /// The same error with the object in which it was found.
    pub(crate) fn within(self, what: &'static str, id: &Hash) -> TableError {
        match self {
            TableError::Corrupt { .. } | TableError::Unsupported { .. } => {
                TableError::In { what, id: *id, source: Box::new(self) }
            }
            other => other,
        }
    }
}

impl Classify for TableError {
    fn kind(&self) -> Kind {
        match self {
            TableError::Store(e) => e.kind(),
            TableError::Corrupt { .. } | TableError::OutOfRange { .. } | TableError::Mismatch { .. } => Kind::Corrupt,
            TableError::In { source, .. } => source.kind(),
            TableError::Unsupported { .. } => Kind::Unsupported,
            TableError::NoField { .. } => Kind::NotFound,
            TableError::Unsorted { .. } | TableError::BadRows { .. } => Kind::Invalid,
            TableError::Arrow(_) | TableError::Internal(_) => Kind::Internal,
            TableError::Cancelled(_) => Kind::Cancelled,
        }
    }
}
