//! Is one model's average precision better than another's?

use super::matching::Evaluation;
use crate::bootstrap::{Bootstrap, Comparison, paired};
use crate::error::Result;

/// Compares the average precision of two models by a paired bootstrap over images. A detection in an image drawn n times
/// counts n times at its place in the order. O(rounds · detections · overlaps).
///
/// # Errors
/// Nothing to be found in the images, no images, no rounds, or a level outside 0 to 1.
pub fn compare(first: &Evaluation, second: &Evaluation, options: &Bootstrap) -> Result<Comparison> {
    let mut images: Vec<u32> = first.images().iter().chain(second.images()).copied().collect();
    images.sort_unstable();
    images.dedup();
    let place = |model: &Evaluation| -> Vec<usize> {
        model.images().iter().map(|image| images.partition_point(|other| other < image)).collect()
    };
    let places = (place(first), place(second));
    paired(images.len(), options, |times| {
        let weights = |places: &[usize]| places.iter().map(|&at| times[at]).collect::<Vec<u32>>();
        Some((first.mean_precision(&weights(&places.0))?, second.mean_precision(&weights(&places.1))?))
    })
}
