//! The server: in one process, and over a socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod api;
mod bad;
mod socket;

use std::sync::OnceLock;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use tamis_engine::ops::import::ImportRequest;
use tamis_engine::{Author, Ctx, Engine};
use tamis_server::{ServeOptions, router};
use tower::ServiceExt;

/// Samples of the drawn dataset.
const SAMPLES: u64 = 24;

fn options() -> ServeOptions {
    let author = Author::new("Ada", "ada@example.org");
    ServeOptions { bind: "127.0.0.1:0".parse().unwrap(), ui: None, is_quiet: true, author }
}

/// Pictures with labels, drawn once.
fn drawn() -> &'static std::path::Path {
    static DRAWN: OnceLock<tempfile::TempDir> = OnceLock::new();
    let draw = || {
        let dir = tempfile::tempdir().unwrap();
        tamis_engine::ops::demo::draw(&dir.path().join("street"), 1, SAMPLES as usize).unwrap();
        dir
    };
    DRAWN.get_or_init(draw).path()
}

/// A lake with `acme/street` and `alone`, and a server over it.
struct World {
    dir: tempfile::TempDir,
    engine: Engine,
    router: Router,
}

struct Said {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The code of a problem, which must be one in every respect.
    fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let said = self.json();
        assert_eq!(said["status"], self.status.as_u16());
        assert_eq!(said["request_id"], self.header("x-request-id"));
        for member in ["title", "detail", "type"] {
            assert!(said[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {said}");
        }
        said["code"].as_str().unwrap().to_owned()
    }
}

impl World {
    fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::init(dir.path().join("lake").to_str().unwrap()).unwrap();
        let ctx = Ctx::new(options().author);
        for name in ["acme/street", "alone"] {
            let dataset = Some(tamis_core::DatasetName::new(name).unwrap());
            let request = ImportRequest { path: drawn().join("street"), dataset, ..ImportRequest::default() };
            engine.import(&ctx, &request, &mut |_| {}).unwrap();
        }
        let router = router(engine.clone(), &options()).unwrap();
        World { dir, engine, router }
    }

    async fn send(&self, request: Request<Body>) -> Said {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Said { status: parts.status, headers: parts.headers, bytes }
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Said {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost:7878");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn get(&self, path: &str) -> Said {
        self.ask(Method::GET, &format!("/api/v1{path}"), &[], Body::empty()).await
    }

    async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Said {
        self.ask(Method::GET, &format!("/api/v1{path}"), headers, Body::empty()).await
    }

    async fn post(&self, path: &str, body: &Value) -> Said {
        let headers = [("content-type", "application/json")];
        self.ask(Method::POST, &format!("/api/v1{path}"), &headers, body.to_string()).await
    }

    /// The answer's JSON, which must be one.
    async fn ok(&self, path: &str) -> Value {
        let said = self.get(path).await;
        assert_eq!(said.status, 200, "{path}: {}", said.text());
        said.json()
    }

    /// The outcome of a job that was begun with an answer.
    async fn outcome(&self, begun: &Said) -> Value {
        assert_eq!(begun.status, 200, "{}", begun.text());
        let id = begun.json()["id"].as_str().unwrap().to_owned();
        // The stream ends with the job.
        let events = self.get(&format!("/jobs/{id}/events")).await;
        assert_eq!(events.header("content-type"), "text/event-stream");
        let last = events.text().lines().filter_map(|line| line.strip_prefix("data: ")).next_back().unwrap().to_owned();
        assert_eq!(serde_json::from_str::<Value>(&last).unwrap(), self.ok(&format!("/jobs/{id}")).await);
        serde_json::from_str(&last).unwrap()
    }
}

/// The path and the first label of the first sample that has one.
async fn labelled(world: &World, dataset: &str) -> (String, Value) {
    let page = world.ok(&format!("/datasets/{dataset}/samples?ref=main&count=100")).await;
    for row in page["rows"].as_array().unwrap() {
        if let Some(label) = row["layers"]["truth"].get(0) {
            return (row["path"].as_str().unwrap().to_owned(), label.clone());
        }
    }
    panic!("no sample has a label");
}
