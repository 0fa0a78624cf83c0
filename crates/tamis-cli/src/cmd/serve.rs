//! `tamis serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tamis_engine::{EngineError, Result};
use tamis_server::{ServeError, ServeOptions, serve};

use super::Door;
use crate::printer::Printer;

/// Serve the lake over HTTP: the web UI and the API, for yourself on this machine.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis serve                            the web UI at http://127.0.0.1:7878
  tamis serve --bind 127.0.0.1:0         at a free port
  curl http://127.0.0.1:7878/api/v1/datasets

Ctrl-C stops it. Addresses that others can reach are refused: there are no accounts yet.")]
pub(crate) struct ServeArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7878")]
    bind: SocketAddr,
    /// A built web UI to show instead of the one in the program
    #[arg(long, value_name = "DIR")]
    ui: Option<PathBuf>,
}

pub(crate) fn run(args: &ServeArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let engine = door.open_or_init()?;
    let (ui, is_quiet) = (args.ui.clone(), printer.quiet);
    let options = ServeOptions { bind: args.bind, ui, is_quiet, author: door.author() };
    let place = engine.place();
    let told = |address: SocketAddr| {
        let url = format!("http://{address}");
        match printer.json {
            true => printer.json(&serde_json::json!({"url": url, "lake": place})),
            false => printer.line(&url),
        }
        printer.say(format!("Serving {place}; Ctrl-C stops it"));
    };
    serve(engine, &options, told).map_err(|error| error_of(&error))?;
    Ok(ExitCode::SUCCESS)
}

fn error_of(error: &ServeError) -> EngineError {
    let code = match error {
        ServeError::Open(_) => "repo.refused",
        ServeError::Bind { .. } | ServeError::NoUi(_) => "usage",
        _ => "store.io",
    };
    EngineError::new(code, error.to_string()).hint(error.hint())
}
