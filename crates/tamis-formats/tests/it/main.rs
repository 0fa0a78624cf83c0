//! Conformance by table, hostile input, and real datasets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

mod bad;
mod conformance;
mod documents;
mod families;
mod fixtures;
mod fusion;
mod hostile;
mod peers;
mod read_only;
mod real;
mod scratch;
mod tools;
mod written;
