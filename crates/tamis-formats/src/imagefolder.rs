//! ImageFolder: the folder an image lies in is its class, `class/image` or `split/class/image`, as torchvision and
//! Keras read it.

use std::collections::BTreeSet;

use tamis_core::{Class, Label, LabelType, MediaSource, Place, Report, SampleRecord, Shape};

use crate::each::Each;
use crate::error::{FormatError, Result};
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions, Written};
use crate::labels::{self, Losses};
use crate::paths::{self, UniqueNames};
use crate::probe::{Confidence, Probe};
use crate::sink::{Sink, Wanted};
use crate::source::Source;
use crate::spec::{Loss, Spec};

static SPEC: Spec = Spec {
    id: "imagefolder",
    title: "ImageFolder classification",
    homepage: "https://pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html",
    extensions: &[],
    media: &["image"],
    reads: &[LabelType::Classification],
    writes: &[LabelType::Classification],
    losses: &[
        Loss { code: "layers", what: "further layers", instead: "only one layer is written" },
        Loss { code: "fusion", what: "frames, sensors and timestamps", instead: "left out" },
        Loss { code: "labels", what: "labels other than the first class of a sample", instead: "left out" },
        Loss { code: "attributes", what: "attributes, instances and confidences", instead: "left out" },
        Loss { code: "fields", what: "fields", instead: "left out" },
        Loss {
            code: "path",
            what: "paths whose folders are not split and class",
            instead: "`split/class/path` is the new path",
        },
        Loss { code: "unlabelled", what: "samples without class", instead: "written to the folder `_unlabelled`" },
        Loss { code: "split", what: "splits of unusual names", instead: "left out" },
        Loss { code: "media", what: "samples without media", instead: "left out" },
        Loss { code: "ids", what: "ids of labels", instead: "new ones are given" },
    ],
    options: &[],
};

/// Images in folders named like their classes.
pub(crate) struct ImageFolder;

/// The split and the folder of the class of a path: the first folder below the split (and below a folder that
/// holds everything).
fn place<'p>(path: &'p str, skip: &str) -> (Option<String>, Option<&'p str>) {
    let rest = path.strip_prefix(skip).unwrap_or(path);
    let mut folders = paths::folder(rest).split('/').filter(|f| !f.is_empty());
    let first = folders.next();
    match first.and_then(paths::split_of) {
        Some(split) => (Some(split), folders.next()),
        None => (None, first),
    }
}

/// The folders that all paths share, up to a split's name, when there are classes below them.
fn shared_folder(all: &[&str]) -> String {
    let Some(first) = all.first() else { return String::new() };
    let mut shared = String::new();
    for part in paths::folder(first).split('/').filter(|p| !p.is_empty()) {
        let longer = format!("{shared}{part}/");
        let deeper = all.iter().all(|p| p.strip_prefix(&longer).is_some_and(|rest| rest.contains('/')));
        if paths::split_of(part).is_some() || !deeper {
            break;
        }
        shared = longer;
    }
    shared
}

/// Files that look like annotations, of which this format knows nothing.
fn unread(source: &Source) -> impl Iterator<Item = &str> {
    let is_one = |p: &&str| matches!(paths::extension(p).as_str(), "json" | "csv" | "xml" | "txt" | "mat" | "jsonl");
    let named = |p: &&str| !paths::name(p).to_ascii_lowercase().starts_with("readme");
    source.entries().iter().map(|e| e.path.as_str()).filter(is_one).filter(named)
}

impl Format for ImageFolder {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        let images: Vec<&str> =
            probe.source().entries().iter().map(|e| e.path.as_str()).filter(|p| paths::is_image(p)).collect();
        let skip = shared_folder(&images);
        let classes: BTreeSet<&str> = images.iter().filter_map(|p| place(p, &skip).1).collect();
        let inside = images.iter().filter(|p| place(p, &skip).1.is_some()).count();
        let only_layout = classes
            .iter()
            .all(|c| matches!(c.to_ascii_lowercase().as_str(), "images" | "jpegimages" | "labels" | "masks" | "data"));
        if classes.is_empty() || inside * 4 < images.len() * 3 || only_layout {
            return Confidence::NONE;
        }
        // Images outside of the folders, or tables and lists beside them: there may be more to it.
        let more = inside * 10 < images.len() * 9 || unread(probe.source()).next().is_some();
        let score = if classes.len() <= 1 {
            20
        } else if more {
            35
        } else {
            50
        };
        Confidence::new(score, format!("found {} images in {} folders named like classes", inside, classes.len()))
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        for file in unread(source) {
            report.warn("imagefolder.unread", Place::file(file), "folders are the classes; this file is not read");
        }
        let images: Vec<&str> =
            source.entries().iter().map(|e| e.path.as_str()).filter(|p| paths::is_media(p)).collect();
        if images.is_empty() {
            let reason = "there are no images in folders".to_owned();
            return Err(FormatError::NotThis { path: source.name().to_owned(), format: SPEC.id, reason });
        }
        let skip = shared_folder(&images);
        let names: BTreeSet<&str> =
            images.iter().filter_map(|p| place(p, &skip).1).filter(|c| *c != labels::UNLABELLED).collect();
        let class = |(i, name): (usize, &str)| Class { name: name.to_owned(), id: Some(i as i64), ..Class::default() };
        let mut schema = Schema::default();
        schema.ontology.schema_mut(LabelType::Classification).classes =
            names.into_iter().enumerate().map(class).collect();
        let layer = options.layer();
        Ok(Box::new(Each::new(images, schema, move |path: &str, _| {
            let (split, class) = place(path, &skip);
            let media = Some(MediaSource::File(path.to_owned()));
            let mut record = SampleRecord { path: path.to_owned(), media, split, ..Default::default() };
            if let Some(class) = class.and_then(labels::class) {
                record.layers.insert(layer.clone(), vec![Label::new(Shape::Classification).with_class(class)]);
            }
            Ok(Some(record))
        })))
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        _: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        let losses = Losses::new(&SPEC, options, report);
        Ok(Box::new(Writer {
            sink,
            layer: options.layer(),
            losses,
            names: UniqueNames::default(),
            done: Written::default(),
        }))
    }
}

struct Writer<'a> {
    sink: &'a Sink,
    layer: String,
    losses: Losses<'a>,
    names: UniqueNames,
    done: Written,
}

impl RecordWriter for Writer<'_> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        self.losses.check_record(record, &self.layer)?;
        self.losses.add_many("fields", &record.path, usize::from(!record.fields.is_empty()))?;
        let labels = record.layers.get(&self.layer).map_or(&[][..], Vec::as_slice);
        let chosen = labels.iter().find(|l| l.shape == Shape::Classification && l.class.is_some());
        self.losses.add_many("labels", &record.path, labels.len() - usize::from(chosen.is_some()))?;
        if chosen.is_some_and(|l| !l.attributes.is_empty() || l.instance.is_some() || l.confidence.is_some()) {
            self.losses.add("attributes", &record.path)?;
        }
        let class = chosen.and_then(|l| l.class.as_deref());
        if class.is_none() {
            self.losses.add("unlabelled", &record.path)?;
        }
        let class = class.map_or(labels::UNLABELLED.to_owned(), crate::sink::safe);
        let split = record.split.as_deref().and_then(paths::split_of).filter(|s| Some(s) == record.split.as_ref());
        self.losses.add_many("split", &record.path, usize::from(record.split.is_some() && split.is_none()))?;
        let (there, folder) = place(&record.path, "");
        let mut path = record.path.clone();
        if there != split || folder != Some(class.as_str()) {
            self.losses.add("path", &record.path)?;
            path = [split.as_deref().unwrap_or_default(), &class, &record.path]
                .iter()
                .fold(String::new(), |p, c| if c.is_empty() { p } else { paths::join(&p, c) });
        }
        let Some(media) = &record.media else { return self.losses.add("media", &record.path) };
        let path = self.names.take(&path);
        self.sink.media(&path, Wanted::Media(media))?;
        self.done.samples += 1;
        self.done.labels += u64::from(chosen.is_some());
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        self.done.losses = self.losses.finish();
        Ok(self.done)
    }
}
