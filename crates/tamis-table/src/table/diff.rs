//! Differences of two versions: old and new values of the rows that differ, in order.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryArray, BooleanArray, StructArray, UInt32Array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::take;

use super::build::concat;
use super::change::Change;
use super::delta::{DeltaGroup, DeltaRows, position};
use super::unshared::{Part, parts};
use super::{Columns, Scan, ScanOptions, Table};
use crate::error::{Result, TableError};
use crate::leaf::RowOp;
use crate::node::KeyRange;
use crate::page::Projection;
use crate::rows::{RowBatch, group_hashes, keys_of, null_group};
use crate::schema::{GroupSchema, TableSchema};

/// Rows that differ. All arrays have one entry for each key.
#[derive(Clone, Debug)]
pub struct DiffBatch {
    /// The keys, ascending.
    pub keys: BinaryArray,
    /// The old values; null where the row was not there.
    pub old: RowBatch,
    /// Whether the row was there.
    pub was: Vec<bool>,
    /// The new values; null where the row is gone.
    pub new: RowBatch,
    /// Whether the row is there.
    pub is: Vec<bool>,
    /// For each group of the schema and row, whether the group's values differ.
    pub changed: Vec<Vec<bool>>,
}

impl DiffBatch {
    /// How many rows.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What an edit would write to get from the old rows to the new ones.
    fn into_delta(self) -> Result<DeltaRows> {
        let op = |(was, is): (&bool, &bool)| match (was, is) {
            (true, false) => RowOp::Delete,
            (false, _) => RowOp::Insert,
            (true, true) => RowOp::Patch,
        };
        let ops: Vec<RowOp> = self.was.iter().zip(&self.is).map(op).collect();
        let mut groups = Vec::with_capacity(self.new.groups.len());
        for (rows, changed) in self.new.groups.iter().zip(&self.changed) {
            let present: BooleanBuffer = changed.iter().zip(&self.is).map(|(changed, is)| *changed && *is).collect();
            let group = match rows {
                Some(rows) if present.count_set_bits() > 0 => {
                    let rows = arrow::compute::filter(rows, &BooleanArray::new(present.clone(), None))?;
                    Some(DeltaGroup { present, rows: rows.as_struct().clone() })
                }
                _ => None,
            };
            groups.push(group);
        }
        Ok(DeltaRows { keys: self.keys, ops, groups })
    }
}

impl Table {
    /// The rows in which `newer` differs from this version. Reads only what the two do not share:
    /// O(rows of the deltas and leaves that only one of them has).
    pub fn diff(&self, newer: &Table) -> Result<impl Iterator<Item = Result<DiffBatch>> + use<>> {
        let parts = match (self.0.change, newer.0.change) {
            _ if self.id() == newer.id() => VecDeque::new(),
            (_, Some(change)) if change.parent == self.id() => changed(newer, &change)?,
            (Some(change), _) if change.parent == newer.id() => {
                VecDeque::from([Part::Keys(change.keys(self.cache(), self.schema())?)])
            }
            _ => parts(self, newer, None)?,
        };
        Ok(Diff::new(self, newer, parts, None))
    }

    /// The rows in which `newer` differs from this version in some columns (of the schema of the
    /// wider one of the two), or which only one of them has; other columns are not read. O(rows of
    /// the deltas, and of the leaves whose pages of these groups only one of them has).
    pub fn diff_in(&self, newer: &Table, columns: &Columns) -> Result<impl Iterator<Item = Result<DiffBatch>> + use<>> {
        let parts = if self.id() == newer.id() { VecDeque::new() } else { parts(self, newer, Some(columns))? };
        Ok(Diff::new(self, newer, parts, Some(columns)))
    }

    /// The rows that an edit changed, with this version as the one before it. O(changes).
    pub fn diff_change(
        &self,
        newer: &Table,
        change: &Change,
    ) -> Result<impl Iterator<Item = Result<DiffBatch>> + use<>> {
        Ok(Diff::new(self, newer, changed(newer, change)?, None))
    }

    /// What an edit of this version would write to make it `newer`. Reads this version only where
    /// the rows that differ are not known from a change. O(changes), as [`Table::diff`].
    pub(super) fn delta_to(&self, newer: &Table) -> Result<DeltaRows> {
        let schema = newer.schema();
        if let Some(change) = newer.0.change.filter(|change| change.parent == self.id()) {
            return Ok(change.values(newer)?.0);
        }
        match collect(self.diff(newer)?)? {
            Some(batch) => batch.into_delta(),
            None => Ok(DeltaRows::none(schema.groups.len())),
        }
    }

    /// The keys of the rows in which `newer` differs. O(changes), as [`Table::diff`].
    pub(super) fn keys_to(&self, newer: &Table) -> Result<BinaryArray> {
        if let Some(change) = newer.0.change.filter(|change| change.parent == self.id()) {
            return change.keys(newer.cache(), newer.schema());
        }
        Ok(collect(self.diff(newer)?)?.map_or_else(|| keys_of([]), |batch| batch.keys))
    }

    /// The differences among some rows.
    pub(super) fn diff_keys(&self, newer: &Table, keys: &BinaryArray) -> Result<Option<DiffBatch>> {
        let mut diff = Diff::new(self, newer, VecDeque::from([Part::Keys(keys.clone())]), None);
        diff.next().transpose()
    }
}

/// The rows that an edit changed.
fn changed(newer: &Table, change: &Change) -> Result<VecDeque<Part>> {
    let (rows, is_exact) = change.values(newer)?;
    Ok(VecDeque::from([Part::Rows(rows, is_exact)]))
}

struct Diff {
    old: Table,
    new: Table,
    /// The wider one of the two: both are read with it.
    schema: Arc<TableSchema>,
    columns: Columns,
    parts: VecDeque<Part>,
    open: Option<Ranged>,
}

impl Diff {
    fn new(old: &Table, new: &Table, parts: VecDeque<Part>, only: Option<&Columns>) -> Diff {
        let is_narrower = new.schema() != old.schema() && new.schema().evolves_to(old.schema()).is_ok();
        let schema = Arc::clone(if is_narrower { &old.0.schema } else { &new.0.schema });
        let columns = only.cloned().unwrap_or_else(|| Columns::all(&schema));
        Diff { old: old.clone(), new: new.clone(), columns, schema, parts, open: None }
    }

    /// The next rows that may differ, compared; [`None`] at the end.
    fn step(&mut self) -> Result<Option<DiffBatch>> {
        loop {
            if let Some(ranged) = &mut self.open {
                if let Some(batch) = ranged.next(&self.schema, &self.columns)? {
                    return Ok(Some(batch));
                }
                self.open = None;
            }
            match self.parts.pop_front() {
                None => return Ok(None),
                Some(Part::Keys(keys)) => {
                    return compare(&self.old, &self.new, &keys, &self.schema, &self.columns).map(Some);
                }
                Some(Part::Rows(rows, is_exact)) => {
                    return laid_over(&self.old, rows, is_exact, &self.schema, &self.columns).map(Some);
                }
                Some(Part::Range(range)) => {
                    let side = |table: &Table| Side::new(table, &self.columns, &range);
                    self.open = Some(Ranged { sides: [side(&self.old)?, side(&self.new)?] });
                }
            }
        }
    }
}

impl Iterator for Diff {
    type Item = Result<DiffBatch>;

    fn next(&mut self) -> Option<Result<DiffBatch>> {
        loop {
            match self.step() {
                Ok(Some(batch)) if batch.is_empty() => {}
                outcome => return outcome.transpose(),
            }
        }
    }
}

/// Both versions of a range, leaf by leaf.
struct Ranged {
    sides: [Side; 2],
}

/// One version of a range: what is left of the leaf at hand, and the leaves after it.
struct Side {
    rows: RowBatch,
    rest: Scan,
}

impl Side {
    fn new(table: &Table, columns: &Columns, range: &KeyRange) -> Result<Side> {
        let options = ScanOptions::new(columns.clone()).range(range.start.clone(), range.end.clone()).threads(2);
        let mut side = Side { rows: null_rows(columns, 0)?, rest: table.scan(options)? };
        side.advance(0)?;
        Ok(side)
    }

    /// Takes the first rows of the leaf at hand, and goes on where it is used up.
    fn advance(&mut self, count: usize) -> Result<RowBatch> {
        let taken = self.rows.slice(0, count);
        self.rows = self.rows.slice(count, self.rows.len() - count);
        while self.rows.is_empty() {
            let Some(next) = self.rest.next() else { break };
            self.rows = next?;
        }
        Ok(taken)
    }

    fn last(&self) -> Option<&[u8]> {
        self.rows.len().checked_sub(1).map(|last| self.rows.keys.value(last))
    }

    /// The rows up to a key, this one included.
    fn up_to(&mut self, key: &[u8]) -> Result<RowBatch> {
        let (Ok(count) | Err(count)) = position(&self.rows.keys, 0, key).map(|row| row + 1);
        self.advance(count)
    }
}

impl Ranged {
    /// The differences of the next rows; [`None`] at the end of the range.
    fn next(&mut self, schema: &TableSchema, columns: &Columns) -> Result<Option<DiffBatch>> {
        let [old, new] = &mut self.sides;
        let end = match (old.last(), new.last()) {
            (Some(a), Some(b)) => a.min(b),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => return Ok(None),
        };
        let end = end.to_vec();
        let (old, new) = (old.up_to(&end)?, new.up_to(&end)?);
        let (a, b) = rayon::join(|| hashes(schema, &old), || hashes(schema, &new));
        let (a, b) = (a?, b?);
        let is_same = |x: usize, y: usize| a.iter().zip(&b).all(|(a, b)| a[x] == b[y]);
        // Rows that differ, by their places on both sides.
        let mut places: [Vec<Option<u32>>; 2] = [Vec::new(), Vec::new()];
        let (mut x, mut y) = (0, 0);
        while x < old.len() || y < new.len() {
            let order = match (x < old.len(), y < new.len()) {
                (true, true) => old.keys.value(x).cmp(new.keys.value(y)),
                (true, false) => Ordering::Less,
                (false, _) => Ordering::Greater,
            };
            if order.is_ne() || !is_same(x, y) {
                places[0].push(order.is_le().then_some(x as u32));
                places[1].push(order.is_ge().then_some(y as u32));
            }
            x += usize::from(order.is_le());
            y += usize::from(order.is_ge());
        }
        let pick = |hashes: &[u128], place: Option<u32>| place.map_or(0, |row| hashes[row as usize]);
        let changed = |(a, b): (&Vec<u128>, &Vec<u128>)| {
            let pairs = places[0].iter().zip(&places[1]);
            pairs.map(|(x, y)| pick(a, *x) != pick(b, *y)).collect()
        };
        let changed = a.iter().zip(&b).map(changed).collect();
        let keys = places[0].iter().zip(&places[1]).map(|(x, y)| match (x, y) {
            (Some(x), _) => old.keys.value(*x as usize),
            (None, y) => new.keys.value(y.unwrap_or(0) as usize),
        });
        let keys = keys_of(keys);
        let [was, is] = places.each_ref().map(|places| places.iter().map(Option::is_some).collect());
        let [x, y] = places.map(UInt32Array::from);
        let (old, new) = (picked(&old, &keys, &x, columns)?, picked(&new, &keys, &y, columns)?);
        Ok(Some(DiffBatch { keys, old, was, new, is, changed }))
    }
}

/// The rows at some places, null where there is none.
fn picked(rows: &RowBatch, keys: &BinaryArray, places: &UInt32Array, columns: &Columns) -> Result<RowBatch> {
    let groups = rows.groups.iter().enumerate().map(|(at, group)| {
        let Some(group) = group else { return Ok(None) };
        if group.num_columns() == 0 || rows.is_empty() {
            return null_rows(columns, places.len()).map(|mut rows| rows.groups.swap_remove(at));
        }
        let columns = group.columns().iter().map(|column| take(column, places, None));
        let columns = columns.collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(Some(StructArray::try_new(group.fields().clone(), columns, None)?))
    });
    Ok(RowBatch { keys: keys.clone(), groups: groups.collect::<Result<_>>()? })
}

/// Rows of nulls, with keys that are empty.
fn null_rows(columns: &Columns, rows: usize) -> Result<RowBatch> {
    let group = |projection: &Projection| null_group(&GroupSchema::new("", projection.fields().clone()), rows);
    let groups = columns.0.iter().map(|projection| projection.as_ref().map(group).transpose());
    Ok(RowBatch { keys: keys_of(vec![&b""[..]; rows]), groups: groups.collect::<Result<_>>()? })
}

/// The hashes of all groups of some rows.
fn hashes(schema: &TableSchema, rows: &RowBatch) -> Result<Vec<Vec<u128>>> {
    let hashes = |(rows_of, group): (&Option<StructArray>, &GroupSchema)| match rows_of {
        Some(values) => group_hashes(&group.name, &rows.keys, values),
        None => Ok(vec![0; rows.len()]),
    };
    rows.groups.iter().zip(&schema.groups).map(hashes).collect()
}

/// The differences that the rows of an edit's change make; all rows in it differ.
fn laid_over(
    old: &Table,
    rows: DeltaRows,
    is_exact: bool,
    schema: &TableSchema,
    columns: &Columns,
) -> Result<DiffBatch> {
    let (before, was) = old.get_many(&rows.keys, columns)?;
    let after = rows.laid_over(&before, columns)?;
    let is: Vec<bool> = rows.ops.iter().map(|op| *op != RowOp::Delete).collect();
    let mut changed = Vec::with_capacity(columns.0.len());
    for (at, group) in schema.groups.iter().enumerate() {
        let own = rows.groups.get(at).and_then(Option::as_ref);
        let is_known = is_exact && !rows.ops.contains(&RowOp::Delete);
        changed.push(match (own, &before.groups[at], &after.groups[at]) {
            (Some(own), _, _) if is_known => own.present.iter().collect(),
            (None, _, _) if rows.ops.iter().all(|op| *op == RowOp::Patch) => vec![false; rows.len()],
            (_, Some(a), Some(b)) => {
                let (a, b) = (group_hashes(&group.name, &rows.keys, a)?, group_hashes(&group.name, &rows.keys, b)?);
                a.iter().zip(&b).map(|(a, b)| a != b).collect()
            }
            _ => vec![false; rows.len()],
        });
    }
    Ok(DiffBatch { keys: rows.keys, old: before, was, new: after, is, changed })
}

/// Reads both versions of some rows and keeps those that differ.
fn compare(old: &Table, new: &Table, keys: &BinaryArray, schema: &TableSchema, columns: &Columns) -> Result<DiffBatch> {
    let (before, was) = old.get_many(keys, columns)?;
    let (after, is) = new.get_many(keys, columns)?;
    let (a, b) = (hashes(schema, &before)?, hashes(schema, &after)?);
    let changed: Vec<Vec<bool>> =
        a.iter().zip(&b).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a != b).collect()).collect();
    let differs: Vec<bool> =
        (0..keys.len()).map(|row| was[row] != is[row] || changed.iter().any(|group| group[row])).collect();
    if differs.iter().all(|differs| *differs) {
        return Ok(DiffBatch { keys: keys.clone(), old: before, was, new: after, is, changed });
    }
    let mask = BooleanArray::from(differs.clone());
    let keep = |flags: &[bool]| flags.iter().zip(&differs).filter(|(_, keep)| **keep).map(|(flag, _)| *flag).collect();
    Ok(DiffBatch {
        keys: arrow::compute::filter(keys, &mask)?.as_binary::<i32>().clone(),
        old: filter(&before, &mask)?,
        was: keep(&was),
        new: filter(&after, &mask)?,
        is: keep(&is),
        changed: changed.iter().map(|group| keep(group)).collect(),
    })
}

pub(super) fn filter(rows: &RowBatch, mask: &BooleanArray) -> Result<RowBatch> {
    let group = |group: &StructArray| Ok::<_, TableError>(arrow::compute::filter(group, mask)?.as_struct().clone());
    Ok(RowBatch {
        keys: arrow::compute::filter(&rows.keys, mask)?.as_binary::<i32>().clone(),
        groups: rows.groups.iter().map(|g| g.as_ref().map(group).transpose()).collect::<Result<_>>()?,
    })
}

/// All differences as one batch; [`None`] when there are none.
pub(super) fn collect(batches: impl Iterator<Item = Result<DiffBatch>>) -> Result<Option<DiffBatch>> {
    let all = batches.collect::<Result<Vec<_>>>()?;
    let Some(first) = all.first() else { return Ok(None) };
    if all.len() == 1 {
        return Ok(all.into_iter().next());
    }
    let old = concat(&all.iter().map(|b| b.old.clone()).collect::<Vec<_>>())?;
    let new = concat(&all.iter().map(|b| b.new.clone()).collect::<Vec<_>>())?;
    let groups = first.changed.len();
    Ok(Some(DiffBatch {
        keys: new.keys.clone(),
        old,
        was: all.iter().flat_map(|b| b.was.iter().copied()).collect(),
        new,
        is: all.iter().flat_map(|b| b.is.iter().copied()).collect(),
        changed: (0..groups).map(|at| all.iter().flat_map(|b| b.changed[at].iter().copied()).collect()).collect(),
    }))
}
