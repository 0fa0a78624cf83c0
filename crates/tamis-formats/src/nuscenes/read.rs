//! Tables to records.

use std::collections::{BTreeMap, HashMap};

use tamis_core::{
    Box3d, Intrinsics, Label, LabelType, MediaSource, Place, Pose, Report, SampleRecord, SensorKind, Shape,
};

use super::SPEC;
use super::tables::{
    Annotation, CalibratedSensor, EgoPose, Instance, Named, Row, Sample, SampleData, Scene, Sensor, rows, table,
};
use crate::each::Each;
use crate::error::Result;
use crate::format::{ReadOptions, RecordReader, Schema, option};
use crate::fusion;
use crate::labels::Judge;
use crate::paths::{folder, join, name};
use crate::source::Source;

/// One file of one sensor.
struct Item {
    path: String,
    file: Option<String>,
    size: Option<(u32, u32)>,
    frame: Option<String>,
    channel: String,
    timestamp: f64,
    ego: Option<Pose>,
    labels: Option<Vec<Label>>,
}

/// Where the labels of a frame go: rank (the lowest wins), channel, path.
type Home = (u8, String, String);

/// A sensor in its place, and the scene's segment.
struct Mounted {
    channel: String,
    kind: SensorKind,
    pose: Option<Pose>,
    intrinsics: Option<Intrinsics>,
}

pub(super) fn read<'a>(
    source: &'a Source,
    tables: &str,
    options: &ReadOptions,
    report: &'a Report,
) -> Result<Box<dyn RecordReader + 'a>> {
    let sweeps = option(&SPEC, &options.options, "sweeps")? == "yes";
    let judge = Judge { format: SPEC.id, report };
    let scenes: HashMap<String, Scene> = table(source, tables, "scene", &judge);
    let samples: HashMap<String, Sample> = table(source, tables, "sample", &judge);
    let egos: HashMap<String, EgoPose> = table(source, tables, "ego_pose", &judge);
    let mounted = mounted(source, tables, &judge);
    let mut schema = Schema::default();
    let mut items: BTreeMap<String, Item> = BTreeMap::new();
    // For each frame the place of its labels: the scanner on the roof, else the first scanner by name, else any sensor.
    let mut homes: HashMap<String, Home> = HashMap::new();
    let file = join(tables, "sample_data.json");
    rows::<SampleData>(source, tables, "sample_data", &judge, |row, line| {
        if !row.is_key_frame && !sweeps {
            return;
        }
        let place = || Place::line(&file, line);
        let Some(sensor) = mounted.get(&row.calibrated_sensor_token) else {
            return judge.error("dangling", place(), "a file names a calibrated sensor that is not there; left out");
        };
        let scene = samples.get(&row.sample_token).and_then(|sample| scenes.get(&sample.scene_token));
        let scene = match scene {
            Some(scene) if !scene.name.is_empty() => scene.name.replace('/', "_"),
            _ => {
                judge.error("dangling", place(), "a file belongs to no sample or scene that is there");
                "_no_scene".to_owned()
            }
        };
        let path = format!("{scene}/{}/{}", sensor.channel.replace('/', "_"), name(&row.filename));
        if let Err(error) = tamis_core::check_path(&path) {
            return judge.error("path", place(), error);
        }
        if items.contains_key(&path) {
            return judge.error("duplicate", place(), format!("`{path}` is there already; left out"));
        }
        add_sensor(&mut schema, &scene, sensor, &judge, &place);
        let found = [join(folder(tables), &row.filename), join(tables, &row.filename), row.filename.clone()]
            .into_iter()
            .find(|path| source.find(path).is_some());
        if found.is_none() {
            judge.error("missing_file", place(), "the media file is not there");
        }
        let ego = egos.get(&row.ego_pose_token).and_then(|ego| fusion::pose(&ego.translation, &ego.rotation));
        if ego.is_none() {
            judge.error("dangling", place(), "a file has no pose of the vehicle");
        }
        if row.is_key_frame && ego.is_some() && sensor.pose.is_some() {
            let rank = match sensor.kind {
                SensorKind::Lidar if sensor.channel == "LIDAR_TOP" => 0,
                SensorKind::Lidar => 1,
                _ => 2,
            };
            let home: Home = (rank, sensor.channel.clone(), path.clone());
            homes
                .entry(row.sample_token.clone())
                .and_modify(|old| *old = home.clone().min(old.clone()))
                .or_insert(home);
        }
        let item = Item {
            path: path.clone(),
            file: found,
            size: row.width.zip(row.height).filter(|(w, h)| *w > 0 && *h > 0),
            frame: row.is_key_frame.then_some(row.sample_token),
            channel: sensor.channel.clone(),
            timestamp: row.timestamp / 1e6,
            ego,
            labels: None,
        };
        items.insert(path, item);
    });
    let places = poses(&homes, &items, &schema);
    for (_, _, home) in homes.values() {
        if let Some(item) = items.get_mut(home) {
            item.labels = Some(Vec::new());
        }
    }
    annotate(source, tables, &judge, &homes, &places, &mut items);
    for label in items.values().flat_map(|item| item.labels.iter().flatten()) {
        if let Some(class) = &label.class {
            schema.ontology.add_class(LabelType::Box3d, class);
        }
    }
    if let Some(boxes) = schema.ontology.types.get_mut(&LabelType::Box3d) {
        boxes.tracking = true;
    }
    let layer = options.layer();
    Ok(Box::new(Each::new(items.into_values().collect(), schema, move |item: Item, _| Ok(Some(record(item, &layer))))))
}

fn record(item: Item, layer: &str) -> SampleRecord {
    let mut record = SampleRecord {
        path: item.path,
        media: item.file.map(MediaSource::File),
        stated_size: item.size,
        frame: item.frame,
        sensor: Some(item.channel),
        timestamp: Some(item.timestamp).filter(|t| t.is_finite()),
        ..SampleRecord::default()
    };
    if let Some(ego) = item.ego {
        record.fields.insert("ego.translation".to_owned(), ego.translation.to_vec().into());
        record.fields.insert("ego.rotation".to_owned(), ego.rotation.to_vec().into());
    }
    if let Some(labels) = item.labels {
        record.layers.insert(layer.to_owned(), labels);
    }
    record
}

/// Every calibrated sensor by token.
fn mounted(source: &Source, tables: &str, judge: &Judge<'_>) -> HashMap<String, Mounted> {
    let sensors: HashMap<String, Sensor> = table(source, tables, "sensor", judge);
    let mut out = HashMap::new();
    let file = join(tables, "calibrated_sensor.json");
    rows::<CalibratedSensor>(source, tables, "calibrated_sensor", judge, |row, line| {
        let place = || Place::line(&file, line);
        let Some(sensor) = sensors.get(&row.sensor_token) else {
            return judge.error("dangling", place(), "a calibration names a sensor that is not there; left out");
        };
        let kind = match sensor.modality.as_str() {
            "lidar" => SensorKind::Lidar,
            "radar" => SensorKind::Radar,
            _ => SensorKind::Camera,
        };
        let pose = fusion::pose(&row.translation, &row.rotation);
        if pose.is_none() {
            judge.error("calibration", place(), "a calibration has no rotation and translation");
        }
        let intrinsics = intrinsics(&row.camera_intrinsic);
        if intrinsics.is_none() && kind == SensorKind::Camera {
            judge.error("calibration", place(), "a camera has no matrix of 3 × 3 finite numbers");
        }
        out.insert(row.token().to_owned(), Mounted { channel: sensor.channel.clone(), kind, pose, intrinsics });
    });
    out
}

fn intrinsics(matrix: &[Vec<f64>]) -> Option<Intrinsics> {
    let [a, b, _] = matrix else { return None };
    let (&[fx, skew, cx], &[_, fy, cy]) = (a.as_slice(), b.as_slice()) else { return None };
    let is_sound = [fx, skew, cx, fy, cy].iter().all(|v| v.is_finite());
    is_sound.then(|| Intrinsics { fx, fy, cx, cy, skew, ..Intrinsics::default() })
}

fn add_sensor(schema: &mut Schema, scene: &str, sensor: &Mounted, judge: &Judge<'_>, place: &dyn Fn() -> Place) {
    let known = schema.sensors.entry(scene.to_owned()).or_default();
    let found = tamis_core::Sensor {
        name: sensor.channel.clone(),
        kind: sensor.kind,
        description: String::new(),
        extrinsics: sensor.pose,
        intrinsics: sensor.intrinsics.clone(),
    };
    match known.iter().find(|s| s.name == found.name) {
        None => known.push(found),
        Some(old) if *old == found => {}
        Some(_) => judge.warn("calibration", place(), "a sensor has two calibrations in a scene; the first is kept"),
    }
}

/// From the world to the home of each frame's labels.
fn poses(homes: &HashMap<String, Home>, items: &BTreeMap<String, Item>, schema: &Schema) -> HashMap<String, Pose> {
    let pose = |path: &str| {
        let item = items.get(path)?;
        let sensors = schema.sensors.get(path.split('/').next()?)?;
        let sensor = sensors.iter().find(|s| s.name == item.channel)?;
        Some(fusion::then(item.ego.as_ref()?, sensor.extrinsics.as_ref()?).inverse())
    };
    homes.iter().filter_map(|(frame, (_, _, path))| Some((frame.clone(), pose(path)?))).collect()
}

fn annotate(
    source: &Source,
    tables: &str,
    judge: &Judge<'_>,
    homes: &HashMap<String, Home>,
    places: &HashMap<String, Pose>,
    items: &mut BTreeMap<String, Item>,
) {
    let categories: HashMap<String, Named> = table(source, tables, "category", judge);
    let attributes: HashMap<String, Named> = table(source, tables, "attribute", judge);
    let levels: HashMap<String, Named> = table(source, tables, "visibility", judge);
    let instances: HashMap<String, Instance> = table(source, tables, "instance", judge);
    let file = join(tables, "sample_annotation.json");
    rows::<Annotation>(source, tables, "sample_annotation", judge, |row, line| {
        let place = || Place::line(&file, line);
        let home = homes.get(&row.sample_token).and_then(|(_, _, path)| items.get_mut(path));
        let (Some(item), Some(to)) = (home, places.get(&row.sample_token)) else {
            return judge.error("dangling", place(), "a cuboid belongs to no key frame with a posed sensor; left out");
        };
        // Sizes are width, length, height; the cuboid's own x axis is its length.
        let size: Option<[f64; 3]> = row.size.as_slice().try_into().ok();
        let size = size.map(|[w, l, h]| [l, w, h]).filter(|s| s.iter().all(|v| v.is_finite() && *v >= 0.0));
        let (Some(pose), Some(size)) = (fusion::pose(&row.translation, &row.rotation), size) else {
            return judge.error("cuboid", place(), "a cuboid has no finite translation, rotation and size; left out");
        };
        let world = Box3d { translation: pose.translation, rotation: pose.rotation, size };
        let mut label = Label::new(Shape::Box3d(fusion::moved(to, &world)));
        let category = instances.get(&row.instance_token).and_then(|i| categories.get(&i.category_token));
        match category {
            Some(category) => label.class = Some(category.name.clone()),
            None => judge.error("dangling", place(), "a cuboid has no instance or category; kept without class"),
        }
        label.instance = Some(row.instance_token).filter(|token| !token.is_empty());
        let names = row.attribute_tokens.iter().filter_map(|token| attributes.get(token)).map(|a| a.name.clone());
        let names: Vec<String> = names.collect();
        if names.len() < row.attribute_tokens.len() {
            judge.error("dangling", place(), "a cuboid names an attribute that is not there");
        }
        if !names.is_empty() {
            label.attributes.insert("attributes".to_owned(), names.into());
        }
        let token = match &row.visibility_token {
            serde_json::Value::String(token) => token.clone(),
            other => other.to_string(),
        };
        if let Some(level) = levels.get(&token).filter(|level| !level.level.is_empty()) {
            label.attributes.insert("visibility".to_owned(), level.level.clone().into());
        }
        for (name, count) in [("num_lidar_pts", row.num_lidar_pts), ("num_radar_pts", row.num_radar_pts)] {
            label.attributes.extend(count.filter(|n| *n >= 0).map(|n| (name.to_owned(), n.into())));
        }
        item.labels.get_or_insert_default().push(label);
    });
}
