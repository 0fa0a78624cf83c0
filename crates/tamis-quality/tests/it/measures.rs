//! Figures of classes and tracks against `scikit-learn` and `trackeval`.

use proptest::prelude::*;
use serde_json::{Value, json};
use tamis_core::Box2d;
use tamis_quality::classification::*;
use tamis_quality::confident::Labelled;
use tamis_quality::tracking::*;
use tamis_quality::{Bootstrap, compare_means};

use crate::oracle::{self, near, numbers};
use crate::random::Random;

fn classes(random: &mut Random, n: usize, k: usize) -> Value {
    let truth: Vec<usize> = (0..n).map(|_| random.below(k)).collect();
    let mut probs = Vec::new();
    for &label in &truth {
        let mut row: Vec<f64> = (0..k).map(|_| random.between(0.01, 1.0)).collect();
        row[label] += random.between(0.0, 2.0);
        let sum: f64 = row.iter().sum();
        probs.extend(row.iter().map(|v| v / sum));
    }
    json!({"truth": truth, "probs": probs, "classes": k})
}

/// Objects that move, and a tracker that misses, wanders, swaps and invents.
fn sequence(random: &mut Random, frames: usize, objects: usize) -> Value {
    let mut places: Vec<[f64; 4]> = (0..objects)
        .map(|_| {
            [
                random.between(0.0, 200.0),
                random.between(0.0, 200.0),
                random.between(20.0, 60.0),
                random.between(20.0, 60.0),
            ]
        })
        .collect();
    let mut names: Vec<usize> = (0..objects).map(|i| 10 * i).collect();
    let (mut truth, mut found) = (Vec::new(), Vec::new());
    for frame in 0..frames {
        for object in 0..objects {
            let place = &mut places[object];
            place[0] += random.between(-6.0, 8.0);
            place[1] += random.between(-6.0, 8.0);
            let [x, y, w, h] = *place;
            if random.chance(0.9) {
                truth.push(json!([frame, object + 3, x, y, x + w, y + h]));
            }
            if random.chance(0.1) {
                names[object] = 1000 + random.below(20) * 50 + object;
            }
            if random.chance(0.8) {
                let (dx, dy) = (random.between(-9.0, 9.0), random.between(-9.0, 9.0));
                found.push(json!([frame, names[object], x + dx, y + dy, x + dx + w * 0.9, y + dy + h]));
            }
        }
        if random.chance(0.3) {
            let x = random.between(0.0, 200.0);
            found.push(json!([frame, 5000 + frame % 3, x, x, x + 30.0, x + 30.0]));
        }
    }
    json!({"truth": truth, "found": found})
}

fn cases(seed: u64) -> Value {
    let mut random = Random(seed);
    let classes = [(60, 3), (200, 7), (40, 2)].map(|(n, k)| classes(&mut random, n, k)).to_vec();
    let mut tracks: Vec<Vec<Value>> = Vec::new();
    for sizes in [vec![(20, 4)], vec![(40, 9), (15, 3)], vec![(6, 14), (30, 1), (9, 6)]] {
        tracks.push(sizes.into_iter().map(|(frames, objects)| sequence(&mut random, frames, objects)).collect());
    }
    tracks.push(vec![json!({"truth": [[0, 1, 0.0, 0.0, 9.0, 9.0], [1, 1, 0.0, 0.0, 9.0, 9.0]], "found": []})]);
    json!({"classes": classes, "tracks": tracks})
}

fn boxes(rows: &Value) -> Vec<Tracked> {
    let of = |row: &Value| {
        let r = numbers(row);
        Tracked { frame: r[0] as u32, track: r[1] as u32, bounds: Box2d::new(r[2], r[3], r[4], r[5]) }
    };
    rows.as_array().unwrap().iter().map(of).collect()
}

fn compare_classes(case: &Value, answer: &Value) {
    let truth: Vec<u32> = numbers(&case["truth"]).iter().map(|v| *v as u32).collect();
    let (probs, k) = (numbers(&case["probs"]), case["classes"].as_u64().unwrap() as usize);
    let first = |row: &[f64]| (0..k).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap() as u32;
    let seen: Vec<u32> = probs.chunks(k).map(first).collect();
    let mut confusion = Confusion::new(k).unwrap();
    confusion.add(&truth, &seen).unwrap();
    assert_eq!(json!(confusion.counts()), answer["confusion"]);
    let wanted = |name: &str| answer[name].as_f64().unwrap();
    near(confusion.accuracy().unwrap(), wanted("accuracy"), 1e-12, "accuracy");
    near(confusion.balanced_accuracy().unwrap(), wanted("balanced"), 1e-12, "balanced accuracy");
    for (name, mean) in [("macro", Mean::Macro), ("weighted", Mean::Weighted), ("micro", Mean::Micro)] {
        let figures: [fn(&ClassFigures) -> Option<f64>; 4] = [|c| c.precision, |c| c.recall, |c| c.f1, |c| c.iou];
        for (figure, theirs) in figures.into_iter().zip(numbers(&answer[name])) {
            near(confusion.mean(mean, figure).unwrap(), theirs, 1e-12, name);
        }
    }
    let input = Labelled::new(&truth, &probs, k).unwrap();
    near(log_loss(&input).unwrap(), wanted("log_loss"), 1e-9, "log loss");
    near(calibration(&input, 15).unwrap().expected, wanted("ece"), 1e-9, "calibration error");
    for (ours, theirs) in roc_auc_of_classes(&input).unwrap().into_iter().zip(numbers(&answer["auc"])) {
        near(ours.unwrap_or(f64::NAN), theirs, 1e-12, "area under ROC");
    }
}

fn compare_tracks(case: &Value, answer: &Value) {
    let of = |one: &Value| {
        measure_tracks(&boxes(&one["truth"]), &boxes(&one["found"]), &TrackingOptions::default()).unwrap()
    };
    let reports: Vec<TrackingReport> = case.as_array().unwrap().iter().map(of).collect();
    let report = TrackingReport::combine(&reports);
    let c = &report.counts;
    for (name, ours) in [
        ("HOTA", report.hota()),
        ("DetA", report.deta()),
        ("AssA", report.assa()),
        ("AssRe", report.assre()),
        ("AssPr", report.asspr()),
        ("LocA", report.loca()),
        ("MOTA", report.mota()),
        ("MOTP", report.motp()),
        ("IDF1", report.idf1()),
        ("IDP", report.idp()),
        ("IDR", report.idr()),
        ("IDSW", c.switches as f64),
        ("Frag", c.fragments as f64),
        ("MT", c.mostly_tracked as f64),
        ("PT", c.partly_tracked as f64),
        ("ML", c.mostly_lost as f64),
        ("CLR_TP", c.matches as f64),
        ("CLR_FP", (c.found - c.matches) as f64),
        ("CLR_FN", (c.truths - c.matches) as f64),
    ] {
        near(ours, answer[name].as_f64().unwrap(), 1e-9, name);
    }
}

fn compare(cases: &Value, answers: &Value) {
    let pairs = |name: &str| cases[name].as_array().unwrap().iter().zip(answers[name].as_array().unwrap());
    pairs("classes").for_each(|(case, answer)| compare_classes(case, answer));
    pairs("tracks").for_each(|(case, answer)| compare_tracks(case, answer));
}

#[test]
fn figures_are_those_of_the_references() {
    let cases = cases(0);
    compare(&cases, &oracle::golden("measures", "measures", &cases));
}

#[test]
fn figures_are_those_of_the_references_live() {
    let cases = cases(17);
    let Some(answers) = oracle::live("measures", &cases) else { return };
    compare(&cases, &answers);
}

/// Boxes of real scenes, followed by greedy overlap, against themselves: a tracker that is the truth is perfect.
#[test]
fn a_perfect_tracker_is_perfect_on_real_scenes() {
    let Some(folder) = oracle::data("mot15_dets_sort") else { return };
    let text = std::fs::read_to_string(folder.join("PETS09-S2L1/det.txt"))
        .or_else(|_| std::fs::read_to_string(folder.join("PETS09-S2L1/det/det.txt")))
        .unwrap();
    let mut tracks: Vec<Tracked> = Vec::new();
    for line in text.lines() {
        let n: Vec<f64> = line.split(',').filter_map(|word| word.trim().parse().ok()).collect();
        let (frame, bounds) = (n[0] as u32, Box2d::from_xywh(n[2], n[3], n[4], n[5]));
        let before = tracks.iter().rev().take_while(|t| t.frame + 2 > frame).filter(|t| t.frame + 1 == frame);
        let best = before.max_by(|a, b| a.bounds.iou(&bounds).total_cmp(&b.bounds.iou(&bounds)));
        let taken = |track: u32| tracks.iter().rev().take_while(|t| t.frame == frame).any(|t| t.track == track);
        let track = best
            .filter(|b| b.bounds.iou(&bounds) > 0.3 && !taken(b.track))
            .map_or(tracks.len() as u32 + 7, |b| b.track);
        tracks.push(Tracked { frame, track, bounds });
    }
    assert!(tracks.len() > 1000);
    let report = measure_tracks(&tracks, &tracks, &TrackingOptions::default()).unwrap();
    for figure in [report.mota(), report.motp(), report.idf1(), report.loca()] {
        near(figure, 1.0, 1e-9, "a figure of a perfect tracker");
    }
    near(report.hota(), 1.0, 1e-6, "HOTA");
    let broken: Vec<Tracked> = tracks.iter().map(|t| Tracked { track: t.track * 2 + t.frame / 400, ..*t }).collect();
    let worse = measure_tracks(&tracks, &broken, &TrackingOptions::default()).unwrap();
    assert!(worse.hota() < 1.0 && worse.idf1() < 1.0 && worse.counts.switches > 0);
    near(worse.deta(), 1.0, 1e-6, "detection is still perfect");
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    assert!(Confusion::new(0).is_err());
    assert!(Confusion::new(3).unwrap().add(&[0], &[3]).is_err());
    assert!(Confusion::new(3).unwrap().add(&[0], &[]).is_err());
    assert_eq!(Confusion::new(3).unwrap().accuracy(), None);
    let one = Tracked { frame: 1, track: 1, bounds: Box2d::new(0.0, 0.0, 1.0, 1.0) };
    assert!(measure_tracks(&[one, one], &[], &TrackingOptions::default()).is_err());
    assert!(compare_means(&[1.0], &[], &Bootstrap::default()).is_err());
    assert!(compare_means(&[f64::NAN], &[0.0], &Bootstrap::default()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn roc_is_the_chance_of_the_right_order(samples in proptest::collection::vec((any::<bool>(), 0u8..9), 0..40)) {
        let positive: Vec<bool> = samples.iter().map(|s| s.0).collect();
        let scores: Vec<f64> = samples.iter().map(|s| f64::from(s.1)).collect();
        let (mut wins, mut pairs) = (0.0, 0.0);
        for a in samples.iter().filter(|s| s.0) {
            for b in samples.iter().filter(|s| !s.0) {
                pairs += 1.0;
                wins += if a.1 > b.1 { 1.0 } else if a.1 == b.1 { 0.5 } else { 0.0 };
            }
        }
        let found = roc_auc(&positive, &scores).unwrap();
        prop_assert_eq!(found.is_some(), pairs > 0.0);
        prop_assert!(found.is_none_or(|f| (f - wins / pairs).abs() < 1e-12));
    }

    #[test]
    fn parts_of_the_data_sum_up(truth in proptest::collection::vec(0u32..6, 0..60), seed in any::<u64>()) {
        let mut random = Random(seed);
        let seen: Vec<u32> = truth.iter().map(|_| random.below(5) as u32).collect();
        let cut = random.below(truth.len() + 1);
        let (mut whole, mut first, mut second) = (Confusion::new(5).unwrap(), Confusion::new(5).unwrap(), Confusion::new(5).unwrap());
        whole.add(&truth, &seen).unwrap();
        first.add(&truth[..cut], &seen[..cut]).unwrap();
        second.add(&truth[cut..], &seen[cut..]).unwrap();
        first.merge(&second).unwrap();
        prop_assert_eq!(&first, &whole);
        prop_assert_eq!(whole.total(), truth.iter().filter(|t| **t < 5).count() as u64);
    }

    /// Against sets of pixels, segment by segment.
    #[test]
    fn panoptic_quality_is_that_of_sets_of_pixels(seed in any::<u64>(), n in 1usize..60) {
        use std::collections::BTreeSet;
        let mut random = Random(seed);
        let map = |random: &mut Random| (0..n).map(|_| random.below(5) as u32).collect::<Vec<_>>();
        let truth = map(&mut random);
        let found: Vec<u32> = truth.iter().map(|&id| if random.chance(0.7) { id } else { random.below(5) as u32 }).collect();
        let mut segments = |crowds: bool| -> Vec<Segment> {
            let mut segments = Vec::new();
            for id in 1..=4 {
                let class = (id + random.below(4) as u32 / 3) % 2;
                let crowd = crowds && random.chance(0.2);
                if random.chance(0.9) {
                    segments.push(Segment { id, class, crowd });
                }
            }
            segments
        };
        let (there, seen) = (segments(true), segments(false));
        let mut told = Panoptic::new(2);
        told.add(&truth, &found, [&there, &seen]).unwrap();
        let pixels = |map: &[u32], id: u32| (0..n).filter(|&at| map[at] == id).collect::<BTreeSet<_>>();
        let void: BTreeSet<usize> = (0..n).filter(|&at| there.iter().all(|s| s.id != truth[at])).collect();
        for class in 0..2u32 {
            let own: Vec<_> = there.iter().filter(|s| s.class == class && !s.crowd).map(|s| pixels(&truth, s.id)).collect();
            let crowd: BTreeSet<usize> = there.iter().filter(|s| s.class == class && s.crowd).flat_map(|s| pixels(&truth, s.id)).collect();
            let other: Vec<_> = seen.iter().filter(|s| s.class == class).map(|s| pixels(&found, s.id)).filter(|p| !p.is_empty()).collect();
            let iou = |a: &BTreeSet<usize>, b: &BTreeSet<usize>| {
                let union = a.union(b).filter(|at| a.contains(at) || !void.contains(at)).count();
                a.intersection(b).count() as f64 / union as f64
            };
            let matches = |a: &BTreeSet<usize>, b: &BTreeSet<usize>| iou(a, b) > 0.5;
            let overlap: f64 = own.iter().flat_map(|a| other.iter().map(move |b| (a, b))).filter(|(a, b)| matches(a, b)).map(|(a, b)| iou(a, b)).sum();
            let excused = |b: &BTreeSet<usize>| b.iter().filter(|at| void.contains(at) || crowd.contains(at)).count() * 2 > b.len();
            let figures = told.figures()[class as usize];
            prop_assert!((figures.overlap - overlap).abs() < 1e-12);
            prop_assert_eq!(figures.misses as usize, own.iter().filter(|a| !other.iter().any(|b| matches(a, b))).count());
            let alarms = other.iter().filter(|b| !own.iter().any(|a| matches(a, b)) && !excused(b)).count();
            prop_assert_eq!(figures.false_alarms as usize, alarms);
        }
        let mut perfect = Panoptic::new(2);
        perfect.add(&found, &found, [&seen, &seen]).unwrap();
        prop_assert!(perfect.figures().iter().all(|f| f.false_alarms == 0));
    }

    #[test]
    fn intervals_hold_the_difference(figures in proptest::collection::vec((0.0f64..1.0, 0.0f64..1.0), 5..40)) {
        let (a, b): (Vec<f64>, Vec<f64>) = figures.into_iter().unzip();
        let told = compare_means(&a, &b, &Bootstrap::default()).unwrap();
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        prop_assert!((told.difference - (mean(&b) - mean(&a))).abs() < 1e-9);
        prop_assert!(told.low <= told.difference + 1e-9 && told.difference <= told.high + 1e-9);
        let back = compare_means(&b, &a, &Bootstrap::default()).unwrap();
        prop_assert!((back.low + told.high).abs() < 1e-9 && (back.better + told.better - 1.0).abs() < 1e-9);
    }
}
