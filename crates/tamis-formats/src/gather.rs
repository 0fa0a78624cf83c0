//! Reading formats whose files list samples in an order of their own: each item becomes a record at once, the records
//! wait in a spool, and come out sorted by path. Memory: the paths and one record, whatever the files' size.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use tamis_core::{Class, Label, LabelType, MediaSource, Place, Report, SampleRecord, Skeleton};

use crate::each::Each;
use crate::error::{FormatError, Result};
use crate::format::{ReadOptions, RecordReader, Schema};
use crate::index::{self, MediaIndex};
use crate::labels::Judge;
use crate::lex::spool::{Piece, Spool};
use crate::lex::text::crop;
use crate::paths;
use crate::probe::{Confidence, Probe};
use crate::source::Source;
use crate::spec::Spec;

/// A record in the spool; its path is kept outside.
#[derive(Serialize, Deserialize)]
struct Kept {
    file: Option<String>,
    uri: Option<String>,
    /// In base64.
    bytes: Option<String>,
    size: Option<(u32, u32)>,
    split: Option<String>,
    frame: Option<String>,
    sensor: Option<String>,
    timestamp: Option<f64>,
    fields: BTreeMap<String, tamis_core::Value>,
    layers: BTreeMap<String, Vec<Label>>,
}

/// Records on their way into order.
pub(crate) struct Gather<'a> {
    pub(crate) source: &'a Source,
    pub(crate) index: MediaIndex<'a>,
    pub(crate) judge: Judge<'a>,
    pub(crate) layer: String,
    pub(crate) schema: Schema,
    /// The classes that the files declare, in their order.
    pub(crate) classes: Vec<Class>,
    /// The skeletons that the files declare.
    pub(crate) skeletons: Vec<Skeleton>,
    spec: &'static Spec,
    options: BTreeMap<String, String>,
    spool: Spool,
    kept: Vec<(String, Piece)>,
    named: HashSet<String>,
    /// Files that were looked at for annotations, and whether they are such.
    looked: RefCell<BTreeMap<&'a str, bool>>,
    types: BTreeMap<LabelType, BTreeSet<String>>,
    order: Vec<(LabelType, String)>,
}

fn is_uri(text: &str) -> bool {
    ["http://", "https://", "s3://", "gs://", "az://"].iter().any(|s| text.starts_with(s))
}

impl<'a> Gather<'a> {
    pub(crate) fn new(
        spec: &'static Spec,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Gather<'a>> {
        crate::format::option(spec, &options.options, "")?;
        Ok(Gather {
            source,
            index: MediaIndex::new(source),
            judge: Judge { format: spec.id, report },
            layer: options.layer(),
            schema: Schema::default(),
            classes: Vec::new(),
            skeletons: Vec::new(),
            spec,
            options: options.options.clone(),
            spool: Spool::default(),
            kept: Vec::new(),
            named: HashSet::new(),
            looked: RefCell::default(),
            types: BTreeMap::new(),
            order: Vec::new(),
        })
    }

    /// The files of an extension.
    pub(crate) fn files(&self, extension: &str) -> Vec<&'a str> {
        let paths = self.source.entries().iter().map(|e| e.path.as_str());
        paths.filter(|p| paths::extension(p) == extension).collect()
    }

    /// The files of an extension whose first bytes look right. Others are noted at the end, unless they look right to
    /// another question.
    pub(crate) fn files_like(&self, extension: &str, is_it: impl Fn(&str) -> bool) -> Vec<&'a str> {
        let mut looked = self.looked.borrow_mut();
        let head = |p: &&'a str| {
            let bytes = self.source.head(p, HEAD).unwrap_or_default();
            let found = is_it(&crate::lex::text::decode(&bytes));
            *looked.entry(p).or_default() |= found;
            found
        };
        self.files(extension).into_iter().filter(head).collect()
    }

    /// The record of a file of the source, with its size.
    pub(crate) fn of_file(&self, path: &str) -> SampleRecord {
        SampleRecord { stated_size: self.source.image_size(path), ..crate::labels::of_file(path) }
    }

    /// A JSON file that is an object; anything else is a finding.
    pub(crate) fn object(&self, file: &str) -> Option<serde_json::Map<String, tamis_core::Value>> {
        let all = self.judge.text(self.source, file)?;
        self.judge.json(file, &all, crate::lex::json::At::START)
    }

    /// The value of an option of the format.
    ///
    /// # Errors
    /// [`FormatError::BadOption`].
    pub(crate) fn option(&self, name: &str) -> Result<&str> {
        crate::format::option(self.spec, &self.options, name)
    }

    /// Every image that no record names and that `is_sample` is a sample without labels.
    pub(crate) fn rest(&mut self, is_sample: impl Fn(&str) -> bool) -> Result<()> {
        let left: Vec<&str> = self.index.all().filter(|p| !self.named.contains(*p) && is_sample(p)).collect();
        left.into_iter().try_for_each(|path| self.put(self.of_file(path), &|| Place::file(path)))
    }

    /// Files that were read though they are no samples: masks, depths. They are not noted as unnamed media.
    pub(crate) fn used(&mut self, path: &str) {
        self.named.insert(path.to_owned());
    }

    /// A record for the media of a name in an annotation file, found as [`crate::index::resolve`] finds it; or, where
    /// there is no such file, one without media and a finding. [`None`]: the name leaves the folder.
    pub(crate) fn start(
        &self,
        file: &str,
        wanted: &str,
        split: Option<&str>,
        place: &dyn Fn() -> Place,
    ) -> Option<SampleRecord> {
        let split = split.map(str::to_owned);
        if is_uri(wanted) {
            let bare = wanted.split(['?', '#']).next().unwrap_or(wanted);
            let tail = bare.split_once("://").map_or(bare, |(_, t)| t);
            let tail = tail.split_once('/').map_or(tail, |(_, t)| t);
            let found = self.index.named(paths::name(tail)).map(str::to_owned);
            let path = found.clone().or_else(|| paths::normal(tail)).filter(|p| crate::source::check(p).is_ok());
            let media = match found {
                Some(found) => MediaSource::File(found),
                None => MediaSource::Uri(wanted.to_owned()),
            };
            return Some(SampleRecord { path: path?, media: Some(media), split, ..SampleRecord::default() });
        }
        let beside = paths::normal(&paths::join(paths::folder(file), wanted));
        let found = beside
            .and_then(|p| self.index.exact(&p))
            .or_else(|| index::resolve(&self.index, file, wanted, split.as_deref()))
            .or_else(|| self.index.named(paths::name(&wanted.replace('\\', "/"))));
        if let Some(found) = found {
            let split = split.or_else(|| paths::split_of_folders(found));
            let media = Some(MediaSource::File(found.to_owned()));
            return Some(SampleRecord { path: found.to_owned(), media, split, ..SampleRecord::default() });
        }
        match paths::normal(wanted).filter(|p| crate::source::check(p).is_ok()) {
            Some(path) => {
                let message = format!("there is no media file `{}`", crop(wanted));
                self.judge.error("missing_image", place(), message);
                let split = split.or_else(|| paths::split_of_folders(&path));
                Some(SampleRecord { path, split, ..SampleRecord::default() })
            }
            None => {
                let message = format!("`{}` leaves the folder or is no path; left out", crop(wanted));
                self.judge.error("image_path", place(), message);
                None
            }
        }
    }

    /// Takes a record in. Ids that stand twice in one of its layers are given up with a finding.
    pub(crate) fn put(&mut self, mut record: SampleRecord, place: &dyn Fn() -> Place) -> Result<()> {
        for labels in record.layers.values_mut() {
            let mut seen = HashSet::new();
            for label in labels.iter_mut() {
                if label.id != 0 && !seen.insert(label.id) {
                    let message =
                        format!("label id {} stands twice on one sample; the second gets a new one", label.id);
                    self.judge.warn("duplicate_id", place(), message);
                    label.id = 0;
                }
                if let Some(class) = &label.class
                    && self.types.entry(label.label_type()).or_default().insert(class.clone())
                {
                    self.order.push((label.label_type(), class.clone()));
                } else {
                    self.types.entry(label.label_type()).or_default();
                }
            }
        }
        let (mut file, mut uri, mut bytes) = (None, None, None);
        match record.media {
            Some(MediaSource::File(path)) => file = Some(path),
            Some(MediaSource::Uri(address)) => uri = Some(address),
            Some(MediaSource::Bytes(content)) => bytes = Some(crate::mask_png::to_base64(&content)),
            _ => {}
        }
        let kept = Kept {
            file,
            uri,
            bytes,
            size: record.stated_size,
            split: record.split,
            frame: record.frame,
            sensor: record.sensor,
            timestamp: record.timestamp,
            fields: record.fields,
            layers: record.layers,
        };
        let text = serde_json::to_vec(&kept).map_err(|e| spooling(e.into()))?;
        let piece = self.spool.put(&text).map_err(spooling)?;
        self.named.insert(record.path.clone());
        self.kept.push((record.path, piece));
        Ok(())
    }

    /// An error that nothing of the format is there.
    pub(crate) fn nothing(&self, reason: &str) -> FormatError {
        FormatError::NotThis { path: self.source.name().to_owned(), format: self.spec.id, reason: reason.to_owned() }
    }

    /// The records in order. Media that no record names is noted.
    pub(crate) fn finish(mut self) -> Result<Box<dyn RecordReader + 'a>> {
        for media in self.index.all().filter(|p| !self.named.contains(*p)) {
            self.judge.note("unnamed_media", Place::file(media), "no annotation names this file; left out");
        }
        for (file, _) in self.looked.take().into_iter().filter(|(p, found)| !found && !self.named.contains(*p)) {
            self.judge.note(
                "other_file",
                Place::file(file),
                "it does not look like annotations of this format; left out",
            );
        }
        if self.types.is_empty() && !self.classes.is_empty() {
            let first = self.spec.reads.first().copied().unwrap_or(LabelType::Box2d);
            self.types.insert(first, BTreeSet::new());
        }
        for label_type in self.types.keys() {
            crate::labels::declare(&mut self.schema, &self.classes, *label_type);
            if *label_type == LabelType::Keypoints {
                self.schema.ontology.schema_mut(*label_type).skeletons.extend(self.skeletons.iter().cloned());
            }
        }
        for (label_type, class) in &self.order {
            self.schema.ontology.add_class(*label_type, class);
        }
        self.kept.sort_by(|a, b| a.0.cmp(&b.0)); // Stable: of one path in the order of the files.
        let mut groups: Vec<(String, Vec<Piece>)> = Vec::new();
        for (path, piece) in std::mem::take(&mut self.kept) {
            match groups.last_mut() {
                Some((last, pieces)) if *last == path => pieces.push(piece),
                _ => groups.push((path, vec![piece])),
            }
        }
        let (spool, judge) = (self.spool, self.judge);
        Ok(Box::new(Each::new(groups, self.schema, move |(path, pieces): (String, Vec<Piece>), _| {
            if pieces.len() > 1 {
                let message = format!("it is described {} times; its labels are joined", pieces.len());
                judge.warn("duplicate_path", Place::file(&path), message);
            }
            let mut record = SampleRecord { path, ..SampleRecord::default() };
            for piece in pieces {
                let text = spool.get(piece).map_err(spooling)?;
                let kept: Kept = serde_json::from_slice(&text).map_err(|e| spooling(e.into()))?;
                let bytes = kept.bytes.and_then(|b| crate::mask_png::from_base64(&b));
                let media = kept.file.map(MediaSource::File).or(kept.uri.map(MediaSource::Uri));
                let media = media.or(bytes.map(MediaSource::Bytes));
                record.media = record.media.or(media);
                record.stated_size = record.stated_size.or(kept.size);
                record.split = record.split.or(kept.split);
                record.frame = record.frame.or(kept.frame);
                record.sensor = record.sensor.or(kept.sensor);
                record.timestamp = record.timestamp.or(kept.timestamp);
                for (key, value) in kept.fields {
                    record.fields.entry(key).or_insert(value);
                }
                for (layer, labels) in kept.layers {
                    let known = record.layers.entry(layer).or_default();
                    for mut label in labels {
                        if label.id != 0 && known.iter().any(|l| l.id == label.id) {
                            label.id = 0;
                        }
                        known.push(label);
                    }
                }
            }
            Ok(Some(record))
        })))
    }
}

fn spooling(e: std::io::Error) -> FormatError {
    FormatError::io("write", "a temporary file", e)
}

const HEAD: usize = 16 << 10;

/// How sure a format is that finds files of an extension that begin as it knows; 50 files are looked at.
pub(crate) fn like(probe: &Probe<'_>, extension: &str, score: u8, is_it: impl Fn(&str) -> bool) -> Confidence {
    let files = probe.with_extension(extension);
    let found = files.iter().take(50).find(|e| is_it(&crate::lex::text::decode(&probe.head(&e.path, HEAD))));
    match found {
        Some(first) => Confidence::new(score, format!("found `{}` with the keys of the format", first.path)),
        None => Confidence::NONE,
    }
}

/// Whether a text has each of some words as a JSON key or value.
pub(crate) fn has(text: &str, words: &[&str]) -> bool {
    words.iter().all(|word| text.contains(&format!("\"{word}\"")))
}
