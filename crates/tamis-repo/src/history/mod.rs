//! Reading and re-making history: log, revert, cherry-pick, squash.

mod lanes;
mod log;
mod remake;

pub use log::{LogEntry, LogOptions};
