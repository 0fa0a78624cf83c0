//! `tamis merge`, `tamis conflicts`, `tamis resolve`.

use std::process::ExitCode;

use clap::Args;
use tamis_core::{DatasetName, Label, Value};
use tamis_engine::Result;
use tamis_engine::ops::merge::{ConflictLine, ResolveRequest};

use super::Door;
use crate::printer::{Printer, Tone};
use crate::text;

/// Merge a branch or revision into a branch: by row, by field, by label.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis merge street fix                   fix into main
  tamis merge street main --into fix
  tamis merge street --continue            finish, once every conflict is decided
  tamis merge street --abort               give it up")]
pub(crate) struct MergeArgs {
    /// The dataset
    dataset: DatasetName,
    /// What to merge
    #[arg(required_unless_present_any = ["finish", "abort"])]
    source: Option<String>,
    /// Into which branch
    #[arg(long, default_value = "main", value_name = "BRANCH")]
    into: String,
    /// The commit's message
    #[arg(long, short, default_value = "")]
    message: String,
    /// Finish a merge whose conflicts are all decided
    #[arg(long = "continue", conflicts_with = "source")]
    finish: bool,
    /// Give up an unfinished merge
    #[arg(long, conflicts_with_all = ["source", "finish"])]
    abort: bool,
}

pub(crate) fn merge(args: &MergeArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let (engine, ctx, dataset, into) = (door.open()?, door.ctx(), &args.dataset, &args.into);
    if args.abort {
        engine.abort_merge(&ctx, dataset, into)?;
        printer.say(format!("Gave up the merge into {into}"));
        return Ok(ExitCode::SUCCESS);
    }
    let Some(source) = &args.source else {
        let commit = engine.continue_merge(&ctx, dataset, into)?;
        printer.line(format!("Merged into {into}: commit {}", printer.tone(Tone::Name, text::short(&commit))));
        return Ok(ExitCode::SUCCESS);
    };
    let report = engine.merge(&ctx, dataset, source, into, &args.message)?;
    if printer.json {
        printer.json(&report);
    } else {
        let id = report.commit.as_deref().map(|id| printer.tone(Tone::Name, text::short(id))).unwrap_or_default();
        match report.outcome {
            "up_to_date" => printer.line(format!("Nothing to merge: {into} has all of {source}")),
            "fast_forward" => printer.line(format!("Moved {into} forward to {source}: commit {id}")),
            "merged" => printer.line(format!("Merged {source} into {into}: commit {id}")),
            _ => {
                printer
                    .line(format!("{} between {source} and {into}", text::count(report.conflicts as u64, "conflict")));
                printer.say(format!("See them with `tamis conflicts {dataset}{}`", on(into)));
                printer.say(format!(
                    "Decide with `tamis resolve {dataset}{} PATH --with ours|theirs|base|JSON`",
                    on(into)
                ));
                printer.say(format!("Then `tamis merge {dataset} --continue{}`", on(into)));
            }
        }
    }
    Ok(if report.outcome == "conflicts" { ExitCode::from(4) } else { ExitCode::SUCCESS })
}

/// The option that names a branch, unless it is the default.
fn on(branch: &str) -> String {
    if branch == "main" { String::new() } else { format!(" --into {branch}") }
}

/// List the conflicts of an unfinished merge.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis conflicts street
  tamis conflicts street --into fix --json")]
pub(crate) struct ConflictsArgs {
    /// The dataset
    dataset: DatasetName,
    /// The branch that is merged into
    #[arg(long, default_value = "main", value_name = "BRANCH")]
    into: String,
}

pub(crate) fn conflicts(args: &ConflictsArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let Some(merge) = door.open()?.conflicts(&args.dataset, &args.into)? else {
        if printer.json {
            printer.json(&serde_json::Value::Null);
        } else {
            printer.say(format!("No unfinished merge into {}", args.into));
        }
        return Ok(ExitCode::SUCCESS);
    };
    if printer.json {
        printer.json(&merge);
        return Ok(ExitCode::SUCCESS);
    }
    let head =
        format!("Merging {} into {}: {} open", merge.source, merge.branch, text::count(merge.open as u64, "conflict"));
    let head = printer.tone(Tone::Heading, head);
    printer.line(head);
    for line in &merge.conflicts {
        render(line, printer);
    }
    Ok(ExitCode::SUCCESS)
}

fn render(line: &ConflictLine, printer: &mut Printer) {
    let conflict = &line.conflict;
    let (tone, state) = match &conflict.resolution {
        None => (Tone::Bad, "open".to_owned()),
        Some(decision) => (Tone::Good, serde_json::to_string(decision).unwrap_or_default().replace('"', "")),
    };
    let state = printer.tone(tone, format!("[{state}]"));
    printer.line(format!("{state} {}", line.place));
    for (side, value) in [("base", &conflict.base), ("ours", &conflict.ours), ("theirs", &conflict.theirs)] {
        printer.line(format!("    {side:<7} {}", value.as_ref().map_or("not there".to_owned(), said)));
    }
}

/// A value of a conflict: a label as a line, anything else as JSON.
fn said(value: &Value) -> String {
    match serde_json::from_value::<Label>(value.clone()) {
        Ok(label) => text::label(&label),
        Err(_) => {
            let json = value.to_string();
            let short: String = json.chars().take(160).collect();
            if short.len() < json.len() { format!("{short}…") } else { json }
        }
    }
}

/// Decide conflicts of an unfinished merge.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis resolve street '*' --with theirs             all of them
  tamis resolve street train/0001.jpg --with ours    those of one sample
  tamis resolve street train/0001.jpg --label 7 --with '{\"id\":7,\"type\":\"box2d\",…}'")]
pub(crate) struct ResolveArgs {
    /// The dataset
    dataset: DatasetName,
    /// A path, or a pattern with *
    #[arg(value_name = "PATH")]
    pattern: String,
    /// ours, theirs, base, or the value as JSON
    #[arg(long, value_name = "HOW")]
    with: String,
    /// Only the conflict about the label of this id
    #[arg(long, value_name = "ID")]
    label: Option<u64>,
    /// The branch that is merged into
    #[arg(long, default_value = "main", value_name = "BRANCH")]
    into: String,
}

pub(crate) fn resolve(args: &ResolveArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let request = ResolveRequest { pattern: args.pattern.clone(), label: args.label, with: args.with.clone() };
    let done = door.open()?.resolve(&door.ctx(), &args.dataset, &args.into, &request)?;
    if printer.json {
        printer.json(&done);
        return Ok(ExitCode::SUCCESS);
    }
    printer.line(format!("Decided {}, {} open", text::count(done.decided as u64, "conflict"), done.open));
    if done.open == 0 {
        printer.say(format!("Finish with `tamis merge {} --continue{}`", args.dataset, on(&args.into)));
    }
    Ok(ExitCode::SUCCESS)
}
