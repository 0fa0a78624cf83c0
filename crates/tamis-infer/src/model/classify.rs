//! Classes by a model.

use tamis_core::{Label, Shape};

use crate::error::Result;
use crate::function::{Function, Spec};
use crate::model::frame::{self, Placement};
use crate::model::heads::class_names;
use crate::model::loaded::{BACKEND, BATCH, Item, Loaded, MODEL, Predictor};
use crate::params::{Arguments, Param, ParamKind};
use crate::value::{InputKind, Output, Value};

const FRAME: [Param; 8] = frame::params("imagenet", "crop");

/// The best classes of a model.
pub(crate) static CLASSIFY: Spec = Spec {
    name: "classify",
    version: 1,
    help: "The likeliest classes of the whole image by an ONNX model",
    input: InputKind::Media,
    gives: "labels of type classification, the likeliest first",
    params: &[
        MODEL,
        Param {
            name: "labels",
            kind: ParamKind::File,
            default: Some(""),
            help: "names of the classes, one a line; without it the model's own, or numbers",
        },
        Param {
            name: "top_k",
            kind: ParamKind::Integer(1, 1000),
            default: Some("1"),
            help: "how many classes at most",
        },
        Param {
            name: "threshold",
            kind: ParamKind::Number(0.0, 1.0),
            default: Some("0"),
            help: "the least confidence",
        },
        Param {
            name: "scores",
            kind: ParamKind::Choice(&["auto", "softmax", "sigmoid", "none"]),
            default: Some("auto"),
            help: "what makes confidences of the numbers; auto = none where they are a distribution, else softmax",
        },
        Param {
            name: "output",
            kind: ParamKind::Text,
            default: Some(""),
            help: "which output; has to be given when the model has several",
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
    source: "the model",
    make: open,
};

fn open(spec: &'static Spec, arguments: &Arguments) -> Result<Box<dyn Function>> {
    let loaded = Loaded::open(spec, arguments, 224)?;
    let output = loaded.output(arguments, "output")?;
    let shape = loaded.trial(&[output])?.into_iter().next().unwrap_or_default();
    let count: usize = shape.iter().product();
    if count == 0 || shape.iter().filter(|&&size| size > 1).count() > 1 {
        return Err(loaded.refuse(format!("its output has the sizes {shape:?}, expected one number a class")));
    }
    let names = class_names(arguments, &loaded, count)?;
    let (most, threshold) = (arguments.size("top_k"), arguments.number("threshold"));
    let scores = arguments.text("scores").to_owned();
    let read = move |items: &[Item<'_>], _: Placement| {
        let confidences = confidences(items.first().map_or(&[][..], |item| item.values), &scores);
        let mut order: Vec<(usize, f64)> =
            confidences.into_iter().enumerate().filter(|(_, v)| *v >= threshold).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        let label = |(class, confidence): &(usize, f64)| {
            let name = names.get(*class).cloned().unwrap_or_default();
            Label { confidence: Some(*confidence), ..Label::new(Shape::Classification).with_class(name) }
        };
        Ok(Value::Labels(order.iter().take(most).map(label).collect()))
    };
    Ok(Box::new(Predictor { loaded, outputs: vec![output], gives: Output::Labels, read }))
}

/// Numbers from 0 to 1.
fn confidences(values: &[f32], scores: &str) -> Vec<f64> {
    let values: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
    let is_distribution =
        || values.iter().all(|v| (0.0..=1.0).contains(v)) && (values.iter().sum::<f64>() - 1.0).abs() < 1e-3;
    match scores {
        "sigmoid" => values.iter().map(|v| 1.0 / (1.0 + (-v).exp())).collect(),
        "none" => values.iter().map(|v| v.clamp(0.0, 1.0)).collect(),
        "auto" if is_distribution() => values,
        _ => {
            let top = values.iter().copied().fold(f64::MIN, f64::max);
            let powers: Vec<f64> = values.iter().map(|v| (v - top).exp()).collect();
            let sum: f64 = powers.iter().sum();
            powers.into_iter().map(|v| v / sum).collect()
        }
    }
}
