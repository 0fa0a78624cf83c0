//! `tamis branch`, `tamis tag`, `tamis undo`, `tamis oplog`.

use std::process::ExitCode;

use clap::Args;
use tamis_core::DatasetName;
use tamis_engine::{Address, Result};

use super::Door;
use crate::printer::{Printer, Tone};
use crate::text;

/// List, make, rename or delete branches.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis branch street                    list them, with how far they are from the default branch
  tamis branch street fix                make `fix` at main
  tamis branch street fix --at v1        make `fix` at a tag
  tamis branch street fix --delete
  tamis branch street main --protect     refuse direct commits")]
pub(crate) struct BranchArgs {
    /// The dataset
    dataset: DatasetName,
    /// The branch
    name: Option<String>,
    /// Where it begins
    #[arg(long, default_value = "main", value_name = "REVISION")]
    at: String,
    /// Give it another name
    #[arg(long, value_name = "NEW", conflicts_with_all = ["delete", "protect", "unprotect"])]
    rename: Option<String>,
    /// Delete it
    #[arg(long, short)]
    delete: bool,
    /// Delete it though nothing else has its commits
    #[arg(long, requires = "delete")]
    force: bool,
    /// Refuse direct commits, resets and deletion
    #[arg(long)]
    protect: bool,
    /// Lift the protection
    #[arg(long, conflicts_with = "protect")]
    unprotect: bool,
}

pub(crate) fn branch(args: &BranchArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let (engine, ctx, dataset) = (door.open()?, door.ctx(), &args.dataset);
    let Some(name) = &args.name else {
        let branches = engine.branches(dataset)?;
        if printer.json {
            printer.json(&branches);
            return Ok(ExitCode::SUCCESS);
        }
        for branch in branches {
            let mark = if branch.default { "*" } else { " " };
            let mut notes = Vec::new();
            if branch.ahead > 0 || branch.behind > 0 {
                notes.push(format!("{} ahead, {} behind", branch.ahead, branch.behind));
            }
            notes.extend(branch.protected.then(|| "protected".to_owned()));
            notes.extend(branch.merging.then(|| "merging".to_owned()));
            let notes = if notes.is_empty() { String::new() } else { format!("  ({})", notes.join(", ")) };
            let id = printer.tone(Tone::Name, text::short(&branch.commit));
            printer.line(format!("{mark} {:<20} {id}{notes}", branch.name));
        }
        return Ok(ExitCode::SUCCESS);
    };
    if args.delete {
        engine.delete_branch(&ctx, dataset, name, args.force)?;
        printer.say(format!("Deleted branch {name} (`tamis undo {dataset}` brings it back)"));
    } else if let Some(new) = &args.rename {
        engine.rename_branch(&ctx, dataset, name, new)?;
        printer.say(format!("Renamed branch {name} to {new}"));
    } else if args.protect || args.unprotect {
        engine.protect_branch(&ctx, dataset, name, args.protect)?;
        printer.say(format!("Branch {name} is {}protected", if args.protect { "" } else { "not " }));
    } else {
        engine.create_branch(&ctx, dataset, name, &args.at)?;
        printer.say(format!("Created branch {name} at {}", args.at));
    }
    Ok(ExitCode::SUCCESS)
}

/// List, make or delete tags.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis tag street                          list them
  tamis tag street v1 -m \"first release\"     tag main
  tamis tag street v1 --at fix~2
  tamis tag street v1 --delete")]
pub(crate) struct TagArgs {
    /// The dataset
    dataset: DatasetName,
    /// The tag
    name: Option<String>,
    /// What it tags
    #[arg(long, default_value = "main", value_name = "REVISION")]
    at: String,
    /// What to say with it
    #[arg(long, short, default_value = "")]
    message: String,
    /// Delete it
    #[arg(long, short)]
    delete: bool,
}

pub(crate) fn tag(args: &TagArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let (engine, ctx, dataset) = (door.open()?, door.ctx(), &args.dataset);
    match &args.name {
        None => {
            let tags = engine.tags(dataset)?;
            if printer.json {
                printer.json(&tags);
                return Ok(ExitCode::SUCCESS);
            }
            for tag in tags {
                let id = printer.tone(Tone::Name, text::short(&tag.commit));
                printer.line(format!("{:<20} {id} {}", tag.name, tag.message));
            }
        }
        Some(name) if args.delete => {
            engine.delete_tag(&ctx, dataset, name)?;
            printer.say(format!("Deleted tag {name}"));
        }
        Some(name) => {
            engine.create_tag(&ctx, dataset, name, &args.at, &args.message)?;
            printer.say(format!("Tagged {} as {name}", args.at));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Undo the last operation, or a chosen one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis undo street               take back the last operation, whatever it was
  tamis undo street               again: the undo is taken back (redo)
  tamis undo street 4f1a2b        take back one from `tamis oplog street`")]
pub(crate) struct UndoArgs {
    /// The dataset
    dataset: DatasetName,
    /// The operation, by the beginning of its id
    operation: Option<String>,
}

pub(crate) fn undo(args: &UndoArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let undone = door.open()?.undo(&door.ctx(), &args.dataset, args.operation.as_deref())?;
    if printer.json {
        printer.json(&undone);
    } else {
        printer.say(format!("Undid: {}", undone.description.trim_start_matches("undo: ")));
    }
    Ok(ExitCode::SUCCESS)
}

/// List what was done: the operation log.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis oplog street
  tamis oplog street -n 100 --json")]
pub(crate) struct OplogArgs {
    /// DATASET
    address: Address,
    /// At most so many
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
}

pub(crate) fn oplog(args: &OplogArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let operations = door.open()?.operations(&args.address.dataset, args.limit)?;
    if printer.json {
        printer.json(&operations);
        return Ok(ExitCode::SUCCESS);
    }
    for operation in operations {
        let id = printer.tone(Tone::Name, text::short(&operation.id));
        let when = printer.tone(Tone::Faint, text::time(operation.time));
        printer.line(format!("{id} {when}  {}  {}", operation.description, operation.author));
    }
    Ok(ExitCode::SUCCESS)
}
