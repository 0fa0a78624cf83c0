//! The verbs: each parses, calls the engine, renders.

pub(crate) mod care;
pub(crate) mod check;
pub(crate) mod checkout;
pub(crate) mod demo;
pub(crate) mod derive;
pub(crate) mod diff;
pub(crate) mod draft;
pub(crate) mod eval;
pub(crate) mod export;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod index;
pub(crate) mod init;
pub(crate) mod log;
pub(crate) mod ls;
pub(crate) mod merge;
pub(crate) mod refs;
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod shell;
pub(crate) mod show;
pub(crate) mod sql;
pub(crate) mod stats;
pub(crate) mod sync;
pub(crate) mod view;

use std::cell::RefCell;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use tamis_core::{Cancel, NoProgress, Progress, ProgressSink};
use tamis_engine::{Author, Ctx, Engine, Result, find_lake};

use crate::args::{Cli, Command, Global};
use crate::printer::Printer;
use crate::progress::{Bar, is_wanted};
use crate::text;

/// Carries out what was typed.
pub(crate) fn run(cli: &Cli, printer: &mut Printer) -> Result<ExitCode> {
    let door = Door { global: &cli.global, opened: RefCell::default() };
    let start = Instant::now();
    let outcome = carry_out(&cli.command, &door, printer);
    if cli.global.verbose {
        door.tell(start, printer);
    }
    outcome
}

fn carry_out(command: &Command, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    match command {
        Command::Init(args) => init::run(args, door, printer),
        Command::Import(args) => import::run(args, door, printer),
        Command::Ls(args) => ls::run(args, door, printer),
        Command::Show(args) => show::run(args, door, printer),
        Command::Stats(args) => stats::run(args, door, printer),
        Command::Sql(args) => sql::run(args, door, printer),
        Command::Log(args) => log::run(args, door, printer),
        Command::Diff(args) => diff::run(args, door, printer),
        Command::Branch(args) => refs::branch(args, door, printer),
        Command::Tag(args) => refs::tag(args, door, printer),
        Command::Undo(args) => refs::undo(args, door, printer),
        Command::Oplog(args) => refs::oplog(args, door, printer),
        Command::Merge(args) => merge::merge(args, door, printer),
        Command::Conflicts(args) => merge::conflicts(args, door, printer),
        Command::Resolve(args) => merge::resolve(args, door, printer),
        Command::Verify(args) => care::verify(args, door, printer),
        Command::Gc(args) => care::gc(args, door, printer),
        Command::Search(args) => search::run(args, door, printer),
        Command::View(args) => view::run(args, door, printer),
        Command::Eval(args) => eval::run(args, door, printer),
        Command::Check(args) => check::run(args, door, printer),
        Command::Draft(args) => draft::run(args, door, printer),
        Command::Derive(args) => derive::run(args, door, printer),
        Command::Index(args) => index::run(args, door, printer),
        Command::Export(args) => export::run(args, door, printer),
        Command::Formats(args) => export::formats(args, printer),
        Command::Revert(args) => history::revert(args, door, printer),
        Command::CherryPick(args) => history::cherry_pick(args, door, printer),
        Command::Squash(args) => history::squash(args, door, printer),
        Command::Protect(args) => history::protect(args, door, printer),
        Command::Compact(args) => history::compact(args, door, printer),
        Command::Checkout(args) => checkout::checkout(args, door, printer),
        Command::Status(args) => checkout::status(args, door, printer),
        Command::Commit(args) => checkout::commit(args, door, printer),
        Command::Restore(args) => checkout::restore(args, door, printer),
        Command::Clone(args) => sync::clone(args, door, printer),
        Command::Push(args) => sync::push(args, door, printer),
        Command::Pull(args) => sync::pull(args, door, printer),
        Command::Remote(args) => sync::remote(args, door, printer),
        Command::Dataset(args) => sync::dataset(args, door, printer),
        Command::Serve(args) => serve::run(args, door, printer),
        Command::Completions(args) => shell::completions(args, printer),
        Command::Man(args) => shell::man(args, printer),
        Command::Demo(args) => demo::run(args, printer),
    }
}

/// What commands need besides their arguments.
pub(crate) struct Door<'a> {
    global: &'a Global,
    opened: RefCell<Option<Engine>>,
}

impl Door<'_> {
    /// The lake's location.
    pub(crate) fn lake(&self) -> Result<String> {
        let here = std::env::current_dir()
            .map_err(|e| tamis_engine::EngineError::new("store.io", format!("cannot find the current folder: {e}")))?;
        find_lake(self.global.lake.as_deref(), &here)
    }

    /// The lake, opened; an error where there is none.
    pub(crate) fn open(&self) -> Result<Engine> {
        Ok(self.noted(Engine::open(&self.lake()?)?))
    }

    /// The lake, opened or made.
    pub(crate) fn open_or_init(&self) -> Result<Engine> {
        Ok(self.noted(Engine::open_or_init(&self.lake()?)?))
    }

    /// Who works.
    pub(crate) fn author(&self) -> Author {
        author()
    }

    /// Who works, with a progress bar where somebody sees it.
    pub(crate) fn ctx(&self) -> Ctx {
        Ctx { author: author(), ..self.reading() }
    }

    /// The same for what only reads and signs nothing: asking git for a name takes longer than some answers.
    pub(crate) fn reading(&self) -> Ctx {
        let sink: Arc<dyn ProgressSink> =
            if is_wanted(self.global.quiet) { Arc::new(Bar::default()) } else { Arc::new(NoProgress) };
        Ctx { author: Author::new("", ""), progress: Progress::new(sink, interrupt()) }
    }

    /// Keeps an open lake in mind, to tell what was read and written.
    fn noted(&self, engine: Engine) -> Engine {
        self.opened.borrow_mut().get_or_insert_with(|| engine.clone());
        engine
    }

    /// What was read and written, and how long it took.
    fn tell(&self, start: Instant, printer: &Printer) {
        if let Some(engine) = self.opened.borrow().as_ref() {
            let counts = engine.repo().store().stats();
            printer.say(format!(
                "{}: {} requests, {} read, {} written",
                engine.place(),
                text::number(counts.requests),
                text::size(counts.bytes_read),
                text::size(counts.bytes_written)
            ));
        }
        printer.say(format!("{:.3} s", start.elapsed().as_secs_f64()));
    }
}

/// Asks running work to stop on the first Ctrl-C: what was committed stays, the rest is dropped. The
/// second ends the process at once, which loses no more (see docs/spec/lake-layout.md).
#[allow(clippy::exit)]
fn interrupt() -> Cancel {
    static CANCEL: OnceLock<Cancel> = OnceLock::new();
    let install = || {
        let cancel = Cancel::default();
        let seen = cancel.clone();
        // Without a handler Ctrl-C ends the process, as it does for others.
        drop(ctrlc::set_handler(move || {
            if seen.is_cancelled() {
                std::process::exit(130);
            }
            seen.cancel();
        }));
        cancel
    };
    CANCEL.get_or_init(install).clone()
}

/// Who works: `TAMIS_AUTHOR` ("Ada <ada@example.org>"), else git's user, else the system's.
fn author() -> Author {
    if let Ok(text) = std::env::var("TAMIS_AUTHOR") {
        return match text.split_once('<') {
            Some((name, email)) => Author::new(name.trim(), email.trim_end_matches('>').trim()),
            None => Author::new(text.trim(), ""),
        };
    }
    let git = |key: &str| {
        let output = std::process::Command::new("git").args(["config", "--get", key]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    let user = || std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "somebody".to_owned());
    Author::new(git("user.name").unwrap_or_else(user), git("user.email").unwrap_or_default())
}
