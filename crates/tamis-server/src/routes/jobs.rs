//! Long work: imports, exports, and the jobs that carry them out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use axum::extract::{Path, State};
use serde::Deserialize;
use tamis_core::{DatasetName, TRUTH};
use tamis_engine::Address;
use tamis_engine::ops::export::{ExportMedia, ExportRequest, formats as all_formats};
use tamis_engine::ops::import::ImportRequest;

use crate::answer::{Answer, json};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{Json, Named};

pub(super) async fn formats(_: State<App>, _: Caller) -> Answer {
    json(&all_formats())
}

pub(super) async fn list(State(app): State<App>, _: Caller) -> Answer {
    json(&app.jobs.list())
}

pub(super) async fn one(State(app): State<App>, _: Caller, Path(id): Path<String>) -> Answer {
    let job = app.jobs.watch(&id)?.borrow().clone();
    json(&job)
}

pub(super) async fn cancel(State(app): State<App>, _: Caller, Path(id): Path<String>) -> Answer {
    json(&app.jobs.cancel(&id)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Import {
    source: PathBuf,
    dataset: Option<DatasetName>,
    branch: Option<String>,
    format: Option<String>,
    #[serde(default)]
    options: BTreeMap<String, String>,
    layer: Option<String>,
    message: Option<String>,
    #[serde(default)]
    reference: bool,
    #[serde(default)]
    strict: bool,
    #[serde(default, rename = "dryRun")]
    dry_run: bool,
}

pub(super) async fn import(State(app): State<App>, caller: Caller, Json(what): Json<Import>) -> Answer {
    let name = format!("import {}", what.source.display());
    let request = ImportRequest {
        path: what.source,
        dataset: what.dataset,
        branch: what.branch,
        format: what.format,
        options: what.options,
        layer: what.layer,
        message: what.message,
        reference: what.reference,
        strict: what.strict,
        dry_run: what.dry_run,
        ..ImportRequest::default()
    };
    match request.dry_run {
        true => app.answer(caller, move |app, ctx| app.engine.import(ctx, &request, &mut |_| {})).await,
        false => json(
            &app.jobs
                .start(&app.engine, caller.ctx, name, move |engine, ctx| engine.import(ctx, &request, &mut |_| {}))?,
        ),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Export {
    r#ref: Option<String>,
    path: Option<String>,
    out: PathBuf,
    format: String,
    #[serde(default)]
    options: BTreeMap<String, String>,
    #[serde(default)]
    filter: String,
    layer: Option<String>,
    #[serde(default)]
    labels_only: bool,
    #[serde(default)]
    refuse_losses: bool,
}

pub(super) async fn export(
    State(app): State<App>,
    caller: Caller,
    Named(dataset): Named,
    Json(what): Json<Export>,
) -> Answer {
    let name = format!("export {dataset} as {} to {}", what.format, what.out.display());
    let request = ExportRequest {
        address: Address { dataset, revision: what.r#ref, path: what.path },
        out: what.out,
        format: what.format,
        options: what.options,
        filter: what.filter,
        layer: what.layer.unwrap_or_else(|| TRUTH.to_owned()),
        media: if what.labels_only { ExportMedia::Leave } else { ExportMedia::Copy },
        refuse_losses: what.refuse_losses,
    };
    json(&app.jobs.start(&app.engine, caller.ctx, name, move |engine, ctx| engine.export(ctx, &request))?)
}
