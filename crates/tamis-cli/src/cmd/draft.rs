//! `tamis draft`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use tamis_core::DatasetName;
use tamis_engine::Result;

use super::Door;
use crate::printer::Printer;
use crate::text;

/// Look at drafts, commit them, or throw them away.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis check street --fix              safe fixes in a draft
  tamis diff street main draft/check-fix
  tamis draft commit street check-fix -m 'apply safe fixes'

A draft is an open state of a branch: `draft/NAME` is a revision like any other, and nobody sees it on the branch before
it is committed.")]
pub(crate) struct DraftArgs {
    #[command(subcommand)]
    command: DraftCommand,
}

#[derive(Debug, Subcommand)]
enum DraftCommand {
    /// List the open drafts
    List {
        /// The dataset
        dataset: DatasetName,
    },
    /// Make a draft one commit on its branch
    Commit {
        /// The dataset
        dataset: DatasetName,
        /// The draft
        name: String,
        /// The commit's message
        #[arg(long, short)]
        message: Option<String>,
    },
    /// Throw a draft away (`tamis undo` brings it back)
    Discard {
        /// The dataset
        dataset: DatasetName,
        /// The draft
        name: String,
    },
}

pub(crate) fn run(args: &DraftArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let engine = door.open()?;
    match &args.command {
        DraftCommand::List { dataset } => {
            let drafts = engine.drafts(dataset)?;
            if printer.json {
                printer.json(&drafts);
            } else if drafts.is_empty() {
                printer.say("No open drafts");
            } else {
                let mut rows = vec![["draft", "branch", "owner", "opened"].map(str::to_owned).to_vec()];
                rows.extend(drafts.iter().map(|draft| {
                    vec![draft.name.clone(), draft.branch.clone(), draft.owner.clone(), text::time(draft.time)]
                }));
                text::table(&rows).iter().for_each(|line| printer.line(line));
            }
        }
        DraftCommand::Commit { dataset, name, message } => {
            let message = message.clone().unwrap_or_else(|| format!("commit draft {name}"));
            let commit = engine.commit_draft(&door.ctx(), dataset, name, &message)?;
            match (&commit, printer.json) {
                (_, true) => printer.json(&serde_json::json!({"commit": commit})),
                (Some(commit), _) => printer.say(format!("Committed {}", text::short(commit))),
                (None, _) => printer.say("The draft changes nothing; it is closed"),
            }
        }
        DraftCommand::Discard { dataset, name } => {
            engine.discard_draft(&door.ctx(), dataset, name)?;
            match printer.json {
                true => printer.json(&serde_json::json!({"discarded": name})),
                false => printer.say(format!("Threw draft `{name}` away; `tamis undo {dataset}` brings it back")),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
