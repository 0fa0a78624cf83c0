//! Writing YOLO: media at the samples' paths, labels where Ultralytics looks for them, lists of the splits, `data.yaml`.

use std::collections::BTreeMap;
use std::fmt::Write;

use tamis_core::{Label, Report, SampleRecord, Shape};

use super::{SPEC, label_path, row};
use crate::error::Result;
use crate::format::{RecordWriter, Schema, WriteOptions, Written, option};
use crate::labels::{ClassList, Losses};
use crate::lex::number::{fewest_decimals, text};
use crate::paths::UniqueNames;
use crate::sink::{Sink, Wanted};

struct Writer<'a> {
    sink: &'a Sink,
    layer: String,
    segment: bool,
    classes: ClassList,
    lists: BTreeMap<Option<String>, String>,
    labels: UniqueNames,
    losses: Losses<'a>,
    done: Written,
}

pub(super) fn write<'a>(
    sink: &'a Sink,
    schema: &Schema,
    options: &WriteOptions,
    report: &'a Report,
) -> Result<Box<dyn RecordWriter + 'a>> {
    let segment = option(&SPEC, &options.options, "task")? == "segment";
    let losses = Losses::new(&SPEC, options, report);
    let (classes, labels) = (ClassList::new(schema), UniqueNames::default());
    let (lists, done) = (BTreeMap::new(), Written::default());
    Ok(Box::new(Writer { sink, layer: options.layer(), segment, classes, lists, labels, losses, done }))
}

impl Writer<'_> {
    fn row(&mut self, label: &Label, record: &SampleRecord) -> Result<Option<String>> {
        let path = &record.path;
        let Some(bounds) = label.bounds() else {
            self.losses.add("no_box", path)?;
            return Ok(None);
        };
        let Some(size @ (width, height)) = record.stated_size.filter(|s| s.0 > 0 && s.1 > 0) else {
            self.losses.add("no_size", path)?;
            return Ok(None);
        };
        if !label.attributes.is_empty() || label.instance.is_some() || label.confidence.is_some() {
            self.losses.add("attributes", path)?;
        }
        let mut out = self.classes.of(label).to_string();
        match &label.shape {
            Shape::Polygon(points) if self.segment && points.len() >= 3 => {
                self.losses.add_many("bbox", path, usize::from(label.bbox.is_some()))?;
                for p in points {
                    for (v, side) in [(p.x, f64::from(width)), (p.y, f64::from(height))] {
                        let _ = write!(out, " {}", text(fewest_decimals(v / side, |n| n * side == v)));
                    }
                }
                return Ok(Some(out));
            }
            Shape::Box2d(_) if label.bbox.is_some() => self.losses.add("bbox", path)?,
            Shape::Box2d(_) => {}
            Shape::Polygon(_) | Shape::MultiPolygon(_) => self.losses.add("polygon", path)?,
            _ => self.losses.add("shape", path)?,
        }
        let bounds = if let Shape::Box2d(b) = label.shape { b } else { bounds };
        for v in row::from_pixels(bounds, size) {
            let _ = write!(out, " {}", text(v));
        }
        Ok(Some(out))
    }
}

impl RecordWriter for Writer<'_> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        self.losses.check_record(record, &self.layer)?;
        self.losses.add_many("fields", &record.path, usize::from(!record.fields.is_empty()))?;
        let Some(media) = &record.media else { return self.losses.add("media", &record.path) };
        let mut path = record.path.clone();
        if path.contains(['\n', '\r']) {
            self.losses.add("name", &record.path)?;
            path = path.replace(['\n', '\r'], "_");
        }
        let wanted = label_path(&path);
        let labels = self.labels.take(&wanted);
        if labels != wanted {
            self.losses.add("stem", &record.path)?;
            let tail = path.strip_prefix(crate::paths::stem(&path)).unwrap_or_default().to_owned();
            let number = labels
                .strip_prefix(crate::paths::stem(&wanted))
                .and_then(|n| n.strip_suffix(".txt"))
                .unwrap_or_default();
            path = format!("{}{number}{tail}", crate::paths::stem(&path));
        }
        self.sink.media(&path, Wanted::Media(media))?;
        let _ = writeln!(self.lists.entry(record.split.clone()).or_default(), "./{path}");
        if let Some(found) = record.layers.get(&self.layer) {
            let mut rows = String::new();
            for label in found {
                if let Some(row) = self.row(label, record)? {
                    rows.push_str(&row);
                    rows.push('\n');
                    self.done.labels += 1;
                }
            }
            self.sink.put(&labels, rows.as_bytes())?;
        }
        self.done.samples += 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        let mut yaml = String::from("path: .\n");
        let unsplit_alone = self.lists.len() == 1 && self.lists.contains_key(&None);
        for (split, list) in &self.lists {
            let key = split.as_deref().unwrap_or("unsplit");
            let file = if unsplit_alone { "all.txt".to_owned() } else { format!("{}.txt", crate::sink::safe(key)) };
            self.sink.put(&file, list.as_bytes())?;
            let keys = if unsplit_alone { vec!["train", "val"] } else { vec![key] };
            for key in keys {
                let _ = writeln!(yaml, "{}: {}", quoted(key), quoted(&file));
            }
        }
        let _ = writeln!(yaml, "nc: {}\nnames:", self.classes.classes.len());
        for (number, class) in self.classes.classes.iter().enumerate() {
            let _ = writeln!(yaml, "  {number}: {}", quoted(&class.name));
        }
        self.sink.put("data.yaml", yaml.as_bytes())?;
        self.done.losses = self.losses.finish();
        Ok(self.done)
    }
}

/// A text as YAML: plain where it is a word, else in the double quotes of JSON.
fn quoted(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
        && text.starts_with(|c: char| c.is_ascii_alphabetic());
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    if plain && !word { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}
