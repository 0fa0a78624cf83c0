//! Times the store on many small blobs: `cargo run --release -p tamis-store --example blobs [DIR]`.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::Instant;

use rayon::prelude::*;
use tamis_store::{Location, Store, StoreOptions};

fn main() {
    let dir = std::env::args().nth(1).unwrap_or_else(|| "target/blobs-lake".to_owned());
    std::fs::remove_dir_all(&dir).ok();
    let location = Location::Folder(dir.into());
    let store = Store::create(&location, StoreOptions::default()).unwrap();
    let blobs: Vec<Vec<u8>> = (0..50_000u64)
        .map(|i| {
            let mut bytes = vec![0; 3500 + (i as usize * 37) % 1100];
            blake3::Hasher::new().update(&i.to_le_bytes()).finalize_xof().fill(&mut bytes);
            bytes
        })
        .collect();
    let start = Instant::now();
    let writer = store.writer().unwrap();
    let ids: Vec<_> = blobs.par_iter().map(|bytes| writer.put_blob(bytes).unwrap()).collect();
    let put = start.elapsed();
    let stats = writer.finish().unwrap();
    println!("put {put:?}, durable {:?}, {stats:?}", start.elapsed());

    let start = Instant::now();
    let store = Store::open(&location, StoreOptions::default()).unwrap();
    println!("open {:?}", start.elapsed());
    let order: Vec<_> = (0..10_000usize).map(|i| ids[(i * 7919) % ids.len()]).collect();
    for round in 0..3 {
        let start = Instant::now();
        let bytes: usize = order.iter().map(|id| store.blob(id).unwrap().read().unwrap().len()).sum();
        let each = start.elapsed() / 10_000;
        println!("random read verified, round {round}: {each:?} each, {bytes} bytes");
    }
    let big: Vec<u8> = blobs.concat();
    let writer = store.writer().unwrap();
    let start = Instant::now();
    let id = writer.put_blob(&big).unwrap();
    writer.finish().unwrap();
    println!("one large blob in: {:.2} GB/s durable", big.len() as f64 / start.elapsed().as_secs_f64() / 1e9);
    let blob = store.blob(&id).unwrap();
    for _ in 0..2 {
        let start = Instant::now();
        let mut reader = blob.reader();
        let bytes = std::io::copy(&mut reader, &mut std::io::sink()).unwrap();
        println!("one large blob out, verified: {:.2} GB/s", bytes as f64 / start.elapsed().as_secs_f64() / 1e9);
    }
}
