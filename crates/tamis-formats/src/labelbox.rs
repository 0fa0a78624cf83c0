//! Labelbox: exports of one JSON object a line, a data row each, with the annotations of every project.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tamis_core::{Box2d, Keypoint, Label, LabelType, Place, Point, Report, SampleRecord, Shape};

use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions, Written, option};
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
use crate::spec::{Loss, OptionSpec, Spec};

const HELD: &[LabelType] = &[
    LabelType::Box2d,
    LabelType::Polygon,
    LabelType::Polyline,
    LabelType::Keypoints,
    LabelType::Classification,
    LabelType::Attributes,
];

static SPEC: Spec = Spec {
    id: "labelbox",
    title: "Labelbox NDJSON",
    homepage: "https://docs.labelbox.com/reference/export-image-annotations",
    extensions: &["ndjson", "json", "jsonl"],
    media: &["image"],
    reads: HELD,
    writes: HELD,
    losses: &[
        holds::LAYERS,
        holds::FUSION,
        holds::FIELDS,
        holds::SPLIT,
        holds::IDS,
        holds::CONFIDENCE,
        holds::EMBEDDED,
        Loss {
            code: "attributes",
            what: "attributes that are no texts or lists of texts",
            instead: "written as texts",
        },
        Loss { code: "points", what: "labels of several key points", instead: "each point is a label of its own" },
        Loss { code: "bezier", what: "curves", instead: "their control points are written as a line" },
        holds::VISIBILITY,
        holds::MEDIA,
        holds::ROTATED,
        holds::MULTI,
        holds::MASK,
        holds::SHAPE,
    ],
    options: &[OptionSpec {
        name: "project",
        values: &[],
        default: "",
        help: "read only the annotations of the project of this id or name",
    }],
};

const HOLDS: Holds = Holds {
    fields: false,
    split: false,
    ids: false,
    instance: true,
    confidence: false,
    attributes: true,
    embedded: false,
    not_looked_at: true,
};

/// The attribute that keeps the question of a whole image's class.
const QUESTION: &str = "question";

/// Labelbox.
pub(crate) struct Labelbox;

fn is_it(head: &str) -> bool {
    has(head, &["data_row"])
        && (has(head, &["projects"]) || has(head, &["media_attributes"]) || has(head, &["row_data"]))
}

const ENDINGS: &[&str] = &["ndjson", "json", "jsonl"];

impl Format for Labelbox {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        let all = ENDINGS.iter().map(|e| like(probe, e, 95, is_it));
        all.max_by_key(|c| c.score).unwrap_or(Confidence::NONE)
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        let only = option(&SPEC, &options.options, "project")?.to_owned();
        let mut gather = Gather::new(&SPEC, source, options, report)?;
        let files: Vec<&str> = ENDINGS.iter().flat_map(|e| gather.files_like(e, is_it)).collect();
        if files.is_empty() {
            return Err(gather.nothing("no file lists data rows"));
        }
        for file in files {
            let judge = gather.judge;
            let head = source.text_head(file, 4096)?;
            let array = crate::lex::text::decode(&head).trim_start().starts_with('[');
            let take = |row: Map<String, Value>, place: &dyn Fn() -> Place| one(&mut gather, file, &only, row, place);
            if array {
                items::each(source.text(file)?, file, "", &judge, take)?;
            } else {
                items::lines(source.text(file)?, file, &judge, take)?;
            }
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
        Ok(Box::new(Writer { scribe: Scribe::new(&SPEC, HOLDS, sink, options, report)?, list: None }))
    }
}

fn one(
    gather: &mut Gather<'_>,
    file: &str,
    only: &str,
    line: Map<String, Value>,
    place: &dyn Fn() -> Place,
) -> Result<()> {
    let empty = Map::new();
    let row = line.get("data_row").and_then(Value::as_object).unwrap_or(&empty);
    // The external id is the file's name as it was uploaded; the address may be signed and expire.
    let name = ["external_id", "global_key"].iter().find_map(|k| object::text(row, k)).filter(|n| !n.is_empty());
    let address = object::text(row, "row_data").filter(|a| a.contains("://"));
    let Some(wanted) = name.or(address) else {
        gather.judge.error("data_row", place(), "a data row has neither name nor address; left out");
        return Ok(());
    };
    let local = paths::normal(wanted).and_then(|p| gather.index.exact(&p).or_else(|| gather.index.named(&p)));
    let record = match (local, name, address) {
        // No file of the name, but an address: a reference under the name.
        (None, Some(name), Some(address)) if paths::normal(name).is_some_and(|p| crate::source::check(&p).is_ok()) => {
            gather.start(file, address, None, place).map(|r| SampleRecord {
                path: if r.media.as_ref().is_some_and(|m| matches!(m, tamis_core::MediaSource::File(_))) {
                    r.path
                } else {
                    paths::normal(name).unwrap_or_default()
                },
                ..r
            })
        }
        _ => gather.start(file, wanted, None, place),
    };
    let Some(mut record) = record else { return Ok(()) };
    record.split = record.split.or_else(|| paths::split_of_folders(&record.path));
    let size = line.get("media_attributes").and_then(Value::as_object).and_then(|m| object::size(m, "width", "height"));
    record.stated_size = size;
    if let Some(id) = object::text(row, "id").filter(|id| *id != record.path) {
        record.fields.insert("data_row_id".to_owned(), id.into());
    }
    for entry in
        line.get("metadata_fields").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
    {
        if let (Some(name), Some(value)) = (object::text(entry, "schema_name"), entry.get("value")) {
            record.fields.insert(name.to_owned(), value.clone());
        }
    }
    let mut found: Option<Vec<Label>> = None;
    for (id, project) in line.get("projects").and_then(Value::as_object).into_iter().flatten() {
        let named = project.get("name").and_then(Value::as_str);
        if !only.is_empty() && only != id && named != Some(only) {
            continue;
        }
        for label in project.get("labels").and_then(Value::as_array).into_iter().flatten() {
            let found = found.get_or_insert_default();
            let annotations = label.get("annotations").and_then(Value::as_object).unwrap_or(&empty);
            if annotations.contains_key("frames") {
                gather.judge.error("frames", place(), "annotations of video frames are not read; left out");
            }
            for entry in gather.judge.objects(annotations, "objects", place) {
                found.extend(object_label(entry, gather, size, place));
            }
            for entry in object::objects(annotations, "classifications") {
                classes(entry, found);
            }
        }
    }
    if let Some(found) = found {
        record.layers.insert(gather.layer.clone(), found);
    }
    gather.put(record, place)
}

fn answer(entry: &Map<String, Value>) -> Option<Value> {
    let name = |v: &Value| v.get("name").or_else(|| v.get("value")).and_then(Value::as_str).map(str::to_owned);
    if let Some(one) = entry.get("radio_answer") {
        return name(one).map(Value::from);
    }
    if let Some(Value::Array(all)) = entry.get("checklist_answers").or_else(|| entry.get("checklist_answer")) {
        return Some(all.iter().filter_map(name).collect::<Vec<String>>().into());
    }
    entry.get("text_answer").and_then(|t| t.get("content")).cloned()
}

/// The classes of a whole image: choices are classes, texts are attributes.
fn classes(entry: &Map<String, Value>, found: &mut Vec<Label>) {
    let question = object::text(entry, "name").unwrap_or_default();
    let class = |name: &str| {
        let mut label = Label::new(Shape::Classification);
        label.class = labels::class(name);
        if !question.is_empty() && question != CLASS {
            label.attributes.insert(QUESTION.to_owned(), question.into());
        }
        label
    };
    match answer(entry) {
        Some(Value::String(text)) if entry.contains_key("text_answer") => {
            let mut label = Label::new(Shape::Attributes);
            label.attributes.insert(question.to_owned(), text.into());
            found.push(label);
        }
        Some(Value::String(name)) => found.push(class(&name)),
        Some(Value::Array(names)) => found.extend(names.iter().filter_map(|n| n.as_str().map(class))),
        _ => {}
    }
}

/// The question under which classes without one are written.
const CLASS: &str = "class";

fn object_label(
    entry: &Map<String, Value>,
    gather: &Gather<'_>,
    size: Option<(u32, u32)>,
    place: &dyn Fn() -> Place,
) -> Option<Label> {
    let bad = |message: &str| {
        gather.judge.error("object", place(), message);
        None
    };
    let shape = if let Some(b) = entry.get("bounding_box").and_then(Value::as_object) {
        let side = |key| object::number(b, key);
        let (Some(x), Some(y), Some(w), Some(h)) = (side("left"), side("top"), side("width"), side("height")) else {
            return bad("`bounding_box` is not four finite numbers; left out");
        };
        Shape::Box2d(gather.judge.accept(Box2d::from_xywh(x, y, w, h), size, place)?)
    } else if let Some(Value::Array(points)) = entry.get("polygon") {
        match object::corners(points) {
            Some(mut points) => {
                // The export repeats the first point.
                if points.len() > 3 && points.first() == points.last() {
                    points.pop();
                }
                if points.len() < 3 {
                    return bad("a polygon has less than three points; left out");
                }
                Shape::Polygon(points)
            }
            None => return bad("the points of a polygon are not pairs of finite numbers; left out"),
        }
    } else if let Some(Value::Array(points)) = entry.get("line") {
        match object::corners(points) {
            Some(points) => Shape::Polyline { points, bezier: None },
            None => return bad("the points of a line are not pairs of finite numbers; left out"),
        }
    } else if let Some(point) = entry.get("point") {
        match object::corners(std::slice::from_ref(point)).as_deref() {
            Some([p]) => Shape::Keypoints(vec![Keypoint { x: p.x, y: p.y, v: None }]),
            _ => return bad("a point is not a pair of finite numbers; left out"),
        }
    } else if entry.contains_key("mask") || entry.contains_key("composite_mask") {
        return bad("a mask lies behind an address that is not fetched; left out");
    } else {
        return bad("an object has no shape that is known; left out");
    };
    let mut label = Label::new(shape);
    label.class = object::text(entry, "name").or_else(|| object::text(entry, "value")).and_then(labels::class);
    label.instance = object::text(entry, "feature_id").map(str::to_owned);
    for inner in object::objects(entry, "classifications") {
        let question = object::text(inner, "name").unwrap_or_default();
        if let Some(value) = answer(inner) {
            label.attributes.insert(question.to_owned(), value);
        }
    }
    Some(label)
}

struct Writer<'a> {
    scribe: Scribe<'a>,
    list: Option<List>,
}

impl Writer<'_> {
    fn attributes(&mut self, all: &BTreeMap<String, Value>, path: &str) -> Result<Vec<Value>> {
        let mut out = Vec::new();
        for (key, value) in all {
            out.push(match value {
                Value::String(text) => json!({"name": key, "text_answer": {"content": text}}),
                Value::Array(list) if list.iter().all(Value::is_string) => {
                    let answers: Vec<Value> = list.iter().map(|v| json!({"name": v})).collect();
                    json!({"name": key, "checklist_answers": answers})
                }
                other => {
                    self.scribe.lose("attributes", path, 1)?;
                    json!({"name": key, "text_answer": {"content": other.to_string()}})
                }
            });
        }
        Ok(out)
    }

    fn objects(&mut self, label: &Label, path: &str) -> Result<Vec<Value>> {
        let mut base = Map::new();
        base.insert("name".to_owned(), label.class.as_deref().unwrap_or(UNLABELLED).into());
        if let Some(instance) = &label.instance {
            base.insert("feature_id".to_owned(), instance.as_str().into());
        }
        base.insert("classifications".to_owned(), self.attributes(&label.attributes, path)?.into());
        let with = |kind: &str, key: &str, value: Value| {
            let mut out = base.clone();
            out.insert("annotation_kind".to_owned(), kind.into());
            out.insert(key.to_owned(), value);
            Value::from(out)
        };
        Ok(match &label.shape {
            Shape::Box2d(b) => {
                let (w, h) = (extent(b.xmin, b.xmax), extent(b.ymin, b.ymax));
                let sides =
                    json!({"top": number(b.ymin), "left": number(b.xmin), "height": number(h), "width": number(w)});
                vec![with("ImageBoundingBox", "bounding_box", sides)]
            }
            Shape::Polygon(points) => {
                let closed: Vec<Point> = points.iter().chain(points.first()).copied().collect();
                vec![with("ImagePolygon", "polygon", object::to_corners(&closed))]
            }
            Shape::Polyline { points, bezier } => {
                self.scribe.lose("bezier", path, usize::from(bezier.is_some()))?;
                vec![with("ImagePolyline", "line", object::to_corners(points))]
            }
            Shape::Keypoints(points) => {
                holds::unseen(points, &mut self.scribe.losses, path)?;
                self.scribe.lose("points", path, usize::from(points.len() > 1))?;
                let one = |p: &Keypoint| with("ImagePoint", "point", json!({"x": number(p.x), "y": number(p.y)}));
                points.iter().map(one).collect()
            }
            _ => Vec::new(),
        })
    }
}

impl RecordWriter for Writer<'_> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        let path = record.path.as_str();
        let labels = self.scribe.take(record)?;
        let (mut objects, mut classifications) = (Vec::new(), Vec::new());
        for label in &labels {
            match &label.shape {
                Shape::Classification => {
                    let mut rest = label.attributes.clone();
                    let question = match rest.remove(QUESTION) {
                        Some(Value::String(question)) => question,
                        _ => CLASS.to_owned(),
                    };
                    self.scribe.lose("attributes", path, rest.len())?;
                    let name = label.class.as_deref().unwrap_or(UNLABELLED);
                    classifications
                        .push(json!({"name": question, "radio_answer": {"name": name, "classifications": []}}));
                }
                Shape::Attributes => classifications.extend(self.attributes(&label.attributes, path)?),
                _ => objects.extend(self.objects(label, path)?),
            }
        }
        let mut row = json!({"data_row": {"id": path, "global_key": path, "external_id": path, "row_data": path}});
        if let Value::Object(row) = &mut row {
            let (width, height) = record.stated_size.map_or((Value::Null, Value::Null), |(w, h)| (w.into(), h.into()));
            row.insert("media_attributes".to_owned(), json!({"height": height, "width": width, "asset_type": "image"}));
            let annotations = json!({"objects": objects, "classifications": classifications, "relationships": []});
            let label = json!({"label_kind": "Default", "version": "1.0.0", "id": path, "annotations": annotations});
            let labels = if self.scribe.looked_at(record) { vec![label] } else { vec![] };
            row.insert("projects".to_owned(), json!({"tamis": {"name": "tamis", "labels": labels}}));
        }
        if self.list.is_none() {
            self.list = Some(List::lines(self.scribe.sink, "export-result.ndjson")?);
        }
        self.list.as_mut().map_or(Ok(()), |list| list.push(&row))
    }

    fn finish(self: Box<Self>) -> Result<Written> {
        self.list.map_or(Ok(()), |list| list.end("\n"))?;
        Ok(self.scribe.close())
    }
}
