//! Images and outliers against `cleanvision` and `cleanlab`.

use proptest::prelude::*;
use serde_json::{Value, json};
use tamis_quality::Vectors;
use tamis_quality::images::*;
use tamis_quality::outliers::*;

use crate::oracle::{self, near, numbers};
use crate::random::Random;

/// A picture of some waves and noise. Pictures are not much higher than wide: there Pillow, since version 13, goes down
/// first at times, and rounds otherwise.
fn picture(random: &mut Random, width: usize, height: usize, channels: usize) -> Value {
    let (low, high) = (random.between(0.0, 255.0), random.between(0.0, 255.0));
    let (noise, wave) = (random.between(0.0, 40.0) * random.below(2) as f64, random.between(0.01, 0.5));
    let mut pixels = Vec::with_capacity(width * height * channels);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..channels {
                let part = 0.5 + 0.5 * ((x as f64 * wave).sin() * (y as f64 * wave * 0.7 + channel as f64).cos());
                let value = low + (high - low) * part + noise * (random.part() - 0.5);
                pixels.push(value.clamp(0.0, 255.0) as u8);
            }
        }
    }
    json!({"pixels": pixels, "width": width, "height": height, "channels": channels})
}

fn cases(seed: u64) -> Value {
    let mut random = Random(seed);
    let mut images: Vec<Value> =
        [(40, 30, 3), (100, 70, 3), (64, 64, 1), (130, 20, 3), (90, 20, 1), (3, 2, 3), (70, 1, 3), (90, 89, 3)]
            .map(|(w, h, c)| picture(&mut random, w, h, c))
            .to_vec();
    let flat = |value: u8| json!({"pixels": vec![value; 50 * 50 * 3], "width": 50, "height": 50, "channels": 3});
    images.extend([flat(3), flat(254), flat(128)]);
    let mut vectors = Vec::new();
    for (n, dims, k) in [(30, 2, 5), (40, 8, 10), (120, 20, 10), (6, 5, 3)] {
        let mut rows: Vec<Vec<f64>> = Vec::new();
        for _ in 0..n {
            let old = if rows.is_empty() { vec![0.0; dims] } else { rows[random.below(rows.len())].clone() };
            let new: Vec<f64> = (0..dims).map(|_| f64::from(random.between(-1.0, 1.0) as f32)).collect();
            let near: Vec<f64> = old.iter().zip(&new).map(|(a, b)| f64::from((a + 0.1 * b) as f32)).collect();
            rows.push(if random.chance(0.1) {
                old
            } else if random.chance(0.5) {
                near
            } else {
                new
            });
        }
        vectors.push(json!({"rows": rows, "k": k}));
    }
    json!({"images": images, "vectors": vectors})
}

fn compare(cases: &Value, answers: &Value) {
    let images = cases["images"].as_array().unwrap();
    let facts: Vec<ImageFacts> = images
        .iter()
        .map(|case| {
            let pixels: Vec<u8> = numbers(&case["pixels"]).iter().map(|v| *v as u8).collect();
            let count = |name: &str| case[name].as_u64().unwrap();
            ImageFacts::measure(&pixels, count("width") as u32, count("height") as u32, count("channels") as usize)
                .unwrap()
        })
        .collect();
    let options = ImageOptions::default();
    let mut sizes: Vec<f64> = facts.iter().map(ImageFacts::size).collect();
    let sizes = Sizes::new(&mut sizes, &options).unwrap();
    for (at, (facts, answer)) in facts.iter().zip(answers["images"].as_array().unwrap()).enumerate() {
        let raw = |name: &str| answer["raw"][name].as_f64().unwrap();
        for (ours, name) in [
            (facts.brightness, "brightness"),
            (facts.dark_end, "brightness_perc_5"),
            (facts.bright_end, "brightness_perc_99"),
            (facts.entropy, "entropy"),
            (facts.edges, "blurriness"),
            (facts.contrast, "blurriness_grayscale_std"),
            (facts.size(), "size"),
        ] {
            near(ours, raw(name), 1e-9, &format!("{name} of image {at}"));
        }
        let (scores, flags) = (numbers(&answer["scores"]), answer["flags"].as_array().unwrap());
        for ((issue, score), flag) in ImageIssue::ALL.into_iter().zip(scores).zip(flags) {
            let (ours, is_flagged) = options.judge(facts, Some(&sizes), issue);
            near(ours, score, 1e-9, &format!("{issue:?} of image {at}"));
            assert_eq!(is_flagged, flag.as_bool().unwrap(), "{issue:?} of image {at}");
        }
    }
    for (case, answer) in cases["vectors"].as_array().unwrap().iter().zip(answers["vectors"].as_array().unwrap()) {
        let rows: Vec<Vec<f64>> = case["rows"].as_array().unwrap().iter().map(numbers).collect();
        let flat: Vec<f32> = rows.iter().flatten().map(|v| *v as f32).collect();
        let mut options = OutlierOptions::default();
        options.neighbours = case["k"].as_u64().unwrap() as usize;
        let told = outliers(&Vectors::new(&flat, rows[0].len()).unwrap(), &options).unwrap();
        for (at, (ours, theirs)) in told.scores.iter().zip(numbers(answer)).enumerate() {
            near(*ours, theirs, 1e-7, &format!("outlier {at} of {}", rows.len()));
        }
    }
}

#[test]
fn images_and_outliers_are_those_of_the_references() {
    let cases = cases(0);
    compare(&cases, &oracle::golden("images", "images", &cases));
}

#[test]
fn images_and_outliers_are_those_of_the_references_live() {
    let cases = cases(41);
    let Some(answers) = oracle::live("images", &cases) else { return };
    compare(&cases, &answers);
}

#[test]
fn images_without_pixels_are_refused() {
    assert!(ImageFacts::measure(&[], 0, 5, 3).is_err());
    assert!(ImageFacts::measure(&[1, 2, 3], 1, 1, 4).is_err());
    assert!(ImageFacts::measure(&[1, 2], 1, 1, 3).is_err());
    assert!(ImageFacts::measure(&[], u32::MAX, u32::MAX, 3).is_err());
    assert!(Sizes::new(&mut [], &ImageOptions::default()).is_err());
    assert!(outliers(&Vectors::new(&[1.0], 1).unwrap(), &OutlierOptions::default()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Distances against sorting all of them.
    #[test]
    fn outliers_are_far_from_their_nearest(seed in any::<u64>(), n in 2usize..90, dims in 1usize..20, k in 1usize..12) {
        let mut random = Random(seed);
        let values: Vec<f32> = (0..n * dims).map(|_| random.between(-1.0, 1.0) as f32).collect();
        let vectors = Vectors::new(&values, dims).unwrap();
        let mut options = OutlierOptions::default();
        options.neighbours = k;
        let told = outliers(&vectors, &options).unwrap();
        let wide = |at: usize| vectors.row(at).iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        let distance = |a: &[f64], b: &[f64]| {
            let apart: Vec<f64> = a.iter().zip(b).map(|(x, y)| x - y).collect();
            if dims > 3 { 1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt() } else { dot(&apart, &apart).sqrt() }
        };
        for at in 0..n {
            let mut all: Vec<f64> = (0..n).filter(|other| *other != at).map(|other| distance(&wide(at), &wide(other))).collect();
            all.sort_by(f64::total_cmp);
            let k = k.min(n - 1);
            let mean = all[..k].iter().sum::<f64>() / k as f64;
            prop_assert!((told.distances[at] - mean).abs() < 1e-9, "{} {mean}", told.distances[at]);
            prop_assert!((0.0..=1.0).contains(&told.scores[at]));
        }
    }
}
