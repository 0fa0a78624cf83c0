//! Many small commits do not make a lake of many files.

use tamis_core::Progress;

#[test]
fn a_thousand_small_commits_keep_few_packs_and_all_objects() {
    let (dir, store) = crate::folder_lake();
    let reader = crate::reopen(&dir);
    let mut ids = Vec::new();
    for commit in 0..1000u64 {
        let objects: Vec<Vec<u8>> = (0..3).map(|i| crate::noise(commit * 10 + i, 300)).collect();
        ids.extend(crate::put(&store, &objects));
        if commit == 500 {
            // A reader with an older listing finds old and new objects.
            assert!(ids.iter().all(|id| reader.contains(id).unwrap()));
        }
    }
    assert!(crate::pack_paths(&dir).len() <= 65, "{}", crate::pack_paths(&dir).len());
    for store in [&store, &reader, &crate::reopen(&dir)] {
        for (at, id) in ids.iter().enumerate() {
            let (commit, i) = (at as u64 / 3, at as u64 % 3);
            assert_eq!(store.get(id).unwrap(), crate::noise(commit * 10 + i, 300));
        }
    }
    let report = store.verify(&Progress::none()).unwrap();
    assert!(report.is_sound());
    assert_eq!(report.objects, 3000);
}

#[test]
fn a_remote_reader_with_an_old_listing_looks_again() {
    let name = format!("merge-{}", std::process::id());
    let location = tamis_store::Location::Memory(name);
    let store = tamis_store::Store::create(&location, Default::default()).unwrap();
    let first = crate::put(&store, &[crate::noise(1, 300_000)]);
    let old = tamis_store::Store::open(&location, Default::default()).unwrap();
    for commit in 0..70 {
        crate::put(&store, &[crate::noise(commit + 10, 300)]);
    }
    assert!(store.packs().len() < 40);
    assert_eq!(old.get(&first[0]).unwrap(), crate::noise(1, 300_000));
}

#[test]
fn a_merge_that_meets_a_damaged_pack_leaves_all_as_it_is() {
    let (dir, store) = crate::folder_lake();
    for commit in 0..60u64 {
        crate::put(&store, &[crate::noise(commit, 300)]);
    }
    drop(store);
    let bad = crate::pack_paths(&dir).remove(7);
    let mut bytes = std::fs::read(&bad).unwrap();
    bytes[100] ^= 4;
    std::fs::write(&bad, &bytes).unwrap();
    let store = crate::reopen(&dir);
    for commit in 60..80u64 {
        crate::put(&store, &[crate::noise(commit, 300)]);
    }
    assert_eq!(std::fs::read(&bad).unwrap(), bytes);
    let report = store.verify(&Progress::none()).unwrap();
    assert_eq!(report.problems.len(), 1);
    let readable = (0..80u64).filter(|&c| store.get(&tamis_core::Hash::of(&crate::noise(c, 300))).is_ok()).count();
    assert_eq!(readable, 79);
}
