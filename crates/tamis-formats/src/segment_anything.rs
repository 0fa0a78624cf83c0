//! Segment Anything (SA-1B): beside each image a JSON file with its masks as packed runs, each with a box, the point it
//! was asked for, and two scores. The classes and attributes of ours stand under the key `tamis` of a mask.

use serde_json::{Map, Value, json};
use tamis_core::{Box2d, Label, LabelType, Report, Rle, SampleRecord, Shape};

use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions, Written};
use crate::gather::{Gather, has, like};
use crate::holds::{self, Holds, Scribe};
use crate::lex::json::as_id;
use crate::lex::number::{extent, json as number};
use crate::lex::object;
use crate::paths::{self, name, stem};
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, Spec};

static SPEC: Spec = Spec {
    id: "segment_anything",
    title: "Segment Anything (SA-1B)",
    homepage: "https://ai.meta.com/datasets/segment-anything/",
    extensions: &["json"],
    media: &["image"],
    reads: &[LabelType::Rle],
    writes: &[LabelType::Rle, LabelType::Polygon, LabelType::MultiPolygon],
    losses: &[
        holds::LAYERS,
        holds::FUSION,
        holds::FIELDS,
        holds::SPLIT,
        holds::INSTANCE,
        holds::MEDIA,
        holds::NOT_LOOKED_AT,
        Loss { code: "painted", what: "polygons", instead: "their pixels are written" },
        Loss { code: "size", what: "labels of images of unknown size", instead: "left out" },
        Loss { code: "name", what: "images of one name in several formats", instead: "described in `<image>.json`" },
        holds::SHAPE,
    ],
    options: &[],
};

const HOLDS: Holds = Holds {
    fields: false,
    split: false,
    ids: true,
    instance: false,
    confidence: true,
    attributes: true,
    embedded: true,
    not_looked_at: false,
};

/// Segment Anything.
pub(crate) struct SegmentAnything;

/// Keys of an annotation that become attributes as they are.
const KEPT: [&str; 3] = ["stability_score", "crop_box", "point_coords"];

fn is_it(head: &str) -> bool {
    has(head, &["image", "annotations"])
        && head.contains("\"file_name\"")
        && !has(head, &["images"])
        && (has(head, &["segmentation"]) || has(head, &["tamis"]))
}

impl Format for SegmentAnything {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        like(probe, "json", 96, is_it)
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        let mut gather = Gather::new(&SPEC, source, options, report)?;
        let files = gather.files_like("json", is_it);
        if files.is_empty() {
            return Err(gather.nothing("no JSON file has an `image` with `annotations`"));
        }
        for file in files {
            if let Some(all) = gather.object(file) {
                image(&mut gather, file, &all)?;
            }
        }
        gather.rest(paths::is_image)?;
        gather.finish()
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        _: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        Ok(Box::new(Writer { scribe: Scribe::new(&SPEC, HOLDS, sink, options, report)?, images: 0 }))
    }
}

fn image(gather: &mut Gather<'_>, file: &str, all: &Map<String, Value>) -> Result<()> {
    let place = || tamis_core::Place::file(file).at("/image");
    let empty = Map::new();
    let image = all.get("image").and_then(Value::as_object).unwrap_or(&empty);
    let Some(wanted) = object::text(image, "file_name") else {
        gather.judge.error("image", place(), "the file names no image; left out");
        return Ok(());
    };
    let Some(mut record) = gather.start(file, wanted, None, &place) else { return Ok(()) };
    record.stated_size = object::size(image, "width", "height");
    let mut labels = Vec::new();
    let whole = || tamis_core::Place::file(file).at("/annotations");
    for (at, entry) in gather.judge.objects(all, "annotations", &whole).into_iter().enumerate() {
        let place = || tamis_core::Place::file(file).at(format!("/annotations/{at}"));
        let Some(rle) = mask(entry) else {
            gather.judge.error("mask", place(), "`segmentation` is no mask of packed runs; left out");
            continue;
        };
        if record.stated_size.is_some_and(|size| size != (rle.width, rle.height)) {
            gather.judge.warn(
                "size",
                place(),
                format!("a mask is of {} × {} pixels, its image is not", rle.width, rle.height),
            );
        }
        let mut label = Label::new(Shape::Rle(rle));
        label.id = entry.get("id").and_then(as_id).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        label.confidence = object::number(entry, "predicted_iou");
        let sides: Option<Vec<f64>> = object::list(entry, "bbox").iter().map(object::number_of).collect();
        if let Some(&[x, y, w, h]) = sides.as_deref() {
            let given = Box2d::from_xywh(x, y, w, h);
            label.bbox = Some(given).filter(|b| label.shape.bounds() != Some(*b));
        }
        let kept = KEPT.iter().filter_map(|key| Some(((*key).to_owned(), entry.get(*key)?.clone())));
        label.attributes.extend(kept);
        let own = entry.get("tamis").and_then(Value::as_object).unwrap_or(&empty);
        label.class = object::text(own, "class").map(str::to_owned);
        let more = own.get("attributes").and_then(Value::as_object).unwrap_or(&empty);
        label.attributes.extend(more.iter().map(|(k, v)| (k.clone(), v.clone())));
        labels.push(label);
    }
    record.layers.insert(gather.layer.clone(), labels);
    gather.put(record, &place)
}

fn mask(entry: &Map<String, Value>) -> Option<Rle> {
    let segmentation = entry.get("segmentation")?.as_object()?;
    let [height, width] = object::list(segmentation, "size") else { return None };
    let side = |v: &Value| v.as_u64().and_then(|n| u32::try_from(n).ok());
    let rle = Rle::from_text(side(width)?, side(height)?, object::text(segmentation, "counts")?);
    rle.ok().filter(|rle| rle.check().is_ok())
}

struct Writer<'a> {
    scribe: Scribe<'a>,
    images: u64,
}

impl RecordWriter for Writer<'_> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        let labels = self.scribe.take(record)?;
        let path = record.path.as_str();
        self.images += 1;
        let mut entries = Vec::new();
        for label in &labels {
            let Some(rle) = record.stated_size.and_then(|size| crate::pixels::mask_of(&label.shape, size)) else {
                self.scribe.drop_label("size", path)?;
                continue;
            };
            if label.label_type() != LabelType::Rle {
                self.scribe.lose("painted", path, 1)?;
            }
            entries.push(annotation(label, &rle));
        }
        let (width, height) = record.stated_size.unwrap_or_default();
        let image = json!({"image_id": self.images, "width": width, "height": height, "file_name": name(path)});
        let mut file = format!("{}.json", stem(path));
        if !self.scribe.sink.is_new(&file) {
            self.scribe.lose("name", path, 1)?;
            file = format!("{path}.json");
        }
        let all = json!({"image": image, "annotations": entries});
        self.scribe.sink.put(&file, format!("{all}\n").as_bytes())
    }

    fn finish(self: Box<Self>) -> Result<Written> {
        Ok(self.scribe.close())
    }
}

fn annotation(label: &Label, rle: &Rle) -> Value {
    let b = label.bounds().unwrap_or(Box2d::new(0.0, 0.0, 0.0, 0.0));
    let sides = [b.xmin, b.ymin, extent(b.xmin, b.xmax), extent(b.ymin, b.ymax)].map(number);
    let mut out = Map::new();
    out.insert("id".to_owned(), label.id.into());
    let segmentation = json!({"size": [rle.height, rle.width], "counts": rle.to_text()});
    out.insert("segmentation".to_owned(), segmentation);
    out.insert("bbox".to_owned(), json!(sides));
    out.insert("area".to_owned(), rle.area().into());
    out.insert("predicted_iou".to_owned(), label.confidence.into());
    let mut own = Map::new();
    for (key, value) in &label.attributes {
        let known = KEPT.contains(&key.as_str());
        let _ = if known { &mut out } else { &mut own }.insert(key.clone(), value.clone());
    }
    let mut more = Map::new();
    if let Some(class) = &label.class {
        more.insert("class".to_owned(), class.as_str().into());
    }
    if !own.is_empty() {
        more.insert("attributes".to_owned(), own.into());
    }
    if !more.is_empty() {
        out.insert("tamis".to_owned(), more.into());
    }
    out.into()
}
