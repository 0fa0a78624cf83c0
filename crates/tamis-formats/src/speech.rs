//! Speech with transcripts: LJSpeech's `metadata.csv` (`id|text|normalised text` beside `wavs/`) and manifests of JSON
//! lines (`audio_filepath`, `duration`, `text`, as NeMo has them). A transcript is a sentence of the sample.

use std::fmt::Write;
use std::io::{BufRead, BufReader, Read};

use tamis_core::{Label, LabelType, MediaSource, Place, Report, SampleRecord, Shape, Word};

use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::index::MediaIndex;
use crate::labels::{self, Judge};
use crate::lex::text;
use crate::out::{self, ATTRIBUTES, FUSION, IDS, LABELS, LAYERS, Lists, MEDIA, Out, PATH, Put};
use crate::paths::{self, folder, join, name, stem};
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::{Loss, Spec};

const TIMES: Loss = Loss { code: "times", what: "times, spellings and phonemes of words", instead: "left out" };

static LJSPEECH: Spec = Spec {
    id: "ljspeech",
    title: "LJSpeech transcripts",
    homepage: "https://keithito.com/LJ-Speech-Dataset/",
    extensions: &["csv"],
    media: &["audio"],
    reads: &[LabelType::Sentence],
    writes: &[LabelType::Sentence],
    losses: &[
        LAYERS,
        FUSION,
        ATTRIBUTES,
        LABELS,
        MEDIA,
        IDS,
        PATH,
        TIMES,
        Loss { code: "fields", what: "fields other than `normalized`", instead: "left out" },
        Loss { code: "split", what: "splits", instead: "left out" },
        Loss { code: "bar", what: "`|` and line breaks in texts", instead: "a space is written" },
    ],
    options: &[],
};

static MANIFEST: Spec = Spec {
    id: "audio-manifest",
    title: "Audio manifests of JSON lines (NeMo)",
    homepage: "https://docs.nvidia.com/nemo-framework/user-guide/latest/nemotoolkit/asr/datasets.html",
    extensions: &["json", "jsonl"],
    media: &["audio"],
    reads: &[LabelType::Sentence],
    writes: &[LabelType::Sentence],
    losses: &[LAYERS, FUSION, ATTRIBUTES, LABELS, MEDIA, IDS, TIMES],
    options: &[],
};

/// LJSpeech.
pub(crate) struct LjSpeech;

/// Manifests.
pub(crate) struct Manifest;

fn is_metadata(source: &Source, path: &str) -> bool {
    let named = matches!(name(path), "metadata.csv" | "metadata.txt") || name(path).ends_with("_filelist.txt");
    named && {
        let head = source.head(path, 2048).unwrap_or_default();
        let head = text::decode(&head).into_owned();
        head.lines().next().is_some_and(|l| (1..=3).contains(&l.matches('|').count()) && !l.contains(','))
            || head.lines().next().is_some_and(|l| l.matches('|').count() == 2)
    }
}

fn is_manifest(source: &Source, path: &str) -> bool {
    matches!(paths::extension(path).as_str(), "json" | "jsonl" | "ndjson") && {
        let head = source.head(path, 8192).unwrap_or_default();
        let head = text::decode(&head).into_owned();
        let is_row = |row: &str| row.trim_start().starts_with('{') && row.contains("\"audio_filepath\"");
        head.lines().take(20).any(is_row)
    }
}

/// A sentence of one text without times.
pub(crate) fn sentence(transcript: &str) -> Label {
    let word = Word { text: transcript.to_owned(), begin: None, end: None };
    Label::new(Shape::Sentence { sentence: vec![word], spell: Vec::new(), phone: Vec::new() })
}

/// The text of the first sentence, what is lost is counted.
fn transcript(out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<Option<String>> {
    let mut found = None;
    for label in labels.unwrap_or_default() {
        match &label.shape {
            Shape::Sentence { sentence, spell, phone } if found.is_none() => {
                out.keeps(record, label, &[])?;
                out.lose_if("attributes", record, label.class.is_some())?;
                let timed = sentence.iter().any(|w| w.begin.is_some() || w.end.is_some());
                out.lose_if("times", record, timed || !spell.is_empty() || !phone.is_empty() || sentence.len() > 1)?;
                found = Some(sentence.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" "));
                out.done.labels += 1;
            }
            _ => out.losses.add("labels", &record.path)?,
        }
    }
    Ok(found)
}

/// How a line becomes a record.
type Line = fn(&Lines<'_>, &str, u64, &str) -> Option<SampleRecord>;

/// A file, its reader, and the line that was read last.
type Open<'a> = (&'a str, BufReader<Box<dyn Read + Send>>, u64);

struct Lines<'a> {
    index: MediaIndex<'a>,
    source: &'a Source,
    files: std::vec::IntoIter<&'a str>,
    open: Option<Open<'a>>,
    line: Line,
    judge: Judge<'a>,
    layer: String,
    schema: Schema,
    seen: std::collections::HashSet<String>,
}

fn lines<'a>(
    source: &'a Source,
    options: &ReadOptions,
    judge: Judge<'a>,
    is_one: fn(&Source, &str) -> bool,
    line: Line,
    missing: &'static str,
) -> Result<Box<dyn RecordReader + 'a>> {
    let files: Vec<&str> = source.entries().iter().map(|e| e.path.as_str()).filter(|p| is_one(source, p)).collect();
    if files.is_empty() {
        return Err(labels::not_this(source, judge.format, missing));
    }
    let mut schema = Schema::default();
    schema.ontology.schema_mut(LabelType::Sentence);
    Ok(Box::new(Lines {
        index: MediaIndex::new(source),
        source,
        files: files.into_iter(),
        open: None,
        line,
        judge,
        layer: options.layer(),
        schema,
        seen: std::collections::HashSet::new(),
    }))
}

impl Lines<'_> {
    /// The audio file of a name, and the record's path.
    fn find(&self, file: &str, wanted: &str, line: u64) -> Option<SampleRecord> {
        let Some(bare) = paths::normal(wanted).or_else(|| paths::normal(wanted.trim_start_matches('/'))) else {
            let message = format!("`{}` leaves the dataset's folder", text::crop(wanted));
            self.judge.error("path", Place::line(file, line), message);
            return None;
        };
        let near = [join(folder(file), &bare), bare.clone()];
        let found = near.iter().find_map(|p| self.index.exact(p)).or_else(|| self.index.named(&bare));
        if found.is_none() {
            self.judge.error(
                "missing_audio",
                Place::line(file, line),
                format!("there is no file `{}`", text::crop(&bare)),
            );
        }
        let mut record = labels::of_file(found.unwrap_or(&bare));
        record.media = found.map(|f| MediaSource::File(f.to_owned()));
        let split = name(file).split(['.', '-', '_']).find_map(paths::split_of);
        record.split = split.or(record.split);
        Some(record)
    }
}

/// `id|text|normalised text`.
fn lj(all: &Lines<'_>, file: &str, line: u64, row: &str) -> Option<SampleRecord> {
    let cells: Vec<&str> = row.split('|').collect();
    let (Some(id), Some(said)) = (cells.first(), cells.get(1)) else { return None };
    if cells.len() > 3 {
        all.judge.warn(
            "ragged",
            Place::line(file, line),
            format!("the row has {} cells; the first three count", cells.len()),
        );
    }
    if matches!(*id, "id" | "file" | "file_name") {
        return None;
    }
    let wav = join("wavs", &format!("{id}.wav"));
    let wanted = if paths::is_media(id) { (*id).to_owned() } else { wav };
    let mut record = all.find(file, &wanted, line)?;
    record.layers.insert(all.layer.clone(), vec![sentence(said)]);
    if let Some(normal) = cells.get(2).filter(|n| *n != said) {
        record.fields.insert("normalized".to_owned(), (*normal).into());
    }
    Some(record)
}

/// `{"audio_filepath": …, "text": …}`.
fn manifest(all: &Lines<'_>, file: &str, line: u64, row: &str) -> Option<SampleRecord> {
    let fault = |message: String| all.judge.error("syntax", Place::line(file, line), message);
    let at = crate::lex::json::At { line, column: 1 };
    let json: serde_json::Map<String, serde_json::Value> = all.judge.json(file, row, at)?;
    let Some(wanted) = json.get("audio_filepath").and_then(|p| p.as_str()) else {
        fault("the line has no `audio_filepath`".to_owned());
        return None;
    };
    let mut record = all.find(file, wanted, line)?;
    match json.get("text") {
        Some(serde_json::Value::String(said)) => drop(record.layers.insert(all.layer.clone(), vec![sentence(said)])),
        None | Some(serde_json::Value::Null) => {}
        Some(_) => all.judge.error("text", Place::line(file, line), "`text` is no text; left out"),
    }
    if let Some(split) = json.get("split").and_then(|s| s.as_str()) {
        record.split = Some(split.to_owned());
    }
    let rest = json.into_iter().filter(|(k, _)| !matches!(k.as_str(), "audio_filepath" | "text" | "split"));
    record.fields.extend(rest);
    Some(record)
}

impl Iterator for Lines<'_> {
    type Item = Result<SampleRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((file, reader, line)) = &mut self.open else {
                let file = self.files.next()?;
                match self.source.text(file) {
                    Ok(reader) => self.open = Some((file, BufReader::new(reader), 0)),
                    Err(e) => self.judge.error("unreadable", Place::file(file), e),
                }
                continue;
            };
            let mut bytes = Vec::new();
            let got = reader.take(16 << 20).read_until(b'\n', &mut bytes);
            *line += 1;
            let (file, line) = (*file, *line);
            match got {
                Ok(0) => self.open = None,
                Ok(_) => {
                    let decoded = text::decode(&bytes);
                    let row = decoded.trim_end_matches(['\n', '\r']);
                    if row.trim().is_empty() {
                        continue;
                    }
                    let Some(record) = (self.line)(self, file, line, row) else { continue };
                    if self.seen.insert(record.path.clone()) {
                        return Some(Ok(record));
                    }
                    self.judge.error(
                        "duplicate",
                        Place::line(file, line),
                        "the file stands twice; this line is left out",
                    );
                }
                Err(e) => {
                    self.judge.error("unreadable", Place::line(file, line), e);
                    self.open = None;
                }
            }
        }
    }
}

impl RecordReader for Lines<'_> {
    fn schema(&self) -> &Schema {
        &self.schema
    }
}

impl Format for LjSpeech {
    fn spec(&self) -> &'static Spec {
        &LJSPEECH
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        match probe.source().entries().iter().find(|e| is_metadata(probe.source(), &e.path)) {
            Some(first) => Confidence::new(93, format!("found `{}` with ids and texts", first.path)),
            None => Confidence::NONE,
        }
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        let judge = Judge { format: LJSPEECH.id, report };
        lines(source, options, judge, is_metadata, lj, "there is no `metadata.csv` of `id|text`")
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        schema: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        Ok(out::write(&LJSPEECH, sink, schema, options, report, Bars(String::new())))
    }
}

struct Bars(String);

impl Put for Bars {
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()> {
        let (_, rest) = out::below(&record.path, "wavs");
        let bad = |c: char| c == '|' || out::breaks_line(c);
        let path = out.media(record, &format!("wavs/{rest}").replace(bad, "_"))?;
        out.lose_if("split", record, record.split.is_some())?;
        out.lose_if("fields", record, record.fields.keys().any(|k| k != "normalized"))?;
        let said = transcript(out, record, labels)?.unwrap_or_default();
        let normal = record.fields.get("normalized").and_then(|n| n.as_str()).unwrap_or(&said).to_owned();
        out.lose_if("bar", record, said.contains(bad) || normal.contains(bad))?;
        let rest = path.strip_prefix("wavs/").unwrap_or(&path);
        let id = rest.strip_suffix(".wav").unwrap_or(&path);
        let _ = writeln!(self.0, "{id}|{}|{}", said.replace(bad, " "), normal.replace(bad, " "));
        Ok(())
    }

    fn end(&mut self, out: &mut Out<'_>) -> Result<()> {
        out.sink.put("metadata.csv", self.0.as_bytes())
    }
}

impl Format for Manifest {
    fn spec(&self) -> &'static Spec {
        &MANIFEST
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        match probe.source().entries().iter().find(|e| is_manifest(probe.source(), &e.path)) {
            Some(first) => Confidence::new(95, format!("found `{}` with audio_filepath a line", first.path)),
            None => Confidence::NONE,
        }
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        let judge = Judge { format: MANIFEST.id, report };
        lines(source, options, judge, is_manifest, manifest, "there are no JSON lines with `audio_filepath`")
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        schema: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        Ok(out::write(&MANIFEST, sink, schema, options, report, JsonLines(Lists::default())))
    }
}

struct JsonLines(Lists);

impl Put for JsonLines {
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()> {
        let path = out.media(record, &record.path)?;
        let mut row = serde_json::Map::new();
        row.insert("audio_filepath".to_owned(), path.into());
        if let Some(said) = transcript(out, record, labels)? {
            row.insert("text".to_owned(), said.into());
        }
        for (key, value) in &record.fields {
            row.entry(key.clone()).or_insert_with(|| value.clone());
        }
        let split = record.split.as_deref().map_or("all".to_owned(), crate::sink::safe);
        if record.split.as_deref().is_some_and(|s| paths::split_of(s).as_deref() != Some(s)) {
            row.insert("split".to_owned(), record.split.clone().unwrap_or_default().into());
        }
        let _ = writeln!(self.0.of(&format!("{}_manifest.json", stem(&split))), "{}", serde_json::Value::Object(row));
        Ok(())
    }

    fn end(&mut self, out: &mut Out<'_>) -> Result<()> {
        self.0.end(out)
    }
}
