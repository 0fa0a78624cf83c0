//! Integration tests: history as its users see it.
#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub
)]

mod derived;
mod keeping;
mod laws;
mod merging;
mod racing;
mod speed;
mod support;
mod sync;
mod verbs;
