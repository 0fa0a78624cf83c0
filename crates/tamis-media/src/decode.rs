//! Pixels out of encoded bytes, within limits.
//!
//! Three walls stand before a decompression bomb: the header's size is checked before a decoder sees the bytes; the
//! decoder's own idea of the size is checked before pixels are allocated (a file may say different things in different
//! places); and the decoder reads through a clock that ends the input when the time is over. JPEG alone takes its input
//! at once, so its time is bounded by pixels (and at most 100 scans), not by the clock.

use std::io::{BufRead, Cursor, Error, ErrorKind, Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use image::error::{ImageError, LimitErrorKind};
use image::{ColorType, ImageDecoder, ImageResult};
use serde::{Deserialize, Serialize};

use crate::error::{MediaError, Result};
use crate::pixels::{Image, SampleType};
use crate::probe::probe;

/// What decoding one image may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Width × height.
    pub max_pixels: u64,
    /// Bytes of decoded pixels; a decoder's own buffers may take as much again.
    pub max_bytes: u64,
    /// Milliseconds on the clock.
    pub max_millis: u64,
}

impl Default for Limits {
    /// 200 megapixels, 1 GiB, 20 s: above every camera, below an outage.
    fn default() -> Limits {
        Limits { max_pixels: 200_000_000, max_bytes: 1 << 30, max_millis: 20_000 }
    }
}

/// Decodes an image (the first frame or page of several), as stored: [`Image::upright`] turns it.
///
/// # Errors
/// Those of [`probe`]; [`MediaError::TooLarge`] and [`MediaError::TooSlow`] beyond `limits`;
/// [`MediaError::Malformed`], [`MediaError::Truncated`] and [`MediaError::Unsupported`] as the pixels are read.
/// A JPEG cut short decodes to grey below the cut, as browsers show it; [`crate::check`] finds the cut.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Image> {
    let head = probe(bytes)?;
    let job = Job { mime: head.mime, length: bytes.len(), limits };
    job.allow("pixels", head.pixels(), limits.max_pixels)?;
    let source = Clocked::new(bytes, limits);
    let image = match head.mime {
        "image/jpeg" => job.read(image::codecs::jpeg::JpegDecoder::new(source)),
        "image/png" => job.read(image::codecs::png::PngDecoder::with_limits(source, job.walls(head.pixels() * 8))),
        "image/webp" => job.read(image::codecs::webp::WebPDecoder::new(source)),
        "image/tiff" => job.read(image::codecs::tiff::TiffDecoder::new(source)),
        "image/bmp" => job.read(image::codecs::bmp::BmpDecoder::new(source)),
        "image/gif" => job.read(image::codecs::gif::GifDecoder::new(source)),
        found => Err(MediaError::NotAnImage { found }),
    }?;
    Ok(image.with_orientation(head.orientation))
}

/// One decoding: what is decoded and what it may take.
struct Job<'a> {
    mime: &'static str,
    length: usize,
    limits: &'a Limits,
}

impl Job<'_> {
    fn allow(&self, unit: &'static str, needed: u64, allowed: u64) -> Result<()> {
        if needed <= allowed {
            return Ok(());
        }
        Err(MediaError::TooLarge { mime: self.mime, unit, needed, allowed })
    }

    /// The decoder's own limits, when the pixels take `total` bytes.
    fn walls(&self, total: u64) -> image::Limits {
        let mut walls = image::Limits::no_limits();
        walls.max_alloc = Some(self.limits.max_bytes.saturating_add(total));
        walls
    }

    fn read<D: ImageDecoder>(&self, decoder: ImageResult<D>) -> Result<Image> {
        let mut decoder = decoder.map_err(|e| self.fault(e))?;
        let (width, height) = decoder.dimensions();
        self.allow("pixels", u64::from(width) * u64::from(height), self.limits.max_pixels)?;
        let total = decoder.total_bytes();
        self.allow("bytes", total, self.limits.max_bytes)?;
        let (channels, samples) = layout(decoder.color_type()).ok_or_else(|| MediaError::Unsupported {
            mime: self.mime,
            reason: format!("the pixel layout {:?}", decoder.color_type()),
        })?;
        decoder.set_limits(self.walls(total)).map_err(|e| self.fault(e))?;
        let mut pixels = Vec::new();
        let size = usize::try_from(total).unwrap_or(usize::MAX);
        let refused = || MediaError::TooLarge { mime: self.mime, unit: "bytes", needed: total, allowed: total / 2 };
        pixels.try_reserve_exact(size).map_err(|_| refused())?;
        pixels.resize(size, 0);
        decoder.read_image(&mut pixels).map_err(|e| self.fault(e))?;
        Image::new(width, height, channels, samples, pixels)
    }

    /// The decoder's error in this crate's words.
    fn fault(&self, error: ImageError) -> MediaError {
        let mime = self.mime;
        if let Some(kind) = io_kind(&error) {
            match kind {
                ErrorKind::TimedOut => return MediaError::TooSlow { mime, allowed_millis: self.limits.max_millis },
                ErrorKind::UnexpectedEof => {
                    return MediaError::Truncated { mime, part: "pixels", length: self.length };
                }
                _ => {}
            }
        }
        match error {
            ImageError::Limits(e) => match e.kind() {
                LimitErrorKind::Unsupported { .. } => MediaError::Unsupported { mime, reason: "the limit".to_owned() },
                _ => MediaError::TooLarge {
                    mime,
                    unit: "bytes",
                    needed: self.limits.max_bytes.saturating_add(1),
                    allowed: self.limits.max_bytes,
                },
            },
            ImageError::Unsupported(e) => MediaError::Unsupported { mime, reason: plain(&e) },
            e => MediaError::Malformed { mime, reason: plain(&e) },
        }
    }
}

/// A foreign message on one line, shortened, without a final stop.
pub(crate) fn plain(error: &dyn std::fmt::Display) -> String {
    let text: String = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    text.trim_end_matches('.').chars().take(200).collect()
}

/// The kind of an operating system error anywhere in the chain of causes.
fn io_kind(error: &ImageError) -> Option<ErrorKind> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(e) = cause {
        if let Some(io) = e.downcast_ref::<Error>() {
            return Some(io.kind());
        }
        cause = match e.downcast_ref::<ImageError>() {
            Some(ImageError::IoError(io)) => return Some(io.kind()),
            _ => e.source(),
        };
    }
    None
}

fn layout(colour: ColorType) -> Option<(u8, SampleType)> {
    Some(match colour {
        ColorType::L8 => (1, SampleType::U8),
        ColorType::La8 => (2, SampleType::U8),
        ColorType::Rgb8 => (3, SampleType::U8),
        ColorType::Rgba8 => (4, SampleType::U8),
        ColorType::L16 => (1, SampleType::U16),
        ColorType::La16 => (2, SampleType::U16),
        ColorType::Rgb16 => (3, SampleType::U16),
        ColorType::Rgba16 => (4, SampleType::U16),
        ColorType::Rgb32F => (3, SampleType::F32),
        ColorType::Rgba32F => (4, SampleType::F32),
        _ => return None,
    })
}

/// Bytes that run out when the time does. The clock is asked for every 64 KiB.
struct Clocked<'a> {
    bytes: Cursor<&'a [u8]>,
    deadline: Option<Instant>,
    /// Handed out since the clock was asked last; a read counts as at least 256 bytes.
    since: usize,
}

impl<'a> Clocked<'a> {
    /// How much is handed out at once.
    const PORTION: usize = 64 << 10;

    fn new(bytes: &'a [u8], limits: &Limits) -> Clocked<'a> {
        let deadline = Instant::now().checked_add(Duration::from_millis(limits.max_millis));
        Clocked { bytes: Cursor::new(bytes), deadline, since: 0 }
    }

    fn check(&mut self, size: usize) -> std::io::Result<()> {
        self.since += size.max(256);
        if self.since < Self::PORTION {
            return Ok(());
        }
        self.since = 0;
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Error::new(ErrorKind::TimedOut, "the time is over"));
        }
        Ok(())
    }
}

impl Read for Clocked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = buffer.len().min(Self::PORTION);
        self.check(size)?;
        self.bytes.read(buffer.get_mut(..size).unwrap_or_default())
    }
}

impl BufRead for Clocked<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.check(Self::PORTION)?;
        let rest = self.bytes.fill_buf()?;
        Ok(rest.get(..rest.len().min(Self::PORTION)).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.bytes.consume(count);
    }
}

impl Seek for Clocked<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.bytes.seek(to)
    }
}
