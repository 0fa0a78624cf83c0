//! Checks the labels of one sample.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use tamis_core::{Label, LabelType, Ontology, Shape};

use super::table::*;
use super::{Broken, pairs, shape};

/// How strict the rules are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RuleOptions {
    /// Shapes with a side below so many pixels are tiny.
    pub tiny: f64,
    /// How far a shape may reach over the image's edge, in pixels: tools round.
    pub slack: f64,
    /// The overlap (intersection over union) from which on two boxes are one.
    pub duplicate: f64,
    /// For how many frames an object may be away without a finding.
    pub gap: u64,
    /// By how many times its size (the mean of width and height) an object may move in a frame.
    pub jump: f64,
    /// Attributes that labels of a type have to have.
    pub required: BTreeMap<LabelType, Vec<String>>,
    /// Ids of rules that are not checked.
    pub off: Vec<String>,
}

impl Default for RuleOptions {
    fn default() -> RuleOptions {
        let (required, off) = (BTreeMap::new(), Vec::new());
        RuleOptions { tiny: 2.0, slack: 0.5, duplicate: 0.95, gap: 0, jump: 3.0, required, off }
    }
}

/// What is known of a sample beside its labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// Whether the sample has media.
    pub has_media: bool,
    /// Width and height of its image in pixels, where they are known.
    pub size: Option<(u32, u32)>,
}

/// An ontology and options, made ready to check many samples.
#[derive(Clone, Debug)]
pub struct RuleBook<'a> {
    ontology: Option<&'a Ontology>,
    options: &'a RuleOptions,
    /// The classes of each type: for most labels all that has to be looked up.
    classes: BTreeMap<LabelType, HashSet<&'a str>>,
    off: HashSet<&'a str>,
}

impl<'a> RuleBook<'a> {
    /// A book for samples of one ontology. O(classes).
    pub fn new(ontology: Option<&'a Ontology>, options: &'a RuleOptions) -> RuleBook<'a> {
        let names = |(kind, schema): (&LabelType, &'a tamis_core::LabelSchema)| {
            (*kind, schema.classes.iter().map(|class| class.name.as_str()).collect())
        };
        let classes = ontology.iter().flat_map(|ontology| &ontology.types).map(names).collect();
        RuleBook { ontology, options, classes, off: options.off.iter().map(String::as_str).collect() }
    }

    /// Gives `found` every rule that the labels of one layer of a sample break: label by label, then pairs.
    pub fn check(&self, labels: &[Label], scene: &Scene, mut found: impl FnMut(Broken)) {
        let mut found = |broken: Broken| {
            if !self.off.contains(broken.rule.id) {
                found(broken);
            }
        };
        let ids: Option<HashSet<u64>> = labels
            .iter()
            .any(|label| matches!(label.shape, Shape::Relation { .. }))
            .then(|| labels.iter().map(|label| label.id).collect());
        for (at, label) in labels.iter().enumerate() {
            shape::check(at, label, scene, self.options, &mut found);
            self.check_words(at, label, &mut found);
            if let (Shape::Relation { from, to }, Some(ids)) = (&label.shape, &ids) {
                for id in [from, to].into_iter().filter(|id| !ids.contains(id)) {
                    found(Broken::new(RELATION_TARGET, at, format!("there is no label {id}")));
                }
            }
        }
        pairs::check(labels, self.options, &mut found);
    }

    /// Class and attributes.
    fn check_words(&self, at: usize, label: &Label, found: &mut impl FnMut(Broken)) {
        let kind = label.label_type();
        if let Some(names) = self.options.required.get(&kind) {
            for name in names.iter().filter(|name| !label.attributes.contains_key(*name)) {
                found(Broken::new(ONTOLOGY_REQUIRED, at, format!("`{name}` is missing")));
            }
        }
        let Some(ontology) = self.ontology else { return };
        let plain = label.attributes.is_empty() && !matches!(label.shape, Shape::Keypoints(_) | Shape::Track(_));
        let known = |class: &String| self.classes.get(&kind).is_some_and(|names| names.contains(class.as_str()));
        if plain && label.class.as_ref().is_some_and(known) {
            return;
        }
        for violation in ontology.check(label) {
            let rule = RULES.iter().copied().find(|rule| rule.id == violation.code).unwrap_or(ONTOLOGY_VALUE);
            found(Broken::new(rule, at, violation.message));
        }
    }
}
