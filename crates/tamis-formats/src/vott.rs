//! VoTT: the JSON export of Microsoft's Visual Object Tagging Tool, `<project>-export.json`, and its `-asset.json`
//! files: assets with regions (rectangles and polygons) that bear tags.

use serde_json::{Map, Value, json};
use tamis_core::{Box2d, Class, Label, LabelType, Place, Report, SampleRecord, Shape};

use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions, Written};
use crate::gather::{Gather, has, like};
use crate::holds::{self, Holds, Scribe};
use crate::labels::{self, ClassList};
use crate::lex::number::{extent, json as number};
use crate::lex::object;
use crate::list::List;
use crate::paths;
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, Spec};

const HELD: &[LabelType] = &[LabelType::Box2d, LabelType::Polygon];

static SPEC: Spec = Spec {
    id: "vott",
    title: "VoTT JSON",
    homepage: "https://github.com/microsoft/VoTT",
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
        holds::CONFIDENCE,
        Loss { code: "attributes", what: "attributes of labels but further tags", instead: "left out" },
        holds::EMBEDDED,
        holds::MEDIA,
        holds::ROTATED,
        holds::MULTI,
        holds::MASK,
        holds::SHAPE,
    ],
    options: &[],
};

const HOLDS: Holds = Holds {
    fields: false,
    split: false,
    ids: false,
    instance: false,
    confidence: false,
    attributes: true,
    embedded: false,
    not_looked_at: true,
};

/// VoTT.
pub(crate) struct Vott;

fn is_it(head: &str) -> bool {
    has(head, &["assets"]) && (has(head, &["tags"]) || has(head, &["regions"])) || has(head, &["asset", "regions"])
}

impl Format for Vott {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        like(probe, "json", 92, is_it)
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
            return Err(gather.nothing("no JSON file has assets with regions"));
        }
        for file in files {
            let Some(project) = gather.object(file) else { continue };
            for tag in object::objects(&project, "tags") {
                let Some(name) = object::text(tag, "name") else { continue };
                if gather.classes.iter().all(|c| c.name != name) {
                    let color = object::text(tag, "color").and_then(color);
                    gather.classes.push(Class { name: name.to_owned(), color, ..Class::default() });
                }
            }
            match project.get("assets") {
                Some(Value::Object(assets)) => {
                    for (id, asset) in assets {
                        asset_in(&mut gather, file, id, asset)?;
                    }
                }
                _ if project.contains_key("asset") => asset_in(&mut gather, file, "", &Value::Object(project))?,
                _ => gather.judge.error("assets", Place::file(file), "`assets` is not an object"),
            }
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
        Ok(Box::new(Writer { scribe, classes: ClassList::new(schema), list: None }))
    }
}

/// `#rrggbb`.
pub(crate) fn color(text: &str) -> Option<[u8; 3]> {
    let hex = text.strip_prefix('#').filter(|h| h.len() >= 6)?;
    let part = |at: usize| hex.get(at..at + 2).and_then(|p| u8::from_str_radix(p, 16).ok());
    Some([part(0)?, part(2)?, part(4)?])
}

fn asset_in(gather: &mut Gather<'_>, file: &str, id: &str, entry: &Value) -> Result<()> {
    let place = || Place::file(file).at(format!("/assets/{id}"));
    let empty = Map::new();
    let entry = entry.as_object().unwrap_or(&empty);
    let asset = entry.get("asset").and_then(Value::as_object).unwrap_or(&empty);
    let named = object::text(asset, "name").map(str::to_owned);
    let stated = object::text(asset, "path").map(|p| p.strip_prefix("file:").unwrap_or(p).to_owned());
    // The path is where the image lay on the annotator's machine; the name is all that is sure.
    let inside = stated.filter(|p| paths::normal(p).is_some());
    let Some(name) = inside.or(named) else {
        gather.judge.error("image", place(), "an asset names no image; left out");
        return Ok(());
    };
    let Some(mut record) = gather.start(file, &name, None, &place) else { return Ok(()) };
    let size = asset.get("size").and_then(Value::as_object).and_then(|s| object::size(s, "width", "height"));
    record.stated_size = size;
    let mut found = Vec::new();
    for region in gather.judge.objects(entry, "regions", &place) {
        let Some(shape) = shape_of(region, gather, size, &place) else { continue };
        let mut tags = object::list(region, "tags").iter().filter_map(Value::as_str);
        let mut label = Label::new(shape);
        label.class = tags.next().and_then(labels::class);
        let more: Vec<&str> = tags.collect();
        if !more.is_empty() {
            label.attributes.insert("tags".to_owned(), json!(more));
        }
        found.push(label);
    }
    // State 2 is tagged, 1 visited, 0 not looked at.
    if !found.is_empty() || object::number(asset, "state") != Some(0.0) {
        record.layers.insert(gather.layer.clone(), found);
    }
    gather.put(record, &place)
}

fn shape_of(
    region: &Map<String, Value>,
    gather: &Gather<'_>,
    size: Option<(u32, u32)>,
    place: &dyn Fn() -> Place,
) -> Option<Shape> {
    let kind = object::text(region, "type").unwrap_or("RECTANGLE");
    if matches!(kind, "POLYGON" | "POLYLINE") {
        let points = object::corners(object::list(region, "points")).filter(|p| p.len() >= 2);
        if points.is_none() {
            gather.judge.error("polygon", place(), "the points of a region are not pairs of finite numbers; left out");
        }
        let points = points?;
        return Some(if points.len() >= 3 && kind == "POLYGON" {
            Shape::Polygon(points)
        } else {
            Shape::Polyline { points, bezier: None }
        });
    }
    let b = region.get("boundingBox").and_then(Value::as_object);
    let side = |key| b.and_then(|b| object::number(b, key));
    let (Some(x), Some(y), Some(w), Some(h)) = (side("left"), side("top"), side("width"), side("height")) else {
        gather.judge.error("box", place(), "`boundingBox` is not four finite numbers; left out");
        return None;
    };
    gather.judge.accept(Box2d::from_xywh(x, y, w, h), size, place).map(Shape::Box2d)
}

struct Writer<'a> {
    scribe: Scribe<'a>,
    classes: ClassList,
    list: Option<List>,
}

fn id_of(text: &str, more: usize) -> String {
    let hash = tamis_core::Hash::of(format!("{more}:{text}").as_bytes()).to_string();
    hash.chars().take(16).collect()
}

impl RecordWriter for Writer<'_> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        let labels = self.scribe.take(record)?;
        let path = record.path.as_str();
        let mut regions = Vec::new();
        for (at, label) in labels.iter().enumerate() {
            let Some(b) = label.bounds() else { continue };
            let mut tags: Vec<Value> = label.class.iter().map(|c| c.as_str().into()).collect();
            self.classes.of(label);
            for (key, value) in &label.attributes {
                match (key.as_str(), value) {
                    ("tags", Value::Array(more)) => tags.extend(more.iter().cloned()),
                    _ => self.scribe.lose("attributes", path, 1)?,
                }
            }
            let (kind, points) = match &label.shape {
                Shape::Polygon(points) => ("POLYGON", object::to_corners(points)),
                _ => {
                    let corner = |x: f64, y: f64| tamis_core::Point { x, y };
                    let corners = [
                        corner(b.xmin, b.ymin),
                        corner(b.xmax, b.ymin),
                        corner(b.xmax, b.ymax),
                        corner(b.xmin, b.ymax),
                    ];
                    ("RECTANGLE", object::to_corners(&corners))
                }
            };
            let bounds = json!({"height": number(extent(b.ymin, b.ymax)), "width": number(extent(b.xmin, b.xmax)),
                "left": number(b.xmin), "top": number(b.ymin)});
            regions.push(
                json!({"id": id_of(path, at + 1), "type": kind, "tags": tags, "boundingBox": bounds, "points": points}),
            );
        }
        let state = if !self.scribe.looked_at(record) {
            0
        } else if regions.is_empty() {
            1
        } else {
            2
        };
        let mut asset = json!({"format": paths::extension(path), "id": id_of(path, 0), "name": paths::name(path),
            "path": path, "state": state, "type": 1});
        if let (Some((width, height)), Value::Object(asset)) = (record.stated_size, &mut asset) {
            asset.insert("size".to_owned(), json!({"width": width, "height": height}));
        }
        let item = json!({"asset": asset, "regions": regions, "version": "2.2.0"});
        let id = Value::from(id_of(path, 0));
        if self.list.is_none() {
            let head = "{\n\"name\": \"tamis\",\n\"version\": \"2.2.0\",\n\"assets\": {\n";
            self.list = Some(List::begin(self.scribe.sink, "tamis-export.json", head)?);
        }
        self.list.as_mut().map_or(Ok(()), |list| list.member(&id, &item))
    }

    fn finish(self: Box<Self>) -> Result<Written> {
        let tag = |class: &Class| {
            let [r, g, b] = class.color.unwrap_or([0x5d, 0xb3, 0x00]);
            json!({"name": class.name, "color": format!("#{r:02x}{g:02x}{b:02x}")})
        };
        let tags: Vec<Value> = self.classes.classes.iter().map(tag).collect();
        if let Some(list) = self.list {
            list.end(&format!("\n}},\n\"tags\": {}\n}}\n", Value::from(tags)))?;
        }
        Ok(self.scribe.close())
    }
}
