//! Cityscapes: `leftImg8bit/<split>/<city>/<id>_leftImg8bit.png`, and in `gtFine` of the same folders `<id>_gtFine_…`:
//! `polygons.json`, `labelIds.png`, `instanceIds.png`.
//!
//! Where there are polygons they are the labels; the images of numbers stay beside them as masks.

use std::collections::HashSet;
use std::fmt::Write;

use serde_json::Value;
use tamis_core::{Class, Label, LabelType, Mask, MaskKind, Place, Point, Report, SampleRecord, Shape};

use crate::each::Each;
use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::labels::{self, Judge};
use crate::lex::json::At;
use crate::lex::number::text as number;
use crate::lex::text;
use crate::out::{self, ATTRIBUTES, CLASSES, FIELDS, FUSION, IDS, LABELS, LAYERS, MEDIA, NO_SIZE, Out, PATH, Put};
use crate::paths::{self, join, name};
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, Spec};

static SPEC: Spec = Spec {
    id: "cityscapes",
    title: "Cityscapes",
    homepage: "https://www.cityscapes-dataset.com/",
    extensions: &["json", "png"],
    media: &["image"],
    reads: &[LabelType::Polygon, LabelType::SemanticMask, LabelType::InstanceMask],
    writes: &[LabelType::Polygon, LabelType::Box2d, LabelType::SemanticMask, LabelType::InstanceMask],
    losses: &[
        LAYERS,
        FUSION,
        FIELDS,
        ATTRIBUTES,
        LABELS,
        MEDIA,
        IDS,
        CLASSES,
        PATH,
        NO_SIZE,
        Loss { code: "box", what: "boxes", instead: "written as polygons of four corners" },
        Loss { code: "masks", what: "masks of a sample beyond one of each kind", instead: "left out" },
    ],
    options: &[],
};

/// Cityscapes.
pub(crate) struct Cityscapes;

/// Classes in the order of their number from 0, as the devkit has them.
const NAMES: &[&str] = &[
    "unlabeled",
    "ego vehicle",
    "rectification border",
    "out of roi",
    "static",
    "dynamic",
    "ground",
    "road",
    "sidewalk",
    "parking",
    "rail track",
    "building",
    "wall",
    "fence",
    "guard rail",
    "bridge",
    "tunnel",
    "pole",
    "polegroup",
    "traffic light",
    "traffic sign",
    "vegetation",
    "terrain",
    "sky",
    "person",
    "rider",
    "car",
    "truck",
    "bus",
    "caravan",
    "trailer",
    "train",
    "motorcycle",
    "bicycle",
];

/// The classes with their numbers.
pub(crate) fn classes() -> Vec<Class> {
    let class = |(id, name): (i64, &&str)| Class { name: (*name).to_owned(), id: Some(id), ..Class::default() };
    (0..).zip(NAMES).map(class).collect()
}

const IMAGE: &str = "_leftImg8bit";

/// The part of an image's path that its annotations share: what is above `leftImg8bit`, and the id with its folders.
fn id_of(image: &str) -> Option<(&str, &str)> {
    let (above, rest) = out::below(image, "leftImg8bit");
    (rest.len() < image.len()).then(|| (above, paths::stem(rest).strip_suffix(IMAGE).unwrap_or(paths::stem(rest))))
}

/// An annotation file of an image: fine, else coarse.
fn beside<'a>(source: &'a Source, image: &str, tail: &str) -> Option<&'a str> {
    let (above, id) = id_of(image)?;
    let path = |kind: &str| format!("{above}{kind}/{id}_{kind}_{tail}");
    ["gtFine", "gtCoarse"].iter().find_map(|k| source.find(&path(k))).map(|e| e.path.as_str())
}

impl Format for Cityscapes {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        let is_one = |p: &str| name(p).contains("_gtFine_") || name(p).contains("_gtCoarse_");
        match probe.source().entries().iter().find(|e| is_one(&e.path)) {
            Some(first) => Confidence::new(96, format!("found `{}`", first.path)),
            None => Confidence::NONE,
        }
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        let judge = Judge { format: SPEC.id, report };
        let all = source.entries().iter().map(|e| e.path.as_str());
        let images: Vec<&str> = all.filter(|p| paths::is_image(p) && id_of(p).is_some()).collect();
        if images.is_empty() {
            return Err(labels::not_this(source, SPEC.id, "there are no images in `leftImg8bit`"));
        }
        let used: HashSet<&str> = images.iter().filter_map(|i| beside(source, i, "polygons.json")).collect();
        for other in source.entries().iter().map(|e| e.path.as_str()) {
            if other.ends_with("_gtFine_polygons.json") && !used.contains(other) {
                judge.error("missing_image", Place::file(other), "there is no image of these annotations");
            }
        }
        let mut schema = Schema::default();
        let classes = classes();
        labels::declare(&mut schema, &classes, LabelType::SemanticMask);
        let layer = options.layer();
        Ok(Box::new(Each::new(images, schema, move |image: &str, schema| {
            let mut record = labels::of_file(image);
            record.stated_size = source.image_size(image);
            let mut found = Vec::new();
            let polygons = beside(source, image, "polygons.json");
            if let Some(file) = polygons {
                found.extend(objects(source, file, &judge));
            }
            let kinds = [("labelIds.png", MaskKind::Semantic), ("instanceIds.png", MaskKind::Instance)];
            for (tail, kind) in kinds {
                if let Some(file) = beside(source, image, tail) {
                    let mask = Mask { kind, blob: None, file: Some(file.to_owned()), info: Vec::new() };
                    found.push(Label::new(Shape::Mask(mask)));
                    labels::declare(schema, &classes, LabelType::SemanticMask);
                }
            }
            if polygons.is_some() || !found.is_empty() {
                labels::learn(schema, &found);
                record.layers.insert(layer.clone(), found);
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
        Ok(out::write(&SPEC, sink, schema, options, report, Polygons))
    }
}

fn objects(source: &Source, file: &str, judge: &Judge<'_>) -> Vec<Label> {
    let Some(all) = judge.text(source, file) else { return Vec::new() };
    let Some(json) = judge.json::<Value>(file, &all, At::START) else { return Vec::new() };
    let Some(objects) = json.get("objects").and_then(Value::as_array) else {
        judge.error("syntax", Place::file(file), "there is no list of objects");
        return Vec::new();
    };
    let one = |(at, object): (usize, &Value)| {
        let place = || Place::file(file).at(format!("/objects/{at}"));
        let class = object.get("label").and_then(Value::as_str);
        let points = object.get("polygon").and_then(Value::as_array);
        let (Some(class), Some(points)) = (class, points) else {
            judge.error("object", place(), "an object has no label or no polygon; left out");
            return None;
        };
        if object.get("deleted").is_some_and(|d| d.as_i64().unwrap_or(0) != 0) {
            return None;
        }
        let point = |p: &Value| Some(Point { x: p.get(0)?.as_f64()?, y: p.get(1)?.as_f64()? });
        let Some(ring) = points.iter().map(point).collect::<Option<Vec<Point>>>() else {
            judge.error("point", place(), "a point has no two numbers; its object is left out");
            return None;
        };
        if ring.len() < 3 {
            judge.error(
                "ring",
                place(),
                format!("a polygon of `{}` has less than three points; left out", text::crop(class)),
            );
            return None;
        }
        Some(Label { class: labels::class(class), ..Label::new(Shape::Polygon(ring)) })
    };
    objects.iter().enumerate().filter_map(one).collect()
}

struct Polygons;

impl Put for Polygons {
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()> {
        let in_place = id_of(&record.path).filter(|_| paths::stem(&record.path).ends_with(IMAGE));
        let (above, id) = match in_place {
            Some((above, id)) => (above.to_owned(), id.to_owned()),
            None => {
                let split = record.split.as_deref().map_or("train".to_owned(), crate::sink::safe);
                let own = record.path.strip_prefix(&format!("{split}/")).unwrap_or(&record.path);
                let own = if own.contains('/') { own.to_owned() } else { join("city", own) };
                (String::new(), join(&split, paths::stem(&own)))
            }
        };
        let extension = paths::extension(&record.path);
        let path = out.media(record, &format!("{above}leftImg8bit/{id}{IMAGE}.{extension}"))?;
        let Some(labels) = labels else { return Ok(()) };
        let Some((above, id)) = id_of(&path).map(|(a, i)| (a.to_owned(), i.to_owned())) else { return Ok(()) };
        let mut objects = String::new();
        let (mut semantic, mut instance) = (0, 0);
        for label in labels {
            let ring = match &label.shape {
                Shape::Polygon(ring) => ring.clone(),
                Shape::Box2d(b) => {
                    out.losses.add("box", &record.path)?;
                    b.corners().to_vec()
                }
                Shape::Mask(mask) => {
                    let (count, tail) = match mask.kind {
                        MaskKind::Semantic => (&mut semantic, "labelIds.png"),
                        _ => (&mut instance, "instanceIds.png"),
                    };
                    *count += 1;
                    let known = mask.kind != MaskKind::Panoptic && *count == 1;
                    if !known || !out.mask(&format!("{above}gtFine/{id}_gtFine_{tail}"), mask)? {
                        out.losses.add("masks", &record.path)?;
                    }
                    continue;
                }
                _ => {
                    out.losses.add("labels", &record.path)?;
                    continue;
                }
            };
            out.keeps(record, label, &[])?;
            let class = label.class.as_deref().unwrap_or(labels::UNLABELLED);
            let points: Vec<String> = ring.iter().map(|p| format!("[{}, {}]", number(p.x), number(p.y))).collect();
            let comma = if objects.is_empty() { "" } else { "," };
            let _ = write!(
                objects,
                "{comma}\n        {{\"label\": {}, \"polygon\": [{}]}}",
                Value::from(class),
                points.join(", ")
            );
            out.done.labels += 1;
        }
        if objects.is_empty() && semantic + instance > 0 {
            return Ok(());
        }
        let (width, height) = record.stated_size.unwrap_or_default();
        out.lose_if("no_size", record, record.stated_size.is_none())?;
        let json = format!(
            "{{\n    \"imgHeight\": {height},\n    \"imgWidth\": {width},\n    \"objects\": [{objects}\n    ]\n}}\n"
        );
        out.sink.put(&format!("{above}gtFine/{id}_gtFine_polygons.json"), json.as_bytes())
    }

    fn end(&mut self, _: &mut Out<'_>) -> Result<()> {
        Ok(())
    }
}
