//! Is one model's average precision better than another's?

use super::matching::Evaluation;
use crate::bootstrap::{Bootstrap, Comparison, paired};
use crate::error::Result;

/// Compares the average precision of two models by a paired bootstrap over the images that `is_in` picks. A detection in
/// an image drawn n times counts n times at its place in the order. O(rounds · detections · overlaps).
///
/// # Errors
/// Nothing to be found in the images, no images, no rounds, or a level outside 0 to 1.
pub fn compare(
    first: &Evaluation,
    second: &Evaluation,
    is_in: impl Fn(u32) -> bool,
    options: &Bootstrap,
) -> Result<Comparison> {
    let mut images: Vec<u32> = first.images().iter().chain(second.images()).copied().filter(|&i| is_in(i)).collect();
    images.sort_unstable();
    images.dedup();
    let place = |model: &Evaluation| -> Vec<Option<usize>> {
        model.images().iter().map(|image| images.binary_search(image).ok()).collect()
    };
    let places = (place(first), place(second));
    paired(images.len(), options, |times| {
        let weights = |places: &[Option<usize>]| -> Vec<u32> {
            places.iter().map(|at| at.and_then(|at| times.get(at).copied()).unwrap_or(0)).collect()
        };
        Some((first.mean_precision(&weights(&places.0))?, second.mean_precision(&weights(&places.1))?))
    })
}
