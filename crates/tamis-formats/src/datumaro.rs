//! Datumaro's own JSON: `annotations/<subset>.json` with infos, categories and items; images in `images/<subset>/`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tamis_core::{
    Box2d, Class, Keypoint, Label, LabelType, Place, Report, RotatedBox, SampleRecord, Shape, Skeleton, Visibility,
    Word,
};

use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions, Written};
use crate::gather::{Gather, has, like};
use crate::holds::{self, Holds, Scribe};
use crate::items;
use crate::labels::{self, ClassList, Judge};
use crate::lex::json::as_id;
use crate::lex::number::{extent, json as number};
use crate::lex::object;
use crate::list::List;
use crate::paths::{self, join, name, stem};
use crate::probe::{Confidence, Probe};
use crate::sink::{Sink, safe};
use crate::source::Source;
use crate::spec::{Loss, Spec};

const HELD: &[LabelType] = &[
    LabelType::Box2d,
    LabelType::Classification,
    LabelType::Polygon,
    LabelType::Polyline,
    LabelType::Keypoints,
    LabelType::Rle,
    LabelType::Sentence,
];

/// Its own reader knows no rotated boxes in JSON; some versions write them.
const READ: &[LabelType] = &[
    LabelType::Box2d,
    LabelType::Classification,
    LabelType::Polygon,
    LabelType::Polyline,
    LabelType::Keypoints,
    LabelType::Rle,
    LabelType::RotatedBox,
    LabelType::Sentence,
];

static SPEC: Spec = Spec {
    id: "datumaro",
    title: "Datumaro JSON",
    homepage: "https://open-edge-platform.github.io/datumaro/latest/docs/data-formats/formats/datumaro.html",
    extensions: &["json"],
    media: &["image"],
    reads: READ,
    writes: HELD,
    losses: &[
        holds::LAYERS,
        holds::FUSION,
        holds::EMBEDDED,
        holds::NOT_LOOKED_AT,
        holds::MEDIA,
        holds::ROTATED,
        holds::MULTI,
        holds::SHAPE,
        Loss {
            code: "instance",
            what: "instances that are no whole numbers above 0",
            instead: "numbered within the item",
        },
        Loss { code: "sentence", what: "times, spelling and phonemes of sentences", instead: "the words are written" },
        Loss { code: "bezier", what: "curves", instead: "their control points are written as a line" },
        Loss { code: "visibility", what: "key points without visibility", instead: "written as visible" },
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
    not_looked_at: false,
};

/// Who wrote the file, in its `infos`: paths are then those below `images/<subset>/`.
const AUTHOR: &str = "tamis";

/// Datumaro.
pub(crate) struct Datumaro;

fn is_it(head: &str) -> bool {
    let top = head.trim_start().starts_with('{');
    top && (has(head, &["categories", "items"])
        || has(head, &["categories", "label_groups"])
        || has(head, &["infos", "categories"])
        || has(head, &["infos", "items"]))
        && !has(head, &["images"])
}

impl Format for Datumaro {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        like(probe, "json", 94, is_it)
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
            return Err(gather.nothing("no JSON file has categories and items"));
        }
        for file in files {
            let top = items::beside(source.text(file)?, "items");
            let names = categories(&mut gather, &top);
            let subset = stem(name(file));
            let ours = top.get("infos").and_then(|i| i.get("author")).and_then(Value::as_str) == Some(AUTHOR);
            let known = paths::split_of(subset).filter(|_| !ours);
            let split = (subset != "default").then(|| known.unwrap_or_else(|| subset.to_owned()));
            let subset = File { path: file, split, ours, names };
            if let Some(infos) = top.get("infos").filter(|i| i.as_object().is_some_and(|i| !i.is_empty())) {
                gather.schema.extra.entry(SPEC.id.to_owned()).or_insert_with(|| json!({"infos": infos}));
            }
            let judge = gather.judge;
            items::each(source.text(file)?, file, "items", &judge, |item, place| {
                one(&mut gather, &subset, item, place)
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
        let skeletons = schema.ontology.types.get(&LabelType::Keypoints).map(|s| s.skeletons.clone());
        let skeletons = skeletons.unwrap_or_default();
        let infos = schema.extra.get(SPEC.id).and_then(|e| e.get("infos")).and_then(Value::as_object).cloned();
        let infos = infos.unwrap_or_default();
        Ok(Box::new(Writer { scribe, classes: ClassList::new(schema), skeletons, infos, lists: BTreeMap::new() }))
    }
}

struct File<'f> {
    path: &'f str,
    split: Option<String>,
    ours: bool,
    names: Vec<String>,
}

/// The names of the labels by number; classes and skeletons go to the schema.
fn categories(gather: &mut Gather<'_>, top: &Map<String, Value>) -> Vec<String> {
    let empty = Map::new();
    let part = |key| {
        let all = top.get("categories").and_then(|c| c.get(key));
        all.and_then(Value::as_object).unwrap_or(&empty)
    };
    let mut names = Vec::new();
    let colors: BTreeMap<i64, [u8; 3]> = object::objects(part("mask"), "colormap")
        .filter_map(|c| {
            let side = |key| object::number(c, key).map(|n| n.clamp(0.0, 255.0) as u8);
            Some((as_id(c.get("label_id")?)?, [side("r")?, side("g")?, side("b")?]))
        })
        .collect();
    for (at, label) in object::list(part("label"), "labels").iter().enumerate() {
        let text = |key: &str| label.get(key).and_then(Value::as_str).unwrap_or_default();
        names.push(text("name").to_owned());
        if labels::class(text("name")).is_some() && gather.classes.iter().all(|c| c.name != text("name")) {
            gather.classes.push(Class {
                name: text("name").to_owned(),
                parent: Some(text("parent").to_owned()).filter(|p| !p.is_empty()),
                color: colors.get(&(at as i64)).copied(),
                ..Class::default()
            });
        }
    }
    for item in object::objects(part("points"), "items") {
        let class = item.get("label_id").and_then(as_id).and_then(|n| names.get(usize::try_from(n).ok()?));
        let Some(class) = class else { continue };
        let points: Vec<String> =
            object::list(item, "labels").iter().filter_map(|l| l.as_str().map(str::to_owned)).collect();
        let joint = |j: &Value| {
            let end = |at| j.get(at).and_then(as_id).and_then(|n: i64| u32::try_from(n - 1).ok());
            Some((end(0)?, end(1)?))
        };
        gather.skeletons.push(Skeleton {
            number: points.len() as u32,
            names: points,
            edges: object::list(item, "joints").iter().filter_map(joint).collect(),
            visibility: Some(Visibility::Ternary),
            classes: vec![class.clone()],
            description: String::new(),
        });
    }
    names
}

fn one(gather: &mut Gather<'_>, file: &File<'_>, item: Map<String, Value>, place: &dyn Fn() -> Place) -> Result<()> {
    let Some(id) = object::text(&item, "id") else {
        gather.judge.error("item", place(), "an item has no `id`; left out");
        return Ok(());
    };
    let empty = Map::new();
    let part = |key: &str| item.get(key).and_then(Value::as_object);
    let media = part("image").or_else(|| part("media")).or_else(|| part("point_cloud")).unwrap_or(&empty);
    let stated = object::text(media, "path");
    let wanted = stated.filter(|p| !p.is_empty() && paths::normal(p).is_some());
    let wanted = wanted.map_or_else(|| format!("{id}.jpg"), str::to_owned);
    let subset = stem(name(file.path));
    let home = format!("images/{subset}/");
    let images = paths::normal(&join(paths::folder(file.path), &format!("../{home}{wanted}")));
    let known = images.as_deref().and_then(|p| gather.index.exact(p)).or_else(|| {
        let by_id = paths::normal(&join(paths::folder(file.path), &format!("../{home}{id}")))?;
        let found = gather.index.stem(&by_id)?;
        if let Some(stated) = stated {
            let message = format!(
                "there is no media file `{}`; the one of the item's id is taken",
                crate::lex::text::crop(stated)
            );
            gather.judge.warn("image_path", place(), message);
        }
        Some(found)
    });
    let record = match known {
        Some(found) => gather.start("", found, file.split.as_deref(), place),
        None => gather.start(file.path, &wanted, file.split.as_deref(), place),
    };
    let Some(mut record) = record else { return Ok(()) };
    record.split.clone_from(&file.split);
    if file.ours && record.path.strip_prefix(&home) == Some(wanted.as_str()) {
        record.path = wanted;
    }
    if let [height, width] = object::list(media, "size")
        && let (Some(h), Some(w)) = (object::number_of(height), object::number_of(width))
        && h >= 1.0
        && w >= 1.0
        && h < 4e9
        && w < 4e9
    {
        record.stated_size = Some((w as u32, h as u32));
    }
    for (key, value) in part("attr").unwrap_or(&empty) {
        record.fields.insert(key.clone(), value.clone());
    }
    let mut found = Vec::new();
    for ann in gather.judge.objects(&item, "annotations", place) {
        found.extend(label_of(ann, file, &gather.judge, record.stated_size, place));
    }
    record.layers.insert(gather.layer.clone(), found);
    gather.put(record, place)
}

fn label_of(
    ann: &Map<String, Value>,
    file: &File<'_>,
    judge: &Judge<'_>,
    size: Option<(u32, u32)>,
    place: &dyn Fn() -> Place,
) -> Option<Label> {
    let kind = object::text(ann, "type").unwrap_or_default();
    let bad = |message: &str| {
        judge.error("annotation", place(), message);
        None
    };
    let points = || object::flat(object::list(ann, "points")).filter(|p| !p.is_empty());
    let numbers = |key| object::list(ann, key).iter().map(object::number_of).collect::<Option<Vec<f64>>>();
    let shape = match kind {
        "label" => Shape::Classification,
        "bbox" => match numbers("bbox").as_deref() {
            Some(&[x, y, w, h]) => Shape::Box2d(judge.accept(Box2d::from_xywh(x, y, w, h), size, place)?),
            _ => return bad("`bbox` is not four finite numbers; left out"),
        },
        "rotated_bbox" => match numbers("points").or_else(|| numbers("bbox")).as_deref() {
            Some(&[cx, cy, width, height, degrees]) => {
                Shape::RotatedBox(RotatedBox { cx, cy, width, height, angle: degrees.to_radians() })
            }
            _ => return bad("a rotated box is not five finite numbers; left out"),
        },
        "polygon" => match points().filter(|p| p.len() >= 3) {
            Some(points) => Shape::Polygon(points),
            None => return bad("`points` of a polygon are not three pairs of finite numbers or more; left out"),
        },
        "polyline" => match points() {
            Some(points) => Shape::Polyline { points, bezier: None },
            None => return bad("`points` are not pairs of finite numbers; left out"),
        },
        "points" => {
            let Some(points) = points() else { return bad("`points` are not pairs of finite numbers; left out") };
            let seen = object::list(ann, "visibility");
            let v = |at: usize| seen.get(at).and_then(as_id).map(|v| v.clamp(0, 255) as u8);
            Shape::Keypoints(points.iter().enumerate().map(|(at, p)| Keypoint { x: p.x, y: p.y, v: v(at) }).collect())
        }
        "mask" => {
            let rle = ann.get("rle").and_then(Value::as_object);
            match rle.map(crate::coco::runs) {
                Some(Ok(rle)) => Shape::Rle(rle),
                Some(Err(message)) => return bad(message),
                None => return bad("a mask has no `rle`; left out"),
            }
        }
        "caption" => {
            let text = object::text(ann, "caption").unwrap_or_default().to_owned();
            Shape::Sentence { sentence: vec![Word { text, begin: None, end: None }], spell: vec![], phone: vec![] }
        }
        other => return bad(&format!("an annotation of type `{}`; left out", crate::lex::text::crop(other))),
    };
    let mut label = Label::new(shape);
    label.id = ann.get("id").and_then(as_id).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    if let Some(number) = ann.get("label_id").filter(|n| !n.is_null()) {
        match as_id(number).and_then(|n| file.names.get(usize::try_from(n).ok()?)) {
            Some(name) => label.class = labels::class(name),
            None => {
                let message = format!("there is no label {number}; kept without class");
                judge.warn("unknown_label", place(), message);
                label.attributes.insert("label_id".to_owned(), number.clone());
            }
        }
    }
    label.instance = ann.get("group").and_then(as_id).filter(|n| *n != 0).map(|n| n.to_string());
    for (key, value) in ann.get("attributes").and_then(Value::as_object).into_iter().flatten() {
        match (key.as_str(), value.as_f64()) {
            ("score", Some(score)) => label.confidence = Some(score),
            _ => drop(label.attributes.insert(key.clone(), value.clone())),
        }
    }
    if let Some(order) = ann.get("z_order").filter(|z| as_id(z) != Some(0)) {
        label.attributes.insert("z_order".to_owned(), order.clone());
    }
    Some(label)
}

struct Writer<'a> {
    scribe: Scribe<'a>,
    classes: ClassList,
    skeletons: Vec<Skeleton>,
    infos: Map<String, Value>,
    lists: BTreeMap<String, List>,
}

impl Writer<'_> {
    fn annotation(&mut self, label: &Label, groups: &mut Vec<String>, path: &str) -> Result<Option<Value>> {
        let mut out = Map::new();
        let (kind, key, value) = match &label.shape {
            Shape::Classification => ("label", "", Value::Null),
            Shape::Box2d(b) => {
                let sides = [b.xmin, b.ymin, extent(b.xmin, b.xmax), extent(b.ymin, b.ymax)];
                ("bbox", "bbox", sides.map(number).to_vec().into())
            }
            Shape::Polygon(points) => ("polygon", "points", object::to_flat(points)),
            Shape::Polyline { points, bezier } => {
                self.scribe.lose("bezier", path, usize::from(bezier.is_some()))?;
                ("polyline", "points", object::to_flat(points))
            }
            Shape::Keypoints(points) => {
                self.scribe.lose("visibility", path, points.iter().filter(|p| p.v.is_none()).count())?;
                let seen: Vec<u8> = points.iter().map(|p| p.v.unwrap_or(2)).collect();
                out.insert("visibility".to_owned(), seen.into());
                let flat: Vec<Value> = points.iter().flat_map(|p| [number(p.x), number(p.y)]).collect();
                ("points", "points", flat.into())
            }
            Shape::Rle(rle) => ("mask", "rle", json!({"counts": rle.to_text(), "size": [rle.height, rle.width]})),
            Shape::Sentence { sentence, spell, phone } => {
                let timed = |w: &Word| w.begin.is_some() || w.end.is_some();
                let lossy = sentence.len() > 1 || sentence.iter().any(timed) || !spell.is_empty() || !phone.is_empty();
                self.scribe.lose("sentence", path, usize::from(lossy))?;
                let words: Vec<&str> = sentence.iter().map(|w| w.text.as_str()).collect();
                ("caption", "caption", words.join(" ").into())
            }
            _ => return Ok(None),
        };
        out.insert("id".to_owned(), label.id.into());
        out.insert("type".to_owned(), kind.into());
        let mut attributes: Map<String, Value> = label.attributes.clone().into_iter().collect();
        let order = attributes.remove("z_order").unwrap_or_else(|| 0.into());
        if let Some(score) = label.confidence {
            attributes.insert("score".to_owned(), score.into());
        }
        let group = match label.instance.as_deref().map(|i| (i, i.parse::<u32>())) {
            None => 0,
            Some((_, Ok(number))) if number > 0 => number,
            Some((text, _)) => {
                self.scribe.lose("instance", path, 1)?;
                let at = groups.iter().position(|g| g == text).unwrap_or_else(|| {
                    groups.push(text.to_owned());
                    groups.len() - 1
                });
                at as u32 + 1
            }
        };
        out.insert("attributes".to_owned(), attributes.into());
        out.insert("group".to_owned(), group.into());
        if label.class.is_some() || !matches!(label.shape, Shape::Sentence { .. }) {
            out.insert("label_id".to_owned(), self.classes.of(label).into());
        }
        out.insert("z_order".to_owned(), order);
        if !key.is_empty() {
            out.insert(key.to_owned(), value);
        }
        Ok(Some(out.into()))
    }
}

impl RecordWriter for Writer<'_> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        let path = record.path.as_str();
        let subset = record.split.as_deref().map_or_else(|| "default".to_owned(), safe);
        holds::media_to(&format!("images/{subset}/{path}"), record, self.scribe.sink, &mut self.scribe.losses)?;
        let labels = self.scribe.labels(record)?;
        let (mut out, mut groups) = (Vec::new(), Vec::new());
        for label in &labels {
            match self.annotation(label, &mut groups, path)? {
                Some(annotation) => out.push(annotation),
                None => self.scribe.drop_label("shape", path)?,
            }
        }
        let mut image = json!({"path": path});
        if let (Some((width, height)), Value::Object(image)) = (record.stated_size, &mut image) {
            image.insert("size".to_owned(), json!([height, width]));
        }
        let item = json!({"id": stem(path), "annotations": out, "attr": record.fields, "image": image});
        if !self.lists.contains_key(&subset) {
            let mut infos = self.infos.clone();
            infos.insert("author".to_owned(), AUTHOR.into());
            let head = format!("{{\n\"infos\": {},\n\"items\": [\n", Value::from(infos));
            let list = List::begin(self.scribe.sink, &format!("annotations/{subset}.json"), &head)?;
            self.lists.insert(subset.clone(), list);
        }
        self.lists.get_mut(&subset).map_or(Ok(()), |list| list.push(&item))
    }

    fn finish(self: Box<Self>) -> Result<Written> {
        let class = |c: &Class| json!({"name": c.name, "parent": c.parent.as_deref().unwrap_or(""), "attributes": []});
        let classes: Vec<Value> = self.classes.classes.iter().map(class).collect();
        let color = |(at, c): (usize, &Class)| c.color.map(|[r, g, b]| json!({"label_id": at, "r": r, "g": g, "b": b}));
        let colors: Vec<Value> = self.classes.classes.iter().enumerate().filter_map(color).collect();
        let number_of = |name: &str| self.classes.classes.iter().position(|c| c.name == name);
        let skeletons: Vec<Value> = self
            .skeletons
            .iter()
            .flat_map(|s| s.classes.iter().map(move |c| (s, c)))
            .filter_map(|(s, class)| {
                let joints: Vec<[u32; 2]> = s.edges.iter().map(|(a, b)| [a + 1, b + 1]).collect();
                Some(json!({"label_id": number_of(class)?, "labels": s.names, "joints": joints}))
            })
            .collect();
        let mut categories = json!({"label": {"labels": classes, "label_groups": [], "attributes": []}});
        if let Value::Object(categories) = &mut categories {
            if !colors.is_empty() {
                categories.insert("mask".to_owned(), json!({"colormap": colors}));
            }
            if !skeletons.is_empty() {
                categories.insert("points".to_owned(), json!({"items": skeletons, "attributes": []}));
            }
        }
        let tail = format!("\n],\n\"categories\": {categories}\n}}\n");
        self.lists.into_values().try_for_each(|list| list.end(&tail))?;
        Ok(self.scribe.close())
    }
}
