//! Writing Label Studio: `tasks.json` to import, `config.xml` with a labelling interface that fits, and the media.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use tamis_core::{Box2d, Label, LabelType, MediaSource, Point, Report, SampleRecord, Shape, TrackKey, Word};

use super::{CHOICE, HOLDS, PREDICTIONS, QUESTION, SPEC, brush};
use crate::error::Result;
use crate::format::{RecordWriter, Schema, WriteOptions, Written, option};
use crate::holds::{self, Scribe};
use crate::labels::UNLABELLED;
use crate::lex::number::{fewest_decimals, json as number};
use crate::lex::xml::escape;
use crate::list::List;
use crate::sink::Sink;

const OWN: &[&str] = &["image", "audio", "video", "text", "split", "path"];

struct Writer<'a> {
    scribe: Scribe<'a>,
    prefix: String,
    list: Option<List>,
    /// Classes by the control that chooses them, and by the kind of media.
    used: BTreeMap<(&'static str, &'static str), BTreeSet<String>>,
    declared: Schema,
}

pub(super) fn write<'a>(
    sink: &'a Sink,
    schema: &Schema,
    options: &WriteOptions,
    report: &'a Report,
) -> Result<Box<dyn RecordWriter + 'a>> {
    let prefix = option(&SPEC, &options.options, "prefix")?.to_owned();
    let scribe = Scribe::new(&SPEC, HOLDS, sink, options, report)?;
    Ok(Box::new(Writer { scribe, prefix, list: None, used: BTreeMap::new(), declared: schema.clone() }))
}

/// The key and tag of a sample's media.
fn kind_of(path: &str) -> &'static str {
    let mime = tamis_media::mime_of_name(path).unwrap_or_default();
    match mime.split('/').next() {
        Some("audio") => "audio",
        Some("video") => "video",
        Some("text") => "text",
        _ => "image",
    }
}

/// A length as percent of the whole, so that reading gives it back exactly where that can be.
fn percent(value: f64, whole: f64) -> Value {
    number(fewest_decimals(value / whole * 100.0, |p| p * whole / 100.0 == value))
}

struct Page<'r> {
    path: &'r str,
    kind: &'static str,
    size: Option<(f64, f64)>,
    text: Option<String>,
}

impl Writer<'_> {
    /// Results of one label; empty: it is left out.
    fn results(&mut self, label: &Label, at: usize, page: &Page<'_>) -> Result<Vec<Value>> {
        let class = label.class.as_deref().unwrap_or(UNLABELLED);
        let id = if label.id == 0 { format!("r{at}") } else { label.id.to_string() };
        let (path, size) = (page.path, page.size);
        let mut values: Vec<(&'static str, Map<String, Value>)> = Vec::new();
        let mut value = Map::new();
        let extent = !matches!(
            label.shape,
            Shape::Classification
                | Shape::Sentence { .. }
                | Shape::Scalar(_)
                | Shape::TextSpan { .. }
                | Shape::TimeSpan { .. }
                | Shape::Relation { .. }
                | Shape::Track(_)
        );
        let Some((w, h)) = size.or((!extent).then_some((100.0, 100.0))) else {
            self.scribe.drop_label("size", path)?;
            return Ok(Vec::new());
        };
        let pair = |p: &Point| Value::from(vec![percent(p.x, w), percent(p.y, h)]);
        match &label.shape {
            Shape::Box2d(_) | Shape::RotatedBox(_) => {
                value.extend(rectangle(&label.shape, (w, h)));
                values.push(("rectanglelabels", value));
            }
            Shape::Polygon(points) => {
                value.insert("points".to_owned(), points.iter().map(pair).collect());
                value.insert("closed".to_owned(), true.into());
                values.push(("polygonlabels", value));
            }
            Shape::Keypoints(points) => {
                holds::unseen(points, &mut self.scribe.losses, path)?;
                self.scribe.lose("points", path, usize::from(points.len() > 1))?;
                for p in points {
                    let at = json!({"x": percent(p.x, w), "y": percent(p.y, h), "width": 0.5});
                    values.push(("keypointlabels", at.as_object().cloned().unwrap_or_default()));
                }
            }
            Shape::Rle(rle) => match brush::pack(rle) {
                Some(bytes) => {
                    value.insert("format".to_owned(), "rle".into());
                    value.insert("rle".to_owned(), bytes.into());
                    values.push(("brushlabels", value));
                }
                None => {
                    self.scribe.drop_label("shape", path)?;
                    return Ok(Vec::new());
                }
            },
            Shape::Classification => {
                value.insert("choices".to_owned(), json!([class]));
                values.push(("choices", value));
            }
            Shape::Sentence { sentence, spell, phone } => {
                let timed = |w: &Word| w.begin.is_some() || w.end.is_some();
                let lossy = sentence.len() > 1 || sentence.iter().any(timed) || !spell.is_empty() || !phone.is_empty();
                self.scribe.lose("sentence", path, usize::from(lossy))?;
                let words: Vec<&str> = sentence.iter().map(|w| w.text.as_str()).collect();
                value.insert("text".to_owned(), json!([words.join(" ")]));
                values.push(("textarea", value));
            }
            Shape::Scalar(scalar) => {
                value.insert("number".to_owned(), number(*scalar));
                values.push(("number", value));
            }
            Shape::TextSpan { begin, end } => {
                let text = page.text.as_deref().unwrap_or_default();
                value.insert("start".to_owned(), units(text, *begin).into());
                value.insert("end".to_owned(), units(text, *end).into());
                let inside: String =
                    text.chars().skip(*begin as usize).take(end.saturating_sub(*begin) as usize).collect();
                value.insert("text".to_owned(), inside.into());
                values.push(("labels", value));
            }
            Shape::TimeSpan { begin, end } => {
                value.insert("start".to_owned(), number(*begin));
                value.insert("end".to_owned(), number(*end));
                value.insert("channel".to_owned(), 0.into());
                values.push(("labels", value));
            }
            Shape::Track(keys) => {
                let attributes = keys.iter().filter(|k| !k.attributes.is_empty()).count();
                self.scribe.lose("key", path, attributes)?;
                let plain = keys.iter().all(|k| matches!(*k.shape, Shape::Box2d(_) | Shape::RotatedBox(_)));
                self.scribe.lose("track", path, usize::from(!plain))?;
                let all = sequence(keys, (w, h));
                value.insert("framesCount".to_owned(), keys.last().map_or(0, |k| k.frame + 1).into());
                value.insert("sequence".to_owned(), all.into());
                values.push(("videorectangle", value));
            }
            _ => {
                self.scribe.drop_label("shape", path)?;
                return Ok(Vec::new());
            }
        }
        let mut out = Vec::new();
        for (part, (kind, mut value)) in values.into_iter().enumerate() {
            let control = match &label.shape {
                Shape::Scalar(_) => class.to_owned(),
                Shape::Classification => {
                    label.attributes.get(QUESTION).and_then(Value::as_str).unwrap_or(CHOICE).to_owned()
                }
                Shape::Sentence { .. } => "text".to_owned(),
                _ => kind.to_owned(),
            };
            if !matches!(kind, "choices" | "textarea" | "number") {
                let key = if kind == "videorectangle" { "labels" } else { kind };
                value.insert(key.to_owned(), json!([class]));
            }
            self.used.entry((kind, page.kind)).or_default().insert(class.to_owned());
            let mut result = Map::new();
            result.insert("id".to_owned(), if part == 0 { id.clone() } else { format!("{id}p{part}") }.into());
            result.insert("type".to_owned(), kind.into());
            result.insert("from_name".to_owned(), control.into());
            result.insert("to_name".to_owned(), page.kind.into());
            if let Some((w, h)) = size {
                result.insert("original_width".to_owned(), number(w));
                result.insert("original_height".to_owned(), number(h));
                result.insert("image_rotation".to_owned(), 0.into());
            }
            result.insert("value".to_owned(), value.into());
            if let Some(score) = label.confidence {
                result.insert("score".to_owned(), score.into());
            }
            let rest: Map<String, Value> =
                label.attributes.iter().filter(|(k, _)| *k != QUESTION).map(|(k, v)| (k.clone(), v.clone())).collect();
            let mut meta = Map::new();
            if !rest.is_empty() {
                meta.insert("attributes".to_owned(), rest.into());
            }
            if let Some(instance) = &label.instance {
                meta.insert("instance".to_owned(), instance.as_str().into());
            }
            if !meta.is_empty() {
                result.insert("meta".to_owned(), meta.into());
            }
            out.push(result.into());
        }
        Ok(out)
    }

    fn all(&mut self, labels: &[Label], page: &Page<'_>) -> Result<Vec<Value>> {
        let mut out = Vec::new();
        let mut ids = BTreeSet::new();
        for (at, label) in labels.iter().enumerate() {
            if !matches!(label.shape, Shape::Relation { .. }) {
                let results = self.results(label, at, page)?;
                if !results.is_empty() {
                    ids.insert(label.id);
                }
                out.extend(results);
            }
        }
        for label in labels {
            let Shape::Relation { from, to } = label.shape else { continue };
            if from == 0 || to == 0 || !ids.contains(&from) || !ids.contains(&to) {
                self.scribe.drop_label("relation", page.path)?;
                continue;
            }
            let class: Vec<&str> = label.class.as_deref().into_iter().collect();
            out.push(json!({"type": "relation", "from_id": from.to_string(), "to_id": to.to_string(),
                "direction": "right", "labels": class}));
        }
        Ok(out)
    }
}

/// A box as Label Studio's rectangle.
fn rectangle(shape: &Shape, (w, h): (f64, f64)) -> Map<String, Value> {
    let (x, y, dx, dy, degrees) = match shape {
        Shape::RotatedBox(b) => {
            let [corner, ..] = b.corners();
            let degrees = fewest_decimals(b.angle.to_degrees(), |d| d.to_radians() == b.angle);
            (corner.x, corner.y, b.width, b.height, degrees)
        }
        other => {
            let b = other.bounds().unwrap_or_else(|| Box2d::new(0.0, 0.0, 0.0, 0.0));
            (b.xmin, b.ymin, b.width(), b.height(), 0.0)
        }
    };
    let side = |from: f64, length: f64, whole: f64| {
        let start = percent(from, whole).as_f64().unwrap_or_default() * whole / 100.0;
        let right = |p: f64| start + p * whole / 100.0 == from + length;
        number(fewest_decimals(length / whole * 100.0, right))
    };
    let all = json!({"x": percent(x, w), "y": percent(y, h), "width": side(x, dx, w), "height": side(y, dy, h),
        "rotation": number(degrees)});
    all.as_object().cloned().unwrap_or_default()
}

/// Key frames as Label Studio has them: counted from 1; the last before a gap is not `enabled`.
fn sequence(keys: &[TrackKey], size: (f64, f64)) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    let entry = |frame: u32, shape: &Shape, enabled: bool| {
        let mut entry = rectangle(shape, size);
        entry.insert("frame".to_owned(), (frame + 1).into());
        entry.insert("enabled".to_owned(), enabled.into());
        Value::from(entry)
    };
    for (at, key) in keys.iter().enumerate() {
        let next = keys.get(at + 1);
        if key.outside {
            // The frame before is the last that shows the object.
            if let Some(before) = at.checked_sub(1).and_then(|b| keys.get(b)).filter(|b| !b.outside)
                && before.frame + 1 < key.frame
            {
                out.push(entry(key.frame - 1, &before.shape, false));
            }
            continue;
        }
        let ends = next.is_some_and(|n| n.outside && n.frame == key.frame + 1);
        out.push(entry(key.frame, &key.shape, !ends));
    }
    out
}

/// Units of UTF-16 before so many characters.
fn units(text: &str, scalars: u64) -> u64 {
    let inside = text.chars().count() as u64;
    let before: usize = text.chars().take(scalars as usize).map(char::len_utf16).sum();
    before as u64 + scalars.saturating_sub(inside)
}

impl RecordWriter for Writer<'_> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        let path = record.path.as_str();
        let kind = kind_of(path);
        let text = match &record.media {
            Some(MediaSource::Bytes(bytes)) if kind == "text" => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        };
        holds::media(record, self.scribe.sink, &mut self.scribe.losses)?;
        // The layer of predictions has a place of its own.
        let mut rest = record.clone();
        let predicted = match self.scribe.layer() {
            PREDICTIONS => None,
            _ => rest.layers.remove(PREDICTIONS),
        };
        let labels = self.scribe.labels(&rest)?;
        let size = record.stated_size.map(|(w, h)| (f64::from(w), f64::from(h)));
        let page = Page { path, kind, size, text };
        let results = self.all(&labels, &page)?;
        let mut data = Map::new();
        match &page.text {
            Some(text) => {
                data.insert("text".to_owned(), text.as_str().into());
                data.insert("path".to_owned(), path.into());
            }
            None => drop(data.insert(kind.to_owned(), format!("{}{path}", self.prefix).into())),
        }
        if let Some(split) = &record.split {
            data.insert("split".to_owned(), split.as_str().into());
        }
        for (key, value) in &record.fields {
            if OWN.contains(&key.as_str()) {
                self.scribe.lose("fields", path, 1)?;
            } else {
                data.insert(key.clone(), value.clone());
            }
        }
        let annotations = if self.scribe.looked_at(record) { vec![json!({"result": results})] } else { vec![] };
        let mut predictions = Vec::new();
        if let Some(predicted) = predicted {
            let predicted = self.scribe.more(&predicted, path)?;
            predictions.push(json!({"model_version": "tamis", "result": self.all(&predicted, &page)?}));
        }
        let number = self.scribe.done.samples;
        let task = json!({"id": number, "data": data, "annotations": annotations, "predictions": predictions});
        if self.list.is_none() {
            self.list = Some(List::begin(self.scribe.sink, "tasks.json", "[\n")?);
        }
        self.list.as_mut().map_or(Ok(()), |list| list.push(&task))
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        if let Some(list) = self.list.take() {
            list.end("\n]\n")?;
        }
        let config = self.config();
        self.scribe.sink.put("config.xml", config.as_bytes())?;
        Ok(self.scribe.close())
    }
}

impl Writer<'_> {
    /// The labelling interface: each kind of media, each control with its classes.
    fn config(&self) -> String {
        let mut out = String::from("<View>\n");
        let kinds: BTreeSet<&str> = self.used.keys().map(|(_, kind)| *kind).collect();
        for kind in &kinds {
            let tag = match *kind {
                "audio" => "Audio",
                "video" => "Video",
                "text" => "Text",
                _ => "Image",
            };
            let _ = writeln!(out, "  <{tag} name=\"{kind}\" value=\"${kind}\"/>");
        }
        for ((control, kind), classes) in &self.used {
            let (tag, label_type) = match *control {
                "rectanglelabels" => ("RectangleLabels", Some(LabelType::Box2d)),
                "polygonlabels" => ("PolygonLabels", Some(LabelType::Polygon)),
                "keypointlabels" => ("KeyPointLabels", Some(LabelType::Keypoints)),
                "brushlabels" => ("BrushLabels", Some(LabelType::Rle)),
                "labels" => ("Labels", None),
                "videorectangle" => ("Labels", Some(LabelType::Track)),
                "choices" => ("Choices", Some(LabelType::Classification)),
                _ => continue,
            };
            let name = if *control == "choices" { CHOICE } else { control };
            let inner = if *control == "choices" { "Choice" } else { "Label" };
            let known = label_type.and_then(|t| self.declared.ontology.types.get(&t));
            let mut all: Vec<&str> = known.into_iter().flat_map(|s| &s.classes).map(|c| c.name.as_str()).collect();
            let more: Vec<&str> = classes.iter().map(String::as_str).filter(|c| !all.contains(c)).collect();
            all.extend(more);
            let name = if *control == "videorectangle" { "videolabels" } else { name };
            let _ = writeln!(out, "  <{tag} name=\"{name}\" toName=\"{kind}\">");
            for class in all {
                let _ = writeln!(out, "    <{inner} value=\"{}\"/>", escape(class).replace('"', "&quot;"));
            }
            let _ = writeln!(out, "  </{tag}>");
            if *control == "videorectangle" {
                let _ = writeln!(out, "  <VideoRectangle name=\"videorectangle\" toName=\"{kind}\"/>");
            }
        }
        if self.used.keys().any(|(control, _)| *control == "textarea") {
            let _ =
                writeln!(out, "  <TextArea name=\"text\" toName=\"{}\"/>", kinds.first().copied().unwrap_or("image"));
        }
        out.push_str("</View>\n");
        out
    }
}
