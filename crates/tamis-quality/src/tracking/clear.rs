//! CLEAR: misses, false alarms and switches of identity, frame by frame.

use super::report::TrackingCounts;
use super::sequence::Sequence;
use crate::assignment::assign;

/// A track that goes on is worth more than any overlap.
const KEEP: f64 = 1000.0;

pub(super) fn count(sequence: &Sequence, overlap: f64, counts: &mut TrackingCounts) {
    let n = sequence.truth_tracks;
    let (mut last, mut before) = (vec![None; n], vec![None; n]);
    let (mut present, mut matched, mut starts) = (vec![0u64; n], vec![0u64; n], vec![0u64; n]);
    for frame in &sequence.frames {
        frame.truths.iter().for_each(|&track| present[track] += 1);
        counts.truths += frame.truths.len() as u64;
        counts.found += frame.found.len() as u64;
        // Frames without one side end no track, as in the reference.
        if frame.truths.is_empty() || frame.found.is_empty() {
            continue;
        }
        let score = |row: usize, column: usize| {
            let shared = frame.overlap(row, column);
            let goes_on = before[frame.truths[row]] == Some(frame.found[column]);
            if shared < overlap - f64::EPSILON { 0.0 } else { f64::from(u8::from(goes_on)) * KEEP + shared }
        };
        let (rows, columns) = (frame.truths.len(), frame.found.len());
        let costs: Vec<f64> = (0..rows * columns).map(|at| -score(at / columns, at % columns)).collect();
        let pairs: Vec<(usize, usize)> = assign(&costs, rows, columns)
            .into_iter()
            .enumerate()
            .filter_map(|(row, column)| column.map(|column| (row, column)))
            .filter(|&(row, column)| -costs[row * columns + column] > f64::EPSILON)
            .collect();
        let mut now = vec![None; n];
        for &(row, column) in &pairs {
            let (truth, found) = (frame.truths[row], frame.found[column]);
            counts.switches += u64::from(last[truth].is_some_and(|before| before != found));
            matched[truth] += 1;
            starts[truth] += u64::from(before[truth].is_none());
            (last[truth], now[truth]) = (Some(found), Some(found));
            counts.overlap += frame.overlap(row, column);
        }
        before = now;
        counts.matches += pairs.len() as u64;
    }
    for ((&present, &matched), &starts) in present.iter().zip(&matched).zip(&starts) {
        let part = matched as f64 / present as f64;
        // Without any found box the reference counts every track as lost, which this does too.
        if part > 0.8 {
            counts.mostly_tracked += 1;
        } else if part >= 0.2 {
            counts.partly_tracked += 1;
        } else {
            counts.mostly_lost += 1;
        }
        counts.fragments += starts.saturating_sub(1);
    }
}
