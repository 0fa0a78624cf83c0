//! One field in two sets.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::special::{chi_squared_tail, kolmogorov_tail};
use crate::error::{QualityError, Result, all_finite, same_length};

/// How a number differs between two sets.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumericDrift {
    /// The largest distance of the two cumulative distributions, 0 to 1 (Kolmogorov and Smirnov).
    pub ks: f64,
    /// How likely so large a distance is by chance, in the limit of many samples.
    pub ks_p: f64,
    /// The population stability index over bins of equal shares of the first set: below 0.1 little, above 0.25 much.
    pub psi: f64,
    /// The Jensen–Shannon distance over the same bins, 0 to 1.
    pub jensen_shannon: f64,
    /// The second set's mean less the first's, in deviations of the first; 0 when that has none.
    pub shift: f64,
}

/// How a class differs between two sets.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CategoricalDrift {
    /// Pearson's χ² of the two rows of counts.
    pub chi_squared: f64,
    /// Its degrees of freedom.
    pub degrees: u64,
    /// How likely so large a χ² is by chance.
    pub p: f64,
    /// The population stability index of the shares: below 0.1 little, above 0.25 much.
    pub psi: f64,
    /// The Jensen–Shannon distance of the shares, 0 to 1.
    pub jensen_shannon: f64,
}

/// Compares a number in two sets, whose values are put in order in place. O(n log n).
///
/// # Errors
/// An empty set, a value that is not finite, or no bins.
pub fn numeric_drift(first: &mut [f64], second: &mut [f64], bins: usize) -> Result<NumericDrift> {
    if first.is_empty() || second.is_empty() || bins == 0 {
        return Err(QualityError::Empty { what: "values or bins", why: "drift compares two sets of values in bins" });
    }
    all_finite("value of first set", first.iter().copied())?;
    all_finite("value of second set", second.iter().copied())?;
    first.par_sort_unstable_by(f64::total_cmp);
    second.par_sort_unstable_by(f64::total_cmp);
    let (first, second) = (&*first, &*second);
    let ks = largest_distance(first, second);
    let (n, m) = (first.len() as f64, second.len() as f64);
    let mut edges: Vec<f64> = (1..bins).filter_map(|i| first.get(i * first.len() / bins).copied()).collect();
    edges.dedup();
    let (counts, others) = (binned(first, &edges), binned(second, &edges));
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let middle = mean(first);
    let deviation = (first.iter().map(|v| (v - middle).powi(2)).sum::<f64>() / n).sqrt();
    Ok(NumericDrift {
        ks,
        ks_p: kolmogorov_tail(ks * (n * m / (n + m)).sqrt()),
        psi: stability(&counts, &others),
        jensen_shannon: jensen_shannon(&counts, &others),
        shift: if deviation > 0.0 { (mean(second) - middle) / deviation } else { 0.0 },
    })
}

/// Compares how often each class occurs in two sets. O(classes).
///
/// # Errors
/// Counts of different lengths, or a set without any.
pub fn categorical_drift(first: &[u64], second: &[u64]) -> Result<CategoricalDrift> {
    same_length("counts of classes", first.len(), second.len())?;
    let (n, m) = (first.iter().sum::<u64>() as f64, second.iter().sum::<u64>() as f64);
    if n == 0.0 || m == 0.0 {
        return Err(QualityError::Empty { what: "samples", why: "drift compares two sets of samples" });
    }
    let there = first.iter().zip(second).filter(|(a, b)| **a + **b > 0);
    let (mut chi_squared, mut classes) = (0.0, 0);
    for (&a, &b) in there {
        let both = (a + b) as f64;
        let part = |count: u64, all: f64| (count as f64 - both * all / (n + m)).powi(2) / (both * all / (n + m));
        chi_squared += part(a, n) + part(b, m);
        classes += 1;
    }
    let degrees = classes - 1;
    Ok(CategoricalDrift {
        chi_squared,
        degrees,
        p: if degrees == 0 { 1.0 } else { chi_squared_tail(chi_squared, degrees as f64) },
        psi: stability(first, second),
        jensen_shannon: jensen_shannon(first, second),
    })
}

/// The largest distance of two cumulative distributions of sorted values.
fn largest_distance(first: &[f64], second: &[f64]) -> f64 {
    let (n, m) = (first.len() as f64, second.len() as f64);
    let (mut i, mut j, mut most) = (0, 0, 0.0f64);
    while let (Some(a), Some(b)) = (first.get(i), second.get(j)) {
        let value = a.min(*b);
        i += first[i..].iter().take_while(|v| **v <= value).count();
        j += second[j..].iter().take_while(|v| **v <= value).count();
        most = most.max((i as f64 / n - j as f64 / m).abs());
    }
    most
}

/// How many sorted values lie below each edge and the ones before.
fn binned(sorted: &[f64], edges: &[f64]) -> Vec<u64> {
    let ends = edges.iter().map(|edge| sorted.partition_point(|v| v < edge)).chain([sorted.len()]);
    let mut from = 0;
    ends.map(|end| (end - std::mem::replace(&mut from, end)) as u64).collect()
}

fn shares(counts: &[u64]) -> impl Iterator<Item = f64> + '_ {
    let all = counts.iter().sum::<u64>() as f64;
    counts.iter().map(move |&count| count as f64 / all)
}

/// Σ (q − p) ln(q/p); shares of 0 count as 0.0001, as is usual, so that it stays finite.
fn stability(first: &[u64], second: &[u64]) -> f64 {
    let least = |share: f64| share.max(1e-4);
    shares(first).map(least).zip(shares(second).map(least)).map(|(p, q)| (q - p) * (q / p).ln()).sum()
}

/// The root of the Jensen–Shannon divergence in bits (Endres and Schindelin, "A new metric for probability
/// distributions", 2003).
fn jensen_shannon(first: &[u64], second: &[u64]) -> f64 {
    let part = |p: f64, q: f64| if p > 0.0 { p * (2.0 * p / (p + q)).log2() } else { 0.0 };
    let sum: f64 = shares(first).zip(shares(second)).map(|(p, q)| part(p, q) + part(q, p)).sum();
    (sum / 2.0).clamp(0.0, 1.0).sqrt()
}
