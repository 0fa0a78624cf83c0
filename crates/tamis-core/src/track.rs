//! Tracks: one object through the frames of a video.
//!
//! A track holds key frames, and everything between two of them is computed: [`at`] is the one place that does it, so
//! that what a person drew and what was interpolated are never mixed up.
//!
//! INVARIANT (kept by whoever stores a track, see [`check`]): frames ascend strictly, and every shape is spatial.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::geometry::{Box2d, Box3d, Keypoint, Point, RotatedBox};
use crate::{Shape, TrackKey, Value};

/// Whether a shape of a frame was drawn or computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Somebody drew it in this frame.
    Drawn,
    /// It was computed, here or by the tool that wrote the file.
    Interpolated,
}

/// What is wrong with the keys of a track.
///
/// # Errors
/// A reason to stand after "its track": no keys, frames that do not ascend, a shape that is not spatial.
pub fn check(keys: &[TrackKey]) -> Result<(), &'static str> {
    if keys.is_empty() {
        return Err("has no key frames");
    }
    if !keys.windows(2).all(|pair| pair[0].frame < pair[1].frame) {
        return Err("has key frames that do not ascend");
    }
    if !keys.iter().all(|key| key.shape.is_spatial()) {
        return Err("has a key frame without a spatial shape");
    }
    Ok(())
}

/// Where the object is in a frame; [`None`] before the first key and where it is outside.
///
/// Between two keys whose shapes are of one type and have the same number of points, every number goes linearly from
/// one to the other (angles the shorter way round, rotations of cuboids along the arc); otherwise, and after the last
/// key, the earlier shape stays. O(log keys + points).
pub fn at(keys: &[TrackKey], frame: u32) -> Option<(Shape, Origin)> {
    let after = keys.partition_point(|key| key.frame <= frame);
    let key = keys.get(after.checked_sub(1)?)?;
    if key.outside {
        return None;
    }
    if key.frame == frame {
        let origin = if key.interpolated { Origin::Interpolated } else { Origin::Drawn };
        return Some((Shape::clone(&key.shape), origin));
    }
    let between = keys.get(after).and_then(|next| {
        let part = f64::from(frame - key.frame) / f64::from(next.frame.checked_sub(key.frame)?);
        blend(&key.shape, &next.shape, part)
    });
    Some((between.unwrap_or_else(|| Shape::clone(&key.shape)), Origin::Interpolated))
}

/// The values of the changing attributes in a frame: for each name that of the last key that gives one.
pub fn attributes_at(keys: &[TrackKey], frame: u32) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for key in keys.iter().take_while(|key| key.frame <= frame) {
        found.extend(key.attributes.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    found
}

fn mix(a: f64, b: f64, part: f64) -> f64 {
    // Exact at both ends, and between equal numbers.
    if a == b { a } else { a * (1.0 - part) + b * part }
}

fn mix_points(a: &[Point], b: &[Point], part: f64) -> Option<Vec<Point>> {
    let mix = |(p, q): (&Point, &Point)| Point { x: mix(p.x, q.x, part), y: mix(p.y, q.y, part) };
    (a.len() == b.len()).then(|| a.iter().zip(b).map(mix).collect())
}

fn mix_rings(a: &[Vec<Point>], b: &[Vec<Point>], part: f64) -> Option<Vec<Vec<Point>>> {
    if a.len() != b.len() {
        return None;
    }
    a.iter().zip(b).map(|(a, b)| mix_points(a, b, part)).collect()
}

fn blend(a: &Shape, b: &Shape, part: f64) -> Option<Shape> {
    Some(match (a, b) {
        (Shape::Box2d(a), Shape::Box2d(b)) => Shape::Box2d(Box2d::new(
            mix(a.xmin, b.xmin, part),
            mix(a.ymin, b.ymin, part),
            mix(a.xmax, b.xmax, part),
            mix(a.ymax, b.ymax, part),
        )),
        (Shape::RotatedBox(a), Shape::RotatedBox(b)) => Shape::RotatedBox(RotatedBox {
            cx: mix(a.cx, b.cx, part),
            cy: mix(a.cy, b.cy, part),
            width: mix(a.width, b.width, part),
            height: mix(a.height, b.height, part),
            angle: mix_angle(a.angle, b.angle, part),
        }),
        (Shape::Box3d(a), Shape::Box3d(b)) => Shape::Box3d(Box3d {
            translation: std::array::from_fn(|i| mix(a.translation[i], b.translation[i], part)),
            rotation: slerp(a.rotation, b.rotation, part),
            size: std::array::from_fn(|i| mix(a.size[i], b.size[i], part)),
        }),
        (Shape::Polygon(a), Shape::Polygon(b)) => Shape::Polygon(mix_points(a, b, part)?),
        (Shape::Polyline { points: a, bezier: x }, Shape::Polyline { points: b, bezier: y }) if x == y => {
            Shape::Polyline { points: mix_points(a, b, part)?, bezier: x.clone() }
        }
        (Shape::MultiPolygon(a), Shape::MultiPolygon(b)) => Shape::MultiPolygon(mix_rings(a, b, part)?),
        (Shape::MultiPolyline(a), Shape::MultiPolyline(b)) => Shape::MultiPolyline(mix_rings(a, b, part)?),
        (Shape::Keypoints(a), Shape::Keypoints(b)) if a.len() == b.len() => {
            let mix =
                |(p, q): (&Keypoint, &Keypoint)| Keypoint { x: mix(p.x, q.x, part), y: mix(p.y, q.y, part), v: p.v };
            Shape::Keypoints(a.iter().zip(b).map(mix).collect())
        }
        _ => return None,
    })
}

/// Angles in radians, the shorter way round; 0.75 of a turn forward is a quarter back.
fn mix_angle(a: f64, b: f64, part: f64) -> f64 {
    let turn = std::f64::consts::TAU;
    let apart = (b - a).rem_euclid(turn);
    let apart = if apart > turn / 2.0 { apart - turn } else { apart };
    a + apart * part
}

/// Along the arc between two unit quaternions (K. Shoemake, "Animating rotation with quaternion curves", 1985).
fn slerp(a: [f64; 4], b: [f64; 4], part: f64) -> [f64; 4] {
    if a == b {
        return a;
    }
    let dot: f64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
    // A quaternion and its negative are the same rotation: take the nearer.
    let (dot, sign) = if dot < 0.0 { (-dot, -1.0) } else { (dot, 1.0) };
    let angle = dot.min(1.0).acos();
    let (wa, wb) = if angle < 1e-6 {
        (1.0 - part, part)
    } else {
        (((1.0 - part) * angle).sin() / angle.sin(), (part * angle).sin() / angle.sin())
    };
    let q: [f64; 4] = std::array::from_fn(|i| wa * a[i] + sign * wb * b[i]);
    let norm = q.iter().map(|x| x * x).sum::<f64>().sqrt();
    if norm > 0.0 { q.map(|x| x / norm) } else { a }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn boxed(frame: u32, x: f64) -> TrackKey {
        TrackKey::new(frame, Shape::Box2d(Box2d::new(x, 2.0 * x, x + 10.0, 2.0 * x + 5.0)))
    }

    fn keys() -> impl Strategy<Value = Vec<TrackKey>> {
        let key = (0u32..60, -1000i32..1000, any::<bool>(), any::<bool>());
        proptest::collection::btree_map(0u32..60, key, 1..8).prop_map(|map| {
            map.into_iter()
                .map(|(frame, (_, x, outside, interpolated))| TrackKey {
                    outside,
                    interpolated,
                    ..boxed(frame, f64::from(x))
                })
                .collect()
        })
    }

    proptest! {
        /// Against a naive walk over the frames: keys give themselves, frames between lie between, outside is nothing.
        #[test]
        fn frames_follow_from_the_keys(keys in keys(), frame in 0u32..80) {
            check(&keys).unwrap();
            let before = keys.iter().rev().find(|key| key.frame <= frame);
            let after = keys.iter().find(|key| key.frame > frame);
            let found = at(&keys, frame);
            match (before, after) {
                (None, _) => prop_assert_eq!(found, None),
                (Some(key), _) if key.outside => prop_assert_eq!(found, None),
                (Some(key), _) if key.frame == frame => {
                    let (shape, origin) = found.unwrap();
                    prop_assert_eq!(&shape, &*key.shape);
                    prop_assert_eq!(origin == Origin::Interpolated, key.interpolated);
                }
                (Some(key), None) => prop_assert_eq!(found, Some((Shape::clone(&key.shape), Origin::Interpolated))),
                (Some(a), Some(b)) => {
                    let (shape, origin) = found.unwrap();
                    prop_assert_eq!(origin, Origin::Interpolated);
                    let x = |shape: &Shape| shape.bounds().unwrap().xmin;
                    let (low, high) = (x(&a.shape).min(x(&b.shape)), x(&a.shape).max(x(&b.shape)));
                    prop_assert!((low - 1e-9..=high + 1e-9).contains(&x(&shape)));
                    let step = (x(&b.shape) - x(&a.shape)) / f64::from(b.frame - a.frame);
                    prop_assert!((x(&a.shape) + step * f64::from(frame - a.frame) - x(&shape)).abs() < 1e-6);
                }
            }
        }

        #[test]
        fn keys_read_back_from_json(keys in keys()) {
            let json = serde_json::to_string(&Shape::Track(keys.clone())).unwrap();
            prop_assert_eq!(serde_json::from_str::<Shape>(&json).unwrap(), Shape::Track(keys));
        }

        #[test]
        fn turning_is_the_shorter_way_and_stays_a_rotation(a in -6.0..6.0f64, b in -6.0..6.0f64, part in 0.0..1.0f64) {
            let turned = mix_angle(a, b, part) - a;
            prop_assert!(turned.abs() <= std::f64::consts::PI * part + 1e-9);
            let (p, q) = (crate::geometry::quaternion_of_yaw(a), crate::geometry::quaternion_of_yaw(b));
            let between = slerp(p, q, part);
            prop_assert!((between.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-9);
            // About one axis both ways agree, up to whole turns.
            let yaw = crate::geometry::yaw_of_quaternion(between);
            let apart = (yaw - mix_angle(a, b, part)).rem_euclid(std::f64::consts::TAU);
            let half_turn = ((b - a).rem_euclid(std::f64::consts::TAU) - std::f64::consts::PI).abs() < 1e-6;
            prop_assert!(half_turn || apart < 1e-6 || std::f64::consts::TAU - apart < 1e-6, "{yaw} {apart}");
        }
    }

    #[test]
    fn json_is_flat() {
        let mut key = boxed(3, 1.0);
        key.outside = true;
        key.attributes.insert("pose".into(), "left".into());
        let json = serde_json::to_value(&key).unwrap_or_default();
        let shape = serde_json::json!({"xmin":1.0,"ymin":2.0,"xmax":11.0,"ymax":7.0});
        let want =
            serde_json::json!({"frame":3,"type":"box2d","shape":shape,"outside":true,"attributes":{"pose":"left"}});
        assert_eq!(json, want);
    }

    #[test]
    fn shapes_that_do_not_match_stay() {
        let square = vec![Point { x: 0.0, y: 0.0 }, Point { x: 1.0, y: 0.0 }, Point { x: 1.0, y: 1.0 }];
        let keys = [TrackKey::new(0, Shape::Polygon(square.clone())), boxed(10, 5.0)];
        assert_eq!(at(&keys, 5), Some((Shape::Polygon(square), Origin::Interpolated)));
        assert!(check(&[boxed(2, 0.0), boxed(2, 1.0)]).is_err());
        assert!(check(&[TrackKey::new(0, Shape::Scalar(1.0))]).is_err());
        assert!(check(&[]).is_err());
    }

    #[test]
    fn attributes_hold_until_they_change() {
        let mut keys = [boxed(0, 0.0), boxed(5, 1.0), boxed(9, 2.0)];
        keys[0].attributes.insert("occluded".into(), true.into());
        keys[2].attributes.insert("occluded".into(), false.into());
        assert_eq!(attributes_at(&keys, 7)["occluded"], true);
        assert_eq!(attributes_at(&keys, 9)["occluded"], false);
    }
}
