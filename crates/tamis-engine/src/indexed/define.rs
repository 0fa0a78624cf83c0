//! What a dataset says of its indexes. docs/spec/indexes.md §1.

use serde::{Deserialize, Serialize};
use tamis_core::TableId;
use tamis_index::vector::Metric;
use tamis_repo::Snapshot;

use crate::error::{EngineError, Result};

/// The names of definitions and tables in a commit.
const PREFIX: &str = "index/";

/// What an index finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexKind {
    /// The nearest vectors.
    Vectors,
    /// Texts by their words.
    Words,
    /// Samples by a value.
    Values,
}

/// The definition of an index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexDefinition {
    /// What it finds.
    pub kind: IndexKind,
    /// `derived:<field>`, `field:<name>` or `layer:<name>`.
    pub on: String,
    /// `cosine` or `euclidean`, of vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
}

/// Up to where an index is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct IndexState {
    /// The samples table that it is of.
    pub(crate) table: TableId,
    /// Texts, of words.
    #[serde(default)]
    pub(crate) texts: u64,
    /// Words in them.
    #[serde(default)]
    pub(crate) words: u64,
}

impl IndexDefinition {
    /// The object and the table of an index.
    pub(crate) fn object(name: &str) -> String {
        format!("{PREFIX}{name}")
    }

    /// The names of a commit's indexes, sorted.
    pub(crate) fn names(snapshot: &Snapshot) -> Vec<String> {
        snapshot.commit().extra.keys().filter_map(|name| name.strip_prefix(PREFIX)).map(str::to_owned).collect()
    }

    /// The definition of an index of a commit.
    pub(crate) fn read(snapshot: &Snapshot, name: &str) -> Result<Option<IndexDefinition>> {
        read(snapshot, &IndexDefinition::object(name))
    }

    /// The index of a kind on something, if there is one.
    pub(crate) fn find(snapshot: &Snapshot, kind: IndexKind, on: &str) -> Result<Option<(String, IndexDefinition)>> {
        for name in IndexDefinition::names(snapshot) {
            if let Some(definition) = IndexDefinition::read(snapshot, &name)?
                && definition.kind == kind
                && definition.on == on
            {
                return Ok(Some((name, definition)));
            }
        }
        Ok(None)
    }

    /// How distances are measured.
    pub(crate) fn metric(&self) -> Result<Metric> {
        parse_metric(self.metric.as_deref().unwrap_or("cosine"))
    }
}

impl IndexState {
    pub(crate) fn object(name: &str) -> String {
        format!("state/index/{name}")
    }

    pub(crate) fn cells(name: &str) -> String {
        format!("state/cells/{name}")
    }

    pub(crate) fn read(snapshot: &Snapshot, name: &str) -> Result<Option<IndexState>> {
        read(snapshot, &IndexState::object(name))
    }
}

/// Reads a metric's name.
pub(crate) fn parse_metric(text: &str) -> Result<Metric> {
    match text {
        "cosine" => Ok(Metric::Cosine),
        "euclidean" | "l2" => Ok(Metric::Euclidean),
        other => {
            let message = format!("cannot measure distances by `{other}`");
            Err(EngineError::new("usage", message).hint("say cosine or euclidean"))
        }
    }
}

fn read<T: for<'a> Deserialize<'a>>(snapshot: &Snapshot, name: &str) -> Result<Option<T>> {
    let Some(bytes) = snapshot.extra(name)? else { return Ok(None) };
    let damaged = |error: serde_json::Error| {
        EngineError::new("store.corrupt", format!("cannot read `{name}` of commit {}: {error}", snapshot.commit().id))
    };
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}
