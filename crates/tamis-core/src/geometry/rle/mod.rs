//! Run-length encoded masks, as COCO defines them.

mod raster;
mod text;
mod trace;

use serde::{Deserialize, Serialize};

use super::{Box2d, ratio};
use crate::CoreError;

/// A binary mask as run lengths in column-major order (down each column, columns left to right),
/// starting with a run of background that may be 0 long.
///
/// Source: the `maskApi` of the COCO API (Lin et al. 2014).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rle {
    /// Height in pixels; 0 where a format gives the runs alone.
    pub height: u32,
    /// Width in pixels; 0 where a format gives the runs alone.
    pub width: u32,
    /// Run lengths: background, foreground, background, …
    pub counts: Vec<u32>,
}

impl Rle {
    /// The smallest box of whole pixels around the foreground; [`None`] when there is none or the
    /// size is not known.
    pub fn bounds(&self) -> Option<Box2d> {
        let height = u64::from(self.height);
        if height == 0 {
            return None;
        }
        let (mut at, mut hull) = (0u64, None::<(u64, u64, u64, u64)>);
        for (i, &run) in self.counts.iter().enumerate() {
            let end = at + u64::from(run);
            if i % 2 == 1 && run > 0 {
                let (x0, x1) = (at / height, (end - 1) / height);
                let (y0, y1) = if x0 == x1 { (at % height, (end - 1) % height) } else { (0, height - 1) };
                hull = Some(hull.map_or((x0, y0, x1, y1), |h| (h.0.min(x0), h.1.min(y0), h.2.max(x1), h.3.max(y1))));
            }
            at = end;
        }
        hull.map(|(x0, y0, x1, y1)| Box2d::new(x0 as f64, y0 as f64, (x1 + 1) as f64, (y1 + 1) as f64))
    }

    /// The mask of an image in rows from the top; every number but 0 is foreground.
    ///
    /// # Errors
    /// [`CoreError::BadGeometry`] when `mask` has not width × height numbers, or these are more than 4,294,967,295.
    pub fn from_mask(width: u32, height: u32, mask: &[u8]) -> Result<Rle, CoreError> {
        let pixels = pixels(width, height)?;
        if mask.len() as u64 != u64::from(pixels) {
            return Err(bad(format!("a mask of {width}×{height} pixels has {} numbers", mask.len())));
        }
        let w = width as usize;
        let column = |x: usize| mask.iter().skip(x).step_by(w.max(1)).map(|&v| v != 0);
        Ok(Rle { height, width, counts: runs((0..w).flat_map(column).map(|v| (v, 1))) })
    }

    /// The mask as an image in rows from the top: 1 is foreground.
    ///
    /// # Errors
    /// Those of [`Rle::check`].
    pub fn to_mask(&self) -> Result<Vec<u8>, CoreError> {
        self.check()?;
        let (w, h) = (self.width as usize, self.height as usize);
        let mut mask = vec![0; w * h];
        let (mut x, mut y) = (0, 0);
        for (i, &run) in self.counts.iter().enumerate() {
            let mut left = run as usize;
            while left > 0 {
                let part = left.min(h - y);
                if i % 2 == 1 {
                    mask.iter_mut().skip(y * w + x).step_by(w).take(part).for_each(|v| *v = 1);
                }
                left -= part;
                y += part;
                if y == h {
                    (x, y) = (x + 1, 0);
                }
            }
        }
        Ok(mask)
    }

    /// Checks that the runs fill the mask.
    ///
    /// # Errors
    /// [`CoreError::BadGeometry`] when they do not, or the mask has more than 4,294,967,295 pixels.
    pub fn check(&self) -> Result<(), CoreError> {
        let pixels = pixels(self.width, self.height)?;
        let sum: u64 = self.counts.iter().map(|&run| u64::from(run)).sum();
        if sum != u64::from(pixels) {
            let (w, h) = (self.width, self.height);
            return Err(bad(format!("runs of {sum} pixels altogether do not fill {w}×{h} pixels")));
        }
        Ok(())
    }

    /// Pixels of the foreground.
    pub fn area(&self) -> u64 {
        self.counts.iter().skip(1).step_by(2).map(|&run| u64::from(run)).sum()
    }

    /// The pixels that are in any of the masks. O(runs).
    ///
    /// # Errors
    /// [`CoreError::BadGeometry`] when the masks differ in size; no mask at all gives an empty one.
    pub fn union(masks: &[Rle]) -> Result<Rle, CoreError> {
        Rle::combine(masks, |a, b| a || b)
    }

    /// The pixels that are in all of the masks. O(runs).
    ///
    /// # Errors
    /// [`CoreError::BadGeometry`] when the masks differ in size; no mask at all gives an empty one.
    pub fn intersection(masks: &[Rle]) -> Result<Rle, CoreError> {
        Rle::combine(masks, |a, b| a && b)
    }

    fn combine(masks: &[Rle], rule: fn(bool, bool) -> bool) -> Result<Rle, CoreError> {
        let Some((first, rest)) = masks.split_first() else { return Ok(Rle::default()) };
        first.check()?;
        rest.iter().try_fold(first.clone(), |all, next| {
            next.check()?;
            if (next.width, next.height) != (all.width, all.height) {
                return Err(bad(format!(
                    "masks of {}×{} and {}×{} pixels cannot be combined",
                    all.width, all.height, next.width, next.height
                )));
            }
            Ok(Rle { counts: runs(together(&all.counts, &next.counts).map(|(a, b, n)| (rule(a, b), n))), ..all })
        })
    }

    /// Pixels in both over pixels in either, 0 to 1; 0 for masks of different sizes. O(runs).
    pub fn iou(&self, other: &Rle) -> f64 {
        let (shared, either) = self.shared(other);
        ratio(shared as f64, either as f64)
    }

    /// As [`Rle::iou`], but over the pixels of `self` alone: how a detection is compared with a crowd.
    pub fn iou_crowd(&self, crowd: &Rle) -> f64 {
        ratio(self.shared(crowd).0 as f64, self.area() as f64)
    }

    /// Pixels in both, and pixels in either.
    fn shared(&self, other: &Rle) -> (u64, u64) {
        if (self.width, self.height) != (other.width, other.height) {
            return (0, 0);
        }
        together(&self.counts, &other.counts).fold((0, 0), |(both, either), (a, b, n)| {
            (both + if a && b { u64::from(n) } else { 0 }, either + if a || b { u64::from(n) } else { 0 })
        })
    }
}

fn bad(reason: String) -> CoreError {
    CoreError::BadGeometry { what: "rle", reason }
}

/// How many pixels a mask of this size has.
fn pixels(width: u32, height: u32) -> Result<u32, CoreError> {
    width.checked_mul(height).ok_or_else(|| bad(format!("{width}×{height} pixels are more than 4294967295")))
}

/// Runs out of stretches of equal value: merged, starting with background, none empty but perhaps the first.
fn runs(stretches: impl Iterator<Item = (bool, u32)>) -> Vec<u32> {
    let mut counts = vec![0u32];
    for (value, length) in stretches.filter(|(_, length)| *length > 0) {
        // An even count of runs so far ends with foreground.
        if value != (counts.len() % 2 == 0) {
            counts.push(0);
        }
        if let Some(last) = counts.last_mut() {
            *last += length;
        }
    }
    counts
}

/// The stretches over which two masks both keep their value; as long as the shorter.
fn together<'a>(a: &'a [u32], b: &'a [u32]) -> impl Iterator<Item = (bool, bool, u32)> + 'a {
    let (mut i, mut j) = (0, 0);
    let (mut left_a, mut left_b) = (a.first().copied().unwrap_or(0), b.first().copied().unwrap_or(0));
    std::iter::from_fn(move || {
        while left_a == 0 {
            i += 1;
            left_a = *a.get(i)?;
        }
        while left_b == 0 {
            j += 1;
            left_b = *b.get(j)?;
        }
        let length = left_a.min(left_b);
        left_a -= length;
        left_b -= length;
        Some((i % 2 == 1, j % 2 == 1, length))
    })
}
