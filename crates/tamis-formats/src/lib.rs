//! Reads and writes other people's annotation and dataset formats.
//!
//! A [`Source`] is a folder, an archive or a bucket's prefix; [`detect`] says by content which format it is of and
//! why; [`Format::read`] yields [`tamis_core::SampleRecord`]s while everything doubtful becomes a finding with file
//! and line; [`Format::write`] writes records into a [`Sink`] and counts what the format cannot hold. [`FORMATS`] is
//! the only list of formats, and from its [`Spec`]s come the help, the documentation and the tests.
//!
//! The crate hides each format's quirks and knows nothing of lakes: bytes come and go through the source and the
//! caller's closure (docs/spec/record.md).
//!
//! ```no_run
//! use tamis_core::Report;
//! use tamis_formats::{ReadOptions, Source, SourceLimits, detect};
//! # fn main() -> tamis_formats::Result<()> {
//! let report = Report::new();
//! let source = Source::open("my-dataset.zip".as_ref(), &SourceLimits::default(), &report)?;
//! let found = detect(&source, &report)?;
//! let mut reader = found.format.read(&source, &ReadOptions::default(), &report)?;
//! for record in reader.by_ref() {
//!     let record = record?;
//!     assert!(!record.path.is_empty());
//! }
//! let classes = reader.schema().ontology.types.len();
//! # let _ = classes; Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod ade20k;
mod ava;
mod bdd100k;
mod cityscapes;
mod coco;
mod conll;
mod createml;
mod cvat;
mod datumaro;
mod detect;
mod dota;
mod each;
mod error;
mod faces;
mod files;
mod format;
mod fusion;
mod gather;
mod holds;
mod icdar;
mod idx;
mod imagefolder;
mod imagenet;
mod index;
mod items;
mod kinetics;
mod kitti;
mod kitti_raw;
mod label_studio;
mod labelbox;
mod labelme;
mod labelme_xml;
mod labels;
mod layouts;
mod lex;
mod lightly;
mod list;
mod mapillary;
mod mapping;
mod mask_png;
mod masks;
mod mot;
mod mpii;
mod mvtec;
mod nuscenes;
mod openimages;
mod out;
mod paths;
mod pixels;
mod probe;
mod reads;
mod registry;
mod reid;
mod segment_anything;
mod sink;
mod source;
mod spec;
mod speech;
mod superres;
mod supervisely;
mod supervisely_clouds;
mod table;
mod tamis;
mod tensorbay;
mod tfrecord;
mod urls;
mod voc;
mod vott;
mod webdataset;
mod widerface;
mod yolo;

#[doc(hidden)]
pub mod fuzz;

pub use detect::{Candidate, candidates, detect};
pub use error::{FormatError, Result};
pub use format::{Format, Known, OnLoss, ReadOptions, RecordReader, RecordWriter, Schema, WriteOptions, Written};
pub use mapping::{Mapper, Mapping, SplitRule};
pub use probe::{Confidence, Probe};
pub use registry::{FORMATS, find, specs};
pub use sink::{Fetched, Linking, Sink, Wanted};
pub use source::{Entry, Files, Source, SourceLimits};
pub use spec::{Loss, OptionSpec, Spec, capability_markdown, capability_text, describe};
