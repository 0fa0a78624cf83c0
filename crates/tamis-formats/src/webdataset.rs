//! WebDataset: tar files whose neighbouring entries of one name up to the first dot are one sample: `000.jpg`,
//! `000.json`, `000.cls`, `000.txt`. Shards are streamed.

use std::io::Read;

use serde_json::{Map, Value};
use tamis_core::{Label, LabelType, MediaSource, Place, Report, SampleRecord, Shape, Word};

use crate::error::{FormatError, Result};
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::labels::{self, Judge};
use crate::out::{self, FUSION, LAYERS, MEDIA, Out, Put};
use crate::paths::{self, UniqueNames, folder, join, name, stem};
use crate::probe::{Confidence, Probe};
use crate::sink::{Sink, Wanted};
use crate::source::Source;
use crate::spec::{Loss, Spec};

static SPEC: Spec = Spec {
    id: "webdataset",
    title: "WebDataset shards",
    homepage: "https://github.com/webdataset/webdataset",
    extensions: &["tar"],
    media: &["image", "audio", "video"],
    reads: &[LabelType::Classification, LabelType::Sentence],
    writes: LabelType::ALL,
    losses: &[
        LAYERS,
        FUSION,
        MEDIA,
        Loss { code: "masks", what: "images of masks", instead: "left out" },
        Loss { code: "classes", what: "colours, parents and descriptions of classes", instead: "left out" },
    ],
    options: &[],
};

/// WebDataset.
pub(crate) struct WebDataset;

/// A sample's parts are at most so many bytes together.
const PARTS: u64 = 2 << 30;

impl Format for WebDataset {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        let tars = probe.with_extension("tar");
        match tars.first() {
            Some(first) if tars.len() == probe.source().entries().len() || probe.media() == 0 => {
                Confidence::new(80, format!("found {} shards, `{}`", tars.len(), first.path))
            }
            _ => Confidence::NONE,
        }
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        let shards: Vec<&str> =
            source.entries().iter().map(|e| e.path.as_str()).filter(|p| paths::extension(p) == "tar").collect();
        if shards.is_empty() {
            return Err(labels::not_this(source, SPEC.id, "there are no tar files"));
        }
        Ok(Box::new(Reader {
            source,
            shards: shards.into_iter(),
            open: None,
            next: None,
            judge: Judge { format: SPEC.id, report },
            layer: options.layer(),
            schema: Schema::default(),
            names: UniqueNames::default(),
        }))
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        schema: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        let put = Shards { open: None, keys: UniqueNames::default(), numbers: Default::default() };
        Ok(out::write(&SPEC, sink, schema, options, report, put))
    }
}

/// An entry: its key, what stands after the first dot, its bytes.
struct Part {
    key: String,
    kind: String,
    bytes: Vec<u8>,
}

struct Reader<'a> {
    source: &'a Source,
    shards: std::vec::IntoIter<&'a str>,
    open: Option<(&'a str, Box<dyn Read + Send>)>,
    next: Option<Part>,
    judge: Judge<'a>,
    layer: String,
    schema: Schema,
    names: UniqueNames,
}

fn octal(field: &[u8]) -> Option<u64> {
    if let [first, rest @ ..] = field
        && first & 0x80 != 0
    {
        let start = u64::from(first & 0x7f);
        return rest.iter().try_fold(start, |n, b| n.checked_mul(256)?.checked_add(u64::from(*b)));
    }
    let text: String = field.iter().map(|b| *b as char).filter(|c| c.is_digit(8)).collect();
    if text.is_empty() { Some(0) } else { u64::from_str_radix(&text, 8).ok() }
}

fn c_text(field: &[u8]) -> String {
    let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
}

/// The next file of a tar stream (POSIX ustar, GNU long names, pax paths); [`None`] at its end.
fn entry(reader: &mut dyn Read) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let bad = |message: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, message.to_owned());
    let mut long: Option<String> = None;
    loop {
        let mut head = [0u8; 512];
        match reader.read_exact(&mut head) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(e) => return Err(e),
        }
        if head.iter().all(|b| *b == 0) {
            return Ok(None);
        }
        let sum: u64 =
            head.iter().enumerate().map(|(i, b)| u64::from(if (148..156).contains(&i) { b' ' } else { *b })).sum();
        if octal(&head[148..156]) != Some(sum) {
            return Err(bad("an entry's checksum is wrong"));
        }
        let size =
            octal(&head[124..136]).filter(|s| *s <= PARTS).ok_or_else(|| bad("an entry is larger than is read"))?;
        let mut bytes = Vec::new();
        reader.take(size).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != size {
            return Err(bad("the file ends inside an entry"));
        }
        std::io::copy(&mut reader.take((512 - size % 512) % 512), &mut std::io::sink())?;
        match head[156] {
            b'L' => long = Some(c_text(&bytes)),
            b'x' => {
                let all = String::from_utf8_lossy(&bytes).into_owned();
                let path = all.lines().find_map(|l| l.split_once(" path=").map(|(_, p)| p.to_owned()));
                long = path.or(long);
            }
            b'0' | 0 | b'7' => {
                let (own, prefix) = (c_text(&head[..100]), c_text(&head[345..500]));
                let ustar = &head[257..262] == b"ustar" && &head[262..264] != b"  " && !prefix.is_empty();
                let own = if ustar { format!("{prefix}/{own}") } else { own };
                return Ok(Some((long.take().unwrap_or(own), bytes)));
            }
            _ => long = None,
        }
    }
}

impl Reader<'_> {
    fn part(&mut self) -> Option<Part> {
        loop {
            let Some((shard, reader)) = &mut self.open else { return None };
            let shard = *shard;
            match entry(reader.as_mut()) {
                Ok(Some((path, bytes))) => {
                    let Some(path) = paths::normal(&path) else {
                        self.judge.error(
                            "path",
                            Place::file(shard).at(path.escape_debug().to_string()),
                            "the entry leaves the folder; left out",
                        );
                        continue;
                    };
                    let Some((first, kind)) = name(&path).split_once('.').filter(|(k, _)| !k.is_empty()) else {
                        continue;
                    };
                    let (key, kind) = (join(folder(&path), first), kind.to_ascii_lowercase());
                    return Some(Part { key, kind, bytes });
                }
                Ok(None) => {
                    self.open = None;
                    return None;
                }
                Err(e) => {
                    self.judge.error("syntax", Place::file(shard), format!("{e}; the rest of the shard is left out"));
                    self.open = None;
                    return None;
                }
            }
        }
    }

    fn record(&mut self, shard: &str, key: &str, parts: Vec<Part>) -> SampleRecord {
        let place = |kind: &str| Place::file(shard).at(format!("{key}.{kind}"));
        let mut record = SampleRecord { path: key.to_owned(), ..SampleRecord::default() };
        let (mut found, mut looked) = (Vec::new(), false);
        let (mut path, mut stated) = (None, Map::new());
        for part in parts {
            let written = || String::from_utf8_lossy(&part.bytes).trim().to_owned();
            match part.kind.as_str() {
                "json" => match serde_json::from_slice::<Value>(&part.bytes) {
                    Ok(Value::Object(map)) => stated = map,
                    Ok(other) => drop(record.fields.insert("json".to_owned(), other)),
                    Err(e) => self.judge.error("syntax", place("json"), e),
                },
                "cls" | "cls2" | "id" if part.kind != "id" => {
                    looked = true;
                    found.push(Label::new(Shape::Classification).with_class(written()));
                }
                "txt" | "text" | "transcript" | "caption" => {
                    looked = true;
                    let word = Word { text: written(), begin: None, end: None };
                    found.push(Label::new(Shape::Sentence {
                        sentence: vec![word],
                        spell: Vec::new(),
                        phone: Vec::new(),
                    }));
                }
                kind if paths::is_media(&format!("a.{kind}")) && record.media.is_none() => {
                    record.path = format!("{key}.{kind}");
                    record.media = Some(MediaSource::Bytes(part.bytes));
                }
                kind => {
                    let message = format!("an entry of the kind `{}` is left out", crate::lex::text::crop(kind));
                    self.judge.warn("kind", place(kind), message);
                }
            }
        }
        // What this writer says of a sample stands under names of their own.
        let mut own = |name: &str| stated.remove(name);
        if let Some(Value::String(text)) = own("__path__") {
            path = paths::normal(&text);
        }
        if let Some(Value::String(split)) = own("__split__") {
            record.split = Some(split);
        }
        if let Some(Ok((width, height))) = own("__size__").map(serde_json::from_value) {
            record.stated_size = Some((width, height));
        }
        if let Some(all) = own("__labels__") {
            match serde_json::from_value::<Vec<Label>>(all) {
                Ok(all) => (looked, found) = (true, all),
                Err(e) => self.judge.error("labels", place("json"), e),
            }
        }
        record.fields.extend(stated);
        record.split = record.split.or_else(|| name(shard).split(['-', '_', '.']).find_map(paths::split_of));
        record.path = self.names.take(&path.unwrap_or(record.path));
        if looked {
            labels::learn(&mut self.schema, &found);
            record.layers.insert(self.layer.clone(), found);
        }
        record
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<SampleRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((shard, _)) = &self.open else {
                let shard = self.shards.next()?;
                if self.source.find(shard).is_some_and(|e| e.size == 0) {
                    self.judge.warn("empty", Place::file(shard), "the shard is an empty file");
                }
                match self.source.reader(shard) {
                    Ok(reader) => {
                        self.open = Some((shard, Box::new(std::io::BufReader::with_capacity(1 << 18, reader))))
                    }
                    Err(e) => self.judge.error("unreadable", Place::file(shard), e),
                }
                continue;
            };
            let shard = *shard;
            let Some(first) = self.next.take().or_else(|| self.part()) else { continue };
            let key = first.key.clone();
            let mut size = first.bytes.len() as u64;
            let mut parts = vec![first];
            while let Some(part) = self.part() {
                if part.key != key {
                    self.next = Some(part);
                    break;
                }
                size += part.bytes.len() as u64;
                if size > PARTS {
                    let message = "a sample's parts are larger than is read; the rest is left out";
                    self.judge.error("too_large", Place::file(shard).at(key.clone()), message);
                    continue;
                }
                parts.push(part);
            }
            return Some(Ok(self.record(shard, &key, parts)));
        }
    }
}

impl RecordReader for Reader<'_> {
    fn schema(&self) -> &Schema {
        &self.schema
    }
}

type Tar = tar::Builder<std::io::BufWriter<std::fs::File>>;

struct Shards {
    open: Option<(String, Tar, u64)>,
    keys: UniqueNames,
    numbers: std::collections::BTreeMap<String, u64>,
}

/// Samples in a shard at most.
const SHARD: u64 = 10_000;

fn add(tar: &mut Tar, path: &str, bytes: &[u8]) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, path, bytes).map_err(|e| FormatError::io("write", path, e))
}

impl Put for Shards {
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()> {
        let Some(media) = &record.media else { return Ok(()) };
        let extension = paths::extension(&record.path);
        let bytes = out.sink.bytes(&record.path, Wanted::Media(media))?;
        let split = record.split.as_deref().map_or("all".to_owned(), crate::sink::safe);
        if self.open.as_ref().is_none_or(|(own, _, count)| *own != split || *count >= SHARD) {
            self.close()?;
            let number = self.numbers.entry(split.clone()).or_default();
            let file = format!("{split}-{number:06}.tar");
            *number += 1;
            self.open = Some((split.clone(), tar::Builder::new(out.sink.create(&file)?), 0));
        }
        let plain = |c: char| if c.is_alphanumeric() || matches!(c, '/' | '-' | '_') { c } else { '_' };
        let key: String = stem(&record.path).chars().map(plain).collect();
        let key = self.keys.take(&key);
        let mut json: Map<String, Value> = record.fields.clone().into_iter().collect();
        json.insert("__path__".to_owned(), record.path.clone().into());
        if let Some(split) = &record.split {
            json.insert("__split__".to_owned(), split.clone().into());
        }
        if let Some(size) = record.stated_size {
            json.insert("__size__".to_owned(), serde_json::json!(size));
        }
        let mut class = None;
        if let Some(labels) = labels {
            let mask = |l: &&Label| matches!(l.shape, Shape::Mask(_));
            out.losses.add_many("masks", &record.path, labels.iter().filter(mask).count())?;
            let kept: Vec<&Label> = labels.iter().filter(|l| !mask(l)).collect();
            out.done.labels += kept.len() as u64;
            class = kept.iter().find(|l| l.shape == Shape::Classification).map(|l| out.classes.of(l));
            json.insert("__labels__".to_owned(), serde_json::to_value(&kept).unwrap_or_default());
        }
        let Some((_, tar, count)) = &mut self.open else { return Ok(()) };
        *count += 1;
        let extension = if extension.is_empty() { "bin".to_owned() } else { extension };
        add(tar, &format!("{key}.{extension}"), &bytes)?;
        if let Some(class) = class {
            add(tar, &format!("{key}.cls"), class.to_string().as_bytes())?;
        }
        add(tar, &format!("{key}.json"), Value::Object(json).to_string().as_bytes())
    }

    fn end(&mut self, out: &mut Out<'_>) -> Result<()> {
        self.close()?;
        let names: Vec<&str> = out.classes.classes.iter().map(|c| c.name.as_str()).collect();
        match names.is_empty() {
            true => Ok(()),
            false => out.sink.put("classes.json", serde_json::json!(names).to_string().as_bytes()),
        }
    }
}

impl Shards {
    fn close(&mut self) -> Result<()> {
        use std::io::Write;
        let Some((split, tar, _)) = self.open.take() else { return Ok(()) };
        let done = tar.into_inner().and_then(|mut file| file.flush());
        done.map_err(|e| FormatError::io("write", split, e))
    }
}
