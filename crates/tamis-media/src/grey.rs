//! Brightness alone: what perceptual hashes look at.
//!
//! Most JPEGs hold brightness in a channel of its own. Reading that one saves the transforms of the colour channels and
//! the conversion, about half of the time.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::decode::{Limits, decode};
use crate::error::{MediaError, Result};
use crate::pixels::{Image, SampleType};
use crate::probe::probe;

/// Decodes an image to 8 bits of brightness a pixel, as stored: [`Image::upright`] turns it.
///
/// A JPEG gives its own brightness channel (ITU-R BT.601). Anything else is decoded to colours whose brightness is
/// 0.299 red + 0.587 green + 0.114 blue, rounded; alpha is ignored.
///
/// # Errors
/// Those of [`decode`].
pub fn decode_grey(bytes: &[u8], limits: &Limits) -> Result<Image> {
    match luma_of_jpeg(bytes, limits) {
        Some(image) => Ok(image),
        None => grey_of(&decode(bytes, limits)?),
    }
}

/// The brightness channel; [`None`] for anything that the ordinary way has to decode, or to refuse.
fn luma_of_jpeg(bytes: &[u8], limits: &Limits) -> Option<Image> {
    let head = probe(bytes).ok().filter(|head| head.mime == "image/jpeg" && head.channels == 3)?;
    let allowed = |pixels: u64| pixels <= limits.max_pixels && pixels <= limits.max_bytes;
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::Luma)
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    if !allowed(head.pixels()) {
        return None;
    }
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().ok()?;
    let (width, height) = decoder.dimensions()?;
    let pixels = (width as u64).checked_mul(height as u64)?;
    if decoder.input_colorspace() != Some(ColorSpace::YCbCr) || !allowed(pixels) {
        return None;
    }
    let pixels = decoder.decode().ok()?;
    let image = Image::grey8(u32::try_from(width).ok()?, u32::try_from(height).ok()?, pixels).ok()?;
    Some(image.with_orientation(head.orientation))
}

/// The brightness of decoded pixels.
fn grey_of(image: &Image) -> Result<Image> {
    let image = if image.samples() == SampleType::U8 { image } else { &image.to_8bit() };
    let channels = usize::from(image.channels());
    // 19,595 + 38,470 + 7,471 = 65,536.
    let weigh =
        |r: u8, g: u8, b: u8| (u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 32_768) >> 16;
    let pixels: Option<Vec<u8>> = image
        .pixels()
        .chunks_exact(channels)
        .map(|pixel| match *pixel {
            [v] | [v, _] => Some(v),
            [r, g, b] | [r, g, b, _] => Some(weigh(r, g, b) as u8),
            _ => None,
        })
        .collect();
    let bad =
        MediaError::BadPixels { width: image.width(), height: image.height(), reason: "it has not 1 to 4 channels" };
    Ok(Image::grey8(image.width(), image.height(), pixels.ok_or(bad)?)?.with_orientation(image.orientation()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::{encode_jpeg, encode_png};

    #[test]
    fn both_ways_agree_within_the_rounding_of_jpeg() {
        let pixels: Vec<u8> =
            (0..64 * 48u32).flat_map(|i| [i % 64 * 4, i / 64 * 5, (i / 7) % 256]).map(|v| v as u8).collect();
        let image = Image::rgb8(64, 48, pixels).unwrap();
        let jpeg = encode_jpeg(&image, 90).unwrap();
        let luma = luma_of_jpeg(&jpeg, &Limits::default()).expect("a JPEG of three channels has a brightness channel");
        let slow = grey_of(&decode(&jpeg, &Limits::default()).unwrap()).unwrap();
        let apart: u64 = luma.pixels().iter().zip(slow.pixels()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        // Colours out of gamut are cut in the way through RGB, so single pixels may differ by more.
        assert!(apart < 64 * 48, "{apart} over {} pixels", 64 * 48);
    }

    #[test]
    fn brightness_has_the_weights_of_bt601() {
        let image = Image::rgb8(4, 1, vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]).unwrap();
        let grey = decode_grey(&encode_png(&image).unwrap(), &Limits::default()).unwrap();
        assert_eq!(grey.pixels(), [76, 150, 29, 255]);
    }

    #[test]
    fn what_is_refused_as_colour_is_refused_as_grey() {
        let jpeg = encode_jpeg(&Image::rgb8(64, 64, vec![9; 64 * 64 * 3]).unwrap(), 80).unwrap();
        let small = Limits { max_pixels: 100, ..Limits::default() };
        assert!(matches!(decode_grey(&jpeg, &small), Err(MediaError::TooLarge { .. })));
        assert!(decode_grey(b"nothing", &Limits::default()).is_err());
    }
}
