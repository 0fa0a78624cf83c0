//! What good files give.

use image::{GenericImageView, ImageFormat};
use tamis_media::{Limits, SampleType, check, check_deep, decode, probe, sniff, thumbnail};

use crate::sample;

#[test]
fn every_format_is_probed_and_decoded_alike() {
    for (mime, bytes) in sample::all_formats() {
        let head = probe(&bytes).unwrap();
        assert_eq!((head.mime, head.width, head.height, head.orientation), (mime, 37, 23, 1));
        let image = decode(&bytes, &Limits::default()).unwrap();
        assert_eq!((image.width(), image.height()), (37, 23), "{mime}");
        assert_eq!(image.channels(), head.channels, "{mime}");
        assert_eq!(image.samples().bytes() * 8, usize::from(head.bits), "{mime}");
        assert_eq!(check_deep(&bytes, &Limits::default()), [], "{mime}");
    }
}

#[test]
fn lossless_formats_give_the_pixels_back() {
    let picture = sample::picture(37, 23);
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp] {
        let image = decode(&sample::encoded(&picture, format), &Limits::default()).unwrap();
        assert_eq!(image.pixels(), picture.as_bytes(), "{format:?}");
    }
    let png = decode(&sample::all_formats()[2].1, &Limits::default()).unwrap();
    assert_eq!(png.samples(), SampleType::U16);
}

#[test]
fn orientation_is_read_and_applied() {
    // Left half black, right half white: what is seen where tells the turn.
    let picture = image::DynamicImage::ImageLuma8(image::GrayImage::from_fn(64, 32, |x, y| {
        image::Luma([if x < 32 { 20 } else { 140 } + if y < 16 { 0 } else { 90 }])
    }));
    let jpeg = sample::encoded(&picture, ImageFormat::Jpeg);
    for orientation in 1..=8u8 {
        for big_endian in [false, true] {
            let bytes = sample::jpeg_with_exif(&jpeg, &sample::exif(orientation, big_endian));
            let head = probe(&bytes).unwrap();
            assert_eq!(head.orientation, orientation);
            let small = thumbnail(&bytes, 32, &Limits::default()).unwrap();
            let size = if orientation >= 5 { (16, 32) } else { (32, 16) };
            assert_eq!((small.width, small.height), size);
            // An independent implementation of the turn is the judge.
            let mut wanted = picture.clone();
            wanted.apply_orientation(image::metadata::Orientation::from_exif(orientation).unwrap());
            let seen = image::load_from_memory(&small.bytes).unwrap();
            for (x, y) in [(2, 2), (size.0 - 3, 2), (2, size.1 - 3), (size.0 - 3, size.1 - 3)] {
                let (want, got) = (wanted.get_pixel(x * 2, y * 2)[0], seen.get_pixel(x, y)[0]);
                assert!(want.abs_diff(got) < 12, "orientation {orientation}: {want} {got} at {x},{y}");
            }
            assert_eq!(decode(&bytes, &Limits::default()).unwrap().upright().width() * 32, size.0 * 64);
        }
    }
}

#[test]
fn a_prefix_is_enough_to_probe() {
    for (mime, bytes) in sample::all_formats().into_iter().filter(|(mime, _)| *mime != "image/tiff") {
        let head = &bytes[..bytes.len().min(700)];
        assert_eq!(probe(head).unwrap(), probe(&bytes).unwrap(), "{mime}");
    }
}

#[test]
fn transparent_pixels_stay_transparent_in_thumbnails() {
    let mut picture = sample::picture(100, 50).to_rgba8();
    picture.pixels_mut().take(2000).for_each(|p| p[3] = 0);
    let bytes = sample::encoded(&image::DynamicImage::ImageRgba8(picture), ImageFormat::Png);
    let small = thumbnail(&bytes, 20, &Limits::default()).unwrap();
    assert_eq!((small.mime, small.width, small.height), ("image/png", 20, 10));
    assert_eq!(image::load_from_memory(&small.bytes).unwrap().to_rgba8().get_pixel(3, 0)[3], 0);
}

#[test]
fn real_photographs() {
    let mut seen = 0;
    for name in ["bccd_voc", "voc100_multiformat", "labelformat_fixtures", "datumaro_fixtures"] {
        let Some(folder) = sample::data(name) else { continue };
        let images = sample::files(&folder, &["jpg", "jpeg", "JPEG", "png", "bmp", "tif", "tiff", "gif", "webp"]);
        let stride = (images.len() / 120).max(1);
        for path in images.iter().step_by(stride) {
            let bytes = std::fs::read(path).unwrap();
            if !sniff(&bytes).is_some_and(|mime| mime.starts_with("image/")) {
                assert!(!check(&bytes).is_empty(), "{}", path.display());
                continue;
            }
            let head = probe(&bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let image = decode(&bytes, &Limits::default()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            assert_eq!((head.width, head.height), (image.width(), image.height()), "{}", path.display());
            assert_eq!(check(&bytes), [], "{}", path.display());
            let small = thumbnail(&bytes, 96, &Limits::default()).unwrap();
            assert!(small.width <= 96 && small.height <= 96 && !small.bytes.is_empty());
            seen += 1;
        }
    }
    println!("{seen} real images");
}
