//! What every backend must do, as assertions.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use tamis_store::backend::Backend;

/// Runs all of it on an empty backend.
pub fn backend(backend: &Arc<dyn Backend>) {
    immutable_files(backend);
    small_files(backend);
    races(backend);
}

fn immutable_files(backend: &Arc<dyn Backend>) {
    assert!(backend.open("packs/none").unwrap().is_none());
    let content: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
    let mut file = backend.create(content.len() as u64).unwrap();
    file.append(&content[..10]).unwrap();
    file.append(&content[10..2_000_000]).unwrap();
    file.append(&content[2_000_000..]).unwrap();
    assert_eq!(file.read(3..9).unwrap(), content[3..9]);
    assert_eq!(file.read(100..1_999_999).unwrap(), content[100..1_999_999]);
    assert_eq!(file.read(2_500_000..2_500_001).unwrap(), content[2_500_000..2_500_001]);
    assert_eq!(backend.list("packs/").unwrap(), [], "not visible before it is published");
    let published = file.publish("packs/one").unwrap();
    assert_eq!(published.size(), content.len() as u64);
    let opened = backend.open("packs/one").unwrap().unwrap();
    assert_eq!(opened.size(), content.len() as u64);
    for range in [0..16, 5..2_999_999, 2_999_990..3_000_000, 7..7] {
        let part = &content[range.start as usize..range.end as usize];
        assert_eq!(opened.read(range.clone()).unwrap(), part);
        assert_eq!(published.read(range).unwrap(), part);
    }
    let many = opened.read_many(&[5..10, 100..100, 1_000_000..1_500_000]).unwrap();
    assert_eq!(many.iter().map(Bytes::len).collect::<Vec<_>>(), [5, 0, 500_000]);
    assert_eq!(many[2], content[1_000_000..1_500_000]);
    for bad in [0..3_000_001, 3_000_001..3_000_002, u64::MAX - 1..u64::MAX] {
        assert!(opened.read(bad).is_err());
    }
    let mut again = backend.create(0).unwrap();
    again.append(&content).unwrap();
    again.publish("packs/one").unwrap();
    drop(backend.create(0).unwrap());
    let listed = backend.list("packs/").unwrap();
    assert_eq!(listed.iter().map(|e| (e.path.as_str(), e.size)).collect::<Vec<_>>(), [("packs/one", 3_000_000)]);
    backend.delete("packs/one").unwrap();
    backend.delete("packs/one").unwrap();
    assert!(backend.open("packs/one").unwrap().is_none());
    assert_eq!(backend.list("packs/").unwrap(), []);
}

fn small_files(backend: &Arc<dyn Backend>) {
    let path = "refs/a/b/c";
    assert_eq!(backend.read_small(path).unwrap(), None);
    let one = backend.swap_small(path, None, "one".into()).unwrap().unwrap();
    assert_eq!(backend.read_small(path).unwrap(), Some(("one".into(), one.clone())));
    let there = backend.swap_small(path, None, "two".into()).unwrap().unwrap_err();
    assert_eq!(there, Some(("one".into(), one.clone())));
    let two = backend.swap_small(path, Some(&one), "two".into()).unwrap().unwrap();
    assert_ne!(one, two);
    assert!(backend.swap_small(path, Some(&one), "three".into()).unwrap().is_err());
    assert_eq!(backend.list("refs/").unwrap().len(), 1);
    assert!(!backend.remove_small(path, &one).unwrap());
    assert!(backend.remove_small(path, &two).unwrap());
    assert!(!backend.remove_small(path, &two).unwrap());
    assert_eq!(backend.read_small(path).unwrap(), None);
    assert_eq!(backend.list("refs/").unwrap(), []);
    assert_eq!(backend.swap_small(path, Some(&two), "four".into()).unwrap(), Err(None));
    let five = backend.swap_small(path, None, "five".into()).unwrap().unwrap();
    assert!(backend.remove_small(path, &five).unwrap());
}

/// Eight threads count up in one small file: no count is lost.
fn races(backend: &Arc<dyn Backend>) {
    const THREADS: usize = 8;
    const TIMES: usize = 10;
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..TIMES).for_each(|_| count_up(&**backend, "refs/count")));
        }
    });
    let (bytes, _) = backend.read_small("refs/count").unwrap().unwrap();
    assert_eq!(bytes, format!("{}", THREADS * TIMES));
}

/// Adds one to the number in a small file, trying again as long as others are first.
pub fn count_up(backend: &dyn Backend, path: &str) {
    loop {
        let found = backend.read_small(path).unwrap();
        let number: u64 = found.as_ref().map_or(0, |(bytes, _)| String::from_utf8_lossy(bytes).parse().unwrap());
        let next = Bytes::from(format!("{}", number + 1));
        if backend.swap_small(path, found.as_ref().map(|(_, version)| version), next).unwrap().is_ok() {
            return;
        }
    }
}
