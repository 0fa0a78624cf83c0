//! `tamis log`.

use std::process::ExitCode;

use clap::Args;
use tamis_engine::ops::log::LogRequest;
use tamis_engine::{Address, Result};

use super::Door;
use crate::printer::{Printer, Tone};
use crate::text;

/// Show the history.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis log street               newest first, with the graph of branches and merges
  tamis log street@fix -n 5      the last five commits that `fix` reaches
  tamis log street --all         all branches, tags and drafts")]
pub(crate) struct LogArgs {
    /// DATASET[@REVISION]
    address: String,
    /// At most so many; 0 = all
    #[arg(long, short = 'n', default_value_t = 0)]
    limit: usize,
    /// All branches, tags and drafts
    #[arg(long)]
    all: bool,
    /// Follow first parents only
    #[arg(long)]
    first_parent: bool,
}

pub(crate) fn run(args: &LogArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let address: Address = args.address.parse()?;
    let request = LogRequest { limit: args.limit, all: args.all, first_parent: args.first_parent };
    for entry in door.open()?.log(&address, &request)? {
        if printer.json {
            printer.json(&entry);
            continue;
        }
        let id = printer.tone(Tone::Name, text::short(&entry.id));
        let refs = match entry.refs.is_empty() {
            true => String::new(),
            false => printer.tone(Tone::Good, format!(" ({})", entry.refs.join(", "))),
        };
        let title = entry.message.lines().next().unwrap_or("");
        let when = printer.tone(Tone::Faint, format!("{}  {}", text::time(entry.time), entry.author));
        // Lines that join lanes may stand before the commit's own, which has the star.
        let star = entry.graph.iter().position(|line| line.contains('*')).unwrap_or(0);
        let (before, own) = entry.graph.split_at(star);
        before.iter().for_each(|line| printer.line(line));
        let first = own.first().map_or("*", String::as_str);
        printer.line(format!("{first} {id}{refs} {title}"));
        let below = first.replace('*', if entry.parents.is_empty() { " " } else { "|" });
        let second = own.get(1).unwrap_or(&below);
        printer.line(format!("{second}   {when}"));
        own.iter().skip(2).for_each(|line| printer.line(line));
    }
    Ok(ExitCode::SUCCESS)
}
