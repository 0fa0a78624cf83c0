//! The pages of the web UI.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tamis_core::Hash;

use crate::answer::{IMMUTABLE, NO_CACHE};
use crate::app::App;
use crate::extract::known;
use crate::problem::{METHOD, NOT_FOUND, Problem};
use crate::ui::{PLACEHOLDER, mime};

/// Only what this server gives runs and is shown; styles may also be in elements, which virtual lists need.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; \
     media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// Answers what no route of the API does: a file of the UI, or its page, which knows what its address means.
pub(crate) async fn page(State(app): State<App>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    if path == "api" || path.starts_with("api/") {
        return Problem::new(&NOT_FOUND, format!("there is nothing at /{path}")).into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::new(&METHOD, format!("cannot {} a page", request.method())).into_response();
    }
    let known = known(request.headers());
    let found = tokio::task::spawn_blocking(move || {
        if let Some(bytes) = app.ui.read(&path) {
            return Some((path, bytes));
        }
        // A file that is not there is told as such; the addresses of pages have no ending, or are of samples.
        let is_file = path.starts_with("assets/");
        let page = || app.ui.read("index.html").unwrap_or_else(|| PLACEHOLDER.into());
        (!is_file).then(|| ("index.html".to_owned(), page()))
    });
    match found.await {
        Ok(Some((path, bytes))) => file(&path, bytes, known),
        _ => Problem::new(&NOT_FOUND, "there is no such file in the web UI").into_response(),
    }
}

fn file(path: &str, bytes: Vec<u8>, known: Option<String>) -> Response {
    let tag = Hash::of(&bytes).to_string();
    let is_known = known.as_deref() == Some(tag.as_str());
    let mut response = if is_known { StatusCode::NOT_MODIFIED.into_response() } else { bytes.into_response() };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime(path)));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    // Names of assets have a hash of their content.
    let kept = if path.starts_with("assets/") { IMMUTABLE } else { NO_CACHE };
    headers.insert(header::CACHE_CONTROL, kept);
    if let Ok(tag) = HeaderValue::from_str(&format!("W/\"{tag}\"")) {
        headers.insert(header::ETAG, tag);
    }
    response
}
