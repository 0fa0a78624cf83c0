//! What a sample must obey before it is stored.

use tamis_core::{Label, LayerName, Sample, Shape, Value, check_path};

use crate::{Error, Result};

/// How deep values may be nested; the JSON reader stops at 128.
const MAX_DEPTH: usize = 100;

/// The last character that a span of text may name: whole numbers up to here are exact as floats.
const MAX_CHARACTER: u64 = 1 << 53;

/// The longest name of a field, in bytes.
const MAX_FIELD: usize = 200;

fn bad_label(path: &str, layer: &str, label: &Label, reason: impl Into<String>) -> Error {
    Error::Invalid { what: "label", name: format!("{path} ({layer} label {})", label.id), reason: reason.into() }
}

fn bad_sample(path: &str, reason: impl Into<String>) -> Error {
    Error::Invalid { what: "sample", name: path.escape_debug().to_string(), reason: reason.into() }
}

/// Checks everything but the labels: path, timestamp, fields, media.
pub(crate) fn check_sample(sample: &Sample) -> Result<()> {
    check_path(&sample.path)?;
    check_timestamp(&sample.path, sample.timestamp)?;
    sample.fields.iter().try_for_each(|(name, value)| check_field(&sample.path, name, value))
}

pub(crate) fn check_timestamp(path: &str, timestamp: Option<f64>) -> Result<()> {
    match timestamp {
        Some(time) if !time.is_finite() => Err(bad_sample(path, format!("its timestamp is {time}"))),
        _ => Ok(()),
    }
}

/// Checks a field's name and the nesting of its value.
pub(crate) fn check_field(path: &str, name: &str, value: &Value) -> Result<()> {
    if name.is_empty() || name.len() > MAX_FIELD || name.contains('\0') {
        let name = name.chars().take(40).collect::<String>().escape_debug().to_string();
        return Err(bad_sample(path, format!("`{name}` is not a field name (1 to {MAX_FIELD} bytes, no NUL)")));
    }
    if too_deep(value, MAX_DEPTH) {
        return Err(bad_sample(path, format!("field `{name}` is nested deeper than {MAX_DEPTH}")));
    }
    Ok(())
}

fn too_deep(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(items) => left == 0 || items.iter().any(|item| too_deep(item, left - 1)),
        Value::Object(items) => left == 0 || items.values().any(|item| too_deep(item, left - 1)),
        _ => false,
    }
}

/// Checks a layer's labels, gives ids to those without (id 0) and orders them by id.
///
/// When no label has an id, they are numbered from 1 in their order, so that importing the same
/// file twice gives the same labels. A label without an id among labels with ids gets 53 bits of
/// its content's hash, so that labels added on two branches do not meet under one id.
pub(crate) fn prepare_labels(path: &str, layer: &str, labels: &mut [Label]) -> Result<()> {
    LayerName::new(layer)?;
    for label in labels.iter() {
        check_label(path, layer, label)?;
    }
    if labels.iter().all(|label| label.id == 0) {
        (1u64..).zip(labels.iter_mut()).for_each(|(id, label)| label.id = id);
        return Ok(());
    }
    if labels.iter().any(|label| label.id == 0) {
        assign_ids(labels);
    }
    if !labels.is_sorted_by_key(|label| label.id) {
        labels.sort_by_key(|label| label.id);
    }
    match labels.windows(2).find(|pair| pair[0].id == pair[1].id) {
        Some(pair) => Err(bad_label(path, layer, &pair[0], "two labels have this id")),
        None => Ok(()),
    }
}

fn assign_ids(labels: &mut [Label]) {
    let mut taken: std::collections::BTreeSet<u64> = labels.iter().map(|label| label.id).collect();
    for label in labels.iter_mut().filter(|label| label.id == 0) {
        let json = serde_json::to_vec(&*label).unwrap_or_default();
        let hash = tamis_core::Hash::of(&json);
        let mut word = [0u8; 8];
        word.copy_from_slice(&hash.as_bytes()[..8]);
        let mut id = u64::from_le_bytes(word) >> 11;
        while !taken.insert(id) {
            id = (id + 1) & ((1 << 53) - 1);
        }
        label.id = id;
    }
}

fn check_label(path: &str, layer: &str, label: &Label) -> Result<()> {
    let bad = |reason: &str| bad_label(path, layer, label, reason);
    if label.confidence.is_some_and(|c| !c.is_finite()) {
        return Err(bad("its confidence is not a finite number"));
    }
    if !is_finite(&label.shape) || label.bbox.is_some_and(|b| !finite(&[b.xmin, b.ymin, b.xmax, b.ymax])) {
        return Err(bad("its geometry has a number that is not finite"));
    }
    match &label.shape {
        Shape::TextSpan { begin, end } if begin > end || *end > MAX_CHARACTER => {
            return Err(bad("its span of text is not one (begin ≤ end ≤ 2^53)"));
        }
        Shape::TimeSpan { begin, end } if begin > end => return Err(bad("its span of time ends before it begins")),
        Shape::Track(keys) => {
            tamis_core::track::check(keys).map_err(|reason| bad(&format!("its track {reason}")))?;
            // A key's shape and values lie two levels further in.
            let mut values = keys.iter().flat_map(|key| key.attributes.values());
            if values.any(|value| too_deep(value, MAX_DEPTH)) {
                return Err(bad("an attribute of its track is nested too deep"));
            }
        }
        _ => {}
    }
    if label.attributes.values().any(|value| too_deep(value, MAX_DEPTH)) {
        return Err(bad("an attribute is nested too deep"));
    }
    if let Shape::Mask(mask) = &label.shape
        && mask.info.iter().flat_map(|entry| entry.attributes.values()).any(|value| too_deep(value, MAX_DEPTH))
    {
        return Err(bad("an attribute of its mask is nested too deep"));
    }
    Ok(())
}

fn finite(numbers: &[f64]) -> bool {
    numbers.iter().all(|n| n.is_finite())
}

fn is_finite(shape: &Shape) -> bool {
    let points = |ring: &[tamis_core::Point]| ring.iter().all(|p| finite(&[p.x, p.y]));
    match shape {
        Shape::Box2d(b) => finite(&[b.xmin, b.ymin, b.xmax, b.ymax]),
        Shape::RotatedBox(b) => finite(&[b.cx, b.cy, b.width, b.height, b.angle]),
        Shape::Box3d(b) => finite(&b.translation) && finite(&b.rotation) && finite(&b.size),
        Shape::Polygon(ring) | Shape::Polyline { points: ring, .. } => points(ring),
        Shape::MultiPolygon(rings) | Shape::MultiPolyline(rings) => rings.iter().all(|ring| points(ring)),
        Shape::Keypoints(found) => found.iter().all(|p| finite(&[p.x, p.y])),
        Shape::Sentence { sentence, spell, phone } => [sentence, spell, phone]
            .into_iter()
            .flatten()
            .all(|word| finite(&[word.begin.unwrap_or(0.0), word.end.unwrap_or(0.0)])),
        Shape::Scalar(value) => value.is_finite(),
        Shape::TimeSpan { begin, end } => finite(&[*begin, *end]),
        Shape::Track(keys) => keys.iter().filter(|key| key.shape.is_spatial()).all(|key| is_finite(&key.shape)),
        _ => true,
    }
}
