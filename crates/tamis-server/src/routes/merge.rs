//! Merging, and deciding what could not be merged.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use tamis_engine::ops::merge::{MergeReport, ResolveRequest};

use crate::answer::Answer;
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Json, Named, Params};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Into {
    #[serde(default = "main")]
    into: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Merge {
    source: String,
    #[serde(default = "main")]
    into: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    #[serde(default = "main")]
    into: String,
    path: String,
    label: Option<u64>,
    with: String,
}

fn main() -> String {
    "main".to_owned()
}

pub(super) async fn merging(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Params(Into { into }): Params<Into>,
) -> Answer {
    app.answer(caller, move |app, _| app.engine.conflicts(&dataset, &into)).await
}

pub(super) async fn merge(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(Merge { source, into, message }): Json<Merge>,
) -> Answer {
    app.answer(caller, move |app, ctx| app.engine.merge(ctx, &dataset, &source, &into, &message)).await
}

pub(super) async fn resolve(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(Decision { into, path, label, with }): Json<Decision>,
) -> Answer {
    let request = ResolveRequest { pattern: path, label, with };
    app.answer(caller, move |app, ctx| app.engine.resolve(ctx, &dataset, &into, &request)).await
}

pub(super) async fn finish(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(Into { into }): Json<Into>,
) -> Answer {
    app.answer(caller, move |app, ctx| {
        let commit = app.engine.continue_merge(ctx, &dataset, &into)?;
        Ok(MergeReport { outcome: "merged", commit: Some(commit), conflicts: 0 })
    })
    .await
}

pub(super) async fn abort(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(Into { into }): Json<Into>,
) -> Answer {
    app.answer(caller, move |app, ctx| {
        app.engine.abort_merge(ctx, &dataset, &into)?;
        Ok(json!({}))
    })
    .await
}
