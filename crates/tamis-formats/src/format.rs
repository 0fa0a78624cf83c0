//! What every format is: a detector, a reader and a writer of [`SampleRecord`]s
//! (docs/spec/record.md).

use std::collections::BTreeMap;

use tamis_core::{Ontology, Report, SampleRecord, Sensor, Value};

use crate::error::{FormatError, Result};
use crate::probe::{Confidence, Probe};
use crate::sink::Sink;
use crate::source::Source;
use crate::spec::Spec;

/// A dataset or annotation format.
pub trait Format: Sync {
    /// What it is and what it can hold.
    fn spec(&self) -> &'static Spec;

    /// How sure it is that the source is of this format, judged by content.
    fn detect(&self, probe: &Probe<'_>) -> Confidence;

    /// Begins to read. Records come ordered by path, each path once (tables: as they stand in the
    /// file); whatever is wrong with single files or labels goes to `report` and reading goes on.
    ///
    /// # Errors
    /// [`FormatError::NotThis`] when the source holds nothing of the format; I/O errors.
    fn read<'a>(
        &self,
        source: &'a Source,
        options: &ReadOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordReader + 'a>>;

    /// Begins to write. Equal records in equal order give equal bytes.
    ///
    /// # Errors
    /// [`FormatError::OneWay`] for a format that is only read; [`FormatError::BadOption`].
    fn write<'a>(
        &self,
        sink: &'a Sink,
        schema: &Schema,
        options: &WriteOptions,
        report: &'a Report,
    ) -> Result<Box<dyn RecordWriter + 'a>>;
}

/// What holds for all records of a source together.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Schema {
    /// Classes, attributes and skeletons by label type.
    #[serde(default)]
    pub ontology: Ontology,
    /// Sensors by segment (`""` = all segments).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sensors: BTreeMap<String, Vec<Sensor>>,
    /// What a format keeps beside samples and classes (COCO's info and licences), under its id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Value>,
}

/// A running reader: an iterator of records. An error ends it.
pub trait RecordReader: Iterator<Item = Result<SampleRecord>> + Send {
    /// Ontology, sensors and extras; complete once the last record was taken.
    fn schema(&self) -> &Schema;

    /// How many records there will be, where that is known.
    fn expected(&self) -> Option<u64> {
        None
    }
}

/// A running writer.
pub trait RecordWriter {
    /// Writes one record and its media.
    fn write(&mut self, record: &SampleRecord) -> Result<()>;

    /// Writes what stands at the end and says what was written. Losses go to the report here.
    fn finish(self: Box<Self>) -> Result<Written>;
}

/// What a writer wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Written {
    /// Samples.
    pub samples: u64,
    /// Labels.
    pub labels: u64,
    /// Things the format could not hold, counted one by one.
    pub losses: u64,
}

/// How to read.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReadOptions {
    /// The format's own options by name (see [`Spec::options`]).
    pub options: BTreeMap<String, String>,
    /// The layer that labels go into; `truth` when absent.
    pub layer: Option<String>,
    /// What the dataset that labels go onto calls by numbers, for sources that speak of numbers alone.
    pub known: Known,
}

/// Numbers of a dataset, as COCO's lists of results use them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// Paths of samples by the number of their image.
    pub images: BTreeMap<i64, String>,
    /// Names of classes by their number.
    pub classes: BTreeMap<i64, String>,
}

impl Known {
    /// The field that COCO's numbers of images are kept in.
    pub const FIELD: &'static str = "coco_id";
}

impl ReadOptions {
    /// Sets one of the format's own options.
    pub fn with(mut self, name: &str, value: &str) -> ReadOptions {
        self.options.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn layer(&self) -> String {
        self.layer.clone().unwrap_or_else(|| tamis_core::TRUTH.to_owned())
    }
}

/// What to do about labels that a format cannot hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLoss {
    /// Write the nearest thing it can hold, report the count.
    #[default]
    Report,
    /// Stop with [`FormatError::Lossy`].
    Refuse,
}

/// How to write.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WriteOptions {
    /// The format's own options by name (see [`Spec::options`]).
    pub options: BTreeMap<String, String>,
    /// What to do about losses.
    pub on_loss: OnLoss,
    /// The layer whose labels are written, for formats that have no layers; `truth` when absent.
    pub layer: Option<String>,
}

impl WriteOptions {
    /// Sets one of the format's own options.
    pub fn with(mut self, name: &str, value: &str) -> WriteOptions {
        self.options.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Chooses the layer to write.
    pub fn with_layer(mut self, layer: &str) -> WriteOptions {
        self.layer = Some(layer.to_owned());
        self
    }

    /// Chooses what to do about losses.
    pub fn on_loss(mut self, on_loss: OnLoss) -> WriteOptions {
        self.on_loss = on_loss;
        self
    }

    pub(crate) fn layer(&self) -> String {
        self.layer.clone().unwrap_or_else(|| tamis_core::TRUTH.to_owned())
    }
}

/// Looks an option up, checks it against its specification, and falls back to the default.
pub(crate) fn option<'o>(spec: &'static Spec, given: &'o BTreeMap<String, String>, name: &str) -> Result<&'o str> {
    let bad = |name: &str, reason: String| FormatError::BadOption { format: spec.id, name: name.to_owned(), reason };
    for key in given.keys() {
        if !spec.options.iter().any(|o| o.name == key) {
            let names: Vec<&str> = spec.options.iter().map(|o| o.name).collect();
            return Err(bad(
                key,
                format!("there are {}", if names.is_empty() { "none".into() } else { names.join(", ") }),
            ));
        }
    }
    let Some(known) = spec.options.iter().find(|o| o.name == name) else { return Ok("") };
    let Some(value) = given.get(name) else { return Ok(known.default) };
    if known.values.is_empty() || known.values.contains(&value.as_str()) {
        Ok(value)
    } else {
        Err(bad(name, format!("`{value}` is none of {}", known.values.join(", "))))
    }
}
