//! Branches, tags, drafts.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;

use crate::answer::Answer;
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Json, Named};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRef {
    name: String,
    #[serde(default = "main")]
    at: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OldRef {
    name: String,
    #[serde(default)]
    force: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Protection {
    name: String,
    protected: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    name: String,
    #[serde(default = "main")]
    branch: String,
    message: Option<String>,
}

fn main() -> String {
    "main".to_owned()
}

pub(super) async fn branches(State(app): State<App>, caller: Caller, Named(dataset): Named) -> Answer {
    app.answer(caller, move |app, _| app.engine.branches(&dataset)).await
}

pub(super) async fn create_branch(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(new): Json<NewRef>,
) -> Answer {
    app.carry_out(caller, move |app, ctx| app.engine.create_branch(ctx, &dataset, &new.name, &new.at)).await
}

pub(super) async fn delete_branch(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(old): Json<OldRef>,
) -> Answer {
    app.carry_out(caller, move |app, ctx| app.engine.delete_branch(ctx, &dataset, &old.name, old.force)).await
}

pub(super) async fn protect_branch(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(wish): Json<Protection>,
) -> Answer {
    app.carry_out(caller, move |app, ctx| app.engine.protect_branch(ctx, &dataset, &wish.name, wish.protected)).await
}

pub(super) async fn tags(State(app): State<App>, caller: Caller, Named(dataset): Named) -> Answer {
    app.answer(caller, move |app, _| app.engine.tags(&dataset)).await
}

pub(super) async fn create_tag(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(new): Json<NewRef>,
) -> Answer {
    app.carry_out(caller, move |app, ctx| app.engine.create_tag(ctx, &dataset, &new.name, &new.at, &new.message)).await
}

pub(super) async fn delete_tag(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(old): Json<OldRef>,
) -> Answer {
    app.carry_out(caller, move |app, ctx| app.engine.delete_tag(ctx, &dataset, &old.name)).await
}

pub(super) async fn drafts(State(app): State<App>, caller: Caller, Named(dataset): Named) -> Answer {
    app.answer(caller, move |app, _| app.engine.drafts(&dataset)).await
}

pub(super) async fn open_draft(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(draft): Json<Draft>,
) -> Answer {
    app.answer(caller, move |app, ctx| app.engine.open_draft(ctx, &dataset, &draft.name, &draft.branch)).await
}

pub(super) async fn commit_draft(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(draft): Json<Draft>,
) -> Answer {
    let message = draft.message.unwrap_or_else(|| format!("commit draft {}", draft.name));
    let work = move |app: &App, ctx: &_| app.engine.commit_draft(ctx, &dataset, &draft.name, &message);
    app.answer(caller, move |app, ctx| Ok(json!({ "commit": work(app, ctx)? }))).await
}

pub(super) async fn discard_draft(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(draft): Json<Draft>,
) -> Answer {
    app.carry_out(caller, move |app, ctx| app.engine.discard_draft(ctx, &dataset, &draft.name)).await
}
