//! The rows of a delta in memory: loaded, joined with another's, laid over a base leaf, written.

use std::cmp::Ordering;

use arrow::array::BooleanBufferBuilder;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, MutableArrayData, StructArray, UInt32Array, make_array,
};
use arrow::buffer::BooleanBuffer;
use tamis_core::Hash;
use tamis_store::Writer;

use super::Columns;
use super::build::child;
use super::root::DeltaRef;
use crate::error::{Result, TableError};
use crate::leaf::{LeafRef, RowOp, TableCache, put_keys, put_ops, put_page};
use crate::node::{KeyRange, Target, leaves, put_tree};
use crate::page::{Projection, encode};
use crate::row_hash::row_hashes;
use crate::rows::{RowBatch, null_group};
use crate::schema::{GroupSchema, TableSchema};
use crate::summary::{self, Summary};

/// Rows in a leaf of a delta.
const LEAF_ROWS: usize = 16_384;

/// Some rows of a delta, ascending by key.
#[derive(Clone, Debug)]
pub(crate) struct DeltaRows {
    pub(crate) keys: BinaryArray,
    pub(crate) ops: Vec<RowOp>,
    /// By group of the schema; `None`: no row has it, or it was not asked for.
    pub(crate) groups: Vec<Option<DeltaGroup>>,
}

/// One group of some rows of a delta.
#[derive(Clone, Debug)]
pub(crate) struct DeltaGroup {
    /// Which rows have it.
    pub(crate) present: BooleanBuffer,
    /// The values of the rows that have it, one after another.
    pub(crate) rows: StructArray,
}

impl DeltaGroup {
    /// For each row its place among the values.
    pub(super) fn ranks(&self) -> Vec<Option<usize>> {
        let mut next = 0;
        let rank = |has: bool| {
            next += usize::from(has);
            has.then(|| next - 1)
        };
        self.present.iter().map(rank).collect()
    }
}

impl DeltaRows {
    pub(crate) fn len(&self) -> usize {
        self.ops.len()
    }

    /// Reads the rows of a delta with keys in a range.
    pub(crate) fn load(cache: &TableCache, root: &Hash, range: &KeyRange, columns: &Columns) -> Result<DeltaRows> {
        let mut parts = Vec::new();
        for at in leaves(cache, Some(root), range)? {
            let reference = at.leaf().ok_or(TableError::Internal("not a leaf"))?;
            let leaf = cache.delta_leaf(reference)?;
            let position = |key: &Option<Vec<u8>>, none: usize| match key {
                Some(key) => Ok::<usize, TableError>(leaf.keys.find(key)?.unwrap_or_else(|at| at)),
                None => Ok(none),
            };
            let (start, end) = (position(&range.start, 0)?, position(&range.end, leaf.ops.len())?);
            if start >= end {
                continue;
            }
            let mut groups = Vec::with_capacity(columns.0.len());
            for (at, projection) in columns.0.iter().enumerate() {
                let Some(projection) = projection else {
                    groups.push(None);
                    continue;
                };
                let mut present = BooleanBufferBuilder::new(end - start);
                let mut span: Option<(std::sync::Arc<crate::page::Page>, u32, u32)> = None;
                for row in start..end {
                    let place = leaf.group(at, row);
                    present.append(place.is_some());
                    if let Some((page, row)) = place {
                        let (_, _, end) = span.get_or_insert_with(|| (page.clone(), row, row));
                        *end = row + 1;
                    }
                }
                groups.push(match span {
                    Some((page, first, end)) => Some(DeltaGroup {
                        present: present.finish(),
                        rows: page.scan(first as usize..end as usize, projection)?,
                    }),
                    None => None,
                });
            }
            parts.push(DeltaRows { keys: leaf.keys.scan(start..end)?, ops: leaf.ops[start..end].to_vec(), groups });
        }
        DeltaRows::concat(parts, columns)
    }

    fn concat(mut parts: Vec<DeltaRows>, columns: &Columns) -> Result<DeltaRows> {
        match parts.len() {
            0 => {
                let keys = BinaryArray::from_iter_values(std::iter::empty::<&[u8]>());
                return Ok(DeltaRows { keys, ops: Vec::new(), groups: vec![None; columns.0.len()] });
            }
            1 => return parts.pop().ok_or(TableError::Internal("no part")),
            _ => {}
        }
        let keys: Vec<&dyn Array> = parts.iter().map(|part| &part.keys as _).collect();
        let keys = arrow::compute::concat(&keys)?.as_binary::<i32>().clone();
        let mut groups = Vec::with_capacity(columns.0.len());
        for at in 0..columns.0.len() {
            let mut present = BooleanBufferBuilder::new(keys.len());
            let mut rows: Vec<&dyn Array> = Vec::new();
            for part in &parts {
                match &part.groups[at] {
                    Some(group) => {
                        present.append_buffer(&group.present);
                        rows.push(&group.rows);
                    }
                    None => present.append_n(part.len(), false),
                }
            }
            groups.push(if rows.is_empty() {
                None
            } else {
                let rows = arrow::compute::concat(&rows)?.as_struct().clone();
                Some(DeltaGroup { present: present.finish(), rows })
            });
        }
        let ops = parts.iter().flat_map(|part| part.ops.iter().copied()).collect();
        Ok(DeltaRows { keys, ops, groups })
    }

    /// What this delta and a newer one on top of it do together.
    pub(crate) fn then(&self, newer: &DeltaRows) -> Result<DeltaRows> {
        // For each row of the outcome: its row here, its row there, and what it does.
        let mut rows: Vec<(Option<usize>, Option<usize>, RowOp)> = Vec::with_capacity(self.len() + newer.len());
        let (mut a, mut b) = (0, 0);
        while a < self.len() || b < newer.len() {
            let order = match (a < self.len(), b < newer.len()) {
                (true, true) => self.keys.value(a).cmp(newer.keys.value(b)),
                (true, false) => Ordering::Less,
                (false, _) => Ordering::Greater,
            };
            match order {
                Ordering::Less => rows.push((Some(a), None, self.ops[a])),
                Ordering::Greater => rows.push((None, Some(b), newer.ops[b])),
                Ordering::Equal => {
                    if let Some(op) = joined(self.ops[a], newer.ops[b])? {
                        rows.push((Some(a), Some(b), op));
                    }
                }
            }
            a += usize::from(order.is_le());
            b += usize::from(order.is_ge());
        }
        let key = |&(a, b, _): &(Option<usize>, Option<usize>, RowOp)| match (a, b) {
            (Some(a), _) => self.keys.value(a),
            (None, b) => newer.keys.value(b.unwrap_or(0)),
        };
        let keys = BinaryArray::from_iter_values(rows.iter().map(key));
        let mut groups = Vec::with_capacity(self.groups.len());
        for at in 0..self.groups.len().max(newer.groups.len()) {
            let sides = [self.groups.get(at).and_then(Option::as_ref), newer.groups.get(at).and_then(Option::as_ref)];
            groups.push(join_group(sides, &rows, self, newer)?);
        }
        let ops = rows.iter().map(|(_, _, op)| *op).collect();
        Ok(DeltaRows { keys, ops, groups })
    }

    /// Writes the rows as a delta; [`None`] when there are none.
    pub(crate) fn write(&self, writer: &Writer, schema: &TableSchema) -> Result<Option<DeltaRef>> {
        if self.len() == 0 {
            return Ok(None);
        }
        let mut empty = Vec::new();
        summary::encode(&Summary::default(), &mut empty);
        let ends: Vec<Option<Vec<usize>>> = self
            .groups
            .iter()
            .map(|group| {
                group.as_ref().map(|group| {
                    let mut count = 0;
                    group
                        .present
                        .iter()
                        .map(|has| {
                            count += usize::from(has);
                            count
                        })
                        .collect()
                })
            })
            .collect();
        let mut children = Vec::new();
        let mut start = 0;
        while start < self.len() {
            let end = (start + LEAF_ROWS).min(self.len());
            let keys = self.keys.slice(start, end - start);
            let (keys_id, mut bytes) = put_keys(writer, &keys)?;
            let mut present = Vec::with_capacity(schema.groups.len());
            let mut pages = Vec::with_capacity(schema.groups.len());
            for at in 0..schema.groups.len() {
                let (Some(Some(group)), Some(Some(ends))) = (self.groups.get(at), ends.get(at)) else {
                    present.push(BooleanBuffer::new_unset(end - start));
                    pages.push(None);
                    continue;
                };
                present.push(group.present.slice(start, end - start));
                let (from, to) = (if start == 0 { 0 } else { ends[start - 1] }, ends[end - 1]);
                pages.push(if to > from && !group.rows.is_empty() {
                    let (id, length) = put_page(writer, &encode(&group.rows.slice(from, to - from))?)?;
                    bytes += length;
                    Some(id)
                } else {
                    None
                });
            }
            let (ops, length) = put_ops(writer, &self.ops[start..end], &present)?;
            bytes += length;
            children.push(child(
                &keys,
                bytes,
                LeafRef { keys: keys_id, ops: Some(ops), groups: pages },
                empty.clone(),
            )?);
            start = end;
        }
        match put_tree(writer, children)?.target {
            Target::Node(node) => Ok(Some(DeltaRef { node, rows: self.len() as u64 })),
            Target::Leaf(_) => Err(TableError::Internal("a tree without a root")),
        }
    }

    /// No rows.
    pub(crate) fn none(groups: usize) -> DeltaRows {
        DeltaRows { keys: crate::rows::keys_of([]), ops: Vec::new(), groups: vec![None; groups] }
    }

    /// The rows of the same keys as they were (nulls where there was none), with these on top; null
    /// where the row is gone.
    pub(crate) fn laid_over(&self, before: &RowBatch, columns: &Columns) -> Result<RowBatch> {
        let mut groups = Vec::with_capacity(columns.0.len());
        for (at, projection) in columns.0.iter().enumerate() {
            let Some(projection) = projection else {
                groups.push(None);
                continue;
            };
            let own = self.groups.get(at).and_then(Option::as_ref);
            let under = before.groups[at].clone();
            let keeps = own.is_none() && self.ops.iter().all(|op| *op == RowOp::Patch);
            if let (true, Some(under)) = (keeps, &under) {
                groups.push(Some(under.clone()));
                continue;
            }
            let fields = GroupSchema::new("", projection.fields().clone());
            let (null, none) = (null_group(&fields, 1)?, null_group(&fields, 0)?);
            let under = under.map_or_else(|| null_group(&fields, self.len()), Ok)?;
            let ranks = own.map(DeltaGroup::ranks).unwrap_or_default();
            let pick = |row: usize| match (self.ops[row], ranks.get(row).copied().flatten()) {
                (RowOp::Delete, _) => (2, 0),
                (_, Some(rank)) => (1, rank),
                (RowOp::Patch, None) => (0, row),
                (RowOp::Insert | RowOp::Replace, None) => (2, 0),
            };
            let picks: Vec<(usize, usize)> = (0..self.len()).map(pick).collect();
            let rows = arrow::compute::interleave(&[&under, own.map_or(&none, |own| &own.rows), &null], &picks)?;
            groups.push(Some(rows.as_struct().clone()));
        }
        Ok(RowBatch { keys: self.keys.clone(), groups })
    }

    /// The same rows without values: keys, operations, and which groups each row has.
    pub(crate) fn without_values(&self) -> DeltaRows {
        let bare = |group: &DeltaGroup| DeltaGroup { present: group.present.clone(), rows: group.rows.slice(0, 0) };
        let groups = self.groups.iter().map(|group| group.as_ref().map(bare)).collect();
        DeltaRows { keys: self.keys.clone(), ops: self.ops.clone(), groups }
    }

    /// Whether no row is added or removed.
    pub(crate) fn keeps_keys(&self) -> bool {
        self.ops.iter().all(|op| matches!(op, RowOp::Patch | RowOp::Replace))
    }

    /// For each row a hash of what it does: its operation, which groups it has, and their values.
    pub(super) fn effects(&self, schema: &TableSchema) -> Result<Vec<u128>> {
        // An odd factor for each operation and group keeps them apart.
        const STEP: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
        let mut effects: Vec<u128> = self.ops.iter().map(|op| STEP.wrapping_mul(*op as u128 + 1)).collect();
        for (group, schema) in self.groups.iter().zip(&schema.groups) {
            let Some(group) = group else { continue };
            let present = BooleanArray::new(group.present.clone(), None);
            let keys = arrow::compute::filter(&self.keys, &present)?.as_binary::<i32>().clone();
            let hashes = row_hashes(&schema.name, &keys, &group.rows)?;
            for (row, hash) in group.present.set_indices().zip(hashes) {
                effects[row] = effects[row].wrapping_mul(STEP).wrapping_add(hash);
            }
        }
        Ok(effects)
    }

    /// Where the rows stand among keys that have them all.
    pub(crate) fn places(&self, keys: &BinaryArray) -> Result<UInt32Array> {
        let (mut places, mut from) = (Vec::with_capacity(self.len()), 0);
        for key in self.keys.iter().flatten() {
            from = position(keys, from, key)
                .map_err(|_| TableError::Corrupt { what: "delta", reason: "it patches a row that is not there" })?;
            places.push(from as u32);
        }
        Ok(places.into())
    }

    /// The rows of a base leaf with these on top. Groups are aligned with the columns; a group that
    /// is `None` in the base is null there.
    pub(crate) fn over(&self, base: &RowBatch, columns: &Columns) -> Result<RowBatch> {
        self.over_at(base, columns, |key, from| Ok(position(&base.keys, from, key)))
    }

    /// The same with a way to find a key's row at or after another, for a base that was read without
    /// its keys.
    pub(crate) fn over_at(
        &self,
        base: &RowBatch,
        columns: &Columns,
        find: impl Fn(&[u8], usize) -> Result<std::result::Result<usize, usize>>,
    ) -> Result<RowBatch> {
        // Runs of the outcome: rows of the base, or one row of the delta with its base row.
        let mut runs: Vec<Run> = Vec::with_capacity(2 * self.len() + 1);
        let mut at = 0;
        for row in 0..self.len() {
            let key = self.keys.value(row);
            let found = find(key, at)?;
            let (Ok(end) | Err(end)) = found;
            if end > at {
                runs.push(Run::Base { start: at, end });
            }
            at = end + usize::from(found.is_ok());
            match (self.ops[row], found) {
                (RowOp::Delete, _) => {}
                (RowOp::Patch, Ok(under)) => runs.push(Run::Delta { row, under: Some(under) }),
                (RowOp::Patch, Err(_)) => {
                    return Err(TableError::Corrupt { what: "delta", reason: "it patches a row that is not there" });
                }
                (RowOp::Insert | RowOp::Replace, _) => runs.push(Run::Delta { row, under: None }),
            }
        }
        if at < base.len() {
            runs.push(Run::Base { start: at, end: base.len() });
        }
        let keys = if self.keeps_keys() { base.keys.clone() } else { over_keys(base, self, &runs) };
        let mut groups = Vec::with_capacity(columns.0.len());
        for (at, projection) in columns.0.iter().enumerate() {
            groups.push(match projection {
                Some(projection) => Some(self.over_group(at, base, projection, &runs, keys.len())?),
                None => None,
            });
        }
        Ok(RowBatch { keys, groups })
    }

    fn over_group(
        &self,
        at: usize,
        base: &RowBatch,
        projection: &Projection,
        runs: &[Run],
        rows: usize,
    ) -> Result<StructArray> {
        let own = self.groups.get(at).and_then(Option::as_ref);
        let under = base.groups[at].as_ref();
        let fields = GroupSchema::new("", projection.fields().clone());
        if own.is_none() && self.ops.iter().all(|op| *op == RowOp::Patch) {
            return under.cloned().map_or_else(|| null_group(&fields, rows), Ok);
        }
        let ranks = own.map(DeltaGroup::ranks).unwrap_or_default();
        // Sources: 0 the base (or nulls), 1 the delta, 2 a null row.
        let null = null_group(&fields, 1)?;
        let base_rows = under.cloned().map_or_else(|| null_group(&fields, base.len()), Ok)?;
        let none = null_group(&fields, 0)?;
        let delta_rows = own.map_or(&none, |own| &own.rows);
        let piece = |run: &Run| match run {
            Run::Base { start, end } => (0, *start, *end),
            Run::Delta { row, under } => match (ranks.get(*row).copied().flatten(), under) {
                (Some(rank), _) => (1, rank, rank + 1),
                (None, Some(under)) => (0, *under, under + 1),
                (None, None) => (2, 0, 1),
            },
        };
        let mut sources = vec![base_rows.to_data(), delta_rows.to_data()];
        // A source with nulls makes every column carry them.
        if runs.iter().any(|run| piece(run).0 == 2) {
            sources.push(null.to_data());
        }
        let mut out = MutableArrayData::new(sources.iter().collect(), false, rows);
        for run in runs {
            let (source, start, end) = piece(run);
            out.try_extend(source, start, end)?;
        }
        let array: ArrayRef = make_array(out.freeze());
        Ok(array.as_struct().clone())
    }
}

/// Consecutive rows of an overlaid leaf.
enum Run {
    Base { start: usize, end: usize },
    Delta { row: usize, under: Option<usize> },
}

fn over_keys(base: &RowBatch, delta: &DeltaRows, runs: &[Run]) -> BinaryArray {
    let mut keys = arrow::array::BinaryBuilder::with_capacity(base.len() + delta.len(), base.keys.value_data().len());
    for run in runs {
        match run {
            Run::Base { start, end } => (*start..*end).for_each(|row| keys.append_value(base.keys.value(row))),
            Run::Delta { row, .. } => keys.append_value(delta.keys.value(*row)),
        }
    }
    keys.finish()
}

/// Binary search from a position on.
pub(super) fn position(keys: &BinaryArray, from: usize, key: &[u8]) -> std::result::Result<usize, usize> {
    let (mut low, mut high) = (from, keys.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match keys.value(middle).cmp(key) {
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
            Ordering::Equal => return Ok(middle),
        }
    }
    Err(low)
}

/// What two operations on one row do together; [`None`]: nothing.
fn joined(older: RowOp, newer: RowOp) -> Result<Option<RowOp>> {
    use RowOp::{Delete, Insert, Patch, Replace};
    match (older, newer) {
        (Patch, Patch) => Ok(Some(Patch)),
        (Insert, Patch | Replace) => Ok(Some(Insert)),
        (Replace, Patch) | (Patch | Replace, Replace) | (Delete, Insert) => Ok(Some(Replace)),
        (Insert, Delete) => Ok(None),
        (Patch | Replace, Delete) => Ok(Some(Delete)),
        (Patch | Insert | Replace, Insert) | (Delete, Patch | Replace | Delete) => {
            Err(TableError::Corrupt { what: "delta", reason: "its operations contradict the delta below" })
        }
    }
}

fn join_group(
    sides: [Option<&DeltaGroup>; 2],
    rows: &[(Option<usize>, Option<usize>, RowOp)],
    older: &DeltaRows,
    newer: &DeltaRows,
) -> Result<Option<DeltaGroup>> {
    if sides.iter().all(Option::is_none) {
        return Ok(None);
    }
    let ranks = sides.map(|side| side.map(DeltaGroup::ranks).unwrap_or_default());
    let rank = |side: usize, row: Option<usize>| row.and_then(|row| ranks[side].get(row).copied().flatten());
    let mut present = BooleanBufferBuilder::new(rows.len());
    let mut picks = Vec::with_capacity(rows.len());
    for &(a, b, op) in rows {
        // The newer row hides the older one's groups when it is a whole row or a tombstone.
        let hides = b.is_some_and(|b| newer.ops[b] != RowOp::Patch);
        let pick = match (rank(1, b), rank(0, a)) {
            (Some(at), _) => Some((1, at)),
            (None, Some(at)) if !hides => Some((0, at)),
            _ => None,
        };
        let pick = pick.filter(|_| op != RowOp::Delete);
        present.append(pick.is_some());
        picks.extend(pick);
    }
    debug_assert!(older.len() + newer.len() >= rows.len(), "no row comes from nowhere");
    if picks.is_empty() {
        return Ok(None);
    }
    let rows = match sides {
        [Some(older), Some(newer)] => arrow::compute::interleave(&[&older.rows, &newer.rows], &picks)?,
        [Some(one), None] | [None, Some(one)] => {
            let picks: Vec<(usize, usize)> = picks.iter().map(|(_, at)| (0, *at)).collect();
            arrow::compute::interleave(&[&one.rows], &picks)?
        }
        [None, None] => return Ok(None),
    };
    Ok(Some(DeltaGroup { present: present.finish(), rows: rows.as_struct().clone() }))
}
