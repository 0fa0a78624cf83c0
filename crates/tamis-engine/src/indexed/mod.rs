//! Indexes of a dataset: defined and kept in its commits, brought up to date by differences. docs/spec/indexes.md.

pub(crate) mod define;
pub(crate) mod source;
pub(crate) mod update;
