//! `tamis index`.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use tamis_engine::ops::index::{IndexDefinition, IndexKind, IndexLine, IndexRequest};
use tamis_engine::{Address, Result};

use super::Door;
use crate::printer::Printer;
use crate::text;

/// Make an index for searching by likeness, words or values, or bring indexes up to date.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis derive street look --function embed_basic
  tamis index street look --on derived:look --kind vectors
  tamis index street captions --on layer:truth --kind words
  tamis index street weather --on field:weather --kind values
  tamis index street                  bring all indexes up to date
  tamis index street --list

An index is a table of the commit: branches have their own, and an update costs what changed. Up to some ten thousand
samples searches are fast without one.")]
pub(crate) struct IndexArgs {
    /// DATASET[@BRANCH]
    address: String,
    /// The index; all of them where none is named
    name: Option<String>,
    /// What to index: derived:FIELD, field:NAME, or (its sentences) layer:NAME
    #[arg(long, requires_all = ["name", "kind"])]
    on: Option<String>,
    /// What it is to find
    #[arg(long, requires_all = ["name", "on"])]
    kind: Option<Kind>,
    /// How distances of vectors are measured: cosine or euclidean
    #[arg(long, requires = "kind")]
    metric: Option<String>,
    /// Build from all samples, though it could be brought up to date
    #[arg(long)]
    anew: bool,
    /// The commit's message
    #[arg(long, short)]
    message: Option<String>,
    /// List the dataset's indexes
    #[arg(long, conflicts_with_all = ["name", "anew"])]
    list: bool,
    /// Take the index away
    #[arg(long, requires = "name", conflicts_with_all = ["on", "anew"])]
    drop: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// The nearest vectors
    Vectors,
    /// Texts by their words
    Words,
    /// Samples by a value
    Values,
}

pub(crate) fn run(args: &IndexArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let address: Address = args.address.parse()?;
    let engine = door.open()?;
    if args.list {
        say(&engine.indexes(&address.dataset, address.revision())?, true, printer);
        return Ok(ExitCode::SUCCESS);
    }
    if let (true, Some(name)) = (args.drop, &args.name) {
        let commit = engine.drop_index(&door.ctx(), &address.dataset, address.revision(), name)?;
        match printer.json {
            true => printer.json(&serde_json::json!({"commit": commit})),
            false => printer.say(format!("Took `{name}` away in {}", text::short(commit.as_deref().unwrap_or("-")))),
        }
        return Ok(ExitCode::SUCCESS);
    }
    let define = match (&args.on, args.kind) {
        (Some(on), Some(kind)) => {
            let kind = match kind {
                Kind::Vectors => IndexKind::Vectors,
                Kind::Words => IndexKind::Words,
                Kind::Values => IndexKind::Values,
            };
            Some(IndexDefinition { kind, on: on.clone(), metric: args.metric.clone() })
        }
        _ => None,
    };
    let request = IndexRequest {
        dataset: address.dataset.clone(),
        branch: address.revision().to_owned(),
        name: args.name.clone(),
        define,
        anew: args.anew,
        message: args.message.clone(),
    };
    let report = engine.index(&door.ctx(), &request)?;
    if printer.json {
        printer.json(&report);
        return Ok(ExitCode::SUCCESS);
    }
    say(&report.indexes, false, printer);
    match &report.commit {
        Some(commit) => printer.say(format!("Committed {}", text::short(commit))),
        None => printer.say("Nothing changed; everything is up to date"),
    }
    Ok(ExitCode::SUCCESS)
}

fn say(lines: &[IndexLine], is_list: bool, printer: &mut Printer) {
    if printer.json {
        printer.json(&lines);
        return;
    }
    if lines.is_empty() {
        printer.say("No indexes yet; `tamis index DATASET NAME --on derived:FIELD --kind vectors` makes one");
        return;
    }
    let last = if is_list { "behind" } else { "samples" };
    let mut rows = vec![["index", "kind", "on", "rows", last].map(str::to_owned).to_vec()];
    for line in lines {
        let kind = match line.definition.kind {
            IndexKind::Vectors => "vectors",
            IndexKind::Words => "words",
            IndexKind::Values => "values",
        };
        let how = if line.built { " (built)" } else { "" };
        rows.push(vec![
            line.name.clone(),
            kind.to_owned(),
            line.definition.on.clone(),
            text::number(line.rows),
            format!("{}{how}", text::number(line.changed)),
        ]);
    }
    text::table(&rows).iter().for_each(|line| printer.line(line));
}
