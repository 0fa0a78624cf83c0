//! Which groups and columns a dataset's samples table has, and how it grows.

use std::collections::{BTreeSet, HashMap};

use arrow::datatypes::{DataType, Field, Fields};
use tamis_core::Sample;
use tamis_table::{GroupSchema, TableSchema};

use super::fields::FieldKind;
use super::label::label_fields;

/// The group of media, split, frame, sensor and timestamp.
pub(crate) const BASE: &str = "base";
/// The group of the user's fields.
pub(crate) const FIELDS: &str = "fields";
const LAYER: &str = "layer/";

/// The group of a layer.
pub(crate) fn layer_group(layer: &str) -> String {
    format!("{LAYER}{layer}")
}

/// Whether samples are made of the group of a name.
pub(crate) fn is_own(name: &str) -> bool {
    name == BASE || name == FIELDS || name.starts_with(LAYER)
}

/// What a column group of the table is for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Slot {
    Base(Fields),
    Fields(Fields),
    Layer(String, Fields),
    /// A group of somebody else (an embedding, a derived field), and what it is computed from.
    Other(Option<GroupInput>),
}

/// What the values of a derived column group are computed from. When that part of a row changes,
/// the row's values become null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupInput {
    /// The media file.
    Media,
    /// A field.
    Field(String),
    /// A layer of labels.
    Layer(String),
}

impl GroupInput {
    /// The key of the entry in the metadata of a group's first column.
    const KEY: &str = "tamis.input";

    /// Marks the first column of a group as computed from this.
    pub fn mark(&self, fields: &Fields) -> Fields {
        let text = match self {
            GroupInput::Media => "media".to_owned(),
            GroupInput::Field(name) => format!("field:{name}"),
            GroupInput::Layer(name) => format!("layer:{name}"),
        };
        let marked = |(at, field): (usize, &std::sync::Arc<Field>)| {
            let field = field.as_ref().clone();
            if at > 0 {
                return field;
            }
            let mut metadata = field.metadata().clone();
            metadata.insert(GroupInput::KEY.to_owned(), text.clone());
            field.with_metadata(metadata)
        };
        fields.iter().enumerate().map(marked).collect()
    }

    /// Reads the mark of [`GroupInput::mark`].
    pub fn of(fields: &Fields) -> Option<GroupInput> {
        let text = fields.first()?.metadata().get(GroupInput::KEY)?;
        match text.split_once(':') {
            None if text == "media" => Some(GroupInput::Media),
            Some(("field", name)) => Some(GroupInput::Field(name.to_owned())),
            Some(("layer", name)) => Some(GroupInput::Layer(name.to_owned())),
            _ => None,
        }
    }
}

/// The groups of a samples table, in its schema's order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    slots: Vec<Slot>,
    schema: TableSchema,
}

impl Layout {
    /// The layout of a stored schema.
    pub(crate) fn of(schema: &TableSchema) -> Layout {
        let slot = |group: &GroupSchema| match group.name.as_str() {
            BASE => Slot::Base(group.fields.clone()),
            FIELDS => Slot::Fields(group.fields.clone()),
            name => match name.strip_prefix(LAYER) {
                Some(layer) => Slot::Layer(layer.to_owned(), group.fields.clone()),
                None => Slot::Other(GroupInput::of(&group.fields)),
            },
        };
        Layout { slots: schema.groups.iter().map(slot).collect(), schema: schema.clone() }
    }

    /// The layout of an empty dataset: `base` alone.
    pub(crate) fn empty() -> Layout {
        Layout::of(&TableSchema { groups: vec![GroupSchema { name: BASE.to_owned(), fields: base_fields() }] })
    }

    pub(crate) fn schema(&self) -> &TableSchema {
        &self.schema
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The groups that samples are made of, without those of somebody else.
    pub(crate) fn own(&self) -> Vec<&str> {
        let own = self.schema.groups.iter().zip(&self.slots).filter(|(_, slot)| !matches!(slot, Slot::Other(_)));
        own.map(|(group, _)| group.name.as_str()).collect()
    }

    /// What the other groups are computed from.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &GroupInput> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Other(input) => input.as_ref(),
            _ => None,
        })
    }

    /// Whether a group is not part of samples.
    pub(crate) fn is_other(&self, name: &str) -> bool {
        self.schema.position(name).is_some_and(|at| matches!(self.slots.get(at), Some(Slot::Other(_))))
    }

    /// The layers, in the order of their groups.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Layer(name, _) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The columns of fields, in their order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, FieldKind)> {
        self.slots.iter().flat_map(|slot| match slot {
            Slot::Fields(fields) => fields.iter().filter_map(|field| FieldKind::parse(field.name())).collect(),
            _ => Vec::new(),
        })
    }

    /// The layout with what `needs` adds: new groups at the end, new columns after the old ones.
    pub(crate) fn with(&self, needs: &Needs) -> Layout {
        let mut schema = self.schema.clone();
        let known: BTreeSet<(String, FieldKind)> = self.fields().map(|(name, kind)| (name.to_owned(), kind)).collect();
        let new: Vec<Field> = needs.fields.difference(&known).map(|(name, kind)| field_column(name, *kind)).collect();
        if !new.is_empty() {
            match schema.groups.iter_mut().find(|group| group.name == FIELDS) {
                Some(group) => group.fields = group.fields.iter().map(|f| f.as_ref().clone()).chain(new).collect(),
                None => schema.groups.push(GroupSchema { name: FIELDS.to_owned(), fields: new.into() }),
            }
        }
        let known: BTreeSet<&str> = self.layers().collect();
        for layer in needs.layers.iter().filter(|layer| !known.contains(layer.as_str())) {
            schema.groups.push(GroupSchema { name: layer_group(layer), fields: layer_fields() });
        }
        Layout::of(&schema)
    }
}

/// The schema of a samples table with some layers and field columns: what `base` has (for the first
/// batches of a dataset [`None`]), then what it has not yet. For [`crate::Transaction::put_batches`].
pub fn samples_schema(base: Option<&TableSchema>, layers: &[&str], fields: &[(&str, FieldKind)]) -> TableSchema {
    let mut needs = Needs::default();
    layers.iter().for_each(|layer| needs.add_layer(layer));
    fields.iter().for_each(|(name, kind)| needs.add_field(name, *kind));
    base.map_or_else(Layout::empty, Layout::of).with(&needs).schema
}

/// The layers and field columns that some samples need.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Needs {
    pub(crate) layers: BTreeSet<String>,
    pub(crate) fields: BTreeSet<(String, FieldKind)>,
}

impl Needs {
    pub(crate) fn add(&mut self, other: Needs) {
        self.layers.extend(other.layers);
        self.fields.extend(other.fields);
    }

    pub(crate) fn add_sample(&mut self, sample: &Sample) {
        for layer in sample.layers.keys() {
            self.add_layer(layer);
        }
        for (name, value) in &sample.fields {
            self.add_field(name, FieldKind::of(value));
        }
    }

    pub(crate) fn add_layer(&mut self, layer: &str) {
        if !self.layers.contains(layer) {
            self.layers.insert(layer.to_owned());
        }
    }

    pub(crate) fn add_field(&mut self, name: &str, kind: FieldKind) {
        // The set's elements own their names, so look first: most samples add nothing.
        if !self.fields.iter().any(|(n, k)| n == name && *k == kind) {
            self.fields.insert((name.to_owned(), kind));
        }
    }
}

fn with(field: Field, metadata: &[(&str, &str)]) -> Field {
    field.with_metadata(metadata.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<HashMap<_, _>>())
}

fn base_fields() -> Fields {
    let text = |name| Field::new(name, DataType::Utf8, true);
    vec![
        Field::new("blob", DataType::FixedSizeBinary(32), true),
        text("uri"),
        text("etag"),
        with(Field::new("size", DataType::UInt64, true), &[("tamis.summary", "sum;nulls")]),
        with(text("mime"), &[("tamis.summary", "counts")]),
        Field::new("width", DataType::UInt32, true),
        Field::new("height", DataType::UInt32, true),
        Field::new("orientation", DataType::UInt8, true),
        with(text("split"), &[("tamis.summary", "counts")]),
        text("frame"),
        with(text("sensor"), &[("tamis.summary", "counts")]),
        with(Field::new("timestamp", DataType::Float64, true), &[("tamis.summary", "minmax")]),
    ]
    .into()
}

fn layer_fields() -> Fields {
    let labels = DataType::List(Field::new("item", DataType::Struct(label_fields()), false).into());
    let metadata = [("tamis.merge", "keyed:id"), ("tamis.summary", "rows;counts:type,class")];
    vec![with(Field::new("labels", labels, true), &metadata)].into()
}

fn field_column(name: &str, kind: FieldKind) -> Field {
    let field = Field::new(kind.column(name), kind.data_type(), true);
    match kind {
        FieldKind::Bool => with(field, &[("tamis.summary", "counts")]),
        FieldKind::Int | FieldKind::Float => with(field, &[("tamis.summary", "minmax;nulls")]),
        FieldKind::Text | FieldKind::Json => with(field, &[("tamis.summary", "nulls")]),
    }
}
