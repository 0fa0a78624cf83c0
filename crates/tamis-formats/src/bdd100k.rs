//! BDD100K and Scalabel: JSON lists of frames with labels (boxes, polygons and lines, masks), one file a split.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tamis_core::{Box2d, Class, Label, LabelType, Place, Point, Report, SampleRecord, Shape};

use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions, Written};
use crate::gather::{Gather, has, like};
use crate::holds::{self, Holds, Scribe};
use crate::items;
use crate::labels::{self, ClassList, UNLABELLED};
use crate::lex::json::as_id;
use crate::lex::number::json as number;
use crate::lex::object;
use crate::list::List;
use crate::paths;
use crate::probe::{Confidence, Probe};
use crate::sink::{Sink, safe};
use crate::source::Source;
use crate::spec::{Loss, Spec};

const HELD: &[LabelType] = &[
    LabelType::Box2d,
    LabelType::Polygon,
    LabelType::MultiPolygon,
    LabelType::Polyline,
    LabelType::MultiPolyline,
    LabelType::Rle,
    LabelType::Classification,
];

static SPEC: Spec = Spec {
    id: "bdd100k",
    title: "BDD100K and Scalabel JSON",
    homepage: "https://doc.bdd100k.com/format.html",
    extensions: &["json"],
    media: &["image"],
    reads: HELD,
    writes: HELD,
    losses: &[
        holds::LAYERS,
        holds::FUSION,
        holds::EMBEDDED,
        Loss { code: "ids", what: "ids of labels that have an instance", instead: "the instance is written as `id`" },
        Loss { code: "fields", what: "fields named like the format's own keys", instead: "left out" },
        holds::MEDIA,
        holds::ROTATED,
        holds::SHAPE,
    ],
    options: &[],
};

const HOLDS: Holds = Holds {
    fields: true,
    split: true,
    ids: true,
    instance: true,
    confidence: true,
    attributes: true,
    embedded: false,
    not_looked_at: true,
};

const KEYS: &[&str] = &["name", "size", "labels", "url"];

/// BDD100K.
pub(crate) struct Bdd100k;

fn is_it(head: &str) -> bool {
    let listed = head.trim_start().starts_with('[') || has(head, &["frames"]);
    listed
        && has(head, &["name", "labels"])
        && (has(head, &["category"]) || has(head, &["box2d"]) || has(head, &["videoName"]))
        || head.trim_start().starts_with("{")
            && has(head, &["frames", "name"])
            && (has(head, &["labels"]) || has(head, &["config"]))
        || head.trim_start().starts_with('[') && has(head, &["name", "labels", "size"])
}

impl Format for Bdd100k {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        like(probe, "json", 91, is_it)
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
            return Err(gather.nothing("no JSON file lists frames with labels"));
        }
        for file in files {
            let stem = paths::stem(paths::name(file));
            let split = stem.strip_prefix(OURS).map(str::to_owned).or_else(|| {
                stem.split(['_', '-', '.']).rev().find_map(paths::split_of).or_else(|| paths::split_of_folders(file))
            });
            let head = source.text_head(file, 4096)?;
            let head = crate::lex::text::decode(&head).into_owned();
            let list = if head.trim_start().starts_with('[') { "" } else { "frames" };
            if list == "frames" {
                let top = items::beside(source.text(file)?, list);
                let config = top.get("config").and_then(Value::as_object).cloned().unwrap_or_default();
                for entry in object::objects(&config, "categories") {
                    let Some(name) = object::text(entry, "name") else { continue };
                    if gather.classes.iter().all(|c| c.name != name) {
                        gather.classes.push(Class { name: name.to_owned(), ..Class::default() });
                    }
                }
            }
            let judge = gather.judge;
            items::each(source.text(file)?, file, list, &judge, |frame, place| {
                one(&mut gather, file, split.as_deref(), frame, place)
            })?;
        }
        gather.finish()
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        schema: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        let scribe = Scribe::new(&SPEC, HOLDS, sink, options, report)?;
        Ok(Box::new(Writer { scribe, classes: ClassList::new(schema), lists: BTreeMap::new() }))
    }
}

/// How the files we write begin; the split follows.
const OURS: &str = "bdd100k_labels_images_";

fn one(
    gather: &mut Gather<'_>,
    file: &str,
    split: Option<&str>,
    frame: Map<String, Value>,
    place: &dyn Fn() -> Place,
) -> Result<()> {
    let Some(name) = object::text(&frame, "name") else {
        gather.judge.error("frame", place(), "a frame has no `name`; left out");
        return Ok(());
    };
    let video = object::text(&frame, "videoName").or_else(|| object::text(&frame, "video_name"));
    let wanted = match video {
        Some(video) if gather.index.named(name).is_none() => paths::join(video, name),
        _ => name.to_owned(),
    };
    let Some(mut record) = gather.start(file, &wanted, split, place) else { return Ok(()) };
    let size = frame.get("size").and_then(Value::as_object).and_then(|s| object::size(s, "width", "height"));
    record.stated_size = size;
    for (key, value) in &frame {
        if !KEYS.contains(&key.as_str()) && !value.is_null() {
            record.fields.insert(key.clone(), value.clone());
        }
    }
    if frame.get("labels").is_none_or(|labels| !labels.is_null()) {
        let mut found = Vec::new();
        for entry in gather.judge.objects(&frame, "labels", place) {
            found.extend(label_of(entry, gather, size, place));
        }
        if frame.contains_key("labels") {
            record.layers.insert(gather.layer.clone(), found);
        }
    } else if frame.get("labels").is_some_and(Value::is_null) {
        // Scalabel writes null where nobody labelled.
    } else {
        gather.judge.error("labels", place(), "`labels` is not a list");
    }
    gather.put(record, place)
}

fn label_of(
    entry: &Map<String, Value>,
    gather: &Gather<'_>,
    size: Option<(u32, u32)>,
    place: &dyn Fn() -> Place,
) -> Option<Label> {
    let bad = |message: &str| {
        gather.judge.error("label", place(), message);
        None
    };
    let inner = |key: &str| entry.get(key).and_then(Value::as_object);
    let shape = if let Some(b) = inner("box2d") {
        let side = |key| object::number(b, key);
        let (Some(x1), Some(y1), Some(x2), Some(y2)) = (side("x1"), side("y1"), side("x2"), side("y2")) else {
            return bad("`box2d` is not four finite numbers; left out");
        };
        Shape::Box2d(gather.judge.accept(Box2d::new(x1, y1, x2, y2), size, place)?)
    } else if let Some(parts) = entry.get("poly2d").and_then(Value::as_array) {
        match lines(parts) {
            Some(shape) => shape,
            None => return bad("`poly2d` has no vertices that are pairs of finite numbers; left out"),
        }
    } else if let Some(rle) = inner("rle") {
        match crate::coco::runs(rle) {
            Ok(rle) => Shape::Rle(rle),
            Err(message) => return bad(message),
        }
    } else if entry.get("box3d").is_some_and(|b| !b.is_null()) || entry.get("graph").is_some_and(|g| !g.is_null()) {
        return bad("a cuboid or graph; left out");
    } else {
        Shape::Classification
    };
    let mut label = Label::new(shape);
    label.class = object::text(entry, "category").and_then(labels::class);
    match entry.get("id") {
        // Numbers are ids; texts are those of tracks.
        Some(Value::String(text)) if text.strip_prefix('_').is_some_and(|n| n.parse::<u32>().is_ok()) => {}
        Some(Value::String(text)) => label.instance = Some(text.clone()),
        Some(number) => label.id = as_id(number).and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
        None => {}
    }
    label.confidence = object::number(entry, "score");
    for (key, value) in entry.get("attributes").and_then(Value::as_object).into_iter().flatten() {
        label.attributes.insert(key.clone(), value.clone());
    }
    for key in ["manualShape", "manualAttributes"] {
        if let Some(value) = entry.get(key).filter(|v| !v.is_null()) {
            label.attributes.insert(key.to_owned(), value.clone());
        }
    }
    Some(label)
}

/// The polygons or lines of one object; the older flat list `[[x, y, "L"], …]` is one line.
fn lines(parts: &[Value]) -> Option<Shape> {
    if parts.first().is_some_and(Value::is_array) {
        let points = object::pairs(parts)?;
        let types: String = parts.iter().filter_map(|p| p.get(2)?.as_str()).collect();
        return Some(Shape::Polyline { points, bezier: Some(types).filter(|t| t.contains('C')) });
    }
    let mut all: Vec<(Vec<Point>, bool, Option<String>)> = Vec::new();
    for part in parts.iter().filter_map(Value::as_object) {
        let points = object::pairs(object::list(part, "vertices"))?;
        let closed = part.get("closed").and_then(Value::as_bool).unwrap_or(true);
        let types = object::text(part, "types").filter(|t| t.contains('C') && t.len() == points.len());
        all.push((points, closed && types.is_none(), types.map(str::to_owned)));
    }
    let closed = all.iter().all(|(_, closed, _)| *closed);
    match (all.len(), closed) {
        (0, _) => None,
        (1, true) => all.pop().map(|(points, ..)| Shape::Polygon(points)),
        (1, false) => all.pop().map(|(points, _, bezier)| Shape::Polyline { points, bezier }),
        (_, true) => Some(Shape::MultiPolygon(all.into_iter().map(|(points, ..)| points).collect())),
        (_, false) => Some(Shape::MultiPolyline(all.into_iter().map(|(points, ..)| points).collect())),
    }
}

struct Writer<'a> {
    scribe: Scribe<'a>,
    classes: ClassList,
    lists: BTreeMap<String, List>,
}

fn part(points: &[Point], closed: bool, types: Option<&str>) -> Value {
    let types = types.map_or_else(|| "L".repeat(points.len()), str::to_owned);
    json!({"vertices": object::to_pairs(points), "types": types, "closed": closed})
}

impl Writer<'_> {
    fn label(&mut self, label: &Label, number_in: usize, path: &str) -> Result<Value> {
        let mut out = Map::new();
        let id = match (&label.instance, label.id) {
            (Some(instance), id) => {
                self.scribe.lose("ids", path, usize::from(id != 0))?;
                Value::from(instance.as_str())
            }
            // An id must be there.
            (None, 0) => format!("_{number_in}").into(),
            (None, id) => id.into(),
        };
        out.insert("id".to_owned(), id);
        out.insert("category".to_owned(), label.class.as_deref().unwrap_or(UNLABELLED).into());
        self.classes.of(label);
        if !label.attributes.is_empty() {
            out.insert("attributes".to_owned(), json!(label.attributes));
        }
        if let Some(score) = label.confidence {
            out.insert("score".to_owned(), score.into());
        }
        let (key, value) = match &label.shape {
            Shape::Box2d(b) => (
                "box2d",
                json!({"x1": number(b.xmin), "y1": number(b.ymin), "x2": number(b.xmax), "y2": number(b.ymax)}),
            ),
            Shape::Polygon(points) => ("poly2d", json!([part(points, true, None)])),
            Shape::MultiPolygon(rings) => ("poly2d", rings.iter().map(|r| part(r, true, None)).collect()),
            Shape::Polyline { points, bezier } => ("poly2d", json!([part(points, false, bezier.as_deref())])),
            Shape::MultiPolyline(all) => ("poly2d", all.iter().map(|l| part(l, false, None)).collect()),
            Shape::Rle(rle) => ("rle", json!({"counts": rle.to_text(), "size": [rle.height, rle.width]})),
            _ => return Ok(out.into()),
        };
        out.insert(key.to_owned(), value);
        Ok(out.into())
    }
}

impl RecordWriter for Writer<'_> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        let path = record.path.as_str();
        let labels = self.scribe.take(record)?;
        let mut item = Map::new();
        item.insert("name".to_owned(), path.into());
        for (key, value) in &record.fields {
            if KEYS.contains(&key.as_str()) {
                self.scribe.lose("fields", path, 1)?;
            } else {
                item.insert(key.clone(), value.clone());
            }
        }
        if let Some((width, height)) = record.stated_size {
            item.insert("size".to_owned(), json!({"width": width, "height": height}));
        }
        let mut out = Vec::new();
        for (at, label) in labels.iter().enumerate() {
            out.push(self.label(label, at, path)?);
        }
        item.insert("labels".to_owned(), if self.scribe.looked_at(record) { out.into() } else { Value::Null });
        let split = record.split.as_deref().map(safe).unwrap_or_default();
        if !self.lists.contains_key(&split) {
            let file =
                if split.is_empty() { "labels/frames.json".to_owned() } else { format!("labels/{OURS}{split}.json") };
            self.lists.insert(split.clone(), List::begin(self.scribe.sink, &file, "{\n\"frames\": [\n")?);
        }
        self.lists.get_mut(&split).map_or(Ok(()), |list| list.push(&item.into()))
    }

    fn finish(self: Box<Self>) -> Result<Written> {
        let classes: Vec<Value> = self.classes.classes.iter().map(|c| json!({"name": c.name})).collect();
        let tail = format!("\n],\n\"config\": {{\"attributes\": [], \"categories\": {}}}\n}}\n", Value::from(classes));
        self.lists.into_values().try_for_each(|list| list.end(&tail))?;
        Ok(self.scribe.close())
    }
}
