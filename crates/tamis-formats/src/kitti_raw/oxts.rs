//! Where the vehicle was: `oxts/data/0000000000.txt`, the thirty numbers of the inertial unit at a frame.
//!
//! Source: the devkit of KITTI raw, `convertOxtsToPose`: latitude and longitude become metres by Mercator's projection,
//! scaled at the first frame's latitude; the pose is relative to the first frame's.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tamis_core::geometry::quaternion_of_matrix;
use tamis_core::{Place, Pose, SampleRecord};

use super::calibration;
use crate::fusion::{self, then};
use crate::labels::Judge;
use crate::lex::text;
use crate::paths::{join, name, stem};
use crate::source::Source;

/// The Earth's radius at the equator in metres, as the devkit has it.
const RADIUS: f64 = 6_378_137.0;

/// The names of the first numbers, as the devkit's `dataformat.txt` gives them.
const NAMES: [&str; 25] = [
    "lat",
    "lon",
    "alt",
    "roll",
    "pitch",
    "yaw",
    "vn",
    "ve",
    "vf",
    "vl",
    "vu",
    "ax",
    "ay",
    "az",
    "af",
    "al",
    "au",
    "wx",
    "wy",
    "wz",
    "wf",
    "wl",
    "wu",
    "pos_accuracy",
    "vel_accuracy",
];

/// The unit's place and turn in the world, which is scaled at a latitude.
fn pose(numbers: &[f64], scale: f64) -> Option<Pose> {
    let &[latitude, longitude, altitude, roll, pitch, yaw, ..] = numbers else { return None };
    let x = scale * longitude.to_radians() * RADIUS;
    let y = scale * RADIUS * (std::f64::consts::FRAC_PI_4 + latitude.to_radians() / 2.0).tan().ln();
    let ((sx, cx), (sy, cy), (sz, cz)) = (roll.sin_cos(), pitch.sin_cos(), yaw.sin_cos());
    let rotation = quaternion_of_matrix([
        [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
        [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
        [-sy, cy * sx, cy * cx],
    ]);
    [x, y, altitude].iter().all(|n| n.is_finite()).then_some(Pose { translation: [x, y, altitude], rotation })
}

/// Gives every sample of a drive the pose of its scanner (`ego.translation`, `ego.rotation`) and what the unit
/// measured (`oxts`).
pub(super) fn poses(source: &Source, drive: &str, records: &mut BTreeMap<String, SampleRecord>, judge: &Judge<'_>) {
    let home = join(drive, "oxts/data/");
    let files = source.entries().iter().map(|e| e.path.as_str()).filter(|p| p.starts_with(&home));
    let mut measured: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for file in files {
        let Ok(number) = stem(name(file)).parse() else { continue };
        let Some(all) = judge.text(source, file) else { continue };
        let words: Vec<&str> = all.split_whitespace().collect();
        match judge.take(file, text::numbers(1, &words)) {
            Some(numbers) if numbers.len() >= 6 => drop(measured.insert(number, numbers)),
            Some(_) => judge.error("oxts", Place::file(file), "there are fewer than six numbers; left out"),
            None => {}
        }
    }
    let Some(first) = measured.values().next() else { return };
    let scale = first.first().map_or(1.0, |latitude| latitude.to_radians().cos());
    let rig = calibration(source, drive, "calib_imu_to_velo.txt", judge);
    let of = |key: &str| rig.get(key).cloned().unwrap_or_default();
    // From the scanner to the inertial unit.
    let scanner = fusion::pose_of_matrix(&of("R"), &of("T")).map(|p| p.inverse());
    let origin = pose(first, scale).map(|p| p.inverse());
    let poses: BTreeMap<u64, Option<Pose>> = measured
        .iter()
        .map(|(number, numbers)| {
            let there = pose(numbers, scale).zip(origin).map(|(there, origin)| then(&origin, &there));
            (*number, there.zip(scanner).map(|(there, scanner)| then(&there, &scanner)))
        })
        .collect();
    let prefix = if name(drive).is_empty() { String::new() } else { format!("{}/", name(drive)) };
    for record in records.values_mut() {
        let own = record.frame.as_deref().and_then(|f| f.strip_prefix(&prefix)).and_then(|f| f.parse::<u64>().ok());
        let Some((number, numbers)) = own.and_then(|n| measured.get_key_value(&n)) else { continue };
        if let Some(Some(ego)) = poses.get(number) {
            record.fields.insert("ego.translation".to_owned(), ego.translation.to_vec().into());
            record.fields.insert("ego.rotation".to_owned(), ego.rotation.to_vec().into());
        }
        let pair = |(key, n): (&&str, &f64)| ((*key).to_owned(), Value::from(*n));
        record.fields.insert("oxts".to_owned(), NAMES.iter().zip(numbers).map(pair).collect::<Map<_, _>>().into());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A second of arc to the north, by the sphere's own radius, and a quarter turn.
    #[test]
    fn metres_and_turns_are_those_of_the_sphere() {
        let scale = 49f64.to_radians().cos();
        let at = |latitude: f64, yaw: f64| pose(&[latitude, 8.0, 100.0, 0.0, 0.0, yaw], scale).unwrap();
        let quarter = std::f64::consts::FRAC_PI_2;
        let moved = then(&at(49.0, 0.0).inverse(), &at(49.0 + 1.0 / 3600.0, quarter));
        let arc = RADIUS * (1.0f64 / 3600.0).to_radians();
        assert!((moved.translation[1] - arc).abs() < 1e-3 && moved.translation[0].abs() < 1e-6, "{moved:?}");
        let turned = moved.apply([1.0, 0.0, 0.0]);
        assert!((turned[1] - moved.translation[1] - 1.0).abs() < 1e-9);
        assert!(pose(&[90.0, 0.0, f64::INFINITY, 0.0, 0.0, 0.0], scale).is_none());
    }
}
