//! Integration tests: real files, hostile files, laws.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

mod drawn;
mod facts;
mod hostile;
mod oracle;
mod real;
mod sample;
