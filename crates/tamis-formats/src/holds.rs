//! What formats can hold beside shapes, declared once: each loss with its words, and the one walk over a record that
//! counts them.

use tamis_core::{Keypoint, Label, LabelType, Report, SampleRecord, Shape};

use crate::error::Result;
use crate::format::{WriteOptions, Written};
use crate::labels::Losses;
use crate::paths;
use crate::sink::{Sink, Wanted};
use crate::spec::{Loss, Spec};

macro_rules! losses {
    ($($name:ident = $code:literal, $what:literal, $instead:literal;)*) => {
        $(pub(crate) const $name: Loss = Loss { code: $code, what: $what, instead: $instead };)*
    };
}

losses! {
    LAYERS = "layers", "further layers", "only one layer is written";
    FUSION = "fusion", "frames, sensors and timestamps", "left out";
    FIELDS = "fields", "fields of samples", "left out";
    SPLIT = "split", "splits that no folder of the path names", "left out";
    IDS = "ids", "ids of labels", "new ones are given";
    INSTANCE = "instance", "instances of labels", "left out";
    CONFIDENCE = "confidence", "confidences of labels", "left out";
    ATTRIBUTES = "attributes", "attributes of labels", "left out";
    EMBEDDED = "embedded", "boxes given beside another shape", "left out";
    NOT_LOOKED_AT = "not_looked_at", "samples without the layer", "read back as looked at, nothing found";
    MEDIA = "media", "samples without media", "the annotations are written, the file is missing";
    ROTATED = "rotated", "rotated boxes", "their corners are written as polygons";
    MULTI = "multi", "objects of several parts", "each part is written as a label of its own";
    MASK = "mask", "masks", "their outlines are written as polygons";
    SHAPE = "shape", "labels of other types", "their boxes are written; left out where they have none";
    VISIBILITY = "visibility", "visibilities of key points", "left out";
}

/// What a format holds of a record; what it does not hold must be a declared loss.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Holds {
    pub(crate) fields: bool,
    pub(crate) split: bool,
    pub(crate) ids: bool,
    pub(crate) instance: bool,
    pub(crate) confidence: bool,
    pub(crate) attributes: bool,
    pub(crate) embedded: bool,
    pub(crate) not_looked_at: bool,
}

impl Holds {
    /// Counts what of the record is lost; the labels of the layer that is written.
    pub(crate) fn check<'r>(
        &self,
        losses: &mut Losses<'_>,
        record: &'r SampleRecord,
        layer: &str,
    ) -> Result<&'r [Label]> {
        losses.check_record(record, layer)?;
        let path = record.path.as_str();
        let labels = record.layers.get(layer);
        if labels.is_none() && !self.not_looked_at {
            losses.add("not_looked_at", path)?;
        }
        let labels = labels.map_or(&[][..], Vec::as_slice);
        if !self.fields {
            losses.add_many("fields", path, record.fields.len())?;
        }
        if !self.split {
            let lost = record.split.is_some() && record.split != paths::split_of_folders(path);
            losses.add_many("split", path, usize::from(lost))?;
        }
        let mut count = |held: bool, code, lost: fn(&Label) -> bool| {
            if held { Ok(()) } else { losses.add_many(code, path, labels.iter().filter(|l| lost(l)).count()) }
        };
        count(self.ids, "ids", |l| l.id != 0)?;
        count(self.instance, "instance", |l| l.instance.is_some())?;
        count(self.confidence, "confidence", |l| l.confidence.is_some())?;
        count(self.attributes, "attributes", |l| !l.attributes.is_empty())?;
        count(self.embedded, "embedded", |l| l.bbox.is_some())?;
        Ok(labels)
    }
}

/// The label in the shapes that a format writes, nearest first; what that costs is counted. Empty: it is left out.
pub(crate) fn fit(label: &Label, spec: &'static Spec, losses: &mut Losses<'_>, path: &str) -> Result<Vec<Label>> {
    let can = |t: LabelType| spec.can_write(t);
    let with = |shape: Shape| Label { shape, ..label.clone() };
    if can(label.label_type()) {
        return Ok(vec![label.clone()]);
    }
    if can(LabelType::Polygon) {
        match &label.shape {
            Shape::RotatedBox(b) => {
                losses.add("rotated", path)?;
                return Ok(vec![with(Shape::Polygon(b.corners().to_vec()))]);
            }
            Shape::MultiPolygon(rings) => {
                losses.add("multi", path)?;
                return Ok(rings.iter().map(|r| with(Shape::Polygon(r.clone()))).collect());
            }
            Shape::Rle(rle) => {
                if let Ok(rings) = rle.to_polygons() {
                    losses.add("mask", path)?;
                    return Ok(rings.into_iter().map(|r| with(Shape::Polygon(r))).collect());
                }
            }
            _ => {}
        }
    }
    if let Shape::MultiPolyline(lines) = &label.shape
        && can(LabelType::Polyline)
    {
        losses.add("multi", path)?;
        let line = |l: &Vec<tamis_core::Point>| with(Shape::Polyline { points: l.clone(), bezier: None });
        return Ok(lines.iter().map(line).collect());
    }
    losses.add("shape", path)?;
    Ok(match label.bounds() {
        Some(b) if can(LabelType::Box2d) => vec![with(Shape::Box2d(b))],
        _ => Vec::new(),
    })
}

/// Writes a record's media to its path, or counts that there is none.
pub(crate) fn media(record: &SampleRecord, sink: &Sink, losses: &mut Losses<'_>) -> Result<()> {
    media_to(&record.path, record, sink, losses)
}

/// Writes a record's media to a path, or counts that there is none.
pub(crate) fn media_to(path: &str, record: &SampleRecord, sink: &Sink, losses: &mut Losses<'_>) -> Result<()> {
    match &record.media {
        Some(media) => sink.media(path, Wanted::Media(media)),
        None => losses.add("media", &record.path),
    }
}

/// Counts key points with a visibility, for formats that hold none.
pub(crate) fn unseen(points: &[Keypoint], losses: &mut Losses<'_>, path: &str) -> Result<()> {
    losses.add_many("visibility", path, points.iter().filter(|p| p.v.is_some()).count())
}

/// What the writers of annotation tools' formats share: where to, which layer, what was lost.
pub(crate) struct Scribe<'a> {
    pub(crate) sink: &'a Sink,
    pub(crate) losses: Losses<'a>,
    pub(crate) done: Written,
    layer: String,
    spec: &'static Spec,
    holds: Holds,
}

impl<'a> Scribe<'a> {
    pub(crate) fn new(
        spec: &'static Spec,
        holds: Holds,
        sink: &'a Sink,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Scribe<'a>> {
        crate::format::option(spec, &options.options, "")?;
        let losses = Losses::new(spec, options, report);
        Ok(Scribe { sink, losses, done: Written::default(), layer: options.layer(), spec, holds })
    }

    /// The labels of a record as they are to be written; its media is written to its path.
    pub(crate) fn take(&mut self, record: &SampleRecord) -> Result<Vec<Label>> {
        media(record, self.sink, &mut self.losses)?;
        self.labels(record)
    }

    /// The labels of a record as they are to be written.
    pub(crate) fn labels(&mut self, record: &SampleRecord) -> Result<Vec<Label>> {
        self.done.samples += 1;
        let mut out = Vec::new();
        for label in self.holds.check(&mut self.losses, record, &self.layer)? {
            out.extend(fit(label, self.spec, &mut self.losses, &record.path)?);
        }
        self.done.labels += out.len() as u64;
        Ok(out)
    }

    /// The layer that is written.
    pub(crate) fn layer(&self) -> &str {
        &self.layer
    }

    /// Labels of a further layer as they are to be written.
    pub(crate) fn more(&mut self, labels: &[Label], path: &str) -> Result<Vec<Label>> {
        let mut out = Vec::new();
        for label in labels {
            self.losses.add_many("embedded", path, usize::from(label.bbox.is_some()))?;
            out.extend(fit(label, self.spec, &mut self.losses, path)?);
        }
        self.done.labels += out.len() as u64;
        Ok(out)
    }

    /// Counts a loss.
    pub(crate) fn lose(&mut self, code: &'static str, path: &str, many: usize) -> Result<()> {
        self.losses.add_many(code, path, many)
    }

    /// Takes a label back that cannot be written after all.
    pub(crate) fn drop_label(&mut self, code: &'static str, path: &str) -> Result<()> {
        self.done.labels -= 1;
        self.losses.add(code, path)
    }

    /// Whether the record has the layer.
    pub(crate) fn looked_at(&self, record: &SampleRecord) -> bool {
        record.layers.contains_key(&self.layer)
    }

    /// Reports the losses.
    pub(crate) fn close(mut self) -> Written {
        self.done.losses = self.losses.finish();
        self.done
    }
}
