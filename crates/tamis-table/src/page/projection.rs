//! Which fields of a column group to read, and as which Arrow types.

use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use parking_lot::Mutex;

use crate::error::TableError;

/// The output schema of a read: a group's fields, all or some, nested ones included.
///
/// Cheap to clone. Make it once per scan, not once per page: it keeps the null arrays that stand for
/// fields that pages do not have.
#[derive(Clone, Debug)]
pub struct Projection {
    fields: Fields,
    pub(crate) targets: Arc<[Target]>,
}

impl Projection {
    /// Every field.
    pub fn all(fields: &Fields) -> Projection {
        let targets = fields.iter().map(Target::new).collect();
        Projection { fields: fields.clone(), targets }
    }

    /// Only the fields named by dotted paths, in the schema's order. A path goes through lists
    /// without naming their items: `labels.box.xmin`. A path to a struct, list or map takes all of it.
    ///
    /// Fails with [`TableError::NoField`] for a path that names nothing.
    pub fn select<S: AsRef<str>>(fields: &Fields, paths: &[S]) -> Result<Projection, TableError> {
        let paths: Vec<&str> = paths.iter().map(AsRef::as_ref).collect();
        Ok(Projection::all(&select_fields(fields, &paths)?))
    }

    /// The same projection with a text column read as `Dictionary(UInt32, Utf8)`: the page's own
    /// dictionary and codes, without making a string of every value.
    ///
    /// Fails with [`TableError::NoField`] where the path names no text column of this projection.
    pub fn with_dictionary(&self, path: &str) -> Result<Projection, TableError> {
        let mut found = false;
        let fields: Fields = self.fields.iter().map(|f| dictionary_field(f, path, &mut found)).collect();
        if found { Ok(Projection::all(&fields)) } else { Err(no_field(path)) }
    }

    /// The fields that a read with this projection gives.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }
}

fn no_field(path: &str) -> TableError {
    TableError::NoField { path: path.to_owned() }
}

/// What is left of `path` below `name`; [`Some`] of an empty text where it ends there.
fn below<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(name)?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('.') }
}

fn select_fields(fields: &Fields, paths: &[&str]) -> Result<Fields, TableError> {
    if let Some(lost) = paths.iter().find(|p| !fields.iter().any(|f| below(p, f.name()).is_some())) {
        return Err(no_field(lost));
    }
    let mut kept = Vec::new();
    for field in fields {
        let rests: Vec<&str> = paths.iter().filter_map(|p| below(p, field.name())).collect();
        if rests.contains(&"") {
            kept.push(field.clone());
        } else if !rests.is_empty() {
            kept.push(Arc::new(narrow(field, &rests)?));
        }
    }
    Ok(kept.into())
}

fn narrow(field: &Field, paths: &[&str]) -> Result<Field, TableError> {
    let data_type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(select_fields(fields, paths)?),
        DataType::List(item) => DataType::List(Arc::new(narrow(item, paths)?)),
        DataType::LargeList(item) => DataType::LargeList(Arc::new(narrow(item, paths)?)),
        DataType::FixedSizeList(item, n) => DataType::FixedSizeList(Arc::new(narrow(item, paths)?), *n),
        _ => return Err(no_field(paths.first().copied().unwrap_or_default())),
    };
    Ok(field.clone().with_data_type(data_type))
}

fn dictionary_field(field: &FieldRef, path: &str, found: &mut bool) -> FieldRef {
    match below(path, field.name()) {
        Some(rest) => Arc::new(dictionary_type(field, rest, found)),
        None => field.clone(),
    }
}

fn dictionary_type(field: &Field, path: &str, found: &mut bool) -> Field {
    let data_type = match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 if path.is_empty() => {
            *found = true;
            DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8))
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|f| dictionary_field(f, path, found)).collect()),
        DataType::List(item) => DataType::List(Arc::new(dictionary_type(item, path, found))),
        DataType::LargeList(item) => DataType::LargeList(Arc::new(dictionary_type(item, path, found))),
        other => other.clone(),
    };
    field.clone().with_data_type(data_type)
}

/// Null arrays up to this length are kept for the next read.
const KEPT_NULLS: usize = 1 << 20;
/// Null arrays shorter than this are kept at their length, for point reads.
const SHORT_NULLS: usize = 32;

/// One field of the output with the fields below it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) field: FieldRef,
    /// Fields of a struct; the item of a list; the entry struct of a map.
    pub(crate) children: Vec<Target>,
    nulls: Mutex<Option<ArrayRef>>,
    short_nulls: [OnceLock<ArrayRef>; SHORT_NULLS],
}

impl Target {
    fn new(field: &FieldRef) -> Target {
        let children = match field.data_type() {
            DataType::Struct(fields) => fields.iter().map(Target::new).collect(),
            DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) | DataType::Map(f, _) => {
                vec![Target::new(f)]
            }
            _ => Vec::new(),
        };
        Target {
            field: field.clone(),
            children,
            nulls: Mutex::new(None),
            short_nulls: [const { OnceLock::new() }; SHORT_NULLS],
        }
    }

    /// `len` nulls of this field's type, cut from an array made before where there is one.
    pub(crate) fn nulls(&self, len: usize) -> ArrayRef {
        if let Some(short) = self.short_nulls.get(len) {
            return short.get_or_init(|| new_null_array(self.field.data_type(), len)).clone();
        }
        let mut kept = self.nulls.lock();
        match kept.as_ref() {
            Some(array) if array.len() >= len => array.slice(0, len),
            _ => {
                let array = new_null_array(self.field.data_type(), len.next_power_of_two().min(KEPT_NULLS).max(len));
                let part = array.slice(0, len);
                if len <= KEPT_NULLS {
                    *kept = Some(array);
                }
                part
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fields() -> Fields {
        let inner = Fields::from(vec![
            Field::new("class", DataType::Utf8, true),
            Field::new("a.b", DataType::Int32, true),
            Field::new("x", DataType::Float64, false),
        ]);
        let item = Field::new("item", DataType::Struct(inner), false);
        Fields::from(vec![
            Field::new("labels", DataType::List(Arc::new(item)), true),
            Field::new("n", DataType::Int8, true),
        ])
    }

    #[test]
    fn paths_select_nested_fields_in_schema_order() {
        let p = Projection::select(&fields(), &["n", "labels.x", "labels.a.b"]).unwrap();
        let text = format!("{:?}", p.fields());
        assert_eq!(p.fields().len(), 2);
        assert!(text.contains("a.b") && text.contains("\"x\"") && !text.contains("class"), "{text}");
        for bad in ["z", "labels.z", "n.z", "label"] {
            assert!(matches!(Projection::select(&fields(), &[bad]), Err(TableError::NoField { .. })), "{bad}");
        }
    }

    #[test]
    fn a_text_column_can_be_asked_for_as_a_dictionary() {
        let p = Projection::all(&fields()).with_dictionary("labels.class").unwrap();
        assert!(format!("{:?}", p.fields()).contains("Dictionary"));
        assert!(Projection::all(&fields()).with_dictionary("labels.x").is_err());
    }
}
