//! Several people label the same things: what is right, who is good, how far they agree.

mod agreement;
mod crowdlab;
mod dawid_skene;

pub use agreement::{Metric, cohen_kappa, fleiss_kappa, krippendorff_alpha};
pub use crowdlab::Crowdlab;
pub use dawid_skene::{DawidSkene, DawidSkeneOptions};

use crate::error::{QualityError, Result};

/// One answer of one person about one task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The number of the task.
    pub task: u32,
    /// The number of the person.
    pub worker: u32,
    /// The number of the class.
    pub label: u32,
}

/// Answers with how many tasks, workers and classes there are; each number of an answer is below its count.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    answers: &'a [Answer],
    tasks: usize,
    classes: usize,
}

impl<'a> Answers<'a> {
    /// Checks the numbers. O(answers).
    ///
    /// # Errors
    /// No answers at all, or a number that is not below its count.
    pub fn new(answers: &'a [Answer], tasks: usize, workers: usize, classes: usize) -> Result<Answers<'a>> {
        if answers.is_empty() {
            return Err(QualityError::Empty { what: "answers", why: "there is nothing to agree on" });
        }
        for (what, count, of) in [
            ("task of answer", tasks, (|a| a.task) as fn(&Answer) -> u32),
            ("worker of answer", workers, |a| a.worker),
            ("label of answer", classes, |a| a.label),
        ] {
            if let Some(at) = answers.iter().position(|answer| of(answer) as usize >= count) {
                let value = answers.get(at).map_or(0.0, |answer| f64::from(of(answer)));
                return Err(QualityError::OutOfRange { what, at, value, expected: "below their count" });
            }
        }
        Ok(Answers { answers, tasks, classes })
    }

    /// How often each class is given to each task: tasks × classes.
    pub fn counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.tasks * self.classes];
        for answer in self.answers {
            if let Some(count) = counts.get_mut(answer.task as usize * self.classes + answer.label as usize) {
                *count += 1;
            }
        }
        counts
    }

    /// The class given most often to each task, of equal ones the first; [`None`] where nobody answered. O(answers +
    /// tasks · classes).
    pub fn majority(&self) -> Vec<Option<u32>> {
        let best = |counts: &[u32]| {
            let most = counts.iter().copied().max().filter(|most| *most > 0)?;
            counts.iter().position(|count| *count == most).map(|at| at as u32)
        };
        self.counts().chunks_exact(self.classes).map(best).collect()
    }
}
