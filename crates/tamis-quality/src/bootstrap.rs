//! Is one model better than another, or is it the choice of samples?
//!
//! A paired bootstrap draws the same samples for both, so that hard ones do not blur the difference (Efron and
//! Tibshirani, "An introduction to the bootstrap", 1993, percentile intervals). Rounds run in parallel, and the outcome
//! does not depend on the threads.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{QualityError, Result, all_finite, same_length};
use crate::random::Random;

/// How to resample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bootstrap {
    /// How often the samples are drawn anew.
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

/// Two models on the same samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The figure of the first.
    pub first: f64,
    /// The figure of the second.
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

/// Compares the means of a figure that each sample has under two models: right or wrong, overlap, loss, error in pixels.
/// O(rounds · samples).
///
/// # Errors
/// Slices of different lengths or empty, a number that is not finite, no rounds, or a level outside 0 to 1.
pub fn compare_means(first: &[f64], second: &[f64], options: &Bootstrap) -> Result<Comparison> {
    same_length("figures of samples", first.len(), second.len())?;
    all_finite("figure of sample", first.iter().copied())?;
    all_finite("figure of sample", second.iter().copied())?;
    let n = first.len() as f64;
    let mean = |figures: &[f64], times: &[u32]| {
        figures.iter().zip(times).map(|(figure, &times)| figure * f64::from(times)).sum::<f64>() / n
    };
    paired(first.len(), options, |times| Some((mean(first, times), mean(second, times))))
}

/// Compares two figures of `samples` samples by what `measure` says when each sample counts so many times.
pub(crate) fn paired(
    samples: usize,
    options: &Bootstrap,
    measure: impl Fn(&[u32]) -> Option<(f64, f64)> + Sync,
) -> Result<Comparison> {
    if options.rounds == 0 || samples == 0 {
        return Err(QualityError::Empty { what: "rounds or samples", why: "the bootstrap draws samples in rounds" });
    }
    if !(options.level > 0.0 && options.level < 1.0) {
        let (value, expected) = (options.level, "above 0 and below 1");
        return Err(QualityError::OutOfRange { what: "level", at: 0, value, expected });
    }
    let Some((first, second)) = measure(&vec![1; samples]) else {
        return Err(QualityError::Empty { what: "truths", why: "there is nothing to be found in the samples" });
    };
    let mut differences: Vec<f64> = (0..options.rounds)
        .into_par_iter()
        .filter_map(|round| measure(&Random::new(options.seed, round as u64).resample(samples)))
        .map(|(a, b)| b - a)
        .collect();
    differences.sort_by(f64::total_cmp);
    let won = |difference: &f64| match difference.partial_cmp(&0.0) {
        Some(std::cmp::Ordering::Greater) => 1.0,
        Some(std::cmp::Ordering::Equal) => 0.5,
        _ => 0.0,
    };
    let wins: f64 = differences.iter().map(won).sum();
    let tail = (1.0 - options.level) / 2.0;
    Ok(Comparison {
        first,
        second,
        difference: second - first,
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
