//! Many threads and processes swap one ref: no update is lost.

use std::process::Command;

use tamis_store::{Location, Store, StoreOptions};
use tamis_testkit::store::{S3Server, conformance};

const CHILD: &str = "TAMIS_TEST_RACE";
const PROCESSES: u64 = 8;
const TIMES: u64 = 20;

/// The body of a child process: opens the lake, counts up and commits an object each time.
fn child(location: &str) {
    let store = Store::open(&Location::parse(location).unwrap(), StoreOptions::default()).unwrap();
    for turn in 0..TIMES {
        let writer = store.writer().unwrap();
        writer.put(format!("{} {turn}", std::process::id())).unwrap();
        writer.finish().unwrap();
        loop {
            let found = store.read_ref("count").unwrap();
            let number =
                found.as_ref().map_or(0, |value| String::from_utf8_lossy(&value.bytes).parse::<u64>().unwrap());
            let version = found.as_ref().map(|value| &value.version);
            // The bytes name who wrote them only by the number; that is enough to lose none.
            if store.swap_ref("count", version, format!("{}", number + 1).into()).unwrap().is_ok() {
                break;
            }
        }
    }
}

fn race(location: &str) {
    let store = Store::create(&Location::parse(location).unwrap(), StoreOptions::default()).unwrap();
    let spawn = |_| {
        let test = "races::eight_processes_on_a_folder_lose_no_update";
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env(CHILD, location).spawn().unwrap()
    };
    let children: Vec<_> = (0..PROCESSES).map(spawn).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(store.read_ref("count").unwrap().unwrap().bytes, format!("{}", PROCESSES * TIMES));
    let report = store.verify(&tamis_core::Progress::none()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    assert!(report.objects >= PROCESSES * TIMES);
}

#[test]
fn eight_processes_on_a_folder_lose_no_update() {
    if let Ok(location) = std::env::var(CHILD) {
        return child(&location);
    }
    let dir = tempfile::tempdir().unwrap();
    race(dir.path().join("lake").to_str().unwrap());
}

#[test]
fn eight_processes_on_an_s3_server_lose_no_update() {
    let Some(server) = S3Server::start() else { return };
    race(&server.url("race"));
}

#[test]
fn eight_threads_on_one_folder_lose_no_update() {
    let dir = tempfile::tempdir().unwrap();
    let backend = crate::local(&dir);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..25).for_each(|_| conformance::count_up(&*backend, "refs/n")));
        }
    });
    assert_eq!(backend.read_small("refs/n").unwrap().unwrap().0, "200");
}
