//! The routes: each handler parses, calls one operation, renders.

mod care;
mod history;
mod jobs;
mod media;
mod merge;
mod pages;
mod refs;
mod samples;
mod sql;
mod views;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;
use crate::events;

pub(crate) use pages::page;

/// What is about one dataset, below `/datasets/{org}/{name}`.
fn dataset() -> Router<App> {
    Router::new()
        .route("/stats", get(samples::stats))
        .route("/ontology", get(samples::ontology))
        .route("/sample", get(samples::sample))
        .route("/samples", get(samples::samples))
        .route("/facets", get(samples::facets))
        .route("/edits", post(samples::edits))
        .route("/branches", get(refs::branches).post(refs::create_branch))
        .route("/branches/delete", post(refs::delete_branch))
        .route("/branches/protect", post(refs::protect_branch))
        .route("/tags", get(refs::tags).post(refs::create_tag))
        .route("/tags/delete", post(refs::delete_tag))
        .route("/drafts", get(refs::drafts).post(refs::open_draft))
        .route("/drafts/commit", post(refs::commit_draft))
        .route("/drafts/discard", post(refs::discard_draft))
        .route("/log", get(history::log))
        .route("/operations", get(history::operations))
        .route("/undo", post(history::undo))
        .route("/diff", get(history::diff))
        .route("/diff/stat", get(history::diff_stat))
        .route("/merging", get(merge::merging))
        .route("/merge", post(merge::merge))
        .route("/merge/resolve", post(merge::resolve))
        .route("/merge/continue", post(merge::finish))
        .route("/merge/abort", post(merge::abort))
        .route("/eval", get(care::eval))
        .route("/check", get(care::check))
        .route("/indexes", get(care::indexes))
        .route("/derive", post(care::derive))
        .route("/index", post(care::index))
        .route("/export", post(jobs::export))
        .route("/views", get(views::list).post(views::save))
        .route("/views/remove", post(views::remove))
}

/// The API's routes whose answers may be compressed.
pub(crate) fn api() -> Router<App> {
    Router::new()
        .nest("/datasets/{org}/{name}", dataset())
        .route("/datasets", get(samples::datasets))
        .route("/formats", get(jobs::formats))
        .route("/import", post(jobs::import))
        .route("/jobs", get(jobs::list))
        .route("/jobs/{id}", get(jobs::one))
        .route("/jobs/{id}/cancel", post(jobs::cancel))
        .route("/sql", post(sql::sql))
}

/// Those whose answers may not: media are compressed already, events go out one by one.
pub(crate) fn plain() -> Router<App> {
    Router::new()
        .route("/datasets/{org}/{name}/media", get(media::media))
        .route("/datasets/{org}/{name}/preview", get(media::preview))
        .route("/datasets/{org}/{name}/events", get(events::dataset))
        .route("/jobs/{id}/events", get(events::job))
}
