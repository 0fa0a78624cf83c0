//! Collecting garbage: what is alive stays, and so does what somebody is about to use.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tamis_core::{Clock, Hash, Progress, SystemClock};
use tamis_store::{GcOptions, GcReport, LiveSet, Location, Store};
use tempfile::TempDir;

/// A clock that is set forward by hand.
#[derive(Debug, Default)]
struct Later(AtomicI64);

impl Clock for Later {
    fn now_micros(&self) -> i64 {
        SystemClock.now_micros() + self.0.load(Ordering::Relaxed)
    }
}

impl Later {
    fn days(&self, days: i64) {
        self.0.fetch_add(days * 24 * 3_600_000_000, Ordering::Relaxed);
    }
}

fn lake() -> (TempDir, Store, Arc<Later>) {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(Later::default());
    let options = crate::options(|o| o.clock = Arc::clone(&clock) as Arc<dyn Clock>);
    let store = Store::create(&Location::Folder(dir.path().into()), options).unwrap();
    (dir, store, clock)
}

fn collect(store: &Store, live: &[Hash], options: &GcOptions) -> GcReport {
    let mut set = LiveSet::new(store);
    for id in live {
        set.insert(id);
    }
    store.gc(&set, options, &Progress::none()).unwrap()
}

fn at_once() -> GcOptions {
    let mut options = GcOptions::default();
    options.grace = Duration::ZERO;
    options
}

fn objects(seed: u64, count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|i| crate::noise(seed * 1000 + i, 2000)).collect()
}

#[test]
fn dead_packs_go_half_dead_ones_are_rewritten_and_the_rest_is_left() {
    let (dir, store, _) = lake();
    let dead = crate::put(&store, &objects(1, 10));
    let mixed = crate::put(&store, &objects(2, 10));
    let nearly = crate::put(&store, &objects(3, 10));
    let live: Vec<Hash> = [&mixed[..5], &nearly[..9]].concat();

    let mut dry = at_once();
    dry.dry_run = true;
    let plan = collect(&store, &live, &dry);
    assert_eq!((plan.dropped, plan.compacted, plan.dead_objects, crate::pack_paths(&dir).len()), (1, 1, 16, 3));
    assert_eq!(plan.dead_bytes, 32_000);

    let done = collect(&store, &live, &at_once());
    assert_eq!((done.dropped, done.compacted, done.freed_bytes), (1, 1, plan.freed_bytes));
    assert_eq!(crate::pack_paths(&dir).len(), 2);
    for store in [&store, &crate::reopen(&dir)] {
        assert!(live.iter().all(|id| store.get(id).is_ok()));
        assert!(nearly.iter().all(|id| store.get(id).is_ok()), "a tenth of dead bytes is not worth the copy");
        assert!(dead.iter().chain(&mixed[5..]).all(|id| store.get(id).is_err()));
        assert!(store.verify(&Progress::none()).unwrap().is_sound());
    }
    let again = collect(&store, &live, &at_once());
    assert_eq!((again.dropped, again.compacted, again.dead_objects), (0, 0, 1));
}

#[test]
fn nothing_goes_before_it_was_condemned_for_the_grace_period() {
    let (_dir, store, clock) = lake();
    let dead = crate::put(&store, &objects(1, 10));
    let options = GcOptions::default();
    assert_eq!(collect(&store, &[], &options).condemned, 0, "a young pack is not even judged");
    clock.days(2);
    let first = collect(&store, &[], &options);
    assert_eq!((first.condemned, first.dropped), (1, 0));
    assert_eq!(collect(&store, &[], &options).dropped, 0);
    assert!(store.get(&dead[0]).is_ok());
    clock.days(2);
    assert_eq!(collect(&store, &[], &options).dropped, 1);
    assert!(store.get(&dead[0]).is_err());
}

#[test]
fn a_session_that_counted_on_a_pack_before_it_was_condemned_saves_it() {
    let (_dir, store, clock) = lake();
    let ids = crate::put(&store, &objects(1, 10));
    clock.days(2);
    let session = store.writer().unwrap();
    assert_eq!(collect(&store, &[], &GcOptions::default()).condemned, 1);
    // It writes nothing: the lake has it all.
    for bytes in objects(1, 10) {
        session.put(bytes).unwrap();
    }
    assert_eq!(session.finish().unwrap().packs, 0);
    clock.days(2);
    // Its ref has moved by now, so the second mark finds the objects.
    let report = collect(&store, &ids, &GcOptions::default());
    assert_eq!((report.dropped, report.compacted), (0, 0));
    assert!(ids.iter().all(|id| store.get(id).is_ok()));
}

#[test]
fn a_session_after_a_pack_was_condemned_keeps_its_own_copy() {
    let (dir, store, clock) = lake();
    crate::put(&store, &objects(1, 10));
    clock.days(2);
    assert_eq!(collect(&store, &[], &GcOptions::default()).condemned, 1);
    clock.days(2);
    // Marking is over; now somebody writes the same objects, from another process.
    let late = LiveSet::new(&store);
    let other = crate::reopen(&dir);
    let ids = crate::put(&other, &objects(1, 10));
    assert_eq!(crate::pack_paths(&dir).len(), 1, "same objects, same pack name");
    drop(late);
    assert!(ids.iter().all(|id| other.get(id).is_ok()));
}

#[test]
fn a_store_with_an_old_listing_does_not_count_on_deleted_packs() {
    let (dir, store, _) = lake();
    crate::put(&store, &objects(1, 10));
    let old = crate::reopen(&dir);
    collect(&store, &[], &at_once());
    let ids = crate::put(&old, &objects(1, 10));
    assert!(ids.iter().all(|id| crate::reopen(&dir).get(id).is_ok()));
}

#[test]
fn chunks_of_a_live_blob_are_alive() {
    let (dir, store, _) = lake();
    let writer = store.writer().unwrap();
    let (kept, lost) = (crate::noise(1, 3 << 20), crate::noise(2, 3 << 20));
    let (keep, lose) = (writer.put_blob(&kept).unwrap(), writer.put_blob(&lost).unwrap());
    writer.finish().unwrap();
    let report = collect(&store, &[keep.0], &at_once());
    assert_eq!(report.compacted, 1);
    let store = crate::reopen(&dir);
    assert_eq!(store.blob(&keep).unwrap().read().unwrap(), kept);
    assert!(store.blob(&lose).is_err());
    assert!(store.verify(&Progress::none()).unwrap().is_sound());
}

#[test]
fn a_blob_whose_chunks_are_condemned_is_written_again() {
    let (dir, store, clock) = lake();
    let bytes = crate::noise(5, 3 << 20);
    let writer = store.writer().unwrap();
    let blob = writer.put_blob(&bytes).unwrap();
    writer.finish().unwrap();
    let kept = crate::put(&store, &objects(1, 10));
    clock.days(2);
    assert_eq!(collect(&store, &kept, &GcOptions::default()).condemned, 1);
    let writer = store.writer().unwrap();
    writer.put_blob(&bytes).unwrap();
    assert!(writer.finish().unwrap().bytes > 3 << 20);
    assert_eq!(crate::reopen(&dir).blob(&blob).unwrap().read().unwrap(), bytes);
}

#[test]
fn an_object_in_two_packs_keeps_one_sound_copy() {
    let (dir, store) = crate::folder_lake();
    let other = crate::reopen(&dir);
    let shared = crate::noise(9, 2000);
    let (first, second) = (store.writer().unwrap(), other.writer().unwrap());
    let id = first.put(&shared).unwrap();
    second.put(&shared).unwrap();
    first.put(crate::noise(10, 1000)).unwrap();
    second.put(crate::noise(11, 1000)).unwrap();
    first.finish().unwrap();
    second.finish().unwrap();
    // The newer copy is damaged.
    let store = crate::reopen(&dir);
    let newest = store.packs().last().unwrap().place().to_owned();
    let mut bytes = std::fs::read(&newest).unwrap();
    bytes[20] ^= 1;
    drop(store);
    std::fs::write(&newest, bytes).unwrap();
    let store = crate::reopen(&dir);
    collect(&store, &[id], &at_once());
    drop(std::fs::remove_file(&newest));
    assert_eq!(crate::reopen(&dir).get(&id).unwrap(), shared);
}

#[test]
fn a_dry_run_works_on_a_store_for_reading() {
    let (dir, store) = crate::folder_lake();
    crate::put(&store, &objects(1, 3));
    let reader = Store::open(&Location::Folder(dir.path().into()), crate::options(|o| o.read_only = true)).unwrap();
    let mut dry = at_once();
    dry.dry_run = true;
    assert_eq!(collect(&reader, &[], &dry).dropped, 1);
    assert!(reader.gc(&LiveSet::new(&reader), &at_once(), &Progress::none()).is_err());
}
