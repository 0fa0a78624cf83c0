//! CreateML: JSON lists of images with boxes given by centre and size, in pixels; as Apple's Create ML and Roboflow's
//! export write them. One `_annotations.createml.json` beside the images of a split.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tamis_core::{Box2d, Label, LabelType, Place, Report, SampleRecord, Shape};

use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions, Written};
use crate::gather::{Gather, has, like};
use crate::holds::{self, Holds, Scribe};
use crate::items;
use crate::labels::{self, UNLABELLED};
use crate::lex::number::{extent, json as number};
use crate::lex::object;
use crate::list::List;
use crate::paths;
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::Spec;

const HELD: &[LabelType] = &[LabelType::Box2d];

static SPEC: Spec = Spec {
    id: "createml",
    title: "CreateML JSON",
    homepage: "https://developer.apple.com/documentation/createml/building-an-object-detector-data-source",
    extensions: &["json"],
    media: &["image"],
    reads: HELD,
    writes: HELD,
    losses: &[
        holds::LAYERS,
        holds::FUSION,
        holds::FIELDS,
        holds::SPLIT,
        holds::IDS,
        holds::INSTANCE,
        holds::ATTRIBUTES,
        holds::EMBEDDED,
        holds::NOT_LOOKED_AT,
        holds::MEDIA,
        holds::SHAPE,
    ],
    options: &[],
};

const HOLDS: Holds = Holds {
    fields: false,
    split: false,
    ids: false,
    instance: false,
    confidence: true,
    attributes: false,
    embedded: false,
    not_looked_at: false,
};

/// CreateML.
pub(crate) struct CreateMl;

fn is_it(head: &str) -> bool {
    let named = has(head, &["image"]) || has(head, &["imagefilename"]) || has(head, &["filename"]);
    head.trim_start().starts_with('[')
        && named
        && (has(head, &["annotations"]) || has(head, &["annotation"]))
        && (has(head, &["coordinates"]) || !head.contains("_id\"") && !head.contains("\"data\""))
}

impl Format for CreateMl {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        like(probe, "json", 93, is_it)
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        let mut gather = Gather::new(&SPEC, source, options, report)?;
        let files = gather.files_like("json", is_it);
        if files.is_empty() {
            return Err(gather.nothing("no JSON file lists images with coordinates"));
        }
        for file in files {
            let judge = gather.judge;
            items::each(source.text(file)?, file, "", &judge, |image, place| one(&mut gather, file, &image, place))?;
        }
        gather.finish()
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        _: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        Ok(Box::new(Writer { scribe: Scribe::new(&SPEC, HOLDS, sink, options, report)?, lists: BTreeMap::new() }))
    }
}

fn one(gather: &mut Gather<'_>, file: &str, image: &Map<String, Value>, place: &dyn Fn() -> Place) -> Result<()> {
    let name = ["image", "imagefilename", "filename"].iter().find_map(|k| object::text(image, k));
    let Some(name) = name else {
        gather.judge.error("image", place(), "an entry names no image; left out");
        return Ok(());
    };
    let Some(mut record) = gather.start(file, name, None, place) else { return Ok(()) };
    let key = if image.contains_key("annotations") { "annotations" } else { "annotation" };
    let size = record.media.as_ref().and_then(|_| gather.source.image_size(&record.path));
    record.stated_size = size;
    let mut found = Vec::new();
    for entry in gather.judge.objects(image, key, place) {
        let at = entry.get("coordinates").and_then(Value::as_object).cloned().unwrap_or_default();
        let side = |key| object::number(&at, key);
        let (Some(x), Some(y), Some(w), Some(h)) = (side("x"), side("y"), side("width"), side("height")) else {
            gather.judge.error("box", place(), "`coordinates` are not four finite numbers; left out");
            continue;
        };
        let b = Box2d::new(x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0);
        let Some(b) = gather.judge.accept(b, size, place) else { continue };
        let mut label = Label::new(Shape::Box2d(b));
        label.class = object::text(entry, "label").and_then(labels::class);
        label.confidence = object::number(entry, "confidence");
        found.push(label);
    }
    record.layers.insert(gather.layer.clone(), found);
    gather.put(record, place)
}

struct Writer<'a> {
    scribe: Scribe<'a>,
    lists: BTreeMap<String, List>,
}

impl RecordWriter for Writer<'_> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        let labels = self.scribe.take(record)?;
        let one = |label: &Label| {
            let Shape::Box2d(b) = label.shape else { return Value::Null };
            let (w, h) = (extent(b.xmin, b.xmax), extent(b.ymin, b.ymax));
            let (x, y) = ((b.xmin + b.xmax) / 2.0, (b.ymin + b.ymax) / 2.0);
            let at = json!({"x": number(x), "y": number(y), "width": number(w), "height": number(h)});
            let mut out = json!({"label": label.class.as_deref().unwrap_or(UNLABELLED), "coordinates": at});
            if let (Some(sure), Value::Object(out)) = (label.confidence, &mut out) {
                out.insert("confidence".to_owned(), sure.into());
            }
            out
        };
        // One file for each top folder, as a data source is one folder; names go from there.
        let top = record.path.split_once('/').map_or("", |(top, _)| top).to_owned();
        let name = record.path.strip_prefix(&top).unwrap_or(&record.path).trim_start_matches('/');
        let item = json!({"image": name, "annotations": labels.iter().map(one).collect::<Vec<_>>()});
        if !self.lists.contains_key(&top) {
            let path = paths::join(&top, "_annotations.createml.json");
            self.lists.insert(top.clone(), List::begin(self.scribe.sink, &path, "[\n")?);
        }
        self.lists.get_mut(&top).map_or(Ok(()), |list| list.push(&item))
    }

    fn finish(self: Box<Self>) -> Result<Written> {
        self.lists.into_values().try_for_each(|list| list.end("\n]\n"))?;
        Ok(self.scribe.close())
    }
}
