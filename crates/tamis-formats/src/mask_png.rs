//! Masks as small PNG images in base64, as LabelMe and Supervisely embed them: the part of the image that the mask
//! covers, with its upper left corner.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tamis_core::Rle;
use tamis_media::{Image, Limits, SampleType};

/// Bytes out of base64; blanks are skipped.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    if text.bytes().any(|b| b.is_ascii_whitespace()) {
        let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        return STANDARD.decode(bare).ok();
    }
    STANDARD.decode(text).ok()
}

/// Bytes as base64.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The mask that a PNG of it, laid at a corner, is in an image of a size; what leaves the image is cut off. With an
/// alpha channel the opaque pixels count, else those that are not 0.
///
/// # Errors
/// Why it is none, in words.
pub(crate) fn paste(png: &[u8], (left, top): (i64, i64), (width, height): (u32, u32)) -> Result<Rle, String> {
    let limits = Limits::default();
    let patch = tamis_media::decode(png, &limits).map_err(|e| e.to_string())?;
    let pixels = u64::from(width) * u64::from(height);
    if pixels > limits.max_pixels {
        return Err(format!("an image of {width} × {height} pixels is too large for a mask"));
    }
    let bytes = patch.samples().bytes();
    let channels = usize::from(patch.channels());
    let alpha = (channels == 2 || channels == 4) && patch.samples() == SampleType::U8;
    let mut mask = vec![0u8; pixels as usize];
    let row_length = patch.width() as usize * channels * bytes;
    for (y, row) in patch.pixels().chunks_exact(row_length.max(1)).enumerate() {
        let Some(y) = u32::try_from(top + y as i64).ok().filter(|y| *y < height) else { continue };
        for (x, pixel) in row.chunks_exact(channels * bytes).enumerate() {
            let Some(x) = u32::try_from(left + x as i64).ok().filter(|x| *x < width) else { continue };
            let is_set = if alpha { pixel.last().is_some_and(|a| *a > 0) } else { pixel.iter().any(|p| *p > 0) };
            if let Some(at) = mask.get_mut(y as usize * width as usize + x as usize) {
                *at = u8::from(is_set);
            }
        }
    }
    Rle::from_mask(width, height, &mask).map_err(|e| e.to_string())
}

/// The part of the mask that is set, as a PNG of `on` and 0, with its corner and size; [`None`] for an empty mask.
pub(crate) fn cut(rle: &Rle, on: u8) -> Option<(Vec<u8>, [u32; 4])> {
    let b = rle.bounds()?;
    let mask = rle.to_mask().ok()?;
    let (left, top, right, lower) = (b.xmin as usize, b.ymin as usize, b.xmax as usize, b.ymax as usize);
    let row = |y: usize| mask.get(y * rle.width as usize + left..y * rle.width as usize + right).unwrap_or_default();
    let pixels: Vec<u8> = (top..lower).flat_map(row).map(|p| if *p > 0 { on } else { 0 }).collect();
    let (w, h) = ((right - left) as u32, (lower - top) as u32);
    let png = tamis_media::encode_png(&Image::grey8(w, h, pixels).ok()?).ok()?;
    Some((png, [left as u32, top as u32, w, h]))
}
