//! SQL over commits, by DataFusion (ADR 0085).
//!
//! [`Query`] takes a text, plans it against the tables of one lake, and gives batches. Nothing else can be
//! reached from a statement: the only catalog is the lake's, no reader of files is registered, and
//! statements that do more than read are refused before they are planned.

mod answer;
mod catalog;
mod changes;
pub(crate) mod column;
mod cube;
mod facts;
mod history;
mod name;
mod predicate;
mod read;
mod scan;
mod session;
mod table;
mod values;

pub use answer::{Answer, Explain, Query};
pub use name::TableName;

/// Runs what may block (a lake in a bucket has a runtime of its own) from within a runtime of threads.
pub(crate) fn blocking<T>(f: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(f)
}
