//! Entry points of the fuzz targets: any bytes in, no panic out.

use crate::{Limits, check, decode, probe, sniff, sniff_named, thumbnail};
use crate::{SpectrumOptions, cloud_preview, dicom_image, facts, peaks, spectrogram};

/// Small limits, so that a target spends its time on parsing.
pub const LIMITS: Limits = Limits { max_pixels: 1 << 20, max_bytes: 16 << 20, max_millis: 2_000 };

/// Header parsing and the cheap check.
pub fn headers(bytes: &[u8]) {
    let _ = sniff(bytes);
    let _ = sniff_named(bytes, "a.jpg");
    let _ = probe(bytes);
    let _ = check(bytes);
}

/// Everything that is no image: probes, decoding of sound, points and DICOM.
pub fn other_media(bytes: &[u8]) {
    for name in ["a", "a.mp3", "a.pcd", "lidar/a.bin", "a.pcd.bin", "a.txt"] {
        let _ = facts(bytes, name).map(|facts| facts.fields());
    }
    let _ = cloud_preview(bytes, "lidar/a.bin", 100, &LIMITS);
    let _ = peaks(bytes, 100, &LIMITS);
    let _ = spectrogram(bytes, &SpectrumOptions { window: 64, hop: 64, mel: Some(8) }, &LIMITS);
    let _ = dicom_image(bytes, None, &LIMITS);
}

/// Decoding; the size must be the one that the header gave.
pub fn pixels(bytes: &[u8]) {
    headers(bytes);
    if let Ok(image) = decode(bytes, &LIMITS) {
        let upright = image.upright();
        debug_assert!(u64::from(upright.width()) * u64::from(upright.height()) <= LIMITS.max_pixels);
        let _ = thumbnail(bytes, 64, &LIMITS);
    }
}
