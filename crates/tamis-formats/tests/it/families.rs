//! The families of text, table, mask and packed formats: what is written in a format's own layout reads back equal and
//! is written again byte for byte; other tools' fixtures read with known numbers; bad input is findings.

use std::collections::BTreeMap;
use std::path::Path;

use tamis_core::{
    Box2d, Box3d, Label, LabelType, MediaSource, Point, Report, Rle, RotatedBox, SampleRecord, Severity, Shape, Word,
};
use tamis_formats::{Schema, Sink, WriteOptions, detect, find};

use crate::scratch::{files, open, png, put, read_as, real, write_as};

fn sample(path: &str, labels: Vec<Label>) -> SampleRecord {
    let split = ["train", "val", "test"].into_iter().find(|s| path.split(['/', '_']).any(|p| p.starts_with(s)));
    SampleRecord {
        path: path.to_owned(),
        media: Some(MediaSource::Bytes(png(32, 24))),
        stated_size: Some((32, 24)),
        split: split.map(str::to_owned),
        layers: BTreeMap::from([("truth".to_owned(), labels)]),
        ..SampleRecord::default()
    }
}

fn boxed(class: &str, x: f64, y: f64) -> Label {
    Label::new(Shape::Box2d(Box2d::new(x, y, x + 4.5, y + 3.25))).with_class(class)
}

fn with(mut label: Label, name: &str, value: serde_json::Value) -> Label {
    label.attributes.insert(name.to_owned(), value);
    label
}

fn track(mut label: Label, instance: &str) -> Label {
    label.instance = Some(instance.to_owned());
    label
}

fn ring() -> Vec<Point> {
    [(2.0, 2.0), (12.5, 3.0), (9.0, 14.25)].map(|(x, y)| Point { x, y }).to_vec()
}

fn cuboid() -> Label {
    let (sin, cos) = (-0.785f64).sin_cos();
    let solid = Box3d {
        translation: [0.47, 1.49 - 2.85 / 2.0, 69.44],
        rotation: [cos, 0.0, sin, 0.0],
        size: [12.34, 2.85, 2.63],
    };
    let mut label = Label::new(Shape::Box3d(solid)).with_class("Truck");
    label.bbox = Some(Box2d::new(6.0, 1.5, 30.0, 19.0));
    with(with(with(label, "truncated", 0.into()), "occluded", 1.into()), "alpha", serde_json::json!(-1.57))
}

fn said(text: &str) -> Label {
    let word = Word { text: text.to_owned(), begin: None, end: None };
    Label::new(Shape::Sentence { sentence: vec![word], spell: vec![], phone: vec![] })
}

fn wave(path: &str, labels: Vec<Label>) -> SampleRecord {
    SampleRecord {
        media: Some(MediaSource::Bytes(b"RIFF....WAVE".to_vec())),
        stated_size: None,
        ..sample(path, labels)
    }
}

fn text(path: &str, sentence: &str, spans: &[(u64, u64, &str)]) -> SampleRecord {
    let span = |&(begin, end, class): &(u64, u64, &str)| Label::new(Shape::TextSpan { begin, end }).with_class(class);
    let media = Some(MediaSource::Bytes(sentence.as_bytes().to_vec()));
    SampleRecord { media, stated_size: None, ..sample(path, spans.iter().map(span).collect()) }
}

/// For each format, records in its own layout that it must hold without loss.
pub(crate) fn own() -> Vec<(&'static str, Vec<SampleRecord>)> {
    let turned =
        RotatedBox::from_corners(&[(4.0, 2.0), (12.0, 8.0), (9.0, 12.0), (1.0, 6.0)].map(|(x, y)| Point { x, y }));
    let rle = |rows: std::ops::Range<usize>| {
        let mask: Vec<u8> = (0..32 * 24).map(|i| u8::from(rows.contains(&(i / 32)))).collect();
        Label::new(Shape::Rle(Rle::from_mask(32, 24, &mask).unwrap())).with_class("car")
    };
    let faced = |label: Label| {
        ["blur", "expression", "illumination", "invalid", "occlusion", "pose"]
            .iter()
            .fold(label, |l, name| with(l, name, 1.into()))
    };
    let framed = |mut record: SampleRecord, frame: &str, sensor: &str| {
        (record.frame, record.sensor) = (Some(frame.to_owned()), Some(sensor.to_owned()));
        record
    };
    let flag = |l: Label| with(l, "visibility", serde_json::json!(0.5));
    vec![
        (
            "kitti",
            vec![
                sample("training/image_2/000001.png", vec![cuboid(), boxed("Car", 1.0, 2.0)]),
                sample("training/image_2/a/000002.png", vec![]),
            ],
        ),
        (
            "kitti-tracking",
            vec![
                framed(
                    sample("training/image_02/0000/000000.png", vec![track(cuboid(), "3")]),
                    "0000/000000",
                    "image_02",
                ),
                framed(
                    sample(
                        "training/image_02/0000/000001.png",
                        vec![track(boxed("Car", 1.0, 1.0), "3"), boxed("Van", 0.0, 0.0)],
                    ),
                    "0000/000001",
                    "image_02",
                ),
                framed(
                    sample("training/image_02/0001/000000.png", vec![track(cuboid(), "0")]),
                    "0001/000000",
                    "image_02",
                ),
            ],
        ),
        (
            "mot",
            vec![
                framed(
                    sample("train/s1/img1/000001.png", vec![flag(track(boxed("cat", 1.0, 2.0), "7"))]),
                    "s1/000001",
                    "camera",
                ),
                framed(
                    sample("train/s1/img1/000002.png", vec![flag(track(boxed("dog", 1.5, 2.0), "7"))]),
                    "s1/000002",
                    "camera",
                ),
                framed(sample("train/s2/img1/000001.png", vec![]), "s2/000001", "camera"),
            ],
        ),
        (
            "mots",
            vec![
                framed(
                    sample("train/s1/img1/000001.png", vec![track(rle(2..5), "1001"), track(rle(7..9), "1002")]),
                    "s1/000001",
                    "camera",
                ),
                framed(sample("train/s1/img1/000002.png", vec![track(rle(3..6), "1001")]), "s1/000002", "camera"),
            ],
        ),
        (
            "dota",
            vec![
                sample(
                    "train/images/a b.png",
                    vec![with(Label::new(Shape::RotatedBox(turned)).with_class("plane"), "difficulty", 1.into())],
                ),
                sample("val/images/b.png", vec![]),
            ],
        ),
        (
            "widerface",
            vec![
                sample(
                    "WIDER_train/images/0--Parade/a.png",
                    vec![faced(boxed("face", 1.0, 2.0)), faced(boxed("face", 3.0, 4.0))],
                ),
                sample("WIDER_val/images/0--Parade/b.png", vec![]),
            ],
        ),
        (
            "openimages",
            vec![sample(
                "images/train/a.png",
                vec![
                    with(boxed("/m/0 cat, big", 1.0, 2.0), "occluded", true.into()),
                    Label::new(Shape::Classification).with_class("dog \"x\""),
                ],
            )],
        ),
        (
            "cityscapes",
            vec![
                sample(
                    "leftImg8bit/train/aachen/a_000001_leftImg8bit.png",
                    vec![Label::new(Shape::Polygon(ring())).with_class("car")],
                ),
                sample("leftImg8bit/val/ulm/b_000001_leftImg8bit.png", vec![]),
            ],
        ),
        (
            "conll",
            vec![
                text("train/000001.txt", "Jörg Ünal lives in 東京 .", &[(0, 9, "PER"), (19, 21, "LOC")]),
                text("train/000002.txt", "New York New York", &[(0, 8, "LOC"), (9, 17, "LOC")]),
                text("val/000001.txt", "nothing here", &[]),
            ],
        ),
        (
            "ljspeech",
            vec![SampleRecord {
                split: None,
                ..wave("wavs/LJ001-0001.wav", vec![said("Printing, in the only sense")])
            }],
        ),
        ("audio-manifest", vec![wave("train/a.wav", vec![said("hello \"you\"")]), wave("train/ü b.wav", vec![])]),
        (
            "tfrecord",
            vec![
                sample("train/a.png", vec![with(boxed("cat", 1.0, 2.0), "difficult", true.into())]),
                sample("val/b.png", vec![Label::new(Shape::Classification).with_class("dog")]),
            ],
        ),
        (
            "webdataset",
            vec![
                sample("train/a.b.c.png", vec![cuboid(), track(boxed("x", 1.0, 2.0), "i"), said("a cat")]),
                sample("val/ü.png", vec![Label::new(Shape::Classification).with_class("dog")]),
            ],
        ),
    ]
}

pub(crate) fn schema_of(records: &[SampleRecord]) -> Schema {
    let mut schema = Schema::default();
    for label in records.iter().flat_map(|r| r.layers.values()).flatten() {
        if let Some(class) = &label.class {
            schema.ontology.add_class(label.label_type(), class);
        }
    }
    schema
}

fn rewrite(from: &Path, to: &Path, format: &str, schema: &Schema, records: &[SampleRecord]) -> Report {
    let report = Report::new();
    let source = open(from, &report);
    let sink = Sink::from_source(to, &source).unwrap();
    let mut writer = find(format).unwrap().write(&sink, schema, &WriteOptions::default(), &report).unwrap();
    records.iter().for_each(|r| writer.write(r).unwrap());
    writer.finish().unwrap();
    report
}

#[test]
fn each_layout_gives_back_what_it_was_given() {
    for (format, records) in own() {
        let temp = tempfile::tempdir().unwrap();
        let (a, b) = (temp.path().join("a"), temp.path().join("b"));
        let schema = schema_of(&records);
        let (written, report) = write_as(&a, format, &schema, &records, &WriteOptions::default());
        assert_eq!((written.samples, written.losses), (records.len() as u64, 0), "{format}: {:?}", report.findings());
        let report = Report::new();
        let found = detect(&open(&a, &report), &report).unwrap();
        assert_eq!(found.format.spec().id, format, "{}", found.confidence.why);
        let report = Report::new();
        let (learnt, back) = read_as(&a, format, &report);
        assert_eq!(report.count(Severity::Error), 0, "{format}: {:?}", report.findings());
        let bare = |r: &SampleRecord| SampleRecord { media: None, stated_size: None, ..r.clone() };
        for (got, want) in back.iter().zip(&records) {
            let (mut got, mut want) = (bare(got), bare(want));
            if matches!(format, "audio-manifest") && want.layers["truth"].is_empty() {
                want.layers.clear();
            }
            for label in got.layers.values_mut().chain(want.layers.values_mut()).flatten() {
                label.id = 0;
            }
            assert_eq!(got, want, "{format}");
        }
        assert_eq!(back.len(), records.len(), "{format}");
        rewrite(&a, &b, format, &learnt, &back);
        let (first, second) = (files(&a), files(&b));
        let names = |all: &[(std::path::PathBuf, Vec<u8>)]| all.iter().map(|f| f.0.clone()).collect::<Vec<_>>();
        assert_eq!(names(&first), names(&second), "{format}");
        for ((path, was), (_, is)) in first.iter().zip(&second) {
            // Numbers of classes may differ where the reader learns classes in another order.
            assert!(
                was == is || format == "webdataset",
                "{format}: `{}` is not written again as it was",
                path.display()
            );
        }
    }
}

#[test]
fn polygons_are_painted_into_masks_that_read_back() {
    let records = vec![sample("train/a.png", vec![Label::new(Shape::Polygon(ring())).with_class("car")])];
    let temp = tempfile::tempdir().unwrap();
    let schema = schema_of(&records);
    let (written, _) = write_as(temp.path(), "masks", &schema, &records, &WriteOptions::default());
    assert_eq!((written.labels, written.losses), (1, 1));
    let (learnt, back) = read_as(temp.path(), "masks", &Report::new());
    assert_eq!(learnt.ontology.types[&LabelType::SemanticMask].classes[0].name, "car");
    let Shape::Mask(mask) = &back[0].layers["truth"][0].shape else { panic!("a mask") };
    let bytes = std::fs::read(temp.path().join(mask.file.as_ref().unwrap())).unwrap();
    let image = tamis_media::decode(&bytes, &tamis_media::Limits::default()).unwrap();
    let red = image.pixels().chunks_exact(3).filter(|p| *p == [128, 0, 0]).count() as u64;
    assert_eq!(red, Rle::from_polygon(32, 24, &ring()).unwrap().area());
}

fn count(records: &[SampleRecord]) -> usize {
    records.iter().flat_map(|r| r.layers.values()).map(Vec::len).sum()
}

/// What other tools keep as their own smallest examples: format, samples, labels.
#[test]
fn fixtures_of_other_tools_read_with_known_numbers() {
    let Some(root) = real("datumaro_fixtures") else { return };
    let mut wrong = Vec::new();
    for (folder, format, samples, labels) in [
        ("kitti_dataset/kitti_3d", "kitti", 1, 3),
        ("kitti_dataset/kitti_3d_with_subset", "kitti", 3, 5),
        ("kitti_dataset/kitti_detection", "kitti", 2, 5),
        ("mot_dataset/mot_seq", "mot", 1, 1),
        ("mot_dataset/mot_seq_with_seqinfo", "mot", 1, 1),
        ("mots_dataset", "mots", 3, 5),
        ("dota_dataset", "dota", 3, 4),
        ("widerface_dataset", "widerface", 3, 6),
        ("open_images_dataset/v6", "openimages", 4, 7),
        ("cityscapes_dataset/dataset", "cityscapes", 4, 4),
        ("camvid_dataset", "masks", 4, 4),
        ("common_semantic_segmentation_dataset/dataset", "masks", 2, 2),
        ("common_semantic_segmentation_dataset/non_standard_dataset", "masks", 2, 2),
        ("tf_detection_api_dataset", "tfrecord", 3, 4),
        ("imagenet_txt_dataset/basic", "imagenet-txt", 4, 4),
    ] {
        let report = Report::new();
        let source = open(&root.join(folder), &report);
        let found = detect(&source, &report).unwrap();
        assert_eq!(found.format.spec().id, format, "{folder}: {}", found.confidence.why);
        let options = tamis_formats::ReadOptions::default();
        let mut reader = found.format.read(&source, &options, &report).unwrap();
        let records: Vec<SampleRecord> = reader.by_ref().map(Result::unwrap).collect();
        eprintln!(
            "{folder}: {} samples, {} labels, {:?}",
            records.len(),
            count(&records),
            report.findings().iter().map(|f| &f.code).collect::<Vec<_>>()
        );
        if (records.len(), count(&records)) != (samples, labels) {
            wrong.push(format!(
                "{folder}: {} samples, {} labels: {:?}",
                records.len(),
                count(&records),
                report.findings()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn read_any(path: &Path, format: &str, report: &Report) -> (Schema, Vec<SampleRecord>) {
    let source = open(path, report);
    let options = tamis_formats::ReadOptions::default();
    let mut reader = find(format).unwrap().read(&source, &options, report).unwrap();
    let records: Vec<SampleRecord> = reader.by_ref().map(Result::unwrap).collect();
    (reader.schema().clone(), records)
}

#[test]
fn mnist_is_read_whole() {
    let Some(path) = real("mnist_t10k") else { return };
    let report = Report::new();
    let (schema, records) = read_as(&path, "mnist", &report);
    assert_eq!((records.len(), count(&records), report.count(Severity::Error)), (10_000, 10_000, 0));
    assert_eq!(schema.ontology.types[&LabelType::Classification].classes.len(), 10);
    let first: Vec<_> = records.iter().take(5).map(|r| r.layers["truth"][0].class.clone().unwrap()).collect();
    assert_eq!(first, ["7", "2", "1", "0", "4"]);
    assert!(records.iter().all(|r| r.split.as_deref() == Some("test") && r.stated_size == Some((28, 28))));
}

#[test]
fn detections_of_five_sequences_are_read_whole() {
    let Some(path) = real("mot15_dets_sort") else { return };
    let lines: usize = files(&path)
        .iter()
        .filter(|(p, _)| p.ends_with("det.txt"))
        .map(|(_, b)| String::from_utf8_lossy(b).lines().filter(|l| !l.is_empty()).count())
        .sum();
    let report = Report::new();
    let (_, records) = read_as(&path, "mot", &report);
    assert_eq!(count(&records), lines);
    let of_layer = records.iter().flat_map(|r| r.layers.get("det")).flatten();
    assert!(of_layer.clone().all(|l| l.confidence.is_some() && l.instance.is_none()));
    assert_eq!(of_layer.count(), lines);
}

/// The truth of `voc100_multiformat` as Open Images tables and as TFRecord has the boxes of its VOC files.
#[test]
fn tables_and_records_of_the_same_truth_agree_with_voc() {
    let Some(root) = real("voc100_multiformat") else { return };
    let boxes = |records: &[SampleRecord]| {
        let mut all = BTreeMap::new();
        for record in records {
            let name = record.path.rsplit('/').next().unwrap().split('.').next().unwrap().to_owned();
            let list: &mut Vec<(String, [f64; 4])> = all.entry(name).or_default();
            for label in record.layers.values().flatten() {
                let b = label.bounds().unwrap();
                list.push((label.class.clone().unwrap(), [b.xmin, b.ymin, b.xmax, b.ymax]));
            }
            list.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.map(f64::round).partial_cmp(&b.1.map(f64::round)).unwrap()));
        }
        all.retain(|_, list| !list.is_empty());
        all
    };
    let load = |folder: &str, format: &str| {
        let temp = tempfile::tempdir().unwrap();
        for (path, bytes) in files(&root.join("images")) {
            put(temp.path(), &format!("images/{}", path.display()), bytes);
        }
        for (path, bytes) in files(&root.join("gts").join(folder)) {
            put(temp.path(), &path.display().to_string(), bytes);
        }
        let report = Report::new();
        assert_eq!(detect(&open(temp.path(), &report), &report).unwrap().format.spec().id, format);
        let (_, records) = read_any(temp.path(), format, &report);
        assert_eq!(report.count(Severity::Error), 0, "{folder}: {:?}", report.findings());
        boxes(&records)
    };
    let want = load("pascalvoc_format", "voc");
    for (folder, format) in [("openimages_format", "openimages"), ("tfrecord_format", "tfrecord")] {
        let got = load(folder, format);
        assert_eq!(got.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>(), "{folder}");
        for (name, want) in &want {
            let got = &got[name];
            assert_eq!(got.len(), want.len(), "{folder} {name}");
            for (a, b) in want.iter().zip(got) {
                let near = a.1.iter().zip(b.1).all(|(a, b)| (a - b).abs() < 0.01);
                assert!(a.0 == b.0 && near, "{folder} {name}: {a:?} {b:?}");
            }
        }
    }
}

/// Bad bytes in the place of each format's own annotation: findings with a place, the rest read, nothing outside.
#[test]
fn bad_input_is_findings_in_every_family() {
    let utf16 = |text: &str| -> Vec<u8> {
        [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
    };
    let row = "Car 0 0 0 1 1 5 5 -1 -1 -1 -1000 -1000 -1000 -10";
    let kitti = format!("\u{feff}{row}\r\nCar 1 2\r\nCar 0 0 0 1 1 nan 5 1 1 1 1 1 1 1\r\n{row}\r\n");
    let mot = "1,1,1,1,4,4,1,1,1\n1,2,1,1,4\n1,3,1,1,inf,4,1,1,1\n2,1,1,1,-4,4,1,1,1\n2,1,2,2,4,4,1,1,1";
    let dota = "imagesource:x\n1 1 5 1 5 5 1 5 plane 0\n1 1 5 1 5 5 1\n1 1 5 1 nan 5 1 5 plane 0\n";
    let wider = "0--P/a.png\n1\n1 1 4 4 0 0 0 0 0 0\n../../../etc/passwd.png\n1\nx y\n0--P/gone.png\n2\n1 1 2 2\n";
    let csv = "ImageID,LabelName,XMin,XMax,YMin,YMax\na,/m/1,0.1,0.5,0.1,0.5\na,/m/1,x,1,0,1\na,/m/1\n,/m/1,0,1,0,1\n../../b,/m/1,0,1,0,1\n";
    let conll = "EU B-ORG\nrejects O\n\nPeter Q\nx B-PER\n";
    let manifest = "{\"audio_filepath\": \"a.wav\", \"text\": \"x\"}\n{\"audio_filepath\": \n{\"audio_filepath\": \"../../x.wav\"}\n{\"audio_filepath\": \"gone.wav\", \"text\": 3}\n";
    let polygons = "{\"objects\": [{\"label\": \"car\", \"polygon\": [[1,1],[5,1],[5,5]]}, {\"label\": \"car\"}, {\"label\": \"x\", \"polygon\": [[1,\"a\"],[2,2],[3,3]]}, {\"label\": \"x\", \"polygon\": [[1,1]]}]}";
    let list = "a.png 0\n../../../etc/passwd.png 1\na.png 1\ngone.png 7\n";
    // Format, files of text, labels that must be read, errors that must be found.
    for (format, image, file, bytes, labels, errors) in [
        ("kitti", "image_2/a.png", "label_2/a.txt", kitti.into_bytes(), 2, 2),
        ("kitti", "image_2/a.png", "label_2/a.txt", utf16(row), 1, 0),
        ("mot", "s/img1/000001.png", "s/gt/gt.txt", mot.as_bytes().to_vec(), 2, 4),
        ("dota", "images/a.png", "labelTxt/a.txt", dota.as_bytes().to_vec(), 1, 2),
        (
            "widerface",
            "WIDER_train/images/0--P/a.png",
            "wider_face_split/wider_face_train_bbx_gt.txt",
            wider.as_bytes().to_vec(),
            2,
            4,
        ),
        ("openimages", "a.png", "train-annotations-bbox.csv", csv.as_bytes().to_vec(), 1, 4),
        ("conll", "unused.png", "train.txt", conll.as_bytes().to_vec(), 2, 1),
        ("audio-manifest", "a.wav", "train.json", manifest.as_bytes().to_vec(), 1, 4),
        (
            "cityscapes",
            "leftImg8bit/train/c/a_leftImg8bit.png",
            "gtFine/train/c/a_gtFine_polygons.json",
            polygons.as_bytes().to_vec(),
            1,
            3,
        ),
        ("imagenet-txt", "a.png", "train.txt", list.as_bytes().to_vec(), 2, 3),
    ] {
        let temp = tempfile::tempdir().unwrap();
        put(temp.path(), image, png(10, 10));
        put(temp.path(), file, bytes);
        if format == "imagenet-txt" {
            put(temp.path(), "synsets.txt", "cat\ndog\n");
        }
        let report = Report::new();
        let (_, records) = read_any(temp.path(), format, &report);
        let found = report.findings();
        assert_eq!(count(&records), labels, "{format} {file}: {found:#?}");
        assert_eq!(report.count(Severity::Error), errors, "{format} {file}: {found:#?}");
        assert!(records.iter().all(|r| !r.path.contains("..") && !r.path.starts_with('/')), "{format}");
        let placed = found.iter().filter(|f| f.severity == Severity::Error).all(|f| !f.places[0].file.is_empty());
        assert!(placed, "{format}");
    }
}

/// Every prefix of what we write, in the place of the whole file, is answered without a panic.
#[test]
fn cut_files_are_answered_by_every_format() {
    for (format, records) in own() {
        let temp = tempfile::tempdir().unwrap();
        let whole = temp.path().join("whole");
        write_as(&whole, format, &schema_of(&records), &records, &WriteOptions::default());
        let all = files(&whole);
        for (number, (path, bytes)) in all.iter().enumerate() {
            if path.extension().is_some_and(|e| e == "png" || e == "wav") {
                continue;
            }
            let step = (bytes.len() / 12).max(1);
            for cut in (0..bytes.len()).step_by(step) {
                let root = temp.path().join(format!("{number}-{cut}"));
                for (other, bytes) in &all {
                    put(&root, &other.display().to_string(), bytes);
                }
                let mut changed = bytes[..cut].to_vec();
                put(&root, &path.display().to_string(), &changed);
                tamis_formats::fuzz::source(&root);
                changed = bytes.clone();
                changed[cut] = changed[cut].wrapping_add(101);
                put(&root, &path.display().to_string(), &changed);
                tamis_formats::fuzz::source(&root);
            }
        }
    }
}
