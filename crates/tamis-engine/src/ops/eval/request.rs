//! What to measure, and in which way.

use serde::{Deserialize, Serialize};
use tamis_repo::Stats;

use crate::Address;
use crate::error::{EngineError, Result};

/// What to measure.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EvalRequest {
    /// The revision; its path is a prefix of samples. A branch, where outcomes are written.
    pub address: Address,
    /// The layer that is right.
    pub truth: String,
    /// The layer to measure.
    pub layer: String,
    /// Another layer to compare it with.
    pub against: Option<String>,
    /// The way to measure; by default what the labels of both layers allow.
    pub kind: Option<EvalKind>,
    /// From which overlap on a prediction hits, 0 to 1: in counts by class, in outcomes and for tracks. Average
    /// precision has its own overlaps.
    pub overlap: f64,
    /// From which confidence on a class counts as predicted, where samples have several classes.
    pub confidence: f64,
    /// Saved queries or filters to tell figures of apart, besides splits and the saved slices.
    pub slices: Vec<String>,
    /// Whether classes have their curves of precision.
    pub curves: bool,
    /// Rounds of the bootstrap of a comparison.
    pub rounds: usize,
    /// A layer to write what became of each label to.
    pub write: Option<String>,
}

impl EvalRequest {
    /// Measures a layer against `truth`, at an overlap of 0.5.
    pub fn new(address: Address, layer: impl Into<String>) -> EvalRequest {
        EvalRequest {
            address,
            truth: "truth".to_owned(),
            layer: layer.into(),
            against: None,
            kind: None,
            overlap: 0.5,
            confidence: 0.5,
            slices: Vec::new(),
            curves: false,
            rounds: 1000,
            write: None,
        }
    }

    /// The truth, then the measured layers.
    pub(super) fn layers(&self) -> Vec<String> {
        [&self.truth, &self.layer].into_iter().chain(&self.against).cloned().collect()
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(self.overlap > 0.0 && self.overlap <= 1.0) {
            let message = format!("cannot use an overlap of {}", self.overlap);
            return Err(EngineError::new("usage", message).hint("give a number above 0, at most 1"));
        }
        if !(0.0..=1.0).contains(&self.confidence) {
            let message = format!("cannot use a confidence of {}", self.confidence);
            return Err(EngineError::new("usage", message).hint("give a number from 0 to 1"));
        }
        if self.against.is_some() && !(1..=100_000).contains(&self.rounds) {
            let message = format!("cannot compare in {} rounds", self.rounds);
            return Err(EngineError::new("usage", message).hint("give 1 to 100,000; 1,000 are the default"));
        }
        if let Some(layer) = self.write.as_ref().filter(|layer| self.layers().contains(layer)) {
            let message = format!("cannot write outcomes to `{layer}`: it is one of the layers that are measured");
            return Err(EngineError::new("usage", message).hint("name another layer, for example `outcomes`"));
        }
        if let Some(layer) = &self.write {
            tamis_core::LayerName::new(layer)?;
        }
        Ok(())
    }
}

/// A way to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EvalKind {
    /// Boxes, as `pycocotools` does for `bbox`; other shapes count by their bounds.
    Boxes,
    /// Masks and polygons, as `pycocotools` does for `segm`.
    Masks,
    /// Key points, as `pycocotools` does for `keypoints`.
    Keypoints,
    /// Classes of samples, as `scikit-learn` does.
    Classes,
    /// Objects through frames, as `trackeval` does: `instance` names the object, frames are the samples of a folder in
    /// the order of their paths, or the frames of tracks in a video.
    Tracks,
}

impl EvalKind {
    /// The way that the labels of both layers allow.
    pub(super) fn guess(stats: &Stats, truth: &str, layer: &str) -> EvalKind {
        let types = |layer: &str| -> Vec<&str> {
            let found = stats.layers.get(layer).into_iter().flat_map(|layer| &layer.types);
            found.filter(|(_, count)| **count > 0).map(|(name, _)| name.as_str()).collect()
        };
        let (truth, layer) = (types(truth), types(layer));
        let all = |types: &[&str], of: &[&str]| !types.is_empty() && types.iter().all(|name| of.contains(name));
        let any = |types: &[&str], of: &[&str]| types.iter().any(|name| of.contains(name));
        const MASKS: [&str; 3] = ["polygon", "multi_polygon", "rle"];
        if any(&truth, &["track"]) {
            EvalKind::Tracks
        } else if all(&truth, &["classification"]) {
            EvalKind::Classes
        } else if all(&layer, &["keypoints"]) && any(&truth, &["keypoints"]) {
            EvalKind::Keypoints
        } else if all(&layer, &MASKS) && any(&truth, &MASKS) {
            EvalKind::Masks
        } else {
            EvalKind::Boxes
        }
    }
}
