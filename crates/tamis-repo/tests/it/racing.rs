//! Many writers on one branch: no update is lost.

use std::path::Path;

use tamis_core::DatasetName;
use tamis_repo::{Dataset, Repo};
use tamis_store::{Location, StoreOptions};

use crate::support::*;

const WRITERS: u64 = 8;
const COMMITS: u64 = 5;
const FOLDER: &str = "TAMIS_TEST_RACE_FOLDER";
const WRITER: &str = "TAMIS_TEST_RACE_WRITER";

fn write(signs: &Dataset, writer: u64) {
    for round in 0..COMMITS {
        let mut edit = signs.transaction("main").unwrap();
        edit.put(sample(&format!("w{writer}/{round}"), &[car(1, round as f64)])).unwrap();
        // All touch one sample, each its own label.
        edit.set_field("shared", &format!("f{writer}"), Some(round.into())).unwrap();
        edit.commit(&format!("{writer}.{round}"), &me()).unwrap();
    }
}

fn check(signs: &Dataset) {
    assert_eq!(paths(signs, "main").len() as u64, WRITERS * COMMITS + 1);
    let shared = signs.snapshot("main").unwrap().get("shared").unwrap().unwrap();
    assert_eq!(shared.fields.len() as u64, WRITERS);
    assert!(shared.fields.values().all(|value| value.as_u64() == Some(COMMITS - 1)));
    let log = signs.log("main", &Default::default()).unwrap();
    assert_eq!(log.len() as u64, WRITERS * COMMITS + 1);
}

fn begin(folder: &Path) -> Dataset {
    let repo = Repo::init(&Location::Folder(folder.to_owned()), StoreOptions::default()).unwrap();
    let signs = repo.create(&DatasetName::new("signs").unwrap(), &me()).unwrap();
    put(&signs, "main", &[sample("shared", &[])], "shared");
    signs
}

#[test]
fn threads_lose_no_update() {
    let (repo, _) = repo();
    let signs = repo.create(&DatasetName::new("signs").unwrap(), &me()).unwrap();
    put(&signs, "main", &[sample("shared", &[])], "shared");
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let signs = signs.clone();
            scope.spawn(move || write(&signs, writer));
        }
    });
    check(&signs);
}

#[test]
fn separate_handles_lose_no_update() {
    let folder = tempfile::tempdir().unwrap();
    let signs = begin(folder.path());
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let place = Location::Folder(folder.path().to_owned());
            scope.spawn(move || {
                let repo = Repo::open(&place, StoreOptions::default()).unwrap();
                write(&repo.dataset(&DatasetName::new("signs").unwrap()).unwrap(), writer);
            });
        }
    });
    check(&signs);
}

/// Not a test of its own: what each process of the next one does.
#[test]
fn a_process_of_the_race() {
    let (Ok(folder), Ok(writer)) = (std::env::var(FOLDER), std::env::var(WRITER)) else { return };
    let repo = Repo::open(&Location::Folder(folder.into()), StoreOptions::default()).unwrap();
    write(&repo.dataset(&DatasetName::new("signs").unwrap()).unwrap(), writer.parse().unwrap());
}

#[test]
fn processes_lose_no_update() {
    let folder = tempfile::tempdir().unwrap();
    let signs = begin(folder.path());
    let me = std::env::current_exe().unwrap();
    let children: Vec<_> = (0..WRITERS)
        .map(|writer| {
            std::process::Command::new(&me)
                .args(["racing::a_process_of_the_race", "--exact"])
                .env(FOLDER, folder.path())
                .env(WRITER, writer.to_string())
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    check(&signs);
    assert!(signs.repo().verify(&tamis_core::Progress::none()).unwrap().is_sound());
}
