//! What bad files give: an error that says why, in bounded time and memory, and never a panic.

use image::ImageFormat;
use proptest::prelude::*;
use tamis_media::{Limits, MediaError, check, check_deep, decode, fuzz, probe, thumbnail};

use crate::sample;

/// CRC-32 of PNG chunks, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &b| {
        (0..8).fold(crc ^ u32::from(b), |c, _| if c & 1 == 1 { c >> 1 ^ 0xedb8_8320 } else { c >> 1 })
    })
}

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut named = name.to_vec();
    named.extend(body);
    [&(body.len() as u32).to_be_bytes()[..], &named, &crc(&named).to_be_bytes()].concat()
}

/// A PNG header of any size over a few bytes of pixels.
fn png_claiming(width: u32, height: u32) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let pixels = [0x78, 0x01, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01];
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", &pixels), chunk(b"IEND", &[])].concat()
}

/// A TIFF of one strip whose claims can be set.
fn tiff_claiming(width: u32, height: u32, offset: u32, length: u32, strips: u32) -> Vec<u8> {
    let entries: [(u16, u16, u32, u32); 9] = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, strips, offset),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (279, 4, strips, length),
    ];
    let mut out = b"II\x2a\0\x08\0\0\0\x09\0".to_vec();
    for (tag, kind, count, value) in entries {
        out.extend(tag.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    out.extend([0; 4]);
    out
}

#[test]
fn bombs_are_errors() {
    let limits = Limits { max_pixels: 100_000_000, ..Limits::default() };
    let too_many = |bytes: &[u8]| match decode(bytes, &limits) {
        Err(MediaError::TooLarge { unit: "pixels", needed, .. }) => needed,
        other => panic!("{other:?}"),
    };
    let png = png_claiming(50_000, 50_000);
    assert_eq!(probe(&png).unwrap().width, 50_000);
    assert_eq!(too_many(&png), 2_500_000_000);
    assert_eq!(check_deep(&png, &limits)[0].code, "image.too_large");
    assert!(thumbnail(&png, 64, &limits).is_err());
    let mut gif = sample::encoded(&sample::picture(8, 8), ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0xff; 4]);
    assert_eq!(too_many(&gif), 65_535 * 65_535);
    assert_eq!(too_many(&tiff_claiming(1 << 31, 1 << 31, 8, 16, 1)), 1 << 62);
    let mut bmp = sample::encoded(&sample::picture(8, 8), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&i32::MAX.to_le_bytes());
    too_many(&bmp);
    let mut jpeg = sample::encoded(&sample::picture(8, 8), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    too_many(&jpeg);
}

#[test]
fn bytes_and_time_are_limited_too() {
    let png = sample::encoded(&sample::picture(200, 200), ImageFormat::Png);
    let small = Limits { max_bytes: 1000, ..Limits::default() };
    assert!(matches!(decode(&png, &small), Err(MediaError::TooLarge { unit: "bytes", .. })));
    let quick = Limits { max_millis: 0, ..Limits::default() };
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let bytes = sample::encoded(&sample::picture(2000, 1000), format);
        let result = decode(&bytes, &quick);
        assert!(matches!(result, Err(MediaError::TooSlow { .. })), "{format:?} {:?}", result.err());
    }
}

#[test]
fn absurd_tiff_strips_are_errors() {
    let limits = Limits::default();
    for (offset, length, strips) in
        [(u32::MAX, 64, 1), (8, u32::MAX, 1), (8, 64, u32::MAX), (0, 0, 0), (8, 64, 1 << 30)]
    {
        let bytes = tiff_claiming(64, 64, offset, length, strips);
        assert!(decode(&bytes, &limits).is_err(), "{offset} {length} {strips}");
        assert!(!check_deep(&bytes, &limits).is_empty(), "{offset} {length} {strips}");
    }
}

#[test]
fn files_cut_short_are_found_without_decoding() {
    for (mime, bytes) in sample::all_formats() {
        assert_eq!(check(&bytes), [], "{mime}");
        for part in [3, 10, 25, 50, 75, 95] {
            let cut = &bytes[..bytes.len() * part / 100];
            let problems = check(cut);
            assert_eq!(problems.len(), 1, "{mime} at {part} %");
            assert!(!problems[0].message.is_empty());
        }
    }
    assert_eq!(check(b"")[0].code, "image.empty");
    assert_eq!(check(b"hello")[0].code, "image.unknown");
    assert_eq!(check(&[0xff, 0xd8, 0xff])[0].code, "image.header");
}

#[test]
fn bytes_behind_the_end_are_no_fault() {
    for (mime, mut bytes) in sample::all_formats() {
        bytes.extend([0; 100]);
        assert_eq!(check(&bytes), [], "{mime}");
    }
}

#[test]
fn messages_say_what_was_attempted() {
    let message = probe(b"%PDF-1.7").unwrap_err().to_string();
    assert_eq!(message, "cannot read the image: application/pdf, not one of JPEG, PNG, WebP, TIFF, BMP, GIF");
    let message = decode(&png_claiming(50_000, 50_000), &Limits::default()).unwrap_err().to_string();
    assert_eq!(message, "cannot decode the image/png file: it needs 2500000000 pixels, allowed are 200000000");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn mutated_files_never_panic(which in 0usize..9, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), cut in prop::option::of(any::<prop::sample::Index>())) {
        let mut bytes = sample::all_formats().swap_remove(which).1;
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        fuzz::pixels(&bytes);
    }

    #[test]
    fn mutated_headers_never_panic(which in 0usize..9, changes in prop::collection::vec((0usize..64, any::<u8>()), 1..6)) {
        let mut bytes = sample::all_formats().swap_remove(which).1;
        for (at, value) in changes {
            bytes[at] = value;
        }
        fuzz::pixels(&bytes);
    }

    #[test]
    fn any_bytes_never_panic(magic in 0usize..9, tail in prop::collection::vec(any::<u8>(), 0..300)) {
        let head = sample::all_formats().swap_remove(magic).1;
        fuzz::pixels(&[&head[..12], &tail].concat());
        fuzz::headers(&tail);
    }
}
