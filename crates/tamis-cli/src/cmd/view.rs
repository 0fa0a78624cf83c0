//! `tamis view`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use tamis_engine::ops::views::{ViewChanged, ViewLine, ViewRequest};
use tamis_engine::{Address, Result};

use super::Door;
use super::search::{Shown, search};
use crate::printer::{Printer, Tone};
use crate::text;

/// Save queries inside a dataset, versioned with it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis view create street doubtful --filter 'class:bus conf<0.4' --description 'buses to look at again'
  tamis view list street
  tamis view run street doubtful --count
  tamis view create street night --filter 'night OR weather:dark' --slice
  tamis search street 'view:night class:bus'      views are terms of filters
  tamis export street out --format coco --where view:doubtful
  tamis view show street@v1 doubtful              as it was then
  tamis view delete street doubtful               `tamis undo street` brings it back")]
pub(crate) struct ViewArgs {
    #[command(subcommand)]
    verb: ViewVerb,
}

#[derive(Debug, Subcommand)]
enum ViewVerb {
    /// List the saved queries
    List {
        /// DATASET[@REVISION]
        address: String,
    },
    /// Save a query, or change one
    Create(CreateArgs),
    /// Show a saved query, and what it means
    Show {
        /// DATASET[@REVISION]
        address: String,
        /// The query
        name: String,
    },
    /// Delete a saved query
    Delete {
        /// DATASET[@BRANCH]
        address: String,
        /// The query
        name: String,
        /// What the commit says
        #[arg(long, short)]
        message: Option<String>,
    },
    /// Find the samples of a saved query
    Run {
        /// DATASET[@REVISION][:PREFIX]
        address: String,
        /// The query
        name: String,
        #[command(flatten)]
        shown: Shown,
    },
}

/// Save a query, or change one.
#[derive(Debug, Args)]
struct CreateArgs {
    /// DATASET[@BRANCH]
    address: String,
    /// The query's name
    name: String,
    /// Which samples it finds (see `tamis help search`)
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    filter: String,
    /// What it is for
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// Measurements are told for it by itself
    #[arg(long)]
    slice: bool,
    /// Change the one of that name
    #[arg(long)]
    replace: bool,
    /// What the commit says
    #[arg(long, short)]
    message: Option<String>,
}

pub(crate) fn run(args: &ViewArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    match &args.verb {
        ViewVerb::List { address } => {
            let views = door.open()?.views(&address.parse()?)?;
            if views.is_empty() && !printer.json {
                printer.say("No views yet; `tamis view create` saves one");
            }
            for view in views {
                if printer.json {
                    printer.json(&view);
                } else {
                    row(&view, printer);
                }
            }
        }
        ViewVerb::Create(create) => {
            let address: Address = create.address.parse()?;
            let request = ViewRequest {
                address,
                name: create.name.clone(),
                filter: create.filter.clone(),
                description: create.description.clone(),
                is_slice: create.slice,
                replace: create.replace,
                message: create.message.clone(),
            };
            let changed = door.open()?.save_view(&door.ctx(), &request)?;
            told(&changed, "Saved", printer);
        }
        ViewVerb::Show { address, name } => {
            let view = door.open()?.view(&address.parse()?, name)?;
            if printer.json {
                printer.json(&view);
            } else {
                row(&view, printer);
                if let Some(meaning) = view.meaning {
                    let meaning = printer.tone(Tone::Faint, format!("means: {meaning}"));
                    printer.line(meaning);
                }
            }
        }
        ViewVerb::Delete { address, name, message } => {
            let changed = door.open()?.delete_view(&door.ctx(), &address.parse()?, name, message.as_deref())?;
            told(&changed, "Deleted", printer);
        }
        ViewVerb::Run { address, name, shown } => {
            let view = door.open()?.view(&address.parse()?, name)?;
            return search(address.parse()?, &format!("view:{}", view.name), shown, door, printer);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(view: &ViewLine, printer: &mut Printer) {
    let name = printer.tone(Tone::Name, format!("{:<16}", view.name));
    let slice = if view.slice { "  (slice)" } else { "" };
    printer.line(format!("{name} {}{slice}", text::path(&view.filter)));
    if !view.description.is_empty() {
        let description = printer.tone(Tone::Faint, text::path(&view.description));
        printer.line(format!("{:<16} {description}", ""));
    }
    if let Some(problem) = &view.problem {
        printer.warn(problem);
    }
}

fn told(changed: &ViewChanged, what: &str, printer: &mut Printer) {
    match &changed.commit {
        _ if printer.json => printer.json(changed),
        Some(commit) => printer.say(format!("{what} view {} in {}", changed.name, text::short(commit))),
        None => printer.say(format!("View {} is so already", changed.name)),
    }
}
