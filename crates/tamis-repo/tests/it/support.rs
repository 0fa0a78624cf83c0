//! What the tests share: a clock that ticks, ids that count, small samples.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tamis_core::{Box2d, Clock, DatasetName, IdSource, Label, Sample, Shape};
use tamis_repo::{Author, Dataset, Repo};
use tamis_store::{Location, StoreOptions};

/// Starts at 2026-01-02 00:00 UTC and goes on by a second a look.
#[derive(Debug)]
pub struct TickClock(pub AtomicI64);

impl Clock for TickClock {
    fn now_micros(&self) -> i64 {
        self.0.fetch_add(1_000_000, Ordering::SeqCst)
    }
}

#[derive(Debug, Default)]
pub struct CountIds(AtomicU64);

impl IdSource for CountIds {
    fn next_id(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::SeqCst)) + 1
    }
}

pub const DAY_2: i64 = 1_767_312_000_000_000;

pub fn options() -> (StoreOptions, Arc<TickClock>) {
    let clock = Arc::new(TickClock(AtomicI64::new(DAY_2)));
    let mut options = StoreOptions::default();
    options.clock = clock.clone();
    options.ids = Arc::new(CountIds::default());
    (options, clock)
}

pub fn repo() -> (Repo, Arc<TickClock>) {
    let (options, clock) = options();
    (Repo::init(&memory(), options).unwrap(), clock)
}

/// A place in memory that nobody else has.
pub fn memory() -> Location {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    Location::Memory(format!("repo-{}", NEXT.fetch_add(1, Ordering::SeqCst)))
}

pub fn me() -> Author {
    Author::new("Ada", "ada@example.org")
}

pub fn dataset() -> Dataset {
    repo().0.create(&DatasetName::new("signs").unwrap(), &me()).unwrap()
}

pub fn car(id: u64, x: f64) -> Label {
    Label::new(Shape::Box2d(Box2d::new(x, 0.0, x + 10.0, 10.0))).with_class("car").with_id(id)
}

/// A sample with some boxes in `truth`.
pub fn sample(path: &str, labels: &[Label]) -> Sample {
    Sample {
        path: path.to_owned(),
        split: Some("train".into()),
        layers: [("truth".to_owned(), labels.to_vec())].into(),
        ..Sample::default()
    }
}

/// Commits some samples to a branch.
pub fn put(dataset: &Dataset, branch: &str, samples: &[Sample], message: &str) -> tamis_repo::Commit {
    let mut edit = dataset.transaction(branch).unwrap();
    edit.put_many(samples.iter().cloned()).unwrap();
    edit.commit(message, &me()).unwrap().commit().unwrap().clone()
}

pub fn paths(dataset: &Dataset, revision: &str) -> Vec<String> {
    let scan = dataset.snapshot(revision).unwrap().scan(&Default::default()).unwrap();
    scan.map(|sample| sample.unwrap().path).collect()
}
