//! What became of each detection and each truth: hits, false alarms, misses, to write back and to look at.

use super::matching::{assign, orders, table};
use super::overlap::Overlap;
use super::{Detection, Shapes, Truth, check_objects};
use crate::error::{Result, all_finite};

/// What became of a detection.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum FoundOutcome {
    /// It found a truth.
    True {
        /// The position of the truth.
        truth: usize,
        /// How much they overlap.
        overlap: f64,
    },
    /// There is nothing of this class, or somebody surer took it.
    False,
    /// It lies on a crowd or a truth to ignore, and does not count.
    Ignored {
        /// The position of that truth.
        truth: usize,
    },
    /// There are enough surer detections of its class in its image.
    Surplus,
}

/// What became of a truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TruthOutcome {
    /// A detection found it.
    Found {
        /// The position of the detection.
        detection: usize,
    },
    /// Nobody did.
    Missed,
    /// Nobody had to.
    Ignored,
}

/// What became of each object, in the order of the input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcomes {
    /// Of the detections.
    pub detections: Vec<FoundOutcome>,
    /// Of the truths.
    pub truths: Vec<TruthOutcome>,
}

impl Outcomes {
    /// True positives, false positives, false negatives.
    pub fn counts(&self) -> [usize; 3] {
        let found = |want: fn(&FoundOutcome) -> bool| self.detections.iter().filter(|o| want(o)).count();
        [
            found(|outcome| matches!(outcome, FoundOutcome::True { .. })),
            found(|outcome| matches!(outcome, FoundOutcome::False)),
            self.truths.iter().filter(|outcome| **outcome == TruthOutcome::Missed).count(),
        ]
    }
}

/// Matches at one overlap by the rule of [`super::Evaluation`], over all areas, with at most `most` detections of a
/// class in an image. O(n log n + Σ d·g) over groups of one class in one image.
///
/// # Errors
/// As [`super::Evaluation::new`].
pub fn outcomes(
    truths: &[Truth],
    detections: &[Detection],
    shapes: Shapes<'_>,
    threshold: f64,
    most: usize,
) -> Result<Outcomes> {
    check_objects(truths, detections, &shapes)?;
    all_finite("overlap", [threshold])?;
    let overlap = Overlap::new(shapes);
    let (truth_order, found_order) = orders(truths, detections);
    let is_ignored = |truth: &Truth| truth.ignore || truth.crowd;
    let missed = |truth| if is_ignored(truth) { TruthOutcome::Ignored } else { TruthOutcome::Missed };
    let mut told = Outcomes {
        detections: vec![FoundOutcome::False; detections.len()],
        truths: truths.iter().map(missed).collect(),
    };
    let key = |found: &Detection| (found.class, found.image);
    for group in found_order.chunk_by(|&a, &b| key(&detections[a]) == key(&detections[b])) {
        let Some(wanted) = group.first().map(|&i| key(&detections[i])) else { continue };
        let from = truth_order.partition_point(|&i| (truths[i].class, truths[i].image) < wanted);
        let given: Vec<(usize, &Truth)> = truth_order[from..]
            .iter()
            .take_while(|&&i| (truths[i].class, truths[i].image) == wanted)
            .map(|&i| (i, &truths[i]))
            .collect();
        let mut found: Vec<(usize, &Detection)> = group.iter().map(|&i| (i, &detections[i])).collect();
        found.sort_by(|a, b| b.1.score.total_cmp(&a.1.score));
        for (i, _) in found.drain(most.min(found.len())..) {
            told.detections[i] = FoundOutcome::Surplus;
        }
        let table = table(&overlap, &found, &given);
        let ignored: Vec<bool> = given.iter().map(|(_, truth)| is_ignored(truth)).collect();
        let matches = assign(&given, &ignored, &table, found.len(), threshold);
        for (row, (&(detection, _), matched)) in found.iter().zip(matches).enumerate() {
            let Some(at) = matched else { continue };
            let truth = given[at].0;
            told.detections[detection] = if ignored[at] {
                FoundOutcome::Ignored { truth }
            } else {
                told.truths[truth] = TruthOutcome::Found { detection };
                FoundOutcome::True { truth, overlap: table[row * given.len() + at] }
            };
        }
    }
    Ok(told)
}
