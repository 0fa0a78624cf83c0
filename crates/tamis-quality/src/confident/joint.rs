//! How many samples carry a class and are believed to be of another.

use super::number::pairwise_sum;
use super::scan::{Given, NONE, Read, scan};
use super::{Labelled, Probability};
use crate::error::Result;

/// Counts of given against believed classes.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfidentJoint {
    /// For each class, the probability from which on it is believed.
    pub thresholds: Vec<f64>,
    /// K × K counts, a row a given class. At least 1 on the diagonal.
    pub counts: Vec<u64>,
    /// The same, calibrated so that each row sums up to how often its class is given.
    pub calibrated: Vec<u64>,
}

impl ConfidentJoint {
    /// Counts believed classes against given ones.
    ///
    /// # Errors
    /// A number that is not 0 to 1.
    pub fn new<P: Probability>(input: &Labelled<'_, P>) -> Result<ConfidentJoint> {
        Ok(joint(input, &Given::new(input), false)?.0)
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.thresholds.len()
    }
}

/// The joint, and what it was counted from.
pub(super) fn joint<P: Probability>(
    input: &Labelled<'_, P>,
    groups: &Given<P>,
    others: bool,
) -> Result<(ConfidentJoint, Vec<Read<P>>)> {
    let k = input.classes;
    let thresholds = groups.thresholds();
    let scan = scan(input, &thresholds, others)?;
    let mut counts = vec![0u64; k * k];
    for (&label, read) in input.labels.iter().zip(&scan) {
        if read.believed != NONE {
            counts[label as usize * k + read.believed as usize] += 1;
        }
    }
    let given: Vec<u64> = (0..k).map(|class| groups.class(class).len() as u64).collect();
    for class in 0..k {
        let diagonal = &mut counts[class * k + class];
        *diagonal = (*diagonal).max(1);
    }
    let calibrated = calibrate(&counts, &given);
    Ok((ConfidentJoint { thresholds, counts, calibrated }, scan))
}

/// Scales rows to the given counts and rounds them, keeping their sums.
fn calibrate(counts: &[u64], given: &[u64]) -> Vec<u64> {
    let k = given.len();
    let sums: Vec<f64> = counts.chunks_exact(k).map(|row| row.iter().sum::<u64>() as f64).collect();
    // By columns, because that is the order in which the reference sums it up.
    let mut scaled = vec![0.0; k * k];
    for i in 0..k {
        for j in 0..k {
            scaled[j * k + i] = counts[i * k + j] as f64 / sums[i].max(1e-100) * given[i] as f64;
        }
    }
    let total = pairwise_sum(&scaled).max(1e-100);
    let all = given.iter().sum::<u64>() as f64;
    let row = |i: usize| (0..k).map(|j| scaled[j * k + i] / total * all).collect::<Vec<f64>>();
    (0..k).flat_map(|i| round_keeping_sum(&row(i))).collect()
}

/// Whole numbers near some numbers, with the same (rounded) sum: where rounding changed it, those that lie furthest on
/// the other side are moved. Negative numbers become 0.
pub(super) fn round_keeping_sum(numbers: &[f64]) -> Vec<u64> {
    let mut whole: Vec<f64> = numbers.iter().map(|number| number.round_ties_even()).collect();
    let wanted = pairwise_sum(numbers).round_ties_even();
    loop {
        let lacks = wanted - pairwise_sum(&whole).round_ties_even();
        if lacks.abs() <= 1e-6 || numbers.is_empty() {
            break;
        }
        let step = if lacks < 0.0 { -1.0 } else { 1.0 };
        let changes = (lacks.abs() as usize).min(numbers.len());
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        order.sort_by(|&a, &b| (numbers[a] - whole[a]).total_cmp(&(numbers[b] - whole[b])));
        if step > 0.0 {
            order.reverse();
        }
        for &i in order.iter().take(changes) {
            whole[i] += step;
        }
    }
    whole.iter().map(|&number| number.max(0.0) as u64).collect()
}
