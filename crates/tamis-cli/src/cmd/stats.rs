//! `tamis stats`.

use std::process::ExitCode;

use clap::Args;
use tamis_engine::{Address, Result};

use super::Door;
use crate::printer::{Printer, Tone};
use crate::text;

/// Count samples, labels, classes and bytes. Answered from the commit's root: no sample is read.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis stats street              the newest commit on main
  tamis stats street@v1           a tag
  tamis stats street@v1:train/    the samples under train/
  tamis stats street --json       {samples, annotations, splits, classes, bytes, media, layers}")]
pub(crate) struct StatsArgs {
    /// DATASET[@REVISION][:PREFIX]
    address: String,
    /// Every class, not only the most frequent ones
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(args: &StatsArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let address: Address = args.address.parse()?;
    let stats = door.open()?.stats(&address)?;
    if printer.json {
        printer.json(&stats);
        return Ok(ExitCode::SUCCESS);
    }
    let head = printer.tone(Tone::Heading, &address);
    printer.line(format!("{head} at {}", text::short(&stats.commit)));
    let mut rows = vec![
        vec!["samples".to_owned(), text::number(stats.samples)],
        vec!["labels".to_owned(), text::number(stats.annotations)],
        vec!["media".to_owned(), text::size(stats.bytes)],
    ];
    let mut section = |title: &str, counts: &std::collections::BTreeMap<String, u64>, most: usize| {
        if counts.is_empty() || (counts.len() == 1 && counts.contains_key("")) {
            return;
        }
        rows.push(vec![title.to_owned()]);
        let mut sorted: Vec<_> = counts.iter().collect();
        sorted.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        for (name, count) in sorted.iter().take(most) {
            rows.push(vec![format!("  {}", text::or_none(name)), text::number(**count)]);
        }
        if sorted.len() > most {
            rows.push(vec![format!("  … and {} more", sorted.len() - most)]);
        }
    };
    let most = if args.all { usize::MAX } else { 20 };
    section("splits", &stats.splits, most);
    section("media types", &stats.media, most);
    section("sensors", &stats.sensors, most);
    for (layer, counts) in &stats.layers {
        section(&format!("{layer}: types"), &counts.types, most);
        section(&format!("{layer}: classes"), &counts.classes, most);
    }
    text::table(&rows).iter().for_each(|line| printer.line(line));
    Ok(ExitCode::SUCCESS)
}
