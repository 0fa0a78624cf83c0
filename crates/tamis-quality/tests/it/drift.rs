//! Drift against `scipy` and `scikit-learn`, and against what was put in.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use tamis_quality::Vectors;
use tamis_quality::drift::*;

use crate::oracle::{self, near, numbers};
use crate::random::Random;

/// Rows around a place, roughly normal.
fn rows(random: &mut Random, n: usize, dims: usize, place: f64) -> Vec<Vec<f64>> {
    let mut normal = || (0..12).map(|_| random.part()).sum::<f64>() - 6.0;
    (0..n)
        .map(|_| (0..dims).map(|d| f64::from((normal() + if d == 0 { place } else { 0.0 }) as f32)).collect())
        .collect()
}

fn cases(seed: u64) -> Value {
    let mut random = Random(seed);
    let mut values = Vec::new();
    for (n, m, shift) in [(40, 60, 0.0), (200, 150, 0.3), (30, 30, 3.0), (5, 300, 0.1)] {
        let mut draw = |n: usize, shift: f64| {
            (0..n).map(|_| (random.between(0.0, 4.0) + shift) * 4.0).map(f64::round).collect::<Vec<_>>()
        };
        values.push(json!([draw(n, 0.0), draw(m, shift)]));
    }
    let mut counts = Vec::new();
    for k in [2, 5, 40] {
        let mut draw = || (0..k).map(|i| if i == 1 { 0 } else { random.below(50) + 1 }).collect::<Vec<_>>();
        counts.push(json!([draw(), draw()]));
    }
    counts.push(json!([[1000, 20, 5], [900, 90, 2]]));
    let sets: Vec<Value> = [(300, 5, 0.0), (250, 12, 0.8)]
        .map(|(n, dims, shift)| json!([rows(&mut random, n, dims, 0.0), rows(&mut random, n + 7, dims, shift)]))
        .to_vec();
    json!({"numbers": values, "counts": counts, "sets": sets})
}

fn flat(rows: &Value) -> (Vec<f32>, usize) {
    let rows: Vec<Vec<f64>> = rows.as_array().unwrap().iter().map(numbers).collect();
    (rows.iter().flatten().map(|v| *v as f32).collect(), rows[0].len())
}

fn compare(cases: &Value, answers: &Value) {
    let pairs = |name: &str| cases[name].as_array().unwrap().iter().zip(answers[name].as_array().unwrap());
    for (case, answer) in pairs("numbers") {
        let told = numeric_drift(&mut numbers(&case[0]), &mut numbers(&case[1]), 10).unwrap();
        near(told.ks, answer["ks"].as_f64().unwrap(), 1e-12, "distance of Kolmogorov and Smirnov");
        near(told.ks_p, answer["p"].as_f64().unwrap(), 1e-12, "its chance");
    }
    for (case, answer) in pairs("counts") {
        let whole = |value: &Value| numbers(value).iter().map(|v| *v as u64).collect::<Vec<_>>();
        let told = categorical_drift(&whole(&case[0]), &whole(&case[1])).unwrap();
        near(told.chi_squared, answer["chi"].as_f64().unwrap(), 1e-9, "χ²");
        let p = answer["p"].as_f64().unwrap();
        near(told.p, p, 1e-12 + 1e-9 * p, "its chance");
        near(told.jensen_shannon, answer["js"].as_f64().unwrap(), 1e-9, "Jensen–Shannon distance");
        assert_eq!(json!(told.degrees), answer["degrees"]);
    }
    for (case, answer) in pairs("sets") {
        let ((first, dims), (second, _)) = (flat(&case[0]), flat(&case[1]));
        let told = two_sample_test(
            &Vectors::new(&first, dims).unwrap(),
            &Vectors::new(&second, dims).unwrap(),
            &TwoSampleOptions::default(),
        );
        // The parts are drawn otherwise there: the same within what the choice of parts does.
        near(told.unwrap().auc, answer.as_f64().unwrap(), 0.06, "area under ROC");
    }
}

#[test]
fn drift_is_that_of_the_references() {
    let cases = cases(0);
    compare(&cases, &oracle::golden("drift", "drift", &cases));
}

#[test]
fn drift_is_that_of_the_references_live() {
    let cases = cases(5);
    let Some(answers) = oracle::live("drift", &cases) else { return };
    compare(&cases, &answers);
}

#[test]
fn sets_that_differ_are_told_apart() {
    let mut random = Random(3);
    let mut options = TwoSampleOptions::default();
    options.rounds = 99;
    let mut test = |place: f64, scale: f32| {
        let first: Vec<f32> = rows(&mut random, 150, 8, 0.0).concat().iter().map(|v| *v as f32).collect();
        let second: Vec<f32> = rows(&mut random, 130, 8, place).concat().iter().map(|v| *v as f32 * scale).collect();
        let (first, second) = (Vectors::new(&first, 8).unwrap(), Vectors::new(&second, 8).unwrap());
        (two_sample_test(&first, &second, &options).unwrap(), mean_discrepancy(&first, &second, &options).unwrap())
    };
    let (same, same_means) = test(0.0, 1.0);
    assert!((same.auc - 0.5).abs() < 0.1 && same.p > 0.02 && same_means.p > 0.02, "{same:?} {same_means:?}");
    let (moved, moved_means) = test(1.0, 1.0);
    assert!(moved.auc > 0.65 && moved.p <= 0.01 && moved_means.p <= 0.01, "{moved:?} {moved_means:?}");
    // A line does not see a spread, a kernel does.
    let (_, spread) = test(0.0, 2.0);
    assert!(spread.p <= 0.01, "{spread:?}");
}

#[test]
fn classes_that_came_went_and_moved_are_named() {
    let map = |pairs: &[(&str, u64)]| {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<BTreeMap<_, _>>()
    };
    let first = map(&[("car", 500), ("Traffic-Light", 90), ("person", 300), ("cat", 50), ("bus", 60)]);
    let second = map(&[("car", 510), ("traffic_light", 80), ("person", 290), ("unicorn", 40), ("bus", 200)]);
    let told: Vec<_> = ontology_drift(&first, &second, &OntologyDriftOptions::default())
        .into_iter()
        .map(|d| (d.class, d.change))
        .collect();
    let wanted = [
        ("Traffic-Light".to_owned(), ClassChange::Renamed("traffic_light".to_owned())),
        ("bus".to_owned(), ClassChange::Shifted),
        ("cat".to_owned(), ClassChange::Removed),
        ("unicorn".to_owned(), ClassChange::Added),
    ];
    assert_eq!(told, wanted);
    assert_eq!(ontology_drift(&first, &first, &OntologyDriftOptions::default()), []);
    let told = imbalance(&[1000, 1000, 10, 0]).unwrap();
    assert_eq!((told.rare, told.empty, told.ratio), (vec![2], vec![3], 100.0));
    assert!((imbalance(&[5, 5, 5]).unwrap().evenness - 1.0).abs() < 1e-12);
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    assert!(numeric_drift(&mut [], &mut [1.0], 10).is_err());
    assert!(numeric_drift(&mut [f64::NAN], &mut [1.0], 10).is_err());
    assert!(categorical_drift(&[1], &[1, 2]).is_err());
    assert!(categorical_drift(&[0], &[1]).is_err());
    assert!(imbalance(&[0, 0]).is_err());
    let (two, three) = ([0.0f32; 40], [0.0f32; 60]);
    let (two, three) = (Vectors::new(&two, 2).unwrap(), Vectors::new(&three, 3).unwrap());
    assert!(two_sample_test(&two, &three, &TwoSampleOptions::default()).is_err());
    assert!(mean_discrepancy(&two, &three, &TwoSampleOptions::default()).is_err());
    // Sets without any variation are alike.
    let told = two_sample_test(&two, &two, &TwoSampleOptions::default()).unwrap();
    assert_eq!((told.auc, told.p), (0.5, 1.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_largest_distance_is_that_of_all_values(first in proptest::collection::vec(0u8..20, 1..40), second in proptest::collection::vec(0u8..20, 1..40)) {
        let wide = |v: &[u8]| v.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
        let (mut a, mut b) = (wide(&first), wide(&second));
        let told = numeric_drift(&mut a, &mut b, 5).unwrap();
        let below = |v: &[f64], x: f64| v.iter().filter(|y| **y <= x).count() as f64 / v.len() as f64;
        let most = (0..20).map(|x| (below(&a, f64::from(x)) - below(&b, f64::from(x))).abs()).fold(0.0, f64::max);
        prop_assert!((told.ks - most).abs() < 1e-12);
        prop_assert!((0.0..=1.0).contains(&told.ks_p) && (0.0..=1.0).contains(&told.jensen_shannon) && told.psi >= -1e-12);
        let same = numeric_drift(&mut a.clone(), &mut a, 5).unwrap();
        prop_assert!(same.ks == 0.0 && same.psi == 0.0 && same.jensen_shannon == 0.0 && same.ks_p == 1.0);
    }
}
