//! The index itself: rows (cell, path) with codes; building, changing, searching.

use std::sync::{Arc, OnceLock};

use arrow::array::{Array, BinaryArray, StructArray};
use rayon::prelude::*;
use tamis_core::Progress;
use tamis_table::{Columns, Edit, GroupSchema, Op, RowBatch, ScanOptions, Table, TableSchema};

use super::code::Codes;
use super::{Cells, Code, Nearest, Query};
use crate::error::{IndexError, Result};

/// What a search found: the paths of samples, and about how far they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The nearest first.
    pub near: Vec<(String, f32)>,
    /// Cells that were looked into.
    pub cells: usize,
    /// Vectors that were compared.
    pub compared: u64,
}

/// An index of one version, open for searching. What was read of it stays in memory.
#[derive(Debug)]
pub struct VectorIndex {
    table: Table,
    cells: Cells,
    parts: Vec<Part>,
}

/// The rows of one leaf.
#[derive(Debug)]
struct Part {
    /// From this key on; [`None`]: from the first.
    start: Option<Vec<u8>>,
    /// Up to this key.
    end: Option<Vec<u8>>,
    read: OnceLock<Arc<Rows>>,
}

#[derive(Debug)]
struct Rows {
    keys: BinaryArray,
    codes: Codes,
}

/// The key of a row of the index.
fn key(cell: u16, path: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(2 + path.len());
    key.extend(cell.to_be_bytes());
    key.extend(path);
    key
}

fn cell_of(key: &[u8]) -> u16 {
    match key {
        [a, b, ..] => u16::from_be_bytes([*a, *b]),
        _ => 0,
    }
}

impl VectorIndex {
    /// The schema of the table of an index of vectors of so many dimensions.
    pub fn schema(dims: usize) -> TableSchema {
        TableSchema { groups: vec![GroupSchema::new("code", Code::fields(dims))] }
    }

    /// The rows of the index for some samples of known cells, in the order of the index. Vectors lie one after
    /// another.
    ///
    /// # Errors
    /// Where there are not as many vectors and cells as paths.
    pub fn rows(cells: &Cells, paths: &[&[u8]], assigned: &[u16], vectors: &[f32]) -> Result<RowBatch> {
        let dims = cells.dims();
        if vectors.len() != paths.len() * dims || assigned.len() != paths.len() {
            return Err(IndexError::Dimensions { expected: paths.len() * dims, found: vectors.len() });
        }
        let mut order: Vec<usize> = (0..paths.len()).collect();
        order.sort_by_key(|&at| (assigned[at], paths[at]));
        let codes: Vec<Code> =
            order.par_iter().map(|&at| Code::of(&cells.metric().prepared(&vectors[at * dims..][..dims]))).collect();
        let keys = BinaryArray::from_iter_values(order.iter().map(|&at| key(assigned[at], paths[at])));
        Ok(RowBatch { keys, groups: vec![Some(Code::rows(dims, &codes)?)] })
    }

    /// The edit of the index's table that follows from changes of samples: each a path, its vector before and
    /// now. O(changes × cells × dimensions).
    ///
    /// # Errors
    /// Where a vector has another length than the cells'.
    pub fn edit(cells: &Cells, changes: &[Changed<'_>], progress: &Progress) -> Result<Edit> {
        let dims = cells.dims();
        let gathered = |of: for<'a> fn(&Changed<'a>) -> Option<&'a [f32]>| -> Result<Vec<Option<u16>>> {
            let mut all: Vec<f32> = Vec::new();
            let mut has = Vec::with_capacity(changes.len());
            for change in changes {
                let vector = of(change);
                if let Some(vector) = vector {
                    if vector.len() != dims {
                        return Err(IndexError::Dimensions { expected: dims, found: vector.len() });
                    }
                    all.extend(vector);
                }
                has.push(vector.is_some());
            }
            let mut assigned = cells.assign(&all, progress)?.into_iter();
            Ok(has.into_iter().map(|has| if has { assigned.next() } else { None }).collect())
        };
        let was = gathered(|change| change.old)?;
        let is = gathered(|change| change.new)?;
        let mut steps: std::collections::BTreeMap<Vec<u8>, Option<&[f32]>> = std::collections::BTreeMap::new();
        for (change, cell) in changes.iter().zip(was) {
            steps.extend(cell.map(|cell| (key(cell, change.path), None)));
        }
        for (change, cell) in changes.iter().zip(is) {
            steps.extend(cell.map(|cell| (key(cell, change.path), change.new)));
        }
        let zeros = vec![0f32; dims];
        let codes: Vec<Code> =
            steps.values().map(|vector| Code::of(&cells.metric().prepared(vector.unwrap_or(&zeros)))).collect();
        let ops = steps.values().map(|vector| if vector.is_some() { Op::Put } else { Op::Delete }).collect();
        let keys = BinaryArray::from_iter_values(steps.keys());
        let rows = RowBatch { keys, groups: vec![Some(Code::rows(dims, &codes)?)] };
        Ok(Edit { rows, ops, present: vec![None] })
    }

    /// Opens an index for searching. O(leaves); rows are read as searches need them.
    ///
    /// # Errors
    /// Where the table is not of vectors of the cells' dimensions.
    pub fn open(table: &Table, cells: &Cells) -> Result<VectorIndex> {
        if *table.schema() != VectorIndex::schema(cells.dims()) {
            return Err(IndexError::Corrupt { what: "table", reason: "it is not of vectors of this length" });
        }
        let leaves = table.base_leaves()?;
        let mut parts = Vec::with_capacity(leaves.len().max(1));
        for at in 0..leaves.len().max(1) {
            let start = (at > 0).then(|| leaves[at].first.clone());
            let end = leaves.get(at + 1).map(|next| next.first.clone());
            parts.push(Part { start, end, read: OnceLock::new() });
        }
        Ok(VectorIndex { table: table.clone(), cells: cells.clone(), parts })
    }

    /// The `most` nearest of the samples that `allowed` lets through, by the codes. Looks into `probes` cells at first, and
    /// into more until that many samples were found or there are no more cells; so a filter never costs results.
    /// O(vectors in the cells × dimensions).
    ///
    /// # Errors
    /// Where the query has another number of dimensions.
    pub fn search(
        &self,
        query: &[f32],
        most: usize,
        probes: usize,
        allowed: Option<&(dyn Fn(&str) -> bool + Sync)>,
    ) -> Result<Found> {
        let order = self.cells.nearest(query)?;
        let query = Query::new(self.cells.metric(), &self.cells.metric().prepared(query));
        let mut nearest: Nearest<String> = Nearest::new(most);
        let (mut looked, mut compared, mut step) = (0, 0u64, probes.clamp(1, order.len().max(1)));
        while looked < order.len() && (looked == 0 || nearest.len() < most) {
            let cells = &order[looked..order.len().min(looked.saturating_add(step))];
            let parts =
                cells.par_iter().map(|cell| self.cell(*cell, &query, most, allowed)).collect::<Result<Vec<_>>>()?;
            for (part, count) in parts {
                nearest.join(part);
                compared += count;
            }
            looked += cells.len();
            step = step.saturating_mul(2);
        }
        Ok(Found { near: nearest.sorted(), cells: looked, compared })
    }

    /// The nearest in one cell.
    fn cell(
        &self,
        cell: u16,
        query: &Query,
        most: usize,
        allowed: Option<&(dyn Fn(&str) -> bool + Sync)>,
    ) -> Result<(Nearest<String>, u64)> {
        let mut nearest: Nearest<String> = Nearest::new(most);
        let mut compared = 0;
        let first = self.parts.partition_point(|part| part.end.as_deref().is_some_and(|end| cell_of(end) < cell));
        for part in &self.parts[first..] {
            if part.start.as_deref().is_some_and(|start| cell_of(start) > cell) {
                break;
            }
            let rows = self.rows_of(part)?;
            let place = |cell: u32| {
                let (mut low, mut high) = (0, rows.keys.len());
                while low < high {
                    let middle = usize::midpoint(low, high);
                    if u32::from(cell_of(rows.keys.value(middle))) < cell { low = middle + 1 } else { high = middle }
                }
                low
            };
            for row in place(u32::from(cell))..place(u32::from(cell) + 1) {
                let distance = query.distance(&rows.codes, row);
                compared += 1;
                if !nearest.takes(distance) {
                    continue;
                }
                let path = String::from_utf8_lossy(rows.keys.value(row).get(2..).unwrap_or_default());
                if allowed.is_none_or(|allowed| allowed(&path)) {
                    nearest.offer(distance, path.into_owned());
                }
            }
        }
        Ok((nearest, compared))
    }

    fn rows_of(&self, part: &Part) -> Result<Arc<Rows>> {
        if let Some(rows) = part.read.get() {
            return Ok(Arc::clone(rows));
        }
        let columns = Columns::all(self.table.schema());
        let options = ScanOptions::new(columns).range(part.start.clone(), part.end.clone());
        let batches = self.table.scan(options)?.collect::<tamis_table::Result<Vec<RowBatch>>>()?;
        let keys: Vec<&dyn Array> = batches.iter().map(|batch| &batch.keys as &dyn Array).collect();
        let codes: Vec<&dyn Array> =
            batches.iter().filter_map(|batch| batch.groups.first()?.as_ref()).map(|c| c as _).collect();
        let rows = if keys.is_empty() {
            Rows {
                keys: BinaryArray::from_iter_values(Vec::<&[u8]>::new()),
                codes: Codes::of(&Code::rows(self.cells.dims(), &[])?)?,
            }
        } else {
            use arrow::array::AsArray;
            let codes: StructArray = arrow::compute::concat(&codes)?.as_struct().clone();
            Rows { keys: arrow::compute::concat(&keys)?.as_binary::<i32>().clone(), codes: Codes::of(&codes)? }
        };
        if rows.codes.dims() != self.cells.dims() {
            return Err(IndexError::Corrupt { what: "codes", reason: "they have another number of dimensions" });
        }
        Ok(Arc::clone(part.read.get_or_init(|| Arc::new(rows))))
    }
}

/// A sample whose vector changed.
#[derive(Clone, Copy, Debug)]
pub struct Changed<'a> {
    /// Its path.
    pub path: &'a [u8],
    /// Its vector before; [`None`]: it had none.
    pub old: Option<&'a [f32]>,
    /// Its vector now; [`None`]: it has none.
    pub new: Option<&'a [f32]>,
}
