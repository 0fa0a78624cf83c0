//! Tables through their public door: what survives a restart, damage, forged objects, new schemas.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod damage;
mod evolution;
mod forged;

use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryArray, Int64Array, ListArray, StringArray, StructArray, UInt64Array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Int64Type};
use tamis_store::{Store, Writer};
use tamis_table::{
    BuildOptions, Columns, CutRule, Edit, EditOptions, Edited, GroupSchema, RowBatch, ScanOptions, Table, TableCache,
    TableSchema,
};

fn marked(field: Field, key: &str, value: &str) -> Field {
    field.with_metadata([(key.to_owned(), value.to_owned())].into())
}

fn label_fields() -> Fields {
    vec![
        Field::new("id", DataType::UInt64, true),
        marked(Field::new("class", DataType::Utf8, true), "tamis.summary", "counts"),
    ]
    .into()
}

/// A number, and a list of labels that merges by id.
pub(crate) fn schema() -> TableSchema {
    let number = marked(Field::new("number", DataType::Int64, true), "tamis.summary", "sum;minmax;values");
    let item = Field::new("item", DataType::Struct(label_fields()), true);
    let labels = marked(Field::new("labels", DataType::List(item.into()), true), "tamis.merge", "keyed:id");
    TableSchema { groups: vec![GroupSchema::new("base", vec![number]), GroupSchema::new("layer", vec![labels])] }
}

pub(crate) fn key(row: u64) -> String {
    format!("train/{row:06}.jpg")
}

/// Rows of some numbers; `turn` changes their values.
pub(crate) fn batch(rows: impl IntoIterator<Item = u64>, turn: u64) -> RowBatch {
    let rows: Vec<u64> = rows.into_iter().collect();
    let numbers = Int64Array::from_iter_values(rows.iter().map(|row| (row * 7 + turn * 1000) as i64));
    let lengths: Vec<usize> = rows.iter().map(|row| ((row + turn) % 4) as usize).collect();
    let ids = UInt64Array::from_iter_values(lengths.iter().flat_map(|&length| 0..length as u64));
    let classes =
        StringArray::from_iter_values((0..ids.len()).map(|at| ["car", "bus", "dog"][(at + turn as usize) % 3]));
    let items = StructArray::new(label_fields(), vec![Arc::new(ids), Arc::new(classes)], None);
    let item = Field::new("item", items.data_type().clone(), true);
    let lists = ListArray::new(item.into(), OffsetBuffer::from_lengths(lengths), Arc::new(items), None);
    let schema = schema();
    let group = |at: usize, column| StructArray::new(schema.groups[at].fields.clone(), vec![column], None);
    RowBatch {
        keys: BinaryArray::from_iter_values(rows.iter().map(|row| key(*row))),
        groups: vec![Some(group(0, Arc::new(numbers))), Some(group(1, Arc::new(lists)))],
    }
}

pub(crate) fn with_writer<T>(store: &Store, act: impl FnOnce(&Writer) -> T) -> T {
    let writer = store.writer().unwrap();
    let outcome = act(&writer);
    writer.finish().unwrap();
    outcome
}

/// A table of even rows with small leaves.
pub(crate) fn build(store: &Store, rows: u64) -> Table {
    let options = || {
        let mut options = BuildOptions::default();
        options.cut = CutRule::about(64);
        options
    };
    let batches = [Ok(batch((0..rows).map(|row| row * 2), 0))];
    with_writer(store, |writer| Table::build(&TableCache::new(store), writer, schema(), batches, &options()).unwrap())
}

/// Three edits that stay on the stack: values, new rows, removed ones.
pub(crate) fn edited(store: &Store, table: &Table) -> Edited {
    let mut options = EditOptions::default();
    (options.base_fold_rows, options.fold_ratio) = (0, 0);
    let edits = [
        Edit::patch(RowBatch {
            groups: vec![None, batch((0..20).map(|r| r * 6), 3).groups.remove(1)],
            ..batch((0..20).map(|r| r * 6), 3)
        }),
        Edit::put(batch((0..30).map(|r| r * 4 + 1), 5)),
        Edit::delete(batch((0..15).map(|r| r * 8), 0).keys, table.schema()),
    ];
    let mut last = None;
    let mut table = table.clone();
    for edit in edits {
        let next = with_writer(store, |writer| table.edit(writer, &edit, &options).unwrap());
        table = next.table.clone();
        last = Some(next);
    }
    last.unwrap()
}

/// Everything that a reader may do with a table. Returns its keys and numbers.
pub(crate) fn exercise(table: &Table) -> tamis_table::Result<Vec<(Vec<u8>, Option<i64>)>> {
    let all = Columns::all(table.schema());
    let mut rows = Vec::new();
    for part in table.scan(ScanOptions::new(all.clone()).threads(2))? {
        let part = part?;
        let Some(base) = &part.groups[0] else { continue };
        let numbers = base.column(0).as_primitive::<Int64Type>();
        rows.extend(
            (0..part.len()).map(|at| (part.keys.value(at).to_vec(), numbers.is_valid(at).then(|| numbers.value(at)))),
        );
    }
    let keys = BinaryArray::from_iter_values((0..200).map(key));
    table.get_many(&keys, &all)?;
    table.get(key(12).as_bytes(), &all)?;
    table.summary_of(Some(key(10).as_bytes()), Some(key(90).as_bytes()))?;
    table.reachable(None, &mut |_| Ok(()))?;
    table.verify(&tamis_core::Progress::none())?;
    Ok(rows)
}
