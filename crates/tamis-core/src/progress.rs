//! Progress and cancellation of long work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Somebody who shows progress: a terminal's bar, a job's record, nobody.
///
/// Calls come from many threads and often; an implementation throttles by itself.
pub trait ProgressSink: Send + Sync {
    /// A step began: `total` items of `unit` (`None` when unknown), e.g. ("import", Some(50_000), "samples").
    fn begin(&self, step: &str, total: Option<u64>, unit: &'static str);
    /// `done` items of the current step are done (absolute), `bytes` bytes were handled in it.
    fn update(&self, done: u64, bytes: u64);
    /// The current step is over.
    fn end(&self);
}

/// A sink that shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl ProgressSink for NoProgress {
    fn begin(&self, _step: &str, _total: Option<u64>, _unit: &'static str) {}
    fn update(&self, _done: u64, _bytes: u64) {}
    fn end(&self) {}
}

/// A handle on progress and cancellation that long work carries; cheap to clone.
#[derive(Clone)]
pub struct Progress {
    sink: Arc<dyn ProgressSink>,
    cancel: Cancel,
    done: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
}

impl Progress {
    /// Reports to `sink` and stops when `cancel` says so.
    pub fn new(sink: Arc<dyn ProgressSink>, cancel: Cancel) -> Progress {
        Progress { sink, cancel, done: Arc::default(), bytes: Arc::default() }
    }

    /// Shows nothing and is never cancelled.
    pub fn none() -> Progress {
        Progress::new(Arc::new(NoProgress), Cancel::default())
    }

    /// Begins a step and sets the counters to zero.
    pub fn begin(&self, step: &str, total: Option<u64>, unit: &'static str) {
        self.done.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        self.sink.begin(step, total, unit);
    }

    /// Counts items and bytes as done, and says whether to stop.
    pub fn advance(&self, items: u64, bytes: u64) -> Result<(), Cancelled> {
        let done = self.done.fetch_add(items, Ordering::Relaxed) + items;
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.sink.update(done, bytes);
        self.cancel.check()
    }

    /// Ends the step.
    pub fn end(&self) {
        self.sink.end();
    }

    /// The cancellation this work obeys.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress").field("done", &self.done).finish_non_exhaustive()
    }
}

/// A flag that says "stop"; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the work to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the work should stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// An error when the work should stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }
}

/// The work was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;
