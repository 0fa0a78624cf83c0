//! Mistakes, crashes and crowds.

use std::fs;
use std::time::Duration;

use super::Place;

#[test]
fn mistakes_have_a_code_a_hint_and_a_status() {
    let place = Place::new();
    for (args, code, id) in [
        (&["import", "not-there"][..], 1, "format.io"),
        (&["stats", "nothing"][..], 3, "lake.none"),
        (&["status"][..], 3, "checkout.none"),
    ] {
        let said = place.run(args);
        assert_eq!(said.code, code, "{said:?}");
        assert!(said.talk.contains(&format!("error[{id}]")) && said.talk.contains("hint:"), "{said:?}");
    }
    assert_eq!(place.run(&["stats", "nothing"]).code, 3);
    assert_eq!(place.run(&["frobnicate"]).code, 2);
}

#[test]
fn a_killed_import_leaves_a_sound_lake() {
    let place = Place::new();
    place.ok(&["demo", "street", "--samples", "60"]);
    place.ok(&["import", "street", "first"]);
    for wait in [5, 15, 30, 60, 100] {
        let mut child = place.command(place.dir.path(), &["import", "street", "second", "-q"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
        place.ok(&["verify"]);
        assert!(place.ok(&["ls"]).contains("first"));
    }
    place.ok(&["import", "street", "second"]);
    place.ok(&["verify"]);
}

#[test]
fn eight_processes_commit_at_once_and_nothing_is_lost() {
    let place = Place::new();
    place.ok(&["init"]);
    for n in 0..9 {
        let folder = place.path(&format!("in{n}"));
        fs::create_dir_all(folder.join("cat")).unwrap();
        fs::create_dir_all(folder.join("dog")).unwrap();
        fs::write(folder.join(format!("cat/{n}.txt")), format!("cat {n}")).unwrap();
        fs::write(folder.join(format!("dog/{n}.txt")), format!("dog {n}")).unwrap();
    }
    place.ok(&["import", "in8", "crowd", "--format", "files"]);
    let spawn = |n: i32| {
        let folder = format!("in{n}");
        place.command(place.dir.path(), &["import", &folder, "crowd", "--format", "files", "-q"]).spawn().unwrap()
    };
    let children: Vec<_> = (0..8).map(spawn).collect();
    let applied = children.into_iter().map(|mut child| child.wait().unwrap().success()).filter(|ok| *ok).count();
    assert_eq!(applied, 8);
    let samples = place.json(&["stats", "crowd"])["samples"].as_u64().unwrap();
    assert_eq!(samples, 2 + 2 * applied as u64);
    place.ok(&["verify"]);
}
