//! A small sound dataset of every format: written by our own writers, or as its tool lays it out.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use tamis_core::{Box2d, Label, LabelType, Report, SampleRecord, Shape};
use tamis_formats::{Entry, FORMATS, Source, SourceLimits, WriteOptions};

use crate::families::{own, schema_of};
use crate::scratch::{files, png, real, with_png, write_as};

/// Bytes by path.
pub(super) type Files = BTreeMap<String, Arc<Vec<u8>>>;

/// A dataset in memory.
pub(super) struct Set {
    pub(super) format: &'static str,
    pub(super) name: String,
    pub(super) files: Files,
}

struct Held(Files);

struct Bytes(Arc<Vec<u8>>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl tamis_formats::Files for Held {
    fn open(&self, entry: &Entry) -> std::io::Result<Box<dyn Read + Send>> {
        let bytes = self.0.get(&entry.path).ok_or(std::io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(Bytes(Arc::clone(bytes)))))
    }
}

/// Files as a source.
pub(super) fn source(held: &Files, report: &Report) -> Source {
    let entries = held.iter().map(|(path, bytes)| Entry::new(path, bytes.len() as u64)).collect();
    let limits = SourceLimits::default();
    Source::from_files("set", entries, Arc::new(Held(held.clone())), limits, report).unwrap()
}

fn load(root: &Path) -> Files {
    let name = |path: &Path| path.display().to_string();
    files(root).into_iter().map(|(path, bytes)| (name(&path), Arc::new(bytes))).collect()
}

/// Whether the micro sets of other tools are here.
pub(super) fn has_real() -> bool {
    real("datumaro_fixtures").is_some() && real("labelformat_fixtures").is_some()
}

fn plain(boxes: bool) -> Vec<SampleRecord> {
    let label = |class: &str, x: f64| {
        let shape = if boxes { Shape::Box2d(Box2d::new(x, 2.5, x + 8.0, 12.25)) } else { Shape::Classification };
        Label::new(shape).with_class(class)
    };
    let sample = |path: &str, mut labels: Vec<Label>| {
        if !boxes {
            labels.truncate(1);
        }
        with_png(SampleRecord {
            path: path.to_owned(),
            split: Some(path.split('/').next().unwrap().to_owned()),
            stated_size: Some((32, 24)),
            layers: BTreeMap::from([("truth".to_owned(), labels)]),
            ..Default::default()
        })
    };
    vec![
        sample("train/cat/apple.png", vec![label("cat", 1.0), label("dog", 4.0)]),
        sample("train/cat/berry.png", vec![label("cat", 3.0)]),
        sample("val/dog/cherry.png", vec![label("dog", 2.0), label("cat", 11.5)]),
    ]
}

/// Formats that are only read, as other tools keep them.
const REAL: &[(&str, &str)] = &[
    ("labelme_xml", "datumaro_fixtures/labelme_dataset"),
    ("supervisely_clouds", "datumaro_fixtures/sly_pointcloud_dataset"),
    ("kitti-segmentation", "datumaro_fixtures/kitti_dataset/kitti_segmentation"),
    ("celeba", "datumaro_fixtures/celeba_dataset/dataset"),
    ("vgg_face2", "datumaro_fixtures/vgg_face2_dataset"),
    ("lfw", "datumaro_fixtures/lfw_dataset"),
    ("ava", "datumaro_fixtures/ava_dataset"),
    ("mapillary_vistas", "datumaro_fixtures/mapillary_vistas_dataset"),
    ("ade20k", "datumaro_fixtures/ade20k2020_dataset/dataset"),
    ("ade20k", "datumaro_fixtures/ade20k2017_dataset/dataset"),
    ("segment_anything", "datumaro_fixtures/segment_anything_dataset"),
    ("icdar", "datumaro_fixtures/icdar_dataset/text_localization"),
    ("icdar", "datumaro_fixtures/icdar_dataset/text_segmentation"),
    ("icdar", "datumaro_fixtures/icdar_dataset/word_recognition"),
    ("mpii", "datumaro_fixtures/mpii_json_dataset/dataset_wo_numpy_files"),
    ("kinetics", "datumaro_fixtures/kinetics_dataset"),
    ("lightly", "labelformat_fixtures/object_detection/lightly"),
    ("market1501", "datumaro_fixtures/market1501_dataset"),
    ("mars", "datumaro_fixtures/mars_dataset"),
    ("mvtec", "datumaro_fixtures/mvtec_dataset"),
    ("super_resolution", "datumaro_fixtures/common_super_resolution_dataset"),
    ("coco", "datumaro_fixtures/coco_dataset/coco_panoptic"),
    ("cvat", "datumaro_fixtures/cvat_dataset/for_video"),
    ("masks", "datumaro_fixtures/camvid_dataset"),
];

fn written(format: &'static str, records: &[SampleRecord]) -> Set {
    let temp = tempfile::tempdir().unwrap();
    write_as(&temp.path().join("a"), format, &schema_of(records), records, &WriteOptions::default());
    Set { format, name: format.to_owned(), files: load(&temp.path().join("a")) }
}

/// A set of every format; of those that are only read as long as the micro sets are here.
pub(super) fn all() -> Vec<Set> {
    let own = own();
    let mut out: Vec<Set> = own.iter().map(|(format, records)| written(format, records)).collect();
    for format in FORMATS {
        let spec = format.spec();
        let is_done = own.iter().any(|(id, _)| *id == spec.id)
            || REAL.iter().any(|(id, _)| *id == spec.id && !matches!(spec.id, "coco" | "cvat"));
        if !is_done && !spec.writes.is_empty() {
            out.push(written(spec.id, &plain(spec.can_write(LabelType::Box2d))));
        }
    }
    for (format, folder) in REAL {
        if let Some(path) = real(folder) {
            out.push(Set { format, name: (*folder).to_owned(), files: load(&path) });
        }
    }
    out.extend(by_hand());
    out
}

fn hand(format: &'static str, files: Vec<(&str, Vec<u8>)>) -> Set {
    let files = files.into_iter().map(|(path, bytes)| (path.to_owned(), Arc::new(bytes))).collect();
    Set { format, name: format.to_owned(), files }
}

fn by_hand() -> Vec<Set> {
    let text = |t: &str| t.as_bytes().to_vec();
    let idx = |kind: u8, sizes: &[u32], body: &[u8]| {
        let mut out = vec![0, 0, kind, sizes.len() as u8];
        out.extend(sizes.iter().flat_map(|s| s.to_be_bytes()));
        out.extend(body);
        out
    };
    let cifar: Vec<u8> = (0..3u8).flat_map(|n| std::iter::once(n).chain(std::iter::repeat_n(n, 3072))).collect();
    let drive = "2011_09_26/2011_09_26_drive_0001_sync";
    let pose =
        "<item><tx>20</tx><ty>2</ty><tz>-1.5</tz><rx>0</rx><ry>0</ry><rz>0.5</rz><occlusion>1</occlusion></item>";
    let tracklet = |class: &str, first: u32| {
        format!(
            "<item><objectType>{class}</objectType><h>1.5</h><w>1.6</w><l>4</l><first_frame>{first}</first_frame>\
             <poses><count>1</count>{pose}</poses></item>"
        )
    };
    let tracklets = format!(
        "<boost_serialization><tracklets><count>2</count>{}{}</tracklets></boost_serialization>",
        tracklet("Car", 0),
        tracklet("Van", 1)
    );
    let path = |rest: &str| format!("{drive}/{rest}");
    let kitti: Vec<(String, Vec<u8>)> = vec![
        (
            "2011_09_26/calib_cam_to_cam.txt".into(),
            text(
                "calib_time: x\nR_rect_00: 1 0 0 0 1 0 0 0 1\nP_rect_02: 721.5 0 609.5 44.8 0 721.5 172.8 0.2 0 0 1 0.002\n",
            ),
        ),
        ("2011_09_26/calib_velo_to_cam.txt".into(), text("R: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 0\n")),
        (path("image_02/data/0000000000.png"), png(4, 4)),
        (path("image_02/data/0000000001.png"), png(4, 4)),
        (path("velodyne_points/data/0000000000.bin"), vec![0; 16]),
        (path("velodyne_points/data/0000000001.bin"), vec![0; 16]),
        (path("image_02/timestamps.txt"), text("2011-09-26 13:02:25.5\n2011-09-26 13:02:25.6\n")),
        (path("tracklet_labels.xml"), tracklets.into_bytes()),
    ];
    let kitti = kitti.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
    vec![
        hand(
            "mnist",
            vec![
                ("train-images-idx3-ubyte", idx(8, &[3, 2, 2], &[7; 12])),
                ("train-labels-idx1-ubyte", idx(8, &[3], &[1, 2, 3])),
            ],
        ),
        hand(
            "cifar",
            vec![
                (
                    "cifar-10-batches-bin/batches.meta.txt",
                    text("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n"),
                ),
                ("cifar-10-batches-bin/data_batch_1.bin", cifar),
            ],
        ),
        hand(
            "urls",
            vec![(
                "list.txt",
                text("https://example.org/a.png\nhttps://example.org/b.png\nhttps://example.org/c.png\n"),
            )],
        ),
        hand("files", vec![("a.png", png(2, 2)), ("b/c.png", png(2, 2)), ("notes.txt", text("one\n"))]),
        hand("kitti_raw", kitti),
        hand("nuscenes", nuscenes()),
    ]
}

fn nuscenes() -> Vec<(&'static str, Vec<u8>)> {
    let tables = [
        ("v1.0-mini/scene.json", r#"[{"token":"s","name":"scene-1","log_token":"l"}]"#),
        ("v1.0-mini/log.json", r#"[{"token":"l","vehicle":"n1","location":"x"}]"#),
        (
            "v1.0-mini/sample.json",
            r#"[{"token":"f","scene_token":"s","timestamp":1000000},{"token":"g","scene_token":"s","timestamp":2000000}]"#,
        ),
        (
            "v1.0-mini/sensor.json",
            r#"[{"token":"l","channel":"LIDAR_TOP","modality":"lidar"},{"token":"m","channel":"CAM_FRONT","modality":"camera"}]"#,
        ),
        (
            "v1.0-mini/calibrated_sensor.json",
            r#"[{"token":"d","sensor_token":"l","translation":[0,0,1],"rotation":[1,0,0,0],"camera_intrinsic":[]},
{"token":"e","sensor_token":"m","translation":[1,0,1],"rotation":[0.5,-0.5,0.5,-0.5],"camera_intrinsic":[[1200,0,800],[0,1200,450],[0,0,1]]}]"#,
        ),
        (
            "v1.0-mini/ego_pose.json",
            r#"[{"token":"e","timestamp":1000000,"translation":[1,2,3],"rotation":[1,0,0,0]}]"#,
        ),
        (
            "v1.0-mini/sample_data.json",
            r#"[{"token":"1","sample_token":"f","ego_pose_token":"e","calibrated_sensor_token":"d","timestamp":1000000,"filename":"samples/LIDAR_TOP/1.bin","is_key_frame":true,"width":0,"height":0},
{"token":"2","sample_token":"f","ego_pose_token":"e","calibrated_sensor_token":"e","timestamp":1000000,"filename":"samples/CAM_FRONT/1.png","is_key_frame":true,"width":4,"height":4},
{"token":"3","sample_token":"g","ego_pose_token":"e","calibrated_sensor_token":"d","timestamp":2000000,"filename":"samples/LIDAR_TOP/2.bin","is_key_frame":true,"width":0,"height":0}]"#,
        ),
        ("v1.0-mini/category.json", r#"[{"token":"c","name":"vehicle.car","description":""}]"#),
        ("v1.0-mini/instance.json", r#"[{"token":"i","category_token":"c"}]"#),
        ("v1.0-mini/attribute.json", r#"[{"token":"a","name":"vehicle.parked"}]"#),
        ("v1.0-mini/visibility.json", r#"[{"token":"4","level":"v80-100"}]"#),
        (
            "v1.0-mini/sample_annotation.json",
            r#"[{"token":"1","sample_token":"f","instance_token":"i","visibility_token":"4","attribute_tokens":["a"],"translation":[2,2,5],"rotation":[1,0,0,0],"size":[1,2,3],"num_lidar_pts":3,"num_radar_pts":0},
{"token":"2","sample_token":"g","instance_token":"i","visibility_token":"4","attribute_tokens":[],"translation":[3,2,5],"rotation":[1,0,0,0],"size":[1,2,3],"num_lidar_pts":3,"num_radar_pts":0}]"#,
        ),
    ];
    let mut out: Vec<(&str, Vec<u8>)> = tables.iter().map(|(path, text)| (*path, text.as_bytes().to_vec())).collect();
    out.push(("samples/LIDAR_TOP/1.bin", vec![0; 20]));
    out.push(("samples/LIDAR_TOP/2.bin", vec![0; 20]));
    out.push(("samples/CAM_FRONT/1.png", png(4, 4)));
    out
}
