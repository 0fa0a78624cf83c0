//! What the routes answer.

use serde_json::{Value, json};

use crate::{SAMPLES, World, drawn, labelled};

const DS: &str = "/datasets/acme/street";

#[tokio::test]
async fn what_the_routes_tell_is_what_the_engine_tells() {
    let world = World::new();
    let names: Vec<Value> = world.ok("/datasets").await.as_array().unwrap().iter().map(|d| d["name"].clone()).collect();
    assert_eq!(names, ["acme/street", "alone"]);
    let stats = world.engine.stats(&"acme/street".parse().unwrap()).unwrap();
    assert_eq!(world.ok(&format!("{DS}/stats?ref=main")).await, serde_json::to_value(&stats).unwrap());
    assert_eq!(world.ok("/datasets/~/alone/stats").await["samples"], SAMPLES);
    assert!(world.ok(&format!("{DS}/ontology?ref=main")).await["types"]["box2d"]["classes"].is_array());
    let branches = world.engine.branches(&"acme/street".parse::<tamis_engine::Address>().unwrap().dataset).unwrap();
    assert_eq!(world.ok(&format!("{DS}/branches")).await, serde_json::to_value(branches).unwrap());
    assert_eq!(world.ok(&format!("{DS}/log?ref=main&limit=1")).await[0]["id"], stats.commit);
    let newest = &world.ok(&format!("{DS}/operations?limit=1")).await[0];
    assert!(newest["id"].is_string() && newest["author"] == "Ada <ada@example.org>", "{newest}");
    assert_eq!(world.ok(&format!("{DS}/merging?into=main")).await, Value::Null);
    for empty in ["tags", "views", "drafts", "indexes"] {
        assert_eq!(world.ok(&format!("{DS}/{empty}")).await, json!([]), "{empty}");
    }
    assert!(world.ok("/formats").await.as_array().unwrap().iter().any(|format| format["id"] == "coco"));
    assert!(world.ok(&format!("{DS}/check?examples=1")).await["rules"].is_array());
}

#[tokio::test]
async fn samples_come_by_position_and_facets_count_what_fits() {
    let world = World::new();
    let all = world.ok(&format!("{DS}/samples?ref=main&count=1000")).await;
    let all = all["rows"].as_array().unwrap();
    assert_eq!(all.len() as u64, SAMPLES);
    for (from, count) in [(0, 5), (7, 3), (20, 100), (24, 1), (1_000_000, 9)] {
        let page = world.ok(&format!("{DS}/samples?from={from}&count={count}")).await;
        assert_eq!(page["total"], SAMPLES);
        let part: Vec<&Value> = all.iter().skip(from).take(count).collect();
        assert_eq!(page["rows"].as_array().unwrap().iter().collect::<Vec<_>>(), part);
    }
    // Below a prefix: as many as begin with it, from wherever it is in the order.
    let path = all[all.len() / 2]["path"].as_str().unwrap();
    for prefix in [&path[..path.len() - 5], "images/", "nowhere/"] {
        let below: Vec<&Value> = all.iter().filter(|row| row["path"].as_str().unwrap().starts_with(prefix)).collect();
        let page = world.ok(&format!("{DS}/samples?path={prefix}&count=1000")).await;
        assert_eq!(page["total"], below.len(), "{prefix}");
        assert_eq!(page["rows"].as_array().unwrap().iter().collect::<Vec<_>>(), below);
    }
    let fits = |class: &str| -> Vec<&Value> {
        let has =
            |row: &&Value| row["layers"]["truth"].as_array().is_some_and(|l| l.iter().any(|l| l["class"] == class));
        all.iter().filter(has).collect()
    };
    let kept = world.ok(&format!("{DS}/facets?ref=main")).await;
    let mut classes = kept["classes"].as_object().unwrap().keys();
    let class = classes.find(|class| (2..all.len()).contains(&fits(class).len())).unwrap();
    let fits = fits(class);
    for from in [0, 1, fits.len() - 1, fits.len()] {
        let page = world.ok(&format!("{DS}/samples?filter=class%3A{class}&from={from}&count=2")).await;
        assert_eq!(page["total"], fits.len());
        let part: Vec<&Value> = fits.iter().copied().skip(from).take(2).collect();
        assert_eq!(page["rows"].as_array().unwrap().iter().collect::<Vec<_>>(), part);
    }
    // All, by what the commit keeps; and by reading, with a filter that all fit.
    let read = world.ok(&format!("{DS}/facets?ref=main&filter=path%3Aimages%2F")).await;
    assert_eq!(kept, read);
    assert_eq!(kept["total"], SAMPLES);
    let some = world.ok(&format!("{DS}/facets?filter=class%3A{class}")).await;
    assert_eq!(some["total"], fits.len());
    assert_eq!(some["classes"][class], kept["classes"][class]);
}

#[tokio::test]
async fn what_a_commit_names_is_kept_for_ever_and_known_answers_are_not_sent() {
    let world = World::new();
    let stats = world.get(&format!("{DS}/stats?ref=main")).await;
    let commit = stats.json()["commit"].as_str().unwrap().to_owned();
    assert_eq!(stats.header("etag"), format!("W/\"{commit}\""));
    assert_eq!(stats.header("cache-control"), "private, no-cache");
    let same = world.get_with(&format!("{DS}/stats?ref=main"), &[("if-none-match", stats.header("etag"))]).await;
    assert_eq!((same.status.as_u16(), same.bytes.len()), (304, 0));
    let pinned = world.get(&format!("{DS}/stats?ref={commit}")).await;
    assert_eq!(pinned.header("cache-control"), "private, max-age=31536000, immutable");
    assert_eq!(pinned.bytes, stats.bytes);
    // What else it speaks of may move.
    let check = world.get(&format!("{DS}/check?ref={commit}&since=main")).await;
    assert_eq!((check.status.as_u16(), check.header("cache-control")), (200, "private, no-cache"));
    // The branch moves: the answer known for the old commit is sent again.
    assert_eq!(world.post(&format!("{DS}/undo"), &json!({})).await.status, 200);
    let gone = world.get_with(&format!("{DS}/stats?ref=main"), &[("if-none-match", stats.header("etag"))]).await;
    assert_ne!(gone.status, 304);
}

#[tokio::test]
async fn edits_become_a_commit_unless_somebody_was_faster() {
    let world = World::new();
    let (path, before) = labelled(&world, "acme/street").await;
    let mut after = before.clone();
    after["class"] = json!("bus");
    let edit = |before: &Value, after: &Value| {
        let change = json!({"layer": "truth", "id": before["id"], "before": before, "after": after});
        json!({"branch": "main", "base": "0".repeat(64), "message": "it is a bus", "patches": {&path: [change]}})
    };
    let made = world.post(&format!("{DS}/edits"), &edit(&before, &after)).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let log = world.ok(&format!("{DS}/log?ref=main")).await;
    assert_eq!((&log[0]["id"], &log[0]["message"]), (&made.json()["commit"], &json!("it is a bus")));
    assert_eq!(log[0]["author"], "Ada <ada@example.org>");
    let diff = world.ok(&format!("{DS}/diff?from=main~1&to=main")).await;
    assert_eq!(diff.as_array().unwrap().len(), 1);
    assert_eq!(diff[0]["labels"].as_array().unwrap().len(), 1);
    assert_eq!(
        diff[0]["labels"][0]["parts"],
        json!({"class": true, "geometry": false, "attributes": false,
        "instance": false, "confidence": false})
    );
    assert_eq!(world.ok(&format!("{DS}/diff/stat?from=main~1&to=main")).await["labels_changed"], 1);
    // Once more from the old state: somebody was faster, and nothing is committed.
    let late = world.post(&format!("{DS}/edits"), &edit(&before, &after)).await;
    assert_eq!((late.status.as_u16(), late.problem().as_str()), (409, "repo.conflict"));
    assert_eq!(world.ok(&format!("{DS}/log?ref=main")).await[0]["id"], made.json()["commit"]);
    // The same label gone, then there again.
    for (before, after) in [(after.clone(), Value::Null), (Value::Null, after.clone())] {
        let mut body = edit(&after, &after);
        let id = after.get("id").or(before.get("id")).cloned();
        body["patches"][&path][0] = json!({"layer": "truth", "id": id, "before": before, "after": after});
        let said = world.post(&format!("{DS}/edits"), &body).await;
        assert_eq!(said.status, 200, "{}", said.text());
    }
    assert_eq!(world.ok(&format!("{DS}/diff?from=main~2&to=main")).await, json!([]));
}

#[tokio::test]
async fn two_edits_of_a_label_are_a_conflict_that_somebody_decides() {
    let world = World::new();
    let (path, before) = labelled(&world, "acme/street").await;
    let ok = async |path: &str, body: Value| {
        let said = world.post(&format!("{DS}/{path}"), &body).await;
        assert!(said.status.is_success(), "{path}: {}", said.text());
        if said.bytes.is_empty() { Value::Null } else { said.json() }
    };
    ok("branches", json!({"name": "fix"})).await;
    for (branch, class) in [("main", "truck"), ("fix", "bus")] {
        let mut after = before.clone();
        after["class"] = json!(class);
        let change = json!({"layer": "truth", "id": before["id"], "before": before, "after": after});
        ok("edits", json!({"branch": branch, "message": class, "patches": {&path: [change]}})).await;
    }
    assert_eq!(ok("merge", json!({"source": "fix", "into": "main"})).await["outcome"], "conflicts");
    let merging = world.ok(&format!("{DS}/merging?into=main")).await;
    assert_eq!((&merging["open"], &merging["conflicts"][0]["path"]), (&json!(1), &json!(path)));
    let decided = ok("merge/resolve", json!({"into": "main", "path": path, "with": "theirs"})).await;
    assert_eq!(decided, json!({"decided": 1, "open": 0}));
    assert_eq!(ok("merge/continue", json!({"into": "main"})).await["outcome"], "merged");
    let shown = world.ok(&format!("{DS}/sample?ref=main&path={path}")).await;
    let labels = shown["sample"]["layers"]["truth"].as_array().unwrap();
    assert!(labels.iter().any(|label| label["id"] == before["id"] && label["class"] == "bus"));
    ok("tags", json!({"name": "v1", "message": "first"})).await;
    assert_eq!(world.ok(&format!("{DS}/tags")).await[0]["name"], "v1");
    ok("branches/protect", json!({"name": "main", "protected": true})).await;
    ok("branches/delete", json!({"name": "fix", "force": true})).await;
    let branches = world.ok(&format!("{DS}/branches")).await;
    assert_eq!((branches.as_array().unwrap().len(), &branches[0]["protected"]), (1, &json!(true)));
}

#[tokio::test]
async fn imports_are_planned_and_carried_out_as_jobs() {
    let world = World::new();
    let source = drawn().join("street");
    let planned = world.post("/import", &json!({"source": source, "dataset": "new", "dryRun": true})).await;
    assert_eq!((planned.status.as_u16(), &planned.json()["added"]), (200, &json!(SAMPLES)), "{}", planned.text());
    assert_eq!(world.get("/datasets/~/new/stats").await.problem(), "repo.not_found");
    let begun = world.post("/import", &json!({"source": source, "dataset": "new"})).await;
    let ended = world.outcome(&begun).await;
    assert_eq!((&ended["state"], &ended["result"]["added"]), (&json!("done"), &json!(SAMPLES)), "{ended}");
    assert_eq!(world.ok("/datasets/~/new/stats").await["samples"], SAMPLES);
    let begun = world.post("/import", &json!({"source": "/no/such/folder"})).await;
    let ended = world.outcome(&begun).await;
    assert_eq!(ended["state"], "failed");
    assert!(ended["error"].as_str().unwrap().contains("/no/such/folder"), "{ended}");
    let out = world.dir.path().join("out");
    let begun = world.post("/datasets/~/new/export", &json!({"out": out, "format": "yolo"})).await;
    assert_eq!(world.outcome(&begun).await["result"]["samples"], SAMPLES);
    assert!(out.read_dir().unwrap().count() > 0);
    assert_eq!(world.ok("/jobs").await.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn media_come_in_parts_and_small() {
    let world = World::new();
    let (path, _) = labelled(&world, "acme/street").await;
    let whole = world.get(&format!("{DS}/media?ref=main&path={path}")).await;
    let own = world.engine.media(&format!("acme/street:{path}").parse().unwrap()).unwrap();
    assert_eq!(whole.bytes, own);
    assert_eq!(whole.header("content-length"), own.len().to_string());
    assert!(whole.header("content-type").starts_with("image/"));
    assert!(whole.header("content-security-policy").starts_with("sandbox; default-src 'none'"));
    let part = world.get_with(&format!("{DS}/media?path={path}"), &[("range", "bytes=10-19")]).await;
    assert_eq!((part.status.as_u16(), part.bytes.as_slice()), (206, &own[10..20]));
    assert_eq!(part.header("content-range"), format!("bytes 10-19/{}", own.len()));
    let beyond = world.get_with(&format!("{DS}/media?path={path}"), &[("range", "bytes=99999999-")]).await;
    assert_eq!((beyond.status.as_u16(), beyond.problem().as_str()), (416, "http.range"));
    let other = [("range", "bytes=10-19"), ("if-range", "\"other\"")];
    assert_eq!(world.get_with(&format!("{DS}/media?path={path}"), &other).await.status, 200);
    let known = [("if-none-match", whole.header("etag"))];
    assert_eq!(world.get_with(&format!("{DS}/media?path={path}"), &known).await.status, 304);
    let blob = whole.header("etag").trim_matches('"');
    let named = world.get(&format!("{DS}/media?path={path}&v={}", &blob[..16])).await;
    assert!(named.header("cache-control").contains("immutable"));
    let small = world.get(&format!("{DS}/preview?path={path}&size=100")).await;
    assert_eq!(small.status, 200);
    assert!(small.header("content-type").starts_with("image/") && !small.bytes.is_empty());
    let again = world.get(&format!("{DS}/preview?path={path}&size=128")).await;
    assert_eq!((again.bytes, again.headers.get("etag")), (small.bytes, small.headers.get("etag")));
}

#[tokio::test]
async fn sql_answers_in_the_form_that_is_asked_for() {
    let world = World::new();
    let ask = async |accept: &str, body: Value| {
        let headers = [("content-type", "application/json"), ("accept", accept)];
        world.ask(axum::http::Method::POST, "/api/v1/sql", &headers, body.to_string()).await
    };
    let count = json!({"sql": "select count(*) as n from samples", "dataset": "acme/street"});
    assert_eq!(ask("application/json", count.clone()).await.json(), json!([{"n": SAMPLES}]));
    let csv = ask("text/csv", count.clone()).await;
    assert_eq!((csv.text().trim(), csv.header("content-type")), ("n\n24", "text/csv; charset=utf-8"));
    let arrow = ask("application/vnd.apache.arrow.stream", count).await;
    assert_eq!(&arrow.bytes[..4], [0xff; 4], "an Arrow stream begins with its mark");
    let wrong = ask("*/*", json!({"sql": "select nothing from samples", "dataset": "acme/street"})).await;
    assert_eq!((wrong.status.as_u16(), wrong.problem().as_str()), (400, "query.unknown"));
    let write = ask("*/*", json!({"sql": "drop table samples", "dataset": "acme/street"})).await;
    assert_eq!(write.problem(), "query.syntax");
}

#[tokio::test]
async fn views_and_drafts_are_made_and_taken_away() {
    let world = World::new();
    let view = json!({"name": "cars", "filter": "class:car", "description": "what drives"});
    assert_eq!(world.post(&format!("{DS}/views"), &view).await.status, 200);
    assert_eq!(world.ok(&format!("{DS}/views?ref=main")).await[0]["filter"], "class:car");
    assert_eq!(world.post(&format!("{DS}/views"), &view).await.problem(), "repo.exists");
    assert_eq!(world.post(&format!("{DS}/views/remove"), &json!({"name": "cars"})).await.status, 200);
    assert_eq!(world.ok(&format!("{DS}/views?ref=main")).await, json!([]));
    let draft = json!({"name": "mine"});
    assert_eq!(world.post(&format!("{DS}/drafts"), &draft).await.json()["branch"], "main");
    assert_eq!(world.ok(&format!("{DS}/drafts")).await[0]["owner"], "Ada <ada@example.org>");
    assert_eq!(world.post(&format!("{DS}/drafts/discard"), &draft).await.status, 204);
    assert_eq!(world.ok(&format!("{DS}/drafts")).await, json!([]));
}
