//! Pictures of what is no picture: the wave and the spectrum of a sound, a point cloud from above.

use crate::audio::{Peaks, Spectrogram};
use crate::cloud::CloudPreview;
use crate::error::Result;
use crate::pixels::Image;

const PAPER: [u8; 3] = [255, 255, 255];
const INK: [u8; 3] = [43, 108, 176];
const NIGHT: [u8; 3] = [13, 17, 23];
/// What is quieter than the loudest by so much is black.
const DECIBELS: f32 = 80.0;
/// Colours from low to high: dark, violet, orange, light. Each is brighter than the one before.
const RAMP: [[u8; 3]; 5] = [[4, 5, 25], [80, 18, 123], [183, 55, 121], [252, 137, 97], [252, 253, 191]];

/// A canvas of one colour.
struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    fn new(width: u32, height: u32, colour: [u8; 3]) -> Canvas {
        let (width, height) = (width.max(1) as usize, height.max(1) as usize);
        Canvas { width, height, pixels: colour.repeat(width * height) }
    }

    fn set(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        let at = (y * self.width + x) * 3;
        if let Some(pixel) = self.pixels.get_mut(at..at + 3).filter(|_| x < self.width) {
            pixel.copy_from_slice(&colour);
        }
    }

    fn image(self) -> Result<Image> {
        Image::rgb8(self.width as u32, self.height as u32, self.pixels)
    }
}

/// The colour of a value from 0 to 1.
fn ramp(value: f32) -> [u8; 3] {
    let place = value.clamp(0.0, 1.0) * (RAMP.len() - 1) as f32;
    let at = (place as usize).min(RAMP.len() - 2);
    let part = place - at as f32;
    let mix = |low: u8, high: u8| (f32::from(low) + (f32::from(high) - f32::from(low)) * part).round() as u8;
    let (Some(low), Some(high)) = (RAMP.get(at), RAMP.get(at + 1)) else { return PAPER };
    [mix(low[0], high[0]), mix(low[1], high[1]), mix(low[2], high[2])]
}

/// The wave form of a sound, all channels together: time from left to right, −1 to 1 from bottom to top.
///
/// # Errors
/// None for a picture of at least a pixel.
pub fn draw_wave(peaks: &Peaks, width: u32, height: u32) -> Result<Image> {
    let mut canvas = Canvas::new(width, height, PAPER);
    let channels = usize::from(peaks.channels.max(1));
    let stretches = peaks.pairs.len() / channels;
    let row = |sample: f32| {
        let top = (1.0 - sample.clamp(-1.0, 1.0)) / 2.0 * (canvas.height - 1) as f32;
        top.round() as usize
    };
    let mut columns = vec![[f32::INFINITY, f32::NEG_INFINITY]; canvas.width];
    for (at, column) in columns.iter_mut().enumerate() {
        let first = at * stretches / canvas.width;
        let last = ((at + 1) * stretches / canvas.width).max(first + 1);
        for [low, high] in peaks.pairs.get(first * channels..(last * channels).min(peaks.pairs.len())).unwrap_or(&[]) {
            *column = [column[0].min(*low), column[1].max(*high)];
        }
    }
    let spans: Vec<_> = columns
        .iter()
        .map(|[low, high]| if low <= high { row(*high)..=row(*low) } else { row(0.0)..=row(0.0) })
        .collect();
    for (x, span) in spans.into_iter().enumerate() {
        span.for_each(|y| canvas.set(x, y, INK));
    }
    canvas.image()
}

/// The power of frequencies over time, in decibels below the loudest: time from left to right, low to high from bottom
/// to top.
///
/// # Errors
/// None for a picture of at least a pixel.
pub fn draw_spectrum(sound: &Spectrogram, width: u32, height: u32) -> Result<Image> {
    let mut canvas = Canvas::new(width, height, ramp(0.0));
    let bands = sound.bands.max(1);
    let rows = sound.power.len() / bands;
    let most = sound.power.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    for x in 0..canvas.width {
        let times = x * rows / canvas.width..((x + 1) * rows / canvas.width).max(x * rows / canvas.width + 1);
        for y in 0..canvas.height {
            let low = (canvas.height - 1 - y) * bands / canvas.height;
            let high = ((canvas.height - y) * bands / canvas.height).max(low + 1);
            let loudest = times
                .clone()
                .filter_map(|time| sound.power.get(time * bands + low..(time * bands + high).min(sound.power.len())))
                .flatten()
                .copied()
                .fold(0.0, f32::max);
            canvas.set(x, y, ramp(1.0 + 10.0 * (loudest / most).max(1e-20).log10() / DECIBELS));
        }
    }
    canvas.image()
}

/// A point cloud from above: x to the right, y up, in one scale; its own colours, else by height. Its outermost percent
/// on each side is left out, since single far points would make the rest a dot.
///
/// # Errors
/// None for a picture of at least a pixel.
pub fn draw_cloud(cloud: &CloudPreview, edge: u32) -> Result<Image> {
    let finite = |p: &[f32; 3]| p.iter().all(|v| v.is_finite());
    let span = |axis: usize| {
        let mut values: Vec<f32> = cloud.xyz.iter().filter(|p| finite(p)).map(|p| p[axis]).collect();
        values.sort_by(f32::total_cmp);
        let cut = values.len() / 100;
        let at = |i: usize| values.get(i).copied().unwrap_or(0.0);
        (at(cut), at(values.len().saturating_sub(1 + cut)))
    };
    let [(left, right), (bottom, top), (low, high)] = [span(0), span(1), span(2)];
    let (across, up) = ((right - left).max(1e-6), (top - bottom).max(1e-6));
    let scale = edge.max(1) as f32 / across.max(up);
    let mut canvas = Canvas::new((across * scale).round() as u32, (up * scale).round() as u32, NIGHT);
    // The highest last, as one would see them.
    let mut order: Vec<usize> = (0..cloud.xyz.len()).collect();
    order.sort_by(|a, b| cloud.xyz[*a][2].total_cmp(&cloud.xyz[*b][2]));
    for at in order {
        let point = &cloud.xyz[at];
        let (x, y) = ((point[0] - left) * scale, (top - point[1]) * scale);
        if !finite(point) || x < 0.0 || y < 0.0 || x > across * scale || y > up * scale {
            continue;
        }
        let own = cloud.rgb.as_ref().and_then(|rgb| rgb.get(at)).copied();
        let colour = own.unwrap_or_else(|| ramp(0.25 + 0.75 * (point[2] - low) / (high - low).max(1e-6)));
        canvas.set((x as usize).min(canvas.width - 1), (y as usize).min(canvas.height - 1), colour);
    }
    canvas.image()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn pixel(image: &Image, x: usize, y: usize) -> [u8; 3] {
        let at = (y * image.width() as usize + x) * 3;
        image.pixels()[at..at + 3].try_into().unwrap()
    }

    #[test]
    fn a_wave_spans_from_its_lowest_to_its_highest_sample() {
        let pairs = vec![[-0.1, 0.1], [-1.0, 1.0]];
        let image = draw_wave(&Peaks { sample_rate: 8, channels: 1, per_bucket: 4, pairs }, 2, 101).unwrap();
        assert_eq!((pixel(&image, 0, 0), pixel(&image, 0, 50)), (PAPER, INK));
        assert_eq!((pixel(&image, 1, 0), pixel(&image, 1, 100)), (INK, INK));
        let none = Peaks { sample_rate: 8, channels: 0, per_bucket: 4, pairs: vec![] };
        assert_eq!(pixel(&draw_wave(&none, 3, 3).unwrap(), 1, 1), INK);
    }

    #[test]
    fn the_loudest_band_is_the_brightest_and_low_is_below() {
        let sound = Spectrogram { sample_rate: 8, hop: 4, bands: 2, power: vec![1.0, 1e-9] };
        let image = draw_spectrum(&sound, 1, 2).unwrap();
        assert_eq!((pixel(&image, 0, 1), pixel(&image, 0, 0)), (RAMP[4], RAMP[0]));
    }

    #[test]
    fn a_cloud_is_seen_from_above() {
        let xyz = vec![[0.0, 0.0, 0.0], [9.0, 4.0, 1.0], [f32::NAN, 0.0, 0.0]];
        let cloud = CloudPreview { points: 3, xyz, ..CloudPreview::default() };
        let image = draw_cloud(&cloud, 90).unwrap();
        assert_eq!((image.width(), image.height()), (90, 40));
        assert_ne!(pixel(&image, 0, 39), pixel(&image, 45, 20));
        draw_cloud(&CloudPreview::default(), 10).unwrap();
    }
}
