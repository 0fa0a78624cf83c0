//! Objects through frames, as TrackEval measures them: each class by itself, then summed up.
//!
//! A sequence is the samples of a folder, a frame each in the order of their paths, with `instance` naming the object;
//! or one video, whose tracks say where the object is in every frame between their first and last key.

use std::collections::{BTreeMap, HashMap};

use tamis_core::{Label, Sample, Shape, track};
use tamis_quality::tracking::{Tracked, TrackingOptions, TrackingReport, compare, measure_tracks};

use super::outcome::Outcomes;
use super::report::{EvalClass, EvalComparison, EvalReport, Figures};
use super::slices::{Part, Slices};
use super::{EvalKind, EvalRequest, Measure};
use crate::error::{EngineError, Result};

/// Boxes that one evaluation may have; a track of a hostile file may claim four thousand million frames.
const MOST: u64 = 100_000_000;

/// The boxes of a class in a sequence: of the truth, then of each model.
type Boxes = Vec<Vec<Tracked>>;

/// A sequence of frames.
struct Sequence {
    name: String,
    /// The number of its first sample: it belongs to the parts that this belongs to.
    first: u32,
    frames: u32,
    classes: BTreeMap<u32, Boxes>,
}

/// All sequences, in numbers.
pub(super) struct Sequences {
    sides: usize,
    samples: u32,
    all: Vec<Sequence>,
    names: Vec<String>,
    classes: HashMap<String, u32>,
    objects: HashMap<String, u32>,
    counts: Vec<u64>,
    skipped: u64,
}

impl Sequences {
    pub(super) fn new(models: usize) -> Sequences {
        Sequences {
            sides: models + 1,
            samples: 0,
            all: Vec::new(),
            names: Vec::new(),
            classes: HashMap::new(),
            objects: HashMap::new(),
            counts: vec![0; models + 1],
            skipped: 0,
        }
    }

    /// Adds the boxes of a label to the newest sequence.
    fn label(&mut self, side: usize, frame: u32, label: &Label) -> Result<()> {
        let name = label.class.clone().unwrap_or_default();
        let next = self.names.len() as u32;
        let class = *self.classes.entry(name.clone()).or_insert(next);
        if class == next {
            self.names.push(name);
        }
        // A track is an object even where nobody gave it a name.
        let object = match (&label.instance, &label.shape) {
            (Some(name), _) => name.clone(),
            (None, Shape::Track(_)) => format!("track {}", label.id),
            (None, _) => {
                self.skipped += 1;
                return Ok(());
            }
        };
        let next = self.objects.len() as u32;
        let object = *self.objects.entry(object).or_insert(next);
        let (sides, sum) = (self.sides, self.counts.iter().sum::<u64>());
        let (Some(sequence), Some(count)) = (self.all.last_mut(), self.counts.get_mut(side)) else { return Ok(()) };
        let boxes = sequence.classes.entry(class).or_insert_with(|| vec![Vec::new(); sides]);
        let Some(boxes) = boxes.get_mut(side) else { return Ok(()) };
        let before = boxes.len();
        match &label.shape {
            Shape::Track(keys) => {
                let ends = keys.first().zip(keys.last()).map(|(first, last)| first.frame..=last.frame);
                let frames = ends.into_iter().flatten().take((MOST + 1).saturating_sub(sum) as usize);
                boxes.extend(frames.filter_map(|frame| {
                    let bounds = track::at(keys, frame)?.0.bounds()?;
                    Some(Tracked { frame, track: object, bounds })
                }));
            }
            _ => match label.bounds() {
                Some(bounds) => boxes.push(Tracked { frame, track: object, bounds }),
                None => self.skipped += 1,
            },
        }
        *count += (boxes.len() - before) as u64;
        if self.counts.iter().sum::<u64>() > MOST {
            let message = format!("cannot measure the tracks of `{}`: more than {MOST} boxes", sequence.name);
            return Err(EngineError::new("usage", message).hint("measure a part of the samples: DATASET:PREFIX"));
        }
        Ok(())
    }

    /// The reports of the classes of each sequence, of a model.
    fn measured(&self, model: usize, request: &EvalRequest) -> Result<Vec<(u32, BTreeMap<u32, TrackingReport>)>> {
        let mut options = TrackingOptions::default();
        options.overlap = request.overlap;
        let of = |sequence: &Sequence| {
            let each = sequence.classes.iter().map(|(class, boxes)| {
                let side = |at: usize| boxes.get(at).map_or(&[][..], Vec::as_slice);
                let report = measure_tracks(side(0), side(model + 1), &options).map_err(|error| {
                    let name = self.names.get(*class as usize).map_or("", String::as_str);
                    let message = format!("cannot measure `{name}` in `{}`: {error}", sequence.name);
                    EngineError::new("usage", message).hint("`tamis check` finds broken tracks")
                });
                Ok((*class, report?))
            });
            Ok((sequence.first, each.collect::<Result<_>>()?))
        };
        self.all.iter().map(of).collect()
    }
}

fn figures(report: &TrackingReport) -> Figures {
    let counts = &report.counts;
    let is_there = counts.truths + counts.found > 0;
    let figures = [
        ("HOTA", report.hota()),
        ("DetA", report.deta()),
        ("AssA", report.assa()),
        ("LocA", report.loca()),
        ("MOTA", report.mota()),
        ("MOTP", report.motp()),
        ("IDF1", report.idf1()),
        ("IDP", report.idp()),
        ("IDR", report.idr()),
        ("switches", counts.switches as f64),
        ("fragments", counts.fragments as f64),
        ("mostly_tracked", counts.mostly_tracked as f64),
        ("mostly_lost", counts.mostly_lost as f64),
    ];
    figures.into_iter().map(|(name, value)| (name.to_owned(), is_there.then_some(value))).collect()
}

fn class_line(report: &TrackingReport) -> EvalClass {
    let counts = &report.counts;
    let (alarms, misses) = (counts.found - counts.matches, counts.truths - counts.matches);
    let mut line = EvalClass::counted(counts.truths, counts.matches, alarms, misses);
    for (name, value) in [("hota", report.hota()), ("mota", report.mota()), ("idf1", report.idf1())] {
        line.figures.insert(name.to_owned(), (counts.truths + counts.found > 0).then_some(value));
    }
    line
}

impl Measure for Sequences {
    fn add(&mut self, sample: &Sample, truth: &[Label], models: &[&[Label]]) -> Result<()> {
        let sides = || std::iter::once(truth).chain(models.iter().copied());
        let is_video = sides().flatten().any(|label| matches!(label.shape, Shape::Track(_)));
        let folder = sample.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let name = if is_video { sample.path.as_str() } else { folder };
        if is_video || self.all.last().is_none_or(|last| last.name != name) {
            let (name, first) = (name.to_owned(), self.samples);
            self.all.push(Sequence { name, first, frames: 0, classes: BTreeMap::new() });
            self.objects.clear();
        }
        let frame = self.all.last().map_or(0, |sequence| sequence.frames);
        for (side, labels) in sides().enumerate() {
            labels.iter().try_for_each(|label| self.label(side, frame, label))?;
        }
        self.all.last_mut().into_iter().for_each(|sequence| sequence.frames += 1);
        self.samples += 1;
        Ok(())
    }

    fn report(&self, slices: &Slices, request: &EvalRequest) -> Result<EvalReport> {
        let models = (0..self.sides - 1).map(|model| self.measured(model, request)).collect::<Result<Vec<_>>>()?;
        let none = Vec::new();
        let first = models.first().unwrap_or(&none);
        // A report a sequence, of all its classes.
        let whole = |model: &[(u32, BTreeMap<u32, TrackingReport>)], part: Part<'_>| -> Vec<TrackingReport> {
            let chosen = model.iter().filter(|(at, _)| part(*at));
            chosen.map(|(_, classes)| TrackingReport::combine(classes.values())).collect()
        };
        let compared = |part: Part<'_>| -> Option<EvalComparison> {
            let (layer, second) = (request.against.clone()?, whole(models.get(1)?, part));
            let difference = compare(&whole(first, part), &second, TrackingReport::hota, &request.bootstrap()).ok();
            let figures = figures(&TrackingReport::combine(&second));
            Some(EvalComparison { layer, figures, figure: "HOTA".to_owned(), difference })
        };
        let measure = |part: Part<'_>| Ok((figures(&TrackingReport::combine(&whole(first, part))), compared(part)));
        let class = |(class, name): (u32, &String)| {
            let reports = first.iter().filter_map(|(_, classes)| classes.get(&class));
            (name.clone(), class_line(&TrackingReport::combine(reports)))
        };
        Ok(EvalReport {
            commit: String::new(),
            kind: EvalKind::Tracks,
            samples: slices.samples(),
            truths: self.counts.first().copied().unwrap_or(0),
            predictions: self.counts.get(1).copied().unwrap_or(0),
            skipped: self.skipped,
            figures: figures(&TrackingReport::combine(&whole(first, &|_| true))),
            splits: slices.by_split(measure)?,
            slices: slices.by_slice(measure)?,
            classes: (0..).zip(&self.names).map(class).collect(),
            confused: Vec::new(),
            comparison: compared(&|_| true),
            written: None,
        })
    }

    fn outcomes(&self, _: &EvalRequest) -> Result<Outcomes> {
        let message = "cannot write the outcomes of tracks: what is right in one frame may be wrong along the track";
        Err(EngineError::new("usage", message).hint("measure and write the boxes of the frames with `--type boxes`"))
    }
}
