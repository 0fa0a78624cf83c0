//! Masks as images: reading the numbers of pixels, painting shapes, and writing them with a palette.

use std::io::Write;

use tamis_core::{Box2d, Label, Place, Point, Rle, Shape};
use tamis_media::{Image, Limits, SampleType};

use crate::labels::Judge;
use crate::source::Source;

/// An image of numbers: width, height, rows.
pub(crate) type Numbers = (u32, u32, Vec<u32>);

/// The number of each pixel of a mask: grey levels as they stand, colours as red + 256 green + 65536 blue.
pub(crate) fn numbers(source: &Source, path: &str, judge: &Judge<'_>) -> Option<Numbers> {
    let bytes = match source.read_at_most(path, 256 << 20) {
        Ok(bytes) => bytes,
        Err(e) => {
            judge.error("unreadable", Place::file(path), e);
            return None;
        }
    };
    match tamis_media::decode(&bytes, &Limits::default()) {
        Ok(image) => Some((image.width(), image.height(), of_image(&image))),
        Err(e) => {
            judge.error("mask", Place::file(path), e);
            None
        }
    }
}

fn of_image(image: &Image) -> Vec<u32> {
    let channels = usize::from(image.channels());
    match (image.samples(), channels) {
        (SampleType::U16, _) => {
            let wide = image.pixels().chunks_exact(2 * channels);
            wide.map(|p| u32::from(u16::from_ne_bytes([p[0], p[1]]))).collect()
        }
        (SampleType::U8, 1 | 2) => image.pixels().chunks_exact(channels).map(|p| u32::from(p[0])).collect(),
        (SampleType::U8, _) => {
            let colours = image.pixels().chunks_exact(channels);
            colours.map(|p| u32::from(p[0]) | u32::from(p[1]) << 8 | u32::from(p[2]) << 16).collect()
        }
        _ => image.to_8bit().pixels().chunks_exact(channels).map(|p| u32::from(p[0])).collect(),
    }
}

/// The pixels whose numbers are such.
pub(crate) fn where_is((width, height, numbers): &Numbers, is_on: impl Fn(u32) -> bool) -> Option<Rle> {
    let bits: Vec<u8> = numbers.iter().map(|n| u8::from(is_on(*n))).collect();
    Rle::from_mask(*width, *height, &bits).ok()
}

/// The foreground of a shape that has an area, within an image.
pub(crate) fn mask_of(shape: &Shape, (width, height): (u32, u32)) -> Option<Rle> {
    let ring = |b: &Box2d| -> Vec<Point> { b.corners().to_vec() };
    let rle = match shape {
        Shape::Rle(rle) => rle.clone(),
        Shape::Polygon(points) => Rle::from_polygon(width, height, points).ok()?,
        Shape::MultiPolygon(rings) => Rle::from_polygons(width, height, rings).ok()?,
        Shape::Box2d(b) => Rle::from_polygon(width, height, &ring(b)).ok()?,
        Shape::RotatedBox(b) => Rle::from_polygon(width, height, &b.corners()).ok()?,
        _ => return None,
    };
    (rle.width == width && rle.height == height).then_some(rle)
}

/// Paints labels, later over earlier, each in its number. How many had no area.
pub(crate) fn paint(
    canvas: &mut [u16],
    size: (u32, u32),
    labels: &[&Label],
    mut number: impl FnMut(usize, &Label) -> u16,
) -> usize {
    let mut without = 0;
    for (at, label) in labels.iter().enumerate() {
        match mask_of(&label.shape, size).and_then(|rle| rle.to_mask().ok()) {
            Some(mask) => {
                let value = number(at, label);
                canvas.iter_mut().zip(mask).filter(|(_, on)| *on != 0).for_each(|(pixel, _)| *pixel = value);
            }
            None => without += 1,
        }
    }
    without
}

/// The colour of a number in the palette of Pascal VOC: its bits, three at a time, spread over the upper bits of red,
/// green and blue.
pub(crate) fn voc_color(number: u8) -> [u8; 3] {
    let mut color = [0u8; 3];
    for step in 0..3u8 {
        for (channel, value) in color.iter_mut().enumerate() {
            let bit = u32::from(number) >> (3 * u32::from(step) + channel as u32) & 1;
            *value |= (bit as u8) << (7 - step);
        }
    }
    color
}

/// A PNG of 8-bit numbers with a palette (PNG specification, sections 5 and 11).
pub(crate) fn indexed_png(width: u32, height: u32, pixels: &[u8], palette: &[[u8; 3]]) -> std::io::Result<Vec<u8>> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::with_capacity(13);
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 3, 0, 0, 0]);
    chunk(&mut out, b"IHDR", &header);
    chunk(&mut out, b"PLTE", &palette.concat());
    let mut rows = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    for row in pixels.chunks(width.max(1) as usize) {
        rows.write_all(&[0])?;
        rows.write_all(row)?;
    }
    chunk(&mut out, b"IDAT", &rows.finish()?);
    chunk(&mut out, b"IEND", &[]);
    Ok(out)
}

fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], body: &[u8]) {
    out.extend((body.len() as u32).to_be_bytes());
    let from = out.len();
    out.extend(kind);
    out.extend(body);
    let mut crc = flate2::Crc::new();
    crc.update(out.get(from..).unwrap_or_default());
    out.extend(crc.sum().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_palette_is_that_of_voc() {
        assert_eq!(
            [1, 2, 3, 15, 20].map(voc_color),
            [[128, 0, 0], [0, 128, 0], [128, 128, 0], [192, 128, 128], [0, 64, 128]]
        );
        assert_eq!(voc_color(255), [224, 224, 192]);
    }

    #[test]
    fn a_png_with_palette_is_read_back_as_its_colours() {
        let palette: Vec<[u8; 3]> = (0..=255).map(voc_color).collect();
        let png = indexed_png(3, 2, &[0, 1, 2, 15, 20, 255], &palette).unwrap();
        let image = tamis_media::decode(&png, &Limits::default()).unwrap();
        let colours: Vec<u8> = [0, 1, 2, 15, 20, 255].iter().flat_map(|n| voc_color(*n)).collect();
        assert_eq!(image.pixels(), colours);
    }
}
