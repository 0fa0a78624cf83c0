//! Reading requests: names, query strings, JSON.

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tamis_core::DatasetName;
use tamis_engine::{Address, EngineError};

use crate::app::App;
use crate::problem::{INVALID, Problem, TOO_LARGE, TYPE};

/// Bytes of a body at most.
const BODY: usize = 16 << 20;
/// Bytes of a body of edits at most.
const EDITS: usize = 64 << 20;

/// The dataset of a route's path; `~` stands for no organisation.
pub(crate) struct Named(pub(crate) DatasetName);

#[derive(Deserialize)]
struct Segments {
    org: String,
    name: String,
}

impl FromRequestParts<App> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Named, Problem> {
        let Path(Segments { org, name }) = Path::from_request_parts(parts, app)
            .await
            .map_err(|error: axum::extract::rejection::PathRejection| Problem::new(&INVALID, error.body_text()))?;
        let text = if org == "~" { name } else { format!("{org}/{name}") };
        Ok(Named(DatasetName::new(text).map_err(EngineError::from)?))
    }
}

/// The query string.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Params<T>, Problem> {
        let read = Query::try_from_uri(&parts.uri).map_err(|error| Problem::new(&INVALID, error.body_text()))?;
        let Query(params) = read;
        Ok(Params(params))
    }
}

/// A revision of a dataset, maybe with a path, and what the client has of it already.
pub(crate) struct At {
    /// The address as the client wrote it.
    pub(crate) address: Address,
    /// The commit that the client knows the answer for.
    pub(crate) known: Option<String>,
}

#[derive(Deserialize)]
struct Place {
    r#ref: Option<String>,
    path: Option<String>,
}

impl FromRequestParts<App> for At {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<At, Problem> {
        let Named(dataset) = Named::from_request_parts(parts, app).await?;
        let Params(Place { r#ref, path }) = Params::from_request_parts(parts, app).await?;
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let address = Address { dataset, revision: given(r#ref), path: given(path) };
        Ok(At { address, known: known(&parts.headers) })
    }
}

impl At {
    /// Whether what the address names never changes.
    pub(crate) fn is_pinned(&self) -> bool {
        let revision = self.address.revision();
        revision.len() == 64 && revision.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
    }
}

/// The tag of a conditional request, without quotes and the mark of weakness.
pub(crate) fn known(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::IF_NONE_MATCH)?.to_str().ok()?.trim();
    Some(text.strip_prefix("W/").unwrap_or(text).trim_matches('"').to_owned())
}

/// A body of JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Json<T>, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let detail = format!("the body must be JSON, and `{}` was sent", kind.chars().take(80).collect::<String>());
            return Err(Problem::new(&TYPE, detail).hint("send `content-type: application/json`"));
        }
        let most = if request.uri().path().ends_with("/edits") { EDITS } else { BODY };
        let bytes = to_bytes(request.into_body(), most).await.map_err(|error| {
            let long = std::error::Error::source(&error).is_some_and(|e| e.to_string().contains("length limit"));
            match long {
                true => {
                    Problem::new(&TOO_LARGE, format!("the body has more than {most} bytes")).hint("send it in parts")
                }
                false => Problem::new(&INVALID, format!("the body cannot be read: {error}")),
            }
        })?;
        let read = serde_json::from_slice(&bytes);
        read.map(Json).map_err(|error| Problem::new(&INVALID, format!("the body is not what the route takes: {error}")))
    }
}
