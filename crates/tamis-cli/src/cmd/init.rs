//! `tamis init`.

use std::process::ExitCode;

use clap::Args;
use tamis_engine::{DOT_TAMIS, Engine, Result};

use super::Door;
use crate::printer::Printer;

/// Create a lake.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis init                     a lake in ./.tamis, found from here and below
  tamis init /data/lake          a lake in a folder of its own
  tamis init s3://bucket/lake    a lake in a bucket (credentials as the AWS tools take them)")]
pub(crate) struct InitArgs {
    /// Where; ./.tamis when absent
    #[arg(value_name = "LAKE")]
    lake: Option<String>,
}

pub(crate) fn run(args: &InitArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let place = match (&args.lake, &door.global.lake) {
        (Some(place), _) | (None, Some(place)) => place.clone(),
        (None, None) => DOT_TAMIS.to_owned(),
    };
    let engine = Engine::init(&place)?;
    if printer.json {
        printer.json(&serde_json::json!({"lake": engine.place()}));
    } else {
        printer.say(format!("Created a lake in {}", engine.place()));
        printer.say("Next: `tamis import FOLDER`");
    }
    Ok(ExitCode::SUCCESS)
}
