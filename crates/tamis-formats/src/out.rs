//! The writer that most formats are: what is lost of a record is counted in one place, and each format says only how a
//! record is put down and what stands at the end.

use std::collections::BTreeMap;

use tamis_core::{Box2d, Label, Mask, MediaSource, Report, SampleRecord, Shape};

use crate::error::Result;
use crate::format::{RecordWriter, Schema, WriteOptions, Written};
use crate::labels::{ClassList, Losses, UNLABELLED};
use crate::paths::{self, UniqueNames};
use crate::sink::{Sink, Wanted};
use crate::spec::{Loss, Spec};

pub(crate) const LAYERS: Loss = Loss { code: "layers", what: "further layers", instead: "only one layer is written" };
pub(crate) const FUSION: Loss = Loss { code: "fusion", what: "frames, sensors and timestamps", instead: "left out" };
pub(crate) const TIME: Loss = Loss { code: "time", what: "timestamps", instead: "left out" };
pub(crate) const FIELDS: Loss = Loss { code: "fields", what: "fields", instead: "left out" };
pub(crate) const ATTRIBUTES: Loss = Loss {
    code: "attributes",
    what: "attributes, instances and confidences of labels beyond those of the format",
    instead: "left out",
};
pub(crate) const SHAPE: Loss =
    Loss { code: "shape", what: "other shapes with an extent", instead: "their boxes are written" };
pub(crate) const NO_BOX: Loss =
    Loss { code: "no_box", what: "labels without an extent in the image", instead: "left out" };
pub(crate) const LABELS: Loss = Loss { code: "labels", what: "labels of other types", instead: "left out" };
pub(crate) const NO_SIZE: Loss =
    Loss { code: "no_size", what: "labels of images of unknown size", instead: "left out" };
pub(crate) const MEDIA: Loss = Loss { code: "media", what: "samples without media", instead: "left out" };
pub(crate) const IDS: Loss = Loss { code: "ids", what: "ids of labels", instead: "new ones are given" };
pub(crate) const PATH: Loss =
    Loss { code: "path", what: "paths outside the format's own folders", instead: "moved into these" };
pub(crate) const NAME: Loss =
    Loss { code: "name", what: "spaces, commas and line breaks in names", instead: "`_` is written" };
pub(crate) const CLASSES: Loss =
    Loss { code: "classes", what: "colours, parents and descriptions of classes", instead: "left out" };
pub(crate) const ROUNDING: Loss =
    Loss { code: "rounding", what: "digits beyond what the format writes", instead: "rounded" };

/// What every format's writer has.
pub(crate) struct Out<'a> {
    pub(crate) sink: &'a Sink,
    pub(crate) spec: &'static Spec,
    pub(crate) layer: String,
    pub(crate) losses: Losses<'a>,
    pub(crate) classes: ClassList,
    pub(crate) names: UniqueNames,
    pub(crate) done: Written,
}

/// How a format puts records down.
pub(crate) trait Put {
    /// One record with the labels of the chosen layer; no labels = nobody looked.
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()>;

    /// What stands at the end.
    fn end(&mut self, out: &mut Out<'_>) -> Result<()>;
}

/// A [`Put`] with what every writer has.
pub(crate) struct Puts<'a, P> {
    out: Out<'a>,
    put: P,
}

/// Begins to write.
pub(crate) fn write<'a, P: Put + 'a>(
    spec: &'static Spec,
    sink: &'a Sink,
    schema: &Schema,
    options: &WriteOptions,
    report: &'a Report,
    put: P,
) -> Box<dyn RecordWriter + 'a> {
    let losses = Losses::new(spec, options, report);
    let (classes, names, done) = (ClassList::new(schema), UniqueNames::default(), Written::default());
    Box::new(Puts { out: Out { sink, spec, layer: options.layer(), losses, classes, names, done }, put })
}

impl<P: Put> RecordWriter for Puts<'_, P> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        let out = &mut self.out;
        let layers = record.layers.keys().filter(|l| **l != out.layer).count();
        let fusion = record.frame.is_some() || record.sensor.is_some() || record.timestamp.is_some();
        out.lose_if("layers", record, layers > 0)?;
        out.lose_if("fusion", record, fusion)?;
        out.lose_if("time", record, record.timestamp.is_some())?;
        if out.spec.loss("fields") == Some(&FIELDS) {
            out.lose_if("fields", record, !record.fields.is_empty())?;
        }
        if record.media.is_none() && out.spec.loss("media").is_some() {
            return out.losses.add("media", &record.path);
        }
        let labels = record.layers.get(&out.layer).map(Vec::as_slice);
        self.put.put(out, record, labels)?;
        self.out.done.samples += 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        self.put.end(&mut self.out)?;
        self.out.done.losses = self.out.losses.finish();
        Ok(self.out.done)
    }
}

impl Out<'_> {
    /// Counts a loss where the format declares it and it happens.
    pub(crate) fn lose_if(&mut self, code: &'static str, record: &SampleRecord, happens: bool) -> Result<()> {
        match happens && self.spec.loss(code).is_some() {
            true => self.losses.add(code, &record.path),
            false => Ok(()),
        }
    }

    /// Counts what is lost of a label in a format that keeps only these attributes.
    pub(crate) fn keeps(&mut self, record: &SampleRecord, label: &Label, attributes: &[&str]) -> Result<()> {
        let has = |name: &str| attributes.contains(&name);
        let more = label.attributes.keys().any(|k| !has(k))
            || label.instance.is_some() && !has("instance")
            || label.confidence.is_some() && !has("confidence");
        self.lose_if("attributes", record, more)
    }

    /// The box of a label: its own, or that around its shape, which is a loss.
    pub(crate) fn box_of(&mut self, record: &SampleRecord, label: &Label) -> Result<Option<Box2d>> {
        match (&label.shape, label.bounds()) {
            (Shape::Box2d(b), _) => Ok(Some(*b)),
            (_, Some(b)) => self.lose_if("shape", record, true).map(|()| Some(b)),
            _ => self.lose_if("no_box", record, true).map(|()| None),
        }
    }

    /// The class's name without whatever `bad` says, which is a loss.
    pub(crate) fn class(&mut self, record: &SampleRecord, label: &Label, bad: fn(char) -> bool) -> Result<String> {
        let name = label.class.as_deref().unwrap_or(UNLABELLED);
        self.lose_if("name", record, name.contains(bad))?;
        Ok(name.replace(bad, "_"))
    }

    /// Writes the media to a path that differs from all others; a path unlike the sample's is a loss.
    pub(crate) fn media(&mut self, record: &SampleRecord, wanted: &str) -> Result<String> {
        let path = self.names.take(wanted);
        self.lose_if("path", record, path != record.path)?;
        if let Some(media) = &record.media {
            self.sink.media(&path, Wanted::Media(media))?;
        }
        Ok(path)
    }

    /// Writes a mask's image.
    pub(crate) fn mask(&mut self, path: &str, mask: &Mask) -> Result<bool> {
        put_mask(self.sink, path, mask)
    }
}

/// Writes a mask's image; whether there is one.
pub(crate) fn put_mask(sink: &Sink, path: &str, mask: &Mask) -> Result<bool> {
    match (&mask.blob, &mask.file) {
        (Some(blob), _) => sink.media(path, Wanted::Blob(blob))?,
        (None, Some(file)) => sink.media(path, Wanted::Media(&MediaSource::File(file.clone())))?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Lines by file, written at the end.
#[derive(Default)]
pub(crate) struct Lists(BTreeMap<String, String>);

impl Lists {
    pub(crate) fn of(&mut self, file: &str) -> &mut String {
        self.0.entry(file.to_owned()).or_default()
    }

    pub(crate) fn end(&mut self, out: &Out<'_>) -> Result<()> {
        std::mem::take(&mut self.0).iter().try_for_each(|(file, text)| out.sink.put(file, text.as_bytes()))
    }
}

/// Whether a letter breaks a line of words.
pub(crate) fn breaks_line(c: char) -> bool {
    c == '\n' || c == '\r'
}

/// Whether a letter breaks a word.
pub(crate) fn breaks_word(c: char) -> bool {
    c.is_whitespace()
}

/// The path below the last folder of a name: `a/images/b/c.png` is `a/`, `b/c.png`; all of it, when there is none.
pub(crate) fn below<'p>(path: &'p str, folder: &str) -> (&'p str, &'p str) {
    let at = match path.rfind(&format!("/{folder}/")) {
        Some(at) => at + 1,
        None if path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')) => 0,
        None => return ("", path),
    };
    (path.get(..at).unwrap_or_default(), path.get(at + folder.len() + 1..).unwrap_or(path))
}

/// The path with its folder `from` (the last of that name) called `to`, and with another extension.
pub(crate) fn beside(path: &str, from: &str, to: &str, extension: &str) -> Option<String> {
    let (above, rest) = below(path, from);
    (rest.len() < path.len()).then(|| format!("{above}{to}/{}.{extension}", paths::stem(rest)))
}

/// Numbers of tracks in each sequence: an instance that is a number keeps it, others get the next above a million.
#[derive(Default)]
pub(crate) struct Tracks(BTreeMap<String, BTreeMap<String, u64>>);

impl Tracks {
    pub(crate) fn of(&mut self, sequence: &str, instance: &str) -> u64 {
        if let Ok(own) = instance.parse::<u64>()
            && own < 1_000_000
            && own.to_string() == instance
        {
            return own;
        }
        let known = self.0.entry(sequence.to_owned()).or_default();
        let next = 1_000_000 + known.len() as u64;
        *known.entry(instance.to_owned()).or_insert(next)
    }
}
