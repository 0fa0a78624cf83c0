//! Images that are dark, bright, blurred, of an odd size or shape, or show nearly nothing.
//!
//! [`ImageFacts::measure`] reads the pixels of one image; [`Sizes`] sums up the sizes of all; [`ImageOptions`] turn both
//! into scores of 0 (bad) to 1 (good) and flags below a threshold. Definitions, thresholds and numbers are those of
//! `cleanvision` 0.3.7, so that lists compare:
//!
//! | issue | score | flagged below |
//! |---|---|---|
//! | dark | the 99th percentile of brightness | 0.32 |
//! | light | 1 less the 5th percentile of brightness | 0.05 |
//! | odd aspect | shorter over longer side | 0.35 |
//! | low information (nearly empty) | entropy of the histogram in bits, times 0.1 | 0.3 |
//! | blurry | 1 − e^(−0.01·edges), plus 1 − e^(−0.01·contrast) where that is above 0.18 | 0.29 |
//! | gray | 0 for an image of one channel | 1 |
//! | odd size | 1 less the distance from the middle of the usual sizes, in their range | 0.5 |
//!
//! Brightness of a pixel is √(0.241 r² + 0.691 g² + 0.068 b²), 0 to 1.

mod facts;
mod resize;

pub use facts::ImageFacts;

use serde::{Deserialize, Serialize};

use crate::error::{QualityError, Result, all_finite};

/// What can be wrong with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ImageIssue {
    /// Hardly any light pixels.
    Dark,
    /// Hardly any dark pixels.
    Light,
    /// Much longer than wide, or the other way round.
    OddAspect,
    /// Nearly empty.
    LowInformation,
    /// Without sharp edges.
    Blurry,
    /// Without colours.
    Gray,
    /// Much smaller or larger than the other images.
    OddSize,
}

impl ImageIssue {
    /// Every issue.
    pub const ALL: [ImageIssue; 7] = [
        ImageIssue::Dark,
        ImageIssue::Light,
        ImageIssue::OddAspect,
        ImageIssue::LowInformation,
        ImageIssue::Blurry,
        ImageIssue::Gray,
        ImageIssue::OddSize,
    ];
}

/// Scores below these are flagged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ImageOptions {
    /// For dark images.
    pub dark: f64,
    /// For light images.
    pub light: f64,
    /// For odd shapes.
    pub odd_aspect: f64,
    /// For images that show nearly nothing.
    pub low_information: f64,
    /// For blurred images.
    pub blurry: f64,
    /// How much contrast makes up for missing edges.
    pub blurry_contrast: f64,
    /// How many interquartile ranges beside the quartiles a size is still usual.
    pub odd_size_ranges: f64,
}

impl Default for ImageOptions {
    fn default() -> ImageOptions {
        ImageOptions {
            dark: 0.32,
            light: 0.05,
            odd_aspect: 0.35,
            low_information: 0.3,
            blurry: 0.29,
            blurry_contrast: 0.18,
            odd_size_ranges: 3.0,
        }
    }
}

/// The usual sizes of a set of images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sizes {
    middle: f64,
    scale: f64,
    threshold: f64,
}

impl Sizes {
    /// Sums up sizes ([`ImageFacts::size`]), which are put in another order. O(n).
    ///
    /// # Errors
    /// No sizes, or one that is not finite.
    pub fn new(sizes: &mut [f64], options: &ImageOptions) -> Result<Sizes> {
        if sizes.is_empty() {
            return Err(QualityError::Empty { what: "sizes", why: "what is usual follows from all images" });
        }
        all_finite("size of image", sizes.iter().copied())?;
        let (q1, q3) = (percentile(sizes, 25.0), percentile(sizes, 75.0));
        let reach = options.odd_size_ranges * (q3 - q1);
        let (low, high) = (q1 - reach, q3 + reach);
        let middle = (low + high) / 2.0;
        let (scale, threshold) = if high > low { (high - low, 0.5) } else { (middle, 1.0) };
        Ok(Sizes { middle, scale, threshold })
    }

    fn score(&self, size: f64) -> f64 {
        let apart = (size - self.middle).abs() / self.scale;
        1.0 - if apart.is_nan() { 0.0 } else { apart.clamp(0.0, 1.0) }
    }
}

impl ImageOptions {
    /// How good an image is in one respect, 0 to 1, and whether that is too little. Without the sizes of the others no
    /// size is odd.
    pub fn judge(&self, facts: &ImageFacts, sizes: Option<&Sizes>, issue: ImageIssue) -> (f64, bool) {
        let below = |score: f64, limit: f64| (score, score < limit);
        match issue {
            ImageIssue::Dark => below(facts.bright_end, self.dark),
            ImageIssue::Light => below(1.0 - facts.dark_end, self.light),
            ImageIssue::OddAspect => {
                let (w, h) = (f64::from(facts.width), f64::from(facts.height));
                below((w / h).min(h / w), self.odd_aspect)
            }
            ImageIssue::LowInformation => below((0.1 * facts.entropy).min(1.0), self.low_information),
            ImageIssue::Blurry => {
                let part = |value: f64| 1.0 - (-0.01 * value).exp();
                let contrast = part(facts.contrast);
                let contrast = if contrast <= self.blurry_contrast { 0.0 } else { contrast };
                below((part(facts.edges) + contrast).min(1.0), self.blurry)
            }
            ImageIssue::Gray => {
                let score = if facts.gray { 0.0 } else { 1.0 };
                (score, facts.gray)
            }
            ImageIssue::OddSize => match sizes {
                Some(sizes) => below(sizes.score(facts.size()), sizes.threshold),
                None => (1.0, false),
            },
        }
    }

    /// Everything that is wrong with an image.
    pub fn issues(&self, facts: &ImageFacts, sizes: Option<&Sizes>) -> Vec<ImageIssue> {
        ImageIssue::ALL.into_iter().filter(|&issue| self.judge(facts, sizes, issue).1).collect()
    }
}

/// A percentile as NumPy finds it, linear between two numbers; they are put in another order. Not-a-number for none. O(n).
pub(crate) fn percentile(numbers: &mut [f64], percent: f64) -> f64 {
    let Some(last) = numbers.len().checked_sub(1) else { return f64::NAN };
    let place = percent / 100.0 * last as f64;
    let at = (place.floor() as usize).min(last);
    let (_, &mut low, above) = numbers.select_nth_unstable_by(at, f64::total_cmp);
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    let part = place - at as f64;
    if part >= 0.5 { high - (high - low) * (1.0 - part) } else { low + (high - low) * part }
}
