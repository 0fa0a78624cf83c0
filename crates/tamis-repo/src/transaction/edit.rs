//! Edits of one row, and how several of one path add up.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tamis_core::{Label, Media, Sample, Value, check_path};

use crate::schema::{check_field, check_timestamp, prepare_labels};
use crate::{Error, Result};

/// Changes to parts of a sample. Outer [`None`] (or an absent entry) leaves a part as it is;
/// inner [`None`] takes it away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SamplePatch {
    /// The media file.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub media: Option<Option<Media>>,
    /// The split.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub split: Option<Option<String>>,
    /// The frame.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub frame: Option<Option<String>>,
    /// The sensor.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub sensor: Option<Option<String>>,
    /// The time, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub timestamp: Option<Option<f64>>,
    /// Fields by name.
    #[serde(default, serialize_with = "write_fields", deserialize_with = "read_fields")]
    pub fields: BTreeMap<String, Option<Value>>,
    /// Layers by name, each as a whole.
    #[serde(default)]
    pub layers: BTreeMap<String, Option<Vec<Label>>>,
}

fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A field set to null and a field taken away are not the same: lists of one value or none.
fn write_fields<S: Serializer>(fields: &BTreeMap<String, Option<Value>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(name, value)| (name, value.as_slice())))
}

fn read_fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Option<Value>>, D::Error> {
    let lists = BTreeMap::<String, Vec<Value>>::deserialize(deserializer)?;
    Ok(lists.into_iter().map(|(name, mut list)| (name, list.pop())).collect())
}

impl SamplePatch {
    /// Checks it and gives ids to labels without.
    pub(crate) fn check(&mut self, path: &str) -> Result<()> {
        check_path(path)?;
        check_timestamp(path, self.timestamp.flatten())?;
        for (name, value) in &self.fields {
            check_field(path, name, value.as_ref().unwrap_or(&Value::Null))?;
        }
        for (layer, labels) in &mut self.layers {
            prepare_labels(path, layer, labels.as_mut().map_or(&mut [], Vec::as_mut_slice))?;
        }
        Ok(())
    }

    /// Whether it changes anything in the group `base`.
    pub(crate) fn touches_base(&self) -> bool {
        let SamplePatch { media, split, frame, sensor, timestamp, .. } = self;
        media.is_some() || split.is_some() || frame.is_some() || sensor.is_some() || timestamp.is_some()
    }

    /// Changes a sample.
    pub(crate) fn apply(&self, sample: &mut Sample) {
        fn set<T: Clone>(part: &mut Option<T>, value: Option<&Option<T>>) {
            if let Some(value) = value {
                part.clone_from(value);
            }
        }
        set(&mut sample.media, self.media.as_ref());
        set(&mut sample.split, self.split.as_ref());
        set(&mut sample.frame, self.frame.as_ref());
        set(&mut sample.sensor, self.sensor.as_ref());
        set(&mut sample.timestamp, self.timestamp.as_ref());
        change(&mut sample.fields, &self.fields);
        change(&mut sample.layers, &self.layers);
    }

    /// The patch that is this one and then a later one.
    fn and_then(mut self, later: SamplePatch) -> SamplePatch {
        self.media = later.media.or(self.media);
        self.split = later.split.or(self.split);
        self.frame = later.frame.or(self.frame);
        self.sensor = later.sensor.or(self.sensor);
        self.timestamp = later.timestamp.or(self.timestamp);
        self.fields.extend(later.fields);
        self.layers.extend(later.layers);
        self
    }
}

fn change<T: Clone>(map: &mut BTreeMap<String, T>, changes: &BTreeMap<String, Option<T>>) {
    for (name, value) in changes {
        match value {
            Some(value) => drop(map.insert(name.clone(), value.clone())),
            None => drop(map.remove(name)),
        }
    }
}

/// What happens to one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RowEdit {
    Put(Box<Sample>),
    Patch(Box<SamplePatch>),
    Delete,
}

impl RowEdit {
    /// The edit that is this one and then a later one.
    pub(crate) fn and_then(self, path: &str, later: RowEdit) -> Result<RowEdit> {
        match (self, later) {
            (RowEdit::Put(mut sample), RowEdit::Patch(patch)) => {
                patch.apply(&mut sample);
                Ok(RowEdit::Put(sample))
            }
            (RowEdit::Patch(first), RowEdit::Patch(patch)) => Ok(RowEdit::Patch(Box::new(first.and_then(*patch)))),
            (RowEdit::Delete, RowEdit::Patch(_)) => {
                Err(Error::NotFound { what: "sample", name: path.to_owned(), near: Vec::new() })
            }
            (_, later) => Ok(later),
        }
    }

    /// About how many bytes it takes in memory.
    pub(crate) fn weight(&self) -> usize {
        let values = |fields: usize| fields * 96;
        match self {
            RowEdit::Put(sample) => {
                400 + values(sample.fields.len())
                    + sample.fields.values().map(value_weight).sum::<usize>()
                    + sample.layers.values().flatten().map(label_weight).sum::<usize>()
            }
            RowEdit::Patch(patch) => {
                400 + values(patch.fields.len())
                    + patch.fields.values().flatten().map(value_weight).sum::<usize>()
                    + patch.layers.values().flatten().flatten().map(label_weight).sum::<usize>()
            }
            RowEdit::Delete => 64,
        }
    }
}

fn value_weight(value: &Value) -> usize {
    match value {
        Value::String(text) => 32 + text.len(),
        Value::Array(items) => 32 + items.iter().map(value_weight).sum::<usize>(),
        Value::Object(items) => {
            64 + items.iter().map(|(name, item)| 48 + name.len() + value_weight(item)).sum::<usize>()
        }
        _ => 32,
    }
}

fn label_weight(label: &Label) -> usize {
    use tamis_core::Shape;
    let shape = match &label.shape {
        Shape::Track(keys) => keys
            .iter()
            .map(|key| 128 + shape_weight(&key.shape) + key.attributes.values().map(value_weight).sum::<usize>())
            .sum(),
        shape => shape_weight(shape),
    };
    let texts = label.class.as_ref().map_or(0, String::len) + label.instance.as_ref().map_or(0, String::len);
    size_of::<Label>() + shape + texts + label.attributes.values().map(|value| 96 + value_weight(value)).sum::<usize>()
}

fn shape_weight(shape: &tamis_core::Shape) -> usize {
    use tamis_core::Shape;
    match shape {
        Shape::Polygon(points) | Shape::Polyline { points, .. } => points.len() * 16,
        Shape::MultiPolygon(rings) | Shape::MultiPolyline(rings) => rings.iter().map(|ring| 24 + ring.len() * 16).sum(),
        Shape::Keypoints(points) => points.len() * 24,
        Shape::Rle(rle) => rle.counts.len() * 4,
        Shape::Sentence { sentence, spell, phone } => {
            [sentence, spell, phone].into_iter().flatten().map(|word| 64 + word.text.len()).sum()
        }
        _ => 0,
    }
}
