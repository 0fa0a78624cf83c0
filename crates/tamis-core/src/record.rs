//! The record between foreign formats and Tamis.

use std::collections::BTreeMap;

use crate::{Label, Value};

/// One sample as a format reader found it, or as a format writer is to write it.
///
/// Like [`crate::Sample`], but the media's bytes are still where the format has them, labels may
/// have no ids yet (0), and the path may still collide with another's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleRecord {
    /// The key the sample will have; `/`-separated and relative.
    pub path: String,
    /// Where the bytes are.
    pub media: Option<MediaSource>,
    /// Width and height in pixels as the annotation file states them, where it does.
    pub stated_size: Option<(u32, u32)>,
    /// The part of the data (train, val, …).
    pub split: Option<String>,
    /// Fusion frame.
    pub frame: Option<String>,
    /// Fusion sensor.
    pub sensor: Option<String>,
    /// Seconds.
    pub timestamp: Option<f64>,
    /// The user's own columns.
    pub fields: BTreeMap<String, Value>,
    /// Labels by layer.
    pub layers: BTreeMap<String, Vec<Label>>,
}

/// Where a record's media bytes are.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MediaSource {
    /// A file of the source, by its path there.
    File(String),
    /// The bytes themselves (formats that embed media).
    Bytes(Vec<u8>),
    /// Somewhere else: `s3://…`, `https://…`, `file://…`.
    Uri(String),
}
