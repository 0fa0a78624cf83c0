//! The steps after the first commit, each timed and checked.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::*;
use arrow::datatypes::Field;
use bytes::Bytes;
use tamis_core::{Hash, TableId};
use tamis_store::{RefVersion, Store};
use tamis_table::page::Projection;
use tamis_table::{Change, Columns, Edit, EditOptions, Edited, RowBatch, ScanOptions, Table};

use crate::rows::{LAYER, Random, box_fields, key};

/// The value of a ref: the version, and the change that made it.
pub(crate) fn named(table: &Table, change: Option<&Change>) -> Bytes {
    let mut value = table.id().0.as_bytes().to_vec();
    value.extend(change.map(|change| change.id.as_bytes().to_vec()).unwrap_or_default());
    value.into()
}

/// The version that a ref names.
pub(crate) fn table_of(value: &[u8]) -> TableId {
    TableId(Hash(value[..32].try_into().unwrap()))
}

/// Bytes and files below a folder.
pub(crate) fn size(folder: &Path) -> (u64, u64) {
    let (mut bytes, mut files) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (more_bytes, more_files) = match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()),
            Ok(metadata) => (metadata.len(), 1),
            Err(_) => (0, 0),
        };
        bytes += more_bytes;
        files += more_files;
    }
    (bytes, files)
}

pub(crate) struct Turn {
    store: Store,
    table: Table,
    parent: Table,
    change: Option<Change>,
    version: RefVersion,
    work: PathBuf,
    rows: u64,
    edit: usize,
    repeat: usize,
    small: usize,
    threads: usize,
    random: Random,
}

impl Turn {
    pub(crate) fn new(store: Store, table: Table, version: RefVersion, work: &Path, rows: u64, quick: bool) -> Turn {
        Turn {
            store,
            parent: table.clone(),
            table,
            change: None,
            version,
            work: work.to_owned(),
            rows,
            edit: 1000.min(rows as usize / 100),
            repeat: if quick { 3 } else { 7 },
            small: if quick { 20 } else { 1000 },
            threads: std::thread::available_parallelism().map_or(2, usize::from),
            random: Random(0x1234_5678_9abc_def1),
        }
    }

    pub(crate) fn run(&mut self) {
        self.edits_and_reads("");
        self.branch_and_merge();
        self.small_commits();
        self.edits_and_reads(", after small commits");
    }

    /// An edit by a process that has read nothing yet.
    pub(crate) fn first_touch(&mut self) {
        let keys = self.draw(self.edit + self.edit / 4);
        let keys = BinaryArray::from_iter_values(keys.iter().map(String::as_bytes));
        let layer = Columns::groups(self.table.schema(), &[LAYER]).unwrap();
        let start = Instant::now();
        let (_, found) = self.table.get_many(&keys, &layer).unwrap();
        let seconds = start.elapsed().as_secs_f64() * self.edit as f64 / keys.len() as f64;
        assert!(found.iter().all(|found| *found));
        say("first touch: old labels of 1,000 rows", &[seconds], None);
        let edit = self.batch(self.edit);
        let start = Instant::now();
        self.commit(&edit);
        say("edit 1,000, second touch", &[start.elapsed().as_secs_f64()], None);
    }

    fn edits_and_reads(&mut self, when: &str) {
        let mut written = Vec::new();
        let mut times = Vec::new();
        for _ in 0..self.repeat {
            let edit = self.batch(self.edit);
            let before = size(&self.work).0;
            times.push(timed(|| self.commit(&edit)).1);
            written.push(size(&self.work).0 - before);
        }
        written.sort_unstable();
        say(&format!("edit 1,000{when}"), &times, Some((written[written.len() / 2], size(&self.work).1)));
        let diff = |turn: &Turn| {
            let change = turn.change.as_ref().unwrap();
            turn.parent.diff_change(&turn.table, change).unwrap().map(|batch| batch.unwrap().len()).sum::<usize>()
        };
        self.repeated(&format!("diff{when}"), diff, self.edit);
        let boxes = self.boxes();
        let labels = Columns::groups(self.table.schema(), &[LAYER]).unwrap();
        self.repeated(&format!("scan labels{when}"), |turn| turn.scan(ScanOptions::new(labels.clone())), boxes);
        let fields = self.table.schema().group(LAYER).unwrap().fields.clone();
        let class = Projection::select(&fields, &["labels.class"]).unwrap();
        let class = Columns::none(self.table.schema()).with(self.table.schema(), LAYER, class).unwrap();
        self.repeated(
            &format!("scan class{when}"),
            |turn| turn.scan(ScanOptions::new(class.clone()).without_keys()),
            boxes,
        );
        self.lookups(when);
        self.statistics(when);
    }

    fn lookups(&mut self, when: &str) {
        let keys = self.draw(1000);
        let all = Columns::all(self.table.schema());
        let mut times = Vec::new();
        for _ in 0..self.repeat {
            let (found, seconds) =
                timed(|| keys.iter().filter(|key| self.table.get(key.as_bytes(), &all).unwrap().is_some()).count());
            assert_eq!(found, keys.len());
            times.push(seconds / keys.len() as f64);
        }
        say(&format!("lookup{when}"), &times, None);
    }

    fn statistics(&self, when: &str) {
        let boxes = self.boxes() as i64;
        let count = |turn: &Turn| {
            let column = turn.table.summary().columns.iter().find(|(name, _)| name.starts_with(LAYER)).unwrap().1;
            (column.counts.values().sum::<i64>() + column.other) as usize
        };
        self.repeated(&format!("class counts{when}"), count, boxes as usize);
        let segment = key(self.rows / 2000 * 1000);
        let (start, end) = (segment.as_bytes()[..11].to_vec(), [&segment.as_bytes()[..10], b"0"].concat());
        let of_segment = |turn: &Turn| turn.table.summary_of(Some(&start), Some(&end)).unwrap().rows as usize;
        self.repeated(&format!("class counts of a segment{when}"), of_segment, 1000);
    }

    fn branch_and_merge(&mut self) {
        let mut times = Vec::new();
        for at in 0..3 {
            let value = named(&self.table, None);
            times.push(timed(|| self.store.swap_ref(&format!("branch{at}"), None, value).unwrap().unwrap()).1);
        }
        say("branch", &times, None);
        let common = 10.min(self.edit / 10);
        let mut times = Vec::new();
        let mut written = Vec::new();
        for _ in 0..self.repeat {
            let (conflicts, seconds, bytes) = self.merge(common);
            assert_eq!(conflicts, common, "rows in conflict");
            times.push(seconds);
            written.push(bytes);
        }
        written.sort_unstable();
        say("merge", &times, Some((written[written.len() / 2], size(&self.work).1)));
    }

    /// Edits the version twice, with some rows in common, and merges one into the other, durably.
    /// Gives the rows in conflict, and the seconds and bytes of the merge.
    fn merge(&mut self, common: usize) -> (usize, f64, u64) {
        let base = self.table.clone();
        let keys = self.with_boxes(2 * self.edit - common);
        let mut sides = [keys[..self.edit].to_vec(), keys[self.edit - common..].to_vec()].map(|mut keys| {
            keys.sort_unstable();
            let edit = self.relabelled(&keys);
            let writer = self.store.writer().unwrap();
            let edited = base.edit(&writer, &edit, &EditOptions::default()).unwrap();
            writer.finish().unwrap();
            edited.table
        });
        let [ours, theirs] = &mut sides;
        let before = size(&self.work).0;
        let (conflicts, seconds) = timed(|| {
            let writer = self.store.writer().unwrap();
            let merged = Table::merge(&writer, &base, ours, theirs, &EditOptions::default()).unwrap();
            let mut keys: Vec<_> = merged.conflicts.iter().map(|conflict| conflict.key.clone()).collect();
            keys.dedup();
            self.land(writer, merged.edited);
            keys.len()
        });
        (conflicts, seconds, size(&self.work).0.saturating_sub(before))
    }

    fn small_commits(&mut self) {
        let before = size(&self.work).0;
        let mut times = Vec::new();
        for _ in 0..self.small {
            let edit = self.batch(10);
            times.push(timed(|| self.commit(&edit)).1);
        }
        let (bytes, files) = size(&self.work);
        say("small commit", &times, Some(((bytes - before) / self.small as u64, files)));
        println!(r#"@{{"step":"small commits","answer":{}}}"#, self.small);
    }

    /// Applies an edit, makes it durable and moves the ref.
    fn commit(&mut self, edit: &Edit) {
        let writer = self.store.writer().unwrap();
        let edited = self.table.edit(&writer, edit, &EditOptions::default()).unwrap();
        assert_eq!(edited.changed as usize, edit.rows.len());
        self.land(writer, edited);
    }

    fn land(&mut self, writer: tamis_store::Writer, edited: Edited) {
        writer.finish().unwrap();
        let value = named(&edited.table, edited.change.as_ref());
        self.version = self.store.swap_ref("main", Some(&self.version), value).unwrap().unwrap();
        self.parent = std::mem::replace(&mut self.table, edited.table);
        self.change = edited.change;
    }

    /// Runs a reading step, checks its answer and prints its times.
    fn repeated(&self, step: &str, read: impl Fn(&Turn) -> usize, wanted: usize) {
        let mut times = Vec::new();
        for _ in 0..self.repeat {
            let (answer, seconds) = timed(|| read(self));
            assert_eq!(answer, wanted, "{step}");
            times.push(seconds);
        }
        say(step, &times, None);
    }

    /// Boxes seen by a scan.
    fn scan(&self, options: ScanOptions) -> usize {
        let options = options.threads(self.threads);
        let boxes = |batch: RowBatch| batch.groups[1].as_ref().unwrap().column(0).as_list::<i32>().values().len();
        self.table.scan(options).unwrap().map(|batch| boxes(batch.unwrap())).sum()
    }

    /// All boxes, from the summary of the root.
    fn boxes(&self) -> usize {
        let summary = self.table.summary();
        summary.columns.iter().find(|(name, _)| name.starts_with(LAYER)).map(|(_, column)| column.values).unwrap()
            as usize
    }

    /// Sorted keys of distinct random rows.
    fn draw(&mut self, count: usize) -> Vec<String> {
        let mut rows = std::collections::BTreeSet::new();
        while rows.len() < count {
            rows.insert(self.random.below(self.rows));
        }
        rows.into_iter().map(key).collect()
    }

    /// Keys of random rows that have a box, in random order.
    fn with_boxes(&mut self, count: usize) -> Vec<String> {
        let keys = self.draw(count + count / 4 + 10);
        let array = BinaryArray::from_iter_values(keys.iter().map(String::as_bytes));
        let layer = Columns::groups(self.table.schema(), &[LAYER]).unwrap();
        let (old, _) = self.table.get_many(&array, &layer).unwrap();
        let lists = old.groups[1].as_ref().unwrap().column(0).as_list::<i32>().clone();
        let mut keys: Vec<_> =
            keys.into_iter().enumerate().filter(|(row, _)| lists.value_length(*row) > 0).map(|(_, key)| key).collect();
        for at in (1..keys.len()).rev() {
            keys.swap(at, self.random.below(at as u64 + 1) as usize);
        }
        assert!(keys.len() >= count);
        keys.truncate(count);
        keys
    }

    /// An edit of that many random rows.
    fn batch(&mut self, count: usize) -> Edit {
        let mut keys = self.with_boxes(count);
        keys.sort_unstable();
        self.relabelled(&keys)
    }

    /// New classes and confidences for all boxes of some rows.
    fn relabelled(&mut self, keys: &[String]) -> Edit {
        let keys = BinaryArray::from_iter_values(keys.iter().map(String::as_bytes));
        let layer = Columns::groups(self.table.schema(), &[LAYER]).unwrap();
        let (old, _) = self.table.get_many(&keys, &layer).unwrap();
        let lists = old.groups[1].as_ref().unwrap().column(0).as_list::<i32>().clone();
        let items = lists.values().as_struct();
        let mut columns = items.columns().to_vec();
        let class = items.column(1).as_primitive::<arrow::datatypes::UInt8Type>();
        // Another class than before, so that each box changes.
        columns[1] = Arc::new(UInt8Array::from_iter_values(
            class.values().iter().map(|class| (class + 1 + self.random.below(78) as u8) % 80),
        ));
        columns[6] = Arc::new(Float32Array::from_iter_values((0..items.len()).map(|_| self.random.unit())));
        let items = StructArray::new(box_fields(), columns, None);
        let item = Field::new("item", items.data_type().clone(), true);
        let lists = ListArray::new(item.into(), lists.offsets().clone(), Arc::new(items), lists.nulls().cloned());
        let group =
            StructArray::new(self.table.schema().group(LAYER).unwrap().fields.clone(), vec![Arc::new(lists)], None);
        Edit::patch(RowBatch { keys, groups: vec![None, Some(group)] })
    }
}

fn timed<T>(action: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let answer = action();
    (answer, start.elapsed().as_secs_f64())
}

/// Prints the line of a step: the median of its times, and what it wrote.
fn say(step: &str, times: &[f64], written: Option<(u64, u64)>) {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (median, low, high) = (sorted[sorted.len() / 2], sorted[0], sorted[sorted.len() - 1]);
    let written = written.map(|(bytes, files)| format!(r#","bytes":{bytes},"files":{files}"#)).unwrap_or_default();
    println!(r#"@{{"step":"{step}","seconds":{median},"n":{},"min":{low},"max":{high}{written}}}"#, times.len());
}
