//! Geometry of labels: boxes, polygons, masks, cuboids, cameras.
//!
//! Pure functions of numbers that may come from anybody: not-a-number and infinities give 0 or [`None`], never a panic,
//! and no input makes the work larger than its count of points times the image.

mod boxes;
mod camera;
mod cuboid;
mod polygon;
mod rle;
mod rotation;

pub use boxes::{Box2d, RotatedBox, bounds};
pub use cuboid::Box3d;
pub use polygon::{clip_polygon, polygon_area, polygon_centroid, polygon_iou, polygon_perimeter, signed_area};
pub use rle::Rle;
pub use rotation::{matrix_of_quaternion, quaternion_of_matrix, quaternion_of_yaw, rotate, yaw_of_quaternion};

use serde::{Deserialize, Serialize};

/// A point in the plane, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
}

/// A key point of a skeleton.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Keypoint {
    /// To the right, in pixels.
    pub x: f64,
    /// Down, in pixels.
    pub y: f64,
    /// Visibility, as the skeleton notes it; absent where the format has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v: Option<u8>,
}

/// `part` of `whole`, 0 to 1; 0 when `whole` is nothing or either is not a number.
fn ratio(part: f64, whole: f64) -> f64 {
    let value = part / whole;
    if whole > 0.0 && value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests;
