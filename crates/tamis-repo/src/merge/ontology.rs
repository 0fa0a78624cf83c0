//! Three-way merge and diff of ontologies (by label type, then class and attribute name) and of
//! sensors (by segment and name).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tamis_core::{Attribute, Class, LabelSchema, LabelType, Ontology, Sensor};

use super::conflict::{Clashes, ConflictPart};
use crate::object::Sensors;

/// Merges ontologies; what clashes holds ours.
pub(crate) fn merge_ontologies(base: &Ontology, ours: &Ontology, theirs: &Ontology, clashes: &mut Clashes) -> Ontology {
    let part = || ConflictPart::Ontology { label_type: None, name: "description".to_owned() };
    let description =
        clashes.pick("", part, Some(&base.description), Some(&ours.description), Some(&theirs.description));
    let types: BTreeSet<LabelType> =
        base.types.keys().chain(ours.types.keys()).chain(theirs.types.keys()).copied().collect();
    let none = LabelSchema::default();
    let mut merged = BTreeMap::new();
    for label_type in types {
        let (b, o, t) = (base.types.get(&label_type), ours.types.get(&label_type), theirs.types.get(&label_type));
        let schema = match (o, t) {
            (Some(o), Some(t)) if o != t && b != Some(o) && b != Some(t) => {
                Some(merge_schema(label_type, b.unwrap_or(&none), o, t, clashes))
            }
            _ => {
                let part = || ConflictPart::Ontology { label_type: Some(label_type), name: "schema".to_owned() };
                clashes.pick("", part, b, o, t)
            }
        };
        if let Some(schema) = schema {
            merged.insert(label_type, schema);
        }
    }
    Ontology { description: description.unwrap_or_default(), types: merged }
}

fn merge_schema(
    label_type: LabelType,
    b: &LabelSchema,
    o: &LabelSchema,
    t: &LabelSchema,
    clashes: &mut Clashes,
) -> LabelSchema {
    fn value<T: Serialize + Clone + PartialEq>(
        clashes: &mut Clashes,
        label_type: LabelType,
        name: &str,
        b: &T,
        o: &T,
        t: &T,
    ) -> T {
        let part = || ConflictPart::Ontology { label_type: Some(label_type), name: name.to_owned() };
        clashes.pick("", part, Some(b), Some(o), Some(t)).unwrap_or_else(|| o.clone())
    }
    let class = |name: &str| ConflictPart::Class { label_type, name: name.to_owned() };
    let attribute = |name: &str| ConflictPart::Attribute { label_type, name: name.to_owned() };
    LabelSchema {
        description: value(clashes, label_type, "description", &b.description, &o.description, &t.description),
        classes: merge_named(&b.classes, &o.classes, &t.classes, |c: &Class| &c.name, class, clashes),
        delimiter: value(clashes, label_type, "delimiter", &b.delimiter, &o.delimiter, &t.delimiter),
        attributes: merge_named(
            &b.attributes,
            &o.attributes,
            &t.attributes,
            |a: &Attribute| &a.name,
            attribute,
            clashes,
        ),
        tracking: value(clashes, label_type, "tracking", &b.tracking, &o.tracking, &t.tracking),
        skeletons: value(clashes, label_type, "skeletons", &b.skeletons, &o.skeletons, &t.skeletons),
        bezier: value(clashes, label_type, "bezier", &b.bezier, &o.bezier, &t.bezier),
        is_sample: value(clashes, label_type, "is_sample", &b.is_sample, &o.is_sample, &t.is_sample),
        sample_rate: value(clashes, label_type, "sample_rate", &b.sample_rate, &o.sample_rate, &t.sample_rate),
        lexicon: value(clashes, label_type, "lexicon", &b.lexicon, &o.lexicon, &t.lexicon),
    }
}

/// Merges lists whose items have names. Order: ours, then what theirs adds, in their order.
fn merge_named<T: Serialize + Clone + PartialEq>(
    base: &[T],
    ours: &[T],
    theirs: &[T],
    name: fn(&T) -> &String,
    part: impl Fn(&str) -> ConflictPart,
    clashes: &mut Clashes,
) -> Vec<T> {
    let find = |list: &[T], wanted: &str| list.iter().find(|item| name(item) == wanted).cloned();
    let mut seen = BTreeSet::new();
    let mut merged = Vec::new();
    for item in ours.iter().chain(theirs).chain(base) {
        if seen.insert(name(item).clone()) {
            let (b, o, t) = (find(base, name(item)), find(ours, name(item)), find(theirs, name(item)));
            merged.extend(clashes.pick("", || part(name(item)), b.as_ref(), o.as_ref(), t.as_ref()));
        }
    }
    merged
}

/// Merges sensors; what clashes holds ours.
pub(crate) fn merge_sensors(base: &Sensors, ours: &Sensors, theirs: &Sensors, clashes: &mut Clashes) -> Sensors {
    let keys: BTreeSet<(&str, &str)> =
        [base, ours, theirs].into_iter().flat_map(Sensors::iter).map(|(s, sensor)| (s, sensor.name.as_str())).collect();
    let mut merged = Sensors::default();
    for (segment, name) in keys {
        let part = || ConflictPart::Sensor { segment: segment.to_owned(), name: name.to_owned() };
        let (b, o, t) = (base.get(segment, name), ours.get(segment, name), theirs.get(segment, name));
        let sensor: Option<Sensor> = clashes.pick("", part, b, o, t);
        merged.set(segment, name, sensor);
    }
    merged
}

/// A difference of two ontologies in one named thing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClassChange {
    pub(crate) label_type: Option<LabelType>,
    /// `class`, `attribute`, or the property's name.
    pub(crate) what: &'static str,
    pub(crate) name: String,
    pub(crate) old: Option<tamis_core::Value>,
    pub(crate) new: Option<tamis_core::Value>,
}

/// What differs between two ontologies, by label type and name.
pub(crate) fn diff_ontologies(old: &Ontology, new: &Ontology) -> Vec<ClassChange> {
    let mut found = Vec::new();
    let mut tell = |label_type, what, name: &str, old: Option<tamis_core::Value>, new: Option<tamis_core::Value>| {
        if old != new {
            found.push(ClassChange { label_type, what, name: name.to_owned(), old, new });
        }
    };
    let text = |ontology: &Ontology| (!ontology.description.is_empty()).then(|| ontology.description.clone().into());
    tell(None, "description", "", text(old), text(new));
    let types: BTreeSet<LabelType> = old.types.keys().chain(new.types.keys()).copied().collect();
    let none = LabelSchema::default();
    for label_type in types {
        let (o, n) = (old.types.get(&label_type), new.types.get(&label_type));
        let (o, n) = (o.unwrap_or(&none), n.unwrap_or(&none));
        diff_named(&o.classes, &n.classes, |c| &c.name, |name, a, b| tell(Some(label_type), "class", name, a, b));
        diff_named(
            &o.attributes,
            &n.attributes,
            |a| &a.name,
            |name, a, b| {
                tell(Some(label_type), "attribute", name, a, b);
            },
        );
        let rest = |schema: &LabelSchema| {
            let rest = LabelSchema { classes: Vec::new(), attributes: Vec::new(), ..schema.clone() };
            (rest != none).then(|| serde_json::to_value(&rest).unwrap_or_default())
        };
        tell(Some(label_type), "schema", label_type.as_str(), rest(o), rest(n));
    }
    found
}

fn diff_named<T: Serialize + PartialEq>(
    old: &[T],
    new: &[T],
    name: fn(&T) -> &String,
    mut tell: impl FnMut(&str, Option<tamis_core::Value>, Option<tamis_core::Value>),
) {
    let names: BTreeSet<&String> = old.iter().chain(new).map(name).collect();
    for wanted in names {
        let json = |list: &[T]| {
            list.iter().find(|item| name(item) == wanted).map(|item| serde_json::to_value(item).unwrap_or_default())
        };
        tell(wanted, json(old), json(new));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_added_on_both_sides_are_both_there() {
        let mut base = Ontology::default();
        base.add_class(LabelType::Box2d, "car");
        let (mut ours, mut theirs) = (base.clone(), base.clone());
        ours.add_class(LabelType::Box2d, "bus");
        theirs.add_class(LabelType::Box2d, "van");
        theirs.add_class(LabelType::Polygon, "road");
        let mut clashes = Clashes::default();
        let merged = merge_ontologies(&base, &ours, &theirs, &mut clashes);
        let names: Vec<&str> = merged.types[&LabelType::Box2d].classes.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["car", "bus", "van"]);
        assert!(merged.types.contains_key(&LabelType::Polygon) && clashes.0.is_empty());
        assert_eq!(diff_ontologies(&base, &merged).len(), 3);
    }

    #[test]
    fn a_class_renumbered_on_both_sides_is_a_conflict() {
        let make = |id| {
            let class = Class { name: "car".into(), id: Some(id), ..Class::default() };
            let schema = LabelSchema { classes: vec![class], ..LabelSchema::default() };
            Ontology { description: String::new(), types: [(LabelType::Box2d, schema)].into() }
        };
        let mut clashes = Clashes::default();
        let merged = merge_ontologies(&make(1), &make(2), &make(3), &mut clashes);
        assert_eq!((merged, clashes.0.len()), (make(2), 1));
    }
}
