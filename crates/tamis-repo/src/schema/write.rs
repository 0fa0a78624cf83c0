//! Samples to rows.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, FixedSizeBinaryBuilder, Float64Array, Float64Builder, ListArray, ListBuilder,
    StringBuilder, StructArray, UInt8Array, UInt8Builder, UInt32Array, UInt32Builder, UInt64Array, UInt64Builder,
};
use arrow::buffer::NullBuffer;
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use tamis_core::{Label, Media, Point, Sample, Shape};
use tamis_table::RowBatch;

use super::fields::{FieldBuilder, FieldKind};
use super::label::{Extra, box_fields, label_fields, rle_fields};
use super::layout::{Layout, Slot};
use crate::{Error, Result};

/// Gathers samples as rows of one batch. Samples come checked and in the order of their paths.
pub(crate) struct BatchBuilder {
    layout: Arc<Layout>,
    keys: BinaryBuilder,
    rows: usize,
    bytes: usize,
    base: BaseBuilder,
    fields: Vec<(String, FieldKind, FieldBuilder)>,
    layers: Vec<(String, LayerBuilder)>,
}

impl BatchBuilder {
    pub(crate) fn new(layout: Arc<Layout>) -> BatchBuilder {
        let fields = layout.fields().map(|(name, kind)| (name.to_owned(), kind, FieldBuilder::new(kind))).collect();
        let layers = layout.layers().map(|name| (name.to_owned(), LayerBuilder::default())).collect();
        let keys = BinaryBuilder::new();
        BatchBuilder { layout, keys, rows: 0, bytes: 0, base: BaseBuilder::new(), fields, layers }
    }

    /// Rows so far.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// About how many bytes the batch has so far.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends a sample; labels are ordered by id.
    pub(crate) fn append(&mut self, sample: &Sample) -> Result<()> {
        self.keys.append_value(sample.path.as_bytes());
        self.bytes += sample.path.len() + 160;
        self.base.append(sample);
        for (name, kind, column) in &mut self.fields {
            column.append(sample.fields.get(name.as_str()).filter(|value| FieldKind::of(value) == *kind));
        }
        self.bytes += sample.fields.len() * 16;
        for (name, column) in &mut self.layers {
            self.bytes += column.append(sample.layers.get(name.as_str()).map(Vec::as_slice))?;
        }
        self.rows += 1;
        Ok(())
    }

    /// The batch, with every group of the layout (groups this crate does not know are `None`).
    pub(crate) fn finish(mut self) -> Result<RowBatch> {
        let mut groups = Vec::with_capacity(self.layout.slots().len());
        let mut layers = self.layers.into_iter();
        for slot in self.layout.slots() {
            groups.push(match slot {
                Slot::Base(fields) => Some(self.base.finish(fields.clone(), self.rows)?),
                Slot::Fields(fields) => {
                    let arrays = self.fields.iter_mut().map(|(_, _, column)| column.finish()).collect();
                    Some(build_struct(fields.clone(), arrays, None, self.rows)?)
                }
                Slot::Layer(_, fields) => match layers.next() {
                    Some((_, column)) => {
                        Some(build_struct(fields.clone(), vec![column.finish(fields)?], None, self.rows)?)
                    }
                    None => None,
                },
                Slot::Other(_) => None,
            });
        }
        Ok(RowBatch { keys: self.keys.finish(), groups })
    }
}

pub(super) fn internal(error: &arrow::error::ArrowError) -> Error {
    Error::corrupt("row batch", "(new)", format_args!("internal: {error}"))
}

fn build_struct(fields: Fields, arrays: Vec<ArrayRef>, nulls: Option<NullBuffer>, rows: usize) -> Result<StructArray> {
    StructArray::try_new_with_length(fields, arrays, nulls, rows).map_err(|error| internal(&error))
}

struct BaseBuilder {
    blob: FixedSizeBinaryBuilder,
    uri: StringBuilder,
    etag: StringBuilder,
    size: UInt64Builder,
    mime: StringBuilder,
    width: UInt32Builder,
    height: UInt32Builder,
    orientation: UInt8Builder,
    split: StringBuilder,
    frame: StringBuilder,
    sensor: StringBuilder,
    timestamp: Float64Builder,
}

impl BaseBuilder {
    fn new() -> BaseBuilder {
        BaseBuilder {
            blob: FixedSizeBinaryBuilder::new(32),
            uri: StringBuilder::new(),
            etag: StringBuilder::new(),
            size: UInt64Builder::new(),
            mime: StringBuilder::new(),
            width: UInt32Builder::new(),
            height: UInt32Builder::new(),
            orientation: UInt8Builder::new(),
            split: StringBuilder::new(),
            frame: StringBuilder::new(),
            sensor: StringBuilder::new(),
            timestamp: Float64Builder::new(),
        }
    }

    fn append(&mut self, sample: &Sample) {
        let none = Media::default();
        let media = sample.media.as_ref();
        let m = media.unwrap_or(&none);
        append_hash(&mut self.blob, m.blob.as_ref().map(|blob| blob.hash().as_bytes()));
        self.uri.append_option(m.uri.as_deref());
        self.etag.append_option(m.etag.as_deref());
        self.size.append_option(media.map(|m| m.size));
        self.mime.append_option(m.mime.as_deref());
        self.width.append_option(m.width);
        self.height.append_option(m.height);
        self.orientation.append_option(m.orientation);
        self.split.append_option(sample.split.as_deref());
        self.frame.append_option(sample.frame.as_deref());
        self.sensor.append_option(sample.sensor.as_deref());
        self.timestamp.append_option(sample.timestamp);
    }

    fn finish(&mut self, fields: Fields, rows: usize) -> Result<StructArray> {
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(self.blob.finish()),
            Arc::new(self.uri.finish()),
            Arc::new(self.etag.finish()),
            Arc::new(self.size.finish()),
            Arc::new(self.mime.finish()),
            Arc::new(self.width.finish()),
            Arc::new(self.height.finish()),
            Arc::new(self.orientation.finish()),
            Arc::new(self.split.finish()),
            Arc::new(self.frame.finish()),
            Arc::new(self.sensor.finish()),
            Arc::new(self.timestamp.finish()),
        ];
        build_struct(fields, arrays, None, rows)
    }
}

fn append_hash(builder: &mut FixedSizeBinaryBuilder, hash: Option<&[u8; 32]>) {
    match hash {
        // The width is 32 by construction, so the append cannot fail; a null stands in if it did.
        Some(bytes) => builder.append_value(bytes).unwrap_or_else(|_| builder.append_null()),
        None => builder.append_null(),
    }
}

type Rings = ListBuilder<ListBuilder<Float64Builder>>;

/// Gathers one layer: a list of labels a row.
struct LayerBuilder {
    lengths: Vec<usize>,
    present: Vec<bool>,
    id: Vec<u64>,
    label_type: Vec<u8>,
    class: StringBuilder,
    instance: StringBuilder,
    confidence: Float64Builder,
    corners: [Vec<f64>; 4],
    has_box: Vec<bool>,
    points: Rings,
    visibility: ListBuilder<UInt8Builder>,
    numbers: ListBuilder<Float64Builder>,
    rle_size: [Vec<u32>; 2],
    rle_counts: ListBuilder<UInt32Builder>,
    has_rle: Vec<bool>,
    mask: FixedSizeBinaryBuilder,
    attributes: StringBuilder,
    extra: StringBuilder,
}

fn floats() -> ListBuilder<Float64Builder> {
    ListBuilder::new(Float64Builder::new()).with_field(Field::new("item", DataType::Float64, false))
}

impl Default for LayerBuilder {
    fn default() -> LayerBuilder {
        let ring = DataType::List(Field::new("item", DataType::Float64, false).into());
        LayerBuilder {
            lengths: Vec::new(),
            present: Vec::new(),
            id: Vec::new(),
            label_type: Vec::new(),
            class: StringBuilder::new(),
            instance: StringBuilder::new(),
            confidence: Float64Builder::new(),
            corners: Default::default(),
            has_box: Vec::new(),
            points: ListBuilder::new(floats()).with_field(Field::new("item", ring, false)),
            visibility: ListBuilder::new(UInt8Builder::new()),
            numbers: floats(),
            rle_size: Default::default(),
            rle_counts: ListBuilder::new(UInt32Builder::new()).with_field(Field::new("item", DataType::UInt32, false)),
            has_rle: Vec::new(),
            mask: FixedSizeBinaryBuilder::new(32),
            attributes: StringBuilder::new(),
            extra: StringBuilder::new(),
        }
    }
}

impl LayerBuilder {
    /// Appends a row's labels, [`None`] for an absent layer; gives about how many bytes it took.
    fn append(&mut self, labels: Option<&[Label]>) -> Result<usize> {
        self.present.push(labels.is_some());
        let labels = labels.unwrap_or_default();
        self.lengths.push(labels.len());
        labels.iter().map(|label| self.append_label(label)).sum()
    }

    fn append_label(&mut self, label: &Label) -> Result<usize> {
        self.id.push(label.id);
        self.label_type.push(label.label_type().code());
        self.class.append_option(label.class.as_deref());
        self.instance.append_option(label.instance.as_deref());
        self.confidence.append_option(label.confidence);
        let mut bytes = 128;
        let mut extra = Extra::default();
        self.append_box(label, &mut extra);
        bytes += 8 * (self.append_points(&label.shape) + self.append_numbers(&label.shape));
        bytes += 4 * self.append_rle(&label.shape);
        self.append_mask(&label.shape, &mut extra);
        match &label.shape {
            Shape::Polyline { bezier, .. } => extra.bezier.clone_from(bezier),
            Shape::Sentence { sentence, spell, phone } => {
                (extra.sentence, extra.spell, extra.phone) = (sentence.clone(), spell.clone(), phone.clone());
            }
            Shape::Relation { from, to } => (extra.from, extra.to) = (Some(*from), Some(*to)),
            Shape::Track(keys) => extra.track.clone_from(keys),
            _ => {}
        }
        bytes += append_json(&mut self.attributes, (!label.attributes.is_empty()).then_some(&label.attributes))?;
        bytes += append_json(&mut self.extra, (extra != Extra::default()).then_some(&extra))?;
        Ok(bytes)
    }

    fn append_box(&mut self, label: &Label, extra: &mut Extra) {
        let shown = match &label.shape {
            Shape::Box2d(b) => {
                extra.bbox = label.bbox;
                Some(*b)
            }
            _ => label.bbox,
        };
        self.has_box.push(shown.is_some());
        let b = shown.unwrap_or_default();
        for (column, value) in self.corners.iter_mut().zip([b.xmin, b.ymin, b.xmax, b.ymax]) {
            column.push(value);
        }
    }

    fn append_points(&mut self, shape: &Shape) -> usize {
        let mut count = 0;
        let mut ring = |rings: &mut Rings, points: &mut dyn Iterator<Item = (f64, f64)>| {
            for (x, y) in points {
                rings.values().values().append_value(x);
                rings.values().values().append_value(y);
                count += 2;
            }
            rings.values().append(true);
        };
        let xy = |p: &Point| (p.x, p.y);
        match shape {
            Shape::Polygon(points) | Shape::Polyline { points, .. } => {
                ring(&mut self.points, &mut points.iter().map(xy))
            }
            Shape::MultiPolygon(rings) | Shape::MultiPolyline(rings) => {
                rings.iter().for_each(|points| ring(&mut self.points, &mut points.iter().map(xy)));
            }
            Shape::Keypoints(points) => ring(&mut self.points, &mut points.iter().map(|p| (p.x, p.y))),
            _ => {
                self.points.append(false);
                self.visibility.append(false);
                return 0;
            }
        }
        self.points.append(true);
        match shape {
            Shape::Keypoints(points) if points.iter().any(|p| p.v.is_some()) => {
                points.iter().for_each(|p| self.visibility.values().append_option(p.v));
                self.visibility.append(true);
            }
            _ => self.visibility.append(false),
        }
        count
    }

    fn append_numbers(&mut self, shape: &Shape) -> usize {
        let numbers = self.numbers.values();
        let count = match shape {
            Shape::RotatedBox(b) => {
                numbers.append_slice(&[b.cx, b.cy, b.width, b.height, b.angle]);
                5
            }
            Shape::Box3d(b) => {
                numbers.append_slice(&b.translation);
                numbers.append_slice(&b.rotation);
                numbers.append_slice(&b.size);
                10
            }
            Shape::Scalar(value) => {
                numbers.append_value(*value);
                1
            }
            // Whole: checked to be at most 2^53.
            Shape::TextSpan { begin, end } => {
                numbers.append_slice(&[*begin as f64, *end as f64]);
                2
            }
            Shape::TimeSpan { begin, end } => {
                numbers.append_slice(&[*begin, *end]);
                2
            }
            _ => 0,
        };
        self.numbers.append(count > 0);
        count
    }

    fn append_rle(&mut self, shape: &Shape) -> usize {
        let rle = if let Shape::Rle(rle) = shape { Some(rle) } else { None };
        self.has_rle.push(rle.is_some());
        self.rle_size[0].push(rle.map_or(0, |rle| rle.height));
        self.rle_size[1].push(rle.map_or(0, |rle| rle.width));
        let counts = rle.map_or(&[][..], |rle| &rle.counts);
        self.rle_counts.values().append_slice(counts);
        self.rle_counts.append(true);
        counts.len()
    }

    fn append_mask(&mut self, shape: &Shape, extra: &mut Extra) {
        let mask = if let Shape::Mask(mask) = shape { Some(mask) } else { None };
        append_hash(&mut self.mask, mask.and_then(|m| m.blob.as_ref()).map(|blob| blob.hash().as_bytes()));
        if let Some(mask) = mask {
            extra.file.clone_from(&mask.file);
            extra.info.clone_from(&mask.info);
        }
    }

    /// The list column; `fields` are those of the group.
    fn finish(mut self, fields: &Fields) -> Result<ArrayRef> {
        let count = self.id.len();
        let [xmin, ymin, xmax, ymax] = self.corners.map(|column| Arc::new(Float64Array::from(column)) as ArrayRef);
        let boxes = build_struct(box_fields(), vec![xmin, ymin, xmax, ymax], Some(self.has_box.into()), count)?;
        let [height, width] = self.rle_size.map(|column| Arc::new(UInt32Array::from(column)) as ArrayRef);
        let counts = Arc::new(self.rle_counts.finish());
        let rle = build_struct(rle_fields(), vec![height, width, counts], Some(self.has_rle.into()), count)?;
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from(self.id)),
            Arc::new(UInt8Array::from(self.label_type)),
            Arc::new(self.class.finish()),
            Arc::new(self.instance.finish()),
            Arc::new(self.confidence.finish()),
            Arc::new(boxes),
            Arc::new(self.points.finish()),
            Arc::new(self.visibility.finish()),
            Arc::new(self.numbers.finish()),
            Arc::new(rle),
            Arc::new(self.mask.finish()),
            Arc::new(self.attributes.finish()),
            Arc::new(self.extra.finish()),
        ];
        let (item, struct_fields) = match fields.first().map(|field| field.data_type()) {
            Some(DataType::List(item)) => match item.data_type() {
                DataType::Struct(inner) => (item.clone(), inner.clone()),
                _ => (item.clone(), label_fields()),
            },
            _ => return Err(Error::corrupt("schema", "layer", "its column is not a list")),
        };
        let labels = build_struct(struct_fields, arrays, None, count)?;
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        ListArray::try_new(item, offsets, Arc::new(labels), Some(self.present.into()))
            .map(|list| Arc::new(list) as ArrayRef)
            .map_err(|error| internal(&error))
    }
}

fn append_json<T: serde::Serialize>(column: &mut StringBuilder, value: Option<&T>) -> Result<usize> {
    match value {
        None => column.append_null(),
        Some(value) => {
            let text = serde_json::to_string(value).map_err(|error| Error::corrupt("label", "(new)", error))?;
            column.append_value(&text);
            return Ok(text.len());
        }
    }
    Ok(0)
}
