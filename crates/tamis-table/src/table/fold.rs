//! Folding: newer deltas into one, deltas into the base.

use std::sync::Arc;

use arrow::array::{AsArray, BinaryArray, StructArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::take;
use rayon::prelude::*;
use tamis_store::Writer;

use super::build::{Cutter, LeafWriter, child};
use super::change::Holds;
use super::delta::DeltaRows;
use super::edit::EditOptions;
use super::root::{DeltaRef, Root};
use super::{Columns, Table};
use crate::error::{Result, TableError};
use crate::leaf::{LeafRef, RowOp, TableCache, put_group};
use crate::node::{Child, KeyRange, LeafAt, Target, leaves, put_tree};
use crate::rows::{RowBatch, group_hashes};
use crate::schema::TableSchema;
use crate::summary;

/// Puts the delta of an edit on the stack and keeps that short (docs/spec/table.md §4). Gives the
/// edit's own delta, and what it holds: where the delta is folded at once, its values are written
/// with it and not a second time.
pub(super) fn push(
    table: &Table,
    writer: &Writer,
    root: &mut Root,
    newest: DeltaRows,
    options: &EditOptions,
) -> Result<(DeltaRef, Holds)> {
    let (schema, cache) = (table.schema(), table.cache());
    let write = |rows: &DeltaRows| rows.write(writer, schema)?.ok_or(TableError::Internal("a delta without rows"));
    let overlaid = root.deltas.iter().map(|delta| delta.rows).sum::<u64>() + newest.len() as u64;
    if overlaid * 16 > root.base_rows && overlaid <= options.base_fold_rows {
        let own = write(&newest)?;
        root.deltas.push(own);
        into_base(cache, writer, root, schema)?;
        return Ok((own, Holds::Values));
    }
    let columns = Columns::all(schema);
    // Too deep: rows are folded whatever their number, by the same ratio, so that no delta is
    // written again with every edit.
    let is_deep = root.deltas.len() >= options.depth;
    let most = if is_deep { u64::MAX } else { options.fold_rows };
    let mut folded: Option<DeltaRows> = None;
    let mut size = newest.len() as u64;
    while let Some(older) = root.deltas.last() {
        let is_due = older.rows <= options.fold_ratio * size && older.rows + size <= most;
        if !is_due && root.deltas.len() < options.depth {
            break;
        }
        let below = DeltaRows::load(cache, &older.node, &KeyRange::default(), &columns)?;
        let rows = below.then(folded.as_ref().unwrap_or(&newest))?;
        root.deltas.pop();
        size = rows.len() as u64;
        folded = Some(rows);
        if size == 0 {
            break;
        }
    }
    // The size decides whether to go on; the rows are written once, at the end.
    let Some(folded) = folded else {
        let own = write(&newest)?;
        root.deltas.push(own);
        return Ok((own, Holds::Values));
    };
    root.deltas.extend(folded.write(writer, schema)?);
    Ok((write(&newest.without_values())?, Holds::Keys))
}

/// Folds all deltas into the base; only leaves with changed rows are written.
fn into_base(cache: &Arc<TableCache>, writer: &Writer, root: &mut Root, schema: &TableSchema) -> Result<()> {
    if root.deltas.is_empty() {
        return Ok(());
    }
    let base = leaves(cache, root.base.as_ref(), &KeyRange::default())?;
    let folded = Folder { cache, writer: LeafWriter::new(writer, schema), root, columns: Columns::all(schema) };
    let children = folded.run(&base)?;
    root.deltas.clear();
    if children.is_empty() {
        (root.base, root.base_rows) = (None, 0);
        root.summary = summary::Summary::default();
        return Ok(());
    }
    let top = put_tree(writer, children)?;
    let summary = top.summary()?;
    if summary.rows != root.summary.rows || summary.content != root.summary.content {
        return Err(TableError::Internal("folding changed the rows"));
    }
    root.summary = summary;
    root.base_rows = top.rows;
    if let Target::Node(id) = top.target {
        root.base = Some(id);
    }
    Ok(())
}

struct Folder<'a> {
    cache: &'a Arc<TableCache>,
    writer: LeafWriter<'a>,
    root: &'a Root,
    columns: Columns,
}

impl Folder<'_> {
    fn run(&self, base: &[LeafAt]) -> Result<Vec<Child>> {
        let mut out: Vec<Child> = Vec::with_capacity(base.len());
        if base.is_empty() {
            let rows = self.rows(None, &KeyRange::default())?;
            self.recut(&mut out, &mut std::iter::once(Ok(rows)))?;
            return Ok(out);
        }
        // Each leaf on its own, many at once: right wherever the new cuts end at the old one.
        let parts = (0..base.len()).into_par_iter().map(|at| self.part(base, at)).collect::<Result<Vec<_>>>()?;
        let mut parts = parts.into_iter();
        let mut at = 0;
        while let Some(part) = parts.next() {
            at += 1;
            if let Some(children) = part {
                out.extend(children);
                continue;
            }
            // From this cut on until a cut falls on an old one.
            at -= 1;
            let first = at;
            let mut rows = std::iter::from_fn(|| {
                let leaf = base.get(at)?;
                at += 1;
                Some(self.rows(Some(leaf), &self.range(base, at - 1)))
            });
            self.recut(&mut out, &mut rows)?;
            for _ in first + 1..at {
                parts.next();
            }
        }
        Ok(out)
    }

    /// What becomes of a leaf that begins at a cut; [`None`] where its end is no cut any more.
    fn part(&self, base: &[LeafAt], at: usize) -> Result<Option<Vec<Child>>> {
        let delta = self.overlay(&self.range(base, at))?;
        if delta.len() == 0 {
            return Ok(Some(vec![base[at].child().clone()]));
        }
        if delta.keeps_keys() {
            return Ok(Some(vec![self.patched(&base[at], &delta)?]));
        }
        let rows = delta.over(&read_base(self.cache, &base[at], &self.columns)?, &self.columns)?;
        let mut cutter = Cutter::new(self.root.cut);
        let mut children = Vec::new();
        cutter.push(&rows, &mut |rows| {
            children.push(self.writer.put(&rows)?);
            Ok(())
        })?;
        if cutter.is_at_cut() {
            return Ok(Some(children));
        }
        if at + 1 < base.len() {
            return Ok(None);
        }
        if let Some(rows) = cutter.finish()? {
            children.push(self.writer.put(&rows)?);
        }
        Ok(Some(children))
    }

    /// Keys of a leaf and of rows to be put into it: up to its last key; of the last leaf, all.
    fn range(&self, base: &[LeafAt], at: usize) -> KeyRange {
        let after = |leaf: &LeafAt| {
            let mut key = leaf.child().last.to_vec();
            key.push(0);
            key
        };
        KeyRange { start: (at > 0).then(|| after(&base[at - 1])), end: (at + 1 < base.len()).then(|| after(&base[at])) }
    }

    fn overlay(&self, range: &KeyRange) -> Result<DeltaRows> {
        overlay(self.cache, self.root, range, &self.columns)
    }

    fn rows(&self, leaf: Option<&LeafAt>, range: &KeyRange) -> Result<RowBatch> {
        read_leaf(self.cache, self.root, leaf, range, &self.columns)
    }

    /// Cuts and writes parts until a part's end is a cut.
    fn recut(&self, out: &mut Vec<Child>, parts: &mut dyn Iterator<Item = Result<RowBatch>>) -> Result<()> {
        let mut cutter = Cutter::new(self.root.cut);
        for part in parts {
            let mut emit = |rows: RowBatch| {
                out.push(self.writer.put(&rows)?);
                Ok(())
            };
            cutter.push(&part?, &mut emit)?;
            if cutter.is_at_cut() {
                return Ok(());
            }
        }
        if let Some(rows) = cutter.finish()? {
            out.push(self.writer.put(&rows)?);
        }
        Ok(())
    }

    /// A leaf whose keys stay: only changed groups are read and written.
    fn patched(&self, leaf: &LeafAt, delta: &DeltaRows) -> Result<Child> {
        let reference = leaf.leaf().ok_or(TableError::Internal("not a leaf"))?;
        let is_whole = delta.ops.contains(&RowOp::Replace);
        let is_changed = |at: usize| is_whole || delta.groups.get(at).is_some_and(Option::is_some);
        let changed = self.columns.0.iter().enumerate().map(|(at, group)| group.clone().filter(|_| is_changed(at)));
        let columns = Columns(changed.collect());
        let base = read_base(self.cache, leaf, &columns)?;
        let rows = delta.over(&base, &columns)?;
        let places = delta.places(&base.keys)?;
        let keys = take(&base.keys, &places, None)?.as_binary::<i32>().clone();
        let mut summary = leaf.child().summary()?;
        let mut groups = Vec::with_capacity(rows.groups.len());
        for (at, group) in rows.groups.iter().enumerate() {
            let Some(group) = group else {
                groups.push(reference.group(at));
                continue;
            };
            let name = &self.writer.totals.schema.groups[at].name;
            if let Some(old) = &base.groups[at] {
                let old = group_hashes(name, &keys, take(old, &places, None)?.as_struct())?;
                summary.content = old.iter().fold(summary.content, |sum, hash| sum.wrapping_sub(*hash));
            }
            let new = group_hashes(name, &keys, take(group, &places, None)?.as_struct())?;
            summary.content = new.iter().fold(summary.content, |sum, hash| sum.wrapping_add(*hash));
            self.writer.totals.plans[at].forget(&mut summary.columns);
            self.writer.totals.plans[at].collect(group, &mut summary.columns)?;
            groups.push(put_group(self.writer.writer, group)?.map(|(id, _)| id));
        }
        summary.prune();
        let mut bytes = 0;
        for id in groups.iter().flatten().chain([&reference.keys]) {
            bytes += self.cache.store().blocked(id)?.size();
        }
        let mut encoded = Vec::new();
        summary::encode(&summary, &mut encoded);
        child(&rows.keys, bytes, LeafRef { keys: reference.keys, ops: None, groups }, encoded)
    }
}

/// The rows of all deltas with keys in a range, as one delta.
pub(super) fn overlay(cache: &TableCache, root: &Root, range: &KeyRange, columns: &Columns) -> Result<DeltaRows> {
    joined(cache, &root.deltas, range, columns)
}

/// The rows of some deltas, oldest first, with keys in a range, as one delta.
pub(super) fn joined(
    cache: &TableCache,
    deltas: &[DeltaRef],
    range: &KeyRange,
    columns: &Columns,
) -> Result<DeltaRows> {
    let mut all: Option<DeltaRows> = None;
    for delta in deltas {
        let next = DeltaRows::load(cache, &delta.node, range, columns)?;
        all = Some(match all {
            Some(below) if next.len() > 0 && below.len() > 0 => below.then(&next)?,
            Some(below) if next.len() == 0 => below,
            _ => next,
        });
    }
    match all {
        Some(rows) => Ok(rows),
        None => Ok(DeltaRows { keys: crate::rows::keys_of([]), ops: Vec::new(), groups: vec![None; columns.0.len()] }),
    }
}

/// The rows of a base leaf as they are stored.
pub(super) fn read_base(cache: &TableCache, leaf: &LeafAt, columns: &Columns) -> Result<RowBatch> {
    let keys = cache.keys(&leaf.leaf().ok_or(TableError::Internal("not a leaf"))?.keys)?;
    Ok(RowBatch { keys: keys.scan(0..keys.len())?, groups: read_groups(cache, leaf, columns, keys.len())? })
}

/// The groups of a base leaf as they are stored.
fn read_groups(cache: &TableCache, leaf: &LeafAt, columns: &Columns, rows: usize) -> Result<Vec<Option<StructArray>>> {
    let reference = leaf.leaf().ok_or(TableError::Internal("not a leaf"))?;
    let mut groups = Vec::with_capacity(columns.0.len());
    for (at, projection) in columns.0.iter().enumerate() {
        groups.push(match (projection, reference.group(at)) {
            (None, _) => None,
            (Some(projection), Some(id)) => {
                let page = cache.page(&id)?;
                if page.len() != rows {
                    return Err(TableError::Corrupt {
                        what: "leaf",
                        reason: "its pages differ in their number of rows",
                    });
                }
                Some(page.scan(0..rows, projection).map_err(|e| e.within("page", &id))?)
            }
            (Some(projection), None) => {
                let group = crate::schema::GroupSchema::new("", projection.fields().clone());
                Some(crate::rows::null_group(&group, rows)?)
            }
        });
    }
    Ok(groups)
}

/// The rows of a base leaf with the deltas' rows on top, all keys empty: what a scan reads that does
/// not ask for keys. Only the keys of the deltas' rows are looked up.
pub(super) fn read_values(
    cache: &TableCache,
    root: &Root,
    leaf: &LeafAt,
    range: &KeyRange,
    columns: &Columns,
) -> Result<RowBatch> {
    let count = leaf.child().rows as usize;
    let base = RowBatch { keys: blank(count), groups: read_groups(cache, leaf, columns, count)? };
    let delta = overlay(cache, root, range, columns)?;
    if delta.len() == 0 {
        return Ok(base);
    }
    let keys = cache.keys(&leaf.leaf().ok_or(TableError::Internal("not a leaf"))?.keys)?;
    if keys.len() != count {
        return Err(TableError::Corrupt { what: "leaf", reason: "its pages differ in their number of rows" });
    }
    let rows = delta.over_at(&base, columns, |key, _| keys.find(key))?;
    Ok(RowBatch { keys: blank(rows.len()), groups: rows.groups })
}

/// Empty keys.
fn blank(rows: usize) -> BinaryArray {
    let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![0i32; rows + 1]));
    BinaryArray::new(offsets, Buffer::default(), None)
}

/// The rows of a base leaf (or of no leaf) with the deltas' rows of a range of keys on top.
pub(super) fn read_leaf(
    cache: &TableCache,
    root: &Root,
    leaf: Option<&LeafAt>,
    range: &KeyRange,
    columns: &Columns,
) -> Result<RowBatch> {
    let base = match leaf {
        Some(leaf) => read_base(cache, leaf, columns)?,
        None => RowBatch {
            keys: crate::rows::keys_of([]),
            groups: columns
                .0
                .iter()
                .map(|projection| {
                    let group = projection.as_ref().map(|p| crate::schema::GroupSchema::new("", p.fields().clone()));
                    group.map(|group| crate::rows::null_group(&group, 0)).transpose()
                })
                .collect::<Result<_>>()?,
        },
    };
    if root.deltas.is_empty() {
        return Ok(base);
    }
    let delta = overlay(cache, root, range, columns)?;
    if delta.len() == 0 { Ok(base) } else { delta.over(&base, columns) }
}

impl Table {
    /// The same rows with all deltas folded into the base. The base's root depends on the rows
    /// alone, not on how they came to be. O(rows of leaves with changes).
    pub fn compact(&self, writer: &Writer) -> Result<Table> {
        let mut root = self.0.root.clone();
        into_base(self.cache(), writer, &mut root, self.schema())?;
        Table::write(self.cache(), writer, root, self.0.schema.clone())
    }

    /// The hash of the base's root node when nothing lies on it; `None` for no rows or a stack.
    pub fn folded_root(&self) -> Option<tamis_core::Hash> {
        self.0.root.base.filter(|_| self.0.root.deltas.is_empty())
    }
}
