//! Rings of points to masks, pixel for pixel as COCO does it.
//!
//! Edges are walked on a grid five times finer than the pixels; where the walk passes the centre of a column, the row it
//! passes there toggles inside and outside. Source: `rleFrPoly` of the COCO API's `maskApi`.

use super::super::polygon::clip_to;
use super::super::{Box2d, Point};
use super::{Rle, bad, pixels};
use crate::CoreError;

/// How much finer the grid is.
const FINE: f64 = 5.0;

impl Rle {
    /// The mask of one ring in an image of this size. O(length of the edges + pixels' columns).
    ///
    /// Equal to `pycocotools` for rings within a few image sizes; parts further out are cut off first, so that a
    /// coordinate of 10¹⁵ costs nothing.
    ///
    /// # Errors
    /// [`CoreError::BadGeometry`] when a coordinate is not finite or the image has more than 4,294,967,295 pixels.
    pub fn from_polygon(width: u32, height: u32, ring: &[Point]) -> Result<Rle, CoreError> {
        let total = pixels(width, height)?;
        if !ring.iter().all(|p| p.x.is_finite() && p.y.is_finite()) {
            return Err(bad("a coordinate of the polygon is not finite".to_owned()));
        }
        let far = 4.0 * f64::from(width.max(height)) + 10_000.0;
        let is_near = ring.iter().all(|p| p.x.abs() <= far && p.y.abs() <= far);
        let clipped = if is_near { Vec::new() } else { clip_to(ring, &Box2d::new(-far, -far, far, far)) };
        let ring = if is_near { ring } else { &clipped };
        let mut toggles = crossings(width, height, ring);
        toggles.push(total);
        toggles.sort_unstable();
        Ok(Rle { height, width, counts: differences(&toggles) })
    }

    /// The mask of all pixels inside any of several rings (COCO's polygon segmentation of one object).
    ///
    /// # Errors
    /// Those of [`Rle::from_polygon`].
    pub fn from_polygons(width: u32, height: u32, rings: &[Vec<Point>]) -> Result<Rle, CoreError> {
        let masks: Result<Vec<Rle>, CoreError> =
            rings.iter().map(|ring| Rle::from_polygon(width, height, ring)).collect();
        let masks = masks?;
        if masks.is_empty() {
            return Ok(Rle { height, width, counts: vec![pixels(width, height)?] });
        }
        Rle::union(&masks)
    }
}

/// Where the ring toggles inside and outside: column × height + row.
fn crossings(width: u32, height: u32, ring: &[Point]) -> Vec<u32> {
    // The cast goes towards zero, as C's does.
    let fine: Vec<(i64, i64)> = ring.iter().map(|p| ((FINE * p.x + 0.5) as i64, (FINE * p.y + 0.5) as i64)).collect();
    let mut toggles = Vec::new();
    let mut last: Option<(i64, i64)> = None;
    let mut visit = |u: i64, v: i64| {
        if let Some((u0, v0)) = last
            && u != u0
        {
            let x = ((if u < u0 { u } else { u - 1 }) as f64 + 0.5) / FINE - 0.5;
            if x.floor() == x && x >= 0.0 && x <= f64::from(width) - 1.0 {
                let y = (v.min(v0) as f64 + 0.5) / FINE - 0.5;
                let y = y.clamp(0.0, f64::from(height)).ceil();
                toggles.push(x as u32 * height + y as u32);
            }
        }
        last = Some((u, v));
    };
    for (&(x0, y0), &(x1, y1)) in fine.iter().zip(fine.iter().cycle().skip(1)) {
        let (dx, dy) = ((x1 - x0).abs(), (y1 - y0).abs());
        let is_flat = dx >= dy;
        let is_back = if is_flat { x0 > x1 } else { y0 > y1 };
        // Always walked from the smaller end, so that an edge rounds alike in both directions.
        let ((xs, ys), (xe, ye)) = if is_back { ((x1, y1), (x0, y0)) } else { ((x0, y0), (x1, y1)) };
        let steps = dx.max(dy);
        let slope = if steps == 0 { 0.0 } else { (if is_flat { ye - ys } else { xe - xs }) as f64 / steps as f64 };
        for step in 0..=steps {
            let t = if is_back { steps - step } else { step };
            if is_flat {
                visit(t + xs, (ys as f64 + slope * t as f64 + 0.5) as i64);
            } else {
                visit((xs as f64 + slope * t as f64 + 0.5) as i64, t + ys);
            }
        }
    }
    toggles
}

/// Run lengths between sorted toggles; two toggles at one place cancel out.
fn differences(toggles: &[u32]) -> Vec<u32> {
    let mut counts: Vec<u32> = Vec::with_capacity(toggles.len());
    let (mut before, mut is_joined) = (0, false);
    for (i, &toggle) in toggles.iter().enumerate() {
        let run = toggle - before;
        before = toggle;
        match counts.last_mut() {
            Some(last) if is_joined => {
                *last += run;
                is_joined = false;
            }
            Some(_) if run == 0 && i > 0 => is_joined = true,
            _ => counts.push(run),
        }
    }
    counts
}
