//! KITTI's raw recordings: cameras, scanner and tracklets of drives, calibrated by date.
//!
//! A drive is a segment, a file a sample, and files of one number share a frame. The vehicle's frame is the scanner's;
//! where the drive has `oxts`, its pose in the world (the first frame's inertial unit) is a field of each sample.
//! Source: A. Geiger et al., "Vision meets robotics: the KITTI dataset", 2013, and its devkit's readme.

mod oxts;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use tamis_core::{Box3d, Label, LabelType, MediaSource, Place, Pose, Report, SampleRecord, Sensor, SensorKind, Shape};

use crate::each::Each;
use crate::error::{FormatError, Result};
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::fusion::{self, then};
use crate::labels::Judge;
use crate::lex::text;
use crate::lex::xml::{self, Element};
use crate::paths::{folder, join, name, stem};
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::Spec;

static SPEC: Spec = Spec {
    id: "kitti_raw",
    title: "KITTI raw recordings with tracklets",
    homepage: "https://www.cvlibs.net/datasets/kitti/raw_data.php",
    extensions: &["bin", "png", "txt", "xml"],
    media: &["image", "point cloud"],
    reads: &[LabelType::Box3d],
    writes: &[],
    losses: &[],
    options: &[],
};

/// KITTI raw.
pub(crate) struct KittiRaw;

const SCANNER: &str = "velodyne_points";
/// Annotation files larger than this are none.
const LARGEST: u64 = 256 << 20;

/// The drive's folder, sensor and number of a media file: `…/2011_09_26_drive_0001_sync/image_02/data/0000000000.png`.
fn parts(path: &str) -> Option<(&str, &str, u32)> {
    let data = folder(path);
    let sensor = folder(data);
    let camera = name(sensor).get(..6).is_some_and(|n| n.eq_ignore_ascii_case("image_")) && name(sensor).len() == 8;
    let known = name(sensor) == SCANNER || camera;
    let number = stem(name(path)).parse().ok()?;
    (name(data) == "data" && known).then(|| (folder(sensor), name(sensor), number))
}

impl Format for KittiRaw {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        let has_tracklets = |drive: &str| probe.source().find(&join(drive, "tracklet_labels.xml")).is_some();
        let is_drive =
            |path: &str| parts(path).is_some_and(|(drive, ..)| name(drive).contains("_drive_") || has_tracklets(drive));
        let media = ["bin", "png"].iter().flat_map(|e| probe.with_extension(e));
        let found = media.into_iter().find(|e| is_drive(&e.path));
        match found.and_then(|entry| parts(&entry.path)) {
            Some((drive, ..)) => Confidence::new(92, format!("found a drive in `{drive}`")),
            None => Confidence::NONE,
        }
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        read(source, options, report)
    }

    fn write<'a>(
        &self,
        _: &'a Sink,
        _: &Schema,
        _: &WriteOptions,
        _: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        Err(FormatError::OneWay { verb: "write", format: SPEC.id })
    }
}

fn read<'a>(source: &'a Source, options: &ReadOptions, report: &'a Report) -> Result<Box<dyn RecordReader + 'a>> {
    let judge = Judge { format: SPEC.id, report };
    let mut records: BTreeMap<String, SampleRecord> = BTreeMap::new();
    let mut drives: BTreeMap<String, BTreeMap<String, Vec<Option<f64>>>> = BTreeMap::new();
    for entry in source.entries() {
        let Some((drive, sensor, number)) = parts(&entry.path) else { continue };
        let times = drives.entry(drive.to_owned()).or_default();
        let times = times
            .entry(sensor.to_owned())
            .or_insert_with(|| times_of(source, &join(&join(drive, sensor), "timestamps.txt"), &judge));
        let path = join(name(drive), &format!("{sensor}/{}", name(&entry.path)));
        let record = SampleRecord {
            media: Some(MediaSource::File(entry.path.clone())),
            frame: Some(join(name(drive), &format!("{number:010}"))),
            sensor: Some(sensor.to_ascii_lowercase()),
            timestamp: times.get(number as usize).copied().flatten(),
            path: path.clone(),
            ..SampleRecord::default()
        };
        match records.entry(path) {
            Entry::Vacant(free) => {
                free.insert(record);
            }
            Entry::Occupied(_) => {
                let message = "another drive of this name has this file; left out";
                judge.error("duplicate", Place::file(&entry.path), message);
            }
        }
    }
    if records.is_empty() {
        let reason = "there is no folder of a drive with image_0x/data or velodyne_points/data".to_owned();
        return Err(FormatError::NotThis { path: source.name().to_owned(), format: SPEC.id, reason });
    }
    let mut schema = Schema::default();
    for (drive, sensors) in &drives {
        let found = sensors_of(source, drive, sensors.keys(), &judge);
        schema.sensors.insert(name(drive).to_owned(), found);
        oxts::poses(source, drive, &mut records, &judge);
        let file = join(drive, "tracklet_labels.xml");
        if source.find(&file).is_some() {
            tracklets(source, &file, name(drive), &options.layer(), &mut records, &judge);
        }
    }
    for label in records.values().flat_map(|record| record.layers.values().flatten()) {
        if let Some(class) = &label.class {
            schema.ontology.add_class(LabelType::Box3d, class);
        }
    }
    if let Some(boxes) = schema.ontology.types.get_mut(&LabelType::Box3d) {
        boxes.tracking = true;
    }
    let items: Vec<SampleRecord> = records.into_values().collect();
    Ok(Box::new(Each::new(items, schema, |record, _| Ok(Some(record)))))
}

/// A line a frame: `2011-09-26 13:02:25.964389445`, in the recorder's own time zone, taken as UTC.
fn times_of(source: &Source, file: &str, judge: &Judge<'_>) -> Vec<Option<f64>> {
    let Ok(bytes) = source.read_at_most(file, LARGEST) else { return Vec::new() };
    let parse = |(at, line): (usize, &str)| {
        let found = seconds(line.trim());
        if found.is_none() && !line.trim().is_empty() {
            judge.warn("timestamp", Place::line(file, at as u64 + 1), "a line is no date and time");
        }
        found
    };
    text::decode(&bytes).lines().enumerate().map(parse).collect()
}

/// Seconds since 1970 (days by H. Hinnant's `days_from_civil`).
fn seconds(line: &str) -> Option<f64> {
    let (date, time) = line.split_once(' ')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = time.splitn(3, ':').map(|part| part.parse::<f64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468;
    Some(days as f64 * 86_400.0 + hour * 3600.0 + minute * 60.0 + second).filter(|t| t.is_finite())
}

/// The numbers of a calibration file by name.
fn calibration(source: &Source, drive: &str, file: &str, judge: &Judge<'_>) -> BTreeMap<String, Vec<f64>> {
    let places = [join(folder(drive), file), join(drive, file), file.to_owned()];
    let Some(path) = places.into_iter().find(|path| source.find(path).is_some()) else {
        let wanted = join(folder(drive), file);
        judge.error("no_calibration", Place::file(wanted), format!("there is no `{file}` beside the drive"));
        return BTreeMap::new();
    };
    match source.read_at_most(&path, 1 << 20) {
        Ok(bytes) => {
            let decoded = text::decode(&bytes);
            let rows = text::lines(&decoded).filter_map(|(at, line)| Some((at, line.split_once(':')?)));
            let numbers = |list: &str| list.split_whitespace().map(|w| w.parse().ok()).collect::<Option<Vec<f64>>>();
            let row = |(at, (key, list)): (u64, (&str, &str))| {
                let found = numbers(list).filter(|all| all.iter().all(|n| n.is_finite()));
                // Some rows are texts, of the day.
                if found.is_none() && !key.contains("time") {
                    let message = format!("`{}` is not of finite numbers; left out", text::crop(key));
                    judge.error("calibration_row", Place::line(&path, at), message);
                }
                Some((key.trim().to_owned(), found?))
            };
            rows.filter_map(row).collect()
        }
        Err(e) => {
            judge.error("unreadable", Place::file(&path), e);
            BTreeMap::new()
        }
    }
}

/// The file with the cameras' calibration.
const CAMERAS: &str = "calib_cam_to_cam.txt";

fn sensors_of<'s>(
    source: &Source,
    drive: &str,
    names: impl Iterator<Item = &'s String>,
    judge: &Judge<'_>,
) -> Vec<Sensor> {
    let of = |map: &BTreeMap<String, Vec<f64>>, key: &str| map.get(key).cloned().unwrap_or_default();
    let cameras = calibration(source, drive, CAMERAS, judge);
    let scanner = calibration(source, drive, "calib_velo_to_cam.txt", judge);
    // From the scanner to the rectified first camera.
    let first = fusion::pose_of_matrix(&of(&scanner, "R"), &of(&scanner, "T"))
        .zip(fusion::pose_of_matrix(&of(&cameras, "R_rect_00"), &[0.0; 3]))
        .map(|(velo, rect)| then(&rect, &velo));
    let still = Pose { translation: [0.0; 3], rotation: [1.0, 0.0, 0.0, 0.0] };
    let sensor = |name: &String| {
        let mut sensor = Sensor {
            name: name.to_ascii_lowercase(),
            kind: SensorKind::Lidar,
            description: String::new(),
            extrinsics: Some(still),
            intrinsics: None,
        };
        if let Some(number) = name.get(6..).filter(|_| name.as_str() != SCANNER) {
            let camera = fusion::camera_of_projection(&of(&cameras, &format!("P_rect_{number}")));
            if camera.is_none() || first.is_none() {
                let place = Place::file(join(folder(drive), CAMERAS)).at(format!("P_rect_{number}"));
                judge.error("calibration", place, format!("camera {number} has no sound calibration"));
            }
            let shift = camera.as_ref().map(|(_, offset)| Pose { translation: *offset, rotation: still.rotation });
            sensor.kind = SensorKind::Camera;
            sensor.extrinsics = shift.zip(first).map(|(shift, first)| then(&shift, &first).inverse());
            sensor.intrinsics = camera.map(|(intrinsics, _)| intrinsics);
        }
        sensor
    };
    names.map(sensor).collect()
}

fn number(element: &Element, name: &str) -> Option<f64> {
    element.text_of(name)?.trim().parse::<f64>().ok().filter(|n| n.is_finite())
}

/// Tracklets onto the scanner's samples; their origin is the middle of the box's bottom.
fn tracklets(
    source: &Source,
    file: &str,
    drive: &str,
    layer: &str,
    records: &mut BTreeMap<String, SampleRecord>,
    judge: &Judge<'_>,
) {
    let root = match source.read_at_most(file, LARGEST) {
        Ok(bytes) => xml::parse(&bytes),
        Err(e) => return judge.error("unreadable", Place::file(file), e),
    };
    let root = match root {
        Ok(root) => root,
        Err(fault) => return judge.error("syntax", fault.place(file), fault.message),
    };
    let scans = join(drive, &format!("{SCANNER}/"));
    let of_drive = records.iter_mut().filter(|(path, _)| path.starts_with(&scans));
    let mut by_frame: BTreeMap<u64, &mut SampleRecord> =
        of_drive.filter_map(|(path, record)| Some((stem(name(path)).parse().ok()?, record))).collect();
    for record in by_frame.values_mut() {
        record.layers.entry(layer.to_owned()).or_default();
    }
    let list = root.child("tracklets").unwrap_or(&root);
    for (track, item) in list.children.iter().filter(|c| c.name == "item").enumerate() {
        let size = [number(item, "l"), number(item, "w"), number(item, "h")];
        let (Some(begin), [Some(l), Some(w), Some(h)]) = (number(item, "first_frame"), size) else {
            judge.error("tracklet", Place::line(file, item.line), "a tracklet has no size or first frame; left out");
            continue;
        };
        if l <= 0.0 || w <= 0.0 || h <= 0.0 {
            judge.error("size", Place::line(file, item.line), "a tracklet has a side that is not above 0; left out");
            continue;
        }
        let poses = item.child("poses").into_iter().flat_map(|p| p.children.iter().filter(|c| c.name == "item"));
        for (at, pose) in poses.enumerate() {
            let place = || Place::line(file, pose.line);
            let Some(record) = by_frame.get_mut(&(begin.max(0.0) as u64 + at as u64)) else {
                judge.error("no_scan", place(), "a pose is of a frame that has no scan; left out");
                continue;
            };
            let place_of = [number(pose, "tx"), number(pose, "ty"), number(pose, "tz"), number(pose, "rz")];
            let [Some(x), Some(y), Some(z), Some(yaw)] = place_of else {
                judge.error("tracklet", place(), "a pose has no tx, ty, tz and rz; left out");
                continue;
            };
            let cuboid = Box3d {
                translation: [x, y, z + h / 2.0],
                rotation: tamis_core::geometry::quaternion_of_yaw(yaw),
                size: [l, w, h],
            };
            let mut label = Label::new(Shape::Box3d(cuboid));
            label.class = item.text_of("objectType").filter(|n| !n.is_empty()).map(str::to_owned);
            label.instance = Some(track.to_string());
            for key in ["occlusion", "truncation", "state"] {
                let value = number(pose, key).filter(|v| v.fract() == 0.0).map(|v| (v as i64).into());
                label.attributes.extend(value.map(|value| (key.to_owned(), value)));
            }
            record.layers.entry(layer.to_owned()).or_default().push(label);
        }
    }
}
