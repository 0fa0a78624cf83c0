//! Tests of tamis-infer from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod functions;
mod models;
mod onnx;
mod oracle;
