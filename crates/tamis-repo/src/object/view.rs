//! Views: all refs of a dataset at one moment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tamis_core::{CommitId, ObjectId};

use super::{Author, Object};

/// All refs of a dataset at one moment; see `docs/spec/view.md`. One small object, replaced as a
/// whole, so that every operation is atomic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Branches by name.
    pub branches: BTreeMap<String, Branch>,
    /// The branch that is meant where none is named.
    pub default: String,
    /// Open drafts by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub drafts: BTreeMap<String, Draft>,
    /// Other objects by name (saved queries); nothing here knows what is in them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, ObjectId>,
    /// Other lakes by name, and where their branches were when last seen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub remotes: BTreeMap<String, Remote>,
    /// Set when the dataset was removed; undo brings it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Removed>,
    /// Tags by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, Tag>,
}

impl Object for View {
    const KIND: &'static str = "view";
}

/// A branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// Its newest commit.
    pub commit: CommitId,
    /// The unfinished merge into it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<ObjectId>,
    /// Direct commits, resets and deletion are refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
}

/// An open, writable state on a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The commit of the branch it was opened on.
    pub base: CommitId,
    /// The branch it is for.
    pub branch: String,
    /// Its newest save; a commit whose parents are the saves before it, down to `base`.
    pub head: CommitId,
    /// Who opened it.
    pub owner: Author,
    /// When it was opened, in microseconds since 1970-01-01 UTC.
    pub time: i64,
}

/// Another lake that has the same dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remote {
    /// Where its branches were when last seen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub branches: BTreeMap<String, CommitId>,
    /// The dataset's name there.
    pub dataset: String,
    /// Where the lake is.
    pub location: String,
}

/// Says that a dataset was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// The name it has now, when it was renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed: Option<String>,
    /// When, in microseconds since 1970-01-01 UTC.
    pub time: i64,
}

/// A name for a commit that does not move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Who made it.
    pub author: Author,
    /// The commit.
    pub commit: CommitId,
    /// What it stands for; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When it was made, in microseconds since 1970-01-01 UTC.
    pub time: i64,
}
