//! The process stops at every write there is; the lake stays sound and keeps what was promised.

use std::sync::Arc;

use tamis_core::{BlobId, Hash, Progress};
use tamis_store::backend::Backend;
use tamis_store::{Store, StoreOptions};
use tamis_testkit::store::{FaultBackend, Faults, WriteFault};

/// What a script was told is done.
#[derive(Default)]
struct Promised {
    objects: Vec<Hash>,
    blobs: Vec<Hash>,
    tip: Option<String>,
}

/// A scripted history: small and large objects, pages, chunked blobs, refs, collection.
fn script(store: &Store, promised: &mut Promised) -> tamis_store::Result<()> {
    for turn in 0..4u64 {
        let writer = store.writer()?;
        let mut objects = Vec::new();
        for i in 0..5 {
            objects.push(writer.put(crate::noise(turn * 100 + i, 3000))?);
        }
        let page = writer.put_blocked(b"head", &[&crate::noise(turn + 50, 500), b"x"])?;
        let blob = writer.put_blob(&crate::noise(turn + 70, 1_300_000))?;
        writer.finish()?;
        promised.objects.extend(objects);
        promised.objects.push(page);
        promised.blobs.push(blob.0);
        let found = store.read_ref("main")?;
        let tip = format!("commit {turn}");
        let swapped = store.swap_ref("main", found.as_ref().map(|value| &value.version), tip.clone().into())?;
        assert!(swapped.is_ok());
        promised.tip = Some(tip);
    }
    Ok(())
}

fn check(backend: Arc<dyn Backend>, promised: &Promised, at: u64) {
    let Ok(store) = Store::open_on(backend, StoreOptions::default()) else {
        assert!(promised.tip.is_none() && promised.objects.is_empty(), "stop {at}: the lake cannot be opened");
        return;
    };
    let report = store.verify(&Progress::none()).unwrap();
    assert!(report.is_sound(), "stop {at}: {:?}", report.problems);
    for id in &promised.objects {
        assert!(store.contains(id).unwrap(), "stop {at}: object {id} is lost");
    }
    for id in &promised.blobs {
        assert_eq!(Hash::of(&store.blob(&BlobId(*id)).unwrap().read().unwrap()), *id, "stop {at}");
    }
    let tip = store.read_ref("main").unwrap().map(|value| String::from_utf8(value.bytes.to_vec()).unwrap());
    // The last swap may have arrived although nobody heard of it, never an older one.
    let turn = |tip: &Option<String>| tip.as_ref().map_or(0, |tip| tip[7..].parse::<u64>().unwrap() + 1);
    assert!((turn(&promised.tip)..=turn(&promised.tip) + 1).contains(&turn(&tip)), "stop {at}: {tip:?}");
    // And the lake can be used as before.
    let ids = crate::put(&store, &[crate::noise(999, 100)]);
    assert_eq!(store.get(&ids[0]).unwrap(), crate::noise(999, 100));
}

fn run(backend: Arc<dyn Backend>, arrange: impl Fn(&Faults)) -> (Promised, Faults) {
    let (faulty, faults) = FaultBackend::new(backend);
    arrange(&faults);
    let options = crate::options(|o| (o.pack_size, o.writers) = (1 << 20, 2));
    let mut promised = Promised::default();
    if let Ok(store) = Store::create_on(faulty, options) {
        drop(script(&store, &mut promised));
    }
    (promised, faults)
}

#[test]
fn a_stop_at_any_write_loses_nothing_that_was_promised() {
    let whole = tempfile::tempdir().unwrap();
    let (promised, faults) = run(crate::local(&whole), |_| {});
    assert_eq!(promised.tip.as_deref(), Some("commit 3"));
    for at in 0..faults.writes() {
        let dir = tempfile::tempdir().unwrap();
        let (promised, faults) = run(crate::local(&dir), |faults| faults.stop_after(at));
        assert!(faults.has_stopped());
        check(crate::local(&dir), &promised, at);
    }
}

#[test]
fn any_write_may_fail_or_be_done_and_reported_as_failed() {
    let whole = tempfile::tempdir().unwrap();
    let (_, faults) = run(crate::local(&whole), |_| {});
    for at in 1..=faults.writes() {
        for how in [WriteFault::Before, WriteFault::After, WriteFault::NoSpace] {
            let dir = tempfile::tempdir().unwrap();
            let (promised, _) = run(crate::local(&dir), |faults| faults.fail_write(at, how));
            check(crate::local(&dir), &promised, at);
        }
    }
}

#[test]
fn a_full_disk_is_a_clear_error_and_the_session_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let (faulty, faults) = FaultBackend::new(crate::local(&dir));
    let store = Store::create_on(faulty, StoreOptions::default()).unwrap();
    faults.fail_write(faults.writes() + 3, WriteFault::NoSpace);
    let writer = store.writer().unwrap();
    writer.put(b"one").unwrap();
    let error = writer.put(crate::noise(1, 100)).unwrap_err();
    assert!(error.to_string().contains("no storage space"), "{error}");
    assert_eq!(tamis_core::Classify::kind(&error), tamis_core::Kind::Io);
    drop(writer);
    for folder in ["packs", "tmp"] {
        assert_eq!(std::fs::read_dir(dir.path().join(folder)).unwrap().count(), 0, "{folder}");
    }
}

#[test]
fn a_session_with_a_failed_write_cannot_be_finished() {
    let dir = tempfile::tempdir().unwrap();
    let (faulty, faults) = FaultBackend::new(crate::local(&dir));
    let store = Store::create_on(faulty, StoreOptions::default()).unwrap();
    let writer = store.writer().unwrap();
    writer.put(b"one").unwrap();
    faults.fail_write(faults.writes() + 1, WriteFault::NoSpace);
    assert!(writer.put(b"two").is_err());
    writer.put(b"three").unwrap();
    assert!(writer.finish().unwrap_err().to_string().contains("earlier write"));
    assert_eq!(std::fs::read_dir(dir.path().join("packs")).unwrap().count(), 0);
}

#[test]
fn reads_that_time_out_or_come_short_are_errors_not_wrong_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (faulty, faults) = FaultBackend::new(crate::local(&dir));
    let store = Store::create_on(faulty, StoreOptions::default()).unwrap();
    let ids = crate::put(&store, &[crate::noise(1, 100)]);
    faults.time_out_reads(1);
    let error = store.get(&ids[0]).unwrap_err();
    assert!(tamis_core::Classify::kind(&error).is_retryable(), "{error}");
    faults.short_reads(true);
    assert!(store.get(&ids[0]).is_err());
    faults.short_reads(false);
    assert_eq!(store.get(&ids[0]).unwrap(), crate::noise(1, 100));
}
