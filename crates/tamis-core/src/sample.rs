//! Samples: the rows of a dataset.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{BlobId, Label, Value};

/// One row of a dataset: one media file (or text) with its fields and labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The key: unique in the dataset, `/`-separated, ordered by bytes. See [`crate::check_path`].
    pub path: String,
    /// The media file, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
    /// `train`, `val`, `test` or any other part of the data that is kept apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Fusion: the frame that this sample belongs to, with the samples of other sensors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<String>,
    /// Fusion: the sensor that took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensor: Option<String>,
    /// Seconds (since 1970 where it is a date).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<f64>,
    /// The user's own columns.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
    /// Labels by layer, each list ordered by label id. A layer that is present and empty says
    /// "looked at, nothing there"; an absent layer says "not looked at".
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub layers: BTreeMap<String, Vec<Label>>,
}

impl Sample {
    /// The first component of the path, the sample's segment; empty for a path without `/`.
    pub fn segment(&self) -> &str {
        self.path.split_once('/').map_or("", |(head, _)| head)
    }
}

/// A media file: in the lake by content, or where it lies by reference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Media {
    /// The content's hash; absent for a reference that was never read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<BlobId>,
    /// `file://…` or `s3://…` where the bytes stay outside the lake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The entity tag (or modification time) of a referenced file when it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Bytes.
    #[serde(default)]
    pub size: u64,
    /// Media type, e.g. `image/jpeg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// Pixels across, as stored (before EXIF orientation).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pixels down, as stored (before EXIF orientation).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// EXIF orientation, 1 to 8; absent = 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orientation: Option<u8>,
}
