//! CoNLL: a word a line with its tags in columns, an empty line between sentences; names of things as BIO or BIOES tags
//! in the last column (CoNLL-2003). Each sentence is a sample: a text with spans.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::{BufRead, BufReader, Read};

use tamis_core::{Label, LabelType, MediaSource, Place, Report, SampleRecord, Shape};

use crate::error::Result;
use crate::format::{Format, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions};
use crate::labels::{self, Judge};
use crate::lex::text;
use crate::out::{self, ATTRIBUTES, CLASSES, FIELDS, FUSION, IDS, LABELS, LAYERS, Lists, MEDIA, Out, PATH, Put};
use crate::paths::{self, name, stem};
use crate::probe::{Confidence, Probe};
use crate::sink::{Sink, Wanted};
use crate::source::Source;
use crate::spec::{Loss, OptionSpec, Spec};

static SPEC: Spec = Spec {
    id: "conll",
    title: "CoNLL named entities",
    homepage: "https://www.clips.uantwerpen.be/conll2003/ner/",
    extensions: &["conll", "txt", "bio", "iob", "iob2"],
    media: &["text"],
    reads: &[LabelType::TextSpan],
    writes: &[LabelType::TextSpan],
    losses: &[
        LAYERS,
        FUSION,
        FIELDS,
        ATTRIBUTES,
        LABELS,
        MEDIA,
        IDS,
        CLASSES,
        PATH,
        Loss { code: "overlap", what: "spans that overlap others", instead: "left out" },
        Loss { code: "inside_word", what: "spans that begin or end inside a word", instead: "widened to the word" },
        Loss { code: "spaces", what: "white space other than single spaces", instead: "one space is read back" },
    ],
    options: &[OptionSpec {
        name: "scheme",
        values: &["bio", "bioes"],
        default: "bio",
        help: "how words of a span are tagged when written",
    }],
};

/// CoNLL.
pub(crate) struct Conll;

/// Prefix and class of a tag: `B-PER` → `B`, `PER`.
fn tag(word: &str) -> Option<(char, &str)> {
    if word == "O" {
        return Some(('O', ""));
    }
    let (prefix, class) = word.split_once('-')?;
    let prefix = prefix.chars().next().filter(|p| prefix.len() == 1 && "BIESLU".contains(*p))?;
    (!class.is_empty()).then_some((prefix, class))
}

fn looks_like(head: &str) -> bool {
    let mut rows = head.lines().filter(|l| !l.trim().is_empty() && !l.starts_with("-DOCSTART-") && !l.starts_with('#'));
    let first: Vec<&str> = rows.by_ref().take(20).collect();
    // The last line may be cut.
    let whole = first.len().saturating_sub(1).max(1);
    let is_tagged = |l: &&&str| {
        let words: Vec<&str> = l.split_whitespace().collect();
        (2..=12).contains(&words.len()) && words.last().is_some_and(|w| tag(w).is_some())
    };
    !first.is_empty() && first.iter().take(whole).filter(is_tagged).count() * 2 > whole
}

fn is_conll(source: &Source, path: &str) -> bool {
    let known = matches!(
        paths::extension(path).as_str(),
        "conll" | "txt" | "bio" | "iob" | "iob2" | "tsv" | "testa" | "testb" | "train"
    );
    known && {
        let head = source.head(path, 4096).unwrap_or_default();
        looks_like(&text::decode(&head))
    }
}

impl Format for Conll {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn detect(&self, probe: &Probe<'_>) -> Confidence {
        match probe.source().entries().iter().take(200).find(|e| is_conll(probe.source(), &e.path)) {
            Some(first) => Confidence::new(92, format!("found `{}` with a word and its tag a line", first.path)),
            None => Confidence::NONE,
        }
    }

    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>> {
        let files: Vec<&str> =
            source.entries().iter().map(|e| e.path.as_str()).filter(|p| is_conll(source, p)).collect();
        if files.is_empty() {
            return Err(labels::not_this(source, SPEC.id, "there is no file with words and BIO tags"));
        }
        let judge = Judge { format: SPEC.id, report };
        Ok(Box::new(Sentences {
            source,
            files: files.into_iter(),
            open: None,
            judge,
            layer: options.layer(),
            schema: Schema::default(),
        }))
    }

    fn write<'a>(
        &self,
        sink: &'a Sink,
        schema: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>> {
        let bioes = crate::format::option(&SPEC, &options.options, "scheme")? == "bioes";
        Ok(out::write(
            &SPEC,
            sink,
            schema,
            options,
            report,
            Columns { bioes, lists: Lists::default(), counts: BTreeMap::new() },
        ))
    }
}

struct Open<'a> {
    file: &'a str,
    reader: BufReader<Box<dyn Read + Send>>,
    line: u64,
    number: u64,
    columns: usize,
}

struct Sentences<'a> {
    source: &'a Source,
    files: std::vec::IntoIter<&'a str>,
    open: Option<Open<'a>>,
    judge: Judge<'a>,
    layer: String,
    schema: Schema,
}

/// A sentence is at most so many bytes.
const SENTENCE: usize = 16 << 20;

impl Open<'_> {
    /// The next sentence's rows with their lines; [`None`] at the end of the file.
    fn rows(&mut self, judge: &Judge<'_>) -> Option<Vec<(u64, Vec<String>)>> {
        let mut rows: Vec<(u64, Vec<String>)> = Vec::new();
        let mut size = 0;
        loop {
            let mut bytes = Vec::new();
            let read = (&mut self.reader).take(1 << 20).read_until(b'\n', &mut bytes);
            let got = match read {
                Ok(got) => got,
                Err(e) => {
                    judge.error("unreadable", Place::line(self.file, self.line + 1), e);
                    0
                }
            };
            if got == 0 {
                return (!rows.is_empty()).then_some(rows);
            }
            self.line += 1;
            let decoded = text::decode(&bytes);
            let row = decoded.trim();
            if row.starts_with("-DOCSTART-") {
                continue;
            }
            if row.is_empty() {
                if rows.is_empty() {
                    continue;
                }
                return Some(rows);
            }
            size += got;
            if size > SENTENCE {
                judge.error(
                    "too_long",
                    Place::line(self.file, self.line),
                    "a sentence is longer than is read; cut here",
                );
                return Some(rows);
            }
            let cells: Vec<String> = match row.contains('\t') {
                true => row.split('\t').map(|c| c.trim().to_owned()).collect(),
                false => row.split_whitespace().map(str::to_owned).collect(),
            };
            if self.columns == 0 {
                self.columns = cells.len();
            }
            if cells.len() < 2 || cells.len() != self.columns {
                let message = format!("the row has {} columns, the first {}", cells.len(), self.columns);
                judge.error("ragged", Place::line(self.file, self.line), message);
                if cells.len() < 2 {
                    continue;
                }
            }
            rows.push((self.line, cells));
        }
    }
}

impl Sentences<'_> {
    fn record(&mut self, file: &str, number: u64, rows: &[(u64, Vec<String>)]) -> SampleRecord {
        let mut sentence = String::new();
        let (mut at, mut spans): (u64, Vec<Label>) = (0, Vec::new());
        let mut current: Option<(u64, u64, String)> = None;
        let finish = |current: &mut Option<(u64, u64, String)>, spans: &mut Vec<Label>| {
            if let Some((begin, end, class)) = current.take() {
                spans.push(Label::new(Shape::TextSpan { begin, end }).with_class(class));
            }
        };
        for (line, cells) in rows {
            let word = cells.first().map(String::as_str).unwrap_or_default();
            if !sentence.is_empty() {
                sentence.push(' ');
                at += 1;
            }
            let (begin, end) = (at, at + word.chars().count() as u64);
            sentence.push_str(word);
            at = end;
            let last = cells.last().map(String::as_str).unwrap_or_default();
            let Some((prefix, class)) = tag(last) else {
                let message = format!("`{}` is no tag; taken as none", text::crop(last));
                self.judge.error("tag", Place::line(file, *line), message);
                finish(&mut current, &mut spans);
                continue;
            };
            let goes_on = current.as_ref().is_some_and(|c| c.2 == class);
            match prefix {
                'I' | 'E' | 'L' if goes_on => {
                    if let Some(current) = &mut current {
                        current.1 = end;
                    }
                }
                'O' => finish(&mut current, &mut spans),
                // `I-` after another class begins a span in the older scheme, IOB1.
                _ => {
                    finish(&mut current, &mut spans);
                    current = Some((begin, end, class.to_owned()));
                }
            }
            if matches!(prefix, 'E' | 'L' | 'S' | 'U') {
                finish(&mut current, &mut spans);
            }
        }
        finish(&mut current, &mut spans);
        let split = paths::split_of(stem(name(file))).or_else(|| paths::split_of_folders(file));
        let split = split.or_else(|| name(file).split(['.', '-', '_']).find_map(paths::split_of));
        let mut record = SampleRecord {
            path: format!("{}/{number:06}.txt", stem(file)),
            media: Some(MediaSource::Bytes(sentence.into_bytes())),
            split,
            ..SampleRecord::default()
        };
        for (column, field) in [(1, "pos"), (2, "chunk")] {
            let has = rows.iter().all(|(_, cells)| cells.len() > column + 1);
            if has && rows.iter().all(|(_, cells)| cells.len() == 4) {
                let all = rows.iter().filter_map(|(_, c)| c.get(column).cloned()).collect::<Vec<_>>().join(" ");
                record.fields.insert(field.to_owned(), all.into());
            }
        }
        labels::learn(&mut self.schema, &spans);
        record.layers.insert(self.layer.clone(), spans);
        record
    }
}

impl Iterator for Sentences<'_> {
    type Item = Result<SampleRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(open) = &mut self.open {
                if let Some(rows) = open.rows(&self.judge) {
                    open.number += 1;
                    let (file, number) = (open.file, open.number);
                    return Some(Ok(self.record(file, number, &rows)));
                }
                self.open = None;
            }
            let file = self.files.next()?;
            match self.source.text(file) {
                Ok(reader) => {
                    self.open = Some(Open { file, reader: BufReader::new(reader), line: 0, number: 0, columns: 0 });
                }
                Err(e) => self.judge.error("unreadable", Place::file(file), e),
            }
        }
    }
}

impl RecordReader for Sentences<'_> {
    fn schema(&self) -> &Schema {
        &self.schema
    }
}

struct Columns {
    bioes: bool,
    lists: Lists,
    counts: BTreeMap<String, u64>,
}

impl Put for Columns {
    fn put(&mut self, out: &mut Out<'_>, record: &SampleRecord, labels: Option<&[Label]>) -> Result<()> {
        let Some(media) = &record.media else { return Ok(()) };
        let bytes = out.sink.bytes(&record.path, Wanted::Media(media))?;
        let sentence = text::decode(&bytes).into_owned();
        let mut spans: Vec<(u64, u64, String)> = Vec::new();
        for label in labels.unwrap_or_default() {
            let Shape::TextSpan { begin, end } = label.shape else {
                out.losses.add("labels", &record.path)?;
                continue;
            };
            out.keeps(record, label, &[])?;
            out.classes.of(label);
            if spans.iter().any(|(b, e, _)| begin < *e && *b < end) {
                out.losses.add("overlap", &record.path)?;
                continue;
            }
            spans.push((begin, end, out.class(record, label, out::breaks_word)?));
        }
        let file = match record.path.rsplit_once('/') {
            Some((above, _)) => format!("{above}.conll"),
            None => format!("{}.conll", record.split.as_deref().map_or("all".to_owned(), crate::sink::safe)),
        };
        let list = self.lists.of(&file);
        let count = self.counts.entry(file.clone()).or_default();
        *count += 1;
        let number = *count;
        let renamed = record.path != format!("{}/{number:06}.txt", stem(&file));
        let mut at = 0u64;
        let mut plain = true;
        let (mut inside, mut open): (usize, Option<usize>) = (0, None);
        let words: Vec<(u64, &str)> = sentence
            .split(' ')
            .map(|word| {
                let begin = at;
                at += word.chars().count() as u64 + 1;
                (begin, word)
            })
            .collect();
        let span_of = |begin: u64, end: u64| spans.iter().position(|(b, e, _)| *b < end && begin < *e);
        for (i, (begin, word)) in words.iter().enumerate() {
            let end = begin + word.chars().count() as u64;
            plain &= !word.is_empty() && !word.contains(char::is_whitespace);
            if word.trim().is_empty() {
                continue;
            }
            let found = span_of(*begin, end);
            let next = words.get(i + 1).and_then(|(b, w)| span_of(*b, b + w.chars().count() as u64));
            let tag = match found.and_then(|f| spans.get(f).map(|s| (f, s))) {
                None => "O".to_owned(),
                Some((f, (b, e, class))) => {
                    let (first, last) = (open != Some(f), next != Some(f));
                    inside += usize::from(first && b != begin) + usize::from(last && *e != end);
                    let prefix = match (first, last) {
                        (true, true) if self.bioes => 'S',
                        (false, true) if self.bioes => 'E',
                        (true, _) => 'B',
                        _ => 'I',
                    };
                    format!("{prefix}-{class}")
                }
            };
            open = found;
            let _ = writeln!(list, "{} {tag}", word.split_whitespace().collect::<Vec<_>>().join("_"));
        }
        list.push('\n');
        out.done.labels += spans.len() as u64;
        out.lose_if("path", record, renamed)?;
        out.losses.add_many("inside_word", &record.path, inside)?;
        out.lose_if("spaces", record, !plain)
    }

    fn end(&mut self, out: &mut Out<'_>) -> Result<()> {
        self.lists.end(out)
    }
}
