//! Measuring a layer of predictions against another, as COCO does.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::Value;
use tamis_core::{Label, Shape};
use tamis_quality::detection::{
    Detection, DetectionOptions, DetectionReport, Evaluation, FoundOutcome, Shapes, Truth, TruthOutcome, outcomes,
};
use tamis_repo::ScanOptions;

use crate::error::{EngineError, Result};
use crate::{Address, Ctx, Engine};

/// What to measure.
#[derive(Clone, Debug)]
pub struct EvalRequest {
    /// The revision; its path is a prefix of samples.
    pub address: Address,
    /// The layer that is right.
    pub truth: String,
    /// The layer to measure.
    pub layer: String,
    /// From which overlap on a prediction counts as a hit, in the counts by class.
    pub overlap: f64,
}

/// What was measured. Boxes: of other shapes, their bounds.
#[derive(Clone, Debug, Serialize)]
pub struct EvalReport {
    /// The commit's id.
    pub commit: String,
    /// Samples that have the layer of truth; others say nothing.
    pub samples: u64,
    /// Labels of the truth that were counted.
    pub truths: u64,
    /// Predictions that were counted.
    pub predictions: u64,
    /// COCO's twelve figures over all samples, in its order; absent where nothing is to be found.
    pub figures: BTreeMap<String, Option<f64>>,
    /// Average precision by split.
    pub splits: BTreeMap<String, EvalSlice>,
    /// By class.
    pub classes: BTreeMap<String, EvalClass>,
}

/// The figures of a part of the samples.
#[derive(Clone, Debug, Serialize)]
pub struct EvalSlice {
    /// Mean over the overlaps 0.5 to 0.95.
    pub ap: Option<f64>,
    /// At overlap 0.5.
    pub ap50: Option<f64>,
}

/// The figures of a class.
#[derive(Clone, Debug, Serialize)]
pub struct EvalClass {
    /// Mean over the overlaps 0.5 to 0.95.
    pub ap: Option<f64>,
    /// At overlap 0.5.
    pub ap50: Option<f64>,
    /// Predictions that hit.
    pub hits: u64,
    /// Predictions where there is nothing.
    pub false_alarms: u64,
    /// Objects that nobody found.
    pub misses: u64,
}

/// Objects and their boxes, as the measure takes them.
#[derive(Default)]
struct Gathered {
    truths: Vec<Truth>,
    truth_boxes: Vec<[f64; 4]>,
    found: Vec<Detection>,
    found_boxes: Vec<[f64; 4]>,
    classes: HashMap<String, u32>,
    splits: Vec<String>,
}

impl Gathered {
    fn class(&mut self, label: &Label) -> u32 {
        let next = self.classes.len() as u32;
        *self.classes.entry(label.class.clone().unwrap_or_default()).or_insert(next)
    }

    fn truth(&mut self, image: u32, label: &Label) {
        let Some(bounds) = label.bounds() else { return };
        let number = |name: &str| label.attributes.get(name).and_then(Value::as_f64);
        let crowd = label.attributes.get("iscrowd").is_some_and(|v| *v == Value::Bool(true) || v.as_f64() == Some(1.0));
        // COCO's ranges of size go by the mask's area, which its annotation states.
        let area = number("area").unwrap_or_else(|| match &label.shape {
            Shape::Rle(rle) => rle.area() as f64,
            _ => bounds.area(),
        });
        let class = self.class(label);
        self.truths.push(Truth { image, class, area, crowd, ..Truth::default() });
        self.truth_boxes.push(bounds.to_xywh());
    }

    fn found(&mut self, image: u32, label: &Label) {
        let Some(bounds) = label.bounds() else { return };
        let class = self.class(label);
        let score = label.confidence.map_or(1.0, f64::from);
        self.found.push(Detection { image, class, score, area: None });
        self.found_boxes.push(bounds.to_xywh());
    }

    fn shapes(&self) -> Shapes<'_> {
        Shapes::Boxes { truth: &self.truth_boxes, found: &self.found_boxes }
    }
}

impl Engine {
    /// Measures the boxes of a layer against those of another: average precision and recall as COCO's program does,
    /// over all, by split and by class.
    ///
    /// # Errors
    /// `usage` where no sample has one of the layers.
    pub fn eval(&self, ctx: &Ctx, request: &EvalRequest) -> Result<EvalReport> {
        let snapshot = self.dataset(&request.address.dataset)?.snapshot(request.address.revision())?;
        let options = ScanOptions {
            prefix: request.address.prefix().to_owned(),
            skip_fields: true,
            layers: Some(vec![request.truth.clone(), request.layer.clone()]),
            ..ScanOptions::default()
        };
        let mut all = Gathered::default();
        let mut measured = false;
        ctx.progress.begin("read labels", Some(snapshot.len()), "samples");
        for sample in snapshot.scan(&options)? {
            let sample = sample?;
            ctx.progress.advance(1, 0)?;
            measured |= sample.layers.contains_key(&request.layer);
            let Some(truth) = sample.layers.get(&request.truth) else { continue };
            let image = all.splits.len() as u32;
            all.splits.push(sample.split.unwrap_or_default());
            truth.iter().for_each(|label| all.truth(image, label));
            sample.layers.get(&request.layer).into_iter().flatten().for_each(|label| all.found(image, label));
        }
        ctx.progress.end();
        for (layer, is_there) in [(&request.truth, !all.splits.is_empty()), (&request.layer, measured)] {
            if !is_there {
                let message = format!("cannot measure `{}`: no sample has the layer `{layer}`", request.address);
                let hint = format!("`tamis stats {}` lists the layers", request.address.dataset);
                return Err(EngineError::new("usage", message).hint(hint));
            }
        }
        report(snapshot.commit().id.to_string(), &all, request.overlap)
    }
}

fn report(commit: String, all: &Gathered, overlap: f64) -> Result<EvalReport> {
    let measured = Evaluation::new(&all.truths, &all.found, all.shapes(), DetectionOptions::boxes())?;
    let whole = measured.report();
    let figures = whole.summary().into_iter().map(|figure| (figure.name, figure.value)).collect();
    let names: std::collections::BTreeSet<&String> = all.splits.iter().filter(|name| !name.is_empty()).collect();
    let slice = |name: &String| {
        let part = measured.report_of(|image| all.splits.get(image as usize) == Some(name));
        (name.clone(), EvalSlice { ap: precision(&part, None, None), ap50: precision(&part, Some(0.5), None) })
    };
    let splits = names.into_iter().map(slice).collect();
    let told = outcomes(&all.truths, &all.found, all.shapes(), overlap, 100)?;
    let mut classes: BTreeMap<String, EvalClass> = BTreeMap::new();
    for (name, class) in &all.classes {
        let of = |outcome: &dyn Fn(&FoundOutcome) -> bool| {
            let counted = all.found.iter().zip(&told.detections);
            counted.filter(|(found, outcome_)| found.class == *class && outcome(outcome_)).count() as u64
        };
        let missed = all.truths.iter().zip(&told.truths);
        let line = EvalClass {
            ap: precision(&whole, None, Some(*class)),
            ap50: precision(&whole, Some(0.5), Some(*class)),
            hits: of(&|outcome| matches!(outcome, FoundOutcome::True { .. })),
            false_alarms: of(&|outcome| matches!(outcome, FoundOutcome::False)),
            misses: missed.filter(|(t, o)| t.class == *class && **o == TruthOutcome::Missed).count() as u64,
        };
        classes.insert(name.clone(), line);
    }
    Ok(EvalReport {
        commit,
        samples: all.splits.len() as u64,
        truths: all.truths.len() as u64,
        predictions: all.found.len() as u64,
        figures,
        splits,
        classes,
    })
}

fn precision(report: &DetectionReport, overlap: Option<f64>, class: Option<u32>) -> Option<f64> {
    report.precision(overlap, class, "all", 100)
}
