//! Formats that are only read: exact labels out of the fixtures of other tools, and what bad rows cost.

use std::path::Path;

use serde_json::json;
use tamis_core::{Box2d, Label, LabelType, Point, Report, SampleRecord, Severity, Shape};
use tamis_formats::{Schema, WriteOptions};

use crate::scratch::{put, read_as, real, with_png, write_as};

/// The records of a fixture, read without an error.
fn fixture(folder: &str, format: &str) -> Option<(Schema, Vec<SampleRecord>)> {
    let report = Report::new();
    let found = read_as(&real(&format!("datumaro_fixtures/{folder}"))?, format, &report);
    assert_eq!(report.count(Severity::Error), 0, "{folder}: {:?}", report.findings());
    Some(found)
}

fn truth<'r>(records: &'r [SampleRecord], path: &str) -> &'r [Label] {
    let found = records.iter().find(|r| r.path.ends_with(path)).unwrap_or_else(|| panic!("no {path}"));
    &found.layers["truth"]
}

fn points(label: &Label) -> Vec<(f64, f64)> {
    match &label.shape {
        Shape::Keypoints(points) => points.iter().map(|p| (p.x, p.y)).collect(),
        Shape::Polygon(points) => points.iter().map(|p| (p.x, p.y)).collect(),
        other => panic!("{other:?}"),
    }
}

fn classes(labels: &[Label]) -> Vec<&str> {
    labels.iter().filter_map(|l| l.class.as_deref()).collect()
}

/// The pixels of a mask, a text a row.
fn picture(label: &Label) -> Vec<String> {
    let Shape::Rle(rle) = &label.shape else { panic!("{label:?}") };
    let mask = rle.to_mask().unwrap();
    let row = |row: &[u8]| row.iter().map(|p| if *p > 0 { '#' } else { '.' }).collect();
    mask.chunks(rle.width as usize).map(row).collect()
}

#[test]
fn faces_have_person_box_and_points() {
    let Some((schema, found)) = fixture("celeba_dataset/dataset", "celeba") else { return };
    let first = truth(&found, "000001.jpg");
    assert_eq!((first[0].class.as_deref(), &first[0].attributes["Arched_Eyebrows"]), (Some("12"), &json!(true)));
    assert_eq!(first[0].attributes["Bald"], json!(false));
    assert_eq!(first[1].shape, Shape::Box2d(Box2d::new(95.0, 71.0, 321.0, 384.0)));
    assert_eq!(points(&first[2])[..2], [(165.0, 184.0), (244.0, 176.0)]);
    let splits: Vec<_> = found.iter().map(|r| r.split.as_deref().unwrap()).collect();
    assert_eq!(splits, ["train", "train", "val", "test", "test"]);
    assert_eq!(schema.ontology.types[&LabelType::Keypoints].skeletons[0].names[2], "nose");

    let Some((schema, found)) = fixture("vgg_face2_dataset", "vgg_face2") else { return };
    let face = truth(&found, "train/n000002/0001_01.jpg");
    assert_eq!((face[0].class.as_deref(), face[1].instance.as_deref()), (Some("n000002"), Some("n000002")));
    assert_eq!(face[1].shape, Shape::Box2d(Box2d::new(2.0, 4.0, 4.0, 6.0)));
    assert_eq!(points(&face[2])[4], (2.76, 4.43));
    assert_eq!(schema.ontology.types[&LabelType::Classification].classes[0].description, "Karl");

    let Some((_, found)) = fixture("lfw_dataset", "lfw") else { return };
    assert_eq!(
        found[0].fields["different"],
        json!(["test/images/name1/name1_0001.jpg", "test/images/name1/name1_0002.jpg"])
    );
    assert_eq!(found[1].fields["same"], json!(["test/images/name1/name1_0002.jpg"]));
    assert_eq!(points(&truth(&found, "name1_0001.jpg")[1])[..2], [(1.0, 6.0), (4.0, 6.0)]);
}

#[test]
fn persons_actions_and_defects_are_read() {
    let Some((_, found)) = fixture("market1501_dataset", "market1501") else { return };
    let query = &found[2];
    assert_eq!((query.split.as_deref(), query.layers["truth"][0].class.as_deref()), (Some("query"), Some("0001")));
    assert_eq!(query.layers["truth"][0].attributes["camera"], json!(2));
    let Some((_, found)) = fixture("mars_dataset", "mars") else { return };
    assert_eq!(truth(&found, "0000C6T0101F001.jpg")[0].attributes["tracklet"], json!(101));
    assert_eq!(classes(truth(&found, "00-1C2T0081F201.jpg")), ["00-1"]);

    let Some((_, found)) = fixture("ava_dataset", "ava") else { return };
    let labels = truth(&found, "video1/video1_000000.jpg");
    assert_eq!(classes(labels), ["label_2", "label_3", "label_4"]);
    assert_eq!(labels[1].shape, Shape::Box2d(Box2d::new(2.0, 2.0, 5.0, 5.0)));
    assert_eq!(labels[1].instance.as_deref(), Some("video1/1"));

    let Some((_, found)) = fixture("mvtec_dataset", "mvtec") else { return };
    assert_eq!(found[1].fields["category"], json!("category_0"));
    let defect = truth(&found, "label_1/000.png");
    assert_eq!((classes(defect), &picture(&defect[1])[0]), (vec!["label_1", "label_1"], &"####....".to_owned()));
    assert_eq!(truth(&found, "label_0/000.png").len(), 1);

    let Some((schema, found)) = fixture("common_super_resolution_dataset", "super_resolution") else { return };
    let first: Vec<_> =
        found.iter().filter(|r| r.frame.as_deref() == Some("1")).map(|r| r.sensor.clone().unwrap()).collect();
    assert_eq!((first, schema.sensors[""].len()), (vec!["HR".to_owned(), "LR".to_owned(), "upsampled".to_owned()], 3));
}

#[test]
fn scenes_with_polygons_masks_and_parts_are_read() {
    let Some((schema, found)) = fixture("mapillary_vistas_dataset", "mapillary_vistas") else { return };
    let labels = truth(&found, "val/images/1.jpg");
    let polygons: Vec<&str> = classes(labels);
    assert_eq!(polygons, ["object--vehicle--bicycle", "construction--barrier--separator", "object--vehicle--bicycle"]);
    assert_eq!(points(&labels[0]), [(0.0, 0.0), (1.0, 0.0), (1.0, 4.0), (4.0, 0.0), (0.0, 0.0)]);
    let panoptic = labels.iter().find(|l| l.label_type() == LabelType::PanopticMask).unwrap();
    let Shape::Mask(mask) = &panoptic.shape else { panic!() };
    let known: Vec<_> = mask.info.iter().map(|i| (i.instance.unwrap(), i.class_id.unwrap())).collect();
    assert_eq!((known, mask.file.as_deref()), (vec![(1, 2), (2, 1), (3, 2)], Some("val/v2.0/panoptic/1.png")));
    assert_eq!(schema.ontology.types[&LabelType::SemanticMask].classes[2].color, Some([119, 11, 32]));

    let Some((_, found)) = fixture("labelme_dataset", "labelme_xml") else { return };
    let labels = truth(&found, "img1.png");
    assert_eq!(points(&labels[0]), [(43.0, 34.0), (45.0, 34.0), (45.0, 37.0), (43.0, 37.0)]);
    let boxed = labels.iter().find(|l| l.class.as_deref() == Some("b1")).unwrap();
    assert_eq!(boxed.shape, Shape::Box2d(Box2d::new(13.0, 19.0, 23.0, 30.0)));
    assert_eq!((&boxed.attributes["occluded"], &boxed.attributes["hg"]), (&json!(true), &json!(true)));
    let Shape::Rle(plate) = &labels[1].shape else { panic!() };
    assert_eq!((plate.width, plate.height, plate.area()), (102, 77, 10));
    let parts: Vec<_> = labels
        .iter()
        .filter_map(|l| if let Shape::Relation { from, to } = l.shape { Some((from, to)) } else { None })
        .collect();
    assert_eq!(parts, [(4, 3), (5, 3), (7, 6)]);

    let Some((_, found)) = fixture("ade20k2020_dataset/dataset", "ade20k") else { return };
    let labels = truth(&found, "street/1.jpg");
    assert_eq!(labels[0].class.as_deref(), Some("car, auto, automobile, machine, motorcar"));
    assert_eq!(picture(&labels[0])[0], "..###");
    assert_eq!((points(&labels[1])[4], &labels[1].attributes["attributes"]), ((1.0, 4.0), &json!(["walkin"])));
    assert_eq!(labels[3].shape, Shape::Relation { from: 3, to: 1 });
    let Some((_, found)) = fixture("ade20k2017_dataset/dataset", "ade20k") else { return };
    let labels = truth(&found, "street/1.jpg");
    assert_eq!(labels[2].class.as_deref(), Some("license plate"));
    assert_eq!(labels[1].attributes["attributes"], json!(["walkin"]));

    let Some((schema, _)) = fixture("synthia_dataset/rand", "masks") else { return };
    assert_eq!(schema.ontology.types[&LabelType::SemanticMask].classes[3].color, Some([128, 64, 128]));
    let Some((schema, found)) = fixture("kitti_dataset/kitti_segmentation", "kitti-segmentation") else { return };
    assert_eq!((found.len(), truth(&found, "000030_10.png")[0].label_type()), (2, LabelType::InstanceMask));
    assert_eq!(schema.ontology.types[&LabelType::InstanceMask].classes[7].name, "road");
}

#[test]
fn texts_poses_films_and_clouds_are_read() {
    let Some((_, found)) = fixture("icdar_dataset/text_localization", "icdar") else { return };
    let labels = truth(&found, "img_1.png");
    assert_eq!(
        (points(&labels[0]), &labels[0].attributes["text"]),
        (vec![(0.0, 0.0), (3.0, 1.0), (4.0, 6.0), (1.0, 7.0)], &json!("FOOD"))
    );
    assert_eq!(truth(&found, "img_2.png")[1].shape, Shape::Box2d(Box2d::new(3.0, 3.0, 5.0, 6.0)));
    let Some((_, found)) = fixture("icdar_dataset/text_segmentation", "icdar") else { return };
    let labels = truth(&found, "1.png");
    let said: Vec<_> =
        labels.iter().map(|l| (l.attributes["text"].as_str().unwrap(), l.instance.as_deref().unwrap())).collect();
    assert_eq!(said, [("F", "word 0"), ("T", "word 1"), ("h", "word 1")]);
    assert!(labels.iter().all(|l| l.label_type() == LabelType::Rle));
    let Some((_, found)) = fixture("icdar_dataset/word_recognition", "icdar") else { return };
    let Shape::Sentence { sentence, .. } = &truth(&found, "word_1.png")[0].shape else { panic!() };
    assert_eq!(sentence[0].text, "PROPER");

    let Some((schema, found)) = fixture("mpii_json_dataset/dataset_wo_numpy_files", "mpii") else { return };
    let Shape::Keypoints(joints) = &truth(&found, "000000001.jpg")[0].shape else { panic!() };
    assert_eq!((joints.len(), joints[0].x, joints[0].v, joints[3].v), (16, 620.0, Some(2), Some(1)));
    assert_eq!(schema.ontology.types[&LabelType::Keypoints].skeletons[0].names[9], "head_top");

    let Some(path) = real("datumaro_fixtures/kinetics_dataset") else { return };
    let (_, found) = read_as(&path, "kinetics", &Report::new());
    let film = truth(&found, "train/3.avi");
    assert_eq!((classes(film), &film[0].shape), (vec!["label_2"], &Shape::TimeSpan { begin: 0.0, end: 2.0 }));

    let Some((_, found)) = fixture("sly_pointcloud_dataset", "supervisely_clouds") else { return };
    let cloud = truth(&found, "frame1.pcd");
    let Shape::Box3d(cuboid) = &cloud[2].shape else { panic!("{cloud:?}") };
    assert_eq!((cloud[2].class.as_deref(), cuboid.size, cuboid.rotation[0]), (Some("car"), [0.01; 3], 1.0));
    assert_eq!((&cloud[2].attributes["tag3"], cloud[0].class.as_deref()), (&json!("4s"), Some("tag2")));
    let frame: Vec<_> = found
        .iter()
        .filter(|r| r.frame.as_deref() == Some("ds0/frame1"))
        .map(|r| r.sensor.as_deref().unwrap())
        .collect();
    assert_eq!(frame, ["lidar", "camera"]);

    let Some(path) = real("labelformat_fixtures/object_detection/lightly") else { return };
    let (_, found) = read_as(&path, "lightly", &Report::new());
    let labels = truth(&found, "a-weird Filename.asdf.jpg");
    assert_eq!(labels[0].shape, Shape::Box2d(Box2d::new(540.0, 295.0, 563.0, 313.0)));
}

#[test]
fn masks_of_segment_anything_are_read_and_written() {
    let Some((_, found)) = fixture("segment_anything_dataset", "segment_anything") else { return };
    let label = &truth(&found, "a.jpg")[0];
    assert_eq!(picture(label), ["..........", "...#......", "...#......", "...#......", "...#......"]);
    assert_eq!((label.confidence, &label.attributes["point_coords"]), (Some(0.2633798018925796), &json!([[3, 4]])));
    let mut polygon =
        Label::new(Shape::Polygon(vec![Point { x: 1.0, y: 1.0 }, Point { x: 5.0, y: 1.0 }, Point { x: 5.0, y: 4.0 }]));
    polygon.class = Some("cat".into());
    let mut record =
        with_png(SampleRecord { path: "in/a.png".into(), stated_size: Some((10, 5)), ..Default::default() });
    let mut mask = label.clone();
    mask.attributes.insert("by".into(), json!("me"));
    mask.class = Some("dog".into());
    record.layers.insert("truth".into(), vec![mask.clone(), polygon]);
    let temp = tempfile::tempdir().unwrap();
    let (written, report) =
        write_as(&temp.path().join("a"), "segment_anything", &Schema::default(), &[record], &WriteOptions::default());
    assert_eq!((written.labels, written.losses), (2, 1), "{:?}", report.findings());
    let (_, back) = read_as(&temp.path().join("a"), "segment_anything", &Report::new());
    assert_eq!(back[0].layers["truth"][0], mask);
    assert_eq!(back[0].layers["truth"][1].class.as_deref(), Some("cat"));
}

/// One bad row costs itself and is told with its place.
#[test]
fn bad_rows_are_findings_and_nothing_else_is_lost() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path();
    let image = crate::scratch::png(8, 8);
    let check = |format: &str, samples: usize, labels: usize, errors: u64, root: &Path| {
        let report = Report::new();
        let (_, found) = read_as(root, format, &report);
        let all: usize = found.iter().flat_map(|r| r.layers.values()).map(Vec::len).sum();
        assert_eq!(
            (found.len(), all, report.count(Severity::Error)),
            (samples, labels, errors),
            "{format}: {:?}",
            report.findings()
        );
        assert!(report.findings().iter().all(|f| f.places.iter().all(|p| !p.file.is_empty())));
    };
    put(root, "celeba/Img/000001.jpg", &image);
    put(
        root,
        "celeba/Anno/list_bbox_celeba.txt",
        "2\nimage_id x_1 y_1 width height\n000001.jpg 1 1 4 4\n000001.jpg 1 x 4 4\n../../etc/x.jpg 1 1 2 2\n",
    );
    check("celeba", 1, 1, 2, &root.join("celeba"));
    put(root, "icdar/gt_a.txt", "\u{feff}1,1,4,4,one\r\n1,2,oops\r\n1,1,1e999,4,two\r\n");
    put(root, "icdar/a.png", &image);
    check("icdar", 1, 1, 2, &root.join("icdar"));
    put(root, "ava/ava_train_v2.2.csv", "v,1,0.1,0.1,0.5,0.5,1,0\nv,1,0.1\nv,2,,,,,,\n");
    put(root, "ava/v_1.jpg", &image);
    put(root, "ava/v_2.jpg", &image);
    check("ava", 2, 1, 1, &root.join("ava"));
    put(
        root,
        "sam/a.json",
        r#"{"image": {"file_name": "a.png", "width": 8, "height": 8}, "annotations": [{"segmentation": {"size": [8, 8], "counts": "zzz"}}, {"segmentation": {"size": [99999999, 99999999], "counts": "1"}}, 7]}"#,
    );
    put(root, "sam/a.png", &image);
    check("segment_anything", 1, 0, 3, &root.join("sam"));
    put(
        root,
        "xml/a.xml",
        "<annotation><filename>a.png</filename><object><name>x</name><deleted>0</deleted><id>0</id><polygon><pt><x>1</x><y>nan</y></pt></polygon></object><object><name>y</name><deleted>1</deleted></object></annotation>",
    );
    put(root, "xml/a.png", &image);
    check("labelme_xml", 1, 0, 1, &root.join("xml"));
}
