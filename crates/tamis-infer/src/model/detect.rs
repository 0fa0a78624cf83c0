//! Boxes by a model.

use tamis_core::{Label, Shape};

use crate::error::Result;
use crate::function::{Function, Spec};
use crate::model::frame::{self, Placement};
use crate::model::heads::{Found, Head, class_names, suppress};
use crate::model::loaded::{BACKEND, BATCH, Item, Loaded, MODEL, Predictor};
use crate::params::{Arguments, Param, ParamKind};
use crate::value::{InputKind, Output, Value};

const FRAME: [Param; 8] = frame::params("unit", "letterbox");

/// The boxes of a detector.
pub(crate) static DETECT: Spec = Spec {
    name: "detect",
    version: 1,
    help: "Boxes by an ONNX model with one of the usual heads, in pixels of the stored image",
    input: InputKind::Media,
    gives: "labels of type box2d, the surest first",
    params: &[
        MODEL,
        Param {
            name: "kind",
            kind: ParamKind::Choice(Head::NAMES),
            default: Some("yolov8"),
            help: "what the outputs are: `yolov8` [4 + classes, boxes] (8, 9, 11, 12), `yolov5` [boxes, 5 + classes], \
                   `rows` [boxes, 6] of corners, score, class, `ssd` corners, classes and scores apart",
        },
        Param {
            name: "labels",
            kind: ParamKind::File,
            default: Some(""),
            help: "names of the classes, one a line; without it the model's own, or numbers",
        },
        Param {
            name: "threshold",
            kind: ParamKind::Number(0.0, 1.0),
            default: Some("0.25"),
            help: "the least confidence",
        },
        Param {
            name: "overlap",
            kind: ParamKind::Number(0.0, 1.0),
            default: Some("0.45"),
            help: "a box that overlaps a surer one of its class by more (intersection over union) is left out; \
                   `yolov5` and `yolov8` only",
        },
        Param {
            name: "most",
            kind: ParamKind::Integer(1, 10_000),
            default: Some("300"),
            help: "boxes of an image at most",
        },
        BACKEND,
        BATCH,
        FRAME[0],
        FRAME[1],
        FRAME[2],
        FRAME[3],
        FRAME[4],
        FRAME[5],
        FRAME[6],
        FRAME[7],
    ],
    deterministic: false,
    source: "the model; greedy non-maximum suppression by class",
    make: open,
};

fn open(spec: &'static Spec, arguments: &Arguments) -> Result<Box<dyn Function>> {
    let loaded = Loaded::open(spec, arguments, 640)?;
    let head = Head::named(arguments.text("kind"));
    let wanted = if head == Head::Ssd { 3 } else { 1 };
    if loaded.outputs().len() < wanted {
        return Err(loaded.refuse(format!("it has {} outputs, expected {wanted}", loaded.outputs().len())));
    }
    let outputs: Vec<usize> = (0..wanted).collect();
    let shapes = loaded.trial(&outputs)?;
    let count = head.classes(&shapes).map_err(|reason| loaded.refuse(format!("its outputs have the {reason}")))?;
    let names = class_names(arguments, &loaded, count.unwrap_or(0))?;
    let (threshold, overlap) = (arguments.number("threshold") as f32, arguments.number("overlap") as f32);
    let (most, frame) = (arguments.size("most"), loaded.frame_size());
    let read = move |items: &[Item<'_>], placement: Placement| {
        let found = head.read(items, threshold, frame);
        let kept = suppress(found, if head.is_raw() { overlap } else { f32::MAX }, most);
        let label = |found: &Found| {
            let class = names.get(found.class).cloned().unwrap_or_else(|| format!("class_{}", found.class));
            let shape = Shape::Box2d(placement.to_image(found.corners)?);
            Some(Label { confidence: Some(f64::from(found.score)), ..Label::new(shape).with_class(class) })
        };
        Ok(Value::Labels(kept.iter().filter_map(label).collect()))
    };
    Ok(Box::new(Predictor { loaded, outputs, gives: Output::Labels, read }))
}
