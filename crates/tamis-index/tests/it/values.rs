use std::collections::BTreeMap;

use proptest::prelude::*;
use tamis_index::values::{ChangedValue, Key, edit, schema, search};

use crate::World;

fn value() -> impl Strategy<Value = Key> {
    prop_oneof![
        (-3i32..4).prop_map(|number| Key::Number(f64::from(number) / 2.0)),
        prop_oneof![Just(-0.0), Just(f64::MAX), Just(f64::MIN), Just(1e-300)].prop_map(Key::Number),
        "[ab\0\u{1}]{0,3}".prop_map(Key::Text),
    ]
}

fn order(a: &Key, b: &Key) -> std::cmp::Ordering {
    match (a, b) {
        (Key::Number(a), Key::Number(b)) => a.partial_cmp(b).unwrap(),
        (Key::Text(a), Key::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Key::Number(_), Key::Text(_)) => std::cmp::Ordering::Less,
        (Key::Text(_), Key::Number(_)) => std::cmp::Ordering::Greater,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn ranges_are_those_of_the_model(
        first in prop::collection::btree_map("[a-b]{1,3}", value(), 0..30),
        step in prop::collection::btree_map("[a-b]{1,3}", prop::option::of(value()), 0..20),
        low in value(), high in value(),
    ) {
        let world = World::default();
        let mut model = first;
        let changes: Vec<_> =
            model.iter().map(|(path, value)| ChangedValue { path, old: None, new: Some(value.clone()) }).collect();
        let table = world.edit(&world.empty(schema()), &edit(&changes).unwrap());
        let before: BTreeMap<String, Key> = model.clone();
        let changes: Vec<_> =
            step.iter().map(|(path, new)| ChangedValue { path, old: before.get(path).cloned(), new: new.clone() }).collect();
        let table = world.edit(&table, &edit(&changes).unwrap());
        for (path, new) in &step {
            match new {
                Some(new) => drop(model.insert(path.clone(), new.clone())),
                None => drop(model.remove(path)),
            }
        }
        let mut expected: Vec<(&String, &Key)> =
            model.iter().filter(|(_, value)| order(value, &low).is_ge() && order(value, &high).is_le()).collect();
        expected.sort_by(|a, b| order(a.1, b.1).then_with(|| a.0.cmp(b.0)));
        let expected: Vec<&String> = expected.into_iter().map(|(path, _)| path).collect();
        let found = search(&table, &low, &high, usize::MAX).unwrap();
        prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected.clone());
        prop_assert_eq!(search(&table, &low, &high, 2).unwrap().len(), expected.len().min(2));
        prop_assert_eq!(low.encode().cmp(&high.encode()), order(&low, &high));
    }
}
