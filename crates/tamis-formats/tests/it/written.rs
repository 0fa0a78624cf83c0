//! What is written beside boxes and classes comes back: tracks of films, masks as files, layers of predictions, and
//! images inside tables.

use std::collections::BTreeMap;

use serde_json::json;
use tamis_core::{
    Box2d, Keypoint, Label, LabelType, Mask, MaskKind, MediaSource, Point, Report, Rle, SampleRecord, Severity, Shape,
    TrackKey,
};
use tamis_formats::{Schema, Sink, WriteOptions, find};

use crate::scratch::{files, open, png, put, read_as, with_png, write_as};

fn boxed(x: f64, y: f64, w: f64, h: f64) -> Shape {
    Shape::Box2d(Box2d::new(x, y, x + w, y + h))
}

fn sample(path: &str, split: Option<&str>, labels: Vec<Label>) -> SampleRecord {
    let layers = BTreeMap::from([("truth".to_owned(), labels)]);
    let split = split.map(str::to_owned);
    with_png(SampleRecord { path: path.into(), split, stated_size: Some((10, 8)), layers, ..Default::default() })
}

fn square() -> Rle {
    Rle::from_polygon(10, 8, &[(1.0, 1.0), (6.0, 1.0), (6.0, 5.0), (1.0, 5.0)].map(|(x, y)| Point { x, y })).unwrap()
}

/// Written, read back without an error, without the media.
fn there_and_back(format: &str, options: &WriteOptions, records: &[SampleRecord]) -> (Vec<SampleRecord>, Report) {
    let temp = tempfile::tempdir().unwrap();
    let mut schema = Schema::default();
    for label in records.iter().flat_map(|r| r.layers.values().flatten()) {
        if let Some(class) = &label.class {
            schema.ontology.add_class(label.label_type(), class);
        }
    }
    let (_, written) = write_as(&temp.path().join("a"), format, &schema, records, options);
    let report = Report::new();
    let (_, mut back) = read_as(&temp.path().join("a"), format, &report);
    assert_eq!(report.count(Severity::Error), 0, "{format}: {:?}", report.findings());
    back.iter_mut().for_each(|r| r.media = None);
    (back, written)
}

#[test]
fn tracks_of_films_come_back_from_cvat() {
    let mut hidden = TrackKey::new(4, boxed(2.5, 1.0, 3.0, 3.0));
    hidden.attributes.insert("occluded".into(), json!(true));
    hidden.attributes.insert("mood".into(), json!("glad"));
    let keys = vec![
        TrackKey::new(0, boxed(1.0, 1.0, 3.0, 3.0)),
        TrackKey { interpolated: true, ..TrackKey::new(2, boxed(1.5, 1.0, 3.0, 3.0)) },
        hidden,
        TrackKey { outside: true, ..TrackKey::new(9, boxed(2.5, 1.0, 3.0, 3.0)) },
    ];
    let point = |x| Keypoint { x, y: 2.0, v: None };
    let points = vec![TrackKey::new(3, Shape::Keypoints(vec![point(1.0), point(2.0)]))];
    let track = |keys, instance: &str| {
        let mut label = Label::new(Shape::Track(keys)).with_class("car & van");
        label.instance = Some(instance.to_owned());
        label
    };
    let film = |path: &str, labels: Vec<Label>| {
        let layers = BTreeMap::from([("truth".to_owned(), labels)]);
        let media = Some(MediaSource::Bytes(b"film".to_vec()));
        let split = Some("val".to_owned());
        SampleRecord { path: path.into(), media, split, stated_size: Some((320, 200)), layers, ..Default::default() }
    };
    let records = [
        film("clips/a.mp4", vec![track(keys, "7"), track(points, "0")]),
        film("clips/b.mp4", vec![]),
        sample("set/c.png", Some("val"), vec![Label::new(boxed(1.0, 1.0, 2.0, 2.0)).with_class("dog")]),
    ];
    let (back, written) = there_and_back("cvat", &WriteOptions::default(), &records);
    assert_eq!(written.findings().len(), 0, "{:?}", written.findings());
    let mut wanted = records.to_vec();
    wanted.iter_mut().for_each(|r| r.media = None);
    assert_eq!(back, wanted);

    // A track without a number gets a free one, and what CVAT has no shape for becomes a box; both are counted.
    let ring =
        |x: f64| Shape::MultiPolygon(vec![[(x, 0.0), (x + 2.0, 0.0), (x, 2.0)].map(|(x, y)| Point { x, y }).to_vec()]);
    let odd = vec![track(vec![TrackKey::new(0, ring(1.0))], "dog seven")];
    let (back, written) = there_and_back("cvat", &WriteOptions::default(), &[film("d.mp4", odd)]);
    let codes: Vec<String> = written.findings().iter().map(|f| f.code.clone()).collect();
    assert_eq!(codes, ["cvat.shape", "cvat.track"]);
    let Shape::Track(keys) = &back[0].layers["truth"][0].shape else { panic!() };
    assert_eq!(*keys[0].shape, boxed(1.0, 0.0, 2.0, 2.0));
}

#[test]
fn masks_of_open_images_come_back() {
    let mut mask = Label::new(Shape::Rle(square())).with_class("cat, big");
    mask.instance = Some("0a1b2c3d".into());
    mask.confidence = Some(0.75);
    let ring = Label::new(Shape::Polygon([(0.0, 0.0), (4.0, 0.0), (0.0, 4.0)].map(|(x, y)| Point { x, y }).to_vec()));
    let records = [sample("images/train/a.png", Some("train"), vec![mask.clone(), ring.with_class("dog")])];
    let (back, written) = there_and_back("openimages", &WriteOptions::default(), &records);
    let codes: Vec<String> = written.findings().iter().map(|f| f.code.clone()).collect();
    assert_eq!(codes, ["openimages.box_id", "openimages.painted"]);
    assert_eq!(back[0].layers["truth"][0], mask);
    assert_eq!(back[0].layers["truth"][1].label_type(), LabelType::Rle);
}

/// A mask of half the image's size: each pixel stands for four.
#[test]
fn masks_of_other_sizes_are_spread_over_their_image() {
    let temp = tempfile::tempdir().unwrap();
    put(temp.path(), "images/train/b.png", png(8, 4));
    let small = tamis_media::Image::grey8(4, 2, vec![0, 255, 0, 0, 0, 255, 255, 0]).unwrap();
    put(temp.path(), "masks/b_x_0.png", tamis_media::encode_png(&small).unwrap());
    put(
        temp.path(),
        "annotations/train-annotations-object-segmentation.csv",
        "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks\nb_x_0.png,b,/m/x,0,0.25,0.75,0,1,0.5,\n",
    );
    let (_, back) = read_as(temp.path(), "openimages", &Report::new());
    let Shape::Rle(rle) = &back[0].layers["truth"][0].shape else { panic!() };
    assert_eq!(rle.to_mask().unwrap()[..8], [0, 0, 1, 1, 0, 0, 0, 0]);
    assert_eq!((rle.area(), back[0].layers["truth"][0].bbox), (12, None));
}

#[test]
fn predictions_and_maps_of_stuff_come_back_from_coco() {
    let predicted = |shape, class: &str, sure| Label { confidence: Some(sure), ..Label::new(shape).with_class(class) };
    let stuff = Mask { kind: MaskKind::Semantic, blob: None, file: Some("maps/a.png".into()), info: vec![] };
    let mut a =
        sample("set/a.png", Some("train"), vec![Label::new(boxed(1.0, 1.0, 2.0, 2.0)).with_class("cat").with_id(3)]);
    a.layers.get_mut("truth").unwrap().push(Label::new(Shape::Mask(stuff)));
    let found = vec![predicted(boxed(0.5, 1.25, 3.0, 2.0), "cat", 0.5), predicted(Shape::Rle(square()), "dog", 0.25)];
    a.layers.insert("predictions/yolo v8".into(), found);
    a.layers.insert("predictions".into(), vec![Label::new(boxed(0.0, 0.0, 1.0, 1.0)).with_class("dog")]);
    a.layers.insert("other".into(), vec![]);
    let mut b = sample("set/b.png", Some("val"), vec![Label::new(boxed(0.0, 0.0, 9.0, 7.0)).with_class("dog")]);
    b.layers.insert("predictions/yolo v8".into(), vec![predicted(boxed(1.0, 1.0, 1.0, 1.0), "cat", 1.0)]);
    let temp = tempfile::tempdir().unwrap();
    put(temp.path(), "in/maps/a.png", png(10, 8));
    let source = open(&temp.path().join("in"), &Report::new());
    let sink = Sink::from_source(&temp.path().join("out"), &source).unwrap();
    let report = Report::new();
    let mut schema = Schema::default();
    for class in ["cat", "dog"] {
        schema.ontology.add_class(LabelType::Box2d, class);
    }
    let mut writer = find("coco").unwrap().write(&sink, &schema, &WriteOptions::default(), &report).unwrap();
    [&a, &b].into_iter().for_each(|r| writer.write(r).unwrap());
    writer.finish().unwrap();
    let codes: Vec<String> = report.findings().iter().map(|f| f.code.clone()).collect();
    assert_eq!(codes, ["coco.layers", "coco.score"]);
    let names: Vec<String> = files(&temp.path().join("out")).iter().map(|(p, _)| p.display().to_string()).collect();
    for wanted in
        ["annotations/stuff_train_pixelmaps/set/a.png", "results/train/predictions.json", "results/val/yolo v8.json"]
    {
        assert!(names.iter().any(|n| n == wanted), "{wanted} in {names:?}");
    }
    let report = Report::new();
    let (_, back) = read_as(&temp.path().join("out"), "coco", &report);
    assert_eq!(report.count(Severity::Error), 0, "{:?}", report.findings());
    assert_eq!(back[0].layers["predictions/yolo v8"], a.layers["predictions/yolo v8"]);
    assert_eq!(back[1].layers["predictions/yolo v8"], b.layers["predictions/yolo v8"]);
    assert_eq!(back[0].layers["predictions"][0].confidence, Some(1.0));
    let kinds: Vec<LabelType> = back[0].layers["truth"].iter().map(Label::label_type).collect();
    assert_eq!(kinds, [LabelType::SemanticMask, LabelType::Box2d], "by id, and masks have none");
}

#[test]
fn both_layouts_of_hugging_face_come_back() {
    let mut sure = Label::new(boxed(0.1, 0.2, 3.0, 2.0)).with_class("dog").with_id(9);
    sure.confidence = Some(0.5);
    let class = |name: &str| vec![Label::new(Shape::Classification).with_class(name)];
    let mut unseen = sample("val/dog/d.png", Some("val"), vec![]);
    unseen.layers.clear();
    let records = [
        sample("train/cat/a.png", Some("train"), vec![sure, Label::new(boxed(1.0, 1.0, 2.0, 2.0)).with_class("cat")]),
        sample("train/cat/b.png", Some("train"), class("cat")),
        sample("val/dog/c.png", Some("val"), vec![]),
        unseen,
    ];
    for layout in ["parquet", "folder"] {
        let options = WriteOptions::default().with("layout", layout);
        let (back, written) = there_and_back("huggingface", &options, &records);
        assert_eq!(written.findings().len(), 0, "{layout}: {:?}", written.findings());
        let mut wanted = records.to_vec();
        wanted.iter_mut().for_each(|r| r.media = None);
        assert_eq!(back, wanted, "{layout}");
    }
}

/// Tables of any names: the options say which column means what.
#[test]
fn columns_of_any_name_are_told_by_options() {
    let temp = tempfile::tempdir().unwrap();
    put(temp.path(), "pics/a.png", png(10, 8));
    put(temp.path(), "boxes.csv", "bild;art;l;o;b;h;note\npics/a.png;cat;0.5;0.5;0.2;0.25;x\npics/a.png;dog;;;;;y\n");
    put(
        temp.path(),
        "rows.jsonl",
        "{\"meta\": {\"bild\": \"pics/a.png\"}, \"art\": \"cat\", \"xyxy\": [1, 2, 3, 4], \"sure\": 0.5}\n{\"meta\": {}}\n",
    );
    let read = |format: &str, options: &[(&str, &str)], report: &Report| {
        let source = open(temp.path(), report);
        let given = options.iter().fold(tamis_formats::ReadOptions::default(), |all, (k, v)| all.with(k, v));
        let found = find(format).unwrap().read(&source, &given, report);
        found.map(|reader| reader.map(|r| r.unwrap()).collect::<Vec<SampleRecord>>())
    };
    let report = Report::new();
    let told =
        [("path", "bild"), ("class", "art"), ("box", "l, o, b, h"), ("box_form", "centre"), ("box_unit", "fractions")];
    let records = read("csv", &told, &report).unwrap();
    assert_eq!(report.count(Severity::Error), 0, "{:?}", report.findings());
    let labels = &records[0].layers["truth"];
    assert_eq!((records.len(), labels.len()), (1, 2));
    assert_eq!((labels[0].class.as_deref(), &labels[0].shape), (Some("cat"), &boxed(4.0, 3.0, 2.0, 2.0)));
    assert_eq!((labels[0].attributes["note"].as_str(), labels[1].label_type()), (Some("x"), LabelType::Classification));

    let report = Report::new();
    let told = [("path", "meta/bild"), ("class", "art"), ("box", "xyxy"), ("confidence", "sure")];
    let records = read("jsonl", &told, &report).unwrap();
    let label = &records[0].layers["truth"][0];
    assert_eq!((&label.shape, label.confidence), (&boxed(1.0, 2.0, 2.0, 2.0), Some(0.5)));
    assert_eq!(report.count(Severity::Error), 1, "the second row has no path: {:?}", report.findings());

    let wrong = read("csv", &[("path", "picture")], &Report::new()).err().unwrap().to_string();
    assert!(wrong.contains("picture") && wrong.contains("bild"), "{wrong}");
    assert!(read("csv", &[("box", "l,o")], &Report::new()).is_err());
}
