//! Sensors of fusion datasets and their calibration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What kind of sensor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SensorKind {
    /// A pinhole camera.
    Camera,
    /// A fish-eye camera.
    FisheyeCamera,
    /// A laser scanner.
    Lidar,
    /// A radar.
    Radar,
}

/// A sensor with its calibration. Calibrations may differ by segment, so a dataset keeps sensors
/// by (segment, name).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensor {
    /// The name that samples refer to.
    pub name: String,
    /// What kind.
    pub kind: SensorKind,
    /// What it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Where it sits: sensor frame to vehicle (ego) frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extrinsics: Option<Pose>,
    /// How a camera projects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intrinsics: Option<Intrinsics>,
}

/// A rigid transform: rotate, then translate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pose {
    /// x, y, z in metres.
    pub translation: [f64; 3],
    /// Unit quaternion w, x, y, z.
    pub rotation: [f64; 4],
}

/// The camera matrix and lens distortion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Intrinsics {
    /// Focal length across, in pixels.
    pub fx: f64,
    /// Focal length down, in pixels.
    pub fy: f64,
    /// Principal point across, in pixels.
    pub cx: f64,
    /// Principal point down, in pixels.
    pub cy: f64,
    /// Skew.
    #[serde(default)]
    pub skew: f64,
    /// Distortion coefficients by their usual names: `k1`…, `p1`….
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub distortion: BTreeMap<String, f64>,
}
