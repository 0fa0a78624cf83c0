//! Who calls: the one place where a request becomes a [`Ctx`].
//!
//! A server on a loopback address is one person's. [`admit`] keeps web pages of other sites out: they can send requests
//! to a loopback address, by its number or by a name of theirs that resolves to it.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::header::{self, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tamis_core::{Cancel, NoProgress, Progress};
use tamis_engine::Ctx;

use crate::app::App;
use crate::problem::{ORIGIN, Problem};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Who calls.
pub(crate) struct Caller {
    /// What operations are given.
    pub(crate) ctx: Ctx,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Caller, Infallible> {
        let progress = Progress::new(Arc::new(NoProgress), Cancel::default());
        Ok(Caller { ctx: Ctx { author: app.author.clone(), progress } })
    }
}

/// Lets requests in that a page of another site cannot have made.
pub(crate) async fn admit(request: Request, next: Next) -> Response {
    match check(request.method(), request.uri().path(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn check(method: &Method, path: &str, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(&header::HOST).unwrap_or_default();
    if !is_loopback(host) {
        let shown: String = host.chars().take(80).collect();
        return Err(Problem::new(
            &ORIGIN,
            format!("the request was sent to `{shown}`, which is no name of this server"),
        )
        .hint("use the address that `tamis serve` printed"));
    }
    let foreign = text(&FETCH_SITE).is_some_and(|site| matches!(site, "cross-site" | "same-site"));
    if foreign && path.starts_with("/api/") {
        return Err(Problem::new(&ORIGIN, "a page of another site made the request"));
    }
    let is_own = |origin: &str| origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host));
    let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    match headers.get(header::ORIGIN) {
        Some(origin) if changes && !origin.to_str().is_ok_and(is_own) => {
            Err(Problem::new(&ORIGIN, "a page of another origin made the request"))
        }
        _ => Ok(()),
    }
}

/// Whether a host, maybe with a port, is a name of this machine for itself.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, _)) => name,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_machine_itself_are_loopback() {
        for yes in ["localhost", "localhost:7878", "LOCALHOST:1", "127.0.0.1:7878", "127.9.9.9", "[::1]:80", "[::1]"] {
            assert!(is_loopback(yes), "{yes}");
        }
        for no in ["", "example.org", "localhost.example.org", "127.0.0.1.example.org:80", "10.0.0.1", "[::2]", "::1x"]
        {
            assert!(!is_loopback(no), "{no}");
        }
    }
}
