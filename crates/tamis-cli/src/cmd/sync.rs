//! `tamis clone`, `tamis push`, `tamis pull`, `tamis remote`, `tamis dataset`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use tamis_core::DatasetName;
use tamis_engine::Result;
use tamis_engine::ops::sync::PushRequest;

use super::Door;
use crate::printer::Printer;
use crate::text;

/// Copy a dataset of another lake into this one, with all its history.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis clone s3://team/lake street           keeps the other lake as the remote `origin`
  tamis clone /mnt/lake acme/street mine      under another name")]
pub(crate) struct CloneArgs {
    /// The other lake
    from: String,
    /// The dataset there
    dataset: DatasetName,
    /// Its name here; the same when absent
    name: Option<DatasetName>,
}

pub(crate) fn clone(args: &CloneArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let name = args.name.as_ref().unwrap_or(&args.dataset);
    let report = door.open_or_init()?.clone_dataset(&door.ctx(), &args.from, &args.dataset, name)?;
    if printer.json {
        printer.json(&report);
    } else {
        printer.line(format!(
            "Cloned {name}: {} ({})",
            text::count(report.objects, "object"),
            text::size(report.bytes)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Copy a branch to a remote: only what is missing there.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis push street
  tamis push street --remote backup --branch fix --tags")]
pub(crate) struct PushArgs {
    /// The dataset
    dataset: DatasetName,
    /// The remote
    #[arg(long, default_value = "origin")]
    remote: String,
    /// The branch
    #[arg(long, default_value = "main")]
    branch: String,
    /// Leave commits behind that only the other side has
    #[arg(long)]
    force: bool,
    /// Tags too
    #[arg(long)]
    tags: bool,
}

pub(crate) fn push(args: &PushArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let request =
        PushRequest { remote: args.remote.clone(), branch: args.branch.clone(), force: args.force, tags: args.tags };
    let report = door.open()?.push(&door.ctx(), &args.dataset, &request)?;
    if printer.json {
        printer.json(&report);
    } else {
        let what = text::count(report.objects, "object");
        printer.line(format!("Pushed {} to {}: {what} ({})", args.branch, args.remote, text::size(report.bytes)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Copy what a remote has and merge it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis pull street
  tamis pull street --remote backup --branch fix")]
pub(crate) struct PullArgs {
    /// The dataset
    dataset: DatasetName,
    /// The remote
    #[arg(long, default_value = "origin")]
    remote: String,
    /// The branch
    #[arg(long, default_value = "main")]
    branch: String,
}

pub(crate) fn pull(args: &PullArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let pulled = door.open()?.pull(&door.ctx(), &args.dataset, &args.remote, &args.branch)?;
    let conflicts = pulled.merge.outcome == "conflicts";
    if printer.json {
        printer.json(&pulled);
    } else {
        let what = text::count(pulled.copied.objects, "object");
        let how = pulled.merge.outcome.replace('_', " ");
        printer.line(format!(
            "Pulled {} from {}: {what} ({}), {how}",
            args.branch,
            args.remote,
            text::size(pulled.copied.bytes)
        ));
        if conflicts {
            printer.say(format!("See them with `tamis conflicts {}`", args.dataset));
        }
    }
    Ok(if conflicts { ExitCode::from(4) } else { ExitCode::SUCCESS })
}

/// List, add or remove the remotes of a dataset.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis remote street
  tamis remote street --add backup s3://bucket/lake
  tamis remote street --remove backup")]
pub(crate) struct RemoteArgs {
    /// The dataset
    dataset: DatasetName,
    /// Add one, or change where it is
    #[arg(long, num_args = 2, value_names = ["NAME", "LAKE"], conflicts_with = "remove")]
    add: Option<Vec<String>>,
    /// The dataset's name there; the same when absent
    #[arg(long, requires = "add", value_name = "DATASET")]
    named: Option<DatasetName>,
    /// Forget one
    #[arg(long, value_name = "NAME")]
    remove: Option<String>,
}

pub(crate) fn remote(args: &RemoteArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let engine = door.open()?;
    if let Some([name, location]) = args.add.as_deref() {
        let there = args.named.as_ref().unwrap_or(&args.dataset);
        engine.add_remote(&door.ctx(), &args.dataset, name, location, there)?;
        printer.say(format!("{name} is {location}"));
    } else if let Some(name) = &args.remove {
        engine.remove_remote(&door.ctx(), &args.dataset, name)?;
        printer.say(format!("Forgot {name}"));
    } else {
        for remote in engine.remotes(&args.dataset)? {
            match printer.json {
                true => printer.json(&remote),
                false => printer.line(format!("{}  {}  {}", remote.name, remote.location, remote.dataset)),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Rename, remove or bring back whole datasets.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis dataset rename street acme/street
  tamis dataset remove old           its bytes stay until `tamis gc`
  tamis dataset restore old          bring it back")]
pub(crate) struct DatasetArgs {
    #[command(subcommand)]
    verb: DatasetVerb,
}

#[derive(Debug, Subcommand)]
enum DatasetVerb {
    /// Give it another name
    Rename { from: DatasetName, to: DatasetName },
    /// Remove it
    Remove { name: DatasetName },
    /// Bring a removed one back
    Restore { name: DatasetName },
}

pub(crate) fn dataset(args: &DatasetArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let (engine, ctx) = (door.open()?, door.ctx());
    match &args.verb {
        DatasetVerb::Rename { from, to } => {
            engine.rename_dataset(&ctx, from, to)?;
            printer.say(format!("{from} is {to} now"));
        }
        DatasetVerb::Remove { name } => {
            engine.remove_dataset(&ctx, name)?;
            printer.say(format!("Removed {name}; `tamis dataset restore {name}` brings it back"));
        }
        DatasetVerb::Restore { name } => {
            engine.restore_dataset(&ctx, name)?;
            printer.say(format!("{name} is back"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
