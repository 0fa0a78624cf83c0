//! How much detections and truths of one group overlap.

use tamis_core::{Box2d, Rle};

use super::{Pose, Shapes, Truth};

/// What is computed once for all shapes, so that pairs cost little.
pub(super) struct Overlap<'a> {
    shapes: Shapes<'a>,
    /// The bounds of the masks of truths and detections; pairs whose bounds are apart need no walk over the runs.
    bounds: (Vec<Option<Box2d>>, Vec<Option<Box2d>>),
}

impl<'a> Overlap<'a> {
    pub(super) fn new(shapes: Shapes<'a>) -> Overlap<'a> {
        let of = |masks: &[Rle]| masks.iter().map(Rle::bounds).collect();
        let bounds = match shapes {
            Shapes::Masks { truth, found } => (of(truth), of(found)),
            Shapes::Boxes { .. } | Shapes::Poses { .. } => (Vec::new(), Vec::new()),
        };
        Overlap { shapes, bounds }
    }

    /// The overlap of one detection with one truth, 0 to 1.
    pub(super) fn of(&self, found: usize, truth: usize, given: &Truth) -> f64 {
        match self.shapes {
            Shapes::Boxes { truth: truths, found: all } => match (all.get(found), truths.get(truth)) {
                (Some(d), Some(g)) => boxes(d, g, given.crowd),
                _ => 0.0,
            },
            Shapes::Masks { truth: truths, found: all } => {
                let near = |a: &Option<Box2d>, b: &Option<Box2d>| Some(a.as_ref()?.intersection(b.as_ref()?).is_some());
                let bounds = self.bounds.1.get(found).zip(self.bounds.0.get(truth));
                if !bounds.and_then(|(a, b)| near(a, b)).unwrap_or(false) {
                    return 0.0;
                }
                match (all.get(found), truths.get(truth)) {
                    (Some(d), Some(g)) if given.crowd => d.iou_crowd(g),
                    (Some(d), Some(g)) => d.iou(g),
                    _ => 0.0,
                }
            }
            Shapes::Poses { truth: truths, found: all, sigmas } => match (all.get(found), truths.get(truth)) {
                (Some(d), Some(g)) => poses(d, g, given.area, sigmas),
                _ => 0.0,
            },
        }
    }
}

/// Intersection over union of boxes (x, y, width, height); over the detection alone for a crowd. COCO's `bbIou`, with
/// its order of operations: [`Box2d::iou`] rounds differently.
pub(super) fn boxes(d: &[f64; 4], g: &[f64; 4], crowd: bool) -> f64 {
    let w = (d[2] + d[0]).min(g[2] + g[0]) - d[0].max(g[0]);
    let h = (d[3] + d[1]).min(g[3] + g[1]) - d[1].max(g[1]);
    if w <= 0.0 || h <= 0.0 {
        return 0.0;
    }
    let (shared, own) = (w * h, d[2] * d[3]);
    let whole = if crowd { own } else { own + g[2] * g[3] - shared };
    if whole > 0.0 { shared / whole } else { 0.0 }
}

/// Object keypoint similarity: the mean over the labelled points of exp(−distance² ∕ (2·area·(2σ)²)). Without any
/// labelled point, distances are those to the truth's box, doubled in size.
fn poses(d: &Pose, g: &Pose, area: f64, sigmas: &[f64]) -> f64 {
    let any = g.points.iter().any(|p| p.v != Some(0));
    let [x, y, w, h] = g.bounds;
    let outside = |at: f64, low: f64, high: f64| (low - at).max(0.0) + (at - high).max(0.0);
    let (mut sum, mut count) = (0.0, 0u32);
    for ((p, q), sigma) in d.points.iter().zip(&g.points).zip(sigmas) {
        let (dx, dy) = if any {
            if q.v == Some(0) {
                continue;
            }
            (p.x - q.x, p.y - q.y)
        } else {
            (outside(p.x, x - w, x + w * 2.0), outside(p.y, y - h, y + h * 2.0))
        };
        let variance = (sigma * 2.0) * (sigma * 2.0);
        sum += (-((dx * dx + dy * dy) / variance / (area + f64::EPSILON) / 2.0)).exp();
        count += 1;
    }
    if count > 0 { sum / f64::from(count) } else { 0.0 }
}
