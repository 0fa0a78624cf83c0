//! `tamis sql`.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use tamis_engine::ops::sql::{AnswerColumn, Explain, OutputFormat, SqlAnswer, SqlRequest, functions};
use tamis_engine::{EngineError, Result};

use super::Door;
use crate::printer::{Printer, Tone};
use crate::text;

/// Ask datasets anything in SQL. Reads only what the query asks for; changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis sql -d street \"SELECT class, count(*) AS n FROM annotations GROUP BY class ORDER BY n DESC\"
  tamis sql -d street@v1 \"SELECT path FROM samples WHERE has_class(truth, 'bus') AND split = 'val'\"
  tamis sql \"SELECT a.path FROM \\\"street@v2.samples\\\" a LEFT ANTI JOIN \\\"street@v1.samples\\\" b USING (path)\"
  tamis sql -d street \"SELECT what, change, count(*) FROM diff('v1', 'main') GROUP BY 1, 2\"
  tamis sql -d street --format parquet -o boxes.parquet \"SELECT * FROM annotations WHERE type = 'box2d'\"
  tamis sql -d street --explain \"SELECT count(*) FROM annotations\"

Tables of every dataset and revision, as \"DATASET@REVISION.TABLE\": samples, annotations (one row a label), log, ontology,
sensors, and others that the commit has; diff('a', 'b') tells what differs. docs/query.md says more.")]
pub(crate) struct SqlArgs {
    /// The query; `-` reads it from standard input
    #[arg(required_unless_present = "functions")]
    query: Option<String>,
    /// The dataset of tables that are named without one
    #[arg(long, short, value_name = "DATASET[@REVISION]")]
    dataset: Option<String>,
    /// What to print or write [default: table; with -o by the file's ending]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write to a file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// At most so many rows
    #[arg(long, short = 'n', value_name = "N")]
    limit: Option<usize>,
    /// The most memory that sorts, joins and groups may hold before they spill to disk, e.g. 512MB
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Tell how the query is run: what is read, what is left out
    #[arg(long)]
    explain: bool,
    /// Run the query and tell what was read
    #[arg(long, conflicts_with = "explain")]
    analyze: bool,
    /// List the functions beside the usual ones of SQL
    #[arg(long)]
    functions: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Jsonl,
    Csv,
    Parquet,
    Arrow,
}

impl Format {
    fn written(self) -> Option<OutputFormat> {
        match self {
            Format::Table => None,
            Format::Json => Some(OutputFormat::Json),
            Format::Jsonl => Some(OutputFormat::Jsonl),
            Format::Csv => Some(OutputFormat::Csv),
            Format::Parquet => Some(OutputFormat::Parquet),
            Format::Arrow => Some(OutputFormat::Arrow),
        }
    }
}

pub(crate) fn run(args: &SqlArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    if args.functions {
        list_functions(printer);
        return Ok(ExitCode::SUCCESS);
    }
    let request = SqlRequest {
        sql: query(args)?,
        dataset: args.dataset.clone(),
        memory: args.memory.as_deref().map(bytes).transpose()?,
        limit: args.limit,
        explain: match (args.explain, args.analyze) {
            (true, _) => Explain::Plan,
            (_, true) => Explain::Run,
            _ => Explain::No,
        },
        ..SqlRequest::default()
    };
    let is_told = args.explain || args.analyze;
    let format = format(args, printer.json)?;
    let answer = door.open()?.sql(&door.reading(), &request)?;
    if is_told {
        return plan(answer, printer);
    }
    match (format.written(), &args.output) {
        (Some(format), Some(path)) => {
            let fail = |e: std::io::Error| {
                EngineError::new("format.io", format!("cannot write {}: {e}", path.display()))
                    .hint("choose another file")
            };
            let mut file = BufWriter::new(File::create(path).map_err(fail)?);
            let rows = answer.write(format, &mut file)?;
            file.flush().map_err(fail)?;
            printer.say(format!("Wrote {} to {}", text::count(rows, "row"), path.display()));
        }
        (Some(format), None) => {
            let mut out = BufWriter::new(std::io::stdout());
            match answer.write(format, &mut out) {
                // The reader of a pipe has seen enough.
                Err(error) if error.message.contains("Broken pipe") => {}
                other => drop(other?),
            }
        }
        (None, _) => table(answer, printer)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn query(args: &SqlArgs) -> Result<String> {
    let given = args.query.clone().unwrap_or_default();
    if given != "-" {
        return Ok(given);
    }
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.map_err(|e| EngineError::new("format.io", format!("cannot read the query from standard input: {e}")))?;
    Ok(text)
}

fn format(args: &SqlArgs, json: bool) -> Result<Format> {
    let ending = args.output.as_ref().and_then(|path| path.extension()).and_then(|ending| ending.to_str());
    match (args.format, ending, json) {
        (Some(Format::Table), ..) if args.output.is_some() => {
            let message = "a table for a terminal is not written to a file";
            Err(EngineError::new("usage", message).hint("choose --format csv, jsonl, json, parquet or arrow"))
        }
        (Some(format), ..) => Ok(format),
        (None, Some("json"), _) => Ok(Format::Json),
        (None, Some("jsonl" | "ndjson"), _) => Ok(Format::Jsonl),
        (None, Some("csv"), _) => Ok(Format::Csv),
        (None, Some("parquet"), _) => Ok(Format::Parquet),
        (None, Some("arrow" | "arrows" | "ipc"), _) => Ok(Format::Arrow),
        (None, _, true) => Ok(Format::Jsonl),
        (None, _, false) if args.output.is_some() => {
            let message = "the file's ending says no format";
            Err(EngineError::new("usage", message).hint("choose one with --format"))
        }
        _ => Ok(Format::Table),
    }
}

/// A size such as `512MB`, `2GiB` or a number of bytes.
fn bytes(text: &str) -> Result<u64> {
    let wrong = || {
        EngineError::new("usage", format!("`{text}` is no size"))
            .hint("write it as 512MB, 2GB, 1GiB or a number of bytes")
    };
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..at].parse().map_err(|_| wrong())?;
    let unit = match text[at..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1048576.0,
        "gib" => 1073741824.0,
        _ => return Err(wrong()),
    };
    let size = number * unit;
    if (1.0..1e18).contains(&size) { Ok(size as u64) } else { Err(wrong()) }
}

fn list_functions(printer: &mut Printer) {
    for function in functions() {
        if printer.json {
            printer.json(&function);
            continue;
        }
        let usage = printer.tone(Tone::Name, function.usage);
        printer.line(usage);
        printer.line(format!("    {}", function.about));
        let example = printer.tone(Tone::Faint, function.example);
        printer.line(format!("    {example}"));
    }
}

/// The plan's text as it is: its lines are its layout.
fn plan(mut answer: SqlAnswer, printer: &mut Printer) -> Result<ExitCode> {
    while let Some(rows) = answer.next_cells() {
        for row in rows? {
            let mut cells = row.into_iter().map(Option::unwrap_or_default);
            let (kind, text) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
            let head = printer.tone(Tone::Heading, kind.replace('_', " "));
            printer.line(head);
            text.lines().for_each(|line| printer.line(format!("  {line}")));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The most characters of a cell.
const CELL: usize = 60;

/// Rows that decide the widths of columns; later ones follow them.
const HEAD: usize = 1000;

fn table(mut answer: SqlAnswer, printer: &mut Printer) -> Result<()> {
    let columns = answer.columns();
    let mut rows = 0u64;
    let mut waiting: Vec<Vec<String>> = Vec::new();
    let mut widths: Option<Vec<usize>> = None;
    while let Some(batch) = answer.next_cells() {
        let batch = batch?;
        rows += batch.len() as u64;
        waiting.extend(batch.iter().map(|row| row.iter().map(|cell| shown(cell.as_deref())).collect()));
        if waiting.len() >= HEAD || widths.is_some() {
            flush(&columns, &mut waiting, &mut widths, printer);
        }
        if printer.is_closed() {
            return Ok(());
        }
    }
    flush(&columns, &mut waiting, &mut widths, printer);
    printer.say(text::count(rows, "row"));
    Ok(())
}

/// A cell on one line, cut in its middle where it is long.
fn shown(cell: Option<&str>) -> String {
    let Some(cell) = cell else { return "·".to_owned() };
    let clean = text::path(cell);
    let length = clean.chars().count();
    if length <= CELL {
        return clean;
    }
    let head: String = clean.chars().take(CELL * 2 / 3).collect();
    let tail: String = clean.chars().skip(length - (CELL - CELL * 2 / 3 - 1)).collect();
    format!("{head}…{tail}")
}

fn flush(
    columns: &[AnswerColumn],
    waiting: &mut Vec<Vec<String>>,
    widths: &mut Option<Vec<usize>>,
    printer: &mut Printer,
) {
    let is_first = widths.is_none();
    let widths = widths.get_or_insert_with(|| {
        let width = |at: usize| {
            let cells = waiting.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
            cells.chain([columns[at].name.chars().count()]).max().unwrap_or(0)
        };
        (0..columns.len()).map(width).collect()
    });
    let line = |cells: &[String]| {
        let padded = cells.iter().enumerate().map(|(at, cell)| {
            let fill = " ".repeat(widths[at].saturating_sub(cell.chars().count()));
            if columns[at].is_number { format!("{fill}{cell}") } else { format!("{cell}{fill}") }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    if is_first && !columns.is_empty() {
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let head = printer.tone(Tone::Heading, line(&names));
        printer.line(head);
    }
    for row in waiting.drain(..) {
        printer.line(line(&row));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_long_cells_are_read_and_cut() {
        assert_eq!(bytes("512MB").unwrap(), 512_000_000);
        assert_eq!(bytes("1.5 GiB").unwrap(), 1_610_612_736);
        assert_eq!(bytes("4096").unwrap(), 4096);
        for bad in ["", "MB", "0", "-1", "2 parsecs", "1e99"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
        assert_eq!(shown(None), "·");
        assert_eq!(shown(Some("a\nb")), "a\\nb");
        let long = shown(Some(&"x".repeat(500)));
        assert_eq!(long.chars().count(), CELL);
    }
}
