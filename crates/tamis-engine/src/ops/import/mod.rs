//! Importing: a folder or archive in anybody's format becomes one commit.
//!
//! Records stream from the format's reader; each batch is read, hashed, stored and probed in
//! parallel, then goes to the transaction. What is wrong with files and labels is a finding with
//! its place, and the import goes on.

pub(in crate::ops) mod labels;
pub(in crate::ops) mod sample;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tamis_core::{DatasetName, Finding, Ontology, Place, Report, Sample, SampleRecord, Severity};
use tamis_formats::{Format, ReadOptions, Source, SourceLimits};
use tamis_repo::{Dataset, Outcome, ScanOptions, Snapshot, Transaction};

use crate::error::{EngineError, Result};
use crate::ops::stats::StatsReport;
use crate::{Address, Ctx, Engine};
use sample::Taker;

/// Records handled together: enough to keep all processors busy, few enough to stay small.
const BATCH: usize = 1024;
/// The name under which a commit keeps where its samples came from.
/// (`import/` and the hash of the source's place): one for each source, so that imports of
/// different sources merge.
const ORIGIN: &str = "import/";

/// What to import.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ImportRequest {
    /// A folder or archive.
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
    splits: BTreeMap<String, u64>,
    classes: BTreeMap<String, u64>,
    split_classes: BTreeMap<String, BTreeMap<String, u64>>,
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
        let source = Source::open(&request.path, &SourceLimits::default(), report)?;
        Ok(self.prepare(request, &source, report)?.0)
    }

    /// Imports a folder or archive in one commit. `started` is told the plan before the work begins.
    pub fn import(&self, ctx: &Ctx, request: &ImportRequest, started: &mut dyn FnMut(&ImportPlan)) -> Result<Imported> {
        let report = Report::new();
        ctx.progress.begin("look at the source", None, "files");
        let source = Source::open(&request.path, &SourceLimits::default(), &report);
        ctx.progress.end();
        let source = source?;
        let (plan, format) = self.prepare(request, &source, &report)?;
        started(&plan);
        let name = DatasetName::new(plan.dataset.as_str())?;
        let work = Work { ctx, request, plan: &plan, source: &source, format, report: &report };
        if request.dry_run {
            let there = self.repo().dataset(&name).ok().and_then(|dataset| dataset.snapshot(&plan.branch).ok());
            let (tally, removed) = work.run(there.as_ref(), None)?;
            return Ok(outcome(plan.clone(), tally, removed, &report));
        }
        let is_new = self.repo().datasets()?.iter().all(|known| *known != name);
        let dataset = if is_new { self.repo().create(&name, &ctx.author)? } else { self.dataset(&name)? };
        let imported = self.import_into(&dataset, &work);
        if is_new && imported.is_err() {
            // Nothing was committed: the name should not stay behind.
            drop(self.repo().remove(&name, &ctx.author));
        }
        imported
    }

    fn import_into(&self, dataset: &Dataset, work: &Work<'_>) -> Result<Imported> {
        let plan = work.plan;
        if plan.branch != dataset.view()?.default && !dataset.view()?.branches.contains_key(&plan.branch) {
            let default = dataset.view()?.default;
            dataset.create_branch(&plan.branch, &default, &work.ctx.author)?;
        }
        let mut transaction = dataset.transaction(&plan.branch)?;
        let there = transaction.snapshot()?;
        let (tally, removed) = work.run(Some(&there), Some(&mut transaction))?;
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
        let mut imported = outcome(plan.clone(), tally, removed, work.report);
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
            None => DatasetName::new(tame(source.name()))?,
        };
        let (format, why, others) = match &request.format {
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

fn outcome(plan: ImportPlan, tally: Tally, removed: u64, report: &Report) -> Imported {
    Imported {
        plan,
        commit: None,
        added: tally.added,
        changed: tally.changed,
        removed,
        unchanged: tally.unchanged,
        annotations: tally.annotations,
        splits: tally.splits,
        classes: tally.classes,
        split_classes: tally.split_classes,
        bytes: tally.bytes,
        findings: report.findings(),
        stats: None,
    }
}

/// One running import.
struct Work<'a> {
    ctx: &'a Ctx,
    request: &'a ImportRequest,
    plan: &'a ImportPlan,
    source: &'a Source,
    format: &'static dyn Format,
    report: &'a Report,
}

impl Work<'_> {
    /// Reads all records; puts what differs into the transaction, if there is one. Gives the
    /// counts and how many samples were removed.
    fn run(&self, there: Option<&Snapshot>, mut transaction: Option<&mut Transaction>) -> Result<(Tally, u64)> {
        let there = there.filter(|snapshot| !snapshot.is_empty());
        let mut options = ReadOptions::default();
        options.layer.clone_from(&self.request.layer);
        options.options.clone_from(&self.request.options);
        let mut reader = self.format.read(self.source, &options, self.report)?;
        self.ctx.progress.begin("import", reader.expected(), "samples");
        let blobs = transaction.as_ref().map(|transaction| transaction.blobs());
        let taker = Taker { source: self.source, report: self.report, reference: self.request.reference, blobs };
        let mut tally = Tally::default();
        let mut seen: std::collections::HashSet<String> = std::collections::HashSet::new();
        loop {
            let mut batch: Vec<SampleRecord> = Vec::with_capacity(BATCH);
            for record in reader.by_ref().take(BATCH) {
                let record = record?;
                if let Err(error) = tamis_core::check_path(&record.path) {
                    self.report.error("import.path", Place::file(record.path.escape_debug().to_string()), error);
                } else if !seen.insert(record.path.clone()) {
                    let message = "another sample has this path already; this one was left out";
                    self.report.error("import.duplicate", Place::file(&record.path), message);
                } else {
                    batch.push(record);
                }
            }
            if batch.is_empty() {
                break;
            }
            self.take(&taker, batch, there, transaction.as_deref_mut(), &mut tally)?;
        }
        self.ctx.progress.end();
        drop(taker);
        let schema = reader.schema().clone();
        drop(reader);
        let removed = self.remove_gone(there, &seen, transaction.as_deref_mut())?;
        if let Some(transaction) = transaction {
            self.put_schema(&schema, there, transaction)?;
        }
        Ok((tally, removed))
    }

    /// One batch: media and labels in parallel, then the transaction in order.
    fn take(
        &self,
        taker: &Taker<'_>,
        batch: Vec<SampleRecord>,
        there: Option<&Snapshot>,
        transaction: Option<&mut Transaction>,
        tally: &mut Tally,
    ) -> Result<()> {
        let old: Vec<Option<Sample>> = match there {
            Some(snapshot) => {
                let paths: Vec<&str> = batch.iter().map(|record| record.path.as_str()).collect();
                snapshot.get_many(&paths)?
            }
            None => vec![None; batch.len()],
        };
        let taken: Vec<Result<(Sample, Option<Sample>)>> = batch
            .into_par_iter()
            .zip(old)
            .map(|(record, old)| {
                let sample = taker.take(record, old.as_ref())?;
                self.ctx.progress.advance(1, sample.media.as_ref().map_or(0, |media| media.size))?;
                Ok((sample, old))
            })
            .collect();
        let mut changed = Vec::with_capacity(taken.len());
        for taken in taken {
            let (sample, old) = taken?;
            tally.count(&sample);
            match old {
                Some(old) if old == sample => {
                    tally.unchanged += 1;
                    continue;
                }
                Some(_) => tally.changed += 1,
                None => tally.added += 1,
            }
            changed.push(sample);
        }
        if let Some(transaction) = transaction {
            transaction.put_many(changed)?;
        }
        Ok(())
    }

    /// Removes samples that an earlier import from this source brought and that are gone from it.
    fn remove_gone(
        &self,
        there: Option<&Snapshot>,
        seen: &std::collections::HashSet<String>,
        mut transaction: Option<&mut Transaction>,
    ) -> Result<u64> {
        let Some(there) = there.filter(|_| !self.request.keep) else { return Ok(0) };
        // Of several sources, nothing tells which one brought a sample: then none is removed.
        let own = origin_key(&self.request.path);
        let mut origins = there.commit().extra.keys().filter(|name| name.starts_with(ORIGIN));
        if origins.next() != Some(&own) || origins.next().is_some() {
            return Ok(0);
        }
        let mut removed = 0;
        let scan =
            ScanOptions { skip_base: true, skip_fields: true, layers: Some(Vec::new()), ..ScanOptions::default() };
        for sample in there.scan(&scan)? {
            let sample = sample?;
            if !seen.contains(&sample.path) {
                removed += 1;
                if let Some(transaction) = &mut transaction {
                    transaction.delete(&sample.path)?;
                }
            }
        }
        Ok(removed)
    }

    /// Ontology, sensors and extras of the source into the commit.
    fn put_schema(
        &self,
        schema: &tamis_formats::Schema,
        there: Option<&Snapshot>,
        transaction: &mut Transaction,
    ) -> Result<()> {
        let old = match there {
            Some(snapshot) => snapshot.ontology()?,
            None => Ontology::default(),
        };
        let merged = join(&old, &schema.ontology);
        if merged != old || there.is_none() {
            transaction.set_ontology(merged)?;
        }
        for (segment, sensors) in &schema.sensors {
            for sensor in sensors {
                transaction.set_sensor(segment, &sensor.name, Some(sensor.clone()))?;
            }
        }
        for (name, value) in &schema.extra {
            transaction.set_extra(&format!("format/{name}"), Some(value.to_string().as_bytes()))?;
        }
        let origin = Origin { source: origin_of(&self.request.path), format: self.plan.format.clone() };
        let bytes = serde_json::to_vec(&origin).map_err(|e| EngineError::new("internal", e.to_string()))?;
        Ok(transaction.set_extra(&origin_key(&self.request.path), Some(&bytes))?)
    }
}

/// The name under which a source is remembered.
fn origin_key(path: &Path) -> String {
    format!("{ORIGIN}{}", tamis_core::Hash::of(origin_of(path).as_bytes()).short())
}

/// How a source is remembered.
fn origin_of(path: &Path) -> String {
    path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string()
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
