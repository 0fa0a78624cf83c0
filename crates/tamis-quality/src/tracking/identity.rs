//! Identity: how many boxes agree when each true track goes with one found track throughout.

use super::report::TrackingCounts;
use super::sequence::Sequence;
use crate::assignment::assign;

pub(super) fn count(sequence: &Sequence, overlap: f64, counts: &mut TrackingCounts) {
    let (rows, columns) = (sequence.truth_tracks, sequence.found_tracks);
    let mut shared = vec![0.0; rows * columns];
    for frame in &sequence.frames {
        for (row, &truth) in frame.truths.iter().enumerate() {
            for (column, &found) in frame.found.iter().enumerate() {
                if frame.overlap(row, column) >= overlap {
                    shared[truth * columns + found] -= 1.0;
                }
            }
        }
    }
    // The fewest misses and false alarms are the most agreements: every box is one or the other.
    let pairs = assign(&shared, rows, columns).into_iter().enumerate();
    let kept: f64 = pairs.filter_map(|(row, column)| Some(-shared[row * columns + column?])).sum();
    counts.identity_matches += kept as u64;
}
