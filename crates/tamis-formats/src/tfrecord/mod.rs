//! TFRecord files of `tf.train.Example` as the TensorFlow object detection API and its classification scripts have
//! them, with classes in `label_map.pbtxt`. Media stand inside, or in the source under their file names.

mod wire;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};

use tamis_core::{Box2d, Class, Label, LabelType, MediaSource, Place, Report, SampleRecord, Shape};

use crate::error::{FormatError, Result};
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::index::MediaIndex;
use crate::labels::{self, Judge};
use crate::lex::text;
use crate::out::{self, ATTRIBUTES, FIELDS, FUSION, IDS, LAYERS, MEDIA, NO_BOX, NO_SIZE, Out, Put, SHAPE};
use crate::paths::{self, UniqueNames, name, stem};
use crate::probe::{Confidence, Probe};
use crate::sink::{Sink, Wanted};
use crate::source::Source;
use crate::spec::{Loss, Spec};
use wire::{Example, Feature};

static SPEC: Spec = Spec {
    id: "tfrecord",
    title: "TFRecord (TensorFlow object detection and classification)",
    homepage: "https://github.com/tensorflow/models/blob/master/research/object_detection/g3doc/using_your_own_dataset.md",
    extensions: &["tfrecord", "record", "pbtxt"],
    media: &["image"],
    reads: &[LabelType::Box2d, LabelType::Classification],
    writes: &[LabelType::Box2d, LabelType::Classification],
    losses: &[
        LAYERS,
        FUSION,
        FIELDS,
        ATTRIBUTES,
        SHAPE,
        NO_BOX,
        NO_SIZE,
        MEDIA,
        IDS,
        Loss { code: "class", what: "class labels of a sample beyond the first", instead: "left out" },
        Loss { code: "classes", what: "colours, parents and descriptions of classes", instead: "left out" },
        Loss { code: "rounding", what: "digits of coordinates beyond 32-bit floats", instead: "rounded" },
        Loss {
            code: "order",
            what: "the order of boxes and class labels among one another",
            instead: "boxes come first",
        },
    ],
    options: &[],
};

/// TFRecord.
pub(crate) struct TfRecord;

fn is_record(path: &str) -> bool {
    let name = name(path).to_ascii_lowercase();
    name.contains(".tfrecord") || name.contains(".record") || name.ends_with(".tfrec")
}

fn bytes<'e>(example: &'e Example, name: &str) -> &'e [Vec<u8>] {
    match example.get(name) {
        Some(Feature::Bytes(all)) => all,
        _ => &[],
    }
}

fn string(example: &Example, name: &str) -> Option<String> {
    bytes(example, name).first().map(|b| String::from_utf8_lossy(b).into_owned()).filter(|s| !s.is_empty())
}

fn ints<'e>(example: &'e Example, name: &str) -> &'e [i64] {
    match example.get(name) {
        Some(Feature::Ints(all)) => all,
        _ => &[],
    }
}

fn floats<'e>(example: &'e Example, name: &str) -> &'e [f32] {
    match example.get(name) {
        Some(Feature::Floats(all)) => all,
        _ => &[],
    }
}

/// `item { id: 1 name: 'cat' }`, one after the other.
fn label_map(all: &str) -> BTreeMap<i64, String> {
    let mut out = BTreeMap::new();
    for item in all.split("item").skip(1) {
        let value = |key: &str| {
            let at = item.match_indices(key).find(|(at, _)| !item.get(..*at).unwrap_or_default().ends_with('_'))?.0;
            let rest = item.get(at + key.len()..)?.trim_start().strip_prefix(':')?.trim_start();
            match rest.chars().next()? {
                quote @ ('\'' | '"') => rest.get(1..)?.split(quote).next().map(str::to_owned),
                _ => rest.split(|c: char| c.is_whitespace() || c == ',' || c == '}').next().map(str::to_owned),
            }
        };
        if let (Some(id), Some(name)) = (value("id").and_then(|i| i.parse().ok()), value("name")) {
            out.insert(id, name);
        }
    }
    out
}

impl Format for TfRecord {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        let first = probe.source().entries().iter().filter(|e| is_record(&e.path)).find(|e| {
            let head = probe.head(&e.path, 12);
            head.len() == 12 && wire::masked_crc(&head[..8]).to_le_bytes() == head[8..]
        });
        match first {
            Some(first) => Confidence::new(95, format!("found `{}` with records and their checksums", first.path)),
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
        let files: Vec<&str> = source.entries().iter().map(|e| e.path.as_str()).filter(|p| is_record(p)).collect();
        if files.is_empty() {
            return Err(labels::not_this(source, SPEC.id, "there is no `.tfrecord` file"));
        }
        let map = source.entries().iter().map(|e| e.path.as_str()).find(|p| paths::extension(p) == "pbtxt");
        let names = map.and_then(|m| judge.text(source, m)).map(|all| label_map(&all)).unwrap_or_default();
        let mut schema = Schema::default();
        let classes = names.iter().map(|(id, n)| Class { name: n.clone(), id: Some(*id), ..Class::default() });
        schema.ontology.schema_mut(LabelType::Box2d).classes = classes.collect();
        let index = MediaIndex::new(source);
        Ok(Box::new(Reader {
            source,
            index,
            judge,
            files: files.into_iter(),
            open: None,
            names,
            schema,
            taken: UniqueNames::default(),
            layer: options.layer(),
        }))
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        schema: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        Ok(out::write(&SPEC, sink, schema, options, report, Examples::default()))
    }
}

struct Reader<'a> {
    source: &'a Source,
    index: MediaIndex<'a>,
    judge: Judge<'a>,
    files: std::vec::IntoIter<&'a str>,
    open: Option<(&'a str, Box<dyn Read + Send>, u64)>,
    names: BTreeMap<i64, String>,
    schema: Schema,
    taken: UniqueNames,
    layer: String,
}

impl Reader<'_> {
    fn record(&mut self, example: &Example, file: &str, number: u64) -> SampleRecord {
        let place = || Place::file(file).at(format!("record {number}"));
        let named = string(example, "image/filename").or_else(|| string(example, "image/source_id"));
        let wanted = named.as_deref().and_then(paths::normal);
        if named.is_some() && wanted.is_none() {
            self.judge.warn("path", place(), "the file name is no path inside the dataset; another is given");
        }
        let encoded = bytes(example, "image/encoded").first().filter(|b| !b.is_empty());
        let format = string(example, "image/format").unwrap_or_else(|| "jpg".to_owned()).to_ascii_lowercase();
        let format = if format == "jpeg" { "jpg".to_owned() } else { crate::sink::safe(&format) };
        let mut path = wanted.unwrap_or_else(|| format!("{}/{number:06}", stem(file)));
        if !paths::is_media(&path) {
            path = format!("{path}.{format}");
        }
        let media = match encoded {
            Some(bytes) => Some(MediaSource::Bytes(bytes.clone())),
            None => {
                let found = self.index.exact(&path).or_else(|| self.index.named(&path));
                if found.is_none() {
                    self.judge.error("missing_image", place(), "the record has no image, nor is one of its name there");
                }
                path = found.map_or(path, str::to_owned);
                found.map(|f| MediaSource::File(f.to_owned()))
            }
        };
        let side = |n: &str| ints(example, n).first().and_then(|v| u32::try_from(*v).ok()).filter(|v| *v > 0);
        let stated = side("image/width").zip(side("image/height"));
        let size = stated.or_else(|| match &media {
            Some(MediaSource::Bytes(b)) => tamis_media::probe(b).ok().map(|p| (p.width, p.height)),
            Some(MediaSource::File(f)) => self.source.image_size(f),
            _ => None,
        });
        let split = paths::split_of(name(file).split(['.', '-', '_']).next().unwrap_or_default());
        let split = split.or_else(|| string(example, "image/split"));
        let path = self.taken.take(&path);
        let mut record = SampleRecord { path, media, stated_size: size, split, ..SampleRecord::default() };
        let found = self.labels(example, size, &place);
        if let Some(found) = found {
            labels::learn(&mut self.schema, &found);
            record.layers.insert(self.layer.clone(), found);
        }
        record
    }

    fn labels(&self, example: &Example, size: Option<(u32, u32)>, place: &dyn Fn() -> Place) -> Option<Vec<Label>> {
        let edges = ["xmin", "ymin", "xmax", "ymax"].map(|e| floats(example, &format!("image/object/bbox/{e}")));
        let texts = bytes(example, "image/object/class/text");
        let numbers = ints(example, "image/object/class/label");
        let looked = example.contains_key("image/object/bbox/xmin");
        let class_text = string(example, "image/class/text");
        let class_number = ints(example, "image/class/label").first().copied();
        if !looked && class_text.is_none() && class_number.is_none() {
            return None;
        }
        let of = |text: Option<String>, number: Option<i64>| {
            let text = text.filter(|t| !t.is_empty());
            text.or_else(|| number.map(|n| self.names.get(&n).cloned().unwrap_or_else(|| n.to_string())))
        };
        let count = edges.iter().map(|e| e.len()).min().unwrap_or(0);
        if edges.iter().any(|e| e.len() != count) {
            self.judge.error("ragged", place(), "the lists of the boxes' edges differ in length; the shortest counts");
        }
        let mut out = Vec::new();
        if count > 0 && size.is_none() {
            self.judge.error("no_size", place(), "the image's size is not known; its boxes are left out");
        }
        for i in 0..count {
            let Some((width, height)) = size else { break };
            let edge = |list: &[f32], side: u32| tidy(list.get(i).copied().unwrap_or(f32::NAN), side);
            let b = Box2d::new(
                edge(edges[0], width),
                edge(edges[1], height),
                edge(edges[2], width),
                edge(edges[3], height),
            );
            let Some(b) = self.judge.accept(b, size, place) else { continue };
            let mut label = Label::new(Shape::Box2d(b));
            let text = texts.get(i).map(|t| String::from_utf8_lossy(t).into_owned());
            label.class = of(text, numbers.get(i).copied()).as_deref().and_then(labels::class);
            for flag in ["difficult", "truncated", "group_of"] {
                if let Some(value @ (0 | 1)) = ints(example, &format!("image/object/{flag}")).get(i) {
                    label.attributes.insert(flag.to_owned(), (*value == 1).into());
                }
            }
            label.confidence = floats(example, "image/object/score").get(i).map(|s| f64::from(*s));
            out.push(label);
        }
        if let Some(class) = of(class_text, class_number) {
            out.push(Label { class: labels::class(&class), ..Label::new(Shape::Classification) });
        }
        Some(out)
    }
}

/// The pixel of a fraction kept in 32 bits: the number of the fewest decimals (at most 4) that is this fraction in 32
/// bits, else the fraction times the side.
fn tidy(fraction: f32, side: u32) -> f64 {
    let full = f64::from(fraction) * f64::from(side);
    for decimals in 0..=4usize {
        let short = format!("{full:.decimals$}").parse().unwrap_or(full);
        if (short / f64::from(side)) as f32 == fraction {
            return short;
        }
    }
    full
}

impl Iterator for Reader<'_> {
    type Item = Result<SampleRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((file, reader, number)) = &mut self.open else {
                let file = self.files.next()?;
                if self.source.find(file).is_some_and(|e| e.size == 0) {
                    self.judge.note("empty", Place::file(file), "the file has no records");
                }
                match self.source.reader(file) {
                    Ok(reader) => {
                        self.open = Some((file, Box::new(std::io::BufReader::with_capacity(1 << 16, reader)), 0))
                    }
                    Err(e) => self.judge.error("unreadable", Place::file(file), e),
                }
                continue;
            };
            *number += 1;
            let (file, number) = (*file, *number);
            let place = || Place::file(file).at(format!("record {number}"));
            match wire::next(reader.as_mut()) {
                Ok(Some(data)) => match wire::parse(&data) {
                    Ok(example) => return Some(Ok(self.record(&example, file, number))),
                    Err(reason) => self.judge.error("syntax", place(), reason),
                },
                Ok(None) => self.open = None,
                Err(e) => {
                    self.judge.error("syntax", place(), format!("{e}; the rest of the file is left out"));
                    self.open = None;
                }
            }
        }
    }
}

impl RecordReader for Reader<'_> {
    fn schema(&self) -> &Schema {
        &self.schema
    }
}

#[derive(Default)]
struct Examples {
    files: BTreeMap<String, std::io::BufWriter<std::fs::File>>,
}

impl Put for Examples {
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()> {
        let Some(media) = &record.media else { return Ok(()) };
        let mut example = Example::new();
        let text = |t: &str| Feature::Bytes(vec![t.as_bytes().to_vec()]);
        example.insert("image/filename".into(), text(&record.path));
        example.insert("image/source_id".into(), text(&record.path));
        let extension = paths::extension(&record.path);
        let format = if extension == "jpg" { "jpeg" } else { extension.as_str() };
        example.insert("image/format".into(), text(format));
        example
            .insert("image/encoded".into(), Feature::Bytes(vec![out.sink.bytes(&record.path, Wanted::Media(media))?]));
        if let Some((width, height)) = record.stated_size {
            example.insert("image/width".into(), Feature::Ints(vec![i64::from(width)]));
            example.insert("image/height".into(), Feature::Ints(vec![i64::from(height)]));
        }
        if let Some(labels) = labels {
            objects(&mut example, out, record, labels)?;
        }
        let split = record.split.as_deref().map_or("default".to_owned(), crate::sink::safe);
        if record.split.as_deref().is_some_and(|s| paths::split_of(s).as_deref() != Some(s)) {
            example.insert("image/split".into(), text(record.split.as_deref().unwrap_or_default()));
        }
        let file = format!("{split}.tfrecord");
        if !self.files.contains_key(&file) {
            self.files.insert(file.clone(), out.sink.create(&file)?);
        }
        match self.files.get_mut(&file) {
            Some(open) => {
                open.write_all(&wire::frame(&wire::encode(&example))).map_err(|e| FormatError::io("write", file, e))
            }
            None => Ok(()),
        }
    }

    fn end(&mut self, out: &mut Out<'_>) -> Result<()> {
        for (file, open) in &mut self.files {
            open.flush().map_err(|e| FormatError::io("write", file, e))?;
        }
        let mut map = String::new();
        for (number, class) in (1..).zip(&out.classes.classes) {
            let name = text::crop(&class.name.replace(['\'', '\\'], "_"));
            let _ = writeln!(map, "item {{\n  id: {number}\n  name: '{name}'\n}}\n");
        }
        out.sink.put("label_map.pbtxt", map.as_bytes())
    }
}

/// The labels of a record as lists.
fn objects(example: &mut Example, out: &mut Out<'_>, record: &SampleRecord, labels: &[Label]) -> Result<()> {
    let mut edges: [Vec<f32>; 4] = Default::default();
    let (mut texts, mut numbers, mut scores) = (Vec::new(), Vec::new(), Vec::new());
    let mut flags: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    let (mut class, mut mixed) = (None, false);
    for label in labels {
        let number = out.classes.of(label) as i64 + 1;
        let named = label.class.clone().unwrap_or_else(|| labels::UNLABELLED.to_owned()).into_bytes();
        if label.shape == Shape::Classification {
            out.keeps(record, label, &[])?;
            match class {
                None => class = Some((named, number)),
                Some(_) => out.losses.add("class", &record.path)?,
            }
            continue;
        }
        mixed |= class.is_some();
        let Some(b) = out.box_of(record, label)? else { continue };
        let Some((width, height)) = record.stated_size.filter(|s| s.0 > 0 && s.1 > 0) else {
            out.losses.add("no_size", &record.path)?;
            continue;
        };
        out.keeps(record, label, &["confidence", "difficult", "truncated", "group_of"])?;
        let parts = [(b.xmin, width), (b.ymin, height), (b.xmax, width), (b.ymax, height)];
        let mut rounded = false;
        for (list, (v, side)) in edges.iter_mut().zip(parts) {
            let fraction = (v / f64::from(side)) as f32;
            rounded |= tidy(fraction, side) != v;
            list.push(fraction);
        }
        out.lose_if("rounding", record, rounded)?;
        for flag in ["difficult", "truncated", "group_of"] {
            let value = label.attributes.get(flag).and_then(serde_json::Value::as_bool);
            flags.entry(flag).or_default().push(value.map_or(-1, i64::from));
        }
        texts.push(named);
        numbers.push(number);
        scores.push(label.confidence.unwrap_or(1.0) as f32);
        out.done.labels += 1;
    }
    out.lose_if("order", record, mixed)?;
    if let Some((named, number)) = class {
        example.insert("image/class/text".into(), Feature::Bytes(vec![named]));
        example.insert("image/class/label".into(), Feature::Ints(vec![number]));
        out.done.labels += 1;
    }
    for (list, edge) in edges.into_iter().zip(["xmin", "ymin", "xmax", "ymax"]) {
        example.insert(format!("image/object/bbox/{edge}"), Feature::Floats(list));
    }
    if labels.iter().any(|l| l.confidence.is_some()) {
        example.insert("image/object/score".into(), Feature::Floats(scores));
    }
    for (flag, list) in flags.into_iter().filter(|(_, list)| list.iter().any(|v| *v >= 0)) {
        example.insert(format!("image/object/{flag}"), Feature::Ints(list));
    }
    example.insert("image/object/class/text".into(), Feature::Bytes(texts));
    example.insert("image/object/class/label".into(), Feature::Ints(numbers));
    Ok(())
}
