//! What was measured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tamis_quality::Comparison;

use super::EvalKind;

/// Figures by name; absent where there is nothing to measure.
pub type Figures = BTreeMap<String, Option<f64>>;

/// What was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EvalReport {
    /// The commit's id.
    pub commit: String,
    /// How it was measured.
    pub kind: EvalKind,
    /// Samples that have the layer of truth; others say nothing.
    pub samples: u64,
    /// Labels of the truth that were counted.
    pub truths: u64,
    /// Predictions that were counted.
    pub predictions: u64,
    /// Labels of either layer that cannot be measured in this way (other types of shapes).
    pub skipped: u64,
    /// The figures over all samples. Objects: COCO's, by its names. Classes: `accuracy`, `balanced_accuracy`, `f1`,
    /// `precision` and `recall` (means of classes), `f1_weighted`, `f1_micro`, `ece`, and `answered` (the part of the
    /// samples with a prediction). Tracks: `HOTA`, `DetA`, `AssA`, `LocA`, `MOTA`, `MOTP`, `IDF1`, `IDP`, `IDR`,
    /// `switches`, `fragments`, `mostly_tracked`, `mostly_lost`.
    pub figures: Figures,
    /// By split.
    pub splits: BTreeMap<String, EvalPart>,
    /// By slice: a saved query or a filter.
    pub slices: BTreeMap<String, EvalPart>,
    /// By class.
    pub classes: BTreeMap<String, EvalClass>,
    /// The classes that are taken for each other most.
    pub confused: Vec<EvalConfusion>,
    /// The other layer, over all samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<EvalComparison>,
    /// The layer that outcomes were written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<EvalWritten>,
}

/// The figures of a part of the samples.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EvalPart {
    /// How many samples there are.
    pub samples: u64,
    /// As for all samples.
    pub figures: Figures,
    /// The other layer on these samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<EvalComparison>,
}

/// The figures of a class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EvalClass {
    /// Labels of the truth that were to be found.
    pub truths: u64,
    /// Predictions that hit.
    pub hits: u64,
    /// Predictions where there is nothing, or something else.
    pub false_alarms: u64,
    /// Objects that nobody found.
    pub misses: u64,
    /// `precision`, `recall`, `f1` at the overlap of the request; objects also `ap` and `ap50`; tracks `hota`, `mota`,
    /// `idf1`.
    #[serde(flatten)]
    pub figures: Figures,
    /// Recall, precision and score along the curve at an overlap of 0.5, where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curve: Option<Vec<(f64, f64, f64)>>,
}

impl EvalClass {
    /// The figures that follow from the counts.
    pub(super) fn counted(truths: u64, hits: u64, false_alarms: u64, misses: u64) -> EvalClass {
        let part = |all: u64| (all > 0).then(|| hits as f64 / all as f64);
        let both = 2 * hits + false_alarms + misses;
        let f1 = (both > 0).then(|| 2.0 * hits as f64 / both as f64);
        let figures = [("precision", part(hits + false_alarms)), ("recall", part(hits + misses)), ("f1", f1)];
        let figures = figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        EvalClass { truths, hits, false_alarms, misses, figures, curve: None }
    }
}

/// A class that was taken for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvalConfusion {
    /// The class that is right.
    pub truth: String,
    /// The class that was predicted.
    pub predicted: String,
    /// How often.
    pub count: u64,
}

/// Two layers on the same samples, with an interval that tells whether the difference is more than chance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EvalComparison {
    /// The other layer.
    pub layer: String,
    /// Its figures.
    pub figures: Figures,
    /// The figure that is compared: `AP`, `accuracy` or `HOTA`.
    pub figure: String,
    /// `first` is the measured layer, `second` the other; a 95 % interval by paired bootstrap. Absent where there is
    /// nothing to find.
    #[serde(flatten)]
    pub difference: Option<Comparison>,
}

/// The layer of outcomes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EvalWritten {
    /// Its name.
    pub layer: String,
    /// The commit; absent where the branch has the same already.
    pub commit: Option<String>,
    /// Labels by outcome: `hit`, `false_alarm`, `miss`, `ignored`.
    pub labels: BTreeMap<String, u64>,
}
