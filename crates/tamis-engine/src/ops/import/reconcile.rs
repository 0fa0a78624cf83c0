//! How the classes of a source stand to those of a dataset.

use serde::Serialize;
use tamis_core::{AttributeType, LabelType, Ontology};

/// Something about a class or an attribute of a source that a person wants to know before it is in the dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassNote {
    /// Of which label type.
    pub label_type: LabelType,
    /// The class in the source; the attribute, for `retyped`.
    pub class: String,
    /// `new`, `similar` (the dataset has one that reads nearly the same), `renumbered` (the same name, another number) or
    /// `retyped` (an attribute whose values are of another type).
    pub what: &'static str,
    /// The class of the dataset, for `similar`; both numbers, for `renumbered`; both types, for `retyped`.
    pub other: Option<String>,
}

/// What is to be said of the classes of `new` where the dataset has `old`. Nothing of label types that
/// the dataset does not have. O(classes²) for the new ones.
pub(super) fn reconcile(old: &Ontology, new: &Ontology) -> Vec<ClassNote> {
    let mut notes = Vec::new();
    for (&label_type, schema) in &new.types {
        let there = old.types.get(&label_type).map(|known| known.attributes.as_slice()).unwrap_or_default();
        for attribute in &schema.attributes {
            let known = there.iter().find(|known| known.name == attribute.name).map(|known| known.types.as_slice());
            if let Some(known) = known.filter(|known| !holds(known, &attribute.types)) {
                let other = Some(format!("{} → {}", names(known), names(&attribute.types)));
                notes.push(ClassNote { label_type, class: attribute.name.clone(), what: "retyped", other });
            }
        }
        let Some(known) = old.types.get(&label_type).filter(|known| !known.classes.is_empty()) else { continue };
        for class in &schema.classes {
            let note = |what, other| ClassNote { label_type, class: class.name.clone(), what, other };
            match known.class(&class.name) {
                Some(same) => {
                    if let (Some(a), Some(b)) = (same.id, class.id)
                        && a != b
                    {
                        notes.push(note("renumbered", Some(format!("{a} → {b}"))));
                    }
                }
                None => {
                    let near = known.classes.iter().find(|k| is_similar(&k.name, &class.name));
                    let what = if near.is_some() { "similar" } else { "new" };
                    notes.push(note(what, near.map(|k| k.name.clone())));
                }
            }
        }
    }
    notes
}

/// Whether every value of some types is of other types; no types are any.
fn holds(known: &[AttributeType], new: &[AttributeType]) -> bool {
    let fits = |of: &AttributeType| {
        known.contains(of) || (*of == AttributeType::Integer && known.contains(&AttributeType::Number))
    };
    known.is_empty() || new.iter().all(fits)
}

fn names(types: &[AttributeType]) -> String {
    let name = |of: &AttributeType| serde_json::to_value(of).ok().and_then(|name| name.as_str().map(str::to_owned));
    types.iter().filter_map(name).collect::<Vec<_>>().join(" or ")
}

/// Whether two names differ in case, in what joins their words, in a plural `s`, or in one letter of five
/// or more.
fn is_similar(a: &str, b: &str) -> bool {
    let plain = |name: &str| -> Vec<char> {
        let letters: Vec<char> = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        let is_plural = letters.len() > 3 && letters.ends_with(&['s']) && !letters.ends_with(&['s', 's']);
        if is_plural { letters[..letters.len() - 1].to_vec() } else { letters }
    };
    let (a, b) = (plain(a), plain(b));
    if a == b {
        return !a.is_empty();
    }
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    // A digit tells things apart (`class1`, `class2`).
    if short.len() < 5 || long.len() - short.len() > 1 || a.iter().chain(&b).any(|c| c.is_numeric()) {
        return false;
    }
    let head = short.iter().zip(long).take_while(|(x, y)| x == y).count();
    let skip = usize::from(long.len() == short.len());
    short[(head + skip).min(short.len())..] == long[head + 1..]
}

#[cfg(test)]
mod tests {
    use tamis_core::Attribute;

    use super::*;

    #[test]
    fn names_that_read_nearly_the_same_are_similar() {
        for (a, b, similar) in [
            ("Car", "car", true),
            ("traffic light", "traffic_light", true),
            ("cars", "car", true),
            ("pedestrian", "pedestrain", false),
            ("bicycle", "bycycle", true),
            ("truck", "trucck", true),
            ("cat", "car", false),
            ("class1", "class2", false),
            ("glass", "glas", false),
        ] {
            assert_eq!(is_similar(a, b), similar, "{a} {b}");
        }
    }

    #[test]
    fn notes_say_what_is_new_similar_or_renumbered() {
        let ontology = |names: &[(&str, i64)]| {
            let mut ontology = Ontology::default();
            for (name, id) in names {
                ontology.add_class(LabelType::Box2d, name);
                if let Some(class) = ontology.schema_mut(LabelType::Box2d).classes.last_mut() {
                    class.id = Some(*id);
                }
            }
            ontology
        };
        let notes = reconcile(&ontology(&[("car", 1), ("bus", 2)]), &ontology(&[("Car", 1), ("bus", 3), ("tram", 4)]));
        let found: Vec<_> = notes.iter().map(|n| (n.class.as_str(), n.what, n.other.as_deref())).collect();
        assert_eq!(
            found,
            [("Car", "similar", Some("car")), ("bus", "renumbered", Some("2 → 3")), ("tram", "new", None)]
        );
        assert!(reconcile(&Ontology::default(), &ontology(&[("car", 1)])).is_empty());
    }

    #[test]
    fn an_attribute_of_another_type_is_told() {
        let ontology = |of: &[(&str, AttributeType)]| {
            let mut ontology = Ontology::default();
            let attributes = &mut ontology.schema_mut(LabelType::Box2d).attributes;
            for (name, of) in of {
                attributes.push(Attribute { name: (*name).to_owned(), types: vec![*of], ..Attribute::default() });
            }
            ontology
        };
        use AttributeType::{Boolean, Integer, Number, String};
        let old = ontology(&[("occluded", Boolean), ("speed", Number), ("note", String)]);
        let new = ontology(&[("occluded", String), ("speed", Integer), ("note", String), ("lanes", Integer)]);
        let notes = reconcile(&old, &new);
        let found: Vec<_> = notes.iter().map(|n| (n.class.as_str(), n.what, n.other.as_deref())).collect();
        assert_eq!(found, [("occluded", "retyped", Some("boolean → string"))]);
    }
}
