//! Masks beside pycocotools: golden answers always, live ones where the Python environment of the tests is there.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tamis_core::{Point, Rle};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oracle")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Asserts that we answer a case as the oracle did.
fn compare(case: &Value, answer: &Value) {
    let (w, h) = (case["width"].as_u64().unwrap() as u32, case["height"].as_u64().unwrap() as u32);
    let ring = |v: &Value| numbers(v).chunks(2).map(|p| Point { x: p[0], y: p[1] }).collect::<Vec<_>>();
    let mut masks = Vec::new();
    for (object, want) in case["objects"].as_array().unwrap().iter().zip(answer["objects"].as_array().unwrap()) {
        let rings: Vec<Vec<Point>> = object.as_array().unwrap().iter().map(ring).collect();
        for (ring, text) in rings.iter().zip(want["rings"].as_array().unwrap()) {
            let mask = Rle::from_polygon(w, h, ring).unwrap();
            assert_eq!(mask.to_text(), text.as_str().unwrap(), "{ring:?} in {w}×{h}");
            assert_eq!(Rle::from_text(w, h, text.as_str().unwrap()).unwrap(), mask);
        }
        let mask = Rle::from_polygons(w, h, &rings).unwrap();
        let reference = Rle::from_text(w, h, want["text"].as_str().unwrap()).unwrap();
        assert_eq!(mask.to_mask().unwrap(), reference.to_mask().unwrap());
        assert_eq!(mask.area(), want["area"].as_u64().unwrap());
        let bounds = mask.bounds().map_or([0.0; 4], |b| b.to_xywh());
        assert_eq!(bounds.to_vec(), numbers(&want["box"]));
        let bits: Vec<u8> = want["mask"].as_str().unwrap().bytes().map(|b| b - b'0').collect();
        assert_eq!(mask.to_mask().unwrap(), bits);
        let again = Rle::from_mask(w, h, &bits).unwrap();
        assert_eq!(again.to_text(), want["again"].as_str().unwrap());
        masks.push(again);
    }
    for (a, row) in masks.iter().zip(answer["iou"].as_array().unwrap()) {
        for ((b, crowd), want) in masks.iter().zip(case["crowd"].as_array().unwrap()).zip(numbers(row)) {
            let iou = if crowd.as_u64() == Some(1) { a.iou_crowd(b) } else { a.iou(b) };
            assert_eq!(iou, want);
        }
    }
    let mask = |text: &Value| Rle::from_text(w, h, text.as_str().unwrap()).unwrap().to_mask().unwrap();
    assert_eq!(Rle::union(&masks).unwrap().to_mask().unwrap(), mask(&answer["union"]));
    assert_eq!(Rle::intersection(&masks).unwrap().to_mask().unwrap(), mask(&answer["intersection"]));
}

#[test]
fn masks_are_those_of_the_reference() {
    let read =
        |name: &str| -> Vec<Value> { serde_json::from_slice(&std::fs::read(folder().join(name)).unwrap()).unwrap() };
    let (cases, answers) = (read("cases.json"), read("golden.json"));
    assert_eq!(cases.len(), answers.len());
    cases.iter().zip(&answers).for_each(|(case, answer)| compare(case, answer));
}

#[test]
fn random_masks_are_those_of_the_reference() {
    let venv = std::env::var_os("TAMIS_VENV").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/tamis-venv"),
        PathBuf::from,
    );
    let python = venv.join("bin/python");
    if !python.is_file() {
        println!("skipped: no `{}`; `make venv` makes it", python.display());
        return;
    }
    let ring = prop::collection::vec((-20.0..90.0f64, -20.0..90.0f64), 3..9);
    let whole = prop::collection::vec((-3..60i32, -3..60i32), 3..7)
        .prop_map(|points| points.into_iter().map(|(x, y)| (f64::from(x), f64::from(y))).collect::<Vec<_>>());
    let rings = prop::collection::vec(prop_oneof![ring, whole], 1..3);
    let case = (1u32..70, 1u32..70, prop::collection::vec((rings, 0..2u8), 1..5)).prop_map(|(w, h, objects)| {
        let flat = |rings: &Vec<Vec<(f64, f64)>>| -> Value {
            rings.iter().map(|r| r.iter().flat_map(|p| [p.0, p.1]).collect::<Vec<_>>()).collect::<Vec<_>>().into()
        };
        let crowd: Vec<u8> = objects.iter().map(|o| o.1).collect();
        json!({"width": w, "height": h, "crowd": crowd, "objects": objects.iter().map(|o| flat(&o.0)).collect::<Vec<_>>()})
    });
    let mut runner = TestRunner::default();
    let cases: Vec<Value> = (0..300).map(|_| case.new_tree(&mut runner).unwrap().current()).collect();
    let mut child = Command::new(python)
        .arg(folder().join("masks.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(&cases).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        println!("skipped: the environment at `{}` cannot import pycocotools and numpy", venv.display());
        return;
    }
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    cases.iter().zip(&answers).for_each(|(case, answer)| compare(case, answer));
}
