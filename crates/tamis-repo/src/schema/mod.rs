//! The samples table's Arrow schema, and samples as rows of it, both ways and exactly.
//!
//! Column groups: `base` (media, split, frame, sensor, timestamp), `fields` (the user's columns,
//! made on first use) and `layer/<name>` for each layer of labels (made on first use). A field is
//! a column for each kind of value it ever had (`speed:int`, `speed:float`, `speed:json`), a row
//! has its value in exactly one of them, so that nothing is ever converted. A layer is one list
//! column `labels`, keyed by label id; null = the layer is absent, empty = looked at, nothing there.
//! See `docs/spec/samples-schema.md`.

mod check;
mod fields;
mod label;
mod layout;
mod read;
mod write;

pub(crate) use check::{check_field, check_sample, check_timestamp, prepare_labels};
pub use fields::FieldKind;
pub(crate) use layout::{BASE, FIELDS, Layout, Needs, Slot, is_own, layer_group};
pub use layout::{GroupInput, samples_schema};
pub(crate) use read::BatchReader;
pub(crate) use write::BatchBuilder;

#[cfg(test)]
mod tests;
