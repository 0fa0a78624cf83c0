//! Figures, not a test: `cargo test -p tamis-repo --release -- --ignored speed --nocapture`.

use std::time::Instant;

use tamis_core::DatasetName;
use tamis_repo::{MergeOptions, MergeOutcome, Repo};
use tamis_store::{Location, StoreOptions};

use crate::support::*;

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let outcome = work();
    eprintln!("{what:<44} {:>9.2} ms", start.elapsed().as_secs_f64() * 1e3);
    outcome
}

#[test]
#[ignore = "takes long and asserts nothing about time"]
fn speed() {
    let rows: u32 = std::env::var("ROWS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::init(&Location::Folder(folder.path().to_owned()), StoreOptions::default()).unwrap();
    let signs = repo.create(&DatasetName::new("signs").unwrap(), &me()).unwrap();
    let path = |i: u32| format!("seg{:05}/{:06}.jpg", i / 1000, i % 1000);
    let make = |i: u32, x: f64| {
        let labels: Vec<_> = (1..=u64::from(i % 10)).map(|id| car(id, x + id as f64 * 3.5)).collect();
        sample(&path(i), &labels)
    };
    let mut edit = signs.transaction("main").unwrap();
    timed("put samples", || (0..rows).for_each(|i| edit.put(make(i, f64::from(i % 97) / 10.0)).unwrap()));
    timed("commit them", || edit.commit("first", &me()).unwrap());
    signs.create_branch("side", "main", &me()).unwrap();
    let change = |branch: &str, offset: u32, x: f64| {
        let mut edit = signs.transaction(branch).unwrap();
        for n in 0..1000u32 {
            let i = (n.wrapping_mul(2_654_435_761) % (rows / 20)) * 20 + offset * u32::from(n >= 10) + 9;
            edit.patch_layer(&path(i % rows), "truth", Some(vec![car(1, x)])).unwrap();
        }
        edit.commit("edit", &me()).unwrap();
    };
    timed("commit 1,000 label patches, first", || change("main", 0, -1.0));
    for round in 0..5 {
        timed("commit 1,000 label patches", || change("main", 0, -2.0 - f64::from(round)));
    }
    timed("commit 1,000 others on a branch", || change("side", 10, -9.0));
    let diff = timed("diff of 1,000 rows", || signs.diff("main~1", "main", &Default::default()).unwrap().count());
    let merged =
        timed("merge 2 x 1,000, some in common", || signs.merge("main", "side", &me(), &MergeOptions::default()));
    let conflicts = if let MergeOutcome::Conflicts(n) = merged.unwrap() { n } else { 0 };
    eprintln!("{diff} rows differ, {conflicts} conflicts");
    timed("branch", || signs.create_branch("other", "main", &me()).unwrap());
    let main = timed("snapshot", || signs.snapshot("main").unwrap());
    timed("stats", || main.stats().unwrap());
    timed("scan as Arrow", || main.scan_batches(&Default::default()).unwrap().map(|b| b.unwrap().len()).sum::<usize>());
    timed("scan as samples", || main.scan(&Default::default()).unwrap().count());
    timed("1,000 lookups", || (0..1000u32).for_each(|i| drop(main.get(&path(i * 977 % rows)).unwrap())));
}
