//! A checkout where only media files changed, in the exact format: its labels are the commit's and need no reading.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;
use tamis_core::{MediaSource, Report, Sample, SampleRecord};
use tamis_formats::{Entry, Files, Schema, Source, SourceLimits};
use tamis_repo::Snapshot;
use tamis_store::Writer;

use super::back::{Back, MEDIA, Pair, path_of, plain_etag};
use super::state::{State, io};
use super::status::FileChange;
use crate::error::Result;
use crate::ops::export::schema_of;
use crate::ops::import::sample::Taker;

/// What the changes come to; [`None`] where other files changed too, or a file that no sample is known to have.
/// O(changes), where reading the labels is O(samples).
pub(super) fn read(
    state: &State,
    snapshot: &Snapshot,
    changed: &[FileChange],
    blobs: Option<Arc<Writer>>,
    report: &Report,
) -> Result<Option<Back>> {
    let Some(named) = names(state, changed) else { return Ok(None) };
    let mut sorted: Vec<(&str, &FileChange)> = named.iter().map(|(path, change)| (path.as_str(), *change)).collect();
    sorted.sort_by_key(|(path, _)| *path);
    let paths: Vec<&str> = sorted.iter().map(|(path, _)| *path).collect();
    let old = snapshot.get_many(&paths)?;
    // A new file for a sample that is there: its line tells whether it is the sample's.
    if sorted.iter().zip(&old).any(|((_, change), old)| (change.change == "added") == old.is_some()) {
        return Ok(None);
    }
    let source = source(state, changed, report)?;
    let taker = Taker { source: &source, report, reference: false, blobs, journal: None, fetcher: None };
    let pair = |((path, change), old): (&(&str, &FileChange), Option<Sample>)| -> Result<Pair> {
        if change.change == "removed" {
            return Ok((old, None));
        }
        let media = Some(MediaSource::File(change.file.clone()));
        let fields = old.as_ref().map(|old| old.fields.clone()).unwrap_or_default();
        let record = SampleRecord { path: (*path).to_owned(), media, fields, ..SampleRecord::default() };
        let taken = taker.take(record, old.as_ref())?;
        let mut new = match &old {
            Some(old) => Sample { media: taken.media, fields: taken.fields, ..old.clone() },
            None => taken,
        };
        plain_etag(old.as_ref(), &mut new);
        Ok((old, Some(new)))
    };
    let pairs: Result<Vec<Pair>> = sorted.par_iter().zip(old).map(pair).collect();
    let mut changes: Vec<Pair> = pairs?.into_iter().filter(|(old, new)| old != new).collect();
    changes.sort_by(|a, b| path_of(a).cmp(path_of(b)));
    let files: HashMap<String, String> = named.into_iter().map(|(path, change)| (change.file.clone(), path)).collect();
    let schema = Schema { ontology: schema_of(snapshot)?.ontology, ..Schema::default() };
    Ok(Some(Back { changes, files, schema, records: Vec::new() }))
}

/// The sample of each changed file, each once.
fn names<'a>(state: &State, changed: &'a [FileChange]) -> Option<Vec<(String, &'a FileChange)>> {
    let mut named: Vec<(String, &FileChange)> = Vec::with_capacity(changed.len());
    for change in changed {
        let inside = change.file.strip_prefix(MEDIA)?;
        let path = match change.change {
            "added" => inside.to_owned(),
            _ => state.find(&change.file).map(|entry| entry.sample.clone()).filter(|sample| !sample.is_empty())?,
        };
        named.push((path, change));
    }
    let mut paths: Vec<&str> = named.iter().map(|(path, _)| path.as_str()).collect();
    paths.sort_unstable();
    paths.windows(2).all(|two| two[0] != two[1]).then_some(named)
}

/// The changed files that are there, and no others.
fn source(state: &State, changed: &[FileChange], report: &Report) -> Result<Source> {
    let mut entries = Vec::new();
    for change in changed.iter().filter(|change| change.change != "removed") {
        let path = state.root.join(&change.file);
        let facts = fs::metadata(&path).map_err(|e| io("read", &path, e))?;
        entries.push(Entry::new(change.file.clone(), facts.len()));
    }
    let files = Arc::new(Disk(state.root.clone()));
    Ok(Source::from_files("checkout".to_owned(), entries, files, SourceLimits::default(), report)?)
}

struct Disk(PathBuf);

impl Files for Disk {
    fn open(&self, entry: &Entry) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(fs::File::open(self.0.join(&entry.path))?))
    }

    fn local(&self, entry: &Entry) -> Option<PathBuf> {
        Some(self.0.join(&entry.path))
    }
}
