//! Boxes: `frame,track,left,top,width,height,confidence,class,visibility`, or with x, y, z for the last columns.

use std::collections::{BTreeMap, BTreeSet};

use tamis_core::{Box2d, Label, LabelType, Place, Report, Shape};

use super::sequence::{self, Frame, Settings};
use super::{DET, NAMES, write};
use crate::each::Each;
use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::labels::{self, Judge};
use crate::lex::number::json;
use crate::lex::{Fault, text};
use crate::out::{ATTRIBUTES, CLASSES, FIELDS, IDS, LAYERS, MEDIA, NAME, NO_BOX, PATH, ROUNDING, SHAPE};
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::Spec;

pub(super) static SPEC: Spec = Spec {
    id: "mot",
    title: "MOT challenge tracks",
    homepage: "https://motchallenge.net/instructions/",
    extensions: &["txt", "ini"],
    media: &["image"],
    reads: &[LabelType::Box2d],
    writes: &[LabelType::Box2d],
    losses: &[LAYERS, FIELDS, ATTRIBUTES, SHAPE, NO_BOX, NAME, PATH, MEDIA, IDS, CLASSES, ROUNDING],
    options: &[],
};

/// MOT challenge.
pub(crate) struct Mot;

/// Frame, track, and the rest of a row.
fn parse(line: u64, row: &str) -> std::result::Result<(u64, i64, Vec<f64>), Fault> {
    let cells: Vec<&str> = row.split([',', ' ', '\t']).map(str::trim).filter(|c| !c.is_empty()).collect();
    let numbers = text::numbers(line, &cells)?;
    match numbers.as_slice() {
        [frame, track, rest @ ..] if (4..=8).contains(&rest.len()) && frame.fract() == 0.0 && *frame >= 0.0 => {
            Ok((*frame as u64, *track as i64, rest.to_vec()))
        }
        other => {
            Err(Fault::new(line, 0, format!("expected a frame, a track and 4 to 8 numbers, found {}", other.len())))
        }
    }
}

fn is_rows(source: &Source, path: &str) -> bool {
    let head = source.head(path, 2048).unwrap_or_default();
    let head = text::decode(&head).into_owned();
    // One bad row does not make it another file.
    text::lines(&head).take(20).any(|(_, row)| row.matches(',').count() >= 5 && parse(1, row).is_ok())
}

impl Format for Mot {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        match sequence::find(probe.source(), |p| is_rows(probe.source(), p)).first() {
            Some(first) => {
                let file = first.truth.or(first.detections).unwrap_or_default();
                Confidence::new(93, format!("found `{file}` with frames, tracks and boxes"))
            }
            None => Confidence::NONE,
        }
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        let judge = Judge { format: SPEC.id, report };
        let sequences = sequence::find(source, |p| is_rows(source, p));
        if sequences.is_empty() {
            return Err(labels::not_this(source, SPEC.id, "there are no `gt/gt.txt` or `det/det.txt`"));
        }
        let settings: Vec<Settings> = sequences.iter().map(|s| Settings::load(source, &s.root, &judge)).collect();
        let mut items: Vec<Frame> = Vec::new();
        for (at, sequence) in sequences.iter().enumerate() {
            let mut named = BTreeSet::new();
            for file in [sequence.truth, sequence.detections].into_iter().flatten() {
                let Some(all) = judge.text(source, file) else { continue };
                named.extend(text::lines(&all).filter_map(|(line, row)| parse(line, row).ok()).map(|r| r.0));
            }
            let Some(own) = settings.get(at) else { continue };
            items.extend(sequence::frames(source, own, (at, sequence), named.into_iter(), &judge));
        }
        items.sort_by(|a, b| a.path.cmp(&b.path));
        items.dedup_by(|a, b| a.path == b.path);
        let layer = options.layer();
        let mut open: Option<(usize, Rows, Rows)> = None;
        Ok(Box::new(Each::new(items, Schema::default(), move |frame: Frame, schema| {
            let (Some(sequence), Some(own)) = (sequences.get(frame.sequence), settings.get(frame.sequence)) else {
                return Ok(None);
            };
            let mut record = sequence::record(source, &frame, &sequence.root, own);
            if open.as_ref().is_none_or(|o| o.0 != frame.sequence) {
                let names = names(source, sequence.truth, &judge);
                let load = |file: Option<&str>| file.map(|f| rows(source, f, &names, &judge)).unwrap_or_default();
                open = Some((frame.sequence, load(sequence.truth), load(sequence.detections)));
            }
            let Some((_, truth, detections)) = &mut open else { return Ok(None) };
            for (rows, file, layer) in [(truth, sequence.truth, layer.as_str()), (detections, sequence.detections, DET)]
            {
                if file.is_some() {
                    let mut found = rows.remove(&frame.number).unwrap_or_default();
                    found.retain(|(line, label)| {
                        let Shape::Box2d(b) = label.shape else { return true };
                        let place = || Place::line(file.unwrap_or_default(), *line);
                        judge.accept(b, record.stated_size, place).is_some()
                    });
                    let found: Vec<Label> = found.into_iter().map(|(_, label)| label).collect();
                    labels::learn(schema, &found);
                    record.layers.insert(layer.to_owned(), found);
                }
            }
            Ok(Some(record))
        })))
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        schema: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        Ok(crate::out::write(&SPEC, sink, schema, options, report, write::Rows::boxes()))
    }
}

type Rows = BTreeMap<u64, Vec<(u64, Label)>>;

/// Names of classes by number: `labels.txt` beside the file, else the challenge's own.
pub(super) fn names(source: &Source, file: Option<&str>, judge: &Judge<'_>) -> Vec<String> {
    let list = file.map(|f| crate::paths::join(crate::paths::folder(f), "labels.txt"));
    match list.filter(|l| source.find(l).is_some()).and_then(|l| judge.text(source, &l)) {
        Some(all) => text::lines(&all).map(|(_, name)| name.to_owned()).collect(),
        None => NAMES.iter().map(|n| (*n).to_owned()).collect(),
    }
}

fn rows(source: &Source, file: &str, names: &[String], judge: &Judge<'_>) -> Rows {
    let mut out = Rows::new();
    let Some(all) = judge.text(source, file) else { return out };
    for (line, row) in text::lines(&all) {
        let Some((frame, track, rest)) = judge.take(file, parse(line, row)) else { continue };
        let &[left, top, width, height, ref more @ ..] = rest.as_slice() else { continue };
        let mut label = Label::new(Shape::Box2d(Box2d::from_xywh(left, top, width, height)));
        label.instance = (track >= 0).then(|| track.to_string());
        // Two further columns are a class and a visibility, three are a place in the world.
        match more {
            [flag, class, rest @ ..] if more.len() <= 3 => {
                label.class = usize::try_from(*class as i64 - 1).ok().and_then(|i| names.get(i)).cloned();
                if label.class.is_none() && *class >= 0.0 {
                    let message = format!("there is no name for class {class}; the number is taken");
                    judge.warn("unknown_class", Place::line(file, line), message);
                    label.class = Some(class.to_string());
                }
                if *flag == 0.0 {
                    label.attributes.insert("ignored".to_owned(), true.into());
                } else if *flag != 1.0 {
                    label.confidence = Some(*flag);
                }
                if let Some(visible) = rest.first().filter(|v| **v >= 0.0) {
                    label.attributes.insert("visibility".to_owned(), json(*visible));
                }
            }
            [sure, world @ ..] => {
                label.confidence = Some(*sure);
                for (name, value) in ["x", "y", "z"].iter().zip(world).filter(|(_, v)| **v != -1.0) {
                    label.attributes.insert((*name).to_owned(), json(*value));
                }
            }
            [] => {}
        }
        if label.class.is_none() {
            label.class = names.first().filter(|_| more.len() != 3).cloned();
        }
        out.entry(frame).or_default().push((line, label));
    }
    out
}
