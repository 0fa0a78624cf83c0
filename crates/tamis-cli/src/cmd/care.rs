//! `tamis verify`, `tamis gc`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tamis_engine::Result;

use super::Door;
use crate::printer::{Printer, Tone};
use crate::text;

/// Read every byte of the lake and check that nothing is damaged.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis verify
  tamis verify --lake s3://bucket/lake --json")]
pub(crate) struct VerifyArgs {}

pub(crate) fn verify(_args: &VerifyArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let report = door.open()?.verify(&door.ctx())?;
    if printer.json {
        printer.json(&report);
    } else {
        printer.line(format!(
            "Read {} and {} ({}), {} of {}, {}",
            text::count(report.packs, "pack"),
            text::count(report.objects, "object"),
            text::size(report.bytes),
            text::count(report.commits, "commit"),
            text::count(report.datasets, "dataset"),
            text::count(report.blobs, "blob"),
        ));
        for problem in &report.problems {
            let head = printer.tone(Tone::Bad, "damaged:");
            printer.line(format!("{head} {problem}"));
        }
        let verdict = if report.is_sound() {
            printer.tone(Tone::Good, "Everything is there and as it was written")
        } else {
            printer.tone(Tone::Bad, format!("{} found", text::count(report.problems.len() as u64, "problem")))
        };
        printer.line(verdict);
    }
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Give back the space of what nothing needs any more.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis gc --dry-run       what would be given back
  tamis gc                 do it; what can still be undone (30 days) stays")]
pub(crate) struct GcArgs {
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Give up at once what is older than this many hours, undo of it included
    #[arg(long, value_name = "HOURS")]
    older_than: Option<u64>,
}

pub(crate) fn gc(args: &GcArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let grace = args.older_than.map(|hours| Duration::from_secs(hours * 3600));
    let report = door.open()?.gc(&door.ctx(), args.dry_run, grace)?;
    if printer.json {
        printer.json(&report);
        return Ok(ExitCode::SUCCESS);
    }
    printer.line(format!(
        "{} of {} stay, {} ({}) are not needed by anything",
        text::count(report.live, "object"),
        text::count(report.commits, "commit"),
        text::number(report.dead_objects),
        text::size(report.dead_bytes),
    ));
    if args.dry_run {
        printer.line("Nothing was changed (--dry-run)");
    } else {
        printer.line(format!("Gave back {}", text::size(report.freed_bytes)));
    }
    Ok(ExitCode::SUCCESS)
}
