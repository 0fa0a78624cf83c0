//! The log of commits, the log of operations, differences.

use axum::extract::State;
use serde::Deserialize;
use tamis_engine::ops::diff::{DiffLine, DiffRequest};
use tamis_engine::ops::log::LogRequest;
use tamis_engine::{EngineError, Result};

use crate::answer::{Answer, json, with_next};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{At, Json, Named, Params};

/// Lines of a list, where nothing is said, and at most.
const LINES: usize = 100;
const MOST: usize = 10_000;

#[derive(Deserialize)]
pub(super) struct Lines {
    limit: Option<usize>,
    #[serde(default)]
    all: bool,
}

impl Lines {
    fn limit(&self) -> usize {
        self.limit.unwrap_or(LINES).clamp(1, MOST)
    }
}

pub(super) async fn log(State(app): State<App>, caller: Caller, at: At, Params(lines): Params<Lines>) -> Answer {
    let request = LogRequest { limit: lines.limit(), all: lines.all, ..LogRequest::default() };
    // Names at commits move while the commits stay: no tag of the commit for this.
    app.answer(caller, move |app, _| app.engine.log(&at.address, &request)).await
}

pub(super) async fn operations(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Params(lines): Params<Lines>,
) -> Answer {
    app.answer(caller, move |app, _| app.engine.operations(&dataset, lines.limit())).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Undo {
    operation: Option<String>,
}

pub(super) async fn undo(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(which): Json<Undo>,
) -> Answer {
    app.answer(caller, move |app, ctx| app.engine.undo(ctx, &dataset, which.operation.as_deref())).await
}

#[derive(Deserialize)]
pub(super) struct Between {
    from: String,
    to: String,
    #[serde(default)]
    path: String,
    after: Option<String>,
    limit: Option<usize>,
}

impl Between {
    fn request(&self) -> DiffRequest {
        DiffRequest { from: self.from.clone(), to: self.to.clone(), prefix: self.path.clone() }
    }
}

pub(super) async fn diff(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    uri: axum::http::Uri,
    Params(between): Params<Between>,
) -> Answer {
    let limit = between.limit.unwrap_or(MOST).clamp(1, MOST);
    app.run(caller.ctx, move |app, ctx| {
        let is_new = |line: &Result<DiffLine>| match (line, &between.after) {
            (Ok(line), Some(after)) => line.path > *after,
            _ => true,
        };
        let mut lines = app.engine.diff(&dataset, &between.request())?.filter(is_new);
        let mut page: Vec<DiffLine> = Vec::new();
        for line in lines.by_ref().take(limit) {
            ctx.progress.cancel().check().map_err(EngineError::from)?;
            page.push(line?);
        }
        let last = page.last().filter(|_| lines.next().is_some());
        let next = last.map(|line| next_of(&uri, &line.path));
        Ok(with_next(json(&page)?, next))
    })
    .await
}

/// The address of the lines after a path.
fn next_of(uri: &axum::http::Uri, after: &str) -> String {
    let old = uri.query().unwrap_or_default().split('&').filter(|part| !part.starts_with("after="));
    let after: String = after.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let query: Vec<&str> = old.collect();
    format!("{}?{}&after={after}", uri.path(), query.join("&"))
}

pub(super) async fn diff_stat(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Params(between): Params<Between>,
) -> Answer {
    app.answer(caller, move |app, ctx| app.engine.diff_stat(ctx, &dataset, &between.request())).await
}
