//! Importing: a folder or archive in anybody's format becomes one commit.
//!
//! Records stream from the format's reader; each batch is read, hashed, stored and probed in
//! parallel, then goes to the transaction. What is wrong with files and labels is a finding with
//! its place, and the import goes on.

mod fetch;
mod journal;
pub(in crate::ops) mod labels;
mod lake;
mod open;
mod reconcile;
pub(in crate::ops) mod sample;
mod work;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tamis_core::{DatasetName, Finding, Ontology, Report, Sample, Severity};
pub use tamis_formats::Mapping;
use tamis_formats::{Format, Source};
use tamis_repo::{Dataset, Outcome};

use crate::error::{EngineError, Result};
use crate::ops::stats::StatsReport;
use crate::{Address, Ctx, Engine};
use journal::Journal;
pub use reconcile::ClassNote;
use work::Work;

/// The name under which a commit keeps where its samples came from.
/// (`import/` and the hash of the source's place): one for each source, so that imports of
/// different sources merge.
const ORIGIN: &str = "import/";

/// What to import.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ImportRequest {
    /// A folder or archive of this machine or in a bucket, an archive on the web, or a dataset of another lake.
    pub path: PathBuf,
    /// Into which dataset; named after the folder when absent.
    #[serde(default)]
    pub dataset: Option<DatasetName>,
    /// Onto which branch; `main` when absent.
    #[serde(default)]
    pub branch: Option<String>,
    /// The format; found by content when absent.
    #[serde(default)]
    pub format: Option<String>,
    /// The format's own options.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// The layer that labels go into; `truth` when absent.
    #[serde(default)]
    pub layer: Option<String>,
    /// Leave media where they are; keep where, size and hash.
    #[serde(default)]
    pub reference: bool,
    /// Refuse to commit when something could not be taken in.
    #[serde(default)]
    pub strict: bool,
    /// Keep samples that an earlier import from the same source brought and that are gone from it.
    #[serde(default)]
    pub keep: bool,
    /// Put labels onto the samples that are there, found by path, else by the name of their file; media
    /// and samples stay as they are.
    #[serde(default)]
    pub labels_only: bool,
    /// Take one sample for media of equal bytes, with the labels of all.
    #[serde(default)]
    pub dedupe: bool,
    /// What to change in records on their way in.
    #[serde(default)]
    pub mapping: Mapping,
    /// Hosts of the web from which media may be fetched; `*.example.org` for all below a domain.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Bytes of one fetched file at most; 1 GiB when absent.
    #[serde(default)]
    pub fetch_limit: Option<u64>,
    /// Only say what would be done.
    #[serde(default)]
    pub dry_run: bool,
    /// The commit's message.
    #[serde(default)]
    pub message: Option<String>,
}

/// What an import is going to do.
#[derive(Clone, Debug, Serialize)]
pub struct ImportPlan {
    /// The dataset.
    pub dataset: String,
    /// The branch.
    pub branch: String,
    /// The format's name.
    pub format: String,
    /// Why this format.
    pub why: String,
    /// Other formats that would fit, with why.
    pub others: Vec<String>,
    /// Files in the source.
    pub files: u64,
    /// Bytes in the source.
    pub bytes: u64,
    /// Samples on the branch now.
    pub existing: u64,
}

/// What an import did (or, dry, would do).
#[derive(Clone, Debug, Serialize)]
pub struct Imported {
    /// The plan.
    pub plan: ImportPlan,
    /// The commit; absent when nothing changed, or dry.
    pub commit: Option<String>,
    /// Samples that are new.
    pub added: u64,
    /// Samples that differ from those on the branch.
    pub changed: u64,
    /// Samples that are gone from the source.
    pub removed: u64,
    /// Samples that are as they were.
    pub unchanged: u64,
    /// Labels in the source.
    pub annotations: u64,
    /// Samples in the source by split.
    pub splits: BTreeMap<String, u64>,
    /// Labels in the source by class.
    pub classes: BTreeMap<String, u64>,
    /// Labels in the source by split and class.
    pub split_classes: BTreeMap<String, BTreeMap<String, u64>>,
    /// Bytes of media read.
    pub bytes: u64,
    /// Samples whose media have the bytes of another sample of the source.
    pub same_media: u64,
    /// Labels that the mapping dropped.
    pub dropped_labels: u64,
    /// How the classes of the source stand to those that were there.
    pub classes_found: Vec<ClassNote>,
    /// What was found wrong.
    pub findings: Vec<Finding>,
    /// Counts of the branch afterwards; absent when dry.
    pub stats: Option<StatsReport>,
}

/// Where the samples of a commit came from.
#[derive(Serialize, Deserialize)]
struct Origin {
    source: String,
    format: String,
}

/// Counts that the importer keeps as it goes.
#[derive(Default)]
struct Tally {
    added: u64,
    changed: u64,
    unchanged: u64,
    annotations: u64,
    bytes: u64,
    same_media: u64,
    dropped: u64,
    removed: u64,
    splits: BTreeMap<String, u64>,
    classes: BTreeMap<String, u64>,
    split_classes: BTreeMap<String, BTreeMap<String, u64>>,
    notes: Vec<ClassNote>,
}

impl Tally {
    fn count(&mut self, sample: &Sample) {
        let split = sample.split.clone().unwrap_or_default();
        *self.splits.entry(split.clone()).or_insert(0) += 1;
        for label in sample.layers.values().flatten() {
            self.annotations += 1;
            let class = label.class.clone().unwrap_or_default();
            *self.classes.entry(class.clone()).or_insert(0) += 1;
            *self.split_classes.entry(split.clone()).or_default().entry(class).or_insert(0) += 1;
        }
        self.bytes += sample.media.as_ref().map_or(0, |media| media.size);
    }
}

impl Engine {
    /// Says what an import would take in: the source opened, its format found, nothing read yet.
    pub fn plan_import(&self, request: &ImportRequest, report: &Report) -> Result<ImportPlan> {
        let source = open::open(request, report)?;
        Ok(self.prepare(request, &source, report)?.0)
    }

    /// Imports a folder or archive in one commit. `started` is told the plan before the work begins.
    pub fn import(&self, ctx: &Ctx, request: &ImportRequest, started: &mut dyn FnMut(&ImportPlan)) -> Result<Imported> {
        let report = Report::new();
        ctx.progress.begin("look at the source", None, "files");
        let source = open::open(request, &report);
        ctx.progress.end();
        let source = source?;
        let (plan, format) = self.prepare(request, &source, &report)?;
        started(&plan);
        let name = DatasetName::new(plan.dataset.as_str())?;
        let journal = self.journal(request, &plan);
        let work = Work::new(ctx, request, &plan, &source, format, &report, journal.as_ref())?;
        if request.dry_run {
            let there = self.repo().dataset(&name).ok().and_then(|dataset| dataset.snapshot(&plan.branch).ok());
            let tally = work.run(there.as_ref(), None)?;
            return Ok(outcome(plan.clone(), tally, &report));
        }
        let is_new = self.repo().datasets()?.iter().all(|known| *known != name);
        let dataset = if is_new { self.repo().create(&name, &ctx.author)? } else { self.dataset(&name)? };
        let imported = self.import_into(&dataset, &work);
        if is_new && imported.is_err() {
            // Nothing was committed: the name should not stay behind.
            drop(self.repo().remove(&name, &ctx.author));
        }
        if let (Ok(_), Some(journal)) = (&imported, journal) {
            journal.done();
        }
        imported
    }

    /// What an earlier run of this import has read, if it was stopped.
    fn journal(&self, request: &ImportRequest, plan: &ImportPlan) -> Option<Journal> {
        let folder = crate::engine::cache_dir().filter(|_| !request.dry_run && !request.labels_only);
        let place = self.place();
        let of =
            [place.as_str(), &plan.dataset, &plan.format, &origin_of(&request.path), &request.reference.to_string()];
        Journal::open(folder.as_deref(), &of, plan.bytes, open::is_remote(&request.path))
    }

    fn import_into(&self, dataset: &Dataset, work: &Work<'_>) -> Result<Imported> {
        let plan = work.plan;
        if plan.branch != dataset.view()?.default && !dataset.view()?.branches.contains_key(&plan.branch) {
            let default = dataset.view()?.default;
            dataset.create_branch(&plan.branch, &default, &work.ctx.author)?;
        }
        let mut transaction = dataset.transaction(&plan.branch)?;
        let there = transaction.snapshot()?;
        let tally = work.run(Some(&there), Some(&mut transaction))?;
        if work.request.strict && work.report.count(Severity::Error) > 0 {
            let first = work.report.findings().into_iter().next();
            let said = first.map(|f| format!(": {} ({})", f.message, f.places.first().cloned().unwrap_or_default()));
            let count = work.report.count(Severity::Error);
            let message =
                format!("refused to import `{}`: {count} errors found{}", plan.dataset, said.unwrap_or_default());
            return Err(EngineError::new("import.strict", message).hint("correct them, or import without --strict"));
        }
        let default = || format!("import {} as {}", work.source.name(), plan.format);
        let message = work.request.message.clone().unwrap_or_else(default);
        work.ctx.progress.begin("commit", None, "samples");
        let outcome_ = transaction.commit(&message, &work.ctx.author);
        work.ctx.progress.end();
        let commit = match outcome_? {
            Outcome::Committed(commit) => Some(commit.id.to_string()),
            Outcome::Nothing => None,
        };
        let mut imported = outcome(plan.clone(), tally, work.report);
        imported.commit = commit;
        let address = Address { dataset: dataset.name().clone(), revision: Some(plan.branch.clone()), path: None };
        imported.stats = Some(self.stats(&address)?);
        Ok(imported)
    }

    fn prepare(
        &self,
        request: &ImportRequest,
        source: &Source,
        report: &Report,
    ) -> Result<(ImportPlan, &'static dyn Format)> {
        let dataset = match &request.dataset {
            Some(name) => name.clone(),
            None => match request.path.to_str().and_then(lake::address) {
                Some((_, dataset)) => dataset.parse::<Address>()?.dataset,
                None => DatasetName::new(tame(source.name()))?,
            },
        };
        let is_lake = request.path.to_str().is_some_and(|text| lake::address(text).is_some());
        let (format, why, others) = match &request.format {
            None if is_lake => (tamis_formats::find("tamis")?, "a dataset of another lake".to_owned(), Vec::new()),
            Some(id) => (tamis_formats::find(id)?, "asked for".to_owned(), Vec::new()),
            None => {
                let found = tamis_formats::detect(source, report)?;
                let others = tamis_formats::candidates(source)
                    .into_iter()
                    .filter(|c| c.format.spec().id != found.format.spec().id);
                let others = others.map(|c| format!("{}: {}", c.format.spec().id, c.confidence.why));
                (found.format, found.confidence.why, others.collect())
            }
        };
        let known = self.repo().dataset(&dataset).ok();
        let branch = match (&request.branch, &known) {
            (Some(branch), _) => branch.clone(),
            (None, Some(dataset)) => dataset.view()?.default,
            (None, None) => "main".to_owned(),
        };
        let existing = known.and_then(|dataset| dataset.snapshot(&branch).ok()).map_or(0, |snapshot| snapshot.len());
        let plan = ImportPlan {
            dataset: dataset.to_string(),
            branch,
            format: format.spec().id.to_owned(),
            why,
            others,
            files: source.entries().len() as u64,
            bytes: source.entries().iter().map(|entry| entry.size).sum(),
            existing,
        };
        Ok((plan, format))
    }
}

/// A name for a dataset out of a folder's name: what is not allowed becomes `-`.
fn tame(name: &str) -> String {
    let tame: String =
        name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }).collect();
    let tame = tame.trim_matches(['-', '.']).replace("..", ".");
    if tame.is_empty() { "dataset".to_owned() } else { tame.chars().take(100).collect() }
}

fn outcome(plan: ImportPlan, tally: Tally, report: &Report) -> Imported {
    Imported {
        plan,
        commit: None,
        added: tally.added,
        changed: tally.changed,
        removed: tally.removed,
        unchanged: tally.unchanged,
        annotations: tally.annotations,
        splits: tally.splits,
        classes: tally.classes,
        split_classes: tally.split_classes,
        bytes: tally.bytes,
        same_media: tally.same_media,
        dropped_labels: tally.dropped,
        classes_found: tally.notes,
        findings: report.findings(),
        stats: None,
    }
}

/// The name under which a source is remembered.
fn origin_key(path: &Path) -> String {
    format!("{ORIGIN}{}", tamis_core::Hash::of(origin_of(path).as_bytes()).short())
}

/// How a source is remembered.
fn origin_of(path: &Path) -> String {
    // Another version of a dataset is the same source.
    if let Some((place, dataset)) = path.to_str().and_then(lake::address) {
        return format!("{}#{}", origin_of(Path::new(place)), dataset.split('@').next().unwrap_or_default());
    }
    let text = path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string();
    // Query parameters of a bucket's address may hold keys.
    match text.split_once('?').filter(|(address, _)| address.contains("://")) {
        Some((address, _)) => address.to_owned(),
        None => text,
    }
}

/// The old ontology with what is new in another: classes and attributes are added, none removed.
pub(in crate::ops) fn join(old: &Ontology, new: &Ontology) -> Ontology {
    let mut joined = old.clone();
    for (label_type, schema) in &new.types {
        if !joined.types.contains_key(label_type) {
            joined.types.insert(*label_type, schema.clone());
            continue;
        }
        let own = joined.schema_mut(*label_type);
        for class in &schema.classes {
            if own.class(&class.name).is_none() {
                own.classes.push(class.clone());
            }
        }
        for attribute in &schema.attributes {
            if own.attributes.iter().all(|known| known.name != attribute.name) {
                own.attributes.push(attribute.clone());
            }
        }
        if own.skeletons.is_empty() {
            own.skeletons.clone_from(&schema.skeletons);
        }
    }
    joined
}
