//! `tamis demo`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tamis_engine::Result;
use tamis_engine::ops::demo::draw;

use crate::printer::Printer;
use crate::text;

/// Draw a small street dataset with known flaws, to try things on.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis demo street          writes street/ in COCO's layout; flaws.json tells what is wrong with it
  tamis import street")]
pub(crate) struct DemoArgs {
    /// A folder that is not there
    out: PathBuf,
    /// Another seed draws another dataset
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How many samples
    #[arg(long, default_value_t = 240)]
    samples: usize,
}

pub(crate) fn run(args: &DemoArgs, printer: &mut Printer) -> Result<ExitCode> {
    let drawn = draw(&args.out, args.seed, args.samples)?;
    if printer.json {
        printer.json(&drawn);
    } else {
        let (samples, flaws) = (text::count(drawn.samples, "sample"), text::count(drawn.flaws, "flaw"));
        printer.say(format!("Drew {samples} with {flaws} seeded into {}", args.out.display()));
    }
    Ok(ExitCode::SUCCESS)
}
