//! Tests that need several crates at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs, unreachable_pub)]

mod corpora;

#[path = "../../../../fuzz/src/lib.rs"]
mod targets;
