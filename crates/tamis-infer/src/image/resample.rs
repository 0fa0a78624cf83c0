//! One plane of 8-bit numbers, at another size, with the very numbers that Pillow gives.
//!
//! Perceptual hashes are defined on Pillow's reduced picture, and the usual models were trained on it, so its rounding is
//! part of the definition: weights of 22 bits behind the point, one pass over the rows, rounded to 8 bits, one over the
//! columns. Source: Pillow's documentation of resampling filters; the arithmetic was checked against its output.

use std::f64::consts::PI;

/// Rows of 8-bit numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plane {
    width: usize,
    pixels: Vec<u8>,
}

/// How neighbouring pixels are weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// All alike.
    Box,
    /// A triangle.
    Bilinear,
    /// A cubic with a = -0.5.
    Bicubic,
    /// A windowed sine of three lobes.
    Lanczos,
}

impl Filter {
    /// The names of parameters.
    pub(crate) const NAMES: &'static [&'static str] = &["bilinear", "bicubic", "lanczos", "box"];

    /// The filter of a name in [`Filter::NAMES`].
    pub(crate) fn named(name: &str) -> Filter {
        match name {
            "box" => Filter::Box,
            "bicubic" => Filter::Bicubic,
            "lanczos" => Filter::Lanczos,
            _ => Filter::Bilinear,
        }
    }

    /// How far it reaches, in pixels of the result.
    fn reach(self) -> f64 {
        match self {
            Filter::Box => 0.5,
            Filter::Bilinear => 1.0,
            Filter::Bicubic => 2.0,
            Filter::Lanczos => 3.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        let sinc = |x: f64| if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) };
        let distance = x.abs();
        match self {
            // Half open, so that a pixel on the border counts once.
            Filter::Box => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Filter::Bilinear => (1.0 - distance).max(0.0),
            Filter::Bicubic if distance < 1.0 => (1.5 * distance - 2.5) * distance * distance + 1.0,
            Filter::Bicubic if distance < 2.0 => ((-0.5 * distance + 2.5) * distance - 4.0) * distance + 2.0,
            Filter::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Filter::Bicubic | Filter::Lanczos => 0.0,
        }
    }
}

/// Bits behind the point of a weight.
const PRECISION: u32 = 22;
/// A weight is kept as two numbers of 16 bits, so that products of pixels and weights are those that processors do eight
/// at a time: `high * 2^12 + low`.
const LOW_BITS: u32 = 12;

/// The weights of one pixel of the result: of the source's pixels from `start` on.
struct Taps {
    start: usize,
    high: Vec<i16>,
    low: Vec<i16>,
}

impl Taps {
    /// The weights of all pixels along one side.
    fn of(from: usize, to: usize, filter: Filter) -> Vec<Taps> {
        let scale = from as f64 / to as f64;
        let stretch = scale.max(1.0);
        let reach = filter.reach() * stretch;
        let tap = |at: usize| {
            let centre = (at as f64 + 0.5) * scale;
            // The casts cut towards 0, and negative numbers to 0.
            let start = (centre - reach + 0.5) as usize;
            let end = ((centre + reach + 0.5) as usize).min(from);
            let weigh = |x: usize| filter.weight((x as f64 - centre + 0.5) * (1.0 / stretch));
            let weights: Vec<f64> = (start..end).map(weigh).collect();
            let sum: f64 = weights.iter().sum();
            let fixed = |weight: &f64| {
                let weight = if sum == 0.0 { *weight } else { weight / sum };
                (weight * f64::from(1u32 << PRECISION) + if weight < 0.0 { -0.5 } else { 0.5 }) as i32
            };
            let fixed: Vec<i32> = weights.iter().map(fixed).collect();
            let high = fixed.iter().map(|weight| (weight >> LOW_BITS) as i16).collect();
            let low = fixed.iter().map(|weight| (weight & ((1 << LOW_BITS) - 1)) as i16).collect();
            Taps { start, high, low }
        };
        (0..to).map(tap).collect()
    }

    /// The weighted sum of a row, rounded.
    fn apply(&self, row: &[u8]) -> u8 {
        let row = row.get(self.start..).unwrap_or_default();
        let (mut high, mut low) = (0i32, 0i32);
        for ((&pixel, &h), &l) in row.iter().zip(&self.high).zip(&self.low) {
            high += i32::from(i16::from(pixel)) * i32::from(h);
            low += i32::from(i16::from(pixel)) * i32::from(l);
        }
        rounded((high << LOW_BITS) + low)
    }
}

/// A sum of pixels and weights as a pixel.
fn rounded(sum: i32) -> u8 {
    ((sum + (1 << (PRECISION - 1))) >> PRECISION).clamp(0, 255) as u8
}

impl Plane {
    /// Rows of `width` numbers; what is missing to `height` rows is 0.
    pub(crate) fn new(width: usize, height: usize, mut pixels: Vec<u8>) -> Plane {
        pixels.resize(width * height, 0);
        Plane { width, pixels }
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn height(&self) -> usize {
        self.pixels.len().checked_div(self.width).unwrap_or(0)
    }

    pub(crate) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.pixels.chunks_exact(self.width.max(1))
    }

    /// One row; empty beyond the last.
    pub(crate) fn row(&self, y: usize) -> &[u8] {
        self.pixels.get(y * self.width..(y + 1) * self.width).unwrap_or_default()
    }

    /// The plane at another size (each side at least 1). O(source · reach) and O(result · reach).
    pub(crate) fn resized(&self, width: usize, height: usize, filter: Filter) -> Plane {
        let (width, height) = (width.max(1), height.max(1));
        let narrow;
        let mut plane = self;
        if width != self.width {
            let taps = Taps::of(self.width, width, filter);
            let pixels = self.rows().flat_map(|row| taps.iter().map(move |tap| tap.apply(row))).collect();
            narrow = Plane { width, pixels };
            plane = &narrow;
        }
        if height == plane.height() {
            return plane.clone();
        }
        let mut pixels = Vec::with_capacity(width * height);
        for tap in Taps::of(plane.height(), height, filter) {
            let mut sums = vec![0i32; width];
            for ((y, &high), &low) in (tap.start..).zip(&tap.high).zip(&tap.low) {
                let weight = (i32::from(high) << LOW_BITS) + i32::from(low);
                sums.iter_mut().zip(plane.row(y)).for_each(|(sum, &pixel)| *sum += i32::from(pixel) * weight);
            }
            pixels.extend(sums.into_iter().map(rounded));
        }
        Plane { width, pixels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_plane_stays_flat_at_any_size() {
        for filter in Filter::NAMES.iter().map(|name| Filter::named(name)) {
            for (width, height) in [(1, 1), (3, 7), (32, 32), (100, 5)] {
                let plane = Plane::new(37, 23, vec![201; 37 * 23]).resized(width, height, filter);
                assert_eq!((plane.width(), plane.height()), (width, height));
                assert!(plane.pixels().iter().all(|&v| v == 201), "{filter:?} {width}×{height}");
            }
        }
    }

    #[test]
    fn halves_are_means() {
        let plane = Plane::new(4, 2, vec![0, 10, 20, 40, 2, 12, 22, 42]);
        assert_eq!(plane.resized(2, 1, Filter::Box).pixels(), [6, 31]);
        assert_eq!(plane.resized(4, 2, Filter::Lanczos), plane);
    }
}
