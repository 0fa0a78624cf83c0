//! Encoded bytes out of pixels. Equal pixels give equal bytes, on every machine.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use crate::decode::plain;
use crate::error::{MediaError, Result};
use crate::pixels::{Image, SampleType};

/// Encodes as PNG, without loss; the orientation is not noted. 8 and 16 bits.
///
/// # Errors
/// [`MediaError::Encode`] for floats, which PNG cannot hold.
pub fn encode_png(image: &Image) -> Result<Vec<u8>> {
    let mime = "image/png";
    let colour = match (image.samples(), image.channels()) {
        (SampleType::U8, 1) => ExtendedColorType::L8,
        (SampleType::U8, 2) => ExtendedColorType::La8,
        (SampleType::U8, 3) => ExtendedColorType::Rgb8,
        (SampleType::U8, _) => ExtendedColorType::Rgba8,
        (SampleType::U16, 1) => ExtendedColorType::L16,
        (SampleType::U16, 2) => ExtendedColorType::La16,
        (SampleType::U16, 3) => ExtendedColorType::Rgb16,
        (SampleType::U16, _) => ExtendedColorType::Rgba16,
        (SampleType::F32, _) => return Err(MediaError::Encode { mime, reason: "it cannot hold floats".to_owned() }),
    };
    let mut out = Vec::new();
    PngEncoder::new_with_quality(&mut out, CompressionType::Fast, FilterType::Adaptive)
        .write_image(image.pixels(), image.width(), image.height(), colour)
        .map_err(|e| MediaError::Encode { mime, reason: plain(&e) })?;
    Ok(out)
}

/// Encodes as JPEG of a quality from 1 to 100. What JPEG cannot hold is changed first: alpha is laid over white, 16 bits
/// and floats become 8 bits. The orientation is not noted.
///
/// # Errors
/// [`MediaError::Encode`] when a side is longer than 65,535 pixels.
pub fn encode_jpeg(image: &Image, quality: u8) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut out, quality.clamp(1, 100));
    let write = |image: &Image| {
        let colour = if image.channels() == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
        encoder
            .write_image(image.pixels(), image.width(), image.height(), colour)
            .map_err(|e| MediaError::Encode { mime: "image/jpeg", reason: plain(&e) })
    };
    if image.samples() == SampleType::U8 && image.channels() % 2 == 1 {
        write(image)?;
    } else {
        write(&image.to_8bit().over_white())?;
    }
    Ok(out)
}
