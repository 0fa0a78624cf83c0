//! For every format of the table: what is written reads back equal but for the declared losses.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tamis_core::{Box2d, Label, LabelType, Point, Report, SampleRecord, Severity, Shape};
use tamis_formats::{FORMATS, Schema, WriteOptions};

use crate::scratch::{files, read_as, with_png, write_as};

const PATHS: &[&str] = &[
    "train/cat/a.png",
    "train/cat/with space.png",
    "val/cat/ünïcode 日本.png",
    "val/dog/hash#and&<quote>'\".png",
    "val/dog/deep/er/still/x.y.z.png",
];

/// Formats with names or labels of their own for everything: `families.rs` goes through these.
const OWN_LAYOUT: &[&str] = &[
    "kitti",
    "kitti-tracking",
    "mot",
    "mots",
    "dota",
    "widerface",
    "cityscapes",
    "masks",
    "conll",
    "ljspeech",
    "audio-manifest",
    "segment_anything",
];

fn boxed(x: u32, y: u32, w: u32, h: u32) -> Shape {
    let tenth = |v: u32| f64::from(v) / 8.0;
    Shape::Box2d(Box2d::new(tenth(x), tenth(y), tenth(x + w), tenth(y + h)))
}

fn label(boxes: bool) -> impl Strategy<Value = Label> {
    let shape = (0u32..200, 0u32..200, 1u32..40, 1u32..40).prop_map(|(x, y, w, h)| boxed(x, y, w, h));
    (shape, 0usize..2).prop_map(move |(shape, class)| {
        let shape = if boxes { shape } else { Shape::Classification };
        Label::new(shape).with_class(["cat", "dog"][class])
    })
}

/// Datasets that every format with boxes (or classes) must hold without loss but for ids.
fn records(boxes: bool) -> impl Strategy<Value = Vec<SampleRecord>> {
    let labels = proptest::collection::vec(label(boxes), 1..4);
    proptest::collection::vec(labels, PATHS.len()).prop_map(move |all| {
        let one = |(path, mut labels): (&&str, Vec<Label>)| {
            let mut parts = path.split('/');
            let (split, class) = (parts.next().unwrap(), parts.next().unwrap());
            if !boxes {
                labels.truncate(1);
                labels[0].class = Some(class.to_owned());
            }
            let layers = BTreeMap::from([("truth".to_owned(), labels)]);
            with_png(SampleRecord {
                path: (*path).to_owned(),
                split: Some(split.to_owned()),
                stated_size: Some((32, 32)),
                layers,
                ..Default::default()
            })
        };
        let mut all: Vec<SampleRecord> = PATHS.iter().zip(all).map(one).collect();
        all.sort_by(|a, b| a.path.cmp(&b.path));
        all
    })
}

fn schema(boxes: bool) -> Schema {
    let mut schema = Schema::default();
    let label_type = if boxes { LabelType::Box2d } else { LabelType::Classification };
    for class in ["cat", "dog"] {
        schema.ontology.add_class(label_type, class);
    }
    schema
}

type Plain = (String, Option<String>, Vec<(Option<String>, Shape)>);

/// What no format may lose.
fn plain(records: &[SampleRecord]) -> Vec<Plain> {
    let of = |r: &SampleRecord| {
        let labels = r.layers.values().flatten().map(|l| (l.class.clone(), l.shape.clone())).collect();
        (r.path.clone(), r.split.clone(), labels)
    };
    records.iter().map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn every_format_gives_back_what_it_was_given(boxes in records(true), classes in records(false)) {
        for format in FORMATS {
            let spec = format.spec();
            let (records, with_boxes) = if spec.can_write(LabelType::Box2d) { (&boxes, true) } else { (&classes, false) };
            if spec.writes.is_empty() || OWN_LAYOUT.contains(&spec.id) {
                continue;
            }
            let temp = tempfile::tempdir().unwrap();
            let (written, report) = write_as(&temp.path().join("a"), spec.id, &schema(with_boxes), records, &WriteOptions::default());
            prop_assert_eq!((written.samples, written.losses), (records.len() as u64, 0), "{}: {:?}", spec.id, report.findings());
            let (_, again) = write_as(&temp.path().join("b"), spec.id, &schema(with_boxes), records, &WriteOptions::default());
            prop_assert_eq!(again.findings(), report.findings());
            prop_assert_eq!(files(&temp.path().join("a")), files(&temp.path().join("b")), "{} writes the same bytes", spec.id);
            let report = Report::new();
            let (_, back) = read_as(&temp.path().join("a"), spec.id, &report);
            prop_assert_eq!(report.count(Severity::Error), 0, "{}: {:?}", spec.id, report.findings());
            prop_assert_eq!(plain(&back), plain(records), "{}", spec.id);
        }
    }
}

/// What a format says it cannot hold is counted, and refused when asked to.
#[test]
fn losses_are_counted_and_refused() {
    let ring = vec![Point { x: 1.0, y: 1.0 }, Point { x: 9.0, y: 1.0 }, Point { x: 5.0, y: 8.0 }];
    let polygon = Label::new(Shape::Polygon(ring)).with_class("cat");
    let layers = BTreeMap::from([("truth".to_owned(), vec![polygon.clone(), polygon])]);
    let record =
        with_png(SampleRecord { path: "a.png".into(), stated_size: Some((32, 32)), layers, ..Default::default() });
    for (format, code) in
        [("yolo", "yolo.polygon"), ("voc", "voc.shape"), ("csv", "csv.shape"), ("imagefolder", "imagefolder.labels")]
    {
        let temp = tempfile::tempdir().unwrap();
        let (written, report) = write_as(
            &temp.path().join("a"),
            format,
            &schema(true),
            std::slice::from_ref(&record),
            &WriteOptions::default(),
        );
        assert!(written.losses >= 2, "{format}");
        let found = report.findings();
        let finding = found.iter().find(|f| f.code == code).unwrap_or_else(|| panic!("{format}: {found:?}"));
        assert!(finding.message.contains("2 ×"), "{}", finding.message);
    }
}

/// The exact format loses nothing, whatever the record holds.
#[test]
fn the_exact_format_is_exact() {
    let mut record =
        with_png(SampleRecord { path: "odd\nname/ü\\.png".into(), stated_size: Some((3, 2)), ..Default::default() });
    record.timestamp = Some(1.5e9 + 0.1);
    (record.frame, record.sensor, record.split) = (Some("f".into()), Some("cam".into()), Some("x y".into()));
    record.fields.insert("weather".into(), serde_json::json!({"rain": [1, 2.5, null, true]}));
    let mut label = Label::new(Shape::Scalar(0.1)).with_id(9).with_class("angle");
    label.attributes.insert("a".into(), serde_json::json!("b"));
    (label.instance, label.confidence) = (Some("i".into()), Some(0.3));
    record.layers.insert("pred/m".into(), vec![label]);
    record.layers.insert("truth".into(), vec![]);
    let temp = tempfile::tempdir().unwrap();
    write_as(&temp.path().join("a"), "tamis", &schema(true), std::slice::from_ref(&record), &WriteOptions::default());
    let (found, mut back) = read_as(&temp.path().join("a"), "tamis", &Report::new());
    assert_eq!(found, schema(true));
    assert!(back[0].media.take().is_some());
    record.media = None;
    assert_eq!(back, [record]);
}
