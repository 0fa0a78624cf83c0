//! Samples by a value: rows (value, path) in the order of the values.
//!
//! A key begins with the value in a form whose bytes sort as the values do: numbers before texts; of numbers the bits of the
//! floating-point number with the sign turned, of texts their UTF-8, ended by a zero byte (a zero within is written as 0x00
//! 0xFF, so that nothing sorts between).

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, BinaryArray, BooleanArray, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use std::sync::Arc;
use tamis_table::{Columns, Edit, GroupSchema, Op, RowBatch, ScanOptions, Table, TableSchema};

use crate::error::{IndexError, Result};

/// A value of a sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// A number; whole numbers beyond 2⁵³ share a key with their neighbours.
    Number(f64),
    /// A text.
    Text(String),
}

/// A value that changed.
#[derive(Clone, Debug)]
pub struct ChangedValue<'a> {
    /// The sample's path.
    pub path: &'a str,
    /// The value before.
    pub old: Option<Key>,
    /// The value now.
    pub new: Option<Key>,
}

const NUMBER: u8 = 1;
const TEXT: u8 = 2;

impl Key {
    /// The bytes that sort as values do.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Key::Number(number) => {
                let number = if *number == 0.0 { 0.0 } else { *number };
                let bits = number.to_bits();
                let bits = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
                let mut out = vec![NUMBER];
                out.extend(bits.to_be_bytes());
                out
            }
            Key::Text(text) => {
                let mut out = vec![TEXT];
                for byte in text.bytes() {
                    out.push(byte);
                    if byte == 0 {
                        out.push(0xff);
                    }
                }
                out.push(0);
                out
            }
        }
    }

    /// Where the value ends in a key.
    fn end(key: &[u8]) -> Option<usize> {
        match *key.first()? {
            NUMBER => (key.len() >= 9).then_some(9),
            TEXT => {
                let mut at = 1;
                loop {
                    at += key.get(at..)?.iter().position(|byte| *byte == 0)?;
                    // Paths have no byte 0xFF: they are UTF-8.
                    if key.get(at + 1) != Some(&0xff) {
                        return Some(at + 1);
                    }
                    at += 2;
                }
            }
            _ => None,
        }
    }
}

fn fields() -> Fields {
    vec![Field::new("there", DataType::Boolean, true)].into()
}

/// The schema of the table of an index of values.
pub fn schema() -> TableSchema {
    TableSchema { groups: vec![GroupSchema::new("value", fields())] }
}

/// The edit of the index's table that follows from changes of values. O(changes).
///
/// # Errors
/// Where rows cannot be put together, which is a bug.
pub fn edit(changes: &[ChangedValue<'_>]) -> Result<Edit> {
    let mut steps: BTreeMap<Vec<u8>, bool> = BTreeMap::new();
    let key = |value: &Key, path: &str| {
        let mut key = value.encode();
        key.extend(path.as_bytes());
        key
    };
    steps.extend(changes.iter().filter_map(|change| Some((key(change.old.as_ref()?, change.path), false))));
    steps.extend(changes.iter().filter_map(|change| Some((key(change.new.as_ref()?, change.path), true))));
    let there: BooleanArray = steps.values().map(|there| Some(*there)).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(there)];
    let rows = StructArray::try_new(fields(), columns, None)?;
    let ops = steps.values().map(|there| if *there { Op::Put } else { Op::Delete }).collect();
    let rows = RowBatch { keys: BinaryArray::from_iter_values(steps.keys()), groups: vec![Some(rows)] };
    Ok(Edit { rows, ops, present: vec![None] })
}

/// The paths of samples with a value from `low` to `high` (both in it), in the order of their values; at most `most`.
/// O(found).
///
/// # Errors
/// Where the table cannot be read.
pub fn search(table: &Table, low: &Key, high: &Key, most: usize) -> Result<Vec<String>> {
    let mut end = high.encode();
    end.push(0xff);
    let options = ScanOptions::new(Columns::none(table.schema())).range(Some(low.encode()), Some(end));
    let mut paths = Vec::new();
    for batch in table.scan(options)? {
        for key in batch?.keys.iter().flatten() {
            if paths.len() == most {
                return Ok(paths);
            }
            let wrong = || IndexError::Corrupt { what: "values", reason: "a key has no value" };
            let cut = Key::end(key).ok_or_else(wrong)?;
            paths.push(String::from_utf8_lossy(&key[cut..]).into_owned());
        }
    }
    Ok(paths)
}
