//! The cache of a remote lake.

use std::sync::Arc;

use tamis_store::backend::{Backend, CachedBackend, CloudBackend};
use tamis_store::{Store, StoreOptions};
use tamis_testkit::store::{CountingBackend, S3Server};

fn files(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let folders = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    folders.flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path())).collect()
}

#[test]
fn what_was_read_is_not_asked_for_again_and_a_damaged_entry_is_a_miss() {
    let (counting, calls) = CountingBackend::new(Arc::new(CloudBackend::memory("")));
    let store = Store::create_on(Arc::clone(&counting) as Arc<dyn Backend>, StoreOptions::default()).unwrap();
    let objects: Vec<Vec<u8>> = (0..200).map(|i| crate::noise(i, 5000)).collect();
    let ids = crate::put(&store, &objects);
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let cached = CachedBackend::new(Arc::clone(&counting) as Arc<dyn Backend>, dir.path(), 1 << 30).unwrap();
        Store::open_on(Arc::new(cached), StoreOptions::default()).unwrap()
    };
    let read = |store: &Store| {
        for (id, bytes) in ids.iter().zip(&objects) {
            assert_eq!(store.get(id).unwrap(), bytes);
        }
    };
    read(&open());
    let (opens, reads) = (calls.opens(), calls.reads());
    read(&open());
    assert_eq!((calls.opens(), calls.reads()), (opens, reads), "neither index nor objects are read again");
    for file in files(dir.path()) {
        let mut bytes = std::fs::read(&file).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        std::fs::write(&file, bytes).unwrap();
    }
    read(&open());
    assert!(calls.reads() > reads);
}

#[test]
fn the_cache_stays_below_its_limit() {
    let inner: Arc<dyn Backend> = Arc::new(CloudBackend::memory(""));
    let store = Store::create_on(Arc::clone(&inner), StoreOptions::default()).unwrap();
    let objects: Vec<Vec<u8>> = (0..500).map(|i| crate::noise(i, 20_000)).collect();
    let ids = crate::put(&store, &objects);
    let dir = tempfile::tempdir().unwrap();
    let cached = CachedBackend::new(inner, dir.path(), 2 << 20).unwrap();
    let store = Store::open_on(Arc::new(cached), StoreOptions::default()).unwrap();
    ids.iter().for_each(|id| drop(store.get(id).unwrap()));
    let size: u64 = files(dir.path()).iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!(size <= (2 << 20) + (2 << 20) / 4, "{size}");
    assert!(size > 1 << 20, "{size}");
}

#[test]
fn a_lake_on_s3_reopens_without_reading_its_indexes() {
    let Some(server) = S3Server::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let options = || crate::options(|o| o.cache_dir = Some(dir.path().into()));
    let location = server.location("cached").unwrap();
    let store = Store::create(&location, options()).unwrap();
    let ids: Vec<_> = (0..5).flat_map(|i| crate::put(&store, &[crate::noise(i, 400_000)])).collect();
    let read = || {
        let store = Store::open(&location, options()).unwrap();
        ids.iter().for_each(|id| drop(store.get(id).unwrap()));
        store.stats().requests
    };
    let first = read();
    let second = read();
    assert!(first >= 12 && second == 2, "lake.json and one listing: {first}, then {second}");
}
