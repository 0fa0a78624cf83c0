//! `tamis eval`.

use std::process::ExitCode;

use clap::Args;
use tamis_engine::ops::eval::{EvalReport, EvalRequest};
use tamis_engine::{Address, EngineError, Result};

use super::Door;
use crate::printer::{Printer, Tone};
use crate::text;

/// Measure a layer of predicted boxes against the truth, as COCO does.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis import results.json street --labels-only --layer model-a
  tamis eval street --layer model-a
  tamis eval street@v1:night/ --layer model-a --json

Average precision and recall are those of pycocotools for boxes; other shapes count by their bounds. Samples without the
layer of truth are left out.")]
pub(crate) struct EvalArgs {
    /// DATASET[@REVISION][:PREFIX]
    address: String,
    /// The layer to measure
    #[arg(long)]
    layer: String,
    /// The layer that is right
    #[arg(long, default_value = "truth")]
    truth: String,
    /// From which overlap on a prediction is a hit, in the counts by class
    #[arg(long, value_name = "IOU", default_value_t = 0.5)]
    overlap: f64,
}

pub(crate) fn run(args: &EvalArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    if !(args.overlap > 0.0 && args.overlap <= 1.0) {
        let message = format!("cannot use an overlap of {}", args.overlap);
        return Err(EngineError::new("usage", message).hint("give a number above 0, at most 1"));
    }
    let address: Address = args.address.parse()?;
    let request = EvalRequest { address, truth: args.truth.clone(), layer: args.layer.clone(), overlap: args.overlap };
    let report = door.open()?.eval(&door.reading(), &request)?;
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

fn say(report: &EvalReport, args: &EvalArgs, printer: &mut Printer) {
    printer.say(format!(
        "{} of `{}` against {} of `{}` in {}",
        text::count(report.predictions, "box"),
        args.layer,
        text::number(report.truths),
        args.truth,
        text::count(report.samples, "sample")
    ));
    let names = ["AP", "AP50", "AP75", "APsmall", "APmedium", "APlarge", "AR1", "AR10", "AR100"];
    let line: Vec<String> =
        names.iter().filter_map(|name| Some(format!("{name} {}", share(*report.figures.get(*name)?)))).collect();
    printer.line(line.join("   "));
    let width = report.classes.keys().chain(report.splits.keys()).map(|name| name.chars().count()).max().unwrap_or(0);
    let head =
        format!("{:width$}  {:>6}  {:>6}  {:>8}  {:>12}  {:>8}", "", "AP", "AP50", "hits", "false alarms", "misses");
    printer.line("");
    let head = printer.tone(Tone::Heading, head);
    printer.line(head);
    for (name, slice) in &report.splits {
        printer.line(format!("{name:width$}  {:>6}  {:>6}", share(slice.ap), share(slice.ap50)));
    }
    for (name, class) in &report.classes {
        printer.line(format!(
            "{name:width$}  {:>6}  {:>6}  {:>8}  {:>12}  {:>8}",
            share(class.ap),
            share(class.ap50),
            text::number(class.hits),
            text::number(class.false_alarms),
            text::number(class.misses)
        ));
    }
}
