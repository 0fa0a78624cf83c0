//! `tamis checkout`, `tamis status`, `tamis commit`, `tamis restore`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tamis_engine::ops::checkout::{CheckoutRequest, CommitRequest, SampleLine};
use tamis_engine::{Engine, EngineError, Result};

use super::Door;
use super::diff::render_label;
use super::import::say_findings;
use crate::printer::{Printer, Tone};
use crate::text;

/// Write a revision into a folder as plain files.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis checkout street work                  media and labels of `main`, nothing lost
  tamis checkout street@fix work -f coco      labels as COCO, for tools that want it
  cd work; tamis status; tamis commit -m 'correct boxes'

Edit files there with any tool; `tamis commit` brings back what changed.")]
pub(crate) struct CheckoutArgs {
    /// DATASET[@REVISION]
    address: String,
    /// A folder that is not there, or empty
    dir: PathBuf,
    /// The labels' format (see `tamis formats`)
    #[arg(long, short, default_value = "tamis")]
    format: String,
}

pub(crate) fn checkout(args: &CheckoutArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let request =
        CheckoutRequest { address: args.address.parse()?, dir: args.dir.clone(), format: Some(args.format.clone()) };
    let done = door.open()?.checkout(&door.ctx(), &request)?;
    if printer.json {
        printer.json(&done);
        return Ok(ExitCode::SUCCESS);
    }
    say_findings(&done.findings, printer);
    printer.line(format!(
        "Wrote {} of {} ({}) into {}: {}, {}",
        text::count(done.samples, "sample"),
        done.dataset,
        done.branch.as_deref().unwrap_or(text::short(&done.commit)),
        done.folder,
        text::count(done.files, "file"),
        text::size(done.bytes),
    ));
    printer.say("Edit files there, then `tamis status` and `tamis commit -m WHY` in it");
    Ok(ExitCode::SUCCESS)
}

/// Show what changed in a checkout.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis status            of the folder you are in
  tamis status work       of another
  tamis status --json     for programs")]
pub(crate) struct StatusArgs {
    /// The checkout; the current folder when absent
    dir: Option<PathBuf>,
}

pub(crate) fn status(args: &StatusArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let (engine, root) = open(args.dir.as_ref())?;
    let status = engine.status(&door.reading(), &root)?;
    if printer.json {
        printer.json(&status);
        return Ok(ExitCode::SUCCESS);
    }
    let place =
        status.branch.as_ref().map_or_else(|| text::short(&status.commit).to_owned(), |b| format!("branch {b}"));
    printer.line(format!("{} on {place}, at {}", status.dataset, text::short(&status.commit)));
    if status.behind {
        printer.warn("the branch has newer commits than this folder");
    }
    if status.files.is_empty() {
        printer.line("Nothing changed");
        return Ok(ExitCode::SUCCESS);
    }
    printer.line(format!("{} changed:", text::count(status.files.len() as u64, "file")));
    for file in status.files.iter().take(SHOWN) {
        printer.line(format!("  {} {}", mark(file.change, printer), text::path(&file.file)));
    }
    more(status.files.len(), printer);
    say_findings(&status.findings, printer);
    samples(&status.samples, printer);
    printer.say("Keep it with `tamis commit -m WHY`, or undo it with `tamis restore`");
    Ok(ExitCode::SUCCESS)
}

/// Commit what changed in a checkout.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis commit -m 'correct boxes'
  tamis commit -m 'try it' --branch fix     onto a new branch")]
pub(crate) struct CommitArgs {
    /// Why
    #[arg(long, short)]
    message: String,
    /// Onto a new branch of this name
    #[arg(long, short)]
    branch: Option<String>,
    /// The checkout; the current folder when absent
    dir: Option<PathBuf>,
}

pub(crate) fn commit(args: &CommitArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let (engine, root) = open(args.dir.as_ref())?;
    let request = CommitRequest { root, message: args.message.clone(), branch: args.branch.clone() };
    let done = engine.commit(&door.ctx(), &request)?;
    if printer.json {
        printer.json(&done);
        return Ok(ExitCode::SUCCESS);
    }
    say_findings(&done.findings, printer);
    match &done.commit {
        None => printer.line("Nothing to commit"),
        Some(id) => {
            let id = printer.tone(Tone::Name, text::short(id));
            let count = text::count(done.samples.len() as u64, "sample");
            printer.line(format!("Committed {count} to {}@{}: commit {id}", done.dataset, done.branch));
            samples(&done.samples, printer);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Bring files of a checkout back to what was checked out.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis restore                     everything that changed; new files stay
  tamis restore media/train/1.jpg   one file, or what begins so")]
pub(crate) struct RestoreArgs {
    /// Files, as `tamis status` names them; all when absent
    paths: Vec<String>,
}

pub(crate) fn restore(args: &RestoreArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let (engine, root) = open(None)?;
    let done = engine.restore(&door.ctx(), &root, &args.paths)?;
    if printer.json {
        printer.json(&done);
        return Ok(ExitCode::SUCCESS);
    }
    printer.line(format!("Restored {}", text::count(done.files.len() as u64, "file")));
    for file in done.left.iter().take(SHOWN) {
        printer.line(format!("  left alone, it is new: {}", text::path(file)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Lines of a list that are shown.
const SHOWN: usize = 20;

fn open(dir: Option<&PathBuf>) -> Result<(Engine, PathBuf)> {
    let here = || {
        std::env::current_dir()
            .map_err(|e| EngineError::new("store.io", format!("cannot find the current folder: {e}")))
    };
    let dir = dir.map_or_else(here, |dir| Ok(dir.clone()))?;
    Engine::open_checkout(&dir)
}

fn mark(change: &str, printer: &Printer) -> String {
    match change {
        "added" => printer.tone(Tone::Good, "+"),
        "removed" => printer.tone(Tone::Bad, "-"),
        _ => printer.tone(Tone::Warning, "~"),
    }
}

fn more(count: usize, printer: &mut Printer) {
    if count > SHOWN {
        printer.line(format!("  … and {} more", text::number((count - SHOWN) as u64)));
    }
}

fn samples(samples: &[SampleLine], printer: &mut Printer) {
    if !samples.is_empty() {
        printer.line(format!("{}:", text::count(samples.len() as u64, "sample")));
    }
    for sample in samples.iter().take(SHOWN) {
        let media = if sample.media_changed && sample.change == "changed" { " (media)" } else { "" };
        printer.line(format!("{} {}{media}", mark(sample.change, printer), text::path(&sample.path)));
        for label in &sample.labels {
            render_label(label, printer);
        }
    }
    more(samples.len(), printer);
}
