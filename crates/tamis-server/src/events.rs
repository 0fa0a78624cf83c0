//! Streams of events: a job, the changes of a dataset.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use tamis_engine::EngineError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::answer::Answer;
use crate::app::App;
use crate::caller::Caller;
use crate::extract::Named;

/// The least time between two events of a job.
const BREATH: Duration = Duration::from_millis(250);
/// How often a dataset is looked at: other processes change it too.
const LOOK: Duration = Duration::from_secs(1);
/// The most operations that one look tells of.
const NEWEST: usize = 100;

type Sender = mpsc::Sender<Result<Event, Infallible>>;

fn stream(made: mpsc::Receiver<Result<Event, Infallible>>) -> Response {
    Sse::new(ReceiverStream::new(made)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))).into_response()
}

/// Sends; false when nobody listens any more.
async fn send(to: &Sender, name: &str, value: &impl serde::Serialize) -> bool {
    match Event::default().event(name).json_data(value) {
        Ok(event) => to.send(Ok(event)).await.is_ok(),
        Err(_) => false,
    }
}

/// `GET /jobs/{id}/events`
pub(crate) async fn job(State(app): State<App>, _: Caller, Path(id): Path<String>) -> Answer {
    let mut seen = app.jobs.watch(&id)?;
    let place = app.stream()?;
    let (to, made) = mpsc::channel(1);
    tokio::spawn(async move {
        let _place = place;
        loop {
            let job = seen.borrow_and_update().clone();
            if !send(&to, "job", &job).await || !job.state.is_open() {
                break;
            }
            tokio::select! {
                changed = seen.changed() => if changed.is_err() { break },
                () = to.closed() => break,
            }
            tokio::time::sleep(BREATH).await;
        }
    });
    Ok(stream(made))
}

/// `GET DS/events`
pub(crate) async fn dataset(State(app): State<App>, caller: Caller, Named(name): Named) -> Answer {
    let look = move |app: &App, limit| app.engine.operations(&name, limit);
    let first = look.clone();
    let newest = app.run(caller.ctx, move |app, _| Ok(first(app, 1)?)).await?;
    let mut last = newest.first().map(|operation| operation.id.clone());
    let place = app.stream()?;
    let (to, made) = mpsc::channel(16);
    tokio::spawn(async move {
        let _place = place;
        while !app.stopping.is_cancelled() {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {},
                () = to.closed() => return,
            }
            let (look, app) = (look.clone(), app.clone());
            let work = tokio::task::spawn_blocking(move || {
                let newest = look(&app, 1)?;
                Ok::<_, EngineError>((newest, look, app))
            });
            let Ok(Ok((newest, look, app))) = work.await else { continue };
            let id = newest.first().map(|operation| operation.id.clone());
            if id == last {
                continue;
            }
            let Ok(Ok(all)) = tokio::task::spawn_blocking(move || look(&app, NEWEST)).await else { continue };
            // Not what the first look gave: more may have happened since.
            let newest = all.first().map(|operation| operation.id.clone());
            let new: Vec<_> = all.into_iter().take_while(|operation| Some(&operation.id) != last.as_ref()).collect();
            last = newest;
            for operation in new.into_iter().rev() {
                if !send(&to, "change", &operation).await {
                    return;
                }
            }
        }
    });
    Ok(stream(made))
}
