//! Small upright pictures for lists and grids.

use crate::decode::{Limits, decode};
use crate::encode::{encode_jpeg, encode_png};
use crate::error::Result;
use crate::pixels::{Image, SampleType};
use crate::resize::resize;

/// A small picture, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// `image/jpeg`, or `image/png` where the picture has transparent pixels.
    pub mime: &'static str,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// The encoded picture.
    pub bytes: Vec<u8>,
}

/// Quality of JPEG thumbnails: no visible blocks at this size.
const QUALITY: u8 = 82;

/// A picture of an image whose longer side has at most `edge` pixels (at least 1): upright, its sides in proportion,
/// never larger than the image. Depth and other 16-bit or float pictures of one channel are stretched from their
/// darkest to their brightest pixel, so that a person sees something.
///
/// # Errors
/// Those of [`decode`].
pub fn thumbnail(bytes: &[u8], edge: u32, limits: &Limits) -> Result<Thumbnail> {
    let image = decode(bytes, limits)?;
    let image = match image.samples() {
        SampleType::U8 => image,
        _ if image.channels() == 1 => stretched(&image)?,
        _ => image.to_8bit().with_orientation(image.orientation()),
    };
    let (width, height) = fit(image.width(), image.height(), edge);
    let small = if (width, height) == (image.width(), image.height()) { image } else { resize(&image, width, height)? };
    // Turned when it is small: that is cheaper.
    let small = small.upright();
    let (mime, bytes) = if has_transparency(&small) {
        ("image/png", encode_png(&small)?)
    } else {
        ("image/jpeg", encode_jpeg(&small, QUALITY)?)
    };
    Ok(Thumbnail { mime, width: small.width(), height: small.height(), bytes })
}

/// The largest size within `edge` that keeps the proportion; each side at least 1.
fn fit(width: u32, height: u32, edge: u32) -> (u32, u32) {
    let (edge, longer) = (u64::from(edge.max(1)), u64::from(width.max(height)));
    if longer <= edge {
        return (width, height);
    }
    let scale = |side: u32| ((u64::from(side) * edge + longer / 2) / longer).max(1) as u32;
    (scale(width), scale(height))
}

/// A grey picture of 8 bits from the darkest to the brightest finite value.
fn stretched(image: &Image) -> Result<Image> {
    let finite = image.floats().filter(|v| v.is_finite());
    let (low, high) = finite.fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)));
    let scale = if high > low { 255.0 / (high - low) } else { 0.0 };
    let pixels = image.floats().map(|v| ((v - low) * scale).round() as u8).collect();
    Ok(Image::grey8(image.width(), image.height(), pixels)?.with_orientation(image.orientation()))
}

fn has_transparency(image: &Image) -> bool {
    let channels = usize::from(image.channels());
    channels % 2 == 0 && image.pixels().iter().skip(channels - 1).step_by(channels).any(|&alpha| alpha < 255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_side_fits_the_edge() {
        assert_eq!(fit(4000, 3000, 256), (256, 192));
        assert_eq!(fit(3000, 4000, 256), (192, 256));
        assert_eq!(fit(100, 50, 256), (100, 50));
        assert_eq!(fit(60_000, 1, 256), (256, 1));
        assert_eq!(fit(u32::MAX, u32::MAX, 0), (1, 1));
    }
}
