//! Plans of scans: which leaves a read of a range needs, and which its summaries rule out.
//!
//! A base node's summary is exact for the rows below it, but says nothing of what the deltas make of
//! them. So a subtree that a [`ScanFilter`] rules out is not left out whole: its rows that deltas touch
//! are read and given as they are; the others are as the summary says. What a plan gives is therefore
//! every row that may be wanted, and some that are not; the reader filters.

use std::fmt;
use std::sync::Arc;

use super::fold::{overlay, read_leaf, read_values};
use super::{Columns, Table};
use crate::error::Result;
use crate::leaf::RowOp;
use crate::node::{Child, KeyRange, LeafAt, Node, Target};
use crate::rows::{RowBatch, keys_of};
use crate::summary::{Summary, decode_some};

/// Says of a subtree whether any of its rows may be wanted.
type Judge = dyn Fn(&[u8], &[u8], &Summary) -> bool + Send + Sync;

/// Rules subtrees out by their first and last key and the summary of their rows.
#[derive(Clone)]
pub struct ScanFilter {
    columns: Arc<[String]>,
    judge: Arc<Judge>,
}

impl fmt::Debug for ScanFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanFilter").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl ScanFilter {
    /// A filter that looks at some columns of summaries, named `group:path`; others are not decoded.
    /// `judge` gets first key, last key and summary, and answers whether some row may be wanted:
    /// a wrong "no" loses rows, a wrong "yes" costs time.
    pub fn new(
        columns: impl IntoIterator<Item = String>,
        judge: impl Fn(&[u8], &[u8], &Summary) -> bool + Send + Sync + 'static,
    ) -> ScanFilter {
        ScanFilter { columns: columns.into_iter().collect(), judge: Arc::new(judge) }
    }

    fn wants(&self, child: &Child) -> Result<bool> {
        let summary = decode_some(&child.summary, |name| self.columns.iter().any(|column| column == name))?;
        Ok((self.judge)(&child.first, &child.last, &summary))
    }
}

/// What a plan reads and what it leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanStats {
    /// Nodes that were looked at.
    pub nodes: u64,
    /// Leaves of the base that are read.
    pub leaves: u64,
    /// Rows of these leaves, before deltas.
    pub rows: u64,
    /// Subtrees or leaves that are left out, by their keys or their summaries.
    pub skipped: u64,
    /// Rows in what is left out.
    pub rows_skipped: u64,
    /// Encoded bytes of all pages in what is left out.
    pub bytes_skipped: u64,
}

/// Pages that a read opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PagesRead {
    /// Pages of keys and column groups of the base.
    pub pages: u64,
    /// Their encoded bytes.
    pub bytes: u64,
}

#[derive(Clone, Debug)]
struct Part {
    /// The leaf that is read; [`None`]: only rows that deltas touch.
    leaf: Option<LeafAt>,
    /// The keys that belong to the part.
    own: KeyRange,
}

/// The parts of a scan in the order of their keys, each to be read by itself, on any thread.
#[derive(Clone, Debug)]
pub struct ScanPlan {
    table: Table,
    range: KeyRange,
    parts: Arc<[Part]>,
    stats: PlanStats,
}

struct Planner<'a> {
    table: &'a Table,
    range: &'a KeyRange,
    filter: Option<&'a ScanFilter>,
    parts: Vec<Part>,
    /// Where the keys of the next part begin.
    start: Option<Vec<u8>>,
    /// Whether subtrees were left out since then whose rows deltas may touch.
    has_gap: bool,
    stats: PlanStats,
}

fn after(key: &[u8]) -> Vec<u8> {
    let mut key = key.to_vec();
    key.push(0);
    key
}

impl Planner<'_> {
    fn walk(&mut self, node: &Arc<Node>) -> Result<()> {
        self.stats.nodes += 1;
        for at in 0..node.children.len() {
            let child = &node.children[at];
            let is_near = self.range.touches(&child.first, &child.last);
            let wanted = is_near && self.filter.map_or(Ok(true), |filter| filter.wants(child))?;
            if !wanted {
                self.stats.skipped += 1;
                self.stats.rows_skipped += child.rows;
                self.stats.bytes_skipped += child.bytes;
                self.has_gap |= is_near;
                continue;
            }
            match &child.target {
                Target::Node(id) => self.walk(&node.below(self.table.cache(), id)?)?,
                Target::Leaf(_) => {
                    self.close_gap(&child.first);
                    let end = after(&child.last);
                    let own = KeyRange { start: self.start.replace(end.clone()), end: Some(end) };
                    self.stats.leaves += 1;
                    self.stats.rows += child.rows;
                    self.parts.push(Part { leaf: Some(LeafAt::new(Arc::clone(node), at)), own });
                }
            }
        }
        Ok(())
    }

    /// A part for the touched rows of what was left out before `key`.
    fn close_gap(&mut self, key: &[u8]) {
        if std::mem::take(&mut self.has_gap) && !self.table.0.root.deltas.is_empty() {
            let own = KeyRange { start: self.start.replace(key.to_vec()), end: Some(key.to_vec()) };
            self.parts.push(Part { leaf: None, own });
        }
    }

    fn finish(mut self) -> (Vec<Part>, PlanStats) {
        if !self.table.0.root.deltas.is_empty() {
            // Rows that deltas put behind the last leaf belong to it; behind a gap they are its own.
            match self.parts.last_mut().filter(|part| part.leaf.is_some()) {
                Some(last) if !self.has_gap => last.own.end = None,
                _ => self.parts.push(Part { leaf: None, own: KeyRange { start: self.start.take(), end: None } }),
            }
        }
        (self.parts, self.stats)
    }
}

impl Table {
    /// Plans a read of the rows with keys from `start` (inclusive) to `end` (exclusive), without the
    /// subtrees that `filter` rules out. Reads nodes only: O(nodes that are not ruled out).
    pub fn plan(&self, start: Option<Vec<u8>>, end: Option<Vec<u8>>, filter: Option<&ScanFilter>) -> Result<ScanPlan> {
        let range = KeyRange { start, end };
        let mut planner = Planner {
            table: self,
            range: &range,
            filter,
            parts: Vec::new(),
            start: None,
            has_gap: false,
            stats: PlanStats::default(),
        };
        if let Some(base) = &self.0.root.base {
            planner.walk(&self.cache().node(base)?)?;
        }
        let (parts, stats) = planner.finish();
        Ok(ScanPlan { table: self.clone(), range, parts: parts.into(), stats })
    }
}

impl ScanPlan {
    /// The version that is read.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// How many parts there are.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether nothing is to be read.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// What is read and what is left out.
    pub fn stats(&self) -> PlanStats {
        self.stats
    }

    /// About how many rows a part has: those of its leaf.
    pub fn rows(&self, part: usize) -> u64 {
        self.parts.get(part).and_then(|part| part.leaf.as_ref()).map_or(0, |leaf| leaf.child().rows)
    }

    /// The pages of the base that reading a part opens. Opens their headers.
    pub fn pages(&self, part: usize, columns: &Columns, keys: bool) -> Result<PagesRead> {
        let mut read = PagesRead::default();
        let Some(leaf) = self.parts.get(part).and_then(|part| part.leaf.as_ref()).and_then(LeafAt::leaf) else {
            return Ok(read);
        };
        let groups = (0..columns.0.len()).filter(|at| columns.0[*at].is_some()).filter_map(|at| leaf.group(at));
        for id in keys.then_some(leaf.keys).into_iter().chain(groups) {
            read.pages += 1;
            read.bytes += self.table.cache().store().blocked(&id)?.size();
        }
        Ok(read)
    }

    /// The rows of a part, in order. Without `keys`, keys may come empty.
    pub fn read(&self, part: usize, columns: &Columns, keys: bool) -> Result<RowBatch> {
        let table = &self.table;
        let Some(Part { leaf, own }) = self.parts.get(part) else {
            return Ok(table.get_many(&keys_of([]), columns)?.0);
        };
        let range = KeyRange {
            start: own.start.iter().chain(&self.range.start).max().cloned(),
            end: own.end.iter().chain(&self.range.end).min().cloned(),
        };
        let Some(leaf) = leaf else {
            let touched = overlay(table.cache(), &table.0.root, &range, &Columns::none(table.schema()))?;
            let there = touched.keys.iter().flatten().zip(&touched.ops).filter(|(_, op)| **op != RowOp::Delete);
            return Ok(table.get_many(&keys_of(there.map(|(key, _)| key)), columns)?.0);
        };
        if !keys && self.range == KeyRange::default() {
            return read_values(table.cache(), &table.0.root, leaf, &range, columns);
        }
        let rows = read_leaf(table.cache(), &table.0.root, Some(leaf), &range, columns)?;
        if self.range == KeyRange::default() {
            return Ok(rows);
        }
        let count = |bound: &Option<Vec<u8>>, none: usize| match bound {
            Some(key) => rows.keys.iter().flatten().take_while(|k| *k < &key[..]).count(),
            None => none,
        };
        let (start, end) = (count(&self.range.start, 0), count(&self.range.end, rows.len()));
        Ok(rows.slice(start, end.saturating_sub(start)))
    }
}
