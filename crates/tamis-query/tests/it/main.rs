//! SQL over lakes, against naive models.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

mod errors;
mod functions;
mod pushdown;
mod support;
mod tables;
