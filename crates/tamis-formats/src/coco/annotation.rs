//! One annotation of COCO as labels.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use tamis_core::{Box2d, Keypoint, Label, Place, Point, Rle, Shape, Word};

use super::{KEYPOINTS_BIT, rle};
use crate::labels::{self, Judge};
use crate::lex::json::as_id;

/// What an annotation is read against.
pub(crate) struct Context<'c> {
    /// Judges boxes.
    pub(crate) judge: Judge<'c>,
    /// Names of the categories of its file.
    pub(crate) categories: &'c BTreeMap<i64, String>,
    /// The image's size.
    pub(crate) size: Option<(u32, u32)>,
    /// Where the annotation stands.
    pub(crate) place: &'c dyn Fn() -> Place,
}

/// The labels of an annotation: one, or two where it has a segmentation and key points. Names of attributes that
/// stood in a nested `attributes` object are noted.
pub(crate) fn labels_of(ann: Map<String, Value>, ctx: &Context<'_>, nested: &mut BTreeSet<String>) -> Vec<Label> {
    let id = ann.get("id").and_then(as_id).and_then(|id| u64::try_from(id).ok()).unwrap_or(0);
    let bbox = match ann.get("bbox") {
        Some(Value::Array(numbers)) if !numbers.is_empty() => match numbers_of(numbers).as_deref() {
            Some(&[x, y, w, h]) => match ctx.judge.accept(Box2d::from_xywh(x, y, w, h), ctx.size, ctx.place) {
                Some(b) => Some(b),
                None => return Vec::new(),
            },
            _ => {
                ctx.judge.error("bbox", (ctx.place)(), "`bbox` is not a list of four numbers; left out");
                return Vec::new();
            }
        },
        _ => None,
    };
    let segment = ann.get("segmentation").and_then(|s| segmentation(s, ctx));
    let keypoints = ann.get("keypoints").and_then(Value::as_array).and_then(|k| keypoints(k, ctx));
    let shapes: Vec<Shape> = match (segment, keypoints, ann.get("caption").and_then(Value::as_str), bbox) {
        (Some(segment), Some(points), _, _) => vec![segment, points],
        (Some(one), None, _, _) | (None, Some(one), _, _) => vec![one],
        (None, None, Some(text), _) => {
            vec![Shape::Sentence { sentence: vec![word(text)], spell: vec![], phone: vec![] }]
        }
        (None, None, None, Some(b)) => vec![Shape::Box2d(b)],
        (None, None, None, None) => vec![Shape::Classification],
    };
    let mut label = Label::new(Shape::Classification).with_id(id);
    let category = ann.get("category_id").filter(|c| !c.is_null());
    match category.map(|c| (c, as_id(c).and_then(|c| ctx.categories.get(&c)))) {
        Some((_, Some(name))) => label.class = labels::class(name),
        Some((number, None)) => {
            ctx.judge.warn(
                "unknown_category",
                (ctx.place)(),
                format!("there is no category {number}; kept without class"),
            );
            label.attributes.insert("category_id".to_owned(), number.clone());
        }
        None => {}
    }
    rest(ann, &mut label, bbox, nested);
    let both = shapes.len() == 2;
    let with = |(i, shape): (usize, Shape)| {
        let mut label = label.clone();
        label.bbox = bbox.filter(|b| !matches!(shape, Shape::Box2d(_)) && shape.bounds() != Some(*b));
        label.shape = shape;
        if both {
            label.instance.get_or_insert_with(|| id.to_string());
        }
        if i == 1 {
            label.id |= KEYPOINTS_BIT;
            label.attributes.clear();
        }
        label
    };
    shapes.into_iter().enumerate().map(with).collect()
}

fn word(text: &str) -> Word {
    Word { text: text.to_owned(), begin: None, end: None }
}

/// Everything beside geometry and category.
fn rest(ann: Map<String, Value>, label: &mut Label, bbox: Option<Box2d>, nested: &mut BTreeSet<String>) {
    for (key, value) in ann {
        match (key.as_str(), value) {
            (
                "id" | "image_id" | "category_id" | "bbox" | "segmentation" | "keypoints" | "num_keypoints" | "caption",
                _,
            ) => {}
            ("score", value) if value.as_f64().is_some() => label.confidence = value.as_f64(),
            ("instance", Value::String(name)) => label.instance = Some(name),
            ("iscrowd", value) if as_id(&value) == Some(0) => {}
            ("area", value) if value.as_f64().is_some() && value.as_f64() == bbox.map(area_of) => {}
            ("attributes", Value::Object(inner)) => {
                for (name, value) in inner {
                    nested.insert(name.clone());
                    label.attributes.insert(name, value);
                }
            }
            (_, value) => {
                label.attributes.insert(key, value);
            }
        }
    }
}

/// The area a box has by its size as it is written.
pub(crate) fn area_of(b: Box2d) -> f64 {
    use crate::lex::number::extent;
    extent(b.xmin, b.xmax) * extent(b.ymin, b.ymax)
}

fn numbers_of(values: &[Value]) -> Option<Vec<f64>> {
    let number = |v: &Value| v.as_f64().or_else(|| v.as_str().and_then(|s| s.trim().parse().ok()));
    values.iter().map(|v| number(v).filter(|n| n.is_finite())).collect()
}

fn segmentation(value: &Value, ctx: &Context<'_>) -> Option<Shape> {
    let bad = |message: &str| ctx.judge.error("segmentation", (ctx.place)(), message);
    match value {
        Value::Object(rle) => match runs(rle) {
            Ok(rle) => Some(Shape::Rle(rle)),
            Err(message) => {
                bad(message);
                None
            }
        },
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => {
            let flat = items.iter().all(Value::is_number);
            let lists: Vec<&[Value]> = if flat {
                vec![items.as_slice()]
            } else {
                items.iter().filter_map(Value::as_array).map(Vec::as_slice).collect()
            };
            let mut rings: Vec<Vec<Point>> = lists.iter().filter_map(|list| ring(list, ctx)).collect();
            if rings.len() < lists.len() || lists.len() < items.len() && !flat {
                bad("a polygon needs an even count of at least six finite numbers; left out");
            }
            match rings.len() {
                0 => None,
                1 => rings.pop().map(Shape::Polygon),
                _ => Some(Shape::MultiPolygon(rings)),
            }
        }
        _ => None,
    }
}

fn ring(list: &[Value], ctx: &Context<'_>) -> Option<Vec<Point>> {
    let numbers = numbers_of(list).filter(|n| n.len() >= 6 && n.len() % 2 == 0)?;
    let points: Vec<Point> = numbers.chunks_exact(2).map(|p| Point { x: p[0], y: p[1] }).collect();
    if let Some((width, height)) = ctx.size {
        let outside =
            |p: &Point| p.x < -1.0 || p.y < -1.0 || p.x > f64::from(width) + 1.0 || p.y > f64::from(height) + 1.0;
        if points.iter().any(outside) {
            ctx.judge.warn("polygon_outside", (ctx.place)(), "a polygon leaves the image by more than a pixel");
        }
    }
    Some(points)
}

/// A mask of runs: `{"size": [height, width], "counts": [..] or "…"}`.
pub(crate) fn runs(rle: &Map<String, Value>) -> Result<Rle, &'static str> {
    let size = rle.get("size").and_then(Value::as_array).map(Vec::as_slice);
    let Some([height, width]) = size else { return Err("a mask's `size` is not two numbers; left out") };
    let side = |v: &Value| as_id(v).and_then(|n| u32::try_from(n).ok());
    let (Some(height), Some(width)) = (side(height), side(width)) else {
        return Err("a mask's `size` is not two numbers; left out");
    };
    let counts = match rle.get("counts") {
        Some(Value::String(text)) => rle::decode(text),
        Some(Value::Array(runs)) => runs.iter().map(side).collect(),
        _ => None,
    };
    let counts: Vec<u32> = counts.ok_or("a mask's `counts` are neither runs nor packed runs; left out")?;
    let total: u64 = counts.iter().map(|c| u64::from(*c)).sum();
    if total != u64::from(height) * u64::from(width) {
        return Err("a mask's runs do not add up to its size; left out");
    }
    Ok(Rle { height, width, counts })
}

fn keypoints(values: &[Value], ctx: &Context<'_>) -> Option<Shape> {
    if values.is_empty() {
        return None;
    }
    let numbers = numbers_of(values).filter(|n| n.len() % 3 == 0);
    if numbers.is_none() {
        ctx.judge.error("keypoints", (ctx.place)(), "`keypoints` are not triples of finite numbers; left out");
    }
    let point = |p: &[f64]| Keypoint { x: p[0], y: p[1], v: Some(p[2].clamp(0.0, 255.0) as u8) };
    Some(Shape::Keypoints(numbers?.chunks_exact(3).map(point).collect()))
}
