//! The user's fields as columns: one column for each kind of value a field ever had.

use arrow::array::{
    Array, ArrayRef, BooleanArray, BooleanBuilder, Float64Array, Float64Builder, Int64Array, Int64Builder, StringArray,
    StringBuilder,
};
use arrow::datatypes::DataType;
use std::sync::Arc;
use tamis_core::Value;

/// The kind of a field's value, which chooses its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FieldKind {
    /// true or false.
    Bool,
    /// Whole numbers of 64 signed bits.
    Int,
    /// Numbers of 64 bits, written with a point.
    Float,
    /// Text.
    Text,
    /// Lists, objects, null and whole numbers beyond 64 signed bits.
    Json,
}

impl FieldKind {
    /// The kind of a value.
    pub fn of(value: &Value) -> FieldKind {
        match value {
            Value::Bool(_) => FieldKind::Bool,
            Value::Number(n) if n.is_i64() => FieldKind::Int,
            Value::Number(n) if n.is_f64() => FieldKind::Float,
            Value::String(_) => FieldKind::Text,
            _ => FieldKind::Json,
        }
    }

    /// The stable name, as it stands after the `:` in a column's name.
    pub fn as_str(self) -> &'static str {
        match self {
            FieldKind::Bool => "bool",
            FieldKind::Int => "int",
            FieldKind::Float => "float",
            FieldKind::Text => "text",
            FieldKind::Json => "json",
        }
    }

    pub(crate) fn data_type(self) -> DataType {
        match self {
            FieldKind::Bool => DataType::Boolean,
            FieldKind::Int => DataType::Int64,
            FieldKind::Float => DataType::Float64,
            FieldKind::Text | FieldKind::Json => DataType::Utf8,
        }
    }

    /// The column of a field for values of this kind.
    pub fn column(self, field: &str) -> String {
        format!("{field}:{}", self.as_str())
    }

    /// The field and kind of a column.
    pub fn parse(column: &str) -> Option<(&str, FieldKind)> {
        let (field, kind) = column.rsplit_once(':')?;
        let kinds = [FieldKind::Bool, FieldKind::Int, FieldKind::Float, FieldKind::Text, FieldKind::Json];
        kinds.into_iter().find(|k| k.as_str() == kind).map(|kind| (field, kind))
    }
}

/// Builds the column of one field and kind.
pub(crate) enum FieldBuilder {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Json(StringBuilder),
}

impl FieldBuilder {
    pub(crate) fn new(kind: FieldKind) -> FieldBuilder {
        match kind {
            FieldKind::Bool => FieldBuilder::Bool(BooleanBuilder::new()),
            FieldKind::Int => FieldBuilder::Int(Int64Builder::new()),
            FieldKind::Float => FieldBuilder::Float(Float64Builder::new()),
            FieldKind::Text => FieldBuilder::Text(StringBuilder::new()),
            FieldKind::Json => FieldBuilder::Json(StringBuilder::new()),
        }
    }

    /// Appends the value where it is of this column's kind, null otherwise.
    pub(crate) fn append(&mut self, value: Option<&Value>) {
        match self {
            FieldBuilder::Bool(b) => b.append_option(value.and_then(Value::as_bool)),
            FieldBuilder::Int(b) => b.append_option(value.and_then(Value::as_i64)),
            FieldBuilder::Float(b) => b.append_option(value.filter(|v| v.is_f64()).and_then(Value::as_f64)),
            FieldBuilder::Text(b) => b.append_option(value.and_then(Value::as_str)),
            FieldBuilder::Json(b) => {
                b.append_option(value.filter(|v| FieldKind::of(v) == FieldKind::Json).map(Value::to_string));
            }
        }
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            FieldBuilder::Bool(b) => Arc::new(b.finish()),
            FieldBuilder::Int(b) => Arc::new(b.finish()),
            FieldBuilder::Float(b) => Arc::new(b.finish()),
            FieldBuilder::Text(b) | FieldBuilder::Json(b) => Arc::new(b.finish()),
        }
    }
}

/// Reads the column of one field and kind.
pub(crate) enum FieldReader {
    Bool(BooleanArray),
    Int(Int64Array),
    Float(Float64Array),
    Text(StringArray),
    Json(StringArray),
}

impl FieldReader {
    /// A reader of `array`; [`None`] when its type is not the kind's.
    pub(crate) fn new(kind: FieldKind, array: &dyn Array) -> Option<FieldReader> {
        let any = array.as_any();
        Some(match kind {
            FieldKind::Bool => FieldReader::Bool(any.downcast_ref::<BooleanArray>()?.clone()),
            FieldKind::Int => FieldReader::Int(any.downcast_ref::<Int64Array>()?.clone()),
            FieldKind::Float => FieldReader::Float(any.downcast_ref::<Float64Array>()?.clone()),
            FieldKind::Text => FieldReader::Text(any.downcast_ref::<StringArray>()?.clone()),
            FieldKind::Json => FieldReader::Json(any.downcast_ref::<StringArray>()?.clone()),
        })
    }

    /// The value of a row; [`None`] when this column has none, an error text when it is not JSON.
    pub(crate) fn value(&self, row: usize) -> Result<Option<Value>, String> {
        fn at<A: Array>(array: &A, row: usize) -> bool {
            row < array.len() && array.is_valid(row)
        }
        Ok(match self {
            FieldReader::Bool(a) => at(a, row).then(|| Value::from(a.value(row))),
            FieldReader::Int(a) => at(a, row).then(|| Value::from(a.value(row))),
            FieldReader::Float(a) => at(a, row).then(|| Value::from(a.value(row))),
            FieldReader::Text(a) => at(a, row).then(|| Value::from(a.value(row))),
            FieldReader::Json(a) if at(a, row) => {
                Some(serde_json::from_str(a.value(row)).map_err(|error| error.to_string())?)
            }
            FieldReader::Json(_) => None,
        })
    }
}
