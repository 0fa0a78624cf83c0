//! Computing the values of a plan: many rows at once, what is known not again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StructArray, UInt32Array, make_comparator, new_null_array};
use arrow::compute::SortOptions;
use bytes::Bytes;
use rayon::prelude::*;
use serde::Serialize;
use tamis_core::{Hash, Progress};
use tamis_table::GroupSchema;

use super::actions::{Actions, FunctionEntry, Known, LeafEntry, Learned, RowValues, Unsteady};
use super::plan::{Input, Part, Plan, Row};
use crate::error::{EngineError, Result};

/// Rows computed together and written as one batch.
const CHUNK: usize = 4096;
/// Of so many rows that are taken from the cache, one is computed again and compared.
const REPEAT: u64 = 200;
/// How often a long run lays what it has in the cache, so that it can go on after a kill.
const KEEP: Duration = Duration::from_secs(20);
/// Failures told one by one.
const TOLD: usize = 20;

/// A function as a run needs it.
pub(crate) trait Compute: Sync {
    /// Names the function with its parameters and models.
    fn id(&self) -> Hash;
    /// The column group of its values.
    fn group(&self) -> &GroupSchema;
    /// How many inputs it takes best at once.
    fn batch(&self) -> usize;
    /// One value for each input, or why it has none.
    fn compute(&self, inputs: &[Bytes]) -> Result<(StructArray, Vec<Option<String>>)>;
}

/// A sample that has no value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// Its path.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Spent {
    /// Rows whose value was computed.
    pub computed: u64,
    /// Rows whose value was taken from the action cache.
    pub cached: u64,
    /// Rows of these that were computed all the same, to compare.
    pub repeated: u64,
    /// Rows without input.
    pub without: u64,
    /// Rows whose input cannot be computed.
    pub failed: u64,
    /// Rows of these whose input could not be read; they are tried again the next time.
    pub unread: u64,
    /// The first of them that failed.
    pub failures: Vec<Failure>,
    /// Seconds of processor time.
    pub cpu: f64,
    /// Bytes of inputs read.
    pub bytes: u64,
    /// Set where a repeated computation gave another value: the sample.
    pub unsteady: Option<String>,
}

/// Values by path, ascending within a batch.
pub(crate) type Batch = (BinaryArray, StructArray);

/// A run over the parts of a plan, or over any rows; gives the batches to write.
pub(crate) struct Run<'a> {
    pub(crate) function: &'a dyn Compute,
    pub(crate) read: &'a (dyn Fn(&Input) -> Result<Bytes> + Sync),
    pub(crate) actions: &'a Actions,
    pub(crate) describe: &'a FunctionEntry,
    pub(crate) known: Known,
    pub(crate) progress: &'a Progress,
    pub(crate) now: i64,
    pub(crate) spent: Spent,
    /// How many failures are told one by one.
    pub(crate) told_failures: usize,
    fresh: Vec<RowValues>,
    kept: Instant,
    /// What of `spent` is in the cache's sums already.
    told: (f64, u64, u64),
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        function: &'a dyn Compute,
        read: &'a (dyn Fn(&Input) -> Result<Bytes> + Sync),
        actions: &'a Actions,
        describe: &'a FunctionEntry,
        progress: &'a Progress,
        now: i64,
    ) -> Result<Run<'a>> {
        Ok(Run {
            known: actions.known(&function.id())?,
            function,
            read,
            actions,
            describe,
            progress,
            now,
            spent: Spent::default(),
            told_failures: TOLD,
            fresh: Vec::new(),
            kept: Instant::now(),
            told: (0.0, 0, 0),
        })
    }

    /// The values of a part, in batches.
    pub(crate) fn part(&mut self, plan: &Plan, part: &Part, emit: &mut dyn FnMut(Batch) -> Result<()>) -> Result<()> {
        if let Part::Leaf { leaf, entry } = part
            && let Some(values) = self.leaf(plan, leaf, entry)?
        {
            return emit(values);
        }
        self.values(&plan.rows_of(part)?, emit)
    }

    /// The values of some rows, ascending, in batches.
    pub(crate) fn values(&mut self, rows: &[Row], emit: &mut dyn FnMut(Batch) -> Result<()>) -> Result<()> {
        for rows in rows.chunks(CHUNK) {
            let batch = self.rows(rows)?;
            emit(batch)?;
            self.keep()?;
        }
        Ok(())
    }

    /// The values of a leaf from the page that the cache names; [`None`] where it is gone.
    fn leaf(&mut self, plan: &Plan, leaf: &tamis_table::BaseLeaf, entry: &LeafEntry) -> Result<Option<Batch>> {
        let Some(values) = plan.table.page_values(&entry.page, self.function.group())? else { return Ok(None) };
        let keys = leaf.keys(&plan.table)?;
        if values.len() != keys.len() {
            return Ok(None);
        }
        let rows = plan.rows_of(&Part::Rows { leaf: leaf.clone() })?;
        self.repeat(&rows, &keys, &values)?;
        self.spent.cached += rows.len() as u64;
        self.progress.advance(rows.len() as u64, 0)?;
        if rows.len() == keys.len() {
            return Ok(Some((keys, values)));
        }
        let keep: Vec<u32> =
            (0..keys.len() as u32).filter(|&row| !plan.is_overlaid(keys.value(row as usize))).collect();
        let keep = UInt32Array::from(keep);
        let keys = arrow::compute::take(&keys, &keep, None).map_err(wrong)?.as_binary::<i32>().clone();
        let values = arrow::compute::take(&values, &keep, None).map_err(wrong)?.as_struct().clone();
        Ok(Some((keys, values)))
    }

    /// Computes a few rows of a leaf that is taken, and compares.
    fn repeat(&mut self, rows: &[Row], keys: &BinaryArray, values: &StructArray) -> Result<()> {
        let chosen: Vec<&Row> =
            rows.iter().filter(|row| row.input.as_ref().is_some_and(|input| is_chosen(&input.hash()))).collect();
        if chosen.is_empty() {
            return Ok(());
        }
        let inputs: Vec<&Input> = chosen.iter().filter_map(|row| row.input.as_ref()).collect();
        let (again, _) = self.compute(&inputs)?;
        self.spent.repeated += chosen.len() as u64;
        let mut at = 0;
        for (place, row) in chosen.iter().enumerate() {
            while at < keys.len() && keys.value(at) < row.path.as_bytes() {
                at += 1;
            }
            if !same(&again, place, values, at)? {
                self.differs(row);
            }
        }
        Ok(())
    }

    fn differs(&mut self, row: &Row) {
        if self.spent.unsteady.is_none() {
            self.spent.unsteady = Some(row.path.clone());
        }
    }

    /// The values of some rows: from the cache where it has them, otherwise computed.
    fn rows(&mut self, rows: &[Row]) -> Result<Batch> {
        let group = self.function.group();
        let keys = BinaryArray::from_iter_values(rows.iter().map(|row| row.path.as_bytes()));
        let with: Vec<usize> = (0..rows.len()).filter(|&at| rows[at].input.is_some()).collect();
        let inputs: Vec<&Input> = rows.iter().filter_map(|row| row.input.as_ref()).collect();
        let hashes: Vec<Hash> = inputs.iter().map(|input| input.hash()).collect();
        let (places, cached) = self.known.rows(&hashes)?;
        // Equal inputs are computed once.
        let mut first: BTreeMap<Hash, usize> = BTreeMap::new();
        let mut todo: Vec<usize> = Vec::new();
        let mut source: Vec<Place> = Vec::with_capacity(inputs.len());
        for (at, hash) in hashes.iter().enumerate() {
            match (places[at], first.get(hash)) {
                (Some(row), _) if !is_chosen(hash) => source.push(Place::Cached(row)),
                (_, Some(&place)) => source.push(Place::Computed(place)),
                _ => {
                    first.insert(*hash, todo.len());
                    source.push(Place::Computed(todo.len()));
                    todo.push(at);
                }
            }
        }
        let chosen: Vec<&Input> = todo.iter().map(|&at| inputs[at]).collect();
        let (computed, reasons) = self.compute(&chosen)?;
        for (place, &at) in todo.iter().enumerate() {
            if let (Some(row), Some(cached)) = (places[at], &cached) {
                self.spent.repeated += 1;
                if !same(&computed, place, cached, row as usize)? {
                    self.differs(&rows[with[at]]);
                }
            }
        }
        for (at, place) in source.iter().enumerate() {
            match place {
                Place::Cached(_) => self.spent.cached += 1,
                Place::Computed(place) => {
                    self.spent.computed += 1;
                    if let Some(reason) = &reasons[*place] {
                        self.spent.failed += 1;
                        if self.spent.failures.len() < self.told_failures {
                            let path = rows[with[at]].path.clone();
                            self.spent.failures.push(Failure { path, reason: reason.clone() });
                        }
                    }
                }
            }
        }
        self.spent.without += (rows.len() - inputs.len()) as u64;
        self.progress.advance(rows.len() as u64, 0)?;
        let empty = nulls(group, 1)?;
        let picked = pick(rows.len(), &with, &source, &computed, cached.as_ref(), &empty)?;
        self.learned(&todo, &hashes, &reasons, computed)?;
        Ok((keys, picked))
    }

    /// Remembers what was computed; not what failed, for the next time may find the file.
    fn learned(
        &mut self,
        todo: &[usize],
        hashes: &[Hash],
        reasons: &[Option<String>],
        computed: StructArray,
    ) -> Result<()> {
        let good: Vec<u32> = (0..todo.len() as u32).filter(|&at| reasons[at as usize].is_none()).collect();
        let inputs = good.iter().map(|&at| hashes[todo[at as usize]]).collect();
        let values = match good.len() == todo.len() {
            true => computed,
            false => {
                let good = UInt32Array::from(good);
                arrow::compute::take(&computed, &good, None).map_err(wrong)?.as_struct().clone()
            }
        };
        self.fresh.push(RowValues { inputs, values });
        Ok(())
    }

    /// Reads and computes, on all processors.
    fn compute(&mut self, inputs: &[&Input]) -> Result<(StructArray, Vec<Option<String>>)> {
        let group = self.function.group();
        if inputs.is_empty() {
            return Ok((nulls(group, 0)?, Vec::new()));
        }
        let (nanos, bytes, unread) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let (read, function, progress) = (self.read, self.function, self.progress);
        let batch = |inputs: &[&Input]| -> Result<(StructArray, Vec<Option<String>>)> {
            progress.cancel().check()?;
            let start = Instant::now();
            let mut there: Vec<Bytes> = Vec::with_capacity(inputs.len());
            let mut reasons: Vec<Option<String>> = vec![None; inputs.len()];
            let mut places: Vec<u32> = Vec::with_capacity(inputs.len());
            for (at, input) in inputs.iter().enumerate() {
                match read(input) {
                    Ok(content) => {
                        bytes.fetch_add(content.len() as u64, Ordering::Relaxed);
                        places.push(at as u32);
                        there.push(content);
                    }
                    Err(error) => {
                        unread.fetch_add(1, Ordering::Relaxed);
                        reasons[at] = Some(error.to_string());
                    }
                }
            }
            let (values, told) = function.compute(&there)?;
            let mut back: Vec<Option<u32>> = vec![None; inputs.len()];
            for ((at, reason), row) in places.iter().zip(told).zip(0u32..) {
                reasons[*at as usize] = reason;
                back[*at as usize] = Some(row);
            }
            let values = if places.len() == inputs.len() {
                values
            } else {
                let whole =
                    arrow::compute::concat(&[&values as &dyn Array, &nulls(function.group(), 1)?]).map_err(wrong)?;
                let last = whole.len() as u32 - 1;
                let back: UInt32Array = back.into_iter().map(|row| Some(row.unwrap_or(last))).collect();
                arrow::compute::take(&whole, &back, None).map_err(wrong)?.as_struct().clone()
            };
            nanos.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
            Ok((values, reasons))
        };
        let parts = inputs.par_chunks(function.batch().max(1)).map(batch).collect::<Result<Vec<_>>>()?;
        self.spent.cpu += Duration::from_nanos(nanos.into_inner()).as_secs_f64();
        self.spent.bytes += bytes.into_inner();
        self.spent.unread += unread.into_inner();
        let values: Vec<&dyn Array> = parts.iter().map(|(values, _)| values as &dyn Array).collect();
        let values = arrow::compute::concat(&values).map_err(wrong)?.as_struct().clone();
        Ok((values, parts.into_iter().flat_map(|(_, reasons)| reasons).collect()))
    }

    /// Lays what a long run has in the cache now and then.
    fn keep(&mut self) -> Result<()> {
        if self.kept.elapsed() > KEEP {
            self.learn(BTreeMap::new(), true)?;
        }
        Ok(())
    }

    /// Ends the run: what it learned goes to the cache. `leaves`: the pages that it made of whole leaves.
    pub(crate) fn finish(mut self, leaves: BTreeMap<Hash, LeafEntry>) -> Result<Spent> {
        let rows = leaves.is_empty();
        self.learn(leaves, rows)?;
        Ok(self.spent)
    }

    fn learn(&mut self, leaves: BTreeMap<Hash, LeafEntry>, rows: bool) -> Result<()> {
        let fresh = std::mem::take(&mut self.fresh);
        let rows = if rows { joined(fresh)? } else { None };
        let (cpu, bytes, count) = self.told;
        self.told = (self.spent.cpu, self.spent.bytes, self.spent.computed);
        let unsteady = self.spent.unsteady.as_ref().map(|path| Unsteady { input: path.clone(), time: self.now });
        let learned = Learned {
            rows,
            leaves,
            cpu: self.spent.cpu - cpu,
            bytes: self.spent.bytes - bytes,
            count: self.spent.computed - count,
            unsteady,
        };
        if learned.rows.is_some() || !learned.leaves.is_empty() || learned.unsteady.is_some() || learned.count > 0 {
            self.actions.learn(&self.function.id(), self.describe, self.function.group(), &learned)?;
        }
        self.kept = Instant::now();
        Ok(())
    }
}

/// Where a row's value comes from.
#[derive(Clone, Copy)]
enum Place {
    Cached(u32),
    Computed(usize),
}

/// Whether a value of the cache is computed again, by its input.
fn is_chosen(input: &Hash) -> bool {
    let bytes: [u8; 8] = [0, 1, 2, 3, 4, 5, 6, 7].map(|at| input.0[at + 8]);
    u64::from_le_bytes(bytes).is_multiple_of(REPEAT)
}

/// Values for some rows, in their order; rows that have no input get nulls.
fn pick(
    rows: usize,
    with: &[usize],
    source: &[Place],
    computed: &StructArray,
    cached: Option<&StructArray>,
    empty: &StructArray,
) -> Result<StructArray> {
    let parts: Vec<&dyn Array> =
        [Some(empty), Some(computed), cached].into_iter().flatten().map(|a| a as &dyn Array).collect();
    let all = arrow::compute::concat(&parts).map_err(wrong)?;
    let mut places = vec![0u32; rows];
    for (at, place) in with.iter().zip(source) {
        places[*at] = 1 + match place {
            Place::Computed(row) => *row as u32,
            Place::Cached(row) => computed.len() as u32 + row,
        };
    }
    Ok(arrow::compute::take(&all, &UInt32Array::from(places), None).map_err(wrong)?.as_struct().clone())
}

/// Whether two values are the same, floating-point numbers to the last bit (all that are no number alike).
fn same(a: &StructArray, x: usize, b: &StructArray, y: usize) -> Result<bool> {
    if x >= a.len() || y >= b.len() {
        return Ok(false);
    }
    let (a, b): (ArrayRef, ArrayRef) = (Arc::new(a.slice(x, 1)), Arc::new(b.slice(y, 1)));
    let compare = make_comparator(&a, &b, SortOptions::default()).map_err(wrong)?;
    Ok(compare(0, 0).is_eq())
}

/// Rows of nulls.
pub(crate) fn nulls(group: &GroupSchema, rows: usize) -> Result<StructArray> {
    let columns = group.fields.iter().map(|field| new_null_array(field.data_type(), rows)).collect();
    StructArray::try_new_with_length(group.fields.clone(), columns, None, rows).map_err(wrong)
}

fn joined(parts: Vec<RowValues>) -> Result<Option<RowValues>> {
    let inputs: Vec<Hash> = parts.iter().flat_map(|part| part.inputs.iter().copied()).collect();
    if inputs.is_empty() {
        return Ok(None);
    }
    let values: Vec<&dyn Array> = parts.iter().map(|part| &part.values as &dyn Array).collect();
    let values = arrow::compute::concat(&values).map_err(wrong)?.as_struct().clone();
    Ok(Some(RowValues { inputs, values }))
}

/// The table's own words for what should not happen.
pub(crate) fn wrong(error: arrow::error::ArrowError) -> EngineError {
    EngineError::new("internal", format!("cannot put derived values together: {error}"))
}
