//! The one pass over the matrix.

use rayon::prelude::*;

use super::number::pairwise_sum;
use super::{Labelled, Probability};
use crate::error::{QualityError, Result};

/// Thresholds are never lower, so that a class that nobody predicts is not believed everywhere.
const LOWEST: f64 = 2e-6;
/// The threshold of a class without samples: no probability reaches it.
const UNREACHED: f64 = 2.0;
/// What a probability may lack to reach a threshold.
const SLACK: f64 = 1e-6;

/// What the matrix says of each sample.
pub(super) struct Scan {
    /// The class that is believed; `u32::MAX` where none is.
    pub(super) believed: Vec<u32>,
    /// The class of the highest probability, the first of equal ones.
    pub(super) predicted: Vec<u32>,
    /// Whether the given label is predicted, or as good as.
    pub(super) agrees: Vec<bool>,
}

/// No class is believed.
pub(super) const NONE: u32 = u32::MAX;

/// The mean probability of each class among the samples that carry it.
pub(super) fn thresholds<P: Probability>(input: &Labelled<'_, P>) -> Vec<f64> {
    let mut given: Vec<Vec<P>> = vec![Vec::new(); input.classes];
    for (label, row) in input.rows() {
        if let (Some(class), Some(&value)) = (given.get_mut(label), row.get(label)) {
            class.push(value);
        }
    }
    let mean = |class: &Vec<P>| {
        let mean = if class.is_empty() { UNREACHED } else { pairwise_sum(class).over(class.len()).to_f64() };
        mean.max(LOWEST)
    };
    given.iter().map(mean).collect()
}

/// Reads every row once.
pub(super) fn scan<P: Probability>(input: &Labelled<'_, P>, thresholds: &[f64]) -> Result<Scan> {
    const ROWS: usize = 1024;
    let limits: Vec<P> = thresholds.iter().map(|threshold| P::ceil_of(threshold - SLACK)).collect();
    let n = input.labels.len();
    let mut told = Scan { believed: vec![NONE; n], predicted: vec![0; n], agrees: vec![false; n] };
    let parts = told
        .believed
        .par_chunks_mut(ROWS)
        .zip(told.predicted.par_chunks_mut(ROWS))
        .zip(told.agrees.par_chunks_mut(ROWS))
        .zip(input.labels.par_chunks(ROWS))
        .zip(input.values.par_chunks(ROWS * input.classes));
    let bad = parts
        .enumerate()
        .filter_map(|(part, ((((believed, predicted), agrees), labels), values))| {
            let rows = labels.iter().zip(values.chunks_exact(input.classes));
            let out = believed.iter_mut().zip(predicted.iter_mut()).zip(agrees.iter_mut());
            let mut bad = None;
            for (row, ((&label, values), ((believed, predicted), agrees))) in rows.zip(out).enumerate() {
                let Some(read) = read_row(values, &limits, label) else {
                    bad.get_or_insert(part * ROWS + row);
                    continue;
                };
                (*believed, *predicted, *agrees) = read;
            }
            bad
        })
        .min();
    match bad {
        None => Ok(told),
        Some(at) => {
            let row = input.values.chunks_exact(input.classes).nth(at).unwrap_or_default();
            let value = row.iter().map(|v| v.to_f64()).find(|v| !(0.0..=1.0).contains(v)).unwrap_or(f64::NAN);
            Err(QualityError::OutOfRange { what: "probability in row", at, value, expected: "0 to 1" })
        }
    }
}

/// The believed class, the predicted class, and whether the label agrees; [`None`] when a number is no probability.
fn read_row<P: Probability>(row: &[P], limits: &[P], label: u32) -> Option<(u32, u32, bool)> {
    const LANES: usize = 16;
    let zero = P::zero();
    let one = P::ceil_of(1.0);
    let (mut most, mut count, mut bad) = ([zero; LANES], [0u32; LANES], [false; LANES]);
    let (rows, bounds) = (row.chunks_exact(LANES), limits.chunks_exact(LANES));
    let rest = rows.remainder().iter().zip(bounds.remainder());
    for (values, bounds) in rows.zip(bounds) {
        for i in 0..LANES {
            let value = values[i];
            most[i] = if value > most[i] { value } else { most[i] };
            count[i] += u32::from(value >= bounds[i]);
            // Not-a-number is neither.
            bad[i] |= !((value >= zero) & (value <= one));
        }
    }
    let (mut highest, mut sure, mut is_bad) = (zero, 0u32, false);
    for i in 0..LANES {
        highest = if most[i] > highest { most[i] } else { highest };
        sure += count[i];
        is_bad |= bad[i];
    }
    for (&value, &bound) in rest {
        highest = if value > highest { value } else { highest };
        sure += u32::from(value >= bound);
        is_bad |= !((value >= zero) & (value <= one));
    }
    if is_bad {
        return None;
    }
    let predicted = row.iter().position(|&value| value == highest).unwrap_or(0) as u32;
    let believed = match sure {
        0 => NONE,
        1 => row.iter().zip(limits).position(|(value, limit)| value >= limit).map_or(NONE, |at| at as u32),
        _ => predicted,
    };
    let raised = row.get(label as usize)?.bit_more();
    let agrees = predicted == label || raised > highest || (raised == highest && label < predicted);
    Some((believed, predicted, agrees))
}
