//! What holds for any objects: packs give back what was put, and only that.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tamis_core::{Hash, Progress};
use tamis_store::{Location, Store};

/// Objects of all sorts: noise, text, runs, empty; duplicates are likely.
fn object() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0u64..20, 0usize..3000).prop_map(|(seed, length)| crate::noise(seed, length)),
        (0usize..200).prop_map(|times| "all the same words ".repeat(times).into_bytes()),
        (any::<u8>(), 0usize..70_000).prop_map(|(byte, length)| vec![byte; length]),
        (0u64..3, 0usize..9000).prop_map(|(seed, n)| [b"\xff\xd8\xff".to_vec(), crate::noise(seed, n)].concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_lake_is_a_map_from_hash_to_bytes(
        commits in prop::collection::vec(prop::collection::vec(object(), 0..12), 1..6),
        pack_size in 1_000u64..200_000,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let location = Location::Folder(dir.path().into());
        let store = Store::create(&location, crate::options(|o| o.pack_size = pack_size)).unwrap();
        let mut model: BTreeMap<Hash, Vec<u8>> = BTreeMap::new();
        for commit in &commits {
            let writer = store.writer().unwrap();
            for bytes in commit {
                let id = writer.put(bytes).unwrap();
                prop_assert_eq!(id, Hash::of(bytes));
                model.insert(id, bytes.clone());
                prop_assert_eq!(&store.get(&id).unwrap(), bytes);
            }
            writer.finish().unwrap();
        }
        let again = crate::reopen(&dir);
        let stored: usize = again.packs().iter().map(|pack| pack.len()).sum();
        prop_assert_eq!(stored, model.len(), "nothing is kept twice");
        for (id, bytes) in &model {
            prop_assert_eq!(&again.get(id).unwrap(), bytes);
            let absent = Hash::of(&id.0);
            prop_assert!(!again.contains(&absent).unwrap());
        }
        let report = again.verify(&Progress::none()).unwrap();
        prop_assert!(report.is_sound());
        prop_assert_eq!(report.objects, model.len() as u64);
    }
}
