//! Every backend keeps the same promises.

use std::sync::Arc;

use tamis_store::backend::{Backend, CloudBackend};
use tamis_store::{Location, Store, StoreOptions};
use tamis_testkit::store::{CountingBackend, FaultBackend, S3Server, conformance};

#[test]
fn a_folder_conforms() {
    let dir = tempfile::tempdir().unwrap();
    conformance::backend(&crate::local(&dir));
}

#[test]
fn memory_conforms() {
    conformance::backend(&(Arc::new(CloudBackend::memory("")) as Arc<dyn Backend>));
}

#[test]
fn decorators_conform() {
    let (faulty, _) = FaultBackend::new(Arc::new(CloudBackend::memory("")));
    conformance::backend(&(faulty as Arc<dyn Backend>));
    let (counting, calls) = CountingBackend::new(Arc::new(CloudBackend::memory("")));
    conformance::backend(&(counting as Arc<dyn Backend>));
    assert_eq!(calls.published(), 2);
}

#[test]
fn an_s3_server_conforms_and_keeps_a_lake() {
    let Some(server) = S3Server::start() else { return };
    let Some(Location::Bucket(url)) = server.location("conformance") else { panic!("no location") };
    conformance::backend(&(Arc::new(CloudBackend::bucket(&url).unwrap()) as Arc<dyn Backend>));

    let location = server.location("deep/er/lake").unwrap();
    assert!(Store::open(&location, StoreOptions::default()).is_err());
    let store = Store::create(&location, StoreOptions::default()).unwrap();
    assert!(Store::create(&location, StoreOptions::default()).is_err());
    let writer = store.writer().unwrap();
    let blob = crate::noise(1, 5 << 20);
    let id = writer.put_blob(&blob).unwrap();
    let blocks: Vec<Vec<u8>> = (0..100).map(|i| crate::noise(i, 10_000)).collect();
    let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    let page = writer.put_blocked(b"page", &blocks).unwrap();
    let small = writer.put(b"small").unwrap();
    writer.finish().unwrap();
    store.swap_ref("main", None, "tip".into()).unwrap().unwrap();

    let other = Store::open(&location, StoreOptions::default()).unwrap();
    assert_eq!(other.get(&small).unwrap(), "small");
    assert_eq!(other.blob(&id).unwrap().read().unwrap(), blob);
    let object = other.blocked(&page).unwrap();
    let before = other.stats().requests;
    object.prefetch(10..90).unwrap();
    for (at, block) in blocks.iter().enumerate().take(90).skip(10) {
        assert_eq!(object.block(at).unwrap(), *block);
    }
    assert_eq!(other.stats().requests - before, 1, "one request brings a run of blocks");
    assert_eq!(object.block(0).unwrap(), blocks[0]);
    assert_eq!(other.read_ref("main").unwrap().unwrap().bytes, "tip");
    assert!(other.verify(&tamis_core::Progress::none()).unwrap().is_sound());
}
