//! The seeds of the fuzz targets, and small changes of them, through the functions that the targets run.

use std::path::PathBuf;

use crate::targets::TARGETS;

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

/// The seeds of a target, by name.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(corpus().join(target)) else { return Vec::new() };
    let mut seeds: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect();
    seeds.sort();
    seeds
}

/// A seed cut short, with a flipped bit, with a byte at its limit, with a part twice: the same ones in every run.
fn changes(seed: &[u8], count: u64) -> impl Iterator<Item = Vec<u8>> {
    let mut state = seed.len() as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let mut below = move |end: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % end.max(1)
    };
    (0..count).map(move |number| {
        let mut bytes = seed.to_vec();
        let at = below(bytes.len());
        match number % 4 {
            0 => bytes.truncate(at),
            1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << below(8)),
            2 => bytes.iter_mut().skip(at).take(1 + below(4)).for_each(|byte| *byte = 0xff),
            _ => drop(bytes.splice(at..at, seed[at..(at + below(64)).min(seed.len())].to_vec())),
        }
        bytes
    })
}

#[test]
fn seeds_and_their_small_changes_do_no_harm() {
    for (name, target) in TARGETS {
        target(&[]);
        for (seed, bytes) in seeds(name) {
            eprintln!("{name}/{seed}");
            target(&bytes);
            let count = if matches!(*name, "format" | "image") { 100 } else { 400 };
            changes(&bytes, count).for_each(|changed| target(&changed));
        }
    }
}

#[test]
fn each_corpus_belongs_to_a_target() {
    for entry in std::fs::read_dir(corpus()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(TARGETS.iter().any(|(target, _)| *target == name), "no target `{name}`");
    }
}
