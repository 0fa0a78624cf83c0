//! Three-way merge of tables.
//!
//! Rows that only theirs changed go over column by column, as they are in the difference; only
//! rows that both sides changed are read as samples and merged part by part. (The table's own
//! merge goes into single columns, which would mix two media files, or give a field two values.)

use std::collections::BTreeMap;

use arrow::array::{AsArray, BooleanArray};
use arrow::buffer::BooleanBuffer;
use tamis_core::Sample;
use tamis_store::Writer;
use tamis_table::{DiffBatch, Edit, EditOptions, Op, RowBatch, TableSchema};

use super::diff::{RowChange, RowDiff};
use super::{Edits, Rows, continues, text};
use crate::merge::{Clashes, merge_sample};
use crate::object::TableEntry;
use crate::schema::{BatchReader, Slot};
use crate::transaction::{RowEdit, Spool};
use crate::{Repo, Result};

impl Rows {
    /// Puts what `theirs` changed since `base` into `ours`; parts that clash hold ours and are
    /// told. O(changes of both).
    pub(crate) fn merge(
        repo: &Repo,
        writer: &Writer,
        base: &Rows,
        ours: &Rows,
        theirs: &Rows,
        clashes: &mut Clashes,
    ) -> Result<TableEntry> {
        let (b, o, t) = (base.layout.schema(), ours.layout.schema(), theirs.layout.schema());
        let is_regular = continues(b, o) && continues(b, t) && base.len() > 0;
        if is_regular && continues(o, t) {
            let ours = Rows::of(ours.table.evolve(writer, t.clone())?);
            merge_columns(repo, writer, [base, &ours, theirs], clashes)
        } else if is_regular && continues(t, o) && same_columns(t, o) {
            merge_columns(repo, writer, [base, ours, theirs], clashes)
        } else {
            merge_samples(repo, writer, [base, ours, theirs], clashes)
        }
    }
}

/// Whether the groups that both have, have equal columns in equal order.
fn same_columns(a: &TableSchema, b: &TableSchema) -> bool {
    a.groups.iter().zip(&b.groups).all(|(a, b)| a.fields == b.fields)
}

/// The merge where the schema of `ours` continues that of `theirs` without new columns between.
fn merge_columns(
    repo: &Repo,
    writer: &Writer,
    [base, ours, theirs]: [&Rows; 3],
    clashes: &mut Clashes,
) -> Result<TableEntry> {
    let our_batches = base.diff_batches(ours, None)?.collect::<Result<Vec<DiffBatch>>>()?;
    let mut ours_at: BTreeMap<&[u8], (usize, usize)> = BTreeMap::new();
    for (at, batch) in our_batches.iter().enumerate() {
        ours_at.extend((0..batch.len()).map(|row| (batch.keys.value(row), (at, row))));
    }
    let our_readers =
        our_batches.iter().map(|batch| BatchReader::new(&ours.layout, &batch.new)).collect::<Result<Vec<_>>>()?;
    // Where both changed a row, but one of them only values that are computed, there is nothing to merge.
    let is_own: Vec<bool> = theirs.layout.slots().iter().map(|slot| !matches!(slot, Slot::Other(_))).collect();
    let has_own = |batch: &DiffBatch, row: usize| {
        let changed = batch.changed.iter().zip(&is_own).any(|(group, is_own)| *is_own && group[row]);
        changed || batch.was[row] != batch.is[row]
    };
    let (mut rows, mut change, mut parts, mut overlaps) = (ours.clone(), None, 0, Edits::default());
    for batch in base.diff_batches(theirs, None)? {
        let batch = batch?;
        let mine: Vec<Option<(usize, usize)>> =
            (0..batch.len()).map(|row| ours_at.get(batch.keys.value(row)).copied()).collect();
        if mine.iter().any(Option::is_some) {
            let old = BatchReader::new(&theirs.layout, &batch.old)?;
            let new = BatchReader::new(&theirs.layout, &batch.new)?;
            for (row, mine) in mine.iter().enumerate() {
                let Some((at, mine)) = *mine else { continue };
                if !has_own(&batch, row) {
                    continue;
                }
                let there = |is: bool, reader: &BatchReader, row| is.then(|| reader.sample(row)).transpose();
                let path = text(&batch.keys, row);
                let our = there(our_batches[at].is[mine], &our_readers[at], mine)?;
                let (old, new) = (there(batch.was[row], &old, row)?, there(batch.is[row], &new, row)?);
                let merged = merge_sample(&path, old.as_ref(), our.as_ref(), new.as_ref(), clashes);
                if merged != our {
                    overlaps.set(&path, merged)?;
                }
            }
        }
        if let Some(edit) = theirs_alone(&batch, &mine, ours.layout.schema().groups.len())? {
            let edited = rows.table.edit(writer, &edit, &EditOptions::default())?;
            parts += usize::from(edited.change.is_some());
            change = edited.change.map(|change| change.id);
            rows = Rows::of(edited.table);
        }
    }
    if !overlaps.is_empty() {
        let edited = rows.edit(repo, writer, overlaps)?;
        (rows, change, parts) = (edited.rows, edited.entry.change, parts + 1);
    }
    repo.keep_table(&rows.table);
    Ok(TableEntry { change: change.filter(|_| parts == 1), table: rows.table.id() })
}

/// The edit that does what a batch of differences says of the rows that ours did not touch.
fn theirs_alone(batch: &DiffBatch, mine: &[Option<(usize, usize)>], groups: usize) -> Result<Option<Edit>> {
    let keep: Vec<bool> = mine.iter().map(Option::is_none).collect();
    let rows: Vec<usize> = (0..batch.len()).filter(|&row| keep[row]).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let mask = BooleanArray::from(keep);
    let refused = |error| crate::Error::from(tamis_table::TableError::Arrow(error));
    let keys = arrow::compute::filter(&batch.keys, &mask).map_err(refused)?.as_binary::<i32>().clone();
    let mut values = Vec::with_capacity(groups);
    let mut present = Vec::with_capacity(groups);
    for at in 0..groups {
        let Some(Some(group)) = batch.new.groups.get(at) else {
            values.push(None);
            present.push(None);
            continue;
        };
        let says = |row: usize| batch.is[row] && (!batch.was[row] || batch.changed[at][row]);
        let flags: BooleanBuffer = rows.iter().map(|&row| says(row)).collect();
        let is_used = flags.count_set_bits() > 0;
        values.push(match is_used {
            true => Some(arrow::compute::filter(group, &mask).map_err(refused)?.as_struct().clone()),
            false => None,
        });
        present.push(Some(flags));
    }
    let op = |row: usize| match (batch.was[row], batch.is[row]) {
        (_, false) => Op::Delete,
        (false, true) => Op::Put,
        (true, true) => Op::Patch,
    };
    let ops = rows.iter().map(|&row| op(row)).collect();
    Ok(Some(Edit { rows: RowBatch { keys, groups: values }, ops, present }))
}

/// The merge by whole samples, for schemas of any shape.
fn merge_samples(
    repo: &Repo,
    writer: &Writer,
    [base, ours, theirs]: [&Rows; 3],
    clashes: &mut Clashes,
) -> Result<TableEntry> {
    let mut spool = Spool::default();
    let mut both =
        Both { ours: base.diff(ours, None, "")?.peekable(), theirs: base.diff(theirs, None, "")?.peekable() };
    while let Some((path, old, our, their)) = both.next()? {
        let merged: Option<Sample> = match &our {
            // Only theirs changed it.
            None => their,
            Some(our) => {
                let merged = merge_sample(&path, old.as_ref(), our.as_ref(), their.as_ref(), clashes);
                if merged == *our {
                    continue;
                }
                merged
            }
        };
        let edit = merged.map_or(RowEdit::Delete, |sample| RowEdit::Put(Box::new(sample)));
        spool.add(path, edit)?;
    }
    let edits = spool.finish()?;
    if edits.is_empty() {
        return Ok(TableEntry { change: None, table: ours.table().id() });
    }
    Ok(ours.edit(repo, writer, edits)?.entry)
}

/// Path, base, ours where it differs from the base, theirs.
type Merging = (String, Option<Sample>, Option<Option<Sample>>, Option<Sample>);

/// The rows that theirs changed, with what ours did to them.
struct Both {
    ours: std::iter::Peekable<RowDiff>,
    theirs: std::iter::Peekable<RowDiff>,
}

impl Both {
    fn next(&mut self) -> Result<Option<Merging>> {
        let Some((path, base, theirs)) = self.theirs.next().transpose()? else { return Ok(None) };
        let is_before = |row: &Result<RowChange>| matches!(row, Ok((other, _, _)) if *other < path);
        while self.ours.next_if(is_before).is_some() {}
        let is_it = |row: &Result<RowChange>| !matches!(row, Ok((other, _, _)) if *other != path);
        match self.ours.next_if(is_it).transpose()? {
            Some((_, _, ours)) => Ok(Some((path, base, Some(ours), theirs))),
            None => Ok(Some((path, base, None, theirs))),
        }
    }
}
