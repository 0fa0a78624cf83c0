//! Rings of points: measures, clipping, overlap.
//!
//! A ring is closed; its last point is not repeated. Areas and overlaps are exact for simple rings (no edge crosses
//! another), whichever way they turn. They come from signed triangles: a ring's inside is the signed sum of the triangles
//! between its first point and each edge, so that the overlap of two rings is the signed sum of the overlaps of their
//! triangles, which are convex and clipped by Sutherland and Hodgman's method (1974). Nothing is rasterised.

use super::{Box2d, Point, bounds, ratio};

/// The area inside a ring, positive when it runs clockwise on screen (y down); 0 when a number is not finite.
/// Shoelace formula, O(n).
pub fn signed_area(ring: &[Point]) -> f64 {
    finite(edges(ring).map(|(a, b)| cross(ring, a, b)).sum::<f64>() / 2.0)
}

/// The area inside a ring in square pixels, whichever way it runs.
pub fn polygon_area(ring: &[Point]) -> f64 {
    signed_area(ring).abs()
}

/// The length of a ring's edges in pixels.
pub fn polygon_perimeter(ring: &[Point]) -> f64 {
    finite(edges(ring).map(|(a, b)| (b.x - a.x).hypot(b.y - a.y)).sum())
}

/// The centre of gravity of the area inside a ring; of its points when there is no area; [`None`] without points or
/// when a number is not finite.
pub fn polygon_centroid(ring: &[Point]) -> Option<Point> {
    let first = *ring.first()?;
    let (mut x, mut y, mut twice) = (0.0, 0.0, 0.0);
    for (a, b) in edges(ring) {
        let weight = cross(ring, a, b);
        x += (a.x + b.x - 2.0 * first.x) * weight;
        y += (a.y + b.y - 2.0 * first.y) * weight;
        twice += weight;
    }
    let mean = |f: fn(&Point) -> f64| ring.iter().map(f).sum::<f64>() / ring.len() as f64;
    let area = Point { x: first.x + x / (3.0 * twice), y: first.y + y / (3.0 * twice) };
    let all =
        if area.x.is_finite() && area.y.is_finite() { area } else { Point { x: mean(|p| p.x), y: mean(|p| p.y) } };
    (all.x.is_finite() && all.y.is_finite()).then_some(all)
}

/// The part of a ring inside an image of this size; empty when there is none. A ring that leaves and enters again gets
/// edges along the border (Sutherland–Hodgman).
pub fn clip_polygon(ring: &[Point], width: u32, height: u32) -> Vec<Point> {
    clip_to(ring, &Box2d::new(0.0, 0.0, f64::from(width), f64::from(height)))
}

/// The part of a ring inside a box.
pub(crate) fn clip_to(ring: &[Point], window: &Box2d) -> Vec<Point> {
    if !is_finite(ring) {
        return Vec::new();
    }
    // Each crossing lies on the border itself, however far away the ends of its edge are.
    let Box2d { xmin, ymin, xmax, ymax } = *window;
    let left = clip_half(ring, |p| p.x - xmin, |p| Point { x: xmin, ..p });
    let right = clip_half(&left, |p| xmax - p.x, |p| Point { x: xmax, ..p });
    let top = clip_half(&right, |p| p.y - ymin, |p| Point { y: ymin, ..p });
    let inside = clip_half(&top, |p| ymax - p.y, |p| Point { y: ymax, ..p });
    // Interpolation rounds; the promise is "inside".
    inside.into_iter().map(|p| Point { x: p.x.clamp(xmin, xmax), y: p.y.clamp(ymin, ymax) }).collect()
}

/// Area of the intersection over area of the union of two objects, each of one or more rings that do not overlap one
/// another; 0 to 1. Exact; O(edges of one × edges of the other) where their triangles' bounds meet.
pub fn polygon_iou(a: &[Vec<Point>], b: &[Vec<Point>]) -> f64 {
    let area = |rings: &[Vec<Point>]| rings.iter().map(|ring| polygon_area(ring)).sum::<f64>();
    let (area_a, area_b) = (area(a), area(b));
    let shared: f64 = a.iter().flat_map(|p| b.iter().map(move |q| overlap(p, q))).sum();
    let shared = shared.min(area_a).min(area_b).max(0.0);
    ratio(shared, area_a + area_b - shared)
}

/// The area that two simple rings share.
pub(crate) fn overlap(a: &[Point], b: &[Point]) -> f64 {
    if !is_finite(a) || !is_finite(b) {
        return 0.0;
    }
    let (Some(bounds_a), Some(bounds_b)) = (bounds(a.iter().copied()), bounds(b.iter().copied())) else { return 0.0 };
    if bounds_a.intersection(&bounds_b).is_none() {
        return 0.0;
    }
    let (fan_a, fan_b) = (fan(a), fan(b));
    let mut sum = 0.0;
    for (p, around_p, sign_p) in &fan_a {
        for (q, around_q, sign_q) in &fan_b {
            if around_p.intersection(around_q).is_some() {
                sum += sign_p * sign_q * convex_overlap(p, q);
            }
        }
    }
    // Each ring may turn either way, which turns the sign of all its triangles.
    finite(sum.abs()).min(polygon_area(a)).min(polygon_area(b))
}

/// The triangles between a ring's first point and its edges, turned clockwise, with their bounds and their sign.
fn fan(ring: &[Point]) -> Vec<([Point; 3], Box2d, f64)> {
    let Some(&apex) = ring.first() else { return Vec::new() };
    let triangle = |(a, b): (Point, Point)| {
        let area = signed_area(&[apex, a, b]);
        let corners = if area > 0.0 { [apex, a, b] } else { [apex, b, a] };
        (area != 0.0).then(|| (corners, bounds(corners).unwrap_or_default(), area.signum()))
    };
    edges(ring).filter_map(triangle).collect()
}

/// The area that two convex rings share.
pub(crate) fn convex_overlap(a: &[Point], b: &[Point]) -> f64 {
    if !is_finite(a) || !is_finite(b) {
        return 0.0;
    }
    let area = signed_area(b);
    if area == 0.0 {
        return 0.0;
    }
    let turn = area.signum();
    let mut rest = a.to_vec();
    for (p, q) in edges(b) {
        // Right of each edge of a ring that runs clockwise on screen is inside.
        let inside = |point: &Point| turn * ((q.x - p.x) * (point.y - p.y) - (q.y - p.y) * (point.x - p.x));
        rest = clip_half(&rest, inside, |point| point);
        if rest.len() < 3 {
            return 0.0;
        }
    }
    polygon_area(&rest)
}

/// The part of a ring where `inside` (linear in the point) is not negative; `settle` puts a crossing on the border.
fn clip_half(ring: &[Point], inside: impl Fn(&Point) -> f64, settle: impl Fn(Point) -> Point) -> Vec<Point> {
    let mut kept = Vec::with_capacity(ring.len() + 2);
    for (a, b) in edges(ring) {
        let (da, db) = (inside(&a), inside(&b));
        if da >= 0.0 {
            kept.push(a);
        }
        if (da > 0.0 && db < 0.0) || (da < 0.0 && db > 0.0) {
            let t = da / (da - db);
            kept.push(settle(Point { x: a.x + t * (b.x - a.x), y: a.y + t * (b.y - a.y) }));
        }
    }
    kept
}

/// Each point with the next, the last with the first.
fn edges(ring: &[Point]) -> impl Iterator<Item = (Point, Point)> + '_ {
    ring.iter().copied().zip(ring.iter().copied().cycle().skip(1))
}

/// Twice the signed area between the ring's first point and an edge: relative, so that far-away rings lose no digits.
fn cross(ring: &[Point], a: Point, b: Point) -> f64 {
    let o = ring.first().copied().unwrap_or_default();
    (a.x - o.x) * (b.y - o.y) - (b.x - o.x) * (a.y - o.y)
}

fn is_finite(ring: &[Point]) -> bool {
    ring.iter().all(|p| p.x.is_finite() && p.y.is_finite())
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}
