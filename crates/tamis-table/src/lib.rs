//! A versioned columnar table: base and delta trees of column pages with scan, lookup, edit, fold,
//! diff and merge.
//!
//! A [`Table`] is one immutable version: rows sorted by key, each with column groups, kept as a
//! base tree and a short stack of delta trees (docs/spec/table.md). [`Table::build`] makes one from
//! sorted rows, [`Table::edit`] makes the next, [`Table::diff`] tells two apart,
//! [`Table::merge`] joins two that come from a third.
//!
//! The table is generic over Arrow schemas and knows nothing of samples, labels or commits.

#![forbid(unsafe_code)]

mod cut;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod leaf;
mod node;
mod rows;
mod schema;
mod summary;
mod table;

pub mod page;
pub mod row_hash;

pub use cut::CutRule;
pub use error::{Result, TableError};
pub use page::Projection;
pub use rows::{Edit, Op, RowBatch};
pub use schema::{GroupSchema, TableSchema};
pub use summary::{Aggregate, ColumnSummary, Summary};
pub use table::{
    BaseLeaf, BuildOptions, Change, Columns, Conflict, DiffBatch, EditOptions, Edited, Merged, PagesRead, PlanStats,
    Scan, ScanFilter, ScanOptions, ScanPlan, Table, TableCache,
};
