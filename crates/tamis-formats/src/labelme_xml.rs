//! The old LabelMe of MIT: `Annotations/<folder>/<image>.xml` with polygons, boxes and masks (in `Masks/<folder>/`);
//! images lie in `Images/<folder>/`. Objects can be parts of others.

use serde_json::Value;
use tamis_core::{Label, LabelType, Place, Point, Shape};

use crate::error::Result;
use crate::gather::{Gather, like};
use crate::lex::text::crop;
use crate::lex::xml::{self, Element};
use crate::mask_png;
use crate::paths::{self, join, name};
use crate::probe::{Confidence, Probe};
use crate::reads::{self, Reads};
use crate::spec::Spec;

static SPEC: Spec = reads::spec(
    "labelme_xml",
    "LabelMe XML (MIT)",
    "http://labelme.csail.mit.edu/",
    &["xml"],
    &[LabelType::Polygon, LabelType::Box2d, LabelType::Rle, LabelType::Relation],
);

/// The old LabelMe.
pub(crate) static LABELME_XML: Reads = Reads { spec: &SPEC, detect, read };

fn is_it(head: &str) -> bool {
    head.contains("<annotation") && head.contains("<deleted>") && (head.contains("<pt>") || head.contains("<segm>"))
}

fn detect(probe: &Probe<'_>) -> Confidence {
    like(probe, "xml", 97, is_it)
}

fn read(gather: &mut Gather<'_>) -> Result<()> {
    let files = gather.files_like("xml", |head| head.contains("<annotation"));
    if files.is_empty() {
        return Err(gather.nothing("there is no XML file of an `annotation`"));
    }
    for file in files {
        let bytes = gather.source.read(file)?;
        let Some(root) = gather.judge.take(file, xml::parse(&bytes)) else { continue };
        image(gather, file, &root)?;
    }
    Ok(())
}

fn number(element: &Element, name: &str) -> Option<f64> {
    element.text_of(name)?.trim().parse().ok().filter(|n: &f64| n.is_finite())
}

fn image(gather: &mut Gather<'_>, file: &str, root: &Element) -> Result<()> {
    let place = || Place::line(file, root.line);
    let Some(wanted) = root.text_of("filename").filter(|f| !f.is_empty()) else {
        gather.judge.error("image", place(), "the file names no image; left out");
        return Ok(());
    };
    let home = root.text_of("folder").unwrap_or_default();
    let inside = join(home, wanted);
    let known = gather.index.exact(&format!("Images/{inside}")).map(str::to_owned);
    let Some(mut record) = gather.start(file, known.as_deref().unwrap_or(&inside), None, &place) else {
        return Ok(());
    };
    let stated = root.child("imagesize").and_then(|s| number(s, "ncols").zip(number(s, "nrows")));
    let stated = stated.filter(|(w, h)| *w >= 1.0 && *h >= 1.0).map(|(w, h)| (w as u32, h as u32));
    record.stated_size = stated.or_else(|| gather.source.image_size(&record.path));
    let (mut labels, mut parts): (Vec<Label>, Vec<(u64, u64)>) = (Vec::new(), Vec::new());
    for object in root.children.iter().filter(|c| c.name == "object" && c.text_of("deleted") != Some("1")) {
        let place = || Place::line(file, object.line);
        let Some(shape) = shape_of(gather, object, home, record.stated_size, &place) else { continue };
        let mut label = Label::new(shape);
        label.class = object.text_of("name").filter(|n| !n.is_empty()).map(str::to_owned);
        // The file counts from 0, which here means no number.
        label.id = object.text_of("id").and_then(|id| id.trim().parse::<u64>().ok()).map_or(0, |id| id + 1);
        if let Some(occluded) = object.text_of("occluded").filter(|o| !o.is_empty()) {
            label.attributes.insert("occluded".to_owned(), Value::Bool(occluded == "yes"));
        }
        for word in object.text_of("attributes").unwrap_or_default().split(',').map(str::trim) {
            let (key, value) = match word.split_once('=') {
                Some((key, value)) => (key.trim(), Value::from(value.trim())),
                None => (word, Value::Bool(true)),
            };
            if !key.is_empty() {
                label.attributes.insert(key.to_owned(), value);
            }
        }
        let by = object.child("polygon").or(object.child("segm")).and_then(|p| p.text_of("username"));
        if let Some(user) = by.filter(|u| !u.is_empty()) {
            label.attributes.insert("username".to_owned(), user.into());
        }
        let whole = object.child("parts").and_then(|p| p.text_of("ispartof")).and_then(|p| p.parse::<u64>().ok());
        parts.extend(whole.map(|whole| (label.id, whole + 1)));
        labels.push(label);
    }
    for (from, to) in parts {
        if from != 0 && labels.iter().any(|l| l.id == to) {
            labels.push(Label::new(Shape::Relation { from, to }).with_class("part_of"));
        } else {
            gather.judge.warn("part", place(), "an object is part of one that is not there");
        }
    }
    record.layers.insert(gather.layer.clone(), labels);
    gather.put(record, &place)
}

fn shape_of(
    gather: &mut Gather<'_>,
    object: &Element,
    home: &str,
    size: Option<(u32, u32)>,
    place: &dyn Fn() -> Place,
) -> Option<Shape> {
    if let Some(polygon) = object.child("polygon") {
        let point = |pt: &Element| Some(Point { x: number(pt, "x")?, y: number(pt, "y")? });
        let points: Option<Vec<Point>> = polygon.children.iter().filter(|c| c.name == "pt").map(point).collect();
        let Some(points) = points.filter(|p| p.len() >= 2) else {
            gather.judge.error("polygon", place(), "a polygon has a point that is no two numbers; left out");
            return None;
        };
        return match object.text_of("type") {
            Some("bounding_box") => {
                gather.judge.accept(Shape::Polygon(points).bounds()?, size, place).map(Shape::Box2d)
            }
            _ if points.len() == 2 => Some(Shape::Polyline { points, bezier: None }),
            _ => Some(Shape::Polygon(points)),
        };
    }
    let Some(segm) = object.child("segm") else {
        gather.judge.error("object", place(), "an object has neither polygon nor mask; left out");
        return None;
    };
    for drawn in segm.children.iter().filter_map(|c| c.text_of("scribble_name")) {
        if let Some(path) = gather.index.named(drawn) {
            gather.used(path);
        }
    }
    let wanted = segm.text_of("mask").unwrap_or_default();
    let inside = paths::normal(&format!("Masks/{home}/{wanted}"));
    let found = inside.and_then(|p| gather.index.exact(&p)).or_else(|| gather.index.named(name(wanted)));
    let (Some(mask), Some(size)) = (found, size) else {
        gather.judge.error("mask", place(), format!("there is no mask `{}`, or no image; left out", crop(wanted)));
        return None;
    };
    gather.used(mask);
    let pasted = gather.source.read(mask).map_err(|e| e.to_string()).and_then(|b| mask_png::paste(&b, (0, 0), size));
    pasted.map(Shape::Rle).map_err(|e| gather.judge.error("mask", Place::file(mask), e)).ok()
}
