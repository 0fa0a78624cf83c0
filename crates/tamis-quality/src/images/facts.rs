//! What the pixels of one image say.

use serde::{Deserialize, Serialize};

use super::percentile;
use super::resize::shrunk;
use crate::error::{QualityError, Result, same_length};

/// Numbers of one image that its scores follow from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// The brightness of the mean colour, 0 to 1.
    pub brightness: f64,
    /// The 5th percentile of the pixels' brightness, 0 to 1.
    pub dark_end: f64,
    /// The 99th percentile of the pixels' brightness, 0 to 1.
    pub bright_end: f64,
    /// The entropy of the histogram of all channels, in bits.
    pub entropy: f64,
    /// The deviation of the edges of the image at 64 pixels, 0 to 255.
    pub edges: f64,
    /// The deviation of the counts in the histogram of the gray image at 64 pixels.
    pub contrast: f64,
    /// One channel only.
    pub gray: bool,
}

/// The longer side at which edges are looked for.
const SIDE: usize = 64;

impl ImageFacts {
    /// Reads an image: rows of pixels of 1 (gray) or 3 (red, green, blue) channels, a byte each. O(pixels).
    ///
    /// # Errors
    /// An image without pixels, another number of channels, bytes that are not as many as its size says.
    pub fn measure(pixels: &[u8], width: u32, height: u32, channels: usize) -> Result<ImageFacts> {
        if channels != 1 && channels != 3 {
            let value = channels as f64;
            return Err(QualityError::OutOfRange { what: "channels of image", at: 0, value, expected: "1 or 3" });
        }
        let (w, h) = (width as usize, height as usize);
        if w == 0 || h == 0 {
            return Err(QualityError::Empty { what: "pixels", why: "an image has some" });
        }
        same_length("bytes of image", w.saturating_mul(h).saturating_mul(channels), pixels.len())?;
        let mut light: Vec<f64> = match channels {
            1 => pixels.iter().map(|&v| f64::from(v) / 255.0).collect(),
            _ => pixels.chunks_exact(3).map(|p| brightness(p[0].into(), p[1].into(), p[2].into())).collect(),
        };
        let (dark_end, bright_end) = (percentile(&mut light, 5.0), percentile(&mut light, 99.0));
        let mut counts = vec![[0u64; 256]; channels];
        for pixel in pixels.chunks_exact(channels) {
            for (counts, &value) in counts.iter_mut().zip(pixel) {
                counts[value as usize] += 1;
            }
        }
        let mean = |counts: &[u64; 256]| {
            (0u64..).zip(counts).map(|(value, count)| value * count).sum::<u64>() as f64 / (w * h) as f64
        };
        let means: Vec<f64> = counts.iter().map(mean).collect();
        let mean = |channel: usize| means.get(channel).or(means.first()).copied().unwrap_or_default();
        let small = gray(&shrunk(pixels, (w, h), channels, SIDE), channels);
        let (small_w, _) = super::resize::fitted((w, h), SIDE);
        Ok(ImageFacts {
            width,
            height,
            brightness: brightness(mean(0), mean(1), mean(2)),
            dark_end,
            bright_end,
            entropy: entropy(counts.as_flattened()),
            edges: deviation(&histogram(&edges(&small, small_w))),
            contrast: spread(&histogram(&small)),
            gray: channels == 1,
        })
    }

    /// The geometric mean of the sides, in pixels: what odd sizes are told by.
    pub fn size(&self) -> f64 {
        f64::from(self.width).sqrt() * f64::from(self.height).sqrt()
    }
}

/// How light a colour of 0 to 255 looks, 0 to 1.
fn brightness(red: f64, green: f64, blue: f64) -> f64 {
    (0.241 * (red * red) + 0.691 * (green * green) + 0.068 * (blue * blue)).sqrt() / 255.0
}

fn entropy(counts: &[u64]) -> f64 {
    let all = counts.iter().sum::<u64>() as f64;
    let parts = counts.iter().filter(|count| **count > 0).map(|&count| count as f64 / all);
    -parts.map(|part| part * part.log2()).sum::<f64>()
}

/// Luma as ITU-R BT.601 weighs it, rounded as the usual 16-bit arithmetic does.
fn gray(pixels: &[u8], channels: usize) -> Vec<u8> {
    if channels == 1 {
        return pixels.to_vec();
    }
    let luma = |p: &[u8]| {
        let sum = u32::from(p[0]) * 19595 + u32::from(p[1]) * 38470 + u32::from(p[2]) * 7471;
        ((sum + 0x8000) >> 16) as u8
    };
    pixels.chunks_exact(channels).map(luma).collect()
}

/// Eight times each pixel less its neighbours, cut to 0 to 255; the border stays as it is.
fn edges(gray: &[u8], width: usize) -> Vec<u8> {
    let mut out = gray.to_vec();
    let height = gray.len() / width.max(1);
    for y in 1..height.saturating_sub(1) {
        for x in 1..width.saturating_sub(1) {
            let row = |dy: usize| &gray[(y + dy - 1) * width + x - 1..][..3];
            let around: i32 = (0..3).flat_map(row).map(|&v| i32::from(v)).sum();
            out[y * width + x] = (9 * i32::from(gray[y * width + x]) - around).clamp(0, 255) as u8;
        }
    }
    out
}

fn histogram(values: &[u8]) -> [u64; 256] {
    let mut counts = [0; 256];
    values.iter().for_each(|&value| counts[value as usize] += 1);
    counts
}

/// The deviation of the values that a histogram counts.
fn deviation(counts: &[u64; 256]) -> f64 {
    let n = counts.iter().sum::<u64>() as f64;
    let sum = |power: u32| (0u64..).zip(counts).map(|(v, count)| v.pow(power) * count).sum::<u64>() as f64;
    ((sum(2) - sum(1) * sum(1) / n) / n).max(0.0).sqrt()
}

/// The deviation of the counts themselves.
fn spread(counts: &[u64; 256]) -> f64 {
    let mean = counts.iter().sum::<u64>() as f64 / 256.0;
    (counts.iter().map(|&count| (count as f64 - mean).powi(2)).sum::<f64>() / 256.0).sqrt()
}
