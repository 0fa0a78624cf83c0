//! Samples by position, and what a revision says of itself.

use serde::Serialize;
use tamis_core::{Ontology, Sample};
use tamis_repo::Snapshot;

use crate::error::{EngineError, Result};
use crate::{Address, Engine};

/// Samples of a revision that follow each other.
#[derive(Clone, Debug, Serialize)]
pub struct Page {
    /// All samples that there are.
    pub total: u64,
    /// The commit's id.
    pub commit: String,
    /// Those asked for, in order.
    pub rows: Vec<Sample>,
}

impl Engine {
    /// The commit's id that a revision names.
    pub fn commit_of(&self, address: &Address) -> Result<String> {
        Ok(self.dataset(&address.dataset)?.resolve(address.revision())?.id.to_string())
    }

    /// The ontology of a revision: which labels it may have.
    pub fn ontology(&self, address: &Address) -> Result<Ontology> {
        Ok(self.dataset(&address.dataset)?.snapshot(address.revision())?.ontology()?)
    }

    /// The samples of a revision, or of those below the address's path, by their position in the order of paths: at most
    /// `count` from `from` on. Reads the leaves that hold them and the way there, O(log n + count).
    pub fn page(&self, address: &Address, from: u64, count: u64) -> Result<Page> {
        let snapshot = self.dataset(&address.dataset)?.snapshot(address.revision())?;
        let (first, total) = numbers(&snapshot, address.prefix())?;
        let from = from.min(total);
        let numbers: Vec<u64> = (from..from.saturating_add(count).min(total)).map(|at| first + at).collect();
        let keys = snapshot.table().keys_at(&numbers).map_err(EngineError::from)?;
        let paths: Vec<&str> = keys.iter().flatten().filter_map(|key| std::str::from_utf8(key).ok()).collect();
        let rows = snapshot.get_many(&paths)?.into_iter().flatten().collect();
        Ok(Page { total, commit: snapshot.commit().id.to_string(), rows })
    }

    /// The samples of a revision at some paths, in the order asked for; those that are not there are left out.
    pub fn samples_at(&self, address: &Address, paths: &[&str]) -> Result<Vec<Sample>> {
        let snapshot = self.dataset(&address.dataset)?.snapshot(address.revision())?;
        Ok(snapshot.get_many(paths)?.into_iter().flatten().collect())
    }
}

/// The number of the first row below a prefix, and how many there are.
fn numbers(snapshot: &Snapshot, prefix: &str) -> Result<(u64, u64)> {
    if prefix.is_empty() {
        return Ok((0, snapshot.len()));
    }
    let rank = |key: &[u8]| snapshot.table().rank(key).map_err(EngineError::from);
    // Paths are UTF-8, which has no byte 0xFF: this is after all that begin with the prefix.
    let (first, end) = (rank(prefix.as_bytes())?, rank(&[prefix.as_bytes(), &[0xFF]].concat())?);
    Ok((first, end.saturating_sub(first)))
}
