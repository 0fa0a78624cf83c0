//! Measures the algorithms on data that `bench/quality/run.py` wrote: `measure WHAT FOLDER`, WHAT being `coco`,
//! `confident`, `consensus`, `crowd`, `hashes`, `vectors`, `suspects` or `tracks`.
//!
//! Prints one line of JSON a step, after `@`. Reading the files does not count.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a program for the bench")]

use std::path::Path;
use std::time::Instant;

use tamis_core::Box2d;
use tamis_quality::Vectors;
use tamis_quality::annotators::{Answer, Answers, Crowdlab, DawidSkene, DawidSkeneOptions};
use tamis_quality::confident::{Filter, IssueOptions, Labelled, find_issues};
use tamis_quality::detection::{Detection, DetectionOptions, Evaluation, FoundBox, GivenBox, Shapes, Truth, suspects};
use tamis_quality::duplicates::{Links, near_hashes, near_vectors};
use tamis_quality::outliers::{OutlierOptions, outliers};
use tamis_quality::tracking::{Tracked, TrackingOptions, TrackingReport, measure_tracks};

/// The best of three times, with the outcome of the last.
fn timed<T>(mut work: impl FnMut() -> T) -> (f64, T) {
    let mut once = || {
        let start = Instant::now();
        let made = work();
        (start.elapsed().as_secs_f64(), made)
    };
    let (a, _) = once();
    let (b, _) = once();
    let (c, made) = once();
    (a.min(b).min(c), made)
}

fn doubles(path: &Path) -> Vec<f64> {
    std::fs::read(path).unwrap().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let folder = Path::new(&words[2]);
    match words[1].as_str() {
        "coco" => coco(folder),
        "consensus" => consensus(folder),
        "crowd" => crowd(folder),
        "hashes" => hashes(folder),
        "tracks" => tracks(folder),
        "vectors" => vectors(folder),
        "suspects" => suspects_of(folder),
        _ => confident(folder),
    }
    println!("@{{\"step\": \"memory\", \"seconds\": 0, \"answer\": {}}}", peak());
}

/// The peak memory of this process in KB, as Linux tells it; 0 elsewhere.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Rows of image, class, x, y, width, height, then area and crowd, or score.
fn coco(folder: &Path) {
    let (given, seen) = (doubles(&folder.join("truths.bin")), doubles(&folder.join("found.bin")));
    let shape = |row: &[f64]| [row[2], row[3], row[4], row[5]];
    let truths: Vec<Truth> = given
        .chunks_exact(8)
        .map(|row| Truth {
            image: row[0] as u32,
            class: row[1] as u32,
            area: row[6],
            crowd: row[7] > 0.0,
            ignore: false,
        })
        .collect();
    let found: Vec<Detection> = seen
        .chunks_exact(7)
        .map(|row| Detection { image: row[0] as u32, class: row[1] as u32, score: row[6], area: None })
        .collect();
    let boxes: Vec<[f64; 4]> = given.chunks_exact(8).map(shape).collect();
    let found_boxes: Vec<[f64; 4]> = seen.chunks_exact(7).map(shape).collect();
    let (seconds, report) = timed(|| {
        let shapes = Shapes::Boxes { truth: &boxes, found: &found_boxes };
        Evaluation::new(&truths, &found, shapes, DetectionOptions::boxes()).unwrap().report()
    });
    let summary: Vec<f64> = report.summary().iter().map(|figure| figure.value.unwrap_or(-1.0)).collect();
    println!("@{{\"step\": \"coco\", \"seconds\": {seconds}, \"answer\": {summary:?}}}");
}

fn confident(folder: &Path) {
    let labels: Vec<u32> = doubles(&folder.join("labels.bin")).iter().map(|l| *l as u32).collect();
    let bytes = std::fs::read(folder.join("probs.bin")).unwrap();
    let probs: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    drop(bytes);
    let input = Labelled::new(&labels, &probs, probs.len() / labels.len()).unwrap();
    let names = [
        "prune_by_noise_rate",
        "prune_by_class",
        "both",
        "confident_learning",
        "predicted_neq_given",
        "low_normalized_margin",
        "low_self_confidence",
    ];
    for (name, filter) in names.iter().zip(Filter::ALL) {
        let (seconds, flags) = timed(|| find_issues(&input, filter, &IssueOptions::default()).unwrap());
        let places: Vec<usize> = (0..flags.len()).filter(|&i| flags[i]).collect();
        println!("@{{\"step\": \"{name}\", \"seconds\": {seconds}, \"answer\": {places:?}}}");
    }
}

/// Rows of task, worker, label.
fn consensus(folder: &Path) {
    let rows = doubles(&folder.join("answers.bin"));
    let answers: Vec<Answer> =
        rows.chunks_exact(3).map(|r| Answer { task: r[0] as u32, worker: r[1] as u32, label: r[2] as u32 }).collect();
    let most = |of: fn(&Answer) -> u32| answers.iter().map(of).max().unwrap() as usize + 1;
    let (tasks, workers, classes) = (most(|a| a.task), most(|a| a.worker), most(|a| a.label));
    let (seconds, told) = timed(|| {
        let input = Answers::new(&answers, tasks, workers, classes).unwrap();
        DawidSkene::new(&input, &DawidSkeneOptions::default()).unwrap()
    });
    println!("@{{\"step\": \"consensus\", \"seconds\": {seconds}, \"answer\": {:?}}}", told.posterior);
}

/// Hashes; pairs within 0, 4, 8 and 12 bits, and how many samples are in groups.
fn hashes(folder: &Path) {
    let bytes = std::fs::read(folder.join("hashes.bin")).unwrap();
    let hashes: Vec<u64> = bytes.chunks_exact(8).map(|b| u64::from_le_bytes(b.try_into().unwrap())).collect();
    for radius in [0, 4, 8, 12] {
        let (seconds, (pairs, grouped)) = timed(|| {
            let (mut pairs, mut links) = (0u64, Links::new(hashes.len()));
            let add = |pair: tamis_quality::duplicates::Pair| {
                pairs += 1;
                links.join(pair.first, pair.second);
            };
            near_hashes(&hashes, &[], radius, add).unwrap();
            (pairs, links.groups().iter().map(Vec::len).sum::<usize>())
        });
        println!("@{{\"step\": \"{radius}\", \"seconds\": {seconds}, \"answer\": [{pairs}, {grouped}]}}");
    }
}

/// Rows of as many numbers as `dims.bin` says; pairs of a cosine from 0.95 on, and outliers.
fn vectors(folder: &Path) {
    let dims = doubles(&folder.join("dims.bin"))[0] as usize;
    let bytes = std::fs::read(folder.join("vectors.bin")).unwrap();
    let values: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    drop(bytes);
    let (seconds, pairs) = timed(|| {
        let mut pairs = 0u64;
        near_vectors(&Vectors::new(&values, dims).unwrap(), &[], 0.95, |_| pairs += 1).unwrap();
        pairs
    });
    println!("@{{\"step\": \"pairs\", \"seconds\": {seconds}, \"answer\": [{pairs}]}}");
    let (seconds, told) =
        timed(|| outliers(&Vectors::new(&values, dims).unwrap(), &OutlierOptions::default()).unwrap());
    println!("@{{\"step\": \"outliers\", \"seconds\": {seconds}, \"answer\": {:?}}}", told.scores);
}

/// Rows of image, class, box and of image, class, box, score.
fn suspects_of(folder: &Path) {
    let (given, seen) = (doubles(&folder.join("truths.bin")), doubles(&folder.join("found.bin")));
    let bounds = |row: &[f64]| Box2d::new(row[2], row[3], row[4], row[5]);
    let given: Vec<GivenBox> = given
        .chunks_exact(6)
        .map(|row| GivenBox { image: row[0] as u32, class: row[1] as u32, bounds: bounds(row) })
        .collect();
    let found: Vec<FoundBox> = seen
        .chunks_exact(7)
        .map(|row| FoundBox { image: row[0] as u32, class: row[1] as u32, score: row[6], bounds: bounds(row) })
        .collect();
    let classes = given.iter().map(|b| b.class).chain(found.iter().map(|b| b.class)).max().unwrap() as usize + 1;
    let (seconds, told) = timed(|| suspects(&given, &found, classes).unwrap());
    println!("@{{\"step\": \"suspects\", \"seconds\": {seconds}, \"answer\": {:?}}}", told.scores);
}

/// Rows of task, worker, label, and the probabilities of a model.
fn crowd(folder: &Path) {
    let (rows, probs) = (doubles(&folder.join("answers.bin")), doubles(&folder.join("probs.bin")));
    let answers: Vec<Answer> =
        rows.chunks_exact(3).map(|r| Answer { task: r[0] as u32, worker: r[1] as u32, label: r[2] as u32 }).collect();
    let most = |of: fn(&Answer) -> u32| answers.iter().map(of).max().unwrap() as usize + 1;
    let (tasks, workers) = (most(|a| a.task), most(|a| a.worker));
    let (seconds, told) = timed(|| {
        let input = Answers::new(&answers, tasks, workers, probs.len() / tasks).unwrap();
        Crowdlab::new(&input, &probs).unwrap()
    });
    println!("@{{\"step\": \"crowd\", \"seconds\": {seconds}, \"answer\": {:?}}}", told.scores);
}

/// Rows of sequence, frame, track, box.
fn tracks(folder: &Path) {
    let read = |name: &str| {
        let mut sequences: Vec<Vec<Tracked>> = Vec::new();
        for r in doubles(&folder.join(name)).chunks_exact(7) {
            sequences.resize(sequences.len().max(r[0] as usize + 1), Vec::new());
            let bounds = Box2d::new(r[3], r[4], r[5], r[6]);
            sequences[r[0] as usize].push(Tracked { frame: r[1] as u32, track: r[2] as u32, bounds });
        }
        sequences
    };
    let (truths, found) = (read("truths.bin"), read("found.bin"));
    let (seconds, told) = timed(|| {
        let of = |(a, b): (&Vec<Tracked>, &Vec<Tracked>)| measure_tracks(a, b, &TrackingOptions::default()).unwrap();
        TrackingReport::combine(&truths.iter().zip(&found).map(of).collect::<Vec<_>>())
    });
    let figures = [told.hota(), told.mota(), told.idf1(), told.assa(), told.counts.switches as f64];
    println!("@{{\"step\": \"tracks\", \"seconds\": {seconds}, \"answer\": {figures:?}}}");
}
