//! The canonical bytes of a row and their hash: what makes two rows equal whatever page, slice,
//! dictionary or schema version they come from (docs/spec/page.md §6, docs/adr/0023).
//!
//! Hashes of rows are summed modulo 2^128 to a hash of a set of rows, which grows and shrinks with
//! edits. It recognises equal contents; it is not proof against somebody who makes rows to collide.

mod column;

#[cfg(test)]
mod tests;

use arrow::array::{Array, BinaryArray, StructArray};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::error::TableError;
use crate::page::put_varint;
use column::Column;

/// `tamis-ro` in ASCII.
const SEED: u64 = 0x7461_6d69_732d_726f;

/// Rows of one column group, ready to be hashed and compared. Making it is O(fields), not O(rows).
#[derive(Debug)]
pub struct Rows<'a> {
    root: Column<'a>,
}

impl<'a> Rows<'a> {
    /// Prepares the rows of a group. Fails for column types that pages do not hold.
    pub fn new(rows: &'a StructArray) -> Result<Rows<'a>, TableError> {
        Ok(Rows { root: Column::new(rows)? })
    }

    /// Appends the canonical bytes of row `i`. Panics where there is no such row.
    pub fn write(&self, i: usize, out: &mut Vec<u8>) {
        self.root.write(i, out);
    }

    /// Whether row `i` equals row `j` of `other`: same canonical bytes, so that a null field equals
    /// one that the other schema does not have. Panics where there is no such row.
    pub fn equal(&self, i: usize, other: &Rows<'_>, j: usize) -> bool {
        let (mut a, mut b) = (Vec::with_capacity(256), Vec::with_capacity(256));
        self.write(i, &mut a);
        other.write(j, &mut b);
        a == b
    }
}

/// The hash of every row: of the group's name, the row's key and its value. O(bytes).
///
/// Fails where there are not as many keys as rows, and for column types that pages do not hold.
pub fn row_hashes(group: &str, keys: &BinaryArray, rows: &StructArray) -> Result<Vec<u128>, TableError> {
    if keys.len() != rows.len() {
        return Err(TableError::Internal("keys and rows differ in number"));
    }
    let view = Rows::new(rows)?;
    let mut bytes = Vec::with_capacity(1024);
    put_varint(&mut bytes, group.len() as u64);
    bytes.extend_from_slice(group.as_bytes());
    let head = bytes.len();
    let hash = |i: usize| {
        bytes.truncate(head);
        let key = keys.value(i);
        put_varint(&mut bytes, key.len() as u64);
        bytes.extend_from_slice(key);
        view.write(i, &mut bytes);
        xxh3_128_with_seed(&bytes, SEED)
    };
    Ok((0..rows.len()).map(hash).collect())
}

/// Whether row `i` of `a` equals row `j` of `b`, as [`Rows::equal`]. For many rows, make [`Rows`] once.
pub fn rows_equal(a: &StructArray, i: usize, b: &StructArray, j: usize) -> Result<bool, TableError> {
    Ok(Rows::new(a)?.equal(i, &Rows::new(b)?, j))
}
