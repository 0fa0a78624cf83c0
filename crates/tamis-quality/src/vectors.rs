//! Rows of embeddings, and products of many rows with many.

use pulp::Arch;
use rayon::prelude::*;

use crate::error::{QualityError, Result};

/// Embeddings: N rows of as many numbers each, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Vectors<'a> {
    values: &'a [f32],
    dims: usize,
}

impl<'a> Vectors<'a> {
    /// Rows of `dims` numbers. O(N · dims).
    ///
    /// # Errors
    /// No dimensions, a last row that is not whole, a number that is not finite.
    pub fn new(values: &'a [f32], dims: usize) -> Result<Vectors<'a>> {
        if dims == 0 {
            return Err(QualityError::Empty { what: "dimensions", why: "an embedding has at least one number" });
        }
        if !values.len().is_multiple_of(dims) {
            let expected = values.len().div_ceil(dims) * dims;
            return Err(QualityError::Length { what: "numbers of embeddings", expected, found: values.len() });
        }
        match values.par_iter().position_first(|value| !value.is_finite()) {
            Some(at) => Err(QualityError::NotFinite { what: "embedding", at: at / dims }),
            None => Ok(Vectors { values, dims }),
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.values.len() / self.dims
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// How many numbers a row has.
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// A row; empty where there is none.
    pub fn row(&self, at: usize) -> &'a [f32] {
        self.values.chunks_exact(self.dims).nth(at).unwrap_or_default()
    }

    /// All rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &'a [f32]> + use<'a> {
        self.values.chunks_exact(self.dims)
    }

    /// The rows scaled to length 1; a row of zeros stays.
    pub(crate) fn units(&self) -> Vec<f32> {
        let mut units = self.values.to_vec();
        units.par_chunks_mut(self.dims).for_each(|row| {
            let length = dot(row, row).sqrt();
            if length > 0.0 {
                row.iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
            }
        });
        units
    }
}

/// The scalar product in double precision, in an order that is the same on every machine. O(dims).
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0f64; LANES];
    let (left, right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
    for (x, y) in left.zip(right) {
        for i in 0..LANES {
            sums[i] += f64::from(x[i]) * f64::from(y[i]);
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// How many columns a panel has, and how many rows are multiplied with it at once.
const COLUMNS: usize = 16;
const ROWS: usize = 4;
/// How many panels stay in the cache while rows pass.
const PANELS: usize = 32;

/// Rows laid out for products with many rows at once: panels of 16 rows, number by number.
pub(crate) struct Panels {
    packed: Vec<f32>,
    rows: usize,
    dims: usize,
}

impl Panels {
    /// Lays out rows of `dims` numbers; the last panel is filled with zeros.
    pub(crate) fn new(values: &[f32], dims: usize) -> Panels {
        let rows = values.len() / dims;
        let mut packed = vec![0.0; rows.div_ceil(COLUMNS) * COLUMNS * dims];
        let panels = packed.par_chunks_mut(COLUMNS * dims);
        panels.zip(values.par_chunks(COLUMNS * dims)).for_each(|(panel, rows)| {
            for (column, row) in rows.chunks_exact(dims).enumerate() {
                for (at, &value) in row.iter().enumerate() {
                    panel[at * COLUMNS + column] = value;
                }
            }
        });
        Panels { packed, rows, dims }
    }

    /// Gives `seen` the product of each row of a block (its place in the block) with each laid out row from `from` on
    /// that reaches `at_least`, in single precision; it answers what is to be reached from there on.
    pub(crate) fn products(
        &self,
        block: &[f32],
        from: usize,
        mut at_least: f32,
        mut seen: impl FnMut(usize, usize, f32) -> f32,
    ) {
        let dims = self.dims;
        let arch = Arch::new();
        let first = from / COLUMNS;
        let panels: Vec<&[f32]> = self.packed.chunks_exact(COLUMNS * dims).skip(first).collect();
        for (stretch, panels) in panels.chunks(PANELS).enumerate() {
            for (quad, rows) in block.chunks(ROWS * dims).enumerate() {
                for (place, panel) in panels.iter().enumerate() {
                    let (tile, most) = arch.dispatch(|| multiply(rows, panel, dims));
                    if most < at_least {
                        continue;
                    }
                    let start = (first + stretch * PANELS + place) * COLUMNS;
                    for (row, products) in tile.iter().take(rows.len() / dims).enumerate() {
                        for (column, &product) in products.iter().enumerate() {
                            let other = start + column;
                            if product >= at_least && other >= from && other < self.rows {
                                at_least = seen(quad * ROWS + row, other, product);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The products of up to four rows with a panel, and the highest of them.
#[inline(always)]
fn multiply(rows: &[f32], panel: &[f32], dims: usize) -> ([[f32; COLUMNS]; ROWS], f32) {
    let mut tile = [[0.0f32; COLUMNS]; ROWS];
    if rows.len() == ROWS * dims {
        let (a, rest) = rows.split_at(dims);
        let (b, rest) = rest.split_at(dims);
        let (c, d) = rest.split_at(dims);
        for ((((a, b), c), d), column) in a.iter().zip(b).zip(c).zip(d).zip(panel.chunks_exact(COLUMNS)) {
            for i in 0..COLUMNS {
                tile[0][i] += a * column[i];
                tile[1][i] += b * column[i];
                tile[2][i] += c * column[i];
                tile[3][i] += d * column[i];
            }
        }
    } else {
        for (tile, row) in tile.iter_mut().zip(rows.chunks_exact(dims)) {
            for (a, column) in row.iter().zip(panel.chunks_exact(COLUMNS)) {
                for i in 0..COLUMNS {
                    tile[i] += a * column[i];
                }
            }
        }
    }
    let mut most = [f32::NEG_INFINITY; COLUMNS];
    for row in &tile {
        for i in 0..COLUMNS {
            most[i] = if row[i] > most[i] { row[i] } else { most[i] };
        }
    }
    (tile, most.iter().fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a }))
}
