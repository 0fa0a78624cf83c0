//! Measuring layers.

use tamis_core::{Box2d, Label, Sample, Shape, TrackKey};
use tamis_engine::Address;
use tamis_engine::ops::eval::{EvalKind, EvalReport, EvalRequest};
use tamis_engine::ops::views::ViewRequest;

use crate::lake::{Lake, author, ctx};

fn request(lake: &Lake, layer: &str) -> EvalRequest {
    EvalRequest::new(lake.name.to_string().parse::<Address>().unwrap(), layer)
}

fn figure(report: &EvalReport, name: &str) -> f64 {
    report.figures[name].unwrap()
}

fn near(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-12, "{found} is not {wanted}");
}

fn class(name: &str, confidence: f64) -> Label {
    Label { confidence: Some(confidence), ..Label::new(Shape::Classification) }.with_class(name)
}

fn bus(x: f64, id: u64) -> Label {
    Label::new(Shape::Box2d(Box2d::new(x, 0.0, x + 10.0, 10.0))).with_class("bus").with_id(id)
}

/// Labels by layer.
type Layers<'a> = &'a [(&'a str, Vec<Label>)];

/// Puts samples: path, split and layers.
fn put(lake: &Lake, samples: &[(&str, &str, Layers<'_>)]) {
    let mut edit = lake.engine.dataset(&lake.name).unwrap().transaction("main").unwrap();
    for (path, split, layers) in samples {
        let layers = layers.iter().map(|(name, labels)| ((*name).to_owned(), labels.clone())).collect();
        let split = Some((*split).to_owned());
        edit.put(Sample { path: (*path).to_owned(), split, layers, ..Sample::default() }).unwrap();
    }
    edit.commit("put", &author()).unwrap();
}

/// Ten digits: `a` is right in 8, `b` in 3, of which two are those that `a` misses; the last one nobody answers.
fn digits() -> Lake {
    let lake = Lake::new();
    let truth = ["0", "0", "0", "1", "1", "1", "1", "1", "1", "1"];
    for (at, truth) in truth.iter().enumerate() {
        let other = if *truth == "0" { "1" } else { "0" };
        let a = if at == 2 { vec![class(other, 0.9), class(truth, 0.1)] } else { vec![class(truth, 0.8)] };
        let b = vec![class(if at < 3 { truth } else { other }, 0.6)];
        let (a, b) = if at == 9 { (vec![], b) } else { (a, b) };
        let split = if at % 2 == 0 { "even" } else { "odd" };
        let layers = [("truth", vec![class(truth, 1.0)]), ("a", a), ("b", b)];
        put(&lake, &[(&format!("{at}.png"), split, &layers)]);
    }
    lake
}

#[test]
fn classes_are_measured_compared_and_told_by_split_and_slice() {
    let lake = digits();
    let address: Address = lake.name.to_string().parse().unwrap();
    let view = ViewRequest {
        address,
        name: "zeros".to_owned(),
        filter: "[class:0 layer:truth]".to_owned(),
        description: String::new(),
        is_slice: true,
        replace: false,
        message: None,
    };
    lake.engine.save_view(&ctx(), &view).unwrap();
    let mut request = request(&lake, "a");
    request.against = Some("b".to_owned());
    request.slices = vec!["split:odd".to_owned()];
    let report = lake.engine.eval(&ctx(), &request).unwrap();
    assert_eq!((report.kind, report.samples, report.truths, report.predictions), (EvalKind::Classes, 10, 10, 9));
    near(figure(&report, "accuracy"), 0.8);
    // Class 0: 2 of 3 found, nothing else taken for it. Class 1: 6 of 7 found, 7 predicted.
    let (f0, f1) = (2.0 * 2.0 / 5.0, 2.0 * 6.0 / 14.0);
    near(figure(&report, "f1"), (f0 + f1) / 2.0);
    near(figure(&report, "f1_weighted"), 0.3 * f0 + 0.7 * f1);
    near(figure(&report, "balanced_accuracy"), (2.0 / 3.0 + 6.0 / 7.0) / 2.0);
    near(figure(&report, "answered"), 0.9);
    // Eight answers at 0.8 are all right, one at 0.9 is wrong.
    near(figure(&report, "ece"), (8.0 * 0.2 + 0.9) / 9.0);
    assert_eq!(report.confused.len(), 1);
    assert_eq!((report.confused[0].truth.as_str(), report.confused[0].predicted.as_str()), ("0", "1"));
    near(report.splits["even"].figures["accuracy"].unwrap(), 0.8);
    near(report.slices["zeros"].figures["accuracy"].unwrap(), 2.0 / 3.0);
    assert_eq!(report.slices["split:odd"].samples, 5);
    let told = report.comparison.unwrap();
    let difference = told.difference.unwrap();
    near(difference.first, 0.8);
    near(difference.second, 0.3);
    assert!(difference.high <= 0.0 && difference.better < 0.05, "{difference:?}");
    assert!(report.slices["zeros"].comparison.is_some());
}

#[test]
fn outcomes_become_a_layer() {
    let lake = Lake::new();
    let found = |x: f64, score: f64, id: u64| Label { confidence: Some(score), ..bus(x, id) };
    put(
        &lake,
        &[
            (
                "a.png",
                "val",
                &[("truth", vec![bus(0.0, 1), bus(50.0, 2)]), ("m", vec![found(1.0, 0.9, 1), found(80.0, 0.5, 2)])],
            ),
            ("b.png", "val", &[("truth", vec![bus(0.0, 1)])]),
            ("c.png", "val", &[("m", vec![found(1.0, 0.9, 1)])]),
        ],
    );
    let mut request = request(&lake, "m");
    request.write = Some("outcomes".to_owned());
    let report = lake.engine.eval(&ctx(), &request).unwrap();
    assert_eq!((report.kind, report.samples), (EvalKind::Boxes, 2));
    let line = &report.classes["bus"];
    assert_eq!((line.truths, line.hits, line.false_alarms, line.misses), (3, 1, 1, 2));
    let written = report.written.unwrap();
    assert!(written.commit.is_some());
    let snapshot = lake.engine.dataset(&lake.name).unwrap().snapshot("main").unwrap();
    let outcomes = |path: &str| -> Option<Vec<String>> {
        let sample = snapshot.get(path).unwrap().unwrap();
        let outcome = |label: &Label| label.attributes["outcome"].as_str().unwrap().to_owned();
        sample.layers.get("outcomes").map(|labels| labels.iter().map(outcome).collect())
    };
    assert_eq!(outcomes("a.png").unwrap(), ["hit", "false_alarm", "miss"]);
    assert_eq!(outcomes("b.png").unwrap(), ["miss"]);
    assert_eq!(outcomes("c.png"), None);
    let again = lake.engine.eval(&ctx(), &request).unwrap();
    assert_eq!(again.written.unwrap().commit, None);
    request.write = Some("truth".to_owned());
    assert_eq!(lake.engine.eval(&ctx(), &request).unwrap_err().code.id, "usage");
}

#[test]
fn tracks_are_measured_in_folders_of_frames_and_in_videos() {
    let lake = Lake::new();
    let named = |x: f64, name: &str| Label { instance: Some(name.to_owned()), ..bus(x, 1) };
    // The model loses the object in the third of four frames and gives it another name in the last.
    for frame in 0..4 {
        let x = f64::from(frame);
        let name = if frame < 3 { "7" } else { "8" };
        let found = if frame == 2 { vec![] } else { vec![named(x, name)] };
        put(&lake, &[(&format!("seq/{frame:04}.png"), "", &[("truth", vec![named(x, "1")]), ("m", found)])]);
    }
    let mut request = request(&lake, "m");
    request.kind = Some(EvalKind::Tracks);
    let report = lake.engine.eval(&ctx(), &request).unwrap();
    assert_eq!((report.truths, report.predictions), (4, 3));
    near(figure(&report, "MOTA"), (3.0 - 1.0) / 4.0);
    near(figure(&report, "IDF1"), 2.0 * 2.0 / 7.0);
    near(figure(&report, "switches"), 1.0);

    let film = lake.beside("team/films");
    let keys = |ends: [f64; 2]| {
        let key = |frame: u32, x: f64| TrackKey::new(frame, Shape::Box2d(Box2d::new(x, 0.0, x + 10.0, 10.0)));
        Label::new(Shape::Track(vec![key(0, ends[0]), key(10, ends[1])])).with_class("bus").with_id(1)
    };
    put(&film, &[("film.mp4", "", &[("truth", vec![keys([0.0, 10.0])]), ("m", vec![keys([0.0, 10.0])])])]);
    let report = film.engine.eval(&ctx(), &self::request(&film, "m")).unwrap();
    assert_eq!((report.kind, report.truths), (EvalKind::Tracks, 11));
    near(figure(&report, "HOTA"), 1.0);
}

#[test]
fn a_missing_layer_and_a_wrong_filter_are_told() {
    let lake = digits();
    let error = lake.engine.eval(&ctx(), &request(&lake, "nobody")).unwrap_err();
    assert!(error.code.id == "repo.not_found" && error.message.contains("nobody"), "{error}");
    let mut wrong = request(&lake, "a");
    wrong.slices = vec!["clas:bus".to_owned()];
    assert_eq!(lake.engine.eval(&ctx(), &wrong).unwrap_err().code.id, "query.filter");
}
