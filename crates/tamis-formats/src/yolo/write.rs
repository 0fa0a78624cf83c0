//! Writing YOLO: media at the samples' paths, labels where Ultralytics and Darknet look for them, lists of the splits,
//! and `data.yaml`, or `obj.data` and `obj.names`.

use std::collections::BTreeMap;
use std::fmt::Write;

use tamis_core::{Box2d, Keypoint, Label, LabelType, Point, Report, SampleRecord, Shape};

use super::{SPEC, label_path, row};
use crate::error::Result;
use crate::format::{RecordWriter, Schema, WriteOptions, Written, option};
use crate::labels::{ClassList, Losses};
use crate::lex::number::{fewest_decimals, text};
use crate::paths::UniqueNames;
use crate::sink::{Sink, Wanted};

/// What the rows are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    Detect,
    Segment,
    Pose,
    Turned,
}

struct Writer<'a> {
    sink: &'a Sink,
    layer: String,
    task: Task,
    darknet: bool,
    /// Key points of each row and whether they say who sees them; known from the ontology, else from the first label.
    skeleton: Option<(usize, bool)>,
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
    let task = match option(&SPEC, &options.options, "task")? {
        "segment" => Task::Segment,
        "pose" => Task::Pose,
        "obb" => Task::Turned,
        _ => Task::Detect,
    };
    let darknet = option(&SPEC, &options.options, "layout")? == "darknet";
    let skeletons = schema.ontology.types.get(&LabelType::Keypoints).map(|s| s.skeletons.as_slice());
    let known = skeletons.and_then(<[_]>::first).filter(|s| s.number > 0);
    Ok(Box::new(Writer {
        sink,
        layer: options.layer(),
        task,
        darknet,
        skeleton: known.map(|s| (s.number as usize, s.visibility.is_some())),
        classes: ClassList::new(schema),
        lists: BTreeMap::new(),
        labels: UniqueNames::default(),
        losses: Losses::new(&SPEC, options, report),
        done: Written::default(),
    }))
}

/// Adds the numbers of points, normalised.
fn put_points(out: &mut String, points: &[Point], (width, height): (u32, u32)) {
    for p in points {
        for (v, side) in [(p.x, f64::from(width)), (p.y, f64::from(height))] {
            let _ = write!(out, " {}", text(fewest_decimals(v / side, |n| n * side == v)));
        }
    }
}

fn put_box(out: &mut String, b: Box2d, size: (u32, u32)) {
    for v in row::from_pixels(b, size) {
        let _ = write!(out, " {}", text(v));
    }
}

impl Writer<'_> {
    fn row(&mut self, label: &Label, record: &SampleRecord) -> Result<Option<String>> {
        let path = &record.path;
        let Some(bounds) = label.bounds() else {
            self.losses.add("no_box", path)?;
            return Ok(None);
        };
        let Some(size) = record.stated_size.filter(|s| s.0 > 0 && s.1 > 0) else {
            self.losses.add("no_size", path)?;
            return Ok(None);
        };
        if !label.attributes.is_empty() || label.instance.is_some() || label.confidence.is_some() {
            self.losses.add("attributes", path)?;
        }
        let mut out = self.classes.of(label).to_string();
        let given = usize::from(label.bbox.is_some());
        match (self.task, &label.shape) {
            (Task::Segment, Shape::Polygon(points)) if points.len() >= 3 => {
                self.losses.add_many("bbox", path, given)?;
                put_points(&mut out, points, size);
                return Ok(Some(out));
            }
            (Task::Turned, Shape::RotatedBox(turned)) => {
                self.losses.add_many("bbox", path, given)?;
                put_points(&mut out, &turned.corners(), size);
                return Ok(Some(out));
            }
            (Task::Pose, Shape::Keypoints(points)) => {
                put_box(&mut out, label.bbox.unwrap_or(bounds), size);
                self.points(&mut out, points, size, path)?;
                return Ok(Some(out));
            }
            (_, Shape::Box2d(_)) => self.losses.add_many("bbox", path, given)?,
            (_, Shape::Polygon(_) | Shape::MultiPolygon(_)) => self.losses.add("polygon", path)?,
            _ => self.losses.add("shape", path)?,
        }
        let is_box = matches!(label.shape, Shape::Box2d(_));
        let bounds = if let Shape::Box2d(b) = label.shape { b } else { bounds };
        match self.task {
            Task::Detect => put_box(&mut out, bounds, size),
            // A file of polygons holds nothing else: Ultralytics drops all polygons where the counts differ.
            Task::Segment => {
                self.losses.add_many("box_as_polygon", path, usize::from(is_box))?;
                put_points(&mut out, &bounds.corners(), size);
            }
            Task::Turned => {
                self.losses.add_many("upright", path, usize::from(is_box))?;
                put_points(&mut out, &bounds.corners(), size);
            }
            Task::Pose => {
                put_box(&mut out, bounds, size);
                self.points(&mut out, &[], size, path)?;
            }
        }
        Ok(Some(out))
    }

    /// The key points of a row: each row has as many as the skeleton.
    fn points(&mut self, out: &mut String, points: &[Keypoint], size: (u32, u32), path: &str) -> Result<()> {
        let seen = points.iter().any(|p| p.v.is_some());
        let (number, ternary) = match self.skeleton {
            Some(known) => known,
            // The first label decides; a label without points cannot.
            None if points.is_empty() => return self.losses.add("points", path),
            None => *self.skeleton.insert((points.len(), seen)),
        };
        self.losses.add_many("points", path, usize::from(points.len() != number))?;
        let changed = points.iter().filter(|p| p.v.is_some() != ternary).count();
        self.losses.add_many("visibility", path, changed)?;
        let unseen = Keypoint { x: 0.0, y: 0.0, v: Some(0) };
        let fits = points.len() == number;
        for p in (0..number).map(|i| points.get(i).filter(|_| fits).unwrap_or(&unseen)) {
            put_points(out, &[Point { x: p.x, y: p.y }], size);
            if ternary {
                let _ = write!(out, " {}", p.v.unwrap_or(2));
            }
        }
        Ok(())
    }

    /// Writes the lists of the splits; each key of the settings with its list.
    fn lists(&mut self) -> Result<Vec<(String, String)>> {
        let mut keys = Vec::new();
        let unsplit_alone = self.lists.len() == 1 && self.lists.contains_key(&None);
        for (split, list) in &self.lists {
            let key = split.as_deref().unwrap_or("unsplit");
            let file = if unsplit_alone { "all.txt".to_owned() } else { format!("{}.txt", crate::sink::safe(key)) };
            self.sink.put(&file, list.as_bytes())?;
            let wanted = if unsplit_alone { vec!["train", "val"] } else { vec![key] };
            keys.extend(wanted.into_iter().map(|key| (key.to_owned(), file.clone())));
        }
        Ok(keys)
    }

    fn yaml(&self, lists: &[(String, String)]) -> String {
        let mut yaml = String::from("path: .\n");
        for (key, file) in lists {
            let _ = writeln!(yaml, "{}: {}", quoted(key), quoted(file));
        }
        if let (Task::Pose, Some((number, ternary))) = (self.task, self.skeleton) {
            let _ = writeln!(yaml, "kpt_shape: [{number}, {}]", 2 + u8::from(ternary));
        }
        if self.task == Task::Turned {
            yaml.push_str("task: obb\n");
        }
        let _ = writeln!(yaml, "nc: {}\nnames:", self.classes.classes.len());
        for (number, class) in self.classes.classes.iter().enumerate() {
            let _ = writeln!(yaml, "  {number}: {}", quoted(&class.name));
        }
        yaml
    }

    /// `obj.data` and `obj.names`. Darknet calls the second split `valid`.
    fn darknet(&self, lists: &[(String, String)]) -> (String, String) {
        let mut settings = format!("classes = {}\n", self.classes.classes.len());
        for (key, file) in lists.iter().filter(|(key, _)| key != "unsplit") {
            let key = if key == "val" { "valid" } else { key };
            let _ = writeln!(settings, "{key} = {file}");
        }
        settings.push_str("names = obj.names\nbackup = backup/\n");
        let names: Vec<String> = self.classes.classes.iter().map(|c| c.name.replace(['\n', '\r'], "_")).collect();
        (settings, names.join("\n") + "\n")
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
        if self.darknet {
            let known = |s: &String| matches!(s.as_str(), "train" | "val" | "test");
            let lost = record.split.as_ref().is_some_and(|s| !known(s));
            self.losses.add_many("split", &record.path, usize::from(lost))?;
        }
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
        let lists = self.lists()?;
        if self.darknet {
            let (settings, names) = self.darknet(&lists);
            self.sink.put("obj.data", settings.as_bytes())?;
            self.sink.put("obj.names", names.as_bytes())?;
        } else {
            self.sink.put("data.yaml", self.yaml(&lists).as_bytes())?;
        }
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
