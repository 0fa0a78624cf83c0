//! The drawn dataset: equal bytes from equal seeds, honest labels, and flaws that are where the list says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tamis_core::Hash;
use tamis_media::scene::{DemoOptions, DemoSample, FlawKind, Manifest, demo, write_coco};
use tamis_media::{Limits, check, decode, probe};

fn samples(seed: u64, samples: usize) -> Vec<DemoSample> {
    demo(&DemoOptions { seed, samples, ..DemoOptions::default() }).collect()
}

#[test]
fn a_seed_decides_every_byte() {
    assert_eq!(samples(3, 24), samples(3, 24));
    assert_ne!(samples(3, 4)[0].bytes, samples(4, 4)[0].bytes);
}

#[test]
fn labels_lie_in_the_picture_but_for_the_seeded_flaw() {
    let mut ids = BTreeSet::new();
    for sample in samples(7, 60) {
        let head = probe(&sample.bytes).unwrap();
        assert_eq!((head.width, head.height), sample.size);
        assert!(sample.path.starts_with(sample.split));
        let leaves = sample.flaws.iter().any(|f| f.kind == FlawKind::BoxOutside);
        let outside = sample.labels.iter().filter(|label| {
            assert!(ids.insert(label.id) && label.class.is_some());
            let b = label.bounds().unwrap();
            b.clip(sample.size.0, sample.size.1) != Some(b)
        });
        assert_eq!(outside.count(), usize::from(leaves), "{}", sample.path);
    }
}

#[test]
fn the_flaws_are_where_the_list_says() {
    let all = samples(7, 240);
    let by_path: BTreeMap<&str, &DemoSample> = all.iter().map(|s| (s.path.as_str(), s)).collect();
    let mut counts = BTreeMap::<FlawKind, usize>::new();
    let mut repeats = BTreeSet::new();
    for flaw in all.iter().flat_map(|s| &s.flaws) {
        *counts.entry(flaw.kind).or_default() += 1;
        let own = by_path[flaw.path.as_str()];
        let other = flaw.other.as_deref().map(|path| by_path[path]);
        let label = own.labels.iter().find(|l| Some(l.id) == flaw.label);
        match flaw.kind {
            FlawKind::ExactDuplicate | FlawKind::Leak => {
                let other = other.unwrap();
                repeats.insert(own.path.as_str());
                assert_eq!(own.bytes, other.bytes);
                assert_eq!(own.split == other.split, flaw.kind == FlawKind::ExactDuplicate);
            }
            FlawKind::NearDuplicate => {
                let pixels = |s: &DemoSample| decode(&s.bytes, &Limits::default()).unwrap().into_pixels();
                let (a, b) = (pixels(own), pixels(other.unwrap()));
                let far = a.iter().zip(&b).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.len() as f64;
                assert!(a != b && far < 30.0, "{far}");
            }
            FlawKind::Mislabelled | FlawKind::ClassTypo => assert_ne!(label.unwrap().class, flaw.class),
            FlawKind::MissingLabel => assert!(label.is_none() && flaw.label.is_some()),
            FlawKind::Corrupt => assert_eq!(check(&own.bytes)[0].code, "image.truncated"),
            _ => assert!(label.is_some()),
        }
    }
    assert_eq!(counts.len(), 9, "{counts:?}");
    // No other sample repeats another, or is broken.
    let hashes: BTreeSet<Hash> = all.iter().map(|s| Hash::of(&s.bytes)).collect();
    assert_eq!(hashes.len(), all.len() - repeats.len());
    assert_eq!(all.iter().filter(|s| !check(&s.bytes).is_empty()).count(), counts[&FlawKind::Corrupt]);
}

#[test]
fn the_folder_is_coco() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = write_coco(folder.path(), &DemoOptions { samples: 80, ..DemoOptions::default() }).unwrap();
    assert_eq!(manifest.splits.values().sum::<usize>(), 80);
    let read =
        |name: &str| -> Value { serde_json::from_slice(&std::fs::read(folder.path().join(name)).unwrap()).unwrap() };
    assert_eq!(serde_json::from_value::<Manifest>(read("flaws.json")).unwrap(), manifest);
    let mut labels = 0;
    for split in ["train", "val", "test"] {
        let document = read(&format!("annotations/instances_{split}.json"));
        let list = |key: &str| document[key].as_array().unwrap().clone();
        let number = |v: &Value, key: &str| v[key].as_u64().unwrap();
        let images: BTreeSet<u64> = list("images").iter().map(|v| number(v, "id")).collect();
        let categories: BTreeSet<u64> = list("categories").iter().map(|v| number(v, "id")).collect();
        assert_eq!(images.len(), manifest.splits[split]);
        for image in list("images") {
            let file = folder.path().join("images").join(split).join(image["file_name"].as_str().unwrap());
            assert!(file.is_file() && image["weather"].is_string());
        }
        for annotation in list("annotations") {
            labels += 1;
            assert!(images.contains(&number(&annotation, "image_id")));
            assert!(categories.contains(&number(&annotation, "category_id")));
            assert!(annotation["area"].as_f64().unwrap() > 0.0);
        }
    }
    assert_eq!(labels, manifest.classes.values().sum::<usize>());
}
