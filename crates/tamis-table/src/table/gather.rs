//! Finds rows of given keys through the stack and brings their columns together.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryArray, StructArray};

use super::{Columns, Table};
use crate::error::{Result, TableError};
use crate::leaf::{DeltaLeaf, RowOp};
use crate::node::{KeyRange, LeafAt, find_leaf, leaves};
use crate::page::{Page, Projection};
use crate::rows::{RowBatch, null_group};

/// Not looked for yet, or nobody has said anything.
const OPEN: u64 = u64::MAX;
/// Known to be null.
const NULL: u64 = u64::MAX - 1;

/// Where the groups of some rows are: for each group and row, a page and a row in it.
struct Places {
    /// Groups wanted, by position in the schema.
    wanted: Vec<usize>,
    /// By wanted group, then row: page number in the high half, row in the low one.
    at: Vec<Vec<u64>>,
    pages: Vec<Arc<Page>>,
    /// Whether the row is there: known from the newest entry about it.
    there: Vec<Option<bool>>,
    /// Rows of which nothing older matters.
    settled: Vec<bool>,
}

impl Places {
    fn page(&mut self, page: &Arc<Page>) -> u64 {
        // Rows come in the order of their keys, so that the page is nearly always the last used one
        // of its group.
        let recent = self.pages.len().saturating_sub(2 * self.wanted.len() + 2);
        let known = self.pages[recent..].iter().position(|known| Arc::ptr_eq(known, page));
        let at = known.map_or_else(
            || {
                self.pages.push(Arc::clone(page));
                self.pages.len() - 1
            },
            |at| recent + at,
        );
        (at as u64) << 32
    }

    fn note_delta(&mut self, row: usize, leaf: &DeltaLeaf, leaf_row: usize) {
        let op = leaf.ops[leaf_row];
        if self.there[row].is_none() {
            self.there[row] = Some(op != RowOp::Delete);
        }
        for slot in 0..self.wanted.len() {
            if self.at[slot][row] != OPEN {
                continue;
            }
            if op == RowOp::Delete {
                self.at[slot][row] = NULL;
            } else if let Some((page, page_row)) = leaf.group(self.wanted[slot], leaf_row) {
                self.at[slot][row] = self.page(page) | u64::from(page_row);
            } else if op != RowOp::Patch {
                self.at[slot][row] = NULL;
            }
        }
        self.settled[row] = op != RowOp::Patch;
    }

    fn note_base(&mut self, row: usize, pages: &[Option<Arc<Page>>], leaf_row: usize) {
        self.there[row].get_or_insert(true);
        for slot in 0..self.wanted.len() {
            if self.at[slot][row] == OPEN {
                self.at[slot][row] = match &pages[slot] {
                    Some(page) => self.page(page) | leaf_row as u64,
                    None => NULL,
                };
            }
        }
        self.settled[row] = true;
    }
}

/// The rows of ascending keys; null where there is no row.
pub(super) fn rows(table: &Table, keys: &BinaryArray, columns: &Columns) -> Result<(RowBatch, Vec<bool>)> {
    let cache = table.cache();
    let wanted: Vec<usize> = (0..columns.0.len()).filter(|&at| columns.0[at].is_some()).collect();
    let mut places = Places {
        at: vec![vec![OPEN; keys.len()]; wanted.len()],
        wanted,
        pages: Vec::new(),
        there: vec![None; keys.len()],
        settled: vec![false; keys.len()],
    };
    for delta in table.0.root.deltas.iter().rev() {
        in_tree(table, &delta.node, keys, &mut places, &mut |places, leaf, rows| {
            let reference = leaf.leaf().ok_or(TableError::Internal("not a leaf"))?;
            let leaf = cache.delta_leaf(reference)?;
            for row in rows {
                if !places.settled[row]
                    && let Ok(found) = leaf.keys.find(keys.value(row))?
                {
                    places.note_delta(row, &leaf, found);
                }
            }
            Ok(())
        })?;
    }
    if let Some(base) = &table.0.root.base {
        in_tree(table, base, keys, &mut places, &mut |places, leaf, rows| {
            let reference = leaf.leaf().ok_or(TableError::Internal("not a leaf"))?;
            let page = cache.keys(&reference.keys)?;
            let mut pages: Option<Vec<Option<Arc<Page>>>> = None;
            for row in rows {
                if places.settled[row] {
                    continue;
                }
                if let Ok(found) = page.find(keys.value(row))? {
                    if pages.is_none() {
                        let open = |at: &usize| reference.group(*at).map(|id| cache.page(&id)).transpose();
                        pages = Some(places.wanted.iter().map(open).collect::<Result<_>>()?);
                    }
                    places.note_base(row, pages.as_deref().unwrap_or_default(), found);
                }
            }
            Ok(())
        })?;
    }
    let found: Vec<bool> = places.there.iter().map(|there| there.unwrap_or(false)).collect();
    let mut groups = vec![None; columns.0.len()];
    for (slot, &at) in places.wanted.iter().enumerate() {
        if let Some(projection) = &columns.0[at] {
            groups[at] = Some(gather(&places.pages, &places.at[slot], projection)?);
        }
    }
    Ok((RowBatch { keys: keys.clone(), groups }, found))
}

/// What is done with a leaf and the rows of the keys that it may have.
type Visit<'a> = &'a mut dyn FnMut(&mut Places, &LeafAt, std::ops::Range<usize>) -> Result<()>;

/// Visits the leaves of a tree that may have some of the keys, with the rows of those keys.
fn in_tree(
    table: &Table,
    root: &tamis_core::Hash,
    keys: &BinaryArray,
    places: &mut Places,
    visit: Visit<'_>,
) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    if keys.len() < 64 {
        // Few keys: descend for each, rather than walk all leaves between them.
        let mut row = 0;
        while row < keys.len() {
            let Some(leaf) = find_leaf(table.cache(), root, keys.value(row))? else { break };
            let end = row + (row..keys.len()).take_while(|&r| keys.value(r) <= &*leaf.child().last).count();
            visit(places, &leaf, row..end.max(row + 1))?;
            row = end.max(row + 1);
        }
        return Ok(());
    }
    let range = KeyRange { start: Some(keys.value(0).to_vec()), end: None };
    let mut row = 0;
    for leaf in leaves(table.cache(), Some(root), &range)? {
        while row < keys.len() && keys.value(row) < &*leaf.child().first {
            row += 1;
        }
        let end = row + (row..keys.len()).take_while(|&r| keys.value(r) <= &*leaf.child().last).count();
        if end > row {
            visit(places, &leaf, row..end)?;
        }
        row = end;
        if row == keys.len() {
            break;
        }
    }
    Ok(())
}

/// Brings the rows of several pages together in the order asked for.
fn gather(pages: &[Arc<Page>], at: &[u64], projection: &Projection) -> Result<StructArray> {
    if at.is_empty() {
        return nulls(projection, 0);
    }
    // Rows by page, in the order of their first appearance.
    let mut order: Vec<u32> = Vec::new();
    let mut number = vec![u32::MAX; pages.len()];
    let mut rows: Vec<Vec<u32>> = Vec::new();
    let mut picks: Vec<(usize, usize)> = Vec::with_capacity(at.len());
    let mut has_null = false;
    for &place in at {
        if place >= NULL {
            has_null = true;
            picks.push((usize::MAX, 0));
            continue;
        }
        let page = (place >> 32) as usize;
        if number[page] == u32::MAX {
            number[page] = order.len() as u32;
            order.push(page as u32);
            rows.push(Vec::new());
        }
        let source = number[page] as usize;
        picks.push((source, rows[source].len()));
        rows[source].push(place as u32);
    }
    let mut taken: Vec<StructArray> = Vec::with_capacity(order.len() + 1);
    for (page, rows) in order.iter().zip(&rows) {
        taken.push(pages[*page as usize].take(rows, projection)?);
    }
    if has_null {
        let source = taken.len();
        picks.iter_mut().filter(|pick| pick.0 == usize::MAX).for_each(|pick| pick.0 = source);
        taken.push(nulls(projection, 1)?);
    }
    let arrays: Vec<&dyn Array> = taken.iter().map(|array| array as &dyn Array).collect();
    let is_in_order = !has_null && picks.windows(2).all(|pair| pair[0] < pair[1]);
    let joined = match (&taken[..], is_in_order) {
        ([one], true) => return Ok(one.clone()),
        (_, true) => arrow::compute::concat(&arrays)?,
        _ => arrow::compute::interleave(&arrays, &picks)?,
    };
    Ok(joined.as_struct().clone())
}

fn nulls(projection: &Projection, rows: usize) -> Result<StructArray> {
    null_group(&crate::schema::GroupSchema::new("", projection.fields().clone()), rows)
}
