//! Lightly's predictions: a folder with `schema.json` (the task and its categories) and a JSON file an image with boxes,
//! probabilities or masks. With scores they are predictions, in the layer of the folder's name.

use serde_json::{Map, Value};
use tamis_core::{Box2d, Class, Label, LabelType, Place, Rle, Shape};

use crate::error::Result;
use crate::gather::{Gather, has, like};
use crate::lex::json::as_id;
use crate::lex::{object, text};
use crate::paths::{folder, name};
use crate::probe::{Confidence, Probe};
use crate::reads::{self, Reads};
use crate::spec::Spec;

static SPEC: Spec = reads::spec(
    "lightly",
    "Lightly predictions",
    "https://docs.lightly.ai/docs/prediction-format",
    &["json"],
    &[LabelType::Box2d, LabelType::Rle, LabelType::Classification, LabelType::Keypoints],
);

/// Lightly's predictions.
pub(crate) static LIGHTLY: Reads = Reads { spec: &SPEC, detect, read };

fn is_schema(head: &str) -> bool {
    has(head, &["task_type", "categories"])
}

fn detect(probe: &Probe<'_>) -> Confidence {
    like(probe, "json", 96, is_schema)
}

fn read(gather: &mut Gather<'_>) -> Result<()> {
    let schemas = gather.files_like("json", is_schema);
    if schemas.is_empty() {
        return Err(gather.nothing("there is no `schema.json` with `task_type` and `categories`"));
    }
    for schema in schemas {
        let Some(all) = gather.object(schema) else { continue };
        let class = |c: &Map<String, Value>| {
            let name = object::text(c, "name")?.to_owned();
            Some(Class { name, id: c.get("id").and_then(as_id), ..Class::default() })
        };
        let classes: Vec<Class> = object::objects(&all, "categories").filter_map(class).collect();
        for class in &classes {
            if gather.classes.iter().all(|c| c.name != class.name) {
                gather.classes.push(class.clone());
            }
        }
        let home = folder(schema);
        for file in gather.files("json") {
            let inside = folder(file) == home || folder(file).starts_with(&format!("{home}/"));
            if inside && file != schema {
                image(gather, file, name(home), &classes)?;
            }
        }
    }
    Ok(())
}

fn image(gather: &mut Gather<'_>, file: &str, task: &str, classes: &[Class]) -> Result<()> {
    let Some(all) = gather.object(file) else { return Ok(()) };
    let place = || Place::file(file).at("/file_name");
    let Some(wanted) = object::text(&all, "file_name") else {
        gather.judge.error("image", place(), "the file names no image; left out");
        return Ok(());
    };
    let Some(mut record) = gather.start(file, wanted, None, &place) else { return Ok(()) };
    record.stated_size = gather.source.image_size(&record.path);
    let mut labels = Vec::new();
    let whole = || Place::file(file).at("/predictions");
    for (at, entry) in gather.judge.objects(&all, "predictions", &whole).into_iter().enumerate() {
        let place = || Place::file(file).at(format!("/predictions/{at}"));
        let Some(shape) = shape_of(gather, entry, record.stated_size, &place) else { continue };
        let mut label = Label::new(shape);
        let number = entry.get("category_id").and_then(as_id);
        let class = classes.iter().find(|c| c.id.is_some() && c.id == number);
        if class.is_none() {
            gather.judge.error("category", place(), "a prediction is of a category that the schema does not have");
        }
        label.class = class.map(|c| c.name.clone());
        label.confidence = object::number(entry, "score");
        if let Some(probabilities) = entry.get("probabilities") {
            label.attributes.insert("probabilities".to_owned(), probabilities.clone());
        }
        labels.push(label);
    }
    // Whoever writes truth in this format gives every label the score 0.
    let layer = if labels.iter().any(|l| l.confidence.is_some_and(|c| c > 0.0)) {
        format!("predictions/{}", crate::sink::safe(task))
    } else {
        labels.iter_mut().for_each(|l| l.confidence = None);
        gather.layer.clone()
    };
    record.layers.insert(layer, labels);
    gather.put(record, &place)
}

fn shape_of(
    gather: &Gather<'_>,
    entry: &Map<String, Value>,
    size: Option<(u32, u32)>,
    place: &dyn Fn() -> Place,
) -> Option<Shape> {
    if let Some(runs) = entry.get("segmentation").and_then(Value::as_array) {
        let rle = size.and_then(|size| by_rows(runs, size));
        if rle.is_none() {
            gather.judge.error("mask", place(), "the runs of a mask do not fill its image; left out");
        }
        return rle.map(Shape::Rle);
    }
    if let Some(points) = entry.get("keypoints").and_then(Value::as_array) {
        let numbers: Option<Vec<f64>> = points.iter().map(object::number_of).collect();
        let point = |p: &[f64]| tamis_core::Keypoint { x: p[0], y: p[1], v: Some(if p[2] > 0.0 { 2 } else { 0 }) };
        return numbers.map(|n| Shape::Keypoints(n.chunks_exact(3).map(point).collect()));
    }
    if !entry.contains_key("bbox") {
        return Some(Shape::Classification);
    }
    let sides: Option<Vec<f64>> = object::list(entry, "bbox").iter().map(object::number_of).collect();
    match sides.as_deref() {
        Some(&[x, y, w, h]) => gather.judge.accept(Box2d::from_xywh(x, y, w, h), size, place).map(Shape::Box2d),
        _ => {
            gather.judge.error(
                "box",
                place(),
                format!(
                    "`bbox` is not four finite numbers, {}; left out",
                    text::crop(&format!("{:?}", entry.get("bbox")))
                ),
            );
            None
        }
    }
}

/// A mask of runs along rows, the first of pixels outside.
fn by_rows(runs: &[Value], (width, height): (u32, u32)) -> Option<Rle> {
    let all = usize::try_from(u64::from(width) * u64::from(height)).ok().filter(|n| *n <= 1 << 30)?;
    let mut bits = Vec::with_capacity(all);
    for (at, run) in runs.iter().enumerate() {
        let run = usize::try_from(run.as_u64()?).ok()?;
        if bits.len() + run > all {
            return None;
        }
        bits.resize(bits.len() + run, (at % 2) as u8);
    }
    (bits.len() == all).then(|| Rle::from_mask(width, height, &bits).ok()).flatten()
}
