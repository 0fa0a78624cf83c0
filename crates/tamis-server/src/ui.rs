//! The web UI: files of a folder, or those that were built into the program.

use std::path::{Component, Path, PathBuf};

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use tamis_core::Hash;

use crate::answer::{IMMUTABLE, NO_CACHE};
use crate::app::App;
use crate::error::{Result, ServeError};
use crate::extract::known;
use crate::problem::{METHOD, NOT_FOUND, Problem};

/// Only what this server gives runs and is shown; styles may also be in elements, which virtual lists need.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; \
     media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// The page of a program that was built without the UI.
const PLACEHOLDER: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Tamis</title>\
    <h1>Tamis</h1><p>The server runs. This program was built without the web UI: build it with <code>make ui</code>, then \
    start <code>tamis serve --ui ui/dist</code>, or build the program again.<p>The API is under <code>/api/v1</code>.";

/// What `make ui` built before the program was; in a program for development, the files as they are now.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../ui/dist"]
#[allow_missing = true]
struct Built;

/// Where the UI comes from.
pub(crate) enum Ui {
    /// The program itself.
    Built,
    /// A folder.
    Folder(PathBuf),
}

impl Ui {
    /// The UI of a folder, or the one that was built in.
    pub(crate) fn open(folder: Option<PathBuf>) -> Result<Ui> {
        match folder {
            None => Ok(Ui::Built),
            Some(folder) if folder.join("index.html").is_file() => Ok(Ui::Folder(folder)),
            Some(folder) => Err(ServeError::NoUi(folder.display().to_string())),
        }
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let is_plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if path.is_empty() || path.contains('\0') || !is_plain {
            return None;
        }
        match self {
            Ui::Built => Built::get(path).map(|file| file.data.into_owned()),
            Ui::Folder(folder) => std::fs::read(folder.join(path)).ok(),
        }
    }
}

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

fn mime(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}
