//! Checks of a dataset: what is wrong with its labels, its media, its parts. docs/spec/checks.md.
//!
//! [`config`] says what is checked and how strictly; [`labels`], [`pictures`], [`vectors`], [`boxes`] and [`classes`] look;
//! [`finding`] gathers what they find; [`page`] shows it.

mod boxes;
mod classes;
pub(crate) mod config;
pub(crate) mod finding;
pub(crate) mod kept;
mod labels;
pub(crate) mod page;
mod pictures;
pub(crate) mod report;
pub(crate) mod run;
mod vectors;
