//! Random histories agree with a model: a vector of commits, each a map of samples.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use tamis_core::Sample;
use tamis_repo::{DiffOptions, MergeOptions, MergeOutcome, Outcome, Resolution};

use crate::support::*;

type Map = BTreeMap<String, Sample>;

#[derive(Clone, Debug)]
enum Step {
    /// Puts and deletes on a branch.
    Commit(usize, Vec<(u8, Option<u8>)>),
    Branch(usize, usize),
    Merge(usize, usize),
    Revert(usize),
    Undo,
    /// The same as a commit, by way of two saves of a draft.
    Draft(usize, Vec<(u8, Option<u8>)>),
}

const BRANCHES: [&str; 3] = ["main", "one", "two"];

fn step() -> impl Strategy<Value = Step> {
    let edits = || vec((0u8..12, proptest::option::weighted(0.8, 0u8..4)), 1..6);
    prop_oneof![
        4 => (0usize..3, edits()).prop_map(|(b, e)| Step::Commit(b, e)),
        1 => (1usize..3, 0usize..3).prop_map(|(a, b)| Step::Branch(a, b)),
        2 => (0usize..3, 0usize..3).prop_map(|(a, b)| Step::Merge(a, b)),
        1 => (0usize..3).prop_map(Step::Revert),
        1 => Just(Step::Undo),
        1 => (0usize..3, edits()).prop_map(|(b, e)| Step::Draft(b, e)),
    ]
}

/// What a value looks like: a layer, a field and a split that depend on it.
fn make(path: &str, value: u8) -> Sample {
    let mut sample = sample(path, &[car(1, 0.0), car(2 + u64::from(value), f64::from(value))]);
    sample.fields.insert("value".into(), if value == 0 { "zero".into() } else { value.into() });
    if value == 3 {
        sample.layers.insert("pred/x".into(), vec![]);
    }
    sample
}

/// Three-way merge by whole samples, ours where both changed: exact for what this test asserts,
/// since a clash is decided as ours for the whole sample.
fn merge(base: &Map, ours: &Map, theirs: &Map) -> (Map, Vec<String>) {
    let mut merged = ours.clone();
    let mut both = Vec::new();
    let paths: std::collections::BTreeSet<&String> = base.keys().chain(ours.keys()).chain(theirs.keys()).collect();
    for path in paths {
        let (b, o, t) = (base.get(path), ours.get(path), theirs.get(path));
        if b == t || o == t {
            continue;
        }
        if b == o {
            match t {
                Some(sample) => drop(merged.insert(path.clone(), sample.clone())),
                None => drop(merged.remove(path)),
            }
        } else {
            both.push(path.clone());
        }
    }
    (merged, both)
}

fn read(dataset: &tamis_repo::Dataset, revision: &str) -> Map {
    let scan = dataset.snapshot(revision).unwrap().scan(&Default::default()).unwrap();
    scan.map(|sample| sample.unwrap()).map(|sample| (sample.path.clone(), sample)).collect()
}

fn apply(map: &mut Map, edits: &[(u8, Option<u8>)]) {
    for (key, value) in edits {
        let path = format!("s/{key:02}");
        match value {
            Some(value) => drop(map.insert(path.clone(), make(&path, *value))),
            None => drop(map.remove(&path)),
        }
    }
}

fn edit(mut transaction: tamis_repo::Transaction, edits: &[(u8, Option<u8>)]) -> Outcome {
    for (key, value) in edits {
        let path = format!("s/{key:02}");
        match value {
            Some(value) => transaction.put(make(&path, *value)).unwrap(),
            None => transaction.delete(&path).unwrap(),
        }
    }
    transaction.commit("edit", &me()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn histories_agree_with_the_model(steps in vec(step(), 1..14)) {
        let signs = dataset();
        for branch in &BRANCHES[1..] {
            signs.create_branch(branch, "main", &me()).unwrap();
        }
        // By commit id: what the model says it holds.
        let mut commits: BTreeMap<String, Map> = BTreeMap::new();
        commits.insert(signs.resolve("main").unwrap().id.to_string(), Map::new());
        let mut refs: Vec<BTreeMap<&str, String>> = Vec::new();
        let heads = |signs: &tamis_repo::Dataset| -> BTreeMap<&str, String> {
            BRANCHES.iter().map(|b| (*b, signs.resolve(b).unwrap().id.to_string())).collect()
        };
        refs.push(heads(&signs));
        for step in steps {
            let now = refs.last().unwrap().clone();
            let model = |branch: usize| commits[&now[BRANCHES[branch]]].clone();
            let mut touched: Option<(usize, Map)> = None;
            match &step {
                Step::Commit(branch, edits) => {
                    let mut map = model(*branch);
                    apply(&mut map, edits);
                    let outcome = edit(signs.transaction(BRANCHES[*branch]).unwrap(), edits);
                    prop_assert_eq!(outcome == Outcome::Nothing, map == model(*branch));
                    touched = Some((*branch, map));
                }
                Step::Draft(branch, edits) => {
                    let mut map = model(*branch);
                    apply(&mut map, edits);
                    signs.open_draft("d", BRANCHES[*branch], &me()).unwrap();
                    let (a, b) = edits.split_at(edits.len() / 2);
                    edit(signs.draft_transaction("d").unwrap(), a);
                    edit(signs.draft_transaction("d").unwrap(), b);
                    signs.commit_draft("d", "draft", &me(), &Default::default()).unwrap();
                    touched = Some((*branch, map));
                }
                Step::Branch(to, from) => {
                    let force = tamis_repo::MoveOptions { allow_protected: false, allow_unmerged: true };
                    signs.reset_branch(BRANCHES[*to], BRANCHES[*from], &me(), force).unwrap();
                    touched = Some((*to, model(*from)));
                }
                Step::Merge(into, from) => {
                    let (into, from) = (BRANCHES[*into], BRANCHES[*from]);
                    let base = signs.merge_base(into, from).unwrap().unwrap().to_string();
                    let (mut map, both) = merge(&commits[&base], &commits[&now[into]], &commits[&now[from]]);
                    let before = signs.resolve(into).unwrap();
                    let outcome = signs.merge(into, from, &me(), &MergeOptions::default()).unwrap();
                    if let MergeOutcome::Conflicts(count) = outcome {
                        prop_assert!(count > 0 && !both.is_empty());
                        signs.resolve_paths(into, "**", None, &Resolution::Ours, &me()).unwrap();
                        signs.continue_merge(into, &me(), false).unwrap();
                    }
                    let real = read(&signs, into);
                    // Samples that both changed were merged part by part: not the model's business,
                    // but they come from the two sides.
                    for path in &both {
                        match real.get(path) {
                            Some(sample) => drop(map.insert(path.clone(), sample.clone())),
                            None => drop(map.remove(path)),
                        }
                    }
                    if outcome == MergeOutcome::UpToDate {
                        prop_assert_eq!(signs.resolve(into).unwrap(), before);
                    }
                    touched = Some((BRANCHES.iter().position(|b| *b == into).unwrap(), map));
                }
                Step::Revert(branch) => {
                    let head = signs.resolve(BRANCHES[*branch]).unwrap();
                    if let Some(parent) = head.parents.first() {
                        let map = commits[&parent.to_string()].clone();
                        signs.revert(BRANCHES[*branch], BRANCHES[*branch], &me(), &MergeOptions::default()).unwrap();
                        touched = Some((*branch, map));
                    }
                }
                Step::Undo => {
                    let last = signs.operations(1).unwrap().remove(0);
                    let simple = ["commit to", "reset", "undo", "merge"].iter().any(|w| last.description.starts_with(w));
                    if last.parent.is_some() && simple {
                        let before = signs.view_at(last.parent.unwrap()).unwrap();
                        signs.undo(None, &me()).unwrap();
                        prop_assert_eq!(signs.view().unwrap(), before);
                    }
                }
            }
            let after = heads(&signs);
            if let Some((branch, map)) = touched {
                let real = read(&signs, BRANCHES[branch]);
                prop_assert_eq!(&real, &map, "{:?}", step);
                let stats = signs.snapshot(BRANCHES[branch]).unwrap().stats().unwrap();
                let labels: usize = map.values().flat_map(|s| s.layers.values()).map(Vec::len).sum();
                prop_assert_eq!((stats.samples, stats.annotations), (map.len() as u64, labels as u64));
                commits.insert(after[BRANCHES[branch]].clone(), map);
            }
            refs.push(after);
        }
        // Any two commits: the diff is what the maps say.
        let ids: Vec<&String> = commits.keys().collect();
        for (a, b) in ids.iter().zip(ids.iter().rev()).take(6) {
            let (old, new) = (&commits[*a], &commits[*b]);
            let mut expected = old.clone();
            for change in signs.diff(a, b, &DiffOptions::default()).unwrap() {
                let change = change.unwrap();
                prop_assert_eq!(change.old.as_ref(), old.get(&change.path));
                match change.new {
                    Some(sample) => drop(expected.insert(change.path, sample)),
                    None => drop(expected.remove(&change.path)),
                }
            }
            prop_assert_eq!(&expected, new);
        }
        prop_assert!(signs.repo().verify(&tamis_core::Progress::none()).unwrap().is_sound());
    }
}
