//! Checks.

use tamis_core::{Box2d, Label, Media, Sample, Shape};
use tamis_engine::Address;
use tamis_engine::ops::check::{CheckConfig, CheckReport, CheckRequest};
use tamis_engine::ops::derive::Define;

use crate::lake::{Content, Lake, author, ctx, grey};

fn request(lake: &Lake) -> CheckRequest {
    CheckRequest {
        address: lake.name.to_string().parse::<Address>().unwrap(),
        since: None,
        config: None,
        examples: 10,
        save: false,
        fix: false,
        html: false,
    }
}

fn check(lake: &Lake) -> CheckReport {
    lake.engine.check(&ctx(), &request(lake)).unwrap()
}

fn found(report: &CheckReport, rule: &str) -> Vec<String> {
    let rules = report.rules.iter().filter(|one| one.id == rule);
    rules.flat_map(|one| one.examples.iter().map(|finding| finding.path.clone())).collect()
}

fn picture(lake: &Lake, path: &str, split: &str, bytes: &[u8], boxes: &[[f64; 4]]) {
    let mut edit = lake.engine.dataset(&lake.name).unwrap().transaction("main").unwrap();
    let blob = edit.put_blob(bytes).unwrap();
    let mime = Some("image/png".to_owned());
    let media =
        Media { blob: Some(blob), size: bytes.len() as u64, mime, width: Some(8), height: Some(6), ..Media::default() };
    let split = Some(split.to_owned()).filter(|split| !split.is_empty());
    let mut sample = Sample { path: path.to_owned(), split, media: Some(media), ..Sample::default() };
    let label = |(id, [x, y, w, h]): (u64, &[f64; 4])| {
        let shape = Shape::Box2d(Box2d::new(*x, *y, x + w, y + h));
        Label { id, class: Some("bus".into()), ..Label::new(shape) }
    };
    let labels = (0u64..).zip(boxes).map(label).collect();
    sample.layers.insert("truth".to_owned(), labels);
    edit.put(sample).unwrap();
    edit.commit("put", &author()).unwrap();
}

/// A picture with a diagonal, a little darker or lighter.
fn drawn(light: u8) -> Vec<u8> {
    let pixels = (0..64 * 48u32).map(|at| {
        let (x, y) = (at % 64, at / 64);
        if (x * 3 + y * 5) % 41 < 20 { 40 + (y as u8) } else { light - (x as u8) }
    });
    tamis_media::encode_png(&tamis_media::Image::grey8(64, 48, pixels.collect()).unwrap()).unwrap()
}

#[test]
fn broken_labels_unreadable_and_dark_pictures_and_leaks_are_found() {
    let lake = Lake::new();
    picture(&lake, "a.png", "train", &drawn(200), &[[1.0, 1.0, 3.0, 3.0]]);
    picture(&lake, "b.png", "test", &drawn(200), &[[20.0, 20.0, 3.0, 3.0]]);
    picture(&lake, "c.png", "train", &grey(3), &[[1.0, 1.0, 0.0, 3.0]]);
    picture(&lake, "d.png", "train", b"no picture", &[]);
    picture(&lake, "e.png", "test", &drawn(203), &[]);
    let report = check(&lake);
    assert_eq!(found(&report, "image.outside"), ["b.png"]);
    assert_eq!(found(&report, "area.zero"), ["c.png"]);
    assert_eq!(found(&report, "media.unreadable"), ["d.png"]);
    assert_eq!(found(&report, "picture.dark"), ["c.png"]);
    assert_eq!(found(&report, "split.leak"), ["b.png"]);
    assert_eq!(found(&report, "split.near_leak"), ["e.png"]);
    assert!(!report.passed && report.errors >= 4, "{report:?}");
    assert_eq!(report.rules[0].severity, tamis_core::Severity::Error);
}

#[test]
fn rules_can_be_turned_off_and_configurations_are_kept() {
    let lake = Lake::new();
    picture(&lake, "a.png", "", &drawn(200), &[[20.0, 20.0, 3.0, 3.0]]);
    assert!(!check(&lake).passed);
    lake.engine.set_check_config(&ctx(), &lake.name, "main", "off: [image]\nfail_on: error\n").unwrap();
    assert!(check(&lake).passed);
    for bad in ["of: [image]", "off: [imag]", "duplicates: {radius: 60}", "vectors: {neighbours: 0}", "[1"] {
        let error = lake.engine.set_check_config(&ctx(), &lake.name, "main", bad).unwrap_err();
        assert!(error.to_string().contains("configuration of checks"), "{bad}: {error}");
    }
    let default = CheckConfig::default();
    assert_eq!(CheckConfig::parse(&default.to_yaml().unwrap()).unwrap(), default);
    assert_eq!(CheckConfig::parse("# nothing\n").unwrap(), default);
}

#[test]
fn a_check_of_changes_tells_what_they_brought() {
    let lake = Lake::new();
    picture(&lake, "a.png", "train", &drawn(200), &[[20.0, 20.0, 3.0, 3.0]]);
    let before = lake.engine.dataset(&lake.name).unwrap().resolve("main").unwrap().id.to_string();
    picture(&lake, "b.png", "test", &drawn(200), &[[30.0, 20.0, 3.0, 3.0]]);
    let request = CheckRequest { since: Some(before), ..request(&lake) };
    let report = lake.engine.check(&ctx(), &request).unwrap();
    assert_eq!(report.samples, 1);
    assert_eq!(found(&report, "image.outside"), ["b.png"]);
    assert_eq!(found(&report, "split.leak"), ["b.png"]);
    assert!(report.skipped.iter().any(|skipped| skipped.what == "track"));
}

fn saved(lake: &Lake) -> u64 {
    let snapshot = lake.engine.dataset(&lake.name).unwrap().snapshot("main").unwrap();
    snapshot.other_table("findings").unwrap().map_or(0, |table| table.len())
}

#[test]
fn findings_are_saved_and_brought_up_to_date() {
    let lake = Lake::new();
    picture(&lake, "a.png", "", &drawn(200), &[[20.0, 20.0, 3.0, 3.0]]);
    picture(&lake, "b.png", "", &drawn(90), &[[1.0, 20.0, 3.0, 3.0]]);
    let save = CheckRequest { save: true, ..request(&lake) };
    let report = lake.engine.check(&ctx(), &save).unwrap();
    assert_eq!(saved(&lake), report.errors + report.warnings + report.notes);
    let before = saved(&lake);
    let at = report.saved.unwrap();
    picture(&lake, "a.png", "", &drawn(200), &[[1.0, 1.0, 3.0, 3.0]]);
    let report = lake.engine.check(&ctx(), &CheckRequest { since: Some(at), ..save.clone() }).unwrap();
    assert_eq!((report.samples, report.errors), (1, 0));
    assert_eq!(saved(&lake), before - 1);
    let again = lake.engine.check(&ctx(), &save).unwrap();
    assert_eq!(saved(&lake), again.errors + again.warnings + again.notes);
}

#[test]
fn safe_fixes_wait_in_a_draft() {
    let lake = Lake::new();
    picture(&lake, "a.png", "", &drawn(200), &[[4.0, 2.0, 8.0, 2.0], [1.0, 1.0, 3.0, 3.0], [1.0, 1.0, 0.0, 3.0]]);
    let fix = CheckRequest { fix: true, html: true, ..request(&lake) };
    let report = lake.engine.check(&ctx(), &fix).unwrap();
    let fixes = report.fixes.unwrap();
    assert_eq!((fixes.layers, fixes.draft.as_str()), (1, "check-fix"));
    assert!(report.html.unwrap().contains("area.zero"));
    let labels = |revision: &str| {
        let snapshot = lake.engine.dataset(&lake.name).unwrap().snapshot(revision).unwrap();
        snapshot.get("a.png").unwrap().unwrap().layers["truth"].len()
    };
    assert_eq!((labels("main"), labels("draft/check-fix")), (3, 2));
    let error = lake.engine.check(&ctx(), &fix).unwrap_err();
    assert!(error.to_string().contains("still open"), "{error}");
    lake.engine.commit_draft(&ctx(), &lake.name, "check-fix", "fix").unwrap();
    assert_eq!(labels("main"), 2);
    assert!(found(&check(&lake), "area.zero").is_empty());
}

#[test]
fn a_label_unlike_its_neighbours_is_suspicious_once_there_are_vectors() {
    let lake = Lake::new();
    let mut edit = lake.engine.dataset(&lake.name).unwrap().transaction("main").unwrap();
    for at in 0..40u8 {
        let is_dark = at < 20;
        let bytes = grey(if is_dark { at } else { 200 + at });
        let blob = edit.put_blob(&bytes).unwrap();
        let mime = Some("image/png".to_owned());
        let media = Media { blob: Some(blob), size: bytes.len() as u64, mime, ..Media::default() };
        let mut sample = Sample { path: format!("{at:02}.png"), media: Some(media), ..Sample::default() };
        let class = if is_dark == (at != 7) { "night" } else { "day" };
        let label = Label { class: Some(class.to_owned()), ..Label::new(Shape::Classification) };
        sample.layers.insert("truth".to_owned(), vec![label]);
        edit.put(sample).unwrap();
    }
    edit.commit("put", &author()).unwrap();
    assert!(check(&lake).skipped.iter().any(|skipped| skipped.why.contains("no field of vectors")));
    let define = Define { function: "embed_basic".into(), ..Define::default() };
    lake.engine.derive(&ctx(), &lake.request("look", Some(define))).unwrap();
    assert_eq!(found(&check(&lake), "suspect.class"), ["07.png"]);
    lake.put(&[("x", Content::Grey(9))]);
    assert!(check(&lake).skipped.iter().any(|skipped| skipped.why.contains("behind")));
}
