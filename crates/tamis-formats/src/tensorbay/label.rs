//! Labels and skeletons as TensorBay writes them: by type, each a list of objects (of classifications and masks: one).

use serde_json::{Map, Value, json};
use tamis_core::{
    Box2d, Box3d, Keypoint, Label, LabelType, Mask, MaskInfo, MaskKind, Place, Rle, Shape, Skeleton, Visibility, Word,
};

use super::sensor::{of_rotation, of_vector, rotation, vector};
use crate::gather::Gather;
use crate::labels;
use crate::lex::json::as_id;
use crate::lex::number::json as number;
use crate::lex::object;
use crate::paths;

/// What each label type is called.
pub(super) const KEYS: &[(LabelType, &str)] = &[
    (LabelType::Classification, "CLASSIFICATION"),
    (LabelType::Box2d, "BOX2D"),
    (LabelType::Box3d, "BOX3D"),
    (LabelType::Polygon, "POLYGON"),
    (LabelType::MultiPolygon, "MULTI_POLYGON"),
    (LabelType::Polyline, "POLYLINE2D"),
    (LabelType::MultiPolyline, "MULTI_POLYLINE2D"),
    (LabelType::Keypoints, "KEYPOINTS2D"),
    (LabelType::Rle, "RLE"),
    (LabelType::SemanticMask, "SEMANTIC_MASK"),
    (LabelType::InstanceMask, "INSTANCE_MASK"),
    (LabelType::PanopticMask, "PANOPTIC_MASK"),
    (LabelType::Sentence, "SENTENCE"),
];

/// The key of a label type.
pub(super) fn key_of(label_type: LabelType) -> Option<&'static str> {
    KEYS.iter().find(|(t, _)| *t == label_type).map(|(_, key)| *key)
}

/// The skeleton of a class of key points.
pub(super) fn skeleton(map: &Map<String, Value>) -> Option<Skeleton> {
    let number = map.get("number").and_then(as_id).and_then(|n| u32::try_from(n).ok())?;
    let texts = |key| object::list(map, key).iter().filter_map(|n| n.as_str().map(str::to_owned)).collect();
    let edge = |pair: &Value| {
        let end = |at| pair.get(at).and_then(as_id).and_then(|n| u32::try_from(n).ok());
        end(0).zip(end(1))
    };
    Some(Skeleton {
        number,
        names: texts("names"),
        edges: object::list(map, "skeleton").iter().filter_map(edge).collect(),
        visibility: match object::text(map, "visible") {
            Some("TERNARY") => Some(Visibility::Ternary),
            Some("BINARY") => Some(Visibility::Binary),
            _ => None,
        },
        classes: texts("parentCategories"),
        description: object::text(map, "description").unwrap_or_default().to_owned(),
    })
}

pub(super) fn of_skeleton(skeleton: &Skeleton) -> Value {
    let mut out = json!({"number": skeleton.number, "names": skeleton.names, "skeleton": skeleton.edges,
        "parentCategories": skeleton.classes});
    if let (Some(visible), Some(out)) = (skeleton.visibility, out.as_object_mut()) {
        let visible = if visible == Visibility::Binary { "BINARY" } else { "TERNARY" };
        out.insert("visible".to_owned(), visible.into());
    }
    out
}

/// Every label of a data's `label`; what is wrong is a finding.
pub(super) fn read(
    gather: &mut Gather<'_>,
    all: &Map<String, Value>,
    size: Option<(u32, u32)>,
    place: &dyn Fn() -> Place,
) -> Vec<Label> {
    let mut out = Vec::new();
    for (label_type, key) in KEYS {
        let listed = match all.get(*key) {
            Some(Value::Array(list)) => list.iter().collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        };
        for one in listed {
            let shape = one.as_object().and_then(|map| shape_of(gather, *label_type, map, size));
            let (Some(map), Some(shape)) = (one.as_object(), shape) else {
                let message = format!("a label of {key} is not what its type needs; left out");
                gather.judge.error("label", place(), message);
                continue;
            };
            let mut label = Label::new(shape);
            if let Shape::Box2d(b) = label.shape
                && gather.judge.accept(b, size, place).is_none()
            {
                continue;
            }
            label.class = object::text(map, "category").and_then(labels::class);
            label.instance = object::text(map, "instance").map(str::to_owned);
            let attributes = map.get("attributes").and_then(Value::as_object);
            label.attributes = attributes.into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
            out.push(label);
        }
    }
    out
}

fn shape_of(
    gather: &mut Gather<'_>,
    label_type: LabelType,
    map: &Map<String, Value>,
    size: Option<(u32, u32)>,
) -> Option<Shape> {
    let inner = |key: &str| map.get(key)?.as_object();
    let ring = |list: &Value| object::corners(list.as_array()?);
    let rings = |key: &str| object::list(map, key).iter().map(ring).collect::<Option<Vec<_>>>();
    Some(match label_type {
        LabelType::Classification => Shape::Classification,
        LabelType::Box2d => {
            let b = inner("box2d")?;
            let side = |key| object::number(b, key);
            Shape::Box2d(Box2d::new(side("xmin")?, side("ymin")?, side("xmax")?, side("ymax")?))
        }
        LabelType::Box3d => {
            let b = inner("box3d")?;
            let (translation, rotation) = (vector(b, "translation")?, rotation(b, "rotation")?);
            Shape::Box3d(Box3d { translation, rotation, size: vector(b, "size")? })
        }
        LabelType::Polygon => Shape::Polygon(object::corners(object::list(map, "polygon"))?),
        LabelType::MultiPolygon => Shape::MultiPolygon(rings("multiPolygon")?),
        LabelType::Polyline => Shape::Polyline {
            points: object::corners(object::list(map, "polyline2d"))?,
            bezier: object::text(map, "beizerPointTypes").map(str::to_owned),
        },
        LabelType::MultiPolyline => Shape::MultiPolyline(rings("multiPolyline2d")?),
        LabelType::Keypoints => {
            let point = |p: &Value| {
                let p = p.as_object()?;
                let v = p.get("v").and_then(as_id).and_then(|v| u8::try_from(v).ok());
                Some(Keypoint { x: object::number(p, "x")?, y: object::number(p, "y")?, v })
            };
            Shape::Keypoints(object::list(map, "keypoints2d").iter().map(point).collect::<Option<_>>()?)
        }
        LabelType::Rle => {
            let (width, height) = size?;
            let count = |v: &Value| v.as_u64().and_then(|n| u32::try_from(n).ok());
            let counts = object::list(map, "rle").iter().map(count).collect::<Option<Vec<u32>>>()?;
            Shape::Rle(Some(Rle { width, height, counts }).filter(|rle| rle.check().is_ok())?)
        }
        LabelType::SemanticMask | LabelType::InstanceMask | LabelType::PanopticMask => {
            let wanted = object::text(map, "remotePath").or_else(|| object::text(map, "localPath"))?;
            let wanted = paths::normal(wanted)?;
            let found = gather.index.exact(&wanted).or_else(|| gather.index.named(&wanted))?;
            gather.used(found);
            let kind = match label_type {
                LabelType::SemanticMask => MaskKind::Semantic,
                LabelType::InstanceMask => MaskKind::Instance,
                _ => MaskKind::Panoptic,
            };
            let info = |i: &Map<String, Value>| MaskInfo {
                instance: i.get("instanceId").and_then(as_id),
                class_id: i.get("categoryId").and_then(as_id),
                attributes: i
                    .get("attributes")
                    .and_then(Value::as_object)
                    .into_iter()
                    .flatten()
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect(),
            };
            let info = object::objects(map, "info").map(info).collect();
            Shape::Mask(Mask { kind, blob: None, file: Some(found.to_owned()), info })
        }
        LabelType::Sentence => {
            let word = |w: &Map<String, Value>| Word {
                text: object::text(w, "text").unwrap_or_default().to_owned(),
                begin: object::number(w, "begin"),
                end: object::number(w, "end"),
            };
            let words = |key| object::objects(map, key).map(word).collect();
            Shape::Sentence { sentence: words("sentence"), spell: words("spell"), phone: words("phone") }
        }
        _ => return None,
    })
}

/// A label's JSON, without the file of a mask; [`None`] for types that TensorBay has not.
pub(super) fn to_json(label: &Label) -> Option<Map<String, Value>> {
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| drop(out.insert(key.to_owned(), value));
    let corners = |rings: &[Vec<tamis_core::Point>]| rings.iter().map(|r| object::to_corners(r)).collect::<Vec<_>>();
    match &label.shape {
        Shape::Classification => {}
        Shape::Box2d(b) => put(
            "box2d",
            json!({"xmin": number(b.xmin), "ymin": number(b.ymin), "xmax": number(b.xmax), "ymax": number(b.ymax)}),
        ),
        Shape::Box3d(b) => put(
            "box3d",
            json!({"translation": of_vector(b.translation), "rotation": of_rotation(b.rotation), "size": of_vector(b.size)}),
        ),
        Shape::Polygon(points) => put("polygon", object::to_corners(points)),
        Shape::MultiPolygon(rings) => put("multiPolygon", corners(rings).into()),
        Shape::Polyline { points, bezier } => {
            put("polyline2d", object::to_corners(points));
            bezier.iter().for_each(|types| put("beizerPointTypes", types.as_str().into()));
        }
        Shape::MultiPolyline(lines) => put("multiPolyline2d", corners(lines).into()),
        Shape::Keypoints(points) => {
            let point = |p: &Keypoint| match p.v {
                Some(v) => json!({"x": number(p.x), "y": number(p.y), "v": v}),
                None => json!({"x": number(p.x), "y": number(p.y)}),
            };
            put("keypoints2d", points.iter().map(point).collect::<Vec<_>>().into());
        }
        Shape::Rle(rle) => put("rle", json!(rle.counts)),
        Shape::Mask(mask) => {
            let info = |i: &MaskInfo| {
                let mut out = Map::new();
                out.extend(i.instance.map(|n| ("instanceId".to_owned(), n.into())));
                out.extend(i.class_id.map(|n| ("categoryId".to_owned(), n.into())));
                if !i.attributes.is_empty() {
                    out.insert("attributes".to_owned(), json!(i.attributes));
                }
                Value::from(out)
            };
            if !mask.info.is_empty() || mask.kind == MaskKind::Panoptic {
                put("info", mask.info.iter().map(info).collect::<Vec<_>>().into());
            }
        }
        Shape::Sentence { sentence, spell, phone } => {
            for (key, words) in [("sentence", sentence), ("spell", spell), ("phone", phone)] {
                if !words.is_empty() {
                    put(key, json!(words));
                }
            }
        }
        _ => return None,
    }
    out.extend(label.class.as_ref().map(|c| ("category".to_owned(), c.as_str().into())));
    out.extend(label.instance.as_ref().map(|i| ("instance".to_owned(), i.as_str().into())));
    if !label.attributes.is_empty() {
        out.insert("attributes".to_owned(), json!(label.attributes));
    }
    Some(out)
}
