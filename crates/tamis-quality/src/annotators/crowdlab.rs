//! Labels of several people together with a model's probabilities.

use super::Answers;
use crate::error::{QualityError, Result, same_length};

/// What people and a model together believe.
///
/// CROWDLAB (Goh, Tkachenko, Mueller: "CROWDLAB: supervised learning to infer consensus labels and quality scores for data
/// with multiple annotators", 2022), with the numbers of `cleanlab.multiannotator.get_label_quality_multiannotator` 2.9.
/// Where that breaks a last tie at random, the lower class is taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Crowdlab {
    /// The consensus class of each task.
    pub labels: Vec<u32>,
    /// How likely each of them is right, 0 to 1.
    pub scores: Vec<f64>,
    /// What part of a task's answers is the consensus.
    pub agreement: Vec<f64>,
    /// Tasks × classes: what is believed.
    pub posterior: Vec<f64>,
    /// For each answer how likely it is right.
    pub answers: Vec<f64>,
    /// How good each person is, 0 to 1; not-a-number for people who never answered a task with others.
    pub workers: Vec<f64>,
    /// How much each person's answer counts.
    pub worker_weights: Vec<f64>,
    /// How much the model counts.
    pub model_weight: f64,
}

/// What is divided by, and what weights there are at least.
const LEAST: f64 = 1e-6;

impl Crowdlab {
    /// Finds the consensus of answers and `probabilities`, tasks × classes, of a model that was not trained on these
    /// tasks. O(answers + tasks · classes + answers² in a task).
    ///
    /// # Errors
    /// A task without answers or answered twice by one person, no task with two answers, probabilities that are not as
    /// many as tasks times classes or not 0 to 1.
    pub fn new(answers: &Answers<'_>, probabilities: &[f64]) -> Result<Crowdlab> {
        let (n, k) = (answers.tasks, answers.classes);
        same_length("probabilities", n * k, probabilities.len())?;
        if let Some(at) = probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
            let value = probabilities.get(at).copied().unwrap_or(f64::NAN);
            return Err(QualityError::OutOfRange { what: "probability", at, value, expected: "0 to 1" });
        }
        let crowd = Crowd::new(answers)?;
        let majority = crowd.majority(probabilities);
        let first = crowd.believe(&majority, probabilities);
        // The consensus is what is believed most after the first round; ties go to the majority.
        let best = |(row, &majority): (&[f64], &u32)| {
            let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let mut at = (0..).zip(row).filter(|(_, p)| **p == most).map(|(class, _)| class);
            match (at.next(), at.next()) {
                (Some(class), None) => class,
                _ => majority,
            }
        };
        let labels: Vec<u32> = first.posterior.chunks_exact(k).zip(&majority).map(best).collect();
        let belief = crowd.believe(&labels, probabilities);
        let of = |task: usize, class: u32| belief.posterior[task * k + class as usize];
        let each: Vec<f64> = answers.answers.iter().map(|a| of(a.task as usize, a.label)).collect();
        let workers = crowd.rate(&labels, &each, &belief);
        Ok(Crowdlab {
            scores: labels.iter().enumerate().map(|(task, &class)| of(task, class)).collect(),
            agreement: belief.agreement,
            posterior: belief.posterior,
            answers: each,
            workers,
            worker_weights: belief.worker_weights,
            model_weight: belief.model_weight,
            labels,
        })
    }
}

/// Answers by task.
struct Crowd<'a> {
    answers: &'a Answers<'a>,
    /// For each task its answers as (worker, class).
    tasks: Vec<Vec<(u32, u32)>>,
    workers: usize,
}

struct Belief {
    agreement: Vec<f64>,
    posterior: Vec<f64>,
    worker_weights: Vec<f64>,
    model_weight: f64,
}

impl<'a> Crowd<'a> {
    fn new(answers: &'a Answers<'a>) -> Result<Crowd<'a>> {
        let mut tasks = vec![Vec::new(); answers.tasks];
        for answer in answers.answers {
            tasks[answer.task as usize].push((answer.worker, answer.label));
        }
        for (at, task) in tasks.iter_mut().enumerate() {
            task.sort_unstable();
            if task.is_empty() {
                return Err(QualityError::Empty { what: "answers to a task", why: "each task needs one at least" });
            }
            if let Some(pair) = task.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                let (what, value) = ("worker of task", f64::from(pair[0].0));
                return Err(QualityError::OutOfRange { what, at, value, expected: "one who answers it once" });
            }
        }
        if tasks.iter().all(|task| task.len() < 2) {
            return Err(QualityError::Empty { what: "tasks with two answers", why: "agreement is among several" });
        }
        let workers = answers.answers.iter().map(|a| a.worker as usize + 1).max().unwrap_or(0);
        Ok(Crowd { answers, tasks, workers })
    }

    /// The most frequent class; of equal ones the more probable, then the rarer, then that of the better people.
    fn majority(&self, probabilities: &[f64]) -> Vec<u32> {
        let k = self.answers.classes;
        let counts = self.answers.counts();
        let mut frequency = vec![0u64; k];
        counts.chunks_exact(k).for_each(|row| frequency.iter_mut().zip(row).for_each(|(f, c)| *f += u64::from(*c)));
        let tied: Vec<Vec<u32>> = counts
            .chunks_exact(k)
            .map(|row| {
                let most = row.iter().copied().max().unwrap_or(0);
                (0..).zip(row).filter(|(_, count)| **count == most).map(|(class, _)| class).collect()
            })
            .collect();
        let clear: Vec<Option<u32>> = tied.iter().map(|t| if let [only] = t[..] { Some(only) } else { None }).collect();
        let mut good: Option<Vec<f64>> = None;
        let mut majority = Vec::with_capacity(tied.len());
        for (task, tied) in tied.into_iter().enumerate() {
            let probable = keep_highest(tied, |class| probabilities[task * k + class as usize]);
            let rare = keep_highest(probable, |class| -(frequency[class as usize] as f64));
            let class = if let [only] = rare[..] {
                only
            } else {
                let good = good.get_or_insert_with(|| self.agreement_with(&clear));
                let mean = |class: u32| {
                    let them = self.tasks[task].iter().filter(|(_, label)| *label == class);
                    let (sum, count) =
                        them.fold((0.0, 0.0), |(s, c), (worker, _)| (s + good[*worker as usize], c + 1.0));
                    sum / count
                };
                keep_highest(rare, mean).first().copied().unwrap_or_default()
            };
            majority.push(class);
        }
        majority
    }

    /// How often each person gives the class that is clear; the mean of the others for people who never do.
    fn agreement_with(&self, clear: &[Option<u32>]) -> Vec<f64> {
        let mut sums = vec![(0.0, 0.0); self.workers];
        for (task, clear) in self.tasks.iter().zip(clear) {
            for (worker, label) in task {
                if let Some(clear) = clear {
                    let (right, all) = &mut sums[*worker as usize];
                    *right += f64::from(u8::from(label == clear));
                    *all += 1.0;
                }
            }
        }
        fill(sums.into_iter().map(|(right, all)| right / all).collect())
    }

    /// How often the other people of the same tasks give the same class.
    fn agreement_of_workers(&self) -> Vec<f64> {
        let mut sums = vec![(0.0, 0.0); self.workers];
        for task in &self.tasks {
            for (worker, label) in task {
                let same = task.iter().filter(|(_, other)| other == label).count() - 1;
                let (agree, all) = &mut sums[*worker as usize];
                *agree += same as f64;
                *all += (task.len() - 1) as f64;
            }
        }
        fill(sums.into_iter().map(|(agree, all)| agree / all).collect())
    }

    fn believe(&self, labels: &[u32], probabilities: &[f64]) -> Belief {
        let k = self.answers.classes;
        let agree = |(task, &label): (&Vec<(u32, u32)>, &u32)| {
            task.iter().filter(|(_, given)| *given == label).count() as f64 / task.len() as f64
        };
        let agreement: Vec<f64> = self.tasks.iter().zip(labels).map(agree).collect();
        let several: Vec<usize> = (0..self.tasks.len()).filter(|&task| self.tasks[task].len() > 1).collect();
        let mean = |of: &dyn Fn(usize) -> f64| several.iter().map(|&task| of(task)).sum::<f64>() / several.len() as f64;
        let likely = mean(&|task| agreement[task]);
        let unlikely = (1.0 - likely) / (k as f64 - 1.0);
        let mut counts = vec![0u64; k];
        several.iter().for_each(|&task| counts[labels[task] as usize] += 1);
        let most = counts.iter().copied().max().unwrap_or(0);
        let common = counts.iter().position(|count| *count == most).unwrap_or(0) as u32;
        let base = mean(&|task| f64::from(u8::from(labels[task] != common))).max(LEAST);
        let worker_weights: Vec<f64> =
            self.agreement_of_workers().iter().map(|agree| (1.0 - (1.0 - agree) / base).max(LEAST)).collect();
        let guess = |task: usize| {
            let row = &probabilities[task * k..][..k];
            let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            row.iter().position(|p| *p == most).unwrap_or(0) as u32
        };
        let error = mean(&|task| f64::from(u8::from(guess(task) != labels[task])));
        let answers = self.answers.answers.len() as f64 / self.tasks.len() as f64;
        let model_weight = (1.0 - error / base).max(LEAST) * answers.sqrt();
        let mut posterior = Vec::with_capacity(probabilities.len());
        for (task, row) in self.tasks.iter().zip(probabilities.chunks_exact(k)) {
            let weight: f64 =
                task.iter().map(|(worker, _)| worker_weights[*worker as usize]).sum::<f64>() + model_weight;
            for (class, p) in (0..).zip(row) {
                let vote = |(worker, label): &(u32, u32)| {
                    worker_weights[*worker as usize] * if *label == class { likely } else { unlikely }
                };
                posterior.push((p * model_weight + task.iter().map(vote).sum::<f64>()) / weight);
            }
        }
        Belief { agreement, posterior, worker_weights, model_weight }
    }

    /// How good each person's answers are, by what is believed of them and by how often they are the consensus.
    fn rate(&self, labels: &[u32], each: &[f64], belief: &Belief) -> Vec<f64> {
        let mut believed = vec![(0.0, 0.0); self.workers];
        let mut agree = vec![(0.0, 0.0); self.workers];
        for (answer, score) in self.answers.answers.iter().zip(each) {
            let (sum, all) = &mut believed[answer.worker as usize];
            *sum += score;
            *all += 1.0;
            if self.tasks[answer.task as usize].len() > 1 {
                let (right, all) = &mut agree[answer.worker as usize];
                *right += f64::from(u8::from(answer.label == labels[answer.task as usize]));
                *all += 1.0;
            }
        }
        let answers = self.answers.answers.len() as f64 / self.tasks.len() as f64;
        let people = belief.worker_weights.iter().sum::<f64>() * (answers / self.workers as f64);
        let part = belief.model_weight / (belief.model_weight + people);
        let of = |(believed, agree): (&(f64, f64), &(f64, f64))| {
            part * (believed.0 / believed.1) + (1.0 - part) * (agree.0 / agree.1)
        };
        believed.iter().zip(&agree).map(of).collect()
    }
}

/// Those of the highest value.
fn keep_highest(classes: Vec<u32>, value: impl Fn(u32) -> f64) -> Vec<u32> {
    if classes.len() < 2 {
        return classes;
    }
    let values: Vec<f64> = classes.iter().map(|&class| value(class)).collect();
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    classes.into_iter().zip(values).filter(|(_, value)| *value == most).map(|(class, _)| class).collect()
}

/// Puts the mean of the others in the place of what is not a number.
fn fill(mut values: Vec<f64>) -> Vec<f64> {
    let known: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    let mean = known.iter().sum::<f64>() / known.len() as f64;
    values.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = mean);
    values
}
