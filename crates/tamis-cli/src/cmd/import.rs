//! `tamis import`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use tamis_core::{Finding, Severity};
use tamis_engine::ops::import::{ImportPlan, ImportRequest, Imported, Mapping};
use tamis_engine::{Address, EngineError, Result};

use super::Door;
use crate::printer::{Printer, Tone};
use crate::text;

/// Take in a folder or archive, in one commit.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tamis import photos/                    a dataset named `photos`, whatever the format
  tamis import coco.zip acme/street       an archive, as acme/street
  tamis import new/ street@fix            onto the branch `fix`; only differences are committed
  tamis import photos/ --dry-run          only look: format, counts, what is wrong, file by file
  tamis import huge/ --reference          leave the media where they are
  tamis import s3://bucket/photos         a prefix of a bucket (also gs://, az://)
  tamis import urls.txt --allow-host h.org   files of the web, one URL a line
  tamis import /other/lake#acme/street@v1    a dataset of another lake (its history: `tamis clone`)
  tamis import vendor/ street --class automobile=car --split train=0.9,val=0.1
  tamis import boxes.json street --labels-only --layer model-a   predictions onto what is there

An import that was stopped goes on where it was when it is started again.

Importing the same folder again commits what changed. Samples that are gone from the folder are
removed, unless --keep or other folders were imported into the dataset too.")]
pub(crate) struct ImportArgs {
    /// A folder, archive (.zip, .tar, .tar.gz, .tar.zst), annotation file, list of URLs, s3://…, or LAKE#DATASET
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Into which dataset; named after the folder when absent
    #[arg(value_name = "DATASET[@BRANCH]")]
    dataset: Option<String>,
    /// Its format; found by content when absent (see `tamis formats`)
    #[arg(long, short)]
    format: Option<String>,
    /// An option of the format
    #[arg(long, short, value_name = "NAME=VALUE")]
    option: Vec<String>,
    /// The layer that labels go into
    #[arg(long, default_value = "truth")]
    layer: String,
    /// Leave media where they are
    #[arg(long)]
    reference: bool,
    /// Commit nothing when something could not be taken in
    #[arg(long)]
    strict: bool,
    /// Keep samples that are gone from the folder since the last import
    #[arg(long)]
    keep: bool,
    /// Put labels onto the samples that are there, by path or file name
    #[arg(long)]
    labels_only: bool,
    /// Make one sample of media with equal bytes, with the labels of all
    #[arg(long)]
    dedupe: bool,
    /// A mapping file: classes, paths, splits (docs/spec/mapping.md)
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Rename a class; nothing after `=` drops its labels
    #[arg(long, value_name = "OLD=NEW")]
    class: Vec<String>,
    /// Deal samples without a split, e.g. train=0.9,val=0.1
    #[arg(long, value_name = "SPLIT=SHARE,…", value_delimiter = ',')]
    split: Vec<String>,
    /// Fetch media at URLs from this host; `*.example.org` for all below
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// The commit's message
    #[arg(long, short)]
    message: Option<String>,
}

impl ImportArgs {
    fn request(&self) -> Result<ImportRequest> {
        let address = self.dataset.as_deref().map(str::parse::<Address>).transpose()?;
        let mut options = BTreeMap::new();
        for option in &self.option {
            let (name, value) = pair(option, "NAME=VALUE")?;
            options.insert(name.to_owned(), value.to_owned());
        }
        Ok(ImportRequest {
            path: self.path.clone(),
            dataset: address.as_ref().map(|address| address.dataset.clone()),
            branch: address.and_then(|address| address.revision),
            format: self.format.clone(),
            options,
            layer: Some(self.layer.clone()),
            reference: self.reference,
            strict: self.strict,
            keep: self.keep,
            labels_only: self.labels_only,
            dedupe: self.dedupe,
            mapping: self.mapping()?,
            hosts: self.allow_host.clone(),
            fetch_limit: None,
            dry_run: self.dry_run,
            message: self.message.clone(),
        })
    }

    /// The mapping file with what the options add.
    fn mapping(&self) -> Result<Mapping> {
        let mut mapping = match &self.map {
            Some(path) => {
                let failed = |e| EngineError::new("format.io", format!("cannot read `{}`: {e}", path.display()));
                Mapping::parse(&std::fs::read(path).map_err(failed)?)?
            }
            None => Mapping::default(),
        };
        for class in &self.class {
            let (old, new) = pair(class, "OLD=NEW")?;
            mapping.classes.insert(old.to_owned(), (!new.is_empty()).then(|| new.to_owned()));
        }
        for share in &self.split {
            let (split, share) = pair(share, "SPLIT=SHARE")?;
            let share = share.parse().map_err(|_| EngineError::new("usage", format!("`{share}` is no number")))?;
            mapping.shares.insert(split.to_owned(), share);
        }
        Ok(mapping)
    }
}

fn pair<'a>(text: &'a str, form: &str) -> Result<(&'a str, &'a str)> {
    let bad = || EngineError::new("usage", format!("`{text}` is not {form}")).hint("see `tamis import --help`");
    text.split_once('=').ok_or_else(bad)
}

pub(crate) fn run(args: &ImportArgs, door: &Door<'_>, printer: &mut Printer) -> Result<ExitCode> {
    let request = args.request()?;
    // A mistyped path should not leave a lake behind.
    if !request.path.to_str().is_some_and(|text| text.contains("://") || text.contains('#')) {
        std::fs::metadata(&request.path).map_err(|e| {
            EngineError::new("format.io", format!("cannot read `{}`: {e}", request.path.display()))
                .hint("check the path and its permissions")
        })?;
    }
    let engine = door.open_or_init()?;
    let began = Instant::now();
    let mut tell = |plan: &ImportPlan| {
        if !printer.json {
            say_plan(plan, printer);
        }
    };
    let imported = engine.import(&door.ctx(), &request, &mut tell)?;
    if printer.json {
        printer.json(&imported);
    } else {
        render(&imported, args.dry_run, began.elapsed().as_secs_f64(), printer);
    }
    Ok(ExitCode::SUCCESS)
}

fn say_plan(plan: &ImportPlan, printer: &Printer) {
    printer.say(format!("Reading as {}: {}", plan.format, plan.why));
    let files = text::count(plan.files, "file");
    let onto = if plan.existing > 0 {
        format!(", onto {} that are there", text::count(plan.existing, "sample"))
    } else {
        String::new()
    };
    printer.say(format!("{files}, {} into {}@{}{onto}", text::size(plan.bytes), plan.dataset, plan.branch));
}

/// How the classes stand to those that were there.
fn say_classes(done: &Imported, printer: &Printer) {
    let of = |what: &'static str| done.classes_found.iter().filter(move |note| note.what == what);
    // One name may be new for several types of label.
    let mut new: Vec<&str> = Vec::new();
    for note in of("new") {
        if !new.contains(&note.class.as_str()) {
            new.push(&note.class);
        }
    }
    if !new.is_empty() {
        printer.say(format!("New classes: {}", new.join(", ")));
    }
    for note in of("similar") {
        let (class, other) = (&note.class, note.other.as_deref().unwrap_or_default());
        printer.warn(format!(
            "new class `{class}` reads like `{other}`, which is there: --class '{class}={other}' makes it that"
        ));
    }
    for note in of("renumbered") {
        let numbers = note.other.as_deref().unwrap_or_default();
        printer.warn(format!("class `{}` has another number here: {numbers}; its name counts", note.class));
    }
    for note in of("retyped") {
        let (attribute, types) = (&note.class, note.other.as_deref().unwrap_or_default());
        printer.warn(format!(
            "attribute `{attribute}` has values of another type here: {types}; both are kept as they are"
        ));
    }
    if done.dropped_labels > 0 {
        printer.say(format!("{} dropped by the mapping", text::count(done.dropped_labels, "label")));
    }
}

fn render(done: &Imported, is_dry: bool, seconds: f64, printer: &mut Printer) {
    say_findings(&done.findings, printer);
    say_classes(done, printer);
    let samples = done.added + done.changed + done.unchanged;
    let table = class_table(done);
    if !table.is_empty() {
        let head = printer.tone(Tone::Heading, &table[0]);
        printer.line(head);
        table[1..].iter().for_each(|line| printer.line(line));
        printer.line("");
    }
    let name = format!("{}@{}", done.plan.dataset, done.plan.branch);
    let what = format!(
        "{}, {}, {}",
        text::count(samples, "sample"),
        text::count(done.annotations, "label"),
        text::size(done.bytes)
    );
    let mut changes = Vec::new();
    for (count, word) in
        [(done.added, "new"), (done.changed, "changed"), (done.removed, "removed"), (done.unchanged, "unchanged")]
    {
        if count > 0 {
            changes.push(format!("{} {word}", text::number(count)));
        }
    }
    let changes = if changes.is_empty() { "nothing".to_owned() } else { changes.join(", ") };
    match (&done.commit, is_dry) {
        (_, true) => printer.line(format!("Would import {what} into {name}: {changes}")),
        (Some(commit), false) => {
            let id = printer.tone(Tone::Name, text::short(commit));
            printer.line(format!("Imported {what} into {name}: {changes}"));
            let rate = samples as f64 / seconds.max(1e-9);
            printer.line(format!("Commit {id} in {seconds:.2} s ({} samples/s)", text::number(rate as u64)));
        }
        (None, false) => printer.line(format!("Nothing to commit: {name} has all of it already ({what})")),
    }
}

/// Labels by class and split; the most frequent classes first.
fn class_table(done: &Imported) -> Vec<String> {
    const MOST: usize = 20;
    if done.splits.is_empty() {
        return Vec::new();
    }
    let splits: Vec<&String> = done.splits.keys().collect();
    let is_one = splits.len() == 1;
    let mut head = vec![String::new()];
    head.extend(splits.iter().map(|split| text::or_none(split).to_owned()));
    let mut samples = vec!["samples".to_owned()];
    samples.extend(done.splits.values().map(|n| text::number(*n)));
    if is_one {
        head = vec![String::new(), "all".to_owned()];
    } else {
        head.push("all".to_owned());
        samples.push(text::number(done.splits.values().sum()));
    }
    let mut rows = vec![head, samples];
    let mut classes: Vec<(&String, u64)> = done.classes.iter().map(|(class, n)| (class, *n)).collect();
    classes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let shown: BTreeSet<&String> = classes.iter().take(MOST).map(|(class, _)| *class).collect();
    for (class, total) in classes.iter().filter(|(class, _)| shown.contains(class)) {
        let mut row = vec![format!("  {}", text::or_none(class))];
        if !is_one {
            let of = |split: &&String| done.split_classes.get(*split).and_then(|classes| classes.get(*class)).copied();
            row.extend(splits.iter().map(|split| of(split).map_or("-".to_owned(), text::number)));
        }
        row.push(text::number(*total));
        rows.push(row);
    }
    let mut lines = text::table(&rows);
    if classes.len() > MOST {
        lines.push(format!("  … and {}", text::count((classes.len() - MOST) as u64, "class")));
    }
    lines
}

/// What was found wrong, worst first, with the first places.
pub(crate) fn say_findings(findings: &[Finding], printer: &mut Printer) {
    const PLACES: usize = 3;
    if findings.is_empty() {
        return;
    }
    for finding in findings {
        let (tone, word) = match finding.severity {
            Severity::Error => (Tone::Bad, "error"),
            Severity::Warning => (Tone::Warning, "warning"),
            Severity::Note => (Tone::Faint, "note"),
        };
        let head = printer.tone(tone, format!("{word}[{}]", finding.code));
        let times = if finding.count > 1 { format!(" ({}×)", text::number(finding.count)) } else { String::new() };
        printer.line(format!("{head} {}{times}", finding.message));
        for place in finding.places.iter().take(PLACES) {
            printer.line(format!("    {place}"));
        }
        if finding.count > PLACES as u64 {
            printer.line(format!("    … and {} more", text::number(finding.count - PLACES as u64)));
        }
    }
    printer.line("");
}
