//! History over tables: what happened to a dataset, and safe ways to change it.
//!
//! A [`Repo`] is one lake; a [`Dataset`] in it has commits, branches, tags and drafts. All refs of
//! a dataset are one small [`View`]; every change of it is an entry of the operation log, so that
//! [`Dataset::undo`] is general. A [`Transaction`] gathers edits and commits them; a [`Snapshot`]
//! reads one commit.
//!
//! ```
//! use tamis_core::{Box2d, DatasetName, Label, Sample, Shape};
//! use tamis_repo::{Author, Repo};
//!
//! # fn main() -> tamis_repo::Result<()> {
//! let repo = Repo::memory()?;
//! let me = Author::new("Ada", "ada@example.org");
//! let signs = repo.create(&DatasetName::new("acme/signs")?, &me)?;
//!
//! let mut edit = signs.transaction("main")?;
//! let stop = Label::new(Shape::Box2d(Box2d::new(1.0, 2.0, 30.0, 40.0))).with_class("stop");
//! let mut sample = Sample { path: "train/1.jpg".into(), ..Sample::default() };
//! sample.layers.insert("truth".into(), vec![stop]);
//! edit.put(sample)?;
//! edit.commit("first signs", &me)?;
//!
//! let sample = signs.snapshot("main")?.get("train/1.jpg")?;
//! assert_eq!(sample.map(|s| s.layers["truth"][0].id), Some(1));
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod closure;
mod dataset;
mod diff;
mod draft;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod gc;
mod graph;
mod history;
mod landing;
mod merge;
mod object;
mod operations;
mod refs;
mod repo;
mod revision;
mod rows;
mod schema;
mod snapshot;
mod stats;
mod sync;
mod transaction;
mod verify;

pub use dataset::Dataset;
pub use diff::{
    DiffOptions, DiffStat, FieldChange, LabelChange, LabelParts, OntologyChange, SampleChange, SampleChanges,
    SensorChange,
};
pub use error::{Error, Result};
pub use gc::{GcOptions, GcReport};
pub use history::{LogEntry, LogOptions};
pub use merge::{Conflict, ConflictPart, MergeOptions, MergeOutcome, Resolution, UnfinishedMerge};
pub use object::{
    Action, Author, Branch, ChangeId, Commit, Draft, Operation, Remote, Removed, Sensors, TableEntry, Tag, View,
};
pub use refs::{BranchStatus, MoveOptions};
pub use repo::Repo;
pub use rows::after_prefix;
pub use schema::{FieldKind, GroupInput, samples_schema};
pub use snapshot::{Scan, ScanOptions, Snapshot};
pub use stats::{LayerStats, Stats};
pub use sync::{CloneOptions, PullOutcome, PushOptions, SyncReport};
pub use transaction::{CommitOptions, Outcome, SamplePatch, Transaction};
pub use verify::VerifyReport;
