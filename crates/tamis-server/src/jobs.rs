//! Long work that outlives its request: started, watched, stopped. Kept in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;
use tamis_core::{Cancel, Clock, Progress, ProgressSink, SystemClock};
use tamis_engine::{Ctx, Engine, EngineError};
use tokio::sync::{Semaphore, watch};

use crate::problem::{BUSY, NOT_FOUND, Problem};

/// Jobs at work at a time.
const AT_ONCE: usize = 2;
/// Jobs that wait or work, at most.
const OPEN: usize = 100;
/// Jobs that are remembered.
const KEPT: usize = 200;

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobState {
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl JobState {
    pub(crate) fn is_open(self) -> bool {
        matches!(self, JobState::Queued | JobState::Running)
    }
}

/// How far the step that a job is at has come.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Done {
    step: String,
    done: u64,
    total: Option<u64>,
    unit: &'static str,
    bytes: u64,
}

/// A job as clients see it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Job {
    id: String,
    what: String,
    pub(crate) state: JobState,
    started: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Done>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
}

/// A job and what stops it.
struct Entry {
    seen: Arc<watch::Sender<Job>>,
    cancel: Cancel,
}

#[derive(Default)]
struct Inner {
    entries: VecDeque<Entry>,
    next: u64,
}

/// The jobs of a server, newest first.
pub(crate) struct Jobs {
    inner: Mutex<Inner>,
    places: Arc<Semaphore>,
}

impl Jobs {
    pub(crate) fn new() -> Jobs {
        Jobs { inner: Mutex::default(), places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that are remembered, newest first.
    pub(crate) fn list(&self) -> Vec<Job> {
        self.lock().entries.iter().map(|entry| entry.seen.borrow().clone()).collect()
    }

    /// How many work, and how many wait.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let count = |state| self.list().iter().filter(|job| job.state == state).count() as u64;
        (count(JobState::Running), count(JobState::Queued))
    }

    /// A job, to be followed.
    pub(crate) fn watch(&self, id: &str) -> Result<watch::Receiver<Job>, Problem> {
        let inner = self.lock();
        let found = inner.entries.iter().find(|entry| entry.seen.borrow().id == id);
        found.map(|entry| entry.seen.subscribe()).ok_or_else(|| none(id))
    }

    /// Asks a job to stop. Nothing for one that ended.
    pub(crate) fn cancel(&self, id: &str) -> Result<Job, Problem> {
        let inner = self.lock();
        let entry = inner.entries.iter().find(|entry| entry.seen.borrow().id == id).ok_or_else(|| none(id))?;
        entry.cancel.cancel();
        let is_queued = entry.seen.borrow().state == JobState::Queued;
        if is_queued {
            finish(&entry.seen, JobState::Cancelled, |_| {});
        }
        Ok(entry.seen.borrow().clone())
    }

    /// Asks all to stop, and waits until no one works any more.
    pub(crate) async fn stop(&self) {
        self.lock().entries.iter().for_each(|entry| entry.cancel.cancel());
        drop(self.places.acquire_many(AT_ONCE as u32).await);
    }

    fn add(&self, what: String, cancel: Cancel) -> Result<Arc<watch::Sender<Job>>, Problem> {
        let mut inner = self.lock();
        let open = inner.entries.iter().filter(|entry| entry.seen.borrow().state.is_open()).count();
        if open >= OPEN {
            return Err(Problem::new(&BUSY, format!("{open} jobs are open already")).hint("wait, or cancel some"));
        }
        inner.next += 1;
        let job = Job {
            id: inner.next.to_string(),
            what,
            state: JobState::Queued,
            started: SystemClock.now_micros(),
            ended: None,
            progress: None,
            error: None,
            code: None,
            hint: None,
            result: None,
        };
        let seen = Arc::new(watch::Sender::new(job));
        inner.entries.push_front(Entry { seen: Arc::clone(&seen), cancel });
        while inner.entries.len() > KEPT && inner.entries.back().is_some_and(|old| !old.seen.borrow().state.is_open()) {
            inner.entries.pop_back();
        }
        Ok(seen)
    }
}

fn none(id: &str) -> Problem {
    let shown: String = id.chars().take(40).collect();
    Problem::new(&NOT_FOUND, format!("there is no job `{shown}`")).hint("GET /api/v1/jobs lists them")
}

fn finish(seen: &watch::Sender<Job>, state: JobState, tell: impl FnOnce(&mut Job)) {
    seen.send_modify(|job| {
        job.state = state;
        job.ended = Some(SystemClock.now_micros());
        tell(job);
    });
}

impl Jobs {
    /// Starts work as a job. Gives the job as it is now.
    pub(crate) fn start<T: Serialize>(
        self: &Arc<Jobs>,
        engine: &Engine,
        ctx: Ctx,
        what: String,
        work: impl FnOnce(&Engine, &Ctx) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<Job, Problem> {
        let cancel = Cancel::default();
        let seen = self.add(what, cancel.clone())?;
        let sink = Arc::new(Sink(Arc::clone(&seen)));
        let ctx = Ctx { progress: Progress::new(sink, cancel.clone()), ..ctx };
        let (jobs, engine, started) = (Arc::clone(self), engine.clone(), seen.borrow().clone());
        tokio::spawn(async move {
            let place = Arc::clone(&jobs.places).acquire_owned().await;
            if cancel.is_cancelled() {
                return finish(&seen, JobState::Cancelled, |_| {});
            }
            seen.send_modify(|job| job.state = JobState::Running);
            let done = tokio::task::spawn_blocking(move || {
                let _place = place;
                let value = work(&engine, &ctx)?;
                let unwritable =
                    |e: serde_json::Error| EngineError::new("internal", format!("cannot tell the result: {e}"));
                serde_json::to_value(value).map_err(unwritable)
            });
            let done = done.await.unwrap_or_else(|error| {
                Err(EngineError::new("internal", format!("the job stopped unexpectedly: {error}")))
            });
            match done {
                Ok(value) => finish(&seen, JobState::Done, |job| job.result = Some(value)),
                Err(error) if error.code.id == "cancelled" => finish(&seen, JobState::Cancelled, |_| {}),
                Err(error) => finish(&seen, JobState::Failed, |job| {
                    (job.code, job.error) = (Some(error.code.id), Some(error.message));
                    job.hint = Some(error.hint).filter(|hint| !hint.is_empty());
                }),
            }
        });
        Ok(started)
    }
}

/// Writes progress into a job.
struct Sink(Arc<watch::Sender<Job>>);

impl ProgressSink for Sink {
    fn begin(&self, step: &str, total: Option<u64>, unit: &'static str) {
        let progress = Done { step: step.to_owned(), total, unit, ..Done::default() };
        self.0.send_modify(|job| job.progress = Some(progress));
    }

    fn update(&self, done: u64, bytes: u64) {
        self.0.send_modify(|job| {
            if let Some(progress) = &mut job.progress {
                (progress.done, progress.bytes) = (done, bytes);
            }
        });
    }

    fn end(&self) {}
}
