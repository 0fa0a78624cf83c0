//! SQL: rows in the form that the client asks for, sent as they are made.

use std::io::{self, Write};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use serde::Deserialize;
use tamis_engine::EngineError;
use tamis_engine::ops::sql::{OutputFormat, SqlRequest};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::answer::Answer;
use crate::app::{App, StopOnDrop, in_time};
use crate::caller::Caller;
use crate::extract::Json;
use crate::problem::Problem;

/// Bytes that a statement may hold before it spills.
const MEMORY: u64 = 1 << 30;
/// Bytes that are sent at once.
const PART: usize = 256 << 10;
/// How long a client may take for what was sent before.
const STALL: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Statement {
    sql: String,
    dataset: Option<String>,
    limit: Option<usize>,
    format: Option<String>,
}

type Parts = mpsc::Sender<Result<Bytes, io::Error>>;

pub(super) async fn sql(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(statement): Json<Statement>,
) -> Answer {
    let (format, kind) = form(&statement, &headers)?;
    let Statement { sql, dataset, limit, .. } = statement;
    let request = SqlRequest { sql, dataset, limit, memory: Some(MEMORY), ..SqlRequest::default() };
    let (to, made) = mpsc::channel(4);
    let (tell, told) = oneshot::channel();
    let place = app.stream()?;
    let stop = StopOnDrop(caller.ctx.progress.cancel().clone());
    let (ctx, worker) = (caller.ctx, app.clone());
    tokio::task::spawn_blocking(move || {
        let _place = place;
        let mut out = Pieces { to, tell: Some(tell), held: Vec::new() };
        let done = worker.engine.sql(&ctx, &request).and_then(|answer| answer.write(format, &mut out).map(drop));
        out.end(done);
    });
    // What goes wrong before the first part is a problem; afterwards the stream breaks off.
    in_time(async { told.await.unwrap_or(Ok(())).map_err(Problem::from) }).await?;
    let parts = ReceiverStream::new(made).map(move |part| {
        let _alive = &stop;
        part
    });
    let mut response = Body::from_stream(parts).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// The form of the rows: by name, else by what the client accepts.
fn form(statement: &Statement, headers: &HeaderMap) -> Result<(OutputFormat, &'static str), Problem> {
    const ARROW: &str = "application/vnd.apache.arrow.stream";
    const PARQUET: &str = "application/vnd.apache.parquet";
    let accept = headers.get(header::ACCEPT).and_then(|kinds| kinds.to_str().ok()).unwrap_or_default();
    let format = match &statement.format {
        Some(name) => name.parse::<OutputFormat>().map_err(EngineError::from)?,
        None if accept.contains(ARROW) => OutputFormat::Arrow,
        None if accept.contains(PARQUET) => OutputFormat::Parquet,
        None if accept.contains("text/csv") => OutputFormat::Csv,
        None if accept.contains("application/x-ndjson") => OutputFormat::Jsonl,
        None => OutputFormat::Json,
    };
    let kind = match format {
        OutputFormat::Arrow => ARROW,
        OutputFormat::Parquet => PARQUET,
        OutputFormat::Csv => "text/csv; charset=utf-8",
        OutputFormat::Jsonl => "application/x-ndjson",
        _ => "application/json",
    };
    Ok((format, kind))
}

/// Sends what is written in pieces.
struct Pieces {
    to: Parts,
    /// Told once, whether there is something to send.
    tell: Option<oneshot::Sender<Result<(), EngineError>>>,
    held: Vec<u8>,
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        if let Some(tell) = self.tell.take() {
            drop(tell.send(Ok(())));
        }
        let part = std::mem::take(&mut self.held);
        let sent = tokio::time::timeout(STALL, self.to.send(Ok(part.into())));
        match Handle::current().block_on(sent) {
            Ok(Ok(())) => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone, or does not read")),
        }
    }

    fn end(mut self, done: Result<(), EngineError>) {
        match (done, self.tell.take()) {
            (Err(error), Some(tell)) => drop(tell.send(Err(error))),
            (Err(error), None) => drop(self.to.try_send(Err(io::Error::other(error)))),
            (Ok(()), tell) => {
                self.tell = tell;
                drop(self.send());
            }
        }
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= PART {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
