//! Labels of one sample that are there twice.

use std::cmp::Ordering;

use tamis_core::{Box2d, Label, Shape};

use super::Broken;
use super::book::RuleOptions;
use super::fix::Fix;
use super::table::*;

pub(super) fn check(labels: &[Label], options: &RuleOptions, found: &mut impl FnMut(Broken)) {
    let doubles = exact(labels, found);
    overlapping(labels, &doubles, options, found);
}

/// Labels equal but for their ids; true for the later ones.
fn exact(labels: &[Label], found: &mut impl FnMut(Broken)) -> Vec<bool> {
    let key = |label: &Label| {
        let bounds = label.shape.bounds().map(|b| [b.xmin, b.ymin, b.xmax, b.ymax].map(f64::to_bits));
        (label.label_type(), bounds)
    };
    let mut order: Vec<_> =
        labels.iter().enumerate().map(|(at, label)| (key(label), label.class.as_deref(), at)).collect();
    order.sort_unstable();
    let mut doubles = vec![false; labels.len()];
    for same in order.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        for (place, &(_, _, at)) in same.iter().enumerate().skip(1) {
            let before = same[..place].iter().map(|(_, _, other)| *other).filter(|other| !doubles[*other]);
            let Some(first) = before.into_iter().find(|&other| is_same(&labels[at], &labels[other])) else { continue };
            doubles[at] = true;
            let mut broken =
                Broken::new(DUPLICATE_EXACT, at, format!("the same as label {first} of the sample, counted from 0"));
            broken.other = Some(first);
            // What a relation names cannot go.
            let fix = (labels[at].id == 0 || !is_related(labels, labels[at].id)).then_some(Fix::Drop);
            found(broken.with(fix));
        }
    }
    doubles
}

fn is_same(a: &Label, b: &Label) -> bool {
    a.shape == b.shape
        && a.instance == b.instance
        && a.confidence == b.confidence
        && a.attributes == b.attributes
        && a.bbox == b.bbox
}

fn is_related(labels: &[Label], id: u64) -> bool {
    labels.iter().any(|label| matches!(label.shape, Shape::Relation { from, to } if from == id || to == id))
}

/// Boxes that are nearly the same. Swept from left to right: a box is compared with those that start before it ends.
fn overlapping(labels: &[Label], doubles: &[bool], options: &RuleOptions, found: &mut impl FnMut(Broken)) {
    let mut boxes: Vec<(Box2d, usize)> = labels
        .iter()
        .enumerate()
        .filter(|(at, _)| !doubles[*at])
        .filter_map(|(at, label)| match &label.shape {
            Shape::Box2d(b) if b.is_valid() => Some((*b, at)),
            _ => None,
        })
        .collect();
    boxes.sort_by(|a, b| a.0.xmin.total_cmp(&b.0.xmin).then(a.1.cmp(&b.1)));
    for (place, (one, a)) in boxes.iter().enumerate() {
        // A box that starts further right overlaps too little, however long it is.
        let last = one.xmax - options.duplicate.clamp(0.0, 1.0) * one.width();
        let rest = boxes[place + 1..].iter().take_while(|(other, _)| other.xmin.total_cmp(&last) != Ordering::Greater);
        for (other, b) in rest {
            let overlap = one.iou(other);
            if overlap >= options.duplicate && overlap > 0.0 {
                let (first, second) = (*a.min(b), *a.max(b));
                let same_class = labels[first].class == labels[second].class;
                let rule = if same_class { DUPLICATE_BOX } else { DUPLICATE_CLASS };
                let message = format!("overlaps label {first} of the sample by {overlap:.3}");
                found(Broken { other: Some(first), ..Broken::new(rule, second, message) });
            }
        }
    }
}
