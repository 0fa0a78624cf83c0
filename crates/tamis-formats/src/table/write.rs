//! Writing tables: JSON lines and Parquet with one row a sample and its labels in a column; CSV with one row a label.
//! Media go to the samples' paths.

use std::io::{BufWriter, Write};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt32Array};
use parquet::arrow::ArrowWriter;
use serde_json::{Map, Value, json};
use tamis_core::{Label, LabelType, Report, SampleRecord, Shape};

use super::columns::Columns;
use super::{CSV, PARQUET};
use crate::error::{FormatError, Result};
use crate::format::{RecordWriter, Schema, WriteOptions, Written};
use crate::labels::{Losses, UNLABELLED};
use crate::lex::number::text;
use crate::sink::{Sink, Wanted};
use crate::spec::Spec;

/// Rows of Parquet that are written together.
const BATCH: usize = 8192;

enum Out {
    Lines(BufWriter<std::fs::File>),
    Cells(Box<csv::Writer<BufWriter<std::fs::File>>>),
    Columns(Box<ArrowWriter<BufWriter<std::fs::File>>>, Vec<Map<String, Value>>),
}

struct Writer<'a> {
    sink: &'a Sink,
    path: &'static str,
    layer: String,
    out: Out,
    losses: Losses<'a>,
    done: Written,
}

pub(super) fn write<'a>(
    spec: &'static Spec,
    sink: &'a Sink,
    _: &Schema,
    options: &WriteOptions,
    report: &'a Report,
) -> Result<Box<dyn RecordWriter + 'a>> {
    let path = match spec.id {
        "csv" => "annotations.csv",
        "parquet" => "samples.parquet",
        _ => "samples.jsonl",
    };
    let file = sink.create(path)?;
    let out = if spec.id == CSV.id {
        let mut out = Box::new(csv::Writer::from_writer(file));
        out.write_record(["path", "split", "width", "height", "class", "xmin", "ymin", "xmax", "ymax", "confidence"])
            .map_err(|e| fail(path, e))?;
        Out::Cells(out)
    } else if spec.id == PARQUET.id {
        let writer = ArrowWriter::try_new(file, batch(&[])?.schema(), None).map_err(|e| fail(path, e))?;
        Out::Columns(Box::new(writer), Vec::new())
    } else {
        Out::Lines(file)
    };
    let losses = Losses::new(spec, options, report);
    Ok(Box::new(Writer { sink, path, layer: options.layer(), out, losses, done: Written::default() }))
}

fn fail(path: &str, e: impl std::error::Error + Send + Sync + 'static) -> FormatError {
    FormatError::io("write", path, std::io::Error::other(e))
}

/// Rows as Arrow; fields and labels as JSON.
fn batch(rows: &[Map<String, Value>]) -> Result<RecordBatch> {
    let texts = |name: &str| -> ArrayRef {
        Arc::new(rows.iter().map(|r| r.get(name).and_then(Value::as_str)).collect::<StringArray>())
    };
    let sides = |name: &str| -> ArrayRef {
        let side = |r: &Map<String, Value>| r.get(name).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
        Arc::new(rows.iter().map(side).collect::<UInt32Array>())
    };
    let json = |name: &str| -> ArrayRef {
        Arc::new(rows.iter().map(|r| r.get(name).map(Value::to_string)).collect::<StringArray>())
    };
    let times: ArrayRef =
        Arc::new(rows.iter().map(|r| r.get("timestamp").and_then(Value::as_f64)).collect::<Float64Array>());
    let columns = [
        ("path", texts("path")),
        ("split", texts("split")),
        ("width", sides("width")),
        ("height", sides("height")),
        ("frame", texts("frame")),
        ("sensor", texts("sensor")),
        ("timestamp", times),
        ("fields", json("fields")),
        ("labels", json("labels")),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).map_err(|e| fail("samples.parquet", e))
}

impl Writer<'_> {
    /// A sample as a row with its labels in one cell.
    fn row(&mut self, record: &SampleRecord) -> Result<Map<String, Value>> {
        let mut row = Map::new();
        row.insert("path".to_owned(), record.path.as_str().into());
        let texts = [("split", &record.split), ("frame", &record.frame), ("sensor", &record.sensor)];
        for (name, value) in texts {
            if let Some(value) = value {
                row.insert(name.to_owned(), value.as_str().into());
            }
        }
        if let Some((width, height)) = record.stated_size {
            row.insert("width".to_owned(), width.into());
            row.insert("height".to_owned(), height.into());
        }
        if let Some(time) = record.timestamp {
            row.insert("timestamp".to_owned(), time.into());
        }
        if let Some(labels) = record.layers.get(&self.layer) {
            row.insert("labels".to_owned(), json!(labels));
            self.done.labels += labels.len() as u64;
        }
        if !record.fields.is_empty() {
            row.insert("fields".to_owned(), json!(record.fields));
        }
        Ok(row)
    }

    fn flush(&mut self) -> Result<()> {
        if let Out::Columns(out, rows) = &mut self.out
            && !rows.is_empty()
        {
            out.write(&batch(rows)?).map_err(|e| fail(self.path, e))?;
            rows.clear();
        }
        Ok(())
    }

    fn cells(&mut self, record: &SampleRecord) -> Result<()> {
        let path = &record.path;
        self.losses.add_many(
            "fusion",
            path,
            usize::from(record.frame.is_some() || record.sensor.is_some() || record.timestamp.is_some()),
        )?;
        self.losses.add_many("fields", path, usize::from(!record.fields.is_empty()))?;
        let (width, height) =
            record.stated_size.map_or((String::new(), String::new()), |(w, h)| (w.to_string(), h.to_string()));
        let split = record.split.as_deref().unwrap_or_default();
        let mut rows: Vec<[String; 6]> = Vec::new();
        for label in record.layers.get(&self.layer).into_iter().flatten() {
            rows.extend(self.cells_of(label, path)?);
        }
        self.done.labels += rows.len() as u64;
        if rows.is_empty() {
            self.losses.add_many("not_looked_at", path, usize::from(record.layers.contains_key(&self.layer)))?;
            rows.push(Default::default());
        }
        let Out::Cells(out) = &mut self.out else { return Ok(()) };
        for row in &rows {
            let cells = [path.as_str(), split, &width, &height].into_iter().chain(row.iter().map(String::as_str));
            out.write_record(cells).map_err(|e| fail(self.path, e))?;
        }
        Ok(())
    }

    fn cells_of(&mut self, label: &Label, path: &str) -> Result<Option<[String; 6]>> {
        let class = label.class.clone().unwrap_or_else(|| UNLABELLED.to_owned());
        let sure = label.confidence.map(text).unwrap_or_default();
        self.losses.add_many(
            "attributes",
            path,
            usize::from(!label.attributes.is_empty() || label.instance.is_some()),
        )?;
        if label.label_type() == LabelType::Classification {
            return Ok(Some([class, String::new(), String::new(), String::new(), String::new(), sure]));
        }
        let Some(bounds) = label.bounds() else {
            self.losses.add("no_box", path)?;
            return Ok(None);
        };
        let b = match label.shape {
            Shape::Box2d(b) if label.bbox.is_none() => b,
            _ => {
                self.losses.add("shape", path)?;
                bounds
            }
        };
        Ok(Some([class, text(b.xmin), text(b.ymin), text(b.xmax), text(b.ymax), sure]))
    }
}

impl RecordWriter for Writer<'_> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        let more = record.layers.keys().filter(|l| **l != self.layer).count();
        self.losses.add_many("layers", &record.path, more)?;
        if let Some(media) = &record.media {
            self.sink.media(&record.path, Wanted::Media(media))?;
        }
        self.done.samples += 1;
        if matches!(self.out, Out::Cells(_)) {
            return self.cells(record);
        }
        let mut row = self.row(record)?;
        match &mut self.out {
            Out::Columns(_, rows) => {
                rows.push(row);
                if rows.len() >= BATCH {
                    self.flush()?;
                }
            }
            Out::Lines(out) => {
                // Fields stand as columns of their own unless their name has a meaning.
                if let Some(Value::Object(fields)) = row.remove("fields") {
                    let names: Vec<String> = fields.keys().cloned().chain(["path".to_owned()]).collect();
                    let judged = Columns::new(&names, &super::Told::default());
                    for (name, value) in fields {
                        if judged.means(&name) || row.contains_key(&name) || name == "labels" || value.is_null() {
                            self.losses.add("name", &record.path)?;
                        } else {
                            row.insert(name, value);
                        }
                    }
                }
                serde_json::to_writer(&mut *out, &row).map_err(|e| fail(self.path, e))?;
                out.write_all(b"\n").map_err(|e| FormatError::io("write", self.path, e))?;
            }
            Out::Cells(_) => {}
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        self.flush()?;
        match self.out {
            Out::Lines(mut out) => out.flush().map_err(|e| FormatError::io("write", self.path, e))?,
            Out::Cells(mut out) => out.flush().map_err(|e| FormatError::io("write", self.path, e))?,
            Out::Columns(out, _) => drop(out.close().map_err(|e| fail(self.path, e))?),
        }
        self.done.losses = self.losses.finish();
        Ok(self.done)
    }
}
