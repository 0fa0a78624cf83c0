//! What tests of the store and of everything above it need: backends that fail or count, one
//! conformance suite for all backends, and a real S3 server.

pub mod conformance;
mod counting;
mod fault;
mod s3;

pub use counting::{Calls, CountingBackend};
pub use fault::{FaultBackend, Faults, WriteFault};
pub use s3::S3Server;
