//! Tamis's own exchange format: `tamis.json` (version and schema), `samples.jsonl` (one record a line), and the media
//! at their paths. Nothing is lost. Described in docs/spec/record.md.

use std::io::{BufRead, BufReader, BufWriter, Read, Write};

use serde_json::{Map, Value, json};
use tamis_core::{Label, LabelType, Mask, MediaSource, Place, Report, SampleRecord, Shape};

use crate::error::{FormatError, Result};
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions, Written};
use crate::labels::Judge;
use crate::lex::json::At;
use crate::lex::mend::mend;
use crate::probe::{Confidence, Probe};
use crate::sink::{Sink, Wanted};
use crate::source::Source;
use crate::spec::Spec;

const MANIFEST: &str = "tamis.json";
const SAMPLES: &str = "samples.jsonl";
const LINE: u64 = 256 << 20;

static SPEC: Spec = Spec {
    id: "tamis",
    title: "Tamis's own exchange format",
    homepage: "docs/spec/record.md",
    extensions: &["jsonl"],
    media: &["any"],
    reads: LabelType::ALL,
    writes: LabelType::ALL,
    losses: &[],
    options: &[],
};

/// The exact format.
pub(crate) struct Tamis;

fn at(record: &str, file: &str) -> String {
    crate::paths::join(crate::paths::folder(record), file)
}

fn manifest(source: &Source) -> Option<(String, Map<String, Value>)> {
    let is_it = |path: &&str| crate::paths::name(path) == MANIFEST;
    let path = source.entries().iter().map(|e| e.path.as_str()).filter(is_it).min_by_key(|p| p.len())?;
    let all: Map<String, Value> = {
        let text = source.read(path).ok()?;
        let text = crate::lex::text::decode(&text);
        // What JSON has not must not make it another format.
        serde_json::from_str(&text).ok().or_else(|| serde_json::from_str(&mend(&text)?.text).ok())?
    };
    (all.get("format").and_then(Value::as_str) == Some("tamis-records")).then(|| (path.to_owned(), all))
}

impl Format for Tamis {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        match manifest(probe.source()) {
            Some((path, _)) => Confidence::new(100, format!("found `{path}`")),
            None => Confidence::NONE,
        }
    }

    fn read<'a>(&self, source: &'a Source, _: &ReadOptions, report: &'a Report) -> Result<Box<dyn RecordReader + 'a>> {
        let not = |reason: &str| FormatError::NotThis {
            path: source.name().to_owned(),
            format: SPEC.id,
            reason: reason.to_owned(),
        };
        let (path, mut all) = manifest(source).ok_or_else(|| not("there is no `tamis.json` of that format"))?;
        if all.get("version").and_then(Value::as_u64) != Some(1) {
            return Err(not("its version is not 1"));
        }
        if source.find(&at(&path, SAMPLES)).is_none() {
            return Err(not("there is no `samples.jsonl` beside its `tamis.json`"));
        }
        let judge = Judge { format: SPEC.id, report };
        let schema = all.remove("schema").map(serde_json::from_value::<Schema>).transpose().unwrap_or_else(|e| {
            judge.error("schema", Place::file(&path).at("/schema"), format!("its schema is malformed: {e}; left out"));
            None
        });
        let schema = schema.unwrap_or_default();
        let lines = BufReader::with_capacity(256 << 10, source.text(&at(&path, SAMPLES))?);
        let expected = all.get("samples").and_then(Value::as_u64);
        let root = crate::paths::folder(&path).to_owned();
        let last = String::new();
        Ok(Box::new(Reader { source, root, lines, line: 0, read: 0, schema, judge, expected, last }))
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        schema: &Schema,
        _: &WriteOptions,
        _: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        let out = sink.create(SAMPLES)?;
        Ok(Box::new(Writer { sink, schema: schema.clone(), out, done: Written::default() }))
    }
}

struct Reader<'a> {
    source: &'a Source,
    root: String,
    lines: BufReader<Box<dyn Read + Send>>,
    line: u64,
    /// Records so far, with those that were left out.
    read: u64,
    schema: Schema,
    judge: Judge<'a>,
    expected: Option<u64>,
    last: String,
}

impl Reader<'_> {
    fn place(&self) -> Place {
        Place::line(crate::paths::join(&self.root, SAMPLES), self.line)
    }

    fn record(&mut self, text: &[u8]) -> Option<SampleRecord> {
        let record = match parse(text) {
            Ok(record) => record,
            Err(e) => {
                let fault = At { line: self.line, column: 1 }.fault(&e);
                self.judge.error("syntax", fault.place(&self.place().file), fault.message);
                return None;
            }
        };
        if let Err(e) = tamis_core::check_path(&record.path) {
            self.judge.error("path", self.place(), e);
            return None;
        }
        if record.path <= self.last && !self.last.is_empty() {
            self.judge.error("order", self.place(), "paths must rise from line to line; left out");
            return None;
        }
        self.last.clone_from(&record.path);
        let mut record = record;
        if let Some(MediaSource::File(file)) = &mut record.media {
            *file = crate::paths::join(&self.root, file);
            if self.source.find(file).is_none() {
                let message = format!("there is no file `{}`", crate::lex::text::crop(file));
                self.judge.error("missing_media", self.place(), message);
                record.media = None;
            }
        }
        for label in record.layers.values_mut().flatten() {
            if let Shape::Mask(Mask { file: Some(file), .. }) = &mut label.shape {
                *file = crate::paths::join(&self.root, file);
            }
        }
        Some(record)
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<SampleRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut text = Vec::new();
            self.line += 1;
            let read = (&mut self.lines).take(LINE).read_until(b'\n', &mut text);
            match read {
                Ok(0) => {
                    if let Some(expected) = self.expected.take().filter(|n| *n != self.read) {
                        let message = format!("there are {} samples where {expected} were written", self.read);
                        self.judge.error("count", self.place(), message);
                    }
                    return None;
                }
                Ok(_) => {}
                Err(e) => return Some(Err(FormatError::io("read", SAMPLES, e))),
            }
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            self.read += 1;
            if let Some(record) = self.record(&text) {
                return Some(Ok(record));
            }
        }
    }
}

impl RecordReader for Reader<'_> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn expected(&self) -> Option<u64> {
        self.expected
    }
}

/// A record of one line.
pub(crate) fn parse(text: &[u8]) -> std::result::Result<SampleRecord, serde_json::Error> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        path: String,
        file: Option<String>,
        uri: Option<String>,
        size: Option<(u32, u32)>,
        split: Option<String>,
        frame: Option<String>,
        sensor: Option<String>,
        timestamp: Option<f64>,
        #[serde(default)]
        fields: std::collections::BTreeMap<String, Value>,
        #[serde(default)]
        layers: std::collections::BTreeMap<String, Vec<Label>>,
    }
    let line: Line = serde_json::from_slice(text)?;
    let media = line.file.map(MediaSource::File).or(line.uri.map(MediaSource::Uri));
    Ok(SampleRecord {
        path: line.path,
        media,
        stated_size: line.size,
        split: line.split,
        frame: line.frame,
        sensor: line.sensor,
        timestamp: line.timestamp,
        fields: line.fields,
        layers: line.layers,
    })
}

struct Writer<'a> {
    sink: &'a Sink,
    schema: Schema,
    out: BufWriter<std::fs::File>,
    done: Written,
}

impl RecordWriter for Writer<'_> {
    fn write(&mut self, record: &SampleRecord) -> Result<()> {
        let mut line = Map::new();
        line.insert("path".to_owned(), record.path.as_str().into());
        match &record.media {
            Some(MediaSource::Uri(uri)) if !uri.starts_with("blob:") => {
                drop(line.insert("uri".to_owned(), uri.as_str().into()))
            }
            Some(media) => {
                let file = format!("media/{}", record.path);
                self.sink.media(&file, Wanted::Media(media))?;
                line.insert("file".to_owned(), file.into());
            }
            None => {}
        }
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                line.insert(key.to_owned(), value);
            }
        };
        put("size", record.stated_size.map(|s| json!(s)));
        put("split", record.split.as_deref().map(Value::from));
        put("frame", record.frame.as_deref().map(Value::from));
        put("sensor", record.sensor.as_deref().map(Value::from));
        put("timestamp", record.timestamp.map(Value::from));
        put("fields", (!record.fields.is_empty()).then(|| json!(record.fields)));
        let mut layers = record.layers.clone();
        for label in layers.values_mut().flatten() {
            if let Shape::Mask(mask) = &mut label.shape
                && let Some(blob) = mask.blob.take()
            {
                let file = format!("masks/{blob}");
                if self.sink.is_new(&file) {
                    self.sink.media(&file, Wanted::Blob(&blob))?;
                }
                mask.file = Some(file);
            }
        }
        put("layers", (!layers.is_empty()).then(|| json!(layers)));
        let fail = |e: std::io::Error| FormatError::io("write", SAMPLES, e);
        serde_json::to_writer(&mut self.out, &line).map_err(|e| fail(e.into()))?;
        self.out.write_all(b"\n").map_err(fail)?;
        self.done.samples += 1;
        self.done.labels += record.layers.values().map(|l| l.len() as u64).sum::<u64>();
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        self.out.flush().map_err(|e| FormatError::io("write", SAMPLES, e))?;
        let all = json!({"format": "tamis-records", "version": 1, "samples": self.done.samples, "schema": self.schema});
        let text = serde_json::to_string_pretty(&all).map_err(|e| FormatError::io("write", MANIFEST, e.into()))?;
        self.sink.put(MANIFEST, (text + "\n").as_bytes())?;
        Ok(self.done)
    }
}
