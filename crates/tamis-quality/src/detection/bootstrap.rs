//! Is one model better than another, or is it the choice of images?

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::matching::Evaluation;
use crate::error::{QualityError, Result};
use crate::random::Random;

/// How to resample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bootstrap {
    /// How often the images are drawn anew.
    pub rounds: usize,
    /// Equal seeds give equal intervals.
    pub seed: u64,
    /// How much of the differences the interval holds, 0 to 1.
    pub level: f64,
}

impl Default for Bootstrap {
    fn default() -> Bootstrap {
        Bootstrap { rounds: 1000, seed: 0, level: 0.95 }
    }
}

/// Two models on the same images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Average precision of the first.
    pub first: f64,
    /// Average precision of the second.
    pub second: f64,
    /// The second less the first.
    pub difference: f64,
    /// The lower end of the interval of the difference.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// In what part of the rounds the second was better; ties count half.
    pub better: f64,
}

/// Compares the average precision of two models by a paired bootstrap over images: both are measured on the same drawn
/// images, so that hard images do not blur the difference (Efron and Tibshirani, "An introduction to the bootstrap",
/// 1993, percentile intervals). A detection in an image drawn n times counts n times at its place in the order.
///
/// O(rounds · detections · overlaps); rounds run in parallel, and the outcome does not depend on the threads.
///
/// # Errors
/// Nothing to be found in the images, no rounds, or a level outside 0 to 1.
pub fn compare(first: &Evaluation, second: &Evaluation, options: &Bootstrap) -> Result<Comparison> {
    let mut images: Vec<u32> = first.images().iter().chain(second.images()).copied().collect();
    images.sort_unstable();
    images.dedup();
    if options.rounds == 0 || images.is_empty() {
        return Err(QualityError::Empty { what: "rounds or images", why: "the bootstrap draws images in rounds" });
    }
    if !(options.level > 0.0 && options.level < 1.0) {
        let (value, expected) = (options.level, "above 0 and below 1");
        return Err(QualityError::OutOfRange { what: "level", at: 0, value, expected });
    }
    let place = |model: &Evaluation| -> Vec<usize> {
        model.images().iter().map(|image| images.partition_point(|other| other < image)).collect()
    };
    let places = (place(first), place(second));
    let measure = |times: &[u32]| {
        let weights = |places: &[usize]| places.iter().map(|&at| times[at]).collect::<Vec<u32>>();
        Some((first.mean_precision(&weights(&places.0))?, second.mean_precision(&weights(&places.1))?))
    };
    let Some((a, b)) = measure(&vec![1; images.len()]) else {
        return Err(QualityError::Empty { what: "truths", why: "there is nothing to be found in the images" });
    };
    let mut differences: Vec<f64> = (0..options.rounds)
        .into_par_iter()
        .filter_map(|round| measure(&Random::new(options.seed, round as u64).resample(images.len())))
        .map(|(a, b)| b - a)
        .collect();
    differences.sort_by(f64::total_cmp);
    let wins: f64 = differences
        .iter()
        .map(|d| {
            if *d > 0.0 {
                1.0
            } else if *d == 0.0 {
                0.5
            } else {
                0.0
            }
        })
        .sum();
    let tail = (1.0 - options.level) / 2.0;
    Ok(Comparison {
        first: a,
        second: b,
        difference: b - a,
        low: quantile(&differences, tail),
        high: quantile(&differences, 1.0 - tail),
        better: wins / differences.len().max(1) as f64,
    })
}

/// The quantile of sorted numbers, linear between two.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let at = part * sorted.len().saturating_sub(1) as f64;
    let low = sorted.get(at.floor() as usize).copied().unwrap_or(f64::NAN);
    let high = sorted.get(at.ceil() as usize).copied().unwrap_or(low);
    low + (high - low) * at.fract()
}
