//! Pixels in memory.

use crate::error::{MediaError, Result};

/// How each number of a pixel is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SampleType {
    /// 8 bits, 0 to 255.
    U8,
    /// 16 bits in the machine's byte order, 0 to 65,535.
    U16,
    /// 32-bit float in the machine's byte order, normally 0 to 1.
    F32,
}

impl SampleType {
    /// Bytes a number.
    pub fn bytes(self) -> usize {
        match self {
            SampleType::U8 => 1,
            SampleType::U16 => 2,
            SampleType::F32 => 4,
        }
    }
}

/// A decoded image: rows from the top, pixels from the left, channels interleaved, no padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    width: u32,
    height: u32,
    channels: u8,
    samples: SampleType,
    orientation: u8,
    pixels: Vec<u8>,
}

impl Image {
    /// An image of `channels` numbers a pixel: 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha.
    ///
    /// # Errors
    /// [`MediaError::BadPixels`] when the size is 0, the channels are none of these, or `pixels` is not of the length
    /// that they ask for.
    pub fn new(width: u32, height: u32, channels: u8, samples: SampleType, pixels: Vec<u8>) -> Result<Image> {
        let bad = |reason| Err(MediaError::BadPixels { width, height, reason });
        if width == 0 || height == 0 {
            return bad("it has no pixels");
        }
        if !(1..=4).contains(&channels) {
            return bad("it has not 1 to 4 channels");
        }
        let size = u128::from(width) * u128::from(height) * u128::from(channels) * samples.bytes() as u128;
        if size != pixels.len() as u128 {
            return bad("its size asks for another count of bytes");
        }
        Ok(Image { width, height, channels, samples, orientation: 1, pixels })
    }

    /// An image of 3 bytes a pixel, red, green, blue.
    pub fn rgb8(width: u32, height: u32, pixels: Vec<u8>) -> Result<Image> {
        Image::new(width, height, 3, SampleType::U8, pixels)
    }

    /// An image of 1 byte a pixel.
    pub fn grey8(width: u32, height: u32, pixels: Vec<u8>) -> Result<Image> {
        Image::new(width, height, 1, SampleType::U8, pixels)
    }

    /// The same pixels with the note that a person sees them turned by an EXIF orientation; out of 1 to 8 means 1.
    pub(crate) fn with_orientation(self, orientation: u8) -> Image {
        Image { orientation: if (1..=8).contains(&orientation) { orientation } else { 1 }, ..self }
    }

    /// The same pixels, to be turned as `other` has to be: for what was made of its stored pixels.
    pub fn turned_as(self, other: &Image) -> Image {
        self.with_orientation(other.orientation)
    }

    /// Pixels across.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels down.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Numbers a pixel, 1 to 4.
    pub fn channels(&self) -> u8 {
        self.channels
    }

    /// How each number is kept.
    pub fn samples(&self) -> SampleType {
        self.samples
    }

    /// How a viewer has to turn the pixels (EXIF, 1 to 8); 1 after [`Image::upright`].
    pub fn orientation(&self) -> u8 {
        self.orientation
    }

    /// All numbers, in the order the type's description gives.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The pixels alone.
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    /// Bytes a pixel.
    fn stride(&self) -> usize {
        usize::from(self.channels) * self.samples.bytes()
    }

    /// The numbers as floats, in their own range.
    pub(crate) fn floats(&self) -> impl Iterator<Item = f32> + '_ {
        let samples = self.samples;
        self.pixels.chunks_exact(samples.bytes()).map(move |raw| match (samples, raw) {
            (SampleType::U8, [v]) => f32::from(*v),
            (SampleType::U16, [a, b]) => f32::from(u16::from_ne_bytes([*a, *b])),
            (SampleType::F32, [a, b, c, d]) => f32::from_ne_bytes([*a, *b, *c, *d]),
            _ => 0.0,
        })
    }

    /// The same image with 8 bits a number; floats are clamped to 0 to 1, not-a-number is 0.
    pub fn to_8bit(&self) -> Image {
        let scale = match self.samples {
            SampleType::U8 => return self.clone(),
            SampleType::U16 => 255.0 / 65_535.0,
            SampleType::F32 => 255.0,
        };
        // The cast saturates, and sends not-a-number to 0.
        let pixels = self.floats().map(|v| (v * scale).round() as u8).collect();
        Image { samples: SampleType::U8, pixels, ..*self }
    }

    /// The image as a person is to see it: mirrored and turned by its orientation, which is 1 afterwards.
    /// A pass over the pixels; nothing when the orientation is 1.
    pub fn upright(self) -> Image {
        let (w, h) = (self.width as usize, self.height as usize);
        if self.orientation <= 1 || w == 0 || h == 0 {
            return self;
        }
        // For the pixel at column x and row y of the result: its place in the stored pixels.
        let place = |x: usize, y: usize| match self.orientation {
            2 => (w - 1 - x, y),
            3 => (w - 1 - x, h - 1 - y),
            4 => (x, h - 1 - y),
            5 => (y, x),
            6 => (y, h - 1 - x),
            7 => (w - 1 - y, h - 1 - x),
            8 => (w - 1 - y, x),
            _ => (x, y),
        };
        let (width, height) = if self.orientation >= 5 { (h, w) } else { (w, h) };
        let stride = self.stride();
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for y in 0..height {
            for x in 0..width {
                let (sx, sy) = place(x, y);
                let at = (sy * w + sx) * stride;
                pixels.extend_from_slice(self.pixels.get(at..at + stride).unwrap_or_default());
            }
        }
        Image { width: width as u32, height: height as u32, orientation: 1, pixels, ..self }
    }

    /// The same image without alpha, laid over white.
    pub fn over_white(self) -> Image {
        let colours = usize::from(self.channels - 1);
        if self.channels % 2 == 1 || self.samples != SampleType::U8 {
            return self;
        }
        let blend = |v: u8, alpha: u8| {
            let sum = u32::from(v) * u32::from(alpha) + 255 * (255 - u32::from(alpha));
            ((sum + 127) / 255) as u8
        };
        let pixels = self
            .pixels
            .chunks_exact(colours + 1)
            .flat_map(|p| p.iter().take(colours).map(move |&v| blend(v, p.get(colours).copied().unwrap_or(255))))
            .collect();
        Image { channels: self.channels - 1, pixels, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EXIF's definition: where row 0 and column 0 of the stored pixels are seen.
    #[test]
    fn all_eight_orientations() {
        // Stored: a b c / d e f
        let stored = |orientation| {
            Image::grey8(3, 2, b"abcdef".to_vec()).map(|i| i.with_orientation(orientation).upright()).ok()
        };
        let want: [(u8, u32, &[u8]); 8] = [
            (1, 3, b"abcdef"),
            (2, 3, b"cbafed"),
            (3, 3, b"fedcba"),
            (4, 3, b"defabc"),
            (5, 2, b"adbecf"),
            (6, 2, b"daebfc"),
            (7, 2, b"fcebda"),
            (8, 2, b"cfbead"),
        ];
        for (orientation, width, pixels) in want {
            let image = stored(orientation);
            let seen = image.as_ref().map(|i| (i.width(), i.orientation(), i.pixels()));
            assert_eq!(seen, Some((width, 1, pixels)), "orientation {orientation}");
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        assert!(Image::rgb8(2, 2, vec![0; 11]).is_err());
        assert!(Image::rgb8(0, 2, vec![]).is_err());
        assert!(Image::new(1, 1, 5, SampleType::U8, vec![0; 5]).is_err());
        assert!(Image::new(u32::MAX, u32::MAX, 4, SampleType::F32, vec![]).is_err());
    }

    #[test]
    fn sixteen_bits_become_eight() {
        let raw: Vec<u8> = [0u16, 128, 65_535].iter().flat_map(|v| v.to_ne_bytes()).collect();
        let image = Image::new(3, 1, 1, SampleType::U16, raw).map(|i| i.to_8bit());
        assert_eq!(image.as_ref().ok().map(Image::pixels), Some(&[0u8, 0, 255][..]));
    }
}
