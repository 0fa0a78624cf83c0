//! What an import can be told: where the data are, and how they are meant.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Place;

fn street() -> Place {
    let place = Place::new();
    place.ok(&["demo", "street", "--samples", "40"]);
    place
}

/// Class counts of the truth.
fn classes(place: &Place, dataset: &str) -> serde_json::Value {
    place.json(&["stats", dataset])["classes"].clone()
}

#[test]
fn classes_splits_and_paths_are_mapped() {
    let place = street();
    place.ok(&["import", "street", "plain"]);
    fs::write(
        place.path("map.yaml"),
        "classes: {car: vehicle, bus: vehicle, dog: null}\npath: \"vendor/{path}\"\nsplits:\n  - {match: \"**\", split: pool}\n",
    )
    .unwrap();
    place.ok(&["import", "street", "mapped", "--map", "map.yaml"]);
    let (plain, mapped) = (classes(&place, "plain"), classes(&place, "mapped"));
    let count = |of: &serde_json::Value, class: &str| of["truth"][class].as_u64().or(of[class].as_u64());
    assert_eq!(
        count(&mapped, "vehicle"),
        Some(count(&plain, "car").unwrap() + count(&plain, "bus").unwrap()),
        "{plain} {mapped}"
    );
    assert_eq!(count(&mapped, "dog"), None, "{mapped}");
    let first = place.json(&["ls", "mapped", "-n", "1"]);
    assert!(first["path"].as_str().unwrap().starts_with("vendor/"), "{first}");
    let splits = place.json(&["stats", "mapped"])["splits"].clone();
    assert_eq!(splits.as_object().unwrap().keys().collect::<Vec<_>>(), ["pool"], "{splits}");

    place.ok(&["import", "street", "renamed", "--class", "car=automobile"]);
    assert_eq!(count(&classes(&place, "renamed"), "automobile"), count(&plain, "car"));

    fs::write(place.path("bad.yaml"), "clases: {}\n").unwrap();
    let said = place.run(&["import", "street", "bad", "--map", "bad.yaml"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.talk.contains("clases"), "{said:?}");
    assert!(!place.ok(&["ls"]).contains("bad"));
}

#[test]
fn labels_alone_go_onto_the_samples_that_are_there() {
    let place = street();
    place.ok(&["import", "street"]);
    let before = place.json(&["stats", "street"]);
    place.ok(&["import", "street", "--labels-only", "--layer", "pred/again"]);
    let after = place.json(&["stats", "street"]);
    assert_eq!(before["samples"], after["samples"]);
    let labels = |stats: &serde_json::Value| stats["annotations"].as_u64().unwrap();
    assert_eq!(labels(&after), 2 * labels(&before), "{before} {after}");
}

#[test]
fn equal_media_become_one_sample_with_the_labels_of_all() {
    let place = Place::new();
    let folder = place.path("twice");
    for (name, class) in [("a", "cat"), ("b", "dog")] {
        fs::create_dir_all(folder.join(class)).unwrap();
        let png = tiny_png(7);
        fs::write(folder.join(class).join(format!("{name}.png")), png).unwrap();
    }
    fs::write(folder.join("cat/other.png"), tiny_png(9)).unwrap();
    place.ok(&["import", "twice", "all", "--format", "imagefolder"]);
    assert_eq!(place.json(&["stats", "all"])["samples"], 3);
    place.ok(&["import", "twice", "one", "--format", "imagefolder", "--dedupe"]);
    let stats = place.json(&["stats", "one"]);
    assert_eq!((&stats["samples"], &stats["annotations"]), (&2.into(), &3.into()), "{stats}");
}

/// A grey picture of one colour, 2×2, not compressed.
fn tiny_png(grey: u8) -> Vec<u8> {
    let raw = [0, grey, grey, 0, grey, grey];
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in raw {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let mut zlib = vec![0x78, 0x01, 0x01, 6, 0, 0xf9, 0xff];
    zlib.extend(raw);
    zlib.extend(((b << 16) | a).to_be_bytes());
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let header = [0, 0, 0, 2, 0, 0, 0, 2, 8, 0, 0, 0, 0];
    for (kind, body) in [(b"IHDR", &header[..]), (b"IDAT", &zlib), (b"IEND", &[])] {
        let mut crc = !0_u32;
        for byte in kind.iter().chain(body) {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
            }
        }
        png.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        png.extend(kind);
        png.extend(body);
        png.extend((!crc).to_be_bytes());
    }
    png
}

#[test]
fn a_list_of_urls_is_fetched_from_named_hosts_only() {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 2048];
            let count = stream.read(&mut request).unwrap();
            let grey = if request[..count].starts_with(b"GET /a.png") { 1 } else { 2 };
            let body = tiny_png(grey);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all(&[head.into_bytes(), body].concat()).unwrap();
        }
    });
    let list = format!("http://127.0.0.1:{port}/a.png\nhttp://127.0.0.1:{port}/b.png\n");
    fs::write(place.path("urls.txt"), list).unwrap();
    let said = place.run(&["import", "urls.txt", "left"]);
    assert!(said.code == 0 && said.out.contains("--allow-host"), "{said:?}");
    assert_eq!(place.json(&["stats", "left"])["bytes"], 0);
    place.ok(&["import", "urls.txt", "web", "--allow-host", "127.0.0.1"]);
    place.ok(&["export", "web", "out", "--format", "files"]);
    assert_eq!(find(&place.path("out"), "a.png").unwrap(), tiny_png(1));
    let said = place.run(&["export", "left", "none", "--format", "files"]);
    assert!(said.code != 0 && said.talk.contains("--allow-host"), "{said:?}");
}

/// The bytes of a file somewhere below a folder.
fn find(folder: &Path, name: &str) -> Option<Vec<u8>> {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            if let Some(bytes) = find(&entry, name) {
                return Some(bytes);
            }
        } else if entry.file_name().is_some_and(|file| file == name) {
            return Some(fs::read(entry).unwrap());
        }
    }
    None
}

/// An S3 server of the tests' Python environment, ended when it is dropped.
struct Bucket {
    server: Child,
    endpoint: String,
}

impl Drop for Bucket {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

const BUCKET_SCRIPT: &str = "
import boto3, os, sys, time
client = boto3.client('s3', endpoint_url=sys.argv[1])
for attempt in range(100):
    try:
        client.create_bucket(Bucket='pictures')
        break
    except Exception:
        time.sleep(0.1)
for root, _, files in os.walk(sys.argv[2]):
    for name in files:
        path = os.path.join(root, name)
        client.upload_file(path, 'pictures', 'in/' + os.path.relpath(path, sys.argv[2]))
";

const KEYS: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_DEFAULT_REGION", "us-east-1"),
];

/// A bucket that holds a folder's files below `in/`; [`None`] where the environment is not there.
fn bucket(folder: &Path) -> Option<Bucket> {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/tamis-venv"));
    let venv = std::env::var_os("TAMIS_VENV").map(Into::into).or(home)?;
    let program = venv.join("bin/moto_server");
    if !program.exists() {
        eprintln!("skipped: no `moto_server` in {} (run `make venv`)", venv.display());
        return None;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Command::new(program)
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let bucket = Bucket { server, endpoint: format!("http://127.0.0.1:{port}") };
    let mut fill = Command::new(venv.join("bin/python"));
    fill.args(["-c", BUCKET_SCRIPT, &bucket.endpoint]).arg(folder).envs(KEYS);
    assert!(fill.status().unwrap().success());
    Some(bucket)
}

#[test]
fn a_buckets_prefix_is_imported_copied_and_by_reference() {
    let place = street();
    place.ok(&["import", "street"]);
    let Some(bucket) = bucket(&place.path("street")) else { return };
    let at_bucket = |args: &[&str]| {
        let mut command = place.command(place.dir.path(), args);
        command.envs(KEYS).env("AWS_ENDPOINT_URL", &bucket.endpoint);
        let output = command.output().unwrap();
        (
            output.status.success(),
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        )
    };
    for (dataset, words) in [("copied", &[][..]), ("referenced", &["--reference"])] {
        let (ok, said) = at_bucket(&[&["import", "s3://pictures/in", dataset], words].concat());
        assert!(ok, "{said}");
        assert_eq!(classes(&place, dataset), classes(&place, "street"));
        let (ok, said) = at_bucket(&["export", dataset, dataset, "--format", "coco"]);
        assert!(ok, "{said}");
    }
    place.ok(&["export", "street", "local", "--format", "coco"]);
    let (ok, said) = at_bucket(&["export", "referenced", "signed", "--format", "coco", "--media", "urls"]);
    assert!(ok, "{said}");
    let urls = fs::read_to_string(place.path("signed/urls.csv")).unwrap();
    assert!(urls.lines().count() > 30 && urls.contains("X-Amz-Signature"), "{urls}");
    let said = place.run(&["export", "copied", "unsigned", "--format", "coco", "--media", "urls"]);
    assert!(said.code != 0 && said.talk.contains("--media copy"), "{said:?}");
    let name = place.json(&["ls", "street", "-n", "1"])["path"].as_str().unwrap().to_owned();
    let name = Path::new(&name).file_name().unwrap().to_str().unwrap();
    let expected = find(&place.path("local"), name).unwrap();
    for dataset in ["copied", "referenced"] {
        assert_eq!(find(&place.path(dataset), name).unwrap(), expected, "{dataset}");
    }
    let (ok, said) = at_bucket(&["import", "s3://no-such-bucket/in", "none"]);
    assert!(!ok && said.contains("NoSuchBucket") && !said.contains("try again"), "{said}");
}

#[test]
#[cfg(unix)]
fn ctrl_c_stops_an_import_and_leaves_nothing_behind() {
    let place = Place::new();
    place.ok(&["demo", "street", "--samples", "600"]);
    place.ok(&["init"]);
    let mut child = place.command(place.dir.path(), &["import", "street"]);
    let child = child.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(20));
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    // A machine that had read all of it by then has imported it.
    if status.success() && !output.status.success() {
        assert_eq!(output.status.code(), Some(130), "{talk}");
        assert!(!place.ok(&["ls"]).contains("street"), "{talk}");
    }
    place.ok(&["verify"]);
    place.ok(&["import", "street"]);
}

#[test]
fn a_dataset_of_another_lake_comes_in_whole() {
    let place = street();
    place.ok(&["import", "street", "acme/street"]);
    let (here, there) = (place.path("lake").display().to_string(), place.path("other").display().to_string());
    place.ok(&["--lake", &there, "import", &format!("{here}#acme/street@main")]);
    place.ok(&["remote", "acme/street", "--add", "other", &there]);
    let at = |lake: &str, args: &[&str]| place.ok(&[&["--lake", lake], args].concat());
    let lines = |lake: &str| at(lake, &["ls", "acme/street", "--json"]);
    assert_eq!(lines(&here).lines().count(), lines(&there).lines().count());
    for lake in [&here, &there] {
        at(lake, &["export", "acme/street", &format!("out-{}", lake.len()), "--format", "tamis"]);
    }
    let of = |lake: &str| fs::read_to_string(place.path(&format!("out-{}/samples.jsonl", lake.len()))).unwrap();
    assert_eq!(of(&here), of(&there));
    // Nothing changed: nothing is committed.
    let again = at(&there, &["import", &format!("{here}#acme/street")]);
    assert!(again.contains("othing"), "{again}");
    let said = place.run(&["import", &format!("{here}#acme/none")]);
    assert_eq!(said.code, 3, "{said:?}");
}

#[test]
fn labels_go_out_alone_and_files_as_links() {
    let place = street();
    place.ok(&["import", "street", "here", "--reference"]);
    place.ok(&["export", "here", "bare", "--format", "coco", "--media", "none"]);
    place.ok(&["export", "here", "full", "--format", "coco"]);
    let name = place.json(&["ls", "here", "-n", "1"])["path"].as_str().unwrap().to_owned();
    let name = Path::new(&name).file_name().unwrap().to_str().unwrap();
    assert_eq!(find(&place.path("bare"), name), None);
    let labels = |out: &str| {
        let folder = place.path(out).join("annotations");
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|file| fs::read(file).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(labels("bare"), labels("full"));
    place.ok(&["export", "here", "linked", "--format", "coco", "--media", "symlink"]);
    assert_eq!(find(&place.path("linked"), name), find(&place.path("full"), name));
    // A picture that was replaced is not written with the labels of another.
    let victim = walk(&place.path("street")).into_iter().find(|path| path.ends_with(name)).unwrap();
    fs::write(&victim, b"another picture").unwrap();
    let said = place.run(&["export", "here", "late", "--format", "coco"]);
    assert!(said.code != 0 && said.talk.contains("import it again"), "{said:?}");
}

#[test]
fn losses_are_told_before_anything_is_written() {
    let place = street();
    place.ok(&["import", "street"]);
    let plan = place.run(&["export", "street", "rows", "--format", "yolo", "--dry-run", "--json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan.out).unwrap();
    assert!(plan["losses"].as_u64().unwrap() > 0 && !plan["findings"].as_array().unwrap().is_empty(), "{plan}");
    let said = place.run(&["export", "street", "rows", "--format", "yolo", "--on-loss", "refuse"]);
    assert_eq!(said.code, 1, "{said:?}");
    for finding in plan["findings"].as_array().unwrap() {
        assert!(said.talk.contains(finding["message"].as_str().unwrap()), "{finding} in {said:?}");
    }
    assert!(!place.path("rows").exists());
    place.ok(&["export", "street", "whole", "--format", "tamis", "--on-loss", "refuse"]);
    let done: serde_json::Value =
        serde_json::from_str(&place.ok(&["export", "street", "rows", "--format", "yolo", "--json"])).unwrap();
    assert_eq!(done, plan, "the plan is what is done");
}

/// Every file below a folder.
fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn every_medium_has_a_preview() {
    let place = street();
    let folder = place.path("media");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("a.png"), tiny_png(5)).unwrap();
    let sample = |t: u32| ((f64::from(t) / 8.0).sin() * 20_000.0) as i16;
    let wave: Vec<u8> = (0..8000).flat_map(|t| sample(t).to_le_bytes()).collect();
    let head = |size: u32| {
        let mut head = b"RIFF".to_vec();
        head.extend((36 + size).to_le_bytes());
        head.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data");
        head.extend(size.to_le_bytes());
        head
    };
    fs::write(folder.join("b.wav"), [head(16_000), wave].concat()).unwrap();
    let points: String = (0..500).map(|i| format!("{} {} {}\n", i % 20, i / 20, i % 7)).collect();
    let pcd = format!(
        "VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 500\nHEIGHT 1\nPOINTS 500\nDATA ascii\n{points}"
    );
    fs::write(folder.join("c.pcd"), pcd).unwrap();
    fs::write(folder.join("d.txt"), "words").unwrap();
    place.ok(&["import", "media", "--format", "files"]);
    for (path, words) in [("a.png", &[][..]), ("b.wav", &[]), ("b.wav", &["--spectrum"]), ("c.pcd", &["--size", "64"])]
    {
        let target = format!("media:{path}");
        place.ok(&[&["show", &target, "--preview", "out.img"], words].concat());
        let bytes = fs::read(place.path("out.img")).unwrap();
        assert!(bytes.starts_with(b"\x89PNG") || bytes.starts_with(b"\xff\xd8"), "{path}");
    }
    let said = place.run(&["show", "media:d.txt", "--preview", "out.img"]);
    assert!(said.code == 1 && said.talk.contains("error[media.bad]") && said.talk.contains("--media"), "{said:?}");
}
