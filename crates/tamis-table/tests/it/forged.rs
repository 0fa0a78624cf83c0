//! Objects with right hashes and wrong contents, as a hostile peer could send: errors, no panics.

use proptest::prelude::*;
use tamis_core::{Hash, TableId};
use tamis_store::Store;
use tamis_table::{Change, Table, TableCache, TableSchema};

struct World {
    store: Store,
    root: Vec<u8>,
    /// Plain objects below the root: nodes and the schema.
    plain: Vec<(Hash, Vec<u8>)>,
    /// Everything below the root.
    all: Vec<Hash>,
    change: Vec<u8>,
    sound: Vec<(Vec<u8>, Option<i64>)>,
}

fn world() -> World {
    let store = Store::memory().unwrap();
    let last = crate::edited(&store, &crate::build(&store, 300));
    let table = last.table;
    let mut all = Vec::new();
    table
        .reachable(None, &mut |id| {
            all.push(id);
            Ok(())
        })
        .unwrap();
    all.retain(|id| *id != table.id().0);
    let plain = all.iter().filter_map(|id| Some((*id, store.get(id).ok()?.to_vec()))).collect();
    World {
        root: store.get(&table.id().0).unwrap().to_vec(),
        plain,
        all,
        change: store.get(&last.change.unwrap().id).unwrap().to_vec(),
        sound: crate::exercise(&table).unwrap(),
        store,
    }
}

fn put(store: &Store, bytes: Vec<u8>) -> Hash {
    crate::with_writer(store, |writer| writer.put(bytes).unwrap())
}

fn replace(bytes: &mut [u8], old: &Hash, new: &Hash) -> bool {
    let found = (0..bytes.len().saturating_sub(31)).find(|at| bytes[*at..at + 32] == old.0);
    if let Some(at) = found {
        bytes[at..at + 32].copy_from_slice(&new.0);
    }
    found.is_some()
}

impl World {
    /// Reads the version of a forged root; whatever comes, it comes without a panic.
    fn read(&self, root: Vec<u8>) -> Option<Vec<(Vec<u8>, Option<i64>)>> {
        let id = TableId(put(&self.store, root));
        let table = Table::open(&TableCache::new(&self.store), id).ok()?;
        crate::exercise(&table).ok()
    }

    /// The root after one of the objects below it was replaced, all the way up.
    fn with(&self, old: Hash, bytes: Vec<u8>) -> Vec<u8> {
        let (mut old, mut new) = (old, put(&self.store, bytes));
        let mut root = self.root.clone();
        while !replace(&mut root, &old, &new) {
            let parent = self.plain.iter().find_map(|(id, bytes)| {
                let mut bytes = bytes.clone();
                replace(&mut bytes, &old, &new).then_some((*id, bytes))
            });
            let Some((id, bytes)) = parent else { break };
            (old, new) = (id, put(&self.store, bytes));
        }
        root
    }
}

thread_local! { static WORLD: World = world(); }

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn forged_roots_nodes_and_schemas_do_not_break_a_reader(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        WORLD.with(|world| {
            let forge = |bytes: &[u8]| {
                let mut bytes = bytes.to_vec();
                let at = at.index(bytes.len());
                bytes[at] = byte;
                if cut {
                    bytes.truncate(at);
                }
                bytes
            };
            drop(world.read(forge(&world.root)));
            let (id, bytes) = &world.plain[which.index(world.plain.len())];
            drop(world.read(world.with(*id, forge(bytes))));
            drop(TableSchema::from_json(&forge(bytes)));
            drop(Change::open(&TableCache::new(&world.store), put(&world.store, forge(&world.change))));
        });
    }

    #[test]
    fn objects_in_wrong_places_are_no_other_rows_unseen(
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        parent in any::<prop::sample::Index>(),
    ) {
        WORLD.with(|world| {
            let (from, to) = (from.index(world.all.len()), to.index(world.all.len()));
            let (id, bytes) = &world.plain[parent.index(world.plain.len())];
            let mut bytes = bytes.clone();
            if from == to || !replace(&mut bytes, &world.all[from], &world.all[to]) {
                return Ok(());
            }
            if let Some(rows) = world.read(world.with(*id, bytes)) {
                prop_assert_eq!(&rows, &world.sound);
            }
            Ok(())
        })?;
    }
}

#[test]
fn nodes_of_a_wrong_level_are_refused() {
    WORLD.with(|world| {
        for (id, bytes) in world.plain.iter().filter(|(_, bytes)| bytes.starts_with(b"TNOD")) {
            let mut bytes = bytes.clone();
            bytes[5] = bytes[5].wrapping_add(1);
            assert!(world.read(world.with(*id, bytes)).is_none());
        }
    });
}
