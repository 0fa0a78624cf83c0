//! Tamis's turn in W5 of `bench/`: a dataset goes to another lake and back, then a thousand edits follow.
//!
//! ```text
//! remote ROWS WORK URL QUICK
//! ```
//!
//! One row in twenty has a blob of 4 KB, each row none to ten boxes. Each step prints one line, `@` and JSON, in the form
//! of `bench/measure.py`; `bytes` are those that moved, `answer` is the count of requests.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::Path;
use std::time::Instant;

use tamis_core::{Box2d, DatasetName, Label, Media, Progress, Sample, Shape};
use tamis_repo::{Author, CloneOptions, PushOptions, Repo};
use tamis_store::{Location, StoreOptions, StoreStats};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [rows, work, url, _quick] = words.as_slice() else { panic!("not understood: {words:?}") };
    let (rows, work) = (rows.parse().unwrap(), Path::new(work));
    let (name, me) = (DatasetName::new("bench/rows").unwrap(), Author::new("b", "b@example.org"));
    let progress = Progress::none();
    let folder = |part: &str| Repo::init(&Location::Folder(work.join(part)), StoreOptions::default()).unwrap();

    let here = folder("here");
    let dataset = here.create(&name, &me).unwrap();
    let mut edit = dataset.transaction("main").unwrap();
    for row in 0..rows {
        let media = (row % 20 == 0).then(|| {
            let bytes = noise(row);
            let blob = edit.put_blob(&bytes).unwrap();
            Media { blob: Some(blob), size: bytes.len() as u64, ..Media::default() }
        });
        edit.put(sample(row, 0, media)).unwrap();
    }
    edit.commit("first", &me).unwrap();

    let remote = Repo::init(&Location::parse(url).unwrap(), StoreOptions::default()).unwrap();
    let moved = step("clone to S3", &remote, || {
        let there = remote.clone_dataset(&dataset, &name, &CloneOptions::default(), &me, &progress).unwrap();
        there.1.bytes
    });
    println!(r#"@{{"step":"bytes in the lake","bytes":{},"files":0}}"#, stored(work));
    assert!(moved > 0);

    let back = folder("back");
    let there = remote.dataset(&name).unwrap();
    step("clone from S3", &remote, || {
        let options = CloneOptions { location: url.clone(), ..CloneOptions::default() };
        back.clone_dataset(&there, &name, &options, &me, &progress).unwrap().1.bytes
    });
    let copy = back.dataset(&name).unwrap();
    assert_eq!(copy.snapshot("main").unwrap().len(), rows);

    let mut edit = copy.transaction("main").unwrap();
    for number in 0..1000.min(rows / 10) {
        let row = number * (rows / 1000).max(10) + 3;
        edit.patch_layer(&path(row), "truth", Some(sample(row, 1, None).layers.remove("truth").unwrap())).unwrap();
    }
    edit.commit("second", &me).unwrap();
    step("push 1,000 edits", &remote, || {
        copy.push("origin", &remote, &name, "main", &PushOptions::default(), &me, &progress).unwrap().bytes
    });
    step("push nothing", &remote, || {
        copy.push("origin", &remote, &name, "main", &PushOptions::default(), &me, &progress).unwrap().bytes
    });
}

/// Times a transfer and prints it with what went over the wire.
fn step(name: &str, remote: &Repo, transfer: impl FnOnce() -> u64) -> u64 {
    let before: StoreStats = remote.store().stats();
    let start = Instant::now();
    let new = transfer();
    let seconds = start.elapsed().as_secs_f64();
    let after = remote.store().stats();
    let bytes = after.bytes_written - before.bytes_written + after.bytes_read - before.bytes_read;
    let requests = after.requests - before.requests;
    println!(r#"@{{"step":"{name}","seconds":{seconds},"bytes":{bytes},"files":0}}"#);
    println!(r#"@{{"step":"{name}: requests","answer":{requests}}}"#);
    println!(r#"@{{"step":"{name}: bytes that were new","bytes":{new},"files":0}}"#);
    new
}

fn path(row: u64) -> String {
    format!("seg{:07}/{:06}.jpg", row / 1000, row % 1000)
}

/// A sample of that number; another `version` has other boxes.
fn sample(row: u64, version: u64, media: Option<Media>) -> Sample {
    let mut state = row.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (version << 32) ^ 0x1234_5678;
    let mut below = |end: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % end
    };
    let count = below(11).max(version);
    let boxes = (0..count).map(|number| {
        let (x, y) = (below(18_000) as f64 / 10.0, below(10_000) as f64 / 10.0);
        let corner = Box2d::new(x, y, x + below(1200) as f64 / 10.0 + 1.0, y + below(800) as f64 / 10.0 + 1.0);
        let mut label = Label::new(Shape::Box2d(corner)).with_class(format!("class{}", below(80)));
        label.id = row * 16 + number + 1;
        label.confidence = Some(f64::from((below(1 << 24) as f32) / (1 << 24) as f32));
        label
    });
    let layers = [(String::from("truth"), boxes.collect())].into();
    Sample {
        path: path(row),
        media,
        split: Some(String::from("train")),
        timestamp: Some(row as f64 / 30.0),
        layers,
        ..Sample::default()
    }
}

/// Bytes that no compressor shrinks.
fn noise(row: u64) -> Vec<u8> {
    let mut state = row ^ 0x5851_f42d_4c95_7f2d;
    (0..512)
        .flat_map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        })
        .collect()
}

fn stored(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    entries
        .map(|entry| if entry.path().is_dir() { stored(&entry.path()) } else { entry.metadata().unwrap().len() })
        .sum()
}
