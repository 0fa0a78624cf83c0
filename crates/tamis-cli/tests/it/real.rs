//! Real datasets, where they are at hand.

use std::path::PathBuf;

use super::Place;

pub(super) fn data(name: &str) -> Option<PathBuf> {
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

/// COCO's own figures for the predictions that come with it.
#[test]
fn predictions_are_measured_as_coco_does() {
    let place = Place::new();
    let images: Vec<serde_json::Value> = (1..=4)
        .map(|id| serde_json::json!({"id": id, "file_name": format!("{id}.png"), "width": 100, "height": 100}))
        .collect();
    let boxes = [[10.0, 10.0, 40.0, 40.0], [50.0, 50.0, 20.0, 30.0], [0.0, 0.0, 90.0, 90.0]];
    let (mut truth, mut found) = (Vec::new(), Vec::new());
    for id in 1..=4_u32 {
        for (at, b) in boxes.iter().enumerate() {
            let class = 1 + at % 2;
            truth.push(serde_json::json!({"id": truth.len() + 1, "image_id": id, "category_id": class, "bbox": b, "area": b[2] * b[3], "iscrowd": 0}));
            // Every other one is a hit; the rest lie beside.
            let shift = if (id as usize + at).is_multiple_of(2) { 1.0 } else { 60.0 };
            let moved = [b[0] + shift, b[1], b[2], b[3]];
            found.push(serde_json::json!({"image_id": id, "category_id": class, "bbox": moved, "score": 0.5 + 0.1 * f64::from(id)}));
        }
    }
    let categories = serde_json::json!([{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]);
    let folder = place.path("set");
    std::fs::create_dir_all(&folder).unwrap();
    let document = serde_json::json!({"images": images, "annotations": truth, "categories": categories});
    std::fs::write(folder.join("instances_val.json"), document.to_string()).unwrap();
    std::fs::write(folder.join("results.json"), serde_json::Value::from(found).to_string()).unwrap();
    place.ok(&["import", "set"]);
    let report = place.json(&["eval", "set", "--layer", "predictions"]);
    assert_eq!((&report["samples"], &report["truths"], &report["predictions"]), (&4.into(), &12.into(), &12.into()));
    let sum =
        |key: &str| ["cat", "dog"].iter().map(|class| report["classes"][class][key].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("hits"), sum("false_alarms"), sum("misses")), (6, 6, 6), "{report}");
    let (ap, ap50) = (report["figures"]["AP"].as_f64().unwrap(), report["figures"]["AP50"].as_f64().unwrap());
    assert!(ap > 0.0 && ap < ap50 && ap50 < 1.0, "{report}");
    assert!(place.ok(&["eval", "set", "--layer", "predictions"]).contains("AP50"));
    let said = place.run(&["eval", "set", "--layer", "nobody"]);
    assert!(said.code == 3 && said.talk.contains("nobody") && said.talk.contains("tamis stats"), "{said:?}");
}

/// The figures that pycocotools 2.0.11 gives for the results that come with its demonstration, put onto the images by
/// their numbers alone.
#[test]
fn coco_s_own_results_have_coco_s_own_figures() {
    const FIGURES: [&str; 12] = [
        "AP", "AP50", "AP75", "APsmall", "APmedium", "APlarge", "AR1", "AR10", "AR100", "ARsmall", "ARmedium",
        "ARlarge",
    ];
    const BOXES: [f64; 12] = [
        0.5045806987249628,
        0.6969727247299577,
        0.5729816669904824,
        0.5856257209410443,
        0.5193996948036719,
        0.5013978986347466,
        0.38681277964578054,
        0.5936795762842003,
        0.595352982877607,
        0.6398109626113442,
        0.5664205978994309,
        0.5642905982905982,
    ];
    const MASKS: [f64; 12] = [
        0.3195452758576433,
        0.5622883972521636,
        0.29892653412086784,
        0.3873740315997837,
        0.31018272403369485,
        0.3269339071005138,
        0.2682297225711534,
        0.41544868114906375,
        0.4168394992198818,
        0.4694498622754236,
        0.37675922666197265,
        0.3814715099715099,
    ];
    let Some(folder) = data("coco_eval_fixtures/dataset/cocoapi") else { return };
    let place = Place::new();
    let file = |name: &str| folder.join(name).display().to_string();
    place.ok(&["import", &file("instances_val2014_100.json"), "coco"]);
    for (kind, wanted) in [("bbox", BOXES), ("segm", MASKS)] {
        let results = file(&format!("instances_val2014_fake{kind}100_results.json"));
        place.ok(&["import", &results, "coco", "--labels-only", "--layer", kind]);
        let report = place.json(&["eval", "coco", "--layer", kind]);
        for (name, wanted) in FIGURES.iter().zip(wanted) {
            let found = report["figures"][name].as_f64().unwrap();
            assert!((found - wanted).abs() < 1e-9, "{kind} {name}: {found} is not {wanted}");
        }
    }
    let said = place.ok(&["eval", "coco", "--layer", "segm", "--type", "boxes", "--against", "bbox"]);
    assert!(said.contains("`bbox` is better"), "{said}");
}
