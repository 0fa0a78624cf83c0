//! What went wrong, as RFC 9457 tells it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tamis_engine::EngineError;

tokio::task_local! {
    /// The id of the request that is being answered.
    pub(crate) static REQUEST_ID: String;
}

/// A row of the door's own errors; those of operations are rows of the engine's table.
#[derive(Debug)]
pub(crate) struct DoorCode {
    id: &'static str,
    status: StatusCode,
    title: &'static str,
}

macro_rules! door {
    ($($name:ident $id:literal $status:ident $title:literal;)*) => {
        $(pub(crate) const $name: DoorCode =
            DoorCode { id: $id, status: StatusCode::$status, title: $title };)*
    };
}

door! {
    NOT_FOUND "http.not_found" NOT_FOUND "There is no such route.";
    METHOD "http.method" METHOD_NOT_ALLOWED "The route does not know the method.";
    INVALID "http.invalid" BAD_REQUEST "The query string, the path or the body cannot be read.";
    TOO_LARGE "http.too_large" PAYLOAD_TOO_LARGE "The body is longer than allowed.";
    TYPE "http.type" UNSUPPORTED_MEDIA_TYPE "The body is not JSON.";
    RANGE "http.range" RANGE_NOT_SATISFIABLE "No part of the media is in the range.";
    ORIGIN "http.origin" FORBIDDEN "The request comes from another site, or was sent to another name.";
    BUSY "http.busy" SERVICE_UNAVAILABLE "Too much is going on at once; try again.";
    TIMEOUT "http.timeout" GATEWAY_TIMEOUT "The answer took longer than allowed.";
    INTERNAL "internal" INTERNAL_SERVER_ERROR "A bug in Tamis; please report it.";
}

/// A problem on its way to the client.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    hint: String,
}

impl Problem {
    pub(crate) fn new(code: &DoorCode, detail: impl Into<String>) -> Problem {
        Problem { status: code.status, code: code.id, title: code.title, detail: detail.into(), hint: String::new() }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = hint.into();
        self
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Problem {
        let status = StatusCode::from_u16(error.code.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Problem { status, code: error.code.id, title: error.code.doc, detail: error.message, hint: error.hint }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    hint: &'a str,
    request_id: String,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::error!(code = self.code, detail = %self.detail, id = %request_id(), "failed");
        }
        let body = Body {
            r#type: "about:blank",
            title: self.title,
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            hint: &self.hint,
            request_id: request_id(),
        };
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.status, bytes).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// The id of the request that is being answered; empty outside of one.
pub(crate) fn request_id() -> String {
    REQUEST_ID.try_with(Clone::clone).unwrap_or_default()
}
