//! Commits: a version of a dataset with its parents.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tamis_core::{CommitId, Hash, ObjectId, TableId};

use super::{Author, Object};
use crate::{Error, Result};

/// The name of the samples table in [`Commit::tables`].
pub(crate) const SAMPLES: &str = "samples";

/// Names a change through rebases: 128 random bits, kept when a commit is re-made on another parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChangeId(pub u128);

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for ChangeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ChangeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ChangeId, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(ChangeId).map_err(de::Error::custom)
    }
}

/// A table of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    /// The table's change against the table of the first parent, where it is known; makes the
    /// diff of the two cost what changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Hash>,
    /// The table.
    pub table: TableId,
}

/// A commit as it is stored; see `docs/spec/commit.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CommitObject {
    pub author: Author,
    pub change: ChangeId,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, ObjectId>,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ontology: Option<ObjectId>,
    pub parents: Vec<CommitId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensors: Option<ObjectId>,
    pub tables: BTreeMap<String, TableEntry>,
    pub time: i64,
}

impl Object for CommitObject {
    const KIND: &'static str = "commit";
}

/// A version of a dataset: its tables, ontology and sensors, who made it and from what.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// BLAKE3 of the encoded commit.
    pub id: CommitId,
    /// What it was made from; none for the root, two or more for a merge.
    pub parents: Vec<CommitId>,
    /// Tables by name; `samples` is always there.
    pub tables: BTreeMap<String, TableEntry>,
    /// The ontology, where one was set.
    pub ontology: Option<ObjectId>,
    /// The sensors, where there are any.
    pub sensors: Option<ObjectId>,
    /// Other objects by name (saved queries, flows).
    pub extra: BTreeMap<String, ObjectId>,
    /// Who made it.
    pub author: Author,
    /// When, in microseconds since 1970-01-01 UTC.
    pub time: i64,
    /// Why.
    pub message: String,
    /// Names the change through rebases.
    pub change: ChangeId,
}

impl Commit {
    /// Whether this is the empty commit that every history begins with.
    pub fn is_root(&self) -> bool {
        self.parents.is_empty()
    }

    /// The first line of the message.
    pub fn title(&self) -> &str {
        self.message.lines().next().unwrap_or("")
    }

    pub(crate) fn decode(id: CommitId, bytes: &[u8]) -> Result<Commit> {
        let object = CommitObject::decode(id.hash(), bytes)?;
        if !object.tables.contains_key(SAMPLES) {
            return Err(Error::corrupt("commit", id, "it has no table `samples`"));
        }
        let CommitObject { author, change, extra, message, ontology, parents, sensors, tables, time } = object;
        Ok(Commit { id, parents, tables, ontology, sensors, extra, author, time, message, change })
    }

    /// The samples table.
    pub fn samples(&self) -> TableEntry {
        self.tables.get(SAMPLES).copied().unwrap_or(TableEntry { change: None, table: TableId(Hash::ZERO) })
    }
}
