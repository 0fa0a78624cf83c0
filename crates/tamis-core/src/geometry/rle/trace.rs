//! Masks to rings of points: the outlines along the edges of pixels.
//!
//! A walk keeps the foreground on its right. At a corner where two pixels touch only diagonally it stays with the pixel
//! it came along, so pixels are joined by sides (4-connected) and no ring touches itself.

use super::super::Point;
use super::Rle;
use crate::CoreError;

/// Right, down, left, up.
const STEPS: [(i64, i64); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];

impl Rle {
    /// The outlines of the foreground: outer rings run clockwise on screen ([`super::super::signed_area`] is positive),
    /// the rings of holes the other way. Only corners are points. Ordered by their topmost, then leftmost pixel; the
    /// signed areas add up to the area of the mask. O(pixels).
    ///
    /// # Errors
    /// Those of [`Rle::check`].
    pub fn to_polygons(&self) -> Result<Vec<Vec<Point>>, CoreError> {
        let mask = self.to_mask()?;
        let (w, h) = (i64::from(self.width), i64::from(self.height));
        let is_set = |x: i64, y: i64| {
            (0..w).contains(&x) && (0..h).contains(&y) && mask.get((y * w + x) as usize).is_some_and(|&v| v == 1)
        };
        // Whether the upper edge of a pixel was walked. Every ring has one.
        let mut seen = vec![false; mask.len()];
        let mut rings = Vec::new();
        for y in 0..h {
            for x in 0..w {
                let is_new = seen.get((y * w + x) as usize) == Some(&false);
                if is_new && is_set(x, y) && !is_set(x, y - 1) {
                    rings.push(walk((x, y), &is_set, |x, y| {
                        if let Some(seen) = seen.get_mut((y * w + x) as usize) {
                            *seen = true;
                        }
                    }));
                }
            }
        }
        Ok(rings)
    }
}

/// One ring, from the upper left corner of a pixel whose upper edge is an outline. `pass` is told each such pixel.
fn walk(start: (i64, i64), is_set: &impl Fn(i64, i64) -> bool, mut pass: impl FnMut(i64, i64)) -> Vec<Point> {
    let mut ring = Vec::new();
    let ((mut x, mut y), mut heading) = (start, 0usize);
    loop {
        if heading == 0 {
            pass(x, y);
        }
        let (dx, dy) = STEPS[heading % 4];
        (x, y) = (x + dx, y + dy);
        // The pixels ahead, on the right and on the left of the heading.
        let (right, left) = match heading % 4 {
            0 => ((x, y), (x, y - 1)),
            1 => ((x - 1, y), (x, y)),
            2 => ((x - 1, y - 1), (x - 1, y)),
            _ => ((x, y - 1), (x - 1, y - 1)),
        };
        let turned = if !is_set(right.0, right.1) {
            (heading + 1) % 4
        } else if is_set(left.0, left.1) {
            (heading + 3) % 4
        } else {
            heading
        };
        if turned != heading {
            ring.push(Point { x: x as f64, y: y as f64 });
        }
        heading = turned;
        if (x, y) == start && heading == 0 {
            return ring;
        }
    }
}
