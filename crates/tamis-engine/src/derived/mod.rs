//! Derived fields: values that functions give for samples, computed again only for what changed.
//! docs/spec/derived.md.
//!
//! [`plan`] finds the rows that need a value, [`run`] computes them, [`actions`] remembers what functions gave.

pub(crate) mod actions;
pub(crate) mod define;
pub(crate) mod function;
pub(crate) mod plan;
pub(crate) mod run;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
