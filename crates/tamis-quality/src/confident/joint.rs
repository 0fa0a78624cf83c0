//! How many samples carry a class and are believed to be of another.

use rayon::prelude::*;

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
        let given = Given::new(input);
        let thresholds = given.thresholds();
        let scan = scan(input, &thresholds, false)?;
        Ok(ConfidentJoint::of(input, &given, thresholds, &scan))
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.thresholds.len()
    }
}

impl ConfidentJoint {
    /// The joint of what was read.
    pub(super) fn of<P: Probability>(
        input: &Labelled<'_, P>,
        groups: &Given<P>,
        thresholds: Vec<f64>,
        scan: &[Read<P>],
    ) -> ConfidentJoint {
        let k = input.classes;
        let mut counts = vec![0u64; k * k];
        for (&label, read) in input.labels.iter().zip(scan) {
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
        ConfidentJoint { thresholds, counts, calibrated }
    }
}

/// Scales rows to the given counts and rounds them, keeping their sums. O(K²), in parallel.
fn calibrate(counts: &[u64], given: &[u64]) -> Vec<u64> {
    /// How many columns are turned at once: a stretch of each row, which is a cache line or two.
    const COLUMNS: usize = 16;
    let k = given.len();
    let sums: Vec<f64> = counts.par_chunks_exact(k).map(|row| row.iter().sum::<u64>() as f64).collect();
    let scale = |i: usize, count: u64| count as f64 / sums[i].max(1e-100) * given[i] as f64;
    // By columns, because that is the order in which the reference sums it up.
    let mut columns = vec![0.0; k * k];
    columns.par_chunks_mut(COLUMNS * k).enumerate().for_each(|(stretch, columns)| {
        for (i, row) in counts.chunks_exact(k).enumerate() {
            for (j, &count) in row[stretch * COLUMNS..].iter().take(COLUMNS).enumerate() {
                columns[j * k + i] = scale(i, count);
            }
        }
    });
    let total = pairwise_sum(&columns).max(1e-100);
    let all = given.iter().sum::<u64>() as f64;
    let mut calibrated = vec![0; k * k];
    calibrated.par_chunks_exact_mut(k).zip(counts.par_chunks_exact(k)).enumerate().for_each(|(i, (out, row))| {
        let numbers: Vec<f64> = row.iter().map(|&count| scale(i, count) / total * all).collect();
        out.copy_from_slice(&round_keeping_sum(&numbers));
    });
    calibrated
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
        let left = |i: usize| numbers[i] - whole[i];
        let by_rest = |a: &usize, b: &usize| left(*a).total_cmp(&left(*b)).then(a.cmp(b));
        if changes < order.len() {
            let by_step = |a: &usize, b: &usize| if step > 0.0 { by_rest(b, a) } else { by_rest(a, b) };
            order.select_nth_unstable_by(changes, by_step);
        }
        for &i in order.iter().take(changes) {
            whole[i] += step;
        }
    }
    whole.iter().map(|&number| number.max(0.0) as u64).collect()
}
