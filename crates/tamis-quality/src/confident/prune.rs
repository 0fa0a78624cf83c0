//! Which labels are wrong, by seven rules.

use pulp::Arch;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::joint::ConfidentJoint;
use super::scan::{Given, NONE, Read, scan};
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
    let given = Given::new(input);
    let thresholds = given.thresholds();
    let scan = scan(input, &thresholds, filter == Filter::LowNormalizedMargin)?;
    // Only pruning asks how many labels of each class are wrong.
    let prune = || {
        let joint = ConfidentJoint::of(input, &given, thresholds.clone(), &scan);
        prune_counts(&joint.calibrated, input.classes, options)
    };
    let disagree = |mut issues: Vec<bool>| {
        issues.iter_mut().zip(&scan).for_each(|(issue, read)| *issue &= !read.agrees);
        issues
    };
    Ok(match filter {
        Filter::PruneByNoiseRate => disagree(by_noise_rate(input, &given, &prune(), options)),
        Filter::PruneByClass => disagree(by_class(input, &given, &prune(), options)),
        Filter::Both => {
            let counts = prune();
            let mut issues = by_noise_rate(input, &given, &counts, options);
            issues.iter_mut().zip(by_class(input, &given, &counts, options)).for_each(|(a, b)| *a &= b);
            disagree(issues)
        }
        Filter::ConfidentLearning => disagree(off_diagonal(input, &scan)),
        Filter::PredictedNeqGiven => {
            disagree(input.labels.iter().zip(&scan).map(|(given, read)| *given != read.predicted).collect())
        }
        Filter::LowNormalizedMargin => lowest(input, &scan, |at| given.values[at].minus(scan[at].other).margin()),
        Filter::LowSelfConfidence => lowest(input, &scan, |at| given.values[at]),
    })
}

/// Samples that are believed to be of another class than they carry.
fn off_diagonal<P>(input: &Labelled<'_, P>, scan: &[Read<P>]) -> Vec<bool> {
    input.labels.iter().zip(scan).map(|(given, read)| read.believed != NONE && *given != read.believed).collect()
}

/// As many as are off the diagonal and do not agree, lowest score first.
fn lowest<P: Probability>(input: &Labelled<'_, P>, scan: &[Read<P>], score: impl Fn(usize) -> P) -> Vec<bool> {
    let off = off_diagonal(input, scan);
    let count = off.iter().zip(scan).filter(|(off, read)| **off && !read.agrees).count();
    let mut lowest = Lowest::new(count);
    (0..scan.len()).for_each(|at| lowest.add(score(at), at as u32));
    let mut issues = vec![false; scan.len()];
    lowest.samples().for_each(|sample| issues[sample as usize] = true);
    issues
}

/// How many of each given class (rows) are of each true class (columns), with at least the wanted number left on the
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
            counts[given * k + true_class] = kept as u64;
        }
        counts[given * k + given] = (diagonal as f64 + cut) as u64;
    }
    counts
}

fn by_class<P: Probability>(
    input: &Labelled<'_, P>,
    given: &Given<P>,
    counts: &[u64],
    options: &IssueOptions,
) -> Vec<bool> {
    flag(input, given, options, |class, samples| {
        let keep = counts[class * input.classes + class];
        let mut lowest = Lowest::new((samples.len() as u64).saturating_sub(keep) as usize);
        samples.iter().for_each(|&sample| lowest.add(given.values[sample as usize], sample));
        lowest.samples().collect()
    })
}

fn by_noise_rate<P: Probability>(
    input: &Labelled<'_, P>,
    given: &Given<P>,
    counts: &[u64],
    options: &IssueOptions,
) -> Vec<bool> {
    let k = input.classes;
    flag(input, given, options, |class, samples| {
        let wrong = |other: usize| if other == class { 0 } else { counts[class * k + other] as usize };
        let mut lowest: Vec<Lowest<P>> = (0..k).map(|other| Lowest::new(wrong(other))).collect();
        // Each row is read once for all pairs, and mostly nothing in it is low enough for any.
        let mut limits: Vec<P> = lowest.iter().map(|lowest| lowest.limit).collect();
        Arch::new().dispatch(|| {
            for &sample in samples {
                let row = &input.values[sample as usize * k..][..k];
                add_margins(row, row[class], sample, &mut limits, &mut lowest);
            }
        });
        lowest.iter_mut().flat_map(Lowest::samples).collect()
    })
}

/// Adds a sample where its probability less that of another class is below the limit of the pair.
#[inline(always)]
fn add_margins<P: Probability>(row: &[P], own: P, sample: u32, limits: &mut [P], lowest: &mut [Lowest<P>]) {
    const LANES: usize = 32;
    for (stretch, (values, bounds)) in row.chunks(LANES).zip(limits.chunks_mut(LANES)).enumerate() {
        let mut low = P::Key::default();
        for (value, limit) in values.iter().zip(bounds.iter()) {
            low += P::Key::from(own.minus(*value) < *limit);
        }
        if low == P::Key::default() {
            continue;
        }
        for (i, (value, limit)) in values.iter().zip(bounds).enumerate() {
            let margin = own.minus(*value);
            if margin < *limit {
                let lowest = &mut lowest[stretch * LANES + i];
                lowest.add(margin, sample);
                *limit = lowest.limit;
            }
        }
    }
}

/// Flags what a rule picks of each class that has enough samples.
fn flag<P: Probability>(
    input: &Labelled<'_, P>,
    given: &Given<P>,
    options: &IssueOptions,
    pick: impl Fn(usize, &[u32]) -> Vec<u32> + Sync,
) -> Vec<bool> {
    let of = |class: usize| {
        let samples = given.class(class);
        if samples.len() as u64 > options.min_examples { pick(class, samples) } else { Vec::new() }
    };
    let picked: Vec<Vec<u32>> = (0..input.classes).into_par_iter().map(of).collect();
    let mut issues = vec![false; input.labels.len()];
    for &sample in picked.iter().flatten() {
        issues[sample as usize] = true;
    }
    issues
}

/// The samples of the lowest scores, of equal ones the first, when samples come in their order. O(1) a sample on
/// average: twice as many as wanted are kept, and only scores below the worst of the best are taken in.
struct Lowest<P> {
    wanted: usize,
    kept: Vec<(P, u32)>,
    /// Scores from here on are too high.
    limit: P,
}

impl<P: Probability> Lowest<P> {
    fn new(wanted: usize) -> Lowest<P> {
        // No score is below -1 or above 1.
        let limit = P::ceil_of(if wanted == 0 { -2.0 } else { 2.0 });
        Lowest { wanted, kept: Vec::new(), limit }
    }

    #[inline]
    fn add(&mut self, score: P, sample: u32) {
        if score < self.limit {
            self.kept.push((score, sample));
            if self.kept.len() >= 2 * self.wanted + 16 {
                self.cut();
            }
        }
    }

    /// Keeps as many as are wanted. Samples that come later with the limit's score are after all of these.
    fn cut(&mut self) {
        if self.wanted < self.kept.len() {
            let by_score = |a: &(P, u32), b: &(P, u32)| {
                a.0.partial_cmp(&b.0).unwrap_or(std::cmp::Ordering::Equal).then(a.1.cmp(&b.1))
            };
            let (_, last, _) = self.kept.select_nth_unstable_by(self.wanted - 1, by_score);
            self.limit = last.0;
            self.kept.truncate(self.wanted);
        }
    }

    /// The samples, in no order.
    fn samples(&mut self) -> impl Iterator<Item = u32> + '_ {
        if self.wanted > 0 {
            self.cut();
        }
        self.kept.iter().map(|&(_, sample)| sample)
    }
}
