//! How good a label is, as a number.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Labelled, Probability};
use crate::error::{QualityError, Result, same_length};

/// A measure of a label's quality: 0 is bad, 1 good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LabelScore {
    /// The probability of the given label.
    #[default]
    SelfConfidence,
    /// That less the highest probability of any other class, moved to 0 to 1.
    NormalizedMargin,
    /// The entropy of the row over the probability of the given label, squeezed to 0 to 1: low where the model is sure
    /// of something else.
    ConfidenceWeightedEntropy,
}

/// The score of each label. O(N·K).
///
/// # Errors
/// A number that is not 0 to 1.
pub fn label_scores<P: Probability>(input: &Labelled<'_, P>, score: LabelScore) -> Result<Vec<f64>> {
    let is_bad = |value: &P| !(0.0..=1.0).contains(&value.to_f64());
    if let Some(at) = input.values.par_iter().position_first(is_bad) {
        let value = input.values.get(at).map_or(f64::NAN, |value| value.to_f64());
        let at = at / input.classes;
        return Err(QualityError::OutOfRange { what: "probability in row", at, value, expected: "0 to 1" });
    }
    Ok(scores(input, score))
}

/// The samples that are flagged, worst score first, of equal ones the first.
///
/// # Errors
/// Flags that are not as many as scores.
pub fn rank_issues(issues: &[bool], scores: &[f64]) -> Result<Vec<usize>> {
    same_length("flags with scores", scores.len(), issues.len())?;
    let mut order: Vec<usize> = (0..issues.len()).filter(|&i| issues[i]).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    Ok(order)
}

pub(super) fn scores<P: Probability>(input: &Labelled<'_, P>, score: LabelScore) -> Vec<f64> {
    let rows = input.labels.par_iter().zip(input.values.par_chunks_exact(input.classes)).with_min_len(256);
    let of = |(&label, row): (&u32, &[P])| {
        let label = label as usize;
        let own = row[label];
        match score {
            LabelScore::SelfConfidence => own.to_f64(),
            LabelScore::NormalizedMargin => {
                let (before, after) = (&row[..label], &row[label + 1..]);
                let other = before.iter().chain(after).fold(P::zero(), |most, &v| if v > most { v } else { most });
                own.minus(other).margin().to_f64()
            }
            LabelScore::ConfidenceWeightedEntropy => weighted_entropy(row, own.to_f64()),
        }
    };
    rows.map(of).collect()
}

fn weighted_entropy<P: Probability>(row: &[P], own: f64) -> f64 {
    /// Numbers that are divided by are no smaller.
    const LOWEST: f64 = 1e-6;
    let plogp = row.iter().map(|p| p.to_f64()).filter(|p| *p > 0.0).map(|p| p * p.ln()).sum::<f64>();
    let raw = -plogp / (row.len() as f64).ln() / own.max(LOWEST);
    (raw + 1.0).ln() / raw.max(LOWEST)
}
