//! Copies between lakes: little moved, few requests, resumable, verified.

use std::sync::Arc;

use tamis_core::{BlobId, Hash, Progress};
use tamis_store::backend::{Backend, CloudBackend};
use tamis_store::{Location, Store, StoreOptions};
use tamis_testkit::store::{CountingBackend, FaultBackend, S3Server};

/// A lake with small objects, pages and a chunked blob, in several packs.
fn source() -> (tempfile::TempDir, Store, Vec<Hash>, BlobId) {
    let (dir, store) = crate::folder_lake();
    let mut ids = Vec::new();
    for turn in 0..5u64 {
        let writer = store.writer().unwrap();
        for i in 0..200 {
            ids.push(writer.put(crate::noise(turn * 1000 + i, 4000)).unwrap());
        }
        ids.push(writer.put_blocked(b"page", &[&crate::noise(turn, 9000), &crate::noise(turn + 9, 100)]).unwrap());
        writer.finish().unwrap();
    }
    let writer = store.writer().unwrap();
    let blob = writer.put_blob(&crate::noise(77, 6 << 20)).unwrap();
    writer.finish().unwrap();
    ids.push(blob.0);
    (dir, store, ids, blob)
}

fn assert_copied(to: &Store, ids: &[Hash], blob: &BlobId) {
    for id in ids {
        assert!(to.contains(id).unwrap());
    }
    assert_eq!(to.blob(blob).unwrap().read().unwrap(), crate::noise(77, 6 << 20));
    let report = to.verify(&Progress::none()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
}

#[test]
fn a_copy_moves_what_is_missing_once() {
    let (_dir, from, ids, blob) = source();
    let to = Store::memory().unwrap();
    let stats = to.copy_objects(&from, ids.iter().copied(), &Progress::none()).unwrap();
    assert!(stats.objects > 1006 && stats.skipped == 0 && stats.packs == 1, "{stats:?}");
    assert_copied(&to, &ids, &blob);
    let again = to.copy_objects(&from, ids.iter().copied(), &Progress::none()).unwrap();
    assert_eq!((again.objects, again.bytes, again.packs, again.skipped), (0, 0, 0, ids.len() as u64));
    let absent = to.copy_objects(&from, [Hash::of(b"absent")], &Progress::none()).unwrap_err();
    assert!(absent.to_string().contains(&Hash::of(b"absent").to_hex()));
}

#[test]
fn a_killed_copy_goes_on_where_it_was() {
    let (_dir, from, ids, blob) = source();
    let inner: Arc<dyn Backend> = Arc::new(CloudBackend::memory(""));
    let options = || crate::options(|o| o.pack_size = 1 << 20);
    let (faulty, faults) = FaultBackend::new(Arc::clone(&inner));
    let to = Store::create_on(faulty, options()).unwrap();
    faults.stop_after(faults.writes() + 900);
    assert!(to.copy_objects(&from, ids.iter().copied(), &Progress::none()).is_err());
    let to = Store::open_on(inner, options()).unwrap();
    assert!(to.verify(&Progress::none()).unwrap().is_sound());
    let there: u64 = to.packs().iter().map(|pack| pack.len() as u64).sum();
    assert!(there > 500, "{there}");
    let rest = to.copy_objects(&from, ids.iter().copied(), &Progress::none()).unwrap();
    assert_eq!(rest.skipped, there);
    assert_copied(&to, &ids, &blob);
}

#[test]
fn a_damaged_object_is_not_copied() {
    let (_dir, from, ids, _) = source();
    let (faulty, faults) = FaultBackend::new(Arc::new(CloudBackend::memory("")));
    let middle = Store::create_on(faulty, StoreOptions::default()).unwrap();
    middle.copy_objects(&from, ids.iter().copied(), &Progress::none()).unwrap();
    let pack = middle.packs()[0].place().split_once("packs/").unwrap().1.to_owned();
    faults.flip(&format!("packs/{pack}"), 5000, 3);
    let to = Store::memory().unwrap();
    assert!(to.copy_objects(&middle, ids.iter().copied(), &Progress::none()).is_err());
    assert!(to.verify(&Progress::none()).unwrap().is_sound());
}

#[test]
fn a_few_objects_among_many_cost_few_bytes() {
    let (_dir, from, ids, _) = source();
    let (counting, calls) = CountingBackend::new(Arc::new(CloudBackend::memory("")));
    let middle = Store::create_on(counting, StoreOptions::default()).unwrap();
    middle.copy_objects(&from, ids.iter().copied(), &Progress::none()).unwrap();
    let (reads, bytes) = (calls.reads(), calls.bytes_read());
    let to = Store::memory().unwrap();
    let some: Vec<Hash> = ids[..1000].iter().step_by(10).copied().collect();
    let stats = to.copy_objects(&middle, some.iter().copied(), &Progress::none()).unwrap();
    assert!(calls.bytes_read() - bytes <= stats.bytes + stats.bytes / 20, "{stats:?}");
    assert!(calls.reads() - reads <= 101);
}

#[test]
fn to_s3_and_back_moves_little_more_than_what_is_new() {
    let Some(server) = S3Server::start() else { return };
    let (_dir, from, ids, blob) = source();
    let s3 = Store::create(&server.location("copy").unwrap(), StoreOptions::default()).unwrap();
    let before = s3.stats();
    let pushed = s3.copy_objects(&from, ids.iter().copied(), &Progress::none()).unwrap();
    let (requests, written) = (s3.stats().requests - before.requests, s3.stats().bytes_written - before.bytes_written);
    assert!(written as f64 <= pushed.bytes as f64 * 1.05, "{written} of {}", pushed.bytes);
    assert!(requests <= pushed.bytes / (8 << 20) + 20, "{requests}");

    let back = Store::open(&server.location("copy").unwrap(), StoreOptions::default()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let to = Store::create(&Location::Folder(dir.path().into()), StoreOptions::default()).unwrap();
    let pulled = to.copy_objects(&back, ids.iter().copied(), &Progress::none()).unwrap();
    assert_eq!((pulled.objects, pulled.bytes), (pushed.objects, pushed.bytes));
    let stats = back.stats();
    assert!(stats.bytes_read as f64 <= pulled.bytes as f64 * 1.05, "{stats:?}");
    assert!(stats.requests <= pulled.bytes / (8 << 20) + 20, "{stats:?}");
    assert_copied(&to, &ids, &blob);
}
