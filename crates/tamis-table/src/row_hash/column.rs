//! One column with its type known, so that a row is written without looking types up again.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowNativeType, DataType, Field};
use xxhash_rust::xxh3::xxh3_64;

use crate::error::TableError;
use crate::page::{Physical, physical, put_varint};

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INTEGER: u8 = 3;
const F32: u8 = 4;
const F64: u8 = 5;
const UTF8: u8 = 6;
const BINARY: u8 = 7;
const LIST: u8 = 8;
const MAP: u8 = 9;
const STRUCT: u8 = 10;

#[derive(Debug)]
pub(super) struct Column<'a> {
    nulls: Option<NullBuffer>,
    cells: Cells<'a>,
}

#[derive(Debug)]
enum Cells<'a> {
    Null,
    Bool(&'a BooleanArray),
    I8(ScalarBuffer<i8>),
    I16(ScalarBuffer<i16>),
    I32(ScalarBuffer<i32>),
    I64(ScalarBuffer<i64>),
    U8(ScalarBuffer<u8>),
    U16(ScalarBuffer<u16>),
    U32(ScalarBuffer<u32>),
    F32(ScalarBuffer<f32>),
    F64(ScalarBuffer<f64>),
    Bytes {
        tag: u8,
        values: Texts<'a>,
    },
    List {
        tag: u8,
        offsets: Offsets<'a>,
        items: Box<Column<'a>>,
    },
    Entries(Box<Column<'a>>, Box<Column<'a>>),
    /// Fields by tag; the tag that stands in the bytes.
    Struct(Vec<(u32, Column<'a>)>),
}

#[derive(Debug)]
enum Texts<'a> {
    Small(&'a [i32], &'a [u8]),
    Large(&'a [i64], &'a [u8]),
    Fixed(&'a arrow::array::FixedSizeBinaryArray),
    Coded(Vec<usize>, Box<Texts<'a>>),
}

#[derive(Debug)]
enum Offsets<'a> {
    Small(&'a [i32]),
    Large(&'a [i64]),
    Fixed(usize),
}

/// What names a field in canonical bytes; never 0, which ends a struct.
fn field_tag(field: &Field) -> u32 {
    (xxh3_64(field.name().as_bytes()) as u32).max(1)
}

fn numbers<T: ArrowNativeType>(array: &dyn Array) -> ScalarBuffer<T> {
    let data = array.to_data();
    match data.buffers().first() {
        Some(buffer) => ScalarBuffer::new(buffer.clone(), data.offset(), data.len()),
        None => ScalarBuffer::from(Vec::new()),
    }
}

impl<'a> Texts<'a> {
    fn new(array: &'a dyn Array) -> Result<Texts<'a>, TableError> {
        Ok(match array.data_type() {
            DataType::Utf8 => {
                let a = array.as_string::<i32>();
                Texts::Small(a.value_offsets(), a.value_data())
            }
            DataType::LargeUtf8 => {
                let a = array.as_string::<i64>();
                Texts::Large(a.value_offsets(), a.value_data())
            }
            DataType::Binary => {
                let a = array.as_binary::<i32>();
                Texts::Small(a.value_offsets(), a.value_data())
            }
            DataType::LargeBinary => {
                let a = array.as_binary::<i64>();
                Texts::Large(a.value_offsets(), a.value_data())
            }
            DataType::FixedSizeBinary(_) => Texts::Fixed(array.as_fixed_size_binary()),
            DataType::Dictionary(_, _) => {
                let dictionary = array.as_any_dictionary();
                let keys = if dictionary.values().is_empty() { Vec::new() } else { dictionary.normalized_keys() };
                Texts::Coded(keys, Box::new(Texts::new(dictionary.values().as_ref())?))
            }
            _ => return Err(TableError::Unsupported { what: "column type" }),
        })
    }

    #[inline]
    fn value(&self, i: usize) -> &[u8] {
        match self {
            Texts::Small(offsets, bytes) => &bytes[offsets[i] as usize..offsets[i + 1] as usize],
            Texts::Large(offsets, bytes) => &bytes[offsets[i] as usize..offsets[i + 1] as usize],
            Texts::Fixed(array) => array.value(i),
            Texts::Coded(keys, values) => values.value(keys[i]),
        }
    }
}

impl<'a> Column<'a> {
    pub(super) fn new(array: &'a dyn Array) -> Result<Column<'a>, TableError> {
        let nulls = array.logical_nulls().filter(|n| n.null_count() > 0);
        let item = |items: &'a ArrayRef| Column::new(items.as_ref()).map(Box::new);
        let cells = match physical(array.data_type())? {
            Physical::Null => Cells::Null,
            Physical::Bool => Cells::Bool(array.as_boolean()),
            Physical::Int { bytes: 1, signed: true } => Cells::I8(numbers(array)),
            Physical::Int { bytes: 2, signed: true } => Cells::I16(numbers(array)),
            Physical::Int { bytes: 4, signed: true } => Cells::I32(numbers(array)),
            Physical::Int { bytes: 1, signed: false } => Cells::U8(numbers(array)),
            Physical::Int { bytes: 2, signed: false } => Cells::U16(numbers(array)),
            Physical::Int { bytes: 4, signed: false } => Cells::U32(numbers(array)),
            // Sign or zero makes no difference any more at 64 bits.
            Physical::Int { .. } => Cells::I64(numbers(array)),
            Physical::F32 => Cells::F32(numbers(array)),
            Physical::F64 => Cells::F64(numbers(array)),
            Physical::Bytes { utf8: true, .. } | Physical::Dictionary { utf8: true } => {
                Cells::Bytes { tag: UTF8, values: Texts::new(array)? }
            }
            Physical::Bytes { .. } | Physical::Dictionary { .. } | Physical::FixedBytes { .. } => {
                Cells::Bytes { tag: BINARY, values: Texts::new(array)? }
            }
            Physical::List { large: false } => {
                let list = array.as_list::<i32>();
                Cells::List { tag: LIST, offsets: Offsets::Small(list.value_offsets()), items: item(list.values())? }
            }
            Physical::List { large: true } => {
                let list = array.as_list::<i64>();
                Cells::List { tag: LIST, offsets: Offsets::Large(list.value_offsets()), items: item(list.values())? }
            }
            Physical::FixedList { size } => {
                let list = array.as_fixed_size_list();
                Cells::List { tag: LIST, offsets: Offsets::Fixed(size), items: item(list.values())? }
            }
            Physical::Map => {
                let map = array.as_map();
                let (keys, values) = (Column::new(map.keys().as_ref())?, Column::new(map.values().as_ref())?);
                let entries = Column { nulls: None, cells: Cells::Entries(Box::new(keys), Box::new(values)) };
                Cells::List { tag: MAP, offsets: Offsets::Small(map.value_offsets()), items: Box::new(entries) }
            }
            Physical::Struct => Cells::Struct(fields(array)?),
        };
        Ok(Column { nulls, cells })
    }

    #[inline]
    fn is_null(&self, i: usize) -> bool {
        self.nulls.as_ref().is_some_and(|n| n.is_null(i)) || matches!(self.cells, Cells::Null)
    }

    /// Appends the canonical bytes of value `i`.
    pub(super) fn write(&self, i: usize, out: &mut Vec<u8>) {
        if self.is_null(i) { out.push(NULL) } else { self.write_valid(i, out) }
    }

    #[inline]
    fn write_valid(&self, i: usize, out: &mut Vec<u8>) {
        let mut eight = |tag: u8, v: u64| {
            let mut bytes = [0u8; 9];
            bytes[0] = tag;
            bytes[1..].copy_from_slice(&v.to_le_bytes());
            out.extend_from_slice(&bytes);
        };
        match &self.cells {
            Cells::Null => out.push(NULL),
            Cells::Bool(array) => out.push(if array.value(i) { TRUE } else { FALSE }),
            Cells::I8(v) => eight(INTEGER, v[i] as u64),
            Cells::I16(v) => eight(INTEGER, v[i] as u64),
            Cells::I32(v) => eight(INTEGER, v[i] as u64),
            Cells::I64(v) => eight(INTEGER, v[i] as u64),
            Cells::U8(v) => eight(INTEGER, u64::from(v[i])),
            Cells::U16(v) => eight(INTEGER, u64::from(v[i])),
            Cells::U32(v) => eight(INTEGER, u64::from(v[i])),
            Cells::F64(v) => eight(F64, v[i].to_bits()),
            Cells::F32(v) => {
                out.push(F32);
                out.extend_from_slice(&v[i].to_bits().to_le_bytes());
            }
            Cells::Bytes { tag, values } => {
                let value = values.value(i);
                out.push(*tag);
                put_varint(out, value.len() as u64);
                out.extend_from_slice(value);
            }
            Cells::List { tag, offsets, items } => {
                let range = match offsets {
                    Offsets::Small(o) => o[i] as usize..o[i + 1] as usize,
                    Offsets::Large(o) => o[i] as usize..o[i + 1] as usize,
                    Offsets::Fixed(n) => i * n..(i + 1) * n,
                };
                out.push(*tag);
                put_varint(out, range.len() as u64);
                range.for_each(|k| items.write(k, out));
            }
            Cells::Entries(keys, values) => {
                keys.write(i, out);
                values.write(i, out);
            }
            Cells::Struct(fields) => {
                out.push(STRUCT);
                for (tag, column) in fields {
                    if !column.is_null(i) {
                        out.extend_from_slice(&tag.to_le_bytes());
                        column.write_valid(i, out);
                    }
                }
                out.extend_from_slice(&[0; 4]);
            }
        }
    }
}

fn fields(array: &dyn Array) -> Result<Vec<(u32, Column<'_>)>, TableError> {
    let array = array.as_struct();
    let mut order: Vec<usize> = (0..array.num_columns()).collect();
    order.sort_by_key(|&k| (field_tag(&array.fields()[k]), array.fields()[k].name()));
    order.into_iter().map(|k| Ok((field_tag(&array.fields()[k]), Column::new(array.column(k).as_ref())?))).collect()
}
