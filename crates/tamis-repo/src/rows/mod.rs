//! Samples in a table: the one place where this crate meets tables.
//!
//! Two tables of a dataset may have their groups in different orders (two branches each added a
//! layer). Where one schema continues the other, everything costs what changed; otherwise a diff
//! compares all rows. See `docs/adr/0033-group-order.md`.

mod diff;
mod edit;
mod merge;
mod scan;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, BinaryArray};
use tamis_core::{Hash, Progress, Sample, TableId};
use tamis_table::{Change, Columns, Summary, Table, TableSchema};

use crate::object::TableEntry;
use crate::schema::{BatchReader, Layout, Needs};
use crate::transaction::RowEdit;
use crate::{Repo, Result};

pub(crate) use diff::RowDiff;
pub(crate) use edit::nulls;
pub(crate) use scan::RowScan;

/// A table of samples. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    table: Table,
    layout: Arc<Layout>,
}

/// Edits by path, in memory.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    pub(crate) map: BTreeMap<String, RowEdit>,
    /// About how many bytes they take.
    pub(crate) bytes: usize,
    /// The layers and columns that they need.
    pub(crate) needs: Needs,
}

/// The outcome of an edit.
#[derive(Debug)]
pub(crate) struct Edited {
    pub(crate) rows: Rows,
    pub(crate) entry: TableEntry,
}

impl Edited {
    /// The table where the change against the commit's parent is not known.
    pub(crate) fn entry_without_change(&self) -> TableEntry {
        TableEntry { change: None, ..self.entry }
    }
}

impl Rows {
    pub(crate) fn open(repo: &Repo, id: TableId) -> Result<Rows> {
        Ok(Rows::of(repo.table(id)?))
    }

    fn of(table: Table) -> Rows {
        let layout = Arc::new(Layout::of(table.schema()));
        Rows { table, layout }
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    pub(crate) fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    pub(crate) fn len(&self) -> u64 {
        self.table.len()
    }

    /// Whether both have the same rows, by their multiset hashes. O(1).
    pub(crate) fn has_same_rows(&self, other: &Rows) -> Result<bool> {
        Ok(self.table.content_hash() == other.table.content_hash() && self.table.len() == other.table.len())
    }

    /// The columns that samples are made of.
    fn own(&self) -> Result<Columns> {
        Ok(Columns::groups(self.layout.schema(), &self.layout.own())?)
    }

    pub(crate) fn get(&self, path: &str) -> Result<Option<Sample>> {
        match self.table.get(path.as_bytes(), &self.own()?)? {
            Some(batch) => BatchReader::new(&self.layout, &batch)?.sample(0).map(Some),
            None => Ok(None),
        }
    }

    /// The samples of some paths, in their order.
    pub(crate) fn get_many(&self, paths: &[&str]) -> Result<Vec<Option<Sample>>> {
        let mut order: Vec<usize> = (0..paths.len()).collect();
        order.sort_by_key(|&at| paths[at]);
        let mut keys: Vec<&str> = order.iter().map(|&at| paths[at]).collect();
        keys.dedup();
        let (batch, found) = self.table.get_many(&keys_of(&keys), &self.own()?)?;
        let reader = BatchReader::new(&self.layout, &batch)?;
        let mut samples = vec![None; paths.len()];
        let mut row = 0;
        for at in order {
            while keys[row] != paths[at] {
                row += 1;
            }
            if found[row] {
                samples[at] = Some(reader.sample(row)?);
            }
        }
        Ok(samples)
    }

    /// The aggregates of rows whose paths begin with a prefix.
    pub(crate) fn summary(&self, prefix: &str) -> Result<Summary> {
        if prefix.is_empty() {
            return Ok(self.table.summary().clone());
        }
        let end = after_prefix(prefix);
        Ok(self.table.summary_of(Some(prefix.as_bytes()), end.as_deref())?)
    }

    fn change(&self, id: Option<Hash>) -> Result<Option<Change>> {
        Ok(id.map(|id| Change::open(self.table.cache(), id)).transpose()?)
    }

    /// The objects of the table (and of its change) that the table of `except` has not.
    pub(crate) fn reachable(
        &self,
        except: Option<&Rows>,
        change: Option<Hash>,
        f: &mut dyn FnMut(Hash) -> Result<()>,
    ) -> Result<()> {
        let mut found = Vec::new();
        self.table.reachable(except.map(|rows| &rows.table), &mut |id| {
            found.push(id);
            Ok(())
        })?;
        if let Some(change) = self.change(change)? {
            change.reachable(self.table.cache(), &mut |id| {
                found.push(id);
                Ok(())
            })?;
        }
        found.into_iter().try_for_each(f)
    }

    /// Recomputes structure and summaries.
    pub(crate) fn verify(&self, progress: &Progress) -> Result<()> {
        Ok(self.table.verify(progress)?)
    }
}

pub(crate) fn keys_of(paths: &[&str]) -> BinaryArray {
    BinaryArray::from_iter_values(paths.iter().map(|path| path.as_bytes()))
}

/// The least key that is after all keys with a prefix; [`None`] when there is none.
pub fn after_prefix(prefix: &str) -> Option<Vec<u8>> {
    let mut end = prefix.as_bytes().to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

/// Whether every group and column of `older` is in `newer` at its place.
pub(crate) fn continues(older: &TableSchema, newer: &TableSchema) -> bool {
    older.groups.iter().enumerate().all(|(at, group)| {
        newer.groups.get(at).is_some_and(|other| {
            other.name == group.name
                && group.fields.iter().all(|field| {
                    other
                        .fields
                        .find(field.name())
                        .is_some_and(|(_, f)| f.data_type().equals_datatype(field.data_type()))
                })
        })
    })
}

pub(crate) fn text(keys: &BinaryArray, row: usize) -> String {
    String::from_utf8_lossy(if row < keys.len() { keys.value(row) } else { b"" }).into_owned()
}
