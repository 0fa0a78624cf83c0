//! Scans: all rows of a range in order, leaf by leaf, several leaves at once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use super::plan::ScanPlan;
use super::{Columns, Table};
use crate::error::{Result, TableError};
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
    plan: ScanPlan,
    columns: Columns,
    keys: bool,
    threads: usize,
}

impl Task {
    fn part(&self, at: usize) -> Result<RowBatch> {
        self.plan.read(at, &self.columns, self.keys)
    }
}

impl Table {
    /// Scans rows in the order of their keys. Memory: one leaf, or two a thread.
    pub fn scan(&self, options: ScanOptions) -> Result<Scan> {
        let ScanOptions { start, end, columns, keys, threads } = options;
        let task = Task { plan: self.plan(start, end, None)?, columns, keys, threads };
        Ok(Scan { task: Arc::new(task), next: 0, running: VecDeque::new() })
    }
}

impl Iterator for Scan {
    type Item = Result<RowBatch>;

    fn next(&mut self) -> Option<Result<RowBatch>> {
        let parts = self.task.plan.len();
        if self.task.threads <= 1 {
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
            while self.next < parts && self.running.len() < 2 * self.task.threads {
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
