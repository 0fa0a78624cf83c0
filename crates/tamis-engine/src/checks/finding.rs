//! What is found, by rule.

use std::collections::BTreeMap;

use serde::Serialize;
use tamis_core::Severity;
use tamis_quality::rules::RULES;

/// A rule that data keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CheckRule {
    /// A stable name, `area.what`.
    pub id: &'static str,
    /// What is wrong with what breaks it.
    pub what: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What the safe fix does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<&'static str>,
}

macro_rules! rules {
    ($($name:ident = $id:literal, $severity:ident, $what:literal;)*) => {
        $(pub(crate) const $name: &CheckRule =
            &CheckRule { id: $id, what: $what, severity: Severity::$severity, fix: None };)*
        /// The rules of samples and datasets; those of labels are in `tamis_quality`.
        const OWN: &[&CheckRule] = &[$($name),*];
    };
}

rules! {
    CLASS_DRIFT = "class.drift", Warning, "a class that came, went, was renamed or has another share than before";
    CLASS_EMPTY = "class.empty", Note, "a class of the ontology without labels";
    CLASS_RARE = "class.rare", Note, "a class with less than a tenth of an even share";
    CLASS_SPLIT = "class.missing_in_split", Warning, "a class that one split has and another lacks";
    LABEL_CLASS = "suspect.class", Warning, "a sample whose class is not that of the samples most like it";
    LABEL_LOCATED = "suspect.place", Warning, "a box that a model sees elsewhere";
    LABEL_OVERLOOKED = "suspect.overlooked", Warning, "an object that a model is sure of and nobody labelled";
    LABEL_SWAPPED = "suspect.swapped", Warning, "a box that a model takes for another class";
    MEDIA_DUPLICATE = "media.duplicate", Warning, "a file that is there under another path";
    MEDIA_NEAR = "media.near_duplicate", Warning, "a picture that shows the same as another";
    MEDIA_UNREADABLE = "media.unreadable", Error, "a picture that cannot be decoded";
    PICTURE_ASPECT = "picture.odd_aspect", Warning, "a picture much longer than wide, or the other way round";
    PICTURE_BLURRY = "picture.blurry", Warning, "a picture without sharp edges";
    PICTURE_DARK = "picture.dark", Warning, "a picture with hardly any light pixels";
    PICTURE_GRAY = "picture.gray", Note, "a picture without colours among coloured ones";
    PICTURE_INFORMATION = "picture.low_information", Warning, "a picture that is nearly empty";
    PICTURE_LIGHT = "picture.light", Warning, "a picture with hardly any dark pixels";
    PICTURE_SIZE = "picture.odd_size", Note, "a picture much smaller or larger than the others";
    SAMPLE_OUTLIER = "sample.outlier", Note, "a sample that is far from all others";
    SPLIT_LEAK = "split.leak", Error, "a file that two splits have";
    SPLIT_NEAR = "split.near_leak", Warning, "a picture that shows the same as one of another split";
}

/// Every rule, those of labels last.
pub fn rules() -> impl Iterator<Item = CheckRule> {
    let label = |rule: &&'static tamis_quality::rules::Rule| CheckRule {
        id: rule.id,
        what: rule.what,
        severity: rule.severity,
        fix: rule.fix,
    };
    OWN.iter().map(|rule| **rule).chain(RULES.iter().map(label))
}

/// The rule of an id.
pub(crate) fn rule(id: &str) -> Option<CheckRule> {
    rules().find(|rule| rule.id == id)
}

/// Something that breaks a rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// The sample; empty for what is wrong with the dataset.
    pub path: String,
    /// The layer of the label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// The label's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<u64>,
    /// The other sample, where two are at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    /// How good the sample or label is, 0 to 1; the lower, the surer the finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// What is wrong.
    pub message: String,
    /// Whether `--fix` mends it.
    pub fixable: bool,
}

/// Something that was not checked.
#[derive(Clone, Debug, Serialize)]
pub struct Skipped {
    /// Rules, or areas of rules.
    pub what: String,
    /// Why.
    pub why: String,
}

/// Findings by rule.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    by_rule: BTreeMap<&'static str, Vec<Finding>>,
    /// Rules that are not followed, and why.
    pub(crate) skipped: Vec<Skipped>,
}

impl Findings {
    pub(crate) fn add(&mut self, finding: Finding) {
        self.by_rule.entry(finding.rule).or_default().push(finding);
    }

    pub(crate) fn skip(&mut self, what: &str, why: impl Into<String>) {
        self.skipped.push(Skipped { what: what.to_owned(), why: why.into() });
    }

    /// Findings rule by rule, the surest first of each, in a fixed order.
    pub(crate) fn sorted(self) -> (BTreeMap<&'static str, Vec<Finding>>, Vec<Skipped>) {
        let mut by_rule = self.by_rule;
        for findings in by_rule.values_mut() {
            let score = |finding: &Finding| finding.score.unwrap_or(0.0);
            findings.sort_by(|a, b| {
                let by_score = score(a).total_cmp(&score(b));
                by_score.then_with(|| (&a.path, &a.layer, a.label).cmp(&(&b.path, &b.layer, b.label)))
            });
        }
        (by_rule, self.skipped)
    }
}
