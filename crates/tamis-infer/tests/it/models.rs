//! Functions that are models: embeddings, classes and boxes by tiny models, and every way a model can be wrong.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use tamis_core::{Box2d, Classify, Kind, Label, Shape};
use tamis_infer::{Function, InferError, Input, Output, Value, lookup};
use tamis_media::{Image, encode_png};

use crate::onnx::{self, node, weights};

/// A function over a model of these bytes, in a folder that goes when the test ends.
struct Given {
    folder: tempfile::TempDir,
}

impl Given {
    fn new() -> Given {
        Given { folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn open(&self, function: &str, model: &[u8], more: &[(&str, Json)]) -> Result<Box<dyn Function>, InferError> {
        with(function, &self.write("model.onnx", model), more)
    }

    fn fault(&self, function: &str, model: &[u8], more: &[(&str, Json)]) -> InferError {
        self.open(function, model, more).err().expect("the model cannot be used")
    }
}

fn with(function: &str, model: &Path, more: &[(&str, Json)]) -> Result<Box<dyn Function>, InferError> {
    let mut params: BTreeMap<String, Json> =
        more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    params.insert("model".to_owned(), json!(model.to_str()));
    lookup(function, &params)
}

fn flat(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    let pixels = colour.repeat((width * height) as usize);
    encode_png(&Image::rgb8(width, height, pixels).unwrap()).unwrap()
}

fn values(function: &dyn Function, images: &[Vec<u8>], threads: usize) -> Vec<Result<Value, InferError>> {
    let inputs: Vec<Input<'_>> = images.iter().map(|bytes| Input::Media(bytes)).collect();
    function.batch(&inputs, NonZeroUsize::new(threads).unwrap())
}

fn one(function: &dyn Function, image: Vec<u8>) -> Result<Value, InferError> {
    values(function, &[image], 1).remove(0)
}

#[test]
fn an_embedding_is_what_the_model_gives() {
    let given = Given::new();
    let plain = [("preset", json!("unit")), ("normalise", json!("no"))];
    let embed = given.open("embed", &onnx::mean_colour(), &plain).unwrap();
    assert_eq!(embed.output(), Output::Embedding(3));
    let vector = |embed: &dyn Function| match one(embed, flat(20, 10, [255, 0, 51])).unwrap() {
        Value::Embedding(vector) => vector,
        other => panic!("{other:?}"),
    };
    let near = |a: &[f32], b: [f32; 3]| a.len() == 3 && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(near(&vector(embed.as_ref()), [1.0, 0.0, 0.2]), "{:?}", vector(embed.as_ref()));
    let reversed = [plain[0].clone(), plain[1].clone(), ("colours", json!("bgr")), ("mean", json!("0,0,0.5"))];
    let embed = given.open("embed", &onnx::mean_colour(), &reversed).unwrap();
    assert!(near(&vector(embed.as_ref()), [0.2 - 0.5, 0.0, 1.0]), "{:?}", vector(embed.as_ref()));
}

#[test]
fn batches_and_threads_change_nothing_but_the_last_digits() {
    let images: Vec<Vec<u8>> = (0..11u8).map(|i| flat(9, 7, [i * 20, 255 - i * 20, i * 7])).collect();
    let given = Given::new();
    let vectors = |batch: u32, threads: usize| -> Vec<Vec<f32>> {
        let embed = given.open("embed", &onnx::mean_colour(), &[("batch", json!(batch))]).unwrap();
        let vector = |value: Result<Value, InferError>| match value.unwrap() {
            Value::Embedding(vector) => vector,
            other => panic!("{other:?}"),
        };
        values(embed.as_ref(), &images, threads).into_iter().map(vector).collect()
    };
    let wanted = vectors(1, 1);
    for (batch, threads) in [(1, 3), (4, 1), (4, 2), (64, 5)] {
        let found = vectors(batch, threads);
        let apart = found.iter().flatten().zip(wanted.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(found.len() == 11 && apart < 1e-5, "batch {batch}, {threads} threads: {apart}");
    }
}

#[test]
fn broken_images_disturb_no_batch() {
    let given = Given::new();
    let embed = given.open("embed", &onnx::mean_colour(), &[]).unwrap();
    for threads in [1, 4] {
        let images = vec![flat(3, 3, [9; 3]), b"no image".to_vec(), flat(3, 3, [90; 3])];
        let found = values(embed.as_ref(), &images, threads);
        let good: Vec<bool> = found.iter().map(Result::is_ok).collect();
        assert_eq!(good, [true, false, true]);
        assert!(matches!(found[1], Err(InferError::Media(_))));
    }
    let text = embed.batch(&[Input::Text("a text")], NonZeroUsize::MIN);
    assert!(matches!(text[0], Err(InferError::WrongInput { .. })));
}

#[test]
fn classes_are_named_and_sorted() {
    let given = Given::new();
    let labels = given.write("labels.txt", b"red\ngreen\nblue\n");
    let named = |more: &[(&str, Json)], notes: &[(&str, &str)]| -> Vec<(String, f64)> {
        let params: Vec<(&str, Json)> = [("preset", json!("unit"))].into_iter().chain(more.iter().cloned()).collect();
        let classify = given.open("classify", &onnx::colour_classes(notes), &params).unwrap();
        assert_eq!(classify.output(), Output::Labels);
        let Value::Labels(labels) = one(classify.as_ref(), flat(8, 8, [102, 255, 0])).unwrap() else {
            panic!("no labels")
        };
        assert!(labels.iter().all(|label| label.shape == Shape::Classification && label.id == 0));
        labels.into_iter().map(|label| (label.class.unwrap(), label.confidence.unwrap())).collect()
    };
    let all = named(&[("labels", json!(labels.to_str())), ("top_k", json!(3))], &[]);
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["green", "red", "blue"]);
    assert!((all.iter().map(|(_, confidence)| confidence).sum::<f64>() - 1.0).abs() < 1e-9);
    // e^10 / (e^10 + e^4 + 1)
    assert!((all[0].1 - 0.997_482).abs() < 1e-5, "{}", all[0].1);
    assert_eq!(named(&[], &[("names", "{0: 'r', 1: 'g', 2: 'b'}")])[0].0, "g");
    assert_eq!(named(&[], &[])[0].0, "class_1");
    assert_eq!(named(&[("top_k", json!(3)), ("threshold", json!(0.5))], &[]).len(), 1);
}

#[test]
fn boxes_come_back_to_the_images_pixels() {
    let given = Given::new();
    // In the model's 64 × 64 pixels; an image of 128 × 64 lies in the rows 16 to 48, half as large.
    // The second box is the first one, a little worse; the third is of another class; the fourth is too unsure.
    let columns = [
        [16.0, 16.5, 48.0, 5.0],
        [32.0, 32.0, 32.0, 5.0],
        [16.0, 16.0, 40.0, 5.0],
        [16.0, 16.0, 8.0, 5.0],
        [0.9, 0.8, 0.1, 0.1],
        [0.1, 0.1, 0.7, 0.2],
    ];
    let detect = given.open("detect", &onnx::constant_boxes(64, &[1, 6, 4], &columns.concat()), &[]).unwrap();
    let found = values(detect.as_ref(), &[flat(128, 64, [9; 3]), flat(128, 64, [200; 3])], 2);
    let box2d = |corners: [f64; 4], class: &str, confidence: f32| Label {
        confidence: Some(f64::from(confidence)),
        ..Label::new(Shape::Box2d(Box2d::new(corners[0], corners[1], corners[2], corners[3]))).with_class(class)
    };
    // The third box reaches beyond the image on the right.
    let wanted = [box2d([16.0, 16.0, 48.0, 48.0], "cat", 0.9), box2d([56.0, 24.0, 128.0, 40.0], "dog", 0.7)];
    for value in found {
        assert_eq!(value.unwrap(), Value::Labels(wanted.to_vec()));
    }
    let wrong =
        given.fault("detect", &onnx::constant_boxes(64, &[1, 6, 4], &columns.concat()), &[("kind", json!("rows"))]);
    assert!(wrong.to_string().ends_with("its outputs have the sizes [6, 4], expected [boxes, 6]"), "{wrong}");
}

#[test]
fn what_is_wrong_with_a_model_is_said() {
    let given = Given::new();
    let said = |function: &str, model: &[u8], more: &[(&str, Json)]| {
        let fault = given.fault(function, model, more);
        assert!(matches!(fault.kind(), Kind::Invalid), "{fault}");
        fault.to_string()
    };
    let unknown =
        onnx::model(&[0, 3, 8, 8], &[node("Frobnicate", &["image"], "out", &[])], &[], &[("out", &[0, 3])], &[]);
    assert!(said("embed", &unknown, &[]).contains("Frobnicate"));
    for input in [&[0u64, 5, 8, 8][..], &[0, 3, 8, 9_999], &[0, 3]] {
        let model = onnx::model(input, &[node("Identity", &["image"], "out", &[])], &[], &[("out", input)], &[]);
        assert!(said("embed", &model, &[]).contains("its input `image`"));
    }
    let flat =
        onnx::model(&[0, 3, 8, 8], &[node("Identity", &["image"], "out", &[])], &[], &[("out", &[0, 3, 8, 8])], &[]);
    assert!(said("classify", &flat, &[]).contains("expected one number a class"));
    let product = [node("MatMul", &["image", "w"], "out", &[])];
    let misfit = onnx::model(&[0, 3, 8, 8], &product, &[weights("w", &[7, 2], &[0.5; 14])], &[("out", &[0, 3])], &[]);
    assert!(!said("embed", &misfit, &[]).is_empty());
    let huge =
        onnx::model(&[0, 3, 8, 8], &product, &[weights("w", &[1 << 40, 1 << 40], &[0.5])], &[("out", &[0, 3])], &[]);
    assert!(said("embed", &huge, &[]).contains("claims 1099511627776 × 1099511627776 numbers and has"));
    assert!(said("embed", b"\x89PNG\r\n", &[]).contains("no ONNX file"));
    assert!(said("embed", b"", &[]).contains("0 graphs"));
    assert!(said("embed", &onnx::mean_colour(), &[("output", json!("nothing"))]).contains("only colour"));
    assert!(said("embed", &onnx::mean_colour(), &[("mean", json!("1,2"))]).contains("three numbers"));
    assert!(said("embed", &onnx::mean_colour(), &[("std", json!("1,0,1"))]).contains("no deviation"));
    let missing = with("embed", &given.folder.path().join("none.onnx"), &[]).err().unwrap();
    assert_eq!(missing.kind(), Kind::NotFound);
    assert!(lookup("embed", &BTreeMap::new()).err().unwrap().to_string().contains("`model` not given"));
}

#[test]
fn numbers_that_are_none_are_errors_of_their_image() {
    let given = Given::new();
    let nodes = [
        node("GlobalAveragePool", &["image"], "pooled", &[]),
        node("Flatten", &["pooled"], "colour", &[("axis", 1)]),
        node("Log", &["colour"], "out", &[]),
    ];
    let model = onnx::model(&[0, 3, 8, 8], &nodes, &[], &[("out", &[0, 3])], &[]);
    let embed = given.open("embed", &model, &[("preset", json!("symmetric"))]).unwrap();
    let found = values(embed.as_ref(), &[flat(4, 4, [0; 3]), flat(4, 4, [255, 250, 200])], 1);
    assert!(matches!(&found[0], Err(InferError::NotFinite { output, .. }) if output == "out"), "{:?}", found[0]);
    assert!(found[1].is_ok());
}

#[test]
fn damaged_models_are_refused_without_a_panic() {
    let given = Given::new();
    let whole = onnx::colour_classes(&[("names", "{0: 'r', 1: 'g', 2: 'b'}")]);
    for length in 0..whole.len() {
        // Cut between two fields of the model, the file is a shorter model: it may be used.
        if let Err(fault) = given.open("classify", &whole[..length], &[]) {
            assert!(matches!(fault.kind(), Kind::Invalid), "{fault}");
        }
    }
    assert!(given.open("classify", &whole[..whole.len() / 2], &[]).is_err());
    for at in 0..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] ^= flip;
            if let Err(fault) = given.open("classify", &damaged, &[]) {
                assert!(matches!(fault.kind(), Kind::Invalid), "{fault}");
            }
        }
    }
}

#[test]
fn ids_depend_on_the_models_content_and_not_on_its_path() {
    let given = Given::new();
    let (a, b) = (given.write("a.onnx", &onnx::mean_colour()), given.write("b.onnx", &onnx::mean_colour()));
    let c = given.write("c.onnx", &onnx::colour_classes(&[]));
    let id = |path: &Path| with("embed", path, &[]).unwrap().id();
    assert_eq!(id(&a), id(&b));
    assert_ne!(id(&a), id(&c));
    assert_ne!(id(&a), with("embed", &a, &[("preset", json!("clip"))]).unwrap().id());
}
