//! Answers as files and as text: JSON, CSV, Parquet, Arrow, and cells for a terminal.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::csv;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use arrow::json::writer::{JsonArray, LineDelimited, WriterBuilder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

use crate::error::{QueryError, Result};
use crate::sql::Answer;

/// What an answer is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputFormat {
    /// One list of objects.
    Json,
    /// One object a line.
    Jsonl,
    /// Comma-separated values with a head line; lists and structs as JSON.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// The Arrow IPC stream.
    Arrow,
}

impl FromStr for OutputFormat {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<OutputFormat> {
        match text {
            "json" => Ok(OutputFormat::Json),
            "jsonl" => Ok(OutputFormat::Jsonl),
            "csv" => Ok(OutputFormat::Csv),
            "parquet" => Ok(OutputFormat::Parquet),
            "arrow" => Ok(OutputFormat::Arrow),
            other => {
                let reason = format!("`{other}` is no format: choose json, jsonl, csv, parquet or arrow");
                Err(QueryError::Invalid { reason })
            }
        }
    }
}

/// A column of an answer, for doors that render it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerColumn {
    /// The name.
    pub name: String,
    /// Numbers, which stand right-aligned.
    pub is_number: bool,
}

fn arrow_error(error: ArrowError) -> QueryError {
    match error {
        ArrowError::IoError(_, source) => QueryError::Io { source },
        other => QueryError::Invalid { reason: other.to_string() },
    }
}

fn parquet_error(error: ParquetError) -> QueryError {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(source) => QueryError::Io { source: *source },
            Err(other) => QueryError::Invalid { reason: other.to_string() },
        },
        other => QueryError::Invalid { reason: other.to_string() },
    }
}

/// Hides what a sink is from writers that print it.
struct Out<'a>(&'a mut (dyn Write + Send));

impl fmt::Debug for Out<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Out")
    }
}

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Answer {
    /// The columns, for doors that render cells.
    pub fn columns(&self) -> Vec<AnswerColumn> {
        let column =
            |field: &Arc<Field>| AnswerColumn { name: field.name().clone(), is_number: field.data_type().is_numeric() };
        self.schema().fields().iter().map(column).collect()
    }

    /// The cells of the next rows as texts, null as none; [`None`] at the end.
    pub fn next_cells(&mut self) -> Option<Result<Vec<Vec<Option<String>>>>> {
        self.next().map(|batch| batch.and_then(|batch| cells(&batch)))
    }

    /// Writes all rows. Gives how many there were.
    ///
    /// # Errors
    /// Those of the query; a sink that refuses bytes.
    pub fn write(mut self, format: OutputFormat, out: &mut (dyn Write + Send)) -> Result<u64> {
        let schema = self.schema().clone();
        let mut out = Out(out);
        let mut rows = 0;
        let mut each = |put: &mut dyn FnMut(&RecordBatch) -> Result<()>| -> Result<()> {
            for batch in self.by_ref() {
                let batch = batch?;
                rows += batch.num_rows() as u64;
                put(&batch)?;
            }
            Ok(())
        };
        let json = WriterBuilder::new().with_explicit_nulls(true);
        match format {
            OutputFormat::Json => {
                let mut writer = json.build::<_, JsonArray>(&mut out);
                each(&mut |batch| writer.write(batch).map_err(arrow_error))?;
                writer.finish().map_err(arrow_error)?;
                out.write_all(b"\n").map_err(|source| QueryError::Io { source })?;
            }
            OutputFormat::Jsonl => {
                let mut writer = json.build::<_, LineDelimited>(&mut out);
                each(&mut |batch| writer.write(batch).map_err(arrow_error))?;
                writer.finish().map_err(arrow_error)?;
            }
            OutputFormat::Csv => {
                let flat = flat_schema(&schema);
                let mut writer = csv::WriterBuilder::new().with_header(true).build(&mut out);
                writer.write(&RecordBatch::new_empty(Arc::clone(&flat))).map_err(arrow_error)?;
                each(&mut |batch| writer.write(&flattened(batch, &flat)?).map_err(arrow_error))?;
            }
            OutputFormat::Parquet => {
                let mut writer = ArrowWriter::try_new(&mut out, schema, None).map_err(parquet_error)?;
                each(&mut |batch| writer.write(batch).map_err(parquet_error))?;
                writer.close().map_err(parquet_error)?;
            }
            OutputFormat::Arrow => {
                let mut writer = StreamWriter::try_new(&mut out, &schema).map_err(arrow_error)?;
                each(&mut |batch| writer.write(batch).map_err(arrow_error))?;
                writer.finish().map_err(arrow_error)?;
            }
        }
        out.flush().map_err(|source| QueryError::Io { source })?;
        Ok(rows)
    }
}

fn is_nested(data_type: &DataType) -> bool {
    data_type.is_nested() || matches!(data_type, DataType::Null)
}

fn flat_schema(schema: &SchemaRef) -> SchemaRef {
    let flat = |field: &Arc<Field>| match is_nested(field.data_type()) {
        true => Arc::new(Field::new(field.name(), DataType::Utf8, true)),
        false => Arc::clone(field),
    };
    Arc::new(Schema::new(schema.fields().iter().map(flat).collect::<Vec<_>>()))
}

/// Lists and structs as JSON texts.
fn flattened(batch: &RecordBatch, flat: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(|column| match is_nested(column.data_type()) {
        true => json_texts(column),
        false => Ok(Arc::clone(column)),
    });
    Ok(RecordBatch::try_new(Arc::clone(flat), columns.collect::<Result<_>>()?)?)
}

/// Each value as JSON; null stays null.
fn json_texts(values: &ArrayRef) -> Result<ArrayRef> {
    let schema = Arc::new(Schema::new(vec![Field::new("v", values.data_type().clone(), true)]));
    let batch = RecordBatch::try_new(schema, vec![Arc::clone(values)])?;
    let mut bytes = Vec::new();
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut bytes);
    writer.write(&batch).map_err(arrow_error)?;
    writer.finish().map_err(arrow_error)?;
    drop(writer);
    let text = String::from_utf8_lossy(&bytes);
    let value = |line: &str| line.strip_prefix("{\"v\":").and_then(|rest| rest.strip_suffix('}')).map(str::to_owned);
    let texts: StringArray =
        text.lines().enumerate().map(|(row, line)| value(line).filter(|_| values.is_valid(row))).collect();
    Ok(Arc::new(texts))
}

fn cells(batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>> {
    let options = FormatOptions::default();
    let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(arrow_error)?;
    let mut rows = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let cell = |(column, values): (&ArrayFormatter<'_>, &ArrayRef)| match values.is_null(row) {
            true => Ok(None),
            false => column.value(row).try_to_string().map(Some),
        };
        let cells = columns.iter().zip(batch.columns()).map(cell).collect::<Result<Vec<_>, _>>();
        rows.push(cells.map_err(arrow_error)?);
    }
    Ok(rows)
}
