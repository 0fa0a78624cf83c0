//! Rows on their way into and out of a table.

use arrow::array::{Array, ArrayRef, BinaryArray, StructArray, new_null_array};
use arrow::buffer::BooleanBuffer;

use crate::error::{Result, TableError};
use crate::row_hash;
use crate::schema::{GroupSchema, TableSchema};

/// Rows in the order of their keys; groups are aligned with the schema's.
#[derive(Clone, Debug)]
pub struct RowBatch {
    /// The keys: ascending, unique, not null.
    pub keys: BinaryArray,
    /// The rows of each group; `None` where a group is not there or was not asked for.
    pub groups: Vec<Option<StructArray>>,
}

impl RowBatch {
    /// How many rows.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// A part of the rows; zero-copy.
    pub fn slice(&self, offset: usize, length: usize) -> RowBatch {
        RowBatch {
            keys: self.keys.slice(offset, length),
            groups: self.groups.iter().map(|g| g.as_ref().map(|g| g.slice(offset, length))).collect(),
        }
    }

    /// Checks types, lengths and that keys are there; not their order.
    pub(crate) fn check(&self, schema: &TableSchema) -> Result<()> {
        let bad = |reason: String| Err(TableError::BadRows { reason });
        if self.groups.len() != schema.groups.len() {
            return bad(format!("{} groups given, the table has {}", self.groups.len(), schema.groups.len()));
        }
        if self.keys.null_count() > 0 {
            return bad("a key is null".to_owned());
        }
        for (rows, group) in self.groups.iter().zip(&schema.groups) {
            let Some(rows) = rows else { continue };
            if rows.len() != self.len() {
                return bad(format!("group `{}` has {} rows for {} keys", group.name, rows.len(), self.len()));
            }
            let fits = rows.fields().len() == group.fields.len()
                && rows.fields().iter().zip(&group.fields).all(|(given, own)| {
                    given.name() == own.name() && given.data_type().equals_datatype(own.data_type())
                });
            if !fits {
                return bad(format!("group `{}` has other columns than the table's", group.name));
            }
        }
        Ok(())
    }
}

/// What an edit does with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Put the whole row, whatever was there; groups not given become null.
    Put,
    /// Put the groups given, leave the others as they are; a row that is not there is made.
    Patch,
    /// Remove the row; one that is not there is no error.
    Delete,
}

/// A batch of changes, in ascending order of unique keys.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The rows' keys and new values. Values of deleted rows are ignored.
    pub rows: RowBatch,
    /// What to do with each row.
    pub ops: Vec<Op>,
    /// For [`Op::Patch`]: which rows have the group; `None`: all of them, where the group is given.
    pub present: Vec<Option<BooleanBuffer>>,
}

impl Edit {
    /// Puts whole rows.
    pub fn put(rows: RowBatch) -> Edit {
        Edit::same(rows, Op::Put)
    }

    /// Patches the groups that `rows` has.
    pub fn patch(rows: RowBatch) -> Edit {
        Edit::same(rows, Op::Patch)
    }

    /// Deletes rows.
    pub fn delete(keys: BinaryArray, schema: &TableSchema) -> Edit {
        Edit::same(RowBatch { keys, groups: vec![None; schema.groups.len()] }, Op::Delete)
    }

    fn same(rows: RowBatch, op: Op) -> Edit {
        let (ops, present) = (vec![op; rows.len()], vec![None; rows.groups.len()]);
        Edit { rows, ops, present }
    }

    /// Whether the edit says something about a group of a row.
    pub(crate) fn has(&self, group: usize, row: usize) -> bool {
        self.rows.groups[group].is_some()
            && self.present.get(group).and_then(Option::as_ref).is_none_or(|present| present.value(row))
    }
}

/// A struct array of nulls: what a row has of a group that it has not.
pub(crate) fn null_group(group: &GroupSchema, rows: usize) -> Result<StructArray> {
    let columns: Vec<ArrayRef> = group.fields.iter().map(|f| new_null_array(f.data_type(), rows)).collect();
    if columns.is_empty() {
        return Ok(StructArray::new_empty_fields(rows, None));
    }
    Ok(StructArray::try_new(group.fields.clone(), columns, None)?)
}

/// Whether keys are ascending and unique, from one that came before.
pub(crate) fn check_order<'a>(keys: &'a BinaryArray, mut last: Option<&'a [u8]>) -> Result<()> {
    for key in keys.iter().flatten() {
        if last.is_some_and(|last| last >= key) {
            return Err(TableError::Unsorted { key: String::from_utf8_lossy(key).into_owned() });
        }
        last = Some(key);
    }
    Ok(())
}

/// Keys from anything that has bytes.
pub(crate) fn keys_of<'a>(keys: impl IntoIterator<Item = &'a [u8]>) -> BinaryArray {
    BinaryArray::from_iter_values(keys)
}

/// The share of each row's key in the multiset hash.
pub(crate) fn key_hashes(keys: &BinaryArray) -> Result<Vec<u128>> {
    row_hash::row_hashes("", keys, &StructArray::new_empty_fields(keys.len(), None))
}

/// The share of each row's group in the multiset hash; 0 where the whole group is null, so that a
/// group that is not there and one of nulls are the same.
pub(crate) fn group_hashes(group: &str, keys: &BinaryArray, rows: &StructArray) -> Result<Vec<u128>> {
    let mut hashes = row_hash::row_hashes(group, keys, rows)?;
    if rows.columns().iter().any(|column| column.logical_null_count() == 0) {
        return Ok(hashes);
    }
    let nulls: Vec<_> = rows.columns().iter().filter_map(|column| column.logical_nulls()).collect();
    for (row, hash) in hashes.iter_mut().enumerate() {
        if nulls.iter().all(|nulls| nulls.is_null(row)) {
            *hash = 0;
        }
    }
    Ok(hashes)
}
