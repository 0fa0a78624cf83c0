//! Embeddings of two sets.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::logistic::fit;
use crate::error::{QualityError, Result, same_length};
use crate::images::percentile;
use crate::random::Random;
use crate::vectors::{Vectors, dot};

/// How thoroughly embeddings are compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TwoSampleOptions {
    /// How many rows of each set are drawn at most.
    pub samples: usize,
    /// Into how many parts the rows are split; each is judged by a classifier that has learnt from the others.
    pub folds: usize,
    /// How often the sets are mixed up, to see what chance does.
    pub rounds: usize,
    /// Equal seeds give equal answers.
    pub seed: u64,
}

impl Default for TwoSampleOptions {
    fn default() -> TwoSampleOptions {
        TwoSampleOptions { samples: 2000, folds: 5, rounds: 500, seed: 0 }
    }
}

/// Whether a classifier can tell two sets apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TwoSample {
    /// The area under the ROC curve on rows that the classifier has not seen: 0.5 is not at all, 1 always.
    pub auc: f64,
    /// How likely so large an area is by chance.
    pub p: f64,
}

/// Whether the mean embeddings of two sets differ, under a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Discrepancy {
    /// The unbiased estimate of the squared distance of the means; around 0 when the sets are alike.
    pub squared: f64,
    /// How likely so large a distance is by chance.
    pub p: f64,
    /// The kernel's width: the median distance of rows.
    pub width: f64,
}

/// A classifier two-sample test (Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", 2017): logistic regression
/// on standardised numbers, cross-validated. The chance is told by mixing up the sets of held-out rows under fixed
/// scores, part by part.
///
/// O(folds · samples · dims) a round of the regression; parts run in parallel.
///
/// # Errors
/// Other dimensions, fewer than two folds, no rounds, or a set with fewer rows than twice the folds.
pub fn two_sample_test(first: &Vectors<'_>, second: &Vectors<'_>, options: &TwoSampleOptions) -> Result<TwoSample> {
    same_length("dimensions of embeddings", first.dims(), second.dims())?;
    let folds = options.folds;
    if folds < 2 || options.rounds == 0 || first.len().min(second.len()) < 2 * folds || options.samples < 2 * folds {
        return Err(QualityError::Empty {
            what: "rows, folds or rounds",
            why: "each fold needs two rows of both sets",
        });
    }
    let (rows, of_first) = drawn(first, second, options);
    let rows = standardised(&rows, first.dims());
    let rows: Vec<&[f32]> = rows.chunks_exact(first.dims()).collect();
    let labels: Vec<bool> = (0..rows.len()).map(|at| at >= of_first).collect();
    // Rows come in random order, so every n-th is a fair part; counted from the start of each set.
    let fold = |at: usize| (if at < of_first { at } else { at - of_first }) % folds;
    let ranks: Vec<Vec<(f64, bool)>> = (0..folds)
        .into_par_iter()
        .map(|part| {
            let pick = |wanted: bool| (0..rows.len()).filter(|&at| (fold(at) == part) == wanted).collect::<Vec<_>>();
            let (held, learnt) = (pick(true), pick(false));
            let known: Vec<&[f32]> = learnt.iter().map(|&at| rows[at]).collect();
            let (weights, _) = fit(&known, &learnt.iter().map(|&at| labels[at]).collect::<Vec<_>>());
            ranked(held.iter().map(|&at| (dot(rows[at], &weights), labels[at])).collect())
        })
        .collect();
    let auc = mean_area(&ranks);
    let at_least = (0..options.rounds)
        .into_par_iter()
        .filter(|&round| {
            let mut random = Random::new(options.seed, round as u64 + 7);
            let mut mixed = ranks.clone();
            for part in &mut mixed {
                for i in (1..part.len()).rev() {
                    let j = random.below(i + 1);
                    let label = part[i].1;
                    part[i].1 = part[j].1;
                    part[j].1 = label;
                }
            }
            mean_area(&mixed) >= auc
        })
        .count();
    Ok(TwoSample { auc, p: (1.0 + at_least as f64) / (1.0 + options.rounds as f64) })
}

/// The maximum mean discrepancy of two sets under a Gaussian kernel (Gretton et al., "A kernel two-sample test", 2012).
/// At most 1,000 rows of each set are drawn. O(samples² · (dims + rounds)); memory 4 bytes a pair of rows.
///
/// # Errors
/// Other dimensions, no rounds, or a set of fewer than two rows.
pub fn mean_discrepancy(first: &Vectors<'_>, second: &Vectors<'_>, options: &TwoSampleOptions) -> Result<Discrepancy> {
    same_length("dimensions of embeddings", first.dims(), second.dims())?;
    if first.len().min(second.len()).min(options.samples) < 2 || options.rounds == 0 {
        return Err(QualityError::Empty { what: "rows or rounds", why: "each set needs two rows" });
    }
    let options = TwoSampleOptions { samples: options.samples.min(1000), ..*options };
    let (rows, of_first) = drawn(first, second, &options);
    let n = rows.len();
    let squares: Vec<f64> = rows.iter().map(|row| dot(row, row)).collect();
    let mut kernel = vec![0.0f32; n * n];
    kernel.par_chunks_mut(n).enumerate().for_each(|(i, out)| {
        for (j, out) in out.iter_mut().enumerate() {
            *out = (squares[i] + squares[j] - 2.0 * dot(rows[i], rows[j])).max(0.0) as f32;
        }
    });
    let above = |i: usize| kernel[i * n + i + 1..(i + 1) * n].iter();
    let mut distances: Vec<f64> = (0..n).flat_map(above).map(|d| f64::from(*d)).collect();
    let square = percentile(&mut distances, 50.0).max(1e-30);
    kernel.par_iter_mut().for_each(|d| *d = (-f64::from(*d) / (2.0 * square)).exp() as f32);
    let estimate = |is_first: &[bool]| {
        let (mut own, mut other, mut across) = (0.0, 0.0, 0.0);
        for i in 0..n {
            let (mut same, mut apart) = (0.0f64, 0.0f64);
            for (j, value) in kernel[i * n..][..n].iter().enumerate() {
                let value = f64::from(*value);
                if is_first[i] == is_first[j] { same += value } else { apart += value }
            }
            let same = same - f64::from(kernel[i * n + i]);
            if is_first[i] {
                own += same
            } else {
                other += same
            }
            across += apart;
        }
        let (a, b) = (of_first as f64, (n - of_first) as f64);
        // Every pair across was met from both sides.
        own / (a * (a - 1.0)) + other / (b * (b - 1.0)) - across / (a * b)
    };
    let given: Vec<bool> = (0..n).map(|at| at < of_first).collect();
    let squared = estimate(&given);
    let at_least = (0..options.rounds)
        .into_par_iter()
        .filter(|&round| {
            let mut random = Random::new(options.seed, round as u64 + 7);
            let mut mixed = given.clone();
            (1..n).rev().for_each(|i| mixed.swap(i, random.below(i + 1)));
            estimate(&mixed) >= squared
        })
        .count();
    let p = (1.0 + at_least as f64) / (1.0 + options.rounds as f64);
    Ok(Discrepancy { squared, p, width: square.sqrt() })
}

/// Rows of both sets in random order, those of the first set first, and how many these are.
fn drawn<'a>(first: &Vectors<'a>, second: &Vectors<'a>, options: &TwoSampleOptions) -> (Vec<&'a [f32]>, usize) {
    let draw = |vectors: &Vectors<'a>, stream: u64| -> Vec<&'a [f32]> {
        let mut random = Random::new(options.seed, stream);
        let mut rows: Vec<&[f32]> = vectors.rows().collect();
        let wanted = options.samples.min(rows.len());
        for i in 0..wanted {
            let j = i + random.below(rows.len() - i);
            rows.swap(i, j);
        }
        rows.truncate(wanted);
        rows
    };
    let mut rows = draw(first, 1);
    let of_first = rows.len();
    rows.extend(draw(second, 2));
    (rows, of_first)
}

/// Each number less its mean, over its deviation; numbers that do not vary become 0.
fn standardised(rows: &[&[f32]], dims: usize) -> Vec<f32> {
    let n = rows.len() as f64;
    let (mut means, mut squares) = (vec![0.0f64; dims], vec![0.0f64; dims]);
    for row in rows {
        means.iter_mut().zip(*row).for_each(|(mean, x)| *mean += f64::from(*x) / n);
    }
    for row in rows {
        let apart = row.iter().zip(&means).map(|(x, mean)| f64::from(*x) - mean);
        squares.iter_mut().zip(apart).for_each(|(square, apart)| *square += apart * apart / n);
    }
    let scale = |(x, (mean, square)): (&f32, (&f64, &f64))| {
        if *square > 1e-24 { ((f64::from(*x) - mean) / square.sqrt()) as f32 } else { 0.0 }
    };
    rows.iter().flat_map(|row| row.iter().zip(means.iter().zip(&squares)).map(scale)).collect()
}

/// Scores turned into ranks from 1, equal ones into their mean rank.
fn ranked(mut scores: Vec<(f64, bool)>) -> Vec<(f64, bool)> {
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = Vec::with_capacity(scores.len());
    for same in scores.chunk_by(|a, b| a.0 == b.0) {
        let rank = ranks.len() as f64 + (same.len() as f64 + 1.0) / 2.0;
        ranks.extend(same.iter().map(|(_, label)| (rank, *label)));
    }
    ranks
}

/// The mean area under the ROC curves of ranked parts (Mann and Whitney, 1947).
fn mean_area(parts: &[Vec<(f64, bool)>]) -> f64 {
    let area = |part: &Vec<(f64, bool)>| {
        let positives = part.iter().filter(|(_, label)| *label).count() as f64;
        let ranks: f64 = part.iter().filter(|(_, label)| *label).map(|(rank, _)| rank).sum();
        (ranks - positives * (positives + 1.0) / 2.0) / (positives * (part.len() as f64 - positives))
    };
    parts.iter().map(area).sum::<f64>() / parts.len() as f64
}
