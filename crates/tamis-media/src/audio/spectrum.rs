//! Spectrograms: the power of each frequency over time, by the short-time Fourier transform with a Hann window.

use realfft::RealFftPlanner;
use serde::{Deserialize, Serialize};

use super::decode_audio;
use crate::decode::Limits;
use crate::error::{MediaError, Result};

/// How a spectrogram is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SpectrumOptions {
    /// Samples of a window; 16 to 65,536.
    pub window: usize,
    /// Samples from a window to the next; at least 1.
    pub hop: usize,
    /// Bands on the mel scale instead of the transform's own `window / 2 + 1` frequencies.
    pub mel: Option<usize>,
}

impl Default for SpectrumOptions {
    fn default() -> SpectrumOptions {
        SpectrumOptions { window: 1024, hop: 256, mel: None }
    }
}

/// The power of frequencies over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spectrogram {
    /// Samples a second.
    pub sample_rate: u32,
    /// Samples from a row to the next.
    pub hop: usize,
    /// Frequencies (or mel bands) of a row, from the lowest.
    pub bands: usize,
    /// Power, row by row in time: the square of the transform over the square of the window's sum, so that a sine of
    /// amplitude 1 in the middle of a band has power 1/4.
    pub power: Vec<f32>,
}

/// The spectrogram of a sound file, its channels mixed to one. O(samples / hop × window × log window).
///
/// # Errors
/// Those of [`decode_audio`]; [`MediaError::TooLarge`] when the result would be larger than `limits` allow;
/// [`MediaError::Unsupported`] for a window out of its bounds.
pub fn spectrogram(bytes: &[u8], options: &SpectrumOptions, limits: &Limits) -> Result<Spectrogram> {
    let (window, hop) = (options.window, options.hop.max(1));
    let mime = crate::sniff::sniff(bytes).unwrap_or("application/octet-stream");
    if !(16..=1 << 16).contains(&window) || options.mel.is_some_and(|bands| bands == 0 || bands > window) {
        return Err(MediaError::Unsupported { mime, reason: format!("a window of {window} samples with these bands") });
    }
    let channels = usize::from(super::channels_of(bytes).max(1));
    let (mut mono, mut sum, mut seen) = (Vec::new(), 0.0f32, 0usize);
    let probe = decode_audio(bytes, limits, |piece| {
        for &sample in piece {
            sum += sample;
            seen += 1;
            if seen == channels {
                mono.push(sum / channels as f32);
                (sum, seen) = (0.0, 0);
            }
        }
    })?;
    let bins = window / 2 + 1;
    let bands = options.mel.unwrap_or(bins);
    let rows = if mono.len() < window { 0 } else { (mono.len() - window) / hop + 1 };
    let needed = (rows as u64).saturating_mul(bands as u64 * 4);
    if needed > limits.max_bytes {
        return Err(MediaError::TooLarge { mime, unit: "bytes", needed, allowed: limits.max_bytes });
    }
    let hann: Vec<f32> =
        (0..window).map(|i| 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / window as f64).cos() as f32).collect();
    let scale = 1.0 / hann.iter().sum::<f32>().powi(2);
    let filters = options.mel.map(|bands| mel_filters(bands, bins, f64::from(probe.sample_rate)));
    let transform = RealFftPlanner::<f32>::new().plan_fft_forward(window);
    let (mut input, mut output) = (transform.make_input_vec(), transform.make_output_vec());
    let mut power = Vec::with_capacity(rows * bands);
    for start in (0..rows).map(|row| row * hop) {
        let part = mono.get(start..start + window).unwrap_or_default();
        input.iter_mut().zip(part).zip(&hann).for_each(|((to, v), w)| *to = v * w);
        transform
            .process(&mut input, &mut output)
            .map_err(|e| MediaError::Malformed { mime, reason: format!("internal: {e}") })?;
        let of_bin = |at: usize| output.get(at).map_or(0.0, |c| c.norm_sqr() * scale);
        match &filters {
            None => power.extend((0..bins).map(of_bin)),
            Some(filters) => power.extend(filters.iter().map(|(from, weights)| {
                weights.iter().zip(*from..).map(|(weight, at)| weight * of_bin(at)).sum::<f32>()
            })),
        }
    }
    Ok(Spectrogram { sample_rate: probe.sample_rate, hop, bands, power })
}

/// Triangles of height 1, evenly spaced on the mel scale from 0 to half the sample rate: the first bin of each and its
/// weights. Mel of a frequency: 2595 log10(1 + f / 700) (D. O'Shaughnessy, "Speech communication", 1987).
fn mel_filters(bands: usize, bins: usize, rate: f64) -> Vec<(usize, Vec<f32>)> {
    let mel = |hz: f64| 2595.0 * (1.0 + hz / 700.0).log10();
    let hz = |mel: f64| 700.0 * (10f64.powf(mel / 2595.0) - 1.0);
    let top = mel(rate / 2.0);
    let edge = |i: usize| hz(top * i as f64 / (bands + 1) as f64);
    let step = rate / 2.0 / (bins - 1).max(1) as f64;
    (0..bands)
        .map(|band| {
            let (low, mid, high) = (edge(band), edge(band + 1), edge(band + 2));
            let from = (low / step).ceil() as usize;
            let to = ((high / step).floor() as usize).min(bins - 1);
            let weight = |at: usize| {
                let f = at as f64 * step;
                let rise = if f <= mid { (f - low) / (mid - low) } else { (high - f) / (high - mid) };
                rise.clamp(0.0, 1.0) as f32
            };
            (from, (from..=to).map(weight).collect())
        })
        .collect()
}
