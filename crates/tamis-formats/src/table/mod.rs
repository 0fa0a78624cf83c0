//! Tables: CSV, JSON lines and Parquet, with one row a sample or one row a label. Columns are recognised by name; the
//! others become fields of the sample (one row a sample) or attributes of the label (one row a label).
//!
//! Hugging Face's layouts are such tables: Parquet with images inside, and `metadata.jsonl` or `metadata.csv` beside
//! them, with boxes in a column `objects`.

mod columns;
mod gather;
mod huggingface;
mod objects;
mod parquet_rows;
mod write;

use serde_json::{Map, Value};
use tamis_core::{LabelType, Place, Report};

use crate::error::{FormatError, Result};
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::labels::Judge;
use crate::lex::csv;
use crate::lex::json::At;
use crate::paths;
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, Spec};

use columns::{Columns, OPTIONS, Told};
use gather::Gather;

pub(crate) use huggingface::HuggingFace;

const FLAT: &[LabelType] = &[LabelType::Classification, LabelType::Box2d];

const NESTED_LOSSES: &[Loss] = &[
    Loss { code: "layers", what: "further layers", instead: "only one layer is written" },
    Loss { code: "name", what: "fields named like columns with a meaning", instead: "left out" },
];

static JSONL: Spec = Spec {
    id: "jsonl",
    title: "JSON lines, one sample or label a line",
    homepage: "https://jsonlines.org/",
    extensions: &["jsonl", "ndjson"],
    media: &["any"],
    reads: LabelType::ALL,
    writes: LabelType::ALL,
    losses: NESTED_LOSSES,
    options: OPTIONS,
};

static PARQUET: Spec = Spec {
    id: "parquet",
    title: "Parquet tables, one sample or label a row",
    homepage: "https://parquet.apache.org/",
    extensions: &["parquet"],
    media: &["any"],
    reads: LabelType::ALL,
    writes: LabelType::ALL,
    losses: NESTED_LOSSES,
    options: OPTIONS,
};

static CSV: Spec = Spec {
    id: "csv",
    title: "CSV tables, one label (or sample) a row",
    homepage: "https://www.rfc-editor.org/rfc/rfc4180",
    extensions: &["csv", "tsv"],
    media: &["any"],
    reads: FLAT,
    writes: FLAT,
    losses: &[
        Loss { code: "layers", what: "further layers", instead: "only one layer is written" },
        Loss { code: "fusion", what: "frames, sensors and timestamps", instead: "left out" },
        Loss { code: "fields", what: "fields", instead: "left out" },
        Loss { code: "attributes", what: "attributes and instances of labels", instead: "left out" },
        Loss {
            code: "shape",
            what: "polygons, masks and other shapes with an extent",
            instead: "their boxes are written",
        },
        Loss { code: "no_box", what: "labels of other types", instead: "left out" },
        Loss { code: "not_looked_at", what: "samples looked at without labels", instead: "read back as not looked at" },
        Loss { code: "ids", what: "ids of labels", instead: "new ones are given" },
    ],
    options: OPTIONS,
};

/// JSON lines.
pub(crate) struct Jsonl;
/// CSV.
pub(crate) struct Csv;
/// Parquet.
pub(crate) struct Parquet;

/// A row: its cells by column name, and its line or number.
type Cells = (u64, Map<String, Value>);

/// Walks through the rows of a table file; rows that cannot be read go to the report.
fn walk(source: &Source, path: &str, judge: &Judge<'_>, each: &mut dyn FnMut(Cells)) -> Result<()> {
    match paths::extension(path).as_str() {
        "parquet" => parquet_rows::walk(source, path, judge, each),
        "csv" | "tsv" => walk_csv(source, path, judge, each),
        _ => walk_lines(source, path, judge, each),
    }
}

fn walk_csv(source: &Source, path: &str, judge: &Judge<'_>, each: &mut dyn FnMut(Cells)) -> Result<()> {
    let separator = csv::separator(&source.text_head(path, 64 << 10)?);
    let (mut rows, header) = match csv::Rows::new(source.text(path)?, separator) {
        Ok(rows) => rows,
        Err(fault) => {
            judge.error("syntax", fault.place(path), fault.message);
            return Ok(());
        }
    };
    while let Some(row) = rows.next() {
        match row {
            Ok(row) => {
                let filled = header.iter().zip(row.cells).filter(|(_, cell)| !cell.is_empty());
                each((row.line, filled.map(|(name, cell)| (name.clone(), columns::guess(cell))).collect()));
            }
            Err(fault) => judge.error("ragged", fault.place(path), fault.message),
        }
    }
    Ok(())
}

fn walk_lines(source: &Source, path: &str, judge: &Judge<'_>, each: &mut dyn FnMut(Cells)) -> Result<()> {
    use std::io::{BufRead, BufReader, Read};
    let mut reader = BufReader::with_capacity(256 << 10, source.text(path)?);
    let mut text = Vec::new();
    for line in 1u64.. {
        text.clear();
        let read =
            (&mut reader).take(256 << 20).read_until(b'\n', &mut text).map_err(|e| FormatError::io("read", path, e))?;
        if read == 0 {
            break;
        }
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice(text) {
            Ok(cells) => each((line, cells)),
            Err(e) => {
                let fault = At { line, column: 1 }.fault(&e);
                judge.error("syntax", fault.place(path), fault.message);
            }
        }
    }
    Ok(())
}

/// The table files of a format, those that have a column with paths or media.
fn tables<'a>(
    source: &'a Source,
    spec: &'static Spec,
    told: &Told,
    judge: &Judge<'_>,
) -> Result<Vec<(&'a str, Columns)>> {
    let (mut out, mut all) = (Vec::new(), Vec::new());
    let is_ours = |path: &str| spec.extensions.iter().any(|e| e.eq_ignore_ascii_case(paths::raw_extension(path)));
    for entry in source.entries().iter().filter(|entry| is_ours(&entry.path)) {
        let Some(names) = names(source, &entry.path, judge) else {
            judge.error("syntax", Place::file(&entry.path), "it has no columns that can be read; left out");
            continue;
        };
        let columns = Columns::new(&names, told);
        if columns.is_table() {
            out.push((entry.path.as_str(), columns));
        }
        all.push(names);
    }
    match told.missing(&all) {
        Some(column) => Err(FormatError::BadOption {
            format: spec.id,
            name: column.to_owned(),
            reason: format!("no table has this column; there are {}", all.concat().join(", ")),
        }),
        None => Ok(out),
    }
}

/// Names of the columns of a table.
fn names(source: &Source, path: &str, judge: &Judge<'_>) -> Option<Vec<String>> {
    match paths::extension(path).as_str() {
        "parquet" => parquet_rows::names(source, path).ok(),
        "csv" | "tsv" => {
            let head = source.text_head(path, 1 << 20).ok()?;
            csv::Rows::new(head.as_slice(), csv::separator(&head)).ok().map(|(_, header)| header)
        }
        _ => {
            let head = source.text_head(path, 1 << 20).ok()?;
            let mut names: Vec<String> = Vec::new();
            for line in head.split(|b| *b == b'\n').filter(|l| !l.iter().all(u8::is_ascii_whitespace)).take(200) {
                let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
                match serde_json::from_slice::<Map<String, Value>>(line) {
                    Ok(cells) => names.extend(cells.keys().filter(|k| !names.contains(k)).cloned().collect::<Vec<_>>()),
                    Err(e) => judge.note("syntax", Place::file(path), e),
                }
            }
            (!names.is_empty()).then_some(names)
        }
    }
}

/// The table files, when nobody is to be told what is wrong with them.
fn found<'a>(spec: &'static Spec, probe: &Probe<'a>) -> Vec<(&'a str, Columns)> {
    let report = Report::new();
    tables(probe.source(), spec, &Told::default(), &Judge { format: spec.id, report: &report }).unwrap_or_default()
}

fn detect(spec: &'static Spec, probe: &Probe<'_>) -> Confidence {
    let found = found(spec, probe);
    let Some((first, columns)) = found.first() else { return Confidence::NONE };
    let score = if columns.has_labels() { 60 } else { 45 };
    Confidence::new(score, format!("found `{first}` with columns {}", columns.describe()))
}

fn read<'a>(
    spec: &'static Spec,
    source: &'a Source,
    options: &ReadOptions,
    report: &'a Report,
) -> Result<Box<dyn RecordReader + 'a>> {
    let judge = Judge { format: spec.id, report };
    let files = tables(source, spec, &Told::new(spec, &options.options)?, &judge)?;
    if files.is_empty() {
        let reason = "no table has a column of paths or of media".to_owned();
        return Err(FormatError::NotThis { path: source.name().to_owned(), format: spec.id, reason });
    }
    let mut gather = Gather::new(source, judge, options.layer());
    for (path, columns) in files {
        gather.begin(path, columns, parquet_rows::class_names(source, path));
        walk(source, path, &judge, &mut |row| gather.row(row))?;
    }
    Ok(gather.finish())
}

macro_rules! table_format {
    ($name:ident, $spec:ident) => {
        impl Format for $name {
            fn spec(&self) -> &'static Spec {
                &$spec
            }
            fn detect(&self, probe: &Probe<'_>) -> Confidence {
                detect(&$spec, probe)
            }
            fn read<'a>(
                &self,
                source: &'a Source,
                options: &ReadOptions,
                report: &'a Report,
            ) -> Result<Box<dyn RecordReader + 'a>> {
                read(&$spec, source, options, report)
            }
            fn write<'a>(
                &self,
                sink: &'a Sink,
                schema: &Schema,
                options: &WriteOptions,
                report: &'a Report,
            ) -> Result<Box<dyn RecordWriter + 'a>> {
                write::write(&$spec, sink, schema, options, report)
            }
        }
    };
}

table_format!(Jsonl, JSONL);
table_format!(Csv, CSV);
table_format!(Parquet, PARQUET);

/// Reads bytes as CSV cells; how many rows could be read.
pub(crate) fn read_cells(bytes: &[u8]) -> usize {
    let Ok((mut rows, header)) = csv::Rows::new(bytes, csv::separator(bytes)) else { return 0 };
    let _ = Columns::new(&header, &Told::default());
    let mut count = 0;
    while let Some(row) = rows.next() {
        count += usize::from(row.is_ok_and(|r| r.cells.into_iter().map(columns::guess).count() > 0));
    }
    count
}
