//! Rows of the tree as the columns that SQL shows.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, ListArray, StringArray, StringBuilder, StructArray,
    UInt32Array, UInt64Array, new_null_array,
};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Int64Type, UInt8Type};
use tamis_core::LabelType;
use tamis_repo::FieldKind;
use tamis_table::{RowBatch, TableSchema};

use super::column::{Part, Shown, Source};
use crate::error::{QueryError, Result};

/// Rows that were read, and which labels of them, where labels are shown.
pub(crate) struct Rows<'a> {
    pub(crate) schema: &'a TableSchema,
    pub(crate) batch: &'a RowBatch,
    pub(crate) labels: Option<Labels>,
}

/// The labels of some rows, one after another.
pub(crate) struct Labels {
    pub(crate) layer: String,
    /// Of each label, its row.
    pub(crate) rows: UInt32Array,
    /// The labels, with the parts that were read.
    pub(crate) items: StructArray,
}

fn wrong(what: &str) -> QueryError {
    QueryError::Internal { reason: format!("{what} has another type than its name says") }
}

impl Labels {
    /// The labels of a layer in some rows.
    pub(crate) fn of(schema: &TableSchema, batch: &RowBatch, layer: &str, group: &str) -> Result<Labels> {
        let lists = schema.position(group).and_then(|at| batch.groups.get(at)?.as_ref()?.columns().first().cloned());
        let lists = lists.ok_or_else(|| wrong("a layer"))?;
        let lists: &ListArray = lists.as_list_opt::<i32>().ok_or_else(|| wrong("a layer"))?;
        let items = lists.values().as_struct_opt().ok_or_else(|| wrong("a layer"))?;
        let offsets = lists.value_offsets();
        let mut rows: Vec<u32> = Vec::with_capacity(items.len());
        let mut is_dense = true;
        for row in 0..lists.len() {
            let count = offsets[row + 1] - offsets[row];
            if lists.is_null(row) {
                is_dense &= count == 0;
            } else {
                rows.extend(std::iter::repeat_n(row as u32, count.max(0) as usize));
            }
        }
        let items = if is_dense {
            let (first, last) = (offsets[0] as usize, offsets[lists.len()] as usize);
            items.slice(first, last - first)
        } else {
            let there = (0..lists.len()).filter(|row| lists.is_valid(*row));
            let at: Vec<u32> = there.flat_map(|row| offsets[row] as u32..offsets[row + 1] as u32).collect();
            take(items, &UInt32Array::from(at), None)?.as_struct().clone()
        };
        Ok(Labels { layer: layer.to_owned(), rows: rows.into(), items })
    }

    /// Only the labels at some places, ascending.
    pub(crate) fn only(&self, at: &UInt32Array) -> Result<Labels> {
        let rows = take(&self.rows, at, None)?.as_primitive().clone();
        let items = take(&self.items, at, None)?.as_struct().clone();
        Ok(Labels { layer: self.layer.clone(), rows, items })
    }
}

impl From<arrow::error::ArrowError> for QueryError {
    fn from(error: arrow::error::ArrowError) -> QueryError {
        QueryError::Internal { reason: error.to_string() }
    }
}

impl Rows<'_> {
    /// How many rows are shown.
    pub(crate) fn len(&self) -> usize {
        self.labels.as_ref().map_or(self.batch.len(), |labels| labels.rows.len())
    }

    /// The values of a column.
    pub(crate) fn column(&self, shown: &Shown) -> Result<ArrayRef> {
        let of_row = match &shown.source {
            Source::Layer => {
                let name = self.labels.as_ref().map_or("", |labels| labels.layer.as_str());
                return Ok(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(name, self.len()))));
            }
            Source::Label(part) => return self.label(*part, shown),
            Source::Path => self.paths()?,
            Source::Segment => {
                let paths = self.paths()?;
                let segment =
                    |path: Option<&str>| path.map(|p| p.split_once('/').map_or("", |(head, _)| head).to_owned());
                Arc::new(paths.as_string::<i32>().iter().map(segment).collect::<StringArray>())
            }
            Source::Stored { group, column } => self.stored(group, column, &shown.data_type),
            Source::Hash { group, column } => hexadecimal(&self.stored(group, column, &DataType::FixedSizeBinary(32))),
            Source::Field(kinds) => self.field(kinds, &shown.data_type)?,
            Source::CountOfLabels(layers) => self.count_of_labels(layers),
        };
        match &self.labels {
            Some(labels) => Ok(take(&of_row, &labels.rows, None)?),
            None => Ok(of_row),
        }
    }

    fn paths(&self) -> Result<ArrayRef> {
        Ok(cast(&self.batch.keys, &DataType::Utf8)?)
    }

    fn group(&self, group: &str) -> Option<&StructArray> {
        self.batch.groups.get(self.schema.position(group)?)?.as_ref()
    }

    fn stored(&self, group: &str, column: &str, data_type: &DataType) -> ArrayRef {
        match self.group(group).and_then(|rows| rows.column_by_name(column)) {
            Some(found) => Arc::clone(found),
            None => new_null_array(data_type, self.batch.len()),
        }
    }

    fn count_of_labels(&self, layers: &[String]) -> ArrayRef {
        let mut counts = vec![0u64; self.batch.len()];
        for layer in layers {
            let labels = self.stored(layer, "labels", &DataType::Null);
            let Some(lists) = labels.as_list_opt::<i32>() else { continue };
            for (row, count) in counts.iter_mut().enumerate().filter(|(row, _)| lists.is_valid(*row)) {
                *count += u64::try_from(lists.value_length(row)).unwrap_or(0);
            }
        }
        Arc::new(UInt64Array::from(counts))
    }

    fn field(&self, kinds: &[(FieldKind, String)], data_type: &DataType) -> Result<ArrayRef> {
        let column = |(kind, name): &(FieldKind, String)| {
            let data_type = match kind {
                FieldKind::Bool => DataType::Boolean,
                FieldKind::Int => DataType::Int64,
                FieldKind::Float => DataType::Float64,
                FieldKind::Text | FieldKind::Json => DataType::Utf8,
            };
            (*kind, self.stored("fields", name, &data_type))
        };
        let columns: Vec<(FieldKind, ArrayRef)> = kinds.iter().map(column).collect();
        if let [(_, only)] = columns.as_slice() {
            return Ok(Arc::clone(only));
        }
        if *data_type == DataType::Float64 {
            let numbers = columns.iter().map(|(_, column)| cast(column, data_type));
            let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
            let numbers: Vec<&Float64Array> = numbers.iter().map(|column| column.as_primitive()).collect();
            let value = |row| numbers.iter().find(|column| column.is_valid(row)).map(|column| column.value(row));
            return Ok(Arc::new((0..self.batch.len()).map(value).collect::<Float64Array>()));
        }
        // Values of several kinds: each as its JSON.
        let mut texts = StringBuilder::new();
        for row in 0..self.batch.len() {
            let found = columns.iter().find(|(_, column)| column.is_valid(row));
            match found {
                Some((kind, column)) => texts.append_value(json(*kind, column, row)?),
                None => texts.append_null(),
            }
        }
        Ok(Arc::new(texts.finish()))
    }

    fn label(&self, part: Part, shown: &Shown) -> Result<ArrayRef> {
        let Some(labels) = &self.labels else { return Ok(new_null_array(&shown.data_type, self.len())) };
        let items = &labels.items;
        let none = || new_null_array(&shown.data_type, items.len());
        Ok(match part {
            Part::Stored(name) => items.column_by_name(name).cloned().unwrap_or_else(none),
            Part::Type => items.column_by_name("type").map_or_else(none, |codes| type_names(codes)),
            Part::Mask => items.column_by_name("mask").map_or_else(none, hexadecimal),
            Part::Box(corner) => {
                let boxes = items.column_by_name("box").and_then(|boxes| boxes.as_struct_opt());
                let Some(boxes) = boxes else { return Ok(none()) };
                let Some(values) = boxes.column_by_name(corner) else { return Ok(none()) };
                let values: &Float64Array = values.as_primitive_opt().ok_or_else(|| wrong("a box"))?;
                // A label without a box has no corner, whatever stands in the column.
                let nulls = arrow::buffer::NullBuffer::union(boxes.nulls(), values.nulls());
                Arc::new(Float64Array::new(values.values().clone(), nulls))
            }
        })
    }
}

/// The names of types of labels; a number that this version does not know stays one.
fn type_names(codes: &ArrayRef) -> ArrayRef {
    let Some(codes) = codes.as_primitive_opt::<UInt8Type>() else {
        return new_null_array(&DataType::Utf8, codes.len());
    };
    let mut names = StringBuilder::with_capacity(codes.len(), codes.len() * 8);
    for code in codes {
        match code.map(|code| (code, LabelType::from_code(code))) {
            Some((_, Some(known))) => names.append_value(known.as_str()),
            Some((code, None)) => names.append_value(code.to_string()),
            None => names.append_null(),
        }
    }
    Arc::new(names.finish())
}

fn hexadecimal(hashes: &ArrayRef) -> ArrayRef {
    let Some(hashes) = hashes.as_fixed_size_binary_opt() else {
        return new_null_array(&DataType::Utf8, hashes.len());
    };
    let mut texts = StringBuilder::with_capacity(hashes.len(), hashes.len() * 64);
    for hash in hashes {
        match hash {
            Some(bytes) => {
                let text = bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
                    // Writing to a string cannot fail.
                    let _ = write!(text, "{byte:02x}");
                    text
                });
                texts.append_value(text);
            }
            None => texts.append_null(),
        }
    }
    Arc::new(texts.finish())
}

/// A field's value as JSON.
fn json(kind: FieldKind, column: &ArrayRef, row: usize) -> Result<String> {
    let column: &dyn Array = column;
    let text = match kind {
        FieldKind::Bool => column.as_any().downcast_ref::<BooleanArray>().map(|c| c.value(row).to_string()),
        FieldKind::Int => column.as_primitive_opt::<Int64Type>().map(|c| c.value(row).to_string()),
        FieldKind::Float => {
            let numbers: Option<&Float64Array> = column.as_primitive_opt();
            numbers.map(|c| serde_json::Value::from(c.value(row)).to_string())
        }
        FieldKind::Text => column.as_string_opt::<i32>().map(|c| serde_json::Value::from(c.value(row)).to_string()),
        FieldKind::Json => column.as_string_opt::<i32>().map(|c| c.value(row).to_owned()),
    };
    text.ok_or_else(|| wrong("a field"))
}
