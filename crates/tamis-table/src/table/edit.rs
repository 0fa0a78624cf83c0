//! Edits: what a batch of changes does to a version, written as one delta.

use arrow::array::{Array, AsArray, BooleanArray, StructArray};
use arrow::buffer::BooleanBuffer;
use tamis_store::Writer;

use super::build::Totals;
use super::change::Change;
use super::delta::{DeltaGroup, DeltaRows};
use super::root::Root;
use super::{Columns, Table, fold};
use crate::error::{Result, TableError};
use crate::leaf::RowOp;
use crate::page::Projection;
use crate::rows::{Edit, Op, check_order, group_hashes, key_hashes, null_group};
use crate::summary::Summary;

/// How an edit treats the stack of deltas.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EditOptions {
    /// Fold newer deltas together while the next older one has at most this many times their rows.
    pub fold_ratio: u64,
    /// The most deltas on a base.
    pub depth: usize,
    /// The most rows that a fold of deltas inside the edit may have, unless `depth` forces it.
    pub fold_rows: u64,
    /// The most overlaid rows that are folded into the base inside the edit; more wait for
    /// [`Table::compact`].
    pub base_fold_rows: u64,
}

impl Default for EditOptions {
    fn default() -> EditOptions {
        EditOptions { fold_ratio: 1, depth: 8, fold_rows: 8192, base_fold_rows: 1 << 17 }
    }
}

/// The outcome of an edit.
#[derive(Clone, Debug)]
pub struct Edited {
    /// The new version; the old one when nothing changed.
    pub table: Table,
    /// What changed; `None` when nothing did.
    pub change: Option<Change>,
    /// Rows that are new.
    pub added: u64,
    /// Rows that have other values.
    pub changed: u64,
    /// Rows that are gone.
    pub removed: u64,
}

/// One group of an edit: old and new values of all its rows, and where they differ.
struct GroupEdit {
    old: StructArray,
    new: StructArray,
    old_hashes: Vec<u128>,
    new_hashes: Vec<u128>,
    touched: Vec<bool>,
}

impl Table {
    /// Applies changes and writes one delta; nothing of the base is written unless a fold is due.
    /// Changes that change nothing are dropped. O(changes · log rows).
    pub fn edit(&self, writer: &Writer, edit: &Edit, options: &EditOptions) -> Result<Edited> {
        check_edit(edit, self)?;
        let (groups, found) = self.read_old(edit)?;
        let keys = &edit.rows.keys;
        let mut ops: Vec<Option<RowOp>> = Vec::with_capacity(keys.len());
        for row in 0..keys.len() {
            let changes = || groups.iter().flatten().any(|g| g.touched[row] && g.old_hashes[row] != g.new_hashes[row]);
            ops.push(match (edit.ops[row], found[row]) {
                (Op::Delete, true) => Some(RowOp::Delete),
                (Op::Delete, false) => None,
                (Op::Put | Op::Patch, false) => Some(RowOp::Insert),
                (Op::Put | Op::Patch, true) => changes().then_some(RowOp::Patch),
            });
        }
        let count = |op: RowOp| ops.iter().filter(|o| **o == Some(op)).count() as u64;
        let (added, changed, removed) = (count(RowOp::Insert), count(RowOp::Patch), count(RowOp::Delete));
        if added + changed + removed == 0 {
            return Ok(Edited { table: self.clone(), change: None, added, changed, removed });
        }
        let mut summary = self.summary().clone();
        let delta = self.delta_of(edit, &groups, &ops, &mut summary)?;
        let mut root = Root { summary, ..self.0.root.clone() };
        let (own, holds) = fold::push(self, writer, &mut root, delta, options)?;
        let table = Table::write(self.cache(), writer, root, self.0.schema.clone())?;
        let change = Change::write(writer, self.id(), own, holds)?;
        Ok(Edited { table: table.made_by(change), change: Some(change), added, changed, removed })
    }

    /// Old and new values of every group that the edit may change.
    fn read_old(&self, edit: &Edit) -> Result<(Vec<Option<GroupEdit>>, Vec<bool>)> {
        let schema = self.schema();
        let is_whole = edit.ops.iter().any(|op| *op != Op::Patch);
        let mut columns = Columns::none(schema);
        for (at, group) in schema.groups.iter().enumerate() {
            if is_whole || edit.rows.groups[at].is_some() {
                columns.0[at] = Some(Projection::all(&group.fields));
            }
        }
        let (old, found) = self.get_many(&edit.rows.keys, &columns)?;
        let mut groups = Vec::with_capacity(schema.groups.len());
        for (at, (old, group)) in old.groups.into_iter().zip(&schema.groups).enumerate() {
            let Some(old) = old else {
                groups.push(None);
                continue;
            };
            let touched: Vec<bool> =
                (0..found.len()).map(|row| edit.ops[row] != Op::Patch || edit.has(at, row)).collect();
            let given = edit.rows.groups[at].clone().map_or_else(|| null_group(group, found.len()), Ok)?;
            let old_hashes = group_hashes(&group.name, &edit.rows.keys, &old)?;
            let new_hashes = group_hashes(&group.name, &edit.rows.keys, &given)?;
            groups.push(Some(GroupEdit { old, new: given, old_hashes, new_hashes, touched }));
        }
        Ok((groups, found))
    }

    /// The rows of the delta, and their effect on the summary.
    fn delta_of(
        &self,
        edit: &Edit,
        groups: &[Option<GroupEdit>],
        ops: &[Option<RowOp>],
        summary: &mut Summary,
    ) -> Result<DeltaRows> {
        let totals = Totals::new(self.schema());
        let keys = &edit.rows.keys;
        for (row, hash) in key_hashes(keys)?.into_iter().enumerate() {
            match ops[row] {
                Some(RowOp::Insert) => {
                    summary.rows += 1;
                    summary.content = summary.content.wrapping_add(hash);
                }
                Some(RowOp::Delete) => {
                    summary.rows -= 1;
                    summary.content = summary.content.wrapping_sub(hash);
                }
                _ => {}
            }
        }
        let kept: Vec<bool> = ops.iter().map(Option::is_some).collect();
        let mut delta_groups = Vec::with_capacity(groups.len());
        for (at, group) in groups.iter().enumerate() {
            let Some(group) = group else {
                delta_groups.push(None);
                continue;
            };
            let differs = |row: usize| group.touched[row] && group.old_hashes[row] != group.new_hashes[row];
            let gains = |row: usize| match ops[row] {
                Some(RowOp::Insert) => group.touched[row] && group.new_hashes[row] != 0,
                Some(RowOp::Patch) => differs(row),
                _ => false,
            };
            let loses = |row: usize| match ops[row] {
                Some(RowOp::Delete) => group.old_hashes[row] != 0,
                Some(RowOp::Patch) => differs(row) && group.old_hashes[row] != 0,
                _ => false,
            };
            let new = select(&group.new, keys.len(), gains)?;
            let old = select(&group.old, keys.len(), loses)?;
            let mut gain = Summary::default();
            totals.plans[at].collect(&new, &mut gain.columns)?;
            let mut loss = Summary::default();
            totals.plans[at].collect(&old, &mut loss.columns)?;
            for row in 0..keys.len() {
                if gains(row) {
                    gain.content = gain.content.wrapping_add(group.new_hashes[row]);
                }
                if loses(row) {
                    loss.content = loss.content.wrapping_add(group.old_hashes[row]);
                }
            }
            summary.subtract(&loss);
            summary.add(&gain);
            let present: BooleanBuffer = (0..keys.len()).filter(|row| kept[*row]).map(gains).collect();
            delta_groups.push((!new.is_empty()).then_some(DeltaGroup { present, rows: new }));
        }
        summary.prune();
        let keys = arrow::compute::filter(keys, &BooleanArray::from(kept))?.as_binary::<i32>().clone();
        Ok(DeltaRows { keys, ops: ops.iter().flatten().copied().collect(), groups: delta_groups })
    }
}

fn select(rows: &StructArray, count: usize, keep: impl Fn(usize) -> bool) -> Result<StructArray> {
    let mask: BooleanArray = BooleanArray::from((0..count).map(keep).collect::<Vec<bool>>());
    if mask.true_count() == count {
        return Ok(rows.clone());
    }
    Ok(arrow::compute::filter(rows, &mask)?.as_struct().clone())
}

fn check_edit(edit: &Edit, table: &Table) -> Result<()> {
    edit.rows.check(table.schema())?;
    check_order(&edit.rows.keys, None)?;
    if edit.ops.len() != edit.rows.len() || edit.present.len() != edit.rows.groups.len() {
        return Err(TableError::BadRows { reason: "operations and rows differ in number".to_owned() });
    }
    if edit.present.iter().flatten().any(|present| present.len() != edit.rows.len()) {
        return Err(TableError::BadRows { reason: "a presence mask has not one bit a row".to_owned() });
    }
    Ok(())
}
