//! Builds a table from sorted rows.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use arrow::array::{Array, BinaryArray};
use bytes::Bytes;
use parking_lot::Mutex;
use tamis_core::Cancel;
use tamis_store::Writer;

use super::root::Root;
use super::{Table, TableCache};
use crate::cut::CutRule;
use crate::error::{Result, TableError};
use crate::leaf::{LeafRef, put_group, put_keys};
use crate::node::{Child, Target, put_tree};
use crate::rows::{RowBatch, check_order, group_hashes, key_hashes};
use crate::schema::TableSchema;
use crate::summary::{self, Plan, Summary};

/// How a table is built.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct BuildOptions {
    /// Where rows are cut into leaves; tests use small ones.
    pub cut: CutRule,
    /// Stops the build.
    pub cancel: Cancel,
}

/// What is needed to summarise rows of a schema.
pub(crate) struct Totals<'a> {
    pub(crate) schema: &'a TableSchema,
    pub(crate) plans: Vec<Plan>,
}

impl<'a> Totals<'a> {
    pub(crate) fn new(schema: &'a TableSchema) -> Totals<'a> {
        Totals { schema, plans: schema.groups.iter().map(Plan::new).collect() }
    }

    /// Hash and aggregates of whole rows. Groups that are not there count as null.
    pub(crate) fn of(&self, rows: &RowBatch) -> Result<Summary> {
        let mut summary = Summary { rows: rows.len() as i64, ..Summary::default() };
        summary.content = sum(&key_hashes(&rows.keys)?);
        let groups = rows.groups.iter().zip(self.schema.groups.iter().zip(&self.plans));
        for (rows_of, (group, plan)) in groups {
            if let Some(values) = rows_of {
                let hashes = group_hashes(&group.name, &rows.keys, values)?;
                summary.content = summary.content.wrapping_add(sum(&hashes));
                plan.collect(values, &mut summary.columns)?;
            }
        }
        summary.prune();
        Ok(summary)
    }
}

/// What is needed to write leaves of a schema.
pub(crate) struct LeafWriter<'a> {
    pub(crate) writer: &'a Writer,
    pub(crate) totals: Totals<'a>,
}

impl<'a> LeafWriter<'a> {
    pub(crate) fn new(writer: &'a Writer, schema: &'a TableSchema) -> LeafWriter<'a> {
        LeafWriter { writer, totals: Totals::new(schema) }
    }

    /// Writes the pages of a base leaf.
    pub(crate) fn put(&self, rows: &RowBatch) -> Result<Child> {
        let (keys, mut bytes) = put_keys(self.writer, &rows.keys)?;
        let mut groups = Vec::with_capacity(rows.groups.len());
        for group in &rows.groups {
            let put = group.as_ref().map(|group| put_group(self.writer, group)).transpose()?.flatten();
            bytes += put.map_or(0, |(_, bytes)| bytes);
            groups.push(put.map(|(id, _)| id));
        }
        let mut encoded = Vec::new();
        summary::encode(&self.totals.of(rows)?, &mut encoded);
        child(&rows.keys, bytes, LeafRef { keys, ops: None, groups }, encoded)
    }
}

/// What a node says of a leaf.
pub(crate) fn child(keys: &BinaryArray, bytes: u64, leaf: LeafRef, summary: Vec<u8>) -> Result<Child> {
    if keys.is_empty() {
        return Err(TableError::Internal("a leaf without rows"));
    }
    Ok(Child {
        first: keys.value(0).into(),
        last: keys.value(keys.len() - 1).into(),
        rows: keys.len() as u64,
        bytes,
        target: Target::Leaf(leaf),
        summary: Bytes::from(summary),
    })
}

fn sum(hashes: &[u128]) -> u128 {
    hashes.iter().fold(0, |sum, hash| sum.wrapping_add(*hash))
}

/// Cuts a stream of rows into leaves.
pub(crate) struct Cutter {
    cut: CutRule,
    parts: Vec<RowBatch>,
    rows: u32,
}

impl Cutter {
    pub(crate) fn new(cut: CutRule) -> Cutter {
        Cutter { cut, parts: Vec::new(), rows: 0 }
    }

    /// Takes rows and gives `emit` every leaf that they complete.
    pub(crate) fn push(&mut self, batch: &RowBatch, emit: &mut dyn FnMut(RowBatch) -> Result<()>) -> Result<()> {
        let mut start = 0;
        for row in 0..batch.len() {
            self.rows += 1;
            if self.cut.ends(self.rows, batch.keys.value(row)) {
                self.parts.push(batch.slice(start, row + 1 - start));
                start = row + 1;
                emit(self.take()?)?;
            }
        }
        if start < batch.len() {
            self.parts.push(batch.slice(start, batch.len() - start));
        }
        Ok(())
    }

    /// Whether the rows so far end exactly at a cut.
    pub(crate) fn is_at_cut(&self) -> bool {
        self.rows == 0
    }

    /// The last leaf, if rows are left.
    pub(crate) fn finish(&mut self) -> Result<Option<RowBatch>> {
        if self.parts.is_empty() { Ok(None) } else { self.take().map(Some) }
    }

    fn take(&mut self) -> Result<RowBatch> {
        self.rows = 0;
        concat(&std::mem::take(&mut self.parts))
    }
}

/// Joins batches of the same columns.
pub(crate) fn concat(parts: &[RowBatch]) -> Result<RowBatch> {
    let Some(first) = parts.first() else { return Err(TableError::Internal("nothing to join")) };
    if parts.len() == 1 {
        return Ok(first.clone());
    }
    let keys: Vec<&dyn Array> = parts.iter().map(|part| &part.keys as &dyn Array).collect();
    let keys = arrow::compute::concat(&keys)?;
    let mut groups = Vec::with_capacity(first.groups.len());
    for at in 0..first.groups.len() {
        let columns: Vec<&dyn Array> =
            parts.iter().filter_map(|part| part.groups[at].as_ref()).map(|group| group as &dyn Array).collect();
        let joined = match columns.len() {
            0 => None,
            n if n == parts.len() => Some(arrow::array::AsArray::as_struct(&arrow::compute::concat(&columns)?).clone()),
            _ => return Err(TableError::BadRows { reason: "a group is in some batches only".to_owned() }),
        };
        groups.push(joined);
    }
    Ok(RowBatch { keys: arrow::array::AsArray::as_binary::<i32>(&keys).clone(), groups })
}

impl Table {
    /// Builds a table from batches of rows in ascending order of unique keys. Leaves are encoded in
    /// parallel; memory is bounded by a few leaves a thread. O(rows).
    pub fn build(
        cache: &Arc<TableCache>,
        writer: &Writer,
        schema: TableSchema,
        batches: impl IntoIterator<Item = Result<RowBatch>>,
        options: &BuildOptions,
    ) -> Result<Table> {
        schema.check()?;
        let leaves = {
            let leaf_writer = LeafWriter::new(writer, &schema);
            write_leaves(&leaf_writer, batches, options)?
        };
        let mut root = Root {
            schema: writer.put(schema.to_json())?,
            cut: options.cut,
            base: None,
            base_rows: 0,
            deltas: Vec::new(),
            summary: Summary::default(),
        };
        if !leaves.is_empty() {
            let top = put_tree(writer, leaves)?;
            root.summary = top.summary()?;
            root.base_rows = top.rows;
            if let Target::Node(id) = top.target {
                root.base = Some(id);
            }
        }
        Table::write(cache, writer, root, Arc::new(schema))
    }
}

/// Cuts and writes rows as base leaves, several at a time.
fn write_leaves(
    leaves: &LeafWriter<'_>,
    batches: impl IntoIterator<Item = Result<RowBatch>>,
    options: &BuildOptions,
) -> Result<Vec<Child>> {
    let done: Mutex<Vec<Option<Child>>> = Mutex::default();
    let failed: Mutex<Option<TableError>> = Mutex::default();
    let in_flight = 2 * rayon::current_num_threads().max(1);
    // A leaf takes a place before it is handed over, and gives it back when it is written.
    let (place, places) = sync_channel::<()>(in_flight);
    for _ in 0..in_flight {
        place.send(()).map_err(|_| TableError::Internal("no place for a leaf"))?;
    }
    rayon::in_place_scope(|scope| -> Result<()> {
        let mut next = 0;
        let (done, failed) = (&done, &failed);
        let mut hand_over = |rows: RowBatch| -> Result<()> {
            // The calling thread may be one of the pool's: it helps rather than only waits.
            while places.try_recv().is_err() {
                if rayon::yield_now().is_none() {
                    places.recv().map_err(|_| TableError::Internal("no place for a leaf"))?;
                    break;
                }
            }
            if let Some(error) = failed.lock().take() {
                return Err(error);
            }
            options.cancel.check()?;
            let (at, place) = (next, place.clone());
            next += 1;
            done.lock().push(None);
            scope.spawn(move |_| {
                match leaves.put(&rows) {
                    Ok(child) => done.lock()[at] = Some(child),
                    Err(error) => drop(failed.lock().get_or_insert(error)),
                }
                // The receiver lives as long as the scope.
                let _gone = place.send(());
            });
            Ok(())
        };
        let mut cutter = Cutter::new(options.cut);
        let mut last: Option<Vec<u8>> = None;
        for batch in batches {
            let mut batch = batch?;
            batch.check(leaves.totals.schema)?;
            check_order(&batch.keys, last.as_deref())?;
            if batch.is_empty() {
                continue;
            }
            // A group given in some batches only is null in the others.
            for (rows, group) in batch.groups.iter_mut().zip(&leaves.totals.schema.groups) {
                if rows.is_none() {
                    *rows = Some(crate::rows::null_group(group, batch.keys.len())?);
                }
            }
            last = Some(batch.keys.value(batch.len() - 1).to_vec());
            cutter.push(&batch, &mut hand_over)?;
        }
        if let Some(rows) = cutter.finish()? {
            hand_over(rows)?;
        }
        Ok(())
    })?;
    if let Some(error) = failed.into_inner() {
        return Err(error);
    }
    done.into_inner().into_iter().map(|child| child.ok_or(TableError::Internal("a leaf was not written"))).collect()
}
