//! Supervisely projects: `meta.json` with classes and tags, and for each data set `ann/<image>.json` beside
//! `img/<image>`; data sets inside data sets lie in `datasets/`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use tamis_core::{Box2d, Class, Keypoint, Label, LabelType, MediaSource, Place, Point, Report, SampleRecord, Shape};

use crate::each::Each;
use crate::error::{FormatError, Result};
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions, Written};
use crate::gather::{has, like};
use crate::holds::{self, Holds, Scribe};
use crate::index::MediaIndex;
use crate::labels::{self, ClassList, Judge, UNLABELLED};
use crate::lex::json::{At, as_id};
use crate::lex::object;
use crate::mask_png;
use crate::paths::{self, folder, join, name, stem};
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, Spec};
use crate::vott::color;

const HELD: &[LabelType] = &[
    LabelType::Box2d,
    LabelType::Polygon,
    LabelType::Rle,
    LabelType::Polyline,
    LabelType::Keypoints,
    LabelType::Classification,
];

static SPEC: Spec = Spec {
    id: "supervisely",
    title: "Supervisely projects",
    homepage: "https://docs.supervisely.com/data-organization/00_ann_format_navi",
    extensions: &["json"],
    media: &["image"],
    reads: HELD,
    writes: HELD,
    losses: &[
        holds::LAYERS,
        holds::FUSION,
        holds::FIELDS,
        holds::SPLIT,
        holds::INSTANCE,
        holds::EMBEDDED,
        holds::NOT_LOOKED_AT,
        Loss { code: "path", what: "paths of samples in no folder", instead: "put into the data set `ds0`" },
        holds::MEDIA,
        holds::ROTATED,
        holds::MULTI,
        holds::SHAPE,
        holds::VISIBILITY,
        Loss { code: "bezier", what: "curves", instead: "their control points are written as a line" },
        Loss { code: "points", what: "key points without visibility, of several", instead: "written as visible" },
        Loss { code: "attributes", what: "attributes of whole images", instead: "left out" },
    ],
    options: &[],
};

const HOLDS: Holds = Holds {
    fields: false,
    split: false,
    ids: true,
    instance: false,
    confidence: true,
    attributes: true,
    embedded: false,
    not_looked_at: false,
};

/// Supervisely.
pub(crate) struct Supervisely;

fn is_meta(head: &str) -> bool {
    head.trim_start().starts_with('{') && has(head, &["classes", "tags"]) && !has(head, &["images"])
}

fn is_annotation(path: &str) -> bool {
    folder(path) == "ann" || folder(path).ends_with("/ann")
}

impl Format for Supervisely {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        let files = probe.with_extension("json");
        if files.iter().any(|e| is_annotation(&e.path)) && files.iter().any(|e| name(&e.path) == "meta.json") {
            return like(probe, "json", 94, |head| is_meta(head) || has(head, &["objects", "tags"]));
        }
        Confidence::NONE
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        crate::format::option(&SPEC, &options.options, "")?;
        let judge = Judge { format: SPEC.id, report };
        let all = || source.entries().iter().map(|e| e.path.as_str());
        let files: Vec<&str> = all().filter(|p| paths::extension(p) == "json" && is_annotation(p)).collect();
        if files.is_empty() {
            let reason = "there is no folder `ann` with JSON files".to_owned();
            return Err(FormatError::NotThis { path: source.name().to_owned(), format: SPEC.id, reason });
        }
        let mut schema = Schema::default();
        let mut skeletons = BTreeMap::new();
        for meta in all().filter(|p| name(p) == "meta.json" && !is_annotation(p)) {
            let all = judge.text(source, meta).and_then(|text| judge.json(meta, &text, At::START));
            if let Some(all) = all {
                classes(&all, &mut schema, &mut skeletons);
            }
        }
        let index = MediaIndex::new(source);
        let images: BTreeSet<&str> = all().filter(|p| folder(p) == "img" || folder(p).ends_with("/img")).collect();
        let mut items: BTreeMap<String, (Option<&'a str>, Option<&'a str>)> = BTreeMap::new();
        for file in files {
            let home = join(folder(folder(file)), "img");
            let wanted = join(&home, stem(name(file)));
            let image = index.exact(&wanted).or_else(|| index.stem(&wanted));
            if image.is_none() {
                judge.error("missing_image", Place::file(file), "there is no image for this file");
            }
            let path = short(image.unwrap_or(&wanted));
            if items.insert(path.clone(), (image, Some(file))).is_some() {
                judge.error(
                    "duplicate",
                    Place::file(file),
                    format!("another file describes `{path}` as well; it is left out"),
                );
            }
        }
        for image in images {
            items.entry(short(image)).or_insert((Some(image), None));
        }
        let layer = options.layer();
        let items: Vec<_> = items.into_iter().collect();
        type Item<'a> = (String, (Option<&'a str>, Option<&'a str>));
        Ok(Box::new(Each::new(items, schema, move |(path, (image, file)): Item<'_>, schema| {
            let mut record = SampleRecord { path, ..SampleRecord::default() };
            record.split = paths::split_of_folders(&record.path);
            record.media = image.map(|i| MediaSource::File(i.to_owned()));
            if let Some(file) = file {
                annotate(&mut record, source, file, &judge, &layer, &skeletons, schema);
            }
            Ok(Some(record))
        })))
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        schema: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        let scribe = Scribe::new(&SPEC, HOLDS, sink, options, report)?;
        let (kinds, nodes, tags) = Default::default();
        Ok(Box::new(Writer { scribe, classes: ClassList::new(schema), kinds, nodes, tags }))
    }
}

/// The sample's path: the image's without `img` and `datasets`.
fn short(image: &str) -> String {
    let home = folder(folder(image)).replace("/datasets/", "/");
    join(&home, name(image))
}

/// Classes by the type of their geometry; nodes of graphs by class: id → place.
type Nodes = BTreeMap<String, BTreeMap<String, usize>>;

fn classes(meta: &Map<String, Value>, schema: &mut Schema, skeletons: &mut Nodes) {
    for class in object::objects(meta, "classes") {
        let Some(title) = object::text(class, "title").filter(|t| labels::class(t).is_some()) else { continue };
        let label_type = match object::text(class, "shape").unwrap_or_default() {
            "polygon" => LabelType::Polygon,
            "bitmap" | "alpha_mask" => LabelType::Rle,
            "line" => LabelType::Polyline,
            "point" | "graph" => LabelType::Keypoints,
            "tag" => LabelType::Classification,
            _ => LabelType::Box2d,
        };
        let known = &mut schema.ontology.schema_mut(label_type).classes;
        if known.iter().all(|c| c.name != title) {
            let color = object::text(class, "color").and_then(color);
            known.push(Class { name: title.to_owned(), color, ..Class::default() });
        }
        let config = class.get("geometry_config").and_then(|c| c.get("nodes")).and_then(Value::as_object);
        if let Some(nodes) = config {
            let places = nodes.keys().enumerate().map(|(at, id)| (id.clone(), at)).collect();
            skeletons.insert(title.to_owned(), places);
        }
    }
}

fn annotate(
    record: &mut SampleRecord,
    source: &Source,
    file: &str,
    judge: &Judge<'_>,
    layer: &str,
    skeletons: &Nodes,
    schema: &mut Schema,
) {
    let bytes = match source.read(file) {
        Ok(bytes) => bytes,
        Err(e) => return judge.error("unreadable", Place::file(file), e),
    };
    let text = crate::lex::text::decode(&bytes);
    let Some(all) = judge.json::<Map<String, Value>>(file, &text, At::START) else { return };
    record.stated_size = all.get("size").and_then(Value::as_object).and_then(|s| object::size(s, "width", "height"));
    if let Some(text) = object::text(&all, "description").filter(|t| !t.is_empty()) {
        record.fields.insert("description".to_owned(), text.into());
    }
    let mut found: Vec<Label> = Vec::new();
    for tag in object::objects(&all, "tags") {
        let Some(title) = object::text(tag, "name") else { continue };
        let mut label = Label::new(Shape::Classification).with_class(title);
        if let Some(value) = tag.get("value").filter(|v| !v.is_null()) {
            label.attributes.insert("value".to_owned(), value.clone());
        }
        found.push(label);
    }
    for (at, entry) in judge.list(&all, "objects", &|| Place::file(file).at("/objects")).iter().enumerate() {
        let place = || Place::file(file).at(format!("/objects/{at}"));
        let empty = Map::new();
        let entry = entry.as_object().unwrap_or(&empty);
        let Some(shape) = shape_of(entry, record.stated_size, skeletons, judge, &place) else { continue };
        let mut label = Label::new(shape);
        label.class = object::text(entry, "classTitle").and_then(labels::class);
        label.id = entry.get("id").and_then(as_id).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        if label.id != 0 && found.iter().any(|l| l.id == label.id) {
            judge.warn(
                "duplicate_id",
                place(),
                format!("object id {} stands twice; the second gets a new one", label.id),
            );
            label.id = 0;
        }
        for tag in object::objects(entry, "tags") {
            let Some(title) = object::text(tag, "name") else { continue };
            let value = tag.get("value").filter(|v| !v.is_null()).cloned().unwrap_or(Value::Bool(true));
            match (title, value.as_f64()) {
                ("confidence", Some(sure)) => label.confidence = Some(sure),
                _ => drop(label.attributes.insert(title.to_owned(), value)),
            }
        }
        found.push(label);
    }
    for label in &found {
        if let Some(class) = &label.class {
            schema.ontology.add_class(label.label_type(), class);
        }
    }
    record.layers.insert(layer.to_owned(), found);
}

fn shape_of(
    entry: &Map<String, Value>,
    size: Option<(u32, u32)>,
    skeletons: &Nodes,
    judge: &Judge<'_>,
    place: &dyn Fn() -> Place,
) -> Option<Shape> {
    let bad = |message: &str| {
        judge.error("object", place(), message);
        None
    };
    let inner = |key: &str| entry.get(key).and_then(Value::as_object);
    let points = || {
        let points = object::pairs(object::list(inner("points")?, "exterior"));
        points.filter(|p| !p.is_empty())
    };
    let kind = object::text(entry, "geometryType").or_else(|| entry.get("bitmap").map(|_| "bitmap"));
    match kind.unwrap_or("polygon") {
        "bitmap" => {
            let Some(bitmap) = inner("bitmap") else { return bad("a bitmap has no `bitmap`; left out") };
            let origin: Option<Vec<f64>> = object::list(bitmap, "origin").iter().map(object::number_of).collect();
            let (Some([x, y]), Some(size)) = (origin.as_deref(), size) else {
                return bad("a bitmap needs an `origin` of two numbers, and the image's size; left out");
            };
            match object::text(bitmap, "data").map(unpack) {
                Some(Ok(png)) => match mask_png::paste(&png, (*x as i64, *y as i64), size) {
                    Ok(rle) => Some(Shape::Rle(rle)),
                    Err(e) => bad(&format!("a bitmap is no image, {e}; left out")),
                },
                Some(Err(message)) => bad(message),
                None => bad("a bitmap has no `data`; left out"),
            }
        }
        "graph" => {
            let Some(nodes) = inner("nodes") else { return bad("a graph has no `nodes`; left out") };
            let places = object::text(entry, "classTitle").and_then(|c| skeletons.get(c));
            let mut out = vec![Keypoint { x: 0.0, y: 0.0, v: Some(0) }; places.map_or(nodes.len(), BTreeMap::len)];
            for (at, (id, node)) in nodes.iter().enumerate() {
                let at = places.map_or(Some(at), |p| p.get(id).copied());
                let loc = node.get("loc").and_then(Value::as_array).map(Vec::as_slice);
                let (Some(slot), Some([x, y])) = (at.and_then(|a| out.get_mut(a)), loc) else { continue };
                let hidden = node.get("disabled").and_then(Value::as_bool) == Some(true);
                let (Some(x), Some(y)) = (object::number_of(x), object::number_of(y)) else { continue };
                *slot = Keypoint { x, y, v: Some(if hidden { 1 } else { 2 }) };
            }
            Some(Shape::Keypoints(out))
        }
        kind => {
            let Some(points) = points() else { return bad("`points` are not pairs of finite numbers; left out") };
            let holes = inner("points").is_some_and(|p| !object::list(p, "interior").is_empty());
            if holes {
                judge.warn("holes", place(), "a polygon has holes; its outline is read");
            }
            match (kind, points.as_slice()) {
                ("rectangle", [a, b, ..]) => {
                    let b = Box2d::new(a.x.min(b.x), a.y.min(b.y), a.x.max(b.x), a.y.max(b.y));
                    judge.accept(b, size, place).map(Shape::Box2d)
                }
                ("polygon", [_, _, _, ..]) => Some(Shape::Polygon(points)),
                ("line" | "polyline", [_, _, ..]) => Some(Shape::Polyline { points, bezier: None }),
                ("point", _) => {
                    Some(Shape::Keypoints(points.iter().map(|p| Keypoint { x: p.x, y: p.y, v: None }).collect()))
                }
                (kind, points) => bad(&format!(
                    "an object of type `{}` with {} points; left out",
                    crate::lex::text::crop(kind),
                    points.len()
                )),
            }
        }
    }
}

/// A PNG out of base64 of zlib's stream of it.
fn unpack(text: &str) -> std::result::Result<Vec<u8>, &'static str> {
    use std::io::Read;
    const MOST: u64 = 64 << 20;
    let packed = mask_png::from_base64(text).ok_or("a bitmap's `data` is not base64; left out")?;
    let mut png = Vec::new();
    let read = flate2::read::ZlibDecoder::new(packed.as_slice()).take(MOST).read_to_end(&mut png);
    match read {
        Ok(_) if (png.len() as u64) < MOST => Ok(png),
        _ => Err("a bitmap's `data` is not a zlib stream of a small image; left out"),
    }
}

fn pack(png: &[u8]) -> std::io::Result<String> {
    use std::io::Write;
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(png)?;
    Ok(mask_png::to_base64(&out.finish()?))
}

struct Writer<'a> {
    scribe: Scribe<'a>,
    classes: ClassList,
    /// The geometry of each class; `any` where there are several.
    kinds: BTreeMap<String, &'static str>,
    /// How many nodes the graphs of a class have.
    nodes: BTreeMap<String, usize>,
    /// The type of each tag's values.
    tags: BTreeMap<String, &'static str>,
}

impl Writer<'_> {
    fn tag(&mut self, name: &str, value: &Value) -> Value {
        let (kind, value) = match value {
            Value::Bool(true) => ("none", Value::Null),
            Value::Number(_) => ("any_number", value.clone()),
            Value::String(_) => ("any_string", value.clone()),
            other => ("any_string", other.to_string().into()),
        };
        let known = self.tags.entry(name.to_owned()).or_insert(kind);
        if *known != kind {
            *known = "any_string";
        }
        json!({"name": name, "value": value})
    }

    fn object(&mut self, label: &Label, path: &str) -> Result<Option<Value>> {
        let outline = |points: &[Point]| json!({"exterior": object::to_pairs(points), "interior": []});
        let (kind, key, value) = match &label.shape {
            Shape::Box2d(b) => {
                let two = [Point { x: b.xmin, y: b.ymin }, Point { x: b.xmax, y: b.ymax }];
                ("rectangle", "points", outline(&two))
            }
            Shape::Polygon(points) => ("polygon", "points", outline(points)),
            Shape::Polyline { points, bezier } => {
                self.scribe.lose("bezier", path, usize::from(bezier.is_some()))?;
                ("line", "points", outline(points))
            }
            Shape::Keypoints(points) => match points.as_slice() {
                [p] => {
                    holds::unseen(points, &mut self.scribe.losses, path)?;
                    ("point", "points", outline(&[Point { x: p.x, y: p.y }]))
                }
                points => {
                    self.scribe.lose("points", path, points.iter().filter(|p| p.v.is_none()).count())?;
                    let node = |(at, p): (usize, &Keypoint)| {
                        let node = json!({"loc": [p.x, p.y], "disabled": p.v == Some(1)});
                        (at.to_string(), node)
                    };
                    let seen = points.iter().enumerate().filter(|(_, p)| p.v != Some(0));
                    ("graph", "nodes", seen.map(node).collect::<Map<String, Value>>().into())
                }
            },
            Shape::Rle(rle) => {
                let Some((png, [x, y, ..])) = mask_png::cut(rle, 255) else { return Ok(None) };
                let data = pack(&png).map_err(|e| FormatError::io("write", path, e))?;
                ("bitmap", "bitmap", json!({"data": data, "origin": [x, y]}))
            }
            _ => return Ok(None),
        };
        let class = label.class.as_deref().unwrap_or(UNLABELLED);
        self.classes.of(label);
        let known = self.kinds.entry(class.to_owned()).or_insert(kind);
        if *known != kind {
            *known = "any";
        }
        if let (Shape::Keypoints(points), "graph") = (&label.shape, kind) {
            let most = self.nodes.entry(class.to_owned()).or_insert(0);
            *most = points.len().max(*most);
        }
        let mut tags: Vec<Value> = label.attributes.iter().map(|(k, v)| self.tag(k, v)).collect();
        if let Some(sure) = label.confidence {
            tags.push(self.tag("confidence", &sure.into()));
        }
        let mut out = json!({"geometryType": kind, "classTitle": class, "description": "", "tags": tags, key: value});
        if let (id, Value::Object(out)) = (label.id, &mut out)
            && id != 0
        {
            out.insert("id".to_owned(), id.into());
        }
        Ok(Some(out))
    }
}

impl RecordWriter for Writer<'_> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        let path = record.path.as_str();
        let home = match folder(path) {
            "" => {
                self.scribe.lose("path", path, 1)?;
                "ds0".to_owned()
            }
            home => home.replace('/', "/datasets/"),
        };
        let image = format!("{home}/img/{}", name(path));
        holds::media_to(&image, record, self.scribe.sink, &mut self.scribe.losses)?;
        let labels = self.scribe.labels(record)?;
        let (mut objects, mut tags) = (Vec::new(), Vec::new());
        for label in &labels {
            if matches!(label.shape, Shape::Classification) {
                let rest = label.attributes.keys().filter(|k| *k != "value").count();
                self.scribe.lose("attributes", path, rest)?;
                let value = label.attributes.get("value").cloned().unwrap_or(Value::Bool(true));
                tags.push(self.tag(label.class.as_deref().unwrap_or(UNLABELLED), &value));
                continue;
            }
            match self.object(label, path)? {
                Some(object) => objects.push(object),
                None => self.scribe.drop_label("shape", path)?,
            }
        }
        let (width, height) = record.stated_size.unwrap_or_default();
        let out =
            json!({"description": "", "tags": tags, "size": {"height": height, "width": width}, "objects": objects});
        let file = format!("{home}/ann/{}.json", name(path));
        self.scribe.sink.put(&file, out.to_string().as_bytes())
    }

    fn finish(self: Box<Self>) -> Result<Written> {
        let class = |(at, c): (usize, &Class)| {
            let [r, g, b] = c.color.unwrap_or([(at * 67 % 256) as u8, (at * 131 + 80) as u8, (at * 29 + 160) as u8]);
            let kind = self.kinds.get(&c.name).copied().unwrap_or("any");
            let color = format!("#{r:02X}{g:02X}{b:02X}");
            let node = |n: usize| (n.to_string(), json!({"label": n.to_string(), "loc": [0, 0], "color": color}));
            let config = match self.nodes.get(&c.name) {
                Some(most) => json!({"nodes": (0..*most).map(node).collect::<Map<String, Value>>(), "edges": []}),
                None => json!({}),
            };
            json!({"title": c.name, "shape": kind, "color": color, "geometry_config": config, "hotkey": ""})
        };
        let classes: Vec<Value> = self.classes.classes.iter().enumerate().map(class).collect();
        let tag = |(name, kind): (&String, &&str)| json!({"name": name, "value_type": kind, "color": "#888888", "hotkey": "", "applicable_type": "all", "classes": []});
        let tags: Vec<Value> = self.tags.iter().map(tag).collect();
        let meta = json!({"classes": classes, "tags": tags, "projectType": "images"});
        self.scribe.sink.put("meta.json", meta.to_string().as_bytes())?;
        Ok(self.scribe.close())
    }
}
