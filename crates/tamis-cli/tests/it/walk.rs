//! The main job from drawing a dataset to checking it out.

use std::fs;

use super::Place;

fn recolour(place: &Place, checkout: &str, class: &str) {
    let file = place.path(checkout).join("samples.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let changed = text.replacen("\"class\":\"car\"", &format!("\"class\":\"{class}\""), 1);
    assert_ne!(text, changed);
    fs::write(file, changed).unwrap();
}

fn street() -> Place {
    let place = Place::new();
    place.ok(&["demo", "street", "--samples", "40"]);
    place.ok(&["import", "street"]);
    place
}

#[test]
fn the_main_job_works_end_to_end() {
    let place = street();
    let stats = place.json(&["stats", "street"]);
    assert!(stats["samples"].as_u64().unwrap() >= 30, "{stats}");
    place.ok(&["branch", "street", "fix"]);
    place.ok(&["checkout", "street@fix", "work"]);
    assert!(place.ok_in(&place.path("work"), &["status"]).contains("Nothing changed"));
    recolour(&place, "work", "bus");
    assert!(place.ok_in(&place.path("work"), &["status"]).contains("samples.jsonl"));
    place.ok_in(&place.path("work"), &["commit", "-m", "a bus"]);
    assert!(place.ok_in(&place.path("work"), &["status"]).contains("Nothing changed"));
    let diff = place.ok(&["diff", "street", "main", "fix"]);
    assert!(diff.contains("car") && diff.contains("bus"), "{diff}");
    assert_eq!(place.ok(&["diff", "street", "main", "fix", "--json"]).lines().count(), 1);

    place.ok(&["checkout", "street", "other"]);
    recolour(&place, "other", "truck");
    place.ok_in(&place.path("other"), &["commit", "-m", "a truck"]);
    assert_eq!(place.run(&["merge", "street", "fix"]).code, 4);
    assert!(place.ok(&["conflicts", "street"]).contains("bus"));
    assert_eq!(place.run(&["resolve", "street", "elsewhere", "--with", "ours"]).code, 3);
    place.ok(&["resolve", "street", "*", "--with", "theirs"]);
    place.ok(&["merge", "street", "--continue"]);
    assert_eq!(place.ok(&["diff", "street", "main", "fix", "--json"]), "");

    place.ok(&["tag", "street", "v1"]);
    place.ok(&["export", "street@v1", "yolo", "--format", "yolo"]);
    place.ok(&["export", "street@v1", "voc", "--format", "voc"]);
    place.ok(&["verify"]);
    place.ok(&["gc", "--dry-run"]);
}

#[test]
fn a_checkout_brings_files_back_and_forth() {
    let place = street();
    for format in ["tamis", "coco"] {
        place.ok(&["checkout", "street", format, "--format", format]);
        let work = place.path(format);
        let status = |place: &Place| -> serde_json::Value {
            serde_json::from_str(&place.ok_in(&work, &["status", "--json"])).unwrap()
        };
        assert_eq!(status(&place)["files"], serde_json::json!([]), "{format}");
        // Touching a file changes nothing.
        let first = place.json(&["ls", "street", "-n", "1"])["path"].as_str().unwrap().to_owned();
        let files = fs::read_to_string(work.join(".tamis-checkout/files")).unwrap();
        let parts: Vec<&str> = files.split('\0').collect();
        let at = parts.iter().position(|part| *part == first).unwrap();
        let file = work.join(parts[at + 1]);
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes).unwrap();
        assert_eq!(status(&place)["files"], serde_json::json!([]), "{format}");
        fs::remove_file(&file).unwrap();
        let told = status(&place);
        assert_eq!(told["files"][0]["change"], "removed", "{told}");
        assert_eq!(told["samples"].as_array().unwrap().len(), 1, "{told}");
        assert_eq!(told["samples"][0]["change"], "removed", "{told}");
        place.ok_in(&work, &["restore"]);
        assert_eq!(fs::read(&file).unwrap(), bytes);
        assert_eq!(status(&place)["files"], serde_json::json!([]), "{format}");
        assert!(place.ok_in(&work, &["commit", "-m", "nothing"]).contains("Nothing to commit"));
    }
}

#[test]
fn a_commit_is_refused_when_the_branch_moved() {
    let place = street();
    place.ok(&["checkout", "street", "one"]);
    place.ok(&["checkout", "street", "two"]);
    recolour(&place, "one", "bus");
    recolour(&place, "two", "truck");
    place.ok_in(&place.path("one"), &["commit", "-m", "one"]);
    let said = place.run_in(&place.path("two"), &["commit", "-m", "two"]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.talk.contains("error[repo.moved]") && said.talk.contains("hint:"), "{said:?}");
    place.ok_in(&place.path("two"), &["commit", "-m", "two", "--branch", "two"]);
}

#[test]
fn datasets_travel_between_lakes() {
    let place = street();
    let far = place.path("far").display().to_string();
    place.ok(&["remote", "street", "--add", "backup", &far]);
    place.ok(&["push", "street", "--remote", "backup"]);
    place.ok(&["clone", &far, "street", "copy"]);
    assert_eq!(place.json(&["stats", "street"])["commit"], place.json(&["stats", "copy"])["commit"]);
    assert!(place.ok(&["pull", "copy"]).contains("up to date"));
    place.ok(&["verify"]);
}
