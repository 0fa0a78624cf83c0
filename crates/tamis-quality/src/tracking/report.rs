//! Counts of sequences, and the figures that follow.

use serde::{Deserialize, Serialize};

use crate::bootstrap::{Bootstrap, Comparison, paired};
use crate::error::{Result, same_length};

/// The overlaps that HOTA is the mean of: 0.05 to 0.95.
pub const HOTA_OVERLAPS: [f64; 19] = {
    let mut overlaps = [0.0; 19];
    let mut i = 0;
    while i < 19 {
        // As NumPy's `arange` rounds them.
        overlaps[i] = 0.05 + i as f64 * 0.05;
        i += 1;
    }
    overlaps
};

/// What is counted in sequences; sums of it are the counts of all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrackingCounts {
    /// Boxes of the truth.
    pub truths: u64,
    /// Boxes found.
    pub found: u64,
    /// Boxes that match.
    pub matches: u64,
    /// How often a true track goes on as another found track.
    pub switches: u64,
    /// How often a true track is lost and found again.
    pub fragments: u64,
    /// True tracks that match in more than 80 % of their frames.
    pub mostly_tracked: u64,
    /// True tracks between.
    pub partly_tracked: u64,
    /// True tracks that match in less than 20 % of their frames.
    pub mostly_lost: u64,
    /// The sum of the overlaps of matches.
    pub overlap: f64,
    /// Boxes that match when each track goes with one other.
    pub identity_matches: u64,
    /// Matches at each of [`HOTA_OVERLAPS`].
    pub hota_matches: [u64; 19],
    /// The sums of their overlaps.
    pub hota_overlap: [f64; 19],
    /// The sums of how well the tracks of each match go together.
    pub association: [f64; 19],
    /// The same over the true tracks' lengths.
    pub association_recall: [f64; 19],
    /// The same over the found tracks' lengths.
    pub association_precision: [f64; 19],
}

/// How well objects were followed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrackingReport {
    /// What the figures follow from.
    pub counts: TrackingCounts,
}

impl TrackingReport {
    /// The report of several sequences together.
    pub fn combine<'a>(reports: impl IntoIterator<Item = &'a TrackingReport>) -> TrackingReport {
        let mut sum = TrackingCounts::default();
        for TrackingReport { counts } in reports {
            sum.truths += counts.truths;
            sum.found += counts.found;
            sum.matches += counts.matches;
            sum.switches += counts.switches;
            sum.fragments += counts.fragments;
            sum.mostly_tracked += counts.mostly_tracked;
            sum.partly_tracked += counts.partly_tracked;
            sum.mostly_lost += counts.mostly_lost;
            sum.overlap += counts.overlap;
            sum.identity_matches += counts.identity_matches;
            for level in 0..HOTA_OVERLAPS.len() {
                sum.hota_matches[level] += counts.hota_matches[level];
                sum.hota_overlap[level] += counts.hota_overlap[level];
                sum.association[level] += counts.association[level];
                sum.association_recall[level] += counts.association_recall[level];
                sum.association_precision[level] += counts.association_precision[level];
            }
        }
        TrackingReport { counts: sum }
    }

    /// The same, each report counting as often as it was drawn.
    fn drawn(reports: &[TrackingReport], times: &[u32]) -> TrackingReport {
        let repeat = reports.iter().zip(times).flat_map(|(report, &n)| std::iter::repeat_n(report, n as usize));
        TrackingReport::combine(repeat)
    }

    /// Multiple object tracking accuracy: 1 less misses, false alarms and switches over true boxes. May be negative.
    pub fn mota(&self) -> f64 {
        let c = &self.counts;
        let wrong = (c.found - c.matches) as f64 + c.switches as f64;
        (c.matches as f64 - wrong) / (c.truths as f64).max(1.0)
    }

    /// Multiple object tracking precision: the mean overlap of matches.
    pub fn motp(&self) -> f64 {
        self.counts.overlap / (self.counts.matches as f64).max(1.0)
    }

    /// The harmonic mean of [`TrackingReport::idp`] and [`TrackingReport::idr`].
    pub fn idf1(&self) -> f64 {
        let c = &self.counts;
        let (same, both) = (c.identity_matches as f64, (c.truths + c.found) as f64);
        same / (same + 0.5 * (both - 2.0 * same)).max(1.0)
    }

    /// What part of the found boxes carries the right identity.
    pub fn idp(&self) -> f64 {
        self.counts.identity_matches as f64 / (self.counts.found as f64).max(1.0)
    }

    /// What part of the true boxes is found under the right identity.
    pub fn idr(&self) -> f64 {
        self.counts.identity_matches as f64 / (self.counts.truths as f64).max(1.0)
    }

    /// Higher order tracking accuracy: the geometric mean of detection and association, over all overlaps.
    pub fn hota(&self) -> f64 {
        self.mean(|level| (self.detection(level) * self.part(&self.counts.association, level)).sqrt())
    }

    /// Detection accuracy: matches over boxes of either side.
    pub fn deta(&self) -> f64 {
        self.mean(|level| self.detection(level))
    }

    /// Association accuracy: how well the tracks of matches go together.
    pub fn assa(&self) -> f64 {
        self.mean(|level| self.part(&self.counts.association, level))
    }

    /// Association recall.
    pub fn assre(&self) -> f64 {
        self.mean(|level| self.part(&self.counts.association_recall, level))
    }

    /// Association precision.
    pub fn asspr(&self) -> f64 {
        self.mean(|level| self.part(&self.counts.association_precision, level))
    }

    /// Localisation accuracy: the mean overlap of matches; 1 where there are none.
    pub fn loca(&self) -> f64 {
        self.mean(|level| {
            self.counts.hota_overlap[level].max(1e-10) / (self.counts.hota_matches[level] as f64).max(1e-10)
        })
    }

    fn detection(&self, level: usize) -> f64 {
        let matches = self.counts.hota_matches[level];
        matches as f64 / ((self.counts.truths + self.counts.found - matches) as f64).max(1.0)
    }

    fn part(&self, sums: &[f64; 19], level: usize) -> f64 {
        sums[level] / (self.counts.hota_matches[level] as f64).max(1.0)
    }

    fn mean(&self, figure: impl Fn(usize) -> f64) -> f64 {
        (0..HOTA_OVERLAPS.len()).map(figure).sum::<f64>() / HOTA_OVERLAPS.len() as f64
    }
}

/// Compares a figure of two trackers by a paired bootstrap over sequences; a report each, in the same order. With few
/// sequences the interval is as wide as it should be. O(rounds · sequences).
///
/// # Errors
/// Reports of different numbers of sequences, none at all, no rounds, or a level outside 0 to 1.
pub fn compare(
    first: &[TrackingReport],
    second: &[TrackingReport],
    figure: impl Fn(&TrackingReport) -> f64 + Sync,
    options: &Bootstrap,
) -> Result<Comparison> {
    same_length("reports of sequences", first.len(), second.len())?;
    let of = |reports, times: &[u32]| figure(&TrackingReport::drawn(reports, times));
    paired(first.len(), options, |times| Some((of(first, times), of(second, times))))
}
