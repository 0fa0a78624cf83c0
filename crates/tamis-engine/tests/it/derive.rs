//! Derived fields.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tamis_core::Sample;
use tamis_engine::ops::derive::Define;

use crate::lake::{Content, Lake, author, ctx};

fn brightness(level: u8) -> f64 {
    f64::from(level) / 255.0
}

#[test]
fn each_sample_gets_its_value_and_what_cannot_be_decoded_is_told() {
    let lake = Lake::new();
    lake.put(&[
        ("a", Content::Grey(0)),
        ("b", Content::Broken),
        ("c", Content::Grey(255)),
        ("d", Content::Caption("x".into())),
    ]);
    let report = lake.derive("brightness");
    let spent = report.fields[0].spent.clone().unwrap();
    assert_eq!((spent.computed, spent.failed, spent.without, spent.cached), (3, 1, 1, 0));
    assert_eq!(spent.failures[0].path, "b");
    assert!(spent.failures[0].reason.contains("decode") || spent.failures[0].reason.contains("image"), "{spent:?}");
    assert!(report.commit.is_some());
    let want = [("a", Some(0.0)), ("b", None), ("c", Some(1.0)), ("d", None)];
    assert_eq!(lake.numbers("brightness"), want.map(|(path, value)| (path.to_owned(), value)).into());
}

#[test]
fn one_changed_picture_computes_one_row_of_one_leaf() {
    let lake = Lake::new();
    let names: Vec<String> = (0..3000).map(|at| format!("{at:05}")).collect();
    let samples: Vec<(&str, Content)> =
        names.iter().enumerate().map(|(at, name)| (name.as_str(), Content::Grey((at % 251) as u8))).collect();
    lake.put(&samples);
    // Equal files are computed once in a batch, and come from the cache later.
    let first = lake.spent("brightness");
    assert_eq!(first.computed + first.cached, 3000);
    lake.put(&[("01234", Content::Grey(252))]);
    let report = lake.derive("brightness");
    let spent = report.fields[0].spent.as_ref().unwrap();
    assert_eq!((report.fields[0].changed, report.fields[0].leaves, spent.computed, spent.cached), (1, 1, 1, 0));
    assert_eq!(lake.numbers("brightness")["01234"], Some(brightness(252)));
    let again = lake.derive("brightness");
    assert_eq!((again.fields[0].changed, again.commit), (0, None));
}

#[test]
fn a_new_label_computes_nothing() {
    let lake = Lake::new();
    lake.put(&[("a", Content::Grey(3)), ("b", Content::Grey(4))]);
    lake.derive("brightness");
    let mut edit = lake.engine.dataset(&lake.name).unwrap().transaction("main").unwrap();
    edit.patch_layer("a", "truth", Some(Vec::new())).unwrap();
    edit.set_field("b", "weather", Some("rain".into())).unwrap();
    edit.commit("label", &author()).unwrap();
    assert_eq!(lake.derive("brightness").fields[0].changed, 0);
    assert_eq!(lake.numbers("brightness").values().flatten().count(), 2);
}

#[test]
fn what_one_dataset_computed_another_takes() {
    let lake = Lake::new();
    let other = lake.beside("team/others");
    let names: Vec<String> = (0..50).map(|at| format!("{at:03}")).collect();
    let samples =
        || names.iter().enumerate().map(|(at, name)| (name.as_str(), Content::Grey(at as u8))).collect::<Vec<_>>();
    lake.put(&samples());
    assert_eq!(lake.spent("brightness").computed, 50);
    other.put(&samples());
    let spent = other.spent("brightness");
    assert_eq!((spent.computed - spent.repeated, spent.cached + spent.repeated), (0, 50));
    assert_eq!(other.numbers("brightness"), lake.numbers("brightness"));
    assert_eq!(spent.unsteady, None);
}

#[test]
fn another_parameter_is_another_function() {
    let lake = Lake::new();
    lake.put(&[("a", Content::Grey(9))]);
    let define = |size: &str| Define {
        function: "thumbnail".to_owned(),
        parameters: BTreeMap::from([("size".to_owned(), size.to_owned())]),
        ..Define::default()
    };
    let run = |size: &str| lake.engine.derive(&ctx(), &lake.request("small", Some(define(size)))).unwrap();
    assert_eq!(run("16").fields[0].spent.as_ref().unwrap().computed, 1);
    assert_eq!(run("24").fields[0].spent.as_ref().unwrap().computed, 1);
    let back = run("16").fields[0].spent.clone().unwrap();
    assert_eq!(back.computed - back.repeated, 0);
}

#[test]
fn texts_are_embedded_from_their_field() {
    let lake = Lake::new();
    lake.put(&[("a", Content::Caption("a red bus".into())), ("b", Content::Grey(1))]);
    let define = Define { function: "embed_text".into(), input: Some("field:caption".into()), ..Define::default() };
    let report = lake.engine.derive(&ctx(), &lake.request("words", Some(define))).unwrap();
    let spent = report.fields[0].spent.clone().unwrap();
    assert_eq!((spent.computed, spent.without), (1, 1));
    assert_eq!(report.fields[0].definition.input, "field:caption");
}

#[test]
fn another_input_is_another_field() {
    let lake = Lake::new();
    let mut edit = lake.engine.dataset(&lake.name).unwrap().transaction("main").unwrap();
    let fields = [("caption", "a red bus"), ("title", "two cars")].map(|(name, text)| (name.to_owned(), text.into()));
    edit.put(Sample { path: "a".to_owned(), fields: fields.into(), ..Sample::default() }).unwrap();
    edit.commit("put", &author()).unwrap();
    let derive = |field: &str, input: &str| {
        let define = Define { function: "embed_text".into(), input: Some(input.to_owned()), ..Define::default() };
        lake.engine.derive(&ctx(), &lake.request(field, Some(define)))
    };
    derive("words", "field:caption").unwrap();
    let error = derive("words", "field:title").unwrap_err();
    assert!(error.code.id == "usage" && error.message.contains("field:caption"), "{error}");
    assert!(error.hint.contains("--input field:title"), "{error:?}");
    let spent = derive("titles", "field:title").unwrap().fields[0].spent.clone().unwrap();
    assert_eq!((spent.computed, spent.cached), (1, 0), "{spent:?}");
}

#[test]
fn a_dry_run_writes_nothing_and_dropping_takes_all_away() {
    let lake = Lake::new();
    lake.put(&[("a", Content::Grey(9))]);
    let before = lake.engine.dataset(&lake.name).unwrap().resolve("main").unwrap().id;
    let request = tamis_engine::ops::derive::DeriveRequest { dry_run: true, ..lake.request("blur", None) };
    let report = lake.engine.derive(&ctx(), &request).unwrap();
    assert_eq!((report.fields[0].changed, &report.fields[0].spent, report.commit), (1, &None, None));
    assert_eq!(lake.engine.dataset(&lake.name).unwrap().resolve("main").unwrap().id, before);
    lake.derive("blur");
    assert_eq!(lake.engine.derived(&lake.name, "main").unwrap()[0].stale, 0);
    lake.engine.drop_derived(&ctx(), &lake.name, "main", "blur").unwrap();
    assert!(lake.engine.derived(&lake.name, "main").unwrap().is_empty());
    assert!(lake.numbers("blur").values().all(Option::is_none));
}

#[test]
fn unknown_functions_and_parameters_are_named() {
    let lake = Lake::new();
    lake.put(&[("a", Content::Grey(9))]);
    let error = lake.engine.derive(&ctx(), &lake.request("brighness", None)).unwrap_err();
    assert!(error.to_string().contains("no derived field `brighness`"), "{error}");
    let define = Define {
        function: "thumbnail".into(),
        parameters: BTreeMap::from([("sise".to_owned(), "3".to_owned())]),
        ..Define::default()
    };
    let error = lake.engine.derive(&ctx(), &lake.request("t", Some(define))).unwrap_err();
    assert!(error.to_string().contains("sise"), "{error}");
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    Delete(u8),
    Derive,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0u8..30, any::<u8>()).prop_map(|(at, level)| Step::Put(at, level)),
        1 => (0u8..30).prop_map(Step::Delete),
        2 => Just(Step::Derive),
    ];
    proptest::collection::vec(step, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// However often a field is brought up to date in between, its values are those of the samples at the end.
    #[test]
    fn bringing_up_to_date_is_computing_anew(steps in steps()) {
        let lake = Lake::new();
        let mut model: BTreeMap<String, u8> = BTreeMap::from([("00".to_owned(), 7)]);
        lake.put(&[("00", Content::Grey(7))]);
        for step in steps {
            match step {
                Step::Put(at, level) => {
                    lake.put(&[(&format!("{at:02}"), Content::Grey(level))]);
                    model.insert(format!("{at:02}"), level);
                }
                Step::Delete(at) => {
                    if model.remove(&format!("{at:02}")).is_some() {
                        lake.delete(&format!("{at:02}"));
                    }
                }
                Step::Derive => drop(lake.derive("brightness")),
            }
        }
        lake.derive("brightness");
        let want: BTreeMap<String, Option<f64>> =
            model.into_iter().map(|(path, level)| (path, Some(brightness(level)))).collect();
        prop_assert_eq!(lake.numbers("brightness"), want);
    }
}
