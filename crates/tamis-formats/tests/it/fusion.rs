//! Datasets of several sensors: real ones, and that a cuboid lands where the devkits put it.

use tamis_core::{Pose, Report, SampleRecord, SensorKind, Shape};
use tamis_formats::Schema;

use super::scratch::{open, put, read_as, real};

fn ego(record: &SampleRecord) -> Pose {
    let numbers = |name: &str| serde_json::from_value::<Vec<f64>>(record.fields[name].clone()).unwrap();
    Pose {
        translation: numbers("ego.translation").try_into().unwrap(),
        rotation: numbers("ego.rotation").try_into().unwrap(),
    }
}

fn sensor<'a>(schema: &'a Schema, record: &SampleRecord) -> &'a tamis_core::Sensor {
    let segment = record.path.split('/').next().unwrap();
    schema.sensors[segment].iter().find(|s| Some(&s.name) == record.sensor.as_ref()).unwrap()
}

/// The pixel of a point of the cuboid's own sensor in another sensor's camera, each with the vehicle's pose of its time.
fn pixel(schema: &Schema, from: &SampleRecord, to: &SampleRecord, point: [f64; 3]) -> Option<tamis_core::Point> {
    let world = ego(from).apply(sensor(schema, from).extrinsics.unwrap().apply(point));
    sensor(schema, to).project(ego(to).inverse().apply(world))
}

/// Every cuboid in every camera that sees all of it, beside the devkit's own classes.
#[test]
fn cuboids_project_as_the_devkit_itself_says() {
    let Some(root) = real("mmdet3d_demo/tests/data/lyft/v1.01-train") else { return };
    let tables = root.join("v1.01-train");
    let Some(rows) = super::peers::run("cuboids.py", &[tables.as_os_str()]) else { return };
    let (schema, records) = read_as(&root, "nuscenes", &Report::new());
    let home = records.iter().find(|r| r.sensor.as_deref() == Some("LIDAR_TOP")).unwrap();
    let (mut worst, mut seen) = (0.0f64, 0);
    for row in &rows {
        let instance = row[0].as_str();
        let label = home.layers["truth"].iter().find(|l| l.instance.as_deref() == instance).unwrap();
        let Shape::Box3d(cuboid) = &label.shape else { panic!("not a cuboid") };
        let shot = records.iter().find(|r| r.sensor.as_deref() == row[1].as_str()).unwrap();
        let ours: Vec<_> = cuboid.corners().into_iter().map(|c| pixel(&schema, home, shot, c).unwrap()).collect();
        let theirs: Vec<[f64; 2]> = serde_json::from_value(row[2].clone()).unwrap();
        for [x, y] in theirs {
            // Far outside of the picture a pixel is a tiny angle.
            let size = 1.0f64.max(x.hypot(y) / 2000.0);
            let apart = ours.iter().map(|p| (p.x - x).hypot(p.y - y)).fold(f64::MAX, f64::min) / size;
            worst = worst.max(apart);
            seen += 1;
        }
    }
    eprintln!("{seen} corners, the worst {worst} pixels apart");
    assert!(seen >= 8 * 5 && worst < 0.1, "{seen} corners, the worst {worst} pixels apart");
}

#[test]
fn lyft_is_read_whole_and_projects_as_the_devkit_does() {
    let Some(root) = real("mmdet3d_demo/tests/data/lyft/v1.01-train") else { return };
    let report = Report::new();
    let found = tamis_formats::detect(&open(&root, &report), &report).unwrap();
    assert_eq!(found.format.spec().id, "nuscenes");
    let (schema, records) = read_as(&root, "nuscenes", &report);
    assert_eq!(records.len(), 10);
    let sensors = &schema.sensors["host-a101-lidar0-1240710366399037786-1240710391298976894"];
    assert_eq!(sensors.iter().filter(|s| s.kind == SensorKind::Camera && s.intrinsics.is_some()).count(), 7);
    assert!(records.iter().all(|r| r.frame == records[0].frame && r.frame.is_some()));
    let home = records.iter().find(|r| r.sensor.as_deref() == Some("LIDAR_TOP")).unwrap();
    let labels = &home.layers["truth"];
    assert_eq!((labels.len(), records.iter().map(|r| r.layers.len()).sum::<usize>()), (4, 1));
    // The devkit's formula (world to vehicle at the camera's time to camera to pixels), worked out with numpy.
    let wanted = [
        ("9a0abe5b", "CAM_BACK", [1202.1, 570.239], [1240.51, 515.075]),
        ("d0c8471d", "CAM_BACK", [1449.185, 566.865], [1454.903, 541.036]),
        ("d0c8471d", "CAM_BACK_LEFT", [142.573, 561.083], [149.015, 531.949]),
        ("99dbde43", "CAM_FRONT", [837.134, 611.469], [792.42, 574.634]),
        ("8ea7e34e", "CAM_BACK", [1295.483, 565.922], [1322.149, 525.314]),
    ];
    for (instance, channel, low, high) in wanted {
        let label = labels.iter().find(|l| l.instance.as_ref().unwrap().starts_with(instance)).unwrap();
        assert_eq!(label.class.as_deref(), Some("car"));
        let Shape::Box3d(cuboid) = &label.shape else { panic!("not a cuboid") };
        let record = records.iter().find(|r| r.sensor.as_deref() == Some(channel)).unwrap();
        for (corner, [x, y]) in [(0, low), (7, high)] {
            let found = pixel(&schema, home, record, cuboid.corners()[corner]).unwrap();
            assert!((found.x - x).hypot(found.y - y) < 0.05, "{instance} in {channel}: {found:?}, not {x} {y}");
        }
    }
}

#[test]
fn broken_tables_are_findings() {
    let folder = tempfile::tempdir().unwrap();
    let tables = [
        ("scene", r#"[{"token":"s","name":"a/b"}]"#),
        ("sample", r#"[{"token":"f","scene_token":"s","timestamp":1}]"#),
        ("sensor", r#"[{"token":"l","channel":"LIDAR","modality":"lidar"}]"#),
        (
            "calibrated_sensor",
            r#"[{"token":"c","sensor_token":"l","translation":[0,0,0],"rotation":[0,0,0,0]},
            {"token":"d","sensor_token":"l","translation":[0,0,1],"rotation":[1,0,0,0]}, {"token":"e","sensor_token":"no"}]"#,
        ),
        ("ego_pose", r#"[{"token":"e","translation":[1,2,3],"rotation":[1,0,0,0]}, {"token":"e"}, 7]"#),
        (
            "sample_data",
            r#"[{"token":"1","sample_token":"f","ego_pose_token":"e","calibrated_sensor_token":"d","timestamp":1e6,
            "filename":"x/1.bin","is_key_frame":true},
            {"token":"2","sample_token":"f","ego_pose_token":"e","calibrated_sensor_token":"d","filename":"y/1.bin","is_key_frame":true},
            {"token":"3","sample_token":"f","ego_pose_token":"e","calibrated_sensor_token":"gone","filename":"2.bin","is_key_frame":true},
            {"token":"4","sample_token":"f","ego_pose_token":"e","calibrated_sensor_token":"d","filename":"..","is_key_frame":true}]"#,
        ),
        (
            "sample_annotation",
            r#"[{"token":"1","sample_token":"f","translation":[2,2,5],"rotation":[1,0,0,0],"size":[1,2,3]},
            {"token":"2","sample_token":"g","translation":[0,0,0],"rotation":[1,0,0,0],"size":[1,2,3]},
            {"token":"3","sample_token":"f","translation":[0,0],"rotation":[1,0,0,0],"size":[1,2,3]}"#,
        ),
    ];
    for (name, text) in tables {
        put(folder.path(), &format!("v1/{name}.json"), text);
    }
    put(folder.path(), "x/1.bin", [0u8; 20]);
    let report = Report::new();
    let (schema, records) = read_as(folder.path(), "nuscenes", &report);
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!((records[0].path.as_str(), records[0].timestamp), ("a_b/LIDAR/1.bin", Some(1.0)));
    let [label] = records[0].layers["truth"].as_slice() else { panic!("one cuboid is sound") };
    let Shape::Box3d(cuboid) = &label.shape else { panic!("not a cuboid") };
    // From the world by the vehicle at 1, 2, 3 and the scanner 1 above it; length before width.
    assert_eq!((cuboid.translation, cuboid.size), ([1.0, 0.0, 1.0], [2.0, 1.0, 3.0]));
    assert_eq!(schema.sensors["a_b"].len(), 1);
    let codes: Vec<String> = report.findings().iter().map(|f| f.code.clone()).collect();
    for code in ["calibration", "dangling", "duplicate", "path", "cuboid", "syntax", "no_table"] {
        assert!(codes.contains(&format!("nuscenes.{code}")), "{code} is not among {codes:?}");
    }
}

/// The calibration of 26 September 2011, and the devkit's formula `P_rect_02 · R_rect_00 · T_velo_cam · X`.
#[test]
fn a_drive_of_kitti_is_read_with_its_tracklets() {
    let folder = tempfile::tempdir().unwrap();
    let drive = "2011_09_26/2011_09_26_drive_0001_sync";
    let p2 = "721.5377 0 609.5593 44.85728 0 721.5377 172.854 0.2163791 0 0 1 0.002745884";
    let r0 = "0.9999239 0.00983776 -0.007445048 -0.009869795 0.9999421 -0.004278459 0.007402527 0.004351614 0.9999631";
    let tr = "0.007533745 -0.9999714 -0.000616602 0.01480249 0.0007280733 -0.9998902 0.9998621 0.00752379 0.01480755";
    let t = "-0.004069766 -0.07631618 -0.2717806";
    put(folder.path(), "2011_09_26/calib_cam_to_cam.txt", format!("calib_time: x\nR_rect_00: {r0}\nP_rect_02: {p2}\n"));
    put(folder.path(), "2011_09_26/calib_velo_to_cam.txt", format!("R: {tr}\nT: {t}\n"));
    for frame in 0..2 {
        put(folder.path(), &format!("{drive}/image_02/data/{frame:010}.png"), super::scratch::png(4, 4));
        put(folder.path(), &format!("{drive}/velodyne_points/data/{frame:010}.bin"), [0u8; 16]);
    }
    put(folder.path(), &format!("{drive}/image_02/timestamps.txt"), "2011-09-26 13:02:25.5\nnonsense\n");
    let pose = |x: f64| {
        format!(
            "<item><tx>{x}</tx><ty>2</ty><tz>-1.5</tz><rx>0</rx><ry>0</ry><rz>0.5</rz><occlusion>1</occlusion></item>"
        )
    };
    let tracklets = format!(
        "<boost_serialization><tracklets><count>1</count><item><objectType>Car</objectType><h>1.5</h><w>1.6</w><l>4</l>\
         <first_frame>1</first_frame><poses><count>2</count>{}{}</poses></item></tracklets></boost_serialization>",
        pose(20.0),
        pose(21.0)
    );
    put(folder.path(), &format!("{drive}/tracklet_labels.xml"), tracklets);
    let report = Report::new();
    let found = tamis_formats::detect(&open(folder.path(), &report), &report).unwrap();
    assert_eq!(found.format.spec().id, "kitti_raw");
    let (schema, records) = read_as(folder.path(), "kitti_raw", &report);
    assert_eq!(records.len(), 4);
    assert_eq!(records[0].timestamp, Some(1_317_042_145.5));
    let codes: Vec<String> = report.findings().iter().map(|f| f.code.clone()).collect();
    assert_eq!(codes, ["kitti_raw.no_scan", "kitti_raw.timestamp"]);
    assert_eq!(records[3].frame, records[1].frame);
    let [label] = records[3].layers["truth"].as_slice() else { panic!("one pose has a scan") };
    assert_eq!((label.class.as_deref(), label.instance.as_deref()), (Some("Car"), Some("0")));
    let Shape::Box3d(cuboid) = &label.shape else { panic!("not a cuboid") };
    assert_eq!((cuboid.translation, cuboid.size), ([20.0, 2.0, -0.75], [4.0, 1.6, 1.5]));
    let camera = sensor(&schema, &records[0]);
    let numbers = |text: &str| text.split(' ').map(|w| w.parse().unwrap()).collect::<Vec<f64>>();
    let (p2, r0, tr, t) = (numbers(p2), numbers(r0), numbers(tr), numbers(t));
    let times =
        |m: &[f64], v: [f64; 3]| -> [f64; 3] { std::array::from_fn(|i| (0..3).map(|j| m[i * 3 + j] * v[j]).sum()) };
    for corner in cuboid.corners() {
        let in_first = times(&tr, corner);
        let r = times(&r0, std::array::from_fn(|i| in_first[i] + t[i]));
        let row = |i: usize| (0..3).map(|j| p2[i * 4 + j] * r[j]).sum::<f64>() + p2[i * 4 + 3];
        let found =
            camera.intrinsics.as_ref().unwrap().project(camera.extrinsics.unwrap().inverse().apply(corner)).unwrap();
        assert!((found.x - row(0) / row(2)).hypot(found.y - row(1) / row(2)) < 0.05);
    }
}

/// The object benchmark: each cuboid's corners, worked out from the row of its file as the devkit does (`R_y(ry)` about
/// the bottom centre, then `P2`), beside the corners of our cuboid through our camera.
#[test]
fn cuboids_of_kitti_project_as_the_devkit_does() {
    let Some(micro) = real("datumaro_fixtures/kitti_dataset/kitti_3d") else { return };
    let label = micro.join("label_2/000001.txt");
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "training/image_2/000001.png", super::scratch::png(1242, 375));
    put(folder.path(), "training/label_2/000001.txt", std::fs::read(&label).unwrap());
    put(folder.path(), "training/calib/000001.txt", std::fs::read(micro.join("calib/000001.txt")).unwrap());
    let report = Report::new();
    let (_, records) = read_as(folder.path(), "kitti", &report);
    let p2: Vec<f64> = serde_json::from_value(records[0].fields["calib"]["P2"].clone()).unwrap();
    let camera = tamis_core::Intrinsics { fx: p2[0], fy: p2[5], cx: p2[2], cy: p2[6], ..Default::default() };
    let shift = [(p2[3] - p2[2] * p2[11]) / p2[0], (p2[7] - p2[6] * p2[11]) / p2[5], p2[11]];
    let sensor = tamis_core::Sensor {
        name: "image_2".into(),
        kind: SensorKind::Camera,
        description: String::new(),
        extrinsics: Some(Pose { translation: shift.map(|v| -v), rotation: [1.0, 0.0, 0.0, 0.0] }),
        intrinsics: Some(camera),
    };
    let text = std::fs::read_to_string(&label).unwrap();
    let rows = text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>());
    let rows: Vec<Vec<f64>> = rows
        .filter(|words| words[0] != "DontCare")
        .map(|words| words[8..15].iter().map(|w| w.parse().unwrap()).collect())
        .collect();
    let solid = records[0].layers["truth"].iter().filter_map(|l| match &l.shape {
        Shape::Box3d(cuboid) => Some(cuboid),
        _ => None,
    });
    let solid: Vec<_> = solid.collect();
    assert_eq!((solid.len(), rows.len()), (2, 2));
    for (cuboid, row) in solid.into_iter().zip(rows) {
        let [h, w, l, x, y, z, ry] = row[..] else { panic!("a row has seven numbers") };
        let ours: Vec<_> = cuboid.corners().into_iter().map(|c| sensor.project(c).unwrap()).collect();
        for (a, b, c) in
            [(1, 0, 1), (1, 0, -1), (-1, 0, -1), (-1, 0, 1), (1, 1, 1), (1, 1, -1), (-1, 1, -1), (-1, 1, 1)]
        {
            let (cx, cy, cz) = (f64::from(a) * l / 2.0, -f64::from(b) * h, f64::from(c) * w / 2.0);
            let corner = [ry.cos() * cx + ry.sin() * cz + x, cy + y, -ry.sin() * cx + ry.cos() * cz + z, 1.0];
            let line = |i: usize| (0..4).map(|j| p2[i * 4 + j] * corner[j]).sum::<f64>();
            let (u, v) = (line(0) / line(2), line(1) / line(2));
            let apart = ours.iter().map(|p| (p.x - u).hypot(p.y - v)).fold(f64::MAX, f64::min);
            assert!(apart < 0.01, "a corner at {u} {v} is {apart} pixels apart: {ours:?}");
        }
    }
}
