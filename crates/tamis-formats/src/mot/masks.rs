//! Masks: `frame id class height width runs` a row, or images whose pixels are `class * 1000 + instance`.

use std::collections::{BTreeMap, BTreeSet};

use tamis_core::{Label, LabelType, Place, Report, Rle, Shape};

use super::sequence::{self, Frame, Settings};
use super::write;
use crate::each::Each;
use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::labels::{self, Judge};
use crate::lex::{Fault, text};
use crate::out::{ATTRIBUTES, CLASSES, FIELDS, IDS, LABELS, LAYERS, MEDIA, NAME, NO_SIZE, PATH};
use crate::paths::{self, folder, join, stem};
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, Spec};

pub(super) static SPEC: Spec = Spec {
    id: "mots",
    title: "MOTS, tracks with masks",
    homepage: "https://www.vision.rwth-aachen.de/page/mots",
    extensions: &["txt", "png"],
    media: &["image"],
    reads: &[LabelType::Rle],
    writes: &[LabelType::Rle],
    losses: &[
        LAYERS,
        FIELDS,
        ATTRIBUTES,
        LABELS,
        NAME,
        PATH,
        MEDIA,
        IDS,
        CLASSES,
        NO_SIZE,
        Loss { code: "polygon", what: "polygons", instead: "written as masks" },
    ],
    options: &[],
};

/// MOTS.
pub(crate) struct Mots;

struct Row {
    frame: u64,
    id: u64,
    class: i64,
    rle: Rle,
}

fn parse(line: u64, row: &str) -> std::result::Result<Row, Fault> {
    let words: Vec<&str> = row.split_whitespace().collect();
    let fault = |message: &str| Fault::new(line, 0, message);
    let &[frame, id, class, height, width, runs] = words.as_slice() else {
        return Err(fault("expected a frame, an id, a class, height, width and runs"));
    };
    let number = |word: &str| word.parse::<u64>().map_err(|_| fault("a number is not whole"));
    let side = |word: &str| word.parse::<u32>().ok().filter(|n| *n > 0).ok_or_else(|| fault("the size is no size"));
    let rle = Rle::from_text(side(width)?, side(height)?, runs).map_err(|e| fault(&e.to_string()))?;
    rle.check().map_err(|e| fault(&e.to_string()))?;
    Ok(Row { frame: number(frame)?, id: number(id)?, class: number(class)? as i64, rle })
}

fn is_rows(source: &Source, path: &str) -> bool {
    let head = source.head(path, 64 << 10).unwrap_or_default();
    let head = text::decode(&head).into_owned();
    // One bad row does not make it another file.
    text::lines(&head).take(20).any(|(_, row)| parse(1, row).is_ok())
}

/// Images of instances lie in folders of this name.
fn is_instances(path: &str) -> bool {
    paths::extension(path) == "png" && format!("/{}", folder(path)).contains("/instances")
}

impl Format for Mots {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        if let Some(first) = sequence::find(probe.source(), |p| is_rows(probe.source(), p)).first() {
            return Confidence::new(95, format!("found `{}` with masks by frame", first.truth.unwrap_or_default()));
        }
        let images = probe.with_extension("png");
        match images.iter().find(|e| is_instances(&e.path)) {
            Some(first) => Confidence::new(85, format!("found images of instances, `{}`", first.path)),
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
            return images(source, options, judge);
        }
        let settings: Vec<Settings> = sequences.iter().map(|s| Settings::load(source, &s.root, &judge)).collect();
        let mut items: Vec<Frame> = Vec::new();
        for (at, (sequence, own)) in sequences.iter().zip(&settings).enumerate() {
            let all =
                sequence.truth.or(sequence.detections).and_then(|file| judge.text(source, file)).unwrap_or_default();
            let named: BTreeSet<u64> =
                text::lines(&all).filter_map(|(_, row)| row.split_whitespace().next()?.parse().ok()).collect();
            items.extend(sequence::frames(source, own, (at, sequence), named.into_iter(), &judge));
        }
        items.sort_by(|a, b| a.path.cmp(&b.path));
        items.dedup_by(|a, b| a.path == b.path);
        let layer = options.layer();
        let mut open: Option<(usize, BTreeMap<u64, Vec<Label>>)> = None;
        Ok(Box::new(Each::new(items, Schema::default(), move |frame: Frame, schema| {
            let (Some(sequence), Some(own)) = (sequences.get(frame.sequence), settings.get(frame.sequence)) else {
                return Ok(None);
            };
            let mut record = sequence::record(source, &frame, &sequence.root, own);
            let file = sequence.truth.or(sequence.detections).unwrap_or_default();
            if open.as_ref().is_none_or(|o| o.0 != frame.sequence) {
                let names = names(source, folder(file), &judge);
                open = Some((frame.sequence, rows(source, file, &names, &judge)));
            }
            let found = open.as_mut().and_then(|o| o.1.remove(&frame.number)).unwrap_or_default();
            labels::learn(schema, &found);
            record.layers.insert(layer.clone(), found);
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
        Ok(crate::out::write(&SPEC, sink, schema, options, report, write::Rows::masks()))
    }
}

/// Names by number: those of `labels.txt` from 0, else the benchmark's.
fn names(source: &Source, folder: &str, judge: &Judge<'_>) -> BTreeMap<i64, String> {
    let list = join(folder, "labels.txt");
    if source.find(&list).is_some()
        && let Some(all) = judge.text(source, &list)
    {
        return (0..).zip(text::lines(&all).map(|(_, name)| name.to_owned())).collect();
    }
    BTreeMap::from([(1, "car".to_owned()), (2, "pedestrian".to_owned()), (10, "ignored".to_owned())])
}

fn label(class: i64, id: u64, rle: Rle, names: &BTreeMap<i64, String>) -> Label {
    let class = names.get(&class).cloned().unwrap_or_else(|| class.to_string());
    let mut label = Label::new(Shape::Rle(rle)).with_class(class);
    label.instance = Some(id.to_string());
    label
}

fn rows(source: &Source, file: &str, names: &BTreeMap<i64, String>, judge: &Judge<'_>) -> BTreeMap<u64, Vec<Label>> {
    let mut out: BTreeMap<u64, Vec<Label>> = BTreeMap::new();
    let Some(all) = judge.text(source, file) else { return out };
    for (line, row) in text::lines(&all) {
        if let Some(row) = judge.take(file, parse(line, row)) {
            out.entry(row.frame).or_default().push(label(row.class, row.id, row.rle, names));
        }
    }
    out
}

fn images<'a>(source: &'a Source, options: &ReadOptions, judge: Judge<'a>) -> Result<Box<dyn RecordReader + 'a>> {
    let all: Vec<&str> = source.entries().iter().map(|e| e.path.as_str()).filter(|p| paths::is_image(p)).collect();
    let (masks, images): (Vec<&str>, Vec<&str>) = all.into_iter().partition(|p| is_instances(p));
    if masks.is_empty() {
        return Err(labels::not_this(source, SPEC.id, "there are no rows of masks and no images of instances"));
    }
    let key = |path: &str| {
        let parts = path.split('/').filter(|p| !p.starts_with("instances") && !p.starts_with("image"));
        stem(&parts.collect::<Vec<_>>().join("/")).to_owned()
    };
    let by_key: BTreeMap<String, &str> = masks.iter().map(|m| (key(m), *m)).collect();
    let mut used = BTreeSet::new();
    let mut items: Vec<(&str, Option<&str>, bool)> = Vec::new();
    for image in images {
        let mask = by_key.get(&key(image)).copied();
        used.extend(mask);
        items.push((image, mask, true));
    }
    for mask in masks.iter().filter(|m| !used.contains(*m)) {
        judge.error("missing_image", Place::file(*mask), "there is no image for this mask");
        items.push((mask, Some(mask), false));
    }
    items.sort();
    let layer = options.layer();
    Ok(Box::new(Each::new(items, Schema::default(), move |(path, mask, here): (&str, Option<&str>, bool), schema| {
        let mut record = labels::of_file(path);
        if !here {
            record.media = None;
        }
        record.frame = Some(stem(path).to_owned());
        record.sensor = Some("camera".to_owned());
        record.stated_size = source.image_size(path);
        if let Some(mask) = mask {
            let home = folder(mask);
            let above = folder(home);
            let is_above =
                source.find(&join(home, "labels.txt")).is_none() && source.find(&join(above, "labels.txt")).is_some();
            let names = names(source, if is_above { above } else { home }, &judge);
            let found = instances(source, mask, &names, &judge);
            labels::learn(schema, &found);
            record.layers.insert(layer.clone(), found);
        }
        Ok(Some(record))
    })))
}

/// One label for each number above 0 in a mask's image.
fn instances(source: &Source, path: &str, names: &BTreeMap<i64, String>, judge: &Judge<'_>) -> Vec<Label> {
    let Some((width, height, pixels)) = crate::pixels::numbers(source, path, judge) else { return Vec::new() };
    let present: BTreeSet<u32> = pixels.iter().copied().filter(|p| *p > 0).collect();
    if present.len() > 10_000 {
        judge.error("too_many", Place::file(path), "the mask has more than 10,000 instances; left out");
        return Vec::new();
    }
    let one = |number: u32| {
        let mask: Vec<u8> = pixels.iter().map(|p| u8::from(*p == number)).collect();
        let rle = Rle::from_mask(width, height, &mask).ok()?;
        Some(label(i64::from(number / 1000), u64::from(number), rle, names))
    };
    present.into_iter().filter_map(one).collect()
}
