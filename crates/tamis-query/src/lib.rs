//! Questions about datasets: SQL over any commits, and a short filter language.
//!
//! * [`Filter`] reads `class:bus conf<0.4 split:val -night` and says which samples fit (docs/filter.md).

#![forbid(unsafe_code)]

pub mod filter;

pub use filter::{Filter, FilterError};
