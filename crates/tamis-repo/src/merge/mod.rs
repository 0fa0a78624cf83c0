//! Three-way merge of whole commits: rows, labels, classes, sensors; conflicts as records.
//!
//! Different rows merge by themselves; so do different parts of one row (media, each field, each
//! layer), different labels of one layer, and different parts of one label (class, geometry,
//! each attribute …). What both sides changed differently is a [`Conflict`], never a silent
//! choice. See `docs/spec/view.md` for how an unfinished merge is kept.

mod conflict;
mod contents;
mod ontology;
mod resolve;
mod sample;
mod unfinished;
mod verb;

pub(crate) use conflict::Clashes;
pub use conflict::{Conflict, ConflictPart, Resolution};
pub(crate) use sample::merge_sample;
pub use unfinished::UnfinishedMerge;
pub use verb::{MergeOptions, MergeOutcome};

pub(crate) use contents::{Contents, check_object, merge_contents, ontology_of, sensors_of, write_object};
pub(crate) use ontology::{ClassChange, diff_ontologies};
pub(crate) use unfinished::MergeObject;
