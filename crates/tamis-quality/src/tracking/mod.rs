//! How well objects are followed through the frames of a sequence: CLEAR (MOTA), identity (IDF1) and HOTA.
//!
//! Sources: Bernardin and Stiefelhagen, "Evaluating multiple object tracking performance: the CLEAR MOT metrics", 2008;
//! Ristani et al., "Performance measures and a data set for multi-target, multi-camera tracking", 2016; Luiten et al.,
//! "HOTA: a higher order metric for evaluating multi-object tracking", 2020. Numbers are those of `trackeval` 1.3 on
//! the same boxes, its ways with frames that have no boxes included; leaving out distractors, as benchmarks do, is up
//! to the caller.
//!
//! Sequences are measured apart and summed up by [`TrackingReport::combine`]. Complexity: an assignment a frame, O(n³)
//! in its boxes, and one of all tracks; memory O(truth tracks × found tracks).

mod clear;
mod hota;
mod identity;
mod report;
mod sequence;

pub use report::{HOTA_OVERLAPS, TrackingCounts, TrackingReport, compare};
pub use sequence::{Tracked, TrackingOptions, measure_tracks};
