//! Rows of Parquet files.

use std::fs::File;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value, json};
use tamis_core::Place;

use super::Cells;
use super::gather::BYTES;
use super::objects::Names;
use crate::error::{FormatError, Result};
use crate::labels::Judge;
use crate::source::Source;

type Builder = ParquetRecordBatchReaderBuilder<File>;

/// Rows read at once: they may bring images.
const ROWS: usize = 64;

/// The file; one that is in an archive or a bucket is copied to an unnamed temporary file.
fn open(source: &Source, path: &str) -> Result<Builder> {
    let fail = |e| FormatError::io("read", path, e);
    let file = match source.local(path) {
        Some(local) => File::open(local).map_err(fail)?,
        None => {
            let mut copy = tempfile::tempfile().map_err(fail)?;
            std::io::copy(&mut source.reader(path)?, &mut copy).map_err(fail)?;
            copy
        }
    };
    Builder::try_new(file).map_err(|e| FormatError::NotThis {
        path: path.to_owned(),
        format: "parquet",
        reason: e.to_string(),
    })
}

/// Names of the columns.
pub(super) fn names(source: &Source, path: &str) -> Result<Vec<String>> {
    Ok(open(source, path)?.schema().fields().iter().map(|f| f.name().clone()).collect())
}

/// Names of classes that the file keeps beside the rows; none in tables of other kinds.
pub(super) fn class_names(source: &Source, path: &str) -> Names {
    if crate::paths::extension(path) != "parquet" {
        return Names::default();
    }
    let file = open(source, path).ok();
    let features = file.as_ref().and_then(|b| b.schema().metadata().get("huggingface"));
    features.map(|json| Names::of_features(json)).unwrap_or_default()
}

/// Whether the `datasets` library wrote a Parquet file.
pub(super) fn has_features(source: &Source, path: &str) -> bool {
    crate::paths::extension(path) == "parquet"
        && open(source, path).is_ok_and(|b| b.schema().metadata().contains_key("huggingface"))
}

/// Walks through the rows; the line is the row's number from 1.
pub(super) fn walk(source: &Source, path: &str, judge: &Judge<'_>, each: &mut dyn FnMut(Cells)) -> Result<()> {
    let reader = match open(source, path).and_then(|b| {
        b.with_batch_size(ROWS).build().map_err(|e| FormatError::NotThis {
            path: path.to_owned(),
            format: "parquet",
            reason: e.to_string(),
        })
    }) {
        Ok(reader) => reader,
        Err(e) => {
            judge.error("syntax", Place::file(path), e);
            return Ok(());
        }
    };
    let mut number = 0;
    for batch in reader {
        let batch = match batch {
            Ok(batch) => batch,
            Err(e) => {
                judge.error("syntax", Place::file(path).at(format!("row {}", number + 1)), e);
                return Ok(());
            }
        };
        for row in 0..batch.num_rows() {
            number += 1;
            let mut cells = Map::new();
            for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
                match value(column.as_ref(), row) {
                    Value::Null => {}
                    value => drop(cells.insert(field.name().clone(), value)),
                }
            }
            each((number, cells));
        }
    }
    Ok(())
}

/// A cell as JSON; bytes as an object of [`BYTES`], types of no equivalent as their text.
fn value(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    let list =
        |items: arrow::array::ArrayRef| Value::Array((0..items.len()).map(|i| value(items.as_ref(), i)).collect());
    let bytes = |b: &[u8]| json!({ BYTES: b.iter().map(|b| format!("{b:02x}")).collect::<String>() });
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Float32 => f64::from(array.as_primitive::<Float32Type>().value(row)).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).into(),
        DataType::Utf8View => array.as_string_view().value(row).into(),
        DataType::Binary => bytes(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => bytes(array.as_binary::<i64>().value(row)),
        DataType::List(_) => list(array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => list(array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => list(array.as_fixed_size_list().value(row)),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            Value::Object(
                fields
                    .iter()
                    .zip(columns)
                    .map(|(f, c)| (f.name().clone(), value(c.as_ref(), row)))
                    .filter(|(_, v)| !v.is_null())
                    .collect(),
            )
        }
        DataType::Dictionary(..) => {
            let keys = array.as_any_dictionary();
            let at = keys.normalized_keys().get(row).copied().unwrap_or_default();
            value(keys.values().as_ref(), at)
        }
        _ => arrow::util::display::array_value_to_string(array, row).map_or(Value::Null, Value::from),
    }
}
