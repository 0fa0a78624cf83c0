//! The tracking benchmark: `label_02/0000.txt` with a frame and a track before each object's row.

use std::collections::BTreeMap;
use std::fmt::Write;

use tamis_core::{Label, LabelType, Place, Report, SampleRecord, Shape};

use super::{KEPT, LOSSES, row};
use crate::each::Each;
use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::labels::{self, Judge};
use crate::lex::text;
use crate::out::{self, FIELDS, Lists, Out, Put, TIME};
use crate::paths::{self, folder, name, stem};
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::Spec;

static SPEC: Spec = Spec {
    id: "kitti-tracking",
    title: "KITTI tracking, 2D and 3D",
    homepage: "https://www.cvlibs.net/datasets/kitti/eval_tracking.php",
    extensions: &["txt"],
    media: &["image"],
    reads: &[LabelType::Box2d, LabelType::Box3d],
    writes: &[LabelType::Box2d, LabelType::Box3d],
    losses: &{
        let mut all = [FIELDS; 13];
        let mut i = 0;
        while i < LOSSES.len() {
            all[i] = LOSSES[i];
            i += 1;
        }
        all[12] = TIME;
        all
    },
    options: &[],
};

/// KITTI tracking.
pub(crate) struct KittiTracking;

/// `frame track class 14 numbers [score]`.
fn parse(line: u64, row: &str) -> std::result::Result<(u64, i64, String, Vec<f64>), crate::lex::Fault> {
    let words: Vec<&str> = row.split_whitespace().collect();
    let fault = || crate::lex::Fault::new(line, 1, "the row does not begin with a frame and a track number");
    let [frame, track, rest @ ..] = words.as_slice() else { return Err(fault()) };
    let (Ok(frame), Ok(track)) = (frame.parse(), track.parse()) else { return Err(fault()) };
    let (class, numbers) = row::parse(line, rest)?;
    Ok((frame, track, class, numbers))
}

fn is_tracks(source: &Source, path: &str) -> bool {
    // In the benchmark's own folder whatever is in it.
    if name(folder(path)).starts_with("label_0") {
        return true;
    }
    let head = source.head(path, 4096).unwrap_or_default();
    let head = text::decode(&head).into_owned();
    // One bad row does not make it another file.
    let is_row = |row: &str| matches!(parse(1, row), Ok((_, _, class, _)) if class.parse::<f64>().is_err());
    text::lines(&head).take(20).any(|(_, row)| is_row(row))
}

impl Format for KittiTracking {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        let mut files = probe.with_extension("txt").iter().take(20).map(|e| e.path.as_str());
        match files.find(|p| is_tracks(probe.source(), p)) {
            Some(first) => Confidence::new(95, format!("found `{first}` with frames and tracks")),
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
        let all = source.entries().iter().map(|e| e.path.as_str());
        let files: Vec<&str> = all.clone().filter(|p| paths::extension(p) == "txt" && is_tracks(source, p)).collect();
        if files.is_empty() {
            return Err(labels::not_this(source, SPEC.id, "there are no files with frames and tracks"));
        }
        // Path → the sequence's labels file and the frame.
        let mut items: BTreeMap<String, (Option<&str>, u64, bool)> = BTreeMap::new();
        for image in all.filter(|p| paths::is_image(p)) {
            let sequence = folder(image);
            let file = files
                .iter()
                .copied()
                .find(|f| stem(name(f)) == name(sequence) && folder(f).replace("label_", "image_") == folder(sequence));
            let frame = stem(name(image)).parse().unwrap_or(0);
            items.insert(image.to_owned(), (file, frame, true));
        }
        for file in &files {
            let Some(all) = judge.text(source, file) else { continue };
            let frames = text::lines(&all).filter_map(|(line, row)| parse(line, row).ok().map(|p| (p.0, line)));
            let folder = paths::join(&folder(file).replace("label_", "image_"), stem(name(file)));
            let here: std::collections::BTreeSet<u64> =
                items.values().filter(|i| i.0 == Some(file)).map(|i| i.1).collect();
            for (frame, line) in frames.filter(|(frame, _)| !here.contains(frame)) {
                let path = paths::join(&folder, &format!("{frame:06}.png"));
                if items.insert(path, (Some(file), frame, false)).is_none() {
                    judge.error(
                        "missing_image",
                        Place::line(*file, line),
                        format!("there is no image of frame {frame}"),
                    );
                }
            }
        }
        let items: Vec<_> = items.into_iter().collect();
        let layer = options.layer();
        let mut open: Option<(&str, BTreeMap<u64, Vec<Label>>)> = None;
        type Item<'s> = (String, (Option<&'s str>, u64, bool));
        Ok(Box::new(Each::new(items, Schema::default(), move |(path, (file, frame, here)): Item<'_>, schema| {
            let mut record = labels::of_file(&path);
            if !here {
                record.media = None;
            }
            record.sensor = Some(name(folder(folder(&path))).to_owned()).filter(|s| !s.is_empty());
            record.frame = Some(format!("{}/{frame:06}", name(folder(&path))));
            if let Some(file) = file {
                if open.as_ref().is_none_or(|(was, _)| *was != file) {
                    open = Some((file, sequence(source, file, &judge)));
                }
                let found = open.as_mut().and_then(|(_, s)| s.remove(&frame)).unwrap_or_default();
                labels::learn(schema, &found);
                record.layers.insert(layer.clone(), found);
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
        Ok(out::write(&SPEC, sink, schema, options, report, Tracks::default()))
    }
}

fn sequence(source: &Source, file: &str, judge: &Judge<'_>) -> BTreeMap<u64, Vec<Label>> {
    let mut out: BTreeMap<u64, Vec<Label>> = BTreeMap::new();
    let Some(all) = judge.text(source, file) else { return out };
    for (line, row) in text::lines(&all) {
        let Some((frame, track, class, numbers)) = judge.take(file, parse(line, row)) else { continue };
        if let Some(mut label) = row::label(&class, &numbers, None, judge, &|| Place::line(file, line)) {
            label.instance = (track >= 0).then(|| track.to_string());
            out.entry(frame).or_default().push(label);
        }
    }
    out
}

#[derive(Default)]
struct Tracks {
    files: Lists,
    frames: BTreeMap<String, u64>,
    tracks: out::Tracks,
}

impl Put for Tracks {
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()> {
        let in_place = name(folder(folder(&record.path))).starts_with("image_");
        let sequence = match in_place {
            true => folder(&record.path).to_owned(),
            false => format!("training/image_02/{}", crate::sink::safe(&folder(&record.path).replace('/', "-"))),
        };
        let count = self.frames.entry(sequence.clone()).or_default();
        let frame = stem(name(&record.path)).parse::<u64>().ok().filter(|_| in_place).unwrap_or(*count);
        *count = frame + 1;
        let path = match in_place {
            true => record.path.clone(),
            false => format!("{sequence}/{frame:06}.{}", paths::extension(&record.path)),
        };
        out.media(record, &path)?;
        let Some(labels) = labels else { return Ok(()) };
        let file = format!("{}.txt", sequence.replace("image_", "label_"));
        for label in labels {
            out.keeps(record, label, &[KEPT, &["instance"]].concat())?;
            if !row::is_upright(label) {
                out.losses.add("tilt", &record.path)?;
            }
            let b = match (&label.shape, label.bbox) {
                (Shape::Box3d(_), Some(b)) => Some(b),
                _ => out.box_of(record, label)?,
            };
            let Some(b) = b else { continue };
            let track = label
                .instance
                .as_ref()
                .map_or("-1".to_owned(), |instance| self.tracks.of(&sequence, instance).to_string());
            let class = out.class(record, label, out::breaks_word)?;
            let _ = writeln!(self.files.of(&file), "{frame} {track} {class}{}", row::numbers(label, b));
            out.done.labels += 1;
        }
        self.files.of(&file);
        Ok(())
    }

    fn end(&mut self, out: &mut Out<'_>) -> Result<()> {
        self.files.end(out)
    }
}
