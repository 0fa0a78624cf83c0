//! Revisions: how people name commits.
//!
//! ```text
//! revision = base step*
//! base     = branch | tag | `draft/`name | remote`/`branch | commit id or prefix (≥ 4 hex) | `HEAD`
//! step     = `~`n | `^`n | `@{`n | time`}`
//! ```
//! `~n` goes n first parents back, `^n` to the n-th parent, `@{n}` n values of the ref back in the
//! operation log, `@{time}` to the ref's value at that time (UTC). A name wins over an id prefix;
//! `HEAD` or nothing is the default branch.

mod parse;
mod resolve;
mod time;

pub(crate) use parse::parse;
pub(crate) use resolve::{heads, resolve};
