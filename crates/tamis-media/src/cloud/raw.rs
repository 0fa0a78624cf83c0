//! Raw floats: KITTI's `.bin` (x, y, z, intensity) and nuScenes' `.pcd.bin` (and the ring after them).

use super::{CloudProbe, Dot, fault};
use crate::error::Result;
use crate::numbers::lef32;

/// There is no registered type.
pub(crate) const MIME: &str = "model/x-float-points";

pub(super) struct Head {
    points: u64,
    floats: usize,
}

/// Whether a name is one that such files have: `.pcd.bin`, or `.bin` in a folder named after a scanner.
pub(crate) fn is_raw(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let folders = name.rsplit_once('/').map_or("", |(folders, _)| folders);
    let scanner = ["velodyne", "lidar", "points", "pointcloud", "pandar", "hesai", "ouster"];
    name.ends_with(".pcd.bin") || name.ends_with(".bin") && scanner.iter().any(|word| folders.contains(word))
}

/// Floats of a point by the name; the other way where the size fits only that.
pub(super) fn head(length: u64, name: &str) -> Option<Head> {
    let floats = if name.to_ascii_lowercase().ends_with(".pcd.bin") { [5, 4] } else { [4, 5] };
    let floats = floats.into_iter().find(|n| length.is_multiple_of(n * 4))?;
    Some(Head { points: length / (floats * 4), floats: floats as usize })
}

impl Head {
    pub(super) fn probe(&self) -> CloudProbe {
        let fields = ["x", "y", "z", "intensity", "ring"].into_iter().take(self.floats).map(str::to_owned).collect();
        CloudProbe { mime: MIME, points: self.points, bounds: None, fields }
    }
}

pub(super) fn scan(bytes: &[u8], name: &str, each: &mut dyn FnMut(Dot)) -> Result<()> {
    let head =
        head(bytes.len() as u64, name).ok_or_else(|| fault(MIME, "its size is no multiple of 16 or 20 bytes"))?;
    for point in bytes.chunks_exact(head.floats * 4) {
        let [x, y, z, i] = [0, 4, 8, 12].map(|at| lef32(point, at).unwrap_or(0.0));
        each(Dot { xyz: [x, y, z].map(f64::from), intensity: Some(i), rgb: None });
    }
    Ok(())
}
