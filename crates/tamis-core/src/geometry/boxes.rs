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

    /// A box from its centre and its size.
    pub fn from_center(cx: f64, cy: f64, width: f64, height: f64) -> Box2d {
        Box2d::new(cx - width / 2.0, cy - height / 2.0, cx + width / 2.0, cy + height / 2.0)
    }

    /// Upper left corner and size: x, y, width, height.
    pub fn to_xywh(&self) -> [f64; 4] {
        [self.xmin, self.ymin, self.width(), self.height()]
    }

    /// Centre and size: x, y, width, height.
    pub fn to_center(&self) -> [f64; 4] {
        [(self.xmin + self.xmax) / 2.0, (self.ymin + self.ymax) / 2.0, self.width(), self.height()]
    }

    /// The box in fractions of an image of this size, as YOLO and others write it. Not finite for a size of 0.
    pub fn to_fractions(&self, width: u32, height: u32) -> Box2d {
        let (w, h) = (f64::from(width), f64::from(height));
        Box2d::new(self.xmin / w, self.ymin / h, self.xmax / w, self.ymax / h)
    }

    /// The box in pixels of an image of this size, from fractions of it.
    pub fn from_fractions(&self, width: u32, height: u32) -> Box2d {
        let (w, h) = (f64::from(width), f64::from(height));
        Box2d::new(self.xmin * w, self.ymin * h, self.xmax * w, self.ymax * h)
    }

    /// Whether all four numbers are finite, and width and height are above 0.
    pub fn is_valid(&self) -> bool {
        [self.xmin, self.ymin, self.xmax, self.ymax].iter().all(|v| v.is_finite())
            && self.width() > 0.0
            && self.height() > 0.0
    }

    /// The part that two boxes share; [`None`] when that has no area.
    pub fn intersection(&self, other: &Box2d) -> Option<Box2d> {
        let shared = Box2d::new(
            self.xmin.max(other.xmin),
            self.ymin.max(other.ymin),
            self.xmax.min(other.xmax),
            self.ymax.min(other.ymax),
        );
        (self.is_valid() && other.is_valid() && shared.is_valid()).then_some(shared)
    }

    /// The part inside an image of this size; [`None`] when that has no area.
    pub fn clip(&self, width: u32, height: u32) -> Option<Box2d> {
        self.intersection(&Box2d::new(0.0, 0.0, f64::from(width), f64::from(height)))
    }

    /// Area of the intersection over area of the union, 0 to 1; 0 when either box has no area or a number is not finite.
    pub fn iou(&self, other: &Box2d) -> f64 {
        let shared = self.intersection(other).map_or(0.0, |shared| shared.area());
        super::ratio(shared, self.area() + other.area() - shared)
    }

    /// As [`Box2d::iou`], but over the area of `self` alone: how a detection is compared with a crowd (COCO's `iscrowd`).
    pub fn iou_crowd(&self, crowd: &Box2d) -> f64 {
        super::ratio(self.intersection(crowd).map_or(0.0, |shared| shared.area()), self.area())
    }

    /// The corners, clockwise on screen from the upper left.
    pub fn corners(&self) -> [Point; 4] {
        [(self.xmin, self.ymin), (self.xmax, self.ymin), (self.xmax, self.ymax), (self.xmin, self.ymax)]
            .map(|(x, y)| Point { x, y })
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

    /// Area in square pixels; 0 for a box without extent.
    pub fn area(&self) -> f64 {
        self.width.max(0.0) * self.height.max(0.0)
    }

    /// The rotated box of four corners in order around it, the first edge giving width and angle. Corners that are not
    /// those of a rectangle give the box with their mean as centre and the mean lengths of opposite edges as size.
    pub fn from_corners(corners: &[Point; 4]) -> RotatedBox {
        let [a, b, c, d] = *corners;
        let length = |p: Point, q: Point| (q.x - p.x).hypot(q.y - p.y);
        RotatedBox {
            cx: (a.x + b.x + c.x + d.x) / 4.0,
            cy: (a.y + b.y + c.y + d.y) / 4.0,
            width: (length(a, b) + length(d, c)) / 2.0,
            height: (length(b, c) + length(a, d)) / 2.0,
            angle: (b.y - a.y + c.y - d.y).atan2(b.x - a.x + c.x - d.x),
        }
    }

    /// Area of the intersection over area of the union, 0 to 1, exact; 0 when either box has no area or a number is
    /// not finite.
    pub fn iou(&self, other: &RotatedBox) -> f64 {
        let shared = super::polygon::convex_overlap(&self.corners(), &other.corners());
        let shared = shared.min(self.area()).min(other.area());
        super::ratio(shared, self.area() + other.area() - shared)
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
