//! The ontology: which labels a dataset may have.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{LabelType, Value};

/// The versioned label schema of a dataset, by label type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ontology {
    /// What it describes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The schema of each label type in use.
    #[serde(default)]
    pub types: BTreeMap<LabelType, LabelSchema>,
}

/// The schema of one label type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LabelSchema {
    /// What it describes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The classes, in the order that numbered formats use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Class>,
    /// What joins the names of nested classes, e.g. `.` in `vehicle.car`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// The attributes labels of this type may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
    /// Labels carry instances (tracks).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tracking: bool,
    /// Key point skeletons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skeletons: Vec<Skeleton>,
    /// Polylines are Bézier curves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bezier: bool,
    /// Times of sentences count audio samples, not seconds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_sample: bool,
    /// Audio samples a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_rate: Option<u64>,
    /// Word lists of sentences: each a word and its phonemes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lexicon: Vec<Vec<String>>,
}

/// A class of labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Class {
    /// The name; nested classes joined by the delimiter.
    pub name: String,
    /// The number a format or mask uses for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// The class above it (COCO's supercategory).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// What it means.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Colour in masks and on screen, red, green, blue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<[u8; 3]>,
    /// Whatever else a format keeps with its classes (e.g. `isthing`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Value>,
}

/// The type of an attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeType {
    /// A list; its elements are described by `items`.
    Array,
    /// true or false.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// Text.
    String,
    /// Nothing.
    Null,
    /// The name of an instance.
    Instance,
}

/// An attribute that labels may have: its type, allowed values and bounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    /// The name; empty in `items`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What it means.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Allowed types; empty = any (or given by `values`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<AttributeType>,
    /// The elements of an array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Box<Attribute>>,
    /// Allowed values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Value>>,
    /// Lowest allowed number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// Highest allowed number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// Only labels of these classes have it; empty = all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
}

/// How the visibility of a skeleton's key points is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// 0 not labelled, 1 labelled but hidden, 2 visible.
    Ternary,
    /// 0 hidden, 1 visible.
    Binary,
}

/// A key point skeleton.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Skeleton {
    /// How many points.
    pub number: u32,
    /// Their names, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Pairs of points that are joined, counted from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<(u32, u32)>,
    /// How visibility is noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// Only labels of these classes have it; empty = all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// What it means.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

impl Ontology {
    /// The schema of a label type, made when it is not there.
    pub fn schema_mut(&mut self, label_type: LabelType) -> &mut LabelSchema {
        self.types.entry(label_type).or_default()
    }

    /// Adds a class to a label type unless one of that name is there. True when it was added.
    pub fn add_class(&mut self, label_type: LabelType, name: &str) -> bool {
        let schema = self.schema_mut(label_type);
        let is_new = schema.classes.iter().all(|class| class.name != name);
        if is_new {
            schema.classes.push(Class { name: name.to_owned(), ..Class::default() });
        }
        is_new
    }
}

impl LabelSchema {
    /// The class of a name.
    pub fn class(&self, name: &str) -> Option<&Class> {
        self.classes.iter().find(|class| class.name == name)
    }
}
