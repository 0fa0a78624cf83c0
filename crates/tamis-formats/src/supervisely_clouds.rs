//! Supervisely's point clouds: `pointcloud/<frame>.pcd` with cuboids in `ann/<frame>.pcd.json`, and photos of it in
//! `related_images/<frame>_pcd/`, each with its calibration beside it. A cloud and its photos are a frame.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use tamis_core::geometry::quaternion_of_matrix;
use tamis_core::{Box3d, Class, Label, LabelType, Place, Sensor, SensorKind, Shape};

use crate::error::Result;
use crate::gather::Gather;
use crate::lex::json::as_id;
use crate::lex::object;
use crate::paths::{folder, is_image, join, name};
use crate::probe::{Confidence, Probe};
use crate::reads::{self, Reads};
use crate::spec::Spec;
use crate::vott::color;

static SPEC: Spec = Spec {
    media: &["point cloud", "image"],
    ..reads::spec(
        "supervisely_clouds",
        "Supervisely point clouds",
        "https://docs.supervisely.com/customization-and-integration/00_ann_format_navi/06_supervisely_format_pointclouds",
        &["json"],
        &[LabelType::Box3d, LabelType::Classification],
    )
};

/// Supervisely's point clouds.
pub(crate) static CLOUDS: Reads = Reads { spec: &SPEC, detect, read };

fn is_cloud(path: &str) -> bool {
    folder(path) == "pointcloud" || folder(path).ends_with("/pointcloud")
}

fn annotation(cloud: &str) -> String {
    join(&join(folder(folder(cloud)), "ann"), &format!("{}.json", name(cloud)))
}

fn detect(probe: &Probe<'_>) -> Confidence {
    let is_one = |p: &str| is_cloud(p) && probe.source().find(&annotation(p)).is_some();
    match probe.source().entries().iter().find(|e| is_one(&e.path)) {
        Some(first) => Confidence::new(97, format!("found annotations of `{}`", first.path)),
        None => Confidence::NONE,
    }
}

fn read(gather: &mut Gather<'_>) -> Result<()> {
    let clouds: Vec<&str> = gather.source.entries().iter().map(|e| e.path.as_str()).filter(|p| is_cloud(p)).collect();
    if clouds.is_empty() {
        return Err(gather.nothing("there is no folder `pointcloud`"));
    }
    for meta in gather.files("json").into_iter().filter(|p| name(p) == "meta.json") {
        let all = gather.object(meta).unwrap_or_default();
        for class in object::objects(&all, "classes") {
            let Some(title) = object::text(class, "title") else { continue };
            let color = object::text(class, "color").and_then(color);
            gather.classes.push(Class { name: title.to_owned(), color, ..Class::default() });
        }
    }
    let mut cameras = BTreeSet::new();
    for cloud in clouds {
        let bare = name(cloud).trim_end_matches(".pcd");
        let frame = join(folder(folder(cloud)), bare);
        let mut record = crate::labels::of_file(cloud);
        (record.frame, record.sensor) = (Some(frame.clone()), Some("lidar".to_owned()));
        let file = annotation(cloud);
        if gather.source.find(&file).is_some()
            && let Some(all) = gather.object(&file)
        {
            record.layers.insert(gather.layer.clone(), labels(gather, &file, &all));
        }
        gather.put(record, &|| Place::file(cloud))?;
        let home = format!("{}/", join(&join(folder(folder(cloud)), "related_images"), &name(cloud).replace('.', "_")));
        for photo in gather.index.all().filter(|p| p.starts_with(&home) && is_image(p)).collect::<Vec<_>>() {
            let beside = format!("{photo}.json");
            let known = gather.source.find(&beside).and_then(|_| gather.object(&beside)).unwrap_or_default();
            let meta = known.get("meta").and_then(Value::as_object);
            let device = meta.and_then(|m| object::text(m, "deviceId"));
            let camera = device.unwrap_or("camera").to_owned();
            let mut record = gather.of_file(photo);
            (record.frame, record.sensor) = (Some(frame.clone()), Some(camera.clone()));
            if let Some(calibration) = meta.and_then(|m| m.get("sensorsData")) {
                record.fields.insert("calibration".to_owned(), calibration.clone());
            }
            cameras.insert(camera);
            gather.put(record, &|| Place::file(photo))?;
        }
    }
    let sensor = |name: &str, kind| Sensor {
        name: name.to_owned(),
        kind,
        description: String::new(),
        extrinsics: None,
        intrinsics: None,
    };
    let mut sensors = vec![sensor("lidar", SensorKind::Lidar)];
    sensors.extend(cameras.iter().map(|name| sensor(name, SensorKind::Camera)));
    gather.schema.sensors.insert(String::new(), sensors);
    Ok(())
}

/// The tags of the cloud, then its cuboids; what is said of an object is said of each of its figures.
fn labels(gather: &Gather<'_>, file: &str, all: &Map<String, Value>) -> Vec<Label> {
    let mut out = Vec::new();
    let whole = || Place::file(file).at("/");
    for tag in gather.judge.objects(all, "tags", &whole) {
        let Some(title) = object::text(tag, "name") else { continue };
        let mut label = Label::new(Shape::Classification).with_class(title);
        label.attributes.extend(tag.get("value").filter(|v| !v.is_null()).map(|v| ("value".to_owned(), v.clone())));
        out.push(label);
    }
    let key = |o: &Map<String, Value>| object::text(o, "key").map(str::to_owned);
    let objects: BTreeMap<String, &Map<String, Value>> =
        gather.judge.objects(all, "objects", &whole).into_iter().filter_map(|o| Some((key(o)?, o))).collect();
    for (at, figure) in gather.judge.objects(all, "figures", &whole).into_iter().enumerate() {
        let place = || Place::file(file).at(format!("/figures/{at}"));
        let Some(cuboid) = cuboid(figure) else {
            gather.judge.error("cuboid", place(), "a figure is no cuboid of finite numbers; left out");
            continue;
        };
        let mut label = Label::new(Shape::Box3d(cuboid));
        label.id = figure.get("id").and_then(as_id).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        let owner = object::text(figure, "objectKey");
        match owner.and_then(|k| objects.get(k)) {
            Some(object) => {
                label.class = object::text(object, "classTitle").map(str::to_owned);
                label.instance = owner.map(str::to_owned);
                for tag in object::objects(object, "tags") {
                    let Some(title) = object::text(tag, "name") else { continue };
                    label.attributes.insert(title.to_owned(), tag.get("value").cloned().unwrap_or(json!(true)));
                }
            }
            None => gather.judge.error("object", place(), "a figure belongs to an object that is not there"),
        }
        out.push(label);
    }
    out
}

/// Centre, angles about x, y and z (applied in this order), and sides.
fn cuboid(figure: &Map<String, Value>) -> Option<Box3d> {
    let geometry = figure.get("geometry")?.as_object()?;
    let triple = |key: &str| {
        let of = geometry.get(key)?.as_object()?;
        Some([object::number(of, "x")?, object::number(of, "y")?, object::number(of, "z")?])
    };
    let [x, y, z] = triple("rotation")?;
    let ((sx, cx), (sy, cy), (sz, cz)) = (x.sin_cos(), y.sin_cos(), z.sin_cos());
    let rotation = quaternion_of_matrix([
        [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
        [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
        [-sy, cy * sx, cy * cx],
    ]);
    Some(Box3d { translation: triple("position")?, rotation, size: triple("dimensions")? })
}
