//! A table under newer schemas: what is new reads as null, and nothing else changes.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryArray, StringArray, StructArray};
use arrow::datatypes::{DataType, Field};
use tamis_core::{Classify, Kind, Progress};
use tamis_store::Store;
use tamis_table::{Columns, Edit, EditOptions, GroupSchema, RowBatch, Table, TableSchema};

/// The schema with a field in the first group and a group at the end.
fn wider() -> TableSchema {
    let mut schema = crate::schema();
    let marked = |name| crate::marked(Field::new(name, DataType::Utf8, true), "tamis.summary", "counts");
    let mut fields: Vec<_> = schema.groups[0].fields.iter().cloned().collect();
    fields.push(Arc::new(marked("weather")));
    schema.groups[0] = GroupSchema::new("base", fields);
    schema.groups.push(GroupSchema::new("more", vec![marked("note")]));
    schema
}

#[test]
fn new_groups_and_fields_are_null_and_change_no_content_and_no_node() {
    let store = Store::memory().unwrap();
    let old = crate::build(&store, 300);
    let new = crate::with_writer(&store, |writer| old.evolve(writer, wider()).unwrap());
    assert_ne!(new.id(), old.id());
    assert_eq!(new.content_hash(), old.content_hash());
    assert_eq!(old.diff(&new).unwrap().count(), 0);
    assert_eq!(new.diff(&old).unwrap().count(), 0);
    new.verify(&Progress::none()).unwrap();
    let row = new.get(crate::key(2).as_bytes(), &Columns::all(new.schema())).unwrap().unwrap();
    assert_eq!(row.groups[0].as_ref().unwrap().column(1).null_count(), 1);
    assert_eq!(row.groups[2].as_ref().unwrap().column(0).null_count(), 1);

    // Something in the new group, and away again: the base is as it was.
    let note = |text: Option<&str>| {
        let fields = new.schema().groups[2].fields.clone();
        let group = StructArray::new(fields, vec![Arc::new(StringArray::from(vec![text]))], None);
        let keys = BinaryArray::from_iter_values([crate::key(8)]);
        Edit::patch(RowBatch { keys, groups: vec![None, None, Some(group)] })
    };
    let edit = |table: &Table, edit: &Edit| {
        crate::with_writer(&store, |writer| table.edit(writer, edit, &EditOptions::default()).unwrap())
    };
    let folded = |table: &Table| crate::with_writer(&store, |writer| table.compact(writer).unwrap());
    let noted = folded(&edit(&new, &note(Some("wet"))).table);
    assert_eq!(noted.summary().column("more", "note").unwrap().counts["wet"], 1);
    let batch = old.diff(&noted).unwrap().next().unwrap().unwrap();
    assert_eq!((batch.len(), &batch.changed), (1, &vec![vec![false], vec![false], vec![true]]));
    let back = noted.diff(&old).unwrap().next().unwrap().unwrap();
    assert_eq!(back.old.groups[2].as_ref().unwrap().column(0).as_string::<i32>().value(0), "wet");
    let cleared = folded(&edit(&noted, &note(None)).table);
    assert_eq!(cleared.folded_root(), old.folded_root());
    assert_eq!(cleared.summary(), old.summary());
}

#[test]
fn schemas_that_would_lose_something_are_refused() {
    let store = Store::memory().unwrap();
    let old = crate::build(&store, 10);
    let mut removed = crate::schema();
    removed.groups.pop();
    let mut moved = crate::schema();
    moved.groups.swap(0, 1);
    let mut retyped = crate::schema();
    retyped.groups[0] = GroupSchema::new("base", vec![Field::new("number", DataType::Float64, true)]);
    let mut recounted = crate::schema();
    let field = crate::marked(Field::new("number", DataType::Int64, true), "tamis.summary", "counts");
    recounted.groups[0] = GroupSchema::new("base", vec![field]);
    for schema in [retyped, moved, recounted] {
        let error = crate::with_writer(&store, |writer| old.evolve(writer, schema).unwrap_err());
        assert_eq!(error.kind(), Kind::Invalid, "{error}");
    }
    assert!(crate::with_writer(&store, |writer| old.evolve(writer, removed)).is_err());
}
