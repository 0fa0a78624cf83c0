//! Laws of tables, against a map as the naive model.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array, AsArray, BinaryArray, Int64Array, ListBuilder, StringArray, StringBuilder, StructArray, StructBuilder,
    UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Fields, Int64Type, UInt64Type};
use proptest::prelude::*;
use tamis_core::Progress;
use tamis_store::Store;

use super::{BuildOptions, Columns, EditOptions, ScanFilter, ScanOptions, Table, TableCache};
use crate::rows::{Edit, Op, RowBatch};
use crate::{CutRule, GroupSchema, TableSchema};

/// A row of the model: a number, a text, and labels by id where the layer is there.
#[derive(Clone, Debug, PartialEq, Default)]
struct Row {
    number: Option<i64>,
    text: Option<String>,
    labels: Option<BTreeMap<u64, String>>,
}

type Model = BTreeMap<Vec<u8>, Row>;

fn label_fields() -> Fields {
    let class = Field::new("class", DataType::Utf8, false)
        .with_metadata([("tamis.summary".to_owned(), "counts".to_owned())].into());
    vec![Field::new("id", DataType::UInt64, false), class].into()
}

fn schema() -> TableSchema {
    let meta = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
    let number = Field::new("number", DataType::Int64, true).with_metadata(meta("tamis.summary", "sum;minmax;values"));
    let text = Field::new("text", DataType::Utf8, true).with_metadata(meta("tamis.summary", "counts"));
    let item = Field::new("item", DataType::Struct(label_fields()), false);
    let labels = Field::new("labels", DataType::List(item.into()), true).with_metadata(
        [("tamis.merge".to_owned(), "keyed:id".to_owned()), ("tamis.summary".to_owned(), "values;rows".to_owned())]
            .into(),
    );
    TableSchema { groups: vec![GroupSchema::new("base", vec![number, text]), GroupSchema::new("layer", vec![labels])] }
}

fn batch<'a>(rows: impl IntoIterator<Item = (&'a Vec<u8>, &'a Row)>) -> RowBatch {
    let rows: Vec<(&Vec<u8>, &Row)> = rows.into_iter().collect();
    let schema = schema();
    let numbers = Int64Array::from(rows.iter().map(|(_, row)| row.number).collect::<Vec<_>>());
    let texts = StringArray::from(rows.iter().map(|(_, row)| row.text.clone()).collect::<Vec<_>>());
    let item = StructBuilder::new(label_fields(), vec![Box::new(UInt64Builder::new()), Box::new(StringBuilder::new())]);
    let mut lists = ListBuilder::new(item).with_field(Field::new("item", DataType::Struct(label_fields()), false));
    for (_, row) in &rows {
        for (id, class) in row.labels.iter().flatten() {
            lists.values().field_builder::<UInt64Builder>(0).unwrap().append_value(*id);
            lists.values().field_builder::<StringBuilder>(1).unwrap().append_value(class);
            lists.values().append(true);
        }
        lists.append(row.labels.is_some());
    }
    let base = StructArray::new(schema.groups[0].fields.clone(), vec![Arc::new(numbers), Arc::new(texts)], None);
    let layer = StructArray::new(schema.groups[1].fields.clone(), vec![Arc::new(lists.finish())], None);
    let keys = BinaryArray::from_iter_values(rows.iter().map(|(key, _)| key));
    RowBatch { keys, groups: vec![Some(base), Some(layer)] }
}

fn row(batch: &RowBatch, at: usize) -> Row {
    let base = batch.groups[0].as_ref().unwrap();
    let number = base.column(0).as_primitive::<Int64Type>();
    let text = base.column(1).as_string::<i32>();
    let lists = batch.groups[1].as_ref().unwrap().column(0).as_list::<i32>().clone();
    let labels = lists.is_valid(at).then(|| {
        let items = lists.value(at);
        let items = items.as_struct();
        let (ids, classes) = (items.column(0).as_primitive::<UInt64Type>(), items.column(1).as_string::<i32>());
        (0..items.len()).map(|i| (ids.value(i), classes.value(i).to_owned())).collect()
    });
    Row {
        number: number.is_valid(at).then(|| number.value(at)),
        text: text.is_valid(at).then(|| text.value(at).to_owned()),
        labels,
    }
}

fn rows(batch: &RowBatch) -> Vec<(Vec<u8>, Row)> {
    (0..batch.len()).map(|at| (batch.keys.value(at).to_vec(), row(batch, at))).collect()
}

fn read(table: &Table) -> Model {
    let scan = table.scan(ScanOptions::new(Columns::all(table.schema())).threads(2)).unwrap();
    scan.flat_map(|batch| rows(&batch.unwrap())).collect()
}

/// One change of a batch.
#[derive(Clone, Debug)]
enum Step {
    Put(Row),
    PatchBase(Option<i64>, Option<String>),
    PatchLayer(Option<BTreeMap<u64, String>>),
    Delete,
}

fn apply(model: &mut Model, key: &[u8], step: &Step) {
    match step {
        Step::Put(row) => drop(model.insert(key.to_vec(), row.clone())),
        Step::Delete => drop(model.remove(key)),
        Step::PatchBase(number, text) => {
            let row = model.entry(key.to_vec()).or_default();
            (row.number, row.text) = (*number, text.clone());
        }
        Step::PatchLayer(labels) => model.entry(key.to_vec()).or_default().labels = labels.clone(),
    }
}

fn edit_of(steps: &BTreeMap<Vec<u8>, Step>) -> Edit {
    let values: BTreeMap<Vec<u8>, Row> = steps
        .iter()
        .map(|(key, step)| {
            let row = match step {
                Step::Put(row) => row.clone(),
                Step::PatchBase(number, text) => Row { number: *number, text: text.clone(), labels: None },
                Step::PatchLayer(labels) => Row { labels: labels.clone(), ..Row::default() },
                Step::Delete => Row::default(),
            };
            (key.clone(), row)
        })
        .collect();
    let op = |step: &Step| match step {
        Step::Put(_) => Op::Put,
        Step::Delete => Op::Delete,
        Step::PatchBase(..) | Step::PatchLayer(_) => Op::Patch,
    };
    let has = |base: bool| {
        let has = move |step: &Step| match step {
            Step::PatchBase(..) => base,
            Step::PatchLayer(_) => !base,
            Step::Put(_) | Step::Delete => true,
        };
        Some(steps.values().map(has).collect())
    };
    Edit { rows: batch(&values), ops: steps.values().map(op).collect(), present: vec![has(true), has(false)] }
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    (0u16..120, 0u8..3).prop_map(|(n, kind)| match kind {
        0 => format!("train/{n:04}.jpg").into_bytes(),
        1 => format!("t{n}").into_bytes(),
        _ => vec![0xff, n as u8, 0],
    })
}

fn text() -> impl Strategy<Value = Option<String>> {
    prop_oneof![Just(None), "[a-c]{0,2}".prop_map(Some)]
}

fn labels() -> impl Strategy<Value = Option<BTreeMap<u64, String>>> {
    prop_oneof![
        1 => Just(None),
        4 => prop::collection::btree_map(0u64..6, "[xyz]", 0..4).prop_map(Some),
    ]
}

fn any_row() -> impl Strategy<Value = Row> {
    (prop::option::of(-5i64..5), text(), labels()).prop_map(|(number, text, labels)| Row { number, text, labels })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any_row().prop_map(Step::Put),
        1 => (prop::option::of(-5i64..5), text()).prop_map(|(n, t)| Step::PatchBase(n, t)),
        3 => labels().prop_map(Step::PatchLayer),
        2 => Just(Step::Delete),
    ]
}

fn steps(most: usize) -> impl Strategy<Value = BTreeMap<Vec<u8>, Step>> {
    prop::collection::btree_map(key(), step(), 1..most)
}

fn options() -> impl Strategy<Value = EditOptions> {
    (0u64..4, 1usize..6, prop_oneof![Just(0u64), Just(1 << 20)]).prop_map(|(fold_ratio, depth, base)| EditOptions {
        fold_ratio,
        depth,
        base_fold_rows: base,
        ..EditOptions::default()
    })
}

struct World {
    cache: Arc<TableCache>,
    store: Store,
}

impl World {
    fn new() -> World {
        let store = Store::memory().unwrap();
        World { cache: TableCache::new(&store), store }
    }

    fn build(&self, model: &Model) -> Table {
        let writer = self.store.writer().unwrap();
        let options = BuildOptions { cut: CutRule::about(8), ..BuildOptions::default() };
        let parts: Vec<_> = model.iter().collect();
        let batches: Vec<_> = parts.chunks(7).map(|part| Ok(batch(part.iter().copied()))).collect();
        let table = Table::build(&self.cache, &writer, schema(), batches, &options).unwrap();
        writer.finish().unwrap();
        table
    }

    fn edit(&self, table: &Table, steps: &BTreeMap<Vec<u8>, Step>, options: &EditOptions) -> super::Edited {
        let writer = self.store.writer().unwrap();
        let edited = table.edit(&writer, &edit_of(steps), options).unwrap();
        writer.finish().unwrap();
        edited
    }

    fn folded(&self, table: &Table) -> Table {
        let writer = self.store.writer().unwrap();
        let folded = table.compact(&writer).unwrap();
        writer.finish().unwrap();
        folded
    }
}

fn naive_diff(old: &Model, new: &Model) -> BTreeMap<Vec<u8>, (Option<Row>, Option<Row>)> {
    let keys: BTreeSet<&Vec<u8>> = old.keys().chain(new.keys()).collect();
    let changed = keys.into_iter().filter(|key| old.get(*key) != new.get(*key));
    changed.map(|key| (key.clone(), (old.get(key).cloned(), new.get(key).cloned()))).collect()
}

fn diff(old: &Table, new: &Table) -> BTreeMap<Vec<u8>, (Option<Row>, Option<Row>)> {
    let mut found = BTreeMap::new();
    let mut last: Option<Vec<u8>> = None;
    for part in old.diff(new).unwrap() {
        let part = part.unwrap();
        for at in 0..part.len() {
            let key = part.keys.value(at).to_vec();
            assert!(last.as_ref().is_none_or(|last| *last < key), "differences come in order");
            last = Some(key.clone());
            let (old, new) = (part.was[at].then(|| row(&part.old, at)), part.is[at].then(|| row(&part.new, at)));
            found.insert(key, (old, new));
        }
    }
    found
}

/// The outcome of a naive three-way merge and the keys with conflicts.
/// The keys of the rows whose values in a group differ, or that only one side has, by the table.
fn diff_in(old: &Table, new: &Table, group: &str) -> BTreeSet<Vec<u8>> {
    let columns = Columns::groups(new.schema(), &[group]).unwrap();
    let mut found = BTreeSet::new();
    for part in old.diff_in(new, &columns).unwrap() {
        let part = part.unwrap();
        found.extend(part.keys.iter().flatten().map(<[u8]>::to_vec));
    }
    found
}

fn naive_merge(base: &Model, ours: &Model, theirs: &Model) -> (Model, BTreeSet<Vec<u8>>) {
    let (mut merged, mut conflicts) = (ours.clone(), BTreeSet::new());
    for (key, (old, new)) in naive_diff(base, theirs) {
        let mine = ours.get(&key);
        if mine == old.as_ref() {
            match new {
                Some(row) => drop(merged.insert(key, row)),
                None => drop(merged.remove(&key)),
            }
            continue;
        }
        match (mine, new) {
            (None, None) => {}
            (None, Some(_)) | (Some(_), None) => drop(conflicts.insert(key)),
            (Some(mine), Some(new)) => {
                let old = old.unwrap_or_default();
                let mut row = mine.clone();
                let mut clash = false;
                if new.number != old.number && mine.number == old.number {
                    row.number = new.number;
                } else if new.number != old.number && new.number != mine.number {
                    clash = true;
                }
                if new.text != old.text && mine.text == old.text {
                    row.text = new.text.clone();
                } else if new.text != old.text && new.text != mine.text {
                    clash = true;
                }
                if new.labels != old.labels && mine.labels == old.labels {
                    row.labels = new.labels.clone();
                } else if new.labels != old.labels && new.labels != mine.labels {
                    match (&mine.labels, &new.labels) {
                        (Some(a), Some(b)) => {
                            let base = old.labels.clone().unwrap_or_default();
                            let mut joined = a.clone();
                            for id in a.keys().chain(b.keys()).chain(base.keys()).collect::<BTreeSet<_>>() {
                                let (o, m, t) = (base.get(id), a.get(id), b.get(id));
                                if m == o && t != o {
                                    match t {
                                        Some(class) => drop(joined.insert(*id, class.clone())),
                                        None => drop(joined.remove(id)),
                                    }
                                } else if t != o && t != m {
                                    clash = true;
                                }
                            }
                            row.labels = Some(joined);
                        }
                        _ => clash = true,
                    }
                }
                if clash {
                    conflicts.insert(key.clone());
                }
                merged.insert(key, row);
            }
        }
    }
    (merged, conflicts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_stack_reads_as_the_model_and_folds_to_what_a_build_gives(
        first in prop::collection::btree_map(key(), any_row(), 0..150),
        edits in prop::collection::vec(steps(40), 1..8),
        options in options(),
    ) {
        let world = World::new();
        let mut model = first;
        let mut table = world.build(&model);
        let start = (table.clone(), model.clone());
        for steps in &edits {
            let before = (table.clone(), model.clone());
            steps.iter().for_each(|(key, step)| apply(&mut model, key, step));
            let edited = world.edit(&table, steps, &options);
            table = edited.table;
            let changes = naive_diff(&before.1, &model);
            prop_assert_eq!(edited.added + edited.changed + edited.removed, changes.len() as u64);
            prop_assert_eq!(read(&table), model.clone());
            for key in model.keys().chain(before.1.keys()) {
                prop_assert_eq!(table.rank(key).unwrap(), model.range::<Vec<u8>, _>(..key).count() as u64);
            }
            let every = |step: usize| {
                let numbers: Vec<u64> = (0..model.len() as u64 + 3).step_by(step).collect();
                let keys = table.keys_at(&numbers).unwrap();
                keys.iter().map(|key| key.unwrap().to_vec()).collect::<Vec<_>>()
            };
            prop_assert_eq!(every(1), model.keys().cloned().collect::<Vec<_>>());
            prop_assert_eq!(every(5), model.keys().step_by(5).cloned().collect::<Vec<_>>());
            prop_assert_eq!(diff(&before.0, &table), changes.clone());
            match edited.change {
                Some(change) => {
                    let reopened = super::Change::open(&world.cache, change.id).unwrap();
                    prop_assert_eq!(reopened.rows(), changes.len() as u64);
                    let keys = reopened.keys(&world.cache, table.schema()).unwrap();
                    prop_assert_eq!(keys.iter().flatten().map(<[u8]>::to_vec).collect::<Vec<_>>(), changes.into_keys().collect::<Vec<_>>());
                }
                None => prop_assert!(changes.is_empty()),
            }
        }
        prop_assert_eq!(diff(&start.0, &table), naive_diff(&start.1, &model));
        prop_assert_eq!(diff(&table, &start.0), naive_diff(&model, &start.1));
        table.verify(&Progress::none()).unwrap();
        let (folded, built) = (world.folded(&table), world.build(&model));
        prop_assert_eq!(folded.folded_root(), built.folded_root());
        prop_assert_eq!(folded.content_hash(), built.content_hash());
        prop_assert_eq!(table.content_hash(), built.content_hash());
        prop_assert_eq!(folded.summary(), built.summary());
        prop_assert_eq!(diff(&start.0, &folded), naive_diff(&start.1, &model));
        prop_assert!(diff(&table, &folded).is_empty());
        for group in ["base", "layer"] {
            let changed = |(key, (old, new)): (Vec<u8>, (Option<Row>, Option<Row>))| {
                let part = |row: &Row| match group {
                    "base" => Row { labels: None, ..row.clone() },
                    _ => Row { labels: row.labels.clone(), ..Row::default() },
                };
                (old.as_ref().map(part) != new.as_ref().map(part)).then_some(key)
            };
            let expected: BTreeSet<_> = naive_diff(&start.1, &model).into_iter().filter_map(changed).collect();
            prop_assert_eq!(diff_in(&start.0, &table, group), expected.clone());
            prop_assert_eq!(diff_in(&start.0, &folded, group), expected.clone());
            prop_assert_eq!(diff_in(&folded, &start.0, group), expected);
            prop_assert!(diff_in(&table, &folded, group).is_empty());
            // What no delta touches is as it is in the pages of the base.
            let touched: BTreeSet<Vec<u8>> = table.overlaid(&Columns::groups(table.schema(), &[group]).unwrap()).unwrap()
                .iter().flatten().map(<[u8]>::to_vec).collect();
            let mut kept = BTreeSet::new();
            for leaf in table.base_leaves().unwrap() {
                let keys = leaf.keys(&table).unwrap();
                prop_assert_eq!(keys.len() as u64, leaf.rows);
                kept.extend(keys.iter().flatten().map(<[u8]>::to_vec).filter(|key| !touched.contains(key)));
            }
            let rest: BTreeSet<_> = model.keys().filter(|key| !touched.contains(*key)).cloned().collect();
            prop_assert_eq!(kept, rest);
        }
        for name in ["base:number", "base:text", "layer:labels", "layer:labels.class"] {
            let of = |table: &Table| table.summary().columns.get(name).cloned().unwrap_or_default();
            let (stack, built) = (of(&table), of(&built));
            prop_assert_eq!((stack.values, stack.nonempty, stack.sum, stack.counts), (built.values, built.nonempty, built.sum, built.counts));
        }
        folded.verify(&Progress::none()).unwrap();
    }

    #[test]
    fn a_filter_of_subtrees_loses_no_wanted_row(
        first in prop::collection::btree_map(key(), any_row(), 0..150),
        edits in prop::collection::vec(steps(20), 0..4),
        start in prop::option::of(key()),
        end in prop::option::of(key()),
        wanted in prop_oneof![Just("a"), Just("bc"), Just("")],
        least in -5i64..6,
    ) {
        let world = World::new();
        let mut model = first;
        let mut table = world.build(&model);
        for steps in &edits {
            steps.iter().for_each(|(key, step)| apply(&mut model, key, step));
            let options = EditOptions { base_fold_rows: 0, ..EditOptions::default() };
            table = world.edit(&table, steps, &options).table;
        }
        let columns = ["base:text".to_owned(), "base:number".to_owned()];
        let filter = ScanFilter::new(columns, move |_, _, summary| {
            let text = summary.columns.get("base:text");
            let number = summary.columns.get("base:number").and_then(|column| column.range);
            text.is_some_and(|c| c.other != 0 || c.counts.contains_key(wanted)) && number.is_some_and(|r| r.1 >= least as f64)
        });
        let inside = |key: &Vec<u8>| start.as_ref().is_none_or(|s| s <= key) && end.as_ref().is_none_or(|e| key < e);
        let fits = |row: &Row| row.text.as_deref() == Some(wanted) && row.number.is_some_and(|n| n >= least);
        let plan = table.plan(start.clone(), end.clone(), Some(&filter)).unwrap();
        let all = Columns::all(table.schema());
        let mut found: Vec<(Vec<u8>, Row)> = Vec::new();
        for part in 0..plan.len() {
            let batch = plan.read(part, &all, true).unwrap();
            prop_assert_eq!(plan.read(part, &all, false).unwrap().len(), batch.len());
            found.extend(rows(&batch));
        }
        prop_assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0), "rows come in order");
        prop_assert!(found.iter().all(|(key, row)| inside(key) && model.get(key) == Some(row)), "rows are those of the table");
        let expected: Vec<(Vec<u8>, Row)> =
            model.iter().filter(|(key, row)| inside(key) && fits(row)).map(|(k, r)| (k.clone(), r.clone())).collect();
        let kept: Vec<_> = found.into_iter().filter(|(_, row)| fits(row)).collect();
        prop_assert_eq!(kept, expected);
    }

    #[test]
    fn reads_of_keys_and_ranges_are_those_of_the_model(
        first in prop::collection::btree_map(key(), any_row(), 0..150),
        edits in prop::collection::vec(steps(30), 0..4),
        wanted in prop::collection::btree_set(key(), 0..80),
        start in prop::option::of(key()),
        end in prop::option::of(key()),
    ) {
        let world = World::new();
        let mut model = first;
        let mut table = world.build(&model);
        for steps in &edits {
            steps.iter().for_each(|(key, step)| apply(&mut model, key, step));
            let options = EditOptions { base_fold_rows: 0, ..EditOptions::default() };
            table = world.edit(&table, steps, &options).table;
        }
        let all = Columns::all(table.schema());
        let keys = BinaryArray::from_iter_values(&wanted);
        let (found, is) = table.get_many(&keys, &all).unwrap();
        for (at, key) in wanted.iter().enumerate() {
            let expected = model.get(key);
            prop_assert_eq!(is[at].then(|| row(&found, at)), expected.cloned());
            let one = table.get(key, &all).unwrap();
            prop_assert_eq!(one.map(|batch| row(&batch, 0)), expected.cloned());
        }
        let is_inside = |key: &Vec<u8>| start.as_ref().is_none_or(|s| s <= key) && end.as_ref().is_none_or(|e| key < e);
        let inside: Model = model.iter().filter(|(key, _)| is_inside(key)).map(|(k, r)| (k.clone(), r.clone())).collect();
        let scan = table.scan(ScanOptions::new(all).range(start.clone(), end.clone())).unwrap();
        let read: Vec<_> = scan.flat_map(|part| rows(&part.unwrap())).collect();
        prop_assert_eq!(read, inside.clone().into_iter().collect::<Vec<_>>());
        let summary = table.summary_of(start.as_deref(), end.as_deref()).unwrap();
        let built = world.build(&inside);
        prop_assert_eq!((summary.rows, summary.content), (built.summary().rows, built.content_hash()));
        for (name, column) in &built.summary().columns {
            let own = summary.columns.get(name).cloned().unwrap_or_default();
            prop_assert_eq!((&own.counts, own.sum, own.values), (&column.counts, column.sum, column.values), "{}", name);
        }
    }

    #[test]
    fn merges_are_those_of_the_model_and_commute_without_conflicts(
        first in prop::collection::btree_map(key(), any_row(), 0..80),
        ours in steps(40),
        theirs in steps(40),
    ) {
        let world = World::new();
        let base = world.build(&first);
        let options = EditOptions::default();
        let (mut our_model, mut their_model) = (first.clone(), first.clone());
        ours.iter().for_each(|(key, step)| apply(&mut our_model, key, step));
        theirs.iter().for_each(|(key, step)| apply(&mut their_model, key, step));
        let (ours, theirs) = (world.edit(&base, &ours, &options).table, world.edit(&base, &theirs, &options).table);
        let merge = |a: &Table, b: &Table| {
            let writer = world.store.writer().unwrap();
            let merged = Table::merge(&writer, &base, a, b, &options).unwrap();
            writer.finish().unwrap();
            merged
        };
        let merged = merge(&ours, &theirs);
        let (model, conflicts) = naive_merge(&first, &our_model, &their_model);
        prop_assert_eq!(read(&merged.edited.table), model);
        let keys: BTreeSet<Vec<u8>> = merged.conflicts.iter().map(|conflict| conflict.key.clone()).collect();
        prop_assert_eq!(&keys, &conflicts);
        if conflicts.is_empty() {
            let other = merge(&theirs, &ours).edited.table;
            prop_assert_eq!(other.content_hash(), merged.edited.table.content_hash());
        }
    }

    #[test]
    fn reachable_objects_are_all_that_a_copy_needs(
        first in prop::collection::btree_map(key(), any_row(), 1..100),
        changes in steps(30),
    ) {
        let world = World::new();
        let old = world.build(&first);
        let new = world.edit(&old, &changes, &EditOptions { base_fold_rows: 0, ..EditOptions::default() }).table;
        let (mut first_ids, mut all, mut more) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        old.reachable(None, &mut |id| { first_ids.insert(id); Ok(()) }).unwrap();
        new.reachable(None, &mut |id| { all.insert(id); Ok(()) }).unwrap();
        new.reachable(Some(&old), &mut |id| { more.insert(id); Ok(()) }).unwrap();
        prop_assert!(all.is_subset(&first_ids.union(&more).copied().collect()));
        prop_assert!(more.is_subset(&all));
    }
}

#[test]
fn rows_out_of_order_or_of_another_shape_are_refused() {
    let world = World::new();
    let writer = world.store.writer().unwrap();
    let rows: Model = [(b"a".to_vec(), Row::default()), (b"b".to_vec(), Row::default())].into();
    let twice = vec![Ok(batch(&rows)), Ok(batch(&rows))];
    let error = Table::build(&world.cache, &writer, schema(), twice, &BuildOptions::default()).unwrap_err();
    assert!(error.to_string().contains("`a`"), "{error}");
    let short = RowBatch { groups: vec![None], ..batch(&rows) };
    let options = BuildOptions::default();
    assert!(Table::build(&world.cache, &writer, schema(), vec![Ok(short)], &options).is_err());
}
