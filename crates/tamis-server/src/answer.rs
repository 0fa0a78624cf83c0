//! Answers as JSON, with what caches may do with them.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tamis_engine::{Address, Ctx, EngineError};

use crate::app::App;
use crate::caller::Caller;
use crate::extract::At;
use crate::problem::{INTERNAL, Problem};

/// An answer or a problem.
pub(crate) type Answer = Result<Response, Problem>;

/// What never changes.
pub(crate) const IMMUTABLE: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");
/// What has to be asked for again.
pub(crate) const NO_CACHE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// A value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Answer {
    let bytes = serde_json::to_vec(value)
        .map_err(|error| Problem::new(&INTERNAL, format!("the answer cannot be written as JSON: {error}")))?;
    let mut response = bytes.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, NO_CACHE);
    Ok(response)
}

/// Something was done, and there is nothing to tell.
pub(crate) fn done() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The same answer, and where the list goes on.
pub(crate) fn with_next(mut response: Response, next: Option<String>) -> Response {
    if let Some(value) = next.and_then(|next| HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")).ok()) {
        response.headers_mut().insert(header::LINK, value);
    }
    response
}

impl App {
    /// Answers with what an operation gives.
    pub(crate) async fn answer<T: Serialize>(
        &self,
        caller: Caller,
        work: impl FnOnce(&App, &Ctx) -> Result<T, EngineError> + Send + 'static,
    ) -> Answer {
        self.run(caller.ctx, move |app, ctx| json(&work(app, ctx)?)).await
    }

    /// Does something about which there is nothing to tell.
    pub(crate) async fn carry_out(
        &self,
        caller: Caller,
        work: impl FnOnce(&App, &Ctx) -> Result<(), EngineError> + Send + 'static,
    ) -> Answer {
        self.run(caller.ctx, move |app, ctx| Ok(work(app, ctx)?)).await?;
        done()
    }

    /// Answers with what an operation gives about a revision: from the commit that it names now, which is the answer's
    /// tag; not at all where the client has that already.
    pub(crate) async fn read<T: Serialize>(
        &self,
        caller: Caller,
        at: At,
        work: impl FnOnce(&App, &Ctx, &Address) -> Result<T, EngineError> + Send + 'static,
    ) -> Answer {
        self.run(caller.ctx, move |app, ctx| {
            let commit = app.engine.commit_of(&at.address)?;
            let mut response = if at.known.as_ref() == Some(&commit) {
                let mut same = Response::new(Body::empty());
                *same.status_mut() = StatusCode::NOT_MODIFIED;
                same
            } else {
                let pinned = Address { revision: Some(commit.clone()), ..at.address.clone() };
                json(&work(app, ctx, &pinned)?)?
            };
            let kept = if at.is_pinned() { IMMUTABLE } else { NO_CACHE };
            response.headers_mut().insert(header::CACHE_CONTROL, kept);
            if let Ok(tag) = HeaderValue::from_str(&format!("W/\"{commit}\"")) {
                response.headers_mut().insert(header::ETAG, tag);
            }
            Ok(response)
        })
        .await
    }
}
