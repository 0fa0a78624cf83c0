//! Confident learning against `cleanlab`, and laws against a naive model.

use proptest::prelude::*;
use serde_json::{Value, json};
use tamis_quality::confident::*;

use crate::oracle::{self, near, numbers};
use crate::random::Random;

/// Labels with noise and probabilities that mostly know better; sometimes coarse, so that there are ties.
fn case(random: &mut Random, n: usize, k: usize) -> Value {
    let coarse = random.chance(0.3);
    let (mut labels, mut probs) = (Vec::new(), Vec::new());
    for at in 0..n {
        let real = random.below(k);
        let label = if at < k {
            at
        } else if random.chance(0.2) {
            random.below(k)
        } else {
            real
        };
        let mut row: Vec<f64> = (0..k).map(|_| random.part().powi(3) + 0.02).collect();
        row[real] += random.between(0.0, 2.5);
        if coarse {
            row.iter_mut().for_each(|p| *p = (*p * 4.0).round() + 1.0);
        }
        let sum: f64 = row.iter().sum();
        // Whole numbers of 2⁻²⁰ are the same in both precisions.
        probs.push(row.iter().map(|p| (p / sum * 1048576.0).round() / 1048576.0).collect::<Vec<_>>());
        labels.push(label);
    }
    let fraction = if random.chance(0.3) { 0.6 } else { 1.0 };
    let (single, least) = (random.chance(0.5), random.below(8));
    json!({"labels": labels, "probs": probs, "single": single, "min_examples": least, "fraction": fraction})
}

fn cases(seed: u64) -> Value {
    let mut random = Random(seed);
    let mut cases =
        [(40, 3), (60, 2), (150, 5), (90, 7), (120, 20), (300, 4)].map(|(n, k)| case(&mut random, n, k)).to_vec();
    if seed > 0 {
        // More classes than are read side by side; too large to keep.
        cases.push(case(&mut random, 700, 75));
    }
    cases.into()
}

struct Told {
    joint: ConfidentJoint,
    issues: Vec<Vec<usize>>,
    ranked: Vec<usize>,
    scores: Vec<Vec<f64>>,
}

const SCORES: [LabelScore; 3] =
    [LabelScore::SelfConfidence, LabelScore::NormalizedMargin, LabelScore::ConfidenceWeightedEntropy];

fn tell<P: Probability>(labels: &[u32], probs: &[P], k: usize, options: &IssueOptions) -> Told {
    let input = Labelled::new(labels, probs, k).unwrap();
    let flags: Vec<Vec<bool>> = Filter::ALL.iter().map(|f| find_issues(&input, *f, options).unwrap()).collect();
    let scores: Vec<Vec<f64>> = SCORES.iter().map(|s| label_scores(&input, *s).unwrap()).collect();
    let places = |flags: &Vec<bool>| (0..flags.len()).filter(|&i| flags[i]).collect::<Vec<_>>();
    Told {
        joint: ConfidentJoint::new(&input).unwrap(),
        issues: flags.iter().map(places).collect(),
        ranked: rank_issues(&flags[0], &scores[0]).unwrap(),
        scores,
    }
}

fn compare(case: &Value, answer: &Value, what: &str) {
    let labels: Vec<u32> = numbers(&case["labels"]).iter().map(|l| *l as u32).collect();
    let rows = case["probs"].as_array().unwrap();
    let k = rows[0].as_array().unwrap().len();
    let probs: Vec<f64> = rows.iter().flat_map(numbers).collect();
    let mut options = IssueOptions::default();
    options.min_examples = case["min_examples"].as_u64().unwrap();
    options.fraction = case["fraction"].as_f64().unwrap();
    let single = case["single"] == true;
    let told = if single {
        tell(&labels, &probs.iter().map(|p| *p as f32).collect::<Vec<f32>>(), k, &options)
    } else {
        tell(&labels, &probs, k, &options)
    };
    check(&told, answer, if single { 1e-6 } else { 1e-12 }, what);
}

fn check(told: &Told, answer: &Value, within: f64, what: &str) {
    let whole = |value: &Value| numbers(value).iter().map(|v| *v as u64).collect::<Vec<_>>();
    assert_eq!(told.joint.thresholds, numbers(&answer["thresholds"]), "{what}: thresholds, to the last bit");
    assert_eq!(told.joint.counts, whole(&answer["counts"]), "{what}: counts");
    assert_eq!(told.joint.calibrated, whole(&answer["calibrated"]), "{what}: calibrated");
    for ((filter, ours), theirs) in Filter::ALL.iter().zip(&told.issues).zip(answer["issues"].as_array().unwrap()) {
        assert_eq!(json!(ours), *theirs, "{what}: {filter:?}");
    }
    assert_eq!(json!(told.ranked), answer["ranked"], "{what}: ranked");
    if let Some(scores) = answer["scores"].as_array() {
        for (ours, theirs) in told.scores.iter().flatten().zip(scores.iter().flat_map(numbers)) {
            near(*ours, theirs, within, what);
        }
    }
}

#[test]
fn issues_are_those_of_cleanlab() {
    let cases = cases(0);
    let answers = oracle::golden("confident", "confident", &cases);
    for (i, (case, answer)) in cases.as_array().unwrap().iter().zip(answers.as_array().unwrap()).enumerate() {
        compare(case, answer, &format!("case {i}"));
    }
}

#[test]
fn issues_are_those_of_cleanlab_live() {
    for seed in 1..4 {
        let cases = cases(seed * 1000);
        let Some(answers) = oracle::live("confident", &cases) else { return };
        for (i, (case, answer)) in cases.as_array().unwrap().iter().zip(answers.as_array().unwrap()).enumerate() {
            compare(case, answer, &format!("seed {seed}, case {i}"));
        }
    }
}

/// The numbers of a `.npy` file of little-endian numbers.
pub(crate) fn npy(path: &std::path::Path) -> Vec<f64> {
    let bytes = std::fs::read(path).unwrap();
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let text = String::from_utf8_lossy(&bytes[10..header]).into_owned();
    let body = &bytes[header..];
    if text.contains("<f4") {
        body.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))).collect()
    } else if text.contains("<f8") {
        body.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
    } else if text.contains("<u2") {
        body.chunks_exact(2).map(|b| f64::from(u16::from_le_bytes(b.try_into().unwrap()))).collect()
    } else if text.contains("<i8") {
        body.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64).collect()
    } else {
        panic!("unknown numbers in {path:?}: {text}")
    }
}

#[test]
fn real_issues_are_as_many_as_cleanlab_finds() {
    let Some(folder) = oracle::data("label_errors") else { return };
    let probs = folder.join("cross_validated_predicted_probabilities/cifar10_test_set_pyx.npy");
    let labels = folder.join("original_test_labels/cifar10_test_set_original_labels.npy");
    let (labels, values) = (npy(&labels), npy(&probs));
    let labels: Vec<u32> = labels.iter().map(|l| *l as u32).collect();
    let header = std::fs::read(&probs).unwrap()[..128].to_vec();
    let told = if String::from_utf8_lossy(&header).contains("<f4") {
        tell(&labels, &values.iter().map(|v| *v as f32).collect::<Vec<_>>(), 10, &IssueOptions::default())
    } else {
        tell(&labels, &values, 10, &IssueOptions::default())
    };
    let counts: Vec<usize> = told.issues.iter().map(Vec::len).collect();
    assert_eq!(counts, [284, 284, 226, 244, 706, 244, 244]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// The joint by its definition, and what each filter may flag.
    #[test]
    fn the_joint_is_that_of_the_naive_model(seed in any::<u64>(), n in 1usize..60, k in 2usize..90) {
        let case = case(&mut Random(seed), n, k);
        let labels: Vec<u32> = numbers(&case["labels"]).iter().map(|l| *l as u32).collect();
        let rows: Vec<Vec<f64>> = case["probs"].as_array().unwrap().iter().map(numbers).collect();
        let told = tell(&labels, &rows.concat(), k, &IssueOptions::default());
        let mean = |class: usize| {
            let own: Vec<f64> = (0..n).filter(|&i| labels[i] as usize == class).map(|i| rows[i][class]).collect();
            if own.is_empty() { 2.0 } else { own.iter().sum::<f64>() / own.len() as f64 }
        };
        let limits: Vec<f64> = (0..k).map(|class| mean(class).max(2e-6)).collect();
        let mut counts = vec![0u64; k * k];
        for i in 0..n {
            let sure: Vec<usize> = (0..k).filter(|&j| rows[i][j] >= limits[j] - 1e-6).collect();
            let best = (0..k).rev().max_by(|&a, &b| rows[i][a].total_cmp(&rows[i][b])).unwrap();
            if let Some(&only) = sure.first() {
                counts[labels[i] as usize * k + if sure.len() > 1 { best } else { only }] += 1;
            }
        }
        (0..k).for_each(|c| counts[c * k + c] = counts[c * k + c].max(1));
        prop_assert_eq!(&told.joint.counts, &counts);
        for (class, row) in told.joint.calibrated.chunks(k).enumerate() {
            let given = labels.iter().filter(|l| **l as usize == class).count() as u64;
            // All rows together are scaled to N, so that a class without samples takes nothing from others.
            prop_assert!(row.iter().sum::<u64>().abs_diff(given) <= 1);
        }
        let [rate, class, both, ..] = &told.issues[..] else { unreachable!() };
        prop_assert!(both.iter().all(|i| rate.contains(i) && class.contains(i)));
        prop_assert!(told.issues[3].iter().all(|i| told.issues[4].contains(i) || k > 2));
        prop_assert!(told.scores.iter().flatten().all(|s| (0.0..=1.0 + 1e-9).contains(s)));
    }
}

/// Minus 0 is 0, in both precisions.
#[test]
fn a_probability_of_minus_0_is_one_of_0() {
    let labels = [0, 1, 2, 2, 1, 0, 1];
    let rows = [
        [0.9, 0.1, 0.0],
        [0.0, 0.3, 0.7],
        [0.0, 0.0, 1.0],
        [0.8, 0.2, 0.0],
        [0.0, 1.0, 0.0],
        [0.0, 0.6, 0.4],
        [0.0, 0.5, 0.5],
    ];
    let plain: Vec<f64> = rows.concat();
    let minus: Vec<f64> = plain.iter().map(|&v| if v == 0.0 { -0.0 } else { v }).collect();
    let single = |values: &[f64]| values.iter().map(|v| *v as f32).collect::<Vec<_>>();
    let options = IssueOptions::default();
    for (a, b) in [
        (tell(&labels, &plain, 3, &options), tell(&labels, &minus, 3, &options)),
        (tell(&labels, &single(&plain), 3, &options), tell(&labels, &single(&minus), 3, &options)),
    ] {
        assert_eq!((a.joint, a.issues), (b.joint, b.issues));
    }
}

#[test]
fn inputs_that_are_no_probabilities_are_refused() {
    let told = Labelled::new(&[0, 3], &[0.5, 0.5, 0.5, 0.5], 2).unwrap_err();
    assert_eq!(told.to_string(), "label 1 is 3, expected below the count of classes");
    let input = Labelled::new(&[0, 1], &[0.5, 0.5, f64::NAN, 0.5], 2).unwrap();
    for filter in Filter::ALL {
        let told = find_issues(&input, filter, &IssueOptions::default()).unwrap_err();
        assert_eq!(told.to_string(), "probability in row 1 is NaN, expected 0 to 1");
    }
    assert!(Labelled::new(&[0], &[1.0f32], 1).is_err());
    assert!(label_scores(&input, LabelScore::SelfConfidence).is_err());
}
