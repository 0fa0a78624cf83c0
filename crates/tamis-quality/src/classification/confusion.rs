//! Counts of predicted against true classes, and what follows from them.

use serde::{Deserialize, Serialize};

use crate::error::{QualityError, Result, same_length};

/// How often each class was predicted for each true class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    classes: usize,
    /// K × K, a row a true class.
    counts: Vec<u64>,
}

/// The figures of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassFigures {
    /// How many samples are of the class.
    pub truths: u64,
    /// How many are predicted to be.
    pub predicted: u64,
    /// How many are both.
    pub right: u64,
    /// What part of the predicted ones is right; [`None`] when none is predicted.
    pub precision: Option<f64>,
    /// What part of the true ones is found; [`None`] when there is none.
    pub recall: Option<f64>,
    /// The harmonic mean of both (Dice's coefficient); [`None`] when there is neither.
    pub f1: Option<f64>,
    /// Those that are both over those that are either (Jaccard's index); [`None`] when there is neither.
    pub iou: Option<f64>,
}

/// How figures of classes become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mean {
    /// All classes that are there or predicted count the same; a figure that is not defined counts as 0.
    #[default]
    Macro,
    /// Classes count by how many samples they have.
    Weighted,
    /// Of all samples together: every one of the figures is the accuracy, and the overlap right over either.
    Micro,
}

impl Confusion {
    /// No samples yet, of so many classes.
    ///
    /// # Errors
    /// No classes, or more than 2¹⁶.
    pub fn new(classes: usize) -> Result<Confusion> {
        if classes == 0 || classes > 1 << 16 {
            let (what, value) = ("count of classes", classes as f64);
            return Err(QualityError::OutOfRange { what, at: 0, value, expected: "1 to 65536" });
        }
        Ok(Confusion { classes, counts: vec![0; classes * classes] })
    }

    /// Adds samples, or the pixels of a mask. Those whose true class is no class (a void label) count nowhere. O(n).
    ///
    /// # Errors
    /// Slices of different lengths, or a prediction that is no class where the truth is one.
    pub fn add(&mut self, truth: &[u32], predicted: &[u32]) -> Result<()> {
        same_length("predictions with truths", truth.len(), predicted.len())?;
        let k = self.classes;
        for (at, (&truth, &seen)) in truth.iter().zip(predicted).enumerate() {
            if truth as usize >= k {
                continue;
            }
            if seen as usize >= k {
                let (what, value) = ("prediction", f64::from(seen));
                return Err(QualityError::OutOfRange { what, at, value, expected: "below the count of classes" });
            }
            self.counts[truth as usize * k + seen as usize] += 1;
        }
        Ok(())
    }

    /// Adds the counts of another part of the data.
    ///
    /// # Errors
    /// Another number of classes.
    pub fn merge(&mut self, other: &Confusion) -> Result<()> {
        same_length("classes", self.classes, other.classes)?;
        self.counts.iter_mut().zip(&other.counts).for_each(|(own, more)| *own += more);
        Ok(())
    }

    /// The K × K counts, a row a true class.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many samples were added.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn right(&self) -> u64 {
        self.counts.iter().step_by(self.classes + 1).sum()
    }

    /// What part of all samples is right; for pixels the pixel accuracy. [`None`] without samples.
    pub fn accuracy(&self) -> Option<f64> {
        ratio(self.right(), self.total())
    }

    /// The figures of each class. O(K²).
    pub fn figures(&self) -> Vec<ClassFigures> {
        let k = self.classes;
        let mut predicted = vec![0u64; k];
        for row in self.counts.chunks_exact(k) {
            predicted.iter_mut().zip(row).for_each(|(sum, count)| *sum += count);
        }
        let of = |(class, row): (usize, &[u64])| {
            let (truths, predicted, right) = (row.iter().sum::<u64>(), predicted[class], row[class]);
            ClassFigures {
                truths,
                predicted,
                right,
                precision: ratio(right, predicted),
                recall: ratio(right, truths),
                f1: ratio(2 * right, truths + predicted),
                iou: ratio(right, truths + predicted - right),
            }
        };
        self.counts.chunks_exact(k).enumerate().map(of).collect()
    }

    /// Precision, recall, F1 and overlap of all classes together: `figure` picks one, for example
    /// `|class| class.iou` for the mean intersection over union. [`None`] without samples.
    pub fn mean(&self, mean: Mean, figure: impl Fn(&ClassFigures) -> Option<f64>) -> Option<f64> {
        let figures = self.figures();
        let all = self.total();
        if all == 0 {
            return None;
        }
        match mean {
            Mean::Macro => {
                let there: Vec<f64> = figures
                    .iter()
                    .filter(|class| class.truths + class.predicted > 0)
                    .map(|class| figure(class).unwrap_or(0.0))
                    .collect();
                Some(there.iter().sum::<f64>() / there.len() as f64)
            }
            Mean::Weighted => {
                let weighted = |class: &ClassFigures| figure(class).unwrap_or(0.0) * class.truths as f64;
                Some(figures.iter().map(weighted).sum::<f64>() / all as f64)
            }
            Mean::Micro => {
                let right = self.right();
                let part = ratio(right, all);
                let iou = ratio(right, 2 * all - right);
                figure(&ClassFigures {
                    truths: all,
                    predicted: all,
                    right,
                    precision: part,
                    recall: part,
                    f1: part,
                    iou,
                })
            }
        }
    }

    /// The mean recall of the classes that are there. [`None`] without samples.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        let recalls: Vec<f64> = self.figures().iter().filter_map(|class| class.recall).collect();
        (!recalls.is_empty()).then(|| recalls.iter().sum::<f64>() / recalls.len() as f64)
    }

    /// The pairs of classes that are confused most: true, predicted, how often; at most `most` of them. O(K² log K).
    pub fn worst(&self, most: usize) -> Vec<(u32, u32, u64)> {
        let k = self.classes;
        let place = |(at, &count): (usize, &u64)| ((at / k) as u32, (at % k) as u32, count);
        let mut pairs: Vec<_> = self.counts.iter().enumerate().map(place).filter(|p| p.0 != p.1 && p.2 > 0).collect();
        pairs.sort_by(|a, b| b.2.cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1))));
        pairs.truncate(most);
        pairs
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
