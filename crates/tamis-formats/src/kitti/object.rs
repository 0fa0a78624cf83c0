//! The object benchmark.

use std::collections::HashMap;
use std::fmt::Write;

use serde_json::{Map, Value};
use tamis_core::{Label, LabelType, Place, Report, SampleRecord, Shape};

use super::{KEPT, LOSSES, row};
use crate::each::Each;
use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::index::MediaIndex;
use crate::labels::{self, Judge};
use crate::lex::{number, text};
use crate::out::{self, FUSION, Out, Put};
use crate::paths;
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, Spec};

static SPEC: Spec = Spec {
    id: "kitti",
    title: "KITTI objects, 2D and 3D",
    homepage: "https://www.cvlibs.net/datasets/kitti/eval_object.php",
    extensions: &["txt"],
    media: &["image"],
    reads: &[LabelType::Box2d, LabelType::Box3d],
    writes: &[LabelType::Box2d, LabelType::Box3d],
    losses: &{
        let mut all = [FUSION; 13];
        let mut i = 0;
        while i < LOSSES.len() {
            all[i] = LOSSES[i];
            i += 1;
        }
        all[11] = Loss { code: "fields", what: "fields other than `calib`", instead: "left out" };
        all
    },
    options: &[],
};

/// KITTI objects.
pub(crate) struct Kitti;

/// Folders of images and the folders of their labels.
const PAIRS: &[(&str, &str)] = &[
    ("image_2", "label_2"),
    ("image_02", "label_02"),
    ("image_3", "label_3"),
    ("images", "labels"),
    ("image", "label"),
];

fn is_label_file(source: &Source, path: &str) -> bool {
    let head = source.head(path, 4096).unwrap_or_default();
    let head = text::decode(&head).into_owned();
    // One bad row does not make it another file.
    text::lines(&head).take(20).any(|(_, line)| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.first().is_some_and(|w| w.parse::<f64>().is_err()) && row::parse(1, &words).is_ok()
    })
}

impl Format for Kitti {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        let files = probe.with_extension("txt").iter().filter(|e| !e.path.contains("calib")).take(20);
        match files.map(|e| e.path.as_str()).find(|p| is_label_file(probe.source(), p)) {
            Some(first) => Confidence::new(94, format!("found `{first}` with rows of a class and 14 numbers")),
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
        let index = MediaIndex::new(source);
        let is_label = |p: &&str| paths::extension(p) == "txt" && !paths::folder(p).ends_with("calib");
        let files: Vec<&str> = source.entries().iter().map(|e| e.path.as_str()).filter(is_label).collect();
        if files.is_empty() {
            return Err(labels::not_this(source, SPEC.id, "there are no label files"));
        }
        let mut by_stem: HashMap<&str, Vec<&str>> = HashMap::new();
        files.iter().for_each(|f| by_stem.entry(paths::stem(paths::name(f))).or_default().push(f));
        let mut used = std::collections::HashSet::new();
        let mut items: Vec<(String, Option<&str>, bool)> = Vec::new();
        for image in index.all().filter(|p| paths::is_image(p)) {
            let exact = PAIRS.iter().find_map(|(i, l)| out::beside(image, i, l, "txt"));
            let exact = exact.and_then(|p| source.find(&p)).map(|e| e.path.as_str());
            let beside = || source.find(&format!("{}.txt", paths::stem(image))).map(|e| e.path.as_str());
            let alone = || match by_stem.get(paths::stem(paths::name(image))).map(Vec::as_slice) {
                Some([one]) => Some(*one),
                _ => None,
            };
            let found = exact.or_else(beside).or_else(alone);
            used.extend(found);
            items.push((image.to_owned(), found, true));
        }
        for file in files.iter().filter(|f| !used.contains(*f) && is_label_file(source, f)) {
            judge.error("missing_image", Place::file(*file), "there is no image for this label file");
            let path = PAIRS.iter().find_map(|(i, l)| out::beside(file, l, i, "png"));
            items.push((path.unwrap_or_else(|| format!("{}.png", paths::stem(file))), Some(file), false));
        }
        items.sort();
        items.dedup_by(|a, b| a.0 == b.0);
        let layer = options.layer();
        Ok(Box::new(Each::new(
            items,
            Schema::default(),
            move |(path, file, here): (String, Option<&str>, bool), schema| {
                let mut record = labels::of_file(&path);
                match here {
                    true => record.stated_size = source.image_size(&path),
                    false => record.media = None,
                }
                if let Some(file) = file {
                    let found = read_rows(source, file, record.stated_size, &judge);
                    labels::learn(schema, &found);
                    record.layers.insert(layer.clone(), found);
                }
                let calib = PAIRS.iter().find_map(|(i, _)| out::beside(&path, i, "calib", "txt"));
                if let Some(calib) = calib.filter(|c| source.find(c).is_some()) {
                    let found = calibration(source, &calib, &judge);
                    if !found.is_empty() {
                        record.fields.insert("calib".to_owned(), Value::Object(found));
                    }
                }
                Ok(Some(record))
            },
        )))
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        schema: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        Ok(out::write(&SPEC, sink, schema, options, report, Rows))
    }
}

fn read_rows(source: &Source, file: &str, size: Option<(u32, u32)>, judge: &Judge<'_>) -> Vec<Label> {
    let Some(all) = judge.text(source, file) else { return Vec::new() };
    let rows = text::lines(&all).filter_map(|(line, row)| {
        let words: Vec<&str> = row.split_whitespace().collect();
        let (class, numbers) = judge.take(file, row::parse(line, &words))?;
        row::label(&class, &numbers, size, judge, &|| Place::line(file, line))
    });
    rows.collect()
}

/// `P2: 12 numbers` a line.
fn calibration(source: &Source, file: &str, judge: &Judge<'_>) -> Map<String, Value> {
    let Some(all) = judge.text(source, file) else { return Map::new() };
    let rows = text::lines(&all).filter_map(|(line, row)| {
        let (name, numbers) = row.split_once(':')?;
        let numbers = judge.take(file, text::numbers(line, &numbers.split_whitespace().collect::<Vec<_>>()))?;
        Some((name.trim().to_owned(), numbers.into_iter().map(number::json).collect()))
    });
    rows.collect()
}

struct Rows;

impl Put for Rows {
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()> {
        let (above, rest) = out::below(&record.path, "image_2");
        let wanted = match (above.is_empty() && rest.len() == record.path.len(), record.split.as_deref()) {
            (false, _) => record.path.clone(),
            (true, Some("test")) => format!("testing/image_2/{rest}"),
            (true, Some("train") | None) => format!("training/image_2/{rest}"),
            (true, Some(split)) => format!("{}/image_2/{rest}", crate::sink::safe(split)),
        };
        let path = out.media(record, &wanted)?;
        let beside = |folder: &str| out::beside(&path, "image_2", folder, "txt").unwrap_or_default();
        if record.fields.keys().any(|k| k != "calib") {
            out.losses.add("fields", &record.path)?;
        }
        if let Some(Value::Object(calib)) = record.fields.get("calib") {
            let mut all = String::new();
            for (name, numbers) in calib {
                let numbers = numbers.as_array().map(Vec::as_slice).unwrap_or_default();
                let numbers: Vec<String> = numbers.iter().map(Value::to_string).collect();
                let _ = writeln!(all, "{name}: {}", numbers.join(" "));
            }
            out.sink.put(&beside("calib"), all.as_bytes())?;
        }
        let Some(labels) = labels else { return Ok(()) };
        let mut rows = String::new();
        for label in labels {
            out.keeps(record, label, KEPT)?;
            if !row::is_upright(label) {
                out.losses.add("tilt", &record.path)?;
            }
            let b = match (&label.shape, label.bbox) {
                (Shape::Box3d(_), Some(b)) => Some(b),
                _ => out.box_of(record, label)?,
            };
            let Some(b) = b else { continue };
            let class = out.class(record, label, out::breaks_word)?;
            let _ = writeln!(rows, "{class}{}", row::numbers(label, b));
            out.done.labels += 1;
        }
        out.sink.put(&beside("label_2"), rows.as_bytes())
    }

    fn end(&mut self, _: &mut Out<'_>) -> Result<()> {
        Ok(())
    }
}
