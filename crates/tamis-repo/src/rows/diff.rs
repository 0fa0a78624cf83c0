//! Differences of two tables, row by row.

use std::sync::Arc;

use tamis_core::{Hash, Sample};
use tamis_table::{Columns, DiffBatch};

use super::{Rows, continues, text};
use crate::schema::{BatchReader, Layout};
use crate::snapshot::ScanOptions;
use crate::{Error, Result};

/// A row that differs: path, old and new sample.
pub(crate) type RowChange = (String, Option<Sample>, Option<Sample>);

/// Rows that differ, in the order of their paths.
pub(crate) struct RowDiff(Box<dyn Iterator<Item = Result<RowChange>> + Send>);

impl Iterator for RowDiff {
    type Item = Result<RowChange>;

    fn next(&mut self) -> Option<Result<RowChange>> {
        self.0.next()
    }
}

pub(super) type DiffBatches = Box<dyn Iterator<Item = Result<DiffBatch>> + Send>;

impl Rows {
    /// The rows of `newer` that differ from this version's, in batches; this version's schema
    /// must be continued by that of `newer`. With the change that `newer` was made by: O(changes).
    pub(super) fn diff_batches(&self, newer: &Rows, change: Option<Hash>) -> Result<DiffBatches> {
        let change = newer.change(change)?.filter(|change| change.parent == self.table().id());
        Ok(match change {
            Some(change) => Box::new(self.table().diff_change(newer.table(), &change)?.map(|batch| Ok(batch?))),
            None => Box::new(self.table().diff(newer.table())?.map(|batch| Ok(batch?))),
        })
    }

    /// The same of the groups that samples are made of: rows whose derived values alone differ do
    /// not count, and those values are not read.
    pub(super) fn own_diff_batches(&self, newer: &Rows, change: Option<Hash>) -> Result<DiffBatches> {
        let own = newer.layout().own();
        if own.len() == newer.layout().slots().len() {
            return self.diff_batches(newer, change);
        }
        let columns = Columns::groups(newer.layout().schema(), &own)?;
        Ok(Box::new(self.table().diff_in(newer.table(), &columns)?.map(|batch| Ok(batch?))))
    }

    /// The rows that differ between this version and `newer`, of paths with a prefix.
    pub(crate) fn diff(&self, newer: &Rows, change: Option<Hash>, prefix: &str) -> Result<RowDiff> {
        let prefix = prefix.to_owned();
        let (a, b) = (self.layout().schema(), newer.layout().schema());
        if continues(a, b) {
            return Ok(rows_of(Arc::clone(newer.layout()), self.own_diff_batches(newer, change)?, prefix, false));
        }
        if continues(b, a) {
            return Ok(rows_of(Arc::clone(self.layout()), newer.own_diff_batches(self, None)?, prefix, true));
        }
        let options = ScanOptions { prefix, ..ScanOptions::default() };
        let (old, new) = (self.scan(&options)?.peekable(), newer.scan(&options)?.peekable());
        Ok(RowDiff(Box::new(Zipped { old, new }.filter(|row| !matches!(row, Ok((_, old, new)) if old == new)))))
    }
}

/// Reads batches of differences as samples. Both sides have the layout of the later schema.
fn rows_of(layout: Arc<Layout>, batches: DiffBatches, prefix: String, swapped: bool) -> RowDiff {
    let read = move |batch: Result<DiffBatch>| -> Vec<Result<RowChange>> {
        let rows = || -> Result<Vec<RowChange>> {
            let batch = batch?;
            let (old, new) = (BatchReader::new(&layout, &batch.old)?, BatchReader::new(&layout, &batch.new)?);
            let mut rows = Vec::with_capacity(batch.len());
            for row in 0..batch.len() {
                let path = text(&batch.keys, row);
                if !path.starts_with(&prefix) {
                    continue;
                }
                let old = if batch.was[row] { Some(old.sample(row)?) } else { None };
                let new = if batch.is[row] { Some(new.sample(row)?) } else { None };
                rows.push(if swapped { (path, new, old) } else { (path, old, new) });
            }
            Ok(rows)
        };
        match rows() {
            Ok(rows) => rows.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        }
    };
    RowDiff(Box::new(batches.flat_map(read)))
}

/// Two scans side by side.
struct Zipped<I: Iterator<Item = Result<Sample>>> {
    old: std::iter::Peekable<I>,
    new: std::iter::Peekable<I>,
}

impl<I: Iterator<Item = Result<Sample>>> Iterator for Zipped<I> {
    type Item = Result<RowChange>;

    fn next(&mut self) -> Option<Result<RowChange>> {
        let order = match (self.old.peek(), self.new.peek()) {
            (Some(Err(_)), _) => return self.old.next().map(|row| row.and_then(lost)),
            (_, Some(Err(_))) => return self.new.next().map(|row| row.and_then(lost)),
            (Some(Ok(old)), Some(Ok(new))) => old.path.cmp(&new.path),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return None,
        };
        let old = if order.is_le() { self.old.next().and_then(Result::ok) } else { None };
        let new = if order.is_ge() { self.new.next().and_then(Result::ok) } else { None };
        let path = old.as_ref().or(new.as_ref()).map(|sample| sample.path.clone())?;
        Some(Ok((path, old, new)))
    }
}

fn lost(sample: Sample) -> Result<RowChange> {
    Err(Error::corrupt("scan", sample.path, "internal: an error went away"))
}
