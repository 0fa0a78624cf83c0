//! Frames with the overlaps of their boxes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tamis_core::Box2d;

use super::report::{TrackingCounts, TrackingReport};
use super::{clear, hota, identity};
use crate::error::{QualityError, Result};

/// A box of an object in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tracked {
    /// The number of the frame; frames count in the order of their numbers.
    pub frame: u32,
    /// The number of the object, the same in all frames.
    pub track: u32,
    /// Where it is.
    pub bounds: Box2d,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TrackingOptions {
    /// The overlap (intersection over union) from which on boxes match, for CLEAR and identity.
    pub overlap: f64,
}

impl Default for TrackingOptions {
    fn default() -> TrackingOptions {
        TrackingOptions { overlap: 0.5 }
    }
}

/// One frame: tracks by their place among all tracks, and the overlap of each truth (rows) with each found box.
pub(super) struct Frame {
    pub(super) truths: Vec<usize>,
    pub(super) found: Vec<usize>,
    pub(super) overlaps: Vec<f64>,
}

impl Frame {
    pub(super) fn overlap(&self, truth: usize, found: usize) -> f64 {
        self.overlaps[truth * self.found.len() + found]
    }
}

/// A sequence of frames, and how many tracks there are in all.
pub(super) struct Sequence {
    pub(super) frames: Vec<Frame>,
    pub(super) truth_tracks: usize,
    pub(super) found_tracks: usize,
}

impl Sequence {
    /// In how many frames each track is: those of the truth, then the found ones.
    pub(super) fn lengths(&self) -> (Vec<u64>, Vec<u64>) {
        let (mut truths, mut found) = (vec![0; self.truth_tracks], vec![0; self.found_tracks]);
        for frame in &self.frames {
            frame.truths.iter().for_each(|&track| truths[track] += 1);
            frame.found.iter().for_each(|&track| found[track] += 1);
        }
        (truths, found)
    }
}

/// Measures the tracks of one sequence.
///
/// # Errors
/// A box that is not finite, a track that is twice in a frame, or an overlap that is not above 0 and at most 1.
pub fn measure_tracks(truths: &[Tracked], found: &[Tracked], options: &TrackingOptions) -> Result<TrackingReport> {
    if !(options.overlap > 0.0 && options.overlap <= 1.0) {
        let (value, expected) = (options.overlap, "above 0, at most 1");
        return Err(QualityError::OutOfRange { what: "overlap", at: 0, value, expected });
    }
    let sequence = sequence(truths, found)?;
    let mut counts = TrackingCounts::default();
    clear::count(&sequence, options.overlap, &mut counts);
    identity::count(&sequence, options.overlap, &mut counts);
    hota::count(&sequence, &mut counts);
    Ok(TrackingReport { counts })
}

fn sequence(truths: &[Tracked], found: &[Tracked]) -> Result<Sequence> {
    let numbers = |boxes: &[Tracked]| -> BTreeMap<u32, usize> {
        let tracks: BTreeSet<u32> = boxes.iter().map(|tracked| tracked.track).collect();
        tracks.into_iter().zip(0..).collect()
    };
    let (truth_numbers, found_numbers) = (numbers(truths), numbers(found));
    let (truths, found) = (by_frame("box of truth", truths)?, by_frame("box found", found)?);
    let names: BTreeSet<u32> = truths.keys().chain(found.keys()).copied().collect();
    let frame = |name: u32| {
        let boxes = |side: &BTreeMap<u32, Vec<Tracked>>| side.get(&name).cloned().unwrap_or_default();
        let (truths, found) = (boxes(&truths), boxes(&found));
        let tracks = |boxes: &[Tracked], numbers: &BTreeMap<u32, usize>| {
            boxes.iter().filter_map(|tracked| numbers.get(&tracked.track).copied()).collect()
        };
        let overlaps = truths.iter().flat_map(|a| found.iter().map(|b| overlap(&a.bounds, &b.bounds))).collect();
        Frame { truths: tracks(&truths, &truth_numbers), found: tracks(&found, &found_numbers), overlaps }
    };
    Ok(Sequence {
        frames: names.into_iter().map(frame).collect(),
        truth_tracks: truth_numbers.len(),
        found_tracks: found_numbers.len(),
    })
}

/// Intersection over union in the order of operations of the reference.
fn overlap(a: &Box2d, b: &Box2d) -> f64 {
    let width = (a.xmax.min(b.xmax) - a.xmin.max(b.xmin)).max(0.0);
    let height = (a.ymax.min(b.ymax) - a.ymin.max(b.ymin)).max(0.0);
    let shared = width * height;
    let (own, other) = (a.width() * a.height(), b.width() * b.height());
    let union = own + other - shared;
    if own <= f64::EPSILON || other <= f64::EPSILON || union <= f64::EPSILON { 0.0 } else { shared / union }
}

fn by_frame(what: &'static str, boxes: &[Tracked]) -> Result<BTreeMap<u32, Vec<Tracked>>> {
    let mut frames = BTreeMap::<u32, Vec<Tracked>>::new();
    let mut seen = BTreeSet::new();
    for (at, tracked) in boxes.iter().enumerate() {
        let b = &tracked.bounds;
        if ![b.xmin, b.ymin, b.xmax, b.ymax].iter().all(|v| v.is_finite()) {
            return Err(QualityError::NotFinite { what, at });
        }
        if !seen.insert((tracked.frame, tracked.track)) {
            let (value, expected) = (f64::from(tracked.track), "a track that is once in a frame");
            return Err(QualityError::OutOfRange { what, at, value, expected });
        }
        frames.entry(tracked.frame).or_default().push(*tracked);
    }
    Ok(frames)
}
