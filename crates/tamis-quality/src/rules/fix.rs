//! Fixes that lose nothing anybody meant.

use tamis_core::geometry::clip_polygon;
use tamis_core::{Box2d, Label, Shape};

use super::Broken;

/// What can be done about a label without asking anybody.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fix {
    /// Leave it out.
    Drop,
    /// Give it another shape of the same type.
    Replace(Box<Shape>),
    /// Put the corners of its box in order.
    Order,
}

/// The part of a shape inside an image; [`None`] where there is none, or clipping would change more than the outline:
/// turned boxes stop being boxes, key points go missing, rings that the border cuts up become one.
pub(super) fn clipped(shape: &Shape, width: u32, height: u32) -> Option<Shape> {
    match shape {
        Shape::Box2d(b) => b.clip(width, height).map(Shape::Box2d),
        Shape::Polygon(ring) => {
            let part = clip_polygon(ring, width, height);
            (part.len() >= 3).then_some(Shape::Polygon(part))
        }
        Shape::MultiPolygon(rings) => {
            let parts: Vec<_> = rings.iter().map(|ring| clip_polygon(ring, width, height)).collect();
            let parts: Vec<_> = parts.into_iter().filter(|part| part.len() >= 3).collect();
            (!parts.is_empty()).then_some(Shape::MultiPolygon(parts))
        }
        _ => None,
    }
}

/// The labels of a sample after the fixes of what was found in it; a label with several fixes is dropped if one says
/// so, else gets its corners in order, else its new shape. Labels that are not touched stay as they are and where they
/// are.
///
/// A box beside a shape that is replaced is clipped to the new shape's bounds, or dropped.
pub fn fixed(labels: &[Label], broken: &[Broken]) -> Vec<Label> {
    let of = |at: usize| broken.iter().filter(move |b| b.label == at).filter_map(|b| b.fix.as_ref());
    let mut kept = Vec::with_capacity(labels.len());
    for (at, label) in labels.iter().enumerate() {
        if of(at).any(|fix| *fix == Fix::Drop) {
            continue;
        }
        let mut label = label.clone();
        for fix in of(at) {
            match fix {
                Fix::Replace(shape) => {
                    let bounds = shape.bounds();
                    label.bbox = label.bbox.and_then(|given| given.intersection(&bounds?));
                    label.shape = Shape::clone(shape);
                }
                Fix::Order => {
                    if let Shape::Box2d(b) = &mut label.shape {
                        let (x, y) = ((b.xmin, b.xmax), (b.ymin, b.ymax));
                        *b = Box2d::new(x.0.min(x.1), y.0.min(y.1), x.0.max(x.1), y.0.max(y.1));
                    }
                }
                Fix::Drop => {}
            }
        }
        kept.push(label);
    }
    kept
}
