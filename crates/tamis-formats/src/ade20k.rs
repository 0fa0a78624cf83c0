//! ADE20K of 2017 and 2020: beside `x.jpg` the objects, in `x.json` (2020) or `x_atr.txt` (2017), and their pixels: in
//! `x/instance_….png` an object, or numbered in blue in `x_seg.png` (and `x_parts_1.png` for parts).

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use tamis_core::{Label, LabelType, Place, Point, Rle, SampleRecord, Shape};

use crate::error::Result;
use crate::gather::{Gather, has};
use crate::lex::{object, text};
use crate::paths::{folder, join, stem};
use crate::pixels;
use crate::probe::{Confidence, Probe};
use crate::reads::{self, Reads};
use crate::spec::Spec;

static SPEC: Spec = reads::spec(
    "ade20k",
    "ADE20K with objects and parts (2017 and 2020)",
    "https://groups.csail.mit.edu/vision/datasets/ADE20K/",
    &["json", "txt", "png"],
    &[LabelType::Rle, LabelType::Polygon, LabelType::Relation],
);

/// ADE20K.
pub(crate) static ADE20K: Reads = Reads { spec: &SPEC, detect, read };

fn detect(probe: &Probe<'_>) -> Confidence {
    let masks = probe.with_extension("png").iter().filter_map(|e| e.path.strip_suffix("_seg.png"));
    for bare in masks.take(50) {
        let rows = probe.source().find(&format!("{bare}_atr.txt"));
        let head = probe.head(&format!("{bare}.json"), 4096);
        if rows.is_some() || has(&text::decode(&head), &["annotation", "imsize"]) {
            return Confidence::new(96, format!("found objects beside `{bare}_seg.png`"));
        }
    }
    Confidence::NONE
}

/// Whether an image is of the masks of another one.
fn is_mask(path: &str) -> bool {
    let bare = stem(path);
    bare.ends_with("_seg") || bare.contains("_parts_") || bare.contains("/instance_")
}

fn read(gather: &mut Gather<'_>) -> Result<()> {
    let images: Vec<&str> = gather.index.all().filter(|p| !is_mask(p)).collect();
    if images.is_empty() {
        return Err(gather.nothing("there are no images"));
    }
    for mask in gather.index.all().filter(|p| is_mask(p)).collect::<Vec<_>>() {
        gather.used(mask);
    }
    for image in images {
        let mut record = gather.of_file(image);
        let find = |tail: &str| gather.source.find(&format!("{}{tail}", stem(image))).map(|e| e.path.as_str());
        if let Some(file) = find(".json") {
            objects(gather, file, &mut record);
        } else if let Some(file) = find("_atr.txt") {
            rows(gather, file, &mut record);
        }
        gather.put(record, &|| Place::file(image))?;
    }
    Ok(())
}

/// The objects of 2020. Where an object has a polygon, that is its shape; else its mask.
fn objects(gather: &Gather<'_>, file: &str, record: &mut SampleRecord) {
    let Some(root) = gather.object(file) else { return };
    let empty = Map::new();
    let annotation = root.get("annotation").and_then(Value::as_object).unwrap_or(&empty);
    if let [height, width, ..] = object::list(annotation, "imsize") {
        let side = |v: &Value| v.as_u64().and_then(|n| u32::try_from(n).ok());
        record.stated_size = side(width).zip(side(height)).or(record.stated_size);
    }
    if let Some(scene) = annotation.get("scene").filter(|s| s.as_array().is_some_and(|s| !s.is_empty())) {
        record.fields.insert("scene".to_owned(), scene.clone());
    }
    let (mut labels, mut parts) = (Vec::new(), Vec::new());
    // One object is no list in files that came out of Matlab.
    let listed = match annotation.get("object") {
        Some(Value::Object(one)) => vec![one],
        _ => gather.judge.objects(annotation, "object", &|| Place::file(file).at("/annotation/object")),
    };
    for (at, entry) in listed.into_iter().enumerate() {
        let place = || Place::file(file).at(format!("/annotation/object/{at}"));
        let Some(shape) = shape_of(gather, file, entry, record.stated_size, &place) else { continue };
        let mut label = Label::new(shape);
        label.class = object::text(entry, "name").or(object::text(entry, "raw_name")).map(str::to_owned);
        label.id = entry.get("id").and_then(Value::as_u64).unwrap_or(at as u64) + 1;
        for key in ["attributes", "raw_name", "depth_ordering_rank", "crop"] {
            if let Some(value) = entry.get(key).filter(|v| !v.is_null() && **v != json!([])) {
                label.attributes.insert(key.to_owned(), value.clone());
            }
        }
        if let Some(occluded) = object::text(entry, "occluded") {
            label.attributes.insert("occluded".to_owned(), Value::Bool(occluded == "yes"));
        }
        let tree = entry.get("parts").and_then(Value::as_object).unwrap_or(&empty);
        let wholes = match tree.get("ispartof") {
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_u64).collect(),
            Some(one) => one.as_u64().into_iter().collect(),
            None => Vec::new(),
        };
        parts.extend(wholes.into_iter().map(|whole| (label.id, whole + 1)));
        labels.push(label);
    }
    for (from, to) in parts {
        if labels.iter().any(|l: &Label| l.id == to) {
            labels.push(Label::new(Shape::Relation { from, to }).with_class("part_of"));
        } else {
            gather.judge.warn("part", Place::file(file), "an object is part of one that is not there");
        }
    }
    record.layers.insert(gather.layer.clone(), labels);
}

fn shape_of(
    gather: &Gather<'_>,
    file: &str,
    entry: &Map<String, Value>,
    size: Option<(u32, u32)>,
    place: &dyn Fn() -> Place,
) -> Option<Shape> {
    let polygon = entry.get("polygon").and_then(Value::as_object);
    let axis = |key| -> Option<Vec<f64>> { object::list(polygon?, key).iter().map(object::number_of).collect() };
    if let (Some(xs), Some(ys)) = (axis("x"), axis("y"))
        && xs.len() == ys.len()
        && xs.len() >= 3
    {
        return Some(Shape::Polygon(xs.into_iter().zip(ys).map(|(x, y)| Point { x, y }).collect()));
    }
    let wanted = object::text(entry, "instance_mask").unwrap_or_default();
    let found = crate::paths::normal(&join(folder(file), wanted)).and_then(|p| gather.index.exact(&p));
    let Some(mask) = found else {
        gather.judge.error("mask", place(), format!("an object has no polygon and no mask `{}`", text::crop(wanted)));
        return None;
    };
    let numbers = pixels::numbers(gather.source, mask, &gather.judge)?;
    if size.is_some_and(|s| s != (numbers.0, numbers.1)) {
        gather.judge.error("size", Place::file(mask), "the mask and its image differ in size; left out");
        return None;
    }
    // White is seen, grey is hidden behind others; the object is what is seen.
    pixels::where_is(&numbers, |n| n & 0xff == 0xff || n == 1).map(Shape::Rle)
}

/// The objects of 2017: rows of `instance # level of parts # occluded # class # name # "attributes"`.
fn rows(gather: &Gather<'_>, file: &str, record: &mut SampleRecord) {
    let Some(all) = gather.judge.text(gather.source, file) else { return };
    let bare = file.trim_end_matches("_atr.txt");
    let mut images: HashMap<u32, Option<pixels::Numbers>> = HashMap::new();
    let mut labels = Vec::new();
    for (line, row) in text::lines(&all) {
        let words: Vec<&str> = row.split('#').map(str::trim).collect();
        let number = |at: usize| words.get(at).and_then(|w| w.parse::<u32>().ok());
        let (Some(instance), Some(level), Some(class)) = (number(0), number(1), words.get(3)) else {
            gather.judge.error("syntax", Place::line(file, line), "a row has not six columns; left out");
            continue;
        };
        let image = images.entry(level).or_insert_with(|| {
            let path = if level == 0 { format!("{bare}_seg.png") } else { format!("{bare}_parts_{level}.png") };
            gather.index.exact(&path).and_then(|path| pixels::numbers(gather.source, path, &gather.judge))
        });
        let rle: Option<Rle> = image.as_ref().and_then(|i| pixels::where_is(i, |n| n >> 16 == instance));
        let Some(rle) = rle.filter(|rle| rle.area() > 0) else {
            gather.judge.error("mask", Place::line(file, line), "an object has no pixels in its mask; left out");
            continue;
        };
        let mut label = Label::new(Shape::Rle(rle)).with_class(*class);
        label.attributes.insert("occluded".to_owned(), Value::Bool(number(2) == Some(1)));
        if level > 0 {
            label.attributes.insert("part_level".to_owned(), level.into());
        }
        if let Some(raw) = words.get(4).filter(|w| !w.is_empty()) {
            label.attributes.insert("raw_name".to_owned(), (*raw).into());
        }
        let said: Vec<&str> =
            words.get(5).map_or(Vec::new(), |w| w.trim_matches('"').split(',').map(str::trim).collect());
        let said: Vec<&str> = said.into_iter().filter(|w| !w.is_empty()).collect();
        if !said.is_empty() {
            label.attributes.insert("attributes".to_owned(), json!(said));
        }
        labels.push(label);
    }
    record.layers.insert(gather.layer.clone(), labels);
}
