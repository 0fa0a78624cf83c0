//! `tamis show`.

use std::process::ExitCode;

use clap::Args;
use tamis_engine::{Address, EngineError, Result};

use super::Door;
use crate::printer::{Printer, Tone};
use crate::text;

/// Show one sample with its labels.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis show street:train/0001.jpg
  tamis show street@v1:train/0001.jpg --json
  tamis show street:train/0001.jpg --media 0001.jpg    write the media file")]
pub(crate) struct ShowArgs {
    /// DATASET[@REVISION]:PATH
    address: String,
    /// Write the media file there
    #[arg(long, value_name = "FILE")]
    media: Option<std::path::PathBuf>,
}

pub(crate) fn run(args: &ShowArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let address: Address = args.address.parse()?;
    let engine = door.open()?;
    if let Some(target) = &args.media {
        let bytes = engine.media(&address)?;
        std::fs::write(target, &bytes).map_err(|e| {
            EngineError::new("format.io", format!("cannot write {}: {e}", target.display())).hint("choose another file")
        })?;
        printer.say(format!("Wrote {} to {}", text::size(bytes.len() as u64), target.display()));
        return Ok(ExitCode::SUCCESS);
    }
    let shown = engine.show(&address)?;
    if printer.json {
        printer.json(&shown);
        return Ok(ExitCode::SUCCESS);
    }
    let sample = &shown.sample;
    let head = printer.tone(Tone::Heading, text::path(&sample.path));
    printer.line(head);
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let name = printer.tone(Tone::Faint, format!("{name:>10}"));
            printer.line(format!("{name}  {value}"));
        }
    };
    if let Some(media) = &sample.media {
        let pixels = media.width.zip(media.height).map(|(w, h)| format!(", {w}×{h}")).unwrap_or_default();
        let turned = media.orientation.map(|o| format!(", EXIF orientation {o}")).unwrap_or_default();
        let mime = media.mime.clone().unwrap_or_else(|| "unknown type".to_owned());
        fact("media", Some(format!("{mime}{pixels}{turned}, {}", text::size(media.size))));
        fact("blob", media.blob.map(|blob| blob.short()));
        fact("at", media.uri.clone());
    }
    fact("split", sample.split.clone());
    fact("frame", sample.frame.clone());
    fact("sensor", sample.sensor.clone());
    fact("time", sample.timestamp.map(|time| time.to_string()));
    for (name, value) in &sample.fields {
        fact(name, Some(value.to_string()));
    }
    fact("commit", Some(text::short(&shown.commit).to_owned()));
    for (layer, labels) in &sample.layers {
        let head = printer.tone(Tone::Heading, format!("{layer} ({})", text::count(labels.len() as u64, "label")));
        printer.line(head);
        for label in labels {
            printer.line(format!("  {}", text::label(label)));
        }
    }
    Ok(ExitCode::SUCCESS)
}
