//! One result of Label Studio as a label.

use serde_json::{Map, Value};
use tamis_core::{Box2d, Keypoint, Label, Place, Point, RotatedBox, Shape, TrackKey, Word};

use super::{CHOICE, QUESTION, brush};
use crate::labels::{self, Judge};
use crate::lex::object;
use crate::lex::text::crop;

/// What results are read against.
pub(super) struct Context<'c> {
    pub(super) judge: Judge<'c>,
    pub(super) size: Option<(u32, u32)>,
    /// The text of the sample.
    pub(super) text: Option<&'c str>,
    pub(super) place: &'c dyn Fn() -> Place,
}

/// A region on its way: results of the same id are one region.
pub(super) struct Region {
    pub(super) id: String,
    pub(super) label: Label,
    pub(super) from: Option<(String, String)>,
}

impl Context<'_> {
    fn bad(&self, message: &str) {
        self.judge.error("region", (self.place)(), message);
    }

    /// Takes a result in: as a new region (or several labels of the whole sample), or as more about one that is there.
    pub(super) fn take(&self, result: &Map<String, Value>, regions: &mut Vec<Region>) {
        let empty = Map::new();
        let value = result.get("value").and_then(Value::as_object).unwrap_or(&empty);
        let kind = object::text(result, "type").unwrap_or_default();
        let id = object::text(result, "id").unwrap_or_default();
        let control = object::text(result, "from_name").unwrap_or_default();
        if kind == "relation" {
            let end = |key| object::text(result, key).unwrap_or_default().to_owned();
            let mut label = Label::new(Shape::Relation { from: 0, to: 0 });
            label.class = object::list(result, "labels").first().and_then(Value::as_str).and_then(labels::class);
            let from = Some((end("from_id"), end("to_id")));
            return regions.push(Region { id: String::new(), label, from });
        }
        let known = regions.iter_mut().find(|r| !id.is_empty() && r.id == id);
        let class = class_of(kind, value);
        if let Some(region) = known {
            if region.label.class.is_none() && class.is_some() {
                region.label.class = class;
            } else if let Some(answer) = answer(kind, value) {
                region.label.attributes.insert(control.to_owned(), answer);
            }
            return;
        }
        let labels: Vec<Label> = match kind {
            "choices" => {
                let names = object::list(value, "choices").iter().filter_map(Value::as_str);
                names.map(|n| Label { class: labels::class(n), ..Label::new(Shape::Classification) }).collect()
            }
            "taxonomy" => {
                let paths = object::list(value, "taxonomy").iter().filter_map(Value::as_array);
                let name = |path: &Vec<Value>| path.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(".");
                paths.map(|p| Label::new(Shape::Classification).with_class(name(p))).collect()
            }
            "textarea" if !value.contains_key("x") && !value.contains_key("start") => {
                let texts: Vec<&str> = match value.get("text") {
                    Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
                    Some(Value::String(one)) => vec![one],
                    _ => vec![],
                };
                let sentence = |t: &&str| {
                    let word = Word { text: (*t).to_owned(), begin: None, end: None };
                    Label::new(Shape::Sentence { sentence: vec![word], spell: vec![], phone: vec![] })
                };
                texts.iter().map(sentence).collect()
            }
            "number" | "rating" => match object::number(value, kind) {
                Some(number) => vec![Label::new(Shape::Scalar(number)).with_class(control)],
                None => return self.bad("a number is no finite number; left out"),
            },
            _ => match self.shape(kind, value, result) {
                Some(shape) => vec![Label { class, ..Label::new(shape) }],
                None => return,
            },
        };
        let whole = matches!(kind, "choices" | "taxonomy" | "textarea");
        for mut label in labels {
            label.confidence = object::number(result, "score");
            if whole && control != CHOICE && control != "text" && !control.is_empty() {
                label.attributes.insert(QUESTION.to_owned(), control.into());
            }
            let meta = result.get("meta").and_then(Value::as_object).unwrap_or(&empty);
            label.instance = object::text(meta, "instance").map(str::to_owned);
            for (key, value) in meta.get("attributes").and_then(Value::as_object).into_iter().flatten() {
                label.attributes.insert(key.clone(), value.clone());
            }
            if let Some(Value::Array(texts)) = meta.get("text") {
                label.attributes.insert("meta".to_owned(), texts.clone().into());
            }
            for key in ["hidden", "locked"] {
                if result.get(key) == Some(&Value::Bool(true)) {
                    label.attributes.insert(key.to_owned(), true.into());
                }
            }
            label.id = id.parse().unwrap_or(0);
            regions.push(Region { id: id.to_owned(), label, from: None });
        }
    }

    fn shape(&self, kind: &str, value: &Map<String, Value>, result: &Map<String, Value>) -> Option<Shape> {
        let side = |key| object::number(value, key);
        let size = object::size(result, "original_width", "original_height").or(self.size);
        let scale = |size: (u32, u32)| (f64::from(size.0), f64::from(size.1));
        let needs_size = || {
            let size = size.map(scale);
            if size.is_none() {
                self.bad("percent of an image of unknown size; left out");
            }
            size
        };
        match kind.strip_suffix("labels").unwrap_or(kind) {
            "rectangle" => {
                let (w, h) = needs_size()?;
                let (Some(x), Some(y), Some(dx), Some(dy)) = (side("x"), side("y"), side("width"), side("height"))
                else {
                    self.bad("a rectangle is not four finite numbers; left out");
                    return None;
                };
                rectangle([x, y, dx, dy], side("rotation").unwrap_or(0.0), (w, h), &self.judge, self.place)
            }
            "polygon" => {
                let (w, h) = needs_size()?;
                match object::pairs(object::list(value, "points")).filter(|p| p.len() >= 3) {
                    Some(points) => {
                        let at = |p: &Point| Point { x: p.x * w / 100.0, y: p.y * h / 100.0 };
                        Some(Shape::Polygon(points.iter().map(at).collect()))
                    }
                    None => {
                        self.bad("a polygon needs at least three pairs of finite numbers; left out");
                        None
                    }
                }
            }
            "keypoint" => {
                let (w, h) = needs_size()?;
                let (Some(x), Some(y)) = (side("x"), side("y")) else {
                    self.bad("a key point is not a pair of finite numbers; left out");
                    return None;
                };
                Some(Shape::Keypoints(vec![Keypoint { x: x * w / 100.0, y: y * h / 100.0, v: None }]))
            }
            "ellipse" => {
                let (w, h) = needs_size()?;
                let (Some(x), Some(y), Some(rx), Some(ry)) = (side("x"), side("y"), side("radiusX"), side("radiusY"))
                else {
                    self.bad("an ellipse is not four finite numbers; left out");
                    return None;
                };
                self.judge.note("ellipse", (self.place)(), "an ellipse is read as a polygon of 64 corners");
                let angle = side("rotation").unwrap_or(0.0).to_radians();
                let (cx, cy, rx, ry) = (x * w / 100.0, y * h / 100.0, rx * w / 100.0, ry * h / 100.0);
                Some(Shape::Polygon(crate::cvat::ellipse(cx, cy, rx, ry, angle)))
            }
            "brush" => {
                let mask = value.get("rle").and_then(brush::bytes).zip(size).and_then(|(b, s)| brush::unpack(&b, s));
                if mask.is_none() {
                    self.bad("a brush's `rle` is no mask of the image's size; left out");
                }
                mask.map(Shape::Rle)
            }
            "" | "paragraph" | "hypertext" | "timeseries" | "audio" => self.span(value),
            "videorectangle" => self.track(value, size),
            other => {
                self.bad(&format!("a region of type `{}`; left out", crop(other)));
                None
            }
        }
    }

    fn span(&self, value: &Map<String, Value>) -> Option<Shape> {
        let offsets = value.get("globalOffsets").and_then(Value::as_object).unwrap_or(value);
        let (Some(start), Some(end)) = (object::number(offsets, "start"), object::number(offsets, "end")) else {
            self.bad("a span has no finite `start` and `end`; left out");
            return None;
        };
        if start < 0.0 || end < start {
            self.bad("a span ends before it starts; left out");
            return None;
        }
        let Some(text) = self.text else { return Some(Shape::TimeSpan { begin: start, end }) };
        let (begin, mut end) = (scalars(text, start as u64), scalars(text, end as u64));
        // Old versions count the last character in.
        let inside = |end: u64| text.chars().skip(begin as usize).take((end - begin) as usize).collect::<String>();
        if let Some(stated) = object::text(value, "text")
            && inside(end) != stated
            && inside(end + 1) == stated
        {
            end += 1;
        }
        if end > text.chars().count() as u64 {
            self.judge.warn("span_outside", (self.place)(), "a span leaves the text");
        }
        Some(Shape::TextSpan { begin, end })
    }

    fn track(&self, value: &Map<String, Value>, size: Option<(u32, u32)>) -> Option<Shape> {
        // Without the video's size the numbers stay percent of it, as nobody says more.
        let (w, h) = size.map_or((100.0, 100.0), |(w, h)| (f64::from(w), f64::from(h)));
        if size.is_none() {
            self.judge.warn("video_size", (self.place)(), "the video's size is not stated; boxes stay percent of it");
        }
        let mut keys: Vec<TrackKey> = Vec::new();
        let key = |frame, shape: &Shape, outside| TrackKey {
            frame,
            shape: Box::new(shape.clone()),
            outside,
            interpolated: false,
            attributes: Default::default(),
        };
        let mut ended: Option<(u32, Shape)> = None;
        let mut sequence: Vec<&Map<String, Value>> = object::objects(value, "sequence").collect();
        sequence.sort_by_key(|k| object::number(k, "frame").unwrap_or(0.0) as u32);
        for entry in sequence {
            let side = |key| object::number(entry, key);
            let (Some(frame), Some(x), Some(y), Some(dx), Some(dy)) =
                (side("frame").filter(|f| *f >= 1.0), side("x"), side("y"), side("width"), side("height"))
            else {
                self.bad("a key frame is not five finite numbers; left out");
                continue;
            };
            let frame = frame as u32 - 1;
            let turn = side("rotation").unwrap_or(0.0);
            let Some(shape) = rectangle([x, y, dx, dy], turn, (w, h), &self.judge, self.place) else { continue };
            if let Some((last, shape)) = ended.take()
                && last + 1 < frame
            {
                keys.push(key(last + 1, &shape, true));
            }
            if keys.last().is_some_and(|k| k.frame >= frame) {
                self.bad("a key frame stands twice; left out");
                continue;
            }
            keys.push(key(frame, &shape, false));
            if entry.get("enabled") == Some(&Value::Bool(false)) {
                ended = Some((frame, shape));
            }
        }
        if let Some((last, shape)) = ended {
            keys.push(key(last + 1, &shape, true));
        }
        if keys.is_empty() {
            self.bad("a track has no key frames; left out");
            return None;
        }
        Some(Shape::Track(keys))
    }
}

/// A rectangle given in percent of a picture, turned about its upper left corner.
fn rectangle(
    [x, y, dx, dy]: [f64; 4],
    degrees: f64,
    (w, h): (f64, f64),
    judge: &Judge<'_>,
    place: &dyn Fn() -> Place,
) -> Option<Shape> {
    let (x, y, dx, dy) = (x * w / 100.0, y * h / 100.0, dx * w / 100.0, dy * h / 100.0);
    let b =
        judge.accept(Box2d::from_xywh(x, y, dx, dy), Some((w as u32, h as u32)).filter(|_| degrees == 0.0), place)?;
    if degrees == 0.0 {
        return Some(Shape::Box2d(b));
    }
    let angle = degrees.to_radians();
    let (sin, cos) = angle.sin_cos();
    let (cx, cy) = (x + dx / 2.0 * cos - dy / 2.0 * sin, y + dx / 2.0 * sin + dy / 2.0 * cos);
    Some(Shape::RotatedBox(RotatedBox { cx, cy, width: dx, height: dy, angle }))
}

/// Characters before so many units of UTF-16, in which browsers count.
fn scalars(text: &str, units: u64) -> u64 {
    let (mut seen, mut count) = (0u64, 0u64);
    for c in text.chars() {
        if seen >= units {
            return count;
        }
        seen += c.len_utf16() as u64;
        count += 1;
    }
    count + units.saturating_sub(seen)
}

/// The first label of a region.
fn class_of(kind: &str, value: &Map<String, Value>) -> Option<String> {
    let list = if kind == "videorectangle" { "labels" } else { kind };
    let list = if value.contains_key(list) { list } else { "labels" };
    object::list(value, list).first().and_then(Value::as_str).and_then(labels::class)
}

/// What a control says about a region.
fn answer(kind: &str, value: &Map<String, Value>) -> Option<Value> {
    let all = match kind {
        "choices" => value.get("choices"),
        "textarea" => value.get("text"),
        "rating" => value.get("rating"),
        "number" => value.get("number"),
        "taxonomy" => value.get("taxonomy"),
        _ => None,
    }?;
    Some(match all.as_array().map(Vec::as_slice) {
        Some([one]) => one.clone(),
        _ => all.clone(),
    })
}
