//! Measures pages on synthetic driving data: bytes a row, encode, scan, one column, point reads, keys,
//! row hashes. Run with `cargo run --release -p tamis-table --example pages`.
//!
//! One page of 16,384 rows, in memory and in cache; medians; one thread. Labels: 0–10 a row (mean 5) of
//! {id ascending, class of 80 by Zipf, box at 0.1 px as doubles, confidence of full single
//! precision, 20 % with a map of one or two strings}.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::*;
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::*;
use tamis_table::page::keys::{KeyPage, encode_keys};
use tamis_table::page::{EncodedPage, MemoryBlocks, Page, Projection, encode};
use tamis_table::row_hash::row_hashes;

const ROWS: usize = 16_384;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 11) % n
    }
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn zipf(r: &mut Random) -> u8 {
    // Inverse of the harmonic numbers of 80.
    let mut x = r.unit() * (1..=80).map(|k| 1.0 / f64::from(k)).sum::<f64>();
    (1..=80u8)
        .find(|k| {
            x -= 1.0 / f64::from(*k);
            x <= 0.0
        })
        .unwrap_or(80)
        - 1
}

fn labels(rows: usize, text: bool, unused: usize) -> StructArray {
    let mut r = Random(0x1234_5678_9abc_def1);
    let lengths: Vec<usize> = (0..rows).map(|_| r.below(11) as usize).collect();
    let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
    let n = *offsets.last().unwrap() as usize;
    let id = UInt64Array::from_iter_values((0..n as u64).map(|i| 40_000_000 + i));
    let codes: Vec<u8> = (0..n).map(|_| zipf(&mut r)).collect();
    let class: ArrayRef = if text {
        Arc::new(StringArray::from_iter_values(codes.iter().map(|c| format!("class-{:x}", u32::from(*c) * 7919))))
    } else {
        Arc::new(UInt8Array::from(codes))
    };
    let mut corners: [Vec<f64>; 4] = Default::default();
    for _ in 0..n {
        let (x, y) = (r.below(18_000), 3000 + r.below(6000));
        let size = r.below(1200) * r.below(1200) / 1200 + 30;
        let corner = [x, y, x + size, y + size * (80 + r.below(60)) / 100];
        corners.iter_mut().zip(corner).for_each(|(v, c)| v.push(c as f64 / 10.0));
    }
    let confidence = Float64Array::from_iter_values((0..n).map(|_| f64::from(r.unit() as f32)));
    let entries =
        Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, false)]);
    let sizes: Vec<usize> = (0..n).map(|_| if r.below(5) == 0 { 1 + r.below(2) as usize } else { 0 }).collect();
    let total: usize = sizes.iter().sum();
    let keys = StringArray::from_iter_values(
        (0..total).map(|_| ["occluded", "truncated", "colour", "state", "pose"][r.below(5) as usize]),
    );
    let values =
        StringArray::from_iter_values((0..total).map(|_| {
            ["\"yes\"", "\"no\"", "\"red\"", "\"parked\"", "\"moving\"", "\"partly\"", "3"][r.below(7) as usize]
        }));
    let entries_field = Arc::new(Field::new("entries", DataType::Struct(entries.clone()), false));
    let map = MapArray::new(
        entries_field.clone(),
        OffsetBuffer::from_lengths(sizes),
        StructArray::new(entries, vec![Arc::new(keys), Arc::new(values)], None),
        None,
        false,
    );
    let box_fields: Fields =
        ["xmin", "ymin", "xmax", "ymax"].map(|n| Field::new(n, DataType::Float64, false)).to_vec().into();
    let boxes = corners.map(|c| Arc::new(Float64Array::from(c)) as ArrayRef).to_vec();
    let mut fields = vec![
        Field::new("id", DataType::UInt64, false),
        Field::new("class", class.data_type().clone(), true),
        Field::new("box", DataType::Struct(box_fields.clone()), true),
        Field::new("confidence", DataType::Float64, true),
        Field::new("attributes", DataType::Map(entries_field, false), true),
    ];
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(id),
        class,
        Arc::new(StructArray::new(box_fields, boxes, None)),
        Arc::new(confidence),
        Arc::new(map),
    ];
    let list = DataType::List(Arc::new(Field::new("item", DataType::Float64, false)));
    for i in 0..unused {
        let data_type = [DataType::Float64, DataType::Utf8, list.clone()][i % 3].clone();
        columns.push(new_null_array(&data_type, n));
        fields.push(Field::new(format!("unused{i}"), data_type, true));
    }
    let fields = Fields::from(fields);
    let item = Arc::new(Field::new("item", DataType::Struct(fields.clone()), false));
    let list = ListArray::new(item.clone(), offsets, Arc::new(StructArray::new(fields, columns, None)), None);
    StructArray::new(vec![Field::new("labels", DataType::List(item), true)].into(), vec![Arc::new(list)], None)
}

fn keys(rows: usize) -> BinaryArray {
    BinaryArray::from_iter_values((0..rows).map(|i| format!("seg{:07}/{:06}.jpg", 25_000 + i / 1000, i % 1000)))
}

fn scalars(rows: usize) -> StructArray {
    let mut r = Random(77);
    let mut time = 1_700_000_000_000_000i64;
    let times: Vec<i64> = (0..rows)
        .map(|_| {
            time += 99_900 + r.below(200) as i64;
            time
        })
        .collect();
    let split =
        StringArray::from_iter_values((0..rows).map(|i| ["train", "val", "test"][(i / 1000 % 10).saturating_sub(7)]));
    let mut speed = 1000i64;
    let speeds: Vec<f64> = (0..rows)
        .map(|_| {
            speed = (speed + r.below(41) as i64 - 20).clamp(0, 4000);
            speed as f64 / 100.0
        })
        .collect();
    let scores: Vec<f32> = (0..rows).map(|_| r.unit() as f32).collect();
    let fields = Fields::from(vec![
        Field::new("ts", DataType::Timestamp(TimeUnit::Microsecond, None), true),
        Field::new("split", DataType::Utf8, true),
        Field::new("speed", DataType::Float64, true),
        Field::new("score", DataType::Float32, true),
    ]);
    let times = TimestampMicrosecondArray::new(ScalarBuffer::from(times), None);
    StructArray::new(
        fields,
        vec![
            Arc::new(times),
            Arc::new(split),
            Arc::new(Float64Array::from(speeds)),
            Arc::new(Float32Array::from(scores)),
        ],
        None,
    )
}

/// Median seconds of one call.
fn time<T>(mut f: impl FnMut() -> T) -> f64 {
    let mut times = Vec::new();
    let began = Instant::now();
    while times.len() < 15 || (began.elapsed().as_secs_f64() < 0.4 && times.len() < 4000) {
        let t = Instant::now();
        black_box(f());
        times.push(t.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn open(page: &EncodedPage) -> impl Fn() -> Page {
    let blocks = MemoryBlocks::from(page.clone());
    move || Page::open(blocks.clone()).unwrap()
}

fn measure(name: &str, group: &StructArray, class: Option<&str>) {
    let page = encode(group).unwrap();
    let open = open(&page);
    let all = Projection::all(group.fields());
    assert_eq!(&open().scan(0..ROWS, &all).unwrap(), group);
    let rate = |seconds: f64| ROWS as f64 / seconds / 1e6;
    let encoded = rate(time(|| encode(group).unwrap()));
    let opened = open();
    let scanned = rate(time(|| opened.scan(0..ROWS, &all).unwrap()));
    let only = class.map_or(f64::NAN, |path| {
        let projection = Projection::select(group.fields(), &[path]).unwrap();
        let projection = projection.with_dictionary(path).unwrap_or(projection);
        rate(time(|| opened.scan(0..ROWS, &projection).unwrap()))
    });
    let mut r = Random(5);
    let mut rows = |n: usize| -> Vec<u32> {
        let mut rows: Vec<u32> = (0..n).map(|_| r.below(ROWS as u64) as u32).collect();
        rows.sort_unstable();
        rows
    };
    let samples: Vec<Vec<u32>> = (0..256).map(|_| rows(1)).collect();
    let batches: Vec<Vec<u32>> = (0..64).map(|_| rows(16)).collect();
    let one = time(|| {
        samples.iter().for_each(|s| {
            black_box(opened.take(s, &all).unwrap());
        })
    }) / 256.0
        * 1e6;
    let cold = time(|| {
        samples.iter().for_each(|s| {
            black_box(open().take(s, &all).unwrap());
        })
    }) / 256.0
        * 1e6;
    let sixteen = time(|| {
        batches.iter().for_each(|s| {
            black_box(opened.take(s, &all).unwrap());
        })
    }) / 64.0
        * 1e6;
    let small = encode(&group.slice(100, 10)).unwrap().len();
    println!(
        "| {name} | {:.1} | {encoded:.2} | {scanned:.1} | {only:.0} | {one:.2} ({cold:.2}) | {sixteen:.1} | {small} | {} |",
        page.len() as f64 / ROWS as f64,
        page.header.len()
    );
}

fn main() {
    println!(
        "| page of {ROWS} rows | B/row | encode M/s | scan M/s | only class M/s | 1 row us (with open) | 16 rows us | 10 rows B | header B |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    measure("labels, class u8", &labels(ROWS, false, 0), Some("labels.class"));
    measure("labels, class text", &labels(ROWS, true, 0), Some("labels.class"));
    measure("labels, class text, 24 unused columns", &labels(ROWS, true, 24), Some("labels.class"));
    measure("scalars", &scalars(ROWS), None);

    let keys = keys(ROWS);
    let page = encode_keys(&keys).unwrap();
    let opened = KeyPage::open(MemoryBlocks::from(page.clone())).unwrap();
    assert_eq!(opened.scan(0..ROWS).unwrap(), keys);
    let mut r = Random(9);
    let sought: Vec<&[u8]> = (0..1000).map(|_| keys.value(r.below(ROWS as u64) as usize)).collect();
    let find = time(|| {
        sought.iter().for_each(|k| {
            black_box(opened.find(k).unwrap().unwrap());
        })
    }) / 1000.0
        * 1e6;
    println!(
        "\nkeys: {:.2} B each, encode {:.1} M/s, scan {:.1} M/s, find {find:.2} us",
        page.len() as f64 / ROWS as f64,
        ROWS as f64 / time(|| encode_keys(&keys).unwrap()) / 1e6,
        ROWS as f64 / time(|| opened.scan(0..ROWS).unwrap()) / 1e6,
    );
    for (name, group) in [
        ("labels, class u8", labels(ROWS, false, 0)),
        ("labels, class text", labels(ROWS, true, 0)),
        ("scalars", scalars(ROWS)),
    ] {
        println!(
            "row hash, {name}: {:.2} M rows/s",
            ROWS as f64 / time(|| row_hashes("layer/truth", &keys, &group).unwrap()) / 1e6
        );
    }
}
