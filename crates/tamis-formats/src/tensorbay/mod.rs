//! Datasets of Graviti's TensorBay as files: `catalog.json` (classes by label type), `segments/<segment>.json` (the data
//! of a segment, or its sensors and frames), media in `data/<segment>/`. A whole dataset in one JSON file with
//! `segments` is read too.
//!
//! The JSON of labels, sensors and catalogues is that of TensorBay's own interface. A segment is a split; in a fusion
//! dataset it is what its sensors are calibrated for.

mod label;
mod sensor;
mod write;

use std::collections::HashSet;

use serde_json::{Map, Value};
use tamis_core::{Class, LabelType, MediaSource, Place, Report, SampleRecord};

use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::gather::{Gather, has};
use crate::lex::json::as_id;
use crate::lex::object;
use crate::out::{FIELDS, IDS, LAYERS};
use crate::paths::{self, join, name, stem};
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, Spec};

const HELD: &[LabelType] = &[
    LabelType::Classification,
    LabelType::Box2d,
    LabelType::Box3d,
    LabelType::Polygon,
    LabelType::MultiPolygon,
    LabelType::Polyline,
    LabelType::MultiPolyline,
    LabelType::Keypoints,
    LabelType::Rle,
    LabelType::SemanticMask,
    LabelType::InstanceMask,
    LabelType::PanopticMask,
    LabelType::Sentence,
];

pub(super) static SPEC: Spec = Spec {
    id: "tensorbay",
    title: "Graviti TensorBay datasets, with sensors and frames",
    homepage: "https://github.com/Graviti-AI/tensorbay-python-sdk",
    extensions: &["json"],
    media: &["image", "video", "audio", "point cloud", "text"],
    reads: HELD,
    writes: HELD,
    losses: &[
        LAYERS,
        FIELDS,
        IDS,
        Loss { code: "confidence", what: "confidences of labels", instead: "left out" },
        Loss { code: "embedded", what: "boxes given beside another shape", instead: "left out" },
        Loss { code: "more", what: "classes of a sample beyond the first", instead: "left out" },
        Loss { code: "shape", what: "labels of other types", instead: "left out" },
        Loss { code: "masks", what: "masks of one kind beyond the first, or without a file", instead: "left out" },
        Loss { code: "sensors", what: "sensors of all segments", instead: "written with each segment" },
        Loss { code: "half", what: "frames without a sensor, sensors without a frame", instead: "left out" },
        Loss { code: "media", what: "samples without media", instead: "the labels are written, the file is missing" },
        Loss {
            code: "split",
            what: "splits that are no file names, and splits of calibrated frames",
            instead: "left out",
        },
    ],
    options: &[],
};

/// TensorBay's datasets.
pub(crate) struct TensorBay;

/// The segment of samples that are in none.
const NONE: &str = "default";

fn is_catalog(head: &str) -> bool {
    head.trim_start().starts_with('{')
        && label::KEYS.iter().any(|(_, key)| has(head, &[key]))
        && has(head, &["categories"])
}

fn is_segment(head: &str) -> bool {
    (has(head, &["remotePath"]) || has(head, &["localPath"]))
        && ["data", "dataDetails", "frames", "segments"].iter().any(|key| has(head, &[key]))
}

impl Format for TensorBay {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        crate::gather::like(probe, "json", 97, is_segment)
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        let mut gather = Gather::new(&SPEC, source, options, report)?;
        let files = gather.files_like("json", is_segment);
        if files.is_empty() {
            return Err(gather.nothing("no JSON file has data or frames with a `remotePath`"));
        }
        for file in gather.files_like("json", is_catalog) {
            let all = gather.object(file).unwrap_or_default();
            catalog(&mut gather, all.get("catalog").and_then(Value::as_object).unwrap_or(&all));
        }
        let mut taken = HashSet::new();
        for file in files {
            let Some(all) = gather.object(file) else { continue };
            let listed: Vec<&Map<String, Value>> = object::objects(&all, "segments").collect();
            for segment in if all.contains_key("segments") { listed } else { vec![&all] } {
                let own = object::text(segment, "name").or_else(|| object::text(segment, "segmentName"));
                let own = own.unwrap_or_else(|| stem(name(file))).to_owned();
                read_segment(&mut gather, file, &own, segment, &mut taken)?;
            }
        }
        gather.finish()
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        schema: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        write::write(sink, schema, options, report)
    }
}

/// Classes by label type.
fn catalog(gather: &mut Gather<'_>, all: &Map<String, Value>) {
    for (label_type, key) in label::KEYS {
        let Some(part) = all.get(*key).and_then(Value::as_object) else { continue };
        let known = gather.schema.ontology.schema_mut(*label_type);
        known.tracking |= part.get("isTracking").and_then(Value::as_bool) == Some(true);
        known.delimiter = known.delimiter.take().or(object::text(part, "categoryDelimiter").map(str::to_owned));
        for category in object::objects(part, "categories") {
            let Some(name) = object::text(category, "name") else { continue };
            if known.classes.iter().all(|c| c.name != name) {
                let id = category.get("categoryId").and_then(as_id);
                let description = object::text(category, "description").unwrap_or_default().to_owned();
                known.classes.push(Class { name: name.to_owned(), id, description, ..Class::default() });
            }
        }
        for skeleton in object::objects(part, "keypoints") {
            known.skeletons.extend(label::skeleton(skeleton));
        }
    }
}

fn read_segment(
    gather: &mut Gather<'_>,
    file: &str,
    segment: &str,
    all: &Map<String, Value>,
    taken: &mut HashSet<String>,
) -> Result<()> {
    let sensors: Vec<_> = object::objects(all, "sensors").filter_map(sensor::of_json).collect();
    if !sensors.is_empty() {
        gather.schema.sensors.entry(segment.to_owned()).or_default().extend(sensors);
    }
    for key in ["data", "dataDetails"] {
        let whole = || Place::line(file, 1).at(format!("/{key}"));
        for (at, item) in gather.judge.objects(all, key, &whole).into_iter().enumerate() {
            let place = || Place::file(file).at(format!("/{key}/{at}"));
            read_item(gather, segment, item, None, taken, &place)?;
        }
    }
    for (at, frame) in gather.judge.list(all, "frames", &|| Place::line(file, 1).at("/frames")).iter().enumerate() {
        let id = frame.get("frameId").and_then(Value::as_str);
        let id = join(segment, &id.map_or_else(|| format!("{at:09}"), str::to_owned));
        // A frame is a list of data, or an object with one.
        let items = frame.as_array().or_else(|| frame.get("frame").and_then(Value::as_array));
        for (number, item) in items.into_iter().flatten().enumerate() {
            let place = || Place::file(file).at(format!("/frames/{at}/{number}"));
            match item.as_object() {
                Some(item) => read_item(gather, segment, item, Some(&id), taken, &place)?,
                None => gather.judge.error("syntax", place(), "data of a frame is no object; left out"),
            }
        }
    }
    Ok(())
}

fn read_item(
    gather: &mut Gather<'_>,
    segment: &str,
    item: &Map<String, Value>,
    frame: Option<&str>,
    taken: &mut HashSet<String>,
    place: &dyn Fn() -> Place,
) -> Result<()> {
    let Some(wanted) = object::text(item, "remotePath").or_else(|| object::text(item, "localPath")) else {
        gather.judge.error("path", place(), "data has no `remotePath`; left out");
        return Ok(());
    };
    let Some(inside) = paths::normal(wanted).filter(|p| crate::source::check(p).is_ok()) else {
        gather.judge.error("path", place(), "a `remotePath` leaves the dataset; left out");
        return Ok(());
    };
    let local = object::text(item, "localPath").and_then(paths::normal);
    let beside = paths::folder(&place().file).to_owned();
    let above = paths::folder(&beside).to_owned();
    let mut guesses: Vec<String> = local.into_iter().collect();
    for root in [&above, &beside] {
        guesses.extend(["data", ""].map(|home| join(root, &join(&join(home, segment), &inside))));
        guesses.push(join(root, &inside));
    }
    let found = guesses.iter().find_map(|g| gather.index.exact(g));
    let path = match taken.insert(inside.clone()) {
        true => inside,
        // The same name in another segment.
        false => join(segment, &inside),
    };
    taken.insert(path.clone());
    let split = (segment != NONE && frame.is_none()).then(|| paths::split_of(segment).unwrap_or(segment.to_owned()));
    let mut record = SampleRecord { path, split, ..SampleRecord::default() };
    record.frame = frame.map(str::to_owned);
    record.sensor = object::text(item, "sensorName").map(str::to_owned);
    record.timestamp = object::number(item, "timestamp");
    match (found, object::text(item, "url")) {
        (Some(found), _) => {
            gather.used(found);
            record.stated_size = gather.source.image_size(found);
            record.media = Some(MediaSource::File(found.to_owned()));
        }
        (None, Some(url)) => record.media = Some(MediaSource::Uri(url.to_owned())),
        (None, None) => gather.judge.error("missing_media", place(), "there is no file of this data"),
    }
    if let Some(all) = item.get("label").and_then(Value::as_object) {
        let labels = label::read(gather, all, record.stated_size, place);
        record.layers.insert(gather.layer.clone(), labels);
    }
    gather.put(record, place)
}
