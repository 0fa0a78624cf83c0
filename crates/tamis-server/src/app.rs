//! What handlers share: the engine, jobs, what is kept in memory, and the way onto the blocking pool.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tamis_core::Cancel;
use tamis_engine::{Author, Ctx, Engine};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::found::Kept;
use crate::jobs::Jobs;
use crate::metrics::Metrics;
use crate::problem::{self, Problem};
use crate::thumbs::Thumbs;
use crate::ui::Ui;

/// Answers in work at a time.
const AT_ONCE: usize = 64;
/// Open streams: events, rows, media.
const STREAMS: usize = 256;
/// The longest an answer may take.
const TIME: Duration = Duration::from_secs(60);

/// The server's state; clones are the same.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

/// What clones of [`App`] share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    /// The one person of a server without accounts.
    pub(crate) author: Author,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) metrics: Metrics,
    pub(crate) found: Kept,
    pub(crate) thumbs: Thumbs,
    pub(crate) ui: Ui,
    streams: Arc<Semaphore>,
    /// Set when the process is asked to stop.
    pub(crate) stopping: Cancel,
    places: Arc<Semaphore>,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    pub(crate) fn new(engine: Engine, author: Author, ui: Ui, stopping: Cancel) -> App {
        App(Arc::new(Shared {
            jobs: Arc::new(Jobs::new()),
            engine,
            author,
            metrics: Metrics::default(),
            found: Kept::default(),
            thumbs: Thumbs::default(),
            ui,
            streams: Arc::new(Semaphore::new(STREAMS)),
            stopping,
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }))
    }

    /// Does work that blocks. Told to stop when it takes too long, and when nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        ctx: Ctx,
        work: impl FnOnce(&App, &Ctx) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let _stop = StopOnDrop(ctx.progress.cancel().clone());
        let app = self.clone();
        in_time(async {
            let place = Arc::clone(&self.places).acquire_owned().await;
            let id = problem::request_id();
            let task = tokio::task::spawn_blocking(move || {
                let _place = place;
                problem::REQUEST_ID.sync_scope(id, || work(&app, &ctx))
            });
            task.await.unwrap_or_else(|error| {
                Err(Problem::new(&problem::INTERNAL, format!("the operation stopped unexpectedly: {error}")))
            })
        })
        .await
    }

    /// A place among the open streams.
    pub(crate) fn stream(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let full = |_| Problem::new(&problem::BUSY, "too many streams are open").hint("close some, or ask again later");
        Arc::clone(&self.streams).try_acquire_owned().map_err(full)
    }
}

/// What comes within the time that an answer may take.
pub(crate) async fn in_time<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    tokio::time::timeout(TIME, work).await.unwrap_or_else(|_| {
        let detail = format!("no answer within {} s", TIME.as_secs());
        Err(Problem::new(&problem::TIMEOUT, detail).hint("ask for less, or use a job or the command line"))
    })
}

/// Asks work to stop when nobody waits for it.
pub(crate) struct StopOnDrop(pub(crate) Cancel);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
