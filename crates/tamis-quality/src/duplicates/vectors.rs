//! Pairs of embeddings whose cosine is high.
//!
//! All pairs are compared, first by their leading numbers: by Cauchy and Schwarz the rest of two unit vectors adds at
//! most the product of its lengths, so most pairs are out after a part of the work, and none is lost. How many leading
//! numbers are worth it is found on a sample of pairs.

use rayon::prelude::*;

use super::{Pair, check_splits, split_of};
use crate::error::{QualityError, Result};
use crate::random::Random;
use crate::vectors::{Panels, Vectors, dot};

/// What single precision may lose in a product of unit vectors.
const SLACK: f32 = 2e-5;

/// Gives `found` every pair of rows whose cosine is at least `cosine` (above 0, at most 1), each once, in an order that
/// depends on the input alone. `splits` has the split of each row, or is empty; rows of zeros are near to nothing but
/// to their equals.
///
/// Exact in double precision. O(n² · dims) at worst, mostly a fraction of it: for samples up to some 10⁵. Memory: one
/// copy of the rows and of their leading numbers twice; parallel.
///
/// # Errors
/// A cosine out of range, splits that are not as many as rows, more than 2³² − 1 rows.
pub fn near_vectors(vectors: &Vectors<'_>, splits: &[u32], cosine: f64, mut found: impl FnMut(Pair)) -> Result<()> {
    if !(cosine > 0.0 && cosine <= 1.0) {
        let expected = "above 0, at most 1";
        return Err(QualityError::OutOfRange { what: "cosine", at: 0, value: cosine, expected });
    }
    if u32::try_from(vectors.len()).is_err() {
        let (expected, found) = (u32::MAX as usize, vectors.len());
        return Err(QualityError::Length { what: "embeddings: at most", expected, found });
    }
    check_splits(vectors.len(), splits)?;
    let firsts = firsts(vectors, splits, &mut found);
    let rows: Vec<&[f32]> = vectors.rows().collect();
    let squares: Vec<f64> = firsts.par_iter().map(|&at| dot(rows[at as usize], rows[at as usize])).collect();
    let lead = lead(vectors, &firsts, &squares, cosine);
    let leading = leading(&rows, &firsts, &squares, lead);
    let width = leading.len().checked_div(firsts.len()).unwrap_or(1).max(1);
    let panels = Panels::new(&leading, width);
    // Rounding may put the cosine of a row with itself a little below 1.
    let limit = cosine - 1e-12;
    let blocks: Vec<usize> = (0..firsts.len()).step_by(BLOCK).collect();
    for wave in blocks.chunks(64) {
        let pairs = wave.par_iter().map(|&from| {
            let mut pairs = Vec::new();
            let block = &leading[from * width..(from + BLOCK).min(firsts.len()) * width];
            let reach = cosine as f32 - SLACK;
            panels.products(block, from, reach, |row, other, _| {
                let row = from + row;
                if row < other {
                    let (a, b) = (firsts[row], firsts[other]);
                    let lengths = (squares[row] * squares[other]).sqrt();
                    let exact = dot(rows[a as usize], rows[b as usize]) / lengths;
                    if lengths > 0.0 && exact >= limit {
                        pairs.push(Pair::new(a, b, (1.0 - exact).max(0.0) as f32));
                    }
                }
                reach
            });
            pairs
        });
        pairs.collect::<Vec<_>>().into_iter().flatten().for_each(&mut found);
    }
    Ok(())
}

/// How many rows a thread takes at once.
const BLOCK: usize = 64;

/// The first row of each content and split; the others are paired with it.
fn firsts(vectors: &Vectors<'_>, splits: &[u32], found: &mut impl FnMut(Pair)) -> Vec<u32> {
    let rows: Vec<&[f32]> = vectors.rows().collect();
    let mut order: Vec<u32> = (0..rows.len() as u32).collect();
    let compare = |a: u32, b: u32| {
        let (x, y) = (rows[a as usize], rows[b as usize]);
        let differs = x.iter().zip(y).map(|(x, y)| x.total_cmp(y)).find(|order| order.is_ne());
        let differs = differs.unwrap_or(std::cmp::Ordering::Equal);
        differs.then(split_of(splits, a as usize).cmp(&split_of(splits, b as usize)))
    };
    order.par_sort_unstable_by(|&a, &b| compare(a, b).then(a.cmp(&b)));
    let mut firsts = Vec::with_capacity(order.len());
    for same in order.chunk_by(|&a, &b| compare(a, b).is_eq()) {
        if let Some((&first, rest)) = same.split_first() {
            firsts.push(first);
            rest.iter().for_each(|&other| found(Pair::new(first, other, 0.0)));
        }
    }
    firsts.sort_unstable();
    firsts
}

/// How many leading numbers to compare first: what costs least on a sample of pairs.
fn lead(vectors: &Vectors<'_>, firsts: &[u32], squares: &[f64], cosine: f64) -> usize {
    let dims = vectors.dims();
    if firsts.len() < 2 || dims <= 16 {
        return dims;
    }
    let mut random = Random::new(0, 0);
    let pairs: Vec<(usize, usize)> =
        (0..1000).map(|_| (random.below(firsts.len()), random.below(firsts.len()))).filter(|(a, b)| a != b).collect();
    let cost = |lead: usize| {
        let survives = |&&(a, b): &&(usize, usize)| {
            let (x, y) = (vectors.row(firsts[a] as usize), vectors.row(firsts[b] as usize));
            let (x, y) = (&x[..lead], &y[..lead]);
            let rest = |square: f64, lead: &[f32]| (square - dot(lead, lead)).max(0.0).sqrt();
            let bound = dot(x, y) + rest(squares[a], x) * rest(squares[b], y);
            bound >= cosine * (squares[a] * squares[b]).sqrt()
        };
        let part = if lead == dims { 0.0 } else { pairs.iter().filter(survives).count() as f64 / pairs.len() as f64 };
        lead as f64 + part * (dims as f64 * 8.0 + 100.0)
    };
    let choices = (4..).map(|power| 1usize << power).take_while(|lead| *lead < dims).chain([dims]);
    choices.map(|lead| (cost(lead), lead)).min_by(|a, b| a.0.total_cmp(&b.0)).map_or(dims, |(_, lead)| lead)
}

/// The leading numbers of each unit row, followed by the length of its rest where there is one.
fn leading(rows: &[&[f32]], firsts: &[u32], squares: &[f64], lead: usize) -> Vec<f32> {
    let dims = rows.first().map_or(0, |row| row.len());
    let width = lead + usize::from(lead < dims);
    let mut leading = vec![0.0f32; firsts.len() * width];
    leading.par_chunks_mut(width.max(1)).zip(firsts).zip(squares).for_each(|((out, &at), &square)| {
        if square > 0.0 {
            let (head, tail) = rows[at as usize].split_at(lead);
            let length = square.sqrt();
            out.iter_mut().zip(head).for_each(|(out, &value)| *out = (f64::from(value) / length) as f32);
            if let Some(rest) = out.get_mut(lead) {
                *rest = ((dot(tail, tail) / square).sqrt() as f32).next_up();
            }
        }
    });
    leading
}
