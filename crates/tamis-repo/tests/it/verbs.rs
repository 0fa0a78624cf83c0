//! Branches, tags, revisions, drafts, undo, log, diff, stats.

use std::sync::atomic::Ordering;

use tamis_core::{Classify, DatasetName, Kind, LabelType, Ontology};
use tamis_repo::{
    CommitOptions, DiffOptions, Error, LabelChange, LogOptions, MergeOptions, MoveOptions, Outcome, SamplePatch,
};

use crate::support::*;

#[test]
fn a_commit_is_read_back_and_counted() {
    let signs = dataset();
    let mut edit = signs.transaction("main").unwrap();
    let blob = edit.put_blob(b"not really a jpeg").unwrap();
    let mut one = sample("train/1.jpg", &[car(0, 1.0), car(0, 2.0)]);
    one.media =
        Some(tamis_core::Media { blob: Some(blob), size: 17, mime: Some("image/jpeg".into()), ..Default::default() });
    one.fields.insert("weather".into(), "rain".into());
    edit.put(one).unwrap();
    edit.put(sample("val/2.jpg", &[])).unwrap();
    let mut three = sample("val/3.jpg", &[]);
    three.layers.clear();
    three.split = None;
    edit.put(three).unwrap();
    let mut ontology = Ontology::default();
    ontology.add_class(LabelType::Box2d, "car");
    edit.set_ontology(ontology.clone()).unwrap();
    let commit = edit.commit("first", &me()).unwrap();
    assert_eq!(commit.commit().unwrap().title(), "first");

    let main = signs.snapshot("main").unwrap();
    assert_eq!(paths(&signs, "main"), ["train/1.jpg", "val/2.jpg", "val/3.jpg"]);
    let one = main.get("train/1.jpg").unwrap().unwrap();
    assert_eq!(one.layers["truth"].iter().map(|label| label.id).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(main.blob(&blob).unwrap().read().unwrap(), &b"not really a jpeg"[..]);
    assert_eq!(main.get("val/2.jpg").unwrap().unwrap().layers["truth"], []);
    assert!(main.get("val/3.jpg").unwrap().unwrap().layers.is_empty());
    assert_eq!(main.get("none").unwrap(), None);
    assert_eq!(main.ontology().unwrap(), ontology);
    let many = main.get_many(&["val/3.jpg", "x", "train/1.jpg", "val/3.jpg"]).unwrap();
    assert_eq!(many.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true, true]);

    let stats = main.stats().unwrap();
    assert_eq!((stats.samples, stats.annotations, stats.bytes), (3, 2, 17));
    assert_eq!(stats.splits, [(String::new(), 1), ("train".to_owned(), 2)].into());
    assert_eq!(stats.media, [("image/jpeg".to_owned(), 1)].into());
    let truth = &stats.layers["truth"];
    assert_eq!((truth.labels, truth.samples), (2, 1));
    assert_eq!(truth.types_classes["box2d"]["car"], 2);
    assert_eq!(main.stats_of("val/").unwrap().samples, 2);
}

#[test]
fn nothing_to_commit_is_said() {
    let signs = dataset();
    put(&signs, "main", &[sample("a", &[car(1, 0.0)])], "one");
    let edit = signs.transaction("main").unwrap();
    assert_eq!(edit.commit("none", &me()).unwrap(), Outcome::Nothing);
    let mut edit = signs.transaction("main").unwrap();
    edit.put(sample("a", &[car(1, 0.0)])).unwrap();
    edit.delete("not there").unwrap();
    assert_eq!(edit.commit("none", &me()).unwrap(), Outcome::Nothing);
    assert_eq!(signs.log("main", &LogOptions::default()).unwrap().len(), 1);
}

#[test]
fn patches_change_parts_and_need_their_sample() {
    let signs = dataset();
    put(&signs, "main", &[sample("a", &[car(1, 0.0)]), sample("b", &[])], "one");
    let mut edit = signs.transaction("main").unwrap();
    edit.patch_layer("a", "pred/x", Some(vec![car(0, 5.0)])).unwrap();
    edit.set_field("a", "n", Some(1.into())).unwrap();
    edit.patch("b", SamplePatch { split: Some(None), ..SamplePatch::default() }).unwrap();
    edit.patch_layer("b", "truth", None).unwrap();
    edit.commit("two", &me()).unwrap();
    let main = signs.snapshot("main").unwrap();
    let (a, b) = (main.get("a").unwrap().unwrap(), main.get("b").unwrap().unwrap());
    assert_eq!((a.layers.len(), a.fields["n"].as_i64(), a.split.as_deref()), (2, Some(1), Some("train")));
    assert_eq!((b.layers.len(), b.split), (0, None));

    let mut edit = signs.transaction("main").unwrap();
    edit.set_field("a", "n", Some(1.5.into())).unwrap();
    edit.commit("three", &me()).unwrap();
    assert_eq!(signs.snapshot("main").unwrap().get("a").unwrap().unwrap().fields["n"], 1.5);

    let mut edit = signs.transaction("main").unwrap();
    edit.patch_layer("missing", "truth", Some(vec![])).unwrap();
    assert_eq!(edit.commit("x", &me()).unwrap_err().kind(), Kind::NotFound);
}

#[test]
fn revisions_name_commits() {
    let (repo, clock) = repo();
    let signs = repo.create(&DatasetName::new("acme/signs").unwrap(), &me()).unwrap();
    let one = put(&signs, "main", &[sample("a", &[])], "one");
    let two = put(&signs, "main", &[sample("b", &[])], "two");
    clock.0.fetch_add(3 * 86_400_000_000, Ordering::SeqCst);
    let three = put(&signs, "main", &[sample("c", &[])], "three");
    signs.create_tag("v1", "main~1", "a tag", &me()).unwrap();
    let id = |revision: &str| signs.resolve(revision).unwrap().id;
    assert_eq!(id("main"), three.id);
    assert_eq!((id(""), id("HEAD")), (three.id, three.id));
    assert_eq!((id("main~2"), id("main^"), id("main^0"), id("v1")), (one.id, two.id, three.id, two.id));
    assert!(signs.resolve("main~3").unwrap().is_root());
    assert_eq!((id("main@{0}"), id("main@{1}"), id("main@{2}")), (three.id, two.id, one.id));
    assert_eq!((id("main@{yesterday}"), id("main@{2026-01-03}"), id("main@{now}")), (two.id, two.id, three.id));
    assert_eq!(id(&two.id.to_string()[..10]), two.id);
    assert_eq!(id(&format!("{}~1", two.id)), one.id);
    for (bad, kind) in [
        ("mian", Kind::NotFound),
        ("main~9", Kind::NotFound),
        ("main^2", Kind::NotFound),
        ("main@{99}", Kind::NotFound),
        ("main@{2020-01-01}", Kind::NotFound),
        ("main@{whenever}", Kind::Invalid),
        ("abc", Kind::NotFound),
    ] {
        assert_eq!(signs.resolve(bad).unwrap_err().kind(), kind, "{bad}");
    }
    assert!(signs.resolve("mian").unwrap_err().to_string().contains("did you mean `main`"));
}

#[test]
fn branches_and_tags_are_guarded() {
    let signs = dataset();
    put(&signs, "main", &[sample("a", &[])], "one");
    signs.create_branch("fix/x", "main", &me()).unwrap();
    assert_eq!(signs.create_branch("fix/x", "main", &me()).unwrap_err().kind(), Kind::Exists);
    assert_eq!(signs.create_tag("fix/x", "main", "", &me()).unwrap_err().kind(), Kind::Exists);
    assert!(signs.create_branch("draft/x", "main", &me()).is_err());
    put(&signs, "fix/x", &[sample("b", &[])], "two");
    let fix = signs.branches().unwrap().into_iter().find(|b| b.name == "fix/x").unwrap();
    assert_eq!((fix.ahead, fix.behind), (1, 0));
    let refused = signs.delete_branch("fix/x", &me(), MoveOptions::default()).unwrap_err();
    assert!(matches!(refused, Error::Refused { .. }), "{refused}");
    signs.rename_branch("fix/x", "fix", &me()).unwrap();
    signs.protect_branch("fix", true, &me()).unwrap();
    let mut edit = signs.transaction("fix").unwrap();
    edit.put(sample("c", &[])).unwrap();
    assert_eq!(edit.commit("x", &me()).unwrap_err().kind(), Kind::Denied);
    assert!(signs.reset_branch("fix", "main", &me(), MoveOptions::default()).is_err());
    let force = MoveOptions { allow_protected: true, allow_unmerged: true };
    signs.reset_branch("fix", "main", &me(), force).unwrap();
    signs.delete_branch("fix", &me(), force).unwrap();
    signs.undo(None, &me()).unwrap();
    assert!(signs.resolve("fix").is_ok());
    assert!(signs.delete_branch("main", &me(), force).is_err());
}

#[test]
fn undo_is_general() {
    let signs = dataset();
    let one = put(&signs, "main", &[sample("a", &[])], "one");
    let two = put(&signs, "main", &[sample("b", &[])], "two");
    signs.create_tag("v1", "main", "", &me()).unwrap();
    let tag = signs.operations(1).unwrap()[0].id;
    signs.create_branch("next", "main", &me()).unwrap();
    // Not the newest: only what that operation did is taken back.
    signs.undo(Some(tag), &me()).unwrap();
    assert!(signs.resolve("v1").is_err() && signs.resolve("next").is_ok());
    signs.undo(None, &me()).unwrap();
    assert_eq!(signs.resolve("v1").unwrap().id, two.id);
    let commit = signs.operations(9).unwrap().into_iter().find(|op| op.description.contains("two")).unwrap();
    signs.undo(Some(commit.id), &me()).unwrap();
    assert_eq!(signs.resolve("main").unwrap().id, one.id);
    put(&signs, "main", &[sample("c", &[])], "three");
    assert_eq!(signs.undo(Some(commit.id), &me()).unwrap_err().kind(), Kind::Conflict);
    signs.restore(commit.id, &me()).unwrap();
    assert_eq!(signs.resolve("main").unwrap().id, two.id);
    assert!(signs.resolve("v1").is_err());
    let first = signs.operations(99).unwrap().pop().unwrap();
    assert!(signs.undo(Some(first.id), &me()).is_err());
}

#[test]
fn datasets_are_removed_and_come_back() {
    let (repo, _) = repo();
    let name = |text: &str| DatasetName::new(text).unwrap();
    let signs = repo.create(&name("signs"), &me()).unwrap();
    put(&signs, "main", &[sample("a", &[])], "one");
    assert_eq!(repo.create(&name("local/signs"), &me()).unwrap_err().kind(), Kind::Exists);
    repo.create(&name("acme/roads"), &me()).unwrap();
    assert_eq!(repo.datasets().unwrap(), [name("acme/roads"), name("signs")]);
    let moved = repo.rename(&name("signs"), &name("acme/signs"), &me()).unwrap();
    assert_eq!(paths(&moved, "main"), ["a"]);
    assert!(repo.dataset(&name("signs")).is_err());
    repo.remove(&name("acme/signs"), &me()).unwrap();
    assert_eq!(repo.datasets().unwrap(), [name("acme/roads")]);
    assert_eq!(repo.removed().unwrap(), [name("acme/signs")]);
    let back = repo.restore(&name("acme/signs"), &me()).unwrap();
    assert_eq!(paths(&back, "main"), ["a"]);
    assert!(repo.dataset(&name("roads")).unwrap_err().to_string().contains("acme/roads"));
}

#[test]
fn drafts_are_durable_and_become_one_commit() {
    let signs = dataset();
    put(&signs, "main", &[sample("a", &[car(1, 0.0)])], "one");
    signs.open_draft("mine", "main", &me()).unwrap();
    for x in [1.0, 2.0, 3.0] {
        let mut edit = signs.draft_transaction("mine").unwrap();
        edit.patch_layer("a", "truth", Some(vec![car(1, x)])).unwrap();
        edit.put(sample(&format!("new/{x}"), &[])).unwrap();
        assert!(edit.commit("save", &me()).unwrap().commit().is_some());
    }
    assert_eq!(paths(&signs, "main"), ["a"]);
    assert_eq!(paths(&signs, "draft/mine").len(), 4);
    put(&signs, "main", &[sample("b", &[])], "meanwhile");
    let outcome = signs.commit_draft("mine", "from the draft", &me(), &CommitOptions::default()).unwrap();
    let commit = outcome.commit().unwrap();
    assert_eq!(commit.parents, [signs.resolve("main~1").unwrap().id]);
    assert_eq!(paths(&signs, "main"), ["a", "b", "new/1", "new/2", "new/3"]);
    assert!(signs.drafts().unwrap().is_empty());
    signs.open_draft("other", "main", &me()).unwrap();
    signs.discard_draft("other", &me()).unwrap();
    assert!(signs.draft_transaction("other").is_err());
}

#[test]
fn diff_tells_which_part_of_which_label() {
    let signs = dataset();
    put(&signs, "main", &[sample("a", &[car(1, 0.0), car(2, 0.0)]), sample("b", &[]), sample("c", &[])], "one");
    let mut edit = signs.transaction("main").unwrap();
    edit.patch_layer("a", "truth", Some(vec![car(1, 5.0), car(3, 1.0).with_class("bus")])).unwrap();
    edit.set_field("b", "weather", Some("fog".into())).unwrap();
    edit.delete("c").unwrap();
    edit.put(sample("d", &[car(1, 0.0)])).unwrap();
    edit.commit("two", &me()).unwrap();
    for (a, b) in [("main~1", "main"), ("main~2", "main")] {
        let changes: Vec<_> = signs.diff(a, b, &DiffOptions::default()).unwrap().map(Result::unwrap).collect();
        let shown: Vec<&str> = changes.iter().map(|c| c.path.as_str()).collect();
        if a == "main~2" {
            assert_eq!(shown, ["a", "b", "d"]);
            continue;
        }
        assert_eq!(shown, ["a", "b", "c", "d"]);
        let labels = changes[0].labels();
        assert!(
            matches!(&labels[0], LabelChange::Changed { old, parts, .. } if old.id == 1 && parts.geometry && !parts.class)
        );
        assert!(matches!(&labels[1], LabelChange::Removed { old, .. } if old.id == 2));
        assert!(matches!(&labels[2], LabelChange::Added { new, .. } if new.id == 3));
        assert_eq!(changes[1].fields()[0].name, "weather");
        assert!(changes[2].new.is_none() && changes[3].old.is_none());
    }
    let progress = tamis_core::Progress::none();
    let stat = signs.diff_stat("main~1", "main", &DiffOptions::default(), &progress).unwrap();
    assert_eq!((stat.samples_added, stat.samples_removed, stat.samples_changed), (1, 1, 2));
    assert_eq!((stat.labels_added, stat.labels_removed, stat.labels_changed), (2, 1, 1));
    assert_eq!(stat.classes["car"].added, 1);
    let back: Vec<_> =
        signs.diff("main", "main~1", &DiffOptions { prefix: "c".into() }).unwrap().map(Result::unwrap).collect();
    assert!(back.len() == 1 && back[0].old.is_none());
}

#[test]
fn the_log_has_graph_and_names() {
    let signs = dataset();
    put(&signs, "main", &[sample("a", &[])], "one");
    signs.create_branch("side", "main", &me()).unwrap();
    put(&signs, "side", &[sample("b", &[])], "side work");
    put(&signs, "main", &[sample("c", &[])], "main work");
    signs.merge("main", "side", &me(), &MergeOptions::default()).unwrap();
    let log = signs.log("main", &LogOptions::default()).unwrap();
    let lines: Vec<String> = log.iter().flat_map(|e| e.graph.iter().cloned()).collect();
    assert_eq!(lines, ["*", "|\\", "* |", "| *", "|/", "*"]);
    let titles: Vec<&str> = log.iter().map(|e| e.commit.title()).collect();
    assert_eq!(titles, ["merge side into main", "main work", "side work", "one"]);
    assert_eq!(log[0].refs, ["main"]);
    assert_eq!(log[2].refs, ["side"]);
    let first = LogOptions { first_parent: true, limit: 2, ..LogOptions::default() };
    assert_eq!(signs.log("main", &first).unwrap().len(), 2);
    let since = LogOptions { since: Some("main~1".into()), ..LogOptions::default() };
    let titles: Vec<String> = signs.log("main", &since).unwrap().iter().map(|e| e.commit.title().to_owned()).collect();
    assert_eq!(titles, ["merge side into main", "side work"]);
}

#[test]
fn revert_cherry_pick_and_squash_remake_history() {
    let signs = dataset();
    put(&signs, "main", &[sample("a", &[car(1, 0.0)]), sample("b", &[])], "one");
    signs.create_branch("side", "main", &me()).unwrap();
    let picked = put(&signs, "side", &[sample("a", &[car(1, 9.0)])], "move the car");
    put(&signs, "side", &[sample("x", &[])], "unrelated");
    signs.cherry_pick("main", "side~1", &me(), &MergeOptions::default()).unwrap();
    let head = signs.resolve("main").unwrap();
    assert_eq!((head.change, head.title()), (picked.change, "move the car"));
    assert_eq!(paths(&signs, "main"), ["a", "b"]);
    signs.revert("main", "main", &me(), &MergeOptions::default()).unwrap();
    assert_eq!(signs.snapshot("main").unwrap().get("a").unwrap().unwrap().layers["truth"], [car(1, 0.0)]);
    signs.squash("side", "main~2", "both", &me(), false).unwrap();
    let side = signs.resolve("side").unwrap();
    assert_eq!((side.title(), side.parents[0]), ("both", signs.resolve("main~2").unwrap().id));
    assert_eq!(paths(&signs, "side"), ["a", "b", "x"]);
}

#[test]
fn batches_go_in_and_out_and_fold() {
    let signs = dataset();
    let source = dataset();
    let rows: Vec<_> = (0..500).map(|i| sample(&format!("s/{i:04}"), &[car(1, f64::from(i))])).collect();
    put(&source, "main", &rows, "rows");
    let from = source.snapshot("main").unwrap();
    let schema = tamis_repo::samples_schema(None, &["truth"], &[]);
    assert_eq!(&schema, from.schema());
    let mut edit = signs.transaction("main").unwrap();
    edit.put_batches(&schema, from.scan_batches(&Default::default()).unwrap()).unwrap();
    edit.patch_layer("s/0007", "truth", Some(vec![])).unwrap();
    edit.commit("bulk", &me()).unwrap();
    assert_eq!(signs.snapshot("main").unwrap().stats().unwrap().annotations, 499);
    for i in 0..3 {
        put(&signs, "main", &[sample(&format!("t/{i}"), &[])], "small");
    }
    let before: Vec<_> =
        signs.snapshot("main").unwrap().scan(&Default::default()).unwrap().map(Result::unwrap).collect();
    if signs.compact("main", &me(), false).unwrap().is_some() {
        assert_eq!(signs.compact("main", &me(), false).unwrap(), None);
        assert_eq!(signs.diff("main~1", "main", &Default::default()).unwrap().count(), 0);
    }
    let after: Vec<_> =
        signs.snapshot("main").unwrap().scan(&Default::default()).unwrap().map(Result::unwrap).collect();
    assert_eq!(before, after);
    assert_eq!(after.len(), 503);
    // Again into rows that are there: replaces those of equal paths.
    let mut edit = signs.transaction("main").unwrap();
    edit.put_batches(&schema, from.scan_batches(&Default::default()).unwrap()).unwrap();
    edit.commit("again", &me()).unwrap();
    assert_eq!(signs.snapshot("main").unwrap().stats().unwrap().annotations, 500);
}
