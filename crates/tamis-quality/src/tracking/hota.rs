//! HOTA: detection and association together, over a range of overlaps.

use std::collections::BTreeMap;

use super::report::{HOTA_OVERLAPS, TrackingCounts};
use super::sequence::{Frame, Sequence};
use crate::assignment::assign;

const LEVELS: usize = HOTA_OVERLAPS.len();

pub(super) fn count(sequence: &Sequence, counts: &mut TrackingCounts) {
    let (truth_lengths, found_lengths) = sequence.lengths();
    let columns = sequence.found_tracks;
    let alignment = alignment(sequence, &truth_lengths, &found_lengths);
    // How often each pair of tracks matches, at each overlap.
    let mut together = BTreeMap::<(usize, usize), [u64; LEVELS]>::new();
    for frame in &sequence.frames {
        let (rows, here) = (frame.truths.len(), frame.found.len());
        let costs: Vec<f64> = (0..rows * here)
            .map(|at| (at / here, at % here))
            .map(|(row, column)| {
                let aligned = alignment[frame.truths[row] * columns + frame.found[column]];
                -(aligned * frame.overlap(row, column))
            })
            .collect();
        for (row, column) in assign(&costs, rows, here).into_iter().enumerate() {
            let Some(column) = column else { continue };
            let shared = frame.overlap(row, column);
            let pair = (frame.truths[row], frame.found[column]);
            for (level, overlap) in HOTA_OVERLAPS.iter().enumerate() {
                if shared >= overlap - f64::EPSILON {
                    counts.hota_matches[level] += 1;
                    counts.hota_overlap[level] += shared;
                    together.entry(pair).or_default()[level] += 1;
                }
            }
        }
    }
    for (&(truth, found), matches) in &together {
        let (own, other) = (truth_lengths[truth] as f64, found_lengths[found] as f64);
        for (level, &count) in matches.iter().enumerate() {
            let count = count as f64;
            counts.association[level] += count * (count / (own + other - count).max(1.0));
            counts.association_recall[level] += count * (count / own.max(1.0));
            counts.association_precision[level] += count * (count / other.max(1.0));
        }
    }
}

/// How well each pair of tracks goes together over all frames, before any matching: overlaps, each as a part of all
/// overlaps that its two boxes have, over the frames that either track is in.
fn alignment(sequence: &Sequence, truth_lengths: &[u64], found_lengths: &[u64]) -> Vec<f64> {
    let columns = sequence.found_tracks;
    let mut shared = vec![0.0; sequence.truth_tracks * columns];
    for frame in &sequence.frames {
        let (rows, here) = (frame.truths.len(), frame.found.len());
        let by_truth: Vec<f64> = (0..rows).map(|row| (0..here).map(|c| frame.overlap(row, c)).sum()).collect();
        let by_found: Vec<f64> = (0..here).map(|c| (0..rows).map(|row| frame.overlap(row, c)).sum()).collect();
        add(frame, &by_truth, &by_found, |truth, found, part| shared[truth * columns + found] += part);
    }
    for (truth, &own) in truth_lengths.iter().enumerate() {
        for (found, &other) in found_lengths.iter().enumerate() {
            let pair = &mut shared[truth * columns + found];
            *pair /= own as f64 + other as f64 - *pair;
        }
    }
    shared
}

fn add(frame: &Frame, by_truth: &[f64], by_found: &[f64], mut to: impl FnMut(usize, usize, f64)) {
    for (row, &truth) in frame.truths.iter().enumerate() {
        for (column, &found) in frame.found.iter().enumerate() {
            let overlap = frame.overlap(row, column);
            let all = by_found[column] + by_truth[row] - overlap;
            if all > f64::EPSILON {
                to(truth, found, overlap / all);
            }
        }
    }
}
