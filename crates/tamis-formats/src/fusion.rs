//! What formats of several sensors share: rigid transforms in sequence, matrices as text files give them.

use tamis_core::{Box3d, Intrinsics, Pose, geometry};

/// The transform that does `inner` first, then `outer`.
pub(crate) fn then(outer: &Pose, inner: &Pose) -> Pose {
    Pose { translation: outer.apply(inner.translation), rotation: product(outer.rotation, inner.rotation) }
}

/// Hamilton's product of quaternions w, x, y, z.
fn product(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    let ([aw, ax, ay, az], [bw, bx, by, bz]) = (a, b);
    [
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    ]
}

/// A cuboid of the inner frame in the outer.
pub(crate) fn moved(pose: &Pose, cuboid: &Box3d) -> Box3d {
    let rotation = product(pose.rotation, cuboid.rotation);
    Box3d { translation: pose.apply(cuboid.translation), rotation, size: cuboid.size }
}

/// A pose whose numbers are finite, its rotation brought to length 1; [`None`] for none.
pub(crate) fn pose(translation: &[f64], rotation: &[f64]) -> Option<Pose> {
    let translation: [f64; 3] = translation.try_into().ok()?;
    let rotation: [f64; 4] = rotation.try_into().ok()?;
    let length = rotation.iter().map(|v| v * v).sum::<f64>().sqrt();
    let is_sound = translation.iter().all(|v| v.is_finite()) && length.is_finite() && length > 1e-9;
    is_sound.then(|| Pose { translation, rotation: rotation.map(|v| v / length) })
}

/// A pose of nine numbers of a rotation, row by row, and three of a translation.
pub(crate) fn pose_of_matrix(rotation: &[f64], translation: &[f64]) -> Option<Pose> {
    let [a, b, c, d, e, f, g, h, i] = *rotation else { return None };
    pose(translation, &geometry::quaternion_of_matrix([[a, b, c], [d, e, f], [g, h, i]]))
}

/// A projection of three rows of four numbers: the camera's matrix, and where the frame that is projected lies in it.
pub(crate) fn camera_of_projection(p: &[f64]) -> Option<(Intrinsics, [f64; 3])> {
    let [fx, skew, cx, tx, _, fy, cy, ty, _, _, w, tz] = *p else { return None };
    if fx == 0.0 || fy == 0.0 || w != 1.0 || ![fx, skew, cx, tx, fy, cy, ty, tz].iter().all(|v| v.is_finite()) {
        return None;
    }
    let y = (ty - cy * tz) / fy;
    let x = (tx - cx * tz - skew * y) / fx;
    Some((Intrinsics { fx, fy, cx, cy, skew, ..Intrinsics::default() }, [x, y, tz]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_pose() -> impl Strategy<Value = Pose> {
        let part = || -10.0..10.0f64;
        ([part(), part(), part()], [0.1..1.0f64, -1.0..1.0, -1.0..1.0, -1.0..1.0])
            .prop_map(|(t, r)| pose(&t, &r).unwrap())
    }

    proptest! {
        #[test]
        fn transforms_in_sequence(a in any_pose(), b in any_pose(), p in [-9.0..9.0f64, -9.0..9.0, -9.0..9.0]) {
            let both = then(&a, &b).apply(p);
            let one = a.apply(b.apply(p));
            prop_assert!(both.iter().zip(one).all(|(x, y)| (x - y).abs() < 1e-9));
            let back = then(&a.inverse(), &a).apply(p);
            prop_assert!(back.iter().zip(p).all(|(x, y)| (x - y).abs() < 1e-9));
        }
    }

    /// Frame 000008 of KITTI's object benchmark: its matrices, and the devkit's formula P2 · R0 · Tr · X.
    #[test]
    fn a_point_of_kitti_lands_where_the_devkit_puts_it() {
        let p2 = [721.5377, 0.0, 609.5593, 44.85728, 0.0, 721.5377, 172.854, 0.2163791, 0.0, 0.0, 1.0, 0.002745884];
        let r0 = [
            0.9999239,
            0.00983776,
            -0.007445048,
            -0.009869795,
            0.9999421,
            -0.004278459,
            0.007402527,
            0.004351614,
            0.9999631,
        ];
        let tr = [
            0.007533745,
            -0.9999714,
            -0.000616602,
            0.01480249,
            0.0007280733,
            -0.9998902,
            0.9998621,
            0.00752379,
            0.01480755,
        ];
        let t = [-0.004069766, -0.07631618, -0.2717806];
        let (camera, offset) = camera_of_projection(&p2).unwrap();
        let rect = pose_of_matrix(&r0, &[0.0; 3]).unwrap();
        let velo = pose_of_matrix(&tr, &t).unwrap();
        let shift = Pose { translation: offset, rotation: [1.0, 0.0, 0.0, 0.0] };
        let all = then(&shift, &then(&rect, &velo));
        let times =
            |m: &[f64], v: [f64; 3]| -> [f64; 3] { std::array::from_fn(|i| (0..3).map(|j| m[i * 3 + j] * v[j]).sum()) };
        for point in [[7.5, 2.0, -0.8], [20.0, -4.0, -1.5], [45.0, 10.0, 0.5]] {
            let in_camera = times(&tr, point);
            let in_camera = std::array::from_fn(|i| in_camera[i] + t[i]);
            let r = times(&r0, in_camera);
            let row = |i: usize| (0..3).map(|j| p2[i * 4 + j] * r[j]).sum::<f64>() + p2[i * 4 + 3];
            let found = camera.project(all.apply(point)).unwrap();
            let apart = (found.x - row(0) / row(2)).hypot(found.y - row(1) / row(2));
            assert!(apart < 1e-2, "{apart} pixels apart");
        }
    }
}
