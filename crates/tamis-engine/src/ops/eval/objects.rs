//! Boxes, masks and key points, as COCO measures them.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use tamis_core::{Box2d, Label, Point, Rle, Sample, Shape};
use tamis_quality::detection::{
    COCO_SIGMAS, Detection, DetectionOptions, DetectionReport, Evaluation, FoundOutcome, Pose, Shapes, Truth,
    TruthOutcome, compare, outcomes,
};

use super::outcome::{Outcome, Outcomes};
use super::report::{EvalClass, EvalComparison, EvalConfusion, EvalReport, Figures};
use super::slices::{Part, Slices};
use super::{EvalKind, EvalRequest, Measure};
use crate::error::{EngineError, Result};

/// Detections of a class that count in an image, as COCO has it for boxes and masks.
const MOST: usize = 100;
/// Pairs of classes that are told.
const CONFUSED: usize = 20;
/// What stands for how far annotators disagree on a point of a skeleton that is not COCO's: the mean of COCO's.
const SIGMA: f64 = 0.062;

/// Shapes of labels in the form that is measured; one of the lists is used.
#[derive(Default)]
struct Drawn {
    boxes: Vec<[f64; 4]>,
    masks: Vec<Rle>,
    poses: Vec<Pose>,
}

/// What a model found.
#[derive(Default)]
struct Model {
    found: Vec<Detection>,
    ids: Vec<u64>,
    shapes: Drawn,
}

/// Objects of all samples, in numbers.
pub(super) struct Objects {
    kind: EvalKind,
    images: u32,
    names: Vec<String>,
    classes: HashMap<String, u32>,
    truths: Vec<Truth>,
    truth_ids: Vec<u64>,
    shapes: Drawn,
    models: Vec<Model>,
    points: usize,
    skipped: u64,
}

impl Objects {
    pub(super) fn new(kind: EvalKind, models: usize) -> Objects {
        Objects {
            kind,
            images: 0,
            names: Vec::new(),
            classes: HashMap::new(),
            truths: Vec::new(),
            truth_ids: Vec::new(),
            shapes: Drawn::default(),
            models: (0..models).map(|_| Model::default()).collect(),
            points: 0,
            skipped: 0,
        }
    }

    fn class(&mut self, label: &Label) -> u32 {
        let name = label.class.as_deref().unwrap_or_default();
        if let Some(&class) = self.classes.get(name) {
            return class;
        }
        let class = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.classes.insert(name.to_owned(), class);
        class
    }

    fn truth(&mut self, sample: &Sample, label: &Label) -> Result<()> {
        if !draw(self.kind, sample, label, &mut self.shapes, true)? {
            self.skipped += 1;
            return Ok(());
        }
        let number = |name: &str| label.attributes.get(name).and_then(Value::as_f64);
        let crowd = label.attributes.get("iscrowd").is_some_and(|v| *v == Value::Bool(true) || v.as_f64() == Some(1.0));
        // COCO's ranges of size go by the area that its annotation states, which is that of the mask.
        let area = number("area").unwrap_or_else(|| match (&label.shape, self.shapes.masks.last()) {
            (_, Some(mask)) => mask.area() as f64,
            (Shape::Rle(rle), None) => rle.area() as f64,
            _ => label.bounds().map_or(0.0, |bounds| bounds.area()),
        });
        let pose = self.shapes.poses.last();
        let ignore = pose.is_some_and(|pose| pose.points.iter().all(|point| point.v == Some(0)));
        self.points = self.points.max(pose.map_or(0, |pose| pose.points.len()));
        let class = self.class(label);
        self.truths.push(Truth { image: self.images, class, area, crowd, ignore });
        self.truth_ids.push(label.id);
        Ok(())
    }

    fn found(&mut self, model: usize, sample: &Sample, label: &Label) -> Result<()> {
        let (image, class) = (self.images, self.class(label));
        let kind = self.kind;
        let Some(model) = self.models.get_mut(model) else { return Ok(()) };
        if !draw(kind, sample, label, &mut model.shapes, false)? {
            self.skipped += 1;
            return Ok(());
        }
        let score = label.confidence.unwrap_or(1.0);
        model.found.push(Detection { image, class, score, area: None });
        model.ids.push(label.id);
        Ok(())
    }

    fn shapes<'a>(&'a self, model: &'a Model, sigmas: &'a [f64]) -> Shapes<'a> {
        match self.kind {
            EvalKind::Masks => Shapes::Masks { truth: &self.shapes.masks, found: &model.shapes.masks },
            EvalKind::Keypoints => Shapes::Poses { truth: &self.shapes.poses, found: &model.shapes.poses, sigmas },
            _ => Shapes::Boxes { truth: &self.shapes.boxes, found: &model.shapes.boxes },
        }
    }

    fn sigmas(&self) -> Vec<f64> {
        if self.points == COCO_SIGMAS.len() { COCO_SIGMAS.to_vec() } else { vec![SIGMA; self.points] }
    }

    fn options(&self) -> DetectionOptions {
        if self.kind == EvalKind::Keypoints { DetectionOptions::poses() } else { DetectionOptions::boxes() }
    }

    fn evaluation(&self, model: &Model) -> Result<Evaluation> {
        Ok(Evaluation::new(&self.truths, &model.found, self.shapes(model, &self.sigmas()), self.options())?)
    }

    fn told(&self, model: &Model, overlap: f64) -> Result<tamis_quality::detection::Outcomes> {
        Ok(outcomes(&self.truths, &model.found, self.shapes(model, &self.sigmas()), overlap, MOST)?)
    }

    fn by_class(
        &self,
        whole: &DetectionReport,
        request: &EvalRequest,
        model: &Model,
    ) -> Result<(BTreeMap<String, EvalClass>, Vec<EvalConfusion>)> {
        let told = self.told(model, request.overlap)?;
        let mut counts = vec![[0u64; 4]; self.names.len()];
        for (truth, outcome) in self.truths.iter().zip(&told.truths) {
            let Some(count) = counts.get_mut(truth.class as usize) else { continue };
            count[0] += u64::from(*outcome != TruthOutcome::Ignored);
            count[3] += u64::from(*outcome == TruthOutcome::Missed);
        }
        for (found, outcome) in model.found.iter().zip(&told.detections) {
            let Some(count) = counts.get_mut(found.class as usize) else { continue };
            count[1] += u64::from(matches!(outcome, FoundOutcome::True { .. }));
            count[2] += u64::from(matches!(outcome, FoundOutcome::False));
        }
        let most = whole.options().max_detections.last().copied().unwrap_or(MOST);
        let class = |(class, name): (u32, &String)| {
            let [truths, hits, false_alarms, misses] = counts.get(class as usize).copied().unwrap_or_default();
            let mut line = EvalClass::counted(truths, hits, false_alarms, misses);
            let precision = |overlap| whole.precision(overlap, Some(class), "all", most);
            line.figures.insert("ap".to_owned(), precision(None));
            line.figures.insert("ap50".to_owned(), precision(Some(0.5)));
            line.curve = if request.curves { whole.curve(0.5, class, "all", most) } else { None };
            (name.clone(), line)
        };
        let classes = (0..).zip(&self.names).map(class).collect();
        Ok((classes, self.confused(request, model, &told)?))
    }

    /// What was missed under its own class and found under another: matches of what is left over, whatever the class.
    fn confused(
        &self,
        request: &EvalRequest,
        model: &Model,
        told: &tamis_quality::detection::Outcomes,
    ) -> Result<Vec<EvalConfusion>> {
        let mut left = Objects::new(self.kind, 0);
        left.points = self.points;
        let (mut truth_classes, mut found_classes) = (Vec::new(), Vec::new());
        for (at, truth) in self.truths.iter().enumerate().filter(|(at, _)| told.truths[*at] == TruthOutcome::Missed) {
            left.truths.push(Truth { class: 0, ..*truth });
            left.shapes.take(&self.shapes, at);
            truth_classes.push(truth.class);
        }
        let mut rest = Model::default();
        let alarms = model.found.iter().enumerate().filter(|(at, _)| told.detections[*at] == FoundOutcome::False);
        for (at, found) in alarms {
            rest.found.push(Detection { class: 0, ..*found });
            rest.shapes.take(&model.shapes, at);
            found_classes.push(found.class);
        }
        let mut pairs: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for (at, outcome) in left.told(&rest, request.overlap)?.detections.iter().enumerate() {
            let FoundOutcome::True { truth, .. } = outcome else { continue };
            let pair = truth_classes.get(*truth).zip(found_classes.get(at)).filter(|(truth, found)| truth != found);
            if let Some((&truth, &found)) = pair {
                *pairs.entry((truth, found)).or_default() += 1;
            }
        }
        Ok(confusions(&self.names, pairs.into_iter().map(|((truth, found), count)| (truth, found, count)).collect()))
    }
}

/// The pairs of classes that are confused most, by name.
pub(super) fn confusions(names: &[String], mut pairs: Vec<(u32, u32, u64)>) -> Vec<EvalConfusion> {
    pairs.sort_by(|a, b| b.2.cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1))));
    let name = |class: u32| names.get(class as usize).cloned().unwrap_or_default();
    let line = |(truth, found, count)| EvalConfusion { truth: name(truth), predicted: name(found), count };
    pairs.into_iter().take(CONFUSED).map(line).collect()
}

impl Drawn {
    /// Takes a shape of another list.
    fn take(&mut self, other: &Drawn, at: usize) {
        self.boxes.extend(other.boxes.get(at).copied());
        self.masks.extend(other.masks.get(at).cloned());
        self.poses.extend(other.poses.get(at).cloned());
    }
}

/// Adds the shape of a label in the form that `kind` measures; tells whether it has one.
fn draw(kind: EvalKind, sample: &Sample, label: &Label, drawn: &mut Drawn, is_truth: bool) -> Result<bool> {
    match kind {
        EvalKind::Masks => {
            let ring = |rings: &[Vec<Point>]| -> Result<Rle> {
                let (width, height) = size_of(sample);
                Ok(Rle::from_polygons(width, height, rings)?)
            };
            match &label.shape {
                Shape::Rle(rle) => drawn.masks.push(rle.clone()),
                Shape::Polygon(points) => drawn.masks.push(ring(std::slice::from_ref(points))?),
                Shape::MultiPolygon(rings) => drawn.masks.push(ring(rings)?),
                _ => return Ok(false),
            }
        }
        EvalKind::Keypoints => {
            let Shape::Keypoints(points) = &label.shape else { return Ok(false) };
            let bounds = if is_truth { label.bounds().map(|bounds| bounds.to_xywh()) } else { None };
            drawn.poses.push(Pose { points: points.clone(), bounds: bounds.unwrap_or_default() });
        }
        _ => match label.bounds() {
            Some(bounds) => drawn.boxes.push(bounds.to_xywh()),
            None => return Ok(false),
        },
    }
    Ok(true)
}

/// The size of an image: what is known of its file, else that of any mask of it, else what holds all its shapes.
fn size_of(sample: &Sample) -> (u32, u32) {
    if let Some(stated) = sample.media.as_ref().and_then(|media| media.width.zip(media.height)) {
        return stated;
    }
    let labels = || sample.layers.values().flatten();
    let mask = labels().find_map(|label| match &label.shape {
        Shape::Rle(rle) => Some((rle.width, rle.height)),
        _ => None,
    });
    mask.unwrap_or_else(|| {
        let far = |to: fn(Box2d) -> f64| {
            let ends = labels().filter_map(|label| label.bounds()).map(to);
            ends.fold(1.0, f64::max).ceil().min(f64::from(u16::MAX)) as u32
        };
        (far(|bounds| bounds.xmax), far(|bounds| bounds.ymax))
    })
}

fn figures(report: &DetectionReport) -> Figures {
    report.summary().into_iter().map(|figure| (figure.name, figure.value)).collect()
}

impl Measure for Objects {
    fn add(&mut self, sample: &Sample, truth: &[Label], models: &[&[Label]]) -> Result<()> {
        truth.iter().try_for_each(|label| self.truth(sample, label))?;
        for (at, labels) in models.iter().enumerate() {
            labels.iter().try_for_each(|label| self.found(at, sample, label))?;
        }
        self.images += 1;
        Ok(())
    }

    fn report(&self, slices: &Slices, request: &EvalRequest) -> Result<EvalReport> {
        let evaluations = self.models.iter().map(|model| self.evaluation(model)).collect::<Result<Vec<_>>>()?;
        let (Some(first), Some(model)) = (evaluations.first(), self.models.first()) else {
            return Err(EngineError::new("internal", "an evaluation without a model"));
        };
        let compared = |part: Part<'_>| -> Option<EvalComparison> {
            let (layer, second) = (request.against.clone()?, evaluations.get(1)?);
            let difference = compare(first, second, part, &request.bootstrap()).ok();
            Some(EvalComparison {
                layer,
                figures: figures(&second.report_of(part)),
                figure: "AP".to_owned(),
                difference,
            })
        };
        let measure = |part: Part<'_>| Ok((figures(&first.report_of(part)), compared(part)));
        let whole = first.report();
        let (classes, confused) = self.by_class(&whole, request, model)?;
        Ok(EvalReport {
            commit: String::new(),
            kind: self.kind,
            samples: slices.samples(),
            truths: self.truths.len() as u64,
            predictions: model.found.len() as u64,
            skipped: self.skipped,
            figures: figures(&whole),
            splits: slices.by_split(measure)?,
            slices: slices.by_slice(measure)?,
            classes,
            confused,
            comparison: compared(&|_| true),
            written: None,
        })
    }

    fn outcomes(&self, request: &EvalRequest) -> Result<Outcomes> {
        let mut written = Outcomes::default();
        let Some(model) = self.models.first() else { return Ok(written) };
        let told = self.told(model, request.overlap)?;
        for (at, outcome) in told.detections.iter().enumerate() {
            let (Some(found), Some(&id)) = (model.found.get(at), model.ids.get(at)) else { continue };
            let of = |truth: usize| self.truth_ids.get(truth).copied();
            let outcome = match *outcome {
                FoundOutcome::True { truth, overlap } => Outcome::Hit { truth: of(truth), overlap: Some(overlap) },
                FoundOutcome::False => Outcome::FalseAlarm,
                _ => Outcome::Ignored,
            };
            written.found(found.image, id, outcome);
        }
        for ((truth, &id), outcome) in self.truths.iter().zip(&self.truth_ids).zip(&told.truths) {
            if *outcome == TruthOutcome::Missed {
                written.missed(truth.image, id);
            }
        }
        Ok(written)
    }
}
