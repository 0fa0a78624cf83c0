//! The work of an import: records in, samples out, batch by batch.

use std::collections::{BTreeMap, HashMap, HashSet};

use rayon::prelude::*;
use tamis_core::{BlobId, Hash, Label, Ontology, Place, Report, Sample, SampleRecord, Value};
use tamis_formats::{Format, Known, Mapper, ReadOptions, RecordReader, Source};
use tamis_repo::{FieldKind, ScanOptions, Snapshot, Transaction};

use super::fetch::Fetcher;
use super::journal::Journal;
use super::labels::keep_ids;
use super::sample::Taker;
use super::{ImportPlan, ImportRequest, ORIGIN, Origin, Tally, join, open, origin_key, origin_of, reconcile};
use crate::Ctx;
use crate::error::{EngineError, Result};

/// Records handled together: enough to keep all processors busy, few enough to stay small.
const BATCH: usize = 1024;
/// Files asked for at once where reading waits for a network.
const REQUESTS: usize = 32;

/// One running import.
pub(super) struct Work<'a> {
    pub(super) ctx: &'a Ctx,
    pub(super) request: &'a ImportRequest,
    pub(super) plan: &'a ImportPlan,
    pub(super) source: &'a Source,
    pub(super) report: &'a Report,
    format: &'static dyn Format,
    journal: Option<&'a Journal>,
    mapper: Mapper<'a>,
    fetcher: Option<Fetcher>,
    /// Threads that wait for a network.
    pool: Option<rayon::ThreadPool>,
}

/// What is remembered of the records so far. 16 bytes a sample, and a path for each where duplicates are
/// to be joined.
#[derive(Default)]
struct Seen {
    /// The first half of the BLAKE3 of each path.
    paths: HashSet<u128>,
    media: HashSet<u64>,
    /// The first sample of each blob, where duplicates are joined.
    firsts: HashMap<BlobId, String>,
    /// Labels of later samples of the same bytes, by the first one's path.
    twins: BTreeMap<String, Vec<BTreeMap<String, Vec<Label>>>>,
}

fn short(path: &str) -> u128 {
    let hash = Hash::of(path.as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&hash.0[..16]);
    u128::from_le_bytes(half)
}

impl<'a> Work<'a> {
    pub(super) fn new(
        ctx: &'a Ctx,
        request: &'a ImportRequest,
        plan: &'a ImportPlan,
        source: &'a Source,
        format: &'static dyn Format,
        report: &'a Report,
        journal: Option<&'a Journal>,
    ) -> Result<Work<'a>> {
        let failed = |what: &str, e: String| EngineError::new("internal", format!("cannot start {what}: {e}"));
        let wants_fetch = !request.hosts.is_empty() && !request.reference;
        let fetcher = wants_fetch.then(|| Fetcher::new(&request.hosts, request.fetch_limit)).transpose();
        let fetcher = fetcher.map_err(|e| failed("fetching", e))?;
        let pool = (open::is_remote(&request.path) || fetcher.is_some())
            .then(|| rayon::ThreadPoolBuilder::new().num_threads(REQUESTS).build())
            .transpose()
            .map_err(|e| failed("threads", e.to_string()))?;
        let mapper = request.mapping.ready()?;
        Ok(Work { ctx, request, plan, source, report, format, journal, mapper, fetcher, pool })
    }

    fn reader(&self, there: Option<&Snapshot>) -> Result<Box<dyn RecordReader + 'a>> {
        let mut options = ReadOptions::default();
        options.layer.clone_from(&self.request.layer);
        options.options.clone_from(&self.request.mapping.options);
        options.options.extend(self.request.options.clone());
        if let Some(there) = there.filter(|_| self.request.labels_only) {
            options.known = known(there)?;
        }
        Ok(self.format.read(self.source, &options, self.report)?)
    }

    /// Reads all records; puts what differs into the transaction, if there is one.
    pub(super) fn run(&self, there: Option<&Snapshot>, mut transaction: Option<&mut Transaction>) -> Result<Tally> {
        let there = there.filter(|snapshot| !snapshot.is_empty());
        if self.request.labels_only && there.is_none() {
            let message =
                format!("cannot put labels onto `{}@{}`: it has no samples", self.plan.dataset, self.plan.branch);
            return Err(EngineError::new("repo.not_found", message).hint("import the media first"));
        }
        let mut reader = self.reader(there)?;
        self.ctx.progress.begin("import", reader.expected(), "samples");
        let blobs = transaction.as_ref().map(|transaction| transaction.blobs());
        let taker = Taker {
            source: self.source,
            report: self.report,
            reference: self.request.reference,
            blobs,
            journal: self.journal,
            fetcher: self.fetcher.as_ref(),
        };
        let names = match there.filter(|_| self.request.labels_only) {
            Some(there) => names(there)?,
            None => HashMap::new(),
        };
        let (mut tally, mut seen) = (Tally::default(), Seen::default());
        loop {
            let mut batch: Vec<SampleRecord> = Vec::with_capacity(BATCH);
            for record in reader.by_ref().take(BATCH) {
                let mut record = record?;
                tally.dropped += self.mapper.apply(&mut record);
                self.keep(record, &mut seen, &mut batch);
            }
            if batch.is_empty() {
                break;
            }
            let transaction = transaction.as_deref_mut();
            self.take(&taker, batch, there, &names, transaction, &mut tally, &mut seen)?;
            if let Some(journal) = self.journal {
                journal.flush();
            }
        }
        self.ctx.progress.end();
        drop(taker);
        let schema = reader.schema().clone();
        drop(reader);
        self.join_twins(&seen, there, transaction.as_deref_mut())?;
        tally.removed = self.remove_gone(there, &seen, transaction.as_deref_mut())?;
        let ontology = self.mapper.ontology(&schema.ontology);
        let old = there.map(Snapshot::ontology).transpose()?.unwrap_or_default();
        tally.notes = reconcile::reconcile(&old, &ontology);
        if let Some(transaction) = transaction {
            self.put_schema(&tamis_formats::Schema { ontology, ..schema }, &old, there.is_none(), transaction)?;
        }
        Ok(tally)
    }

    /// Takes a record up into the batch; says why where it is left out.
    fn keep(&self, record: SampleRecord, seen: &mut Seen, batch: &mut Vec<SampleRecord>) {
        if let Err(error) = tamis_core::check_path(&record.path) {
            self.report.error("import.path", Place::file(record.path.escape_debug().to_string()), error);
        } else if !seen.paths.insert(short(&record.path)) {
            let message = "another sample has this path already; this one was left out";
            self.report.error("import.duplicate", Place::file(&record.path), message);
        } else {
            batch.push(record);
        }
    }

    /// One batch: media and labels in parallel, then the transaction in order.
    #[allow(clippy::too_many_arguments)]
    fn take(
        &self,
        taker: &Taker<'_>,
        mut batch: Vec<SampleRecord>,
        there: Option<&Snapshot>,
        names: &HashMap<String, Option<String>>,
        transaction: Option<&mut Transaction>,
        tally: &mut Tally,
        seen: &mut Seen,
    ) -> Result<()> {
        let mut old = old_samples(there, &batch)?;
        if self.request.labels_only {
            self.by_name(names, &mut batch, &mut old, there)?;
        }
        let one = |(record, old): (SampleRecord, Option<Sample>)| {
            let sample = match &old {
                Some(old) if self.request.labels_only => taker.labels(record, old)?,
                _ => taker.take(record, old.as_ref())?,
            };
            self.ctx.progress.advance(1, sample.media.as_ref().map_or(0, |media| media.size))?;
            Ok((sample, old))
        };
        let all = || batch.into_par_iter().zip(old).map(one).collect::<Vec<Result<(Sample, Option<Sample>)>>>();
        let taken = match &self.pool {
            Some(pool) => pool.install(all),
            None => all(),
        };
        let mut changed = Vec::with_capacity(taken.len());
        for taken in taken {
            let (sample, old) = taken?;
            if self.is_twin(&sample, tally, seen) {
                continue;
            }
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

    /// Of records that only bring labels: finds their samples by the name of the file where the path is
    /// another; leaves out those that have none.
    fn by_name(
        &self,
        names: &HashMap<String, Option<String>>,
        batch: &mut Vec<SampleRecord>,
        old: &mut Vec<Option<Sample>>,
        there: Option<&Snapshot>,
    ) -> Result<()> {
        for (record, old) in batch.iter_mut().zip(old.iter()) {
            if old.is_none()
                && let Some(Some(path)) = names.get(file_name(&record.path))
            {
                record.path.clone_from(path);
            }
        }
        *old = old_samples(there, batch)?;
        let mut found = old.iter().map(Option::is_some);
        batch.retain(|record| {
            let is_found = found.next().unwrap_or(false);
            if !is_found {
                let message = match names.get(file_name(&record.path)) {
                    Some(None) => "several samples have a file of this name: it cannot be told which is meant",
                    _ => "no sample has this path, nor a file of this name",
                };
                self.report.error("import.no_sample", Place::file(&record.path), message);
            }
            is_found
        });
        old.retain(Option::is_some);
        Ok(())
    }

    /// Whether the sample's media are another's of this source, and it is to be joined with that.
    fn is_twin(&self, sample: &Sample, tally: &mut Tally, seen: &mut Seen) -> bool {
        let Some(blob) = sample.media.as_ref().and_then(|media| media.blob).filter(|_| !self.request.labels_only)
        else {
            return false;
        };
        if !self.request.dedupe {
            let [a, b, c, d, e, f, g, h, ..] = blob.0.0;
            if !seen.media.insert(u64::from_le_bytes([a, b, c, d, e, f, g, h])) {
                tally.same_media += 1;
                let message = "its bytes are those of another sample; --dedupe makes one of them";
                self.report.note("import.same_media", Place::file(&sample.path), message);
            }
            return false;
        }
        let Some(first) = seen.firsts.get(&blob) else {
            seen.firsts.insert(blob, sample.path.clone());
            return false;
        };
        tally.same_media += 1;
        self.report.note(
            "import.same_media",
            Place::file(&sample.path),
            format!("joined with `{first}`: the same bytes"),
        );
        seen.twins.entry(first.clone()).or_default().push(sample.layers.clone());
        true
    }

    /// Gives the first of several samples of the same bytes the labels of all: a second pass over the
    /// records finds the first ones' own labels.
    fn join_twins(&self, seen: &Seen, there: Option<&Snapshot>, transaction: Option<&mut Transaction>) -> Result<()> {
        let Some(transaction) = transaction.filter(|_| !seen.twins.is_empty()) else { return Ok(()) };
        for record in self.reader(there)? {
            let mut record = record?;
            self.mapper.apply(&mut record);
            let Some(twins) = seen.twins.get(&record.path) else { continue };
            let mut layers = record.layers;
            for (layer, labels) in twins.iter().flatten() {
                let own = layers.entry(layer.clone()).or_default();
                for label in labels {
                    let label = Label { id: 0, ..label.clone() };
                    if own.iter().all(|known| Label { id: 0, ..known.clone() } != label) {
                        own.push(label);
                    }
                }
            }
            let old = there.map(|there| there.get(&record.path)).transpose()?.flatten();
            for (layer, mut labels) in layers {
                let before = old.as_ref().and_then(|old| old.layers.get(&layer)).map_or(&[][..], Vec::as_slice);
                keep_ids(before, &mut labels);
                transaction.patch_layer(&record.path, &layer, Some(labels))?;
            }
        }
        Ok(())
    }

    /// Removes samples that an earlier import from this source brought and that are gone from it.
    fn remove_gone(
        &self,
        there: Option<&Snapshot>,
        seen: &Seen,
        mut transaction: Option<&mut Transaction>,
    ) -> Result<u64> {
        let keeps = self.request.keep || self.request.labels_only;
        let Some(there) = there.filter(|_| !keeps) else { return Ok(0) };
        // Of several sources, nothing tells which one brought a sample: then none is removed.
        let own = origin_key(&self.request.path);
        let mut origins = there.commit().extra.keys().filter(|name| name.starts_with(ORIGIN));
        if origins.next() != Some(&own) || origins.next().is_some() {
            return Ok(0);
        }
        let mut removed = 0;
        for sample in there.scan(&only_paths())? {
            let sample = sample?;
            if !seen.paths.contains(&short(&sample.path)) {
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
        old: &Ontology,
        is_first: bool,
        transaction: &mut Transaction,
    ) -> Result<()> {
        let merged = join(old, &schema.ontology);
        if merged != *old || is_first {
            transaction.set_ontology(merged)?;
        }
        if self.request.labels_only {
            return Ok(());
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

fn old_samples(there: Option<&Snapshot>, batch: &[SampleRecord]) -> Result<Vec<Option<Sample>>> {
    let Some(snapshot) = there else { return Ok(vec![None; batch.len()]) };
    let paths: Vec<&str> = batch.iter().map(|record| record.path.as_str()).collect();
    Ok(snapshot.get_many(&paths)?)
}

fn only_paths() -> ScanOptions {
    ScanOptions { skip_base: true, skip_fields: true, layers: Some(Vec::new()), ..ScanOptions::default() }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The sample of each file name; [`None`] where several have it.
fn names(there: &Snapshot) -> Result<HashMap<String, Option<String>>> {
    let mut names: HashMap<String, Option<String>> = HashMap::new();
    for sample in there.scan(&only_paths())? {
        let path = sample?.path;
        names.entry(file_name(&path).to_owned()).and_modify(|known| *known = None).or_insert(Some(path));
    }
    Ok(names)
}

/// What a dataset calls by numbers: images by the field that keeps COCO's, classes by the ontology.
fn known(there: &Snapshot) -> Result<Known> {
    let mut known = Known::default();
    for class in there.ontology()?.types.values().flat_map(|schema| &schema.classes) {
        known.classes.extend(class.id.map(|id| (id, class.name.clone())));
    }
    let columns = there.schema().groups.iter().filter(|group| group.name == "fields").flat_map(|group| &group.fields);
    if columns.filter_map(|c| FieldKind::parse(c.name())).any(|(name, _)| name == Known::FIELD) {
        let options = ScanOptions { skip_base: true, layers: Some(Vec::new()), ..ScanOptions::default() };
        for sample in there.scan(&options)? {
            let sample = sample?;
            let id = sample.fields.get(Known::FIELD).and_then(Value::as_i64);
            known.images.extend(id.map(|id| (id, sample.path)));
        }
    }
    Ok(known)
}
