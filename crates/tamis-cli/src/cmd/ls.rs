//! `tamis ls`.

use std::process::ExitCode;

use clap::Args;
use tamis_engine::ops::ls::LsOptions;
use tamis_engine::{Address, Result};

use super::Door;
use crate::printer::{Printer, Tone};
use crate::text;

/// List datasets, or the samples of one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis ls                          the datasets of the lake
  tamis ls street                   the samples of street, on main
  tamis ls street@v1:train/ -l      those under train/ at the tag v1, with sizes and labels
  tamis ls street --where 'class:bus -night'
  tamis ls street --json            a line of JSON for each sample")]
pub(crate) struct LsArgs {
    /// DATASET[@REVISION][:PREFIX]; the lake's datasets when absent
    address: Option<String>,
    /// With size, type and labels of each sample
    #[arg(long, short)]
    long: bool,
    /// At most so many; 0 = all
    #[arg(long, short = 'n', default_value_t = 0)]
    limit: usize,
    /// Only samples that fit (see `tamis help search`)
    #[arg(
        long = "where",
        value_name = "FILTER",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    filter: String,
    /// Only after this path
    #[arg(long)]
    after: Option<String>,
}

pub(crate) fn run(args: &LsArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let Some(address) = &args.address else { return datasets(door, printer) };
    let address: Address = address.parse()?;
    let options = LsOptions { after: args.after.clone(), limit: args.limit, filter: args.filter.clone() };
    for sample in door.open()?.list_samples(&door.reading(), &address, &options)? {
        let sample = sample?;
        if printer.json {
            printer.json(&sample);
        } else if args.long {
            let media = sample.media.clone().unwrap_or_default();
            let pixels = media.width.zip(media.height).map_or("-".to_owned(), |(w, h)| format!("{w}×{h}"));
            let labels: usize = sample.layers.values().map(Vec::len).sum();
            let mime = media.mime.unwrap_or_else(|| "-".to_owned());
            let split = sample.split.unwrap_or_else(|| "-".to_owned());
            let facts =
                format!("{:>9}  {mime:<12} {pixels:>11}  {labels:>4} labels  {split:<8}", text::size(media.size));
            printer.line(format!("{facts} {}", text::path(&sample.path)));
        } else {
            printer.line(text::path(&sample.path));
        }
        if printer.is_closed() {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn datasets(door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let engine = door.open()?;
    let lines = engine.list_datasets()?;
    if printer.json {
        printer.json(&lines);
        return Ok(ExitCode::SUCCESS);
    }
    if lines.is_empty() {
        printer.say(format!("No datasets in {} yet; `tamis import FOLDER` makes one", engine.place()));
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![["dataset", "samples", "labels", "bytes", "commit", "when"].map(str::to_owned).to_vec()];
    for line in lines {
        rows.push(vec![
            line.name,
            text::number(line.samples),
            text::number(line.annotations),
            text::size(line.bytes),
            text::short(&line.commit).to_owned(),
            text::time(line.time),
        ]);
    }
    let table = text::table(&rows);
    let head = printer.tone(Tone::Heading, &table[0]);
    printer.line(head);
    table[1..].iter().for_each(|line| printer.line(line));
    Ok(ExitCode::SUCCESS)
}
