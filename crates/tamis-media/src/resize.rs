//! Smaller pictures.

use fast_image_resize::images::{Image as Target, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::error::{MediaError, Result};
use crate::pixels::{Image, SampleType};

/// The image at another size (8 bits a number), by a triangle filter as wide as the reduction, so that nothing aliases.
/// Alpha is weighted in. Two passes over the rows; O(pixels of source + of result).
pub(crate) fn resize(image: &Image, width: u32, height: u32) -> Result<Image> {
    let bad = |reason| MediaError::BadPixels { width: image.width(), height: image.height(), reason };
    if image.samples() != SampleType::U8 {
        return Err(bad("only 8 bits a number can be made smaller"));
    }
    let kind = match image.channels() {
        1 => PixelType::U8,
        2 => PixelType::U8x2,
        3 => PixelType::U8x3,
        _ => PixelType::U8x4,
    };
    let source = ImageRef::new(image.width(), image.height(), image.pixels(), kind)
        .map_err(|_| bad("its size asks for another count of bytes"))?;
    let mut target = Target::new(width, height, kind);
    // `Hamming` is the triangle's width with less blur: the usual choice for thumbnails.
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Hamming));
    Resizer::new().resize(&source, &mut target, &options).map_err(|_| bad("it cannot be made that small"))?;
    Ok(Image::new(width, height, image.channels(), SampleType::U8, target.into_vec())?
        .with_orientation(image.orientation()))
}
