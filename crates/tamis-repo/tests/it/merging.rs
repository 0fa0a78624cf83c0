//! Merges, conflicts, and their resolution.

use tamis_core::{Classify, Kind, LabelType, Ontology};
use tamis_repo::{ConflictPart, MergeOptions, MergeOutcome, Resolution};

use crate::support::*;

#[test]
fn a_branch_behind_moves_forward() {
    let signs = dataset();
    put(&signs, "main", &[sample("a", &[])], "one");
    signs.create_branch("side", "main", &me()).unwrap();
    let two = put(&signs, "side", &[sample("b", &[])], "two");
    let merge = |options: &MergeOptions| signs.merge("main", "side", &me(), options).unwrap();
    assert_eq!(merge(&MergeOptions::default()), MergeOutcome::FastForward(two.id));
    assert_eq!(merge(&MergeOptions::default()), MergeOutcome::UpToDate);
}

#[test]
fn different_labels_merge_and_equal_ones_conflict() {
    let signs = dataset();
    let both = |x1, x2| sample("a", &[car(1, x1), car(2, x2)]);
    put(&signs, "main", &[both(0.0, 0.0), sample("b", &[car(1, 0.0)])], "base");
    signs.create_branch("side", "main", &me()).unwrap();
    put(&signs, "main", &[both(5.0, 0.0), sample("b", &[car(1, 1.0)])], "ours");
    put(&signs, "side", &[both(0.0, 7.0), sample("b", &[car(1, 2.0)]), sample("c", &[])], "theirs");
    let outcome = signs.merge("main", "side", &me(), &MergeOptions::default()).unwrap();
    assert_eq!(outcome, MergeOutcome::Conflicts(1));
    let merge = signs.unfinished_merge("main").unwrap().unwrap();
    assert_eq!(merge.conflicts[0].part, ConflictPart::Label { layer: "truth".into(), id: 1 });
    assert_eq!(merge.conflicts[0].path, "b");
    assert_eq!(merge.conflicts[0].ours.as_ref().unwrap()["shape"]["xmin"], 1.0);
    assert_eq!(merge.conflicts[0].theirs.as_ref().unwrap()["shape"]["xmin"], 2.0);
    // Nothing moved; the merge waits, also for others who would merge.
    assert_eq!(signs.resolve("main").unwrap().title(), "ours");
    assert!(signs.merge("main", "side", &me(), &MergeOptions::default()).is_err());
    assert_eq!(signs.continue_merge("main", &me(), false).unwrap_err().kind(), Kind::Conflict);
    assert_eq!(signs.resolve_paths("main", "x/**", None, &Resolution::Theirs, &me()).unwrap(), (0, 1));
    assert_eq!(signs.resolve_paths("main", "b", Some(1), &Resolution::Theirs, &me()).unwrap(), (1, 0));
    let commit = signs.continue_merge("main", &me(), false).unwrap();
    assert_eq!(commit.parents.len(), 2);
    let main = signs.snapshot("main").unwrap();
    assert_eq!(main.get("a").unwrap().unwrap(), both(5.0, 7.0));
    assert_eq!(main.get("b").unwrap().unwrap().layers["truth"], [car(1, 2.0)]);
    assert!(main.get("c").unwrap().is_some());
    assert!(signs.unfinished_merge("main").unwrap().is_none());
}

#[test]
fn every_way_to_decide_works() {
    for (resolution, expected) in [
        (Resolution::Ours, Some(1.0)),
        (Resolution::Theirs, Some(2.0)),
        (Resolution::Base, Some(0.0)),
        (Resolution::Value(Some(serde_json::to_value(car(1, 8.0)).unwrap())), Some(8.0)),
        (Resolution::Value(None), None),
    ] {
        let signs = dataset();
        put(&signs, "main", &[sample("a", &[car(1, 0.0)])], "base");
        signs.create_branch("side", "main", &me()).unwrap();
        put(&signs, "main", &[sample("a", &[car(1, 1.0)])], "ours");
        put(&signs, "side", &[sample("a", &[car(1, 2.0)])], "theirs");
        signs.merge("main", "side", &me(), &MergeOptions::default()).unwrap();
        assert!(signs.resolve_paths("main", "**", None, &Resolution::Value(Some("no label".into())), &me()).is_err());
        signs.resolve_paths("main", "**", None, &resolution, &me()).unwrap();
        // Somebody else commits meanwhile; it is merged in.
        put(&signs, "main", &[sample("z", &[])], "meanwhile");
        signs.continue_merge("main", &me(), false).unwrap();
        let labels = signs.snapshot("main").unwrap().get("a").unwrap().unwrap().layers["truth"].clone();
        let expected: Vec<_> = expected.map(|x| car(1, x)).into_iter().collect();
        assert_eq!(labels, expected, "{resolution:?}");
        assert!(paths(&signs, "main").contains(&"z".to_owned()));
    }
}

#[test]
fn a_merge_is_given_up_without_a_trace() {
    let signs = dataset();
    put(&signs, "main", &[sample("a", &[car(1, 0.0)])], "base");
    signs.create_branch("side", "main", &me()).unwrap();
    let mut edit = signs.transaction("main").unwrap();
    edit.delete("a").unwrap();
    edit.commit("ours", &me()).unwrap();
    put(&signs, "side", &[sample("a", &[car(1, 2.0)])], "theirs");
    let before = signs.view().unwrap();
    assert_eq!(signs.merge("main", "side", &me(), &MergeOptions::default()).unwrap(), MergeOutcome::Conflicts(1));
    assert_eq!(signs.unfinished_merge("main").unwrap().unwrap().conflicts[0].part, ConflictPart::Sample);
    signs.abort_merge("main", &me()).unwrap();
    assert_eq!(signs.view().unwrap(), before);
}

#[test]
fn layers_and_fields_of_two_branches_come_together() {
    let signs = dataset();
    put(&signs, "main", &[sample("a", &[car(1, 0.0)]), sample("b", &[])], "base");
    signs.create_branch("side", "main", &me()).unwrap();
    let edit = |branch: &str, layer: &str, field: &str| {
        let mut edit = signs.transaction(branch).unwrap();
        edit.patch_layer("a", layer, Some(vec![car(1, 3.0)])).unwrap();
        edit.set_field("b", field, Some("x".into())).unwrap();
        edit.commit(layer, &me()).unwrap();
    };
    edit("main", "pred/m", "left");
    edit("side", "pred/s", "right");
    let outcome = signs.merge("main", "side", &me(), &MergeOptions::default()).unwrap();
    assert!(matches!(outcome, MergeOutcome::Merged(_)), "{outcome:?}");
    let main = signs.snapshot("main").unwrap();
    assert_eq!(main.get("a").unwrap().unwrap().layers.keys().collect::<Vec<_>>(), ["pred/m", "pred/s", "truth"]);
    assert_eq!(main.get("b").unwrap().unwrap().fields.len(), 2);
    // And back: the other branch's groups stand in another order.
    edit("side", "pred/s2", "right");
    let outcome = signs.merge("side", "main", &me(), &MergeOptions::default()).unwrap();
    assert!(matches!(outcome, MergeOutcome::Merged(_)), "{outcome:?}");
    let side = signs.snapshot("side").unwrap();
    assert_eq!(side.get("a").unwrap().unwrap().layers.len(), 4);
    assert_eq!(side.get("b").unwrap().unwrap().fields.len(), 2);
}

#[test]
fn ontologies_merge_by_class() {
    let signs = dataset();
    let set = |branch: &str, classes: &[&str]| {
        let mut edit = signs.transaction(branch).unwrap();
        let mut ontology = Ontology::default();
        for class in classes {
            ontology.add_class(LabelType::Box2d, class);
        }
        edit.set_ontology(ontology).unwrap();
        edit.commit("classes", &me()).unwrap();
    };
    set("main", &["car"]);
    signs.create_branch("side", "main", &me()).unwrap();
    set("main", &["car", "bus"]);
    set("side", &["car", "van"]);
    signs.merge("main", "side", &me(), &MergeOptions::default()).unwrap();
    let ontology = signs.snapshot("main").unwrap().ontology().unwrap();
    let names: Vec<&str> = ontology.types[&LabelType::Box2d].classes.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["car", "bus", "van"]);
    assert_eq!(signs.diff_ontology("main~1", "main").unwrap().len(), 1);
}

#[test]
fn a_commit_that_clashes_with_a_faster_one_is_refused() {
    let signs = dataset();
    put(&signs, "main", &[sample("a", &[car(1, 0.0)]), sample("b", &[])], "base");
    let mut slow = signs.transaction("main").unwrap();
    let mut other = signs.transaction("main").unwrap();
    slow.put(sample("a", &[car(1, 1.0)])).unwrap();
    other.put(sample("b", &[car(1, 4.0)])).unwrap();
    put(&signs, "main", &[sample("a", &[car(1, 2.0)])], "fast");
    let error = slow.commit("slow", &me()).unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert!(error.to_string().contains("a (truth label 1)"), "{error}");
    other.commit("rebased", &me()).unwrap();
    assert_eq!(signs.resolve("main~1").unwrap().title(), "fast");
    let main = signs.snapshot("main").unwrap();
    assert_eq!(main.get("a").unwrap().unwrap().layers["truth"], [car(1, 2.0)]);
    assert_eq!(main.get("b").unwrap().unwrap().layers["truth"], [car(1, 4.0)]);
}
