//! LabelMe: a JSON file beside each image, with the shapes drawn on it, as the tool `labelme` writes and opens it.
//!
//! Flags of an image are classes of the whole image; flags of a shape are attributes; the group id is the instance.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tamis_core::{
    Box2d, Keypoint, Label, LabelType, MediaSource, Place, Point, Report, RotatedBox, SampleRecord, Shape,
};

use crate::each::Each;
use crate::error::{FormatError, Result};
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions, Written};
use crate::gather::{has, like};
use crate::holds::{self, Holds, Scribe};
use crate::index::MediaIndex;
use crate::labels::{self, Judge, UNLABELLED};
use crate::lex::json::{At, as_id};
use crate::lex::object;
use crate::mask_png;
use crate::paths::{self, folder, join, name, stem};
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, Spec};

const HELD: &[LabelType] = &[
    LabelType::Polygon,
    LabelType::Box2d,
    LabelType::RotatedBox,
    LabelType::Polyline,
    LabelType::Keypoints,
    LabelType::Rle,
    LabelType::Classification,
];

static SPEC: Spec = Spec {
    id: "labelme",
    title: "LabelMe JSON",
    homepage: "https://github.com/wkentaro/labelme",
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
        holds::CONFIDENCE,
        Loss {
            code: "attributes",
            what: "attributes of labels that are no flags, and of whole images",
            instead: "left out",
        },
        Loss { code: "instance", what: "instances that are no whole numbers", instead: "numbered within the image" },
        holds::EMBEDDED,
        holds::VISIBILITY,
        holds::MULTI,
        holds::SHAPE,
        Loss { code: "bezier", what: "curves", instead: "their control points are written as a line" },
        Loss { code: "media", what: "samples without media", instead: "left out" },
        Loss {
            code: "name",
            what: "images that share their name but for the extension",
            instead: "annotated in a file with the whole name",
        },
    ],
    options: &[],
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

/// LabelMe.
pub(crate) struct LabelMe;

fn is_it(head: &str) -> bool {
    has(head, &["shapes"])
        && !has(head, &["assets"])
        && (has(head, &["flags"])
            || has(head, &["imagePath"])
            || has(head, &["shape_type"])
            || has(head, &["imageData"]))
        || has(head, &["imageData", "imagePath"])
}

impl Format for LabelMe {
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
        crate::format::option(&SPEC, &options.options, "")?;
        let judge = Judge { format: SPEC.id, report };
        let index = MediaIndex::new(source);
        let mut items: BTreeMap<String, Item<'a>> = BTreeMap::new();
        let entries = source.entries().iter().map(|e| e.path.as_str());
        for file in entries.filter(|p| paths::extension(p) == "json") {
            if let Some((path, item)) = pair(source, &index, file, &judge) {
                if items.contains_key(&path) {
                    let message = format!("another file describes `{path}`; this one is left out");
                    judge.error("duplicate", Place::file(file), message);
                    continue;
                }
                items.insert(path, item);
            }
        }
        if items.is_empty() {
            let reason = "no JSON file has shapes or flags of an image".to_owned();
            return Err(FormatError::NotThis { path: source.name().to_owned(), format: SPEC.id, reason });
        }
        let homes: std::collections::BTreeSet<String> = items.keys().map(|p| folder(p).to_owned()).collect();
        let seen: std::collections::BTreeSet<&str> = items.values().filter_map(|i| i.image).collect();
        let bare = |p: &&str| paths::is_image(p) && !seen.contains(p) && homes.contains(folder(p));
        let bare: Vec<&str> = index.all().filter(bare).collect();
        for image in bare {
            items.insert(image.to_owned(), Item { image: Some(image), file: None });
        }
        let layer = options.layer();
        let items: Vec<(String, Item<'a>)> = items.into_iter().collect();
        Ok(Box::new(Each::new(items, Schema::default(), move |(path, item): (String, Item<'_>), schema| {
            let mut record = SampleRecord { path, ..SampleRecord::default() };
            record.split = paths::split_of_folders(&record.path);
            record.media = item.image.map(|i| MediaSource::File(i.to_owned()));
            if let Some(file) = item.file {
                annotate(&mut record, source, file, &judge, &layer, schema);
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
        let classes = schema.ontology.types.get(&LabelType::Classification);
        let flags = classes.into_iter().flat_map(|s| &s.classes).map(|c| c.name.clone()).collect();
        Ok(Box::new(Writer { scribe, flags }))
    }
}

struct Item<'a> {
    image: Option<&'a str>,
    file: Option<&'a str>,
}

/// The sample of an annotation file; [`None`] when the file is another's.
fn pair<'a>(source: &Source, index: &MediaIndex<'a>, file: &'a str, judge: &Judge<'_>) -> Option<(String, Item<'a>)> {
    // The tool writes `imagePath` after the shapes and before the embedded image.
    let head = source.head(file, 64 << 10).unwrap_or_default();
    let head = crate::lex::text::decode(&head).into_owned();
    if !is_it(&head) {
        if !head.trim_start().starts_with(['{', '[']) {
            judge.error("syntax", Place::file(file), "the file is no JSON document");
        } else {
            judge.note("other_file", Place::file(file), "it does not look like annotations of LabelMe; left out");
        }
        return None;
    }
    let stated = || {
        let (_, rest) = head.split_once("\"imagePath\"")?;
        let rest = rest.trim_start().strip_prefix(':')?.trim_start();
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        stream.next()?.ok()?.as_str().map(|s| if s.contains('/') { s.to_owned() } else { s.replace('\\', "/") })
    };
    let stated = stated();
    let place = || Place::file(file).at("/imagePath");
    let beside = stated.as_deref().and_then(|s| paths::normal(&join(folder(file), s)));
    let image = beside
        .as_deref()
        .and_then(|p| index.exact(p))
        .or_else(|| index.stem(stem(file)))
        .or_else(|| index.exact(stem(file)).filter(|p| paths::is_image(p)))
        .or_else(|| stated.as_deref().and_then(|s| index.named(name(s))));
    let path = match image {
        Some(image) => image.to_owned(),
        None => {
            let ending =
                stated.as_deref().map(paths::extension).filter(|e| !e.is_empty()).unwrap_or_else(|| "png".into());
            let path = beside.filter(|p| crate::source::check(p).is_ok());
            if path.is_none() && stated.is_some() {
                judge.warn("image_path", place(), "`imagePath` leaves the folder; the file's own name is taken");
            }
            path.unwrap_or_else(|| format!("{}.{ending}", stem(file)))
        }
    };
    Some((path, Item { image, file: Some(file) }))
}

fn annotate(
    record: &mut SampleRecord,
    source: &Source,
    file: &str,
    judge: &Judge<'_>,
    layer: &str,
    schema: &mut Schema,
) {
    let bytes = match source.read(file) {
        Ok(bytes) => bytes,
        Err(e) => return judge.error("unreadable", Place::file(file), e),
    };
    let text = crate::lex::text::decode(&bytes);
    let Some(mut all) = judge.json::<Map<String, Value>>(file, &text, At::START) else { return };
    if record.media.is_none() {
        match all.get("imageData").and_then(Value::as_str).map(mask_png::from_base64) {
            Some(Some(bytes)) => record.media = Some(MediaSource::Bytes(bytes)),
            Some(None) => judge.error("image_data", Place::file(file), "`imageData` is not base64"),
            None => judge.error("missing_image", Place::file(file), "there is no image for this file"),
        }
    }
    record.stated_size = object::size(&all, "imageWidth", "imageHeight");
    let size = record.stated_size.or_else(|| match &record.media {
        Some(MediaSource::File(path)) => source.image_size(path),
        Some(MediaSource::Bytes(bytes)) => tamis_media::probe(bytes).ok().map(|p| (p.width, p.height)),
        _ => None,
    });
    let mut found = Vec::new();
    let flags = all.remove("flags");
    for (flag, value) in flags.as_ref().and_then(Value::as_object).into_iter().flatten() {
        schema.ontology.add_class(LabelType::Classification, flag);
        if value == &Value::Bool(true) {
            found.push(Label::new(Shape::Classification).with_class(flag.as_str()));
        }
    }
    if !all.get("shapes").is_some_and(Value::is_array) {
        judge.error("shapes", Place::file(file), "`shapes` is not a list");
    }
    for (at, shape) in object::list(&all, "shapes").iter().enumerate() {
        let place = || Place::file(file).at(format!("/shapes/{at}"));
        let Some(entry) = shape.as_object() else {
            judge.error("shapes", place(), "a shape is not an object; left out");
            continue;
        };
        let Some(shape) = shape_of(entry, size, judge, &place) else { continue };
        let mut label = Label::new(shape);
        label.class = object::text(entry, "label").and_then(labels::class);
        label.instance = entry.get("group_id").and_then(as_id).map(|n| n.to_string());
        for (flag, value) in entry.get("flags").and_then(Value::as_object).into_iter().flatten() {
            label.attributes.insert(flag.clone(), value.clone());
        }
        if let Some(text) = object::text(entry, "description").filter(|t| !t.is_empty()) {
            label.attributes.insert("description".to_owned(), text.into());
        }
        if let Some(class) = &label.class {
            schema.ontology.add_class(label.label_type(), class);
        }
        found.push(label);
    }
    record.layers.insert(layer.to_owned(), found);
}

fn shape_of(
    entry: &Map<String, Value>,
    size: Option<(u32, u32)>,
    judge: &Judge<'_>,
    place: &dyn Fn() -> Place,
) -> Option<Shape> {
    let bad = |message: &str| {
        judge.error("shape", place(), message);
        None
    };
    let Some(points) = object::pairs(object::list(entry, "points")) else {
        return bad("`points` are not pairs of finite numbers; left out");
    };
    let hull = |points: &[Point]| {
        let [a, b] = points else { return None };
        Some(Box2d::new(a.x.min(b.x), a.y.min(b.y), a.x.max(b.x), a.y.max(b.y)))
    };
    match object::text(entry, "shape_type").unwrap_or("polygon") {
        "rectangle" => {
            let [first, .., last] = points.as_slice() else { return bad("a rectangle needs two corners; left out") };
            // Newer versions may write all four corners, the third opposite to the first.
            let opposite = if points.len() == 4 { points.get(2).copied().unwrap_or(*last) } else { *last };
            let b = hull(&[*first, opposite])?;
            judge.accept(b, size, place).map(Shape::Box2d)
        }
        "polygon" if points.len() >= 3 => Some(Shape::Polygon(points)),
        "line" | "linestrip" | "polygon" if points.len() >= 2 => Some(Shape::Polyline { points, bezier: None }),
        "point" | "points" if !points.is_empty() => {
            Some(Shape::Keypoints(points.iter().map(|p| Keypoint { x: p.x, y: p.y, v: None }).collect()))
        }
        "oriented_rectangle" => match points.as_slice() {
            [a, b, c, _] => {
                let (width, height) = ((b.x - a.x).hypot(b.y - a.y), (c.x - b.x).hypot(c.y - b.y));
                let (cx, cy) = ((a.x + c.x) / 2.0, (a.y + c.y) / 2.0);
                Some(Shape::RotatedBox(RotatedBox { cx, cy, width, height, angle: (b.y - a.y).atan2(b.x - a.x) }))
            }
            _ => bad("an oriented rectangle needs four corners; left out"),
        },
        "circle" => match points.as_slice() {
            [c, edge] => {
                let (r, corners) = ((edge.x - c.x).hypot(edge.y - c.y), 64);
                judge.note("circle", place(), "a circle is read as a polygon of 64 corners");
                let turn = |i: i32| f64::from(i) / f64::from(corners) * std::f64::consts::TAU;
                let at = |i| Point { x: c.x + r * turn(i).cos(), y: c.y + r * turn(i).sin() };
                Some(Shape::Polygon((0..corners).map(at).collect()))
            }
            _ => bad("a circle needs its centre and a point of its edge; left out"),
        },
        "mask" => {
            let (Some(b), Some(size)) = (hull(&points), size) else {
                return bad("a mask needs two corners, and an image of known size; left out");
            };
            let Some(png) = object::text(entry, "mask").and_then(mask_png::from_base64) else {
                return bad("a mask is not base64; left out");
            };
            match mask_png::paste(&png, (b.xmin.round() as i64, b.ymin.round() as i64), size) {
                Ok(rle) => Some(Shape::Rle(rle)),
                Err(e) => bad(&format!("a mask is no image, {e}; left out")),
            }
        }
        other => {
            bad(&format!("a shape of type `{}` with {} points; left out", crate::lex::text::crop(other), points.len()))
        }
    }
}

struct Writer<'a> {
    scribe: Scribe<'a>,
    flags: Vec<String>,
}

impl Writer<'_> {
    /// The points of a shape, its type, and its mask.
    fn shape(&mut self, shape: &Shape, path: &str) -> Result<Option<(Value, &'static str, Value)>> {
        let corner = |x: f64, y: f64| Point { x, y };
        Ok(Some(match shape {
            Shape::Polygon(points) => (object::to_pairs(points), "polygon", Value::Null),
            Shape::Box2d(b) => {
                let two = [corner(b.xmin, b.ymin), corner(b.xmax, b.ymax)];
                (object::to_pairs(&two), "rectangle", Value::Null)
            }
            Shape::RotatedBox(b) => (object::to_pairs(&b.corners()), "oriented_rectangle", Value::Null),
            Shape::Polyline { points, bezier } => {
                self.scribe.lose("bezier", path, usize::from(bezier.is_some()))?;
                let kind = if points.len() == 2 { "line" } else { "linestrip" };
                (object::to_pairs(points), kind, Value::Null)
            }
            Shape::Keypoints(points) => {
                holds::unseen(points, &mut self.scribe.losses, path)?;
                let at: Vec<Point> = points.iter().map(|p| corner(p.x, p.y)).collect();
                (object::to_pairs(&at), if at.len() == 1 { "point" } else { "points" }, Value::Null)
            }
            Shape::Rle(rle) => match mask_png::cut(rle, 255) {
                Some((png, [x, y, w, h])) => {
                    let at = |x: u32, y: u32| corner(x.into(), y.into());
                    let two = [at(x, y), at(x + w - 1, y + h - 1)];
                    (object::to_pairs(&two), "mask", mask_png::to_base64(&png).into())
                }
                None => return Ok(None),
            },
            _ => return Ok(None),
        }))
    }
}

impl RecordWriter for Writer<'_> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        let path = record.path.as_str();
        let labels = self.scribe.take(record)?;
        if !self.scribe.looked_at(record) {
            return Ok(());
        }
        let mut shapes = Vec::new();
        let mut flags: Map<String, Value> = self.flags.iter().map(|f| (f.clone(), false.into())).collect();
        let mut groups: Vec<&str> = Vec::new();
        for label in &labels {
            let class = label.class.as_deref().unwrap_or(UNLABELLED);
            if matches!(label.shape, Shape::Classification) {
                flags.insert(class.to_owned(), true.into());
                self.scribe.lose("attributes", path, usize::from(!label.attributes.is_empty()))?;
                self.scribe.lose("instance", path, usize::from(label.instance.is_some()))?;
                continue;
            }
            let Some((points, kind, mask)) = self.shape(&label.shape, path)? else {
                self.scribe.drop_label("shape", path)?;
                continue;
            };
            let group = match label.instance.as_deref() {
                None => Value::Null,
                Some(text) => match text.parse::<i64>() {
                    Ok(number) => number.into(),
                    Err(_) => {
                        self.scribe.lose("instance", path, 1)?;
                        let at = groups.iter().position(|g| *g == text).unwrap_or_else(|| {
                            groups.push(text);
                            groups.len() - 1
                        });
                        at.into()
                    }
                },
            };
            let (mut inner, mut description) = (Map::new(), Value::from(""));
            for (key, value) in &label.attributes {
                match (key.as_str(), value) {
                    ("description", Value::String(_)) => description = value.clone(),
                    (_, Value::Bool(_)) => drop(inner.insert(key.clone(), value.clone())),
                    _ => self.scribe.lose("attributes", path, 1)?,
                }
            }
            shapes.push(json!({"label": class, "points": points, "group_id": group, "description": description,
                "shape_type": kind, "flags": inner, "mask": mask}));
        }
        let (width, height) = record.stated_size.map_or((Value::Null, Value::Null), |(w, h)| (w.into(), h.into()));
        let out = json!({"version": "5.5.0", "flags": flags, "shapes": shapes, "imagePath": name(path),
            "imageData": null, "imageHeight": height, "imageWidth": width});
        let mut file = format!("{}.json", stem(path));
        if !self.scribe.sink.is_new(&file) {
            self.scribe.lose("name", path, 1)?;
            file = format!("{path}.json");
        }
        let text = serde_json::to_vec_pretty(&out).map_err(|e| FormatError::io("write", &file, e.into()))?;
        self.scribe.sink.put(&file, &text)
    }

    fn finish(self: Box<Self>) -> Result<Written> {
        Ok(self.scribe.close())
    }
}
