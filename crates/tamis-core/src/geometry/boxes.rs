//! Axis-aligned and rotated boxes.

use serde::{Deserialize, Serialize};

use super::Point;

/// An axis-aligned box by its corners, in pixels; right and lower edge exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Box2d {
    /// Left edge.
    pub xmin: f64,
    /// Upper edge.
    pub ymin: f64,
    /// Right edge.
    pub xmax: f64,
    /// Lower edge.
    pub ymax: f64,
}

impl Box2d {
    /// A box from its corners.
    pub fn new(xmin: f64, ymin: f64, xmax: f64, ymax: f64) -> Box2d {
        Box2d { xmin, ymin, xmax, ymax }
    }

    /// A box from its upper left corner and its size.
    pub fn from_xywh(x: f64, y: f64, width: f64, height: f64) -> Box2d {
        Box2d::new(x, y, x + width, y + height)
    }

    /// Width in pixels; negative when the corners are swapped.
    pub fn width(&self) -> f64 {
        self.xmax - self.xmin
    }

    /// Height in pixels; negative when the corners are swapped.
    pub fn height(&self) -> f64 {
        self.ymax - self.ymin
    }

    /// Area in square pixels; 0 for a box without extent.
    pub fn area(&self) -> f64 {
        self.width().max(0.0) * self.height().max(0.0)
    }
}

/// A box turned about its centre.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RotatedBox {
    /// Centre across.
    pub cx: f64,
    /// Centre down.
    pub cy: f64,
    /// Width before turning.
    pub width: f64,
    /// Height before turning.
    pub height: f64,
    /// Radians, clockwise on screen (from x towards y).
    pub angle: f64,
}

impl RotatedBox {
    /// The four corners, clockwise on screen from the one that is upper left at angle 0.
    pub fn corners(&self) -> [Point; 4] {
        let (sin, cos) = self.angle.sin_cos();
        let (w, h) = (self.width / 2.0, self.height / 2.0);
        [(-w, -h), (w, -h), (w, h), (-w, h)]
            .map(|(x, y)| Point { x: self.cx + x * cos - y * sin, y: self.cy + x * sin + y * cos })
    }

    /// The smallest axis-aligned box around it.
    pub fn bounds(&self) -> Box2d {
        bounds(self.corners()).unwrap_or_default()
    }
}

/// The smallest axis-aligned box around some points; [`None`] when there are none.
pub fn bounds(points: impl IntoIterator<Item = Point>) -> Option<Box2d> {
    points.into_iter().fold(None, |acc: Option<Box2d>, p| {
        Some(match acc {
            None => Box2d::new(p.x, p.y, p.x, p.y),
            Some(b) => Box2d::new(b.xmin.min(p.x), b.ymin.min(p.y), b.xmax.max(p.x), b.ymax.max(p.y)),
        })
    })
}
