//! Datasets of faces: CelebA, VGG-Face2 and LFW. Each image is one face of a person, with its box and five points.

mod celeba;
mod lfw;
mod vggface2;

use std::collections::BTreeMap;

use tamis_core::{Box2d, Keypoint, Label, Place, Shape, Skeleton, Value};

use crate::error::Result;
use crate::gather::Gather;

pub(crate) use celeba::CELEBA;
pub(crate) use lfw::LFW;
pub(crate) use vggface2::VGGFACE2;

/// What is known of the face in one image.
#[derive(Default)]
struct Face {
    /// The person.
    identity: Option<String>,
    attributes: BTreeMap<String, Value>,
    bbox: Option<Box2d>,
    /// x, y of both eyes, the nose, both corners of the mouth.
    points: Option<Vec<f64>>,
    split: Option<String>,
    fields: BTreeMap<String, Value>,
}

/// The skeleton of five points.
fn skeleton() -> Skeleton {
    let names = ["lefteye", "righteye", "nose", "leftmouth", "rightmouth"];
    Skeleton {
        number: names.len() as u32,
        names: names.map(str::to_owned).to_vec(),
        edges: Vec::new(),
        visibility: None,
        classes: Vec::new(),
        description: String::new(),
    }
}

/// Puts the record of one face: the person (or the attributes alone), the box and the points.
fn put(gather: &mut Gather<'_>, wanted: &str, face: Face, place: &dyn Fn() -> Place) -> Result<()> {
    let file = place().file;
    let Some(mut record) = gather.start(&file, wanted, face.split.as_deref(), place) else { return Ok(()) };
    record.stated_size = gather.source.image_size(&record.path);
    record.fields = face.fields;
    let mut labels = Vec::new();
    match (&face.identity, face.attributes.is_empty()) {
        (Some(name), _) => labels.push(Label::new(Shape::Classification).with_class(name)),
        (None, false) => labels.push(Label::new(Shape::Attributes)),
        (None, true) => {}
    }
    if let Some(first) = labels.first_mut() {
        first.attributes = face.attributes;
    }
    let known = labels.len();
    if let Some(b) = face.bbox.and_then(|b| gather.judge.accept(b, record.stated_size, place)) {
        labels.push(Label::new(Shape::Box2d(b)));
    }
    if let Some(points) = face.points {
        let point = |p: &[f64]| Keypoint { x: p[0], y: p[1], v: None };
        labels.push(Label::new(Shape::Keypoints(points.chunks_exact(2).map(point).collect())));
    }
    for label in labels.iter_mut().skip(known) {
        label.class = Some("face".to_owned());
        label.instance.clone_from(&face.identity);
    }
    if !labels.is_empty() {
        record.layers.insert(gather.layer.clone(), labels);
    }
    gather.put(record, place)
}
