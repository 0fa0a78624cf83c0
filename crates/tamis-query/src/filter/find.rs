//! Finding the samples of a commit that fit.

use tamis_core::Sample;
use tamis_repo::{Result, Snapshot, after_prefix};
use tamis_table::{Scan, ScanOptions};

use super::Filter;
use super::batch::Rows;
use super::needs::Place;

/// The samples that fit, in the order of their paths, leaf by leaf. Reads the columns that the filter looks at, below the
/// beginning that all paths must have; memory: the columns of a leaf a thread.
pub struct Finder {
    snapshot: Snapshot,
    filter: Filter,
    scan: Option<Scan>,
}

impl std::fmt::Debug for Finder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Finder").field("filter", &self.filter).finish_non_exhaustive()
    }
}

/// What a leaf has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundPaths {
    /// Rows that were looked at.
    pub rows: u64,
    /// The paths of those that fit, in order.
    pub paths: Vec<String>,
}

impl Filter {
    /// Looks for the samples of a commit that fit, below a beginning of paths. Views must have been replaced
    /// ([`Filter::with_views`]).
    ///
    /// # Errors
    /// Those of the tables below.
    pub fn find(&self, snapshot: &Snapshot, prefix: &str) -> Result<Finder> {
        let (snapshot, filter) = (snapshot.clone(), self.clone());
        let Place::Prefix(prefix) = self.place(prefix) else { return Ok(Finder { snapshot, filter, scan: None }) };
        let columns = self.columns(snapshot.schema())?;
        let start = (!prefix.is_empty()).then(|| prefix.as_bytes().to_vec());
        let options =
            ScanOptions::new(columns).range(start, after_prefix(&prefix)).threads(rayon::current_num_threads());
        let scan = Some(snapshot.table().scan(options)?);
        Ok(Finder { snapshot, filter, scan })
    }
}

impl Iterator for Finder {
    type Item = Result<FoundPaths>;

    fn next(&mut self) -> Option<Result<FoundPaths>> {
        let batch = self.scan.as_mut()?.next()?;
        Some(batch.map_err(Into::into).and_then(|batch| fitting(&self.filter, &self.snapshot, &batch)))
    }
}

/// The rows of a batch that fit.
fn fitting(filter: &Filter, snapshot: &Snapshot, batch: &tamis_table::RowBatch) -> Result<FoundPaths> {
    let rows = Rows::new(filter, snapshot.schema(), batch);
    let (mut paths, mut doubtful) = (Vec::new(), Vec::new());
    for row in 0..batch.len() {
        match rows.fits(row) {
            Some(true) => paths.push(rows.path(row).to_owned()),
            None => doubtful.push(rows.path(row)),
            Some(false) => {}
        }
    }
    if !doubtful.is_empty() {
        let samples = snapshot.get_many(&doubtful)?.into_iter().flatten();
        paths.extend(samples.filter(|sample: &Sample| filter.fits(sample)).map(|sample| sample.path));
        paths.sort_unstable();
    }
    Ok(FoundPaths { rows: batch.len() as u64, paths })
}
