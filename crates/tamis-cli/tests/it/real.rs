//! Real datasets, where they are at hand.

use std::path::PathBuf;

use super::Place;

fn data(name: &str) -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let root = std::env::var_os("TAMIS_TEST_DATA").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let path = root.join(name);
    if !path.exists() {
        eprintln!("skipped: no {} (set TAMIS_TEST_DATA)", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn real_datasets_import_once_and_check_out_clean() {
    for name in ["bccd_voc", "yolov8_rice_pest"] {
        let Some(path) = data(name) else { continue };
        let place = Place::new();
        let path = path.display().to_string();
        let done = place.json(&["import", &path, "it"]);
        assert!(done["added"].as_u64().unwrap() > 0 && done["annotations"].as_u64().unwrap() > 0, "{name}");
        let again = place.json(&["import", &path, "it"]);
        assert_eq!((again["commit"].is_null(), &again["changed"]), (true, &serde_json::json!(0)), "{name}");
        place.ok(&["checkout", "it", "work"]);
        assert!(place.ok_in(&place.path("work"), &["status"]).contains("Nothing changed"));
        place.ok(&["verify"]);
    }
}
