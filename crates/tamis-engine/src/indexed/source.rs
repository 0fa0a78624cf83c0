//! What an index is on: columns of the samples table, and what they say of a row.

use arrow::array::{Array, ArrayRef, AsArray, StructArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use serde_json::Value;
use tamis_index::values::Key;
use tamis_repo::FieldKind;
use tamis_table::{Columns, Projection, RowBatch, TableSchema};

use super::define::IndexKind;
use crate::error::{EngineError, Result};

/// Columns of the samples table that an index is made from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    on: String,
    group: usize,
    pub(crate) columns: Columns,
    /// Dimensions, of vectors.
    pub(crate) dims: usize,
}

impl Source {
    /// Finds what `on` names in a schema.
    pub(crate) fn new(schema: &TableSchema, on: &str, kind: IndexKind) -> Result<Source> {
        let wrong =
            |why: String, hint: &str| EngineError::new("usage", format!("cannot index `{on}`: {why}")).hint(hint);
        let (group, names): (String, Vec<String>) = match on.split_once(':') {
            Some(("derived", field)) => {
                let name = format!("derived/{field}");
                let Ok(group) = schema.group(&name) else {
                    return Err(wrong(
                        "there is no such derived field".to_owned(),
                        "`tamis derive DATASET --list` lists them",
                    ));
                };
                let names = group.fields.iter().map(|field| field.name().clone()).collect();
                (name, names)
            }
            Some(("field", field)) if kind != IndexKind::Vectors => {
                let columns = schema.group("fields").map(|group| group.fields.clone()).unwrap_or_default();
                let own = |column: &str| FieldKind::parse(column).is_some_and(|(name, _)| name == field);
                let names: Vec<String> = columns.iter().map(|f| f.name().clone()).filter(|name| own(name)).collect();
                if names.is_empty() {
                    return Err(wrong("no sample has this field".to_owned(), "`tamis stats DATASET` shows the fields"));
                }
                ("fields".to_owned(), names)
            }
            Some(("layer", layer)) if kind == IndexKind::Words => {
                let name = format!("layer/{layer}");
                if schema.position(&name).is_none() {
                    return Err(wrong("there is no such layer".to_owned(), "`tamis stats DATASET` lists the layers"));
                }
                (name, vec!["labels.extra".to_owned()])
            }
            _ => {
                return Err(wrong(
                    "it is nothing that can be".to_owned(),
                    "say derived:FIELD, field:NAME or layer:NAME",
                ));
            }
        };
        let fields = schema.group(&group)?.fields.clone();
        let columns = Columns::none(schema).with(schema, &group, Projection::select(&fields, &names)?)?;
        let dims = match fields.first().map(|field| field.data_type()) {
            Some(DataType::FixedSizeList(item, size)) if *item.data_type() == DataType::Float32 => {
                usize::try_from(*size).unwrap_or(0)
            }
            _ => 0,
        };
        if kind == IndexKind::Vectors && dims == 0 {
            return Err(wrong("its values are no vectors".to_owned(), "index an embedding by --kind vectors"));
        }
        if kind != IndexKind::Vectors && dims > 0 {
            return Err(wrong("its values are vectors".to_owned(), "say --kind vectors"));
        }
        let group = schema.position(&group).unwrap_or(0);
        Ok(Source { on: on.to_owned(), group, columns, dims })
    }

    fn rows<'a>(&self, batch: &'a RowBatch) -> Option<&'a StructArray> {
        batch.groups.get(self.group)?.as_ref()
    }

    /// The vectors of some rows, by place; [`None`]: the row has none.
    pub(crate) fn vectors<'a>(&self, batch: &'a RowBatch) -> Vec<Option<&'a [f32]>> {
        let none = || vec![None; batch.len()];
        let Some(list) = self.rows(batch).and_then(|rows| rows.columns().first()?.as_fixed_size_list_opt()) else {
            return none();
        };
        let Some(values) = list.values().as_primitive_opt::<Float32Type>() else { return none() };
        let values: &'a [f32] = values.values();
        let start = list.value_offset(0) as usize;
        (0..list.len())
            .map(|row| {
                let vector = values.get(start + row * self.dims..start + (row + 1) * self.dims)?;
                (list.is_valid(row) && vector.iter().all(|x| x.is_finite())).then_some(vector)
            })
            .collect()
    }

    /// The text of a row.
    pub(crate) fn text(&self, batch: &RowBatch, row: usize) -> Option<String> {
        let rows = self.rows(batch)?;
        if self.on.starts_with("layer:") {
            return sentences(rows.columns().first()?, row);
        }
        let column = rows.columns().iter().find(|column| column.is_valid(row))?;
        shown(column, row)
    }

    /// The value of a row.
    pub(crate) fn value(&self, batch: &RowBatch, row: usize) -> Option<Key> {
        let column = self.rows(batch)?.columns().iter().find(|column| column.is_valid(row))?;
        if column.data_type().is_numeric() {
            let number = arrow::compute::cast(&column.slice(row, 1), &DataType::Float64).ok()?;
            return Some(Key::Number(number.as_primitive::<Float64Type>().value(0)));
        }
        shown(column, row).map(Key::Text)
    }
}

fn shown(column: &ArrayRef, row: usize) -> Option<String> {
    match column.as_string_opt::<i32>() {
        Some(texts) => Some(texts.value(row).to_owned()),
        None => arrow::util::display::array_value_to_string(column, row).ok(),
    }
}

/// The words of the sentences of a row's labels.
fn sentences(labels: &ArrayRef, row: usize) -> Option<String> {
    let list = labels.as_list_opt::<i32>().filter(|list| list.is_valid(row))?;
    let items = list.value(row);
    let extra = items.as_struct_opt()?.column_by_name("extra")?.as_string_opt::<i32>()?.clone();
    let mut text = String::new();
    for json in extra.iter().flatten() {
        let Ok(value) = serde_json::from_str::<Value>(json) else { continue };
        for word in value.get("sentence").and_then(Value::as_array).into_iter().flatten() {
            if let Some(word) = word.get("text").and_then(Value::as_str) {
                text.push_str(word);
                text.push(' ');
            }
        }
    }
    (!text.is_empty()).then_some(text)
}
