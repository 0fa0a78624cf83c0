//! `diff('a', 'b')`: what differs between two revisions, one thing a row.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::PartitionStream;
use serde::Serialize;
use tamis_repo::{Commit, Dataset, DiffOptions, LabelChange, SampleChange};

use super::blocking;
use super::catalog::Lake;
use crate::error::{QueryError, Result};

/// Rows of a batch.
const BATCH: usize = 4096;

/// The table function `diff`.
#[derive(Debug)]
pub(crate) struct Diff(pub(crate) Arc<Lake>);

impl TableFunctionImpl for Diff {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        let texts: Option<Vec<String>> = args
            .exprs()
            .iter()
            .map(|arg| match arg {
                Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_owned),
                _ => None,
            })
            .collect();
        let usage = || QueryError::Invalid {
            reason: "`diff` takes two revisions, or a dataset and two revisions: diff('v1', 'main'), \
                     diff('org/name', 'v1', 'main')"
                .to_owned(),
        };
        let (dataset, old, new) = match texts.as_deref() {
            Some([old, new]) => (self.0.default.clone(), old, new),
            Some([dataset, old, new]) => (Some(dataset.clone()), old, new),
            _ => return Err(usage().into()),
        };
        let dataset = dataset.ok_or_else(|| QueryError::NoDataset { name: "diff".to_owned() })?;
        let name = super::name::split(&dataset).0;
        let commit = |revision: &str| self.0.revision(&format!("{name}@{revision}"));
        let ((dataset, old), (_, new)) = blocking(|| Ok::<_, QueryError>((commit(old)?, commit(new)?)))?;
        let (old, new) = (old.commit().clone(), new.commit().clone());
        let schema = schema();
        let part = Changes { dataset, old, new, schema: Arc::clone(&schema) };
        Ok(Arc::new(StreamingTable::try_new(schema, vec![Arc::new(part)])?))
    }
}

fn schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        text("path"),
        text("change"),
        text("what"),
        text("layer"),
        Field::new("id", DataType::UInt64, true),
        text("class"),
        text("old_class"),
        text("old"),
        text("new"),
    ]))
}

struct Changes {
    dataset: Dataset,
    old: Commit,
    new: Commit,
    schema: SchemaRef,
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "diff of {} from {} to {}", self.dataset.name(), self.old.id.short(), self.new.id.short())
    }
}

/// A line of the table.
#[derive(Default)]
struct Line {
    path: String,
    change: &'static str,
    what: String,
    layer: Option<String>,
    id: Option<u64>,
    class: Option<String>,
    old_class: Option<String>,
    old: Option<String>,
    new: Option<String>,
}

fn json<T: Serialize>(value: Option<T>) -> Result<Option<String>> {
    let text = value.map(|value| serde_json::to_string(&value)).transpose();
    text.map_err(|error| QueryError::Internal { reason: error.to_string() })
}

fn kind(old: bool, new: bool) -> &'static str {
    match (old, new) {
        (false, true) => "added",
        (true, false) => "removed",
        _ => "changed",
    }
}

/// The lines of one sample: itself where it came or went, its media, its fields, its labels.
fn lines(change: &SampleChange, out: &mut Vec<Line>) -> Result<()> {
    let line = |what: String| Line { path: change.path.clone(), what, ..Line::default() };
    let (is_old, is_new) = (change.old.is_some(), change.new.is_some());
    if is_old != is_new {
        out.push(Line { change: kind(is_old, is_new), ..line("sample".to_owned()) });
    }
    if let Some((old, new)) = change.media() {
        let kind = kind(old.is_some(), new.is_some());
        out.push(Line { change: kind, old: json(old)?, new: json(new)?, ..line("media".to_owned()) });
    }
    for field in change.fields() {
        let kind = kind(field.old.is_some(), field.new.is_some());
        let (old, new) = (json(field.old)?, json(field.new)?);
        out.push(Line { change: kind, old, new, ..line(format!("field {}", field.name)) });
    }
    for label in change.labels() {
        let made = line("label".to_owned());
        out.push(match label {
            LabelChange::Added { layer, new } => Line {
                change: "added",
                layer: Some(layer),
                id: Some(new.id),
                class: new.class.clone(),
                new: json(Some(&new))?,
                ..made
            },
            LabelChange::Removed { layer, old } => Line {
                change: "removed",
                layer: Some(layer),
                id: Some(old.id),
                old_class: old.class.clone(),
                old: json(Some(&old))?,
                ..made
            },
            LabelChange::Changed { layer, old, new, .. } => Line {
                change: "changed",
                layer: Some(layer),
                id: Some(new.id),
                class: new.class.clone(),
                old_class: old.class.clone(),
                old: json(Some(&old))?,
                new: json(Some(&new))?,
                ..made
            },
            LabelChange::LayerAdded { layer } => {
                Line { change: "added", layer: Some(layer), ..line("layer".to_owned()) }
            }
            LabelChange::LayerRemoved { layer } => {
                Line { change: "removed", layer: Some(layer), ..line("layer".to_owned()) }
            }
        });
    }
    Ok(())
}

fn batch(schema: &SchemaRef, lines: &[Line]) -> Result<RecordBatch> {
    let texts =
        |of: &dyn Fn(&Line) -> Option<&str>| Arc::new(lines.iter().map(of).collect::<StringArray>()) as ArrayRef;
    let columns = vec![
        texts(&|line| Some(&line.path)),
        texts(&|line| Some(line.change)),
        texts(&|line| Some(&line.what)),
        texts(&|line| line.layer.as_deref()),
        Arc::new(lines.iter().map(|line| line.id).collect::<UInt64Array>()) as ArrayRef,
        texts(&|line| line.class.as_deref()),
        texts(&|line| line.old_class.as_deref()),
        texts(&|line| line.old.as_deref()),
        texts(&|line| line.new.as_deref()),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

impl PartitionStream for Changes {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), 2);
        let send = builder.tx();
        let (dataset, old, new) = (self.dataset.clone(), self.old.clone(), self.new.clone());
        let schema = Arc::clone(&self.schema);
        builder.spawn_blocking(move || {
            let mut open: Vec<Line> = Vec::new();
            let changes = dataset.diff_commits(&old, &new, &DiffOptions::default()).map_err(QueryError::from)?;
            for change in changes {
                lines(&change.map_err(QueryError::from)?, &mut open)?;
                if open.len() >= BATCH && send.blocking_send(Ok(batch(&schema, &std::mem::take(&mut open))?)).is_err() {
                    return Ok(());
                }
            }
            if !open.is_empty() {
                // Nobody listens any more where the query was stopped.
                drop(send.blocking_send(Ok(batch(&schema, &open)?)));
            }
            Ok(())
        });
        builder.build()
    }
}
