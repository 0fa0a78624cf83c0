//! The only writer of the terminal: data to stdout, talk to stderr.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde::Serialize;
use tamis_engine::EngineError;

use crate::args::Global;

/// What a piece of text means; colours follow from it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tone {
    Heading,
    Good,
    Warning,
    Bad,
    Name,
    Faint,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Tone::Heading => "1",
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Bad => "31",
            Tone::Name => "36",
            Tone::Faint => "2",
        }
    }
}

/// Writes results and talk.
#[derive(Debug)]
pub(crate) struct Printer {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    out_colour: bool,
    talk_colour: bool,
    closed: bool,
}

impl Printer {
    pub(crate) fn new(global: &Global) -> Printer {
        let may = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Printer {
            json: global.json,
            quiet: global.quiet,
            out_colour: may && io::stdout().is_terminal(),
            talk_colour: may && io::stderr().is_terminal(),
            closed: false,
        }
    }

    /// A text in a tone, for stdout.
    pub(crate) fn tone(&self, tone: Tone, text: impl std::fmt::Display) -> String {
        paint(self.out_colour, tone, text)
    }

    /// A line of results.
    pub(crate) fn line(&mut self, text: impl std::fmt::Display) {
        if !self.closed && writeln!(io::stdout(), "{text}").is_err() {
            // The reader of a pipe has seen enough.
            self.closed = true;
        }
    }

    /// Whether the reader of a pipe has gone away.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// A result as JSON: indented where a person reads it, else one line.
    pub(crate) fn json(&mut self, value: &impl Serialize) {
        let text =
            if io::stdout().is_terminal() { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
        if let Ok(text) = text {
            self.line(text);
        }
    }

    /// A line of talk.
    pub(crate) fn say(&self, text: impl std::fmt::Display) {
        if !self.quiet {
            // Talk that nobody can hear is not worth failing for.
            drop(writeln!(io::stderr(), "{text}"));
        }
    }

    /// A warning.
    pub(crate) fn warn(&self, text: impl std::fmt::Display) {
        let head = paint(self.talk_colour, Tone::Warning, "warning:");
        drop(writeln!(io::stderr(), "{head} {text}"));
    }

    /// Shows an error and gives its exit status.
    pub(crate) fn fail(&self, error: &EngineError) -> ExitCode {
        if self.json {
            let value =
                serde_json::json!({"error": {"code": error.code.id, "message": error.message, "hint": error.hint}});
            drop(writeln!(io::stderr(), "{value}"));
        } else {
            let head = paint(self.talk_colour, Tone::Bad, format!("error[{}]:", error.code.id));
            drop(writeln!(io::stderr(), "{head} {error}"));
            if !error.hint.is_empty() {
                let hint = paint(self.talk_colour, Tone::Name, "hint:");
                drop(writeln!(io::stderr(), "{hint} {}", error.hint));
            }
        }
        ExitCode::from(error.code.exit)
    }
}

fn paint(colour: bool, tone: Tone, text: impl std::fmt::Display) -> String {
    if colour { format!("\x1b[{}m{text}\x1b[0m", tone.code()) } else { text.to_string() }
}
