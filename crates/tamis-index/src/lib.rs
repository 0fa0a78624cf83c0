//! Indexes of samples, as tables of the same kind as the samples themselves.
//!
//! An index is a versioned table with another key: a commit holds it beside its samples, an edit of some samples changes
//! some of its rows, two versions of it share what is equal. Nothing here knows commits: functions turn rows of samples into rows of
//! an index, and questions into keys of samples.
//!
//! * [`vector`] finds the nearest vectors: cells around centroids, codes of eight bits a dimension.
//! * [`words`] finds texts by their words, ranked by BM25.
//! * [`values`] finds samples by a value of a field, and in its order.

#![deny(unsafe_code)]

mod error;
pub mod values;
pub mod vector;
pub mod words;

pub use error::{IndexError, Result};
