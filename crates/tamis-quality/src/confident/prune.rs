//! Which labels are wrong, by seven rules.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::joint::joint;
use super::scan::{NONE, Scan};
use super::score::{LabelScore, scores};
use super::{Labelled, Probability};
use crate::error::{QualityError, Result};

/// A rule that says which labels are wrong; `cleanlab` calls it `filter_by`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Filter {
    /// For each pair of classes as many as the joint says, those with the largest margin first.
    #[default]
    PruneByNoiseRate,
    /// For each class as many as the joint says, those of the lowest probability first.
    PruneByClass,
    /// What both of the above say.
    Both,
    /// What is counted off the joint's diagonal.
    ConfidentLearning,
    /// What the model predicts otherwise.
    PredictedNeqGiven,
    /// As many as `ConfidentLearning` finds, those of the lowest margin first.
    LowNormalizedMargin,
    /// As many as `ConfidentLearning` finds, those of the lowest probability first.
    LowSelfConfidence,
}

impl Filter {
    /// Every rule.
    pub const ALL: [Filter; 7] = [
        Filter::PruneByNoiseRate,
        Filter::PruneByClass,
        Filter::Both,
        Filter::ConfidentLearning,
        Filter::PredictedNeqGiven,
        Filter::LowNormalizedMargin,
        Filter::LowSelfConfidence,
    ];
}

/// How far the rules by count go.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IssueOptions {
    /// How many samples of each class are left in any case.
    pub min_examples: u64,
    /// What part of the estimated wrong labels is looked for, 0 to 1.
    pub fraction: f64,
}

impl Default for IssueOptions {
    fn default() -> IssueOptions {
        IssueOptions { min_examples: 1, fraction: 1.0 }
    }
}

/// For each sample, whether its label is probably wrong.
///
/// # Errors
/// A number that is not 0 to 1, or a fraction that is not.
pub fn find_issues<P: Probability>(
    input: &Labelled<'_, P>,
    filter: Filter,
    options: &IssueOptions,
) -> Result<Vec<bool>> {
    if !(0.0..=1.0).contains(&options.fraction) {
        let (value, expected) = (options.fraction, "0 to 1");
        return Err(QualityError::OutOfRange { what: "fraction", at: 0, value, expected });
    }
    let (joint, scan) = joint(input)?;
    let prune = || prune_counts(&joint.calibrated, input.classes, options);
    let disagree = |mut issues: Vec<bool>| {
        issues.iter_mut().zip(&scan.agrees).for_each(|(issue, agrees)| *issue &= !agrees);
        issues
    };
    Ok(match filter {
        Filter::PruneByNoiseRate => disagree(by_noise_rate(input, &prune(), options)),
        Filter::PruneByClass => disagree(by_class(input, &prune(), options)),
        Filter::Both => {
            let counts = prune();
            let mut issues = by_noise_rate(input, &counts, options);
            issues.iter_mut().zip(by_class(input, &counts, options)).for_each(|(a, b)| *a &= b);
            disagree(issues)
        }
        Filter::ConfidentLearning => disagree(off_diagonal(input, &scan)),
        Filter::PredictedNeqGiven => {
            disagree(input.labels.iter().zip(&scan.predicted).map(|(given, predicted)| given != predicted).collect())
        }
        Filter::LowNormalizedMargin => lowest(input, &scan, LabelScore::NormalizedMargin),
        Filter::LowSelfConfidence => lowest(input, &scan, LabelScore::SelfConfidence),
    })
}

/// Samples that are believed to be of another class than they carry.
fn off_diagonal<P>(input: &Labelled<'_, P>, scan: &Scan) -> Vec<bool> {
    input.labels.iter().zip(&scan.believed).map(|(given, believed)| *believed != NONE && given != believed).collect()
}

/// As many as are off the diagonal and do not agree, lowest score first.
fn lowest<P: Probability>(input: &Labelled<'_, P>, scan: &Scan, score: LabelScore) -> Vec<bool> {
    let off = off_diagonal(input, scan);
    let count = off.iter().zip(&scan.agrees).filter(|(off, agrees)| **off && !**agrees).count();
    let mut ranked: Vec<(f64, u32)> = scores(input, score).into_iter().zip(0..).collect();
    let mut issues = vec![false; off.len()];
    for &(_, sample) in take_lowest(&mut ranked, count) {
        issues[sample as usize] = true;
    }
    issues
}

/// How many of each given class (columns) are of each true class (rows), with at least the wanted number left on the
/// diagonal and the rest cut to the wanted fraction.
fn prune_counts(calibrated: &[u64], k: usize, options: &IssueOptions) -> Vec<u64> {
    let mut counts = vec![0u64; k * k];
    for given in 0..k {
        let row = &calibrated[given * k..][..k];
        let diagonal = row[given].max(options.min_examples);
        let raised = (diagonal - row[given]) as f64;
        let others = (row.iter().filter(|count| **count != 0).count() as f64 - 1.0).max(1.0);
        let mut cut = 0.0;
        for (true_class, &count) in row.iter().enumerate().filter(|(class, _)| *class != given) {
            let left = (count as f64 - raised / others).max(0.0);
            let kept = left * options.fraction;
            cut += left - kept;
            counts[true_class * k + given] = kept as u64;
        }
        counts[given * k + given] = (diagonal as f64 + cut) as u64;
    }
    counts
}

fn by_class<P: Probability>(input: &Labelled<'_, P>, counts: &[u64], options: &IssueOptions) -> Vec<bool> {
    let given = input.given();
    flag(input, options, |class, samples| {
        let keep = counts[class * input.classes + class];
        let wrong = (samples.len() as u64).saturating_sub(keep) as usize;
        let mut ranked: Vec<(P, u32)> = samples.iter().map(|&sample| (given[sample as usize], sample)).collect();
        take_lowest(&mut ranked, wrong).iter().map(|&(_, sample)| sample).collect()
    })
}

fn by_noise_rate<P: Probability>(input: &Labelled<'_, P>, counts: &[u64], options: &IssueOptions) -> Vec<bool> {
    let k = input.classes;
    flag(input, options, |class, samples| {
        let others: Vec<(usize, usize)> = (0..k)
            .filter(|&other| other != class)
            .map(|other| (other, counts[other * k + class] as usize))
            .filter(|(_, wrong)| *wrong > 0)
            .collect();
        // Each row is read once for all pairs: the matrix is larger than the caches.
        let mut ranked: Vec<Vec<(P, u32)>> = vec![Vec::with_capacity(samples.len()); others.len()];
        for &sample in samples {
            let row = &input.values[sample as usize * k..][..k];
            for (ranked, (other, _)) in ranked.iter_mut().zip(&others) {
                ranked.push((row[class].minus(row[*other]), sample));
            }
        }
        let taken = ranked.iter_mut().zip(&others).map(|(ranked, (_, wrong))| take_lowest(ranked, *wrong));
        taken.flatten().map(|&(_, sample)| sample).collect()
    })
}

/// Flags what a rule picks of each class that has enough samples.
fn flag<P: Probability>(
    input: &Labelled<'_, P>,
    options: &IssueOptions,
    pick: impl Fn(usize, &[u32]) -> Vec<u32> + Sync,
) -> Vec<bool> {
    let picked: Vec<Vec<u32>> = input
        .by_class()
        .par_iter()
        .enumerate()
        .map(
            |(class, samples)| {
                if samples.len() as u64 > options.min_examples { pick(class, samples) } else { Vec::new() }
            },
        )
        .collect();
    let mut issues = vec![false; input.labels.len()];
    for &sample in picked.iter().flatten() {
        issues[sample as usize] = true;
    }
    issues
}

/// The lowest of some scores in no order, of equal ones the first samples. O(n).
fn take_lowest<P: PartialOrd>(ranked: &mut [(P, u32)], count: usize) -> &[(P, u32)] {
    if count == 0 {
        return &[];
    }
    if count < ranked.len() {
        ranked.select_nth_unstable_by(count, |a, b| {
            a.0.partial_cmp(&b.0).unwrap_or(std::cmp::Ordering::Equal).then(a.1.cmp(&b.1))
        });
    }
    &ranked[..count.min(ranked.len())]
}
