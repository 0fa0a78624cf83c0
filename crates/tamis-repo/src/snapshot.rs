//! Reading one commit.

use std::sync::Arc;

use tamis_core::{BlobId, Ontology, Sample};
use tamis_store::Blob;
use tamis_table::{RowBatch, Table, TableSchema};

use crate::merge::{Contents, ontology_of, sensors_of};
use crate::object::{Commit, Sensors};
use crate::rows::{RowScan, Rows};
use crate::stats::Stats;
use crate::{Repo, Result};

/// One commit, for reading. Cheap to clone; safe to share between threads; never changes.
#[derive(Clone)]
pub struct Snapshot {
    repo: Repo,
    commit: Arc<Commit>,
    rows: Rows,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("commit", &self.commit.id).finish_non_exhaustive()
    }
}

/// What a scan reads.
#[derive(Clone, Debug, Default)]
pub struct ScanOptions {
    /// Only paths that begin with this.
    pub prefix: String,
    /// Only paths after this one (for pages of a listing).
    pub after: Option<String>,
    /// Leave out media, split, frame, sensor and timestamp.
    pub skip_base: bool,
    /// Leave out the fields.
    pub skip_fields: bool,
    /// Only these layers; [`None`]: all.
    pub layers: Option<Vec<String>>,
    /// Threads that read ahead; 0 = as many as there are processors.
    pub threads: usize,
}

/// Samples in the order of their paths.
pub struct Scan(RowScan);

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scan")
    }
}

impl Iterator for Scan {
    type Item = Result<Sample>;

    fn next(&mut self) -> Option<Result<Sample>> {
        self.0.next()
    }
}

impl Snapshot {
    pub(crate) fn open(repo: &Repo, commit: Commit) -> Result<Snapshot> {
        let rows = Rows::open(repo, commit.samples().table)?;
        Ok(Snapshot { repo: repo.clone(), commit: Arc::new(commit), rows })
    }

    /// The commit.
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// How many samples there are. O(1).
    pub fn len(&self) -> u64 {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sample of a path; [`None`] when there is none. O(log n).
    pub fn get(&self, path: &str) -> Result<Option<Sample>> {
        self.rows.get(path)
    }

    /// The samples of many paths, in their order; sorted paths are fastest.
    pub fn get_many(&self, paths: &[&str]) -> Result<Vec<Option<Sample>>> {
        self.rows.get_many(paths)
    }

    /// Samples in the order of their paths.
    pub fn scan(&self, options: &ScanOptions) -> Result<Scan> {
        self.rows.scan(options).map(Scan)
    }

    /// The same rows as Arrow batches in the form of [`Snapshot::schema`].
    pub fn scan_batches(&self, options: &ScanOptions) -> Result<Box<dyn Iterator<Item = Result<RowBatch>> + Send>> {
        self.rows.scan_batches(options)
    }

    /// The table of samples, for engines that read columns.
    pub fn table(&self) -> &Table {
        self.rows.table()
    }

    /// Another table of the commit (findings, an index) by its name; [`None`] where there is none.
    pub fn other_table(&self, name: &str) -> Result<Option<Table>> {
        self.commit.tables.get(name).map(|entry| self.repo.table(entry.table)).transpose()
    }

    /// The schema of the table of samples.
    pub fn schema(&self) -> &TableSchema {
        self.rows.layout().schema()
    }

    /// The layers of labels that some sample has or had.
    pub fn layers(&self) -> Vec<String> {
        self.rows.layout().layers().map(str::to_owned).collect()
    }

    /// Counts, from the root of the table: O(1) in the number of samples.
    pub fn stats(&self) -> Result<Stats> {
        Stats::of(&self.rows, "")
    }

    /// Counts of the samples whose paths begin with a prefix: O(log n).
    pub fn stats_of(&self, prefix: &str) -> Result<Stats> {
        Stats::of(&self.rows, prefix)
    }

    /// The ontology.
    pub fn ontology(&self) -> Result<Ontology> {
        ontology_of(&self.repo, &Contents::of(&self.commit))
    }

    /// The sensors.
    pub fn sensors(&self) -> Result<Sensors> {
        sensors_of(&self.repo, &Contents::of(&self.commit))
    }

    /// One of the commit's other objects, as it was set.
    pub fn extra(&self, name: &str) -> Result<Option<bytes::Bytes>> {
        self.commit.extra.get(name).map(|id| Ok(self.repo.store().get(id.hash())?)).transpose()
    }

    /// A media file or mask.
    pub fn blob(&self, id: &BlobId) -> Result<Blob> {
        Ok(self.repo.store().blob(id)?)
    }
}
