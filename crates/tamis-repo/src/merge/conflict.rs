//! Conflicts: two changes that disagree, and what somebody decided.

use std::fmt;

use serde::{Deserialize, Serialize};
use tamis_core::{LabelType, Value};

/// Which part of the dataset two changes disagree about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConflictPart {
    /// The whole sample: one side deleted it, the other changed it (or both made it, unlike).
    Sample,
    /// The media file.
    Media,
    /// One of `split`, `frame`, `sensor`, `timestamp`.
    Property {
        /// Which.
        name: String,
    },
    /// A field of the user's.
    Field {
        /// Which.
        name: String,
    },
    /// A whole layer: one side took it away, the other changed it.
    Layer {
        /// Which.
        layer: String,
    },
    /// One label.
    Label {
        /// Its layer.
        layer: String,
        /// Its id.
        id: u64,
    },
    /// A class of the ontology.
    Class {
        /// The label type.
        label_type: LabelType,
        /// The class.
        name: String,
    },
    /// An attribute of the ontology.
    Attribute {
        /// The label type.
        label_type: LabelType,
        /// The attribute.
        name: String,
    },
    /// Another property of the ontology, or of one label type in it.
    Ontology {
        /// The label type; absent for the description of the whole.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label_type: Option<LabelType>,
        /// Which property.
        name: String,
    },
    /// The calibration of a sensor.
    Sensor {
        /// Its segment.
        segment: String,
        /// Its name.
        name: String,
    },
    /// Another object of the commit.
    Extra {
        /// Its name.
        name: String,
    },
}

impl fmt::Display for ConflictPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConflictPart::Sample => f.write_str("sample"),
            ConflictPart::Media => f.write_str("media"),
            ConflictPart::Property { name } => f.write_str(name),
            ConflictPart::Field { name } => write!(f, "field {name}"),
            ConflictPart::Layer { layer } => write!(f, "layer {layer}"),
            ConflictPart::Label { layer, id } => write!(f, "{layer} label {id}"),
            ConflictPart::Class { label_type, name } => write!(f, "{label_type} class {name}"),
            ConflictPart::Attribute { label_type, name } => write!(f, "{label_type} attribute {name}"),
            ConflictPart::Ontology { label_type: Some(t), name } => write!(f, "{t} {name}"),
            ConflictPart::Ontology { label_type: None, name } => write!(f, "ontology {name}"),
            ConflictPart::Sensor { segment, name } if segment.is_empty() => write!(f, "sensor {name}"),
            ConflictPart::Sensor { segment, name } => write!(f, "sensor {segment}/{name}"),
            ConflictPart::Extra { name } => write!(f, "object {name}"),
        }
    }
}

/// What was decided about a conflict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// The branch's own side.
    Ours,
    /// The other side.
    Theirs,
    /// Neither: as it was before both.
    Base,
    /// Something else; [`None`] takes the thing away.
    Value(Option<Value>),
}

/// One disagreement of two changes. Values are JSON of the part: a sample, a media file, a label …;
/// [`None`] where the thing is not there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// The value before both changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Value>,
    /// The branch's value; what the merge holds until somebody decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<Value>,
    /// What it is about.
    pub part: ConflictPart,
    /// The sample; empty for ontology, sensors and other objects.
    pub path: String,
    /// What was decided, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Resolution>,
    /// The other side's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theirs: Option<Value>,
}

impl Conflict {
    /// The place for people: `train/1.jpg (truth label 7)`.
    pub fn place(&self) -> String {
        if self.path.is_empty() {
            self.part.to_string()
        } else {
            format!("{} ({})", self.path.escape_debug(), self.part)
        }
    }

    /// The value that was decided on: outer [`None`] while undecided.
    pub(crate) fn decided(&self) -> Option<Option<&Value>> {
        self.resolution.as_ref().map(|resolution| match resolution {
            Resolution::Ours => self.ours.as_ref(),
            Resolution::Theirs => self.theirs.as_ref(),
            Resolution::Base => self.base.as_ref(),
            Resolution::Value(value) => value.as_ref(),
        })
    }
}

/// Gathers the conflicts of one merge.
#[derive(Debug, Default)]
pub(crate) struct Clashes(pub(crate) Vec<Conflict>);

impl Clashes {
    pub(crate) fn add<T: Serialize>(
        &mut self,
        path: &str,
        part: ConflictPart,
        base: Option<&T>,
        ours: Option<&T>,
        theirs: Option<&T>,
    ) {
        // The words of tamis-core always have a JSON form (floats were checked to be finite).
        let json = |value: Option<&T>| value.map(|value| serde_json::to_value(value).unwrap_or(Value::Null));
        self.0.push(Conflict {
            base: json(base),
            ours: json(ours),
            part,
            path: path.to_owned(),
            resolution: None,
            theirs: json(theirs),
        });
    }

    /// Three-way choice of one value; ours stands in where both changed it differently.
    pub(crate) fn pick<T: Serialize + Clone + PartialEq>(
        &mut self,
        path: &str,
        part: impl FnOnce() -> ConflictPart,
        base: Option<&T>,
        ours: Option<&T>,
        theirs: Option<&T>,
    ) -> Option<T> {
        if ours == theirs || base == theirs {
            ours.cloned()
        } else if base == ours {
            theirs.cloned()
        } else {
            self.add(path, part(), base, ours, theirs);
            ours.cloned()
        }
    }
}
