//! What every request goes through: an id, the log, counts, headers that keep browsers careful.

use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tamis_core::{IdSource, SystemIds};

use crate::app::App;
use crate::problem::REQUEST_ID;

const ID: HeaderName = HeaderName::from_static("x-request-id");

/// Headers of every answer that does not say otherwise.
const CAREFUL: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = id_of(request.headers());
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let start = Instant::now();
    let active = Active(app.clone());
    app.metrics.active.fetch_add(1, Ordering::Relaxed);
    let mut response = REQUEST_ID.scope(id.clone(), next.run(request)).await;
    drop(active);
    let headers = response.headers_mut();
    for (name, value) in CAREFUL {
        headers.entry(name).or_insert(value);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(ID, value);
    }
    let (status, took) = (response.status().as_u16(), start.elapsed());
    app.metrics.count(known(&method), &route, status, took);
    let ms = took.as_micros() as f64 / 1000.0;
    tracing::info!(id, method, path, status, ms, "request");
    response
}

/// A method of HTTP, or `other` for words that clients make up: the number of counters has a bound.
fn known(method: &str) -> &str {
    const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("other")
}

/// Counts a request out, also when its client went away.
struct Active(App);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.metrics.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The client's id for the request, or a new one.
fn id_of(headers: &HeaderMap) -> String {
    let given = headers.get(ID).and_then(|id| id.to_str().ok());
    let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    match given {
        Some(id) if (1..=64).contains(&id.len()) && id.bytes().all(fits) => id.to_owned(),
        _ => format!("{:032x}", SystemIds.next_id()),
    }
}
