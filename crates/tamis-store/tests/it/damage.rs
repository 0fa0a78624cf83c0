//! Damaged packs: every flipped bit is found, by reading and by verifying, and named.

use std::fs;

use proptest::prelude::*;
use tamis_core::{BlobId, Classify, Hash, Kind, Progress};
use tamis_store::{Location, ProblemKind, Store, StoreOptions};

/// A lake of one pack with every kind of object; returns their ids.
fn lake() -> (tempfile::TempDir, Vec<Hash>, BlobId) {
    let (dir, store) = crate::folder_lake();
    let writer = store.writer().unwrap();
    let mut ids: Vec<Hash> = (0..20).map(|i| writer.put(crate::noise(i, 50 + 40 * i as usize)).unwrap()).collect();
    ids.push(writer.put("compressible text, again and again. ".repeat(100)).unwrap());
    ids.push(writer.put_blocked(b"head", &[&crate::noise(1, 300), b"", &crate::noise(2, 700)]).unwrap());
    let blob = writer.put_blob(&crate::noise(7, 1_100_000)).unwrap();
    writer.finish().unwrap();
    (dir, ids, blob)
}

fn read_everything(store: &Store, ids: &[Hash], blob: &BlobId) -> tamis_store::Result<()> {
    for id in ids {
        if store.get(id).is_err() {
            let object = store.blocked(id)?;
            (0..object.blocks()).try_for_each(|at| object.block(at).map(drop))?;
        }
    }
    store.blob(blob)?.read().map(drop)
}

fn flip_and_look(dir: &tempfile::TempDir, ids: &[Hash], blob: &BlobId, at: usize, bit: u8) {
    let path = crate::pack_paths(dir).remove(0);
    let sound = fs::read(&path).unwrap();
    let mut bad = sound.clone();
    bad[at] ^= 1 << bit;
    fs::write(&path, &bad).unwrap();
    let store = crate::reopen(dir);
    let report = store.verify(&Progress::none()).unwrap();
    assert!(!report.is_sound(), "byte {at} bit {bit} changed unseen");
    assert!(report.problems.iter().all(|p| p.pack.starts_with("packs/")));
    // Header bytes are read by nothing but verify; all else is met by reading.
    if at >= 16 {
        let frames_end = bad.len() - 64 - 48 * (ids.len() + 1);
        let outcome = read_everything(&store, ids, blob);
        if at < frames_end {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), Kind::Corrupt, "{error}");
            assert!(error.to_string().contains("packs/") || error.to_string().contains("chunk"), "{error}");
        }
    }
    drop(store);
    fs::write(&path, &sound).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_flipped_bit_anywhere_is_found(share in 0.0..1.0f64, bit in 0..8u8, region in 0..4usize) {
        thread_local! { static LAKE: (tempfile::TempDir, Vec<Hash>, BlobId) = lake(); }
        LAKE.with(|(dir, ids, blob)| {
            let size = fs::metadata(&crate::pack_paths(dir)[0]).unwrap().len() as usize;
            // The parts differ in size by far: each gets its share of the cases.
            let (from, to) = [(0, 16), (16, 20_000), (20_000, size - 2_000), (size - 2_000, size)][region];
            let at = from + ((to - from) as f64 * share) as usize;
            flip_and_look(dir, ids, blob, at, bit);
        });
    }
}

#[test]
fn every_byte_of_header_and_trailer_is_checked() {
    let (dir, ids, blob) = lake();
    let size = fs::metadata(&crate::pack_paths(&dir)[0]).unwrap().len() as usize;
    for at in (0..16).chain(size - 64..size) {
        flip_and_look(&dir, &ids, &blob, at, (at % 8) as u8);
    }
}

#[test]
fn a_pack_cut_short_is_named_and_the_others_stay_readable() {
    let (dir, store) = crate::folder_lake();
    let lost = crate::put(&store, &[crate::noise(1, 5000)]);
    let path = crate::pack_paths(&dir).remove(0);
    let kept = crate::put(&store, &[crate::noise(2, 5000)]);
    drop(store);
    let sound = fs::read(&path).unwrap();
    for cut in [0, 1, 15, 16, 64, 80, 3000, sound.len() - 65, sound.len() - 1] {
        fs::write(&path, &sound[..cut]).unwrap();
        let store = crate::reopen(&dir);
        assert_eq!(store.get(&kept[0]).unwrap(), crate::noise(2, 5000));
        let error = store.get(&lost[0]).unwrap_err();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(error.kind(), Kind::Corrupt);
        assert!(error.to_string().contains(name) && error.to_string().contains(&lost[0].to_hex()), "{error}");
        let report = store.verify(&Progress::none()).unwrap();
        assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
        assert_eq!((report.problems[0].kind, report.packs), (ProblemKind::Pack, 2));
    }
    // Nothing of this changed the damaged file.
    assert_eq!(fs::read(&path).unwrap(), sound[..sound.len() - 1]);
}

#[test]
fn an_object_written_again_heals_the_lake() {
    let (dir, store) = crate::folder_lake();
    let ids = crate::put(&store, &[crate::noise(1, 5000)]);
    drop(store);
    let path = crate::pack_paths(&dir).remove(0);
    let cut = fs::read(&path).unwrap().len() - 10;
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(cut as u64).unwrap();
    let store = crate::reopen(&dir);
    assert!(store.get(&ids[0]).is_err());
    crate::put(&store, &[crate::noise(1, 5000)]);
    assert_eq!(crate::reopen(&dir).get(&ids[0]).unwrap(), crate::noise(1, 5000));
}

#[test]
fn a_folder_that_is_no_lake_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let location = Location::Folder(dir.path().into());
    assert_eq!(Store::open(&location, StoreOptions::default()).unwrap_err().kind(), Kind::NotFound);
    fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    assert_eq!(Store::create(&location, StoreOptions::default()).unwrap_err().kind(), Kind::Exists);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
