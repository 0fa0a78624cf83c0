//! The lowest frequencies of a small square, as whole numbers.

use std::f64::consts::PI;
use std::sync::OnceLock;

/// Bits behind the point of a cosine. Rounded to these, cosines do not depend on the library that computes them.
const BITS: u32 = 20;
/// The side of the square.
pub(crate) const SIDE: usize = 32;
/// The frequencies that are kept along each side.
pub(crate) const LOW: usize = 8;

/// Rows: frequencies; columns: places.
type Cosines = [[i64; SIDE]; LOW];

fn cosines() -> &'static Cosines {
    static COSINES: OnceLock<Cosines> = OnceLock::new();
    COSINES.get_or_init(|| {
        let cosine = |u: usize, x: usize| (PI * ((2 * x + 1) * u) as f64 / (2 * SIDE) as f64).cos();
        std::array::from_fn(|u| std::array::from_fn(|x| (cosine(u, x) * f64::from(1u32 << BITS)).round() as i64))
    })
}

/// The unscaled cosine transform (DCT-II) of 32 × 32 pixels, its lowest 8 × 8 frequencies, row by row from the mean on;
/// each number is 2⁴⁰ times the sum. Exact but for the rounding of the cosines.
pub(crate) fn low_frequencies(pixels: &[u8]) -> [i64; LOW * LOW] {
    let table = cosines();
    let mut columns = [[0i64; SIDE]; LOW];
    for (y, row) in pixels.chunks_exact(SIDE).take(SIDE).enumerate() {
        for (sums, cosines) in columns.iter_mut().zip(table) {
            let sum = &mut sums[y];
            *sum = row.iter().zip(cosines).map(|(&pixel, cosine)| i64::from(pixel) * cosine).sum();
        }
    }
    // `columns[u][y]`: frequency `u` along the rows, of row `y`.
    let mut out = [0; LOW * LOW];
    for (at, value) in out.iter_mut().enumerate() {
        let (v, u) = (at / LOW, at % LOW);
        *value = columns[u].iter().zip(&table[v]).map(|(sum, cosine)| sum * cosine).sum();
    }
    out
}
