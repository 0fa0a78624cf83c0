//! Finding the samples of a commit that fit.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use tamis_core::Sample;
use tamis_repo::{Error, Result, Snapshot, Stats, after_prefix};
use tamis_table::{Columns, PlanStats, RowBatch, ScanFilter, ScanPlan, TableSchema};

use super::Filter;
use super::batch::{LAYER, Rows, base_column};
use super::needs::Place;
use super::tree::{SampleTerm, Test};

/// The samples that fit, in the order of their paths, leaf by leaf. Subtrees whose counts say that nothing fits are left out;
/// of the rest, the columns that the filter looks at are read, on all processors. Memory: the columns of two
/// leaves a processor.
pub struct Finder {
    task: Option<Arc<Task>>,
    next: usize,
    running: VecDeque<Receiver<Result<FoundPaths>>>,
}

struct Task {
    snapshot: Snapshot,
    filter: Filter,
    plan: ScanPlan,
    columns: Columns,
}

impl std::fmt::Debug for Finder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Finder").field("stats", &self.stats()).finish_non_exhaustive()
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
    /// ([`Filter::with_views`]). Reads the nodes that are not ruled out before it returns.
    ///
    /// # Errors
    /// Those of the tables below.
    pub fn find(&self, snapshot: &Snapshot, prefix: &str) -> Result<Finder> {
        let task = match self.place(prefix) {
            Place::Nowhere => None,
            Place::Prefix(prefix) => {
                let (snapshot, filter) = (snapshot.clone(), self.clone());
                let columns = self.columns(snapshot.schema())?;
                let start = (!prefix.is_empty()).then(|| prefix.as_bytes().to_vec());
                let plan = snapshot.table().plan(start, after_prefix(&prefix), self.pruning(&snapshot).as_ref())?;
                Some(Arc::new(Task { snapshot, filter, plan, columns }))
            }
        };
        Ok(Finder { task, next: 0, running: VecDeque::new() })
    }

    /// What rules subtrees out by their counts; [`None`] where the filter asks for nothing that is counted.
    fn pruning(&self, snapshot: &Snapshot) -> Option<ScanFilter> {
        let columns = self.counted_columns(snapshot.schema());
        if columns.is_empty() {
            return None;
        }
        let (filter, layers) = (self.clone(), snapshot.layers());
        Some(ScanFilter::new(columns, move |_, _, summary| {
            filter.may_fit(&Stats::of_summary(summary, layers.iter().map(String::as_str)))
        }))
    }

    /// The columns of summaries that the filter asks about.
    fn counted_columns(&self, schema: &TableSchema) -> Vec<String> {
        let mut columns = Vec::new();
        self.condition().each(&mut |term, _| match term {
            SampleTerm::Is(Test { key, .. }) => {
                let counted = base_column(key).filter(|name| ["split", "mime", "sensor"].contains(name));
                columns.extend(counted.map(|name| format!("base:{name}")));
            }
            SampleTerm::Label(_) | SampleTerm::Count(..) => {
                let layers = schema.groups.iter().filter(|group| group.name.starts_with(LAYER));
                columns.extend(layers.map(|group| format!("{}:labels", group.name)));
            }
            SampleTerm::Layer(..) | SampleTerm::View(..) => {}
        });
        if columns.iter().any(|column| column == "base:mime") {
            // How many samples have media at all.
            columns.push("base:size".to_owned());
        }
        columns
    }
}

impl Finder {
    /// What is read and what was left out.
    pub fn stats(&self) -> PlanStats {
        self.task.as_ref().map_or_else(PlanStats::default, |task| task.plan.stats())
    }
}

impl Iterator for Finder {
    type Item = Result<FoundPaths>;

    fn next(&mut self) -> Option<Result<FoundPaths>> {
        let task = self.task.as_ref()?;
        while self.next < task.plan.len() && self.running.len() < 2 * rayon::current_num_threads() {
            let (send, receive) = sync_channel(1);
            let (task, at) = (Arc::clone(task), self.next);
            rayon::spawn(move || {
                // Nobody listens any more when the search was dropped.
                drop(send.send(task.part(at)));
            });
            self.running.push_back(receive);
            self.next += 1;
        }
        let gone =
            || Err(Error::Table(tamis_table::TableError::Internal("a search's thread ended without an outcome")));
        Some(self.running.pop_front()?.recv().unwrap_or_else(|_| gone()))
    }
}

impl Task {
    /// The rows of a part that fit.
    fn part(&self, at: usize) -> Result<FoundPaths> {
        let batch: RowBatch = self.plan.read(at, &self.columns, true)?;
        let rows = Rows::new(&self.filter, self.snapshot.schema(), &batch);
        let (mut paths, mut doubtful) = (Vec::new(), Vec::new());
        for row in 0..batch.len() {
            match rows.fits(row) {
                Some(true) => paths.push(rows.path(row).to_owned()),
                None => doubtful.push(rows.path(row)),
                Some(false) => {}
            }
        }
        if !doubtful.is_empty() {
            let samples = self.snapshot.get_many(&doubtful)?.into_iter().flatten();
            paths.extend(samples.filter(|sample: &Sample| self.filter.fits(sample)).map(|sample| sample.path));
            paths.sort_unstable();
        }
        Ok(FoundPaths { rows: batch.len() as u64, paths })
    }
}
