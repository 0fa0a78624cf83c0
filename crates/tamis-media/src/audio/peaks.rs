//! Peaks: the lowest and highest sample of each stretch of a sound, to draw its wave form.

use serde::Serialize;

use super::decode_audio;
use crate::decode::Limits;
use crate::error::Result;

/// The wave form of a sound.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Peaks {
    /// Samples a second of one channel.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u16,
    /// Samples of one channel that each pair stands for.
    pub per_bucket: u32,
    /// For each stretch and, in it, each channel: the lowest and the highest sample.
    pub pairs: Vec<[f32; 2]>,
}

/// The peaks of a sound file, a pair for `per_bucket` samples (at least 1) of each channel; one pass, memory for the
/// pairs alone.
///
/// # Errors
/// Those of [`decode_audio`].
pub fn peaks(bytes: &[u8], per_bucket: u32, limits: &Limits) -> Result<Peaks> {
    let per_bucket = per_bucket.max(1);
    let empty = [f32::INFINITY, f32::NEG_INFINITY];
    let mut pairs: Vec<[f32; 2]> = Vec::new();
    let mut all: u64 = 0;
    // Known before the first sample comes.
    let channels = u64::from(super::channels_of(bytes).max(1));
    let probe = decode_audio(bytes, limits, |piece| {
        for &sample in piece {
            let (frame, channel) = (all / channels, all % channels);
            let at = (frame / u64::from(per_bucket) * channels + channel) as usize;
            if at >= pairs.len() {
                pairs.resize(at + 1, empty);
            }
            if let Some([low, high]) = pairs.get_mut(at) {
                (*low, *high) = (low.min(sample), high.max(sample));
            }
            all += 1;
        }
    })?;
    pairs.iter_mut().filter(|pair| **pair == empty).for_each(|pair| *pair = [0.0, 0.0]);
    Ok(Peaks { sample_rate: probe.sample_rate, channels: probe.channels, per_bucket, pairs })
}
