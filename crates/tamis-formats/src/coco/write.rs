//! Writing COCO: `annotations/instances_<split>.json` (or the names the dataset was read from), media at the samples'
//! paths. Images and annotations go through temporary files, so that memory does not grow with the dataset but for
//! the numbers in use.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};

use serde_json::{Map, Value, json};
use tamis_core::{Box2d, Label, LabelType, Point, Report, SampleRecord, Shape, Word};

use super::{KEYPOINTS_BIT, MAPS, PREDICTIONS, SPEC, annotation::area_of, encode_rle, panoptic};
use crate::error::{FormatError, Result};
use crate::format::{RecordWriter, Schema, WriteOptions, Written, option};
use crate::labels::{ClassList, Losses};
use crate::lex::number::{extent, json as number};
use crate::sink::{Sink, Wanted};

const IMAGE_KEYS: &[&str] = &["id", "file_name", "width", "height", "coco_id"];
const LABEL_KEYS: &[&str] = &[
    "id",
    "image_id",
    "category_id",
    "bbox",
    "segmentation",
    "keypoints",
    "num_keypoints",
    "caption",
    "score",
    "instance",
    "attributes",
];

struct Part {
    images: BufWriter<File>,
    annotations: BufWriter<File>,
    /// Images and annotations of the panoptic file.
    panoptic: (BufWriter<File>, BufWriter<File>),
    panoptic_count: (u64, u64),
    image_ids: HashSet<i64>,
    label_ids: HashSet<u64>,
    next: (i64, u64),
    count: (u64, u64),
}

struct Writer<'a> {
    sink: &'a Sink,
    schema: Schema,
    layer: String,
    pack: bool,
    /// One folder a split, with images and annotations together.
    roboflow: bool,
    nested: BTreeSet<String>,
    classes: ClassList,
    ids: Vec<i64>,
    parts: BTreeMap<String, Part>,
    /// Lists of results by file.
    results: BTreeMap<String, (BufWriter<File>, u64)>,
    losses: Losses<'a>,
    done: Written,
}

pub(super) fn write<'a>(
    sink: &'a Sink,
    schema: &Schema,
    options: &WriteOptions,
    report: &'a Report,
) -> Result<Box<dyn RecordWriter + 'a>> {
    let pack = option(&SPEC, &options.options, "rle")? == "text";
    let roboflow = option(&SPEC, &options.options, "layout")? == "roboflow";
    let extra = schema.extra.get(SPEC.id).and_then(|e| e.get("nested_attributes")).and_then(Value::as_array);
    let nested = extra.into_iter().flatten().filter_map(|n| n.as_str().map(str::to_owned)).collect();
    Ok(Box::new(Writer {
        sink,
        schema: schema.clone(),
        layer: options.layer(),
        pack,
        roboflow,
        nested,
        classes: ClassList::new(schema),
        ids: Vec::new(),
        parts: BTreeMap::new(),
        results: BTreeMap::new(),
        losses: Losses::new(&SPEC, options, report),
        done: Written::default(),
    }))
}

fn spool(e: io::Error) -> FormatError {
    FormatError::io("write", "a temporary file", e)
}

impl Part {
    fn new() -> Result<Part> {
        let file = || tempfile::tempfile().map(BufWriter::new).map_err(spool);
        Ok(Part {
            images: file()?,
            annotations: file()?,
            panoptic: (file()?, file()?),
            panoptic_count: (0, 0),
            image_ids: HashSet::new(),
            label_ids: HashSet::new(),
            next: (1, 1),
            count: (0, 0),
        })
    }

    fn image_id(&mut self, wanted: Option<i64>) -> i64 {
        if let Some(id) = wanted
            && self.image_ids.insert(id)
        {
            return id;
        }
        while !self.image_ids.insert(self.next.0) {
            self.next.0 += 1;
        }
        self.next.0
    }

    fn label_id(&mut self, wanted: u64) -> u64 {
        if wanted != 0 && self.label_ids.insert(wanted) {
            return wanted;
        }
        while !self.label_ids.insert(self.next.1) {
            self.next.1 += 1;
        }
        self.next.1
    }
}

fn line(out: &mut BufWriter<File>, count: &mut u64, value: Map<String, Value>) -> Result<()> {
    let text = serde_json::to_string(&Value::Object(value)).map_err(|e| spool(e.into()))?;
    let comma = if *count == 0 { "" } else { ",\n" };
    *count += 1;
    write!(out, "{comma}{text}").map_err(spool)
}

impl Writer<'_> {
    /// What the dataset was read from says about a split.
    fn origin(&self, split: &str) -> Option<&Map<String, Value>> {
        if self.roboflow {
            return None;
        }
        self.schema.extra.get(SPEC.id)?.get("files")?.get(split)?.as_object()
    }

    /// Where a record's image goes, and what it is called in the annotation file.
    fn home(&self, record: &SampleRecord, split: &str) -> (String, String) {
        if self.roboflow && !split.is_empty() {
            let folder = match split {
                "val" => "valid".to_owned(),
                split => crate::sink::safe(split),
            };
            let name = [split, folder.as_str()].iter().find_map(|f| record.path.strip_prefix(f)?.strip_prefix('/'));
            let name = name.unwrap_or(&record.path);
            return (format!("{folder}/{name}"), name.to_owned());
        }
        let prefix = self.origin(split).and_then(|o| o.get("images")).and_then(Value::as_str).unwrap_or_default();
        (record.path.clone(), record.path.strip_prefix(prefix).unwrap_or(&record.path).to_owned())
    }

    /// Writes a panoptic mask and its annotation.
    fn mask(&mut self, part: &mut Part, label: &Label, record: &SampleRecord, split: &str, id: i64) -> Result<bool> {
        let Shape::Mask(mask) = &label.shape else { return Ok(false) };
        let local = mask.file.clone().map(tamis_core::MediaSource::File);
        let wanted = match (&mask.blob, &local) {
            (Some(blob), _) => Wanted::Blob(blob),
            (None, Some(file)) => Wanted::Media(file),
            (None, None) => {
                self.losses.add("mask", &record.path)?;
                return Ok(true);
            }
        };
        let file = format!("{}.png", crate::paths::stem(&record.path));
        let target = format!("{}/{file}", panoptic_stem(split));
        if !self.sink.is_new(&target) {
            self.losses.add("mask", &record.path)?;
            return Ok(true);
        }
        self.sink.media(&target, wanted)?;
        let classes = self.schema.ontology.types.get(&LabelType::PanopticMask).map(|s| s.classes.clone());
        let number = |name: &str| self.category(&Label::new(Shape::Attributes).with_class(name));
        let mut out = panoptic::annotation(mask, label, &file, &classes.unwrap_or_default(), number);
        out.insert("image_id".to_owned(), id.into());
        if label.id != 0 {
            out.insert("id".to_owned(), label.id.into());
        }
        let image = self.image(record, split, id)?;
        line(&mut part.panoptic.0, &mut part.panoptic_count.0, image)?;
        line(&mut part.panoptic.1, &mut part.panoptic_count.1, out)?;
        self.done.labels += 1;
        Ok(true)
    }

    /// Writes a map of stuff.
    fn map(&mut self, label: &Label, record: &SampleRecord, split: &str) -> Result<bool> {
        let Shape::Mask(mask) = &label.shape else { return Ok(false) };
        let name = if split.is_empty() { "default".to_owned() } else { crate::sink::safe(split) };
        let target = format!("annotations/stuff_{name}{MAPS}{}.png", crate::paths::stem(&record.path));
        if self.sink.is_new(&target) && crate::out::put_mask(self.sink, &target, mask)? {
            self.done.labels += 1;
        } else {
            self.losses.add("mask", &record.path)?;
        }
        Ok(true)
    }

    /// Adds the labels of a layer of predictions to its list of results.
    fn result(&mut self, layer: &str, labels: &[Label], record: &SampleRecord, split: &str, id: i64) -> Result<()> {
        let name = layer.strip_prefix(PREDICTIONS).unwrap_or(layer).trim_start_matches('/');
        let name = if name.is_empty() { PREDICTIONS } else { name };
        let safe = crate::sink::safe(name);
        self.losses.add_many("result_name", &record.path, usize::from(safe != name))?;
        self.losses.add_many("no_result", &record.path, usize::from(labels.is_empty()))?;
        let split = if split.is_empty() { "all".to_owned() } else { crate::sink::safe(split) };
        let file = format!("results/{split}/{safe}.json");
        let pack = std::mem::replace(&mut self.pack, true);
        for label in labels {
            let Some(rest) = self.annotation(label, None, &record.path)? else { continue };
            let mut out = Map::new();
            out.insert("image_id".to_owned(), id.into());
            out.insert("category_id".to_owned(), self.category(label).into());
            let is_empty = |v: &Value| v.as_array().is_some_and(Vec::is_empty);
            let kept =
                |key: &str, v: &Value| !matches!(key, "area" | "iscrowd") && (key != "segmentation" || !is_empty(v));
            out.extend(rest.into_iter().filter(|(key, value)| kept(key, value)));
            if label.confidence.is_none() {
                self.losses.add("score", &record.path)?;
                out.insert("score".to_owned(), 1.into());
            }
            let (list, count) = match self.results.entry(file.clone()) {
                Entry::Occupied(list) => list.into_mut(),
                Entry::Vacant(free) => free.insert((tempfile::tempfile().map(BufWriter::new).map_err(spool)?, 0)),
            };
            line(list, count, out)?;
            self.done.labels += 1;
        }
        self.pack = pack;
        Ok(())
    }

    /// The number of a class: its own, or one above all that are taken.
    fn category(&mut self, label: &Label) -> i64 {
        let at = self.classes.of(label);
        if self.ids.len() <= at {
            let taken: BTreeSet<i64> =
                self.classes.classes.iter().filter_map(|c| c.id).chain(self.ids.iter().copied()).collect();
            let mut used: BTreeSet<i64> = self.ids.iter().copied().collect();
            let mut next = taken.last().map_or(1, |last| (last + 1).max(1));
            for class in self.classes.classes.iter().skip(self.ids.len()) {
                let id = class.id.filter(|id| !used.contains(id)).unwrap_or_else(|| {
                    next += 1;
                    next - 1
                });
                used.insert(id);
                self.ids.push(id);
            }
        }
        self.ids.get(at).copied().unwrap_or_default()
    }

    fn image(&mut self, record: &SampleRecord, split: &str, id: i64) -> Result<Map<String, Value>> {
        let (_, name) = self.home(record, split);
        let mut image = Map::new();
        image.insert("id".to_owned(), id.into());
        image.insert("file_name".to_owned(), name.into());
        if let Some((width, height)) = record.stated_size {
            image.insert("width".to_owned(), width.into());
            image.insert("height".to_owned(), height.into());
        }
        for (key, value) in &record.fields {
            if !IMAGE_KEYS.contains(&key.as_str()) {
                image.insert(key.clone(), value.clone());
            } else if key != "coco_id" {
                self.losses.add("name", &record.path)?;
            }
        }
        Ok(image)
    }

    /// The annotation of a label and, where there is one, its partner with the key points.
    fn annotation(&mut self, label: &Label, partner: Option<&Label>, path: &str) -> Result<Option<Map<String, Value>>> {
        let mut out = Map::new();
        let mut bounds = label.bbox.or_else(|| label.shape.bounds());
        match &label.shape {
            Shape::Box2d(_) => {
                self.losses.add_many("embedded", path, usize::from(label.bbox.is_some()))?;
                bounds = label.shape.bounds();
                out.insert("segmentation".to_owned(), json!([]));
            }
            Shape::Polygon(ring) => drop(out.insert("segmentation".to_owned(), json!([flat(ring)]))),
            Shape::MultiPolygon(rings) => {
                out.insert("segmentation".to_owned(), rings.iter().map(|r| flat(r)).collect::<Vec<_>>().into());
            }
            Shape::RotatedBox(b) => {
                self.losses.add("rotated", path)?;
                out.insert("segmentation".to_owned(), json!([flat(&b.corners())]));
            }
            Shape::Rle(rle) => {
                let counts = if self.pack { json!(encode_rle(&rle.counts)) } else { json!(rle.counts) };
                out.insert("segmentation".to_owned(), json!({"size": [rle.height, rle.width], "counts": counts}));
            }
            Shape::Keypoints(_) => {}
            Shape::Sentence { sentence, spell, phone } => {
                let timed = |w: &Word| w.begin.is_some() || w.end.is_some();
                let lossy = sentence.len() > 1 || sentence.iter().any(timed) || !spell.is_empty() || !phone.is_empty();
                self.losses.add_many("sentence", path, usize::from(lossy))?;
                let words: Vec<&str> = sentence.iter().map(|w| w.text.as_str()).collect();
                out.insert("caption".to_owned(), words.join(" ").into());
            }
            Shape::Classification => bounds = None,
            _ => {
                self.losses.add("shape", path)?;
                return Ok(None);
            }
        }
        if let Some(Shape::Keypoints(points)) =
            [Some(label), partner].into_iter().flatten().map(|l| &l.shape).find(|s| matches!(s, Shape::Keypoints(_)))
        {
            self.losses.add_many("visibility", path, points.iter().filter(|p| p.v.is_none()).count())?;
            let triple = |p: &tamis_core::Keypoint| [number(p.x), number(p.y), p.v.unwrap_or(2).into()];
            out.insert("num_keypoints".to_owned(), points.iter().filter(|p| p.v != Some(0)).count().into());
            out.insert("keypoints".to_owned(), points.iter().flat_map(triple).collect::<Vec<Value>>().into());
        }
        if let Some(b) = bounds.filter(|_| label.label_type() != LabelType::Sentence) {
            let (w, h) = (extent(b.xmin, b.xmax), extent(b.ymin, b.ymax));
            out.insert("bbox".to_owned(), [b.xmin, b.ymin, w, h].map(number).to_vec().into());
            if !label.attributes.contains_key("area") {
                out.insert("area".to_owned(), number(area(&label.shape, b)));
            }
            out.insert("iscrowd".to_owned(), 0.into());
        }
        let pair = partner.is_some() && label.instance.as_deref() == Some(&label.id.to_string());
        if let Some(instance) = label.instance.as_ref().filter(|_| !pair) {
            out.insert("instance".to_owned(), instance.as_str().into());
        }
        if let Some(score) = label.confidence {
            out.insert("score".to_owned(), score.into());
        }
        let mut inner = Map::new();
        for (key, value) in &label.attributes {
            if key == "category_id" && label.class.is_none() {
                out.insert(key.clone(), value.clone());
            } else if self.nested.contains(key) || LABEL_KEYS.contains(&key.as_str()) {
                inner.insert(key.clone(), value.clone());
            } else {
                out.insert(key.clone(), value.clone());
            }
        }
        if !inner.is_empty() {
            out.insert("attributes".to_owned(), inner.into());
        }
        Ok(Some(out))
    }

    fn finish_part(&mut self, split: &str, mut part: Part) -> Result<()> {
        let default = match split {
            "" if self.roboflow => "_annotations.coco.json".to_owned(),
            "val" if self.roboflow => "valid/_annotations.coco.json".to_owned(),
            split if self.roboflow => format!("{}/_annotations.coco.json", crate::sink::safe(split)),
            "" => "annotations/instances_default.json".to_owned(),
            split => format!("annotations/instances_{}.json", crate::sink::safe(split)),
        };
        let segments = format!("{}.json", panoptic_stem(split));
        let has_masks = part.panoptic_count.1 > 0;
        let origin = self.origin(split).cloned().unwrap_or_default();
        let own = origin.get("path").and_then(Value::as_str).filter(|p| !has_masks || *p != segments);
        // Where all there is are masks, the panoptic file says it all.
        if !has_masks || part.count.1 > 0 || part.panoptic_count.0 < part.count.0 {
            self.pour(own.unwrap_or(&default), &origin, &mut part.images, &mut part.annotations)?;
        }
        if has_masks {
            let (images, annotations) = &mut part.panoptic;
            self.pour(&segments, &origin, images, annotations)?;
        }
        Ok(())
    }

    fn pour(
        &self,
        path: &str,
        origin: &Map<String, Value>,
        images: &mut BufWriter<File>,
        annotations: &mut BufWriter<File>,
    ) -> Result<()> {
        let mut out = self.sink.create(path)?;
        let fail = |e| FormatError::io("write", path, e);
        out.write_all(b"{\n").map_err(fail)?;
        for (key, value) in origin.get("top").and_then(Value::as_object).into_iter().flatten() {
            writeln!(out, "{}: {value},", Value::from(key.as_str())).map_err(fail)?;
        }
        for (name, spooled) in [("images", images), ("annotations", annotations)] {
            writeln!(out, "\"{name}\": [").map_err(fail)?;
            spooled.flush().map_err(spool)?;
            let file = spooled.get_mut();
            file.rewind().map_err(spool)?;
            io::copy(file, &mut out).map_err(fail)?;
            out.write_all(b"\n],\n").map_err(fail)?;
        }
        let categories = Value::from(self.categories());
        writeln!(out, "\"categories\": {categories}\n}}").and_then(|()| out.flush()).map_err(fail)
    }

    fn categories(&self) -> Vec<Value> {
        let skeletons = self.schema.ontology.types.get(&LabelType::Keypoints).map_or(&[][..], |s| &s.skeletons);
        let one = |(at, class): (usize, &tamis_core::Class)| {
            let mut out = Map::new();
            out.insert("id".to_owned(), self.ids.get(at).copied().unwrap_or_default().into());
            out.insert("name".to_owned(), class.name.as_str().into());
            if let Some(parent) = &class.parent {
                out.insert("supercategory".to_owned(), parent.as_str().into());
            }
            if let Some(skeleton) = skeletons.iter().find(|s| s.classes.contains(&class.name)) {
                out.insert("keypoints".to_owned(), json!(skeleton.names));
                let edges: Vec<[u32; 2]> = skeleton.edges.iter().map(|(a, b)| [a + 1, b + 1]).collect();
                out.insert("skeleton".to_owned(), json!(edges));
            }
            out.extend(class.extra.iter().map(|(k, v)| (k.clone(), v.clone())));
            Value::Object(out)
        };
        self.classes.classes.iter().enumerate().map(one).collect()
    }
}

/// The panoptic file of a split without its ending, which is also the folder of its masks.
fn panoptic_stem(split: &str) -> String {
    match split {
        "" => "annotations/panoptic_default".to_owned(),
        split => format!("annotations/panoptic_{}", crate::sink::safe(split)),
    }
}

/// The area of a shape in square pixels: of polygons by the shoelace formula, of masks by counting.
fn area(shape: &Shape, b: Box2d) -> f64 {
    let ring = |points: &[Point]| {
        let next = points.iter().cycle().skip(1);
        points.iter().zip(next).map(|(p, q)| p.x * q.y - q.x * p.y).sum::<f64>().abs() / 2.0
    };
    match shape {
        Shape::Polygon(points) => ring(points),
        Shape::MultiPolygon(rings) => rings.iter().map(|r| ring(r)).sum(),
        Shape::RotatedBox(b) => b.width * b.height,
        Shape::Rle(rle) => rle.counts.iter().skip(1).step_by(2).map(|c| f64::from(*c)).sum(),
        _ => area_of(b),
    }
}

fn flat(points: &[Point]) -> Value {
    points.iter().flat_map(|p| [number(p.x), number(p.y)]).collect::<Vec<Value>>().into()
}

impl RecordWriter for Writer<'_> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        let is_result = |layer: &str| layer == PREDICTIONS || layer.starts_with("predictions/");
        let others = || record.layers.iter().filter(|(layer, _)| **layer != self.layer);
        self.losses.add_many("layers", &record.path, others().filter(|(layer, _)| !is_result(layer)).count())?;
        let fusion = record.frame.is_some() || record.sensor.is_some() || record.timestamp.is_some();
        self.losses.add_many("fusion", &record.path, usize::from(fusion))?;
        let split = record.split.clone().unwrap_or_default();
        let mut part = match self.parts.remove(&split) {
            Some(part) => part,
            None => Part::new()?,
        };
        let id = part.image_id(record.fields.get("coco_id").and_then(Value::as_i64));
        let image = self.image(record, &split, id)?;
        line(&mut part.images, &mut part.count.0, image)?;
        match &record.media {
            Some(media) => self.sink.media(&self.home(record, &split).0, Wanted::Media(media))?,
            None => self.losses.add("media", &record.path)?,
        }
        let labels = record.layers.get(&self.layer);
        if labels.is_none() {
            self.losses.add("not_looked_at", &record.path)?;
        }
        let labels = labels.map_or(&[][..], Vec::as_slice);
        let is_partner = |l: &&Label| l.id & KEYPOINTS_BIT != 0 && matches!(l.shape, Shape::Keypoints(_));
        for label in labels {
            if label.label_type() == LabelType::PanopticMask && self.mask(&mut part, label, record, &split, id)? {
                continue;
            }
            if label.label_type() == LabelType::SemanticMask && self.map(label, record, &split)? {
                continue;
            }
            if is_partner(&label) && labels.iter().any(|l| l.id == label.id ^ KEYPOINTS_BIT) {
                continue;
            }
            let partner =
                labels.iter().filter(is_partner).find(|l| l.id == label.id | KEYPOINTS_BIT && label.id != l.id);
            let Some(rest) = self.annotation(label, partner, &record.path)? else { continue };
            let mut annotation = Map::new();
            annotation.insert("id".to_owned(), part.label_id(label.id).into());
            annotation.insert("image_id".to_owned(), id.into());
            if label.class.is_some() || !rest.contains_key("caption") && !rest.contains_key("category_id") {
                annotation.insert("category_id".to_owned(), self.category(label).into());
            }
            annotation.extend(rest);
            line(&mut part.annotations, &mut part.count.1, annotation)?;
            self.done.labels += 1 + u64::from(partner.is_some());
        }
        for (layer, labels) in &record.layers {
            if *layer != self.layer && is_result(layer) {
                self.result(layer, labels, record, &split, id)?;
            }
        }
        self.parts.insert(split, part);
        self.done.samples += 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        if let Some(first) = self.classes.classes.first() {
            // Gives every class its number, also those without labels.
            let label = Label::new(Shape::Attributes).with_class(first.name.clone());
            self.category(&label);
        }
        for (split, part) in std::mem::take(&mut self.parts) {
            self.finish_part(&split, part)?;
        }
        for (path, (mut list, _)) in std::mem::take(&mut self.results) {
            let fail = |e| FormatError::io("write", &path, e);
            let mut out = self.sink.create(&path)?;
            list.flush().map_err(spool)?;
            list.get_mut().rewind().map_err(spool)?;
            out.write_all(b"[\n").map_err(fail)?;
            io::copy(list.get_mut(), &mut out).map_err(fail)?;
            out.write_all(b"\n]\n").and_then(|()| out.flush()).map_err(fail)?;
        }
        self.done.losses = self.losses.finish();
        Ok(self.done)
    }
}
