//! Writing CVAT 1.1: `annotations.xml` and `images/` for images, `<film>.xml` beside each film. The head says which
//! attributes there are, so the images wait in a temporary file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Seek, Write};

use serde_json::Value;
use tamis_core::{Label, LabelType, Point, Report, SampleRecord, Shape, Skeleton, TrackKey};

use super::shape::runs;
use super::{HOLDS, SPEC, TASK};
use crate::error::{FormatError, Result};
use crate::format::{RecordWriter, Schema, WriteOptions, Written};
use crate::holds::{self, Scribe};
use crate::labels::{ClassList, UNLABELLED};
use crate::lex::number::text;
use crate::lex::xml::escape;
use crate::sink::Sink;

struct Writer<'a> {
    scribe: Scribe<'a>,
    classes: ClassList,
    skeletons: Vec<Skeleton>,
    /// Input type and values of each attribute by class and name.
    inputs: BTreeMap<(String, String), (&'static str, BTreeSet<String>)>,
    images: BufWriter<File>,
    /// How many images and films there are.
    count: (u64, u64),
}

/// What the head of a file says beside labels.
#[derive(Default)]
struct Head<'h> {
    size: u64,
    mode: &'static str,
    subset: Option<&'h str>,
    frame: Option<(u32, u32)>,
    source: Option<&'h str>,
}

/// Whether the labels of a record are tracks of a film.
fn is_film(record: &SampleRecord) -> bool {
    tamis_media::mime_of_name(&record.path).is_some_and(|m| m.starts_with("video/"))
        || record.layers.values().flatten().any(|l| l.label_type() == LabelType::Track)
}

pub(super) fn write<'a>(
    sink: &'a Sink,
    schema: &Schema,
    options: &WriteOptions,
    report: &'a Report,
) -> Result<Box<dyn RecordWriter + 'a>> {
    let scribe = Scribe::new(&SPEC, HOLDS, sink, options, report)?;
    let skeletons = schema.ontology.types.get(&LabelType::Keypoints).map(|s| s.skeletons.clone());
    let images = BufWriter::new(tempfile::tempfile().map_err(spool)?);
    let (skeletons, inputs) = (skeletons.unwrap_or_default(), BTreeMap::new());
    Ok(Box::new(Writer { scribe, classes: ClassList::new(schema), skeletons, inputs, images, count: (0, 0) }))
}

fn spool(e: std::io::Error) -> FormatError {
    FormatError::io("write", "a temporary file", e)
}

/// Text in an attribute.
fn quoted(text: &str) -> String {
    escape(text).replace('"', "&quot;").replace('\n', "&#10;").replace('\t', "&#9;")
}

fn listed(points: &[Point]) -> String {
    let pair = |p: &Point| format!("{},{}", text(p.x), text(p.y));
    points.iter().map(pair).collect::<Vec<_>>().join(";")
}

impl Writer<'_> {
    /// The skeleton whose points a label's key points are.
    fn skeleton(&self, label: &Label) -> Option<&Skeleton> {
        let Shape::Keypoints(points) = &label.shape else { return None };
        let class = label.class.as_deref()?;
        let own = |s: &&Skeleton| s.names.len() == points.len() && s.classes.iter().any(|c| c == class);
        self.skeletons.iter().find(own)
    }

    fn attributes(&mut self, label: &Label, class: &str, path: &str) -> Result<String> {
        let mut out = String::new();
        for (name, value) in &label.attributes {
            let own = match (name.as_str(), value) {
                ("occluded", Value::Bool(_)) => true,
                ("z_order", value) => value.is_i64(),
                ("source", value) => value.is_string(),
                _ => false,
            };
            if own {
                continue;
            }
            let (input, text) = match value {
                Value::Bool(flag) => ("checkbox", flag.to_string()),
                Value::Number(number) => ("number", number.to_string()),
                Value::String(text) => ("text", text.clone()),
                other => {
                    self.scribe.lose("attributes", path, 1)?;
                    ("text", other.to_string())
                }
            };
            let key = (class.to_owned(), name.clone());
            let known = self.inputs.entry(key).or_insert_with(|| (input, BTreeSet::new()));
            if known.0 != input {
                known.0 = "text";
                self.scribe.lose("mixed", path, 1)?;
            }
            if known.1.len() < 100 {
                known.1.insert(text.clone());
            }
            let _ = writeln!(out, "      <attribute name=\"{}\">{}</attribute>", quoted(name), escape(&text));
        }
        Ok(out)
    }

    /// The element of a label: name, attributes of its own, elements inside.
    fn shape(&mut self, label: &Label, path: &str) -> Result<Option<(&'static str, String, String)>> {
        let sides = |b: &tamis_core::Box2d| {
            let [xtl, ytl, xbr, ybr] = [b.xmin, b.ymin, b.xmax, b.ymax].map(text);
            format!(" xtl=\"{xtl}\" ytl=\"{ytl}\" xbr=\"{xbr}\" ybr=\"{ybr}\"")
        };
        let none = String::new();
        Ok(Some(match &label.shape {
            Shape::Box2d(b) => ("box", sides(b), none),
            Shape::RotatedBox(b) => {
                let flat = tamis_core::Box2d::from_center(b.cx, b.cy, b.width, b.height);
                let right = |d: f64| d.to_radians() == b.angle;
                let degrees = crate::lex::number::fewest_decimals(b.angle.to_degrees(), right);
                ("box", format!("{} rotation=\"{}\"", sides(&flat), text(degrees)), none)
            }
            Shape::Polygon(points) => ("polygon", format!(" points=\"{}\"", listed(points)), none),
            Shape::Polyline { points, bezier } => {
                self.scribe.lose("bezier", path, usize::from(bezier.is_some()))?;
                ("polyline", format!(" points=\"{}\"", listed(points)), none)
            }
            Shape::Keypoints(points) => match self.skeleton(label).map(|s| s.names.clone()) {
                Some(names) => {
                    self.scribe.lose("visibility", path, points.iter().filter(|p| p.v.is_none()).count())?;
                    let mut inner = String::new();
                    for (name, p) in names.iter().zip(points) {
                        let (outside, hidden) = (u8::from(p.v == Some(0)), u8::from(p.v == Some(1)));
                        let _ = writeln!(
                            inner,
                            "      <points label=\"{}\" source=\"manual\" outside=\"{outside}\" occluded=\"{hidden}\" points=\"{},{}\"/>",
                            quoted(name),
                            text(p.x),
                            text(p.y)
                        );
                    }
                    ("skeleton", none, inner)
                }
                None => {
                    self.scribe.lose("visibility", path, points.iter().filter(|p| p.v.is_some()).count())?;
                    let at: Vec<Point> = points.iter().map(|p| Point { x: p.x, y: p.y }).collect();
                    ("points", format!(" points=\"{}\"", listed(&at)), none)
                }
            },
            Shape::Rle(rle) => match runs(rle) {
                Some((counts, [left, top, width, height])) => {
                    let at = format!(
                        " rle=\"{counts}\" left=\"{left}\" top=\"{top}\" width=\"{width}\" height=\"{height}\""
                    );
                    ("mask", at, none)
                }
                None => return Ok(None),
            },
            Shape::Classification => ("tag", String::new(), none),
            _ => return Ok(None),
        }))
    }

    fn element(&mut self, label: &Label, groups: &mut Vec<String>, path: &str) -> Result<Option<String>> {
        let Some((name, own, inner)) = self.shape(label, path)? else { return Ok(None) };
        let class = label.class.as_deref().unwrap_or(UNLABELLED);
        self.classes.of(label);
        let attributes = self.attributes(label, class, path)?;
        let source = label.attributes.get("source").and_then(Value::as_str).unwrap_or("manual");
        let mut out = format!("    <{name} label=\"{}\" source=\"{}\"", quoted(class), quoted(source));
        if name != "tag" {
            let hidden = u8::from(label.attributes.get("occluded") == Some(&Value::Bool(true)));
            let order = label.attributes.get("z_order").and_then(Value::as_i64).unwrap_or(0);
            let _ = write!(out, " occluded=\"{hidden}\"{own} z_order=\"{order}\"");
        }
        if let Some(instance) = &label.instance {
            let number = match instance.parse::<u64>() {
                Ok(number) if number > 0 => number,
                _ => {
                    self.scribe.lose("instance", path, 1)?;
                    let at = groups.iter().position(|g| g == instance).unwrap_or_else(|| {
                        groups.push(instance.clone());
                        groups.len() - 1
                    });
                    at as u64 + 1
                }
            };
            let _ = write!(out, " group_id=\"{number}\"");
        }
        let _ = if inner.is_empty() && attributes.is_empty() {
            writeln!(out, "/>")
        } else {
            writeln!(out, ">\n{inner}{attributes}    </{name}>")
        };
        Ok(Some(out))
    }

    /// Writes a film and its tracks.
    fn film(&mut self, record: &SampleRecord) -> Result<()> {
        let path = record.path.as_str();
        let labels = self.scribe.take(record)?;
        let mut numbers: BTreeSet<u64> = labels.iter().filter_map(|l| l.instance.as_deref()?.parse().ok()).collect();
        let (mut body, mut used, mut last) = (String::new(), BTreeSet::new(), 0);
        for label in &labels {
            let Shape::Track(keys) = &label.shape else {
                self.scribe.drop_label("film", path)?;
                continue;
            };
            let own = label.instance.as_deref().and_then(|i| i.parse::<u64>().ok());
            let number = match own.filter(|n| used.insert(*n) && label.instance.as_deref() == Some(&n.to_string())) {
                Some(number) => number,
                None => {
                    self.scribe.lose("track", path, 1)?;
                    let free = (0..).find(|n| !numbers.contains(n)).unwrap_or_default();
                    numbers.insert(free);
                    used.insert(free);
                    free
                }
            };
            self.scribe.lose("track_attributes", path, usize::from(!label.attributes.is_empty()))?;
            let class = label.class.as_deref().unwrap_or(UNLABELLED);
            self.classes.of(label);
            let _ = writeln!(body, "  <track id=\"{number}\" label=\"{}\" source=\"manual\">", quoted(class));
            for key in keys {
                last = last.max(u64::from(key.frame) + 1);
                body.push_str(&self.key(label, key, path)?);
            }
            body.push_str("  </track>\n");
        }
        let (subset, frame) = (record.split.as_deref(), record.stated_size);
        let head = Head { size: last, mode: "interpolation", subset, frame, source: Some(path) };
        let text = format!("{}{body}</annotations>\n", self.head(&head));
        self.count.1 += 1;
        self.scribe.sink.put(&format!("{path}.xml"), text.as_bytes())
    }

    /// The element of a key frame; nothing for a shape that CVAT has not and that has no box.
    fn key(&mut self, track: &Label, key: &TrackKey, path: &str) -> Result<String> {
        let mut label = Label { shape: Shape::clone(&key.shape), ..track.clone() };
        label.attributes.extend(key.attributes.iter().map(|(k, v)| (k.clone(), v.clone())));
        let mut element = self.shape(&label, path)?;
        if element.is_none() {
            self.scribe.lose("shape", path, 1)?;
            let Some(b) = label.shape.bounds() else { return Ok(String::new()) };
            label.shape = Shape::Box2d(b);
            element = self.shape(&label, path)?;
        }
        let Some((name, own, inner)) = element else { return Ok(String::new()) };
        let class = track.class.as_deref().unwrap_or(UNLABELLED);
        let attributes = self.attributes(&label, class, path)?;
        let hidden = u8::from(label.attributes.get("occluded") == Some(&Value::Bool(true)));
        let order = label.attributes.get("z_order").and_then(Value::as_i64).unwrap_or(0);
        let (drawn, outside) = (u8::from(!key.interpolated), u8::from(key.outside));
        Ok(format!(
            "    <{name} frame=\"{}\" keyframe=\"{drawn}\" outside=\"{outside}\" occluded=\"{hidden}\"{own} z_order=\"{order}\">\n{inner}{attributes}    </{name}>\n",
            key.frame
        ))
    }

    fn head(&self, head: &Head<'_>) -> String {
        let mut out = String::from(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n    <task>\n",
        );
        let _ = writeln!(out, "      <name>{TASK}</name>\n      <size>{}</size>", head.size);
        let _ = writeln!(out, "      <mode>{}</mode>\n      <overlap>0</overlap>", head.mode);
        if let Some(subset) = head.subset {
            let _ = writeln!(out, "      <subset>{}</subset>", escape(subset));
        }
        out.push_str("      <labels>\n");
        for class in &self.classes.classes {
            let own = self.skeletons.iter().find(|s| s.classes.contains(&class.name));
            let [r, g, b] = class.color.unwrap_or([0x33, 0xdd, 0xff]);
            let _ = writeln!(
                out,
                "        <label>\n          <name>{}</name>\n          <color>#{r:02x}{g:02x}{b:02x}</color>\n          <type>{}</type>\n          <attributes>",
                escape(&class.name),
                if own.is_some() { "skeleton" } else { "any" }
            );
            for ((_, name), (input, values)) in self.inputs.iter().filter(|((of, _), _)| *of == class.name) {
                let values: Vec<&str> = match *input {
                    "checkbox" => vec!["false"],
                    _ => values.iter().map(String::as_str).collect(),
                };
                let first = values.first().copied().unwrap_or_default();
                let _ = writeln!(
                    out,
                    "            <attribute>\n              <name>{}</name>\n              <mutable>False</mutable>\n              <input_type>{input}</input_type>\n              <default_value>{}</default_value>\n              <values>{}</values>\n            </attribute>",
                    escape(name),
                    escape(first),
                    escape(&values.join("\n"))
                );
            }
            out.push_str("          </attributes>\n        </label>\n");
            for point in own.map_or(&[][..], |s| &s.names) {
                let _ = writeln!(
                    out,
                    "        <label>\n          <name>{}</name>\n          <type>points</type>\n          <attributes></attributes>\n          <parent>{}</parent>\n        </label>",
                    escape(point),
                    escape(&class.name)
                );
            }
        }
        out.push_str("      </labels>\n");
        if let Some((width, height)) = head.frame {
            let _ = writeln!(
                out,
                "      <original_size>\n        <width>{width}</width>\n        <height>{height}</height>\n      </original_size>"
            );
        }
        out.push_str("    </task>\n");
        if let Some(source) = head.source {
            let _ = writeln!(out, "    <source>{}</source>", escape(source));
        }
        out.push_str("  </meta>\n");
        out
    }
}

impl RecordWriter for Writer<'_> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        if is_film(record) {
            return self.film(record);
        }
        let path = record.path.as_str();
        let number = self.count.0;
        self.count.0 += 1;
        holds::media_to(&format!("images/{path}"), record, self.scribe.sink, &mut self.scribe.losses)?;
        let labels = self.scribe.labels(record)?;
        let mut out = format!("  <image id=\"{number}\" name=\"{}\"", quoted(path));
        if let Some(split) = &record.split {
            let _ = write!(out, " subset=\"{}\"", quoted(split));
        }
        let (width, height) = record.stated_size.unwrap_or_default();
        let _ = writeln!(out, " width=\"{width}\" height=\"{height}\">");
        let mut groups = Vec::new();
        for label in &labels {
            match self.element(label, &mut groups, path)? {
                Some(element) => out.push_str(&element),
                None => self.scribe.drop_label("shape", path)?,
            }
        }
        out.push_str("  </image>\n");
        self.images.write_all(out.as_bytes()).map_err(spool)
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        const PATH: &str = "annotations.xml";
        if self.count.0 == 0 && self.count.1 > 0 {
            return Ok(self.scribe.close());
        }
        let fail = |e| FormatError::io("write", PATH, e);
        let mut out = self.scribe.sink.create(PATH)?;
        let head = Head { size: self.count.0, mode: "annotation", ..Head::default() };
        out.write_all(self.head(&head).as_bytes()).map_err(fail)?;
        self.images.flush().map_err(spool)?;
        let file = self.images.get_mut();
        file.rewind().map_err(spool)?;
        std::io::copy(file, &mut out).map_err(fail)?;
        out.write_all(b"</annotations>\n").and_then(|()| out.flush()).map_err(fail)?;
        Ok(self.scribe.close())
    }
}
