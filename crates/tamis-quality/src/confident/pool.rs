//! The quality of a whole, an image or a text, from that of its parts, pixels or words.

use serde::{Deserialize, Serialize};

use super::{LabelScore, Labelled, Probability, label_scores};
use crate::error::{QualityError, Result};

/// How parts become a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Pool {
    /// The worst part: what texts are rated by.
    #[default]
    Min,
    /// A mean in which bad parts weigh more, the more so the lower the number (above 0): what masks are rated by, at 0.1.
    Softmin(f64),
}

/// The mean of some scores in which each weighs e^(−score/temperature); [`None`] without scores. O(n).
pub fn softmin(scores: &[f64], temperature: f64) -> Option<f64> {
    let heat = temperature.max(1e-6);
    let least = scores.iter().copied().fold(f64::INFINITY, f64::min);
    let (mut sum, mut weights) = (0.0, 0.0);
    for &score in scores {
        let weight = ((least - score) / heat).exp();
        sum += weight * score;
        weights += weight;
    }
    (!scores.is_empty()).then(|| sum / weights)
}

/// The score of each whole from the scores of its parts: `ends` has for each whole the position after its last part,
/// ascending. [`None`] for a whole without parts. O(parts).
///
/// With [`label_scores`] of words and [`Pool::Min`] these are the sentence scores of `cleanlab.token_classification`.
///
/// # Errors
/// Ends that do not ascend, or that are not within the scores.
pub fn pool_scores(scores: &[f64], ends: &[usize], pool: Pool) -> Result<Vec<Option<f64>>> {
    let mut from = 0;
    let of = |(at, &end): (usize, &usize)| {
        let Some(parts) = scores.get(from..end) else {
            let expected = "not before the one before, within the scores";
            return Err(QualityError::OutOfRange { what: "end", at, value: end as f64, expected });
        };
        from = end;
        Ok(match pool {
            Pool::Min => parts.iter().copied().reduce(f64::min),
            Pool::Softmin(temperature) => softmin(parts, temperature),
        })
    };
    ends.iter().enumerate().map(of).collect()
}

/// The quality of a mask: for each pixel the probability of its given class, and all of them pooled by a soft minimum of
/// temperature 0.1, which are the numbers of `cleanlab.segmentation` 2.9. Pixels of class `void` count nowhere.
///
/// `planes` has one plane of probabilities a class, each as long as `labels`: the order in which models give them. O(pixels).
///
/// # Errors
/// Planes that are not as long as the labels times the classes, a label that is no class, a probability that is not 0
/// to 1, fewer than two classes.
pub fn mask_scores<P: Probability>(
    labels: &[u32],
    planes: &[P],
    classes: usize,
    void: Option<u32>,
) -> Result<(Option<f64>, Vec<Option<f64>>)> {
    let known: Vec<u32> = labels.iter().map(|&label| if Some(label) == void { 0 } else { label }).collect();
    // Checks lengths and labels as for samples.
    Labelled::new(&known, planes, classes)?;
    let n = labels.len();
    let mut pixels = Vec::with_capacity(n);
    for (at, &label) in labels.iter().enumerate() {
        if Some(label) == void {
            pixels.push(None);
            continue;
        }
        let value = planes.get(label as usize * n + at).map_or(f64::NAN, |p| p.to_f64());
        if !(0.0..=1.0).contains(&value) {
            return Err(QualityError::OutOfRange { what: "probability of pixel", at, value, expected: "0 to 1" });
        }
        pixels.push(Some(value));
    }
    let counted: Vec<f64> = pixels.iter().copied().flatten().collect();
    Ok((softmin(&counted, 0.1), pixels))
}

/// The scores of words and of the texts they make, by [`Pool::Min`] of the words' probabilities. O(words · classes).
///
/// # Errors
/// As of [`label_scores`] and [`pool_scores`].
pub fn text_scores<P: Probability>(words: &Labelled<'_, P>, ends: &[usize]) -> Result<(Vec<Option<f64>>, Vec<f64>)> {
    let scores = label_scores(words, LabelScore::SelfConfidence)?;
    Ok((pool_scores(&scores, ends, Pool::Min)?, scores))
}
