//! The small tables of a revision: its log, its ontology, its sensors.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};
use datafusion::catalog::{MemTable, TableProvider};
use serde::Serialize;
use tamis_repo::{Dataset, LogOptions, Snapshot};

use crate::error::{QueryError, Result};

/// A table that is in memory.
pub(crate) fn memory(columns: Vec<(&str, ArrayRef)>) -> Result<Arc<dyn TableProvider>> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, values)| Field::new(*name, values.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.into_iter().map(|(_, values)| values).collect())?;
    let table = MemTable::try_new(schema, vec![vec![batch]]);
    Ok(Arc::new(table.map_err(|error| QueryError::Internal { reason: error.to_string() })?))
}

fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

fn lists<'a>(rows: impl Iterator<Item = &'a [String]>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for row in rows {
        row.iter().for_each(|text| builder.values().append_value(text));
        builder.append(true);
    }
    Arc::new(builder.finish())
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| QueryError::Internal { reason: error.to_string() })
}

/// The commits that the revision reaches, newest first.
pub(crate) fn log(dataset: &Dataset, snapshot: &Snapshot) -> Result<Arc<dyn TableProvider>> {
    let entries = dataset.log(&snapshot.commit().id.to_string(), &LogOptions::default())?;
    let commits = || entries.iter().map(|entry| &entry.commit);
    let parents: Vec<Vec<String>> =
        commits().map(|commit| commit.parents.iter().map(ToString::to_string).collect()).collect();
    let times = TimestampMicrosecondArray::from_iter_values(commits().map(|commit| commit.time));
    memory(vec![
        ("commit", texts(commits().map(|commit| Some(commit.id.to_string())))),
        ("parents", lists(parents.iter().map(Vec::as_slice))),
        ("author", texts(commits().map(|commit| Some(commit.author.to_string())))),
        ("time", Arc::new(times)),
        ("message", texts(commits().map(|commit| Some(&commit.message)))),
        ("refs", lists(entries.iter().map(|entry| entry.refs.as_slice()))),
    ])
}

/// The classes and attributes of the ontology, one a row.
pub(crate) fn ontology(snapshot: &Snapshot) -> Result<Arc<dyn TableProvider>> {
    struct Line {
        label_type: String,
        what: &'static str,
        name: String,
        number: Option<i64>,
        parent: Option<String>,
        description: String,
        definition: String,
    }
    let mut lines = Vec::new();
    for (label_type, schema) in &snapshot.ontology()?.types {
        for class in &schema.classes {
            lines.push(Line {
                label_type: label_type.to_string(),
                what: "class",
                name: class.name.clone(),
                number: class.id,
                parent: class.parent.clone(),
                description: class.description.clone(),
                definition: json(class)?,
            });
        }
        for attribute in &schema.attributes {
            lines.push(Line {
                label_type: label_type.to_string(),
                what: "attribute",
                name: attribute.name.clone(),
                number: None,
                parent: None,
                description: attribute.description.clone(),
                definition: json(attribute)?,
            });
        }
    }
    memory(vec![
        ("type", texts(lines.iter().map(|line| Some(&line.label_type)))),
        ("what", texts(lines.iter().map(|line| Some(line.what)))),
        ("name", texts(lines.iter().map(|line| Some(&line.name)))),
        ("number", Arc::new(lines.iter().map(|line| line.number).collect::<Int64Array>())),
        ("parent", texts(lines.iter().map(|line| line.parent.as_ref()))),
        ("description", texts(lines.iter().map(|line| Some(&line.description)))),
        ("definition", texts(lines.iter().map(|line| Some(&line.definition)))),
    ])
}

/// The sensors, one a row.
pub(crate) fn sensors(snapshot: &Snapshot) -> Result<Arc<dyn TableProvider>> {
    let sensors = snapshot.sensors()?;
    let all: Vec<_> = sensors.iter().collect();
    let mut definitions = Vec::with_capacity(all.len());
    let mut kinds = Vec::with_capacity(all.len());
    for (_, sensor) in &all {
        definitions.push(json(sensor)?);
        kinds.push(json(&sensor.kind)?.trim_matches('"').to_owned());
    }
    let place = |at: usize| {
        let places = all.iter().map(move |(_, sensor)| sensor.extrinsics.map(|pose| pose.translation[at]));
        Arc::new(places.collect::<Float64Array>()) as ArrayRef
    };
    let focal = all.iter().map(|(_, sensor)| sensor.intrinsics.as_ref().map(|intrinsics| intrinsics.fx));
    memory(vec![
        ("segment", texts(all.iter().map(|(segment, _)| Some(*segment)))),
        ("name", texts(all.iter().map(|(_, sensor)| Some(&sensor.name)))),
        ("kind", texts(kinds.iter().map(Some))),
        ("description", texts(all.iter().map(|(_, sensor)| Some(&sensor.description)))),
        ("x", place(0)),
        ("y", place(1)),
        ("z", place(2)),
        ("fx", Arc::new(focal.collect::<Float64Array>())),
        ("definition", texts(definitions.iter().map(Some))),
    ])
}
