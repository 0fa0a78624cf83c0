//! Rows to samples.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, FixedSizeBinaryArray, Float64Array, ListArray, StringArray, StructArray,
    UInt8Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::{Float64Type, UInt8Type, UInt32Type, UInt64Type};
use tamis_core::{
    BlobId, Box2d, Box3d, Hash, Keypoint, Label, LabelType, Mask, MaskKind, Media, Point, Rle, RotatedBox, Sample,
    Shape,
};
use tamis_table::RowBatch;

use super::fields::{FieldKind, FieldReader};
use super::label::Extra;
use super::layout::{Layout, Slot};
use crate::{Error, Result};

/// Reads the rows of one batch as samples. Groups and columns that were not read are absent.
pub(crate) struct BatchReader {
    keys: BinaryArray,
    base: Option<BaseReader>,
    fields: Vec<(String, FieldReader)>,
    layers: Vec<(String, LayerReader)>,
}

impl BatchReader {
    pub(crate) fn new(layout: &Layout, batch: &RowBatch) -> Result<BatchReader> {
        let mut reader = BatchReader { keys: batch.keys.clone(), base: None, fields: Vec::new(), layers: Vec::new() };
        for (slot, group) in layout.slots().iter().zip(&batch.groups) {
            let Some(group) = group else { continue };
            match slot {
                Slot::Base(_) => reader.base = Some(BaseReader::new(group)),
                Slot::Fields(_) => {
                    for (field, column) in group.fields().iter().zip(group.columns()) {
                        let Some((name, kind)) = FieldKind::parse(field.name()) else { continue };
                        let column =
                            FieldReader::new(kind, column).ok_or_else(|| wrong_type("fields", field.name()))?;
                        reader.fields.push((name.to_owned(), column));
                    }
                }
                Slot::Layer(name, _) => {
                    if let Some(column) = group.columns().first() {
                        let list = column.as_list_opt::<i32>().ok_or_else(|| wrong_type("layer", name))?;
                        reader.layers.push((name.clone(), LayerReader::new(list)?));
                    }
                }
                Slot::Other(_) => {}
            }
        }
        Ok(reader)
    }

    /// Rows.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The path of a row.
    pub(crate) fn path(&self, row: usize) -> Result<&str> {
        let key = if row < self.keys.len() { self.keys.value(row) } else { b"" };
        std::str::from_utf8(key).map_err(|_| Error::corrupt("row", Hash::of(key), "its key is not UTF-8"))
    }

    /// The sample of a row.
    pub(crate) fn sample(&self, row: usize) -> Result<Sample> {
        let path = self.path(row)?.to_owned();
        let mut sample = Sample { path, ..Sample::default() };
        if let Some(base) = &self.base {
            base.read(row, &mut sample);
        }
        for (name, column) in &self.fields {
            let value = column.value(row).map_err(|error| Error::corrupt("field", name, error))?;
            if let Some(value) = value {
                sample.fields.insert(name.clone(), value);
            }
        }
        for (name, column) in &self.layers {
            let labels = column.read(row).map_err(|reason| {
                Error::corrupt("labels", format_args!("{} ({name})", sample.path.escape_debug()), reason)
            })?;
            if let Some(labels) = labels {
                sample.layers.insert(name.clone(), labels);
            }
        }
        Ok(sample)
    }
}

fn wrong_type(what: &'static str, name: &str) -> Error {
    Error::corrupt("schema", format_args!("{what} {name}"), "a column has another type than its name says")
}

fn column<'a>(group: &'a StructArray, name: &str) -> Option<&'a ArrayRef> {
    group.column_by_name(name)
}

fn text(column: Option<&StringArray>, row: usize) -> Option<&str> {
    column.filter(|c| row < c.len() && c.is_valid(row)).map(|c| c.value(row))
}

macro_rules! number {
    ($name:ident, $array:ty, $native:ty) => {
        fn $name(column: Option<&$array>, row: usize) -> Option<$native> {
            column.filter(|c| row < c.len() && c.is_valid(row)).map(|c| c.value(row))
        }
    };
}
number!(float, Float64Array, f64);
number!(byte, UInt8Array, u8);
number!(word, UInt32Array, u32);
number!(long, UInt64Array, u64);

fn hash(column: Option<&FixedSizeBinaryArray>, row: usize) -> Option<BlobId> {
    let column = column.filter(|c| row < c.len() && c.is_valid(row))?;
    <[u8; 32]>::try_from(column.value(row)).ok().map(|bytes| BlobId(Hash(bytes)))
}

struct BaseReader {
    blob: Option<FixedSizeBinaryArray>,
    texts: [Option<StringArray>; 6],
    size: Option<UInt64Array>,
    pixels: [Option<UInt32Array>; 2],
    orientation: Option<UInt8Array>,
    timestamp: Option<Float64Array>,
}

impl BaseReader {
    fn new(group: &StructArray) -> BaseReader {
        let texts = ["uri", "etag", "mime", "split", "frame", "sensor"];
        BaseReader {
            blob: column(group, "blob").and_then(|a| a.as_fixed_size_binary_opt().cloned()),
            texts: texts.map(|name| column(group, name).and_then(|a| a.as_string_opt::<i32>().cloned())),
            size: column(group, "size").and_then(|a| a.as_primitive_opt::<UInt64Type>().cloned()),
            pixels: ["width", "height"]
                .map(|name| column(group, name).and_then(|a| a.as_primitive_opt::<UInt32Type>().cloned())),
            orientation: column(group, "orientation").and_then(|a| a.as_primitive_opt::<UInt8Type>().cloned()),
            timestamp: column(group, "timestamp").and_then(|a| a.as_primitive_opt::<Float64Type>().cloned()),
        }
    }

    fn read(&self, row: usize, sample: &mut Sample) {
        let [uri, etag, mime, split, frame, sensor] =
            self.texts.each_ref().map(|column| text(column.as_ref(), row).map(str::to_owned));
        sample.media = long(self.size.as_ref(), row).map(|size| Media {
            blob: hash(self.blob.as_ref(), row),
            uri,
            etag,
            size,
            mime,
            width: word(self.pixels[0].as_ref(), row),
            height: word(self.pixels[1].as_ref(), row),
            orientation: byte(self.orientation.as_ref(), row),
        });
        (sample.split, sample.frame, sample.sensor) = (split, frame, sensor);
        sample.timestamp = float(self.timestamp.as_ref(), row);
    }
}

struct LayerReader {
    list: ListArray,
    id: UInt64Array,
    label_type: UInt8Array,
    class: Option<StringArray>,
    instance: Option<StringArray>,
    confidence: Option<Float64Array>,
    boxes: Option<(StructArray, [Option<Float64Array>; 4])>,
    points: Option<(ListArray, ListArray, Float64Array)>,
    visibility: Option<(ListArray, UInt8Array)>,
    numbers: Option<(ListArray, Float64Array)>,
    rle: Option<RleReader>,
    mask: Option<FixedSizeBinaryArray>,
    attributes: Option<StringArray>,
    extra: Option<StringArray>,
}

struct RleReader {
    rows: StructArray,
    height: Option<UInt32Array>,
    width: Option<UInt32Array>,
    counts: ListArray,
    values: UInt32Array,
}

/// The values of a list's row, clipped to what is there.
fn range(list: &ListArray, row: usize) -> Option<std::ops::Range<usize>> {
    if row >= list.len() || list.is_null(row) {
        return None;
    }
    let offsets = list.value_offsets();
    let at = |i: usize| offsets.get(i).and_then(|&o| usize::try_from(o).ok());
    Some(at(row)?..at(row + 1)?)
}

impl LayerReader {
    fn new(list: &ListArray) -> Result<LayerReader> {
        let labels = list.values().as_struct_opt().ok_or_else(|| wrong_type("layer", "labels"))?;
        let string = |name: &str| column(labels, name).and_then(|a| a.as_string_opt::<i32>().cloned());
        let list_of = |name: &str| column(labels, name).and_then(|a| a.as_list_opt::<i32>().cloned());
        let floats = |list: &ListArray| list.values().as_primitive_opt::<Float64Type>().cloned();
        let boxes = column(labels, "box").and_then(|a| a.as_struct_opt()).map(|boxes| {
            let corner = |name| column(boxes, name).and_then(|a| a.as_primitive_opt::<Float64Type>().cloned());
            (boxes.clone(), ["xmin", "ymin", "xmax", "ymax"].map(corner))
        });
        let points = list_of("points").and_then(|outer| {
            let inner = outer.values().as_list_opt::<i32>()?.clone();
            let values = floats(&inner)?;
            Some((outer, inner, values))
        });
        let rle = column(labels, "rle").and_then(|a| a.as_struct_opt()).and_then(|rows| {
            let size = |name| column(rows, name).and_then(|a| a.as_primitive_opt::<UInt32Type>().cloned());
            let counts = column(rows, "counts")?.as_list_opt::<i32>()?.clone();
            let values = counts.values().as_primitive_opt::<UInt32Type>()?.clone();
            Some(RleReader { rows: rows.clone(), height: size("height"), width: size("width"), counts, values })
        });
        Ok(LayerReader {
            list: list.clone(),
            id: column(labels, "id")
                .and_then(|a| a.as_primitive_opt::<UInt64Type>().cloned())
                .ok_or_else(|| wrong_type("label", "id"))?,
            label_type: column(labels, "type")
                .and_then(|a| a.as_primitive_opt::<UInt8Type>().cloned())
                .ok_or_else(|| wrong_type("label", "type"))?,
            class: string("class"),
            instance: string("instance"),
            confidence: column(labels, "confidence").and_then(|a| a.as_primitive_opt::<Float64Type>().cloned()),
            boxes,
            points,
            visibility: list_of("visibility").and_then(|list| {
                let values = list.values().as_primitive_opt::<UInt8Type>()?.clone();
                Some((list, values))
            }),
            numbers: list_of("numbers").and_then(|list| {
                let values = floats(&list)?;
                Some((list, values))
            }),
            rle,
            mask: column(labels, "mask").and_then(|a| a.as_fixed_size_binary_opt().cloned()),
            attributes: string("attributes"),
            extra: string("extra"),
        })
    }

    fn read(&self, row: usize) -> Result<Option<Vec<Label>>, String> {
        let Some(rows) = range(&self.list, row) else { return Ok(None) };
        if rows.end > self.id.len() || rows.start > rows.end {
            return Err("its list points outside the labels".to_owned());
        }
        rows.map(|at| self.label(at)).collect::<Result<_, _>>().map(Some)
    }

    fn label(&self, at: usize) -> Result<Label, String> {
        let code = byte(Some(&self.label_type), at).unwrap_or(0);
        let label_type = LabelType::from_code(code).ok_or_else(|| format!("label type {code} is not known"))?;
        let extra = match text(self.extra.as_ref(), at) {
            Some(json) => serde_json::from_str(json).map_err(|error| format!("extra: {error}"))?,
            None => Extra::default(),
        };
        let attributes = match text(self.attributes.as_ref(), at) {
            Some(json) => serde_json::from_str(json).map_err(|error| format!("attributes: {error}"))?,
            None => std::collections::BTreeMap::new(),
        };
        let mut bbox = self.corners(at);
        let beside = extra.bbox;
        let shape = self.shape(label_type, at, bbox, extra)?;
        if label_type == LabelType::Box2d {
            bbox = beside;
        }
        Ok(Label {
            id: long(Some(&self.id), at).unwrap_or(0),
            shape,
            bbox,
            class: text(self.class.as_ref(), at).map(str::to_owned),
            instance: text(self.instance.as_ref(), at).map(str::to_owned),
            confidence: float(self.confidence.as_ref(), at),
            attributes,
        })
    }

    fn corners(&self, at: usize) -> Option<Box2d> {
        let (rows, columns) = self.boxes.as_ref()?;
        if at >= rows.len() || rows.is_null(at) {
            return None;
        }
        let [xmin, ymin, xmax, ymax] = columns.each_ref().map(|c| float(c.as_ref(), at));
        Some(Box2d::new(xmin?, ymin?, xmax?, ymax?))
    }

    fn shape(&self, label_type: LabelType, at: usize, bbox: Option<Box2d>, extra: Extra) -> Result<Shape, String> {
        let missing = || format!("a {label_type} without its geometry");
        let one_ring = || {
            let mut rings = self.rings(at).ok_or_else(missing)?;
            if rings.len() == 1 { rings.pop().ok_or_else(missing) } else { Err(missing()) }
        };
        let mask = |kind, extra: Extra| {
            Shape::Mask(Mask { kind, blob: hash(self.mask.as_ref(), at), file: extra.file, info: extra.info })
        };
        Ok(match label_type {
            LabelType::Classification => Shape::Classification,
            LabelType::Attributes => Shape::Attributes,
            LabelType::Box2d => Shape::Box2d(bbox.ok_or_else(missing)?),
            LabelType::RotatedBox => match self.numbers(at) {
                Some(&[cx, cy, width, height, angle]) => Shape::RotatedBox(RotatedBox { cx, cy, width, height, angle }),
                _ => return Err(missing()),
            },
            LabelType::Box3d => match self.numbers(at) {
                Some(&[x, y, z, qw, qx, qy, qz, sx, sy, sz]) => {
                    Shape::Box3d(Box3d { translation: [x, y, z], rotation: [qw, qx, qy, qz], size: [sx, sy, sz] })
                }
                _ => return Err(missing()),
            },
            LabelType::Scalar => match self.numbers(at) {
                Some(&[value]) => Shape::Scalar(value),
                _ => return Err(missing()),
            },
            LabelType::TextSpan => match self.numbers(at) {
                // The cast saturates; what was written is whole and at most 2^53.
                Some(&[begin, end]) => Shape::TextSpan { begin: begin as u64, end: end as u64 },
                _ => return Err(missing()),
            },
            LabelType::TimeSpan => match self.numbers(at) {
                Some(&[begin, end]) => Shape::TimeSpan { begin, end },
                _ => return Err(missing()),
            },
            LabelType::Track if !extra.track.is_empty() => Shape::Track(extra.track),
            LabelType::Track => return Err(missing()),
            LabelType::Polygon => Shape::Polygon(one_ring()?),
            LabelType::Polyline => Shape::Polyline { points: one_ring()?, bezier: extra.bezier },
            LabelType::MultiPolygon => Shape::MultiPolygon(self.rings(at).ok_or_else(missing)?),
            LabelType::MultiPolyline => Shape::MultiPolyline(self.rings(at).ok_or_else(missing)?),
            LabelType::Keypoints => Shape::Keypoints(self.keypoints(at, one_ring()?)),
            LabelType::Rle => Shape::Rle(self.rle(at).ok_or_else(missing)?),
            LabelType::SemanticMask => mask(MaskKind::Semantic, extra),
            LabelType::InstanceMask => mask(MaskKind::Instance, extra),
            LabelType::PanopticMask => mask(MaskKind::Panoptic, extra),
            LabelType::Sentence => Shape::Sentence { sentence: extra.sentence, spell: extra.spell, phone: extra.phone },
            LabelType::Relation => {
                Shape::Relation { from: extra.from.ok_or_else(missing)?, to: extra.to.ok_or_else(missing)? }
            }
            _ => return Err(format!("label type {label_type} is not known")),
        })
    }

    fn rings(&self, at: usize) -> Option<Vec<Vec<Point>>> {
        let (outer, inner, values) = self.points.as_ref()?;
        range(outer, at)?
            .map(|ring| {
                let numbers = values.values().get(range(inner, ring)?)?;
                Some(numbers.chunks_exact(2).map(|p| Point { x: p[0], y: p[1] }).collect())
            })
            .collect()
    }

    fn keypoints(&self, at: usize, points: Vec<Point>) -> Vec<Keypoint> {
        let visible = self.visibility.as_ref().and_then(|(list, values)| Some((range(list, at)?, values)));
        let v = |i: usize| {
            let (range, values) = visible.as_ref()?;
            byte(Some(values), range.start + i).filter(|_| range.start + i < range.end)
        };
        points.into_iter().enumerate().map(|(i, p)| Keypoint { x: p.x, y: p.y, v: v(i) }).collect()
    }

    fn numbers(&self, at: usize) -> Option<&[f64]> {
        let (list, values) = self.numbers.as_ref()?;
        values.values().get(range(list, at)?)
    }

    fn rle(&self, at: usize) -> Option<Rle> {
        let rle = self.rle.as_ref()?;
        if at >= rle.rows.len() || rle.rows.is_null(at) {
            return None;
        }
        let counts = rle.values.values().get(range(&rle.counts, at)?)?.to_vec();
        Some(Rle { height: word(rle.height.as_ref(), at)?, width: word(rle.width.as_ref(), at)?, counts })
    }
}
