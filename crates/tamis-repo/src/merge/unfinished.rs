//! An unfinished merge: kept with the branch until it is continued or given up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tamis_core::{CommitId, ObjectId};

use super::conflict::Conflict;
use crate::object::{Action, Object, TableEntry};

/// A merge (or revert, or cherry-pick) that stopped at conflicts; see `docs/spec/view.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MergeObject {
    pub action: Action,
    pub conflicts: Vec<Conflict>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, ObjectId>,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ontology: Option<ObjectId>,
    /// The branch's commit when it began; the merged tables are relative to it.
    pub ours: CommitId,
    pub parents: Vec<CommitId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensors: Option<ObjectId>,
    pub source: String,
    pub tables: BTreeMap<String, TableEntry>,
}

impl Object for MergeObject {
    const KIND: &'static str = "merge";
}

/// A merge that waits for decisions.
#[derive(Clone, Debug, PartialEq)]
pub struct UnfinishedMerge {
    /// The branch it goes into.
    pub branch: String,
    /// What is merged, reverted or picked, as it was named.
    pub source: String,
    /// What kind of operation it is.
    pub action: Action,
    /// The branch's commit when it began.
    pub ours: CommitId,
    /// The message of the commit to be.
    pub message: String,
    /// Every conflict, decided or not, ordered by path.
    pub conflicts: Vec<Conflict>,
}

impl UnfinishedMerge {
    /// How many conflicts still wait.
    pub fn open(&self) -> usize {
        self.conflicts.iter().filter(|conflict| conflict.resolution.is_none()).count()
    }
}
