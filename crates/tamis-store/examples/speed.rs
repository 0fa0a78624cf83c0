//! Measures the store on this machine: `cargo run --release -p tamis-store --example speed`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::{Duration, Instant};

use tamis_core::{BlobId, Hash, Progress};
use tamis_store::{Location, Store, StoreOptions};

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn show(what: &str, time: Duration, note: &str) {
    println!("{what:<52} {:>10.3} ms  {note}", time.as_secs_f64() * 1e3);
}

/// Pseudo-random order that differs from the order of writing.
fn shuffled(count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |i| (i * 7919 + 13) % count)
}

fn small_files(store: &Store, threads: usize) -> Vec<Hash> {
    let objects: Vec<Vec<u8>> = (0..50_000).map(|i| noise(i + threads as u64 * 100_000, 4096)).collect();
    let start = Instant::now();
    let writer = store.writer().unwrap();
    let ids: Vec<Hash> = std::thread::scope(|scope| {
        let parts = objects.chunks(objects.len().div_ceil(threads));
        let running: Vec<_> = parts
            .map(|part| scope.spawn(|| part.iter().map(|bytes| writer.put(bytes).unwrap()).collect::<Vec<_>>()))
            .collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let put = start.elapsed();
    let stats = writer.finish().unwrap();
    let note = format!("{} packs, {} MB; finish {:?}", stats.packs, stats.bytes >> 20, start.elapsed() - put);
    show(&format!("put 50,000 x 4 KB and finish, {threads} threads"), start.elapsed(), &note);
    ids
}

fn main() {
    let dir = tempfile::tempdir_in(".").unwrap();
    let location = Location::Folder(dir.path().join("lake"));
    let store = Store::create(&location, StoreOptions::default()).unwrap();
    small_files(&store, 1);
    let ids = small_files(&store, 2);

    let start = Instant::now();
    let store = Store::open(&location, StoreOptions::default()).unwrap();
    show("open the lake", start.elapsed(), &format!("{} packs", store.packs().len()));
    for round in ["first touch", "again"] {
        let start = Instant::now();
        for at in shuffled(10_000) {
            assert_eq!(store.get(&ids[at * 5]).unwrap().len(), 4096);
        }
        show(&format!("get 10,000 random 4 KB objects, verified, {round}"), start.elapsed(), "");
    }
    let start = Instant::now();
    for at in shuffled(10_000) {
        assert_eq!(store.blob(&BlobId(ids[at * 5])).unwrap().len(), 4096);
    }
    show("open 10,000 random 4 KB blobs, verified", start.elapsed(), "");
    let start = Instant::now();
    ids.iter().for_each(|id| assert!(store.contains(id).unwrap()));
    show("contains, 50,000", start.elapsed(), "");

    let blocks: Vec<Vec<u8>> = (0..64).map(|i| noise(i, 17_000)).collect();
    let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    let writer = store.writer().unwrap();
    let page = writer.put_blocked(b"page", &blocks).unwrap();
    let large = noise(1, 256 << 20);
    let start = Instant::now();
    let blob = writer.put_blob(&large).unwrap();
    writer.finish().unwrap();
    show("put a blob of 256 MB", start.elapsed(), &format!("{:.2} GB/s", 0.268 / start.elapsed().as_secs_f64()));
    let object = store.blocked(&page).unwrap();
    for round in ["first touch", "verified before"] {
        let start = Instant::now();
        (0..64).for_each(|at| drop(object.block(at).unwrap()));
        show(&format!("64 blocks of 17 KB, {round}"), start.elapsed(), "");
    }
    for _ in 0..2 {
        let start = Instant::now();
        assert_eq!(store.blob(&blob).unwrap().read().unwrap().len(), 256 << 20);
        show("read the blob whole", start.elapsed(), &format!("{:.2} GB/s", 0.268 / start.elapsed().as_secs_f64()));
    }
    let start = Instant::now();
    std::io::copy(&mut store.blob(&blob).unwrap().reader(), &mut std::io::sink()).unwrap();
    show("stream the blob", start.elapsed(), &format!("{:.2} GB/s", 0.268 / start.elapsed().as_secs_f64()));

    let mut times = Vec::new();
    for commit in 0..1000u64 {
        let start = Instant::now();
        let writer = store.writer().unwrap();
        writer.put(noise(commit + 1_000_000, 2000)).unwrap();
        writer.finish().unwrap();
        let found = store.read_ref("main").unwrap();
        store.swap_ref("main", found.as_ref().map(|v| &v.version), format!("{commit}").into()).unwrap().unwrap();
        times.push(start.elapsed());
    }
    times.sort();
    show("small commit with ref, median of 1,000", times[500], &format!("99 %: {:?}", times[990]));
    let start = Instant::now();
    for at in shuffled(10_000) {
        drop(store.get(&ids[at * 5]).unwrap());
    }
    show(
        "get 10,000 random 4 KB objects after the commits",
        start.elapsed(),
        &format!("{} packs", store.packs().len()),
    );
    let start = Instant::now();
    let report = store.verify(&Progress::none()).unwrap();
    assert!(report.is_sound());
    show("verify", start.elapsed(), &format!("{} MB", report.bytes >> 20));
    let other = Store::create(&Location::Folder(dir.path().join("copy")), StoreOptions::default()).unwrap();
    let start = Instant::now();
    let stats = other.copy_objects(&store, ids.iter().copied(), &Progress::none()).unwrap();
    show("copy 50,000 objects to another folder", start.elapsed(), &format!("{} MB", stats.bytes >> 20));
}
