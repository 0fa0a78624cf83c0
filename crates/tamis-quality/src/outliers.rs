//! Samples that lie far from all others, by their embeddings.
//!
//! A sample's score is e^(−d/s), d being the mean distance to its nearest neighbours and s the median of all d (Kuan and
//! Mueller, "Back to the basics: revisiting out-of-distribution detection baselines", 2022). Numbers are those of
//! `cleanlab.outlier.OutOfDistribution` 2.9: cosine distance above three dimensions, else Euclidean.
//!
//! Complexity: O(n² · dims) in parallel, for samples up to some 10⁵; memory O(n · (dims + neighbours)).

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{QualityError, Result};
use crate::images::percentile;
use crate::vectors::{Panels, Vectors, dot};

/// How outliers are told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct OutlierOptions {
    /// How many nearest neighbours count; all others where there are fewer.
    pub neighbours: usize,
    /// How fast scores fall with the distance.
    pub sharpness: f64,
}

impl Default for OutlierOptions {
    fn default() -> OutlierOptions {
        OutlierOptions { neighbours: 10, sharpness: 1.0 }
    }
}

/// How usual each sample is.
#[derive(Clone, Debug, PartialEq)]
pub struct Outliers {
    /// 0 is an outlier, 1 in the midst of others.
    pub scores: Vec<f64>,
    /// The mean distance to the nearest neighbours.
    pub distances: Vec<f64>,
    /// The position of the nearest neighbour.
    pub nearest: Vec<u32>,
    /// The median of the distances, at least 2.2e-14: what distances are measured in.
    pub scale: f64,
}

/// The nearest rows of each row, nearest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbours {
    near: Vec<(f64, u32)>,
    each: usize,
    by_angle: bool,
}

impl Neighbours {
    /// Finds the `count` nearest of each row (all others where there are fewer), itself left out.
    ///
    /// # Errors
    /// Fewer than two rows, more than 2³² − 1, or no neighbours wanted.
    pub fn find(vectors: &Vectors<'_>, count: usize) -> Result<Neighbours> {
        let n = vectors.len();
        if n < 2 || count == 0 {
            return Err(QualityError::Empty { what: "neighbours", why: "an outlier is far from others" });
        }
        if u32::try_from(n).is_err() {
            return Err(QualityError::Length { what: "embeddings: at most", expected: u32::MAX as usize, found: n });
        }
        let each = count.min(n - 1);
        let by_angle = vectors.dims() > 3;
        let near = if by_angle { by_cosine(vectors, each) } else { by_distance(vectors, each) };
        Ok(Neighbours { near: near.into_iter().flatten().collect(), each, by_angle })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.near.len() / self.each
    }

    /// Whether there are none; never.
    pub fn is_empty(&self) -> bool {
        self.near.is_empty()
    }

    /// The neighbours of a row with their distances, nearest first; empty where there is no such row.
    pub fn of(&self, row: usize) -> &[(f64, u32)] {
        self.near.chunks_exact(self.each).nth(row).unwrap_or_default()
    }
}

/// Tells how far each row lies from its nearest ones.
///
/// # Errors
/// Fewer than two rows, more than 2³² − 1, or no neighbours wanted.
pub fn outliers(vectors: &Vectors<'_>, options: &OutlierOptions) -> Result<Outliers> {
    Ok(outliers_of(&Neighbours::find(vectors, options.neighbours)?, options))
}

/// The same of neighbours that are known. O(n · neighbours).
pub fn outliers_of(neighbours: &Neighbours, options: &OutlierOptions) -> Outliers {
    let each = neighbours.near.chunks_exact(neighbours.each);
    let mean = |near: &[(f64, u32)]| near.iter().map(|(distance, _)| distance).sum::<f64>() / near.len() as f64;
    let nearest = each.clone().map(|near| near.first().map_or(0, |first| first.1)).collect();
    let distances: Vec<f64> = each.map(mean).collect();
    let least = 100.0 * f64::EPSILON;
    let scale = percentile(&mut distances.clone(), 50.0).max(least);
    // What rounding makes of a distance of 0.
    let zero = if neighbours.by_angle { least / 2.0 } else { least.sqrt() };
    let score = |&distance: &f64| {
        if distance < zero { 1.0 } else { (-options.sharpness * distance / scale.max(1e-6)).exp() }
    };
    Outliers { scores: distances.iter().map(score).collect(), distances, nearest, scale }
}

/// The k lowest distances, and whose they are.
fn lowest(mut near: Vec<(f64, u32)>, k: usize) -> Vec<(f64, u32)> {
    near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    near.truncate(k);
    near
}

fn by_distance(vectors: &Vectors<'_>, k: usize) -> Vec<Vec<(f64, u32)>> {
    let rows: Vec<&[f32]> = vectors.rows().collect();
    let apart = |a: &[f32], b: &[f32]| {
        a.iter().zip(b).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2)).sum::<f64>().sqrt()
    };
    let of = |(at, row): (usize, &&[f32])| {
        let others = rows.iter().zip(0u32..).filter(|(_, other)| *other as usize != at);
        let mut near: Vec<(f64, u32)> = others.map(|(other, number)| (apart(row, other), number)).collect();
        near.select_nth_unstable_by(k - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        near.truncate(k);
        lowest(near, k)
    };
    rows.par_iter().enumerate().map(of).collect()
}

/// Candidates by products in single precision, their distances in double.
fn by_cosine(vectors: &Vectors<'_>, k: usize) -> Vec<Vec<(f64, u32)>> {
    const BLOCK: usize = 64;
    let (n, dims) = (vectors.len(), vectors.dims());
    let units = vectors.units();
    let panels = Panels::new(&units, dims);
    let rows: Vec<&[f32]> = vectors.rows().collect();
    let squares: Vec<f64> = rows.par_iter().map(|row| dot(row, row)).collect();
    // More than k, because single precision may swap two that are as near.
    let kept = (2 * k + 8).min(n - 1);
    let blocks = (0..n).into_par_iter().step_by(BLOCK).map(|from| {
        let block = &units[from * dims..(from + BLOCK).min(n) * dims];
        let mut best: Vec<Vec<(f32, u32)>> = vec![Vec::with_capacity(2 * kept); block.len() / dims];
        let mut limits = vec![f32::NEG_INFINITY; best.len()];
        let mut limit = f32::NEG_INFINITY;
        panels.products(block, 0, limit, |row, other, product| {
            if other != from + row && product >= limits[row] {
                best[row].push((product, other as u32));
                if best[row].len() == 2 * kept {
                    best[row].select_nth_unstable_by(kept - 1, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
                    best[row].truncate(kept);
                    limits[row] = best[row].iter().map(|b| b.0).fold(f32::INFINITY, f32::min);
                    limit = limits.iter().copied().fold(f32::INFINITY, f32::min);
                }
            }
            limit
        });
        let exact = |(row, best): (usize, Vec<(f32, u32)>)| {
            let at = from + row;
            let distance = |other: u32| {
                let lengths = (squares[at] * squares[other as usize]).sqrt();
                let product = dot(rows[at], rows[other as usize]);
                if lengths > 0.0 { (1.0 - product / lengths).clamp(0.0, 2.0) } else { 1.0 }
            };
            // Equal rows are at distance 0, whatever rounding says.
            let of = |other: u32| if rows[at] == rows[other as usize] { 0.0 } else { distance(other) };
            lowest(best.into_iter().map(|(_, other)| (of(other), other)).collect(), k)
        };
        best.into_iter().enumerate().map(exact).collect::<Vec<_>>()
    });
    blocks.collect::<Vec<_>>().into_iter().flatten().collect()
}
