//! What we write is read by other projects' packages with equal numbers; skipped where these are not installed
//! (`scripts/requirements-oracles.txt` says how).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tamis_core::{Box2d, Keypoint, Label, LabelType, Point, Report, Rle, RotatedBox, SampleRecord, Severity, Shape};
use tamis_formats::{ReadOptions, Schema, WriteOptions, find};

use crate::scratch::{files, open, put, read_as, with_png, write_as};

/// The interpreter with the peers, else that of the other tests.
fn python() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from)?;
    let named = |name: &str, folder: &str| {
        std::env::var_os(name).map_or_else(|| home.join(".cache").join(folder), PathBuf::from).join("bin/python")
    };
    [named("TAMIS_ORACLES", "tamis-oracles"), named("TAMIS_VENV", "tamis-venv")].into_iter().find(|p| p.exists())
}

/// What a script prints in its last line; [`None`] with a message where what it needs is not installed.
pub(crate) fn run(script: &str, args: &[&OsStr]) -> Option<Vec<Vec<serde_json::Value>>> {
    let shown = args.first().map_or(script.into(), |first| first.to_string_lossy());
    let Some(python) = python() else {
        eprintln!("skipped {shown}: there is no environment of Python (run `make venv`)");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle").join(script);
    let answer = Command::new(python).arg(script).args(args).output().unwrap();
    let errors = String::from_utf8_lossy(&answer.stderr);
    if answer.status.code() == Some(77) {
        eprintln!("skipped {shown}: {}", errors.trim());
        return None;
    }
    assert!(answer.status.success(), "{shown}: {errors}");
    let last = answer.stdout.split(|b| *b == b'\n').rfind(|l| !l.is_empty()).unwrap();
    Some(serde_json::from_slice(last).unwrap())
}

/// What a peer finds in a folder.
fn ask(kind: &str, folder: &Path) -> Option<Vec<Vec<serde_json::Value>>> {
    run("peers.py", &[OsStr::new(kind), folder.as_os_str()])
}

fn sample(path: &str, labels: Vec<Label>) -> SampleRecord {
    with_png(SampleRecord {
        path: path.to_owned(),
        split: Some("train".to_owned()),
        stated_size: Some((64, 48)),
        layers: BTreeMap::from([("truth".to_owned(), labels)]),
        ..Default::default()
    })
}

fn boxed(class: &str, b: [f64; 4]) -> Label {
    Label::new(Shape::Box2d(Box2d::new(b[0], b[1], b[2], b[3]))).with_class(class)
}

fn boxes(folder: &str) -> Vec<SampleRecord> {
    vec![
        sample(
            &format!("{folder}a.png"),
            vec![boxed("cat", [1.0, 2.0, 31.0, 20.0]), boxed("dog", [8.0, 4.0, 40.0, 44.0])],
        ),
        sample(&format!("{folder}b weird. name.png"), vec![boxed("dog", [0.0, 0.0, 64.0, 48.0])]),
    ]
}

fn schema() -> Schema {
    let mut schema = Schema::default();
    for class in ["cat", "dog"] {
        schema.ontology.add_class(LabelType::Box2d, class);
    }
    schema
}

/// The rows that a peer must print.
fn rows(records: &[SampleRecord]) -> Vec<(String, String, [f64; 4])> {
    let name = |p: &str| Path::new(p).file_stem().unwrap().to_string_lossy().into_owned();
    let one = |r: &SampleRecord, l: &Label| {
        let b = l.bounds().unwrap();
        (name(&r.path), l.class.clone().unwrap(), [b.xmin, b.ymin, b.xmax, b.ymax])
    };
    let mut all: Vec<_> = records.iter().flat_map(|r| r.layers["truth"].iter().map(move |l| one(r, l))).collect();
    all.sort_by(|a, b| a.partial_cmp(b).unwrap());
    all
}

#[test]
fn peers_read_our_boxes_with_equal_numbers() {
    // Peer, format, task, folder of the images, how far apart numbers may be (32-bit floats, six digits).
    let cases: &[(&str, &str, &str, &str, f64)] = &[
        ("labelformat:coco", "coco", "", "", 1e-9),
        ("labelformat:voc", "voc", "", "", 1e-9),
        ("labelformat:kitti", "kitti", "", "training/image_2/", 0.011),
        ("labelformat:cvat", "cvat", "", "", 1e-2),
        ("supervision:coco", "coco", "", "images/", 1e-3),
        ("supervision:voc", "voc", "", "", 1.0),
        ("supervision:yolo", "yolo", "", "images/", 1e-3),
        ("supervision:yolo", "yolo", "detect", "images/", 1e-3),
        ("supervision:yolo-obb", "yolo", "obb", "images/", 1e-3),
        ("supervision:createml", "createml", "", "images/", 1e-3),
        ("datumaro:coco", "coco", "", "images/train/", 1e-9),
        ("datumaro:voc", "voc", "", "", 1e-2),
        ("datumaro:yolo", "yolo", "", "images/train/", 1e-3),
        ("datumaro:datumaro", "datumaro", "", "", 1e-9),
        ("datumaro:open_images", "openimages", "", "", 1e-3),
        ("datumaro:vott_json", "vott", "", "", 1e-9),
        ("datasets:parquet", "huggingface", "", "", 1e-9),
        ("datasets:imagefolder", "huggingface", "folder", "", 1e-9),
        ("label_studio_sdk", "label_studio", "", "", 1e-9),
        ("devkit", "voc", "", "", 1e-9),
        ("pyarrow", "parquet", "", "", 1e-9),
    ];
    let mut asked = 0;
    for &(peer, format, task, folder, near) in cases {
        let records = boxes(folder);
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("out");
        let options = WriteOptions::default();
        let options = match (format, task) {
            (_, "") => options,
            ("huggingface", layout) => options.with("layout", layout),
            (_, task) => options.with("task", task),
        };
        let (written, report) = write_as(&root, format, &schema(), &records, &options);
        assert_eq!(written.labels, 3, "{format}: {:?}", report.findings());
        let Some(found) = ask(peer, &root) else { continue };
        asked += 1;
        let wanted = rows(&records);
        assert_eq!(found.len(), wanted.len(), "{peer}: {found:?}");
        for (got, (name, class, corners)) in found.iter().zip(&wanted) {
            assert_eq!((got[0].as_str(), got[1].as_str()), (Some(name.as_str()), Some(class.as_str())), "{peer}");
            let apart = got[2..].iter().zip(corners).map(|(g, w)| (g.as_f64().unwrap() - w).abs()).fold(0.0, f64::max);
            assert!(apart <= near, "{peer} of {format}: {got:?} is {apart} from {corners:?}");
        }
    }
    eprintln!("{asked} of {} peers read what we write", cases.len());
}

#[test]
fn webdataset_reads_our_shards() {
    let records = boxes("");
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("out");
    write_as(&root, "webdataset", &schema(), &records, &WriteOptions::default());
    let Some(found) = ask("webdataset", &root) else { return };
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|row| (row[4].as_f64(), row[5].as_f64()) == (Some(64.0), Some(48.0))), "{found:?}");
}

fn p(x: f64, y: f64) -> Point {
    Point { x, y }
}

/// Painted masks of VOC: the class's number and the object's, pixel for pixel as another decoder counts them.
#[test]
fn painted_masks_of_voc_have_the_numbers_of_classes_and_objects() {
    let square = |class: &str, x: f64, y: f64, side: f64| {
        Label::new(Shape::Polygon(vec![p(x, y), p(x + side, y), p(x + side, y + side), p(x, y + side)]))
            .with_class(class)
    };
    let mask: Vec<u8> = (0..64 * 48u32).map(|i| u8::from(i % 64 >= 50 && i / 64 < 5)).collect();
    let rle = Label::new(Shape::Rle(Rle::from_mask(64, 48, &mask).unwrap())).with_class("dog");
    let record = sample(
        "a.png",
        vec![square("dog", 4.0, 4.0, 10.0), boxed("cat", [0.0, 0.0, 4.0, 4.0]), square("cat", 30.0, 10.0, 20.0), rle],
    );
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("out");
    let options = WriteOptions::default().with("paint", "yes");
    write_as(&root, "voc", &schema(), &[record], &options);
    let report = Report::new();
    let (back, records) = read_as(&root, "voc", &report);
    assert_eq!(report.count(Severity::Error), 0, "{:?}", report.findings());
    let kinds: Vec<LabelType> = records[0].layers["truth"].iter().map(Label::label_type).collect();
    assert_eq!(kinds[4..], [LabelType::SemanticMask, LabelType::InstanceMask]);
    let names: Vec<&str> =
        back.ontology.types[&LabelType::SemanticMask].classes.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["background", "cat", "dog"]);
    // Written again as they are: the same bytes.
    let again = temp.path().join("again");
    let source = open(&root, &report);
    let fetch = move |_: &str, wanted: tamis_formats::Wanted<'_>| match wanted {
        tamis_formats::Wanted::Media(tamis_core::MediaSource::File(file)) => {
            Ok(tamis_formats::Fetched::Bytes(source.read(file).unwrap().into()))
        }
        other => panic!("{other:?}"),
    };
    let sink = tamis_formats::Sink::folder(&again, fetch).unwrap();
    let mut writer = find("voc").unwrap().write(&sink, &back, &WriteOptions::default(), &report).unwrap();
    records.iter().for_each(|r| writer.write(r).unwrap());
    assert_eq!(writer.finish().unwrap().labels, 6);
    assert_eq!(files(&again), files(&root));
    let Some(found) = ask("pillow", &root) else { return };
    let count = |folder: &str| -> Vec<(u64, u64)> {
        let of = found.iter().filter(|r| r[1] == folder && r[2] != 0);
        of.map(|r| (r[2].as_u64().unwrap(), r[3].as_u64().unwrap())).collect()
    };
    assert_eq!(count("SegmentationClass"), [(1, 400), (2, 100 + 70)]);
    assert_eq!(count("SegmentationObject"), [(1, 100), (3, 400), (4, 70)]);
}

/// Each task of YOLO reads back as it was written, in both layouts; `task: obb` is what tells boxes from polygons.
#[test]
fn tasks_of_yolo_come_back() {
    let ring = vec![p(1.0, 1.5), p(9.25, 1.0), p(20.0, 20.0), p(3.0, 8.0)];
    let key = |x, y, v| Keypoint { x, y, v };
    let mut pose = Label::new(Shape::Keypoints(vec![key(4.0, 5.0, Some(2)), key(7.5, 9.0, Some(1))])).with_class("dog");
    pose.bbox = Some(Box2d::new(2.0, 2.0, 12.0, 12.0));
    let turned = RotatedBox { cx: 16.0, cy: 15.0, width: 10.0, height: 4.0, angle: 30f64.to_radians() };
    let cases = [
        ("detect", boxed("dog", [1.0, 2.0, 30.5, 40.0])),
        ("segment", Label::new(Shape::Polygon(ring)).with_class("dog")),
        ("pose", pose),
        ("obb", Label::new(Shape::RotatedBox(turned)).with_class("dog")),
    ];
    for (task, label) in cases {
        for layout in ["ultralytics", "darknet"] {
            // Darknet's settings have no place for what rows are: the reader is told.
            if layout == "darknet" && task == "pose" {
                continue;
            }
            let records = [sample("images/train/a.png", vec![label.clone()]), sample("images/train/b.png", vec![])];
            let temp = tempfile::tempdir().unwrap();
            let root = temp.path().join("out");
            let options = WriteOptions::default().with("task", task).with("layout", layout);
            let (written, report) = write_as(&root, "yolo", &schema(), &records, &options);
            assert_eq!((written.losses, written.labels), (0, 1), "{task}: {:?}", report.findings());
            let source = open(&root, &report);
            let told = ReadOptions::default().with("task", if layout == "darknet" { task } else { "auto" });
            let mut reader = find("yolo").unwrap().read(&source, &told, &report).unwrap();
            let back: Vec<SampleRecord> = reader.by_ref().map(Result::unwrap).collect();
            assert_eq!(report.findings().len(), 0, "{task} {layout}: {:?}", report.findings());
            assert_eq!((back.len(), back[0].split.as_deref(), back[1].layers["truth"].len()), (2, Some("train"), 0));
            let found = &back[0].layers["truth"][0];
            assert_eq!(
                (found.class.as_deref(), found.label_type()),
                (Some("dog"), label.label_type()),
                "{task} {layout}"
            );
            let near = |a: Box2d, b: Box2d| 1.0 - a.iou(&b) < 1e-9;
            match (&found.shape, &label.shape) {
                (Shape::RotatedBox(a), Shape::RotatedBox(b)) => assert!(1.0 - a.iou(b) < 1e-9, "{a:?} {b:?}"),
                (Shape::Box2d(a), Shape::Box2d(b)) => assert!(near(*a, *b), "{a:?} {b:?}"),
                (a, b) => assert_eq!(a, b, "{task} {layout}"),
            }
            assert!(found.bbox.zip(label.bbox).is_none_or(|(a, b)| near(a, b)), "{task} {layout}");
            assert_eq!(found.bbox.is_some(), label.bbox.is_some());
        }
    }
}

/// The rules by which Ultralytics takes a label file (documented at docs.ultralytics.com, "datasets"): all rows of a
/// file have the same number of columns per task, classes are below `nc`, coordinates are in 0 to 1.
#[test]
fn rows_keep_to_ultralytics_rules_whatever_the_labels_are() {
    let ring = vec![p(1.0, 1.5), p(9.25, 1.0), p(20.0, 20.0)];
    let key = |x, y| Keypoint { x, y, v: Some(2) };
    let labels = vec![
        boxed("cat", [1.0, 2.0, 30.5, 40.0]),
        Label::new(Shape::Polygon(ring)).with_class("dog"),
        Label::new(Shape::Keypoints(vec![key(4.0, 5.0), key(7.0, 9.0)])).with_class("cat"),
    ];
    let mut schema = schema();
    let skeleton =
        tamis_core::Skeleton { number: 2, visibility: Some(tamis_core::Visibility::Ternary), ..Default::default() };
    schema.ontology.schema_mut(LabelType::Keypoints).skeletons.push(skeleton);
    for (task, columns) in [("detect", 5..=5), ("segment", 7..=99), ("obb", 9..=9), ("pose", 11..=11)] {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("out");
        let record = sample("images/a.png", labels.clone());
        write_as(&root, "yolo", &schema, &[record], &WriteOptions::default().with("task", task));
        let rows = std::fs::read_to_string(root.join("labels/a.txt")).unwrap();
        assert_eq!(rows.lines().count(), 3, "{task}");
        for row in rows.lines() {
            let numbers: Vec<f64> = row.split(' ').map(|n| n.parse().unwrap()).collect();
            assert!(columns.contains(&numbers.len()), "{task}: {row}");
            assert!(numbers[0] < 2.0 && numbers[0].fract() == 0.0, "{task}: {row}");
            let is_flag = |at: usize| task == "pose" && at >= 5 && (at - 5) % 3 == 2;
            let inside = numbers.iter().enumerate().skip(1).all(|(at, n)| is_flag(at) || (0.0..=1.0).contains(n));
            assert!(inside, "{task}: {row}");
        }
    }
    let temp = tempfile::tempdir().unwrap();
    put(temp.path(), "data.yaml", "names: [cat]\ntask: obb\n");
    put(temp.path(), "images/a.png", crate::scratch::png(8, 8));
    put(temp.path(), "labels/a.txt", "0 0 0 1 0 1 1 0 1\n");
    let (_, records) = read_as(temp.path(), "yolo", &Report::new());
    assert_eq!(records[0].layers["truth"][0].label_type(), LabelType::RotatedBox);
}

/// Hugging Face's layouts: Parquet files with images inside whose names repeat, and a folder with `metadata.jsonl`.
#[test]
fn layouts_of_hugging_face_are_read_whole() {
    use arrow::array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray, StructArray};
    use std::sync::Arc;
    let temp = tempfile::tempdir().unwrap();
    let write = |file: &str, sides: &[u32]| {
        let field = |name: &str, t| Arc::new(arrow::datatypes::Field::new(name, t, true));
        let images: Vec<Vec<u8>> = sides.iter().map(|s| crate::scratch::png(*s, *s)).collect();
        let bytes: ArrayRef = Arc::new(BinaryArray::from_iter_values(&images));
        let names: ArrayRef = Arc::new(StringArray::from_iter_values((0..sides.len()).map(|i| format!("{i}.png"))));
        let image = StructArray::from(vec![
            (field("bytes", arrow::datatypes::DataType::Binary), bytes),
            (field("path", arrow::datatypes::DataType::Utf8), names),
        ]);
        let labels: ArrayRef = Arc::new(Int64Array::from_iter_values((0..sides.len()).map(|i| i as i64 % 2)));
        let batch = RecordBatch::try_from_iter([("image", Arc::new(image) as ArrayRef), ("label", labels)]).unwrap();
        let features = r#"{"info": {"features": {"image": {"_type": "Image"},
            "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}"#;
        let schema = batch.schema().as_ref().clone();
        let schema = Arc::new(schema.with_metadata([("huggingface".to_owned(), features.to_owned())].into()));
        let mut out = Vec::new();
        let mut writer = parquet::arrow::ArrowWriter::try_new(&mut out, schema.clone(), None).unwrap();
        writer.write(&batch.with_schema(schema).unwrap()).unwrap();
        writer.close().unwrap();
        put(temp.path(), file, out);
    };
    write("data/train-00000-of-00001.parquet", &[3, 4, 5]);
    write("data/test-00000-of-00001.parquet", &[6, 7]);
    let report = Report::new();
    let (schema, records) = read_as(temp.path(), "parquet", &report);
    assert_eq!((records.len(), report.count(Severity::Error)), (5, 0), "{:?}", report.findings());
    let split = |name: &str| records.iter().filter(|r| r.split.as_deref() == Some(name)).count();
    assert_eq!((split("train"), split("test")), (3, 2));
    let classes = &schema.ontology.types[&LabelType::Classification].classes;
    assert_eq!(
        classes.iter().map(|c| (c.name.as_str(), c.id)).collect::<Vec<_>>(),
        [("cat", Some(0)), ("dog", Some(1))]
    );
    let dogs = records.iter().filter(|r| r.layers["truth"][0].class.as_deref() == Some("dog")).count();
    assert_eq!(dogs, 2);

    let temp = tempfile::tempdir().unwrap();
    put(temp.path(), "train/a.png", crate::scratch::png(20, 20));
    put(temp.path(), "train/b.png", crate::scratch::png(20, 20));
    let lines = [
        r#"{"file_name": "a.png", "objects": {"bbox": [[1, 2, 3, 4], [5, 5, 5, 5]], "categories": ["cat", "dog"]}}"#,
        r#"{"file_name": "b.png", "objects": {"bbox": [], "categories": []}}"#,
    ];
    put(temp.path(), "train/metadata.jsonl", lines.join("\n"));
    let report = Report::new();
    let (_, records) = read_as(temp.path(), "jsonl", &report);
    assert_eq!(report.findings().len(), 0, "{:?}", report.findings());
    let counts: Vec<(&str, usize)> = records.iter().map(|r| (r.path.as_str(), r.layers["truth"].len())).collect();
    assert_eq!(counts, [("train/a.png", 2), ("train/b.png", 0)]);
    assert_eq!(records[0].layers["truth"][1].bounds(), Some(Box2d::new(5.0, 5.0, 10.0, 10.0)));
    let source = open(temp.path(), &report);
    assert_eq!(tamis_formats::detect(&source, &report).unwrap().format.spec().id, "huggingface");
}
