//! Formats of annotation tools: real and micro datasets with known counts, every shape through every format that
//! declares it, and input that is broken.

use std::collections::BTreeMap;

use serde_json::json;
use tamis_core::{
    Box2d, Keypoint, Label, LabelType, Point, Report, Rle, RotatedBox, SampleRecord, Severity, Shape, TrackKey, Word,
};
use tamis_formats::{FORMATS, Schema, Sink, WriteOptions, detect, find};

use crate::scratch::{open, put, read_as, real, with_png, write_as};

fn labels(records: &[SampleRecord]) -> usize {
    records.iter().flat_map(|r| r.layers.values()).map(Vec::len).sum()
}

/// Folders of other tools' tests: the format, how many samples, labels and errors.
#[test]
fn fixtures_of_tools_are_recognised_and_read() {
    let cases: &[(&str, &str, usize, usize, u64)] = &[
        ("datumaro_fixtures/cvat_dataset/for_images/export_task", "cvat", 2, 4, 0),
        ("datumaro_fixtures/cvat_dataset/for_images/export_project", "cvat", 6, 12, 0),
        ("datumaro_fixtures/cvat_dataset/for_video", "cvat", 3, 3, 0),
        ("datumaro_fixtures/datumaro_dataset/legacy", "datumaro", 4, 7, 0),
        ("datumaro_fixtures/vott_json_dataset/dataset", "vott", 3, 4, 0),
        ("datumaro_fixtures/roboflow_dataset/createml", "createml", 3, 4, 0),
        ("labelformat_fixtures/object_detection/Labelbox", "labelbox", 2, 16, 0),
        ("labelme_examples/bbox_detection/data_annotated", "labelme", 3, 9, 0),
        ("labelme_examples/classification/data_annotated", "labelme", 2, 2, 0),
        ("labelme_examples/instance_segmentation/data_annotated", "labelme", 3, 18, 0),
        ("labelme_examples/semantic_segmentation/data_annotated", "labelme", 3, 18, 0),
        ("labelme_examples/video_annotation/data_annotated", "labelme", 5, 15, 0),
        ("datumaro_fixtures/coco_dataset/coco_panoptic", "coco", 2, 2, 0),
        ("datumaro_fixtures/coco_dataset/coco_stuff", "coco", 2, 2, 0),
        ("labelme_examples/primitives", "labelme", 1, 8, 0),
        ("voc100_multiformat/gts/labelme_format", "labelme", 8, 16, 0),
    ];
    let mut wrong = Vec::new();
    for &(name, format, samples, count, errors) in cases {
        let Some(path) = real(name) else { return };
        let report = Report::new();
        let found = detect(&open(&path, &report), &report).unwrap();
        if found.format.spec().id != format {
            wrong.push(format!("{name} is taken for {}: {}", found.format.spec().id, found.confidence.why));
            continue;
        }
        let (_, records) = read_as(&path, format, &report);
        let got = (records.len(), labels(&records), report.count(Severity::Error));
        if got != (samples, count, errors) {
            wrong.push(format!("{name}: {got:?}, {:?}", report.findings()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A folder with some files of a dataset.
fn folder(root: &std::path::Path, names: &[&str]) -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    for name in names {
        put(temp.path(), name, std::fs::read(root.join(name)).unwrap());
    }
    temp
}

/// Panoptic COCO: masks and segments come in, and go out as they were.
#[test]
fn panoptic_coco_comes_back() {
    let Some(root) = real("coco_panoptic_sample") else { return };
    let names: Vec<String> = ["142238", "439180"]
        .iter()
        .flat_map(|n| [format!("input_images/000000{n}.jpg"), format!("panoptic_examples/000000{n}.png")])
        .collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.push("panoptic_examples.json");
    let temp = folder(&root, &names);
    let report = Report::new();
    let (schema, records) = read_as(temp.path(), "coco", &report);
    assert_eq!((records.len(), report.count(Severity::Error)), (2, 0), "{:?}", report.findings());
    let segments = |r: &SampleRecord| match &r.layers["truth"][0].shape {
        Shape::Mask(mask) => mask.info.clone(),
        other => panic!("{other:?}"),
    };
    let found: Vec<_> = records.iter().map(segments).collect();
    assert_eq!(found.iter().map(Vec::len).sum::<usize>(), SEGMENTS);
    assert_eq!((found[0][0].instance, found[0][0].class_id), (Some(3937500), Some(1)));
    assert_eq!(schema.ontology.types[&LabelType::PanopticMask].classes[0].extra["isthing"], json!(1));
    let source = open(temp.path(), &Report::new());
    let out = tempfile::tempdir().unwrap();
    let sink = Sink::from_source(out.path(), &source).unwrap();
    let report = Report::new();
    let mut writer = find("coco").unwrap().write(&sink, &schema, &WriteOptions::default(), &report).unwrap();
    records.iter().for_each(|r| writer.write(r).unwrap());
    assert_eq!(writer.finish().unwrap().losses, 0, "{:?}", report.findings());
    let (_, back) = read_as(out.path(), "coco", &Report::new());
    assert_eq!(back.iter().map(segments).collect::<Vec<_>>(), found);
    let (was, is): (serde_json::Value, serde_json::Value) = (
        serde_json::from_slice(&std::fs::read(root.join("panoptic_examples.json")).unwrap()).unwrap(),
        serde_json::from_slice(&std::fs::read(out.path().join("annotations/panoptic_default.json")).unwrap()).unwrap(),
    );
    for key in ["annotations", "categories", "info", "licenses"] {
        let sorted = |v: &serde_json::Value| {
            let mut list = v[key].as_array().cloned().unwrap_or_else(|| vec![v[key].clone()]);
            list.sort_by_key(|e| (e["image_id"].as_i64(), e["id"].as_i64()));
            list
        };
        let plain = |list: Vec<serde_json::Value>| -> Vec<serde_json::Value> {
            list.into_iter()
                .map(|mut e| {
                    if let Some(name) = e["file_name"].as_str() {
                        e["file_name"] = json!(name.rsplit('/').next());
                    }
                    e
                })
                .collect()
        };
        assert_eq!(plain(sorted(&was)), plain(sorted(&is)), "{key}");
    }
}

/// Segments of the two images of the sample.
const SEGMENTS: usize = 50;

/// Files of results become layers beside the truth; LVIS keeps what it says of whole images; key points their skeleton.
#[test]
fn results_lvis_and_key_points_of_coco_are_read() {
    let Some(root) = real("coco_eval_fixtures") else { return };
    let names = [
        "instances_val2014_100.json",
        "instances_val2014_fakebbox100_results.json",
        "instances_val2014_fakesegm100_results.json",
    ];
    let temp = folder(&root.join("dataset/cocoapi"), &names);
    let report = Report::new();
    let (_, records) = read_as(temp.path(), "coco", &report);
    let count = |layer: &str| records.iter().filter_map(|r| r.layers.get(layer)).map(Vec::len).sum::<usize>();
    assert_eq!(records.len(), 100);
    assert_eq!(count("predictions/instances_val2014_fakebbox100_results"), 734);
    assert_eq!(count("predictions/instances_val2014_fakesegm100_results"), 734);
    let all = records.iter().flat_map(|r| &r.layers);
    let predicted = all.filter(|(name, _)| name.starts_with("predictions")).flat_map(|(_, l)| l);
    assert!(predicted.clone().all(|l| l.class.is_some() && l.confidence.is_some()));
    assert!(predicted.clone().any(|l| matches!(l.shape, Shape::Rle(_))));

    let alone = folder(&root.join("dataset/cocoapi"), &names[1..2]);
    let (_, records) = read_as(alone.path(), "coco", &Report::new());
    assert_eq!(labels(&records), 734);

    let lvis = folder(&root.join("lvis_dataset"), &["lvis_val_100.json"]);
    let (schema, records) = read_as(lvis.path(), "coco", &Report::new());
    assert_eq!((records.len(), labels(&records)), (100, 977));
    assert!(
        records
            .iter()
            .all(|r| r.fields.contains_key("neg_category_ids") && r.fields.contains_key("not_exhaustive_category_ids"))
    );
    assert!(schema.ontology.types.values().next().unwrap().classes[0].extra.contains_key("synset"));

    let Some(root) = real("coco_keypoints_sample") else { return };
    let poses = folder(
        &root,
        &["test_coco.json", "000000000785.jpg", "000000040083.jpg", "000000196141.jpg", "000000197388.jpg"],
    );
    let (schema, records) = read_as(poses.path(), "coco", &Report::new());
    assert_eq!(records.len(), 4);
    let skeleton = &schema.ontology.types[&LabelType::Keypoints].skeletons[0];
    assert_eq!((skeleton.names.len(), skeleton.edges.len()), (17, 19));
    let people = records.iter().flat_map(|r| &r.layers["truth"]).filter(|l| l.label_type() == LabelType::Keypoints);
    assert!(people.clone().count() > 0);
    let out = tempfile::tempdir().unwrap();
    write_as(
        out.path(),
        "coco",
        &schema,
        &records.iter().map(|r| SampleRecord { media: None, ..r.clone() }).collect::<Vec<_>>(),
        &WriteOptions::default(),
    );
    let (again, back) = read_as(out.path(), "coco", &Report::new());
    let layers = |all: &[SampleRecord]| all.iter().map(|r| r.layers.clone()).collect::<Vec<_>>();
    assert_eq!(layers(&back), layers(&records));
    assert_eq!(
        again.ontology.types[&LabelType::Keypoints].skeletons,
        schema.ontology.types[&LabelType::Keypoints].skeletons
    );
}

/// The layout that Roboflow exports: a folder a split.
#[test]
fn coco_is_written_as_roboflow_lays_it_out() {
    let layers = BTreeMap::from([("truth".to_owned(), vec![examples()[1].clone()])]);
    let record = |path: &str, split: &str| {
        let split = Some(split.to_owned());
        with_png(SampleRecord {
            path: path.into(),
            split,
            stated_size: Some((32, 32)),
            layers: layers.clone(),
            ..Default::default()
        })
    };
    let temp = tempfile::tempdir().unwrap();
    let options = WriteOptions::default().with("layout", "roboflow");
    write_as(
        temp.path(),
        "coco",
        &Schema::default(),
        &[record("train/a.png", "train"), record("x/b.png", "val")],
        &options,
    );
    let there: Vec<String> =
        crate::scratch::files(temp.path()).into_iter().map(|(p, _)| p.display().to_string()).collect();
    assert_eq!(there, ["train/_annotations.coco.json", "train/a.png", "valid/_annotations.coco.json", "valid/x/b.png"]);
    let (_, back) = read_as(temp.path(), "coco", &Report::new());
    assert_eq!(
        back.iter().map(|r| (r.path.as_str(), r.split.as_deref())).collect::<Vec<_>>(),
        [("train/a.png", Some("train")), ("valid/x/b.png", Some("val"))]
    );
    assert_eq!(labels(&back), 2);
}

fn p(x: f64, y: f64) -> Point {
    Point { x, y }
}

/// One label of each type that image formats may hold, inside 32 × 32 pixels.
fn examples() -> Vec<Label> {
    let ring = vec![p(1.0, 1.5), p(9.25, 1.0), p(5.0, 8.0)];
    let other = vec![p(20.0, 20.0), p(30.0, 20.5), p(25.0, 28.0)];
    let mask: Vec<u8> =
        (0..32 * 32u32).map(|i| u8::from((200..420).contains(&i) && i % 32 > 3 && i % 5 != 0)).collect();
    let point = |x, y, v| Keypoint { x, y, v };
    let shapes = vec![
        Shape::Classification,
        Shape::Box2d(Box2d::new(2.0, 3.5, 12.0, 9.25)),
        Shape::RotatedBox(RotatedBox { cx: 16.0, cy: 15.0, width: 10.0, height: 4.0, angle: 30f64.to_radians() }),
        Shape::Polygon(ring.clone()),
        Shape::MultiPolygon(vec![ring.clone(), other.clone()]),
        Shape::Polyline { points: vec![p(0.0, 1.0), p(4.0, 4.5), p(9.0, 2.0)], bezier: None },
        Shape::MultiPolyline(vec![ring, other]),
        Shape::Keypoints(vec![point(4.0, 5.0, Some(2)), point(0.0, 0.0, Some(0)), point(7.5, 9.0, Some(1))]),
        Shape::Rle(Rle::from_mask(32, 32, &mask).unwrap()),
        Shape::Sentence {
            sentence: vec![Word { text: "a cat, asleep".into(), begin: None, end: None }],
            spell: vec![],
            phone: vec![],
        },
    ];
    shapes.into_iter().map(|s| Label::new(s).with_class("cat")).collect()
}

/// Shapes that a format writes in a form of its own, which reads back nearly or as several: what to expect then.
fn alike(format: &str, given: &Label, found: &[&Label]) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    match (&given.shape, found) {
        (Shape::RotatedBox(a), [Label { shape: Shape::RotatedBox(b), .. }]) => {
            near(a.cx, b.cx)
                && near(a.cy, b.cy)
                && near(a.width, b.width)
                && near(a.height, b.height)
                && near(a.angle, b.angle)
        }
        // One region a point, without visibility.
        (Shape::Keypoints(points), found) if matches!(format, "labelbox" | "label_studio") => {
            let of = |l: &&Label| match &l.shape {
                Shape::Keypoints(k) => k.iter().map(|k| (k.x, k.y)).collect::<Vec<_>>(),
                _ => vec![],
            };
            found.iter().flat_map(of).collect::<Vec<_>>() == points.iter().map(|k| (k.x, k.y)).collect::<Vec<_>>()
        }
        (Shape::Keypoints(points), [Label { shape: Shape::Keypoints(k), .. }])
            if matches!(format, "labelme" | "cvat") =>
        {
            k.iter().map(|k| (k.x, k.y, None)).eq(points.iter().map(|k| (k.x, k.y, k.v.filter(|_| false))))
        }
        // Captions have no class.
        (Shape::Sentence { .. }, [one]) => one.shape == given.shape,
        (_, [one]) => one.shape == given.shape && one.class == given.class,
        _ => false,
    }
}

/// Every type of label through every format of images that says it writes and reads it: it comes back, and nothing is
/// lost but for what is known.
#[test]
fn every_declared_shape_comes_back() {
    let own = ["tamis", "jsonl", "csv", "parquet", "imagefolder", "yolo", "voc", "files"];
    // Their conformance tables stand with their layouts.
    let layouts = ["kitti", "kitti-tracking", "mot", "mots", "dota", "widerface", "openimages", "tfrecord"];
    let mut seen = 0;
    for format in FORMATS {
        let spec = format.spec();
        if own.contains(&spec.id)
            || layouts.contains(&spec.id)
            || !spec.media.contains(&"image")
            || !spec.can_write(LabelType::Box2d)
        {
            continue;
        }
        for label in examples() {
            let t = label.label_type();
            if !(spec.can_write(t) && spec.reads.contains(&t)) {
                continue;
            }
            let layers = BTreeMap::from([("truth".to_owned(), vec![label.clone()])]);
            let record = with_png(SampleRecord {
                path: "set/a.png".into(),
                stated_size: Some((32, 32)),
                layers,
                ..Default::default()
            });
            let mut schema = Schema::default();
            schema.ontology.add_class(t, "cat");
            let temp = tempfile::tempdir().unwrap();
            let (written, report) = write_as(
                &temp.path().join("a"),
                spec.id,
                &schema,
                std::slice::from_ref(&record),
                &WriteOptions::default(),
            );
            let points = t == LabelType::Keypoints;
            // A format that lays out its own folders says that it moved the file.
            let lost =
                report.findings().iter().filter(|f| !f.code.ends_with(".path") && !f.code.ends_with(".split")).count();
            assert!(lost == 0 || points, "{} {t}: {} losses, {:?}", spec.id, written.losses, report.findings());
            let report = Report::new();
            let (_, back) = read_as(&temp.path().join("a"), spec.id, &report);
            assert_eq!(report.count(Severity::Error), 0, "{} {t}: {:?}", spec.id, report.findings());
            let found: Vec<&Label> = back.iter().flat_map(|r| r.layers.values()).flatten().collect();
            assert!(alike(spec.id, &label, &found), "{} {t}: {:?} became {found:?}", spec.id, label.shape);
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

/// CVAT's and LabelMe's encodings of the truth of voc100 give the boxes of its COCO encoding.
#[test]
fn tools_encode_the_same_boxes() {
    let Some(root) = real("voc100_multiformat") else { return };
    let boxes = |folder: &str, format: &str| {
        let temp = tempfile::tempdir().unwrap();
        for (path, bytes) in crate::scratch::files(&root.join("images"))
            .into_iter()
            .chain(crate::scratch::files(&root.join("gts").join(folder)))
        {
            put(temp.path(), &path.display().to_string(), bytes);
        }
        let report = Report::new();
        let (_, records) = read_as(temp.path(), format, &report);
        assert_eq!(report.count(Severity::Error), 0, "{:?}", report.findings());
        let one = |l: &Label| {
            let b = l.bounds().unwrap();
            (l.class.clone().unwrap(), [b.xmin, b.ymin, b.xmax, b.ymax].map(|v| v.round() as i64))
        };
        let mut all: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for record in records {
            let mut found: Vec<_> = record.layers.values().flatten().map(one).collect();
            found.sort();
            let name = record.path.rsplit('/').next().unwrap().split('.').next().unwrap().to_owned();
            all.insert(name, found);
        }
        all.retain(|_, found| !found.is_empty());
        all
    };
    let coco = boxes("coco_format_v1", "coco");
    assert_eq!(coco.values().map(Vec::len).sum::<usize>(), 273);
    assert_eq!(boxes("cvat_format", "cvat"), coco);
    let some = boxes("labelme_format", "labelme");
    assert_eq!(some.len(), 8);
    assert!(some.iter().all(|(name, found)| coco.get(name) == Some(found)));
}

/// Tracks of CVAT over a video file stay tracks, with what is outside and what was interpolated.
#[test]
fn tracks_over_a_video_file_stay_tracks() {
    let temp = tempfile::tempdir().unwrap();
    put(temp.path(), "t.mp4", [0; 64]);
    let text = r#"<annotations><version>1.1</version><meta><source>t.mp4</source></meta><track id="4" label="car">
<box frame="2" outside="0" keyframe="1" xtl="1" ytl="1" xbr="5" ybr="5"/>
<box frame="3" outside="0" keyframe="0" xtl="2" ytl="1" xbr="6" ybr="5"/>
<box frame="4" outside="1" keyframe="1" xtl="2" ytl="1" xbr="6" ybr="5"/>
<box frame="4" outside="1" keyframe="1" xtl="2" ytl="1" xbr="6" ybr="5"/></track></annotations>"#;
    put(temp.path(), "annotations.xml", text);
    let report = Report::new();
    let (_, records) = read_as(temp.path(), "cvat", &report);
    assert_eq!((records.len(), report.count(Severity::Error), report.count(Severity::Warning)), (1, 0, 1));
    let label = &records[0].layers["truth"][0];
    assert_eq!((records[0].path.as_str(), label.instance.as_deref()), ("t.mp4", Some("4")));
    let Shape::Track(keys) = &label.shape else { panic!("{label:?}") };
    let facts: Vec<_> = keys.iter().map(|k| (k.frame, k.outside, k.interpolated)).collect();
    assert_eq!(facts, [(2, false, false), (3, false, true), (4, true, false)]);
}

/// What labels carry beside their shape comes back where it is not a declared loss.
#[test]
fn attributes_confidence_instance_and_ids_come_back() {
    let mut label = Label::new(Shape::Box2d(Box2d::new(2.0, 3.0, 12.0, 9.0))).with_class("cat").with_id(7);
    (label.confidence, label.instance) = (Some(0.25), Some("3".into()));
    label.attributes.insert("pose".into(), json!("left"));
    label.attributes.insert("truncated".into(), json!(true));
    let layers = BTreeMap::from([("truth".to_owned(), vec![label.clone()])]);
    let record =
        with_png(SampleRecord { path: "set/a.png".into(), stated_size: Some((32, 32)), layers, ..Default::default() });
    let lossy: &[(&str, &[&str])] = &[
        ("coco", &[]),
        ("datumaro", &[]),
        ("label_studio", &[]),
        ("cvat", &["ids", "confidence"]),
        ("labelme", &["ids", "confidence", "attributes"]),
        ("labelbox", &["ids", "confidence", "attributes"]),
        ("bdd100k", &["ids"]),
        ("supervisely", &["instance"]),
        ("vott", &["ids", "confidence", "instance", "attributes"]),
        ("createml", &["ids", "instance", "attributes"]),
    ];
    for (format, losses) in lossy {
        let temp = tempfile::tempdir().unwrap();
        let mut schema = Schema::default();
        schema.ontology.add_class(LabelType::Box2d, "cat");
        let (_, report) =
            write_as(temp.path(), format, &schema, std::slice::from_ref(&record), &WriteOptions::default());
        let mut codes: Vec<String> = report.findings().into_iter().map(|f| f.code).collect();
        let mut wanted: Vec<String> = losses.iter().map(|l| format!("{format}.{l}")).collect();
        codes.sort();
        wanted.sort();
        assert_eq!(codes, wanted, "{format}");
        let (_, back) = read_as(temp.path(), format, &Report::new());
        let found = &back[0].layers["truth"][0];
        let held = |what: &str| !losses.contains(&what);
        assert!(!held("ids") || found.id == 7, "{format}: {found:?}");
        assert!(!held("confidence") || found.confidence == label.confidence, "{format}: {found:?}");
        assert!(!held("instance") || found.instance == label.instance, "{format}: {found:?}");
        assert!(!held("attributes") || found.attributes == label.attributes, "{format}: {found:?}");
    }
}

/// Fields of samples, splits that no folder names, and samples nobody looked at.
#[test]
fn what_stands_beside_labels_is_kept_or_counted() {
    let looked = with_png(SampleRecord {
        path: "pics/a.png".into(),
        split: Some("holdout".into()),
        stated_size: Some((32, 32)),
        fields: BTreeMap::from([("weather".to_owned(), json!("rain"))]),
        layers: BTreeMap::from([("truth".to_owned(), vec![])]),
        ..Default::default()
    });
    let mut unseen = SampleRecord { path: "pics/b.png".into(), ..looked.clone() };
    unseen.layers.clear();
    let records = [looked, unseen];
    for format in
        ["datumaro", "label_studio", "cvat", "labelme", "labelbox", "bdd100k", "supervisely", "vott", "createml"]
    {
        let temp = tempfile::tempdir().unwrap();
        let (_, report) = write_as(temp.path(), format, &Schema::default(), &records, &WriteOptions::default());
        let codes: Vec<String> = report.findings().into_iter().map(|f| f.code).collect();
        let lost = |what: &str| codes.contains(&format!("{format}.{what}"));
        let (_, back) = read_as(temp.path(), format, &Report::new());
        assert_eq!(back.iter().map(|r| r.path.as_str()).collect::<Vec<_>>(), ["pics/a.png", "pics/b.png"], "{format}");
        assert_eq!(
            lost("split"),
            back[0].split.as_deref() != Some("holdout"),
            "{format} {codes:?} {:?}",
            back[0].split
        );
        assert_eq!(lost("fields"), back[0].fields.get("weather") != Some(&json!("rain")), "{format} {codes:?}");
        assert!(back[0].layers.contains_key("truth"), "{format}");
        assert_eq!(lost("not_looked_at"), back[1].layers.contains_key("truth"), "{format} {codes:?}");
    }
}

/// Text, audio and video of Label Studio: spans, choices, tracks, relations, annotators and predictions.
#[test]
fn label_studio_holds_text_sound_and_video() {
    let span = |begin, end, class: &str, id| Label::new(Shape::TextSpan { begin, end }).with_class(class).with_id(id);
    let mut relation = Label::new(Shape::Relation { from: 1, to: 2 }).with_class("lives in");
    relation.id = 0;
    let text = SampleRecord {
        path: "t/a.txt".into(),
        media: Some(tamis_core::MediaSource::Bytes("Zoë 🐱 from Köln".as_bytes().to_vec())),
        layers: BTreeMap::from([(
            "truth".to_owned(),
            vec![span(0, 3, "person", 1), span(11, 15, "place", 2), relation],
        )]),
        ..Default::default()
    };
    let sound = SampleRecord {
        path: "t/b.wav".into(),
        media: Some(tamis_core::MediaSource::Bytes(vec![0; 64])),
        layers: BTreeMap::from([(
            "truth".to_owned(),
            vec![Label::new(Shape::TimeSpan { begin: 0.5, end: 1.25 }).with_class("bark")],
        )]),
        ..Default::default()
    };
    let key = |frame, x: f64, outside| TrackKey {
        outside,
        ..TrackKey::new(frame, Shape::Box2d(Box2d::new(x, 10.0, x + 8.0, 20.0)))
    };
    let track =
        Label::new(Shape::Track(vec![key(0, 4.0, false), key(5, 8.0, false), key(6, 8.0, true), key(9, 2.0, false)]));
    let film = SampleRecord {
        path: "t/c.mp4".into(),
        media: Some(tamis_core::MediaSource::Bytes(vec![0; 64])),
        stated_size: Some((64, 32)),
        layers: BTreeMap::from([
            ("truth".to_owned(), vec![track.with_class("car")]),
            ("predictions".to_owned(), vec![Label::new(Shape::Classification).with_class("street")]),
        ]),
        ..Default::default()
    };
    let records = [text, sound, film];
    let temp = tempfile::tempdir().unwrap();
    let (written, report) =
        write_as(temp.path(), "label_studio", &Schema::default(), &records, &WriteOptions::default());
    assert_eq!((written.labels, written.losses), (6, 0), "{:?}", report.findings());
    let report = Report::new();
    let (_, back) = read_as(temp.path(), "label_studio", &report);
    assert_eq!(report.count(Severity::Error), 0, "{:?}", report.findings());
    let layers = |all: &[SampleRecord]| all.iter().map(|r| (r.path.clone(), r.layers.clone())).collect::<Vec<_>>();
    let mut wanted = layers(&records);
    wanted[0].1.get_mut("truth").unwrap()[2].id = 0;
    assert_eq!(layers(&back), wanted);
}

/// The same broken things in each tool's syntax: the good label beside them is read, and there are findings.
#[test]
fn broken_files_of_tools_are_findings() {
    let cases: &[(&str, &str, &str, usize)] = &[
        (
            "labelme",
            "a.json",
            r#"{"version":"5","flags":{},"shapes":[{"label":"x","points":[[1,1],[3,3]],"shape_type":"rectangle"},{"label":"x","points":[[1,"q"]],"shape_type":"rectangle"},{"label":"x","points":[],"shape_type":"mask","mask":"!"},5,{"label":"x","points":[[1e400,2]]}],"imagePath":"../../../etc/passwd"}"#,
            1,
        ),
        (
            "labelme",
            "a.json",
            r#"{"version":"5","flags":{},"shapes":[{"label":"x","points":[[1,1],[3,3]],"shape_type":"rectangle"},{"label":"x","points":[[1,"q"]],"shape_type":"rectangle"},{"label":"x","points":[],"shape_type":"mask","mask":"!"},5],"imagePath":"../../../etc/passwd"}"#,
            1,
        ),
        (
            "cvat",
            "a.xml",
            r#"<annotations><image id="0" name="a.png" width="9" height="9"><box label="x" xtl="1" ytl="1" xbr="3" ybr="3"/><box label="x" xtl="nan" ytl="1" xbr="3" ybr="3"/><polygon label="x" points="1,2;3"/><mask label="x" rle="1,x" left="0" top="0" width="1" height="1"/><blob/></image><image name="../../x.png"/><image/><image name="a"#,
            1,
        ),
        (
            "datumaro",
            "annotations/t.json",
            r#"{"infos":{},"categories":{"label":{"labels":[{"name":"x"}]}},"items":[{"id":"a","image":{"path":"a.png"},"annotations":[{"id":1,"type":"bbox","label_id":0,"bbox":[1,1,2,2]},{"id":1,"type":"bbox","label_id":9,"bbox":[1,1,2,2]},{"type":"bbox","bbox":[1]},{"type":"mask"},{"type":"what"}]},{"id":"../../../../x"},7,{"id":"b""#,
            2,
        ),
        (
            "vott",
            "x-export.json",
            r##"{"tags":[{"name":"x","color":"#é"}],"assets":{"1":{"asset":{"name":"a.png","path":"file:/tmp/a.png"},"regions":[{"type":"RECTANGLE","tags":["x"],"boundingBox":{"left":1,"top":1,"width":2,"height":2}},{"type":"POLYGON","points":[{"x":1}]},{"type":"RECTANGLE"}]},"2":{"asset":{"name":"../../x.png"}},"3":{},"4":8}}"##,
            1,
        ),
        (
            "createml",
            "a.json",
            r#"[{"image":"a.png","annotations":[{"label":"x","coordinates":{"x":3,"y":3,"width":2,"height":2}},{"label":"x","coordinates":{"x":"?"}},3,{"label":"y","coordinates":{"x":3,"y":3,"width":-2,"height":2}}]},{"image":"../../b.png","annotations":[]},{"annotations":[]},{"image":"#,
            1,
        ),
        (
            "labelbox",
            "a.ndjson",
            r#"{"data_row":{"external_id":"a.png"},"media_attributes":{},"projects":{"p":{"labels":[{"annotations":{"objects":[{"name":"x","bounding_box":{"top":1,"left":1,"width":2,"height":2}},{"name":"x","bounding_box":{"top":null}},{"name":"m","mask":{"url":"https://x"}},{}]}}]}}}
not json
[]
{"data_row":{"external_id":"../../x"}}
{"data_row":"#,
            1,
        ),
        (
            "supervisely",
            "ds/ann/a.png.json",
            r#"{"tags":[],"size":{"width":9,"height":9},"objects":[{"classTitle":"x","geometryType":"rectangle","points":{"exterior":[[1,1],[3,3]]}},{"classTitle":"x","geometryType":"rectangle","points":{"exterior":[[1]]}},{"geometryType":"bitmap","bitmap":{"data":"eJw=","origin":[0,0]}},{"geometryType":"any","points":{"exterior":[[1,1]]}},9]}"#,
            1,
        ),
        (
            "bdd100k",
            "labels/t.json",
            r#"[{"name":"a.png","labels":[{"category":"x","box2d":{"x1":1,"y1":1,"x2":3,"y2":3}},{"category":"x","box2d":{"x1":"a"}},{"category":"x","poly2d":[{"vertices":[[1]]}]},{"category":"x","box3d":{}}]},{"name":"../../x.png"},{},{"name":"#,
            1,
        ),
        (
            "label_studio",
            "t.json",
            r#"[{"id":1,"data":{"image":"/data/upload/1/0a1b2c3d-a.png"},"annotations":[{"result":[{"id":"q","type":"rectanglelabels","value":{"x":10,"y":10,"width":10,"height":10,"rectanglelabels":["x"]},"original_width":20,"original_height":20},{"type":"rectanglelabels","value":{"x":"?"}},{"type":"brushlabels","value":{"rle":[1,2,300]}},{"type":"relation","from_id":"q","to_id":"gone"},{"type":"magic"}]}]},{"data":{}},{"data":{"image":"../../x.png"},"annotations":[]},{"data":"#,
            1,
        ),
        (
            "coco",
            "annotations/panoptic_t.json",
            r#"{"images":[{"id":1,"file_name":"a.png","width":9,"height":9}],"annotations":[{"image_id":1,"file_name":"../../x.png","segments_info":[{"id":1,"category_id":1}]},{"image_id":1,"file_name":"gone.png","segments_info":[]},{"id":4,"image_id":1,"category_id":1,"bbox":[1,1,2,2]}],"categories":[{"id":1,"name":"x"}]}"#,
            1,
        ),
    ];
    for (at, (format, name, text, count)) in cases.iter().enumerate() {
        let temp = tempfile::tempdir().unwrap();
        let image = if *format == "supervisely" { "ds/img/a.png" } else { "a.png" };
        put(temp.path(), image, crate::scratch::png(9, 9));
        put(temp.path(), "meta.json", r#"{"classes":[],"tags":[]}"#);
        put(temp.path(), name, text);
        let report = Report::new();
        let (_, records) = read_as(temp.path(), format, &report);
        if at == 0 {
            // A number beyond all bounds costs its own label and no other.
            let said = report.findings();
            assert!(said.iter().any(|f| f.code == "labelme.number" && f.count == 1), "{said:?}");
        }
        assert_eq!(labels(&records), *count, "{format}: {:?}", report.findings());
        assert!(report.count(Severity::Error) >= 2, "{format}: {:?}", report.findings());
        assert!(report.findings().iter().all(|f| !f.message.is_empty() && f.places.iter().all(|p| !p.file.is_empty())));
        assert!(records.iter().all(|r| !r.path.contains("..")), "{format}");
        // Every cut and some changes of the file: an answer, never a panic.
        for cut in (0..text.len()).step_by(text.len() / 40 + 1).filter(|c| text.is_char_boundary(*c)) {
            put(temp.path(), name, &text[..cut]);
            tamis_formats::fuzz::source(temp.path());
            let mut changed = text.as_bytes().to_vec();
            changed[cut] = changed[cut].wrapping_add(97);
            put(temp.path(), name, changed);
            tamis_formats::fuzz::source(temp.path());
        }
    }
}
