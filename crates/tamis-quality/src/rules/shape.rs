//! What one label's geometry breaks.

use tamis_core::geometry::polygon_area;
use tamis_core::{Box2d, Label, Point, Shape, track};

use super::Broken;
use super::book::{RuleOptions, Scene};
use super::fix::{Fix, clipped};
use super::polygon::crossing;
use super::table::*;

pub(super) fn check(at: usize, label: &Label, scene: &Scene, options: &RuleOptions, found: &mut impl FnMut(Broken)) {
    if let Some(confidence) = label.confidence.filter(|c| !(0.0..=1.0).contains(c)) {
        found(Broken::new(LABEL_CONFIDENCE, at, format!("confidence is {confidence}")));
    }
    match &label.shape {
        Shape::TextSpan { begin, end } if end < begin => {
            found(Broken::new(SPAN_INVERTED, at, format!("from {begin} to {end}")));
        }
        Shape::TimeSpan { begin, end } if end < begin => {
            found(Broken::new(SPAN_INVERTED, at, format!("from {begin} to {end} seconds")));
        }
        Shape::Track(keys) => {
            if let Err(reason) = track::check(keys) {
                found(Broken::new(TRACK_KEYS, at, format!("the track {reason}")));
            }
            for key in keys.iter().filter(|key| !key.outside) {
                let mut named = |mut broken: Broken| {
                    broken.message = format!("frame {}: {}", key.frame, broken.message);
                    // Fixes are for labels, not for single key frames.
                    found(broken.with(None));
                };
                geometry(at, &key.shape, scene, options, &mut named);
            }
            return;
        }
        _ => {}
    }
    geometry(at, &label.shape, scene, options, found);
}

fn geometry(at: usize, shape: &Shape, scene: &Scene, options: &RuleOptions, found: &mut impl FnMut(Broken)) {
    if !is_finite(shape) {
        found(Broken::new(LABEL_FINITE, at, "a number is not finite"));
        return;
    }
    if shape.is_spatial() && !scene.has_media {
        found(Broken::new(LABEL_MEDIA, at, format!("`{}` in a sample without media", shape.label_type())));
    }
    if let Some(broken) = rings(at, shape) {
        found(broken);
        return;
    }
    if let Shape::Rle(mask) = shape {
        if let Err(error) = mask.check() {
            found(Broken::new(MASK_BROKEN, at, error.to_string()));
            return;
        }
        if let Some((width, height)) = scene.size.filter(|size| *size != (mask.width, mask.height)) {
            let (w, h) = (mask.width, mask.height);
            found(Broken::new(MASK_SIZE, at, format!("the mask has {w}×{h} pixels, the image {width}×{height}")));
        }
    }
    let Some(bounds) = shape.bounds() else {
        if matches!(shape, Shape::Rle(_)) {
            found(Broken::new(AREA_ZERO, at, "the mask is empty").with(Some(Fix::Drop)));
        }
        return;
    };
    extent(at, shape, &bounds, options, found);
    if let Some((width, height)) = scene.size {
        inside(at, shape, &bounds, (width, height), options, found);
    }
}

/// Points that are too few, and edges that cross.
fn rings(at: usize, shape: &Shape) -> Option<Broken> {
    let (rings, least): (Vec<&Vec<Point>>, usize) = match shape {
        Shape::Polygon(ring) => (vec![ring], 3),
        Shape::MultiPolygon(rings) => (rings.iter().collect(), 3),
        Shape::Polyline { points, .. } => (vec![points], 2),
        Shape::MultiPolyline(lines) => (lines.iter().collect(), 2),
        _ => return None,
    };
    if let Some(short) = rings.iter().find(|ring| ring.len() < least) {
        let what = if least == 3 { "polygon" } else { "line" };
        return Some(Broken::new(POLYGON_POINTS, at, format!("a {what} of {} points", short.len())));
    }
    let crosses = rings.iter().filter(|_| least == 3).find_map(|ring| crossing(ring));
    crosses.map(|(a, b)| Broken::new(POLYGON_CROSSING, at, format!("edge {a} crosses edge {b}, counted from 0")))
}

/// Sides and area.
fn extent(at: usize, shape: &Shape, bounds: &Box2d, options: &RuleOptions, found: &mut impl FnMut(Broken)) {
    let (width, height) = match shape {
        Shape::RotatedBox(turned) => (turned.width, turned.height),
        _ => (bounds.width(), bounds.height()),
    };
    if width < 0.0 || height < 0.0 {
        let fix = Some(Fix::Order).filter(|_| matches!(shape, Shape::Box2d(_)));
        found(Broken::new(AREA_INVERTED, at, format!("{width}×{height} pixels")).with(fix));
        return;
    }
    let is_empty = match shape {
        Shape::Polygon(ring) => polygon_area(ring) == 0.0,
        Shape::MultiPolygon(rings) => rings.iter().all(|ring| polygon_area(ring) == 0.0),
        Shape::Box2d(_) | Shape::RotatedBox(_) => width == 0.0 || height == 0.0,
        Shape::Polyline { .. } | Shape::MultiPolyline(_) => width == 0.0 && height == 0.0,
        _ => false,
    };
    if is_empty {
        found(Broken::new(AREA_ZERO, at, format!("{width}×{height} pixels")).with(Some(Fix::Drop)));
        return;
    }
    let has_area = !matches!(shape, Shape::Polyline { .. } | Shape::MultiPolyline(_) | Shape::Keypoints(_));
    if has_area && width.min(height) < options.tiny {
        found(Broken::new(AREA_TINY, at, format!("{width}×{height} pixels")));
    }
}

/// Where the shape lies in the image.
fn inside(
    at: usize,
    shape: &Shape,
    bounds: &Box2d,
    (width, height): (u32, u32),
    options: &RuleOptions,
    found: &mut impl FnMut(Broken),
) {
    let (w, h) = (f64::from(width), f64::from(height));
    let said = || {
        let Box2d { xmin, ymin, xmax, ymax } = bounds;
        format!("({xmin}, {ymin}) to ({xmax}, {ymax}), the image has {width}×{height} pixels")
    };
    if bounds.xmin >= w || bounds.ymin >= h || bounds.xmax <= 0.0 || bounds.ymax <= 0.0 {
        let is_point = bounds.width() == 0.0 && bounds.height() == 0.0;
        let on_edge = bounds.xmin <= w && bounds.ymin <= h && bounds.xmax >= 0.0 && bounds.ymax >= 0.0;
        if !(is_point && on_edge) {
            found(Broken::new(IMAGE_OUTSIDE, at, said()));
        }
        return;
    }
    let over = (-bounds.xmin).max(-bounds.ymin).max(bounds.xmax - w).max(bounds.ymax - h);
    if over > options.slack {
        let fix = clipped(shape, width, height).map(|shape| Fix::Replace(Box::new(shape)));
        found(Broken::new(IMAGE_PARTLY, at, said()).with(fix));
    }
}

fn is_finite(shape: &Shape) -> bool {
    let points = |points: &[Point]| points.iter().all(|p| p.x.is_finite() && p.y.is_finite());
    match shape {
        Shape::Box2d(b) => [b.xmin, b.ymin, b.xmax, b.ymax].iter().all(|v| v.is_finite()),
        Shape::RotatedBox(b) => [b.cx, b.cy, b.width, b.height, b.angle].iter().all(|v| v.is_finite()),
        Shape::Box3d(b) => b.translation.iter().chain(&b.rotation).chain(&b.size).all(|v| v.is_finite()),
        Shape::Polygon(ring) | Shape::Polyline { points: ring, .. } => points(ring),
        Shape::MultiPolygon(rings) | Shape::MultiPolyline(rings) => rings.iter().all(|ring| points(ring)),
        Shape::Keypoints(all) => all.iter().all(|p| p.x.is_finite() && p.y.is_finite()),
        Shape::Scalar(value) => value.is_finite(),
        Shape::TimeSpan { begin, end } => begin.is_finite() && end.is_finite(),
        _ => true,
    }
}
