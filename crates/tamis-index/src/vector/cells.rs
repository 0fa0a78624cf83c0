//! The cells: centroids learnt by k-means.

use std::sync::Arc;

use rayon::prelude::*;
use tamis_core::Progress;

use super::Metric;
use crate::error::{IndexError, Result};

const MAGIC: [u8; 4] = *b"TVC1";
/// Rounds of k-means at most.
const ROUNDS: usize = 12;
/// Vectors compared with all centroids at once.
const BLOCK: usize = 1024;
/// Candidates that are compared again in a fixed order, so that every machine gives the same cell.
const CANDIDATES: usize = 4;
/// Cells at most: they are numbered by 16 bits.
const MOST: usize = 1 << 16;

/// Space cut into cells, each around a centroid.
#[derive(Clone, Debug, PartialEq)]
pub struct Cells {
    metric: Metric,
    dims: usize,
    /// One after another.
    centroids: Arc<Vec<f32>>,
    /// Half the square of each one's length.
    halves: Arc<Vec<f32>>,
}

impl Cells {
    /// Learns `count` cells from some vectors that lie one after another; fewer where there are fewer vectors than
    /// that. k-means (Lloyd: "Least squares quantization in PCM", 1982) from vectors drawn evenly by `seed`; empty cells move
    /// next to the fullest. O(rounds × vectors × cells × dimensions).
    ///
    /// # Errors
    /// Where there are no vectors, or their number of values is no multiple of `dims`.
    pub fn learn(
        metric: Metric,
        dims: usize,
        vectors: &[f32],
        count: usize,
        seed: u64,
        progress: &Progress,
    ) -> Result<Cells> {
        let impossible = |reason: &str| IndexError::Impossible { what: "vector index", reason: reason.to_owned() };
        if dims == 0 || vectors.is_empty() || !vectors.len().is_multiple_of(dims) {
            return Err(impossible("there are no vectors to learn from"));
        }
        let vectors: Vec<f32> = vectors.chunks_exact(dims).flat_map(|vector| metric.prepared(vector)).collect();
        let rows = vectors.len() / dims;
        let count = count.clamp(1, rows.min(MOST));
        // Evenly spread places with a shift of the seed's: reproducible, and no two are the same.
        let shift = (seed % rows as u64) as usize;
        let places = (0..count).map(|at| (at * rows / count + shift) % rows);
        let mut cells =
            Cells::of(metric, dims, places.flat_map(|row| vectors[row * dims..][..dims].to_vec()).collect());
        progress.begin("learn cells", Some(ROUNDS as u64), "rounds");
        let mut last = vec![u16::MAX; rows];
        for _ in 0..ROUNDS {
            let assigned = cells.assign_prepared(&vectors, progress)?;
            let moved = assigned.iter().zip(&last).filter(|(a, b)| a != b).count();
            cells = cells.moved(&vectors, &assigned);
            last = assigned;
            progress.advance(1, 0)?;
            if moved * 200 < rows {
                break;
            }
        }
        progress.end();
        Ok(cells)
    }

    fn of(metric: Metric, dims: usize, centroids: Vec<f32>) -> Cells {
        let half = |centroid: &[f32]| centroid.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() as f32 / 2.0;
        let halves = Arc::new(centroids.chunks_exact(dims).map(half).collect());
        Cells { metric, dims, centroids: Arc::new(centroids), halves }
    }

    /// Each centroid in the middle of its vectors.
    fn moved(&self, vectors: &[f32], assigned: &[u16]) -> Cells {
        let (count, dims) = (self.len(), self.dims);
        let mut sums = vec![0f64; count * dims];
        let mut sizes = vec![0usize; count];
        for (vector, cell) in vectors.chunks_exact(dims).zip(assigned) {
            let cell = usize::from(*cell);
            sizes[cell] += 1;
            for (sum, x) in sums[cell * dims..][..dims].iter_mut().zip(vector) {
                *sum += f64::from(*x);
            }
        }
        let mut centroids: Vec<f32> = Vec::with_capacity(count * dims);
        for (cell, size) in sizes.iter().enumerate() {
            let sum = &sums[cell * dims..][..dims];
            centroids.extend(sum.iter().map(|sum| (sum / (*size).max(1) as f64) as f32));
        }
        // An empty cell takes a part of the fullest one: next to its centroid, to one side.
        let empty: Vec<usize> = (0..count).filter(|&cell| sizes[cell] == 0).collect();
        for cell in empty {
            let Some(full) = (0..count).max_by_key(|&at| sizes[at]).filter(|&at| sizes[at] > 1) else { continue };
            let half = sizes[full] / 2;
            (sizes[cell], sizes[full]) = (half, sizes[full] - half);
            for dim in 0..dims {
                let x = centroids[full * dims + dim];
                let step = if dim % 2 == 0 { 1e-3 } else { -1e-3 } * x.abs().max(1e-3);
                centroids[cell * dims + dim] = x + step;
                centroids[full * dims + dim] = x - step;
            }
        }
        Cells::of(self.metric, dims, centroids)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.halves.len()
    }

    /// Whether there are none, which never is so.
    pub fn is_empty(&self) -> bool {
        self.halves.is_empty()
    }

    /// Dimensions of the vectors.
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// How distances are measured.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// The cell of each of some vectors that lie one after another; the same on every machine. O(vectors × cells ×
    /// dimensions), on all processors.
    ///
    /// # Errors
    /// Where their number of values is no multiple of the dimensions.
    pub fn assign(&self, vectors: &[f32], progress: &Progress) -> Result<Vec<u16>> {
        if !vectors.len().is_multiple_of(self.dims) {
            return Err(IndexError::Dimensions { expected: self.dims, found: vectors.len() % self.dims });
        }
        let prepared: Vec<f32> =
            vectors.chunks_exact(self.dims).flat_map(|vector| self.metric.prepared(vector)).collect();
        self.assign_prepared(&prepared, progress)
    }

    fn assign_prepared(&self, vectors: &[f32], progress: &Progress) -> Result<Vec<u16>> {
        let blocks = vectors.par_chunks(BLOCK * self.dims).map(|block| {
            progress.cancel().check()?;
            let rows = block.len() / self.dims;
            let products = self.products(block);
            Ok((0..rows)
                .map(|row| {
                    self.best(&block[row * self.dims..][..self.dims], &products[row * self.len()..][..self.len()])
                })
                .collect::<Vec<u16>>())
        });
        Ok(blocks.collect::<Result<Vec<_>>>()?.concat())
    }

    /// The nearest centroid: the best by fast products, decided among the best few by sums in a fixed order.
    fn best(&self, vector: &[f32], products: &[f32]) -> u16 {
        let mut best = [(f32::NEG_INFINITY, 0usize); CANDIDATES];
        for (cell, (product, half)) in products.iter().zip(self.halves.iter()).enumerate() {
            let nearness = product - half;
            if nearness > best[CANDIDATES - 1].0 {
                best[CANDIDATES - 1] = (nearness, cell);
                let mut at = CANDIDATES - 1;
                while at > 0 && best[at - 1].0 < best[at].0 {
                    best.swap(at - 1, at);
                    at -= 1;
                }
            }
        }
        let square = |cell: usize| -> f64 {
            let centroid = &self.centroids[cell * self.dims..][..self.dims];
            vector.iter().zip(centroid).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
        };
        let candidates = best.iter().filter(|(nearness, _)| *nearness > f32::NEG_INFINITY).map(|(_, cell)| *cell);
        let nearest =
            candidates.map(|cell| (square(cell), cell)).min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        nearest.map_or(0, |(_, cell)| cell as u16)
    }

    /// The products of some vectors with all centroids: a row a vector.
    #[allow(unsafe_code)]
    fn products(&self, vectors: &[f32]) -> Vec<f32> {
        let (rows, cells, dims) = (vectors.len() / self.dims, self.len(), self.dims);
        let mut out = vec![0f32; rows * cells];
        debug_assert_eq!((vectors.len(), self.centroids.len()), (rows * dims, cells * dims));
        // SAFETY: the three slices hold rows × dims, cells × dims and rows × cells numbers, which is what sizes and
        // strides say; `out` is ours alone.
        unsafe {
            matrixmultiply::sgemm(
                rows,
                dims,
                cells,
                1.0,
                vectors.as_ptr(),
                dims as isize,
                1,
                self.centroids.as_ptr(),
                1,
                dims as isize,
                0.0,
                out.as_mut_ptr(),
                cells as isize,
                1,
            );
        }
        out
    }

    /// All cells, the nearest to a vector first.
    ///
    /// # Errors
    /// Where it has another number of dimensions.
    pub fn nearest(&self, vector: &[f32]) -> Result<Vec<u16>> {
        if vector.len() != self.dims {
            return Err(IndexError::Dimensions { expected: self.dims, found: vector.len() });
        }
        let vector = self.metric.prepared(vector);
        let products = self.products(&vector);
        let mut cells: Vec<(f32, u16)> = products
            .iter()
            .zip(self.halves.iter())
            .zip(0u16..=u16::MAX)
            .map(|((p, half), cell)| (half - p, cell))
            .collect();
        cells.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        Ok(cells.into_iter().map(|(_, cell)| cell).collect())
    }

    /// The cells as bytes: magic, metric, dimensions, count, centroids; little-endian.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.push(match self.metric {
            Metric::Cosine => 0,
            Metric::Euclidean => 1,
        });
        out.extend((self.dims as u32).to_le_bytes());
        out.extend((self.len() as u32).to_le_bytes());
        out.extend(self.centroids.iter().flat_map(|x| x.to_le_bytes()));
        out
    }

    /// Reads [`Cells::encode`].
    ///
    /// # Errors
    /// Where the bytes are something else.
    pub fn decode(bytes: &[u8]) -> Result<Cells> {
        let bad = |reason| IndexError::Corrupt { what: "cells", reason };
        let number = |at: usize| {
            let bytes: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
            usize::try_from(u32::from_le_bytes(bytes)).ok()
        };
        let metric = match (bytes.get(..4), bytes.get(4)) {
            (Some(magic), Some(0)) if magic == MAGIC => Metric::Cosine,
            (Some(magic), Some(1)) if magic == MAGIC => Metric::Euclidean,
            _ => return Err(bad("they do not begin as cells do")),
        };
        let (Some(dims), Some(count)) = (number(5), number(9)) else { return Err(bad("they end too early")) };
        let size = dims.checked_mul(count).and_then(|values| values.checked_mul(4)?.checked_add(13));
        if dims == 0 || count == 0 || count > MOST || size != Some(bytes.len()) {
            return Err(bad("their size is not what they say"));
        }
        let value = |part: &[u8]| f32::from_le_bytes(part.try_into().unwrap_or_default());
        let centroids: Vec<f32> = bytes[13..].chunks_exact(4).map(value).collect();
        if !centroids.iter().all(|x| x.is_finite()) {
            return Err(bad("a number is not finite"));
        }
        Ok(Cells::of(metric, dims, centroids))
    }
}
