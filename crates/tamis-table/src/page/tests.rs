#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::*;
use proptest::prelude::*;

use super::*;

/// A small generator of numbers: tests describe a whole schema with its values by one seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

fn random_type(r: &mut Random, depth: usize) -> DataType {
    let leaf = |r: &mut Random| match r.below(24) {
        0 => DataType::Boolean,
        1 => DataType::Int8,
        2 => DataType::Int16,
        3 => DataType::Int32,
        4 | 5 => DataType::Int64,
        6 => DataType::UInt8,
        7 => DataType::UInt16,
        8 => DataType::UInt32,
        9 => DataType::UInt64,
        10 => DataType::Float32,
        11 | 12 => DataType::Float64,
        13 | 14 => DataType::Utf8,
        15 => DataType::LargeUtf8,
        16 => DataType::Binary,
        17 => DataType::LargeBinary,
        18 => DataType::FixedSizeBinary([1, 16][r.below(2) as usize]),
        19 => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        20 => DataType::Date32,
        21 => DataType::Dictionary(Box::new(DataType::Int16), Box::new(DataType::Utf8)),
        22 => DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8)),
        _ => DataType::Null,
    };
    if depth == 0 || r.chance(45) {
        return leaf(r);
    }
    let item = |r: &mut Random| {
        let data_type = random_type(r, depth - 1);
        let nullable = data_type == DataType::Null || r.chance(60);
        Arc::new(Field::new("item", data_type, nullable))
    };
    match r.below(6) {
        0 | 1 => DataType::Struct(random_fields(r, depth - 1)),
        2 => DataType::List(item(r)),
        3 => DataType::LargeList(item(r)),
        4 => DataType::FixedSizeList(item(r), 1 + r.below(3) as i32),
        _ => {
            let entry = Fields::from(vec![
                Field::new("keys", DataType::Utf8, false),
                Field::new("values", random_type(r, depth - 1), true),
            ]);
            DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry), false)), false)
        }
    }
}

fn random_fields(r: &mut Random, depth: usize) -> Fields {
    let n = 1 + r.below(4);
    (0..n)
        .map(|i| {
            let data_type = random_type(r, depth);
            let nullable = data_type == DataType::Null || r.chance(60);
            Field::new(format!("f{i}"), data_type, nullable)
        })
        .collect()
}

fn random_nulls(r: &mut Random, n: usize, nullable: bool) -> Option<NullBuffer> {
    if !nullable || r.chance(20) {
        return None;
    }
    let percent = [0, 1, 30, 90, 100][r.below(5) as usize];
    Some(NullBuffer::new(BooleanBuffer::collect_bool(n, |_| !r.chance(percent))))
}

fn random_text(r: &mut Random, style: u64) -> String {
    match style {
        0 => format!("class {}", r.below(7)),
        1 => "same".into(),
        2 => format!("{:x}/é", r.next()),
        3 => "long text ".repeat(r.below(30) as usize),
        _ => String::new(),
    }
}

fn random_float(r: &mut Random, style: u64) -> f64 {
    match style {
        0 => r.below(100_000) as f64 / 10.0,
        1 => f64::from(r.below(1 << 24) as f32 / 16_777_216.0),
        2 => f64::from_bits(r.next()),
        3 if r.chance(5) => [f64::NAN, -0.0, f64::INFINITY][r.below(3) as usize],
        _ => (r.below(2000) as f64 - 1000.0) / 100.0,
    }
}

fn lengths(r: &mut Random, n: usize) -> Vec<usize> {
    let style = r.below(3);
    (0..n)
        .map(|_| {
            if style == 0 {
                2
            } else if style == 1 {
                0
            } else {
                r.below(5) as usize
            }
        })
        .collect()
}

fn random_array(r: &mut Random, field: &Field, n: usize) -> ArrayRef {
    let nulls = random_nulls(r, n, field.is_nullable() && *field.data_type() != DataType::Null);
    let style = r.below(5);
    let step = r.below(1000);
    let mut i = 0u64;
    let mut number = |r: &mut Random| {
        i += 1;
        match style {
            0 => r.next(),
            1 => 42,
            2 => i * step + r.below(3),
            3 => r.below(5).wrapping_sub(2),
            _ => r.below(1000),
        }
    };
    macro_rules! ints {
        ($t:ty) => {{
            let values: Vec<_> = (0..n).map(|_| number(r) as _).collect();
            let array = PrimitiveArray::<$t>::new(ScalarBuffer::from(values), nulls);
            Arc::new(array.with_data_type(field.data_type().clone())) as ArrayRef
        }};
    }
    match field.data_type() {
        DataType::Null => Arc::new(NullArray::new(n)),
        DataType::Boolean => Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(n, |_| number(r) & 1 == 1), nulls)),
        DataType::Int8 => ints!(Int8Type),
        DataType::Int16 => ints!(Int16Type),
        DataType::Int32 => ints!(Int32Type),
        DataType::Int64 => ints!(Int64Type),
        DataType::UInt8 => ints!(UInt8Type),
        DataType::UInt16 => ints!(UInt16Type),
        DataType::UInt32 => ints!(UInt32Type),
        DataType::UInt64 => ints!(UInt64Type),
        DataType::Timestamp(..) => ints!(TimestampMicrosecondType),
        DataType::Date32 => ints!(Date32Type),
        DataType::Float32 => {
            let values: Vec<f32> = (0..n).map(|_| random_float(r, style) as f32).collect();
            Arc::new(Float32Array::new(values.into(), nulls))
        }
        DataType::Float64 => {
            let values: Vec<f64> = (0..n).map(|_| random_float(r, style)).collect();
            Arc::new(Float64Array::new(values.into(), nulls))
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary | DataType::Dictionary(..) => {
            let values: Vec<String> = (0..n).map(|_| random_text(r, style)).collect();
            let plain = StringArray::from_iter_values(values);
            let (offsets, content, _) = plain.into_parts();
            cast(&StringArray::new(offsets, content, nulls), field.data_type()).unwrap()
        }
        DataType::FixedSizeBinary(w) => {
            let bytes: Vec<u8> = (0..n * *w as usize).map(|_| number(r) as u8).collect();
            Arc::new(FixedSizeBinaryArray::try_new_with_len(*w, Buffer::from_vec(bytes), nulls, n).unwrap())
        }
        DataType::Struct(fields) => Arc::new(random_struct(r, fields, n, nulls)),
        DataType::List(item) => {
            let offsets = OffsetBuffer::<i32>::from_lengths(lengths(r, n));
            let values = random_array(r, item, offsets.last().copied().unwrap() as usize + 2);
            Arc::new(ListArray::new(item.clone(), offsets, values, nulls))
        }
        DataType::LargeList(item) => {
            let offsets = OffsetBuffer::<i64>::from_lengths(lengths(r, n));
            let values = random_array(r, item, offsets.last().copied().unwrap() as usize);
            Arc::new(LargeListArray::new(item.clone(), offsets, values, nulls))
        }
        DataType::FixedSizeList(item, size) => {
            let values = random_array(r, item, n * *size as usize);
            Arc::new(FixedSizeListArray::try_new_with_length(item.clone(), *size, values, nulls, n).unwrap())
        }
        DataType::Map(entries, _) => {
            let offsets = OffsetBuffer::<i32>::from_lengths(lengths(r, n));
            let total = offsets.last().copied().unwrap() as usize;
            let DataType::Struct(fields) = entries.data_type() else { panic!("entries are structs") };
            Arc::new(MapArray::new(entries.clone(), offsets, random_struct(r, fields, total, None), nulls, false))
        }
        other => panic!("no generator for {other}"),
    }
}

fn random_struct(r: &mut Random, fields: &Fields, n: usize, nulls: Option<NullBuffer>) -> StructArray {
    let columns = fields.iter().map(|f| random_array(r, f, n)).collect();
    StructArray::try_new_with_length(fields.clone(), columns, nulls, n).unwrap()
}

/// `n` rows of a random schema; the same seed gives the same schema whatever `n`.
pub(crate) fn random_group(seed: u64, n: usize) -> StructArray {
    let mut r = Random(seed);
    let fields = random_fields(&mut r, 4);
    let nulls = random_nulls(&mut r, n, seed.is_multiple_of(4));
    random_struct(&mut r, &fields, n, nulls)
}

pub(crate) fn take_struct(rows: &StructArray, order: &[u32]) -> StructArray {
    take(rows, &UInt32Array::from(order.to_vec()), None).unwrap().as_struct().clone()
}

fn open(group: &StructArray) -> Page {
    Page::open(MemoryBlocks::from(encode(group).unwrap())).unwrap()
}

/// The naive projection: rebuilds an array with only what `data_type` has.
fn project(array: &ArrayRef, data_type: &DataType) -> ArrayRef {
    match data_type {
        DataType::Struct(fields) => {
            let from = array.as_struct();
            let columns =
                fields.iter().map(|f| project(from.column_by_name(f.name()).unwrap(), f.data_type())).collect();
            Arc::new(
                StructArray::try_new_with_length(fields.clone(), columns, from.nulls().cloned(), from.len()).unwrap(),
            )
        }
        DataType::List(item) => {
            let from = array.as_list::<i32>();
            let values = project(from.values(), item.data_type());
            Arc::new(ListArray::new(item.clone(), from.offsets().clone(), values, from.nulls().cloned()))
        }
        DataType::LargeList(item) => {
            let from = array.as_list::<i64>();
            let values = project(from.values(), item.data_type());
            Arc::new(LargeListArray::new(item.clone(), from.offsets().clone(), values, from.nulls().cloned()))
        }
        DataType::FixedSizeList(item, n) => {
            let from = array.as_fixed_size_list();
            let values = project(from.values(), item.data_type());
            let nulls = from.nulls().cloned();
            Arc::new(FixedSizeListArray::try_new_with_length(item.clone(), *n, values, nulls, from.len()).unwrap())
        }
        _ => array.clone(),
    }
}

/// A random dotted path into the fields.
fn random_path(r: &mut Random, fields: &Fields) -> String {
    let field = &fields[r.below(fields.len() as u64) as usize];
    let mut data_type = field.data_type();
    while let DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) = data_type {
        data_type = item.data_type();
    }
    match data_type {
        DataType::Struct(fields) if r.chance(80) => format!("{}.{}", field.name(), random_path(r, fields)),
        _ => field.name().clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_goes_in_comes_out(seed in any::<u64>(), n in prop_oneof![0usize..40, 200usize..900], a in any::<u32>(), b in any::<u32>()) {
        let group = random_group(seed, n);
        let page = open(&group);
        let all = Projection::all(group.fields());
        prop_assert_eq!(&page.scan(0..n, &all).unwrap(), &group);
        let (a, b) = (a as usize % (n + 1), b as usize % (n + 1));
        let range = a.min(b)..a.max(b);
        prop_assert_eq!(page.scan(range.clone(), &all).unwrap(), group.slice(range.start, range.len()));
    }

    #[test]
    fn taking_rows_is_scanning_them(seed in any::<u64>(), n in prop_oneof![1usize..40, 200usize..900], rows in proptest::collection::vec(any::<u32>(), 0..24), sort in any::<bool>()) {
        let group = random_group(seed, n);
        let page = open(&group);
        let mut rows: Vec<u32> = rows.into_iter().map(|r| r % n as u32).collect();
        if sort { rows.sort_unstable(); }
        let all = Projection::all(group.fields());
        prop_assert_eq!(page.take(&rows, &all).unwrap(), take_struct(&group, &rows));
        prop_assert!(page.take(&[n as u32], &all).is_err());
    }

    #[test]
    fn projecting_a_page_is_projecting_the_rows(seed in any::<u64>(), n in 1usize..600) {
        let group = random_group(seed, n);
        let mut r = Random(seed ^ 1);
        let paths = [random_path(&mut r, group.fields()), random_path(&mut r, group.fields())];
        let projection = Projection::select(group.fields(), &paths).unwrap();
        let whole: ArrayRef = Arc::new(group.clone());
        let expected = project(&whole, &DataType::Struct(projection.fields().clone()));
        prop_assert_eq!(&open(&group).scan(0..n, &projection).unwrap(), expected.as_struct(), "{:?}", paths);
    }

    #[test]
    fn the_same_values_give_the_same_bytes(seed in any::<u64>(), n in 1usize..600, before in 1usize..20) {
        let group = random_group(seed, n);
        let expected = encode(&group).unwrap();
        let order: Vec<u32> = (0..n as u32).collect();
        prop_assert_eq!(&encode(&take_struct(&group, &order)).unwrap(), &expected, "copied");
        let more = concat(&[&group.slice(0, before.min(n)), &group, &group]).unwrap();
        let sliced = more.slice(before.min(n), n);
        prop_assert_eq!(&encode(sliced.as_struct()).unwrap(), &expected, "sliced");
        let decoded = open(&group).scan(0..n, &Projection::all(group.fields())).unwrap();
        prop_assert_eq!(&encode(&decoded).unwrap(), &expected, "decoded");
    }

    #[test]
    fn broken_bytes_never_panic(seed in any::<u64>(), n in 1usize..400, flips in proptest::collection::vec((any::<u32>(), any::<u32>(), any::<u8>()), 1..5), cut in proptest::option::of(any::<u32>())) {
        let group = random_group(seed, n);
        let mut page = encode(&group).unwrap();
        for (part, at, value) in flips {
            let blocks = page.blocks.len();
            // The header is small and everything hangs on it: hit it every second time.
            let part = if part % 2 == 0 || blocks == 0 { &mut page.header } else { &mut page.blocks[part as usize / 2 % blocks] };
            // So do the first bytes of a block, which are its directory.
            let len = if at % 3 == 0 { part.len().min(40) } else { part.len() };
            part[at as usize / 3 % len] = value;
        }
        if let (Some(cut), Some(block)) = (cut, page.blocks.last_mut()) {
            block.truncate(cut as usize % (block.len() + 1));
        }
        fuzz::read(page.into(), group.fields());
    }
}

fn label_fields(extra: usize) -> Fields {
    let mut fields = vec![Field::new("id", DataType::UInt64, false), Field::new("class", DataType::Utf8, true)];
    fields.extend((0..extra).map(|i| Field::new(format!("unused{i}"), DataType::Float64, true)));
    let item = Field::new("item", DataType::Struct(fields.into()), false);
    vec![Field::new("labels", DataType::List(Arc::new(item)), false)].into()
}

fn labels(n: usize, extra: usize) -> StructArray {
    let fields = label_fields(extra);
    let DataType::List(item) = fields[0].data_type() else { panic!("a list") };
    let DataType::Struct(inner) = item.data_type() else { panic!("a struct") };
    let total = n * 3;
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values((0..total as u64).map(|i| 1000 + i))),
        Arc::new(StringArray::from_iter_values((0..total).map(|i| ["car", "bus", "person"][i % 3]))),
    ];
    columns.extend((0..extra).map(|_| new_null_array(&DataType::Float64, total)));
    let values = Arc::new(StructArray::new(inner.clone(), columns, None));
    let list = ListArray::new(item.clone(), OffsetBuffer::from_repeated_length(3, n), values, None);
    StructArray::new(fields, vec![Arc::new(list)], None)
}

#[test]
fn unused_columns_take_no_bytes() {
    assert_eq!(encode(&labels(1000, 0)).unwrap(), encode(&labels(1000, 20)).unwrap());
}

#[test]
fn old_pages_read_with_a_newer_schema_and_new_ones_with_an_older() {
    let (old, new) = (labels(600, 0), labels(600, 2));
    let read = open(&old).scan(0..600, &Projection::all(new.fields())).unwrap();
    assert_eq!(read, new);
    let read = open(&new).take(&[3, 599], &Projection::all(old.fields())).unwrap();
    assert_eq!(read, take_struct(&old, &[3, 599]));
    let required = Fields::from(vec![Field::new("needed", DataType::Int32, false)]);
    assert!(matches!(open(&old).scan(0..9, &Projection::all(&required)), Err(TableError::Mismatch { .. })));
    let other = Fields::from(vec![Field::new("labels", DataType::Int32, true)]);
    assert!(matches!(open(&old).scan(0..9, &Projection::all(&other)), Err(TableError::Mismatch { .. })));
}

#[test]
fn a_text_column_reads_as_its_dictionary() {
    let group = labels(600, 0);
    let projection =
        Projection::select(group.fields(), &["labels.class"]).unwrap().with_dictionary("labels.class").unwrap();
    let read = open(&group).scan(0..600, &projection).unwrap();
    let classes = read.column(0).as_list::<i32>().values().as_struct().column(0).as_dictionary::<UInt32Type>().clone();
    assert_eq!(classes.values().len(), 3);
    let plain = cast(&classes, &DataType::Utf8).unwrap();
    assert_eq!(&plain, group.column(0).as_list::<i32>().values().as_struct().column(1));
}

#[test]
fn long_lists_of_one_value_keep_to_the_bound() {
    let item = Arc::new(Field::new("item", DataType::Int32, false));
    let fields = Fields::from(vec![Field::new("zeros", DataType::List(item.clone()), false)]);
    let zeros = Arc::new(Int32Array::from(vec![0; 300 * 1000]));
    let list = ListArray::new(item, OffsetBuffer::from_repeated_length(1000, 300), zeros, None);
    let group = StructArray::new(fields, vec![Arc::new(list)], None);
    let page = encode(&group).unwrap();
    assert_eq!(page.blocks[0].len(), (256_000 - FREE_ELEMENTS) / 8);
    assert_eq!(open(&group).scan(0..300, &Projection::all(group.fields())).unwrap(), group);
    let mut smaller = page;
    smaller.blocks[0].truncate(1000);
    let page = Page::open(MemoryBlocks::from(smaller)).unwrap();
    assert!(matches!(page.scan(0..300, &Projection::all(group.fields())), Err(TableError::Corrupt { .. })));
}

#[test]
fn a_small_page_cannot_claim_huge_lists() {
    // labels: a list whose constant length says 2^31 of a constant integer; no blocks at all.
    let mut header = b"TPGE\x01\x00".to_vec();
    wire::put_varint(&mut header, 256);
    header.extend_from_slice(&[0, 1, 0x31, 6]);
    header.extend_from_slice(b"labels");
    wire::put_varint(&mut header, 1 << 31);
    header.extend_from_slice(&[0x14, 3, 1, 0, 0, 0, 0, 0, 0, 0]);
    let page = Page::open(MemoryBlocks::from(EncodedPage { header, blocks: Vec::new() })).unwrap();
    let item = Arc::new(Field::new("item", DataType::UInt64, false));
    let fields = Fields::from(vec![Field::new("labels", DataType::List(item), true)]);
    for rows in [0..1, 0..256] {
        let read = page.scan(rows, &Projection::all(&fields));
        assert!(matches!(read, Err(TableError::Corrupt { .. })), "{read:?}");
    }
}

#[test]
fn a_page_of_rows_without_content_has_no_blocks() {
    let group = StructArray::new_empty_fields(1000, None);
    let page = encode(&group).unwrap();
    assert!(page.blocks.is_empty() && page.header.len() < 16);
    assert_eq!(open(&group).scan(10..900, &Projection::all(&Fields::empty())).unwrap().len(), 890);
    assert_eq!(open(&StructArray::new_empty_fields(0, None)).len(), 0);
}

#[test]
fn values_of_no_width_read_back() {
    // Not in the random schemas, because Arrow's own `take` loses their length.
    let item = Arc::new(Field::new("item", DataType::Int8, true));
    let fields = Fields::from(vec![
        Field::new("bytes", DataType::FixedSizeBinary(0), true),
        Field::new("list", DataType::FixedSizeList(item.clone(), 0), true),
    ]);
    let nulls = Some(NullBuffer::from_iter((0..300).map(|i| i % 3 > 0)));
    let bytes =
        FixedSizeBinaryArray::try_new_with_len(0, Buffer::from_vec(Vec::<u8>::new()), nulls.clone(), 300).unwrap();
    let values = Arc::new(Int8Array::from(Vec::<i8>::new()));
    let list = FixedSizeListArray::try_new_with_length(item, 0, values, nulls, 300).unwrap();
    let group = StructArray::new(fields, vec![Arc::new(bytes), Arc::new(list)], None);
    assert_eq!(open(&group).scan(0..300, &Projection::all(group.fields())).unwrap(), group);
}

#[test]
fn depth_sixteen_and_huge_texts_read_back() {
    let mut array: ArrayRef = Arc::new(StringArray::from(vec![Some("x".repeat(900_000)), None, Some("y".into())]));
    let mut field = Arc::new(Field::new("leaf", DataType::Utf8, true));
    for depth in 0..16 {
        if depth % 2 == 0 {
            let fields = Fields::from(vec![field.as_ref().clone()]);
            array = Arc::new(StructArray::new(fields.clone(), vec![array], None));
            field = Arc::new(Field::new("item", DataType::Struct(fields), true));
        } else {
            let offsets = OffsetBuffer::from_repeated_length(1, 3);
            array = Arc::new(ListArray::new(field.clone(), offsets, array, None));
            field = Arc::new(Field::new("list", DataType::List(field), true));
        }
    }
    let group = StructArray::new(vec![field].into(), vec![array], None);
    let page = encode(&group).unwrap();
    assert!(page.len() < 10_000);
    assert_eq!(open(&group).scan(0..3, &Projection::all(group.fields())).unwrap(), group);
}
