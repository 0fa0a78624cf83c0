//! One sample's difference, down to labels.

use std::collections::BTreeSet;

use serde::Serialize;
use tamis_core::{Label, LabelType, Media, Sample, Sensor, Value};

/// How a sample differs between two commits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SampleChange {
    /// The path.
    pub path: String,
    /// The old sample; absent when it was added.
    pub old: Option<Sample>,
    /// The new sample; absent when it was removed.
    pub new: Option<Sample>,
}

/// How a field, or one of `split`, `frame`, `sensor`, `timestamp`, differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldChange {
    /// The field.
    pub name: String,
    /// The old value.
    pub old: Option<Value>,
    /// The new value.
    pub new: Option<Value>,
}

/// Which parts of a label differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LabelParts {
    /// The class.
    pub class: bool,
    /// The label's type, its shape, or the box beside it.
    pub geometry: bool,
    /// An attribute.
    pub attributes: bool,
    /// The instance.
    pub instance: bool,
    /// The confidence.
    pub confidence: bool,
}

/// How a label differs.
#[expect(clippy::large_enum_variant, reason = "changes are looked at one by one, never kept in bulk")]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum LabelChange {
    /// It is new.
    Added {
        /// Its layer.
        layer: String,
        /// The label.
        new: Label,
    },
    /// It is gone.
    Removed {
        /// Its layer.
        layer: String,
        /// The label.
        old: Label,
    },
    /// It differs.
    Changed {
        /// Its layer.
        layer: String,
        /// The label as it was.
        old: Label,
        /// The label as it is.
        new: Label,
        /// Which parts differ.
        parts: LabelParts,
    },
    /// The whole layer is new, without labels: looked at, nothing there.
    LayerAdded {
        /// The layer.
        layer: String,
    },
    /// The layer was taken away; its labels are told as removed besides.
    LayerRemoved {
        /// The layer.
        layer: String,
    },
}

/// How an ontology differs in one named thing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OntologyChange {
    /// The label type; absent for the description of the whole.
    pub label_type: Option<LabelType>,
    /// `class`, `attribute`, `schema` (everything else of the type) or `description`.
    pub what: &'static str,
    /// The name of the class or attribute.
    pub name: String,
    /// The old definition, as JSON.
    pub old: Option<Value>,
    /// The new definition, as JSON.
    pub new: Option<Value>,
}

/// How a sensor differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SensorChange {
    /// Its segment, empty for all.
    pub segment: String,
    /// Its name.
    pub name: String,
    /// The old calibration.
    pub old: Option<Sensor>,
    /// The new calibration.
    pub new: Option<Sensor>,
}

impl LabelParts {
    fn of(old: &Label, new: &Label) -> LabelParts {
        LabelParts {
            class: old.class != new.class,
            geometry: old.shape != new.shape || old.bbox != new.bbox,
            attributes: old.attributes != new.attributes,
            instance: old.instance != new.instance,
            confidence: old.confidence != new.confidence,
        }
    }
}

impl SampleChange {
    /// The media, when it differs: old and new.
    pub fn media(&self) -> Option<(Option<&Media>, Option<&Media>)> {
        let (old, new) =
            (self.old.as_ref().and_then(|s| s.media.as_ref()), self.new.as_ref().and_then(|s| s.media.as_ref()));
        (old != new).then_some((old, new))
    }

    /// The properties and fields that differ, by name; properties first.
    pub fn fields(&self) -> Vec<FieldChange> {
        let none = Sample::default();
        let (old, new) = (self.old.as_ref().unwrap_or(&none), self.new.as_ref().unwrap_or(&none));
        let mut found = Vec::new();
        let mut tell = |name: &str, old: Option<Value>, new: Option<Value>| {
            if old != new {
                found.push(FieldChange { name: name.to_owned(), old, new });
            }
        };
        let text = |value: &Option<String>| value.clone().map(Value::from);
        tell("split", text(&old.split), text(&new.split));
        tell("frame", text(&old.frame), text(&new.frame));
        tell("sensor", text(&old.sensor), text(&new.sensor));
        tell("timestamp", old.timestamp.map(Value::from), new.timestamp.map(Value::from));
        let names: BTreeSet<&String> = old.fields.keys().chain(new.fields.keys()).collect();
        for name in names {
            tell(name, old.fields.get(name).cloned(), new.fields.get(name).cloned());
        }
        found
    }

    /// The labels that differ, by layer and id.
    pub fn labels(&self) -> Vec<LabelChange> {
        let none = Sample::default();
        let (old, new) = (self.old.as_ref().unwrap_or(&none), self.new.as_ref().unwrap_or(&none));
        let layers: BTreeSet<&String> = old.layers.keys().chain(new.layers.keys()).collect();
        let mut found = Vec::new();
        for layer in layers {
            let (before, after) = (old.layers.get(layer), new.layers.get(layer));
            match (before, after) {
                (None, Some(labels)) if labels.is_empty() => {
                    found.push(LabelChange::LayerAdded { layer: layer.clone() })
                }
                (Some(_), None) if self.new.is_some() => found.push(LabelChange::LayerRemoved { layer: layer.clone() }),
                _ => {}
            }
            let slice = |labels: Option<&'_ Vec<Label>>| labels.map_or(&[][..], Vec::as_slice).to_vec();
            diff_labels(layer, slice(before), slice(after), &mut found);
        }
        found
    }
}

/// Compares two lists that are ordered by id, in one pass.
fn diff_labels(layer: &str, old: Vec<Label>, new: Vec<Label>, found: &mut Vec<LabelChange>) {
    let layer = || layer.to_owned();
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (Some(o), Some(n)) => o.id.cmp(&n.id),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return,
        };
        match order {
            std::cmp::Ordering::Less => {
                found.extend(old.next().map(|old| LabelChange::Removed { layer: layer(), old }));
            }
            std::cmp::Ordering::Greater => {
                found.extend(new.next().map(|new| LabelChange::Added { layer: layer(), new }));
            }
            std::cmp::Ordering::Equal => {
                if let (Some(old), Some(new)) = (old.next(), new.next())
                    && old != new
                {
                    let parts = LabelParts::of(&old, &new);
                    found.push(LabelChange::Changed { layer: layer(), old, new, parts });
                }
            }
        }
    }
}
