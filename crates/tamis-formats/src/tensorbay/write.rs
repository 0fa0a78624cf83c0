//! Writing TensorBay's datasets. Data wait on disk until their segment is whole, since frames gather those of several
//! sensors.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Map, Value, json};
use tamis_core::{Class, Label, LabelType, Report, SampleRecord, Sensor, Shape};

use super::label::{KEYS, key_of, of_skeleton, to_json};
use super::{NONE, SPEC, sensor};
use crate::error::{FormatError, Result};
use crate::format::{RecordWriter, Schema, WriteOptions};
use crate::lex::spool::{Piece, Spool};
use crate::out::{self, Out, Put};
use crate::sink::{Sink, Wanted};

/// What is known of a segment: data, and data by frame.
#[derive(Default)]
struct Segment {
    data: Vec<Piece>,
    frames: BTreeMap<String, Vec<Piece>>,
}

struct Segments {
    schema: Schema,
    spool: Spool,
    all: BTreeMap<String, Segment>,
}

pub(super) fn write<'a>(
    sink: &'a Sink,
    schema: &Schema,
    options: &WriteOptions,
    report: &'a Report,
) -> Result<Box<dyn RecordWriter + 'a>> {
    crate::format::option(&SPEC, &options.options, "")?;
    let put = Segments { schema: schema.clone(), spool: Spool::default(), all: BTreeMap::new() };
    Ok(out::write(&SPEC, sink, schema, options, report, put))
}

fn spooling(e: std::io::Error) -> FormatError {
    FormatError::io("write", "a temporary file", e)
}

impl Segments {
    /// The segment of a record and, in a fusion dataset, its frame there.
    fn home(&self, out: &mut Out<'_>, record: &SampleRecord) -> Result<(String, Option<String>)> {
        let (Some(frame), Some(_)) = (&record.frame, &record.sensor) else {
            out.lose_if("half", record, record.frame.is_some() || record.sensor.is_some())?;
            let split = record.split.as_deref().unwrap_or(NONE);
            let safe = crate::sink::safe(split);
            let kept = split == NONE || crate::paths::split_of(split).is_none_or(|s| s == split);
            out.lose_if("split", record, safe != split || !kept || record.split.as_deref() == Some(NONE))?;
            return Ok((safe, None));
        };
        out.lose_if("split", record, record.split.is_some())?;
        let of = |segment: &&String| {
            !segment.is_empty() && frame.strip_prefix(segment.as_str()).is_some_and(|r| r.starts_with('/'))
        };
        let (segment, rest) = match self.schema.sensors.keys().find(of) {
            Some(segment) => (segment.clone(), frame.get(segment.len() + 1..).unwrap_or(frame)),
            None => frame.rsplit_once('/').map_or((NONE.to_owned(), frame.as_str()), |(s, rest)| (s.to_owned(), rest)),
        };
        Ok((segment, Some(rest.to_owned())))
    }

    /// The labels by type; masks become files.
    fn labels(
        &mut self,
        out: &mut Out<'_>,
        record: &SampleRecord,
        segment: &str,
        labels: &[Label],
    ) -> Result<Map<String, Value>> {
        let mut all: Map<String, Value> = Map::new();
        for label in labels {
            let Some((key, mut value)) = key_of(label.label_type()).zip(to_json(label)) else {
                out.losses.add("shape", &record.path)?;
                continue;
            };
            out.lose_if("ids", record, label.id != 0)?;
            out.lose_if("confidence", record, label.confidence.is_some())?;
            out.lose_if("embedded", record, label.bbox.is_some())?;
            if let Some(class) = &label.class {
                self.schema.ontology.add_class(label.label_type(), class);
            }
            if label.shape == Shape::Classification {
                if all.contains_key(key) {
                    out.losses.add("more", &record.path)?;
                    continue;
                }
                all.insert(key.to_owned(), value.into());
            } else if let Shape::Mask(mask) = &label.shape {
                let path =
                    format!("masks/{segment}/{}/{}.png", key.to_ascii_lowercase(), crate::paths::stem(&record.path));
                if all.contains_key(key) || !out.sink.is_new(&path) || !out.mask(&path, mask)? {
                    out.losses.add("masks", &record.path)?;
                    continue;
                }
                value.insert("remotePath".to_owned(), path.into());
                all.insert(key.to_owned(), value.into());
            } else if let Value::Array(list) = all.entry(key).or_insert_with(|| json!([])) {
                list.push(value.into());
            }
            out.done.labels += 1;
        }
        Ok(all)
    }

    fn catalog(&self) -> Value {
        let mut all = Map::new();
        for (label_type, key) in KEYS {
            let Some(known) = self.schema.ontology.types.get(label_type) else { continue };
            let category = |class: &Class| {
                let mut out = json!({"name": class.name});
                if let Some(map) = out.as_object_mut() {
                    if !class.description.is_empty() {
                        map.insert("description".to_owned(), class.description.as_str().into());
                    }
                    if key.ends_with("MASK") {
                        map.extend(class.id.map(|id| ("categoryId".to_owned(), id.into())));
                    }
                }
                out
            };
            let mut part = Map::new();
            part.insert("categories".to_owned(), known.classes.iter().map(category).collect::<Vec<_>>().into());
            if known.tracking {
                part.insert("isTracking".to_owned(), true.into());
            }
            part.extend(known.delimiter.as_ref().map(|d| ("categoryDelimiter".to_owned(), d.as_str().into())));
            if *label_type == LabelType::Keypoints {
                let skeletons: Vec<Value> = known.skeletons.iter().map(of_skeleton).collect();
                part.insert("keypoints".to_owned(), skeletons.into());
            }
            all.insert((*key).to_owned(), part.into());
        }
        all.into()
    }
}

impl Put for Segments {
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()> {
        let (segment, frame) = self.home(out, record)?;
        let mut item = Map::new();
        item.insert("remotePath".to_owned(), record.path.as_str().into());
        item.extend(record.timestamp.map(|t| ("timestamp".to_owned(), t.into())));
        item.extend(
            record.sensor.as_ref().filter(|_| frame.is_some()).map(|s| ("sensorName".to_owned(), s.as_str().into())),
        );
        if let Some(labels) = labels {
            item.insert("label".to_owned(), self.labels(out, record, &segment, labels)?.into());
        }
        match &record.media {
            Some(media) => out.sink.media(&format!("data/{segment}/{}", record.path), Wanted::Media(media))?,
            None => out.losses.add("media", &record.path)?,
        }
        let piece = self.spool.put(Value::from(item).to_string().as_bytes()).map_err(spooling)?;
        let known = self.all.entry(segment).or_default();
        match frame {
            Some(frame) => known.frames.entry(frame).or_default().push(piece),
            None => known.data.push(piece),
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Out<'_>) -> Result<()> {
        out.sink.put("catalog.json", format!("{:#}\n", self.catalog()).as_bytes())?;
        for (name, segment) in &self.all {
            let path = format!("segments/{}.json", name.replace('/', "_"));
            let fail = |e| FormatError::io("write", &path, e);
            let mut file = out.sink.create(&path)?;
            let text = |piece: &Piece| -> Result<String> {
                Ok(String::from_utf8_lossy(&self.spool.get(*piece).map_err(spooling)?).into_owned())
            };
            write!(file, "{{\n\"name\": {},\n", json!(name)).map_err(fail)?;
            if !segment.frames.is_empty() {
                let own = self.schema.sensors.get(name).map(Vec::as_slice).unwrap_or_default();
                let shared = self.schema.sensors.get("").map(Vec::as_slice).unwrap_or_default();
                if !shared.is_empty() {
                    out.losses.add_many("sensors", name, shared.len())?;
                }
                let more = shared.iter().filter(|s| own.iter().all(|o| o.name != s.name));
                let sensors: Vec<Value> = own.iter().chain(more).map(|s: &Sensor| sensor::to_json(s)).collect();
                writeln!(file, "\"sensors\": {},", Value::from(sensors)).map_err(fail)?;
            }
            let mut between = "\"frames\": [\n";
            for (id, items) in &segment.frames {
                let items = items.iter().map(text).collect::<Result<Vec<String>>>()?.join(",\n  ");
                write!(file, "{between}{{\"frameId\": {}, \"frame\": [\n  {items}]}}", json!(id)).map_err(fail)?;
                between = ",\n";
            }
            if !segment.frames.is_empty() {
                file.write_all(b"\n],\n").map_err(fail)?;
            }
            file.write_all(b"\"data\": [").map_err(fail)?;
            for (at, piece) in segment.data.iter().enumerate() {
                let comma = if at == 0 { "\n" } else { ",\n" };
                write!(file, "{comma}{}", text(piece)?).map_err(fail)?;
            }
            file.write_all(b"\n]\n}\n").and_then(|()| file.flush()).map_err(fail)?;
        }
        Ok(())
    }
}
