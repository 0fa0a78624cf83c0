//! Scans: all rows of a range in order, leaf by leaf, several leaves at once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use super::fold::{read_leaf, read_values};
use super::{Columns, Table};
use crate::error::{Result, TableError};
use crate::node::{KeyRange, LeafAt, leaves};
use crate::rows::RowBatch;

/// What a scan gives.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScanOptions {
    /// First key, inclusive.
    pub start: Option<Vec<u8>>,
    /// Last key, exclusive.
    pub end: Option<Vec<u8>>,
    /// The columns.
    pub columns: Columns,
    /// Whether keys are read; if not, they may come empty.
    pub keys: bool,
    /// Leaves decoded at once; 1: on the calling thread, as they are asked for.
    pub threads: usize,
}

impl ScanOptions {
    /// All rows, on the calling thread.
    pub fn new(columns: Columns) -> ScanOptions {
        ScanOptions { start: None, end: None, columns, keys: true, threads: 1 }
    }

    /// The same for keys from `start` (inclusive) to `end` (exclusive).
    pub fn range(mut self, start: Option<Vec<u8>>, end: Option<Vec<u8>>) -> ScanOptions {
        (self.start, self.end) = (start, end);
        self
    }

    /// The same without keys, for aggregates over columns.
    pub fn without_keys(mut self) -> ScanOptions {
        self.keys = false;
        self
    }

    /// The same on some threads.
    pub fn threads(mut self, threads: usize) -> ScanOptions {
        self.threads = threads.max(1);
        self
    }
}

/// A running scan: batches of rows in order, one a leaf.
#[derive(Debug)]
pub struct Scan {
    task: Arc<Task>,
    next: usize,
    running: VecDeque<Receiver<Result<RowBatch>>>,
}

#[derive(Debug)]
struct Task {
    table: Table,
    range: KeyRange,
    options: ScanOptions,
    leaves: Vec<LeafAt>,
}

impl Task {
    /// How many parts the scan has: one a leaf, or one for deltas on no base.
    fn parts(&self) -> usize {
        self.leaves.len().max(usize::from(!self.table.0.root.deltas.is_empty()))
    }

    fn part(&self, at: usize) -> Result<RowBatch> {
        let table = &self.table;
        let after = |leaf: &LeafAt| {
            let mut key = leaf.child().last.to_vec();
            key.push(0);
            key
        };
        // The rows of the deltas up to a leaf's last key belong to it, the last rows to the last leaf.
        let own = KeyRange {
            start: at.checked_sub(1).and_then(|before| self.leaves.get(before)).map(after),
            end: self.leaves.get(at).filter(|_| at + 1 < self.leaves.len()).map(after),
        };
        let range = KeyRange {
            start: own.start.into_iter().chain(self.range.start.clone()).max(),
            end: own.end.into_iter().chain(self.range.end.clone()).min(),
        };
        if let (false, true, Some(leaf)) = (self.options.keys, self.range == KeyRange::default(), self.leaves.get(at)) {
            return read_values(table.cache(), &table.0.root, leaf, &range, &self.options.columns);
        }
        let rows = read_leaf(table.cache(), &table.0.root, self.leaves.get(at), &range, &self.options.columns)?;
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

impl Table {
    /// Scans rows in the order of their keys. Memory: one leaf, or two a thread.
    pub fn scan(&self, options: ScanOptions) -> Result<Scan> {
        let range = KeyRange { start: options.start.clone(), end: options.end.clone() };
        let found = leaves(self.cache(), self.0.root.base.as_ref(), &range)?;
        let task = Task { table: self.clone(), range, options, leaves: found };
        Ok(Scan { task: Arc::new(task), next: 0, running: VecDeque::new() })
    }
}

impl Iterator for Scan {
    type Item = Result<RowBatch>;

    fn next(&mut self) -> Option<Result<RowBatch>> {
        let parts = self.task.parts();
        if self.task.options.threads <= 1 {
            while self.next < parts {
                self.next += 1;
                match self.task.part(self.next - 1) {
                    Ok(rows) if rows.is_empty() => {}
                    other => return Some(other),
                }
            }
            return None;
        }
        loop {
            while self.next < parts && self.running.len() < 2 * self.task.options.threads {
                let (send, receive) = sync_channel(1);
                let (task, at) = (Arc::clone(&self.task), self.next);
                rayon::spawn(move || {
                    // Nobody listens any more when the scan was dropped.
                    drop(send.send(task.part(at)));
                });
                self.running.push_back(receive);
                self.next += 1;
            }
            let first = self.running.pop_front()?;
            match first.recv() {
                Ok(Ok(rows)) if rows.is_empty() => {}
                Ok(outcome) => return Some(outcome),
                Err(_) => return Some(Err(TableError::Internal("a scan's thread ended without an outcome"))),
            }
        }
    }
}
