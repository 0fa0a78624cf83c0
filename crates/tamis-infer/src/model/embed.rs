//! Embeddings by a model.

use crate::error::Result;
use crate::function::{Function, Spec};
use crate::model::frame::{self, Placement};
use crate::model::loaded::{BACKEND, BATCH, Item, Loaded, MODEL, Predictor};
use crate::params::{Arguments, Param, ParamKind};
use crate::value::{InputKind, Output, Value};

const FRAME: [Param; 8] = frame::params("imagenet", "crop");

/// The output of a model as a vector.
pub(crate) static EMBED: Spec = Spec {
    name: "embed",
    version: 1,
    help: "A vector by an ONNX model: an output of the model, places averaged",
    input: InputKind::Media,
    gives: "floats of length 1, as many as the model gives",
    params: &[
        MODEL,
        Param {
            name: "output",
            kind: ParamKind::Text,
            default: Some(""),
            help: "which output; has to be given when the model has several",
        },
        Param {
            name: "pool",
            kind: ParamKind::Choice(&["mean", "first"]),
            default: Some("mean"),
            help: "of an output with tokens: their mean, or the first (a class token); maps are always averaged",
        },
        Param {
            name: "normalise",
            kind: ParamKind::Choice(&["yes", "no"]),
            default: Some("yes"),
            help: "whether vectors are made of length 1",
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
    let width = match *shape.as_slice() {
        [_, width] | [_, width, _, _] | [_, _, width] if (1..=65_536).contains(&width) => width,
        _ => return Err(loaded.refuse(format!("its output has the sizes {shape:?}: no vector can be made of them"))),
    };
    let (first, normalise) = (arguments.text("pool") == "first", arguments.text("normalise") == "yes");
    let read = move |items: &[Item<'_>], _: Placement| {
        Ok(Value::Embedding(items.first().map(|item| vector(item, width, first, normalise)).unwrap_or_default()))
    };
    Ok(Box::new(Predictor { loaded, outputs: vec![output], gives: Output::Embedding(width), read }))
}

/// One vector of an output: maps and tokens are averaged.
fn vector(item: &Item<'_>, width: usize, first: bool, normalise: bool) -> Vec<f32> {
    let mut sums = vec![0f64; width];
    match item.shape {
        [_, _, _] => {
            let each = (item.values.len() / width.max(1)).max(1);
            for (sum, map) in sums.iter_mut().zip(item.values.chunks(each)) {
                *sum = map.iter().map(|&v| f64::from(v)).sum::<f64>() / each as f64;
            }
        }
        _ => {
            let tokens = if first { 1 } else { (item.values.len() / width.max(1)).max(1) };
            for token in item.values.chunks(width.max(1)).take(tokens) {
                sums.iter_mut().zip(token).for_each(|(sum, &v)| *sum += f64::from(v) / tokens as f64);
            }
        }
    }
    let length = sums.iter().map(|v| v * v).sum::<f64>().sqrt();
    let scale = if normalise && length > 0.0 { 1.0 / length } else { 1.0 };
    sums.into_iter().map(|v| (v * scale) as f32).collect()
}
