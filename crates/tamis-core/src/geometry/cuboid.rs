//! Cuboids.

use serde::{Deserialize, Serialize};

/// A cuboid: its size, turned, then moved to its centre.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Box3d {
    /// Centre x, y, z in metres.
    pub translation: [f64; 3],
    /// Unit quaternion w, x, y, z.
    pub rotation: [f64; 4],
    /// Extent along its own x, y, z in metres.
    pub size: [f64; 3],
}
