//! `tamis show`.

use std::process::ExitCode;

use clap::Args;
use tamis_engine::ops::preview::{PreviewAt, PreviewRequest};
use tamis_engine::{Address, EngineError, Result};

use super::Door;
use crate::printer::{Printer, Tone};
use crate::text;

/// Show one sample with its labels.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis show street:train/0001.jpg
  tamis show street@v1:train/0001.jpg --json
  tamis show street:train/0001.jpg --media 0001.jpg    write the media file
  tamis show drive:front.mp4 --preview 90.png --frame 90
  tamis show calls:0001.flac --preview wave.png

Frames of films need ffmpeg (TAMIS_FFMPEG names its program where it is not on the path).")]
pub(crate) struct ShowArgs {
    /// DATASET[@REVISION]:PATH
    address: String,
    /// Write the media file there
    #[arg(long, value_name = "FILE")]
    media: Option<std::path::PathBuf>,
    /// Write a small picture of it there: an image, a frame of a film, a sound's wave, points from above
    #[arg(long, value_name = "FILE", conflicts_with = "media")]
    preview: Option<std::path::PathBuf>,
    /// Pixels of the preview's longer side
    #[arg(long, value_name = "PIXELS", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=8192))]
    size: u32,
    /// The film's frame to draw, from 0
    #[arg(long, value_name = "NUMBER", conflicts_with = "at")]
    frame: Option<u64>,
    /// The film's second to draw
    #[arg(long, value_name = "SECONDS")]
    at: Option<f64>,
    /// Draw the sound's spectrum, not its wave
    #[arg(long)]
    spectrum: bool,
}

pub(crate) fn run(args: &ShowArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let address: Address = args.address.parse()?;
    let engine = door.open()?;
    if let Some(target) = &args.media {
        let bytes = engine.media(&address)?;
        write(target, &bytes)?;
        printer.say(format!("Wrote {} to {}", text::size(bytes.len() as u64), target.display()));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(target) = &args.preview {
        let at = args.frame.map(PreviewAt::Frame).or(args.at.map(PreviewAt::Seconds));
        let ffmpeg = std::env::var_os("TAMIS_FFMPEG");
        let request = PreviewRequest { address, edge: args.size, at, is_spectrum: args.spectrum, ffmpeg };
        let drawn = engine.preview(&request)?;
        write(target, &drawn.bytes)?;
        printer.say(format!("Wrote {}×{} pixels as {} to {}", drawn.width, drawn.height, drawn.mime, target.display()));
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

fn write(target: &std::path::Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(target, bytes).map_err(|e| {
        EngineError::new("format.io", format!("cannot write {}: {e}", target.display())).hint("choose another file")
    })
}
