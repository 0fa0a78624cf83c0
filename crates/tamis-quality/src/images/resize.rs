//! Shrinks images by bicubic convolution with antialiasing, in the fixed-point arithmetic that Pillow uses.
//!
//! Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = −1/2, the kernel stretched by
//! the factor; first across, then down, bytes between. (Pillow 13 goes down first in some images that are much higher
//! than wide; their edges then differ in the fourth digit.)

/// The size of an image whose longer side is cut down to `side`; one that is smaller keeps its own.
pub(super) fn fitted((width, height): (usize, usize), side: usize) -> (usize, usize) {
    let ratio = width.max(height) as f64 / side as f64;
    if ratio <= 1.0 {
        return (width, height);
    }
    let fit = |length: usize| ((length as f64 / ratio).floor() as usize).max(1);
    (fit(width), fit(height))
}

/// The pixels of an image whose longer side is cut down to `side`. O(pixels).
pub(super) fn shrunk(pixels: &[u8], (width, height): (usize, usize), channels: usize, side: usize) -> Vec<u8> {
    let (w, h) = fitted((width, height), side);
    // Across: each row's pixels lie `channels` bytes apart. Down: each column's lie a row apart.
    let across = if w == width { pixels.to_vec() } else { across(pixels, width, w, channels) };
    if h == height { across } else { down(&across, height, h, w * channels) }
}

/// What a pixel of the small image is made of: where it starts, and the weights.
struct Kernel {
    start: usize,
    weights: Vec<i64>,
}

const BITS: u32 = 22;

fn kernels(from: usize, to: usize) -> Vec<Kernel> {
    let scale = from as f64 / to as f64;
    let stretch = scale.max(1.0);
    let support = 2.0 * stretch;
    let kernel = |place: usize| {
        let centre = (place as f64 + 0.5) * scale;
        let start = (centre - support + 0.5).max(0.0) as usize;
        let end = ((centre + support + 0.5) as usize).min(from);
        let weights: Vec<f64> = (start..end).map(|x| cubic((x as f64 - centre + 0.5) * (1.0 / stretch))).collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |weight: &f64| {
            let scaled = weight / sum * f64::from(1u32 << BITS);
            (if scaled < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i64
        };
        Kernel { start, weights: weights.iter().map(fixed).collect() }
    };
    (0..to).map(kernel).collect()
}

fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn settle(sum: i64) -> u8 {
    ((sum + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8
}

fn across(pixels: &[u8], width: usize, to: usize, channels: usize) -> Vec<u8> {
    let kernels = kernels(width, to);
    let mut out = Vec::with_capacity(pixels.len() / width * to);
    for row in pixels.chunks_exact(width * channels) {
        for kernel in &kernels {
            let part = &row[kernel.start * channels..];
            for channel in 0..channels {
                let values = part.iter().skip(channel).step_by(channels);
                out.push(settle(values.zip(&kernel.weights).map(|(&v, w)| i64::from(v) * w).sum()));
            }
        }
    }
    out
}

fn down(pixels: &[u8], height: usize, to: usize, stride: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(to * stride);
    let mut sums = vec![0i64; stride];
    for kernel in kernels(height, to) {
        sums.fill(0);
        for (row, weight) in pixels.chunks_exact(stride).skip(kernel.start).zip(&kernel.weights) {
            sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += i64::from(value) * weight);
        }
        out.extend(sums.iter().map(|&sum| settle(sum)));
    }
    out
}
