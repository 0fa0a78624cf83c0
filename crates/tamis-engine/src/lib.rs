//! The one service layer: every use case once, as request and response.
//!
//! An [`Engine`] is an open lake. A use case is a method that takes a [`Ctx`] (who calls, where
//! progress goes) and a request; doors parse, call and render, nothing else. Errors carry a code
//! of [`ERROR_CODES`], which decides exit status and HTTP status.
//!
//! Operations block; a door that lives on an asynchronous runtime calls them from its blocking pool.

#![forbid(unsafe_code)]

mod address;
mod checks;
mod context;
mod derived;
mod engine;
mod error;
mod indexed;
mod references;

pub mod ops;

pub use address::Address;
pub use context::Ctx;
pub use engine::{DOT_TAMIS, Engine, find_lake};
pub use error::{ERROR_CODES, EngineError, ErrorCode, Result, error_code};
pub use tamis_repo::Author;
