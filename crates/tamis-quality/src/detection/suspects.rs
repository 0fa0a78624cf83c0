//! Wrong boxes: overlooked, badly located, or of a swapped class.
//!
//! ObjectLab (Tkachenko, Thyagarajan, Mueller: "ObjectLab: automated diagnosis of mislabeled images in object detection
//! data", 2023), with the numbers of `cleanlab.object_detection` 2.9: given boxes are compared with those that a model
//! found in images it was not trained on. Similarity is nine parts overlap and one part nearness of centres.

use std::collections::BTreeMap;

use rayon::prelude::*;
use tamis_core::Box2d;

use super::suspects_ap::class_precisions;
use crate::confident::softmin;
use crate::error::{QualityError, Result};

/// A box that somebody drew.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GivenBox {
    /// The number of its image.
    pub image: u32,
    /// The number of its class.
    pub class: u32,
    /// Where it is.
    pub bounds: Box2d,
}

/// A box that a model found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FoundBox {
    /// The number of its image.
    pub image: u32,
    /// The number of its class.
    pub class: u32,
    /// How sure the model is, 0 to 1.
    pub score: f64,
    /// Where it is.
    pub bounds: Box2d,
}

/// How good the boxes of images are, 0 to 1, and which are probably wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suspects {
    /// For each found box how likely it is that nobody overlooked its object; [`None`] where the model is not sure or
    /// some given box touches it.
    pub overlooked: Vec<Option<f64>>,
    /// For each given box how well it is placed.
    pub located: Vec<f64>,
    /// For each given box how likely its class is right.
    pub classed: Vec<f64>,
    /// Which found boxes are probably missing among the given ones.
    pub is_overlooked: Vec<bool>,
    /// Which given boxes are probably badly placed.
    pub is_badly_located: Vec<bool>,
    /// Which given boxes are probably of another class.
    pub is_swapped: Vec<bool>,
    /// The numbers of the images that have boxes, ascending.
    pub images: Vec<u32>,
    /// How good each of them is: the geometric mean of the three, each pooled over its boxes.
    pub scores: Vec<f64>,
}

/// The weight of overlap against nearness.
const ALPHA: f64 = 0.9;
/// How fast nearness falls with the distance of centres in pixels.
const NEARNESS: f64 = 0.1;
/// From where on the model is sure, and from where on it means anything.
const SURE: f64 = 0.95;
const MEANT: f64 = 0.5;
/// The overlap from which on two given boxes are of one object.
const SAME: f64 = 0.95;
/// Scores up to this part of a class's limit are wrong; the limit is this part of its average precision.
const FLAG: f32 = 0.8;
/// What logarithms are kept from.
const TINY: f64 = 1e-100;

/// Rates given boxes by what a model found. `classes` is how many there are.
///
/// O(Σ given · found) over images, in parallel.
///
/// # Errors
/// Slices of boxes with a class that is none, a score that is not 0 to 1, or a number that is not finite.
pub fn suspects(given: &[GivenBox], found: &[FoundBox], classes: usize) -> Result<Suspects> {
    check(given, found, classes)?;
    let images = by_image(given, found);
    let each: Vec<Image<'_>> = images.values().map(|(a, b)| Image { given, found, a, b }).collect();
    let similar: Vec<Vec<f64>> = each.par_iter().map(Image::similarities).collect();
    // The least likeness of any two boxes is what stands for none.
    let least = similar.par_iter().flatten().copied().filter(|s| *s != 0.0).reduce(|| 1.0, f64::min);
    let limits: Vec<f32> = class_precisions(&each, classes).into_iter().map(|ap| ap * 0.25).collect();
    let rated: Vec<Rated> = each.par_iter().zip(&similar).map(|(image, similar)| image.rate(similar, least)).collect();
    let mut told = Suspects {
        overlooked: vec![None; found.len()],
        located: vec![1.0; given.len()],
        classed: vec![1.0; given.len()],
        is_overlooked: vec![false; found.len()],
        is_badly_located: vec![false; given.len()],
        is_swapped: vec![false; given.len()],
        images: images.keys().copied().collect(),
        scores: Vec::with_capacity(images.len()),
    };
    for (image, rated) in each.iter().zip(&rated) {
        let is_bad = |score: f64, class: u32| score <= f64::from(limits[class as usize] * FLAG);
        for (&at, &score) in image.b.iter().zip(&rated.overlooked) {
            told.overlooked[at] = score;
            told.is_overlooked[at] = is_bad(score.unwrap_or(1.0), found[at].class);
        }
        for ((&at, &located), &classed) in image.a.iter().zip(&rated.located).zip(&rated.classed) {
            (told.located[at], told.classed[at]) = (located, classed);
            told.is_badly_located[at] = is_bad(located, given[at].class);
            told.is_swapped[at] = is_bad(classed, given[at].class);
        }
        let overlooked: Vec<f64> = rated.overlooked.iter().copied().flatten().collect();
        let log = |scores: &[f64]| (TINY + softmin(scores, 0.1).unwrap_or(1.0)).ln() / 3.0;
        told.scores.push((log(&overlooked) + log(&rated.located) + log(&rated.classed)).exp());
    }
    Ok(told)
}

fn check(given: &[GivenBox], found: &[FoundBox], classes: usize) -> Result<()> {
    let expected = "below the count of classes";
    let check = |what: &'static str, at: usize, class: u32, score: f64, b: &Box2d| {
        if class as usize >= classes {
            return Err(QualityError::OutOfRange { what, at, value: f64::from(class), expected });
        }
        if !(0.0..=1.0).contains(&score) {
            return Err(QualityError::OutOfRange { what: "score of found box", at, value: score, expected: "0 to 1" });
        }
        let is_finite = [b.xmin, b.ymin, b.xmax, b.ymax].iter().all(|v| v.is_finite());
        if is_finite { Ok(()) } else { Err(QualityError::NotFinite { what, at }) }
    };
    given.iter().enumerate().try_for_each(|(at, b)| check("given box", at, b.class, 0.0, &b.bounds))?;
    found.iter().enumerate().try_for_each(|(at, b)| check("found box", at, b.class, b.score, &b.bounds))
}

fn by_image(given: &[GivenBox], found: &[FoundBox]) -> BTreeMap<u32, (Vec<usize>, Vec<usize>)> {
    let mut images = BTreeMap::<u32, (Vec<usize>, Vec<usize>)>::new();
    given.iter().enumerate().for_each(|(at, b)| images.entry(b.image).or_default().0.push(at));
    found.iter().enumerate().for_each(|(at, b)| images.entry(b.image).or_default().1.push(at));
    images
}

/// The boxes of one image, by their positions.
pub(super) struct Image<'a> {
    pub(super) given: &'a [GivenBox],
    pub(super) found: &'a [FoundBox],
    pub(super) a: &'a [usize],
    pub(super) b: &'a [usize],
}

struct Rated {
    overlooked: Vec<Option<f64>>,
    located: Vec<f64>,
    classed: Vec<f64>,
}

impl Image<'_> {
    fn given(&self) -> impl Iterator<Item = &GivenBox> {
        self.a.iter().map(|&at| &self.given[at])
    }

    fn found(&self) -> impl Iterator<Item = &FoundBox> {
        self.b.iter().map(|&at| &self.found[at])
    }

    /// A row for each given box.
    fn similarities(&self) -> Vec<f64> {
        let similar = |a: &Box2d, b: &Box2d| overlap(a, b) * ALPHA + (1.0 - ALPHA) * (1.0 - (1.0 - nearness(a, b)));
        self.given().flat_map(|a| self.found().map(move |b| similar(&a.bounds, &b.bounds))).collect()
    }

    fn rate(&self, similar: &[f64], least: f64) -> Rated {
        let columns = self.b.len();
        let row = |at: usize| &similar[at * columns..][..columns];
        let overlooked = |(column, seen): (usize, &FoundBox)| {
            let touches = self.given().any(|b| overlap(&b.bounds, &seen.bounds) > 0.0);
            if seen.score < SURE || touches {
                return None;
            }
            let same = self.given().enumerate().filter(|(_, b)| b.class == seen.class);
            let nearest = same.map(|(at, _)| row(at)[column]).reduce(f64::max);
            Some(nearest.unwrap_or(least * (1.0 - seen.score)))
        };
        let located = |(at, own): (usize, &GivenBox)| {
            let meant = self.found().zip(row(at)).filter(|(b, _)| b.class == own.class && b.score > MEANT);
            let touching = meant.filter(|(b, _)| overlap(&own.bounds, &b.bounds) > 0.0);
            touching.map(|(_, s)| *s).reduce(f64::max).unwrap_or(1.0)
        };
        let classed = |(at, own): (usize, &GivenBox)| {
            let same = |b: &GivenBox| b.class != own.class && overlap(&own.bounds, &b.bounds) >= SAME;
            if self.given().any(same) {
                return least;
            }
            let other = self.found().zip(row(at)).filter(|(b, _)| b.class != own.class && b.score > SURE);
            other.map(|(_, s)| *s).reduce(f64::max).map_or(1.0, |s| least.max(1.0 - s))
        };
        Rated {
            overlooked: self.found().enumerate().map(overlooked).collect(),
            located: self.given().enumerate().map(located).collect(),
            classed: self.given().enumerate().map(classed).collect(),
        }
    }
}

/// Intersection over union, in the reference's order of operations.
pub(super) fn overlap(a: &Box2d, b: &Box2d) -> f64 {
    let (left, top) = (a.xmin.max(b.xmin), a.ymin.max(b.ymin));
    let (right, bottom) = (a.xmax.min(b.xmax), a.ymax.min(b.ymax));
    if right < left || bottom < top {
        return 0.0;
    }
    let shared = (right - left) * (bottom - top);
    let area = |b: &Box2d| (b.xmax - b.xmin) * (b.ymax - b.ymin);
    shared / (area(a) + area(b) - shared).max(1e-6)
}

/// How near two centres are: 1 in one place, falling with the distance.
fn nearness(a: &Box2d, b: &Box2d) -> f64 {
    let ([ax, ay, ..], [bx, by, ..]) = (a.to_center(), b.to_center());
    let (x, y) = (ax - bx, ay - by);
    (-(x * x + y * y).sqrt() * NEARNESS).exp()
}
