//! Sensors as TensorBay writes them.

use serde_json::{Map, Value, json};
use tamis_core::{Intrinsics, Pose, Sensor, SensorKind};

use crate::lex::object;

fn triple(value: &Value) -> Option<[f64; 3]> {
    let of = value.as_object()?;
    Some([object::number(of, "x")?, object::number(of, "y")?, object::number(of, "z")?])
}

/// x, y and z under a key.
pub(super) fn vector(map: &Map<String, Value>, key: &str) -> Option<[f64; 3]> {
    triple(map.get(key)?)
}

/// A quaternion w, x, y, z under a key.
pub(super) fn rotation(map: &Map<String, Value>, key: &str) -> Option<[f64; 4]> {
    let value = map.get(key)?;
    let [x, y, z] = triple(value)?;
    Some([object::number(value.as_object()?, "w")?, x, y, z])
}

/// x, y and z.
pub(super) fn of_vector([x, y, z]: [f64; 3]) -> Value {
    json!({"x": x, "y": y, "z": z})
}

/// A quaternion.
pub(super) fn of_rotation([w, x, y, z]: [f64; 4]) -> Value {
    json!({"w": w, "x": x, "y": y, "z": z})
}

pub(super) fn of_json(map: &Map<String, Value>) -> Option<Sensor> {
    let kind = match object::text(map, "type")? {
        "LIDAR" => SensorKind::Lidar,
        "RADAR" => SensorKind::Radar,
        "FISHEYE_CAMERA" => SensorKind::FisheyeCamera,
        _ => SensorKind::Camera,
    };
    let extrinsics = map.get("extrinsics").and_then(Value::as_object);
    let pose = extrinsics.map(|e| Pose {
        translation: vector(e, "translation").unwrap_or_default(),
        rotation: rotation(e, "rotation").unwrap_or([1.0, 0.0, 0.0, 0.0]),
    });
    let intrinsics = map.get("intrinsics").and_then(Value::as_object);
    let camera = intrinsics.and_then(|i| {
        let matrix = i.get("cameraMatrix")?.as_object()?;
        let number = |key| object::number(matrix, key);
        let distortion = i.get("distortionCoefficients").and_then(Value::as_object);
        let pairs = distortion.into_iter().flatten().filter_map(|(k, v)| Some((k.clone(), object::number_of(v)?)));
        Some(Intrinsics {
            fx: number("fx")?,
            fy: number("fy")?,
            cx: number("cx")?,
            cy: number("cy")?,
            skew: number("skew").unwrap_or(0.0),
            distortion: pairs.collect(),
        })
    });
    Some(Sensor {
        name: object::text(map, "name")?.to_owned(),
        kind,
        description: object::text(map, "description").unwrap_or_default().to_owned(),
        extrinsics: pose,
        intrinsics: camera,
    })
}

pub(super) fn to_json(sensor: &Sensor) -> Value {
    let kind = match sensor.kind {
        SensorKind::Lidar => "LIDAR",
        SensorKind::Radar => "RADAR",
        SensorKind::FisheyeCamera => "FISHEYE_CAMERA",
        _ => "CAMERA",
    };
    let mut out = Map::new();
    out.insert("name".to_owned(), sensor.name.as_str().into());
    out.insert("type".to_owned(), kind.into());
    if !sensor.description.is_empty() {
        out.insert("description".to_owned(), sensor.description.as_str().into());
    }
    if let Some(pose) = &sensor.extrinsics {
        let value = json!({"translation": of_vector(pose.translation), "rotation": of_rotation(pose.rotation)});
        out.insert("extrinsics".to_owned(), value);
    }
    if let Some(camera) = &sensor.intrinsics {
        let mut matrix = json!({"fx": camera.fx, "fy": camera.fy, "cx": camera.cx, "cy": camera.cy});
        if let Some(matrix) = matrix.as_object_mut().filter(|_| camera.skew != 0.0) {
            matrix.insert("skew".to_owned(), camera.skew.into());
        }
        let mut value = Map::from_iter([("cameraMatrix".to_owned(), matrix)]);
        if !camera.distortion.is_empty() {
            value.insert("distortionCoefficients".to_owned(), json!(camera.distortion));
        }
        out.insert("intrinsics".to_owned(), value.into());
    }
    out.into()
}
