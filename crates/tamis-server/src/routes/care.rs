//! Measuring, checking, deriving, indexing.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::Deserialize;
use tamis_engine::ops::check::CheckRequest;
use tamis_engine::ops::derive::{Define, DeriveRequest};
use tamis_engine::ops::eval::EvalRequest;
use tamis_engine::ops::index::{IndexDefinition, IndexRequest};
use tamis_engine::{Address, Ctx};

use crate::answer::{Answer, json};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{At, Json, Named, Params};

#[derive(Deserialize)]
pub(super) struct Measured {
    layer: String,
    truth: Option<String>,
    against: Option<String>,
    overlap: Option<f64>,
    #[serde(default)]
    curves: bool,
}

pub(super) async fn eval(State(app): State<App>, caller: Caller, at: At, Params(what): Params<Measured>) -> Answer {
    app.read(caller, at, move |app, ctx, address| {
        let mut request = EvalRequest::new(address.clone(), what.layer);
        request.truth = what.truth.unwrap_or(request.truth);
        request.overlap = what.overlap.unwrap_or(request.overlap);
        request.against = what.against;
        request.curves = what.curves;
        app.engine.eval(ctx, &request)
    })
    .await
}

#[derive(Deserialize)]
pub(super) struct Checked {
    since: Option<String>,
    examples: Option<usize>,
}

pub(super) async fn check(State(app): State<App>, caller: Caller, at: At, Params(what): Params<Checked>) -> Answer {
    let examples = what.examples.unwrap_or(20).min(1000);
    let (save, fix, html) = (false, false, false);
    let check = move |app: &App, ctx: &Ctx, address: Address, since| {
        app.engine.check(ctx, &CheckRequest { address, since, config: None, examples, save, fix, html })
    };
    match what.since {
        None => app.read(caller, at, move |app, ctx, address| check(app, ctx, address.clone(), None)).await,
        // What `since` names may move: such an answer is not kept.
        since => app.answer(caller, move |app, ctx| check(app, ctx, at.address, since)).await,
    }
}

pub(super) async fn indexes(State(app): State<App>, caller: Caller, at: At) -> Answer {
    app.read(caller, at, |app, _, address| app.engine.indexes(&address.dataset, address.revision())).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Derived {
    branch: Option<String>,
    field: Option<String>,
    function: Option<String>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    input: Option<String>,
    layer: Option<String>,
    message: Option<String>,
}

pub(super) async fn derive(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(what): Json<Derived>,
) -> Answer {
    let Derived { branch, field, function, parameters, input, layer, message } = what;
    let define = function.map(|function| Define { function, parameters, input, layer });
    let branch = branch.unwrap_or_else(|| "main".to_owned());
    let name = format!("derive {} of {dataset}", field.as_deref().unwrap_or("all fields"));
    let request = DeriveRequest { dataset, branch, field, define, dry_run: false, message };
    json(&app.jobs.start(&app.engine, caller.ctx, name, move |engine, ctx| engine.derive(ctx, &request))?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Indexed {
    branch: Option<String>,
    name: Option<String>,
    define: Option<IndexDefinition>,
    #[serde(default)]
    anew: bool,
    message: Option<String>,
}

pub(super) async fn index(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(what): Json<Indexed>,
) -> Answer {
    let Indexed { branch, name, define, anew, message } = what;
    let branch = branch.unwrap_or_else(|| "main".to_owned());
    let title = format!("index {} of {dataset}", name.as_deref().unwrap_or("all"));
    let request = IndexRequest { dataset, branch, name, define, anew, message };
    json(&app.jobs.start(&app.engine, caller.ctx, title, move |engine, ctx| engine.index(ctx, &request))?)
}
