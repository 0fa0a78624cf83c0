//! Three-way merge of versions: rows, then groups, then fields, then elements of keyed lists.
//!
//! What only one side changed is taken; what both changed alike is taken once; the rest is a
//! [`Conflict`], and our side's value stays until somebody decides. Never a silent choice.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, ListArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, FieldRef, Fields};
use tamis_store::Writer;

use super::delta::{DeltaGroup, DeltaRows};
use super::diff::DiffBatch;
use super::edit::EditOptions;
use super::{Edited, Table};
use crate::error::{Result, TableError};
use crate::leaf::RowOp;
use crate::row_hash::Rows;
use crate::rows::{Edit, Op, RowBatch, keys_of, null_group};

/// Something that both sides changed, and differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The row.
    pub key: Vec<u8>,
    /// The group; `None`: one side removed the row and the other changed it.
    pub group: Option<String>,
    /// The field of the group.
    pub field: Option<String>,
    /// The element of a keyed list, by the text of its id.
    pub element: Option<String>,
}

/// The outcome of a merge.
#[derive(Clone, Debug)]
pub struct Merged {
    /// Our version with their changes.
    pub edited: Edited,
    /// What could not be merged; our values stand in the table.
    pub conflicts: Vec<Conflict>,
}

/// Which side a value is taken from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
    /// A merged list, by its position among them.
    Joined(usize),
}

impl Table {
    /// Merges `theirs` into `ours`; both come from `base`. All three have the schema of `ours`,
    /// or an earlier form of it. O(changes of both sides).
    pub fn merge(writer: &Writer, base: &Table, ours: &Table, theirs: &Table, options: &EditOptions) -> Result<Merged> {
        let unchanged = || Edited { table: ours.clone(), change: None, added: 0, changed: 0, removed: 0 };
        let theirs = theirs.evolve(writer, ours.schema().clone())?;
        let base = base.evolve(writer, ours.schema().clone())?;
        let their = base.delta_to(&theirs)?;
        if their.len() == 0 {
            return Ok(Merged { edited: unchanged(), conflicts: Vec::new() });
        }
        let common = common(&their.keys, &base.keys_to(ours)?);
        let both = match common.is_empty() {
            true => None,
            false => base.diff_keys(&theirs, &common)?.zip(base.diff_keys(ours, &common)?),
        };
        let mut merge = Merge { ours, conflicts: Vec::new() };
        let edit = merge.edit(&their, both.as_ref())?;
        let conflicts = merge.conflicts;
        let edited = if edit.rows.is_empty() { unchanged() } else { ours.edit(writer, &edit, options)? };
        Ok(Merged { edited, conflicts })
    }
}

/// The keys that stand in both of two ascending lists. O(keys).
fn common(a: &BinaryArray, b: &BinaryArray) -> BinaryArray {
    let (mut keys, mut at) = (Vec::new(), 0);
    for key in a.iter().flatten() {
        while at < b.len() && b.value(at) < key {
            at += 1;
        }
        if at < b.len() && b.value(at) == key {
            keys.push(key);
        }
    }
    keys_of(keys)
}

struct Merge<'a> {
    ours: &'a Table,
    conflicts: Vec<Conflict>,
}

/// The rows that both sides changed, merged.
struct Joined {
    /// What to do with the rows; `None`: nothing.
    ops: Vec<Option<Op>>,
    values: RowBatch,
    /// By group and row, whether the row is given a value.
    present: Vec<Vec<bool>>,
}

impl Merge<'_> {
    /// The changes to our side: theirs, and of rows that both changed what became of them.
    fn edit(&mut self, their: &DeltaRows, both: Option<&(DiffBatch, DiffBatch)>) -> Result<Edit> {
        let joined = both.map(|(theirs, ours)| self.join(theirs, ours)).transpose()?;
        let mut places: Vec<(usize, Option<usize>)> = Vec::with_capacity(their.len());
        let mut ops = Vec::with_capacity(their.len());
        let mut next = 0;
        for row in 0..their.len() {
            let key = their.keys.value(row);
            if let Some(joined) = joined.as_ref().filter(|j| next < j.ops.len() && j.values.keys.value(next) == key) {
                if let Some(op) = joined.ops[next] {
                    places.push((row, Some(next)));
                    ops.push(op);
                }
                next += 1;
                continue;
            }
            places.push((row, None));
            ops.push(match their.ops[row] {
                RowOp::Delete => Op::Delete,
                RowOp::Replace => Op::Put,
                RowOp::Insert | RowOp::Patch => Op::Patch,
            });
        }
        let (mut groups, mut present) = (Vec::new(), Vec::new());
        for (at, group) in self.ours.schema().groups.iter().enumerate() {
            let own = their.groups.get(at).and_then(Option::as_ref);
            let ranks = own.map(DeltaGroup::ranks).unwrap_or_default();
            let (null, none) = (null_group(group, 1)?, null_group(group, 0)?);
            let merged = joined.as_ref().and_then(|joined| joined.values.groups[at].as_ref());
            let pick = |&(row, shared): &(usize, Option<usize>)| match (shared, &joined) {
                (Some(shared), Some(joined)) => joined.present[at][shared].then_some((1, shared)),
                _ => ranks.get(row).copied().flatten().map(|rank| (0, rank)),
            };
            let picks: Vec<Option<(usize, usize)>> = places.iter().map(pick).collect();
            if picks.iter().all(Option::is_none) {
                groups.push(None);
                present.push(None);
                continue;
            }
            present.push(Some(picks.iter().map(Option::is_some).collect()));
            let picks: Vec<(usize, usize)> = picks.into_iter().map(|pick| pick.unwrap_or((2, 0))).collect();
            let sources: [&dyn Array; 3] = [own.map_or(&none, |own| &own.rows), merged.unwrap_or(&none), &null];
            groups.push(Some(arrow::compute::interleave(&sources, &picks)?.as_struct().clone()));
        }
        let keys = keys_of(places.iter().map(|(row, _)| their.keys.value(*row)));
        Ok(Edit { rows: RowBatch { keys, groups }, ops, present })
    }

    /// Merges the rows that both sides changed; both batches are of these rows.
    fn join(&mut self, their: &DiffBatch, our: &DiffBatch) -> Result<Joined> {
        if their.keys != our.keys {
            return Err(TableError::Internal("a change names a row that it did not change"));
        }
        let groups = self.ours.schema().groups.len();
        let mut present = vec![vec![false; their.len()]; groups];
        let mut changed: Vec<usize> = Vec::new();
        let mut ops = Vec::with_capacity(their.len());
        for row in 0..their.len() {
            ops.push(match (their.is[row], our.is[row]) {
                (false, false) => None,
                (true, true) => {
                    changed.push(row);
                    Some(Op::Patch)
                }
                (false, true) | (true, false) => {
                    let key = their.keys.value(row).to_vec();
                    self.conflicts.push(Conflict { key, group: None, field: None, element: None });
                    None
                }
            });
        }
        let mut values = their.new.clone();
        for (at, present) in present.iter_mut().enumerate() {
            self.join_group(at, [their, our], &changed, &mut values, present)?;
        }
        Ok(Joined { ops, values, present })
    }

    /// Merges one group of the rows that both sides changed.
    fn join_group(
        &mut self,
        at: usize,
        [their, our]: [&DiffBatch; 2],
        both: &[usize],
        values: &mut RowBatch,
        present: &mut [bool],
    ) -> Result<()> {
        let (Some(base), Some(theirs), Some(ours)) =
            (&their.old.groups[at], &their.new.groups[at], &our.new.groups[at])
        else {
            return Ok(());
        };
        let mut clashing: Vec<usize> = Vec::new();
        for &row in both {
            present[row] = their.changed[at][row];
            if their.changed[at][row] && our.changed[at][row] {
                clashing.push(row);
            }
        }
        if clashing.is_empty() {
            return Ok(());
        }
        let group = self.ours.schema().groups[at].clone();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(group.fields.len());
        for (column, field) in group.fields.iter().enumerate() {
            let arrays = [base.column(column), ours.column(column), theirs.column(column)];
            let rows = [single(field, arrays[0])?, single(field, arrays[1])?, single(field, arrays[2])?];
            let views = [Rows::new(&rows[0])?, Rows::new(&rows[1])?, Rows::new(&rows[2])?];
            let mut sides: Vec<Side> = vec![Side::Theirs; their.len()];
            let mut joined: Vec<ArrayRef> = Vec::new();
            for &row in &clashing {
                let (is_mine, is_theirs) = (!views[1].equal(row, &views[0], row), !views[2].equal(row, &views[0], row));
                sides[row] = match (is_mine, is_theirs) {
                    (_, false) => Side::Ours,
                    (false, true) => Side::Theirs,
                    (true, true) if views[1].equal(row, &views[2], row) => Side::Ours,
                    (true, true) => {
                        let mut conflict = Conflict {
                            key: their.keys.value(row).to_vec(),
                            group: Some(group.name.clone()),
                            field: Some(field.name().clone()),
                            element: None,
                        };
                        match keyed_lists(field, arrays.map(|array| (array, row))) {
                            Some(lists) => {
                                let (list, clashes) = join_lists(&lists)?;
                                for element in clashes {
                                    conflict.element = Some(element);
                                    self.conflicts.push(conflict.clone());
                                }
                                joined.push(list);
                                Side::Joined(joined.len() - 1)
                            }
                            None => {
                                self.conflicts.push(conflict);
                                Side::Ours
                            }
                        }
                    }
                };
            }
            columns.push(assemble(arrays[2], arrays[1], &joined, &sides)?);
        }
        values.groups[at] = Some(StructArray::try_new(group.fields.clone(), columns, None)?);
        Ok(())
    }
}

/// A column with some rows from our side and some merged lists.
fn assemble(theirs: &ArrayRef, ours: &ArrayRef, joined: &[ArrayRef], sides: &[Side]) -> Result<ArrayRef> {
    let mut sources: Vec<&dyn Array> = vec![theirs, ours];
    sources.extend(joined.iter().map(|list| list as &dyn Array));
    let pick = |(row, side): (usize, &Side)| match side {
        Side::Theirs => (0, row),
        Side::Ours => (1, row),
        Side::Joined(at) => (2 + at, 0),
    };
    let picks: Vec<(usize, usize)> = sides.iter().enumerate().map(pick).collect();
    Ok(arrow::compute::interleave(&sources, &picks)?)
}

/// One column as a struct, for comparing values.
fn single(field: &FieldRef, column: &ArrayRef) -> Result<StructArray> {
    Ok(StructArray::try_new(Fields::from(vec![field.clone()]), vec![column.clone()], None)?)
}

/// One list of a keyed column on one side.
struct Keyed {
    items: StructArray,
    ids: ArrayRef,
    item: FieldRef,
}

/// The three lists of a row, where the field is a keyed list and all of them are there. A list
/// that is null counts as changed as a whole, unless it is the base's.
fn keyed_lists(field: &FieldRef, at: [(&ArrayRef, usize); 3]) -> Option<[Keyed; 3]> {
    let id = field.metadata().get("tamis.merge")?.strip_prefix("keyed:")?;
    let DataType::List(item) = field.data_type() else { return None };
    let keyed = |(column, row): (&ArrayRef, usize), may_be_null: bool| {
        let lists = column.as_list_opt::<i32>()?;
        if lists.is_null(row) && !may_be_null {
            return None;
        }
        let items = lists.value(row);
        let items = items.as_struct_opt()?.clone();
        let ids = items.column_by_name(id)?.clone();
        Some(Keyed { items, ids, item: item.clone() })
    };
    Some([keyed(at[0], true)?, keyed(at[1], false)?, keyed(at[2], false)?])
}

/// Merges three keyed lists by their elements' ids; the outcome is ordered by id. Elements that
/// both sides changed differently stay as ours and are named.
fn join_lists(lists: &[Keyed; 3]) -> Result<(ArrayRef, Vec<String>)> {
    let by_id = lists.each_ref().map(positions);
    let by_id = [by_id[0].clone()?, by_id[1].clone()?, by_id[2].clone()?];
    let views = [Rows::new(&lists[0].items)?, Rows::new(&lists[1].items)?, Rows::new(&lists[2].items)?];
    let mut ids: BTreeMap<(usize, &str), ()> = BTreeMap::new();
    for map in &by_id {
        ids.extend(map.keys().map(|id| ((id.len(), id.as_str()), ())));
    }
    let (mut picks, mut clashes) = (Vec::new(), Vec::new());
    for (_, id) in ids.into_keys() {
        let [base, ours, theirs] = [by_id[0].get(id).copied(), by_id[1].get(id).copied(), by_id[2].get(id).copied()];
        let same = |a: Option<usize>, x: usize, b: Option<usize>, y: usize| match (a, b) {
            (Some(a), Some(b)) => views[x].equal(a, &views[y], b),
            (a, b) => a == b,
        };
        let pick = if same(ours, 1, theirs, 2) || same(theirs, 2, base, 0) {
            ours.map(|at| (1, at))
        } else if same(ours, 1, base, 0) {
            theirs.map(|at| (2, at))
        } else {
            clashes.push(id.to_owned());
            ours.map(|at| (1, at))
        };
        picks.extend(pick);
    }
    let sources: Vec<&dyn Array> = lists.iter().map(|list| &list.items as &dyn Array).collect();
    let items = arrow::compute::interleave(&sources, &picks)?;
    let list = ListArray::try_new(lists[0].item.clone(), OffsetBuffer::from_lengths([picks.len()]), items, None)?;
    Ok((std::sync::Arc::new(list), clashes))
}

/// The elements of a list by the text of their ids.
fn positions(list: &Keyed) -> std::result::Result<HashMap<String, usize>, PositionError> {
    let texts = arrow::compute::cast(&list.ids, &DataType::Utf8).map_err(|_| PositionError)?;
    Ok(texts.as_string::<i32>().iter().enumerate().map(|(at, id)| (id.unwrap_or_default().to_owned(), at)).collect())
}

/// The ids of a keyed list have a type without a text form.
#[derive(Clone, Copy, Debug)]
struct PositionError;

impl From<PositionError> for TableError {
    fn from(_: PositionError) -> TableError {
        TableError::Unsupported { what: "ids of a keyed list that are neither numbers nor text" }
    }
}
