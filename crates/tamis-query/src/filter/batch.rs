//! Whether rows fit, looked at as columns: only what the filter speaks of is read, and no sample is made.
//!
//! Answers are yes, no, or "look at the sample" ([`None`]): the bounds of shapes other than boxes are not worked out here.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, ListArray, StringArray, StructArray};
use arrow::array::{UInt8Array, UInt64Array};
use arrow::datatypes::{Float64Type, Int64Type, UInt8Type, UInt32Type, UInt64Type};
use tamis_core::{LabelType, Value};
use tamis_repo::{FieldKind, Result};
use tamis_table::{Columns, GroupSchema, Projection, RowBatch, TableSchema};

use super::Filter;
use super::fits::Fact;
use super::key::Key;
use super::needs::may_be_in;
use super::tree::{Condition, SampleTerm, Test, Wanted};

const BASE: &str = "base";
const FIELDS: &str = "fields";
pub(super) const LAYER: &str = "layer/";

impl<T> Condition<T> {
    /// Whether it holds, where `is` may not know (Kleene's logic).
    fn judge(&self, is: &mut impl FnMut(&T) -> Option<bool>) -> Option<bool> {
        match self {
            Condition::All(list) => {
                let mut known = Some(true);
                for condition in list {
                    match condition.judge(is) {
                        Some(false) => return Some(false),
                        None => known = None,
                        Some(true) => {}
                    }
                }
                known
            }
            Condition::Any(list) => {
                let mut known = Some(false);
                for condition in list {
                    match condition.judge(is) {
                        Some(true) => return Some(true),
                        None => known = None,
                        Some(false) => {}
                    }
                }
                known
            }
            Condition::Not(inner) => inner.judge(is).map(|holds| !holds),
            Condition::Is(term) => is(term),
        }
    }
}

/// The column of `base` that has a key's values.
pub(super) fn base_column(key: &Key) -> Option<&'static str> {
    Some(match key {
        Key::Split => "split",
        Key::Mime => "mime",
        Key::Uri => "uri",
        Key::Blob => "blob",
        Key::Frame => "frame",
        Key::Sensor => "sensor",
        Key::Size => "size",
        Key::Width => "width",
        Key::Height => "height",
        Key::Orientation => "orientation",
        Key::Timestamp => "timestamp",
        _ => return None,
    })
}

/// The parts of a label that have a key's values.
fn label_columns(key: &Key) -> &'static [&'static str] {
    match key {
        Key::Class => &["labels.class"],
        Key::Layer | Key::Id => &["labels.id"],
        Key::Type => &["labels.type"],
        Key::Instance => &["labels.instance"],
        Key::Confidence => &["labels.confidence"],
        Key::Attribute(_) => &["labels.attributes"],
        _ => &["labels.type", "labels.box", "labels.extra"],
    }
}

impl Filter {
    /// The columns of a table of samples that the filter looks at.
    pub(super) fn columns(&self, schema: &TableSchema) -> Result<Columns> {
        let mut columns = Columns::none(schema);
        for group in &schema.groups {
            let mut paths: Vec<String> = Vec::new();
            self.condition().each(&mut |term, _| self.paths(term, group, &mut paths));
            paths.sort();
            paths.dedup();
            if !paths.is_empty() {
                columns = columns.with(schema, &group.name, Projection::select(&group.fields, &paths)?)?;
            }
        }
        Ok(columns)
    }

    fn paths(&self, term: &SampleTerm, group: &GroupSchema, paths: &mut Vec<String>) {
        let layer = group.name.strip_prefix(LAYER);
        match (term, layer) {
            (SampleTerm::Is(test), None) => match &test.key {
                Key::Field(name) if group.name == FIELDS => {
                    let columns = group.fields.iter().map(|field| field.name());
                    paths.extend(columns.filter(|c| FieldKind::parse(c).is_some_and(|(n, _)| n == name)).cloned());
                }
                key if group.name == BASE => paths.extend(base_column(key).map(str::to_owned)),
                _ => {}
            },
            (SampleTerm::Label(label) | SampleTerm::Count(label, _), Some(layer)) if may_be_in(label, layer) => {
                paths.push("labels.id".to_owned());
                label.each(&mut |test, _| paths.extend(label_columns(&test.key).iter().map(|p| (*p).to_owned())));
            }
            (SampleTerm::Layer(patterns, _), Some(layer)) if patterns.iter().any(|p| p.fits(layer)) => {
                paths.push("labels.id".to_owned());
            }
            _ => {}
        }
    }
}

/// The rows of a batch as a filter sees them.
pub(super) struct Rows<'a> {
    filter: &'a Filter,
    batch: &'a RowBatch,
    base: Option<&'a StructArray>,
    fields: Vec<(&'a str, FieldKind, &'a ArrayRef)>,
    layers: Vec<Layer<'a>>,
}

struct Layer<'a> {
    name: &'a str,
    lists: &'a ListArray,
    ids: Option<&'a UInt64Array>,
    types: Option<&'a UInt8Array>,
    class: Option<&'a StringArray>,
    instance: Option<&'a StringArray>,
    confidence: Option<&'a Float64Array>,
    attributes: Option<&'a StringArray>,
    extra: Option<&'a StringArray>,
    boxes: Option<&'a StructArray>,
    edges: [Option<&'a Float64Array>; 4],
}

impl<'a> Rows<'a> {
    /// The rows of a batch that was read with the filter's [`Filter::columns`].
    pub(super) fn new(filter: &'a Filter, schema: &'a TableSchema, batch: &'a RowBatch) -> Rows<'a> {
        let mut rows = Rows { filter, batch, base: None, fields: Vec::new(), layers: Vec::new() };
        for (group, columns) in schema.groups.iter().zip(&batch.groups) {
            let Some(columns) = columns else { continue };
            match group.name.as_str() {
                BASE => rows.base = Some(columns),
                FIELDS => {
                    let named = columns.fields().iter().zip(columns.columns());
                    rows.fields.extend(named.filter_map(|(field, column)| {
                        let (name, kind) = FieldKind::parse(field.name())?;
                        Some((name, kind, column))
                    }));
                }
                name => rows.layers.extend(name.strip_prefix(LAYER).and_then(|name| Layer::new(name, columns))),
            }
        }
        rows
    }

    /// Whether a row fits; [`None`]: the sample has to be looked at.
    pub(super) fn fits(&self, row: usize) -> Option<bool> {
        self.filter.condition().judge(&mut |term| match term {
            SampleTerm::Is(test) => self.test(test, row),
            SampleTerm::Label(label) => {
                let mut known = Some(false);
                for layer in &self.layers {
                    for at in layer.labels(row) {
                        match label.judge(&mut |test| layer.test(test, at)) {
                            Some(true) => return Some(true),
                            None => known = None,
                            Some(false) => {}
                        }
                    }
                }
                known
            }
            SampleTerm::Count(label, interval) => {
                let mut count = 0_u32;
                for layer in &self.layers {
                    for at in layer.labels(row) {
                        count += u32::from(label.judge(&mut |test| layer.test(test, at))?);
                    }
                }
                Some(interval.contains(f64::from(count)))
            }
            SampleTerm::Layer(patterns, _) => Some(
                self.layers
                    .iter()
                    .any(|layer| layer.lists.is_valid(row) && patterns.iter().any(|pattern| pattern.fits(layer.name))),
            ),
            SampleTerm::View(..) => Some(false),
        })
    }

    /// The path of a row.
    pub(super) fn path(&self, row: usize) -> &'a str {
        std::str::from_utf8(self.batch.keys.value(row)).unwrap_or("")
    }

    fn test(&self, test: &Test, row: usize) -> Option<bool> {
        let wanted = &test.wanted;
        let fact = match &test.key {
            Key::Path => Fact::Text(self.path(row).into()),
            Key::Segment => Fact::Text(self.path(row).split_once('/').map_or("", |(head, _)| head).into()),
            Key::Field(name) => return self.field(name, wanted, row),
            key => {
                let Some(column) = base_column(key).and_then(|name| self.base?.column_by_name(name)) else {
                    return Some(false);
                };
                if column.is_null(row) {
                    return Some(false);
                }
                match key {
                    Key::Size => Fact::Number(column.as_primitive_opt::<UInt64Type>()?.value(row) as f64),
                    Key::Width | Key::Height => {
                        Fact::Number(f64::from(column.as_primitive_opt::<UInt32Type>()?.value(row)))
                    }
                    Key::Orientation => Fact::Number(f64::from(column.as_primitive_opt::<UInt8Type>()?.value(row))),
                    Key::Timestamp => Fact::Number(column.as_primitive_opt::<Float64Type>()?.value(row)),
                    Key::Blob => {
                        let bytes: [u8; 32] = column.as_fixed_size_binary_opt()?.value(row).try_into().ok()?;
                        Fact::Text(tamis_core::Hash(bytes).to_string().into())
                    }
                    _ => Fact::Text(column.as_string_opt::<i32>()?.value(row).into()),
                }
            }
        };
        Some(wanted.fits(&fact))
    }

    /// A field has its value in one of its columns.
    fn field(&self, name: &str, wanted: &Wanted, row: usize) -> Option<bool> {
        let there = self.fields.iter().find(|(field, _, column)| *field == name && column.is_valid(row));
        let Some((_, kind, column)) = there else { return Some(false) };
        Some(match kind {
            FieldKind::Bool => {
                let value = Value::Bool(column.as_any().downcast_ref::<BooleanArray>()?.value(row));
                wanted.fits(&Fact::Json(&value))
            }
            FieldKind::Int => wanted.fits(&Fact::Number(column.as_primitive_opt::<Int64Type>()?.value(row) as f64)),
            FieldKind::Float => wanted.fits(&Fact::Number(column.as_primitive_opt::<Float64Type>()?.value(row))),
            FieldKind::Text => wanted.fits(&Fact::Text(column.as_string_opt::<i32>()?.value(row).into())),
            FieldKind::Json => {
                let value = serde_json::from_str(column.as_string_opt::<i32>()?.value(row)).ok()?;
                wanted.fits(&Fact::Json(&value))
            }
        })
    }
}

fn text(column: Option<&StringArray>, at: usize) -> Option<&str> {
    column.filter(|column| column.is_valid(at)).map(|column| column.value(at))
}

/// Whether labels of a type are nowhere in an image.
fn has_no_extent(label_type: LabelType) -> bool {
    matches!(
        label_type,
        LabelType::Classification
            | LabelType::Sentence
            | LabelType::Relation
            | LabelType::Scalar
            | LabelType::Attributes
            | LabelType::TextSpan
            | LabelType::TimeSpan
    )
}

impl<'a> Layer<'a> {
    fn new(name: &'a str, group: &'a StructArray) -> Option<Layer<'a>> {
        let lists = group.columns().first()?.as_list_opt::<i32>()?;
        let labels = lists.values().as_struct_opt()?;
        let column = |name: &str| labels.column_by_name(name);
        let text = |name: &str| column(name).and_then(|column| column.as_string_opt::<i32>());
        let boxes = column("box").and_then(|column| column.as_struct_opt());
        let edge = |name: &str| boxes?.column_by_name(name)?.as_primitive_opt::<Float64Type>();
        Some(Layer {
            name,
            lists,
            ids: column("id").and_then(|column| column.as_primitive_opt::<UInt64Type>()),
            types: column("type").and_then(|column| column.as_primitive_opt::<UInt8Type>()),
            class: text("class"),
            instance: text("instance"),
            confidence: column("confidence").and_then(|column| column.as_primitive_opt::<Float64Type>()),
            attributes: text("attributes"),
            extra: text("extra"),
            boxes,
            edges: ["xmin", "ymin", "xmax", "ymax"].map(edge),
        })
    }

    /// The places of a row's labels.
    fn labels(&self, row: usize) -> std::ops::Range<usize> {
        let offsets = self.lists.value_offsets();
        match (self.lists.is_valid(row), offsets.get(row), offsets.get(row + 1)) {
            (true, Some(start), Some(end)) => *start as usize..*end as usize,
            _ => 0..0,
        }
    }

    fn label_type(&self, at: usize) -> Option<LabelType> {
        LabelType::from_code(self.types?.value(at))
    }

    fn test(&self, test: &Test, at: usize) -> Option<bool> {
        let fact = match &test.key {
            Key::Class => Fact::from(text(self.class, at)),
            Key::Layer => Fact::Text(self.name.into()),
            Key::Type => Fact::Text(self.label_type(at)?.as_str().into()),
            Key::Id => Fact::Text(self.ids?.value(at).to_string().into()),
            Key::Instance => Fact::from(text(self.instance, at)),
            Key::Confidence => {
                let confidence = self.confidence?;
                Fact::from(confidence.is_valid(at).then(|| confidence.value(at)))
            }
            Key::Attribute(name) => {
                let Some(attributes) = text(self.attributes, at) else { return Some(false) };
                let attributes: serde_json::Map<String, Value> = serde_json::from_str(attributes).ok()?;
                return Some(test.wanted.fits(&attributes.get(name).map_or(Fact::Absent, Fact::Json)));
            }
            geometric => {
                // A box2d may have another box beside it, in `extra`.
                let label_type = self.label_type(at)?;
                if !self.boxes?.is_valid(at) {
                    return if has_no_extent(label_type) { Some(false) } else { None };
                }
                if label_type == LabelType::Box2d && text(self.extra, at).is_some() {
                    return None;
                }
                let [xmin, ymin, xmax, ymax] = self.edges;
                let edges = [xmin?.value(at), ymin?.value(at), xmax?.value(at), ymax?.value(at)];
                super::fits::of_box(geometric, edges)
            }
        };
        Some(test.wanted.fits(&fact))
    }
}
