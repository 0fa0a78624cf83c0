//! Wrong labels of classification, found by confident learning.
//!
//! A model's predicted probabilities (out of sample: from cross-validation) are compared with the given labels. A class
//! is believed where its probability is at least the mean one among the samples that carry its label; counting believed
//! against given classes is the confident joint, and from it follows how many labels of each class are wrong, and which.
//!
//! Source: Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset labels", 2021, with the
//! numbers of `cleanlab` 2.9: its seven filters flag the same samples, to the last bit of its sums. Of equal scores the
//! first sample is taken, where `cleanlab` leaves it to NumPy's sort.
//!
//! Complexity: one pass over the N × K matrix; filters by count add O(n) a pair of classes in which labels are wrong.
//! Memory: some 20 bytes a sample and 8 K² bytes; the matrix itself is never copied.

mod joint;
mod neighbours;
mod number;
mod pool;
mod prune;
mod scan;
mod score;

pub use joint::ConfidentJoint;
pub use neighbours::neighbour_shares;
pub use number::Probability;
pub use pool::{Pool, mask_scores, pool_scores, softmin, text_scores};
pub use prune::{Filter, IssueOptions, find_issues};
pub use score::{LabelScore, label_scores, rank_issues};

use rayon::prelude::*;

use crate::error::{QualityError, Result, same_length};

/// Given labels with predicted probabilities: N × K numbers, a row a sample, each 0 to 1.
#[derive(Clone, Copy, Debug)]
pub struct Labelled<'a, P> {
    labels: &'a [u32],
    values: &'a [P],
    classes: usize,
}

impl<'a, P: Probability> Labelled<'a, P> {
    /// Labels (0 to `classes` − 1) with their rows of probabilities.
    ///
    /// # Errors
    /// Fewer than two classes, rows that are not as many as labels, a label that is no class. Whether the numbers are
    /// probabilities is told when they are read.
    pub fn new(labels: &'a [u32], values: &'a [P], classes: usize) -> Result<Labelled<'a, P>> {
        if classes < 2 {
            return Err(QualityError::Empty { what: "two classes", why: "a label can only be wrong among several" });
        }
        let expected = labels.len().saturating_mul(classes);
        same_length("probabilities", expected, values.len())?;
        if let Some(at) = labels.iter().position(|&label| label as usize >= classes) {
            let value = labels.get(at).map_or(0.0, |&label| f64::from(label));
            return Err(QualityError::OutOfRange { what: "label", at, value, expected: "below the count of classes" });
        }
        Ok(Labelled { labels, values, classes })
    }

    /// The given labels.
    pub fn labels(&self) -> &'a [u32] {
        self.labels
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The probabilities, row by row.
    pub fn values(&self) -> &'a [P] {
        self.values
    }

    /// The probability of each given label.
    pub(crate) fn given(&self) -> Vec<P> {
        let of = |(at, &label): (usize, &u32)| self.values[at * self.classes + label as usize];
        self.labels.par_iter().enumerate().with_min_len(1024).map(of).collect()
    }
}
