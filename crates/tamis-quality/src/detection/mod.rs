//! Average precision and recall of detections, masks and key points, as COCO defines them.
//!
//! [`Evaluation::new`] matches detections with truths once; every figure (all images, a slice, one class, a resampled
//! set) is then summed up from the matches. Numbers are those of `pycocotools` 2.0 (Lin et al., "Microsoft COCO", 2014,
//! and its `cocoeval.py`), ties and crowds included; one quirk is left out: there, a truth whose id is 0 never counts.
//!
//! [`suspects`] finds given boxes that are probably wrong, and objects that were overlooked.
//!
//! Complexity: matching costs O(Σ d·g·T·A) over groups of one class in one image with d detections and g truths, for T
//! thresholds and A area ranges; summing up O(D log D) once and then O(D·T) a figure.

mod bootstrap;
mod curve;
mod matching;
mod outcome;
mod overlap;
mod suspects;
mod suspects_ap;

pub use bootstrap::compare;
pub use curve::{DetectionReport, Figure};
pub use matching::Evaluation;
pub use outcome::{FoundOutcome, Outcomes, TruthOutcome, outcomes};
pub use suspects::{FoundBox, GivenBox, Suspects, suspects};

use serde::{Deserialize, Serialize};
use tamis_core::{Keypoint, Rle};

use crate::error::{QualityError, Result, all_finite, same_length};

/// An object that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Truth {
    /// The number of its image. Images count in the order of their numbers.
    pub image: u32,
    /// The number of its class.
    pub class: u32,
    /// Square pixels, which decide about its area range; COCO gives the mask's area, also for boxes.
    pub area: f64,
    /// A crowd: any number of detections may lie in it, and none of them counts. Implies `ignore`.
    pub crowd: bool,
    /// Nobody has to find it, and who does is not counted.
    pub ignore: bool,
}

/// An object that a model found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Detection {
    /// The number of its image.
    pub image: u32,
    /// The number of its class.
    pub class: u32,
    /// How sure the model is; only the order matters. Of equal ones the first in the input comes first.
    pub score: f64,
    /// Square pixels; [`None`] takes the area of its shape.
    pub area: Option<f64>,
}

/// The key points of one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pose {
    /// The points in the order of the skeleton; in a truth, `v` of 0 means not labelled.
    pub points: Vec<Keypoint>,
    /// The box of a truth: x, y, width, height. Not used in detections.
    pub bounds: [f64; 4],
}

/// The shapes of truths and detections, in the order of these.
#[derive(Clone, Copy, Debug)]
pub enum Shapes<'a> {
    /// Boxes as x, y, width, height ([`tamis_core::Box2d::to_xywh`]); overlap is intersection over union.
    Boxes {
        /// Of the truths.
        truth: &'a [[f64; 4]],
        /// Of the detections.
        found: &'a [[f64; 4]],
    },
    /// Masks; overlap is intersection over union of pixels.
    Masks {
        /// Of the truths.
        truth: &'a [Rle],
        /// Of the detections.
        found: &'a [Rle],
    },
    /// Key points; overlap is COCO's object keypoint similarity.
    Poses {
        /// Of the truths.
        truth: &'a [Pose],
        /// Of the detections.
        found: &'a [Pose],
        /// How far annotators disagree on each point, relative to the object's size ([`COCO_SIGMAS`]).
        sigmas: &'a [f64],
    },
}

/// The deviations of COCO's 17 key points of a person.
pub const COCO_SIGMAS: [f64; 17] = [
    0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089,
    0.089,
];

/// A range of areas by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AreaRange {
    /// Its name, e.g. `small`.
    pub name: String,
    /// Square pixels, inclusive.
    pub low: f64,
    /// Square pixels, inclusive.
    pub high: f64,
}

/// What is measured. The presets are COCO's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DetectionOptions {
    /// Overlaps from which on a detection matches, ascending; at most 32.
    pub overlaps: Vec<f64>,
    /// Recalls at which precision is read, ascending.
    pub recalls: Vec<f64>,
    /// Area ranges; the first is that of the main figures.
    pub areas: Vec<AreaRange>,
    /// How many detections of a class count in an image, ascending; the last is that of the main figures.
    pub max_detections: Vec<usize>,
}

impl DetectionOptions {
    /// COCO's choice for boxes and masks: overlaps 0.5 to 0.95, all/small/medium/large, 1/10/100 detections.
    pub fn boxes() -> DetectionOptions {
        let area = |name: &str, low: f64, high: f64| AreaRange { name: name.to_owned(), low, high };
        let (small, medium, all) = (32.0 * 32.0, 96.0 * 96.0, 1e10);
        DetectionOptions {
            overlaps: steps(0.5, 0.95, 10),
            recalls: steps(0.0, 1.0, 101),
            areas: vec![
                area("all", 0.0, all),
                area("small", 0.0, small),
                area("medium", small, medium),
                area("large", medium, all),
            ],
            max_detections: vec![1, 10, 100],
        }
    }

    /// COCO's choice for key points: no small objects, 20 detections.
    pub fn poses() -> DetectionOptions {
        let mut options = DetectionOptions::boxes();
        options.areas.retain(|area| area.name != "small");
        options.max_detections = vec![20];
        options
    }

    fn check(&self) -> Result<()> {
        let why = "an evaluation needs at least one of each";
        for (what, is_empty) in [
            ("overlaps", self.overlaps.is_empty()),
            ("recalls", self.recalls.is_empty()),
            ("area ranges", self.areas.is_empty()),
            ("numbers of detections", self.max_detections.is_empty()),
        ] {
            if is_empty {
                return Err(QualityError::Empty { what, why });
            }
        }
        if self.overlaps.len() > 32 {
            let (expected, found) = (32, self.overlaps.len());
            return Err(QualityError::Length { what: "overlaps: at most", expected, found });
        }
        all_finite("overlap", self.overlaps.iter().copied())?;
        all_finite("recall", self.recalls.iter().copied())?;
        ascending("overlap", &self.overlaps)?;
        ascending("recall", &self.recalls)?;
        let counts: Vec<f64> = self.max_detections.iter().map(|&count| count as f64).collect();
        ascending("number of detections", &counts)
    }
}

/// `count` numbers from one to another, rounded as NumPy's `linspace` does.
fn steps(from: f64, to: f64, count: usize) -> Vec<f64> {
    let last = count.saturating_sub(1);
    let step = (to - from) / last as f64;
    (0..count).map(|i| if i == last { to } else { i as f64 * step + from }).collect()
}

fn ascending(what: &'static str, numbers: &[f64]) -> Result<()> {
    match numbers.windows(2).position(|pair| pair[0] >= pair[1]) {
        Some(at) => {
            let value = numbers.get(at + 1).copied().unwrap_or(f64::NAN);
            Err(QualityError::OutOfRange { what, at: at + 1, value, expected: "a number above the one before" })
        }
        None => Ok(()),
    }
}

impl Shapes<'_> {
    /// Checks that the shapes are as many as their objects, and finite.
    fn check(&self, truths: usize, detections: usize) -> Result<()> {
        let lengths = |truth: usize, found: usize| {
            same_length("shapes of truths", truths, truth)?;
            same_length("shapes of detections", detections, found)
        };
        match *self {
            Shapes::Boxes { truth, found } => {
                lengths(truth.len(), found.len())?;
                finite_boxes("box of truth", truth.iter())?;
                finite_boxes("box of detection", found.iter())
            }
            Shapes::Masks { truth, found } => lengths(truth.len(), found.len()),
            Shapes::Poses { truth, found, sigmas } => {
                lengths(truth.len(), found.len())?;
                if let Some(at) = sigmas.iter().position(|sigma| !sigma.is_finite() || *sigma <= 0.0) {
                    let value = sigmas.get(at).copied().unwrap_or(f64::NAN);
                    return Err(QualityError::OutOfRange { what: "sigma", at, value, expected: "above 0" });
                }
                for poses in [truth, found] {
                    for (at, pose) in poses.iter().enumerate() {
                        same_length("key points of a pose", sigmas.len(), pose.points.len())?;
                        if !pose.points.iter().all(|p| p.x.is_finite() && p.y.is_finite()) {
                            return Err(QualityError::NotFinite { what: "key point of pose", at });
                        }
                    }
                }
                finite_boxes("box of truth", truth.iter().map(|pose| &pose.bounds))
            }
        }
    }

    /// The area of a detection, as COCO's loader of results computes it.
    fn found_area(&self, at: usize) -> f64 {
        match *self {
            Shapes::Boxes { found, .. } => found.get(at).map_or(0.0, |b| b[2] * b[3]),
            Shapes::Masks { found, .. } => found.get(at).map_or(0.0, |mask| mask.area() as f64),
            Shapes::Poses { found, .. } => found.get(at).map_or(0.0, |pose| {
                let points = pose.points.iter().map(|p| tamis_core::Point { x: p.x, y: p.y });
                tamis_core::geometry::bounds(points).map_or(0.0, |b| b.width() * b.height())
            }),
        }
    }
}

fn finite_boxes<'a>(what: &'static str, boxes: impl Iterator<Item = &'a [f64; 4]>) -> Result<()> {
    match boxes.map(|b| b.iter().all(|v| v.is_finite())).position(|is_finite| !is_finite) {
        Some(at) => Err(QualityError::NotFinite { what, at }),
        None => Ok(()),
    }
}

/// Checks objects and shapes together.
fn check_objects(truths: &[Truth], detections: &[Detection], shapes: &Shapes<'_>) -> Result<()> {
    shapes.check(truths.len(), detections.len())?;
    all_finite("area of truth", truths.iter().map(|truth| truth.area))?;
    all_finite("area of detection", detections.iter().map(|found| found.area.unwrap_or(0.0)))?;
    all_finite("score of detection", detections.iter().map(|found| found.score))
}
