//! Rules against labels made to break them, and their fixes against the rules.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tamis_core::{Attribute, Box2d, Keypoint, Label, LabelType, Ontology, Point, Rle, RotatedBox, Shape, TrackKey};
use tamis_quality::rules::*;

use crate::random::Random;

const SCENE: Scene = Scene { has_media: true, size: Some((100, 80)) };

fn boxed(xmin: f64, ymin: f64, xmax: f64, ymax: f64) -> Label {
    Label::new(Shape::Box2d(Box2d::new(xmin, ymin, xmax, ymax))).with_class("car")
}

fn ring(points: &[(f64, f64)]) -> Shape {
    Shape::Polygon(points.iter().map(|&(x, y)| Point { x, y }).collect())
}

fn broken(labels: &[Label], scene: &Scene, ontology: Option<&Ontology>, options: &RuleOptions) -> Vec<Broken> {
    let mut found = Vec::new();
    RuleBook::new(ontology, options).check(labels, scene, |one| found.push(one));
    found
}

/// What labels break, as (position, rule).
fn told(labels: &[Label]) -> Vec<(usize, &'static str)> {
    broken(labels, &SCENE, None, &RuleOptions::default()).iter().map(|b| (b.label, b.rule.id)).collect()
}

#[test]
fn good_labels_break_nothing() {
    let mut pose = Label::new(Shape::Keypoints(vec![
        Keypoint { x: 0.0, y: 0.0, v: Some(0) },
        Keypoint { x: 5.0, y: 5.0, v: Some(2) },
    ]));
    pose.confidence = Some(1.0);
    let labels = [
        boxed(0.0, 0.0, 100.0, 80.0),
        boxed(-0.4, 0.0, 20.0, 80.3),
        Label::new(ring(&[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)])),
        Label::new(Shape::Polyline { points: vec![Point { x: 0.0, y: 3.0 }, Point { x: 9.0, y: 3.0 }], bezier: None }),
        pose,
        Label::new(Shape::Classification).with_class("sunny"),
    ];
    assert_eq!(told(&labels), []);
}

#[test]
fn every_rule_of_a_shape_is_told() {
    let mut sure = boxed(5.0, 5.0, 9.0, 9.0);
    sure.confidence = Some(1.5);
    let labels = [
        boxed(30.0, 5.0, 20.0, 9.0),
        boxed(3.0, 3.0, 4.0, 40.0),
        boxed(3.0, 3.0, 3.0, 40.0),
        boxed(100.0, 3.0, 120.0, 40.0),
        boxed(90.0, 3.0, 120.0, 40.0),
        sure,
        boxed(f64::NAN, 3.0, 9.0, 9.0),
        Label::new(Shape::Rle(Rle { width: 99, height: 80, counts: vec![0, 99 * 80] })),
        Label::new(Shape::Rle(Rle { width: 100, height: 80, counts: vec![7] })),
        Label::new(ring(&[(0.0, 0.0), (10.0, 10.0), (10.0, 0.0), (0.0, 10.0)])),
        Label::new(ring(&[(0.0, 0.0), (10.0, 10.0)])),
        Label::new(ring(&[(0.0, 0.0), (10.0, 10.0), (20.0, 20.0)])),
        Label::new(Shape::Relation { from: 0, to: 77 }),
        Label::new(Shape::TimeSpan { begin: 3.0, end: 2.0 }),
        Label::new(Shape::Track(vec![])),
        Label::new(Shape::Track(vec![TrackKey::new(4, Shape::Box2d(Box2d::new(-9.0, -9.0, -1.0, -1.0)))])),
        Label::new(Shape::RotatedBox(RotatedBox { cx: 5.0, cy: 5.0, width: 9.0, height: 0.0, angle: 1.0 })),
    ];
    let rules = [
        "area.inverted",
        "area.tiny",
        "area.zero",
        "image.outside",
        "image.partly_outside",
        "label.confidence",
        "label.not_finite",
        "mask.size",
        "mask.broken",
        "polygon.crossing",
        "polygon.points",
        "area.zero",
        "relation.target",
        "span.inverted",
        "track.keys",
        "image.outside",
        "area.zero",
    ];
    assert_eq!(told(&labels), rules.into_iter().enumerate().collect::<Vec<_>>());
    let bare = broken(&[boxed(1.0, 1.0, 9.0, 9.0)], &Scene::default(), None, &RuleOptions::default());
    assert_eq!(bare[0].rule.id, "label.no_media");
}

#[test]
fn words_are_those_of_the_ontology() {
    let mut car = boxed(1.0, 1.0, 9.0, 9.0);
    car.attributes.insert("doors".into(), 4.into());
    let mut ontology = Ontology::infer(&[car.clone()]);
    ontology.schema_mut(LabelType::Box2d).attributes =
        vec![Attribute { name: "doors".into(), maximum: Some(5.0), ..Attribute::default() }];
    let options = {
        let mut options = RuleOptions::default();
        options.required = BTreeMap::from([(LabelType::Box2d, vec!["doors".to_owned()])]);
        options
    };
    let ids = |label: Label| {
        broken(&[label], &SCENE, Some(&ontology), &options).iter().map(|b| b.rule.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(car.clone()), [""; 0]);
    assert_eq!(ids(boxed(1.0, 1.0, 9.0, 9.0)), ["ontology.required"]);
    assert_eq!(ids(car.clone().with_class("cat")), ["ontology.class"]);
    assert_eq!(ids(Label::new(Shape::Scalar(1.0))), ["ontology.type"]);
    car.attributes.insert("doors".into(), 6.into());
    car.attributes.insert("tint".into(), 6.into());
    assert_eq!(ids(car), ["ontology.value", "ontology.attribute"]);
    let off = {
        let mut off = RuleOptions::default();
        off.off = vec!["ontology.class".to_owned()];
        off
    };
    assert_eq!(broken(&[boxed(1.0, 1.0, 9.0, 9.0).with_class("cat")], &SCENE, Some(&ontology), &off), []);
}

#[test]
fn doubles_are_found_once() {
    let near = boxed(10.2, 10.0, 30.2, 30.0);
    let labels = [
        boxed(10.0, 10.0, 30.0, 30.0),
        near.clone(),
        boxed(10.0, 10.0, 30.0, 30.0).with_id(9),
        near.with_class("bus"),
        boxed(15.0, 10.0, 30.0, 30.0),
    ];
    assert_eq!(
        told(&labels),
        [(2, "duplicate.exact"), (1, "duplicate.box"), (3, "duplicate.class"), (3, "duplicate.class")]
    );
    let related = [
        boxed(1.0, 1.0, 9.0, 9.0),
        boxed(1.0, 1.0, 9.0, 9.0).with_id(2),
        Label::new(Shape::Relation { from: 2, to: 2 }),
    ];
    let found = broken(&related, &SCENE, None, &RuleOptions::default());
    assert_eq!((found.len(), &found[0].fix), (1, &None));
}

#[test]
fn tracks_are_followed() {
    let named = |x: f64, class: &str| {
        let mut label = boxed(x, 0.0, x + 10.0, 10.0).with_class(class);
        label.instance = Some("a".into());
        label
    };
    let frames = [
        vec![named(0.0, "car")],
        vec![named(1.0, "car"), named(2.0, "car")],
        vec![],
        vec![named(3.0, "bus")],
        vec![named(80.0, "bus")],
    ];
    let (mut tracks, mut found) = (Tracks::new(), Vec::new());
    for (number, labels) in frames.iter().enumerate() {
        tracks.frame(labels, &RuleOptions::default(), |b| found.push((number, b.label, b.rule.id)));
    }
    assert_eq!(found, [(1, 1, "track.twice"), (3, 0, "track.gap"), (3, 0, "track.class"), (4, 0, "track.jump")]);
}

#[test]
fn the_table_is_in_order_and_in_the_documentation() {
    assert!(RULES.windows(2).all(|pair| pair[0].id < pair[1].id));
    let row = |rule: &&Rule| {
        let severity = format!("{:?}", rule.severity).to_lowercase();
        format!("| `{}` | {severity} | {} | {} |\n", rule.id, rule.what, rule.fix.unwrap_or("–"))
    };
    let table = format!(
        "| rule | severity | what is wrong | safe fix |\n|---|---|---|---|\n{}",
        RULES.iter().map(row).collect::<String>()
    );
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/quality.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (start, end) = ("<!-- rules -->\n", "<!-- /rules -->");
    let (from, to) = (text.find(start).unwrap() + start.len(), text.find(end).unwrap());
    if std::env::var_os("TAMIS_GOLDEN").is_some_and(|v| v == "write") {
        std::fs::write(&path, format!("{}{table}{}", &text[..from], &text[to..])).unwrap();
    } else {
        assert_eq!(&text[from..to], table, "`TAMIS_GOLDEN=write cargo test` renews it");
    }
}

fn any_label(random: &mut Random) -> Label {
    let mut number = || (random.between(-40.0, 140.0) * 2.0).round() / 2.0;
    let (a, b, c, d) = (number(), number(), number(), number());
    let points: Vec<(f64, f64)> = (0..4).map(|_| (number(), number())).collect();
    match random.below(4) {
        0 => Label::new(ring(&points)),
        1 => boxed(10.0, 10.0, 30.0, 30.0),
        _ => boxed(a, b, c, d),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// What a fix was for is gone afterwards, and fixing again changes nothing.
    #[test]
    fn fixes_mend_what_they_say(seed in any::<u64>(), n in 0usize..12) {
        let mut random = Random(seed);
        let mut labels: Vec<Label> = (0..n).map(|_| any_label(&mut random)).collect();
        // A fix may lay another fault open: an inverted box may lie over the edge.
        for _ in 0..4 {
            labels = fixed(&labels, &broken(&labels, &SCENE, None, &RuleOptions::default()));
        }
        let rest = broken(&labels, &SCENE, None, &RuleOptions::default());
        prop_assert!(rest.iter().all(|b| b.fix.is_none()), "{rest:?}");
        prop_assert_eq!(fixed(&labels, &rest), labels);
    }

    /// Crossing edges against trying all pairs.
    #[test]
    fn crossings_are_found(points in proptest::collection::vec((0i32..12, 0i32..12), 3..12)) {
        let points: Vec<(f64, f64)> = points.into_iter().map(|(x, y)| (f64::from(x), f64::from(y))).collect();
        let n = points.len();
        let edge = |i: usize| (points[i], points[(i + 1) % n]);
        let side = |p: (f64, f64), q: (f64, f64), r: (f64, f64)| ((q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0)).signum();
        let cross = |i: usize, j: usize| {
            let ((a, b), (c, d)) = (edge(i), edge(j));
            let zero = [side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)];
            // signum of 0.0 is 1.0: ask for zero by the products below.
            let raw = |p: (f64, f64), q: (f64, f64), r: (f64, f64)| (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0);
            let none_zero = raw(a, b, c) != 0.0 && raw(a, b, d) != 0.0 && raw(c, d, a) != 0.0 && raw(c, d, b) != 0.0;
            none_zero && zero[0] != zero[1] && zero[2] != zero[3]
        };
        let wanted = (0..n).any(|i| (i + 1..n).any(|j| cross(i, j)));
        let label = Label::new(ring(&points));
        let found = broken(&[label], &SCENE, None, &RuleOptions::default());
        prop_assert_eq!(found.iter().any(|b| b.rule.id == "polygon.crossing"), wanted);
    }

    /// Doubles against trying all pairs.
    #[test]
    fn overlapping_boxes_are_found(seed in any::<u64>(), n in 0usize..20) {
        let mut random = Random(seed);
        let labels: Vec<Label> = (0..n)
            .map(|_| {
                let (x, y) = (random.below(6) as f64, random.below(6) as f64);
                boxed(x, y, x + 20.0 + random.below(4) as f64, y + 30.0)
            })
            .collect();
        let mut options = RuleOptions::default();
        options.duplicate = 0.8;
        let mut found: Vec<(usize, usize)> = broken(&labels, &SCENE, None, &options).iter().filter(|b| b.rule.id == "duplicate.box").map(|b| (b.other.unwrap(), b.label)).collect();
        found.sort_unstable();
        let single = |i: usize| labels[..i].iter().all(|other| *other != labels[i]);
        let iou = |i: usize, j: usize| labels[i].bounds().unwrap().iou(&labels[j].bounds().unwrap());
        let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
        let wanted: Vec<_> = pairs.filter(|&(i, j)| single(i) && single(j) && iou(i, j) >= 0.8).collect();
        prop_assert_eq!(found, wanted);
    }
}
