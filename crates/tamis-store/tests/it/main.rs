//! The store from outside: every backend, damage, crashes, races, collection, copies, cost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod blobs;
mod cache;
mod conformance;
mod copy;
mod crash;
mod damage;
mod gc;
mod laws;
mod merge;
mod races;
mod refusals;

use std::sync::Arc;

use tamis_core::Hash;
use tamis_store::backend::{Backend, LocalBackend};
use tamis_store::{Location, Store, StoreOptions};
use tempfile::TempDir;

/// Bytes that do not compress and depend on a seed only.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Options with something changed.
fn options(change: impl FnOnce(&mut StoreOptions)) -> StoreOptions {
    let mut options = StoreOptions::default();
    change(&mut options);
    options
}

/// A lake in a folder of its own.
fn folder_lake() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(&Location::Folder(dir.path().into()), StoreOptions::default()).unwrap();
    (dir, store)
}

fn reopen(dir: &TempDir) -> Store {
    Store::open(&Location::Folder(dir.path().into()), StoreOptions::default()).unwrap()
}

fn local(dir: &TempDir) -> Arc<dyn Backend> {
    Arc::new(LocalBackend::create(dir.path()).unwrap())
}

/// One commit of a few objects.
fn put(store: &Store, objects: &[Vec<u8>]) -> Vec<Hash> {
    let writer = store.writer().unwrap();
    let ids = objects.iter().map(|bytes| writer.put(bytes).unwrap()).collect();
    writer.finish().unwrap();
    ids
}

/// The paths of the packs of a lake.
fn pack_paths(dir: &TempDir) -> Vec<std::path::PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(dir.path().join("packs")).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths
}
