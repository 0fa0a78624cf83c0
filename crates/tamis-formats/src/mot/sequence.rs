//! A sequence of the MOT challenge: `seqinfo.ini`, a folder of numbered images, and text files of rows by frame.

use std::collections::BTreeMap;

use tamis_core::{MediaSource, Place, SampleRecord};

use crate::labels::Judge;
use crate::lex::text;
use crate::paths::{self, folder, join, name, stem};
use crate::source::Source;

/// What `seqinfo.ini` says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Settings {
    pub(super) images: String,
    pub(super) rate: Option<f64>,
    pub(super) size: Option<(u32, u32)>,
    pub(super) extension: String,
    pub(super) length: u64,
}

impl Settings {
    pub(super) fn load(source: &Source, root: &str, judge: &Judge<'_>) -> Settings {
        let mut out = Settings { images: "img1".to_owned(), extension: ".jpg".to_owned(), ..Settings::default() };
        let file = join(root, "seqinfo.ini");
        if source.find(&file).is_none() {
            return out;
        }
        let Some(all) = judge.text(source, &file) else { return out };
        let (mut width, mut height) = (None, None);
        for (line, row) in text::lines(&all) {
            let Some((key, value)) = row.split_once('=') else { continue };
            let value = value.trim();
            let number = || {
                let number = value.parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0 && *n < 1e9);
                if number.is_none() {
                    judge.warn("seqinfo", Place::line(&file, line), format!("`{}` is no number", text::crop(value)));
                }
                number
            };
            match key.trim().to_ascii_lowercase().as_str() {
                "imdir" => out.images = paths::normal(value).unwrap_or(out.images),
                "framerate" => out.rate = number(),
                "seqlength" => out.length = number().unwrap_or(0.0) as u64,
                "imwidth" => width = number().map(|n| n as u32),
                "imheight" => height = number().map(|n| n as u32),
                "imext" => out.extension = value.to_owned(),
                _ => {}
            }
        }
        out.size = width.zip(height);
        out
    }
}

/// The rows of a sequence's files by frame, and the files.
pub(super) struct Sequence<'a> {
    pub(super) root: String,
    pub(super) truth: Option<&'a str>,
    pub(super) detections: Option<&'a str>,
}

/// The sequences of a source: a text file whose rows `is_rows` in `gt`, `det` or under the sequence's own name.
pub(super) fn find<'a>(source: &'a Source, is_rows: impl Fn(&str) -> bool) -> Vec<Sequence<'a>> {
    let mut out: BTreeMap<String, Sequence<'a>> = BTreeMap::new();
    let mut any = false;
    for path in source.entries().iter().map(|e| e.path.as_str()).filter(|p| paths::extension(p) == "txt") {
        // A sequence without objects has an empty file.
        let is_empty = name(path) == "gt.txt" && source.find(path).is_some_and(|e| e.size == 0);
        if name(path) == "labels.txt" || !is_empty && !is_rows(path) {
            continue;
        }
        any |= !is_empty;
        let here = folder(path);
        let (root, is_det) = match (name(here), stem(name(path))) {
            ("gt", _) => (folder(here).to_owned(), false),
            ("det", _) => (folder(here).to_owned(), true),
            (_, "gt") => (here.to_owned(), false),
            (_, "det") => (here.to_owned(), true),
            (_, own) => (join(here, own), false),
        };
        let sequence = out.entry(root.clone()).or_insert(Sequence { root, truth: None, detections: None });
        let slot = if is_det { &mut sequence.detections } else { &mut sequence.truth };
        if slot.is_none() || name(path) == "gt.txt" || name(path) == "det.txt" {
            *slot = Some(path);
        }
    }
    if any { out.into_values().collect() } else { Vec::new() }
}

/// A frame: its number, its image where there is one, and which of the sequences it is of.
pub(super) struct Frame {
    pub(super) path: String,
    pub(super) number: u64,
    pub(super) has_image: bool,
    pub(super) sequence: usize,
}

/// The frames of a sequence: its images, and those that only rows name.
pub(super) fn frames(
    source: &Source,
    settings: &Settings,
    sequence: (usize, &Sequence<'_>),
    named: impl Iterator<Item = u64>,
    judge: &Judge<'_>,
) -> Vec<Frame> {
    let (at, Sequence { root, truth, detections }) = sequence;
    let image_folders = [join(root, &settings.images), root.replace("instances_txt", "image_02"), root.clone()];
    let mut out: BTreeMap<u64, Frame> = BTreeMap::new();
    for home in image_folders {
        let prefix = format!("{home}/");
        let from = source.entries().partition_point(|e| e.path.as_str() < prefix.as_str());
        let inside = source.entries().iter().skip(from).take_while(|e| e.path.starts_with(&prefix) || home.is_empty());
        for path in inside.map(|e| e.path.as_str()).filter(|p| paths::is_image(p) && folder(p) == home) {
            let digits: String = stem(name(path)).chars().rev().take_while(char::is_ascii_digit).collect();
            let digits: String = digits.chars().rev().collect();
            let Ok(number) = digits.parse::<u64>() else {
                judge.warn("image_name", Place::file(path), "the name of the image has no frame number; left out");
                continue;
            };
            out.insert(number, Frame { path: path.to_owned(), number, has_image: true, sequence: at });
        }
        if !out.is_empty() {
            break;
        }
    }
    let known = out.len();
    for number in named {
        let make = || {
            let path = join(&join(root, &settings.images), &format!("{number:06}{}", settings.extension));
            Frame { path, number, has_image: false, sequence: at }
        };
        out.entry(number).or_insert_with(make);
    }
    let missing = out.len() - known;
    if missing > 0 {
        let file = truth.or(*detections).unwrap_or_default();
        judge.error("missing_image", Place::file(file), format!("{missing} frames of `{root}` have no image"));
    }
    out.into_values().collect()
}

/// The record of a frame.
pub(super) fn record(source: &Source, frame: &Frame, root: &str, settings: &Settings) -> SampleRecord {
    let size = if frame.has_image { source.image_size(&frame.path) } else { None };
    SampleRecord {
        path: frame.path.clone(),
        media: frame.has_image.then(|| MediaSource::File(frame.path.clone())),
        stated_size: size.or(settings.size),
        split: paths::split_of_folders(&frame.path),
        frame: Some(format!("{}/{:06}", if root.is_empty() { "sequence" } else { name(root) }, frame.number)),
        sensor: Some("camera".to_owned()),
        timestamp: settings.rate.map(|rate| frame.number.saturating_sub(1) as f64 / rate),
        ..SampleRecord::default()
    }
}
