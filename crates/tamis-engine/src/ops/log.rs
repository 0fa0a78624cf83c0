//! The log of commits.

use serde::Serialize;
use tamis_repo::LogOptions;

use crate::error::Result;
use crate::{Address, Engine};

/// Which commits.
#[derive(Clone, Debug, Default)]
pub struct LogRequest {
    /// At most so many; 0 = all.
    pub limit: usize,
    /// All branches, tags and drafts, not only the revision.
    pub all: bool,
    /// Follow first parents only.
    pub first_parent: bool,
}

/// A commit in the log.
#[derive(Clone, Debug, Serialize)]
pub struct LogLine {
    /// The id.
    pub id: String,
    /// The ids of its parents.
    pub parents: Vec<String>,
    /// Who made it.
    pub author: String,
    /// When, in microseconds since 1970.
    pub time: i64,
    /// Why.
    pub message: String,
    /// Branches, tags and drafts at it.
    pub refs: Vec<String>,
    /// The graph beside it.
    #[serde(skip)]
    pub graph: Vec<String>,
}

impl Engine {
    /// The commits that a revision reaches, newest first.
    pub fn log(&self, address: &Address, request: &LogRequest) -> Result<Vec<LogLine>> {
        let options = LogOptions {
            limit: request.limit,
            all: request.all,
            first_parent: request.first_parent,
            ..LogOptions::default()
        };
        let entries = self.dataset(&address.dataset)?.log(address.revision(), &options)?;
        let line = |entry: tamis_repo::LogEntry| LogLine {
            id: entry.commit.id.to_string(),
            parents: entry.commit.parents.iter().map(ToString::to_string).collect(),
            author: entry.commit.author.to_string(),
            time: entry.commit.time,
            message: entry.commit.message.clone(),
            refs: entry.refs,
            graph: entry.graph,
        };
        Ok(entries.into_iter().map(line).collect())
    }
}
