//! The columns of a label.

use arrow::datatypes::{DataType, Field, Fields};
use serde::{Deserialize, Serialize};
use tamis_core::{Box2d, MaskInfo, TrackKey, Word};

/// The order of the label struct's fields; the stored schema names them, code uses the order.
pub(crate) const NAMES: [&str; 13] = [
    "id",
    "type",
    "class",
    "instance",
    "confidence",
    "box",
    "points",
    "visibility",
    "numbers",
    "rle",
    "mask",
    "attributes",
    "extra",
];

fn item(data_type: DataType, nullable: bool) -> DataType {
    DataType::List(Field::new("item", data_type, nullable).into())
}

/// The four numbers of a box.
pub(crate) fn box_fields() -> Fields {
    ["xmin", "ymin", "xmax", "ymax"].map(|name| Field::new(name, DataType::Float64, false)).to_vec().into()
}

/// Size and run lengths of a mask.
pub(crate) fn rle_fields() -> Fields {
    vec![
        Field::new("height", DataType::UInt32, false),
        Field::new("width", DataType::UInt32, false),
        Field::new("counts", item(DataType::UInt32, false), false),
    ]
    .into()
}

/// The struct of one label.
pub(crate) fn label_fields() -> Fields {
    let ring = item(DataType::Float64, false);
    vec![
        Field::new(NAMES[0], DataType::UInt64, false),
        Field::new(NAMES[1], DataType::UInt8, false),
        Field::new(NAMES[2], DataType::Utf8, true),
        Field::new(NAMES[3], DataType::Utf8, true),
        Field::new(NAMES[4], DataType::Float64, true),
        Field::new(NAMES[5], DataType::Struct(box_fields()), true),
        Field::new(NAMES[6], item(ring.clone(), false), true),
        Field::new(NAMES[7], item(DataType::UInt8, true), true),
        Field::new(NAMES[8], ring, true),
        Field::new(NAMES[9], DataType::Struct(rle_fields()), true),
        Field::new(NAMES[10], DataType::FixedSizeBinary(32), true),
        Field::new(NAMES[11], DataType::Utf8, true),
        Field::new(NAMES[12], DataType::Utf8, true),
    ]
    .into()
}

/// What no column is for, as JSON in the column `extra`; absent when empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extra {
    /// The box beside a box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bbox: Option<Box2d>,
    /// Letters of a Bézier polyline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bezier: Option<String>,
    /// The file of a mask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The subject of a relation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// The entries of a mask.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub info: Vec<MaskInfo>,
    /// The phonemes of a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phone: Vec<Word>,
    /// The words of a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sentence: Vec<Word>,
    /// The spelling of a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spell: Vec<Word>,
    /// The object of a relation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// The key frames of a track.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub track: Vec<TrackKey>,
}
