//! A checkout's files read back as samples, compared with the commit that was checked out.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;
use tamis_core::{Hash, Label, MediaSource, Report, Sample, SampleRecord, Shape};
use tamis_formats::{Format, ReadOptions, Schema, Source, SourceLimits};
use tamis_repo::{SampleChange, ScanOptions, Snapshot};
use tamis_store::Writer;

use super::state::State;
use super::status::{FileChange, SampleLine};
use crate::Ctx;
use crate::error::{EngineError, Result};
use crate::ops::import::labels::keep_ids;
use crate::ops::import::sample::Taker;

const BATCH: usize = 1024;
/// The format that loses nothing.
const EXACT: &str = "tamis";
/// Where it keeps media.
pub(super) const MEDIA: &str = "media/";

/// A sample as it was and as it is; never both absent.
pub(super) type Pair = (Option<Sample>, Option<Sample>);

/// What a folder's changes come to.
pub(super) struct Back {
    /// Ordered by path.
    pub(super) changes: Vec<Pair>,
    /// Samples by the file that holds their media.
    pub(super) files: HashMap<String, String>,
    /// Ontology and sensors as the folder has them.
    pub(super) schema: Schema,
    /// What each sample's labels read as, for formats with losses; ordered by path.
    pub(super) records: Vec<(String, Hash)>,
}

/// Reads a checkout back. Media that did not change are not read; `blobs` absent: nothing is
/// stored.
pub(super) fn read(
    ctx: &Ctx,
    state: &State,
    snapshot: &Snapshot,
    changed: &[FileChange],
    blobs: Option<Arc<Writer>>,
    report: &Report,
) -> Result<Back> {
    let format = tamis_formats::find(&state.identity.format)?;
    if format.spec().id == EXACT
        && let Some(back) = super::media::read(state, snapshot, changed, blobs.clone(), report)?
    {
        return Ok(back);
    }
    let source = Source::open(&state.root, &SourceLimits::default(), report)?;
    let touched: HashSet<&str> = changed.iter().map(|change| change.file.as_str()).collect();
    let taker = Taker { source: &source, report, reference: false, blobs, journal: None, fetcher: None };
    let work = Reading { state, format, exact: format.spec().id == EXACT, taker, touched };
    let gone: BTreeSet<&str> = changed
        .iter()
        .filter(|change| change.change == "removed")
        .filter_map(|change| state.find(&change.file).map(|entry| entry.sample.as_str()))
        .filter(|sample| !sample.is_empty())
        .collect();
    let silent = Report::new();
    let mut reader = format.read(&source, &ReadOptions::default(), if gone.is_empty() { report } else { &silent })?;
    ctx.progress.begin("read the folder", reader.expected(), "samples");
    let mut back = Back { changes: Vec::new(), files: HashMap::new(), schema: Schema::default(), records: Vec::new() };
    let mut seen: HashSet<String> = HashSet::new();
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        for record in reader.by_ref().take(BATCH) {
            let record = work.rename(record?);
            if !gone.contains(record.path.as_str()) && seen.insert(record.path.clone()) {
                if let Some(MediaSource::File(file)) = &record.media {
                    back.files.insert(file.clone(), record.path.clone());
                }
                batch.push(record);
            }
        }
        if batch.is_empty() {
            break;
        }
        ctx.progress.advance(batch.len() as u64, 0)?;
        work.compare(batch, snapshot, &mut back)?;
    }
    back.schema = reader.schema().clone();
    drop(reader);
    if work.exact {
        let new = changed.iter().filter(|change| change.change == "added");
        let new = new.filter_map(|change| Some((change.file.as_str(), change.file.strip_prefix(MEDIA)?)));
        let new: Vec<SampleRecord> =
            new.filter(|(file, path)| !back.files.contains_key(*file) && !seen.contains(*path)).map(record).collect();
        for record in &new {
            seen.insert(record.path.clone());
            back.files.insert(format!("{MEDIA}{}", record.path), record.path.clone());
        }
        work.compare(new, snapshot, &mut back)?;
    }
    // Files of a format that keeps no line for a sample: what it read before and does not now is gone.
    let keys = ScanOptions { skip_base: true, skip_fields: true, layers: Some(Vec::new()), ..ScanOptions::default() };
    let mut removed = Vec::new();
    for sample in snapshot.scan(&keys)? {
        let path = sample?.path;
        let was_there = work.exact || state.record(&path).is_some();
        if gone.contains(path.as_str()) || (was_there && !seen.contains(&path)) {
            removed.push(path);
        }
    }
    for batch in removed.chunks(BATCH) {
        let paths: Vec<&str> = batch.iter().map(String::as_str).collect();
        back.changes.extend(snapshot.get_many(&paths)?.into_iter().map(|old| (old, None)));
    }
    ctx.progress.end();
    back.changes.sort_by(|a, b| path_of(a).cmp(path_of(b)));
    back.records.sort();
    Ok(back)
}

fn record((file, path): (&str, &str)) -> SampleRecord {
    SampleRecord { path: path.to_owned(), media: Some(MediaSource::File(file.to_owned())), ..SampleRecord::default() }
}

pub(super) fn path_of(pair: &Pair) -> &str {
    pair.1.as_ref().or(pair.0.as_ref()).map_or("", |sample| sample.path.as_str())
}

/// A changed sample for people.
pub(super) fn line(old: Option<Sample>, new: Option<Sample>) -> SampleLine {
    let change = match (&old, &new) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    };
    let path = path_of(&(old.clone(), new.clone())).to_owned();
    let whole = SampleChange { path: path.clone(), old, new };
    let labels = if change == "changed" { whole.labels() } else { Vec::new() };
    SampleLine { path, change, media_changed: whole.media().is_some(), labels }
}

struct Reading<'a> {
    state: &'a State,
    format: &'static dyn Format,
    exact: bool,
    taker: Taker<'a>,
    touched: HashSet<&'a str>,
}

impl Reading<'_> {
    /// Formats may place a sample's media elsewhere: the file tells which sample it is.
    fn rename(&self, record: SampleRecord) -> SampleRecord {
        rename(self.state, self.exact, record)
    }

    fn compare(&self, batch: Vec<SampleRecord>, snapshot: &Snapshot, back: &mut Back) -> Result<()> {
        if !self.exact {
            for record in &batch {
                back.records.push((record.path.clone(), digest(record)?));
            }
        }
        let paths: Vec<&str> = batch.iter().map(|record| record.path.as_str()).collect();
        let old = snapshot.get_many(&paths)?;
        let pairs: Result<Vec<Option<Pair>>> = batch
            .into_par_iter()
            .zip(old)
            .map(|(record, old)| {
                let new = self.sample(record, old.as_ref())?;
                Ok((old.as_ref() != Some(&new)).then_some((old, Some(new))))
            })
            .collect();
        back.changes.extend(pairs?.into_iter().flatten());
        Ok(())
    }

    fn sample(&self, mut record: SampleRecord, old: Option<&Sample>) -> Result<Sample> {
        let as_before = match (&record.media, old.and_then(|old| old.media.as_ref())) {
            (Some(MediaSource::File(file)), Some(_)) => {
                let entry = self.state.find(file).filter(|entry| entry.sample == record.path);
                entry.is_some() && !self.touched.contains(file.as_str())
            }
            (Some(MediaSource::Uri(uri)), Some(media)) => media.uri.as_ref() == Some(uri),
            (None, None) => true,
            _ => false,
        };
        if as_before {
            record.media = None;
        }
        let untouched = !self.exact && old.is_some() && self.state.record(&record.path) == Some(digest(&record)?);
        let mut new = self.taker.take(record, old)?;
        if as_before {
            new.media = old.and_then(|old| old.media.clone());
        } else {
            plain_etag(old, &mut new);
        }
        let Some(old) = old else { return Ok(new) };
        if untouched {
            return Ok(Sample { media: new.media, ..old.clone() });
        }
        match self.exact {
            true => keep_mask_files(old, &mut new),
            false => self.fill_in(old, &mut new),
        }
        Ok(new)
    }

    /// What a format with losses cannot say stays as it was: other label types, parts of labels,
    /// fields.
    fn fill_in(&self, old: &Sample, new: &mut Sample) {
        for (layer, before) in &old.layers {
            let Some(labels) = new.layers.get_mut(layer) else {
                if layer != tamis_core::TRUTH {
                    new.layers.insert(layer.clone(), before.clone());
                }
                continue;
            };
            for label in labels.iter_mut() {
                if let Some(same) = before.iter().find(|same| same.id == label.id) {
                    merge_label(same, label);
                }
            }
            let kept = before.iter().filter(|label| !self.format.spec().can_write(label.label_type()));
            let kept: Vec<Label> = kept.filter(|label| labels.iter().all(|l| l.id != label.id)).cloned().collect();
            labels.extend(kept);
            keep_ids(before, labels);
            labels.sort_by_key(|label| label.id);
        }
        for (name, value) in &old.fields {
            new.fields.entry(name.clone()).or_insert_with(|| value.clone());
        }
        new.split = new.split.take().or_else(|| old.split.clone());
        new.frame = new.frame.take().or_else(|| old.frame.clone());
        new.sensor = new.sensor.take().or_else(|| old.sensor.clone());
        new.timestamp = new.timestamp.or(old.timestamp);
    }
}

/// Parts that the new label does not state are the old one's.
fn merge_label(old: &Label, new: &mut Label) {
    for (name, value) in &old.attributes {
        new.attributes.entry(name.clone()).or_insert_with(|| value.clone());
    }
    new.confidence = new.confidence.or(old.confidence);
    new.instance = new.instance.take().or_else(|| old.instance.clone());
}

/// A mask's file name in the folder says nothing about the mask.
fn keep_mask_files(old: &Sample, new: &mut Sample) {
    for (layer, labels) in &mut new.layers {
        let Some(before) = old.layers.get(layer) else { continue };
        for label in labels.iter_mut() {
            let same = before.iter().find(|same| same.id == label.id);
            if let (Shape::Mask(mask), Some(Shape::Mask(was))) = (&mut label.shape, same.map(|same| &same.shape))
                && mask.blob == was.blob
            {
                mask.file.clone_from(&was.file);
            }
        }
    }
}

/// A medium that had no entity tag gets none by lying in a folder.
pub(super) fn plain_etag(old: Option<&Sample>, new: &mut Sample) {
    if let (Some(media), Some(None)) = (&mut new.media, old.map(|old| old.media.as_ref().and_then(|m| m.etag.as_ref())))
    {
        media.etag = None;
    }
}

fn rename(state: &State, exact: bool, mut record: SampleRecord) -> SampleRecord {
    if let (false, Some(MediaSource::File(file))) = (exact, &record.media)
        && let Some(entry) = state.find(file).filter(|entry| !entry.sample.is_empty())
    {
        record.path.clone_from(&entry.sample);
    }
    record
}

/// What a record says, media aside.
fn digest(record: &SampleRecord) -> Result<Hash> {
    let said = (&record.split, &record.frame, &record.sensor, &record.timestamp, &record.fields, &record.layers);
    let text = serde_json::to_vec(&said).map_err(|e| EngineError::new("internal", e.to_string()))?;
    Ok(Hash::of(&text))
}

/// What every sample of a fresh checkout reads as, ordered by path.
pub(super) fn digests(state: &State, format: &'static dyn Format) -> Result<Vec<(String, Hash)>> {
    let report = Report::new();
    let source = Source::open(&state.root, &SourceLimits::default(), &report)?;
    let reader = match format.read(&source, &ReadOptions::default(), &report) {
        Ok(reader) => reader,
        // A dataset without samples writes nothing that could be recognised.
        Err(_) if state.entries.is_empty() => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut records = Vec::new();
    for record in reader {
        let record = rename(state, false, record?);
        let digest = digest(&record)?;
        records.push((record.path, digest));
    }
    records.sort();
    Ok(records)
}
