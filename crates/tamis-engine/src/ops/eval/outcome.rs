//! What became of each label, written as a layer to look at.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::json;
use tamis_core::{Label, Sample};
use tamis_repo::{Commit, Stats};

use super::{EvalRequest, EvalWritten};
use crate::error::{EngineError, Result};
use crate::{Ctx, Engine};

/// What became of a prediction.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// It is right: the label of the truth, and how much they overlap.
    Hit { truth: Option<u64>, overlap: Option<f64> },
    /// There is nothing, or something else.
    FalseAlarm,
    /// It counts neither way.
    Ignored,
}

/// Outcomes by the number of the sample and the id of the label.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    found: HashMap<(u32, u64), Outcome>,
    missed: HashSet<(u32, u64)>,
}

impl Outcomes {
    pub(super) fn found(&mut self, sample: u32, label: u64, outcome: Outcome) {
        self.found.insert((sample, label), outcome);
    }

    pub(super) fn missed(&mut self, sample: u32, label: u64) {
        self.missed.insert((sample, label));
    }

    /// The layer of a sample: its predictions with their outcomes, then what they missed.
    fn layer(&self, at: u32, truth: &[Label], found: &[Label], counts: &mut BTreeMap<String, u64>) -> Vec<Label> {
        let mut told = |label: &Label, name: &str, more: [(&str, serde_json::Value); 2]| {
            *counts.entry(name.to_owned()).or_default() += 1;
            let mut label = label.clone();
            label.id = 0;
            label.attributes.insert("outcome".to_owned(), name.into());
            let more = more.into_iter().filter(|(_, value)| !value.is_null());
            label.attributes.extend(more.map(|(name, value)| (name.to_owned(), value)));
            label
        };
        const NOTHING: serde_json::Value = serde_json::Value::Null;
        let mut labels = Vec::new();
        for label in found {
            labels.extend(self.found.get(&(at, label.id)).map(|outcome| match outcome {
                Outcome::Hit { truth, overlap } => {
                    told(label, "hit", [("matched", json!(truth)), ("overlap", json!(overlap))])
                }
                Outcome::FalseAlarm => told(label, "false_alarm", [("", NOTHING), ("", NOTHING)]),
                Outcome::Ignored => told(label, "ignored", [("", NOTHING), ("", NOTHING)]),
            }));
        }
        let missed = truth.iter().filter(|label| self.missed.contains(&(at, label.id)));
        labels.extend(missed.map(|label| told(label, "miss", [("matched", json!(label.id)), ("", NOTHING)])));
        labels
    }
}

impl Engine {
    /// Commits the outcomes to a layer of the branch that was measured.
    pub(super) fn write_outcomes(
        &self,
        ctx: &Ctx,
        request: &EvalRequest,
        stats: &Stats,
        measured: &Commit,
        outcomes: &Outcomes,
    ) -> Result<Option<EvalWritten>> {
        let Some(layer) = &request.write else { return Ok(None) };
        let mut edit = self.dataset(&request.address.dataset)?.transaction(request.address.revision())?;
        let snapshot = edit.snapshot()?;
        if snapshot.commit().id != measured.id {
            let message = format!("cannot write outcomes to `{}`: the branch moved meanwhile", request.address);
            return Err(EngineError::new("repo.moved", message).hint("measure again"));
        }
        let (mut at, mut counts) = (0, BTreeMap::new());
        self.each(ctx, &snapshot, request, stats, |sample: &Sample| {
            let Some(truth) = sample.layers.get(&request.truth) else { return Ok(()) };
            let found = sample.layers.get(&request.layer).map_or(&[][..], Vec::as_slice);
            let labels = outcomes.layer(at, truth, found, &mut counts);
            at += 1;
            Ok(edit.patch_layer(&sample.path, layer, Some(labels))?)
        })?;
        let message = format!("measure {} against {}", request.layer, request.truth);
        let outcome = edit.commit(&message, &ctx.author)?;
        let commit = outcome.commit().map(|commit| commit.id.to_string());
        Ok(Some(EvalWritten { layer: layer.clone(), commit, labels: counts }))
    }
}
