//! The HTTP door: the engine's operations as routes under `/api/v1`, and the web UI.
//!
//! [`serve`] opens a listener and answers until the process is asked to stop; it has a runtime of its own, so that
//! callers need none. The routes, their shapes, caching and limits are in `docs/spec/http-api.md`.
//!
//! Every handler parses, calls one operation of the engine on the blocking pool (`App::run`, which also bounds
//! time and number) and renders. Who calls is decided in one place, [`mod@caller`].

#![forbid(unsafe_code)]

mod answer;
mod app;
mod caller;
mod error;
mod events;
mod extract;
mod found;
mod guard;
mod jobs;
mod metrics;
mod problem;
mod routes;
mod serve;
mod thumbs;
mod ui;

pub use error::{Result, ServeError};
pub use serve::{ServeOptions, router, serve};
