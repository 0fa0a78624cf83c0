//! Rows of a table, put together by sample. Memory grows with the samples and labels of the table; media inside of it
//! wait in a spool.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};
use tamis_core::{Hash, Label, LabelType, MediaSource, Place, SampleRecord, Shape};

use super::Cells;
use super::columns::Columns;
use super::objects::{self, Names};
use crate::each::Each;
use crate::error::FormatError;
use crate::format::{RecordReader, Schema};
use crate::index::{self, MediaIndex};
use crate::labels::{self, Judge};
use crate::lex::spool::{Piece, Spool};
use crate::paths;
use crate::source::Source;

/// Media kept in a JSON cell between reading a row and making its record.
pub(super) const BYTES: &str = "\u{0}bytes";

pub(super) struct Gather<'a> {
    source: &'a Source,
    index: MediaIndex<'a>,
    judge: Judge<'a>,
    layer: String,
    file: String,
    columns: Columns,
    names: Names,
    split: Option<String>,
    records: BTreeMap<String, SampleRecord>,
    /// Media that rows bring, by path, with their hash.
    brought: HashMap<String, (Piece, Hash)>,
    spool: Spool,
    schema: Schema,
    resolved: std::collections::HashMap<String, Option<String>>,
}

impl<'a> Gather<'a> {
    pub(super) fn new(source: &'a Source, judge: Judge<'a>, layer: String) -> Gather<'a> {
        let index = MediaIndex::new(source);
        Gather {
            source,
            index,
            judge,
            layer,
            file: String::new(),
            columns: Columns::default(),
            names: Names::default(),
            split: None,
            records: BTreeMap::new(),
            brought: HashMap::new(),
            spool: Spool::default(),
            schema: Schema::default(),
            resolved: std::collections::HashMap::new(),
        }
    }

    /// The next rows come from this file, whose class numbers have these names.
    pub(super) fn begin(&mut self, file: &str, columns: Columns, names: Names) {
        let of_class = columns.class.as_deref().map(|c| (c, LabelType::Classification));
        for (column, label_type) in of_class.into_iter().chain([("objects", LabelType::Box2d)]) {
            if !names.of(column).is_empty() {
                labels::declare(&mut self.schema, &labels::classes(names.of(column), 0), label_type);
            }
        }
        self.names = names;
        let stem = paths::stem(paths::name(file));
        self.split = stem.split(['_', '-', '.']).find_map(paths::split_of).or_else(|| paths::split_of_folders(file));
        (self.file, self.columns) = (file.to_owned(), columns);
        self.resolved.clear();
    }

    fn place(&self, line: u64) -> Place {
        Place::line(&self.file, line)
    }

    /// The sample's path and whether its file is there.
    fn path(&mut self, line: u64, row: &Map<String, Value>) -> Option<(String, bool)> {
        let cell = self.columns.path.as_ref().and_then(|c| row.get(c));
        let wanted = match cell {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Object(image)) => {
                image.get("path").and_then(Value::as_str).map(str::to_owned).unwrap_or_else(|| format!("row-{line:09}"))
            }
            _ if self.columns.media.is_some() => format!("row-{line:09}"),
            _ => {
                self.judge.error("no_path", self.place(line), "the row has no path; left out");
                return None;
            }
        };
        let (index, file, split) = (&self.index, &self.file, self.split.as_deref());
        let found = self.resolved.entry(wanted.clone()).or_insert_with(|| {
            let exact = index::resolve(index, file, &wanted, split).map(str::to_owned);
            exact.or_else(|| index.stem(&paths::join(paths::folder(file), &wanted)).map(str::to_owned))
        });
        if let Some(found) = found {
            return Some((found.clone(), true));
        }
        match paths::normal(&wanted).filter(|p| crate::source::check(p).is_ok()) {
            Some(path) => Some((path, false)),
            None => {
                self.judge.error(
                    "path",
                    self.place(line),
                    format!("`{}` leaves the folder; left out", crate::lex::text::crop(&wanted)),
                );
                None
            }
        }
    }

    /// The path of a row that brings its media: one that other media have already gets the file's name before it (and
    /// the row's number, where that is taken too), since such tables often keep last components only.
    fn free(&self, path: String, bytes: &[u8], line: u64) -> String {
        let own = |path: &str| match self.brought.get(path) {
            Some((_, other)) => *other == Hash::of(bytes),
            None => !self.records.contains_key(path),
        };
        if own(&path) {
            return path;
        }
        let file = paths::stem(&self.file);
        let message =
            format!("other media are called `{}` too; kept under the file's name", crate::lex::text::crop(&path));
        self.judge.note("same_path", self.place(line), message);
        let beside = paths::join(file, &path);
        if own(&beside) { beside } else { paths::join(file, &format!("row-{line:09}-{}", paths::name(&path))) }
    }

    /// Takes a row in.
    pub(super) fn row(&mut self, (line, mut row): Cells) {
        let bytes = take_bytes(&mut row);
        if let Some(Value::String(text)) = row.get("fields")
            && let Ok(fields) = serde_json::from_str::<Map<String, Value>>(text)
        {
            row.remove("fields");
            row.extend(fields);
        }
        self.columns.lift(&mut row);
        let Some((mut path, found)) = self.path(line, &row) else { return };
        if let Some(bytes) = &bytes {
            path = self.free(path, bytes, line);
        }
        let place = self.place(line);
        let uri =
            |p: &str| ["http://", "https://", "s3://", "gs://", "az://", "file://"].iter().any(|s| p.starts_with(s));
        let text = |name: &Option<String>| {
            name.as_ref()
                .and_then(|n| row.get(n))
                .and_then(|v| v.as_str().map(str::to_owned).or_else(|| v.as_i64().map(|n| n.to_string())))
        };
        if let Some(bytes) = &bytes
            && !self.brought.contains_key(&path)
        {
            match self.spool.put(bytes) {
                Ok(piece) => drop(self.brought.insert(path.clone(), (piece, Hash::of(bytes)))),
                Err(e) => self.judge.error("spool", place.clone(), format!("the media cannot be kept: {e}")),
            }
        }
        let media = match (&bytes, found) {
            (Some(_), _) => None,
            (None, true) => Some(MediaSource::File(path.clone())),
            (None, false) => text(&self.columns.path).filter(|p| uri(p)).map(MediaSource::Uri),
        };
        let is_new = !self.records.contains_key(&path);
        if is_new && media.is_none() && bytes.is_none() {
            self.judge.warn(
                "missing_media",
                place.clone(),
                format!("there is no file `{}`", crate::lex::text::crop(&path)),
            );
        }
        let record =
            self.records.entry(path.clone()).or_insert_with(|| SampleRecord { path, ..SampleRecord::default() });
        record.media = record.media.take().or(media);
        record.split = record.split.take().or_else(|| text(&self.columns.split)).or_else(|| self.split.clone());
        record.frame = record.frame.take().or_else(|| row.get("frame").and_then(Value::as_str).map(str::to_owned));
        record.sensor = record.sensor.take().or_else(|| row.get("sensor").and_then(Value::as_str).map(str::to_owned));
        record.timestamp = record.timestamp.or_else(|| row.get("timestamp").and_then(Value::as_f64));
        let side = |name: &String| {
            row.get(name).and_then(crate::lex::json::as_id).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0)
        };
        if let Some((w, h)) = &self.columns.size {
            record.stated_size = record.stated_size.or_else(|| side(w).zip(side(h)));
        }
        let mut found: Vec<Label> = Vec::new();
        let listed = self.columns.labels.as_ref().and_then(|c| row.get(c));
        let mut unread = None;
        if let Some(listed) = listed {
            let parsed = match listed {
                Value::String(text) => serde_json::from_str(text),
                other => serde_json::from_value(other.clone()),
            };
            match parsed {
                Ok(labels) => {
                    found = labels;
                    record.layers.entry(self.layer.clone()).or_default();
                }
                Err(_) => {
                    let message = "the cell of labels is no list of Tamis's labels; kept as a field";
                    self.judge.warn("labels", place.clone(), message);
                    unread = self.columns.labels.clone();
                }
            }
        }
        if let Some(objects) = row.get("objects")
            && let Some(labels) = objects::labels(objects, &self.names, record.stated_size, &self.judge, &place)
        {
            row.remove("objects");
            record.layers.entry(self.layer.clone()).or_default();
            found.extend(labels);
        }
        let cell = self.columns.class.as_ref().and_then(|c| Some((c, row.get(c)?)));
        let class = cell.and_then(|(column, cell)| self.names.class(column, cell));
        if self.columns.needs_size() && record.stated_size.is_none() {
            record.stated_size = self.source.image_size(&record.path);
        }
        let frame = match self.columns.frame_of(&row, record.stated_size) {
            None => None,
            Some(Some(b)) => match self.judge.accept(b, record.stated_size, || place.clone()) {
                Some(b) => Some(b),
                None => return,
            },
            Some(None) => {
                let message =
                    "the row's box is not four numbers, or fractions of an unknown size; the label is left out";
                return self.judge.error("box", place, message);
            }
        };
        let mut label = match (frame, &class) {
            (Some(b), _) => Some(Label::new(Shape::Box2d(b))),
            (None, Some(_)) => Some(Label::new(Shape::Classification)),
            (None, None) => None,
        };
        for (name, value) in row {
            let kept = !self.columns.means(&name) || unread.as_ref() == Some(&name);
            match label.as_mut().filter(|_| frame.is_some()) {
                _ if !kept || value.is_null() => {
                    if let Some(label) = &mut label
                        && self.columns.sure.as_ref() == Some(&name)
                    {
                        label.confidence = value.as_f64();
                    }
                }
                Some(label) => drop(label.attributes.insert(name, value)),
                None => drop(record.fields.entry(name).or_insert(value)),
            }
        }
        if let Some(mut label) = label {
            label.class = class.as_deref().and_then(labels::class);
            found.push(label);
        }
        for label in &found {
            if let Some(class) = &label.class {
                self.schema.ontology.add_class(label.label_type(), class);
            }
        }
        if !found.is_empty() {
            record.layers.entry(self.layer.clone()).or_default().extend(found);
        }
    }

    /// The reader of what was gathered; media files that no row names are noted.
    pub(super) fn finish(self) -> Box<dyn RecordReader + 'a> {
        let named: std::collections::HashSet<&str> = self.records.keys().map(String::as_str).collect();
        let unnamed =
            self.source.entries().iter().filter(|e| paths::is_media(&e.path) && !named.contains(e.path.as_str()));
        for entry in unnamed {
            self.judge.note("unnamed_media", Place::file(&entry.path), "no row names this file; left out");
        }
        let records: Vec<SampleRecord> = self.records.into_values().collect();
        let (spool, brought) = (self.spool, self.brought);
        Box::new(Each::new(records, self.schema, move |mut record: SampleRecord, _| {
            if let Some((piece, _)) = brought.get(&record.path) {
                let bytes = spool.get(*piece).map_err(|e| FormatError::io("read", "a temporary file", e))?;
                record.media = Some(MediaSource::Bytes(bytes));
            }
            Ok(Some(record))
        }))
    }
}

/// Takes embedded media out of a row: a cell of bytes, or an object with `bytes`.
fn take_bytes(row: &mut Map<String, Value>) -> Option<Vec<u8>> {
    let mut found = None;
    for value in row.values_mut() {
        let cell = match value {
            Value::Object(map) => map.get_mut("bytes"),
            other => Some(other),
        };
        let Some(Value::Object(map)) = cell else { continue };
        if let Some(Value::String(hex)) = map.remove(BYTES) {
            found = found.or_else(|| unhex(&hex));
        }
    }
    row.retain(|_, v| !matches!(v, Value::Object(m) if m.is_empty()));
    found
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| (b as char).to_digit(16);
    text.as_bytes().chunks_exact(2).map(|p| Some((digit(p[0])? * 16 + digit(p[1])?) as u8)).collect()
}
