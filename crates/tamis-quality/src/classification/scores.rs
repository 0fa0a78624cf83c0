//! What the scores behind the classes are worth.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::confident::{Labelled, Probability};
use crate::error::{QualityError, Result, all_finite, same_length};

/// Samples of about equal confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// How many samples there are.
    pub samples: u64,
    /// Their mean confidence.
    pub confidence: f64,
    /// What part of them is right.
    pub accuracy: f64,
}

/// How far confidence and accuracy are apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Bins of equal width from 0 to 1, each with its upper end; empty ones are all zeros.
    pub bins: Vec<CalibrationBin>,
    /// The mean distance of confidence and accuracy over all samples (expected calibration error).
    pub expected: f64,
    /// The largest distance of any bin (maximum calibration error).
    pub maximum: f64,
}

/// How well the probability of the predicted class tells how often it is right (Guo et al., "On calibration of modern
/// neural networks", 2017). O(N · K).
///
/// # Errors
/// No samples, no bins, or a number that is not 0 to 1.
pub fn calibration<P: Probability>(input: &Labelled<'_, P>, bins: usize) -> Result<Calibration> {
    let told = best(input)?.into_iter().zip(input.labels()).map(|((class, sure), &label)| (sure, class == label));
    calibration_of(&told.collect::<Vec<_>>(), bins)
}

/// The same of answers of which only the confidence is known, and whether they are right. O(N).
///
/// # Errors
/// As [`calibration`].
pub fn calibration_of(answers: &[(f64, bool)], bins: usize) -> Result<Calibration> {
    if bins == 0 || answers.is_empty() {
        return Err(QualityError::Empty { what: "bins or samples", why: "calibration compares bins of samples" });
    }
    let mut sums = vec![(0u64, 0.0, 0u64); bins];
    for (at, &(confidence, is_right)) in answers.iter().enumerate() {
        if !(0.0..=1.0).contains(&confidence) {
            let (what, value) = ("confidence of answer", confidence);
            return Err(QualityError::OutOfRange { what, at, value, expected: "0 to 1" });
        }
        // Bins hold their upper end, so that a confidence of 1 is in the last.
        let place = ((confidence * bins as f64).ceil() as usize).clamp(1, bins) - 1;
        let (count, sum, right) = &mut sums[place];
        *count += 1;
        *sum += confidence;
        *right += u64::from(is_right);
    }
    let bin = |&(samples, sum, right): &(u64, f64, u64)| {
        let n = samples.max(1) as f64;
        CalibrationBin { samples, confidence: sum / n, accuracy: right as f64 / n }
    };
    let bins: Vec<CalibrationBin> = sums.iter().map(bin).collect();
    let gap = |bin: &CalibrationBin| (bin.confidence - bin.accuracy).abs();
    let all = answers.len() as f64;
    let expected = bins.iter().map(|bin| gap(bin) * bin.samples as f64 / all).sum();
    let maximum = bins.iter().map(gap).fold(0.0, f64::max);
    Ok(Calibration { bins, expected, maximum })
}

/// The class of the highest probability, the first of equal ones, with it.
fn best<P: Probability>(input: &Labelled<'_, P>) -> Result<Vec<(u32, f64)>> {
    let of = |(at, row): (usize, &[P])| {
        let mut best = (0u32, f64::NEG_INFINITY);
        for (class, value) in (0..).zip(row) {
            let value = value.to_f64();
            if !(0.0..=1.0).contains(&value) {
                let what = "probability in row";
                return Err(QualityError::OutOfRange { what, at, value, expected: "0 to 1" });
            }
            if value > best.1 {
                best = (class, value);
            }
        }
        Ok(best)
    };
    input.values().par_chunks_exact(input.classes()).enumerate().map(of).collect()
}

/// The mean negative logarithm of the probability of the given class; probabilities of 0 count as the smallest step of
/// their precision. O(N).
///
/// # Errors
/// No samples, or a probability of a given class that is not 0 to 1.
pub fn log_loss<P: Probability>(input: &Labelled<'_, P>) -> Result<f64> {
    let n = input.labels().len();
    if n == 0 {
        return Err(QualityError::Empty { what: "samples", why: "a mean needs some" });
    }
    let mut sum = 0.0;
    for (at, value) in input.given().into_iter().enumerate() {
        let value = value.to_f64();
        if !(0.0..=1.0).contains(&value) {
            let what = "probability in row";
            return Err(QualityError::OutOfRange { what, at, value, expected: "0 to 1" });
        }
        sum -= value.clamp(P::STEP, 1.0 - P::STEP).ln();
    }
    Ok(sum / n as f64)
}

/// The probability that a positive sample has a higher score than a negative one, ties counting half: the area under
/// the ROC curve (Hanley and McNeil, 1982). [`None`] when one kind is missing. O(n log n).
///
/// # Errors
/// Slices of different lengths, or a score that is not finite.
pub fn roc_auc(positive: &[bool], scores: &[f64]) -> Result<Option<f64>> {
    same_length("scores of samples", positive.len(), scores.len())?;
    all_finite("score of sample", scores.iter().copied())?;
    let mut order: Vec<(f64, bool)> = scores.iter().copied().zip(positive.iter().copied()).collect();
    order.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut wins) = (0u64, 0.0);
    let mut positives = 0u64;
    for same in order.chunk_by(|a, b| a.0 == b.0) {
        let here = same.iter().filter(|(_, positive)| *positive).count() as u64;
        let others = same.len() as u64 - here;
        wins += here as f64 * (below as f64 + others as f64 / 2.0);
        below += others;
        positives += here;
    }
    let pairs = positives as f64 * below as f64;
    Ok((pairs > 0.0).then(|| wins / pairs))
}

/// The area under the ROC curve of each class against all others. O(K · N log N).
///
/// # Errors
/// A number that is not finite.
pub fn roc_auc_of_classes<P: Probability>(input: &Labelled<'_, P>) -> Result<Vec<Option<f64>>> {
    let k = input.classes();
    let of = |class: usize| {
        let positive: Vec<bool> = input.labels().iter().map(|&label| label as usize == class).collect();
        let scores: Vec<f64> = input.values().iter().skip(class).step_by(k).map(|v| v.to_f64()).collect();
        roc_auc(&positive, &scores)
    };
    (0..k).map(of).collect()
}
