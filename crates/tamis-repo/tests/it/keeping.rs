//! Garbage collection, verification, crashes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tamis_core::{DatasetName, Progress};
use tamis_repo::{GcOptions, MergeOptions, MoveOptions, Repo};
use tamis_store::{Store, backend::LocalBackend};
use tamis_testkit::store::FaultBackend;

use crate::support::*;

fn none() -> Progress {
    Progress::none()
}

fn all_at_once(days: u64) -> GcOptions {
    GcOptions { retention: Duration::from_secs(days * 86_400), grace: Duration::ZERO, dry_run: false }
}

#[test]
fn collecting_keeps_what_refs_and_undo_need() {
    let (repo, clock) = repo();
    let signs = repo.create(&DatasetName::new("signs").unwrap(), &me()).unwrap();
    let noise = |seed: u32| -> Vec<u8> {
        (0..1600u32).flat_map(|at| tamis_core::Hash::of(&[seed.to_le_bytes(), at.to_le_bytes()].concat()).0).collect()
    };
    let commit = |branch: &str, path: &str, seed: u32| {
        let mut edit = signs.transaction(branch).unwrap();
        let blob = edit.put_blob(&noise(seed)).unwrap();
        let media = tamis_core::Media { blob: Some(blob), size: 50_000, ..Default::default() };
        edit.put(tamis_core::Sample { media: Some(media), ..sample(path, &[]) }).unwrap();
        edit.commit(path, &me()).unwrap();
        blob
    };
    let kept = commit("main", "a", 1);
    signs.create_branch("side", "main", &me()).unwrap();
    let lost = commit("side", "b", 2);
    signs.open_draft("mine", "main", &me()).unwrap();
    let mut edit = signs.draft_transaction("mine").unwrap();
    let drafted = edit.put_blob(&noise(3)).unwrap();
    let media = tamis_core::Media { blob: Some(drafted), size: 1, ..Default::default() };
    edit.put(tamis_core::Sample { media: Some(media), ..sample("d", &[]) }).unwrap();
    edit.commit("save", &me()).unwrap();
    let force = MoveOptions { allow_unmerged: true, ..MoveOptions::default() };
    signs.delete_branch("side", &me(), force).unwrap();
    let has = |blob: &tamis_core::BlobId| repo.store().contains(blob.hash()).unwrap();

    // Undo can still bring the branch back.
    repo.gc(&all_at_once(30), &none()).unwrap();
    assert!(has(&kept) && has(&lost) && has(&drafted));
    signs.undo(None, &me()).unwrap();
    assert_eq!(paths(&signs, "side"), ["a", "b"]);
    signs.delete_branch("side", &me(), force).unwrap();

    clock.0.fetch_add(40 * 86_400_000_000, Ordering::SeqCst);
    signs.create_tag("later", "main", "", &me()).unwrap();
    signs.create_tag("later2", "main", "", &me()).unwrap();
    let dry = repo.gc(&GcOptions { dry_run: true, ..all_at_once(30) }, &none()).unwrap();
    assert!(has(&lost) && dry.dead_bytes >= 50_000, "{dry:?}");
    let report = repo.gc(&all_at_once(30), &none()).unwrap();
    assert!(report.freed_bytes >= 40_000, "{report:?}");
    assert!(has(&kept) && !has(&lost) && has(&drafted));
    assert!(repo.verify(&none()).unwrap().is_sound());
    assert!(signs.operations(99).unwrap().len() < 9);

    repo.remove(signs.name(), &me()).unwrap();
    repo.gc(&all_at_once(30), &none()).unwrap();
    assert!(has(&kept));
    clock.0.fetch_add(40 * 86_400_000_000, Ordering::SeqCst);
    let report = repo.gc(&all_at_once(30), &none()).unwrap();
    assert!(report.expired == ["signs"] && !has(&kept), "{report:?}");
}

#[test]
fn verify_finds_a_lost_blob() {
    let signs = dataset();
    let mut one = sample("a", &[]);
    let blob = tamis_core::BlobId(tamis_core::Hash::of(b"never stored"));
    one.media = Some(tamis_core::Media { blob: Some(blob), ..Default::default() });
    put(&signs, "main", &[one], "one");
    let report = signs.repo().verify(&none()).unwrap();
    assert_eq!(report.problems.len(), 1);
    assert!(report.problems[0].contains(&blob.to_string()), "{:?}", report.problems);
}

/// A session with every kind of write; tells after each step what was acknowledged.
fn session(repo: &Repo, done: &mut Vec<&'static str>) -> tamis_repo::Result<()> {
    let signs = repo.create(&DatasetName::new("signs")?, &me())?;
    done.push("create");
    for (step, path) in [("a", "a"), ("b", "b"), ("c", "c")] {
        let mut edit = signs.transaction("main")?;
        edit.put_blob(path.as_bytes())?;
        edit.put(sample(path, &[car(1, 0.0)]))?;
        edit.commit(path, &me())?;
        done.push(step);
    }
    signs.create_branch("side", "main~1", &me())?;
    done.push("branch");
    let mut edit = signs.transaction("side")?;
    edit.put(sample("d", &[]))?;
    edit.commit("d", &me())?;
    done.push("d");
    signs.merge("main", "side", &me(), &MergeOptions::default())?;
    done.push("merge");
    signs.create_tag("v1", "main", "", &me())?;
    done.push("tag");
    repo.gc(&all_at_once(0), &none())?;
    done.push("gc");
    Ok(())
}

#[test]
fn a_crash_at_any_write_loses_nothing_acknowledged() {
    let mut k = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        let (backend, faults) = FaultBackend::new(Arc::new(LocalBackend::create(folder.path()).unwrap()));
        let mut done = Vec::new();
        faults.stop_after(k);
        let outcome = Store::create_on(backend, options().0)
            .map_err(tamis_repo::Error::from)
            .and_then(Repo::on)
            .and_then(|repo| session(&repo, &mut done));
        let reopened =
            LocalBackend::open(folder.path()).and_then(|backend| Store::open_on(Arc::new(backend), options().0));
        if let Ok(store) = reopened {
            let repo = Repo::on(store).unwrap();
            let report = repo.verify(&none()).unwrap();
            assert!(report.is_sound(), "after {k} writes, {done:?}: {:?}", report.problems);
            check(&repo, &done);
        } else {
            assert!(done.is_empty(), "after {k} writes the lake cannot be opened, but {done:?} were done");
        }
        if outcome.is_ok() {
            break;
        }
        k += 1;
    }
    assert!(k > 15, "{k}");
}

fn check(repo: &Repo, done: &[&str]) {
    let Ok(signs) = repo.dataset(&DatasetName::new("signs").unwrap()) else {
        assert!(done.is_empty());
        return;
    };
    let has = |step| done.contains(&step);
    let main = paths(&signs, "main");
    let count = ["a", "b", "c"].iter().filter(|step| has(**step)).count();
    // What was acknowledged is there; the one in flight is wholly there or not at all.
    let wanted = if has("merge") {
        vec![4]
    } else if has("d") {
        vec![3, 4]
    } else if count == 3 {
        vec![3]
    } else {
        vec![count, count + 1]
    };
    assert!(wanted.contains(&main.len()), "{done:?}: {main:?}");
    for path in main {
        assert!(signs.snapshot("main").unwrap().get(&path).unwrap().is_some());
    }
    assert!(!has("branch") || signs.resolve("side").is_ok());
    assert!(!has("tag") || signs.resolve("v1").is_ok());
}
