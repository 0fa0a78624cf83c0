//! `tamis search`.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use tamis_core::Label;
use tamis_engine::ops::search::{Counted, Found, Hit, SearchRequest, Sort};
use tamis_engine::{Address, Result};

use super::Door;
use crate::printer::{Printer, Tone};
use crate::text;

/// How samples are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// A line for people: path, split, pixels, the labels that were asked for
    Table,
    /// Comma-separated values: path, split, mime, size, width, height, labels found
    Csv,
    /// A line of JSON a sample: as `tamis ls --json`, and `matched`, the ids found by layer
    Jsonl,
    /// Paths alone
    Paths,
}

/// What `--count` counts.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Count {
    /// Samples that fit
    Samples,
    /// Labels that were asked for, in samples that fit
    Labels,
}

/// Find the samples that fit a filter.
#[derive(Debug, Args)]
#[command(after_help = "A filter is terms that must all fit:
  class:bus conf<0.4              a label that is both; a key that comes again is about another label
  [class:bus conf<0.4]            the same, said aloud; -[…] no such label
  class:bus,car   class:\"traffic light\"   class:bu*     any of; quoted; by wildcards
  split:val   path:train/   mime:image/png   width>1000   size>2MB   timestamp>=2026-01-31
  labels>=5   labels:bus>=3   labels[class:bus conf>0.5]=2..4   unlabelled
  has:truth   no:pred/*           layer there or not: looked at, or not
  layer:pred/yolo   type:polygon   area>1000   id:7   attr.occluded:true
  weather:rain   speed:50..80     your own fields; weather:* is any value
  night   ~\\d{4}$                 paths with this word; paths by regular expression
  A B   A AND B   A OR B   -A   NOT A   (A OR B) C
docs/filter.md tells all.

Examples:
  tamis search street 'class:bus conf<0.4 split:val -night'
  tamis search street@v1:train/ 'labels:person>=10' --sort -labels -n 20
  tamis search street 'class:bus OR class:tram' --count
  tamis search street class:bus --count=labels      from the commit's root: no sample is read
  tamis search street 'no:truth' --format paths
  tamis search street 'class:bus conf<0.4' --sql    the same for `tamis sql`, to go on from")]
pub(crate) struct SearchArgs {
    /// DATASET[@REVISION][:PREFIX]
    address: String,
    /// What samples must fit; all when absent
    #[arg(allow_hyphen_values = true, default_value = "", hide_default_value = true)]
    filter: String,
    /// Print the filter as a statement for `tamis sql -d DATASET`
    #[arg(long, conflicts_with_all = ["limit", "count", "sort", "format"])]
    sql: bool,
    #[command(flatten)]
    shown: Shown,
}

/// How an answer is shown.
#[derive(Debug, Args)]
pub(crate) struct Shown {
    /// At most so many; 0 = all
    #[arg(long, short = 'n', default_value_t = 0)]
    limit: usize,
    /// Only how many
    #[arg(long, value_enum, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "samples")]
    count: Option<Count>,
    /// By path, size, width, height, timestamp, labels (found) or a field; -KEY: from the greatest
    #[arg(long, value_name = "KEY", default_value = "path", allow_hyphen_values = true)]
    sort: String,
    /// How samples are printed
    #[arg(long, value_enum, default_value_t = Form::Table)]
    format: Form,
}

pub(crate) fn run(args: &SearchArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let address: Address = args.address.parse()?;
    if args.sql {
        let sql = door.open()?.search_sql(&address, &args.filter)?;
        if printer.json {
            printer.json(&serde_json::json!({ "sql": sql }))
        } else {
            printer.line(sql)
        }
        return Ok(ExitCode::SUCCESS);
    }
    search(address, &args.filter, &args.shown, door, printer)
}

/// Searches and prints.
pub(crate) fn search(
    address: Address,
    filter: &str,
    shown: &Shown,
    door: &Door<'_>,
    printer: &mut Printer,
) -> Result<ExitCode> {
    let engine = door.open()?;
    if let Some(count) = shown.count {
        let of = match count {
            Count::Samples => Counted::Samples,
            Count::Labels => Counted::Labels,
        };
        let counted = engine.search_count(&door.reading(), &address, filter, of)?;
        if printer.json {
            printer.json(&counted)
        } else {
            printer.line(counted.count)
        }
        return Ok(ExitCode::SUCCESS);
    }
    let form = if printer.json { Form::Jsonl } else { shown.format };
    let request = SearchRequest {
        address,
        filter: filter.to_owned(),
        sort: Sort::parse(&shown.sort),
        limit: shown.limit,
        whole: form != Form::Paths,
    };
    let found = engine.search(&door.reading(), &request)?;
    print(found, form, shown.limit, printer)
}

fn print(found: Found, form: Form, limit: usize, printer: &mut Printer) -> Result<ExitCode> {
    if form == Form::Csv {
        printer.line("path,split,mime,size,width,height,labels");
    }
    let mut count = 0;
    for hit in found.hits {
        let hit = hit?;
        count += 1;
        match form {
            Form::Table => {
                let line = row(&hit, printer);
                printer.line(line);
            }
            Form::Csv => printer.line(values(&hit)),
            Form::Jsonl => printer.json(&hit),
            Form::Paths => printer.line(text::path(&hit.sample.path)),
        }
        if printer.is_closed() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    if form == Form::Table {
        let more = if limit > 0 && count as usize == limit { "; there may be more" } else { "" };
        printer.say(format!("{} in {}{more}", text::count(count, "sample"), text::short(&found.commit)));
    }
    Ok(ExitCode::SUCCESS)
}

/// The most labels of a sample that are listed.
const LABELS: usize = 3;

fn row(hit: &Hit, printer: &Printer) -> String {
    let media = hit.sample.media.clone().unwrap_or_default();
    let pixels = media.width.zip(media.height).map_or("-".to_owned(), |(w, h)| format!("{w}×{h}"));
    let split = hit.sample.split.as_deref().unwrap_or("-");
    let labels: Vec<&Label> = hit
        .matched
        .iter()
        .flat_map(|(layer, ids)| ids.iter().map(move |id| (layer, *id)))
        .filter_map(|(layer, id)| hit.sample.layers.get(layer)?.iter().find(|label| label.id == id))
        .collect();
    let one = |label: &&Label| {
        let confidence = label.confidence.map(|confidence| format!(" {confidence:.2}")).unwrap_or_default();
        format!("{}{confidence}", label.class.as_deref().unwrap_or(label.label_type().as_str()))
    };
    let mut told: Vec<String> = labels.iter().take(LABELS).map(one).collect();
    if labels.len() > LABELS {
        told.push(format!("{} more", labels.len() - LABELS));
    }
    let facts = format!("{split:<8} {pixels:>11}  {}", printer.tone(Tone::Name, text::path(&hit.sample.path)));
    format!("{facts}  {}", told.join(", ")).trim_end().to_owned()
}

fn values(hit: &Hit) -> String {
    let media = hit.sample.media.as_ref();
    let pixels = |pixels: Option<u32>| pixels.map(|pixels| pixels.to_string()).unwrap_or_default();
    let cells = [
        hit.sample.path.clone(),
        hit.sample.split.clone().unwrap_or_default(),
        media.and_then(|media| media.mime.clone()).unwrap_or_default(),
        media.map(|media| media.size.to_string()).unwrap_or_default(),
        pixels(media.and_then(|media| media.width)),
        pixels(media.and_then(|media| media.height)),
        hit.matched.values().map(Vec::len).sum::<usize>().to_string(),
    ];
    let quoted = |cell: &String| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.clone(),
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",")
}
