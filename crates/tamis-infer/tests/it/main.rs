//! Tests of tamis-infer from outside.

mod functions;
mod oracle;
