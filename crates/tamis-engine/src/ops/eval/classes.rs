//! Classes of samples, as scikit-learn measures them.
//!
//! Where every sample has one class at most, the prediction is the most confident one. Where samples have several, every
//! class from a confidence on is predicted, each class is measured by itself, and a sample is right (`accuracy`) when the
//! set of its classes is. A sample without a prediction is wrong.

use std::collections::{BTreeMap, HashMap};

use tamis_core::{Label, Sample, Shape};
use tamis_quality::classification::calibration_of;
use tamis_quality::compare_means;

use super::objects::confusions;
use super::outcome::{Outcome, Outcomes};
use super::report::{EvalClass, EvalComparison, EvalReport, Figures};
use super::slices::{Part, Slices};
use super::{EvalKind, EvalRequest, Measure};
use crate::error::Result;

/// Bins of equal width for the calibration error.
const BINS: usize = 15;

/// A class of a sample.
#[derive(Clone, Copy)]
struct Answer {
    class: u32,
    id: u64,
    confidence: f64,
}

/// The classes of all samples.
pub(super) struct Answers {
    confidence: f64,
    names: Vec<String>,
    classes: HashMap<String, u32>,
    truths: Vec<Vec<Answer>>,
    models: Vec<Vec<Vec<Answer>>>,
    is_multiple: bool,
    skipped: u64,
}

/// Counts of one class in some samples.
#[derive(Clone, Copy, Default)]
struct Count {
    truths: u64,
    predicted: u64,
    right: u64,
}

impl Answers {
    pub(super) fn new(models: usize, confidence: f64) -> Answers {
        Answers {
            confidence,
            names: Vec::new(),
            classes: HashMap::new(),
            truths: Vec::new(),
            models: vec![Vec::new(); models],
            is_multiple: false,
            skipped: 0,
        }
    }

    fn answers(&mut self, labels: &[Label]) -> Vec<Answer> {
        let mut answers: Vec<Answer> = Vec::new();
        for label in labels {
            let (Shape::Classification, Some(name)) = (&label.shape, &label.class) else {
                self.skipped += 1;
                continue;
            };
            let next = self.names.len() as u32;
            let class = *self.classes.entry(name.clone()).or_insert(next);
            if class == next {
                self.names.push(name.clone());
            }
            answers.push(Answer { class, id: label.id, confidence: label.confidence.unwrap_or(1.0) });
        }
        answers
    }

    /// What a model says about a sample.
    fn said(&self, answers: &[Answer]) -> Vec<Answer> {
        if self.is_multiple {
            return answers.iter().filter(|answer| answer.confidence >= self.confidence).copied().collect();
        }
        // The first of equally confident ones.
        let best = answers.iter().rev().max_by(|a, b| a.confidence.total_cmp(&b.confidence));
        best.copied().into_iter().collect()
    }

    /// The samples of a part: whose classes are these, what is said, and whether that is right.
    fn judged<'a>(
        &'a self,
        model: &'a [Vec<Answer>],
        part: Part<'a>,
    ) -> impl Iterator<Item = (&'a [Answer], Vec<Answer>, bool)> {
        let pairs = (0u32..).zip(self.truths.iter().zip(model)).filter(move |(at, _)| part(*at));
        pairs.map(|(_, (truth, answers))| {
            let said = self.said(answers);
            let set = |answers: &[Answer]| {
                let mut classes: Vec<u32> = answers.iter().map(|answer| answer.class).collect();
                classes.sort_unstable();
                classes.dedup();
                classes
            };
            let is_right = set(truth) == set(&said);
            (truth.as_slice(), said, is_right)
        })
    }

    fn counts(&self, model: &[Vec<Answer>], part: Part<'_>) -> Vec<Count> {
        let mut counts = vec![Count::default(); self.names.len()];
        let mut count = |class: u32, change: fn(&mut Count)| counts.get_mut(class as usize).map(change);
        for (truth, said, _) in self.judged(model, part) {
            truth.iter().for_each(|answer| _ = count(answer.class, |count| count.truths += 1));
            for answer in &said {
                count(answer.class, |count| count.predicted += 1);
                if truth.iter().any(|truth| truth.class == answer.class) {
                    count(answer.class, |count| count.right += 1);
                }
            }
        }
        counts
    }

    fn figures(&self, model: &[Vec<Answer>], part: Part<'_>) -> Figures {
        let (mut samples, mut right, mut answered, mut sure) = (0u64, 0u64, 0u64, Vec::new());
        for (_, said, is_right) in self.judged(model, part) {
            samples += 1;
            right += u64::from(is_right);
            answered += u64::from(!said.is_empty());
            sure.extend(said.first().map(|answer| (answer.confidence, is_right)));
        }
        let ratio = |a: u64, b: u64| (b > 0).then(|| a as f64 / b as f64);
        let counts = self.counts(model, part);
        let there: Vec<&Count> = counts.iter().filter(|count| count.truths + count.predicted > 0).collect();
        let mean = |figure: &dyn Fn(&Count) -> Option<f64>| {
            let sum: f64 = there.iter().map(|count| figure(count).unwrap_or(0.0)).sum();
            (!there.is_empty()).then(|| sum / there.len() as f64)
        };
        let f1 = |count: &Count| ratio(2 * count.right, count.truths + count.predicted);
        let recalls: Vec<f64> = counts.iter().filter_map(|count| ratio(count.right, count.truths)).collect();
        let all = counts.iter().fold(Count::default(), |a, b| Count {
            truths: a.truths + b.truths,
            predicted: a.predicted + b.predicted,
            right: a.right + b.right,
        });
        let weighted: f64 = counts.iter().map(|count| f1(count).unwrap_or(0.0) * count.truths as f64).sum();
        // Confidences say how sure the one answer is; of several, each is its own question.
        let ece = if self.is_multiple { None } else { calibration_of(&sure, BINS).ok().map(|told| told.expected) };
        let figures = [
            ("accuracy", ratio(right, samples)),
            ("balanced_accuracy", ratio(1, recalls.len() as u64).map(|part| part * recalls.iter().sum::<f64>())),
            ("precision", mean(&|count| ratio(count.right, count.predicted))),
            ("recall", mean(&|count| ratio(count.right, count.truths))),
            ("f1", mean(&f1)),
            ("f1_weighted", (all.truths > 0).then(|| weighted / all.truths as f64)),
            ("f1_micro", f1(&all)),
            ("ece", ece),
            ("answered", ratio(answered, samples)),
        ];
        figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn compared(&self, request: &EvalRequest, part: Part<'_>) -> Option<EvalComparison> {
        let (layer, first, second) = (request.against.clone()?, self.models.first()?, self.models.get(1)?);
        let right =
            |model| -> Vec<f64> { self.judged(model, part).map(|(.., right)| f64::from(u8::from(right))).collect() };
        let difference = compare_means(&right(first), &right(second), &request.bootstrap()).ok();
        Some(EvalComparison { layer, figures: self.figures(second, part), figure: "accuracy".to_owned(), difference })
    }
}

impl Measure for Answers {
    fn add(&mut self, _: &Sample, truth: &[Label], models: &[&[Label]]) -> Result<()> {
        let truth = self.answers(truth);
        if truth.is_empty() {
            // Nobody says what it is: it is kept for its number, and counts nowhere.
            self.truths.push(truth);
            self.models.iter_mut().for_each(|model| model.push(Vec::new()));
            return Ok(());
        }
        self.is_multiple |= truth.len() > 1;
        self.truths.push(truth);
        for (at, labels) in models.iter().enumerate() {
            let answers = self.answers(labels);
            if let Some(model) = self.models.get_mut(at) {
                model.push(answers);
            }
        }
        Ok(())
    }

    fn report(&self, slices: &Slices, request: &EvalRequest) -> Result<EvalReport> {
        let none: Vec<Vec<Answer>> = Vec::new();
        let model = self.models.first().unwrap_or(&none);
        let is_known = |at: u32| self.truths.get(at as usize).is_some_and(|truth| !truth.is_empty());
        let measure = |part: Part<'_>| {
            let part = |at: u32| is_known(at) && part(at);
            Ok((self.figures(model, &part), self.compared(request, &part)))
        };
        let line = |(name, count): (&String, Count)| {
            let (alarms, misses) = (count.predicted - count.right, count.truths.saturating_sub(count.right));
            (name.clone(), EvalClass::counted(count.truths, count.right, alarms, misses))
        };
        let mut pairs: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for (truth, said, _) in self.judged(model, &is_known).filter(|(.., right)| !right && !self.is_multiple) {
            if let (Some(truth), Some(said)) = (truth.first(), said.first()) {
                *pairs.entry((truth.class, said.class)).or_default() += 1;
            }
        }
        let counts = self.counts(model, &is_known);
        Ok(EvalReport {
            commit: String::new(),
            kind: EvalKind::Classes,
            samples: slices.samples(),
            truths: counts.iter().map(|count| count.truths).sum(),
            predictions: counts.iter().map(|count| count.predicted).sum(),
            skipped: self.skipped,
            figures: self.figures(model, &is_known),
            splits: slices.by_split(measure)?,
            slices: slices.by_slice(measure)?,
            classes: self.names.iter().zip(counts).map(line).collect(),
            confused: confusions(&self.names, pairs.into_iter().map(|((a, b), count)| (a, b, count)).collect()),
            comparison: self.compared(request, &is_known),
            written: None,
        })
    }

    fn outcomes(&self, _: &EvalRequest) -> Result<Outcomes> {
        let mut written = Outcomes::default();
        let Some(model) = self.models.first() else { return Ok(written) };
        for (at, (truth, answers)) in (0u32..).zip(self.truths.iter().zip(model)) {
            let said = self.said(answers);
            for answer in answers {
                let hit = truth.iter().find(|truth| truth.class == answer.class);
                let outcome = match hit {
                    _ if !said.iter().any(|said| said.id == answer.id) => Outcome::Ignored,
                    Some(truth) => Outcome::Hit { truth: Some(truth.id), overlap: None },
                    None => Outcome::FalseAlarm,
                };
                written.found(at, answer.id, outcome);
            }
            for truth in truth.iter().filter(|truth| !said.iter().any(|said| said.class == truth.class)) {
                written.missed(at, truth.id);
            }
        }
        Ok(written)
    }
}
