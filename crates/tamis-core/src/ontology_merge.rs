//! Three-way merge of ontologies: classes and attributes are matched by name and merged property by property, so that
//! two people who add classes, or change different properties of one, never conflict.
//!
//! The result is whole even where the sides conflict: it then has our value, and a record says what theirs was. A thing
//! that one side removed and the other changed stays, as changed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Attribute, Class, LabelSchema, Ontology, Value};

/// One property of an ontology that both sides changed, differently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OntologyConflict {
    /// Where: label type, then names, joined by `/`: `box2d/classes/car/color`.
    pub place: String,
    /// The common ancestor's value as JSON; absent where it had none.
    pub base: Option<Value>,
    /// Our value, which the result has; absent where we removed it (the result then has theirs).
    pub ours: Option<Value>,
    /// Their value; absent where they removed it.
    pub theirs: Option<Value>,
}

impl Ontology {
    /// Merges `ours` and `theirs`, which both come from `base`.
    ///
    /// New classes keep our order, theirs follow; a new order is taken from the side that changed it. Skeletons and
    /// lexicons are merged as a whole. O(n log n) in the count of names.
    pub fn merge(base: &Ontology, ours: &Ontology, theirs: &Ontology) -> (Ontology, Vec<OntologyConflict>) {
        let mut merge = Merge { place: Vec::new(), conflicts: Vec::new() };
        let merged = merge.ontology(base, ours, theirs);
        (merged, merge.conflicts)
    }
}

/// A walk over three ontologies at once.
struct Merge {
    place: Vec<String>,
    conflicts: Vec<OntologyConflict>,
}

/// Things that are matched by name.
trait Named: Clone + PartialEq + Serialize + Default {
    fn name(&self) -> &str;
    fn merge(merge: &mut Merge, base: &Self, ours: &Self, theirs: &Self) -> Self;
}

impl Named for Class {
    fn name(&self) -> &str {
        &self.name
    }

    fn merge(merge: &mut Merge, base: &Class, ours: &Class, theirs: &Class) -> Class {
        Class {
            name: ours.name.clone(),
            id: merge.value("id", &base.id, &ours.id, &theirs.id),
            parent: merge.value("parent", &base.parent, &ours.parent, &theirs.parent),
            description: merge.value("description", &base.description, &ours.description, &theirs.description),
            color: merge.value("color", &base.color, &ours.color, &theirs.color),
            extra: merge.map("extra", &base.extra, &ours.extra, &theirs.extra),
        }
    }
}

impl Named for Attribute {
    fn name(&self) -> &str {
        &self.name
    }

    fn merge(merge: &mut Merge, base: &Attribute, ours: &Attribute, theirs: &Attribute) -> Attribute {
        Attribute {
            name: ours.name.clone(),
            description: merge.value("description", &base.description, &ours.description, &theirs.description),
            types: merge.value("types", &base.types, &ours.types, &theirs.types),
            items: merge.value("items", &base.items, &ours.items, &theirs.items),
            values: merge.value("values", &base.values, &ours.values, &theirs.values),
            minimum: merge.value("minimum", &base.minimum, &ours.minimum, &theirs.minimum),
            maximum: merge.value("maximum", &base.maximum, &ours.maximum, &theirs.maximum),
            classes: merge.value("classes", &base.classes, &ours.classes, &theirs.classes),
        }
    }
}

impl Merge {
    fn within<T>(&mut self, name: &str, work: impl FnOnce(&mut Merge) -> T) -> T {
        self.place.push(name.to_owned());
        let result = work(self);
        self.place.pop();
        result
    }

    fn conflict<T: Serialize>(&mut self, base: Option<&T>, ours: Option<&T>, theirs: Option<&T>) {
        let json = |value: Option<&T>| value.and_then(|v| serde_json::to_value(v).ok()).filter(|v| !v.is_null());
        self.conflicts.push(OntologyConflict {
            place: self.place.join("/"),
            base: json(base),
            ours: json(ours),
            theirs: json(theirs),
        });
    }

    /// A property that is one value.
    fn value<T: Clone + PartialEq + Serialize>(&mut self, name: &str, base: &T, ours: &T, theirs: &T) -> T {
        if ours == theirs || theirs == base {
            return ours.clone();
        }
        if ours != base {
            self.within(name, |m| m.conflict(Some(base), Some(ours), Some(theirs)));
            return ours.clone();
        }
        theirs.clone()
    }

    /// One side may lack the thing: what stays of it, when at least one side does.
    fn presence<T: Clone + PartialEq + Serialize>(
        &mut self,
        base: Option<&T>,
        ours: Option<&T>,
        theirs: Option<&T>,
    ) -> Option<T> {
        let kept = ours.or(theirs)?;
        match base {
            None => Some(kept.clone()),
            Some(base) if kept == base => None,
            Some(_) => {
                self.conflict(base, ours, theirs);
                Some(kept.clone())
            }
        }
    }

    fn map(
        &mut self,
        name: &str,
        base: &BTreeMap<String, Value>,
        ours: &BTreeMap<String, Value>,
        theirs: &BTreeMap<String, Value>,
    ) -> BTreeMap<String, Value> {
        let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        let mut merged = BTreeMap::new();
        for key in keys {
            let (b, o, t) = (base.get(key), ours.get(key), theirs.get(key));
            let value = self.within(name, |m| match (o, t) {
                (Some(o), Some(t)) => Some(m.value(key, b.unwrap_or(&Value::Null), o, t)),
                _ => m.within(key, |m| m.presence(b, o, t)),
            });
            merged.extend(value.map(|value| (key.clone(), value)));
        }
        merged
    }

    /// A list of named things.
    fn list<T: Named>(&mut self, name: &str, base: &[T], ours: &[T], theirs: &[T]) -> Vec<T> {
        if ours == theirs || theirs == base {
            return ours.to_vec();
        }
        if ours == base {
            return theirs.to_vec();
        }
        let index =
            |list: &[T]| -> BTreeMap<String, T> { keyed(list).into_iter().map(|(k, v)| (k, v.clone())).collect() };
        let (b, o, t) = (index(base), index(ours), index(theirs));
        let nothing = T::default();
        self.within(name, |m| {
            let mut merged = Vec::new();
            for key in order(base, ours, theirs) {
                let (b, o, t) = (b.get(&key), o.get(&key), t.get(&key));
                let kept = m.within(&key, |m| match (o, t) {
                    (Some(o), Some(t)) => Some(T::merge(m, b.unwrap_or(&nothing), o, t)),
                    _ => m.presence(b, o, t),
                });
                merged.extend(kept);
            }
            merged
        })
    }

    fn schema(&mut self, base: &LabelSchema, ours: &LabelSchema, theirs: &LabelSchema) -> LabelSchema {
        LabelSchema {
            description: self.value("description", &base.description, &ours.description, &theirs.description),
            classes: self.list("classes", &base.classes, &ours.classes, &theirs.classes),
            delimiter: self.value("delimiter", &base.delimiter, &ours.delimiter, &theirs.delimiter),
            attributes: self.list("attributes", &base.attributes, &ours.attributes, &theirs.attributes),
            tracking: self.value("tracking", &base.tracking, &ours.tracking, &theirs.tracking),
            skeletons: self.value("skeletons", &base.skeletons, &ours.skeletons, &theirs.skeletons),
            bezier: self.value("bezier", &base.bezier, &ours.bezier, &theirs.bezier),
            is_sample: self.value("is_sample", &base.is_sample, &ours.is_sample, &theirs.is_sample),
            sample_rate: self.value("sample_rate", &base.sample_rate, &ours.sample_rate, &theirs.sample_rate),
            lexicon: self.value("lexicon", &base.lexicon, &ours.lexicon, &theirs.lexicon),
        }
    }

    fn ontology(&mut self, base: &Ontology, ours: &Ontology, theirs: &Ontology) -> Ontology {
        let nothing = LabelSchema::default();
        let kinds: BTreeSet<_> = ours.types.keys().chain(theirs.types.keys()).copied().collect();
        let mut types = BTreeMap::new();
        for kind in kinds {
            let (b, o, t) = (base.types.get(&kind), ours.types.get(&kind), theirs.types.get(&kind));
            let schema = self.within(kind.as_str(), |m| match (o, t) {
                (Some(o), Some(t)) => Some(m.schema(b.unwrap_or(&nothing), o, t)),
                _ => m.presence(b, o, t),
            });
            types.extend(schema.map(|schema| (kind, schema)));
        }
        let description = self.value("description", &base.description, &ours.description, &theirs.description);
        Ontology { description, types }
    }
}

/// The things of a list by name; a name's second bearer (which a broken source may have) gets `#2`, and so on.
fn keyed<T: Named>(list: &[T]) -> Vec<(String, &T)> {
    let mut seen = BTreeMap::<&str, usize>::new();
    list.iter()
        .map(|item| {
            let count = seen.entry(item.name()).and_modify(|n| *n += 1).or_insert(1);
            let key = if *count == 1 { item.name().to_owned() } else { format!("{}#{count}", item.name()) };
            (key, item)
        })
        .collect()
}

/// The names of both sides: in our order with their new ones behind, or in theirs when only they moved things.
fn order<T: Named>(base: &[T], ours: &[T], theirs: &[T]) -> Vec<String> {
    let names = |list| -> Vec<String> { keyed::<T>(list).into_iter().map(|(name, _)| name).collect() };
    let (base, ours, theirs) = (names(base), names(ours), names(theirs));
    let is_moved = |side: &[String]| {
        let (in_base, in_side): (BTreeSet<_>, BTreeSet<_>) = (base.iter().collect(), side.iter().collect());
        !base.iter().filter(|n| in_side.contains(n)).eq(side.iter().filter(|n| in_base.contains(n)))
    };
    let (mut first, second) = if is_moved(&theirs) && !is_moved(&ours) { (theirs, ours) } else { (ours, theirs) };
    let known: BTreeSet<String> = first.iter().cloned().collect();
    first.extend(second.into_iter().filter(|name| !known.contains(name)));
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LabelType;

    fn with(classes: &[&str]) -> Ontology {
        let mut ontology = Ontology::default();
        classes.iter().for_each(|class| {
            ontology.add_class(LabelType::Box2d, class);
        });
        ontology
    }

    fn names(ontology: &Ontology) -> Vec<&str> {
        ontology.types.values().flat_map(|s| &s.classes).map(|c| c.name.as_str()).collect()
    }

    fn class<'a>(ontology: &'a mut Ontology, name: &str) -> &'a mut Class {
        let classes = &mut ontology.schema_mut(LabelType::Box2d).classes;
        classes.iter_mut().find(|c| c.name == name).unwrap()
    }

    #[test]
    fn both_add_and_remove() {
        let (merged, conflicts) =
            Ontology::merge(&with(&["car", "bus"]), &with(&["car", "bus", "dog"]), &with(&["car", "cat"]));
        assert_eq!((names(&merged), conflicts), (vec!["car", "dog", "cat"], vec![]));
    }

    #[test]
    fn different_properties_of_one_class_merge() {
        let base = with(&["car"]);
        let (mut ours, mut theirs) = (base.clone(), base.clone());
        class(&mut ours, "car").color = Some([255, 0, 0]);
        class(&mut theirs, "car").description = "four wheels".into();
        theirs.add_class(LabelType::Polygon, "road");
        let (mut merged, conflicts) = Ontology::merge(&base, &ours, &theirs);
        assert_eq!(conflicts, vec![]);
        assert_eq!(class(&mut merged, "car").color, Some([255, 0, 0]));
        assert_eq!(class(&mut merged, "car").description, "four wheels");
        assert!(merged.types.contains_key(&LabelType::Polygon));
    }

    #[test]
    fn one_property_changed_twice_is_a_conflict_and_keeps_ours() {
        let base = with(&["car"]);
        let (mut ours, mut theirs) = (base.clone(), base.clone());
        class(&mut ours, "car").id = Some(1);
        class(&mut theirs, "car").id = Some(2);
        let (mut merged, conflicts) = Ontology::merge(&base, &ours, &theirs);
        assert_eq!(class(&mut merged, "car").id, Some(1));
        assert_eq!(conflicts.len(), 1);
        assert_eq!(conflicts[0].place, "box2d/classes/car/id");
        assert_eq!((&conflicts[0].base, &conflicts[0].theirs), (&None, &Some(2.into())));
    }

    #[test]
    fn removed_here_and_changed_there_stays_with_a_conflict() {
        let base = with(&["car", "bus"]);
        let (ours, mut theirs) = (with(&["bus"]), base.clone());
        class(&mut theirs, "car").id = Some(2);
        let (merged, conflicts) = Ontology::merge(&base, &ours, &theirs);
        assert_eq!(names(&merged), ["bus", "car"]);
        assert_eq!((conflicts[0].place.as_str(), &conflicts[0].ours), ("box2d/classes/car", &None));
    }

    #[test]
    fn a_new_order_is_kept() {
        let base = with(&["a", "b", "c"]);
        let (merged, _) = Ontology::merge(&base, &with(&["a", "b", "c", "d"]), &with(&["c", "b", "a"]));
        assert_eq!(names(&merged), ["c", "b", "a", "d"]);
    }

    #[test]
    fn equal_sides_and_one_sided_changes_are_taken_as_they_are() {
        let (base, side) = (with(&["a", "a", "b"]), with(&["b", "x"]));
        assert_eq!(Ontology::merge(&base, &side, &side), (side.clone(), vec![]));
        assert_eq!(Ontology::merge(&base, &side, &base), (side.clone(), vec![]));
        assert_eq!(Ontology::merge(&base, &base, &side), (side, vec![]));
    }
}
