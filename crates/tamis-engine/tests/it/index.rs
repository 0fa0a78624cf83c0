//! Indexes and searches.

use tamis_engine::Address;
use tamis_engine::ops::derive::Define;
use tamis_engine::ops::index::{IndexDefinition, IndexKind, IndexReport, IndexRequest, Near, NearRequest};

use crate::lake::{Content, Lake, ctx, grey};

fn index(lake: &Lake, name: &str, define: Option<(IndexKind, &str)>) -> IndexReport {
    let define = define.map(|(kind, on)| IndexDefinition { kind, on: on.to_owned(), metric: None });
    let name = Some(name.to_owned());
    let request =
        IndexRequest { dataset: lake.name.clone(), branch: "main".into(), name, define, anew: false, message: None };
    lake.engine.index(&ctx(), &request).unwrap()
}

fn address(lake: &Lake) -> Address {
    lake.name.to_string().parse().unwrap()
}

fn near<'a>(lake: &Lake, near: Near, allowed: Option<&'a (dyn Fn(&str) -> bool + Sync)>) -> NearRequest<'a> {
    NearRequest { address: address(lake), field: None, near, count: 5, probes: Some(usize::MAX), allowed }
}

fn pictures() -> Lake {
    let lake = Lake::new();
    let names: Vec<String> = (0..200).map(|at| format!("{:03}", at)).collect();
    let samples: Vec<(&str, Content)> =
        names.iter().enumerate().map(|(at, name)| (name.as_str(), Content::Grey(at as u8))).collect();
    lake.put(&samples);
    let define = Define { function: "embed_basic".into(), ..Define::default() };
    lake.engine.derive(&ctx(), &lake.request("look", Some(define))).unwrap();
    lake
}

#[test]
fn an_index_finds_what_comparing_all_finds_and_filters_hide_nothing() {
    let lake = pictures();
    let exact = lake.engine.nearest(&near(&lake, Near::Sample("050".into()), None)).unwrap();
    assert_eq!((exact.index, exact.compared), (None, 200));
    let built = index(&lake, "look", Some((IndexKind::Vectors, "derived:look")));
    assert_eq!((built.indexes[0].rows, built.indexes[0].built), (200, true));
    let found = lake.engine.nearest(&near(&lake, Near::Sample("050".into()), None)).unwrap();
    assert_eq!(found.index.as_deref(), Some("look"));
    let distances =
        |samples: &[tamis_engine::ops::index::NearSample]| samples.iter().map(|s| s.distance).collect::<Vec<_>>();
    assert_eq!(distances(&found.samples), distances(&exact.samples));
    let only = |path: &str| path > "190";
    let kept = lake.engine.nearest(&near(&lake, Near::Sample("050".into()), Some(&only))).unwrap();
    assert_eq!(kept.samples.len(), 5);
    assert!(kept.samples.iter().all(|sample| sample.path.as_str() > "190"));
    let given = lake.engine.nearest(&near(&lake, Near::Bytes(grey(50)), None)).unwrap();
    assert!(given.samples[0].distance < 1e-6, "{given:?}");
}

#[test]
fn an_index_behind_is_not_used_and_catches_up_by_what_changed() {
    let lake = pictures();
    index(&lake, "look", Some((IndexKind::Vectors, "derived:look")));
    lake.put(&[("new", Content::Grey(230)), ("003", Content::Grey(229))]);
    lake.delete("004");
    lake.derive("look");
    let lines = lake.engine.indexes(&lake.name, "main").unwrap();
    assert_eq!(lines[0].changed, 3);
    let exact = lake.engine.nearest(&near(&lake, Near::Sample("new".into()), None)).unwrap();
    assert_eq!(exact.index, None);
    let caught = index(&lake, "look", None);
    assert_eq!((caught.indexes[0].changed, caught.indexes[0].built, caught.indexes[0].rows), (3, false, 200));
    let found = lake.engine.nearest(&near(&lake, Near::Sample("new".into()), None)).unwrap();
    assert_eq!(found.index.as_deref(), Some("look"));
    assert_eq!(found.samples[0].distance, exact.samples[0].distance);
    assert!(found.samples.iter().all(|sample| sample.path != "004"));
    assert_eq!(index(&lake, "look", None).commit, None);
}

#[test]
fn words_find_captions_and_forget_changed_ones() {
    let lake = Lake::new();
    let caption = |text: &str| Content::Caption(text.to_owned());
    lake.put(&[("a", caption("a red bus in the rain")), ("b", caption("a dog")), ("c", caption("two red dogs"))]);
    index(&lake, "captions", Some((IndexKind::Words, "field:caption")));
    let find = |words: &str| {
        let found = lake.engine.find_words(&address(&lake), None, words, 10, None).unwrap();
        found.samples.into_iter().map(|sample| sample.path).collect::<Vec<_>>()
    };
    assert_eq!(find("bus"), ["a"]);
    assert_eq!(
        {
            let mut found = find("red");
            found.sort();
            found
        },
        ["a", "c"]
    );
    lake.put(&[("a", caption("a blue bus"))]);
    index(&lake, "captions", None);
    assert_eq!(find("red"), ["c"]);
    assert_eq!(find("blue bus"), ["a"]);
}

#[test]
fn bad_questions_have_clear_answers() {
    let lake = pictures();
    let error = lake.engine.nearest(&near(&lake, Near::Vector(vec![1.0]), None)).unwrap_err();
    assert!(error.to_string().contains("cannot look for a vector of 1 dimensions"), "{error}");
    let error = lake.engine.nearest(&near(&lake, Near::Sample("none".into()), None)).unwrap_err();
    assert!(error.to_string().contains("`none` is no sample"), "{error}");
    let error = lake.engine.find_words(&address(&lake), None, "bus", 10, None).unwrap_err();
    assert!(error.to_string().contains("no index of words"), "{error}");
}
