//! Laws against naive models, and numbers against the packages that people use.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

mod annotators;
mod confident;
mod detection;
mod drift;
mod duplicates;
mod images;
mod measures;
mod oracle;
mod random;
mod rules;
mod suspects;
