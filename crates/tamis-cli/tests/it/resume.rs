//! Imports that are killed at any moment and run again: the end is that of an import that was left alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::Place;

/// Every sample with its labels and media, and the counts of the dataset.
fn state(place: &Place, dataset: &str) -> (Vec<String>, serde_json::Value) {
    let lines = place.ok(&["ls", dataset, "--json"]).lines().map(str::to_owned).collect();
    let stats = place.json(&["stats", dataset]);
    (lines, serde_json::json!([stats["samples"], stats["annotations"], stats["classes"], stats["splits"]]))
}

fn args<'a>(folder: &'a str, dataset: &'a str, format: &'a str) -> [&'a str; 6] {
    ["import", folder, dataset, "--format", format, "-q"]
}

/// Starts an import and kills it as soon as `is_time`, unless it ended before; whether it was killed.
fn kill(place: &Place, args: &[&str], cache: &Path, mut is_time: impl FnMut(u32) -> bool) -> bool {
    let mut command = place.command(place.path("").as_path(), args);
    let mut child = command.env("XDG_CACHE_HOME", cache).stderr(Stdio::null()).spawn().unwrap();
    for turn in 0..60_000 {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if is_time(turn) {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    true
}

/// Formats whose samples come in the order of their files: nothing is taken twice, nothing is left out.
#[test]
fn killed_imports_of_files_in_order_end_as_if_left_alone() {
    let place = Place::new();
    place.ok(&["demo", "street", "--samples", "60"]);
    place.ok(&["import", "street"]);
    let conll = place.path("conll");
    fs::create_dir_all(&conll).unwrap();
    let sentences = |n: usize| (0..n).map(|i| format!("Jörg{i} B-PER\nsaw O\nRome B-LOC\n\n")).collect::<String>();
    fs::write(conll.join("train.txt"), sentences(700)).unwrap();
    fs::write(conll.join("test.txt"), sentences(9)).unwrap();
    let speech = place.path("audio-manifest");
    fs::create_dir_all(&speech).unwrap();
    let mut lines = String::new();
    for i in 0..300 {
        fs::write(speech.join(format!("{i}.wav")), format!("RIFF{i:04}WAVE")).unwrap();
        lines += &format!("{{\"audio_filepath\": \"{i}.wav\", \"duration\": 1.0, \"text\": \"number {i}\"}}\n");
    }
    fs::write(speech.join("train.json"), lines).unwrap();
    for format in ["tfrecord", "webdataset"] {
        place.ok(&["export", "street", format, "--format", format]);
    }
    for (format, samples) in [("tfrecord", 60), ("webdataset", 60), ("conll", 709), ("audio-manifest", 300)] {
        let whole = format!("{format}-whole");
        place.ok(&args(format, &whole, format));
        let wanted = state(&place, &whole);
        assert_eq!(wanted.0.len(), samples, "{format}");
        let cut = format!("{format}-cut");
        for wait in [1, 4, 9, 16, 30] {
            kill(&place, &args(format, &cut, format), &place.path("cache"), |turn| turn >= wait);
            place.ok(&["verify"]);
        }
        place.ok(&args(format, &cut, format));
        assert!(state(&place, &cut) == wanted, "{format}: not the same after being killed");
        // Once more changes nothing: nothing is in twice.
        place.ok(&args(format, &cut, format));
        assert!(state(&place, &cut) == wanted, "{format}: not the same after once more");
    }
    place.ok(&["verify"]);
}

/// An import large enough to keep a journal of what it has read, killed after each of its batches.
#[test]
fn a_large_import_is_taken_up_where_it_was_killed() {
    let place = Place::new();
    let folder = place.path("large");
    for i in 0..2600 {
        let path = folder.join(format!("{:02}", i % 26)).join(format!("{i}.bin"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("sample {i}")).unwrap();
    }
    // Read last, all holes: enough bytes that a journal is worth it.
    fs::File::create(folder.join("zz.bin")).unwrap().set_len(260 << 20).unwrap();
    place.ok(&args("large", "whole", "files"));
    let wanted = state(&place, "whole");
    assert_eq!(wanted.0.len(), 2601);

    let (cache, other) = (place.path("cache"), place.path("second").display().to_string());
    let args = ["--lake", other.as_str(), "import", "large", "cut", "--format", "files", "-q"];
    let journal = || -> Option<(PathBuf, usize)> {
        let mut found = walk(&cache).into_iter().filter(|p| p.extension().is_some_and(|e| e == "jsonl"));
        let path = found.next()?;
        let lines = fs::read(&path).ok()?.iter().filter(|b| **b == b'\n').count();
        Some((path, lines))
    };
    let mut reached = Vec::new();
    for lines in [1, 1024, 2048, 2500] {
        if kill(&place, &args, &cache, |_| journal().is_some_and(|(_, found)| found >= lines)) {
            reached.push(journal().map_or(0, |(_, found)| found));
        }
    }
    eprintln!("killed with journals of {reached:?} lines");
    assert!(!reached.is_empty(), "it was over before it could be killed");
    let mut last = place.command(place.path("").as_path(), &args);
    assert!(last.env("XDG_CACHE_HOME", &cache).status().unwrap().success());
    assert!(journal().is_none(), "the journal goes with the commit");
    let lines = place.ok(&["--lake", &other, "ls", "cut", "--json"]);
    let lines: Vec<String> = lines.lines().map(str::to_owned).collect();
    assert!(lines == wanted.0, "not the same after being killed");
    place.ok(&["--lake", &other, "verify"]);
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let Ok(items) = fs::read_dir(folder) else { return Vec::new() };
    let paths = items.filter_map(|item| item.ok()).map(|item| item.path());
    paths.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
