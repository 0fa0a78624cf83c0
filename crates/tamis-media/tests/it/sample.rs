//! Images that the tests make themselves.

use std::io::Cursor;
use std::path::PathBuf;

use image::{DynamicImage, ImageFormat};

/// A picture with structure, so that compression has something to do.
pub(crate) fn picture(width: u32, height: u32) -> DynamicImage {
    DynamicImage::ImageRgb8(image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, ((x / 4 + y / 4) % 2 * 200) as u8])
    }))
}

pub(crate) fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// One small file of each format, with its media type.
pub(crate) fn all_formats() -> Vec<(&'static str, Vec<u8>)> {
    let colour = picture(37, 23);
    vec![
        ("image/jpeg", encoded(&colour, ImageFormat::Jpeg)),
        ("image/png", encoded(&colour, ImageFormat::Png)),
        ("image/png", encoded(&DynamicImage::ImageLuma16(colour.to_luma16()), ImageFormat::Png)),
        ("image/png", encoded(&DynamicImage::ImageRgba8(colour.to_rgba8()), ImageFormat::Png)),
        ("image/webp", encoded(&colour, ImageFormat::WebP)),
        ("image/tiff", encoded(&colour, ImageFormat::Tiff)),
        ("image/tiff", encoded(&DynamicImage::ImageLuma16(colour.to_luma16()), ImageFormat::Tiff)),
        ("image/bmp", encoded(&colour, ImageFormat::Bmp)),
        ("image/gif", encoded(&colour, ImageFormat::Gif)),
    ]
}

/// An EXIF payload (a TIFF structure) with nothing but an orientation.
pub(crate) fn exif(orientation: u8, big_endian: bool) -> Vec<u8> {
    let u16s = |v: u16| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
    let u32s = |v: u32| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
    let mut out = if big_endian { b"MM\0\x2a".to_vec() } else { b"II\x2a\0".to_vec() };
    out.extend(u32s(8));
    out.extend(u16s(1));
    out.extend(u16s(274));
    out.extend(u16s(3));
    out.extend(u32s(1));
    out.extend(u16s(orientation.into()));
    out.extend([0, 0]);
    out.extend(u32s(0));
    out
}

/// A JPEG with an EXIF segment put in front.
pub(crate) fn jpeg_with_exif(jpeg: &[u8], exif: &[u8]) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8, 0xff, 0xe1];
    out.extend((exif.len() as u16 + 8).to_be_bytes());
    out.extend(b"Exif\0\0");
    out.extend(exif);
    out.extend(&jpeg[2..]);
    out
}

/// The folder of real data sets; says so and answers [`None`] when it is absent.
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TAMIS_TEST_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no `{}`", folder.display());
    None
}

/// Every file below a folder with one of these extensions, in order.
pub(crate) fn files(folder: &std::path::Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extensions));
        } else if path.extension().is_some_and(|e| extensions.contains(&e.to_str().unwrap_or_default())) {
            found.push(path);
        }
    }
    found.sort();
    found
}
