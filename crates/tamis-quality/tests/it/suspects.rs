//! Wrong boxes, masks and texts, and consensus with a model, against `cleanlab`.

use proptest::prelude::*;
use serde_json::{Value, json};
use tamis_core::Box2d;
use tamis_quality::annotators::{Answer, Answers, Crowdlab};
use tamis_quality::confident::*;
use tamis_quality::detection::{FoundBox, GivenBox, suspects};

use crate::oracle::{self, near, numbers};
use crate::random::Random;

fn boxes(random: &mut Random, images: usize, classes: usize) -> Value {
    let (mut given, mut found) = (Vec::new(), Vec::new());
    for image in 0..images {
        let mut found_here = Vec::new();
        for object in 0..3 + random.below(3) {
            let class = random.below(classes);
            let (x, y) = (40.0 * object as f64 + random.between(0.0, 20.0), random.between(0.0, 90.0));
            let (w, h) = (random.between(10.0, 30.0), random.between(10.0, 30.0));
            let wrong = if random.chance(0.2) { random.below(classes) } else { class };
            if object == 0 || random.chance(0.8) {
                let shift = if random.chance(0.2) { random.between(4.0, 18.0) } else { 0.0 };
                given.push(json!([image, wrong, x + shift, y, x + w + shift, y + h]));
                if random.chance(0.1) {
                    given.push(json!([image, (wrong + 1) % classes, x + shift, y, x + w + shift, y + h]));
                }
            }
            if object == 0 || random.chance(0.9) {
                let noise = random.between(-1.0, 1.0);
                let score = if random.chance(0.6) { random.between(0.95, 1.0) } else { random.between(0.2, 0.95) };
                found_here.push((class, json!([image, class, score, x + noise, y, x + w, y + h + noise])));
            }
        }
        // The reference takes found boxes class by class.
        found_here.sort_by_key(|(class, _)| *class);
        found.extend(found_here.into_iter().map(|(_, row)| row));
    }
    json!({"given": given, "found": found, "classes": classes, "images": images})
}

fn rows(random: &mut Random, labels: &[usize], classes: usize) -> Vec<f64> {
    let mut probs = Vec::new();
    for &label in labels {
        let mut row: Vec<f64> = (0..classes).map(|_| random.between(0.01, 1.0)).collect();
        row[label] += random.between(0.0, 2.0);
        let sum: f64 = row.iter().sum();
        probs.extend(row.iter().map(|v| v / sum));
    }
    probs
}

fn cases(seed: u64) -> Value {
    let mut random = Random(seed);
    let boxes = [(5, 3), (8, 2)].map(|(images, classes)| boxes(&mut random, images, classes)).to_vec();
    let mut masks = Vec::new();
    for (width, height, classes) in [(7, 5, 3), (20, 16, 2)] {
        let labels: Vec<usize> = (0..width * height).map(|_| random.below(classes)).collect();
        let probs = rows(&mut random, &labels, classes);
        let planes: Vec<f64> =
            (0..classes).flat_map(|class| probs.iter().skip(class).step_by(classes).copied()).collect();
        masks.push(json!({"labels": labels, "planes": planes, "classes": classes, "width": width, "height": height}));
    }
    let labels: Vec<usize> = (0..30).map(|_| random.below(4)).collect();
    let texts =
        vec![json!({"labels": labels, "probs": rows(&mut random, &labels, 4), "classes": 4, "ends": [4, 5, 17, 30]})];
    let mut crowds = Vec::new();
    for (tasks, workers, classes) in [(40, 6, 3), (80, 11, 4)] {
        let right: Vec<usize> = (0..tasks).map(|_| random.below(classes)).collect();
        let skill: Vec<f64> = (0..workers).map(|_| random.between(0.4, 0.95)).collect();
        let mut answers = Vec::new();
        for (task, right) in right.iter().enumerate() {
            let first = random.below(workers);
            for i in 0..1 + random.below(4) {
                let worker = (first + i) % workers;
                let label = if random.chance(skill[worker]) { *right } else { random.below(classes) };
                answers.push(json!([task, worker, label]));
            }
        }
        crowds.push(json!({"answers": answers, "probs": rows(&mut random, &right, classes), "tasks": tasks, "workers": workers, "classes": classes}));
    }
    json!({"boxes": boxes, "masks": masks, "texts": texts, "crowds": crowds})
}

fn read(case: &Value) -> (Vec<GivenBox>, Vec<FoundBox>) {
    let all = |name: &str| case[name].as_array().unwrap().iter().map(numbers).collect::<Vec<_>>();
    let given = all("given").into_iter().map(|r| GivenBox {
        image: r[0] as u32,
        class: r[1] as u32,
        bounds: Box2d::new(r[2], r[3], r[4], r[5]),
    });
    let found = all("found").into_iter().map(|r| FoundBox {
        image: r[0] as u32,
        class: r[1] as u32,
        score: r[2],
        bounds: Box2d::new(r[3], r[4], r[5], r[6]),
    });
    (given.collect(), found.collect())
}

fn all_near(ours: &[f64], theirs: &Value, what: &str) {
    let theirs = numbers(theirs);
    assert_eq!(ours.len(), theirs.len(), "{what}");
    ours.iter().zip(theirs).for_each(|(ours, theirs)| near(*ours, theirs, 1e-9, what));
}

fn compare_boxes(case: &Value, answer: &Value) {
    let (given, found) = read(case);
    let told = suspects(&given, &found, case["classes"].as_u64().unwrap() as usize).unwrap();
    let overlooked: Vec<f64> = told.overlooked.iter().map(|s| s.unwrap_or(f64::NAN)).collect();
    all_near(&overlooked, &answer["overlooked"], "overlooked");
    all_near(&told.located, &answer["located"], "located");
    all_near(&told.classed, &answer["classed"], "classed");
    all_near(&told.scores, &answer["scores"], "score of image");
    let mut issues = vec![false; told.images.len()];
    let images =
        given.iter().map(|b| b.image).zip(told.is_badly_located.iter().zip(&told.is_swapped).map(|(a, b)| a | b));
    let more = found.iter().map(|b| b.image).zip(told.is_overlooked.iter().copied());
    images.chain(more).for_each(|(image, is_bad)| issues[image as usize] |= is_bad);
    assert_eq!(json!(issues), answer["issues"]);
}

fn whole(value: &Value) -> Vec<u32> {
    numbers(value).iter().map(|v| *v as u32).collect()
}

fn compare(cases: &Value, answers: &Value) {
    let pairs = |name: &str| cases[name].as_array().unwrap().iter().zip(answers[name].as_array().unwrap());
    pairs("boxes").for_each(|(case, answer)| compare_boxes(case, answer));
    for (case, answer) in pairs("masks") {
        let (labels, planes) = (whole(&case["labels"]), numbers(&case["planes"]));
        let (score, pixels) = mask_scores(&labels, &planes, case["classes"].as_u64().unwrap() as usize, None).unwrap();
        near(score.unwrap(), answer["score"].as_f64().unwrap(), 1e-9, "mask");
        all_near(&pixels.into_iter().flatten().collect::<Vec<_>>(), &answer["pixels"], "pixel");
    }
    for (case, answer) in pairs("texts") {
        let (labels, probs) = (whole(&case["labels"]), numbers(&case["probs"]));
        let ends: Vec<usize> = numbers(&case["ends"]).iter().map(|v| *v as usize).collect();
        let (texts, _) = text_scores(&Labelled::new(&labels, &probs, 4).unwrap(), &ends).unwrap();
        all_near(&texts.into_iter().flatten().collect::<Vec<_>>(), answer, "text");
    }
    for (case, answer) in pairs("crowds") {
        let rows = case["answers"].as_array().unwrap().iter().map(numbers);
        let given: Vec<Answer> =
            rows.map(|r| Answer { task: r[0] as u32, worker: r[1] as u32, label: r[2] as u32 }).collect();
        let count = |name: &str| case[name].as_u64().unwrap() as usize;
        let input = Answers::new(&given, count("tasks"), count("workers"), count("classes")).unwrap();
        let told = Crowdlab::new(&input, &numbers(&case["probs"])).unwrap();
        assert_eq!(told.labels, whole(&answer["labels"]));
        near(told.model_weight, answer["model"].as_f64().unwrap(), 1e-9, "weight of the model");
        all_near(&told.worker_weights, &answer["weights"], "weight of a person");
        all_near(&told.scores, &answer["scores"], "score of the consensus");
        all_near(&told.agreement, &answer["agreement"], "agreement");
        all_near(&told.answers, &answer["answers"], "score of an answer");
        all_near(&told.workers, &answer["workers"], "quality of a person");
    }
}

#[test]
fn suspects_are_those_of_the_reference() {
    let cases = cases(0);
    compare(&cases, &oracle::golden("suspects", "suspects", &cases));
}

#[test]
fn suspects_are_those_of_the_reference_live() {
    let cases = cases(23);
    let Some(answers) = oracle::live("suspects", &cases) else { return };
    compare(&cases, &answers);
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let given = GivenBox { class: 2, ..GivenBox::default() };
    assert_eq!(
        suspects(&[given], &[], 2).unwrap_err().to_string(),
        "given box 0 is 2, expected below the count of classes"
    );
    assert!(suspects(&[], &[FoundBox { score: 1.5, ..FoundBox::default() }], 1).is_err());
    assert!(suspects(&[GivenBox { bounds: Box2d::new(0.0, f64::NAN, 1.0, 1.0), ..given }], &[], 3).is_err());
    assert!(pool_scores(&[0.5, 0.2], &[2, 1], Pool::Min).is_err());
    assert!(pool_scores(&[0.5, 0.2], &[3], Pool::Min).is_err());
    assert_eq!(pool_scores(&[0.5, 0.2], &[0, 2], Pool::Min), Ok(vec![None, Some(0.2)]));
    assert!(mask_scores(&[0, 5], &[0.5f32; 4], 2, None).is_err());
    assert_eq!(mask_scores(&[0, 255], &[0.5f32; 4], 2, Some(255)).unwrap(), (Some(0.5), vec![Some(0.5), None]));
    let alone = [Answer { task: 0, worker: 0, label: 0 }];
    assert!(Crowdlab::new(&Answers::new(&alone, 1, 1, 2).unwrap(), &[0.5, 0.5]).is_err());
    let twice = [alone[0], Answer { label: 1, ..alone[0] }];
    assert!(Crowdlab::new(&Answers::new(&twice, 1, 1, 2).unwrap(), &[0.5, 0.5]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Given boxes that a sure model confirms are good; the order of the boxes does not matter.
    #[test]
    fn confirmed_boxes_are_good(seed in any::<u64>(), images in 1usize..6) {
        let mut random = Random(seed);
        let case = boxes(&mut random, images, 3);
        let (mut given, mut found) = read(&case);
        let told = suspects(&given, &found, 3).unwrap();
        for score in told.located.iter().chain(&told.classed).chain(&told.scores).chain(told.overlooked.iter().flatten()) {
            prop_assert!((0.0..=1.0 + 1e-12).contains(score));
        }
        given.reverse();
        found.reverse();
        let mut back = suspects(&given, &found, 3).unwrap();
        back.located.reverse();
        back.classed.reverse();
        prop_assert_eq!(&back.located, &told.located);
        prop_assert_eq!(&back.classed, &told.classed);
        let sure: Vec<FoundBox> = given.iter().map(|b| FoundBox { image: b.image, class: b.class, score: 0.99, bounds: b.bounds }).collect();
        let single: Vec<GivenBox> = given.iter().filter(|a| given.iter().filter(|b| a.image == b.image && a.bounds.iou(&b.bounds) > 0.0).count() == 1).copied().collect();
        let confirmed = suspects(&single, &sure, 3).unwrap();
        prop_assert!(confirmed.located.iter().all(|s| (s - 1.0).abs() < 1e-9));
        prop_assert!(confirmed.overlooked.iter().zip(&sure).all(|(s, b)| s.is_none() || single.iter().all(|g| g.image != b.image || g.bounds.iou(&b.bounds) == 0.0)));
    }

    #[test]
    fn soft_minima_lie_between_minimum_and_mean(scores in proptest::collection::vec(0.0f64..1.0, 1..30), heat in 0.01f64..5.0) {
        let soft = softmin(&scores, heat).unwrap();
        let least = scores.iter().copied().fold(1.0, f64::min);
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        prop_assert!(least - 1e-12 <= soft && soft <= mean + 1e-12);
    }
}
