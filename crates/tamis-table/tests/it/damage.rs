//! A flipped bit in a lake: an error, or the same rows; never a panic, never other rows.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tamis_core::{Classify, Kind, TableId};
use tamis_store::{Location, Store, StoreOptions};
use tamis_table::{Change, Table, TableCache};

fn packs(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.metadata().unwrap().is_dir() {
            true => found.extend(packs(&entry.path())),
            false if entry.path().extension().is_some_and(|ext| ext == "pack") => found.push(entry.path()),
            false => {}
        }
    }
    found.sort();
    found
}

/// Puts another file in the place of one: threads of a scan that was dropped may still map the old one.
fn put(path: &Path, bytes: &[u8]) {
    let new = path.with_extension("new");
    std::fs::write(&new, bytes).unwrap();
    std::fs::rename(&new, path).unwrap();
}

fn read(location: &Location, id: TableId) -> tamis_table::Result<Vec<(Vec<u8>, Option<i64>)>> {
    let store = Store::open(location, StoreOptions::default())?;
    crate::exercise(&Table::open(&TableCache::new(&store), id)?)
}

#[test]
fn a_table_survives_a_restart_and_a_flipped_bit_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::Folder(folder.path().to_owned());
    let (id, change) = {
        let store = Store::create(&location, StoreOptions::default()).unwrap();
        let last = crate::edited(&store, &crate::build(&store, 300));
        assert!(last.table.depth() > 1, "the stack is read too");
        (last.table.id(), last.change.unwrap().id)
    };
    let sound = read(&location, id).unwrap();
    assert_eq!(sound.len(), 300 + 30 - 15);
    let store = Store::open(&location, StoreOptions::default()).unwrap();
    assert_eq!(Change::open(&TableCache::new(&store), change).unwrap().rows(), 15);
    drop(store);
    let paths = packs(folder.path());
    assert!(!paths.is_empty());
    let config = ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(pack in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0..8u8)| {
        let path = &paths[pack.index(paths.len())];
        let bytes = std::fs::read(path).unwrap();
        let mut bad = bytes.clone();
        bad[at.index(bytes.len())] ^= 1 << bit;
        put(path, &bad);
        let outcome = read(&location, id);
        put(path, &bytes);
        match outcome {
            // The bit was in something that this version does not need.
            Ok(rows) => prop_assert_eq!(&rows, &sound),
            Err(error) => prop_assert!(matches!(error.kind(), Kind::Corrupt | Kind::NotFound | Kind::Unsupported), "{}", error),
        }
    });
}
