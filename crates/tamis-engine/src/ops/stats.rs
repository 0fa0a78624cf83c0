//! Counts of a revision.

use std::collections::BTreeMap;

use serde::Serialize;
use tamis_core::TRUTH;
use tamis_repo::Stats;

use crate::error::Result;
use crate::{Address, Engine};

/// Counts of a revision, or of the samples under a prefix.
#[derive(Clone, Debug, Serialize)]
pub struct StatsReport {
    /// The dataset.
    pub dataset: String,
    /// The commit's id.
    pub commit: String,
    /// Samples.
    pub samples: u64,
    /// Labels of all layers.
    pub annotations: u64,
    /// Samples by split.
    pub splits: BTreeMap<String, u64>,
    /// Labels of the truth layer by class (of all layers where there is no such layer).
    pub classes: BTreeMap<String, u64>,
    /// Bytes of media.
    pub bytes: u64,
    /// Media files by media type.
    pub media: BTreeMap<String, u64>,
    /// Everything by layer.
    pub layers: BTreeMap<String, tamis_repo::LayerStats>,
    /// Samples by sensor.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sensors: BTreeMap<String, u64>,
}

impl Engine {
    /// The counts of a revision, from its root: no row is read (of a prefix: at most the leaves at
    /// its ends).
    pub fn stats(&self, address: &Address) -> Result<StatsReport> {
        let snapshot = self.dataset(&address.dataset)?.snapshot(address.revision())?;
        let stats = match &address.path {
            Some(prefix) => snapshot.stats_of(prefix)?,
            None => snapshot.stats()?,
        };
        let Stats { samples, splits, media, bytes, sensors, annotations, layers } = stats;
        let mut classes = BTreeMap::new();
        let chosen: Vec<_> = match layers.get(TRUTH) {
            Some(truth) => vec![truth],
            None => layers.values().collect(),
        };
        for layer in chosen {
            for (class, count) in &layer.classes {
                *classes.entry(class.clone()).or_insert(0) += count;
            }
        }
        Ok(StatsReport {
            dataset: address.dataset.to_string(),
            commit: snapshot.commit().id.to_string(),
            samples,
            annotations,
            splits,
            classes,
            bytes,
            media,
            layers,
            sensors,
        })
    }
}
