//! From the world to pixels: poses and camera models.

use super::{Point, rotate};
use crate::{Intrinsics, Pose, Sensor, SensorKind};

impl Sensor {
    /// The pixel of a point in the vehicle's frame, in metres: from there into the camera's frame by the extrinsics (none
    /// = the frames are one), then by the camera's model, which is [`Intrinsics::project_fisheye`] for a fish-eye camera
    /// and [`Intrinsics::project`] for others. [`None`] for a sensor without intrinsics, and where the model has no pixel.
    pub fn project(&self, point: [f64; 3]) -> Option<Point> {
        let camera = self.intrinsics.as_ref()?;
        let inside = self.extrinsics.map_or(point, |pose| pose.inverse().apply(point));
        match self.kind {
            SensorKind::FisheyeCamera => camera.project_fisheye(inside),
            SensorKind::Camera | SensorKind::Lidar | SensorKind::Radar => camera.project(inside),
        }
    }
}

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
        self.pixel(xd, yd)
    }

    /// The pixel of a point in a fish-eye camera's frame; [`None`] as for [`Intrinsics::project`].
    ///
    /// The model of Kannala and Brandt (2006) as OpenCV's `fisheye` has it: the angle θ from the axis becomes
    /// θ (1 + `k1` θ² + `k2` θ⁴ + `k3` θ⁶ + `k4` θ⁸); missing coefficients are 0.
    pub fn project_fisheye(&self, point: [f64; 3]) -> Option<Point> {
        let [x, y, z] = point;
        if z.is_nan() || z <= 0.0 {
            return None;
        }
        let (x, y) = (x / z, y / z);
        let k = |name: &str| self.distortion.get(name).copied().unwrap_or(0.0);
        let r = x.hypot(y);
        let angle = r.atan();
        let t2 = angle * angle;
        let bent = angle * (1.0 + t2 * (k("k1") + t2 * (k("k2") + t2 * (k("k3") + t2 * k("k4")))));
        let scale = if r > 0.0 { bent / r } else { 1.0 };
        self.pixel(x * scale, y * scale)
    }

    /// The pixel of a point of the plane one metre ahead.
    fn pixel(&self, x: f64, y: f64) -> Option<Point> {
        let pixel = Point { x: self.fx * x + self.skew * y + self.cx, y: self.fy * y + self.cy };
        (pixel.x.is_finite() && pixel.y.is_finite()).then_some(pixel)
    }
}
