//! Cuboids.

use serde::{Deserialize, Serialize};

use super::{ratio, rotate, yaw_of_quaternion};

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

type Vector = [f64; 3];

fn dot(a: Vector, b: Vector) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn minus(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// A side of a cuboid: its outward normal, how far out it is, and its corners in order.
struct Side {
    normal: Vector,
    offset: f64,
    corners: Vec<Vector>,
}

impl Box3d {
    /// Volume in cubic metres; 0 for a cuboid without extent.
    pub fn volume(&self) -> f64 {
        self.size.iter().map(|s| s.max(0.0)).product()
    }

    /// The eight corners: bits 0, 1, 2 of the index choose the far side along its own x, y, z.
    pub fn corners(&self) -> [[f64; 3]; 8] {
        std::array::from_fn(|i| self.corner([0, 1, 2].map(|axis| i >> axis & 1 == 1)))
    }

    /// The heading of its own x axis, seen from above, in radians.
    pub fn yaw(&self) -> f64 {
        yaw_of_quaternion(self.rotation)
    }

    fn corner(&self, far: [bool; 3]) -> Vector {
        let own: Vector = std::array::from_fn(|i| self.size[i] * if far[i] { 0.5 } else { -0.5 });
        let turned = rotate(self.rotation, own);
        std::array::from_fn(|i| self.translation[i] + turned[i])
    }

    /// Volume of the intersection over volume of the union, 0 to 1, for any rotations; 0 when either has no volume or a
    /// number is not finite.
    ///
    /// The surface of the intersection is the sides of each cuboid, clipped to the other; the volume is the sum of the
    /// pyramids over them (divergence theorem). Sides that coincide count once.
    pub fn iou(&self, other: &Box3d) -> f64 {
        let shared = self.overlap(other).min(self.volume()).min(other.volume()).max(0.0);
        ratio(shared, self.volume() + other.volume() - shared)
    }

    fn is_solid(&self) -> bool {
        let numbers = self.translation.iter().chain(&self.rotation).chain(&self.size);
        numbers.into_iter().all(|v| v.is_finite()) && self.size.iter().all(|&s| s > 0.0)
    }

    fn overlap(&self, other: &Box3d) -> f64 {
        let reach = |b: &Box3d| dot(b.size, b.size).sqrt() / 2.0;
        let apart = minus(self.translation, other.translation);
        if !self.is_solid() || !other.is_solid() || dot(apart, apart).sqrt() >= reach(self) + reach(other) {
            return 0.0;
        }
        // Relative to our centre, so that far-away cuboids lose no digits.
        let (a, b) = (self.sides(self.translation), other.sides(self.translation));
        let near = 1e-12 * (reach(self) + reach(other));
        let ours: f64 = a.iter().map(|side| pyramid(side, &b, near)).sum();
        let is_shared = |side: &&Side| {
            a.iter().any(|s| dot(s.normal, side.normal) > 1.0 - 1e-12 && (s.offset - side.offset).abs() <= near)
        };
        let theirs: f64 = b.iter().filter(|side| !is_shared(side)).map(|side| pyramid(side, &a, near)).sum();
        let volume = (ours + theirs) / 3.0;
        if volume.is_finite() { volume } else { 0.0 }
    }

    /// The six sides, relative to a point.
    fn sides(&self, origin: Vector) -> Vec<Side> {
        let side = |(axis, is_far): (usize, bool)| {
            let own: Vector = std::array::from_fn(|i| {
                if i != axis {
                    0.0
                } else if is_far {
                    1.0
                } else {
                    -1.0
                }
            });
            let normal = rotate(self.rotation, own);
            let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
            let corners: Vec<Vector> = [(false, false), (true, false), (true, true), (false, true)]
                .map(|(fu, fv)| {
                    let mut far = [false; 3];
                    (far[axis], far[u], far[v]) = (is_far, fu, fv);
                    minus(self.corner(far), origin)
                })
                .to_vec();
            let offset = dot(normal, corners[0]);
            Side { normal, offset, corners }
        };
        (0..3).flat_map(|axis| [(axis, false), (axis, true)]).map(side).collect()
    }
}

/// Three times the volume of the pyramid from the origin over the part of a side inside the other cuboid.
fn pyramid(side: &Side, other: &[Side], near: f64) -> f64 {
    let mut rest = side.corners.clone();
    for wall in other {
        rest = clip(&rest, |p| wall.offset + near - dot(wall.normal, p));
    }
    let Some(&apex) = rest.first() else { return 0.0 };
    let twice: Vector = rest.windows(2).fold([0.0; 3], |sum, pair| {
        let c = cross(minus(pair[0], apex), minus(pair[1], apex));
        std::array::from_fn(|i| sum[i] + c[i])
    });
    dot(twice, twice).sqrt() / 2.0 * side.offset
}

/// The part of a ring where `inside` is not negative.
fn clip(ring: &[Vector], inside: impl Fn(Vector) -> f64) -> Vec<Vector> {
    let mut kept = Vec::with_capacity(ring.len() + 2);
    for (&a, &b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        let (da, db) = (inside(a), inside(b));
        if da >= 0.0 {
            kept.push(a);
        }
        if (da > 0.0 && db < 0.0) || (da < 0.0 && db > 0.0) {
            let t = da / (da - db);
            kept.push(std::array::from_fn(|i| a[i] + t * (b[i] - a[i])));
        }
    }
    kept
}
