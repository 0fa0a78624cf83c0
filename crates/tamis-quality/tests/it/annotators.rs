//! Agreement and consensus against `crowd-kit`, `krippendorff` and `scikit-learn`.

use proptest::prelude::*;
use serde_json::{Value, json};
use tamis_quality::annotators::*;

use crate::oracle::{self, near, numbers};
use crate::random::Random;

fn case(random: &mut Random, tasks: usize, workers: usize, k: usize) -> Value {
    let skill: Vec<f64> = (0..workers).map(|_| random.between(0.3, 0.95)).collect();
    let mut answers = Vec::new();
    for task in 0..tasks {
        let right = random.below(k);
        let first = random.below(workers);
        for i in 0..2 + random.below(4) {
            let worker = (first + i) % workers;
            let label = if random.chance(skill[worker]) { right } else { random.below(k) };
            answers.push(json!([task, worker, label]));
        }
    }
    json!({"answers": answers, "tasks": tasks, "workers": workers, "classes": k})
}

fn cases(seed: u64) -> Value {
    let mut random = Random(seed);
    [(40, 7, 2), (60, 9, 4), (120, 12, 3)].map(|(t, w, k)| case(&mut random, t, w, k)).to_vec().into()
}

fn read(case: &Value) -> Vec<Answer> {
    let row = |row: &Value| numbers(row).iter().map(|v| *v as u32).collect::<Vec<_>>();
    let rows = case["answers"].as_array().unwrap().iter().map(row);
    rows.map(|r| Answer { task: r[0], worker: r[1], label: r[2] }).collect()
}

fn compare(case: &Value, answer: &Value) {
    let answers = read(case);
    let count = |name: &str| case[name].as_u64().unwrap() as usize;
    let input = Answers::new(&answers, count("tasks"), count("workers"), count("classes")).unwrap();
    let told = DawidSkene::new(&input, &DawidSkeneOptions::default()).unwrap();
    assert_eq!(json!(told.rounds), answer["rounds"]);
    for (ours, theirs) in told.posterior.iter().zip(numbers(&answer["posterior"])) {
        near(*ours, theirs.max(0.0), 1e-6, "posterior");
    }
    let values: Vec<f64> = (1..=count("classes")).map(|v| v as f64).collect();
    for (name, metric) in [
        ("nominal", Metric::Nominal),
        ("ordinal", Metric::Ordinal),
        ("interval", Metric::Interval),
        ("ratio", Metric::Ratio),
    ] {
        let ours = krippendorff_alpha(&input, metric, &values).unwrap().unwrap();
        near(ours, answer["alpha"][name].as_f64().unwrap(), 1e-9, name);
    }
    let labels: Vec<u32> = answers.iter().map(|a| a.label).collect();
    let half = labels.len() / 2;
    let ours = cohen_kappa(&labels[..half], &labels[half..2 * half], count("classes")).unwrap().unwrap();
    near(ours, answer["cohen"].as_f64().unwrap(), 1e-9, "Cohen's kappa");
}

#[test]
fn consensus_is_that_of_the_references() {
    let cases = cases(0);
    let answers = oracle::golden("annotators", "annotators", &cases);
    cases.as_array().unwrap().iter().zip(answers.as_array().unwrap()).for_each(|(case, answer)| compare(case, answer));
}

#[test]
fn consensus_is_that_of_the_references_live() {
    let cases = cases(99);
    let Some(answers) = oracle::live("annotators", &cases) else { return };
    cases.as_array().unwrap().iter().zip(answers.as_array().unwrap()).for_each(|(case, answer)| compare(case, answer));
}

/// The example of Fleiss's method that textbooks give: 14 people, 10 subjects, 5 classes.
#[test]
fn fleiss_kappa_is_that_of_the_textbook() {
    let table = [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ];
    let mut answers = Vec::new();
    for (task, row) in (0..).zip(table) {
        let labels = (0..).zip(row).flat_map(|(label, count)| std::iter::repeat_n(label, count));
        answers.extend(labels.zip(0..).map(|(label, worker)| Answer { task, worker, label }));
    }
    let input = Answers::new(&answers, 10, 14, 5).unwrap();
    near(fleiss_kappa(&input).unwrap().unwrap(), 0.210, 5e-4, "kappa");
    assert!(fleiss_kappa(&Answers::new(&answers[1..], 10, 14, 5).unwrap()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn consensus_keeps_its_laws(seed in any::<u64>(), tasks in 1usize..30, workers in 6usize..9, k in 2usize..5) {
        let answers = read(&case(&mut Random(seed), tasks, workers, k));
        let input = Answers::new(&answers, tasks + 1, workers, k).unwrap();
        let told = DawidSkene::new(&input, &DawidSkeneOptions::default()).unwrap();
        for row in told.posterior.chunks(k) {
            prop_assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
        prop_assert_eq!(&told.posterior[tasks * k..], &told.priors[..]);
        // What a worker says adds up, and who says nothing has no errors.
        for worker in 0..workers as u32 {
            for right in 0..k as u32 {
                let all: Vec<f64> = (0..k as u32).filter_map(|said| told.error(worker, said, right)).collect();
                prop_assert!(all.is_empty() || (all.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            }
        }
        // The order of the answers does not matter.
        let back: Vec<Answer> = answers.iter().rev().copied().collect();
        let again = DawidSkene::new(&Answers::new(&back, tasks + 1, workers, k).unwrap(), &DawidSkeneOptions::default());
        prop_assert_eq!(again.unwrap(), told);
        // The majority by counting.
        for (task, majority) in input.majority().iter().enumerate() {
            let votes = |label: u32| answers.iter().filter(|a| a.task as usize == task && a.label == label).count();
            let most = (0..k as u32).map(votes).max().unwrap();
            prop_assert_eq!(majority.map(votes), (most > 0).then_some(most));
        }
    }
}

#[test]
fn answers_that_do_not_fit_are_refused() {
    let answers = [Answer { task: 0, worker: 0, label: 2 }];
    let told = Answers::new(&answers, 1, 1, 2).unwrap_err();
    assert_eq!(told.to_string(), "label of answer 0 is 2, expected below their count");
    assert!(Answers::new(&[], 1, 1, 2).is_err());
    assert!(cohen_kappa(&[0], &[0, 1], 2).is_err());
    assert_eq!(cohen_kappa(&[1, 1], &[1, 1], 2), Ok(None));
}
