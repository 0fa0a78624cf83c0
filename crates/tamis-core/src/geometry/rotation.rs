//! Rotations: unit quaternions (w, x, y, z), matrices (rows), yaw (radians about z, from x towards y).

/// The rotation matrix of a quaternion, which need not be of length 1; the identity for one without length.
pub fn matrix_of_quaternion(q: [f64; 4]) -> [[f64; 3]; 3] {
    let norm = q.iter().map(|v| v * v).sum::<f64>();
    if !(norm.is_finite() && norm > 0.0) {
        return [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    }
    let [w, x, y, z] = q;
    let s = 2.0 / norm;
    [
        [1.0 - s * (y * y + z * z), s * (x * y - z * w), s * (x * z + y * w)],
        [s * (x * y + z * w), 1.0 - s * (x * x + z * z), s * (y * z - x * w)],
        [s * (x * z - y * w), s * (y * z + x * w), 1.0 - s * (x * x + y * y)],
    ]
}

/// The unit quaternion of a rotation matrix, with w not negative. Source: Shepperd (1978): the largest of the four
/// squares is taken first, so that no digits are lost.
pub fn quaternion_of_matrix(m: [[f64; 3]; 3]) -> [f64; 4] {
    let [[a, b, c], [d, e, f], [g, h, i]] = m;
    let squares = [a + e + i, a - e - i, e - a - i, i - a - e];
    let largest = (0..4).max_by(|&x, &y| squares[x].total_cmp(&squares[y])).unwrap_or(0);
    let raw = match largest {
        0 => [1.0 + squares[0], h - f, c - g, d - b],
        1 => [h - f, 1.0 + squares[1], b + d, c + g],
        2 => [c - g, b + d, 1.0 + squares[2], f + h],
        _ => [d - b, c + g, f + h, 1.0 + squares[3]],
    };
    let norm = raw.iter().map(|v| v * v).sum::<f64>().sqrt();
    if !(norm.is_finite() && norm > 0.0) {
        return [1.0, 0.0, 0.0, 0.0];
    }
    raw.map(|v| v / if raw[0] < 0.0 { -norm } else { norm })
}

/// The quaternion of a turn about z.
pub fn quaternion_of_yaw(yaw: f64) -> [f64; 4] {
    let (sin, cos) = (yaw / 2.0).sin_cos();
    [cos, 0.0, 0.0, sin]
}

/// The heading of a rotated x axis, seen from above, in −π to π.
pub fn yaw_of_quaternion(q: [f64; 4]) -> f64 {
    let m = matrix_of_quaternion(q);
    m[1][0].atan2(m[0][0])
}

/// A vector turned by a quaternion.
pub fn rotate(q: [f64; 4], v: [f64; 3]) -> [f64; 3] {
    matrix_of_quaternion(q).map(|row| row.iter().zip(v).map(|(m, v)| m * v).sum())
}
