//! What should not be sent.

use axum::body::Body;
use axum::http::Method;
use serde_json::json;

use crate::World;

const DS: &str = "/datasets/acme/street";
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn no_path_leads_out_of_the_lake_or_the_ui() {
    let world = World::new();
    let dist = tempfile::tempdir().unwrap();
    std::fs::write(dist.path().join("index.html"), "<p>the page").unwrap();
    std::fs::write(dist.path().parent().unwrap().join("tamis-outside.txt"), "outside").unwrap();
    let options = tamis_server::ServeOptions { ui: Some(dist.path().to_owned()), ..crate::options() };
    let world = World { router: tamis_server::router(world.engine.clone(), &options).unwrap(), ..world };
    for path in [
        "/../tamis-outside.txt",
        "/%2e%2e/tamis-outside.txt",
        "/..%2ftamis-outside.txt",
        "/assets/../../tamis-outside.txt",
        "//etc/passwd",
        "/etc/passwd",
        "/%2fetc%2fpasswd",
        "/./../tamis-outside.txt",
        "/..%5ctamis-outside.txt",
        "/%00",
    ] {
        let said = world.ask(Method::GET, path, &[], Body::empty()).await;
        assert!(!said.text().contains("outside") && !said.text().contains("root:"), "{path}: {}", said.text());
        assert!(said.status == 404 || said.text() == "<p>the page", "{path}: {} {}", said.status, said.text());
    }
    for path in ["../../etc/passwd", "%2e%2e%2fetc%2fpasswd", "%2fetc%2fpasswd", "..", "%00", "a%00b"] {
        for route in ["sample", "media", "preview"] {
            let said = world.get(&format!("{DS}/{route}?path={path}")).await;
            assert!(said.status.is_client_error(), "{route} {path}: {}", said.status);
            said.problem();
        }
    }
    for name in ["..%2f..", "%2e%2e/x", "acme%2fstreet/x", "~/..", "~/%00", "acme/street%2f..%2falone", "a%20b/c"] {
        let said = world.get(&format!("/datasets/{name}/stats")).await;
        assert!(said.status.is_client_error(), "{name}: {}", said.status);
        said.problem();
    }
}

#[tokio::test]
async fn bodies_must_be_json_of_the_right_form_and_size() {
    let world = World::new();
    let post = async |headers: &[(&str, &str)], body: String| {
        world.ask(Method::POST, &format!("/api/v1{DS}/branches"), headers, body).await
    };
    let good = json!({"name": "x"}).to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
        let said = post(&[("content-type", kind)], good.clone()).await;
        assert_eq!((said.status.as_u16(), said.problem().as_str()), (415, "http.type"), "{kind}");
    }
    assert_eq!(post(&[], good.clone()).await.problem(), "http.type");
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        String::new(),
        "{".to_owned(),
        "null".to_owned(),
        "{\"name\":7}".to_owned(),
        "{\"name\":\"x\",\"nmae\":1}".to_owned(),
        "{\"name\":\"\\ud800\"}".to_owned(),
        deep,
    ] {
        let said = post(&[JSON], body).await;
        assert_eq!((said.status.as_u16(), said.problem().as_str()), (400, "http.invalid"));
    }
    let said = post(&[JSON], format!("{{\"name\":\"{}\"}}", "x".repeat(17 << 20))).await;
    assert_eq!((said.status.as_u16(), said.problem().as_str()), (413, "http.too_large"));
    assert!(world.get(&format!("{DS}/branches")).await.json().as_array().unwrap().len() == 1);
}

#[tokio::test]
async fn wrong_requests_are_told_what_is_wrong() {
    let world = World::new();
    for (path, status, code) in [
        ("/nothing".to_owned(), 404, "http.not_found"),
        (format!("{DS}/nothing"), 404, "http.not_found"),
        ("/datasets/no/such/stats".to_owned(), 404, "repo.not_found"),
        (format!("{DS}/stats?ref=nosuch"), 404, "repo.not_found"),
        (format!("{DS}/sample?path=nosuch.jpg"), 404, "sample.none"),
        (format!("{DS}/sample"), 400, "usage"),
        (format!("{DS}/samples?filter=class%3Anosuch"), 400, "query.filter"),
        (format!("{DS}/samples?filter=%28"), 400, "query.filter"),
        (format!("{DS}/samples?from=-1"), 400, "http.invalid"),
        (format!("{DS}/samples?count=many"), 400, "http.invalid"),
        (format!("{DS}/diff?from=main"), 400, "http.invalid"),
        (format!("{DS}/eval?layer=nosuch"), 404, "repo.not_found"),
        ("/jobs/77".to_owned(), 404, "http.not_found"),
        ("/jobs/77/events".to_owned(), 404, "http.not_found"),
    ] {
        let said = world.get(&path).await;
        assert_eq!((said.status.as_u16(), said.problem().as_str()), (status, code), "{path}");
    }
    let said = world.ask(Method::DELETE, &format!("/api/v1{DS}/stats"), &[], Body::empty()).await;
    assert_eq!((said.status.as_u16(), said.problem().as_str()), (405, "http.method"));
    // A client's own id comes back, unless it could break a log.
    let said = world.get_with("/formats", &[("x-request-id", "mine-1")]).await;
    assert_eq!(said.header("x-request-id"), "mine-1");
    let said = world.get_with("/formats", &[("x-request-id", "a b")]).await;
    assert_eq!(said.header("x-request-id").len(), 32);
}

#[tokio::test]
async fn pages_of_other_sites_reach_nothing() {
    let world = World::new();
    let body = json!({"name": "evil"}).to_string();
    let path = format!("/api/v1{DS}/branches");
    for headers in [
        vec![JSON, ("origin", "https://evil.example")],
        vec![JSON, ("origin", "null")],
        vec![JSON, ("origin", "http://localhost:9999")],
        vec![JSON, ("sec-fetch-site", "cross-site")],
    ] {
        let said = world.ask(Method::POST, &path, &headers, body.clone()).await;
        assert_eq!((said.status.as_u16(), said.problem().as_str()), (403, "http.origin"), "{headers:?}");
    }
    let said = world.get_with(&format!("{DS}/stats"), &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(said.problem(), "http.origin");
    for host in ["evil.example", "evil.example:7878", "10.1.2.3", "localhost.evil.example"] {
        let request = axum::http::Request::builder().uri("/api/v1/datasets").header("host", host);
        let said = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(said.problem(), "http.origin", "{host}");
    }
    let own = [JSON, ("origin", "http://localhost:7878"), ("sec-fetch-site", "same-origin")];
    assert_eq!(world.ask(Method::POST, &path, &own, body).await.status, 204);
}

#[tokio::test]
async fn media_that_could_run_are_shut_in() {
    let world = World::new();
    let folder = world.dir.path().join("files");
    std::fs::create_dir(&folder).unwrap();
    let script = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    std::fs::write(folder.join("a.svg"), script).unwrap();
    std::fs::write(folder.join("b.html"), "<!doctype html><script>alert(1)</script>").unwrap();
    let begun = world.post("/import", &json!({"source": folder, "dataset": "files"})).await;
    let ended = world.outcome(&begun).await;
    assert_eq!(ended["state"], "done", "{ended}");
    let page = world.ok("/datasets/~/files/samples").await;
    for row in page["rows"].as_array().unwrap() {
        let path = row["path"].as_str().unwrap();
        let said = world.get(&format!("/datasets/~/files/media?path={path}")).await;
        assert_eq!(said.status, 200);
        assert!(said.header("content-security-policy").starts_with("sandbox; default-src 'none'"), "{path}");
        assert_eq!(said.header("x-content-type-options"), "nosniff");
        assert!(!said.header("content-type").contains("html"), "{path}");
    }
    let page = world.ask(Method::GET, "/", &[], Body::empty()).await;
    assert!(page.header("content-security-policy").contains("script-src 'self';"));
}
