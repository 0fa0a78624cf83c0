//! `tamis eval`.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use tamis_engine::ops::eval::{EvalComparison, EvalKind, EvalPart, EvalReport, EvalRequest};
use tamis_engine::{Address, Result};

use super::Door;
use crate::printer::{Printer, Tone};
use crate::text;

/// Measure a layer of predictions against the truth.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis import results.json street --labels-only --layer model-a
  tamis eval street --layer model-a
  tamis eval street --layer model-a --against model-b --slice 'width<640' --slice night
  tamis eval street --layer model-a --write outcomes && tamis search street outcome=miss
  tamis eval street@v1:night/ --layer model-a --type masks --json

Boxes, masks and key points are measured as pycocotools does, classes as scikit-learn does, tracks (objects with an
`instance` through the frames of a folder, or through a video) as TrackEval does. Without --type, the labels of both
layers decide. Samples without the layer of truth are left out; saved slices and splits are told apart.")]
pub(crate) struct EvalArgs {
    /// DATASET[@REVISION][:PREFIX]
    address: String,
    /// The layer to measure
    #[arg(long)]
    layer: String,
    /// The layer that is right
    #[arg(long, default_value = "truth")]
    truth: String,
    /// Another layer to compare it with, by a paired bootstrap
    #[arg(long, value_name = "LAYER")]
    against: Option<String>,
    /// What to measure
    #[arg(long = "type", value_enum)]
    kind: Option<Kind>,
    /// From which overlap on a prediction is a hit, in the counts by class, in outcomes and for tracks
    #[arg(long, value_name = "IOU", default_value_t = 0.5)]
    overlap: f64,
    /// From which confidence on a class is predicted, where samples have several classes
    #[arg(long, value_name = "NUMBER", default_value_t = 0.5)]
    confidence: f64,
    /// Tell the figures of the samples of a saved query, or of a filter, apart; may be given several times
    #[arg(long, value_name = "VIEW|FILTER")]
    slice: Vec<String>,
    /// Put each class's curve of precision in the JSON answer
    #[arg(long)]
    curves: bool,
    /// Rounds of the bootstrap
    #[arg(long, value_name = "N", default_value_t = 1000)]
    rounds: usize,
    /// Commit what became of each label (hit, false_alarm, miss, ignored) to this layer of the branch
    #[arg(long, value_name = "LAYER")]
    write: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Boxes; other shapes count by their bounds
    Boxes,
    /// Masks and polygons
    Masks,
    /// Key points
    Keypoints,
    /// Classes of samples
    Classes,
    /// Objects through frames
    Tracks,
}

impl From<Kind> for EvalKind {
    fn from(kind: Kind) -> EvalKind {
        match kind {
            Kind::Boxes => EvalKind::Boxes,
            Kind::Masks => EvalKind::Masks,
            Kind::Keypoints => EvalKind::Keypoints,
            Kind::Classes => EvalKind::Classes,
            Kind::Tracks => EvalKind::Tracks,
        }
    }
}

pub(crate) fn run(args: &EvalArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let address: Address = args.address.parse()?;
    let mut request = EvalRequest::new(address, args.layer.clone());
    request.truth.clone_from(&args.truth);
    request.against.clone_from(&args.against);
    request.kind = args.kind.map(EvalKind::from);
    request.overlap = args.overlap;
    request.confidence = args.confidence;
    request.slices.clone_from(&args.slice);
    request.curves = args.curves;
    request.rounds = args.rounds;
    request.write.clone_from(&args.write);
    let ctx = if args.write.is_some() { door.ctx() } else { door.reading() };
    let report = door.open()?.eval(&ctx, &request)?;
    if printer.json {
        printer.json(&report);
    } else {
        say(&report, args, printer);
    }
    Ok(ExitCode::SUCCESS)
}

/// A share as per cent with one digit.
fn share(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{:.1}", value * 100.0))
}

/// The figures of a kind that the terminal shows, and those that parts are told by.
fn names(kind: EvalKind) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        EvalKind::Keypoints => (&["AP", "AP50", "AP75", "APmedium", "APlarge", "AR"], &["AP", "AP50"]),
        EvalKind::Classes => (
            &["accuracy", "balanced_accuracy", "f1", "f1_weighted", "f1_micro", "ece", "answered"],
            &["accuracy", "f1", "ece"],
        ),
        EvalKind::Tracks => (&["HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDP", "IDR"], &["HOTA", "MOTA", "IDF1"]),
        _ => (&["AP", "AP50", "AP75", "APsmall", "APmedium", "APlarge", "AR1", "AR10", "AR100"], &["AP", "AP50"]),
    }
}

fn say(report: &EvalReport, args: &EvalArgs, printer: &mut Printer) {
    printer.say(format!(
        "{} of `{}` against {} of `{}` in {}",
        text::count(report.predictions, "prediction"),
        args.layer,
        text::number(report.truths),
        args.truth,
        text::count(report.samples, "sample")
    ));
    if report.skipped > 0 {
        printer.say(format!("{} of another type left out", text::count(report.skipped, "label")));
    }
    let (names, part_names) = names(report.kind);
    let line: Vec<String> =
        names.iter().filter_map(|name| Some(format!("{name} {}", share(*report.figures.get(*name)?)))).collect();
    printer.line(line.join("   "));
    if let Some(comparison) = &report.comparison {
        printer.line(compared(comparison, &args.layer));
    }
    parts("split", &report.splits, part_names, printer);
    parts("slice", &report.slices, part_names, printer);
    classes(report, printer);
    for pair in report.confused.iter().take(5) {
        let (truth, predicted) = (&pair.truth, &pair.predicted);
        printer.line(format!("`{truth}` was taken for `{predicted}` {}", text::count(pair.count, "time")));
    }
    if let Some(written) = &report.written {
        let counts: Vec<String> =
            written.labels.iter().map(|(name, count)| format!("{name} {}", text::number(*count))).collect();
        let done = match &written.commit {
            Some(commit) => format!("wrote `{}` in {}", written.layer, text::short(commit)),
            None => format!("`{}` is there already", written.layer),
        };
        printer.say(format!("{done}: {}", counts.join(", ")));
    }
}

/// Which layer is better, and how sure that is.
fn compared(told: &EvalComparison, layer: &str) -> String {
    let Some(difference) = &told.difference else {
        return format!("`{}` cannot be compared: there is nothing to find", told.layer);
    };
    let points = |value: f64| format!("{:+.1}", value * 100.0);
    let (low, high) = (difference.low, difference.high);
    let verdict = if low > 0.0 {
        format!("`{}` is better", told.layer)
    } else if high < 0.0 {
        format!("`{layer}` is better")
    } else {
        "the samples do not tell which is better".to_owned()
    };
    format!(
        "{} {} of `{}` against {} of `{layer}`: {} points, 95 % between {} and {}; {verdict}",
        told.figure,
        share(Some(difference.second)),
        told.layer,
        share(Some(difference.first)),
        points(difference.difference),
        points(low),
        points(high),
    )
}

fn parts(what: &str, parts: &std::collections::BTreeMap<String, EvalPart>, names: &[&str], printer: &mut Printer) {
    if parts.is_empty() {
        return;
    }
    let width = parts.keys().map(|name| name.chars().count()).chain([what.len()]).max().unwrap_or(0);
    let heads: String = names.iter().map(|name| format!("  {name:>8}")).collect();
    printer.line("");
    let head = printer.tone(Tone::Heading, format!("{what:width$}  {:>8}{heads}", "samples"));
    printer.line(head);
    for (name, part) in parts {
        let figures: String =
            names.iter().map(|name| format!("  {:>8}", share(part.figures.get(*name).copied().flatten()))).collect();
        let mut line = format!("{name:width$}  {:>8}{figures}", text::number(part.samples));
        if let Some(difference) = part.comparison.as_ref().and_then(|told| told.difference.as_ref()) {
            let [middle, low, high] =
                [difference.difference, difference.low, difference.high].map(|value| format!("{:+.1}", value * 100.0));
            line.push_str(&format!("  {middle} [{low}, {high}]"));
        }
        printer.line(line);
    }
}

fn classes(report: &EvalReport, printer: &mut Printer) {
    let names: &[&str] = match report.kind {
        EvalKind::Classes => &["precision", "recall", "f1"],
        EvalKind::Tracks => &["hota", "mota", "idf1"],
        _ => &["ap", "ap50", "precision", "recall"],
    };
    let width = report.classes.keys().map(|name| name.chars().count()).chain([5]).max().unwrap_or(0);
    let heads: String = names.iter().map(|name| format!("  {name:>9}")).collect();
    printer.line("");
    let head = format!("{:width$}{heads}  {:>8}  {:>12}  {:>8}", "class", "hits", "false alarms", "misses");
    let head = printer.tone(Tone::Heading, head);
    printer.line(head);
    for (name, class) in &report.classes {
        let figures: String =
            names.iter().map(|name| format!("  {:>9}", share(class.figures.get(*name).copied().flatten()))).collect();
        printer.line(format!(
            "{name:width$}{figures}  {:>8}  {:>12}  {:>8}",
            text::number(class.hits),
            text::number(class.false_alarms),
            text::number(class.misses)
        ));
    }
}
