//! Perceptual hashes: 64 bits that change little when an image is scaled, compressed or brightened.
//!
//! Bits are counted from the top: the first of a hash is its highest, so that a hash in hexadecimal is what ImageHash
//! prints.

use crate::error::Result;
use crate::function::{Single, Spec};
use crate::image::picture::brightness;
use crate::image::resample::Filter;
use crate::image::transform::{LOW, SIDE, low_frequencies};
use crate::value::{Input, InputKind, Output, Value};

/// The hash of frequencies.
pub(crate) static PHASH: Spec = Spec {
    name: "phash",
    version: 1,
    help: "Perceptual hash: which of the 8 × 8 lowest frequencies are above their median",
    input: InputKind::Media,
    gives: "64 bits",
    params: &[],
    deterministic: true,
    source: "`phash` of ImageHash with hash size 8, on the brightness channel of a JPEG as stored",
    make: |spec, arguments| Single::boxed(spec, arguments, Output::Unsigned, |input| phash(input).map(Value::Unsigned)),
};

/// The hash of differences.
pub(crate) static DHASH: Spec = Spec {
    name: "dhash",
    version: 1,
    help: "Difference hash: which of 8 × 8 pixels are brighter than their left neighbour",
    input: InputKind::Media,
    gives: "64 bits",
    params: &[],
    deterministic: true,
    source: "`dhash` of ImageHash with hash size 8, on the brightness channel of a JPEG as stored",
    make: |spec, arguments| Single::boxed(spec, arguments, Output::Unsigned, |input| dhash(input).map(Value::Unsigned)),
};

fn phash(input: Input<'_>) -> Result<u64> {
    let small = brightness(input)?.resized(SIDE, SIDE, Filter::Lanczos);
    let frequencies = low_frequencies(small.pixels());
    let mut sorted = frequencies;
    sorted.sort_unstable();
    // The median of an even count is between the two in the middle.
    let twice_median = sorted[LOW * LOW / 2 - 1] + sorted[LOW * LOW / 2];
    Ok(bits(frequencies.iter().map(|&frequency| 2 * frequency > twice_median)))
}

fn dhash(input: Input<'_>) -> Result<u64> {
    let small = brightness(input)?.resized(9, 8, Filter::Lanczos);
    let brighter = |pair: &[u8]| matches!(pair, [left, right] if right > left);
    Ok(bits(small.rows().flat_map(|row| row.windows(2).map(brighter))))
}

/// 64 answers as bits, the first one highest.
fn bits(answers: impl Iterator<Item = bool>) -> u64 {
    answers.take(64).fold(0, |bits, answer| bits << 1 | u64::from(answer))
}

#[cfg(test)]
mod tests {
    use tamis_media::{Image, encode_jpeg, encode_png};

    use super::*;

    /// Waves of several lengths: an image with something in every frequency.
    fn image(width: u32, height: u32) -> Image {
        let wave = |x: u32, y: u32| {
            let (x, y) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
            127.0 + 60.0 * (x * 9.0 + y * 4.0).sin() + 40.0 * (y * 17.0 - x * 5.0).cos() + 20.0 * (x * 31.0).sin()
        };
        let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| [wave(x, y) as u8; 3])).collect();
        Image::rgb8(width, height, pixels).unwrap()
    }

    #[test]
    fn scaling_and_compressing_change_few_bits() {
        let large = encode_png(&image(640, 480)).unwrap();
        let small = encode_jpeg(&image(200, 150), 60).unwrap();
        for hash in [phash, dhash] {
            let (a, b) = (hash(Input::Media(&large)).unwrap(), hash(Input::Media(&small)).unwrap());
            assert!((a ^ b).count_ones() <= 4, "{a:016x} {b:016x}");
        }
    }

    #[test]
    fn differences_are_what_they_say() {
        let rising: Vec<u8> = (0..8).flat_map(|_| (0..9).map(|x| x * 20)).collect();
        let png = encode_png(&Image::grey8(9, 8, rising).unwrap()).unwrap();
        assert_eq!(dhash(Input::Media(&png)).unwrap(), u64::MAX);
    }

    #[test]
    fn a_flat_image_has_a_hash_all_the_same() {
        let png = encode_png(&Image::grey8(50, 40, vec![77; 2000]).unwrap()).unwrap();
        assert_eq!(dhash(Input::Media(&png)).unwrap(), 0);
        // Nothing but the mean is above the median.
        assert_eq!(phash(Input::Media(&png)).unwrap(), 1 << 63);
    }
}
