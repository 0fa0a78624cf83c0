//! The columns that SQL shows of a tree's table, and where each comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use tamis_repo::FieldKind;
use tamis_table::{Columns, Projection, TableSchema};

use crate::error::Result;

/// The group of media, split, frame, sensor and timestamp.
pub(crate) const BASE: &str = "base";
const FIELDS: &str = "fields";
const LAYER: &str = "layer/";
const DERIVED: &str = "derived/";

/// A column as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) data_type: DataType,
    pub(crate) source: Source,
}

/// Where the values of a column come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// The key, as text.
    Path,
    /// The first component of the key.
    Segment,
    /// A column of a group as it is stored.
    Stored { group: String, column: String },
    /// A hash of a column of a group, as hexadecimal text.
    Hash { group: String, column: String },
    /// A user's field: the columns of its kinds.
    Field(Vec<(FieldKind, String)>),
    /// How many labels the layers have together.
    CountOfLabels(Vec<String>),
    /// The name of the layer that is read (annotations).
    Layer,
    /// A part of a label (annotations).
    Label(Part),
}

/// A part of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// As it is stored: the name in the struct.
    Stored(&'static str),
    /// The type's number as its name.
    Type,
    /// A corner of the box.
    Box(&'static str),
    /// The hash of the mask as text.
    Mask,
}

impl Source {
    /// The groups and the paths in them that are read, `layer` being the group of the layer that is read.
    fn needs(&self, layer: Option<&str>, add: &mut dyn FnMut(&str, String)) {
        match self {
            Source::Path | Source::Segment | Source::Layer => {}
            Source::Stored { group, column } | Source::Hash { group, column } => add(group, column.clone()),
            Source::Field(kinds) => kinds.iter().for_each(|(_, column)| add(FIELDS, column.clone())),
            Source::CountOfLabels(layers) => layers.iter().for_each(|group| add(group, "labels.type".to_owned())),
            Source::Label(part) => {
                let path = match part {
                    Part::Stored(name) => format!("labels.{name}"),
                    Part::Type => "labels.type".to_owned(),
                    Part::Box(corner) => format!("labels.box.{corner}"),
                    Part::Mask => "labels.mask".to_owned(),
                };
                layer.into_iter().for_each(|layer| add(layer, path.clone()));
            }
        }
    }

    /// Whether the key is read.
    pub(crate) fn is_key(&self) -> bool {
        matches!(self, Source::Path | Source::Segment)
    }
}

/// The columns of a table's groups that some shown columns need. A layer whose labels are counted by
/// rows needs one part of them: their type, the smallest.
pub(crate) fn needed<'a>(
    schema: &TableSchema,
    shown: impl IntoIterator<Item = &'a Shown>,
    layer: Option<&str>,
) -> Result<Columns> {
    let mut paths: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add = |group: &str, path: String| {
        paths.entry(group.to_owned()).or_default().insert(path);
    };
    shown.into_iter().for_each(|column| column.source.needs(layer, &mut add));
    if let Some(layer) = layer {
        let labels = paths.entry(layer.to_owned()).or_default();
        if labels.is_empty() {
            labels.insert("labels.type".to_owned());
        }
    }
    let mut columns = Columns::none(schema);
    for (group, paths) in paths {
        let Ok(found) = schema.group(&group) else { continue };
        let known: Vec<&String> =
            paths.iter().filter(|path| found.fields.find(path.split('.').next().unwrap_or(path)).is_some()).collect();
        if !known.is_empty() {
            columns = columns.with(schema, &group, Projection::select(&found.fields, &known)?)?;
        }
    }
    Ok(columns)
}

/// The Arrow schema of shown columns.
pub(crate) fn schema(shown: &[Shown]) -> SchemaRef {
    let fields: Vec<Field> =
        shown.iter().map(|column| Field::new(&column.name, column.data_type.clone(), true)).collect();
    Arc::new(Schema::new(fields))
}

/// Gathers columns under names that differ.
#[derive(Default)]
struct Names(Vec<Shown>);

impl Names {
    /// Adds a column; where the name is taken, with what it belongs to before it: `field:size`.
    fn add(&mut self, kind: &str, name: &str, data_type: DataType, source: Source) {
        let mut name = name.to_owned();
        while self.0.iter().any(|other| other.name == name) {
            name = format!("{kind}:{name}");
        }
        self.0.push(Shown { name, data_type, source });
    }

    fn stored(&mut self, group: &str, field: &Field) {
        let source = Source::Stored { group: group.to_owned(), column: field.name().clone() };
        self.add("base", field.name(), field.data_type().clone(), source);
    }
}

/// The columns of `samples`.
pub(crate) fn samples(schema: &TableSchema) -> Vec<Shown> {
    let mut names = Names::default();
    names.add("", "path", DataType::Utf8, Source::Path);
    names.add("", "segment", DataType::Utf8, Source::Segment);
    if let Ok(base) = schema.group(BASE) {
        const ORDER: [&str; 12] = [
            "split",
            "uri",
            "etag",
            "blob",
            "size",
            "mime",
            "width",
            "height",
            "orientation",
            "frame",
            "sensor",
            "timestamp",
        ];
        for field in ORDER.iter().filter_map(|name| base.fields.find(name)).map(|(_, field)| field) {
            match field.data_type() {
                DataType::FixedSizeBinary(_) => {
                    let source = Source::Hash { group: BASE.to_owned(), column: field.name().clone() };
                    names.add("base", field.name(), DataType::Utf8, source);
                }
                _ => names.stored(BASE, field),
            }
        }
    }
    let layers: Vec<&str> = schema.groups.iter().map(|g| g.name.as_str()).filter(|g| g.starts_with(LAYER)).collect();
    let owned = layers.iter().map(|layer| (*layer).to_owned()).collect();
    names.add("", "labels", DataType::UInt64, Source::CountOfLabels(owned));
    if let Ok(fields) = schema.group(FIELDS) {
        let mut kinds: BTreeMap<&str, Vec<(FieldKind, String)>> = BTreeMap::new();
        for field in &fields.fields {
            if let Some((name, kind)) = FieldKind::parse(field.name()) {
                kinds.entry(name).or_default().push((kind, field.name().clone()));
            }
        }
        for (name, kinds) in kinds {
            names.add("field", name, field_type(&kinds), Source::Field(kinds));
        }
    }
    for layer in layers {
        let Ok(group) = schema.group(layer) else { continue };
        for field in &group.fields {
            let source = Source::Stored { group: layer.to_owned(), column: field.name().clone() };
            let name = layer.strip_prefix(LAYER).unwrap_or(layer);
            names.add("layer", name, field.data_type().clone(), source);
        }
    }
    for group in &schema.groups {
        let name = group.name.as_str();
        if name != BASE && name != FIELDS && !name.starts_with(LAYER) {
            others(&mut names, name, &group.fields);
        }
    }
    names.0
}

/// A group that samples are not made of: its one column under its name, or each under both names.
fn others(names: &mut Names, group: &str, fields: &Fields) {
    let short = group.strip_prefix(DERIVED).unwrap_or(group);
    for field in fields {
        let name = if fields.len() == 1 { short.to_owned() } else { format!("{short}.{}", field.name()) };
        let source = Source::Stored { group: group.to_owned(), column: field.name().clone() };
        names.add("derived", &name, field.data_type().clone(), source);
    }
}

/// The narrowest type that holds all kinds in use.
pub(crate) fn field_type(kinds: &[(FieldKind, String)]) -> DataType {
    match kinds {
        [(FieldKind::Bool, _)] => DataType::Boolean,
        [(FieldKind::Int, _)] => DataType::Int64,
        _ if kinds.iter().all(|(kind, _)| matches!(kind, FieldKind::Int | FieldKind::Float)) => DataType::Float64,
        _ => DataType::Utf8,
    }
}

/// The columns of `annotations`; [`None`] where no sample has a layer.
pub(crate) fn annotations(schema: &TableSchema) -> Vec<Shown> {
    let layer = schema.groups.iter().find(|group| group.name.starts_with(LAYER));
    let label = layer.and_then(|group| match group.fields.first()?.data_type() {
        DataType::List(item) => match item.data_type() {
            DataType::Struct(fields) => Some(fields.clone()),
            _ => None,
        },
        _ => None,
    });
    let mut names = Names::default();
    names.add("", "path", DataType::Utf8, Source::Path);
    names.add("", "segment", DataType::Utf8, Source::Segment);
    if let Some((_, split)) = schema.group(BASE).ok().and_then(|base| base.fields.find("split")) {
        names.stored(BASE, split);
    }
    names.add("", "layer", DataType::Utf8, Source::Layer);
    let stored = |name: &'static str, none: DataType| {
        let found = label.as_ref().and_then(|fields| fields.find(name)).map(|(_, field)| field.data_type().clone());
        (found.unwrap_or(none), Source::Label(Part::Stored(name)))
    };
    let mut add = |name: &str, (data_type, source): (DataType, Source)| names.add("label", name, data_type, source);
    add("id", stored("id", DataType::UInt64));
    add("type", (DataType::Utf8, Source::Label(Part::Type)));
    for name in ["class", "instance"] {
        add(name, stored(name, DataType::Utf8));
    }
    add("confidence", stored("confidence", DataType::Float64));
    for corner in ["xmin", "ymin", "xmax", "ymax"] {
        add(corner, (DataType::Float64, Source::Label(Part::Box(corner))));
    }
    let list = |data_type| DataType::List(Field::new("item", data_type, false).into());
    add("points", stored("points", list(list(DataType::Float64))));
    add("visibility", stored("visibility", list(DataType::UInt8)));
    add("numbers", stored("numbers", list(DataType::Float64)));
    add("rle", stored("rle", DataType::Null));
    add("mask", (DataType::Utf8, Source::Label(Part::Mask)));
    for name in ["attributes", "extra"] {
        add(name, stored(name, DataType::Utf8));
    }
    names.0
}

/// The columns of another table of a commit: its key and every column.
pub(crate) fn other(schema: &TableSchema) -> Vec<Shown> {
    let mut names = Names::default();
    names.add("", "key", DataType::Utf8, Source::Path);
    for group in &schema.groups {
        for field in &group.fields {
            let source = Source::Stored { group: group.name.clone(), column: field.name().clone() };
            names.add(&group.name, field.name(), field.data_type().clone(), source);
        }
    }
    names.0
}

/// The groups of the layers of a table, with their names.
pub(crate) fn layers(schema: &TableSchema) -> Vec<(String, String)> {
    let name = |group: &str| Some((group.strip_prefix(LAYER)?.to_owned(), group.to_owned()));
    schema.groups.iter().filter_map(|group| name(&group.name)).collect()
}
