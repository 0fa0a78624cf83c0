//! Clone, push, pull: only what is missing, verified, resumable.

use std::sync::Arc;

use tamis_core::{Classify, DatasetName, Kind, Progress};
use tamis_repo::{CloneOptions, Dataset, MergeOptions, MergeOutcome, PushOptions, Repo};
use tamis_store::{Store, backend::LocalBackend};
use tamis_testkit::store::{CountingBackend, FaultBackend};

use crate::support::*;

fn none() -> Progress {
    Progress::none()
}

fn name() -> DatasetName {
    DatasetName::new("signs").unwrap()
}

/// A dataset with some history, media and a merge.
fn source() -> Dataset {
    let signs = dataset();
    let mut edit = signs.transaction("main").unwrap();
    for i in 0..300 {
        let mut one = sample(&format!("train/{i:04}.jpg"), &[car(1, f64::from(i))]);
        let bytes: Vec<u8> =
            (0..2000u32).map(|b| (b.wrapping_mul(2_654_435_761).wrapping_add(i as u32 * 977) >> 13) as u8).collect();
        let blob = edit.put_blob(&bytes).unwrap();
        one.media = Some(tamis_core::Media { blob: Some(blob), size: 2000, ..Default::default() });
        edit.put(one).unwrap();
    }
    edit.commit("first", &me()).unwrap();
    signs.create_branch("side", "main", &me()).unwrap();
    put(&signs, "side", &[sample("side/1", &[])], "side");
    put(&signs, "main", &[sample("main/1", &[])], "more");
    signs.merge("main", "side", &me(), &MergeOptions::default()).unwrap();
    signs.create_tag("v1", "main", "", &me()).unwrap();
    signs
}

fn same(a: &Dataset, b: &Dataset, revision: &str) {
    assert_eq!(a.resolve(revision).unwrap(), b.resolve(revision).unwrap());
    let all = |d: &Dataset| -> Vec<_> {
        d.snapshot(revision).unwrap().scan(&Default::default()).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(all(a), all(b));
    for sample in all(b) {
        if let Some(blob) = sample.media.and_then(|media| media.blob) {
            b.snapshot(revision).unwrap().blob(&blob).unwrap().read().unwrap();
        }
    }
}

#[test]
fn a_clone_is_the_same_and_small_pushes_move_little() {
    let signs = source();
    let (other, _) = repo();
    let (copy, report) = other.clone_dataset(&signs, &name(), &CloneOptions::default(), &me(), &none()).unwrap();
    assert!(report.commits == 4 && report.bytes > 600_000, "{report:?}");
    for revision in ["main", "side", "v1", "origin/main", "main~2"] {
        let ours = revision.strip_prefix("origin/").unwrap_or(revision);
        assert_eq!(copy.resolve(revision).unwrap().id, signs.resolve(ours).unwrap().id);
    }
    same(&signs, &copy, "main");
    assert!(other.verify(&none()).unwrap().is_sound());

    let mut edit = copy.transaction("main").unwrap();
    edit.patch_layer("train/0007.jpg", "truth", Some(vec![car(1, -1.0)])).unwrap();
    edit.commit("one edit", &me()).unwrap();
    let push = |options: &PushOptions| copy.push("origin", signs.repo(), &name(), "main", options, &me(), &none());
    let report = push(&PushOptions::default()).unwrap();
    assert!(report.commits == 1 && report.bytes < 10_000, "{report:?}");
    same(&copy, &signs, "main");
    assert_eq!(push(&PushOptions::default()).unwrap().objects, 0);

    // The other side moves: a push is refused, a pull merges, and then the push goes.
    put(&signs, "main", &[sample("z/1", &[])], "theirs");
    put(&copy, "main", &[sample("z/2", &[])], "ours");
    let error = push(&PushOptions::default()).unwrap_err();
    assert!(error.kind() == Kind::Conflict && error.to_string().contains("pull first"), "{error}");
    let pulled = copy.pull("origin", &signs, "main", &me(), &MergeOptions::default(), &none()).unwrap();
    assert!(matches!(pulled.merge, MergeOutcome::Merged(_)));
    push(&PushOptions::default()).unwrap();
    same(&copy, &signs, "main");
    assert!(signs.repo().verify(&none()).unwrap().is_sound());
}

#[test]
fn pushes_make_the_dataset_and_force_moves_back() {
    let signs = source();
    let (other, _) = repo();
    let push =
        |branch: &str, options: &PushOptions| signs.push("backup", &other, &name(), branch, options, &me(), &none());
    push("main", &PushOptions { tags: true, ..PushOptions::default() }).unwrap();
    let there = other.dataset(&name()).unwrap();
    same(&signs, &there, "main");
    assert!(there.resolve("v1").is_ok());
    push("side", &PushOptions::default()).unwrap();
    signs.reset_branch("main", "main~1", &me(), Default::default()).unwrap();
    assert!(push("main", &PushOptions::default()).is_err());
    there.protect_branch("main", true, &me()).unwrap();
    assert_eq!(push("main", &PushOptions { force: true, ..Default::default() }).unwrap_err().kind(), Kind::Denied);
    push("main", &PushOptions { force: true, allow_protected: true, ..Default::default() }).unwrap();
    same(&signs, &there, "main");
}

#[test]
fn a_push_takes_few_requests_and_the_new_bytes() {
    let signs = source();
    let folder = tempfile::tempdir().unwrap();
    let (counting, calls) = CountingBackend::new(Arc::new(LocalBackend::create(folder.path()).unwrap()));
    let other = Repo::on(Store::create_on(counting, options().0).unwrap()).unwrap();
    let before = calls.bytes_published();
    let report = signs.push("x", &other, &name(), "main", &PushOptions::default(), &me(), &none()).unwrap();
    let written = calls.bytes_published() - before;
    assert!(written as f64 <= 1.05 * report.bytes as f64 + 8192.0, "{written} written for {report:?}");
    assert!(calls.published() <= 8, "{} files", calls.published());
}

#[test]
fn a_push_that_was_killed_is_continued() {
    let signs = source();
    let mut k = 1;
    loop {
        let folder = tempfile::tempdir().unwrap();
        let (backend, faults) = FaultBackend::new(Arc::new(LocalBackend::create(folder.path()).unwrap()));
        faults.stop_after(k);
        let attempt = Store::create_on(backend, options().0).map_err(|e| e.to_string()).and_then(|store| {
            let other = Repo::on(store).map_err(|e| e.to_string())?;
            signs.push("x", &other, &name(), "main", &PushOptions::default(), &me(), &none()).map_err(|e| e.to_string())
        });
        let backend = Arc::new(LocalBackend::open(folder.path()).unwrap());
        let store = match Store::open_on(backend.clone(), options().0) {
            Ok(store) => store,
            Err(_) if attempt.is_err() => Store::create_on(backend, options().0).unwrap(),
            Err(error) => panic!("{error}"),
        };
        let other = Repo::on(store).unwrap();
        let report = other.verify(&none()).unwrap();
        assert!(report.is_sound(), "after {k} writes: {:?}", report.problems);
        signs.push("x", &other, &name(), "main", &PushOptions::default(), &me(), &none()).unwrap();
        same(&signs, &other.dataset(&name()).unwrap(), "main");
        if attempt.is_ok() && !faults.has_stopped() {
            break;
        }
        k += 1 + k / 4;
    }
    assert!(k > 5);
}
