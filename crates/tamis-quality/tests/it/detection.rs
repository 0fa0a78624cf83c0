//! Figures of detections against `pycocotools`, and laws against a naive evaluation.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};
use tamis_core::{Keypoint, Point, Rle};
use tamis_quality::Bootstrap;
use tamis_quality::detection::*;

use crate::oracle::{self, near, numbers};
use crate::random::Random;

/// Objects and shapes out of COCO documents.
#[derive(Default)]
struct Case {
    truths: Vec<Truth>,
    found: Vec<Detection>,
    boxes: (Vec<[f64; 4]>, Vec<[f64; 4]>),
    masks: (Vec<Rle>, Vec<Rle>),
    poses: (Vec<Pose>, Vec<Pose>),
    sigmas: Vec<f64>,
}

fn document(value: &Value) -> Value {
    match value.as_str() {
        Some(path) => serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap(),
        None => value.clone(),
    }
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap()).unwrap()
}

fn four(value: &Value) -> [f64; 4] {
    numbers(value).try_into().unwrap()
}

fn mask(shape: &Value, (width, height): (u32, u32)) -> Rle {
    if let Some(rings) = shape.as_array() {
        let ring = |ring: &Value| numbers(ring).chunks(2).map(|p| Point { x: p[0], y: p[1] }).collect::<Vec<_>>();
        return Rle::from_polygons(width, height, &rings.iter().map(ring).collect::<Vec<_>>()).unwrap();
    }
    let (height, width) = (number(&shape["size"][0]), number(&shape["size"][1]));
    match shape["counts"].as_str() {
        Some(text) => Rle::from_text(width, height, text).unwrap(),
        None => Rle { height, width, counts: shape["counts"].as_array().unwrap().iter().map(number).collect() },
    }
}

fn pose(object: &Value) -> Pose {
    let points = numbers(&object["keypoints"]);
    let point = |p: &[f64]| Keypoint { x: p[0], y: p[1], v: Some(p[2].min(2.0).ceil() as u8) };
    let bounds = object["bbox"].as_array().map_or([0.0; 4], |_| four(&object["bbox"]));
    Pose { points: points.chunks(3).map(point).collect(), bounds }
}

impl Case {
    fn new(case: &Value) -> Case {
        let (gt, dt) = (document(&case["gt"]), document(&case["dt"]));
        let kind = case["kind"].as_str().unwrap();
        let mut out = Case { sigmas: COCO_SIGMAS.to_vec(), ..Case::default() };
        if case["sigmas"].is_array() {
            out.sigmas = numbers(&case["sigmas"]);
        }
        let size = |image: u32| {
            let image = gt["images"].as_array().unwrap().iter().find(|i| number(&i["id"]) == image).unwrap();
            (number(&image["width"]), number(&image["height"]))
        };
        for object in gt["annotations"].as_array().unwrap() {
            let image = number(&object["image_id"]);
            let crowd = object["iscrowd"].as_u64() == Some(1);
            let empty = kind == "keypoints" && object["num_keypoints"] == 0;
            let area = object["area"].as_f64().unwrap();
            out.truths.push(Truth { image, class: number(&object["category_id"]), area, crowd, ignore: empty });
            match kind {
                "bbox" => out.boxes.0.push(four(&object["bbox"])),
                "segm" => out.masks.0.push(mask(&object["segmentation"], size(image))),
                _ => out.poses.0.push(pose(object)),
            }
        }
        for object in dt.as_array().unwrap() {
            let image = number(&object["image_id"]);
            let class = number(&object["category_id"]);
            let score = object["score"].as_f64().unwrap();
            // The reference takes the box's area wherever there is a box.
            let area = object["bbox"].as_array().map(|_| four(&object["bbox"])).map(|b| b[2] * b[3]);
            let area = area.filter(|_| kind != "keypoints" || object["keypoints"].is_null());
            out.found.push(Detection { image, class, score, area });
            match kind {
                "bbox" => out.boxes.1.push(four(&object["bbox"])),
                "segm" => out.masks.1.push(mask(&object["segmentation"], size(image))),
                _ => out.poses.1.push(pose(object)),
            }
        }
        if kind == "keypoints" && dt[0]["bbox"].is_array() {
            out.found.iter_mut().zip(dt.as_array().unwrap()).for_each(|(found, object)| {
                let b = four(&object["bbox"]);
                found.area = Some(b[2] * b[3]);
            });
        }
        out
    }

    fn shapes(&self, kind: &str) -> Shapes<'_> {
        match kind {
            "bbox" => Shapes::Boxes { truth: &self.boxes.0, found: &self.boxes.1 },
            "segm" => Shapes::Masks { truth: &self.masks.0, found: &self.masks.1 },
            _ => Shapes::Poses { truth: &self.poses.0, found: &self.poses.1, sigmas: &self.sigmas },
        }
    }

    fn evaluate(&self, kind: &str) -> Evaluation {
        let options = if kind == "keypoints" { DetectionOptions::poses() } else { DetectionOptions::boxes() };
        Evaluation::new(&self.truths, &self.found, self.shapes(kind), options).unwrap()
    }
}

fn compare_with_reference(case: &Value, answer: &Value, name: &str) {
    let kind = case["kind"].as_str().unwrap();
    let report = Case::new(case).evaluate(kind).report();
    let known = |value: Option<f64>| value.unwrap_or(-1.0);
    for (figure, wanted) in report.summary().iter().zip(numbers(&answer["summary"])) {
        near(known(figure.value), wanted, 1e-9, &format!("{name}: {}", figure.name));
    }
    let options = report.options();
    let (areas, counts) = (&options.areas, &options.max_detections);
    let recalls = options.recalls.len();
    for (k, class) in answer["classes"].as_array().unwrap().iter().enumerate() {
        let class = number(class);
        for (a, area) in areas.iter().enumerate() {
            for (m, &most) in counts.iter().enumerate() {
                let what = format!("{name}: class {class}, {}, {most}", area.name);
                let ap = known(report.precision(None, Some(class), &area.name, most));
                near(ap, answer["ap"][k][a][m].as_f64().unwrap(), 1e-9, &format!("AP {what}"));
                let ar = known(report.recall(None, Some(class), &area.name, most));
                near(ar, answer["ar"][k][a][m].as_f64().unwrap(), 1e-9, &format!("AR {what}"));
                if !answer["precision"].is_array() {
                    continue;
                }
                let all = answer["classes"].as_array().unwrap().len();
                for (t, &overlap) in options.overlaps.iter().enumerate() {
                    let curve = report.curve(overlap, class, &area.name, most);
                    for r in 0..recalls {
                        let at = (((t * recalls + r) * all + k) * areas.len() + a) * counts.len() + m;
                        let (precision, score) = curve.as_ref().map_or((-1.0, -1.0), |c| (c[r].1, c[r].2));
                        near(precision, answer["precision"][at].as_f64().unwrap(), 1e-9, &what);
                        near(score, answer["scores"][at].as_f64().unwrap(), 1e-9, &what);
                    }
                }
            }
        }
    }
}

/// COCO documents with crowds, areas in all ranges, equal scores and overlaps, and more detections than count.
fn case(random: &mut Random, kind: &str, full: bool) -> Value {
    let side = 160;
    let images: Vec<Value> = (1..=4).map(|id| json!({"id": id, "width": side, "height": side})).collect();
    let classes: Vec<Value> = (1..=3).map(|id| json!({"id": id, "name": id.to_string()})).collect();
    let object = |random: &mut Random, id: usize, is_found: bool, near: Option<&Value>| {
        let size = [6, 40, 150][random.below(3)];
        let mut b: [f64; 4] = std::array::from_fn(|i| (random.below(size) + i / 2 * 3) as f64);
        if random.chance(0.3) {
            b = b.map(|v| v + random.part());
        }
        let (mut image, mut class) = (random.below(4) + 1, random.below(3) + 1);
        if let Some(near) = near.filter(|_| random.chance(0.7)) {
            b = four(&near["bbox"]).map(|v| v + [0.0, 0.0, 1.0, 2.5][random.below(4)]);
            (image, class) = (number(&near["image_id"]) as usize, number(&near["category_id"]) as usize);
        }
        let mut made = json!({"id": id, "image_id": image, "category_id": class, "bbox": b});
        if kind == "segm" {
            let mut pixels = vec![0u8; side * side];
            let at = |v: f64| (v as usize).min(side);
            for y in at(b[1])..at(b[1] + b[3]) {
                (at(b[0])..at(b[0] + b[2])).filter(|x| (x + y) % 7 > 0).for_each(|x| pixels[y * side + x] = 1);
            }
            let rle = Rle::from_mask(side as u32, side as u32, &pixels).unwrap();
            made["segmentation"] = json!({"size": [side, side], "counts": rle.counts});
            if is_found {
                made.as_object_mut().unwrap().remove("bbox");
            }
        }
        if kind == "keypoints" {
            let visible = if is_found { 1.0 } else { [0.0, 0.3, 0.9][random.below(3)] };
            let points: Vec<f64> = (0..5)
                .flat_map(|i| {
                    let v = if random.chance(visible) { 2.0 } else { 0.0 };
                    let wide = [b[2], b[3]].map(|s| s * i as f64 / 5.0 + [0.0, 1.0, 4.0][random.below(3)]);
                    [b[0] + wide[0], b[1] + wide[1], v]
                })
                .collect();
            made["num_keypoints"] = points.chunks(3).filter(|p| p[2] > 0.0).count().into();
            made["keypoints"] = points.into();
            if is_found {
                made.as_object_mut().unwrap().remove("bbox");
            }
        }
        if is_found {
            made["score"] = (random.below(12) as f64 / 11.0).into();
        } else {
            made["iscrowd"] = u8::from(random.chance(0.12)).into();
            made["area"] = (b[2] * b[3] * if random.chance(0.5) { 1.0 } else { 0.6 }).into();
        }
        made
    };
    let count = random.below(30);
    let truths: Vec<Value> = (0..count).map(|i| object(random, i + 1, false, None)).collect();
    let most = if random.chance(0.2) { 700 } else { 60 };
    let found = 1 + random.below(most);
    let dt: Vec<Value> = (0..found)
        .map(|i| {
            let near = (!truths.is_empty()).then(|| truths[random.below(truths.len())].clone());
            object(random, i + 1, true, near.as_ref())
        })
        .collect();
    let gt = json!({"images": images, "categories": classes, "annotations": truths});
    json!({"kind": kind, "gt": gt, "dt": dt, "full": full, "sigmas": [0.026, 0.035, 0.079, 0.107, 0.089]})
}

const KINDS: [&str; 3] = ["bbox", "segm", "keypoints"];

fn cases(seed: u64, count: usize, full: bool) -> Value {
    let mut random = Random(seed);
    (0..count).map(|i| case(&mut random, KINDS[i % 3], full)).collect::<Vec<_>>().into()
}

#[test]
fn figures_are_those_of_pycocotools() {
    let cases = cases(0, 24, false);
    let answers = oracle::golden("coco", "coco", &cases);
    for (i, (case, answer)) in cases.as_array().unwrap().iter().zip(answers.as_array().unwrap()).enumerate() {
        compare_with_reference(case, answer, &format!("case {i}"));
    }
}

#[test]
fn whole_curves_are_those_of_pycocotools_live() {
    let cases = cases(77, 24, true);
    let Some(answers) = oracle::live("coco", &cases) else { return };
    for (i, (case, answer)) in cases.as_array().unwrap().iter().zip(answers.as_array().unwrap()).enumerate() {
        compare_with_reference(case, answer, &format!("case {i}"));
    }
}

#[test]
fn real_results_are_those_of_pycocotools() {
    let Some(folder) = oracle::data("coco_eval_fixtures") else { return };
    let path = |name: &str| Path::new(&folder).join(name).canonicalize().unwrap().to_str().unwrap().to_owned();
    let pair = |kind: &str, gt: &str, dt: &str| json!({"kind": kind, "gt": path(gt), "dt": path(dt)});
    let coco = "dataset/cocoapi/instances_val2014_100.json";
    let mut people = pair("keypoints", "dataset/example_crowdpose_val.json", "dataset/example_crowdpose_preds.json");
    people["sigmas"] =
        json!([0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089, 0.079, 0.079]);
    // Some of its objects have no area; the reference fails on those, so they get that of half their box.
    let mut gt = document(&people["gt"]);
    for object in gt["annotations"].as_array_mut().unwrap() {
        let b = four(&object["bbox"]);
        object["area"] = (b[2] * b[3] * 0.53).into();
    }
    people["gt"] = gt;
    let cases = json!([
        pair("bbox", coco, "dataset/cocoapi/instances_val2014_fakebbox100_results.json"),
        pair("segm", coco, "dataset/cocoapi/instances_val2014_fakesegm100_results.json"),
        pair("bbox", "dataset/gt_dataset.json", "dataset/dt_dataset.json"),
        pair("segm", "dataset/gt_dataset.json", "dataset/dt_dataset.json"),
        pair("keypoints", "keypoints_dataset/gt_dataset.json", "keypoints_dataset/dt_dataset.json"),
        people
    ]);
    let answers = oracle::golden("coco", "coco_fixtures", &cases);
    for (i, (case, answer)) in cases.as_array().unwrap().iter().zip(answers.as_array().unwrap()).enumerate() {
        compare_with_reference(case, answer, &format!("fixture {i}"));
    }
}

/// AP of one class at one overlap the slow way: for every recall, the best precision of any cut that reaches it.
fn naive_ap(truths: &[Truth], boxes: &[[f64; 4]], found: &[Detection], seen: &[[f64; 4]], overlap: f64) -> Option<f64> {
    let mut order: Vec<usize> = (0..found.len()).collect();
    order.sort_by(|&a, &b| {
        found[b].score.total_cmp(&found[a].score).then(found[a].image.cmp(&found[b].image)).then(a.cmp(&b))
    });
    let iou = |a: &[f64; 4], b: &[f64; 4]| {
        let w = ((a[0] + a[2]).min(b[0] + b[2]) - a[0].max(b[0])).max(0.0);
        let h = ((a[1] + a[3]).min(b[1] + b[3]) - a[1].max(b[1])).max(0.0);
        let either = a[2] * a[3] + b[2] * b[3] - w * h;
        if either > 0.0 { w * h / either } else { 0.0 }
    };
    let mut taken = vec![false; truths.len()];
    let (mut tp, mut cuts) = (0usize, Vec::new());
    for (n, &d) in order.iter().enumerate() {
        let mut best = None::<(f64, usize)>;
        for (t, truth) in truths.iter().enumerate() {
            let value = iou(&seen[d], &boxes[t]);
            let fits = truth.image == found[d].image && !taken[t] && value >= overlap;
            if fits && best.is_none_or(|(other, _)| value >= other) {
                best = Some((value, t));
            }
        }
        if let Some((_, t)) = best {
            taken[t] = true;
            tp += 1;
        }
        cuts.push((tp as f64 / truths.len() as f64, tp as f64 / (n + 1) as f64));
    }
    let at = |recall: f64| cuts.iter().filter(|c| c.0 >= recall).map(|c| c.1).fold(0.0, f64::max);
    (!truths.is_empty()).then(|| (0..=100).map(|r| at(f64::from(r) * 0.01)).sum::<f64>() / 101.0)
}

fn objects(most: usize) -> impl Strategy<Value = Vec<(u32, [f64; 4], u8)>> {
    let one = (0u32..3, (0..20i32, 0..20i32, 1..12i32, 1..12i32), 0u8..8);
    let one = one.prop_map(|(image, (x, y, w, h), score)| (image, [x, y, w, h].map(f64::from), score));
    proptest::collection::vec(one, 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn precision_is_that_of_the_naive_model(given in objects(12), seen in objects(20), slice in 0u32..4) {
        let truths: Vec<Truth> = given.iter().map(|(image, b, _)| Truth { image: *image, class: 5, area: b[2] * b[3], ..Truth::default() }).collect();
        let found: Vec<Detection> = seen.iter().map(|(image, _, score)| Detection { image: *image, class: 5, score: f64::from(*score), area: None }).collect();
        let boxes = (given.iter().map(|g| g.1).collect::<Vec<_>>(), seen.iter().map(|s| s.1).collect::<Vec<_>>());
        let shapes = Shapes::Boxes { truth: &boxes.0, found: &boxes.1 };
        let evaluation = Evaluation::new(&truths, &found, shapes, DetectionOptions::boxes()).unwrap();
        let report = evaluation.report();
        for overlap in [0.5, 0.75] {
            let ours = report.precision(Some(overlap), Some(5), "all", 100);
            let naive = naive_ap(&truths, &boxes.0, &found, &boxes.1, overlap);
            prop_assert_eq!(ours.is_some(), naive.is_some());
            prop_assert!((ours.unwrap_or(0.0) - naive.unwrap_or(0.0)).abs() < 1e-9, "{:?} {:?}", ours, naive);
        }
        // A slice is the same as evaluating its images alone.
        let pick = |image: u32| image != slice;
        let kept = |images: Vec<u32>| images.into_iter().enumerate().filter(|(_, i)| pick(*i)).map(|(at, _)| at).collect::<Vec<_>>();
        let (t, f) = (kept(truths.iter().map(|t| t.image).collect()), kept(found.iter().map(|f| f.image).collect()));
        let part = (t.iter().map(|&i| truths[i]).collect::<Vec<_>>(), f.iter().map(|&i| found[i]).collect::<Vec<_>>());
        let part_boxes = (t.iter().map(|&i| boxes.0[i]).collect::<Vec<_>>(), f.iter().map(|&i| boxes.1[i]).collect::<Vec<_>>());
        let shapes = Shapes::Boxes { truth: &part_boxes.0, found: &part_boxes.1 };
        let alone = Evaluation::new(&part.0, &part.1, shapes, DetectionOptions::boxes()).unwrap().report();
        for (a, b) in evaluation.report_of(pick).summary().iter().zip(alone.summary()) {
            prop_assert_eq!(a, &b);
        }
        // Outcomes add up, and say the same as recall does.
        let told = outcomes(&truths, &found, Shapes::Boxes { truth: &boxes.0, found: &boxes.1 }, 0.5, 100).unwrap();
        let [tp, fp, missed] = told.counts();
        prop_assert_eq!(tp + fp, found.len());
        prop_assert_eq!(tp + missed, truths.len());
        if let Some(recall) = report.recall(Some(0.5), Some(5), "all", 100) {
            prop_assert!((recall - tp as f64 / truths.len() as f64).abs() < 1e-12);
        }
        for (i, outcome) in told.detections.iter().enumerate() {
            if let FoundOutcome::True { truth, .. } = outcome {
                prop_assert_eq!(told.truths[*truth], TruthOutcome::Found { detection: i });
            }
        }
    }
}

#[test]
fn the_interval_of_equal_models_is_nothing_and_that_of_a_better_one_above_it() {
    let mut random = Random(5);
    let case = Case::new(&case(&mut random, "bbox", false));
    let same = case.evaluate("bbox");
    let told = compare(&same, &same, |_| true, &Bootstrap::default()).unwrap();
    assert_eq!((told.difference, told.low, told.high, told.better), (0.0, 0.0, 0.0, 0.5));
    // A model that sees everything against one that sees every third image.
    let truths: Vec<Truth> = (0..60).map(|image| Truth { image, class: 0, area: 100.0, ..Truth::default() }).collect();
    let boxes = vec![[0.0, 0.0, 10.0, 10.0]; 60];
    let model = |step: usize| {
        let found: Vec<Detection> =
            (0..60).step_by(step).map(|image| Detection { image, class: 0, score: 0.5, area: None }).collect();
        let shapes = Shapes::Boxes { truth: &boxes, found: &boxes[..found.len()] };
        Evaluation::new(&truths, &found, shapes, DetectionOptions::boxes()).unwrap()
    };
    let mut options = Bootstrap::default();
    options.rounds = 300;
    let told = compare(&model(3), &model(1), |_| true, &options).unwrap();
    assert!(told.low > 0.4 && told.high < 0.9 && told.better == 1.0, "{told:?}");
    assert!(told.low < told.difference && told.difference < told.high);
    assert_eq!(compare(&model(3), &model(1), |_| true, &options).unwrap(), told);
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let truth = [Truth::default()];
    let shapes = Shapes::Boxes { truth: &[], found: &[] };
    let told = Evaluation::new(&truth, &[], shapes, DetectionOptions::boxes()).unwrap_err();
    assert_eq!(told.to_string(), "cannot compare shapes of truths: expected 1, found 0");
    let found = [Detection { score: f64::NAN, ..Detection::default() }];
    let shapes = Shapes::Boxes { truth: &[], found: &[[0.0; 4]] };
    let told = Evaluation::new(&[], &found, shapes, DetectionOptions::boxes()).unwrap_err();
    assert_eq!(told.to_string(), "score of detection 0 is not a finite number");
    let mut options = DetectionOptions::boxes();
    options.overlaps.reverse();
    let shapes = Shapes::Boxes { truth: &[], found: &[] };
    assert!(Evaluation::new(&[], &[], shapes, options).is_err());
}
