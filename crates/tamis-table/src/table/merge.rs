//! Three-way merge of versions: rows, then groups, then fields, then elements of keyed lists.
//!
//! What only one side changed is taken; what both changed alike is taken once; the rest is a
//! [`Conflict`], and our side's value stays until somebody decides. Never a silent choice.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, FieldRef, Fields};
use tamis_store::Writer;

use super::diff::{DiffBatch, collect, filter};
use super::edit::EditOptions;
use super::{Edited, Table};
use crate::error::{Result, TableError};
use crate::row_hash::Rows;
use crate::rows::{Edit, Op, RowBatch};

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
        let Some(their_changes) = collect(base.diff(&theirs)?)? else {
            return Ok(Merged { edited: unchanged(), conflicts: Vec::new() });
        };
        let our_changes = collect(base.diff(ours)?)?;
        let mut merge = Merge { ours, their: &their_changes, our: our_changes.as_ref(), conflicts: Vec::new() };
        let edit = merge.edit()?;
        let conflicts = merge.conflicts;
        let edited = if edit.rows.is_empty() { unchanged() } else { ours.edit(writer, &edit, options)? };
        Ok(Merged { edited, conflicts })
    }
}

struct Merge<'a> {
    ours: &'a Table,
    their: &'a DiffBatch,
    our: Option<&'a DiffBatch>,
    conflicts: Vec<Conflict>,
}

impl Merge<'_> {
    /// The changes to our side.
    fn edit(&mut self) -> Result<Edit> {
        let their = self.their;
        let groups = self.ours.schema().groups.len();
        let mut ours_at: HashMap<&[u8], usize> = HashMap::new();
        if let Some(our) = self.our {
            ours_at.extend((0..our.len()).map(|row| (our.keys.value(row), row)));
        }
        let mut keep = vec![true; their.len()];
        let mut ops = Vec::with_capacity(their.len());
        let mut present = vec![vec![false; their.len()]; groups];
        // Rows that both sides changed: theirs, ours.
        let mut both: Vec<(usize, usize)> = Vec::new();
        for row in 0..their.len() {
            let mine = ours_at.get(their.keys.value(row)).copied();
            let mine_is = mine.zip(self.our).map(|(mine, our)| our.is[mine]);
            let op = match (their.is[row], mine_is) {
                (false, None) => Some(Op::Delete),
                (false, Some(false)) => None,
                (true, None) => {
                    (0..groups).for_each(|at| present[at][row] = their.changed[at][row]);
                    Some(Op::Patch)
                }
                (true, Some(true)) => {
                    both.extend(mine.map(|mine| (row, mine)));
                    Some(Op::Patch)
                }
                (false, Some(true)) | (true, Some(false)) => {
                    let key = their.keys.value(row).to_vec();
                    self.conflicts.push(Conflict { key, group: None, field: None, element: None });
                    None
                }
            };
            keep[row] = op.is_some();
            ops.extend(op);
        }
        let mut values = their.new.clone();
        if let Some(our) = self.our.filter(|_| !both.is_empty()) {
            for at in 0..groups {
                self.join_group(at, our, &both, &mut values, &mut present[at])?;
            }
        }
        let mask = arrow::array::BooleanArray::from(keep.clone());
        let rows = filter(&values, &mask)?;
        let kept = |flags: &[bool]| flags.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(flag, _)| *flag).collect();
        Ok(Edit { rows, ops, present: present.iter().map(|flags| Some(kept(flags))).collect() })
    }

    /// Merges one group of the rows that both sides changed.
    fn join_group(
        &mut self,
        at: usize,
        our: &DiffBatch,
        both: &[(usize, usize)],
        values: &mut RowBatch,
        present: &mut [bool],
    ) -> Result<()> {
        let their = self.their;
        let (Some(base), Some(theirs), Some(ours)) =
            (&their.old.groups[at], &their.new.groups[at], &our.new.groups[at])
        else {
            return Ok(());
        };
        let mut clashing: Vec<(usize, usize)> = Vec::new();
        for &(row, mine) in both {
            present[row] = their.changed[at][row];
            if their.changed[at][row] && our.changed[at][mine] {
                clashing.push((row, mine));
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
            for &(row, mine) in &clashing {
                let (is_mine, is_theirs) =
                    (!views[1].equal(mine, &views[0], row), !views[2].equal(row, &views[0], row));
                sides[row] = match (is_mine, is_theirs) {
                    (_, false) => Side::Ours,
                    (false, true) => Side::Theirs,
                    (true, true) if views[1].equal(mine, &views[2], row) => Side::Ours,
                    (true, true) => {
                        let mut conflict = Conflict {
                            key: their.keys.value(row).to_vec(),
                            group: Some(group.name.clone()),
                            field: Some(field.name().clone()),
                            element: None,
                        };
                        match keyed_lists(field, [(arrays[0], row), (arrays[1], mine), (arrays[2], row)]) {
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
            let mine_of: HashMap<usize, usize> = clashing.iter().copied().collect();
            columns.push(assemble(arrays[2], arrays[1], &joined, &sides, &mine_of)?);
        }
        values.groups[at] = Some(StructArray::try_new(group.fields.clone(), columns, None)?);
        Ok(())
    }
}

/// A column with some rows from our side and some merged lists.
fn assemble(
    theirs: &ArrayRef,
    ours: &ArrayRef,
    joined: &[ArrayRef],
    sides: &[Side],
    mine_of: &HashMap<usize, usize>,
) -> Result<ArrayRef> {
    let mut sources: Vec<&dyn Array> = vec![theirs, ours];
    sources.extend(joined.iter().map(|list| list as &dyn Array));
    let pick = |(row, side): (usize, &Side)| match side {
        Side::Theirs => (0, row),
        Side::Ours => (1, mine_of.get(&row).copied().unwrap_or(0)),
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
