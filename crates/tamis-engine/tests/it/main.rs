//! The engine over lakes in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod check;
mod derive;
mod eval;
mod index;
mod lake;
