//! Datasets, what is in them, and edits of it.

use axum::extract::State;
use serde::Deserialize;
use tamis_engine::ops::edit::EditRequest;

use crate::answer::{Answer, json};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{At, Json, Named, Params};

/// Rows of a page, where nothing is said, and at most.
const PAGE: u64 = 100;
const MOST: u64 = 1000;

pub(super) async fn datasets(State(app): State<App>, caller: Caller) -> Answer {
    app.answer(caller, |app, _| app.engine.list_datasets()).await
}

pub(super) async fn stats(State(app): State<App>, caller: Caller, at: At) -> Answer {
    app.read(caller, at, |app, _, address| app.engine.stats(address)).await
}

pub(super) async fn ontology(State(app): State<App>, caller: Caller, at: At) -> Answer {
    app.read(caller, at, |app, _, address| app.engine.ontology(address)).await
}

pub(super) async fn sample(State(app): State<App>, caller: Caller, at: At) -> Answer {
    app.read(caller, at, |app, _, address| app.engine.show(address)).await
}

#[derive(Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    filter: String,
    #[serde(default)]
    from: u64,
    count: Option<u64>,
}

pub(super) async fn samples(State(app): State<App>, caller: Caller, at: At, Params(which): Params<Which>) -> Answer {
    let count = which.count.unwrap_or(PAGE).min(MOST);
    app.read(caller, at, move |app, ctx, address| {
        app.found.page(&app.engine, ctx, address, &which.filter, which.from, count)
    })
    .await
}

pub(super) async fn facets(State(app): State<App>, caller: Caller, at: At, Params(which): Params<Which>) -> Answer {
    app.read(caller, at, move |app, ctx, address| app.found.facets(&app.engine, ctx, address, &which.filter)).await
}

pub(super) async fn edits(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(request): Json<EditRequest>,
) -> Answer {
    app.run(caller.ctx, move |app, ctx| json(&app.engine.edit(ctx, &dataset, &request)?)).await
}
