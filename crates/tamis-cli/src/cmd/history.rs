//! `tamis revert`, `tamis cherry-pick`, `tamis squash`, `tamis protect`, `tamis compact`.

use std::process::ExitCode;

use clap::Args;
use tamis_core::DatasetName;
use tamis_engine::Result;
use tamis_engine::ops::merge::MergeReport;

use super::Door;
use crate::printer::{Printer, Tone};
use crate::text;

/// Undo what a commit changed, in a new commit.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis revert street main~2
  tamis revert street 1a2b3c4d --on fix")]
pub(crate) struct RevertArgs {
    /// The dataset
    dataset: DatasetName,
    /// The commit
    revision: String,
    /// On which branch
    #[arg(long, default_value = "main", value_name = "BRANCH")]
    on: String,
}

pub(crate) fn revert(args: &RevertArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let report = door.open()?.revert(&door.ctx(), &args.dataset, &args.revision, &args.on)?;
    Ok(render("Reverted", &args.revision, &args.dataset, &args.on, &report, printer))
}

/// Make a commit's change again on another branch.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis cherry-pick street fix~1
  tamis cherry-pick street 1a2b3c4d --on release")]
pub(crate) struct CherryPickArgs {
    /// The dataset
    dataset: DatasetName,
    /// The commit
    revision: String,
    /// On which branch
    #[arg(long, default_value = "main", value_name = "BRANCH")]
    on: String,
}

pub(crate) fn cherry_pick(args: &CherryPickArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let report = door.open()?.cherry_pick(&door.ctx(), &args.dataset, &args.revision, &args.on)?;
    Ok(render("Picked", &args.revision, &args.dataset, &args.on, &report, printer))
}

fn render(
    verb: &str,
    what: &str,
    dataset: &DatasetName,
    on: &str,
    report: &MergeReport,
    printer: &mut Printer,
) -> ExitCode {
    let conflicts = report.outcome == "conflicts";
    if printer.json {
        printer.json(report);
    } else if conflicts {
        printer.line(format!("{} with what {on} has now", text::count(report.conflicts as u64, "conflict")));
        printer.say(format!("See them with `tamis conflicts {dataset}`, decide with `tamis resolve`"));
    } else {
        let id = report.commit.as_deref().map(|id| printer.tone(Tone::Name, text::short(id)));
        let id = id.map_or_else(|| "nothing changed".to_owned(), |id| format!("commit {id}"));
        printer.line(format!("{verb} {what} on {on}: {id}"));
    }
    if conflicts { ExitCode::from(4) } else { ExitCode::SUCCESS }
}

/// Make the commits of a branch since a revision into one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis squash street main~3 -m 'labels of week 12'
  tamis squash street main --branch fix -m 'all of fix'")]
pub(crate) struct SquashArgs {
    /// The dataset
    dataset: DatasetName,
    /// The last commit that stays as it is
    since: String,
    /// The branch
    #[arg(long, default_value = "main")]
    branch: String,
    /// The new commit's message
    #[arg(long, short)]
    message: String,
}

pub(crate) fn squash(args: &SquashArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let id = door.open()?.squash(&door.ctx(), &args.dataset, &args.branch, &args.since, &args.message)?;
    if printer.json {
        printer.json(&serde_json::json!({"commit": id}));
    } else {
        printer.line(format!("Squashed {} since {}: commit {}", args.branch, args.since, text::short(&id)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Protect a branch from direct commits, resets and deletion.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis protect street main
  tamis protect street main --off")]
pub(crate) struct ProtectArgs {
    /// The dataset
    dataset: DatasetName,
    /// The branch
    branch: String,
    /// Lift the protection
    #[arg(long)]
    off: bool,
}

pub(crate) fn protect(args: &ProtectArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    door.open()?.protect_branch(&door.ctx(), &args.dataset, &args.branch, !args.off)?;
    let state = if args.off { "no longer protected" } else { "protected" };
    printer.say(format!("{} of {} is {state}", args.branch, args.dataset));
    Ok(ExitCode::SUCCESS)
}

/// Fold a branch's changes into its base, so that reading is as fast as after the first import.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis compact street
  tamis compact street --branch fix")]
pub(crate) struct CompactArgs {
    /// The dataset
    dataset: DatasetName,
    /// The branch
    #[arg(long, default_value = "main")]
    branch: String,
}

pub(crate) fn compact(args: &CompactArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let commit = door.open()?.compact(&door.ctx(), &args.dataset, &args.branch)?;
    match (&commit, printer.json) {
        (_, true) => printer.json(&serde_json::json!({"commit": commit})),
        (Some(id), _) => printer.line(format!("Compacted {}: commit {}", args.branch, text::short(id))),
        (None, _) => printer.line(format!("Nothing to compact: {} is folded already", args.branch)),
    }
    Ok(ExitCode::SUCCESS)
}
