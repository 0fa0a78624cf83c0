//! Mistakes, crashes and crowds.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
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

/// A file larger than allowed fails as on a full disk does: in the middle of a write.
#[test]
fn a_disk_that_takes_no_more_gives_an_error_and_loses_nothing() {
    let place = Place::new();
    place.ok(&["demo", "street", "--samples", "120"]);
    place.ok(&["demo", "small", "--samples", "30"]);
    place.ok(&["import", "small"]);
    let before = place.json(&["stats", "small"]);
    let mut limited = Command::new("bash");
    // 512 KiB a file; the signal is ignored, so that the write itself fails.
    limited.args(["-c", "trap '' XFSZ; ulimit -f 512; exec \"$0\" import street", env!("CARGO_BIN_EXE_tamis")]);
    limited.current_dir(place.dir.path()).env("TAMIS_LAKE", place.path("lake")).env("TAMIS_NO_PROGRESS", "1");
    let output = limited.output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && talk.contains("error[") && talk.contains("write"), "{talk}");
    place.ok(&["verify"]);
    assert_eq!(place.json(&["stats", "small"]), before);
    assert!(!place.ok(&["ls"]).contains("street"));
    place.ok(&["import", "street"]);
}

#[test]
fn a_lake_that_cannot_be_written_can_still_be_read() {
    let place = Place::new();
    place.ok(&["demo", "street", "--samples", "30"]);
    place.ok(&["import", "street"]);
    let lake = place.path("lake");
    let set = |mode: u32| {
        for folder in [lake.clone(), lake.join("packs"), lake.join("refs"), lake.join("tmp"), lake.join("lock")] {
            if folder.exists() {
                fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
            }
        }
    };
    set(0o555);
    if fs::write(lake.join("probe"), "").is_ok() {
        eprintln!("skipped: this user may write everywhere");
        fs::remove_file(lake.join("probe")).unwrap();
        return set(0o755);
    }
    place.ok(&["stats", "street"]);
    let said = place.run(&["branch", "street", "fix"]);
    set(0o755);
    assert!(said.code != 0 && said.talk.contains("error[") && said.talk.contains("ermission"), "{said:?}");
    place.ok(&["verify"]);
}

/// One entry of a tar archive.
fn tar_entry(name: &str, kind: u8, link: &str, body: &[u8]) -> Vec<u8> {
    let mut head = vec![0; 512];
    head[..name.len()].copy_from_slice(name.as_bytes());
    head[100..108].copy_from_slice(b"0000644\0");
    head[124..136].copy_from_slice(format!("{:011o}\0", body.len()).as_bytes());
    head[148..156].copy_from_slice(b"        ");
    head[156] = kind;
    head[157..157 + link.len()].copy_from_slice(link.as_bytes());
    head[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    head.extend(body);
    head.resize(head.len().div_ceil(512) * 512, 0);
    head
}

#[test]
fn an_archive_cannot_reach_out_of_itself() {
    let place = Place::new();
    let tar = [
        tar_entry("cat/good.txt", b'0', "", b"a cat"),
        tar_entry("../evil.txt", b'0', "", b"out"),
        tar_entry("/etc/evil.txt", b'0', "", b"out"),
        tar_entry("cat/link.txt", b'2', "/etc/passwd", b""),
        tar_entry("cat/hard.txt", b'1', "../../secret", b""),
        vec![0; 1024],
    ]
    .concat();
    fs::write(place.path("hostile.tar"), tar).unwrap();
    let said = place.run(&["import", "hostile.tar", "--format", "files"]);
    assert_eq!(said.code, 0, "{said:?}");
    for part in ["evil.txt", "link.txt", "hard.txt"] {
        assert!(said.out.contains(part) || said.talk.contains(part), "{part}: {said:?}");
    }
    let paths: Vec<serde_json::Value> =
        place.ok(&["ls", "hostile", "--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(paths.len() == 1 && paths[0]["path"].as_str().unwrap().ends_with("good.txt"), "{paths:?}");
    assert!(!place.path("evil.txt").exists());
}
