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
mod number;
mod prune;
mod scan;
mod score;

pub use joint::ConfidentJoint;
pub use number::Probability;
pub use prune::{Filter, IssueOptions, find_issues};
pub use score::{LabelScore, label_scores, rank_issues};

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

    fn rows(&self) -> impl Iterator<Item = (usize, &'a [P])> + use<'a, P> {
        self.labels.iter().map(|&label| label as usize).zip(self.values.chunks_exact(self.classes))
    }

    /// The probability of each given label.
    fn given(&self) -> Vec<P> {
        self.rows().filter_map(|(label, row)| row.get(label).copied()).collect()
    }

    /// The samples of each class, ascending.
    fn by_class(&self) -> Vec<Vec<u32>> {
        let mut samples = vec![Vec::new(); self.classes];
        for (at, &label) in self.labels.iter().enumerate() {
            if let Some(class) = samples.get_mut(label as usize) {
                class.push(at as u32);
            }
        }
        samples
    }
}
