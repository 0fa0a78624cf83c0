//! COCO's panoptic masks: a PNG an image whose colour is a segment's number, red + 256 × green + 65,536 × blue, and a
//! list of the segments.
//!
//! The PNG is kept as it is; the segments are the entries of the mask, `instance` the segment's number, `class_id` the
//! category's.

use serde_json::{Map, Value, json};
use tamis_core::{Class, Label, Mask, MaskInfo, MaskKind, Shape};

use super::annotation::Context;
use crate::index::{self, MediaIndex};
use crate::lex::json::as_id;
use crate::lex::text::crop;
use crate::paths::{self, folder, join, name, stem};

/// The mask of an annotation with `segments_info`; [`None`] where its PNG is not there.
pub(super) fn label_of(
    ann: Map<String, Value>,
    index: &MediaIndex<'_>,
    annotation: &str,
    ctx: &Context<'_>,
) -> Option<Label> {
    let file = ann.get("file_name").and_then(Value::as_str).unwrap_or_default();
    let home = join(folder(annotation), stem(name(annotation)));
    let wanted = paths::normal(file);
    let found = wanted
        .as_deref()
        .and_then(|w| index.exact(&join(&home, w)).or_else(|| index::resolve(index, annotation, w, None)));
    let Some(found) = found else {
        ctx.judge.error("mask", (ctx.place)(), format!("there is no mask `{}`; left out", crop(file)));
        return None;
    };
    let mut info = Vec::new();
    for segment in ann.get("segments_info").and_then(Value::as_array).into_iter().flatten() {
        let Some(segment) = segment.as_object() else { continue };
        let class_id = segment.get("category_id").and_then(as_id);
        if class_id.is_none_or(|c| !ctx.categories.contains_key(&c)) {
            ctx.judge.warn("unknown_category", (ctx.place)(), "a segment is of a category that is not there");
        }
        let rest = segment.iter().filter(|(k, v)| {
            !matches!(k.as_str(), "id" | "category_id") && (k.as_str() != "iscrowd" || as_id(v) != Some(0))
        });
        let attributes = rest.map(|(k, v)| (k.clone(), v.clone())).collect();
        info.push(MaskInfo { instance: segment.get("id").and_then(as_id), class_id, attributes });
    }
    let mask = Mask { kind: MaskKind::Panoptic, blob: None, file: Some(found.to_owned()), info };
    let mut label = Label::new(Shape::Mask(mask));
    label.id = ann.get("id").and_then(as_id).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    for (key, value) in ann {
        if !matches!(key.as_str(), "id" | "image_id" | "file_name" | "segments_info") {
            label.attributes.insert(key, value);
        }
    }
    Some(label)
}

/// The annotation of a mask that lies at a path; categories go by the number that `number_of` gives a class.
pub(super) fn annotation(
    mask: &Mask,
    label: &Label,
    file: &str,
    classes: &[Class],
    mut number_of: impl FnMut(&str) -> i64,
) -> Map<String, Value> {
    let segment = |info: &MaskInfo| {
        let class = classes.iter().find(|c| c.id.is_some() && c.id == info.class_id);
        let category = class.map(|c| number_of(&c.name)).or(info.class_id);
        let mut out = Map::new();
        out.insert("id".to_owned(), info.instance.into());
        out.insert("category_id".to_owned(), category.into());
        out.insert("iscrowd".to_owned(), 0.into());
        out.extend(info.attributes.iter().map(|(k, v)| (k.clone(), v.clone())));
        Value::from(out)
    };
    let mut out = Map::new();
    out.insert("file_name".to_owned(), file.into());
    out.insert("segments_info".to_owned(), json!(mask.info.iter().map(segment).collect::<Vec<_>>()));
    out.extend(label.attributes.iter().map(|(k, v)| (k.clone(), v.clone())));
    out
}
