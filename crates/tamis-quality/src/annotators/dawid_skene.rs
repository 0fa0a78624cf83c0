//! What is right, and how often each person takes one class for another, both at once.
//!
//! Source: Dawid and Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm", 1979, with
//! the start, the floor of probabilities and the stop of `crowd-kit` 1.4, so that the posterior is the same.
//!
//! Complexity: O(answers · classes) a round, in parallel; the outcome does not depend on the threads.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Answers;
use crate::error::{Result, all_finite};

/// No probability is taken to be lower.
const LOWEST: f64 = 1e-10;

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DawidSkeneOptions {
    /// Rounds at most.
    pub rounds: usize,
    /// Stop once the evidence (its lower bound, an answer) grows by less.
    pub tolerance: f64,
}

impl Default for DawidSkeneOptions {
    fn default() -> DawidSkeneOptions {
        DawidSkeneOptions { rounds: 100, tolerance: 1e-5 }
    }
}

/// What follows from the answers.
#[derive(Clone, Debug, PartialEq)]
pub struct DawidSkene {
    /// Tasks × classes: how probable each class is. A task without answers has the priors.
    pub posterior: Vec<f64>,
    /// How frequent each class is.
    pub priors: Vec<f64>,
    /// How many rounds it took.
    pub rounds: usize,
    classes: usize,
    pairs: Vec<(u32, u32)>,
    errors: Vec<f64>,
}

impl DawidSkene {
    /// Estimates posterior, priors and error rates.
    ///
    /// # Errors
    /// A tolerance that is not finite.
    pub fn new(input: &Answers<'_>, options: &DawidSkeneOptions) -> Result<DawidSkene> {
        all_finite("tolerance", [options.tolerance])?;
        let k = input.classes;
        let index = Index::new(input);
        let mut posterior: Vec<f64> = input
            .counts()
            .chunks_exact(k)
            .flat_map(|counts| {
                let all = f64::from(counts.iter().sum::<u32>().max(1));
                counts.iter().map(move |&count| f64::from(count) / all)
            })
            .collect();
        let mut priors = index.priors(&posterior, k);
        let mut errors = index.errors(&posterior, k);
        let (mut loss, mut rounds) = (f64::NEG_INFINITY, 0);
        while rounds < options.rounds {
            rounds += 1;
            index.expect(&mut posterior, &priors, &errors, k);
            priors = index.priors(&posterior, k);
            errors = index.errors(&posterior, k);
            let now = index.evidence(&posterior, &priors, &errors, k) / input.answers.len() as f64;
            if now - loss < options.tolerance {
                break;
            }
            loss = now;
        }
        for task in (0..input.tasks).filter(|&task| index.of_task(task).is_empty()) {
            posterior[task * k..][..k].copy_from_slice(&priors);
        }
        Ok(DawidSkene { posterior, priors, rounds, classes: k, pairs: index.pairs, errors })
    }

    /// How often a worker says one class where another is right; [`None`] when the worker never says it.
    pub fn error(&self, worker: u32, said: u32, right: u32) -> Option<f64> {
        let at = self.pairs.binary_search(&(worker, said)).ok()?;
        self.errors.get(at * self.classes..)?.get(..self.classes)?.get(right as usize).copied()
    }

    /// The most probable class of each task, of equal ones the first.
    pub fn labels(&self) -> Vec<u32> {
        let best = |row: &[f64]| (1..row.len()).fold(0, |best, at| if row[at] > row[best] { at } else { best }) as u32;
        self.posterior.chunks_exact(self.classes).map(best).collect()
    }
}

/// The answers in two orders: by task, and by who said what.
struct Index {
    /// Of each task, where its answers start in `said`.
    tasks: Vec<usize>,
    /// Positions in `pairs`, by task.
    said: Vec<u32>,
    /// Who said which class at all, ascending.
    pairs: Vec<(u32, u32)>,
    /// Of each pair, where its tasks start in `about`.
    starts: Vec<usize>,
    /// Tasks, by pair.
    about: Vec<u32>,
}

impl Index {
    fn new(input: &Answers<'_>) -> Index {
        let mut by_pair: Vec<(u32, u32, u32)> = input.answers.iter().map(|a| (a.worker, a.label, a.task)).collect();
        by_pair.par_sort_unstable();
        let (mut pairs, mut starts): (Vec<(u32, u32)>, Vec<usize>) = (Vec::new(), Vec::new());
        let mut by_task = Vec::with_capacity(by_pair.len());
        for (at, &(worker, label, task)) in by_pair.iter().enumerate() {
            if pairs.last() != Some(&(worker, label)) {
                pairs.push((worker, label));
                starts.push(at);
            }
            by_task.push((task, pairs.len() as u32 - 1));
        }
        starts.push(by_pair.len());
        by_task.par_sort_unstable();
        let tasks = (0..=input.tasks).map(|task| by_task.partition_point(|(t, _)| (*t as usize) < task)).collect();
        let said = by_task.iter().map(|(_, pair)| *pair).collect();
        Index { tasks, said, pairs, starts, about: by_pair.iter().map(|(_, _, task)| *task).collect() }
    }

    fn of_task(&self, task: usize) -> &[u32] {
        &self.said[self.tasks[task]..self.tasks[task + 1]]
    }

    /// The mean posterior of the tasks with answers.
    fn priors(&self, posterior: &[f64], k: usize) -> Vec<f64> {
        let mut sums = vec![0.0; k];
        let mut count = 0usize;
        for (task, row) in posterior.chunks_exact(k).enumerate() {
            if !self.of_task(task).is_empty() {
                count += 1;
                sums.iter_mut().zip(row).for_each(|(sum, p)| *sum += p);
            }
        }
        sums.iter().map(|sum| (sum / count.max(1) as f64).max(LOWEST)).collect()
    }

    /// For each pair and right class, how often the worker says it, among what the worker says.
    fn errors(&self, posterior: &[f64], k: usize) -> Vec<f64> {
        let mut errors = vec![0.0; self.pairs.len() * k];
        errors.par_chunks_exact_mut(k).enumerate().for_each(|(pair, row)| {
            for &task in &self.about[self.starts[pair]..self.starts[pair + 1]] {
                row.iter_mut().zip(&posterior[task as usize * k..][..k]).for_each(|(sum, p)| *sum += p);
            }
            row.iter_mut().for_each(|sum| *sum = sum.max(LOWEST));
        });
        let mut first = 0;
        for pairs in self.pairs.chunk_by(|a, b| a.0 == b.0) {
            let rows = &mut errors[first * k..(first + pairs.len()) * k];
            for class in 0..k {
                let sum: f64 = rows.iter().skip(class).step_by(k).sum();
                rows.iter_mut().skip(class).step_by(k).for_each(|error| *error /= sum);
            }
            first += pairs.len();
        }
        errors
    }

    /// The posterior of each task from priors and errors.
    fn expect(&self, posterior: &mut [f64], priors: &[f64], errors: &[f64], k: usize) {
        let logs: Vec<f64> = errors.par_iter().map(|error| error.ln()).collect();
        let start: Vec<f64> = priors.iter().map(|prior| prior.ln()).collect();
        posterior.par_chunks_exact_mut(k).with_min_len(64).enumerate().for_each(|(task, row)| {
            let said = self.of_task(task);
            if said.is_empty() {
                return;
            }
            row.copy_from_slice(&start);
            for &pair in said {
                row.iter_mut().zip(&logs[pair as usize * k..][..k]).for_each(|(sum, log)| *sum += log);
            }
            let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            row.iter_mut().for_each(|p| *p = (*p - most).exp());
            let sum: f64 = row.iter().sum();
            row.iter_mut().for_each(|p| *p /= sum);
        });
    }

    /// The lower bound of the evidence as the reference counts it: the prior once an answer.
    fn evidence(&self, posterior: &[f64], priors: &[f64], errors: &[f64], k: usize) -> f64 {
        let logs: Vec<f64> = errors.par_iter().map(|error| error.ln()).collect();
        let start: Vec<f64> = priors.iter().map(|prior| prior.ln()).collect();
        let parts: Vec<f64> = posterior
            .par_chunks_exact(k)
            .with_min_len(64)
            .enumerate()
            .map(|(task, row)| {
                let said = self.of_task(task);
                let mut sum = 0.0;
                for &pair in said {
                    let logs = &logs[pair as usize * k..][..k];
                    sum += row.iter().zip(logs).zip(&start).map(|((p, log), prior)| p * (log + prior)).sum::<f64>();
                }
                let entropy = row.iter().map(|p| p.max(LOWEST)).map(|p| -p * p.ln()).sum::<f64>();
                if said.is_empty() { 0.0 } else { sum + entropy }
            })
            .collect();
        parts.iter().sum()
    }
}
