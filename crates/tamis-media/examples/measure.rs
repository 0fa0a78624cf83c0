//! Measures the crate: probing, thumbnails, drawing. `cargo run --release -p tamis-media --example measure -- [FOLDER]`
//! draws the demo dataset into FOLDER (a temporary one by default).
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use tamis_media::scene::{DemoOptions, demo, write_coco};
use tamis_media::{Image, Limits, MediaError, check, decode, encode_jpeg, encode_png, probe, thumbnail};

fn main() -> Result<(), MediaError> {
    let Some(sample) = demo(&DemoOptions::default()).next() else { return Ok(()) };
    let png = encode_png(&decode(&sample.bytes, &Limits::default())?)?;
    report("probe JPEG 320×240", time(20_000, || probe(&sample.bytes)));
    report("probe PNG 320×240", time(20_000, || probe(&png)));
    report("cheap check JPEG 320×240", time(20_000, || check(&sample.bytes)));
    report("decode JPEG 320×240", time(200, || decode(&sample.bytes, &Limits::default())));
    report("thumbnail 96 of JPEG 320×240", time(200, || thumbnail(&sample.bytes, 96, &Limits::default())));
    let wave = |x: u32, y: u32| [(x / 5) as u8, (y / 7) as u8, ((x * y) >> 9) as u8];
    let pixels = (0..3000).flat_map(|y| (0..4000).flat_map(move |x| wave(x, y))).collect();
    let large = encode_jpeg(&Image::rgb8(4000, 3000, pixels)?, 85)?;
    report("probe JPEG 4000×3000", time(20_000, || probe(&large)));
    report("thumbnail 256 of JPEG 4000×3000", time(5, || thumbnail(&large, 256, &Limits::default())));
    let folder = std::env::args().nth(1).map_or_else(|| std::env::temp_dir().join("tamis-demo"), Into::into);
    let start = Instant::now();
    let manifest = write_coco(&folder, &DemoOptions::default())?;
    report("240 samples drawn and written", start.elapsed());
    println!("{:?} {:?}, {} flaws in {}", manifest.splits, manifest.classes, manifest.flaws.len(), folder.display());
    Ok(())
}

fn time<T>(times: u32, mut work: impl FnMut() -> T) -> Duration {
    let start = Instant::now();
    (0..times).for_each(|_| {
        black_box(work());
    });
    start.elapsed() / times
}

fn report(what: &str, took: Duration) {
    println!("{what:<34} {took:>12.2?}");
}
