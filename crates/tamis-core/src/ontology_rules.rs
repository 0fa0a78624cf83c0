//! What an ontology says of labels: which it allows, and which one would allow given labels.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Attribute, AttributeType, Label, LabelSchema, LabelType, Ontology, Shape, Skeleton, Value};

/// One rule of an ontology that a label breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// A stable name: `ontology.type`, `ontology.class`, `ontology.attribute`, `ontology.value`, `ontology.keypoints`.
    pub code: String,
    /// What is wrong, with the names in question.
    pub message: String,
}

impl Ontology {
    /// The rules that a label breaks; empty when it is allowed.
    ///
    /// A type without classes allows every class and one without attributes allows every attribute; a type that the
    /// ontology does not have is not allowed, unless the ontology has none at all. O(classes + attributes).
    pub fn check(&self, label: &Label) -> Vec<Violation> {
        let mut found = Vec::new();
        let kind = label.label_type();
        let Some(schema) = self.types.get(&kind) else {
            if !self.types.is_empty() {
                found.push(violation("type", format!("the ontology has no labels of type `{kind}`")));
            }
            return found;
        };
        if let Some(class) = &label.class
            && !schema.classes.is_empty()
            && schema.class(class).is_none()
        {
            found.push(violation("class", schema.unknown_class(kind, class)));
        }
        for (name, value) in attributes_of(label) {
            let broken = schema.check_attribute(kind, label.class.as_deref(), name, value);
            found.extend(broken.filter(|violation| !found.contains(violation)));
        }
        if let Shape::Keypoints(points) = &label.shape {
            let skeletons: Vec<_> = schema.skeletons.iter().filter(|s| s.is_for(label.class.as_deref())).collect();
            if !skeletons.is_empty() && skeletons.iter().all(|s| s.number as usize != points.len()) {
                let wanted = skeletons.first().map_or(0, |s| s.number);
                found.push(violation("keypoints", format!("{} key points, the skeleton has {wanted}", points.len())));
            }
        }
        found
    }

    /// The smallest ontology that allows all given labels: types, classes in the order of their first use, attributes
    /// with the types of their values, skeletons by their count of points.
    pub fn infer<'a>(labels: impl IntoIterator<Item = &'a Label>) -> Ontology {
        let mut ontology = Ontology::default();
        let mut classes = BTreeSet::<(LabelType, &str)>::new();
        let mut attributes = BTreeMap::<(LabelType, &str), BTreeSet<AttributeType>>::new();
        for label in labels {
            let kind = label.label_type();
            let schema = ontology.schema_mut(kind);
            schema.tracking |= label.instance.is_some() || kind == LabelType::Track;
            if let Some(class) = &label.class
                && classes.insert((kind, class))
            {
                ontology.add_class(kind, class);
            }
            for (name, value) in attributes_of(label) {
                attributes.entry((kind, name)).or_default().insert(AttributeType::of(value));
            }
            if let Shape::Keypoints(points) = &label.shape {
                ontology.schema_mut(kind).learn_skeleton(points.len(), label.class.as_deref());
            }
        }
        for ((kind, name), types) in attributes {
            let attribute =
                Attribute { name: name.to_owned(), types: types.into_iter().collect(), ..Attribute::default() };
            ontology.schema_mut(kind).attributes.push(attribute);
        }
        ontology
    }
}

/// The attributes of a label, and those that change along its track.
fn attributes_of(label: &Label) -> impl Iterator<Item = (&String, &Value)> {
    let keys = if let Shape::Track(keys) = &label.shape { keys.as_slice() } else { &[] };
    label.attributes.iter().chain(keys.iter().flat_map(|key| &key.attributes))
}

impl LabelSchema {
    fn unknown_class(&self, kind: LabelType, class: &str) -> String {
        let near = self.classes.iter().map(|c| (edits(&c.name, class), &c.name)).min();
        let hint = match near {
            Some((edits, name)) if edits <= 2 => format!("; did you mean `{name}`?"),
            _ => String::new(),
        };
        format!("`{class}` is not a class of `{kind}`{hint}")
    }

    fn check_attribute(&self, kind: LabelType, class: Option<&str>, name: &str, value: &Value) -> Option<Violation> {
        if self.attributes.is_empty() {
            return None;
        }
        let Some(attribute) = self.attributes.iter().find(|a| a.name == name) else {
            return Some(violation("attribute", format!("`{name}` is not an attribute of `{kind}`")));
        };
        let is_for_class =
            attribute.classes.is_empty() || class.is_some_and(|class| attribute.classes.iter().any(|c| c == class));
        if !is_for_class {
            let class = class.unwrap_or_default();
            return Some(violation("attribute", format!("`{name}` is not an attribute of class `{class}`")));
        }
        attribute.check(value).err().map(|reason| violation("value", format!("`{name}` is {reason}")))
    }

    fn learn_skeleton(&mut self, points: usize, class: Option<&str>) {
        let number = u32::try_from(points).unwrap_or(u32::MAX);
        let same = self.skeletons.iter_mut().find(|s| s.number == number);
        match (same, class) {
            (Some(skeleton), Some(class)) if !skeleton.is_for(Some(class)) => skeleton.classes.push(class.to_owned()),
            (Some(skeleton), None) => skeleton.classes.clear(),
            (Some(_), _) => {}
            (None, class) => {
                let classes = class.map(str::to_owned).into_iter().collect();
                self.skeletons.push(Skeleton { number, classes, ..Skeleton::default() });
            }
        }
    }
}

impl Skeleton {
    /// Whether labels of a class have this skeleton.
    pub fn is_for(&self, class: Option<&str>) -> bool {
        self.classes.is_empty() || class.is_some_and(|class| self.classes.iter().any(|c| c == class))
    }
}

impl AttributeType {
    /// The type of a value; objects count as strings, which is how formats write them.
    pub fn of(value: &Value) -> AttributeType {
        match value {
            Value::Null => AttributeType::Null,
            Value::Bool(_) => AttributeType::Boolean,
            Value::Number(n) if n.is_f64() => AttributeType::Number,
            Value::Number(_) => AttributeType::Integer,
            Value::Array(_) => AttributeType::Array,
            Value::String(_) | Value::Object(_) => AttributeType::String,
        }
    }

    /// Whether a value is of this type: whole numbers are numbers too, instances are named by text.
    fn allows(self, value: &Value) -> bool {
        let found = AttributeType::of(value);
        match self {
            AttributeType::Number => matches!(found, AttributeType::Number | AttributeType::Integer),
            AttributeType::Integer => {
                found == AttributeType::Integer || value.as_f64().is_some_and(|n| n.fract() == 0.0)
            }
            AttributeType::Instance => matches!(found, AttributeType::String | AttributeType::Integer),
            own => own == found,
        }
    }
}

impl Attribute {
    /// Whether the attribute may have a value.
    ///
    /// # Errors
    /// What the value is that it may not be, to stand after "is".
    pub fn check(&self, value: &Value) -> Result<(), String> {
        if !self.types.is_empty() && !self.types.iter().any(|t| t.allows(value)) {
            let wanted: Vec<String> = self.types.iter().map(|t| format!("{t:?}").to_lowercase()).collect();
            return Err(format!("{}, expected {}", shown(value), wanted.join(" or ")));
        }
        if self.values.as_ref().is_some_and(|values| !values.contains(value)) {
            return Err(format!("{}, which is not one of its values", shown(value)));
        }
        if let Some(number) = value.as_f64() {
            if let Some(low) = self.minimum.filter(|low| number < *low) {
                return Err(format!("{number}, below the lowest {low}"));
            }
            if let Some(high) = self.maximum.filter(|high| number > *high) {
                return Err(format!("{number}, above the highest {high}"));
            }
        }
        if let (Some(items), Value::Array(elements)) = (&self.items, value) {
            return elements.iter().try_for_each(|element| items.check(element));
        }
        Ok(())
    }
}

fn violation(rule: &str, message: String) -> Violation {
    Violation { code: format!("ontology.{rule}"), message }
}

/// A value for a message.
fn shown(value: &Value) -> String {
    let text = value.to_string(); // JSON escapes control characters.
    if text.chars().nth(60).is_some() { text.chars().take(60).chain(['…']).collect() } else { text }
}

/// The Levenshtein distance of two short names, by rows. O(a × b).
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut left = i + 1;
        let mut next = Vec::with_capacity(row.len());
        next.push(left);
        for (y, pair) in b.iter().zip(row.windows(2)) {
            let &[diagonal, above] = pair else { continue };
            left = (diagonal + usize::from(x != y)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Box2d, Keypoint};

    fn car() -> Label {
        let mut label = Label::new(Shape::Box2d(Box2d::new(0.0, 0.0, 1.0, 1.0))).with_class("car");
        label.attributes.insert("occluded".into(), true.into());
        label.attributes.insert("doors".into(), 4.into());
        label
    }

    #[test]
    fn inferred_ontologies_allow_what_they_were_inferred_from() {
        let mut pose = Label::new(Shape::Keypoints(vec![Keypoint::default(); 5])).with_class("person");
        pose.instance = Some("p1".into());
        let labels = [car(), pose.clone(), car().with_class("bus")];
        let ontology = Ontology::infer(&labels);
        assert!(labels.iter().all(|label| ontology.check(label).is_empty()));
        assert_eq!(ontology.types[&LabelType::Box2d].classes.len(), 2);
        assert!(ontology.types[&LabelType::Keypoints].tracking);
        let mut key = crate::TrackKey::new(0, Shape::Box2d(Box2d::new(0.0, 0.0, 1.0, 1.0)));
        key.attributes.insert("occluded".into(), true.into());
        let track = Label::new(Shape::Track(vec![key.clone(), crate::TrackKey { frame: 4, ..key }]));
        let learnt = Ontology::infer([&track]);
        assert!(learnt.types[&LabelType::Track].tracking && learnt.check(&track).is_empty());
        let mut strict = learnt.clone();
        strict.schema_mut(LabelType::Track).attributes[0].name = "truncated".into();
        assert_eq!(strict.check(&track).len(), 1, "the same rule broken in two keys is one finding");
        pose.shape = Shape::Keypoints(vec![]);
        assert_eq!(ontology.check(&pose)[0].code, "ontology.keypoints");
    }

    #[test]
    fn what_is_not_allowed_is_named() {
        let mut ontology = Ontology::infer(&[car()]);
        ontology.schema_mut(LabelType::Box2d).attributes[0].maximum = Some(5.0);
        let message = |label: &Label| ontology.check(label).into_iter().map(|v| v.message).collect::<Vec<_>>();
        assert_eq!(message(&car().with_class("caar")), ["`caar` is not a class of `box2d`; did you mean `car`?"]);
        let mut label = car();
        label.attributes.insert("doors".into(), 6.into());
        label.attributes.insert("occluded".into(), "yes".into());
        label.attributes.insert("tint".into(), 1.into());
        assert_eq!(
            message(&label),
            [
                "`doors` is 6, above the highest 5",
                "`occluded` is \"yes\", expected boolean",
                "`tint` is not an attribute of `box2d`"
            ]
        );
        assert_eq!(message(&Label::new(Shape::Scalar(1.0))), ["the ontology has no labels of type `scalar`"]);
        assert!(Ontology::default().check(&car()).is_empty());
    }
}
