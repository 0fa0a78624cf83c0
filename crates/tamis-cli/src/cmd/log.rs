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
        let mut graph = entry.graph.iter();
        let first = graph.next().map(String::as_str).unwrap_or("*");
        printer.line(format!("{first} {id}{refs} {title}"));
        let rest = if entry.graph.len() > 1 { "" } else { "|" };
        let second = graph.next().map_or(rest, String::as_str);
        printer.line(format!("{second}   {when}"));
        graph.for_each(|line| printer.line(line));
    }
    Ok(ExitCode::SUCCESS)
}
