//! The `tamis` binary: parse, call the engine, render. Nothing else.

#![forbid(unsafe_code)]

mod args;
mod cmd;
mod printer;
mod progress;
mod text;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Cli::parse();
    let mut printer = printer::Printer::new(&args.global);
    match cmd::run(&args, &mut printer) {
        Ok(status) => status,
        Err(error) => printer.fail(&error),
    }
}
