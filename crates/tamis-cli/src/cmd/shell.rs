//! `tamis completions`, `tamis man`.

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use tamis_engine::{EngineError, Result};

use crate::args::Cli;
use crate::printer::Printer;

/// Print what completes commands in a shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis completions bash > ~/.local/share/bash-completion/completions/tamis
  tamis completions fish > ~/.config/fish/completions/tamis.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(crate) fn completions(args: &CompletionsArgs, printer: &mut Printer) -> Result<ExitCode> {
    let mut out = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tamis", &mut out);
    printer.line(String::from_utf8_lossy(&out).trim_end());
    Ok(ExitCode::SUCCESS)
}

/// Print the manual page, of the program or of one command.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis man | man -l -
  tamis man import > tamis-import.1")]
pub(crate) struct ManArgs {
    /// A command
    command: Option<String>,
}

pub(crate) fn man(args: &ManArgs, printer: &mut Printer) -> Result<ExitCode> {
    let mut all = Cli::command();
    all.build();
    let command = match &args.command {
        None => all,
        Some(name) => all.find_subcommand(name).cloned().ok_or_else(|| {
            EngineError::new("usage", format!("there is no command `{name}`")).hint("see `tamis --help`")
        })?,
    };
    let mut out = Vec::new();
    let drawn = clap_mangen::Man::new(command).render(&mut out);
    drawn.map_err(|e| EngineError::new("internal", e.to_string()))?;
    printer.line(String::from_utf8_lossy(&out).trim_end());
    Ok(ExitCode::SUCCESS)
}
