//! Every format against every way in which a dataset can be broken. Nothing panics or hangs, nothing stops the reading,
//! nothing leaves the source, no number that is none gets through, what is lost is said with its place, and what is not
//! broken is read.

mod damage;
mod sets;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use tamis_core::{Finding, Report, Severity};
use tamis_formats::{FORMATS, FormatError, ReadOptions, find};

use damage::{Damage, Wanted};
use sets::{Files, Set};

/// What a reader made of a set.
struct Seen {
    /// Labels by sample: class and shape.
    samples: BTreeMap<String, Vec<String>>,
    findings: Vec<Finding>,
    error: Option<FormatError>,
}

fn see(format: &str, files: &Files) -> Seen {
    let report = Report::new();
    let mut seen = Seen { samples: BTreeMap::new(), findings: Vec::new(), error: None };
    let source = sets::source(files, &report);
    // A detector must bear anything, too.
    let _ = tamis_formats::candidates(&source);
    match find(format).unwrap().read(&source, &ReadOptions::default(), &report) {
        Err(e) => seen.error = Some(e),
        Ok(reader) => {
            for record in reader {
                match record {
                    Err(e) => seen.error = Some(e),
                    Ok(record) => {
                        let all = record.layers.values().flatten();
                        let labels = all.map(|l| format!("{:?} {:?}", l.class, l.shape)).collect();
                        seen.samples.insert(record.path, labels);
                    }
                }
            }
        }
    }
    seen.findings = report.findings();
    seen
}

/// Formats that say nothing of a sample but by its media: without them there is no sample, and nobody can know.
const BY_MEDIA: &[&str] =
    &["files", "imagefolder", "market1501", "mars", "mvtec", "super_resolution", "kitti_raw", "kitti-segmentation"];

/// What is wrong with the answer to a damage, in a word.
fn judge(format: &str, good: &Seen, bad: &Seen, damage: &Damage) -> Option<String> {
    if let Some(e) = &bad.error {
        // A file that is gone or no text of its kind may have been all there was.
        let none_left =
            matches!(damage.wanted, Wanted::Said | Wanted::Removed) && matches!(e, FormatError::NotThis { .. });
        return (!none_left).then(|| format!("stopped: {e}"));
    }
    if let Some(path) = bad.samples.keys().find(|p| p.starts_with('/') || p.split('/').any(|part| part == "..")) {
        return Some(format!("escaped: {path}"));
    }
    let labels = || bad.samples.values().flatten();
    if let Some(label) = labels().find(|l| l.contains("NaN") || l.contains(": inf") || l.contains("-inf")) {
        return Some(format!("not finite: {label}"));
    }
    if labels().any(|l| l.contains("root:")) {
        return Some("leaked: a file of this machine".to_owned());
    }
    if damage.wanted == Wanted::Same {
        return (good.samples != bad.samples).then(|| {
            let first = good.samples.iter().find(|(path, labels)| bad.samples.get(*path) != Some(labels));
            format!("not the same: {first:?}; {:?}", bad.findings.first())
        });
    }
    let lost: Vec<&String> = good.samples.keys().filter(|p| !bad.samples.contains_key(*p)).collect();
    let fewer =
        good.samples.iter().filter(|(path, labels)| bad.samples.get(*path).is_some_and(|b| b.len() < labels.len()));
    let fewer: Vec<&String> = fewer.map(|(path, _)| path).collect();
    let told: Vec<&Finding> = bad.findings.iter().filter(|f| f.severity >= Severity::Warning).collect();
    // What is told anew: a finding of the sound set may be gone with what it was about.
    let count = |all: &[Finding], code: &str| all.iter().filter(|f| f.code == code).map(|f| f.count).sum::<u64>();
    let is_told = bad.findings.iter().any(|f| count(&bad.findings, &f.code) > count(&good.findings, &f.code));
    let gone = damage.kind == "media missing" && BY_MEDIA.contains(&format);
    if (!lost.is_empty() || !fewer.is_empty()) && !is_told && damage.wanted != Wanted::Removed && !gone {
        return Some(format!("silent: lost {lost:?}, labels of {fewer:?}"));
    }
    if let Some(finding) = told.iter().find(|f| f.places.iter().any(|p| p.file.is_empty())) {
        return Some(format!("placeless: {}", finding.code));
    }
    let vague =
        |f: &&&Finding| f.places.iter().any(|p| damage.leaf == p.file && p.line.is_none() && p.pointer.is_none());
    let new = || told.iter().filter(|f| !good.findings.iter().any(|g| g.code == f.code));
    if damage.wanted == Wanted::Rest
        && let Some(finding) = new().find(vague)
    {
        return Some(format!("vague: {} {}", finding.code, finding.message));
    }
    if damage.wanted == Wanted::Rest && lost.len().max(fewer.len()) > 1 {
        return Some(format!("too much: lost {lost:?}, labels of {fewer:?}: {:?}", told.first().map(|f| &f.message)));
    }
    None
}

/// Answers that are not yet as they should be: format, way, how many at most. Most are files that no longer look like the
/// format by their first bytes, calibrations that all samples hang on, and findings without a line; the list may only
/// become shorter.
const OPEN: &[(&str, &str, usize)] = &[
    ("ade20k", "media missing", 4),
    ("bdd100k", "nesting of 10^6", 1),
    ("bdd100k", "path long", 1),
    ("coco", "nesting of 10^6", 1),
    ("createml", "path long", 1),
    ("cvat", "media missing", 3),
    ("dota", "media missing", 1),
    ("imagenet-txt", "path long", 1),
    ("jsonl", "nesting of 10^6", 1),
    ("kinetics", "geometry negative", 1),
    ("kinetics", "geometry outside", 1),
    ("kinetics", "not finite", 2),
    ("kinetics", "number huge", 3),
    ("kinetics", "wrong type", 1),
    ("kitti", "media missing", 1),
    ("kitti_raw", "ids twice", 1),
    ("label_studio", "nesting of 10^6", 1),
    ("label_studio", "path long", 1),
    ("labelbox", "path long", 1),
    ("mapillary_vistas", "media missing", 3),
    ("masks", "media missing", 4),
    ("mot", "UTF-16", 2),
    ("mot", "geometry outside", 2),
    ("mot", "mark", 1),
    ("mot", "media missing", 1),
    ("mots", "geometry outside", 1),
    ("mpii", "nesting of 10^6", 1),
    ("mpii", "path long", 1),
    ("nuscenes", "nesting of 10^6", 2),
    ("nuscenes", "not finite", 10),
    ("nuscenes", "number huge", 10),
    ("nuscenes", "wrong type", 20),
    ("supervisely_clouds", "media missing", 2),
    ("tamis", "geometry negative", 1),
    ("tamis", "geometry outside", 1),
    ("tamis", "nesting of 10^6", 1),
    ("tamis", "not finite", 2),
    ("tamis", "number huge", 3),
    ("tamis", "path absolute", 1),
    ("tamis", "path dangling", 1),
    ("tamis", "wrong type", 4),
    ("voc", "path long", 3),
    ("vott", "nesting of 10^6", 1),
    ("vott", "path long", 1),
    ("yolo", "geometry outside", 1),
    ("yolo", "not finite", 4),
    ("yolo", "number huge", 4),
    ("yolo", "wrong type", 2),
];

/// What each answer of a kind counts.
#[derive(Default)]
struct Tally {
    read: usize,
    told: usize,
    wrong: Vec<String>,
}

fn run(set: &Set, beat: &SyncSender<String>, table: &Mutex<BTreeMap<(String, String), Tally>>) {
    let good = see(set.format, &set.files);
    assert!(good.error.is_none() && !good.samples.is_empty(), "{}: {:?} {:?}", set.name, good.error, good.findings);
    damage::each(&set.files, &mut |damage, files| {
        let title = format!("{} · {} · {} {}", set.name, damage.kind, damage.leaf, damage.what);
        let _ = beat.send(title.clone());
        let bad = catch_unwind(AssertUnwindSafe(|| see(set.format, files)));
        let mut table = table.lock().unwrap();
        let tally = table.entry((set.format.to_owned(), damage.kind.to_owned())).or_default();
        tally.read += 1;
        match bad {
            Err(_) => tally.wrong.push(format!("{title}: panicked")),
            Ok(bad) => {
                tally.told +=
                    usize::from(bad.error.is_some() || bad.findings.iter().any(|f| f.severity >= Severity::Warning));
                tally.wrong.extend(judge(set.format, &good, &bad, &damage).map(|why| format!("{title}: {why}")));
            }
        }
    });
}

/// Goes through the table; an answer that takes longer than a minute is a hang.
fn go_through(sets: Vec<Set>) -> BTreeMap<(String, String), Tally> {
    let table = Mutex::new(BTreeMap::new());
    let queue = Mutex::new(sets);
    let (send, heard) = sync_channel(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let send = send.clone();
            let (table, queue) = (&table, &queue);
            scope.spawn(move || {
                loop {
                    let Some(set) = queue.lock().unwrap().pop() else { break };
                    run(&set, &send, table);
                }
            });
        }
        drop(send);
        let mut last = [String::new(), String::new()];
        loop {
            match heard.recv_timeout(Duration::from_secs(60)) {
                Ok(title) => last = [title, last[0].clone()],
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    eprintln!("no answer: {last:?}");
                    std::process::abort();
                }
            }
        }
    });
    table.into_inner().unwrap()
}

/// The most memory this process had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) / 1024
}

#[test]
fn no_damage_costs_more_than_itself() {
    let sets = sets::all();
    let covered: Vec<&str> = sets.iter().map(|s| s.format).collect();
    let missing: Vec<&str> = FORMATS.iter().map(|f| f.spec().id).filter(|id| !covered.contains(id)).collect();
    if sets::has_real() {
        assert!(missing.is_empty(), "no set of {missing:?}");
    }
    let table = go_through(sets);
    let mut by_format: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    let (mut wrong, mut stale): (Vec<&String>, Vec<String>) = Default::default();
    for ((format, kind), tally) in &table {
        let sum = by_format.entry(format).or_default();
        *sum = (sum.0 + tally.read, sum.1 + tally.told, sum.2 + tally.wrong.len());
        let open = OPEN.iter().find(|(f, k, _)| f == format && k == kind).map_or(0, |(.., many)| *many);
        if tally.wrong.len() > open {
            wrong.extend(&tally.wrong);
        } else if sets::has_real() && tally.wrong.len() < open {
            stale.push(format!("{format}, {kind}: {} of {open}", tally.wrong.len()));
        }
        eprintln!("{format}\t{kind}\t{}\t{}\t{}", tally.read, tally.told, tally.wrong.len());
    }
    let peak = peak();
    let read: usize = by_format.values().map(|s| s.0).sum();
    eprintln!("{read} damaged sets of {} formats, peak {peak} MiB", by_format.len());
    let shown: Vec<String> = wrong.iter().map(|w| w.chars().take(600).collect()).collect();
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), shown.join("\n"));
    assert!(stale.is_empty(), "fewer are open now: {stale:?}");
    assert!(peak < 2048, "{peak} MiB");
}
