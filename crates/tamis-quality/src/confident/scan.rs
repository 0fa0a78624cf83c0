//! The one pass over the matrix.

use pulp::Arch;
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

/// The samples of each class, ascending, with the probabilities of their labels.
pub(super) struct Given<P> {
    /// The probability of each sample's label.
    pub(super) values: Vec<P>,
    samples: Vec<u32>,
    starts: Vec<usize>,
}

impl<P: Probability> Given<P> {
    pub(super) fn new(input: &Labelled<'_, P>) -> Given<P> {
        let mut starts = vec![0; input.classes + 1];
        input.labels.iter().for_each(|&label| starts[label as usize + 1] += 1);
        for class in 0..input.classes {
            starts[class + 1] += starts[class];
        }
        let mut next = starts.clone();
        let mut samples = vec![0; input.labels.len()];
        for (sample, &label) in (0..).zip(input.labels) {
            let place = &mut next[label as usize];
            samples[*place] = sample;
            *place += 1;
        }
        Given { values: input.given(), samples, starts }
    }

    /// The samples that carry a class.
    pub(super) fn class(&self, class: usize) -> &[u32] {
        &self.samples[self.starts[class]..self.starts[class + 1]]
    }

    /// The mean probability of each class among the samples that carry it.
    pub(super) fn thresholds(&self) -> Vec<f64> {
        let mean = |class: usize| {
            let values: Vec<P> = self.class(class).iter().map(|&sample| self.values[sample as usize]).collect();
            let mean = if values.is_empty() { UNREACHED } else { pairwise_sum(&values).over(values.len()).to_f64() };
            mean.max(LOWEST)
        };
        (0..self.starts.len() - 1).into_par_iter().map(mean).collect()
    }
}

/// What the matrix says of a sample.
#[derive(Clone, Copy)]
pub(super) struct Read<P> {
    /// The class that is believed; [`NONE`] where none is.
    pub(super) believed: u32,
    /// The class of the highest probability, the first of equal ones.
    pub(super) predicted: u32,
    /// Whether the given label is predicted, or as good as.
    pub(super) agrees: bool,
    /// The highest probability of another class than the label; 0 when nobody asked.
    pub(super) other: P,
}

/// No class is believed.
pub(super) const NONE: u32 = u32::MAX;

/// Reads every row once; `others` asks for the probabilities of other classes.
pub(super) fn scan<P: Probability>(input: &Labelled<'_, P>, thresholds: &[f64], others: bool) -> Result<Vec<Read<P>>> {
    const ROWS: usize = 1024;
    let limits: Vec<P> = thresholds.iter().map(|threshold| P::ceil_of(threshold - SLACK)).collect();
    let blank = Read { believed: NONE, predicted: 0, agrees: false, other: P::zero() };
    let mut told = vec![blank; input.labels.len()];
    let parts = told.par_chunks_mut(ROWS).zip(input.labels.par_chunks(ROWS));
    let parts = parts.zip(input.values.par_chunks(ROWS * input.classes)).enumerate();
    let bad = parts.filter_map(|(part, ((told, labels), values))| {
        // Wide instructions where there are some.
        Arch::new().dispatch(|| {
            let rows = labels.iter().zip(values.chunks_exact(input.classes)).enumerate();
            let mut bad = None;
            for (at, (&label, row)) in rows {
                match read_row(row, &limits, label as usize, others) {
                    Some(read) => told[at] = read,
                    None => bad = bad.or(Some(part * ROWS + at)),
                }
            }
            bad
        })
    });
    match bad.min() {
        None => Ok(told),
        Some(at) => {
            let row = input.values.chunks_exact(input.classes).nth(at).unwrap_or_default();
            let value = row.iter().map(|v| v.to_f64()).find(|v| !(0.0..=1.0).contains(v)).unwrap_or(f64::NAN);
            Err(QualityError::OutOfRange { what: "probability in row", at, value, expected: "0 to 1" })
        }
    }
}

/// What is read side by side.
const LANES: usize = 32;

/// What a row says; [`None`] when a number is no probability.
#[inline(always)]
fn read_row<P: Probability>(row: &[P], limits: &[P], label: usize, others: bool) -> Option<Read<P>> {
    let (most, sure) = sum_up(row, limits);
    if most > P::ONE {
        return read_odd_row(row, limits, label, others);
    }
    let predicted = first(row, |value| value.key() == most);
    let highest = row[predicted];
    let believed = match sure {
        0 => NONE,
        // Mostly the only sure class is the likeliest one.
        1 if highest >= limits[predicted] => predicted as u32,
        1 => row.iter().zip(limits).position(|(value, limit)| value >= limit).map_or(NONE, |at| at as u32),
        _ => predicted as u32,
    };
    let raised = row[label].bit_more();
    let agrees = predicted == label || raised > highest || (raised == highest && label < predicted);
    let mut other = P::zero();
    if others {
        other = highest;
        if predicted == label {
            let most = sum_up(&row[..label], limits).0.max(sum_up(&row[label + 1..], limits).0);
            other = P::of_key(most);
        }
    }
    Some(Read { believed, predicted: predicted as u32, agrees, other })
}

/// A row with a number whose bits are not those of 0 to 1: minus 0 is as good as 0, everything else is bad.
#[cold]
fn read_odd_row<P: Probability>(row: &[P], limits: &[P], label: usize, others: bool) -> Option<Read<P>> {
    let plain: Vec<P> = row.iter().map(|value| value.plus(P::zero())).collect();
    let is_good = plain.iter().all(|value| value.key() <= P::ONE);
    is_good.then(|| read_row(&plain, limits, label, others)).flatten()
}

/// The highest key of a row, and how many numbers reach their limits.
#[inline(always)]
fn sum_up<P: Probability>(row: &[P], limits: &[P]) -> (P::Key, u64) {
    let (mut most, mut count) = ([P::Key::default(); LANES], [P::Key::default(); LANES]);
    let (rows, bounds) = (row.chunks_exact(LANES), limits.chunks_exact(LANES));
    let rest = rows.remainder();
    let rest_bounds = &limits[row.len() - rest.len()..];
    for (values, bounds) in rows.zip(bounds) {
        for i in 0..LANES {
            most[i] = most[i].max(values[i].key());
            count[i] += P::Key::from(values[i] >= bounds[i]);
        }
    }
    for (i, (value, bound)) in rest.iter().zip(rest_bounds).enumerate() {
        most[i] = most[i].max(value.key());
        count[i] += P::Key::from(value >= bound);
    }
    let highest = most.into_iter().fold(P::Key::default(), Ord::max);
    (highest, count.into_iter().map(Into::into).sum())
}

/// The first place of a row where something holds; 0 where it does nowhere.
#[inline(always)]
fn first<P: Probability>(row: &[P], holds: impl Fn(P) -> bool) -> usize {
    for (stretch, values) in row.chunks(LANES).enumerate() {
        if values.iter().fold(false, |any, &value| any | holds(value)) {
            return stretch * LANES + values.iter().position(|&value| holds(value)).unwrap_or(0);
        }
    }
    0
}
