use std::collections::BTreeMap;

use proptest::prelude::*;
use tamis_index::words::{ChangedText, Totals, edit, schema, search, words};

use crate::World;

#[test]
fn texts_come_in_the_order_of_their_fit() {
    let texts = [
        ("a", "A red bus beside a RED car, and another red bus."),
        ("b", "the bus stops"),
        ("c", "a car"),
        ("d", "公共汽车 is a bus"),
        ("e", ""),
    ];
    let world = World::default();
    let changes: Vec<ChangedText<'_>> =
        texts.iter().map(|(path, text)| ChangedText { path, old: None, new: Some(text) }).collect();
    let (change, totals) = edit(&changes, Totals::default()).unwrap();
    let table = world.edit(&world.empty(schema()), &change);
    assert_eq!(totals, Totals { texts: 5, words: 11 + 3 + 2 + 7 });
    let paths = |question: &str| -> Vec<String> {
        search(&table, totals, question, 10, None).unwrap().into_iter().map(|(path, _)| path).collect()
    };
    assert_eq!(paths("red BUS"), ["a", "b", "d"]);
    assert_eq!(paths("车"), ["d"]);
    assert_eq!(paths("sto*"), ["b"]);
    assert_eq!(paths("c*"), ["c", "a"]);
    assert_eq!(paths("bicycle"), Vec::<String>::new());
    assert!(search(&table, totals, " ?! ", 10, None).unwrap_err().to_string().contains("no words"));
    let only = |path: &str| path == "d";
    assert_eq!(search(&table, totals, "bus", 10, Some(&only)).unwrap().len(), 1);
    // By hand: "bus" is in 3 of 5 texts, "b" has 3 words of 4.6 on the mean.
    let score = search(&table, totals, "bus", 10, None).unwrap()[0].clone();
    let idf = (1.0 + (5.0 - 3.0 + 0.5) / 3.5f64).ln();
    let expected = |count: f64, length: f64| idf * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / 4.6));
    assert_eq!(score.0, "b");
    assert!((score.1 - expected(1.0, 3.0)).abs() < 1e-12);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn updates_give_what_a_build_gives(
        first in prop::collection::btree_map("[a-b]{1,2}", "[xyz ]{0,12}", 0..20),
        steps in prop::collection::vec(prop::collection::btree_map("[a-b]{1,2}", prop::option::of("[xyz ]{0,12}"), 1..10), 1..5),
    ) {
        let world = World::default();
        let build = |model: &BTreeMap<String, String>| {
            let changes: Vec<_> = model.iter().map(|(path, text)| ChangedText { path, old: None, new: Some(text) }).collect();
            let (edit, totals) = edit(&changes, Totals::default()).unwrap();
            (world.edit(&world.empty(schema()), &edit), totals)
        };
        let mut model = first;
        let (mut table, mut totals) = build(&model);
        for step in &steps {
            let before = model.clone();
            let changes: Vec<_> = step
                .iter()
                .map(|(path, new)| ChangedText { path, old: before.get(path).map(String::as_str), new: new.as_deref() })
                .collect();
            let (change, after) = edit(&changes, totals).unwrap();
            (table, totals) = (world.edit(&table, &change), after);
            for (path, new) in step {
                match new {
                    Some(new) => drop(model.insert(path.clone(), new.clone())),
                    None => drop(model.remove(path)),
                }
            }
        }
        let (built, sums) = build(&model);
        prop_assert_eq!(totals, sums);
        prop_assert_eq!(table.content_hash(), built.content_hash());
        for question in ["x", "y z", "x*"] {
            let found = search(&table, totals, question, 100, None).unwrap();
            let has = |text: &String| words(text).iter().any(|word| match question {
                "x*" => word.starts_with('x'),
                _ => question.split(' ').any(|asked| asked == word),
            });
            let expected: Vec<&String> = model.iter().filter(|(_, text)| has(text)).map(|(path, _)| path).collect();
            let mut paths: Vec<&String> = found.iter().map(|(path, _)| path).collect();
            paths.sort();
            prop_assert_eq!(paths, expected);
        }
    }
}
