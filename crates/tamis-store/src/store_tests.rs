//! The store as its callers use it, on a folder and in memory.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Seek, SeekFrom};

use tamis_core::Hash;

use crate::{Location, Store, StoreOptions};

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn on_both(test: impl Fn(&dyn Fn() -> Store)) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Location::Folder(dir.path().join("lake"));
    Store::create(&folder, StoreOptions::default()).unwrap();
    test(&|| Store::open(&folder, StoreOptions::default()).unwrap());
    let memory = Location::Memory(dir.path().display().to_string());
    Store::create(&memory, StoreOptions::default()).unwrap();
    test(&|| Store::open(&memory, StoreOptions::default()).unwrap());
}

#[test]
fn objects_are_readable_at_once_and_after_reopening() {
    on_both(|open| {
        let store = open();
        let writer = store.writer().unwrap();
        let small = writer.put(b"small").unwrap();
        let text = writer.put("the same words over and over. ".repeat(2000)).unwrap();
        let blocked = writer.put_blocked(b"head", &[b"one", b"two"]).unwrap();
        assert_eq!(&store.get(&small).unwrap()[..], b"small");
        assert_eq!(&store.blocked(&blocked).unwrap().block(1).unwrap()[..], b"two");
        assert!(open().get(&small).is_err(), "others do not see it before it is finished");
        let stats = writer.finish().unwrap();
        assert_eq!((stats.objects, stats.packs), (3, 1));
        assert!(stats.bytes < 2000, "{stats:?}");
        let again = open();
        assert_eq!(again.get(&text).unwrap().len(), 60_000);
        assert_eq!(&again.blocked(&blocked).unwrap().header()[..], b"head");
        assert!(again.get(&blocked).is_err() && again.get(&Hash::of(b"nothing")).is_err());
        assert_eq!(&store.get(&small).unwrap()[..], b"small");
    });
}

#[test]
fn an_unfinished_session_leaves_no_trace() {
    on_both(|open| {
        let store = open();
        let writer = store.writer().unwrap();
        let id = writer.put(noise(1, 100_000)).unwrap();
        drop(writer);
        assert!(!store.contains(&id).unwrap());
        for folder in ["packs/", "tmp/"] {
            assert_eq!(store.backend().list(folder).unwrap(), []);
        }
    });
}

#[test]
fn large_blobs_share_chunks_with_their_versions() {
    on_both(|open| {
        let store = open();
        let old = noise(2, 40 << 20);
        let writer = store.writer().unwrap();
        let first = writer.put_blob(&old).unwrap();
        writer.finish().unwrap();
        let mut new = old.clone();
        new.splice(20 << 20..20 << 20, noise(3, 1000));
        let writer = store.writer().unwrap();
        let second = writer.put_blob_from(&mut &new[..]).unwrap();
        let stats = writer.finish().unwrap();
        assert!(stats.bytes < 4 << 20, "{stats:?}");
        assert_eq!(first.0, Hash::of(&old));
        assert_eq!(second.0, Hash::of(&new));
        let blob = open().blob(&second).unwrap();
        assert_eq!(blob.read().unwrap(), new);
        assert_eq!(blob.read_range(19 << 20..21 << 20).unwrap(), new[19 << 20..21 << 20]);
        let mut reader = blob.reader();
        reader.seek(SeekFrom::End(-10)).unwrap();
        let mut end = Vec::new();
        reader.read_to_end(&mut end).unwrap();
        assert_eq!(end, new[new.len() - 10..]);
    });
}

#[test]
fn refs_move_only_from_the_version_that_was_seen() {
    on_both(|open| {
        let store = open();
        let first = store.swap_ref("a/main", None, "1".into()).unwrap().unwrap();
        assert!(store.swap_ref("a/main", None, "2".into()).unwrap().is_err());
        let second = open().swap_ref("a/main", Some(&first), "2".into()).unwrap().unwrap();
        let moved = store.swap_ref("a/main", Some(&first), "3".into()).unwrap().unwrap_err();
        assert_eq!(moved.0.map(|value| value.version), Some(second.clone()));
        assert_eq!(store.list_refs("").unwrap(), ["a/main"]);
        assert!(!store.remove_ref("a/main", &first).unwrap());
        assert!(store.remove_ref("a/main", &second).unwrap());
        assert_eq!(store.read_ref("a/main").unwrap(), None);
        for bad in ["", "../x", "a//b", "/a"] {
            assert!(store.read_ref(bad).is_err(), "{bad:?}");
        }
    });
}

#[test]
fn many_threads_fill_many_packs() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { pack_size: 100_000, ..StoreOptions::default() };
    let store = Store::create(&Location::Folder(dir.path().into()), options).unwrap();
    let writer = store.writer().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (writer, store) = (&writer, &store);
            scope.spawn(move || {
                for i in 0..200 {
                    // Half of the objects are put by two threads.
                    let bytes = noise(if i % 2 == 0 { i } else { i + 1000 * thread }, 1000);
                    let id = writer.put(&bytes).unwrap();
                    assert_eq!(store.get(&id).unwrap(), bytes);
                }
            });
        }
    });
    assert!(writer.finish().unwrap().packs >= 5);
}
