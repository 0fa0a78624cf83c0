//! Rules about labels that all formats share: which boxes are taken, which are doubted; what is lost on the way out.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tamis_core::{Box2d, Label, LabelType, MediaSource, Place, Report, SampleRecord};

use crate::error::{FormatError, Result};
use crate::format::{OnLoss, Schema, WriteOptions};
use crate::lex::json::At;
use crate::lex::{Fault, mend, text};
use crate::paths;
use crate::source::Source;
use crate::spec::Spec;

/// The class that stands for "no class" in formats whose labels must have one.
pub(crate) const UNLABELLED: &str = "_unlabelled";

/// A class as a record has it: the stand-in for "no class" is none.
pub(crate) fn class(name: &str) -> Option<String> {
    (name != UNLABELLED).then(|| name.to_owned())
}

/// Judges the boxes and labels of one format.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(crate) format: &'static str,
    pub(crate) report: &'a Report,
}

impl Judge<'_> {
    /// An error with the format's code.
    pub(crate) fn error(&self, code: &str, place: Place, message: impl std::fmt::Display) {
        self.report.error(&format!("{}.{code}", self.format), place, message);
    }

    /// A warning with the format's code.
    pub(crate) fn warn(&self, code: &str, place: Place, message: impl std::fmt::Display) {
        self.report.warn(&format!("{}.{code}", self.format), place, message);
    }

    /// A note with the format's code.
    pub(crate) fn note(&self, code: &str, place: Place, message: impl std::fmt::Display) {
        self.report.note(&format!("{}.{code}", self.format), place, message);
    }

    /// Takes a box, doubting one that is empty or leaves the image; refuses one that is not finite or has negative
    /// extent.
    pub(crate) fn accept(&self, b: Box2d, size: Option<(u32, u32)>, place: impl Fn() -> Place) -> Option<Box2d> {
        if ![b.xmin, b.ymin, b.xmax, b.ymax].iter().all(|v| v.is_finite()) {
            self.error("box_not_finite", place(), "a box has a coordinate that is not a finite number; left out");
            return None;
        }
        if b.width() < 0.0 || b.height() < 0.0 {
            self.error(
                "box_negative",
                place(),
                format!("a box has negative size, {} × {}; left out", b.width(), b.height()),
            );
            return None;
        }
        if b.width() == 0.0 || b.height() == 0.0 {
            self.warn("box_empty", place(), "a box has no area");
        }
        if let Some((width, height)) = size {
            // A thousandth of a pixel: normalised coordinates are rounded.
            let (right, lower) = (f64::from(width) + 1e-3, f64::from(height) + 1e-3);
            if b.xmin < -1e-3 || b.ymin < -1e-3 || b.xmax > right || b.ymax > lower {
                self.warn("box_outside", place(), format!("a box leaves the image of {width} × {height} pixels"));
            }
        }
        Some(b)
    }
}

impl Judge<'_> {
    /// A whole text file; one that cannot be read is a finding.
    pub(crate) fn text(&self, source: &Source, path: &str) -> Option<String> {
        match source.read(path) {
            Ok(bytes) => Some(text::decode(&bytes).into_owned()),
            Err(e) => {
                self.error("unreadable", Place::file(path), e);
                None
            }
        }
    }

    /// JSON as a value of a type. Numbers and nesting that JSON has not are read as `null`, each a finding; text that
    /// is none is one finding, and no value.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, file: &str, text: &str, at: At) -> Option<T> {
        let first = match serde_json::from_str(text) {
            Ok(value) => return Some(value),
            Err(e) => at.fault(&e),
        };
        let mended = mend::mend(text);
        let Some(value) = mended.as_ref().and_then(|m| serde_json::from_str(&m.text).ok()) else {
            self.error("syntax", first.place(file), &first.message);
            return None;
        };
        for (inside, message) in mended.into_iter().flat_map(|m| m.faults) {
            let column = if inside.line == 1 { at.column + inside.column - 1 } else { inside.column };
            self.error("number", Fault::new(at.line + inside.line - 1, column, "").place(file), message);
        }
        Some(value)
    }

    /// The list under a key; what is there and is none is a finding.
    pub(crate) fn list<'m>(&self, map: &'m Map<String, Value>, key: &str, place: &dyn Fn() -> Place) -> &'m [Value] {
        match map.get(key) {
            Some(Value::Array(all)) => all,
            None | Some(Value::Null) => &[],
            Some(_) => {
                self.error("syntax", place(), format!("`{key}` is not a list; left out"));
                &[]
            }
        }
    }

    /// The objects in the list under a key; each entry that is none is a finding.
    pub(crate) fn objects<'m>(
        &self,
        map: &'m Map<String, Value>,
        key: &str,
        place: &dyn Fn() -> Place,
    ) -> Vec<&'m Map<String, Value>> {
        let object = |(at, entry): (usize, &'m Value)| {
            let found = entry.as_object();
            if found.is_none() {
                self.error("syntax", place(), format!("entry {at} of `{key}` is not an object; left out"));
            }
            found
        };
        self.list(map, key, place).iter().enumerate().filter_map(object).collect()
    }

    /// What was read, or a finding with its place.
    pub(crate) fn take<T>(&self, file: &str, read: std::result::Result<T, Fault>) -> Option<T> {
        read.map_err(|fault| self.error("syntax", fault.place(file), &fault.message)).ok()
    }
}

/// The record of a media file of the source.
pub(crate) fn of_file(path: &str) -> SampleRecord {
    let (media, split) = (Some(MediaSource::File(path.to_owned())), paths::split_of_folders(path));
    SampleRecord { path: path.to_owned(), media, split, ..SampleRecord::default() }
}

/// Adds the classes of labels to the ontology.
pub(crate) fn learn(schema: &mut Schema, labels: &[Label]) {
    for label in labels {
        if let Some(class) = &label.class {
            schema.ontology.add_class(label.label_type(), class);
        }
    }
}

/// Classes of these names, numbered from a first one.
pub(crate) fn classes(names: &[String], first: i64) -> Vec<tamis_core::Class> {
    let class = |(i, name): (i64, &String)| tamis_core::Class {
        name: name.clone(),
        id: Some(i),
        ..tamis_core::Class::default()
    };
    (first..).zip(names).map(class).collect()
}

/// Nothing of the format is in the source.
pub(crate) fn not_this(source: &Source, format: &'static str, reason: &str) -> FormatError {
    FormatError::NotThis { path: source.name().to_owned(), format, reason: reason.to_owned() }
}

/// Counts what a writer cannot write.
pub(crate) struct Losses<'a> {
    spec: &'static Spec,
    on_loss: OnLoss,
    report: &'a Report,
    counts: BTreeMap<&'static str, (u64, String)>,
}

impl<'a> Losses<'a> {
    pub(crate) fn new(spec: &'static Spec, options: &WriteOptions, report: &'a Report) -> Losses<'a> {
        Losses { spec, on_loss: options.on_loss, report, counts: BTreeMap::new() }
    }

    /// Something is lost; `code` is declared in the specification.
    pub(crate) fn add(&mut self, code: &'static str, path: &str) -> Result<()> {
        self.add_many(code, path, 1)
    }

    /// So many things are lost.
    pub(crate) fn add_many(&mut self, code: &'static str, path: &str, many: usize) -> Result<()> {
        debug_assert!(self.spec.loss(code).is_some(), "undeclared loss {code}");
        if many > 0 && self.on_loss == OnLoss::Refuse {
            let what = self.spec.loss(code).map_or(code, |loss| loss.what).to_owned();
            return Err(FormatError::Lossy { format: self.spec.id, what, path: path.to_owned() });
        }
        if many > 0 {
            self.counts.entry(code).or_insert_with(|| (0, path.to_owned())).0 += many as u64;
        }
        Ok(())
    }

    /// What every format without layers, fusion and own fields loses of a record: `layers`, `fusion`.
    pub(crate) fn check_record(&mut self, record: &SampleRecord, layer: &str) -> Result<()> {
        self.add_many("layers", &record.path, record.layers.keys().filter(|l| *l != layer).count())?;
        let fusion = record.frame.is_some() || record.sensor.is_some() || record.timestamp.is_some();
        self.add_many("fusion", &record.path, usize::from(fusion))
    }

    /// Reports the counts; how many losses there were.
    pub(crate) fn finish(&self) -> u64 {
        for (code, (count, path)) in &self.counts {
            let (what, instead) = self.spec.loss(code).map_or((*code, ""), |loss| (loss.what, loss.instead));
            let message = format!("cannot store {count} × {what}: {instead}");
            self.report.warn(&format!("{}.{code}", self.spec.id), Place::file(path), message);
        }
        self.counts.values().map(|(count, _)| count).sum()
    }
}

/// The classes of a schema in order, over all label types, each once; new ones are added at the end.
pub(crate) struct ClassList {
    pub(crate) classes: Vec<tamis_core::Class>,
    by_name: std::collections::HashMap<String, usize>,
}

impl ClassList {
    pub(crate) fn new(schema: &Schema) -> ClassList {
        let mut list = ClassList { classes: Vec::new(), by_name: std::collections::HashMap::new() };
        for class in schema.ontology.types.values().flat_map(|s| &s.classes) {
            if !list.by_name.contains_key(&class.name) {
                list.push(class.clone());
            }
        }
        list
    }

    fn push(&mut self, class: tamis_core::Class) -> usize {
        let at = self.classes.len();
        self.by_name.insert(class.name.clone(), at);
        self.classes.push(class);
        at
    }

    /// The number of a label's class in this list.
    pub(crate) fn of(&mut self, label: &Label) -> usize {
        self.named(label.class.as_deref().unwrap_or(UNLABELLED))
    }

    /// The number of a class name in this list.
    pub(crate) fn named(&mut self, name: &str) -> usize {
        match self.by_name.get(name) {
            Some(at) => *at,
            None => self.push(tamis_core::Class { name: name.to_owned(), ..Default::default() }),
        }
    }
}

/// Puts a list of classes into the ontology under each of some label types, unless they are there.
pub(crate) fn declare(schema: &mut Schema, classes: &[tamis_core::Class], label_type: LabelType) {
    let known = &mut schema.ontology.schema_mut(label_type).classes;
    if known.is_empty() {
        known.extend(classes.iter().cloned());
    }
}
