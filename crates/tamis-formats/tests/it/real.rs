//! Real datasets, read in full; skipped where they are absent.

use tamis_core::{Box2d, Label, Report, SampleRecord, Severity};
use tamis_formats::{Schema, Sink, WriteOptions, detect, find};

use crate::scratch::{files, open, put, read_as, real};

fn load(path: &std::path::Path, format: &str) -> (Schema, Vec<SampleRecord>, Report) {
    let report = Report::new();
    let source = open(path, &report);
    let found = detect(&source, &report).unwrap();
    assert_eq!(found.format.spec().id, format, "{}: {}", path.display(), found.confidence.why);
    let (schema, records) = read_as(path, format, &report);
    (schema, records, report)
}

fn labels(records: &[SampleRecord]) -> usize {
    records.iter().flat_map(|r| r.layers.values()).map(Vec::len).sum()
}

fn split(records: &[SampleRecord], split: &str) -> usize {
    records.iter().filter(|r| r.split.as_deref() == Some(split)).count()
}

#[test]
fn bccd_is_voc_with_all_its_cells() {
    let Some(path) = real("bccd_voc") else { return };
    let (_, records, report) = load(&path, "voc");
    eprintln!("{:?}", report.findings());
    assert_eq!((records.len(), labels(&records)), (364, 4888));
    assert_eq!(split(&records, "train") + split(&records, "val") + split(&records, "test"), 364);
    assert!(records.iter().all(|r| r.media.is_some()));
}

#[test]
fn rice_pest_is_yolo() {
    let Some(path) = real("yolov8_rice_pest") else { return };
    let (schema, records, report) = load(&path, "yolo");
    eprintln!("{} labels, {:?}", labels(&records), report.findings());
    assert_eq!((records.len(), split(&records, "val")), (53, 53));
    assert_eq!(schema.ontology.types.values().next().unwrap().classes.len(), 7);
    assert!(records.iter().all(|r| r.layers.contains_key("truth") && r.stated_size.is_some()));
}

fn boxes(records: &[SampleRecord]) -> Vec<(String, Vec<(String, Box2d)>)> {
    let name = |p: &str| p.rsplit('/').next().unwrap().split('.').next().unwrap().to_owned();
    let of = |l: &Label| (l.class.clone().unwrap_or_default(), l.bounds().unwrap());
    let mut all: Vec<_> =
        records.iter().map(|r| (name(&r.path), r.layers.values().flatten().map(of).collect::<Vec<_>>())).collect();
    for (_, boxes) in &mut all {
        boxes.sort_by(|a, b| a.0.cmp(&b.0).then((a.1.xmin, a.1.ymin).partial_cmp(&(b.1.xmin, b.1.ymin)).unwrap()));
    }
    all.retain(|(_, boxes)| !boxes.is_empty());
    all
}

/// The same truth in four formats gives the same boxes.
#[test]
fn four_formats_of_the_same_truth_agree() {
    let Some(root) = real("voc100_multiformat") else { return };
    let mut all = Vec::new();
    for (format, folder) in
        [("voc", "pascalvoc_format"), ("coco", "coco_format_v1"), ("coco", "coco_format_v2"), ("yolo", "yolo_format")]
    {
        let temp = tempfile::tempdir().unwrap();
        for (path, bytes) in files(&root.join("images")) {
            put(temp.path(), &format!("images/{}", path.display()), bytes);
        }
        for (path, bytes) in files(&root.join("gts").join(folder)) {
            put(temp.path(), &path.display().to_string(), bytes);
        }
        let (_, records, report) = load(temp.path(), format);
        let errors = report.count(Severity::Error);
        eprintln!("{folder}: {} samples, {} labels, {errors} errors", records.len(), labels(&records));
        all.push((folder, boxes(&records)));
    }
    let (_, first) = &all[0];
    for (folder, other) in &all[1..] {
        assert_eq!(first.len(), other.len(), "{folder}");
        for ((name, want), (other_name, got)) in first.iter().zip(other) {
            assert_eq!((name, want.len()), (other_name, got.len()), "{folder}");
            for ((class, a), (other_class, b)) in want.iter().zip(got) {
                assert_eq!(class, other_class, "{folder} {name}");
                let near = [(a.xmin, b.xmin), (a.ymin, b.ymin), (a.xmax, b.xmax), (a.ymax, b.ymax)];
                assert!(near.iter().all(|(a, b)| (a - b).abs() < 0.01), "{folder} {name}: {a:?} {b:?}");
            }
        }
    }
}

/// COCO → records → COCO is the identity but for derived numbers and masks packed into text.
#[test]
fn coco_comes_back_as_it_was() {
    let Some(root) = real("coco_eval_fixtures/dataset/cocoapi/instances_val2014_100.json") else { return };
    let temp = tempfile::tempdir().unwrap();
    let text = std::fs::read(&root).unwrap();
    put(temp.path(), "in/instances_val2014_100.json", &text);
    let (schema, records) = read_as(&temp.path().join("in"), "coco", &Report::new());
    let report = Report::new();
    let sink = Sink::folder(&temp.path().join("out"), |_, _| Err(std::io::Error::other("none"))).unwrap();
    let mut writer = find("coco").unwrap().write(&sink, &schema, &WriteOptions::default(), &report).unwrap();
    records.iter().for_each(|r| writer.write(r).unwrap());
    writer.finish().unwrap();
    let out = files(&temp.path().join("out"));
    assert_eq!(out.len(), 1);
    let (was, is): (serde_json::Value, serde_json::Value) =
        (serde_json::from_slice(&text).unwrap(), serde_json::from_slice(&out[0].1).unwrap());
    eprintln!(
        "{} images, {} annotations",
        was["images"].as_array().unwrap().len(),
        was["annotations"].as_array().unwrap().len()
    );
    for key in ["images", "annotations", "categories"] {
        let by_id = |v: &serde_json::Value| {
            let mut list = v[key].as_array().unwrap().clone();
            list.sort_by_key(|e| e["id"].as_i64());
            list
        };
        let (was, is) = (by_id(&was), by_id(&is));
        assert_eq!(was.len(), is.len(), "{key}");
        for (was, is) in was.iter().zip(&is) {
            for (name, value) in was.as_object().unwrap() {
                assert!(same(value, &is[name]), "{key} {name}: {value} became {}", is[name]);
            }
        }
    }
}

/// Equal but for `5` and `5.0`.
fn same(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => a.iter().all(|(k, v)| b.get(k).is_some_and(|b| same(v, b))),
        _ => a == b,
    }
}

/// Folders that other tools' tests use: what each is, how many samples and labels it has.
#[test]
fn fixtures_of_other_tools_are_recognised_and_read() {
    let cases = [
        ("datumaro_fixtures/coco_dataset/coco_instances", "coco", 2, None),
        ("datumaro_fixtures/coco_dataset/coco_roboflow", "coco", 2, None),
        ("datumaro_fixtures/coco_dataset/mmdet_coco", "coco", 2, None),
        ("datumaro_fixtures/coco_dataset/coco_person_keypoints", "coco", 2, None),
        ("datumaro_fixtures/coco_dataset/coco_captions", "coco", 2, None),
        ("datumaro_fixtures/voc_dataset/voc_dataset1", "voc", 2, None),
        ("datumaro_fixtures/yolo_dataset/strict", "yolo", 1, None),
        ("datumaro_fixtures/yolo_dataset/labels", "yolo", 2, None),
        ("labelformat_fixtures/object_detection/COCO", "coco", 2, None),
        ("labelformat_fixtures/object_detection/YOLOv8", "yolo", 2, None),
        ("labelformat_fixtures/instance_segmentation/YOLOv8", "yolo", 2, None),
    ];
    for (name, format, samples, count) in cases {
        let Some(path) = real(name) else { return };
        let (_, records, report) = load(&path, format);
        eprintln!(
            "{name}: {} samples, {} labels, {:?}",
            records.len(),
            labels(&records),
            report.findings().iter().map(|f| &f.code).collect::<Vec<_>>()
        );
        assert_eq!(records.len(), samples, "{name}: {:?}", report.findings());
        assert!(labels(&records) > 0, "{name}");
        assert!(count.is_none_or(|c: usize| c == labels(&records)), "{name}");
    }
}

/// pycocotools reads our COCO with the numbers it reads in the original.
#[test]
fn pycocotools_agrees() {
    let Some(path) = real("coco_eval_fixtures/dataset/cocoapi/instances_val2014_100.json") else { return };
    let venv = std::env::var_os("TAMIS_VENV").map(std::path::PathBuf::from);
    let venv = venv.or_else(|| Some(std::path::PathBuf::from(std::env::var_os("HOME")?).join(".cache/tamis-venv")));
    let python = venv.unwrap_or_default().join("bin/python");
    let has = |p: &std::path::Path| {
        std::process::Command::new(p).args(["-c", "import pycocotools.coco"]).output().is_ok_and(|o| o.status.success())
    };
    if !has(&python) {
        eprintln!("skipped: `{}` has no pycocotools (run `make venv`, or set TAMIS_VENV)", python.display());
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    put(temp.path(), "in/instances_val2014_100.json", std::fs::read(&path).unwrap());
    let (schema, records) = read_as(&temp.path().join("in"), "coco", &Report::new());
    crate::scratch::write_as(&temp.path().join("out"), "coco", &schema, &records, &WriteOptions::default());
    let out = temp.path().join("out").join(&files(&temp.path().join("out"))[0].0);
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/coco.py");
    let answer = std::process::Command::new(python).arg(script).arg(&path).arg(out).output().unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
}
