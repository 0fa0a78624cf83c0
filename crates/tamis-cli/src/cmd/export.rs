//! `tamis export`, `tamis formats`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use tamis_engine::ops::export::{ExportMedia, ExportRequest, formats as matrix, formats_text};
use tamis_engine::{Address, EngineError, Result};

use super::Door;
use super::import::say_findings;
use crate::printer::Printer;
use crate::text;

/// What to do about what the format cannot hold.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum OnLoss {
    /// Write the nearest thing, say what was lost
    Report,
    /// Write nothing, say what would be lost
    Refuse,
}

/// What becomes of the media files.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Media {
    /// Write them beside the labels
    Copy,
    /// Hard links to files that are referenced on this disk, copies of the rest
    Link,
    /// Symbolic links to files that are referenced on this disk, copies of the rest
    Symlink,
    /// Labels alone
    None,
    /// Labels, and where each file can be read in urls.csv (signed for buckets)
    Urls,
}

/// Write a dataset in another format.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis export street out --format yolo
  tamis export street@v1 out --format coco --where 'split:train class:bus'
  tamis export street out --format voc --dry-run         only say what VOC cannot hold
  tamis export street out --format voc --on-loss refuse
  tamis export street out --format coco --media none     labels alone

--where takes a filter as `tamis search` does.")]
pub(crate) struct ExportArgs {
    /// DATASET[@REVISION][:PREFIX]
    address: String,
    /// A folder that is empty or not there
    out: PathBuf,
    /// The format (see `tamis formats`)
    #[arg(long, short)]
    format: String,
    /// An option of the format
    #[arg(long, short, value_name = "NAME=VALUE")]
    option: Vec<String>,
    /// Only samples that fit
    #[arg(
        long = "where",
        value_name = "FILTER",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    filter: String,
    /// The layer whose labels are written
    #[arg(long, default_value = "truth")]
    layer: String,
    /// What becomes of the media files
    #[arg(long, value_enum, default_value_t = Media::Copy)]
    media: Media,
    /// How long signed URLs are valid
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=168))]
    valid: u64,
    /// What to do about labels that the format cannot hold
    #[arg(long, value_enum, default_value_t = OnLoss::Report)]
    on_loss: OnLoss,
    /// Only say what would be written and lost
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: &ExportArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let address: Address = args.address.parse()?;
    let mut options = BTreeMap::new();
    for option in &args.option {
        let (name, value) =
            option.split_once('=').ok_or_else(|| EngineError::new("usage", format!("`{option}` is not NAME=VALUE")))?;
        options.insert(name.to_owned(), value.to_owned());
    }
    let request = ExportRequest {
        address,
        out: args.out.clone(),
        format: args.format.clone(),
        options,
        filter: args.filter.clone(),
        layer: args.layer.clone(),
        media: match args.media {
            Media::Copy => ExportMedia::Copy,
            Media::Link => ExportMedia::Link,
            Media::Symlink => ExportMedia::SymbolicLink,
            Media::None => ExportMedia::Leave,
            Media::Urls => ExportMedia::Urls(std::time::Duration::from_secs(args.valid * 3600)),
        },
        refuse_losses: matches!(args.on_loss, OnLoss::Refuse),
    };
    let (engine, ctx) = (door.open()?, door.reading());
    let done = if args.dry_run { engine.plan_export(&ctx, &request) } else { engine.export(&ctx, &request) }?;
    if printer.json {
        printer.json(&done);
    } else {
        say_findings(&done.findings, printer);
        printer.line(format!(
            "{} {} with {} as {} to {}",
            if args.dry_run { "Would write" } else { "Wrote" },
            text::count(done.samples, "sample"),
            text::count(done.labels, "label"),
            done.format,
            args.out.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// List the formats that can be read and written, and what each can hold.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis formats
  tamis formats coco
  tamis formats --json")]
pub(crate) struct FormatsArgs {
    /// Only this format: its layout, what it loses, its options
    format: Option<String>,
}

pub(crate) fn formats(args: &FormatsArgs, printer: &mut Printer) -> Result<ExitCode> {
    let wanted = args.format.as_deref();
    let text = formats_text(wanted)?;
    if printer.json {
        let mut all = matrix();
        all.retain(|line| wanted.is_none_or(|wanted| line.id == wanted));
        printer.json(&all);
        return Ok(ExitCode::SUCCESS);
    }
    text.trim_end().lines().for_each(|line| printer.line(line));
    Ok(ExitCode::SUCCESS)
}
