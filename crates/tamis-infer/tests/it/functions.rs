//! The registry: every function on real and broken input, parameters, ids, and the page.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use serde_json::{Value as Json, json};
use tamis_core::{Classify, Kind};
use tamis_infer::{FUNCTIONS, Function, InferError, Input, InputKind, Spec, lookup};
use tamis_media::{Image, encode_jpeg, encode_png};

fn params(given: &[(&str, Json)]) -> BTreeMap<String, Json> {
    given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// Functions that need nothing given.
fn ready() -> impl Iterator<Item = (&'static Spec, Box<dyn Function>)> {
    let specs = FUNCTIONS.iter().filter(|spec| spec.params.iter().all(|param| param.default.is_some()));
    specs.map(|spec| (*spec, lookup(spec.name, &BTreeMap::new()).unwrap()))
}

fn images() -> Vec<Vec<u8>> {
    let noise = |count: u32| (0..count).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<u8>>();
    let rgb = |width, height| Image::rgb8(width, height, noise(width * height * 3)).unwrap();
    let rgba = Image::new(9, 7, 4, tamis_media::SampleType::U8, noise(9 * 7 * 4)).unwrap();
    let deep = Image::new(6, 5, 1, tamis_media::SampleType::U16, noise(60)).unwrap();
    vec![
        encode_jpeg(&rgb(64, 48), 85).unwrap(),
        encode_png(&rgb(1, 1)).unwrap(),
        encode_png(&rgb(2, 300)).unwrap(),
        encode_png(&rgba).unwrap(),
        encode_png(&deep).unwrap(),
        encode_png(&Image::grey8(31, 33, vec![0; 31 * 33]).unwrap()).unwrap(),
    ]
}

#[test]
fn values_are_of_the_type_that_is_promised() {
    let images = images();
    for (spec, function) in ready() {
        let inputs: Vec<Input<'_>> = match spec.input {
            InputKind::Media => images.iter().map(|bytes| Input::Media(bytes)).collect(),
            InputKind::Text => vec![Input::Text(""), Input::Text("one two three"), Input::Text("日本語 \u{0}")],
        };
        let alone = function.batch(&inputs, NonZeroUsize::MIN);
        let shared = function.batch(&inputs, NonZeroUsize::new(3).unwrap());
        assert_eq!(alone.len(), inputs.len(), "{}", spec.name);
        for (at, (one, other)) in alone.into_iter().zip(shared).enumerate() {
            let (one, other) = (one.unwrap(), other.unwrap());
            assert!(one.is_of(&function.output()), "{} of image {at}: {one:?}", spec.name);
            assert_eq!(one, other, "{} of image {at}, on one thread and on three", spec.name);
        }
    }
}

#[test]
fn a_broken_item_is_an_error_at_its_place() {
    let (images, jpeg) = (images(), images()[0].clone());
    let inputs =
        [Input::Media(b"no image"), Input::Media(&images[1]), Input::Media(&jpeg[..20]), Input::Text("a text")];
    for (spec, function) in ready().filter(|(spec, _)| spec.input == InputKind::Media) {
        let values = function.batch(&inputs, NonZeroUsize::new(2).unwrap());
        let good: Vec<bool> = values.iter().map(Result::is_ok).collect();
        assert_eq!(good, [false, true, false, false], "{}", spec.name);
        assert!(matches!(values[0], Err(InferError::Media(_))), "{}", spec.name);
        assert!(matches!(values[3], Err(InferError::WrongInput { .. })), "{}", spec.name);
    }
}

#[test]
fn ids_depend_on_parameters_and_nothing_else() {
    let ids: BTreeSet<_> = ready().map(|(_, function)| function.id()).collect();
    assert_eq!(ids.len(), ready().count());
    let id = |given: &[(&str, Json)]| lookup("colours", &params(given)).unwrap().id();
    assert_eq!(id(&[]), id(&[("k", json!(5))]), "a default is as if it were given");
    assert_eq!(id(&[("k", json!("7"))]), id(&[("k", json!(7))]), "text is as a number");
    assert_ne!(id(&[]), id(&[("k", json!(7))]));
    // Ids name what lakes remember: this one may change only with the function's version.
    assert_eq!(
        lookup("phash", &BTreeMap::new()).unwrap().id().to_hex(),
        tamis_core::Hash::of(b"tamis function\nphash\n1\n{}\n").to_hex()
    );
}

#[test]
fn wrong_parameters_are_told_with_the_right_ones() {
    let fault = |name: &str, given: &[(&str, Json)]| lookup(name, &params(given)).err().unwrap();
    let unknown = fault("phish", &[]);
    assert_eq!(unknown.kind(), Kind::NotFound);
    assert!(unknown.to_string().contains("phash"), "{unknown}");
    assert_eq!(fault("colours", &[("n", json!(3))]).to_string(), "`colours` has no parameter `n`: one of k");
    assert_eq!(fault("phash", &[("n", json!(3))]).to_string(), "`phash` has no parameter `n`: it has none");
    for bad in [json!(0), json!(17), json!("many"), json!(2.5), json!(null)] {
        let fault = fault("colours", &[("k", bad)]).to_string();
        assert!(fault.ends_with("it has to be a whole number from 1 to 16"), "{fault}");
    }
}

#[test]
fn the_table_is_sound() {
    for spec in FUNCTIONS {
        assert_eq!(FUNCTIONS.iter().filter(|other| other.name == spec.name).count(), 1, "{} stands twice", spec.name);
        let names: BTreeSet<_> = spec.params.iter().map(|param| param.name).collect();
        assert_eq!(names.len(), spec.params.len(), "{} has a parameter twice", spec.name);
    }
}

#[test]
fn the_page_about_functions_is_fresh() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/derive.md");
    let wanted = tamis_infer::functions_markdown();
    if std::env::var_os("TAMIS_BLESS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "docs/derive.md is stale: run `TAMIS_BLESS=1 cargo test -p tamis-infer page`");
}
