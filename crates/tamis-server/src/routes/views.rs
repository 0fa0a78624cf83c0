//! Saved queries.

use axum::extract::State;
use serde::Deserialize;
use tamis_engine::Address;
use tamis_engine::ops::views::ViewRequest;

use crate::answer::Answer;
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{At, Json, Named};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct View {
    #[serde(default)]
    branch: Option<String>,
    name: String,
    #[serde(default)]
    filter: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    slice: bool,
    #[serde(default)]
    replace: bool,
    message: Option<String>,
}

pub(super) async fn list(State(app): State<App>, caller: Caller, at: At) -> Answer {
    app.read(caller, at, |app, _, address| app.engine.views(address)).await
}

pub(super) async fn save(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(view): Json<View>,
) -> Answer {
    let View { branch, name, filter, description, slice, replace, message } = view;
    let address = Address { dataset, revision: branch, path: None };
    let request = ViewRequest { address, name, filter, description, is_slice: slice, replace, message };
    app.answer(caller, move |app, ctx| app.engine.save_view(ctx, &request)).await
}

pub(super) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(view): Json<View>,
) -> Answer {
    let address = Address { dataset, revision: view.branch, path: None };
    app.answer(caller, move |app, ctx| app.engine.delete_view(ctx, &address, &view.name, None)).await
}
