//! Do a ring's edges cross?

use tamis_core::Point;

/// The first two edges that cross, by the numbers of their first points. Touching is not crossing: rings that meet
/// themselves in a point are common where a tool cuts holes.
///
/// Edges are compared where they overlap across, in the order of their left ends: O(n log n + overlapping pairs).
pub(super) fn crossing(ring: &[Point]) -> Option<(usize, usize)> {
    let n = ring.len();
    let edge = |i: usize| (ring[i], ring[(i + 1) % n]);
    let mut order: Vec<(f64, f64, usize)> = (0..n)
        .map(|i| {
            let (a, b) = edge(i);
            (a.x.min(b.x), a.x.max(b.x), i)
        })
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut first: Option<(usize, usize)> = None;
    for (place, &(_, right, i)) in order.iter().enumerate() {
        for &(_, _, j) in order[place + 1..].iter().take_while(|(left, _, _)| *left <= right) {
            let pair = (i.min(j), i.max(j));
            let are_neighbours = pair.1 - pair.0 == 1 || (pair.0 == 0 && pair.1 == n - 1);
            if !are_neighbours && first.is_none_or(|first| pair < first) && cross(edge(i), edge(j)) {
                first = Some(pair);
            }
        }
    }
    first
}

/// Whether each edge's ends lie on both sides of the other.
fn cross((a, b): (Point, Point), (c, d): (Point, Point)) -> bool {
    if a.y.max(b.y) < c.y.min(d.y) || c.y.max(d.y) < a.y.min(b.y) {
        return false;
    }
    let side = |p: Point, q: Point, r: Point| (q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x);
    let apart = |s: f64, t: f64| (s > 0.0 && t < 0.0) || (s < 0.0 && t > 0.0);
    apart(side(a, b, c), side(a, b, d)) && apart(side(c, d, a), side(c, d, b))
}
