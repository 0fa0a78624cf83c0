//! Counts of a commit, from the summaries in its tables: no row is read.

use std::collections::BTreeMap;

use serde::Serialize;
use tamis_core::LabelType;
use tamis_table::Summary;

use crate::Result;
use crate::rows::Rows;
use crate::schema::{BASE, layer_group};

/// Counts of samples and labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Samples.
    pub samples: u64,
    /// Samples by split; those without one under the empty name.
    pub splits: BTreeMap<String, u64>,
    /// Media files by media type; those without one under the empty name.
    pub media: BTreeMap<String, u64>,
    /// Bytes of media files, each sample's counted.
    pub bytes: u64,
    /// Samples by sensor; those without one are left out.
    pub sensors: BTreeMap<String, u64>,
    /// Labels of all layers.
    pub annotations: u64,
    /// By layer.
    pub layers: BTreeMap<String, LayerStats>,
}

/// Counts of one layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LayerStats {
    /// Labels.
    pub labels: u64,
    /// Samples with at least one label.
    pub samples: u64,
    /// Labels by type.
    pub types: BTreeMap<String, u64>,
    /// Labels by class; those without one under the empty name.
    pub classes: BTreeMap<String, u64>,
    /// Labels by type, then by class.
    pub types_classes: BTreeMap<String, BTreeMap<String, u64>>,
}

fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

impl Stats {
    /// The counts of the rows whose paths begin with a prefix.
    pub(crate) fn of(rows: &Rows, prefix: &str) -> Result<Stats> {
        Ok(Stats::of_summary(&rows.summary(prefix)?, rows.layout().layers()))
    }

    /// The counts that a summary of a table of samples holds. What was left out of the summary counts nothing.
    pub fn of_summary<'a>(summary: &Summary, layers: impl IntoIterator<Item = &'a str>) -> Stats {
        let samples = count(summary.rows);
        let mut stats = Stats { samples, splits: counts(summary, "split", samples), ..Stats::default() };
        if let Some(size) = summary.column(BASE, "size") {
            stats.bytes = u64::try_from(size.sum).unwrap_or(0);
            stats.media = counts(summary, "mime", count(size.values));
        }
        stats.sensors = counts(summary, "sensor", 0);
        for layer in layers {
            let found = layer_stats(summary, layer);
            stats.annotations += found.labels;
            stats.layers.insert(layer.to_owned(), found);
        }
        stats
    }
}

/// Values of a column of `base`; what is missing from `total` has none.
fn counts(summary: &Summary, path: &str, total: u64) -> BTreeMap<String, u64> {
    let Some(column) = summary.column(BASE, path) else { return BTreeMap::new() };
    let mut found: BTreeMap<String, u64> =
        column.counts.iter().map(|(value, n)| (value.clone(), count(*n))).filter(|(_, n)| *n > 0).collect();
    if column.other > 0 {
        found.insert("…".to_owned(), count(column.other));
    }
    let without = total.saturating_sub(found.values().sum());
    if without > 0 {
        *found.entry(String::new()).or_insert(0) += without;
    }
    found
}

fn layer_stats(summary: &Summary, layer: &str) -> LayerStats {
    let mut stats = LayerStats::default();
    let Some(column) = summary.column(&layer_group(layer), "labels") else { return stats };
    stats.samples = count(column.nonempty);
    for (key, n) in &column.counts {
        let (code, class) = key.split_once('\u{1f}').unwrap_or((key, ""));
        let n = count(*n);
        let name = match code.parse().ok().and_then(LabelType::from_code) {
            Some(label_type) => label_type.as_str().to_owned(),
            None => code.to_owned(),
        };
        stats.labels += n;
        *stats.types.entry(name.clone()).or_insert(0) += n;
        *stats.classes.entry(class.to_owned()).or_insert(0) += n;
        *stats.types_classes.entry(name).or_default().entry(class.to_owned()).or_insert(0) += n;
    }
    // Combinations beyond the most that are counted one by one.
    let other = count(column.other);
    if other > 0 {
        stats.labels += other;
        *stats.classes.entry("…".to_owned()).or_insert(0) += other;
    }
    stats
}
