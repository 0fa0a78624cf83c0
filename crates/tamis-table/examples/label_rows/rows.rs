//! The rows: read from the peers' Arrow file, or generated with the same distributions.

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::*;
use tamis_table::{GroupSchema, RowBatch, TableSchema};

pub(crate) const LAYER: &str = "layer/truth";
const BATCH: u64 = 65_536;
const CLASSES: u64 = 80;

/// The struct of one box.
pub(crate) fn box_fields() -> Fields {
    let float = |name| Field::new(name, DataType::Float32, true);
    vec![
        Field::new("id", DataType::UInt64, true),
        Field::new("class", DataType::UInt8, true),
        float("xmin"),
        float("ymin"),
        float("xmax"),
        float("ymax"),
        float("confidence"),
        Field::new("attributes", DataType::Utf8, true),
    ]
    .into()
}

fn with(field: Field, metadata: &[(&str, &str)]) -> Field {
    field.with_metadata(metadata.iter().map(|(key, value)| (String::from(*key), String::from(*value))).collect())
}

/// Two groups: what a sample is, and its boxes, which merge by their ids. Counts of splits and classes are kept exact.
pub(crate) fn schema() -> TableSchema {
    let base = vec![
        with(Field::new("ts", DataType::Int64, true), &[("tamis.summary", "minmax")]),
        with(Field::new("split", DataType::Utf8, true), &[("tamis.summary", "counts")]),
        with(Field::new("speed", DataType::Float64, true), &[("tamis.summary", "minmax")]),
        Field::new("score", DataType::Float32, true),
    ];
    let boxes = DataType::List(Field::new("item", DataType::Struct(box_fields()), true).into());
    let summary = [("tamis.merge", "keyed:id"), ("tamis.summary", "values;counts:class")];
    let layer = vec![with(Field::new("labels", boxes, true), &summary)];
    TableSchema {
        groups: vec![
            GroupSchema { name: String::from("base"), fields: base.into() },
            GroupSchema { name: String::from(LAYER), fields: layer.into() },
        ],
    }
}

/// The key of a row, as the peers' data has it.
pub(crate) fn key(row: u64) -> String {
    format!("seg{:07}/{:06}.jpg", row / 1000, row % 1000)
}

fn row_batch(keys: BinaryArray, base: Vec<ArrayRef>, boxes: ArrayRef) -> RowBatch {
    let schema = schema();
    let group = |at: usize, columns| StructArray::new(schema.groups[at].fields.clone(), columns, None);
    RowBatch { keys, groups: vec![Some(group(0, base)), Some(group(1, vec![boxes]))] }
}

/// The batches of the Arrow file that `bench/run.py` writes.
pub(crate) fn read(path: &str) -> Vec<RowBatch> {
    let file = std::fs::File::open(path).unwrap();
    let batches = arrow_ipc::reader::FileReader::try_new_buffered(file, None).unwrap();
    let convert = |batch: RecordBatch| {
        let column = |name: &str| batch.column_by_name(name).unwrap().clone();
        let ids = column("id");
        let keys = BinaryArray::from_iter_values(ids.as_string::<i32>().iter().map(|id| id.unwrap().as_bytes()));
        row_batch(keys, ["ts", "split", "speed", "score"].map(column).to_vec(), column("boxes"))
    };
    batches.map(|batch| convert(batch.unwrap())).collect()
}

/// Numbers without end, the same in every run.
#[derive(Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// A class number by Zipf's law.
    pub(crate) fn class(&mut self, zipf: &[u8; 1024]) -> u8 {
        zipf[self.below(1024) as usize]
    }
}

/// 1,024 draws of classes in their proportions.
fn zipf() -> [u8; 1024] {
    let total: f64 = (1..=CLASSES).map(|rank| (rank as f64).powf(-1.3)).sum();
    let mut table = [0; 1024];
    let (mut class, mut reached) = (0_u64, 1.0 / total);
    for (at, slot) in table.iter_mut().enumerate() {
        while reached * 1024.0 < at as f64 && class + 1 < CLASSES {
            class += 1;
            reached += ((class + 1) as f64).powf(-1.3) / total;
        }
        *slot = class as u8;
    }
    table
}

/// Rows in batches, in the order of their keys.
pub(crate) fn generate(count: u64) -> impl Iterator<Item = RowBatch> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let zipf = zipf();
    let mut next_box = 0;
    (0..count.div_ceil(BATCH)).map(move |batch| {
        let rows = batch * BATCH..((batch + 1) * BATCH).min(count);
        generated(rows, &mut random, &zipf, &mut next_box)
    })
}

fn generated(rows: std::ops::Range<u64>, random: &mut Random, zipf: &[u8; 1024], next_box: &mut u64) -> RowBatch {
    let keys = BinaryArray::from_iter_values(rows.clone().map(key));
    let ts = Int64Array::from_iter_values(
        rows.clone().map(|row| 1_700_000_000_000_000 + row as i64 * 33_333 + (random.below(100) as i64)),
    );
    let split = StringArray::from_iter_values(rows.clone().map(|row| match row % 10 {
        8 => "val",
        9 => "test",
        _ => "train",
    }));
    let speed = Float64Array::from_iter_values(rows.clone().map(|_| random.below(4000) as f64 / 100.0));
    let score = Float32Array::from_iter_values(rows.clone().map(|_| random.unit()));
    let offsets = OffsetBuffer::<i32>::from_lengths(rows.map(|_| random.below(11) as usize));
    let boxes = *offsets.last().unwrap() as usize;
    let mut corners = [(); 4].map(|()| Vec::with_capacity(boxes));
    let (mut classes, mut confidences) = (Vec::with_capacity(boxes), Vec::with_capacity(boxes));
    let mut attributes = StringBuilder::with_capacity(boxes, boxes * 4);
    const TEXTS: [&str; 7] = [
        r#"{"occluded":"a"}"#,
        r#"{"occluded":"b"}"#,
        r#"{"truncated":"a"}"#,
        r#"{"weather":"d"}"#,
        r#"{"light":"c"}"#,
        r#"{"pose":"e"}"#,
        r#"{"pose":"g"}"#,
    ];
    for _ in 0..boxes {
        let (x, y) = (random.below(18_000), random.below(10_000));
        let corner = [x, y, x + 10 + random.below(1190), y + 10 + random.below(790)];
        corners.iter_mut().zip(corner).for_each(|(column, value)| column.push((value as f64 / 10.0) as f32));
        classes.push(random.class(zipf));
        confidences.push(random.unit());
        attributes.append_option(TEXTS.get(random.below(35) as usize));
    }
    let ids = UInt64Array::from_iter_values(*next_box..*next_box + boxes as u64);
    *next_box += boxes as u64;
    let mut columns: Vec<ArrayRef> = vec![Arc::new(ids), Arc::new(UInt8Array::from(classes))];
    columns.extend(corners.map(|column| Arc::new(Float32Array::from(column)) as ArrayRef));
    columns.push(Arc::new(Float32Array::new(ScalarBuffer::from(confidences), None)));
    columns.push(Arc::new(attributes.finish()));
    let item = StructArray::new(box_fields(), columns, None);
    let list = ListArray::new(Field::new("item", item.data_type().clone(), true).into(), offsets, Arc::new(item), None);
    row_batch(keys, vec![Arc::new(ts), Arc::new(split), Arc::new(speed), Arc::new(score)], Arc::new(list))
}
