//! Laws of the language, and the direct matcher against a naive model.

use std::collections::BTreeMap;
use std::fmt::Write;

use arrow::array::AsArray;
use proptest::prelude::*;
use tamis_core::{Box2d, DatasetName, Label, Media, Point, Progress, Sample, Shape, Value};
use tamis_repo::{Author, Repo, ScanOptions, Snapshot, Stats};

use super::*;
use crate::Query;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "bus", "car", "a b", "x\"y", "1..2", "5", "true", "OR", "-x", "train/", "no", "ü,é", "\\"
        ])
        .prop_map(str::to_owned),
        "\\PC{0,6}",
        "[\\x00-\\x7f]{0,4}",
    ]
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let glyph = prop_oneof![
        5 => any::<char>().prop_map(Glyph::Char),
        3 => prop::char::range(' ', '~').prop_map(Glyph::Char),
        1 => Just(Glyph::One),
        1 => Just(Glyph::Many)
    ];
    let wild = prop::collection::vec(glyph, 0..6).prop_map(Pattern::new);
    prop_oneof![text().prop_map(|text| Pattern::literally(&text)), wild]
        .prop_filter("that is `Present`", |pattern| !pattern.is_everything())
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![(-1000i32..1000).prop_map(f64::from), any::<f64>().prop_filter("finite", |n| n.is_finite())]
}

fn interval(least: f64) -> impl Strategy<Value = Interval> {
    (number(), number(), 0..4u8).prop_map(move |(a, b, form)| {
        let (a, b) = (a.max(least), b.max(least));
        match form {
            0 => Interval { low: Some(a), high: None, is_open: false },
            1 => Interval { low: None, high: Some(b), is_open: true },
            2 => Interval { low: Some(a), high: Some(b), is_open: true },
            _ => Interval { low: Some(a), high: Some(b), is_open: false },
        }
    })
}

fn order() -> impl Strategy<Value = Order> {
    prop::sample::select(vec![Order::Less, Order::LessOrEqual, Order::Greater, Order::GreaterOrEqual])
}

fn expression() -> impl Strategy<Value = Wanted> {
    let known = prop::sample::select(vec!["^a|b$", "\\d+", "\"", "\\\"x\\\\", "[)]", "a b", "\n\\n", "(?i)bus"]);
    known.prop_map(|text| Wanted::Like(Expression::new(text).unwrap()))
}

fn key(owner: Owner) -> impl Strategy<Value = Key> {
    let known: Vec<Key> = KEYS.iter().filter(|spec| spec.owner == owner).map(|spec| spec.key.clone()).collect();
    let own = text().prop_filter("a name", |name| !name.is_empty()).prop_map(move |name| match owner {
        Owner::Sample => Key::Field(name),
        Owner::Label => Key::Attribute(name),
    });
    let tricky = prop::sample::select(vec!["class", "field.a", "attr.", "labels", "view", "a:b"]);
    let tricky = tricky.prop_map(move |name| match owner {
        Owner::Sample => Key::Field(name.to_owned()),
        Owner::Label => Key::Attribute(name.to_owned()),
    });
    prop_oneof![3 => prop::sample::select(known), 1 => own, 1 => tricky]
}

fn wanted(kind: Kind) -> BoxedStrategy<Wanted> {
    let patterns = || prop::collection::vec(pattern().prop_map(Choice::Text), 1..3).prop_map(Wanted::OneOf);
    let least = if kind == Kind::Bytes { 0.0 } else { f64::MIN };
    let intervals = || prop::collection::vec(interval(least).prop_map(Choice::Number), 1..3).prop_map(Wanted::OneOf);
    let than = move || (order(), number()).prop_map(move |(o, n)| Wanted::Than(o, Operand::Number(n.max(least))));
    let later = (order(), text()).prop_map(|(order, text)| {
        Wanted::Than(order, super::number::number(&text).map_or(Operand::Text(text), Operand::Number))
    });
    match kind {
        Kind::Text => prop_oneof![Just(Wanted::Present), patterns(), expression()].boxed(),
        Kind::Number | Kind::Bytes | Kind::Time => prop_oneof![Just(Wanted::Present), intervals(), than()].boxed(),
        Kind::LabelType => Just(Wanted::OneOf(vec![Choice::Text(Pattern::literally("polygon"))])).boxed(),
        Kind::Any => prop_oneof![Just(Wanted::Present), patterns(), intervals(), than(), later, expression()].boxed(),
    }
}

fn test(owner: Owner) -> impl Strategy<Value = Test> {
    key(owner).prop_flat_map(|key| {
        wanted(key.kind()).prop_map(move |wanted| Test { key: key.clone(), wanted, span: Span::default() })
    })
}

fn condition<T: Clone + fmt::Debug + 'static>(term: impl Strategy<Value = T> + 'static) -> BoxedStrategy<Condition<T>> {
    let leaf = term.prop_map(Condition::Is).boxed();
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::all),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::any),
            inner.prop_map(Condition::negated),
        ]
    })
    .boxed()
}

fn filter() -> impl Strategy<Value = Filter> {
    let label = || {
        let all = Just(Condition::All(Vec::new())).boxed();
        prop_oneof![1 => all, 6 => condition(test(Owner::Label))]
    };
    let counts = interval(0.0).prop_map(|i| Interval { low: i.low.map(f64::trunc), high: i.high.map(f64::trunc), ..i });
    let term = prop_oneof![
        4 => test(Owner::Sample).prop_map(SampleTerm::Is),
        4 => label().prop_map(SampleTerm::Label),
        1 => (label(), counts).prop_map(|(label, interval)| SampleTerm::Count(label, interval)),
        1 => prop::collection::vec(pattern(), 1..3).prop_map(|list| SampleTerm::Layer(list, Span::default())),
        1 => text().prop_map(|name| SampleTerm::View(name, Span::default())),
    ];
    prop_oneof![1 => Just(Condition::All(Vec::new())).boxed(), 20 => condition(term)].prop_map(Filter::of)
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(filter in filter()) {
        let text = filter.to_string();
        prop_assert!(!text.contains(char::is_control), "{text:?}");
        let read = Filter::parse(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&read, &filter, "{}", text);
        prop_assert_eq!(read.to_string(), text);
    }

    #[test]
    fn any_text_is_read_or_refused_with_a_place(text in "[ -~é\\n]{0,40}") {
        match Filter::parse(&text) {
            Ok(filter) => prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter)),
            Err(error) => {
                prop_assert!(error.span.start <= error.span.end && error.span.end <= text.len().max(1), "{error:?}");
                let (line, carets) = error.drawn();
                prop_assert!(carets.contains('^') && !line.contains('\n'));
            }
        }
    }

    #[test]
    fn words_of_the_language_in_any_order_never_break_it(
        words in prop::collection::vec(prop::sample::select(vec![
            "(", ")", "[", "]", "-", "OR", "AND", "NOT", "class:bus", "conf<0.4", "labels", ">=2", ":", ",", "~", "\"",
            "split:val", "has:truth", "x", "\\", "..", "<", "!=", "labels:bus>=3", " ", " "
        ]), 0..14)
    ) {
        let text = words.concat();
        if let Ok(filter) = Filter::parse(&text) {
            prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
        }
    }

    #[test]
    fn a_sample_fits_what_the_model_says(sample in sample(), terms in prop::collection::vec(model_term(), 1..4)) {
        let text: Vec<&str> = terms.iter().map(|(text, _)| text.as_str()).collect();
        let filter = Filter::parse(&text.join(" ")).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let expected = terms.iter().all(|(_, fits)| fits(&sample));
        prop_assert_eq!(filter.fits(&sample), expected, "{}", filter);
        let either = Filter::parse(&text.join(" OR ")).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(either.fits(&sample), terms.iter().any(|(_, fits)| fits(&sample)), "{}", either);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn columns_and_counts_say_what_samples_say(
        samples in prop::collection::btree_map("[a-c]{1,3}", sample(), 0..12),
        searches in prop::collection::vec(search(), 12),
    ) {
        let snapshot = stored(samples.into_iter().map(|(name, s)| Sample { path: format!("{}-{name}", s.path), ..s }));
        let all: Vec<Sample> = snapshot.scan(&ScanOptions::default()).unwrap().map(Result::unwrap).collect();
        let stats = snapshot.stats().unwrap();
        for text in searches {
            let filter = Filter::parse(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let expected: Vec<&Sample> = all.iter().filter(|sample| filter.fits(sample)).collect();
            let paths: Vec<&str> = expected.iter().map(|sample| sample.path.as_str()).collect();
            let found: Vec<String> = filter.find(&snapshot, "").unwrap().flat_map(|leaf| leaf.unwrap().paths).collect();
            prop_assert_eq!(&found, &paths, "{}", text);
            prop_assert!(filter.may_fit(&stats) || paths.is_empty(), "{}", text);
            let place = match filter.place("") {
                Place::Prefix(prefix) => snapshot.stats_of(&prefix).unwrap(),
                Place::Nowhere => Stats::default(),
            };
            if let Some(count) = filter.count_from(&place) {
                prop_assert_eq!(count, paths.len() as u64, "{}", text);
            }
            if let Some(count) = filter.count_labels_from(&place) {
                let labels: usize = expected.iter().map(|sample| filter.labels_of(sample).len()).sum();
                prop_assert_eq!(count, labels as u64, "{}", text);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn sql_says_what_samples_say(
        samples in prop::collection::btree_map("[a-c]{1,3}", sample(), 1..12),
        searches in prop::collection::vec(search(), 16),
    ) {
        // SQL knows the boxes of labels, not the bounds of other shapes.
        let plain = |mut sample: Sample| {
            sample.layers.values_mut().flatten().for_each(|label| {
                label.bbox = label.bbox.filter(|_| matches!(label.shape, Shape::Polygon(_)));
                if let Shape::Polygon(_) = label.shape {
                    label.bbox = label.bbox.or(label.shape.bounds());
                }
            });
            sample
        };
        let repo = Repo::memory().unwrap();
        let named = samples.into_iter().map(|(name, s)| plain(Sample { path: format!("{}-{name}", s.path), ..s }));
        let snapshot = stored_in(&repo, named);
        let all: Vec<Sample> = snapshot.scan(&ScanOptions::default()).unwrap().map(Result::unwrap).collect();
        for text in searches {
            let filter = Filter::parse(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let Ok(sql) = filter.to_sql(snapshot.schema()) else {
                prop_assert!(text.contains("attr.") || text.contains("weather") || text.contains("speed"), "{}", text);
                continue;
            };
            let query = Query { dataset: Some("d".to_owned()), threads: 1, ..Query::new(sql.clone()) };
            let batch = query.run(&repo, &Progress::none()).and_then(|answer| answer.all());
            let batch = batch.map_err(|error| TestCaseError::fail(format!("{text}: {sql}: {error}")))?;
            let found: Vec<&str> = match batch.num_rows() {
                0 => Vec::new(),
                _ => batch.column(0).as_string::<i32>().iter().map(Option::unwrap).collect(),
            };
            let expected: Vec<&str> = all.iter().filter(|s| filter.fits(s)).map(|s| s.path.as_str()).collect();
            prop_assert_eq!(found, expected, "{}: {}", text, sql);
        }
    }
}

#[test]
fn subtrees_without_what_is_asked_for_are_left_out() {
    let label = |class: &str| Label::new(Shape::Classification).with_class(class);
    let samples = (0..40_000_u32).map(|n| {
        let class = if n == 39_000 { "tram" } else { "car" };
        let split = Some(if n < 30_000 { "train" } else { "val" }.to_owned());
        let layers = [("truth".to_owned(), vec![label(class)])].into();
        Sample { path: format!("{n:06}"), split, layers, ..Sample::default() }
    });
    let snapshot = stored(samples);
    let looked_at = |text: &str| {
        let leaves: Vec<FoundPaths> =
            Filter::parse(text).unwrap().find(&snapshot, "").unwrap().map(Result::unwrap).collect();
        let paths: usize = leaves.iter().map(|leaf| leaf.paths.len()).sum();
        (leaves.iter().map(|leaf| leaf.rows).sum::<u64>(), paths)
    };
    let (all, found) = looked_at("class:car");
    assert_eq!((all, found), (40_000, 39_999));
    let (rows, found) = looked_at("class:tram");
    assert!(rows < all && found == 1, "{rows}");
    assert_eq!(looked_at("class:tram split:train"), (0, 0));
    assert_eq!(looked_at("labels:tram>=2"), (0, 0));
    let (rows, found) = looked_at("-split:train (class:tram OR class:car)");
    assert!(rows < all && found == 10_000, "{rows}");
}

/// A commit with some samples.
fn stored(samples: impl Iterator<Item = Sample>) -> Snapshot {
    stored_in(&Repo::memory().unwrap(), samples)
}

fn stored_in(repo: &Repo, samples: impl Iterator<Item = Sample>) -> Snapshot {
    let me = Author::new("a", "a");
    let dataset = repo.create(&DatasetName::new("d").unwrap(), &me).unwrap();
    let mut edit = dataset.transaction("main").unwrap();
    edit.put_many(samples).unwrap();
    edit.commit("samples", &me).unwrap();
    dataset.snapshot("main").unwrap()
}

/// Terms joined in all ways.
fn search() -> impl Strategy<Value = String> {
    let more = prop::sample::select(vec![
        "class:bus",
        "layer:truth",
        "-layer:truth",
        "[layer:truth class:car]",
        "[-class:bus]",
        "type:polygon",
        "[]",
        "labels:bus>=2",
        "[area>50 attr.occluded:true]",
        "w>5",
        "xmin<3",
        "[type:*box* conf:*]",
        "instance:b*",
        "id:1,3",
        "speed:*",
        "weather:*",
        "speed:true",
        "mime:image/png",
        "-mime:*",
        "class:zebra",
        "split:va*",
        "train",
        "[class:bus area<100]",
        "labels[w>3]<2",
    ]);
    let term = prop_oneof![model_term().prop_map(|(text, _)| text), more.prop_map(str::to_owned)];
    let term = (any::<bool>(), term).prop_map(|(not, term)| if not { format!("-({term})") } else { term });
    let joint = prop::sample::select(vec![" ", " ", " OR "]);
    prop::collection::vec((joint, term), 1..4).prop_map(|list| {
        let joined: String = list.iter().map(|(joint, term)| format!("{joint}{term}")).collect();
        joined.trim_start_matches(" OR ").trim_start().to_owned()
    })
}

type Fits = fn(&Sample) -> bool;
type Model = (String, Fits);

/// Terms beside what they mean, told in plain Rust.
fn model_term() -> impl Strategy<Value = Model> {
    fn any_label(sample: &Sample, fits: impl Fn(&str, &Label) -> bool) -> bool {
        sample.layers.iter().any(|(layer, labels)| labels.iter().any(|label| fits(layer, label)))
    }
    let terms: Vec<(&str, Fits)> = vec![
        ("split:val", |s| s.split.as_deref() == Some("val")),
        ("-split:val,train", |s| !matches!(s.split.as_deref(), Some("val" | "train"))),
        ("split!=val", |s| s.split.as_deref() != Some("val")),
        ("split:*", |s| s.split.is_some()),
        ("path:train/", |s| s.path.starts_with("train/")),
        ("segment:val", |s| s.path.split('/').next() == Some("val")),
        ("night", |s| s.path.contains("night")),
        ("-night", |s| !s.path.contains("night")),
        ("~^val.*1$", |s| s.path.starts_with("val") && s.path.ends_with('1')),
        ("width>100", |s| s.media.as_ref().and_then(|m| m.width).is_some_and(|w| w > 100)),
        ("size:1kB..2kB", |s| s.media.as_ref().is_some_and(|m| (1000..=2000).contains(&m.size))),
        ("size:1kB..<2kB", |s| s.media.as_ref().is_some_and(|m| (1000..2000).contains(&m.size))),
        ("has:truth", |s| s.layers.contains_key("truth")),
        ("no:pred/*", |s| !s.layers.keys().any(|layer| layer.starts_with("pred/"))),
        ("unlabelled", |s| s.layers.values().all(Vec::is_empty)),
        ("labels>=2", |s| s.layers.values().map(Vec::len).sum::<usize>() >= 2),
        ("labels:bus=1", |s| s.layers.values().flatten().filter(|l| l.class.as_deref() == Some("bus")).count() == 1),
        ("labels[class:bus layer:truth]<2", |s| {
            s.layers.get("truth").into_iter().flatten().filter(|l| l.class.as_deref() == Some("bus")).count() < 2
        }),
        ("[class:bus conf<0.5]", |s| {
            any_label(s, |_, l| l.class.as_deref() == Some("bus") && l.confidence.is_some_and(|c| c < 0.5))
        }),
        ("([class:b*] OR [conf:0.5..])", |s| {
            any_label(s, |_, l| l.class.as_deref().is_some_and(|c| c.starts_with('b')) || l.confidence >= Some(0.5))
        }),
        ("[-class:bus area>50 layer:truth]", |s| {
            any_label(s, |layer, l| {
                layer == "truth" && l.class.as_deref() != Some("bus") && l.bounds().is_some_and(|b| b.area() > 50.0)
            })
        }),
        ("-[attr.occluded:true]", |s| !any_label(s, |_, l| l.attributes.get("occluded") == Some(&Value::Bool(true)))),
        ("[type:box id:2]", |s| any_label(s, |_, l| l.id == 2 && matches!(l.shape, Shape::Box2d(_)))),
        ("weather:rain", |s| match s.fields.get("weather") {
            Some(Value::String(text)) => text == "rain",
            Some(Value::Array(items)) => items.contains(&"rain".into()),
            _ => false,
        }),
        ("speed>5", |s| s.fields.get("speed").and_then(Value::as_f64).is_some_and(|n| n > 5.0)),
        ("speed:5", |s| {
            let speed = s.fields.get("speed");
            speed.and_then(Value::as_f64) == Some(5.0) || speed.and_then(Value::as_str) == Some("5")
        }),
    ];
    prop::sample::select(terms).prop_map(|(text, fits)| (text.to_owned(), fits))
}

fn label() -> impl Strategy<Value = Label> {
    let class = prop::option::of(prop::sample::select(vec!["bus", "car", "boat"]));
    let shape = prop_oneof![
        (0..20u8, 0..20u8).prop_map(|(w, h)| Shape::Box2d(Box2d::new(0.0, 0.0, f64::from(w), f64::from(h)))),
        Just(Shape::Classification),
        (1..20u8).prop_map(|x| {
            let at = |x: u8, y: u8| Point { x: f64::from(x), y: f64::from(y) };
            Shape::Polygon(vec![at(0, 0), at(x, 0), at(x, 2 * x)])
        }),
    ];
    let beside = prop::option::weighted(0.2, Just(Box2d::new(1.0, 1.0, 9.0, 11.0)));
    let instance = prop::option::of(prop::sample::select(vec!["a1", "b2"]));
    let confidence = prop::option::of(prop::sample::select(vec![0.1, 0.5, 0.9]));
    (class, shape, confidence, any::<Option<bool>>(), beside, instance).prop_map(
        |(class, shape, confidence, occluded, bbox, instance)| {
            let attributes = occluded.map(|value| ("occluded".to_owned(), Value::Bool(value))).into_iter().collect();
            let bbox = bbox.filter(|_| !matches!(shape, Shape::Classification));
            let instance = instance.map(str::to_owned);
            Label { class: class.map(str::to_owned), confidence, attributes, bbox, instance, ..Label::new(shape) }
        },
    )
}

fn sample() -> impl Strategy<Value = Sample> {
    let path = ("(train|val|test)", "(night|day)", 0..3u8).prop_map(|(a, b, n)| format!("{a}/{b}{n}"));
    let split = prop::option::of(prop::sample::select(vec!["train", "val", "test"]));
    let media = prop::option::of((500..2500u64, prop::option::of(50..200u32)));
    let weather =
        prop::sample::select(vec![Value::Null, "rain".into(), "sun".into(), serde_json::json!(["rain", "fog"])]);
    let speed = prop::sample::select(vec![Value::Null, 5.into(), 5.5.into(), "5".into(), true.into()]);
    let labels = prop::collection::vec(label(), 0..4).prop_map(|mut labels| {
        (1..).zip(&mut labels).for_each(|(id, label)| label.id = id);
        labels
    });
    let layers = prop::collection::btree_map(prop::sample::select(vec!["truth", "pred/a", "pred/b"]), labels, 0..3);
    (path, split, media, weather, speed, layers).prop_map(|(path, split, media, weather, speed, layers)| Sample {
        path,
        split: split.map(str::to_owned),
        media: media.map(|(size, width)| {
            let mime = width.map(|_| "image/png".to_owned());
            Media { size, width, mime, ..Media::default() }
        }),
        fields: BTreeMap::from([("weather".to_owned(), weather), ("speed".to_owned(), speed)]),
        layers: layers.into_iter().map(|(layer, labels)| (layer.to_owned(), labels)).collect(),
        ..Sample::default()
    })
}

/// What people type, and what it says when all is spelled out.
#[test]
fn bare_terms_are_about_one_label_until_a_key_comes_again() {
    let cases = [
        ("", ""),
        ("class:bus conf<0.4", "[class:bus conf<0.4]"),
        ("class:bus split:val conf<0.4", "[class:bus conf<0.4] split:val"),
        ("class:bus class:car", "[class:bus] [class:car]"),
        ("class:bus conf<0.4 class:car conf>0.9", "[class:bus conf<0.4] [class:car conf>0.9]"),
        ("conf>0.2 conf<0.4", "[conf>0.2 conf<0.4]"),
        ("class:bus -conf<0.4", "[class:bus] -[conf<0.4]"),
        ("class!=bus", "[-class:bus]"),
        ("class:bus OR class:car", "[class:bus] OR [class:car]"),
        ("class:bus (conf<0.4 OR area>10)", "[class:bus] ([conf<0.4] OR [area>10])"),
        ("class:bus,car -night", "[class:bus,car] -path:*night*"),
        ("NOT (a b)", "-(path:*a* path:*b*)"),
        ("a AND b OR c", "path:*a* path:*b* OR path:*c*"),
        ("path:train/", "path:train/*"),
        ("unlabelled", "labels=0"),
        ("labels:bus>3", "labels[class:bus]>=4"),
        ("labels:bus,car=2..4", "labels[class:bus,car]=2..4"),
        ("no:truth has:pred/*", "-has:truth has:pred/*"),
        ("size>2MB bytes<=1.5KiB", "size>2000000 size<=1536"),
        ("timestamp:2026-01-02", "timestamp:1767312000..<1767398400"),
        ("time>2026-01-02 time<=2026-01-02", "timestamp>=1767398400 timestamp<1767398400"),
        ("time:2026-01-02..2026-01-03", "timestamp:1767312000..<1767484800"),
        ("confidence:0.2..0.4 score>=1", "[conf:0.2..0.4 conf>=1]"),
        ("type:box", "[type:box2d]"),
        ("field.size:3 \"odd name\":x", "field.size:3 \"odd name\":x"),
        ("weather:\"heavy rain\",fog*", "weather:\"heavy rain\",fog*"),
        ("traffic\\ light", "path:*\"traffic light\"*"),
        ("path=a* ~b$", "path:\"a*\" path~\"b$\""),
        ("(path~^a(b|c)d OR path~[)])", "path~\"^a(b|c)d\" OR path~\"[)]\""),
        ("view:night -view:\"a b\"", "view:night -view:\"a b\""),
        ("speed:* speed:5,6 speed:1..2", "speed:* speed:5,6 speed:1..2"),
    ];
    for (typed, meant) in cases {
        let filter = Filter::parse(typed).unwrap_or_else(|error| panic!("{typed}: {error}"));
        assert_eq!(filter.to_string(), meant, "{typed}");
        assert_eq!(Filter::parse(meant), Ok(filter), "{typed}");
    }
}

/// The table of errors beside this crate's sources; `TAMIS_UPDATE=1` writes it.
#[test]
fn errors_say_where_and_what_was_meant() {
    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/filter-errors.txt");
    let set = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let names = Names {
        classes: set(&["bus", "car", "traffic light"]),
        layers: set(&["truth", "pred/yolo"]),
        fields: set(&["weather", "speed"]),
        attributes: set(&["occluded"]),
        splits: set(&["train", "val"]),
        views: set(&["night"]),
    };
    let cases = [
        "(class:bus",
        "class:bus)",
        "[class:bus",
        "class:bus]",
        "()",
        "\"abc",
        "a OR",
        "OR a",
        "a OR OR b",
        "a AND",
        "a or b",
        "NOT",
        "- a",
        "class:",
        "class:bus,,car",
        "class:bus<3",
        "a(b)",
        "a[b]",
        "conf<",
        "conf<x",
        "conf:low",
        "conf<0.1,0.2",
        "size>2XB",
        "timestamp>yesterday",
        "class<3",
        "type:poligon",
        "width~3",
        "labels:bus",
        "labels>=x",
        "labels>=1.5",
        "labels[class:bus]",
        "[bus]",
        "[split:val]",
        "[width>3]",
        "[occluded:true]",
        "[clas:bus]",
        "[[class:bus]]",
        "path~(",
        "path~\"a",
        "has>3",
        "view:a,b",
        "a\\",
        "\"\\u{d800}\"",
        "<5",
        "class:bus, car",
        "speed<a*",
        "class:buss",
        "class:zebra",
        "layer:pred/yola",
        "has:truht",
        "wether:rain",
        "clas:bus",
        "attr.oclude:true",
        "split:vla",
        "view:nigth",
        "labels:bsu>=2",
        "split:train a split:val",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa conf<é bbb",
    ];
    let mut table = String::from(
        "# What is wrong with filters, as it is said. Renew with TAMIS_UPDATE=1 cargo test -p tamis-query filter.\n",
    );
    for text in cases {
        let error = match Filter::parse(text) {
            Ok(filter) => names.check(&filter).err().unwrap_or_else(|| panic!("{text} is fine")),
            Err(error) => error,
        };
        let _ = write!(table, "\n{error}\n");
    }
    let deep = "(".repeat(60) + "a";
    let _ = write!(table, "\n{}\n", Filter::parse(&deep).unwrap_err());
    if std::env::var_os("TAMIS_UPDATE").is_some() {
        std::fs::write(PATH, &table).unwrap();
    }
    let written = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(written == table, "{PATH} is out of date: run `TAMIS_UPDATE=1 cargo test -p tamis-query filter`");
}

#[test]
fn labels_that_are_asked_for_are_told() {
    let label = |id, class: &str| Label::new(Shape::Classification).with_class(class).with_id(id);
    let mut sample = Sample { path: "a".into(), ..Sample::default() };
    sample.layers.insert("truth".into(), vec![label(1, "bus"), label(2, "car"), label(3, "bus")]);
    let ids = |text: &str| -> Vec<u64> {
        Filter::parse(text).unwrap().labels_of(&sample).iter().map(|(_, label)| label.id).collect()
    };
    assert_eq!(ids("class:bus"), [1, 3]);
    assert_eq!(ids("class:bus OR class:car"), [1, 2, 3]);
    assert_eq!(ids("-class:bus split:val"), Vec::<u64>::new());
    assert_eq!(ids("labels:car>=1"), [2]);
}

#[test]
fn views_are_replaced_by_what_they_say() {
    let filter = Filter::parse("-view:night class:bus").unwrap();
    assert_eq!(filter.views(), ["night"]);
    let whole = filter.with_views(&mut |_| Filter::parse("night weather:rain")).unwrap();
    assert_eq!(whole.to_string(), "-(path:*night* weather:rain) [class:bus]");
}
