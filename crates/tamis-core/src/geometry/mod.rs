//! Geometry of labels: boxes, polygons, masks, cuboids.

mod boxes;
mod cuboid;
mod rle;

pub use boxes::{Box2d, RotatedBox, bounds};
pub use cuboid::Box3d;
pub use rle::Rle;

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
