//! Samples survive the way into rows and back, exactly.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use tamis_core::{
    BlobId, Box2d, Box3d, Hash, Keypoint, Label, Mask, MaskInfo, MaskKind, Media, Point, Rle, RotatedBox, Sample,
    Shape, TrackKey, Value, Word,
};

use super::*;

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-100_000i64..100_000).prop_map(|n| n as f64 / 10.0),
        any::<f64>().prop_filter("finite", |n| n.is_finite()),
        Just(-0.0),
        Just(f64::MIN_POSITIVE / 2.0),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z]{1,6}", "\\PC{0,12}", Just("a\nb\u{0}\u{1f}😀".to_owned())]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        number().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(text(), inner, 0..4).prop_map(|m| m.into_iter().collect())
        ]
    })
}

fn values() -> impl Strategy<Value = BTreeMap<String, Value>> {
    btree_map(text(), value(), 0..3)
}

fn point() -> impl Strategy<Value = Point> {
    (number(), number()).prop_map(|(x, y)| Point { x, y })
}

fn box2d() -> impl Strategy<Value = Box2d> {
    [number(), number(), number(), number()].prop_map(|[a, b, c, d]| Box2d::new(a, b, c, d))
}

fn hash() -> impl Strategy<Value = BlobId> {
    any::<[u8; 32]>().prop_map(|bytes| BlobId(Hash(bytes)))
}

fn words() -> impl Strategy<Value = Vec<Word>> {
    vec(
        (text(), option::of(number()), option::of(number())).prop_map(|(text, begin, end)| Word { text, begin, end }),
        0..3,
    )
}

fn mask() -> impl Strategy<Value = Mask> {
    let kind = prop_oneof![Just(MaskKind::Semantic), Just(MaskKind::Instance), Just(MaskKind::Panoptic)];
    let info = (option::of(any::<i64>()), option::of(any::<i64>()), values())
        .prop_map(|(instance, class_id, attributes)| MaskInfo { instance, class_id, attributes });
    (kind, option::of(hash()), option::of(text()), vec(info, 0..3)).prop_map(|(kind, blob, file, info)| Mask {
        kind,
        blob,
        file,
        info,
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    let rings = || vec(vec(point(), 0..4), 0..3);
    let plain = prop_oneof![Just(Shape::Classification), Just(Shape::Attributes), number().prop_map(Shape::Scalar)];
    let boxes = prop_oneof![
        box2d().prop_map(Shape::Box2d),
        [number(), number(), number(), number(), number()]
            .prop_map(|[cx, cy, width, height, angle]| Shape::RotatedBox(RotatedBox { cx, cy, width, height, angle })),
        ([number(), number(), number()], [number(), number(), number(), number()], [number(), number(), number()])
            .prop_map(|(translation, rotation, size)| Shape::Box3d(Box3d { translation, rotation, size })),
    ];
    let lines = prop_oneof![
        vec(point(), 0..5).prop_map(Shape::Polygon),
        rings().prop_map(Shape::MultiPolygon),
        (vec(point(), 0..5), option::of(text())).prop_map(|(points, bezier)| Shape::Polyline { points, bezier }),
        rings().prop_map(Shape::MultiPolyline),
        vec((number(), number(), option::of(any::<u8>())).prop_map(|(x, y, v)| Keypoint { x, y, v }), 0..5)
            .prop_map(Shape::Keypoints),
    ];
    prop_oneof![
        plain,
        boxes,
        lines,
        (any::<u32>(), any::<u32>(), vec(any::<u32>(), 0..6)).prop_map(|(height, width, counts)| Shape::Rle(Rle {
            height,
            width,
            counts
        })),
        mask().prop_map(Shape::Mask),
        (words(), words(), words()).prop_map(|(sentence, spell, phone)| Shape::Sentence { sentence, spell, phone }),
        (any::<u64>(), any::<u64>()).prop_map(|(from, to)| Shape::Relation { from, to }),
        (0..=1u64 << 53, 0..=1u64 << 53).prop_map(|(a, b)| Shape::TextSpan { begin: a.min(b), end: a.max(b) }),
        (number(), number()).prop_map(|(a, b)| Shape::TimeSpan { begin: a.min(b), end: a.max(b) }),
    ]
}

/// The shapes above, and tracks of those that are spatial.
fn any_shape() -> impl Strategy<Value = Shape> {
    let key = (shape().prop_filter("spatial", Shape::is_spatial), any::<bool>(), any::<bool>(), values());
    let track = btree_map(any::<u32>(), key, 1..4).prop_map(|keys| {
        let key = |(frame, (shape, outside, interpolated, attributes))| {
            let shape: Box<Shape> = Box::new(shape);
            TrackKey { frame, shape, outside, interpolated, attributes }
        };
        Shape::Track(keys.into_iter().map(key).collect())
    });
    prop_oneof![9 => shape(), 1 => track]
}

fn label() -> impl Strategy<Value = Label> {
    (any_shape(), option::of(box2d()), option::of(text()), option::of(text()), option::of(number()), values()).prop_map(
        |(shape, bbox, class, instance, confidence, attributes)| Label {
            id: 0,
            shape,
            bbox,
            class,
            instance,
            confidence,
            attributes,
        },
    )
}

fn media() -> impl Strategy<Value = Media> {
    (
        option::of(hash()),
        option::of(text()),
        option::of(text()),
        any::<u64>(),
        option::of(text()),
        any::<Option<u32>>(),
        any::<Option<u8>>(),
    )
        .prop_map(|(blob, uri, etag, size, mime, width, orientation)| Media {
            blob,
            uri,
            etag,
            size,
            mime,
            width,
            height: width,
            orientation,
        })
}

/// Samples as a transaction takes them: any label without id.
pub(crate) fn sample() -> impl Strategy<Value = Sample> {
    let layer = prop_oneof![Just("truth".to_owned()), Just("pred/a".to_owned()), Just("pred/b".to_owned())];
    let fields = btree_map("[a-c]:?[a-z]{0,3}", value(), 0..4);
    (
        option::of(media()),
        option::of(text()),
        option::of(text()),
        option::of(number()),
        fields,
        btree_map(layer, vec(label(), 0..4), 0..3),
    )
        .prop_map(|(media, split, frame, timestamp, fields, layers)| Sample {
            path: String::new(),
            media,
            split,
            sensor: frame.clone(),
            frame,
            timestamp,
            fields,
            layers,
        })
}

fn round_trip(samples: &[Sample]) -> Vec<Sample> {
    let mut needs = Needs::default();
    samples.iter().for_each(|sample| needs.add_sample(sample));
    let layout = Arc::new(Layout::empty().with(&needs));
    let mut builder = BatchBuilder::new(Arc::clone(&layout));
    samples.iter().for_each(|sample| builder.append(sample).unwrap());
    let batch = builder.finish().unwrap();
    let reader = BatchReader::new(&layout, &batch).unwrap();
    (0..reader.len()).map(|row| reader.sample(row).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn samples_read_back_exactly(mut samples in vec(sample(), 0..6)) {
        for (at, sample) in samples.iter_mut().enumerate() {
            sample.path = format!("s/{at}");
            check_sample(sample).unwrap();
            for (layer, labels) in &mut sample.layers {
                prepare_labels("s", layer, labels).unwrap();
                prop_assert!(labels.windows(2).all(|pair| pair[0].id < pair[1].id));
            }
        }
        let back = round_trip(&samples);
        // Equality of floats would let -0.0 pass for 0.0: compare the JSON too.
        prop_assert_eq!(serde_json::to_string(&back).unwrap(), serde_json::to_string(&samples).unwrap());
        prop_assert_eq!(back, samples);
    }
}

#[test]
fn long_texts_and_mixed_kinds_read_back() {
    let long = "long ".repeat(2_000_000);
    let word = Word { text: long.clone(), begin: None, end: None };
    let mut label = Label::new(Shape::Sentence { sentence: vec![word], spell: vec![], phone: vec![] });
    label.attributes.insert("note".into(), long.into());
    label.id = 1;
    let kinds =
        [Value::from(1), Value::from(1.0), Value::from("1"), Value::from(u64::MAX), Value::Null, Value::from(true)];
    let samples: Vec<Sample> = kinds
        .into_iter()
        .enumerate()
        .map(|(at, value)| Sample {
            path: format!("{at}"),
            fields: [("mixed".to_owned(), value)].into(),
            layers: if at == 0 { [("truth".to_owned(), vec![label.clone()])].into() } else { BTreeMap::new() },
            ..Sample::default()
        })
        .collect();
    assert!(round_trip(&samples) == samples);
}

#[test]
fn numbers_that_are_not_finite_are_refused_with_their_place() {
    let nan = Label::new(Shape::Box2d(Box2d::new(0.0, f64::NAN, 1.0, 1.0))).with_id(7);
    let error = prepare_labels("a/b.jpg", "truth", &mut [nan]).unwrap_err().to_string();
    assert!(error.contains("a/b.jpg (truth label 7)") && error.contains("not finite"), "{error}");
    let infinite = Sample { path: "a".into(), timestamp: Some(f64::INFINITY), ..Sample::default() };
    assert!(check_sample(&infinite).is_err());
    let mut deep = Value::Null;
    (0..200).for_each(|_| deep = Value::from(vec![std::mem::take(&mut deep)]));
    assert!(check_field("a", "deep", &deep).is_err());
}

#[test]
fn spans_and_tracks_that_are_none_are_refused() {
    let refuse = |shape| prepare_labels("a", "truth", &mut [Label::new(shape)]).unwrap_err().to_string();
    assert!(refuse(Shape::TextSpan { begin: 3, end: 2 }).contains("span of text"));
    assert!(refuse(Shape::TextSpan { begin: 0, end: u64::MAX }).contains("span of text"));
    assert!(refuse(Shape::TimeSpan { begin: 1.0, end: 0.5 }).contains("span of time"));
    assert!(refuse(Shape::TimeSpan { begin: 1.0, end: f64::NAN }).contains("not finite"));
    assert!(refuse(Shape::Track(vec![])).contains("no key frames"));
    let key = |frame, x| TrackKey::new(frame, Shape::Box2d(Box2d::new(x, 0.0, 1.0, 1.0)));
    assert!(refuse(Shape::Track(vec![key(4, 0.0), key(4, 0.0)])).contains("do not ascend"));
    assert!(refuse(Shape::Track(vec![key(4, f64::NAN)])).contains("not finite"));
    let inner = Shape::Track(vec![key(1, 0.0)]);
    assert!(refuse(Shape::Track(vec![TrackKey::new(0, inner)])).contains("spatial"));
}

#[test]
fn label_ids_are_stable_and_unique() {
    let make = |id, x| Label::new(Shape::Scalar(x)).with_id(id);
    let mut fresh = [make(0, 1.0), make(0, 1.0)];
    prepare_labels("p", "truth", &mut fresh).unwrap();
    assert_eq!([fresh[0].id, fresh[1].id], [1, 2]);
    let mut mixed = [make(5, 1.0), make(0, 2.0), make(0, 2.0)];
    prepare_labels("p", "truth", &mut mixed).unwrap();
    assert_eq!(mixed[0].id, 5);
    assert!(mixed[1].id > 1 << 40 && mixed[2].id == mixed[1].id + 1);
    assert!(prepare_labels("p", "truth", &mut [make(5, 1.0), make(5, 2.0)]).is_err());
    assert!(prepare_labels("p", "../x", &mut []).is_err());
}
