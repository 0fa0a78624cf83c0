//! From the world to pixels: poses and camera models.

use super::{Point, rotate};
use crate::{Intrinsics, Pose};

impl Pose {
    /// A point of the inner frame (a sensor's) in the outer (the vehicle's).
    pub fn apply(&self, point: [f64; 3]) -> [f64; 3] {
        let [x, y, z] = rotate(self.rotation, point);
        let [tx, ty, tz] = self.translation;
        [x + tx, y + ty, z + tz]
    }

    /// The way back: from the outer frame to the inner.
    pub fn inverse(&self) -> Pose {
        let [w, x, y, z] = self.rotation;
        let rotation = [w, -x, -y, -z];
        Pose { translation: rotate(rotation, self.translation).map(|v| -v), rotation }
    }
}

impl Intrinsics {
    /// The pixel of a point in the camera's frame (x right, y down, z ahead); [`None`] behind the camera or when a
    /// number is not finite. The pixel may lie outside the image.
    ///
    /// OpenCV's pinhole model: radial distortion `k1`…`k6`, tangential `p1`, `p2`; missing ones are 0. Source: the OpenCV
    /// documentation of camera calibration.
    pub fn project(&self, point: [f64; 3]) -> Option<Point> {
        let [x, y, z] = point;
        if z.is_nan() || z <= 0.0 {
            return None;
        }
        let (x, y) = (x / z, y / z);
        let k = |name: &str| self.distortion.get(name).copied().unwrap_or(0.0);
        let (p1, p2) = (k("p1"), k("p2"));
        let r2 = x * x + y * y;
        let radial = (1.0 + r2 * (k("k1") + r2 * (k("k2") + r2 * k("k3"))))
            / (1.0 + r2 * (k("k4") + r2 * (k("k5") + r2 * k("k6"))));
        let xd = x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x);
        let yd = y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y;
        let pixel = Point { x: self.fx * xd + self.skew * yd + self.cx, y: self.fy * yd + self.cy };
        (pixel.x.is_finite() && pixel.y.is_finite()).then_some(pixel)
    }
}
