//! Where two versions may differ: what they do not share.

use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};

use arrow::array::{AsArray, BinaryArray, BooleanArray};
use tamis_core::Hash;

use super::delta::DeltaRows;
use super::fold::joined;
use super::root::DeltaRef;
use super::{Columns, Table};
use crate::error::Result;
use crate::leaf::RowOp;
use crate::node::{KeyRange, LeafAt, leaves};
use crate::rows::keys_of;

/// Rows of a batch of differences.
const BATCH: usize = 8192;

/// Where rows may differ.
pub(super) enum Part {
    /// These keys.
    Keys(BinaryArray),
    /// These rows of the newer version, which an edit of the older one wrote; and whether all groups
    /// in it differ.
    Rows(DeltaRows, bool),
    /// All rows of a range of keys.
    Range(KeyRange),
}

/// What the two versions do not share, of all columns or only some.
pub(super) fn parts(old: &Table, new: &Table, only: Option<&Columns>) -> Result<VecDeque<Part>> {
    let (a, b) = (&old.0.root, &new.0.root);
    if a.base == b.base {
        return match only {
            None => unshared(old, new),
            Some(columns) => unshared_in(old, new, columns),
        };
    }
    // Different bases: a delta on one may be part of the other's base, so none is shared.
    let shared = 0;
    let ranges = different(old, a.base.as_ref(), new, b.base.as_ref(), only)?;
    let mut keys: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut add = |table: &Table, deltas: &[DeltaRef]| -> Result<()> {
        for delta in deltas {
            let rows = match only {
                None => {
                    let columns = Columns::none(table.schema());
                    DeltaRows::load(table.cache(), &delta.node, &KeyRange::default(), &columns)?.keys
                }
                Some(columns) => touching(table, delta, columns)?,
            };
            let is_outside = |key: &&[u8]| {
                let after = ranges.partition_point(|range| range.is_after_start(key));
                !after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|range| range.contains(key))
            };
            keys.extend(rows.iter().flatten().filter(is_outside).map(<[u8]>::to_vec));
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

/// The keys of rows that two stacks on one base treat differently.
fn unshared(old: &Table, new: &Table) -> Result<VecDeque<Part>> {
    let (a, b) = (&old.0.root.deltas, &new.0.root.deltas);
    let shared = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let side = |table: &Table, deltas: &[DeltaRef]| -> Result<(DeltaRows, Vec<u128>)> {
        let columns = Columns::all(table.schema());
        let rows = joined(table.cache(), deltas, &KeyRange::default(), &columns)?;
        let effects = rows.effects(table.schema())?;
        Ok((rows, effects))
    };
    let ((x, x_effects), (y, y_effects)) = (side(old, &a[shared..])?, side(new, &b[shared..])?);
    let mut keys: Vec<&[u8]> = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < x.len() || j < y.len() {
        let order = match (i < x.len(), j < y.len()) {
            (true, true) => x.keys.value(i).cmp(y.keys.value(j)),
            (true, false) => Ordering::Less,
            (false, _) => Ordering::Greater,
        };
        match order {
            Ordering::Less => keys.push(x.keys.value(i)),
            Ordering::Greater => keys.push(y.keys.value(j)),
            // One delta folded into another is still the same change of the row.
            Ordering::Equal if x_effects[i] == y_effects[j] => {}
            Ordering::Equal => keys.push(x.keys.value(i)),
        }
        i += usize::from(order.is_le());
        j += usize::from(order.is_ge());
    }
    Ok(keys.chunks(BATCH).map(|keys| Part::Keys(keys_of(keys.iter().copied()))).collect())
}

/// The keys of rows whose columns two stacks on one base may treat differently.
fn unshared_in(old: &Table, new: &Table, columns: &Columns) -> Result<VecDeque<Part>> {
    let (a, b) = (&old.0.root.deltas, &new.0.root.deltas);
    let shared = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let mut keys: BTreeSet<Vec<u8>> = BTreeSet::new();
    for (table, deltas) in [(old, &a[shared..]), (new, &b[shared..])] {
        for delta in deltas {
            keys.extend(touching(table, delta, columns)?.iter().flatten().map(<[u8]>::to_vec));
        }
    }
    let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    Ok(keys.chunks(BATCH).map(|keys| Part::Keys(keys_of(keys.iter().copied()))).collect())
}

/// The keys of a delta's rows that are new, gone, or have one of some groups.
pub(super) fn touching(table: &Table, delta: &DeltaRef, columns: &Columns) -> Result<BinaryArray> {
    let rows = DeltaRows::load(table.cache(), &delta.node, &KeyRange::default(), columns)?;
    let touches: BooleanArray = (0..rows.len())
        .map(|row| {
            let has = rows.groups.iter().flatten().any(|group| group.present.value(row));
            Some(has || rows.ops[row] != RowOp::Patch)
        })
        .collect();
    Ok(arrow::compute::filter(&rows.keys, &touches)?.as_binary::<i32>().clone())
}

/// The ranges of keys over which two base trees have different leaves: different pages of all
/// groups, or only of those that some columns are of.
fn different(
    old: &Table,
    a: Option<&Hash>,
    new: &Table,
    b: Option<&Hash>,
    only: Option<&Columns>,
) -> Result<Vec<KeyRange>> {
    let everything = KeyRange::default();
    let (a, b) = (leaves(old.cache(), a, &everything)?, leaves(new.cache(), b, &everything)?);
    let same: BTreeSet<&[u8]> = {
        let mut by_first: std::collections::BTreeMap<&[u8], &LeafAt> = std::collections::BTreeMap::new();
        by_first.extend(a.iter().map(|leaf| (&*leaf.child().first, leaf)));
        let is_same =
            |leaf: &&LeafAt| by_first.get(&*leaf.child().first).is_some_and(|other| same_pages(other, leaf, only));
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

fn same_pages(a: &LeafAt, b: &LeafAt, only: Option<&Columns>) -> bool {
    let counts = |at: usize| only.is_none_or(|columns| columns.fields(at).is_some());
    match (a.leaf(), b.leaf()) {
        (Some(a), Some(b)) => {
            let most = a.groups.len().max(b.groups.len());
            a.keys == b.keys && (0..most).filter(|at| counts(*at)).all(|at| a.group(at) == b.group(at))
        }
        _ => false,
    }
}
