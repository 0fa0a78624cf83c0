//! Column groups and tables beside the samples: values that are computed from them.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryArray, StructArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Fields, UInt64Type};
use tamis_core::{DatasetName, Progress, Sample};
use tamis_repo::{CloneOptions, Dataset, GcOptions, GroupInput, MergeOptions, MergeOutcome, Repo, SamplePatch};
use tamis_table::{Columns, Edit, GroupSchema, RowBatch, TableSchema};

use crate::support::*;

fn group() -> GroupSchema {
    let fields: Fields = vec![Field::new("value", DataType::UInt64, true)].into();
    GroupSchema::new("derived/hash", GroupInput::Media.mark(&fields))
}

fn values(rows: &[(&str, Option<u64>)]) -> (BinaryArray, StructArray) {
    let keys = BinaryArray::from_iter_values(rows.iter().map(|(path, _)| path.as_bytes()));
    let array = UInt64Array::from(rows.iter().map(|(_, value)| *value).collect::<Vec<_>>());
    (keys, StructArray::new(group().fields, vec![Arc::new(array)], None))
}

fn derive(signs: &Dataset, branch: &str, rows: &[(&str, Option<u64>)]) {
    let mut edit = signs.transaction(branch).unwrap();
    edit.put_group(&group(), std::iter::once(Ok(values(rows)))).unwrap();
    edit.set_extra("derived/hash", Some(b"{}")).unwrap();
    edit.set_extra("state/derived/hash", Some(branch.as_bytes())).unwrap();
    edit.commit("derive", &me()).unwrap();
}

fn derived(signs: &Dataset, revision: &str) -> Vec<(String, Option<u64>)> {
    let snapshot = signs.snapshot(revision).unwrap();
    let at = snapshot.schema().position("derived/hash").unwrap();
    let columns = Columns::groups(snapshot.schema(), &["derived/hash"]).unwrap();
    let mut rows = Vec::new();
    for batch in snapshot.table().scan(tamis_table::ScanOptions::new(columns)).unwrap() {
        let batch = batch.unwrap();
        let column = batch.groups[at].as_ref().unwrap().column(0).as_primitive::<UInt64Type>().clone();
        for row in 0..batch.len() {
            let path = String::from_utf8(batch.keys.value(row).to_vec()).unwrap();
            rows.push((path, column.is_valid(row).then(|| column.value(row))));
        }
    }
    rows
}

fn row(path: &str, value: Option<u64>) -> (String, Option<u64>) {
    (path.to_owned(), value)
}

/// A sample whose media are some bytes.
fn pictured(edit: &tamis_repo::Transaction, path: &str, bytes: &[u8]) -> Sample {
    let blob = edit.put_blob(bytes).unwrap();
    let media = tamis_core::Media { blob: Some(blob), size: bytes.len() as u64, ..Default::default() };
    Sample { media: Some(media), ..sample(path, &[car(1, 0.0)]) }
}

fn three() -> Dataset {
    let signs = dataset();
    let mut edit = signs.transaction("main").unwrap();
    for (path, bytes) in [("a", b"A"), ("b", b"B"), ("c", b"C")] {
        let sample = pictured(&edit, path, bytes);
        edit.put(sample).unwrap();
    }
    edit.commit("three", &me()).unwrap();
    signs
}

#[test]
fn values_stay_until_what_they_are_computed_from_changes() {
    let signs = three();
    derive(&signs, "main", &[("a", Some(1)), ("b", Some(2)), ("c", Some(3))]);
    assert_eq!(derived(&signs, "main"), [row("a", Some(1)), row("b", Some(2)), row("c", Some(3))]);
    // Samples read as ever, and nobody sees a change of them.
    let head = signs.resolve("main").unwrap();
    let changes = signs.diff("main~1", "main", &Default::default()).unwrap();
    assert_eq!(changes.count(), 0, "no sample differs");
    assert_eq!(head.title(), "derive");
    let mut edit = signs.transaction("main").unwrap();
    // Labels and splits say nothing of the picture; the same sample put again does not either.
    edit.patch_layer("a", "truth", Some(vec![car(1, 5.0)])).unwrap();
    edit.patch("a", SamplePatch { split: Some(Some("val".into())), ..SamplePatch::default() }).unwrap();
    let mut again = signs.snapshot("main").unwrap().get("b").unwrap().unwrap();
    again.layers.clear();
    edit.put(again).unwrap();
    let other = pictured(&edit, "c", b"another picture");
    edit.patch("c", SamplePatch { media: Some(other.media), ..SamplePatch::default() }).unwrap();
    let new = pictured(&edit, "d", b"D");
    edit.put(new).unwrap();
    edit.commit("edit", &me()).unwrap();
    assert_eq!(derived(&signs, "main"), [row("a", Some(1)), row("b", Some(2)), row("c", None), row("d", None)]);
    let b = signs.snapshot("main").unwrap().get("b").unwrap().unwrap();
    assert!(b.layers.is_empty(), "what is put replaces all of the sample");
    // A whole sample with other media.
    let mut edit = signs.transaction("main").unwrap();
    let other = pictured(&edit, "a", b"yet another");
    edit.put(other).unwrap();
    edit.delete("b").unwrap();
    edit.commit("edit", &me()).unwrap();
    assert_eq!(derived(&signs, "main"), [row("a", None), row("c", None), row("d", None)]);
    assert_eq!(signs.repo().verify(&Progress::none()).unwrap().problems, Vec::<String>::new());
}

#[test]
fn values_for_samples_that_are_not_there_are_refused() {
    let signs = three();
    let mut edit = signs.transaction("main").unwrap();
    let error = edit.put_group(&group(), std::iter::once(Ok(values(&[("a", Some(1)), ("x", Some(2))])))).unwrap_err();
    assert!(error.to_string().contains("`x`"), "{error}");
    let own = GroupSchema::new("layer/truth", group().fields);
    assert!(edit.put_group(&own, std::iter::empty()).unwrap_err().to_string().contains("layer/truth"));
}

#[test]
fn branches_that_computed_the_same_merge() {
    let signs = three();
    signs.create_branch("side", "main", &me()).unwrap();
    derive(&signs, "main", &[("a", Some(1)), ("b", Some(2)), ("c", Some(3))]);
    derive(&signs, "side", &[("a", Some(1)), ("b", Some(2)), ("c", Some(3))]);
    // Theirs changes a picture and a label, ours a label.
    let mut edit = signs.transaction("side").unwrap();
    let other = pictured(&edit, "c", b"another picture");
    edit.put(other).unwrap();
    edit.patch_layer("a", "truth", Some(vec![car(1, 9.0)])).unwrap();
    edit.commit("side", &me()).unwrap();
    let mut edit = signs.transaction("main").unwrap();
    edit.patch_layer("b", "truth", Some(vec![car(1, 7.0)])).unwrap();
    edit.commit("main", &me()).unwrap();
    let outcome = signs.merge("main", "side", &me(), &MergeOptions::default()).unwrap();
    assert!(matches!(outcome, MergeOutcome::Merged(_)), "{outcome:?}");
    let main = signs.snapshot("main").unwrap();
    assert_eq!(main.get("a").unwrap().unwrap().layers["truth"], [car(1, 9.0)]);
    assert_eq!(main.get("b").unwrap().unwrap().layers["truth"], [car(1, 7.0)]);
    let found = derived(&signs, "main");
    assert_eq!(found[1], row("b", Some(2)));
    assert_eq!(found[2], row("c", None), "the value of the other picture is not kept");
    // States of what is computed do not clash.
    assert_eq!(main.extra("state/derived/hash").unwrap().unwrap(), b"main".as_slice());
}

#[test]
fn other_tables_go_where_the_commit_goes() {
    let signs = three();
    let fields: Fields = vec![Field::new("what", DataType::Utf8, true)].into();
    let schema = TableSchema { groups: vec![GroupSchema::new("finding", fields.clone())] };
    let batch = |key: &str, what: &str| {
        let column: Arc<dyn Array> = Arc::new(arrow::array::StringArray::from(vec![what]));
        let rows = StructArray::new(fields.clone(), vec![column], None);
        RowBatch { keys: BinaryArray::from_iter_values([key.as_bytes()]), groups: vec![Some(rows)] }
    };
    let mut edit = signs.transaction("main").unwrap();
    edit.put_table("findings", schema, std::iter::once(Ok(batch("1", "dark")))).unwrap();
    edit.edit_table("findings", &Edit::put(batch("2", "bright"))).unwrap();
    assert!(edit.drop_table("samples").is_err());
    edit.commit("check", &me()).unwrap();
    let len = |signs: &Dataset, revision: &str| {
        signs.snapshot(revision).unwrap().other_table("findings").unwrap().map(|table| table.len())
    };
    assert_eq!(len(&signs, "main"), Some(2));
    // A commit of samples keeps it; both sides' merge has it; a clone and a collection do not lose it.
    put(&signs, "main", &[sample("z", &[])], "more");
    signs.create_branch("side", "main~1", &me()).unwrap();
    put(&signs, "side", &[sample("y", &[])], "side");
    signs.merge("main", "side", &me(), &MergeOptions::default()).unwrap();
    assert_eq!(len(&signs, "main"), Some(2));
    signs
        .repo()
        .gc(&GcOptions { grace: std::time::Duration::ZERO, ..GcOptions::default() }, &Progress::none())
        .unwrap();
    assert_eq!(signs.repo().verify(&Progress::none()).unwrap().problems, Vec::<String>::new());
    let there = Repo::init(&memory(), options().0).unwrap();
    let name = DatasetName::new("signs").unwrap();
    let (copy, _) = there.clone_dataset(&signs, &name, &CloneOptions::default(), &me(), &Progress::none()).unwrap();
    assert_eq!(len(&copy, "main"), Some(2));
    let mut edit = signs.transaction("main").unwrap();
    edit.drop_table("findings").unwrap();
    edit.commit("drop", &me()).unwrap();
    assert_eq!(len(&signs, "main"), None);
}
