//! Schemas as JSON: our own small notation for Arrow's types, so that the stored form does not
//! depend on a library's.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use serde::{Deserialize, Serialize};

use super::{GroupSchema, TableSchema};
use crate::error::{Result, TableError};

/// How deep types may nest.
const MAX_DEPTH: usize = 32;

#[derive(Serialize, Deserialize)]
struct JsonSchema {
    version: u32,
    groups: Vec<JsonGroup>,
}

#[derive(Serialize, Deserialize)]
struct JsonGroup {
    name: String,
    fields: Vec<JsonField>,
}

#[derive(Serialize, Deserialize)]
struct JsonField {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    required: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<i32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    children: Vec<JsonField>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

const SIMPLE: &[(&str, DataType)] = &[
    ("bool", DataType::Boolean),
    ("i8", DataType::Int8),
    ("i16", DataType::Int16),
    ("i32", DataType::Int32),
    ("i64", DataType::Int64),
    ("u8", DataType::UInt8),
    ("u16", DataType::UInt16),
    ("u32", DataType::UInt32),
    ("u64", DataType::UInt64),
    ("f32", DataType::Float32),
    ("f64", DataType::Float64),
    ("utf8", DataType::Utf8),
    ("large_utf8", DataType::LargeUtf8),
    ("binary", DataType::Binary),
    ("large_binary", DataType::LargeBinary),
    ("date32", DataType::Date32),
    ("date64", DataType::Date64),
    ("timestamp_s", DataType::Timestamp(TimeUnit::Second, None)),
    ("timestamp_ms", DataType::Timestamp(TimeUnit::Millisecond, None)),
    ("timestamp_us", DataType::Timestamp(TimeUnit::Microsecond, None)),
    ("timestamp_ns", DataType::Timestamp(TimeUnit::Nanosecond, None)),
];

pub(super) fn encode(schema: &TableSchema) -> Vec<u8> {
    let groups = schema
        .groups
        .iter()
        .map(|group| JsonGroup { name: group.name.clone(), fields: group.fields.iter().map(|f| to_json(f)).collect() });
    let json = JsonSchema { version: 1, groups: groups.collect() };
    // Plain structs of strings always encode.
    serde_json::to_vec(&json).unwrap_or_default()
}

pub(super) fn decode(bytes: &[u8]) -> Result<TableSchema> {
    let corrupt = |reason| TableError::Corrupt { what: "table schema", reason };
    let json: JsonSchema = serde_json::from_slice(bytes).map_err(|_| corrupt("it is not the JSON of a schema"))?;
    if json.version != 1 {
        return Err(TableError::Unsupported { what: "schema version" });
    }
    let mut groups = Vec::with_capacity(json.groups.len());
    for group in json.groups {
        let fields = group.fields.iter().map(|f| from_json(f, 0).map(Arc::new)).collect::<Result<Fields>>()?;
        groups.push(GroupSchema { name: group.name, fields });
    }
    Ok(TableSchema { groups })
}

fn to_json(field: &Field) -> JsonField {
    let (data_type, size, children): (String, Option<i32>, Vec<JsonField>) = match field.data_type() {
        DataType::FixedSizeBinary(size) => ("fixed_binary".into(), Some(*size), Vec::new()),
        DataType::List(item) => ("list".into(), None, vec![to_json(item)]),
        DataType::LargeList(item) => ("large_list".into(), None, vec![to_json(item)]),
        DataType::FixedSizeList(item, size) => ("fixed_list".into(), Some(*size), vec![to_json(item)]),
        DataType::Struct(fields) => ("struct".into(), None, fields.iter().map(|f| to_json(f)).collect()),
        DataType::Map(entries, _) => ("map".into(), None, vec![to_json(entries)]),
        other => {
            let simple = SIMPLE.iter().find(|(_, t)| t == other).map(|(name, _)| (*name).to_owned());
            (simple.unwrap_or_else(|| format!("arrow:{other}")), None, Vec::new())
        }
    };
    JsonField {
        name: field.name().clone(),
        data_type,
        required: !field.is_nullable(),
        size,
        children,
        metadata: field.metadata().iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
    }
}

fn from_json(json: &JsonField, depth: usize) -> Result<Field> {
    let corrupt = |reason| TableError::Corrupt { what: "table schema", reason };
    if depth > MAX_DEPTH {
        return Err(corrupt("its types nest too deeply"));
    }
    let child = || match &json.children[..] {
        [one] => from_json(one, depth + 1).map(Arc::new),
        _ => Err(corrupt("a list has not one child")),
    };
    let size = || json.size.filter(|size| *size >= 0).ok_or(corrupt("a fixed size is missing"));
    let data_type = match json.data_type.as_str() {
        "fixed_binary" => DataType::FixedSizeBinary(size()?),
        "list" => DataType::List(child()?),
        "large_list" => DataType::LargeList(child()?),
        "fixed_list" => DataType::FixedSizeList(child()?, size()?),
        "map" => DataType::Map(child()?, false),
        "struct" => {
            let fields = json.children.iter().map(|f| from_json(f, depth + 1).map(Arc::new));
            DataType::Struct(fields.collect::<Result<Fields>>()?)
        }
        name => match SIMPLE.iter().find(|(simple, _)| *simple == name) {
            Some((_, data_type)) => data_type.clone(),
            None => return Err(TableError::Unsupported { what: "column type in a schema" }),
        },
    };
    let metadata: HashMap<String, String> = json.metadata.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    Ok(Field::new(&json.name, data_type, !json.required).with_metadata(metadata))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn schemas_read_back() {
        let item = Field::new("item", DataType::Struct(vec![Field::new("id", DataType::UInt64, false)].into()), false);
        let marked = Field::new("labels", DataType::List(item.into()), true)
            .with_metadata([("tamis.merge".to_owned(), "keyed:id".to_owned())].into());
        let hash = Field::new("hash", DataType::FixedSizeBinary(32), true);
        let schema =
            TableSchema { groups: vec![GroupSchema::new("base", vec![hash]), GroupSchema::new("l", vec![marked])] };
        assert_eq!(TableSchema::from_json(&schema.to_json()).unwrap(), schema);
        for bad in [
            "",
            "{}",
            r#"{"version":2,"groups":[]}"#,
            r#"{"version":1,"groups":[{"name":"a","fields":[{"name":"x","type":"wat"}]}]}"#,
        ] {
            assert!(TableSchema::from_json(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
