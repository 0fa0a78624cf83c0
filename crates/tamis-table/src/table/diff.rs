//! Differences of two versions: old and new values of the rows that differ, in order.

use std::collections::BTreeSet;
use std::collections::VecDeque;

use arrow::array::{Array, AsArray, BinaryArray, BooleanArray, StructArray};
use tamis_core::Hash;

use super::build::concat;
use super::change::Change;
use super::delta::DeltaRows;
use super::root::DeltaRef;
use super::{Columns, ScanOptions, Table};
use crate::error::{Result, TableError};
use crate::node::{KeyRange, LeafAt, leaves};
use crate::rows::{RowBatch, group_hashes, keys_of};

/// Rows of a batch of differences.
const BATCH: usize = 8192;

/// Rows that differ. All arrays have one entry for each key.
#[derive(Clone, Debug)]
pub struct DiffBatch {
    /// The keys, ascending.
    pub keys: BinaryArray,
    /// The old values; null where the row was not there.
    pub old: RowBatch,
    /// Whether the row was there.
    pub was: Vec<bool>,
    /// The new values; null where the row is gone.
    pub new: RowBatch,
    /// Whether the row is there.
    pub is: Vec<bool>,
    /// For each group of the schema and row, whether the group's values differ.
    pub changed: Vec<Vec<bool>>,
}

impl DiffBatch {
    /// How many rows.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// Where rows may differ.
enum Part {
    /// These keys.
    Keys(BinaryArray),
    /// All rows of a range of keys.
    Range(KeyRange),
}

impl Table {
    /// The rows in which `newer` differs from this version. Reads only what the two do not share:
    /// O(rows of the deltas and leaves that only one of them has).
    pub fn diff(&self, newer: &Table) -> Result<impl Iterator<Item = Result<DiffBatch>> + use<>> {
        let parts = if self.id() == newer.id() { VecDeque::new() } else { parts(self, newer)? };
        Ok(Diff { old: self.clone(), new: newer.clone(), parts, open: None })
    }

    /// The rows that an edit changed, with this version as the one before it. O(changes).
    pub fn diff_change(
        &self,
        newer: &Table,
        change: &Change,
    ) -> Result<impl Iterator<Item = Result<DiffBatch>> + use<>> {
        let keys = change.keys(self.cache(), newer.schema())?;
        let parts = VecDeque::from([Part::Keys(keys)]);
        Ok(Diff { old: self.clone(), new: newer.clone(), parts, open: None })
    }
}

/// What the two versions do not share.
fn parts(old: &Table, new: &Table) -> Result<VecDeque<Part>> {
    let (a, b) = (&old.0.root, &new.0.root);
    let mut ranges: Vec<KeyRange> = Vec::new();
    let shared;
    if a.base == b.base {
        shared = a.deltas.iter().zip(&b.deltas).take_while(|(a, b)| a == b).count();
    } else {
        // Different bases: a delta on one may be part of the other's base, so none is shared.
        shared = 0;
        ranges = different(old, a.base.as_ref(), new, b.base.as_ref())?;
    }
    let mut keys: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut add = |table: &Table, deltas: &[DeltaRef]| -> Result<()> {
        for delta in deltas {
            let columns = Columns::none(table.schema());
            let rows = DeltaRows::load(table.cache(), &delta.node, &KeyRange::default(), &columns)?;
            let is_outside = |key: &&[u8]| !ranges.iter().any(|range| range.contains(key));
            keys.extend(rows.keys.iter().flatten().filter(is_outside).map(<[u8]>::to_vec));
        }
        Ok(())
    };
    add(old, &a.deltas[shared..])?;
    add(new, &b.deltas[shared..])?;
    // Both in the order of their keys.
    let mut parts: Vec<(Vec<u8>, Part)> = Vec::new();
    let mut run: Vec<Vec<u8>> = Vec::new();
    let mut starts = ranges.iter().map(|range| range.start.clone().unwrap_or_default()).peekable();
    let mut flush = |run: &mut Vec<Vec<u8>>| {
        if let Some(first) = run.first().cloned() {
            let keys = keys_of(run.iter().map(Vec::as_slice));
            parts.push((first, Part::Keys(keys)));
            run.clear();
        }
    };
    for key in keys {
        while starts.peek().is_some_and(|start| *start <= key) {
            flush(&mut run);
            starts.next();
        }
        run.push(key);
        if run.len() == BATCH {
            flush(&mut run);
        }
    }
    flush(&mut run);
    parts.extend(ranges.into_iter().map(|range| (range.start.clone().unwrap_or_default(), Part::Range(range))));
    parts.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(parts.into_iter().map(|(_, part)| part).collect())
}

/// The ranges of keys over which two base trees have different leaves.
fn different(old: &Table, a: Option<&Hash>, new: &Table, b: Option<&Hash>) -> Result<Vec<KeyRange>> {
    let everything = KeyRange::default();
    let (a, b) = (leaves(old.cache(), a, &everything)?, leaves(new.cache(), b, &everything)?);
    let same: BTreeSet<&[u8]> = {
        let mut by_first: std::collections::BTreeMap<&[u8], &LeafAt> = std::collections::BTreeMap::new();
        by_first.extend(a.iter().map(|leaf| (&*leaf.child().first, leaf)));
        let is_same = |leaf: &&LeafAt| by_first.get(&*leaf.child().first).is_some_and(|other| same_pages(other, leaf));
        b.iter().filter(is_same).map(|leaf| &*leaf.child().first).collect()
    };
    // Between equal leaves everything may differ.
    let mut ranges: Vec<KeyRange> = Vec::new();
    let mut firsts: BTreeSet<&[u8]> = a.iter().chain(&b).map(|leaf| &*leaf.child().first).collect();
    firsts.insert(b"");
    let lasts: std::collections::BTreeMap<&[u8], &[u8]> =
        b.iter().map(|leaf| (&*leaf.child().first, &*leaf.child().last)).collect();
    let mut open: Option<Vec<u8>> = Some(Vec::new());
    for first in firsts {
        if same.contains(first) {
            if let Some(start) = open.take()
                && start.as_slice() < first
            {
                ranges.push(KeyRange { start: Some(start), end: Some(first.to_vec()) });
            }
            if let Some(last) = lasts.get(first) {
                let mut after = last.to_vec();
                after.push(0);
                open = Some(after);
            }
        }
    }
    if let Some(start) = open {
        ranges.push(KeyRange { start: Some(start), end: None });
    }
    // Gaps between equal leaves that hold no leaf of either side hold no row.
    ranges.retain(|range| {
        a.iter().chain(&b).any(|leaf| {
            let child = leaf.child();
            range.touches(&child.first, &child.last)
        })
    });
    Ok(ranges)
}

fn same_pages(a: &LeafAt, b: &LeafAt) -> bool {
    match (a.leaf(), b.leaf()) {
        (Some(a), Some(b)) => {
            let most = a.groups.len().max(b.groups.len());
            a.keys == b.keys && (0..most).all(|at| a.group(at) == b.group(at))
        }
        _ => false,
    }
}

struct Diff {
    old: Table,
    new: Table,
    parts: VecDeque<Part>,
    open: Option<Ranged>,
}

impl Iterator for Diff {
    type Item = Result<DiffBatch>;

    fn next(&mut self) -> Option<Result<DiffBatch>> {
        loop {
            let keys = match &mut self.open {
                Some(ranged) => match ranged.keys() {
                    Ok(Some(keys)) => keys,
                    Ok(None) => {
                        self.open = None;
                        continue;
                    }
                    Err(error) => return Some(Err(error)),
                },
                None => match self.parts.pop_front()? {
                    Part::Keys(keys) => keys,
                    Part::Range(range) => {
                        match Ranged::new(&self.old, &self.new, &range) {
                            Ok(ranged) => self.open = Some(ranged),
                            Err(error) => return Some(Err(error)),
                        }
                        continue;
                    }
                },
            };
            match compare(&self.old, &self.new, &keys) {
                Ok(batch) if batch.is_empty() => {}
                outcome => return Some(outcome),
            }
        }
    }
}

/// All keys of a range in either version, batch by batch.
struct Ranged {
    sides: [std::iter::Peekable<Keys>; 2],
}

type Keys = Box<dyn Iterator<Item = Result<Vec<u8>>> + Send>;

impl Ranged {
    fn new(old: &Table, new: &Table, range: &KeyRange) -> Result<Ranged> {
        let side = |table: &Table| -> Result<std::iter::Peekable<Keys>> {
            let options = ScanOptions::new(Columns::none(table.schema())).range(range.start.clone(), range.end.clone());
            let keys = table.scan(options)?.flat_map(|batch| {
                let keys: Vec<Result<Vec<u8>>> = match batch {
                    Ok(batch) => batch.keys.iter().flatten().map(|key| Ok(key.to_vec())).collect(),
                    Err(error) => vec![Err(error)],
                };
                keys
            });
            let keys: Keys = Box::new(keys);
            Ok(keys.peekable())
        };
        Ok(Ranged { sides: [side(old)?, side(new)?] })
    }

    fn keys(&mut self) -> Result<Option<BinaryArray>> {
        let mut found: Vec<Vec<u8>> = Vec::new();
        while found.len() < BATCH {
            let mut least: Option<Vec<u8>> = None;
            for side in &mut self.sides {
                match side.peek() {
                    Some(Ok(key)) if least.as_ref().is_none_or(|least| key < least) => least = Some(key.clone()),
                    Some(Err(_)) => match side.next() {
                        Some(Err(error)) => return Err(error),
                        _ => return Err(TableError::Internal("an error that went away")),
                    },
                    _ => {}
                }
            }
            let Some(key) = least else { break };
            for side in &mut self.sides {
                side.next_if(|next| matches!(next, Ok(next) if *next == key));
            }
            found.push(key);
        }
        Ok((!found.is_empty()).then(|| keys_of(found.iter().map(Vec::as_slice))))
    }
}

/// Reads both versions of some rows and keeps those that differ.
fn compare(old: &Table, new: &Table, keys: &BinaryArray) -> Result<DiffBatch> {
    let schema = new.schema();
    // The old version may have fewer groups and fields: it is read as the new one's schema.
    let columns = Columns::all(schema);
    let old_columns = Columns(columns.0[..old.schema().groups.len().min(columns.0.len())].to_vec());
    let (mut before, was) = old.get_many(keys, &old_columns)?;
    let (after, is) = new.get_many(keys, &columns)?;
    for group in &schema.groups[before.groups.len()..] {
        before.groups.push(Some(crate::rows::null_group(group, keys.len())?));
    }
    let mut changed: Vec<Vec<bool>> = Vec::with_capacity(schema.groups.len());
    for (at, group) in schema.groups.iter().enumerate() {
        let hashes = |rows: &RowBatch| match &rows.groups[at] {
            Some(rows) => group_hashes(&group.name, keys, rows),
            None => Ok(vec![0; keys.len()]),
        };
        let (a, b) = (hashes(&before)?, hashes(&after)?);
        changed.push(a.iter().zip(&b).map(|(a, b)| a != b).collect());
    }
    let differs: Vec<bool> =
        (0..keys.len()).map(|row| was[row] != is[row] || changed.iter().any(|group| group[row])).collect();
    if differs.iter().all(|differs| *differs) {
        return Ok(DiffBatch { keys: keys.clone(), old: before, was, new: after, is, changed });
    }
    let mask = BooleanArray::from(differs.clone());
    let keep = |flags: &[bool]| flags.iter().zip(&differs).filter(|(_, keep)| **keep).map(|(flag, _)| *flag).collect();
    Ok(DiffBatch {
        keys: arrow::compute::filter(keys, &mask)?.as_binary::<i32>().clone(),
        old: filter(&before, &mask)?,
        was: keep(&was),
        new: filter(&after, &mask)?,
        is: keep(&is),
        changed: changed.iter().map(|group| keep(group)).collect(),
    })
}

pub(super) fn filter(rows: &RowBatch, mask: &BooleanArray) -> Result<RowBatch> {
    let group = |group: &StructArray| Ok::<_, TableError>(arrow::compute::filter(group, mask)?.as_struct().clone());
    Ok(RowBatch {
        keys: arrow::compute::filter(&rows.keys, mask)?.as_binary::<i32>().clone(),
        groups: rows.groups.iter().map(|g| g.as_ref().map(group).transpose()).collect::<Result<_>>()?,
    })
}

/// All differences as one batch; [`None`] when there are none.
pub(super) fn collect(batches: impl Iterator<Item = Result<DiffBatch>>) -> Result<Option<DiffBatch>> {
    let all = batches.collect::<Result<Vec<_>>>()?;
    let Some(first) = all.first() else { return Ok(None) };
    if all.len() == 1 {
        return Ok(all.into_iter().next());
    }
    let old = concat(&all.iter().map(|b| b.old.clone()).collect::<Vec<_>>())?;
    let new = concat(&all.iter().map(|b| b.new.clone()).collect::<Vec<_>>())?;
    let groups = first.changed.len();
    Ok(Some(DiffBatch {
        keys: new.keys.clone(),
        old,
        was: all.iter().flat_map(|b| b.was.iter().copied()).collect(),
        new,
        is: all.iter().flat_map(|b| b.is.iter().copied()).collect(),
        changed: (0..groups).map(|at| all.iter().flat_map(|b| b.changed[at].iter().copied()).collect()).collect(),
    }))
}
