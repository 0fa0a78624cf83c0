//! The average precision of each class, as the reference for wrong boxes takes it: the area under the whole curve, in
//! single precision, the mean of ten overlaps. It sets the limit below which a box of the class is wrong.

use rayon::prelude::*;

use super::suspects::{Image, overlap};

/// Mean average precision of each class over overlaps 0.5 to 0.95.
pub(super) fn class_precisions(images: &[Image<'_>], classes: usize) -> Vec<f32> {
    (0..classes as u32)
        .into_par_iter()
        .map(|class| {
            let all: Vec<Matches> = images.iter().map(|image| Matches::new(image, class)).collect();
            let step = (0.95 - 0.5) / 9.0;
            let at = |i: usize| if i == 9 { 0.95 } else { i as f64 * step + 0.5 };
            let sum: f32 = (0..10).map(|i| average_precision(&all, at(i))).sum();
            sum / 10.0
        })
        .collect()
}

/// The found boxes of a class in an image, surest first, each with the given box it overlaps most.
struct Matches {
    given: usize,
    found: Vec<(f64, f64, usize)>,
}

impl Matches {
    fn new(image: &Image<'_>, class: u32) -> Matches {
        let given: Vec<_> = image.a.iter().map(|&at| &image.given[at]).filter(|b| b.class == class).collect();
        let best = |bounds| {
            let mut best = (0.0, 0);
            for (place, b) in given.iter().enumerate() {
                let shared = overlap(bounds, &b.bounds);
                if place == 0 || shared > best.0 {
                    best = (shared, place);
                }
            }
            best
        };
        let seen = image.b.iter().map(|&at| &image.found[at]).filter(|b| b.class == class);
        let mut found: Vec<(f64, f64, usize)> = seen
            .map(|b| {
                let (shared, place) = best(&b.bounds);
                (b.score, shared, place)
            })
            .collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        Matches { given: given.len(), found }
    }

    /// Each found box with whether it is the first to match its given one.
    fn outcomes(&self, limit: f64) -> Vec<(f64, bool)> {
        let mut covered = vec![false; self.given];
        let outcome = |&(score, shared, place): &(f64, f64, usize)| {
            let matches = self.given > 0 && shared >= limit && !covered[place];
            if matches {
                covered[place] = true;
            }
            (score, matches)
        };
        self.found.iter().map(outcome).collect()
    }
}

fn average_precision(images: &[Matches], limit: f64) -> f32 {
    let given: usize = images.iter().map(|image| image.given).sum();
    let mut outcomes: Vec<(f64, bool)> = images.iter().flat_map(|image| image.outcomes(limit)).collect();
    outcomes.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut wrong) = (0.0f32, 0.0f32);
    let mut curve = vec![(0.0f64, 0.0f32)];
    for (_, matches) in outcomes {
        if matches {
            right += 1.0;
        } else {
            wrong += 1.0;
        }
        curve.push((f64::from(right) / (given as f64).max(f64::from(f32::EPSILON)), right / (right + wrong)));
    }
    curve.push((1.0, 0.0));
    let mut highest = 0.0f32;
    for point in curve.iter_mut().rev() {
        highest = highest.max(point.1);
        point.1 = highest;
    }
    curve.windows(2).map(|pair| (pair[1].0 - pair[0].0) * f64::from(pair[1].1)).sum::<f64>() as f32
}
