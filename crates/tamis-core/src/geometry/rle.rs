//! Run-length encoded masks, as COCO defines them.

use serde::{Deserialize, Serialize};

use super::Box2d;

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
}
