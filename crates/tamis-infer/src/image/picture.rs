//! Pixels as the functions want them: three planes of colour, or one of brightness.

use tamis_media::{Image, Limits, decode, decode_grey, thumbnail};

use crate::error::{InferError, Result};
use crate::function::{Single, Spec};
use crate::image::resample::{Filter, Plane};
use crate::params::{Param, ParamKind};
use crate::value::{Input, InputKind, Output, Value};

/// Small pictures for lists.
pub(crate) static THUMBNAIL: Spec = Spec {
    name: "thumbnail",
    version: 1,
    help: "A small upright picture, JPEG, or PNG where it is transparent",
    input: InputKind::Media,
    gives: "bytes",
    params: &[Param {
        name: "size",
        kind: ParamKind::Integer(8, 2048),
        default: Some("256"),
        help: "pixels of the longer side at most",
    }],
    deterministic: true,
    source: "a Hamming filter as wide as the reduction; JPEG of quality 82",
    make: |spec, arguments| {
        let edge = arguments.size("size") as u32;
        let small = move |input: Input<'_>| Ok(Value::Bytes(thumbnail(media(input), edge, &Limits::default())?.bytes));
        Single::boxed(spec, arguments, Output::Bytes, small)
    },
};

/// The bytes of a media input; the caller has checked the kind.
pub(crate) fn media(input: Input<'_>) -> &[u8] {
    match input {
        Input::Media(bytes) => bytes,
        Input::Text(text) => text.as_bytes(),
    }
}

/// The brightness of an image's pixels as stored.
pub(crate) fn brightness(input: Input<'_>) -> Result<Plane> {
    let image = decode_grey(media(input), &Limits::default())?;
    let (width, height) = (image.width() as usize, image.height() as usize);
    Ok(Plane::new(width, height, image.into_pixels()))
}

/// Red, green and blue of an image, 8 bits each. Alpha is ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Colours(pub(crate) [Plane; 3]);

impl Colours {
    /// The pixels as stored.
    pub(crate) fn stored(input: Input<'_>) -> Result<Colours> {
        Ok(Colours::of(&decode(media(input), &Limits::default()).map_err(InferError::Media)?))
    }

    /// The planes of decoded pixels; grey is repeated.
    pub(crate) fn of(image: &Image) -> Colours {
        let eight;
        let image = if image.samples() == tamis_media::SampleType::U8 {
            image
        } else {
            eight = image.to_8bit();
            &eight
        };
        let (width, height, channels) =
            (image.width() as usize, image.height() as usize, usize::from(image.channels()));
        let plane = |channel: usize| {
            let pixels = image.pixels().chunks_exact(channels).map(|pixel| pixel[channel]).collect();
            Plane::new(width, height, pixels)
        };
        if channels < 3 {
            let grey = plane(0);
            return Colours([grey.clone(), grey.clone(), grey]);
        }
        if channels == 3 {
            let mut planes = [0; 3].map(|_| Vec::with_capacity(width * height));
            let [red, green, blue] = &mut planes;
            // A stretch of pixels is small enough to be read three times from the nearest memory.
            for stretch in image.pixels().chunks(3 << 12) {
                red.extend(stretch.chunks_exact(3).map(|pixel| pixel[0]));
                green.extend(stretch.chunks_exact(3).map(|pixel| pixel[1]));
                blue.extend(stretch.chunks_exact(3).map(|pixel| pixel[2]));
            }
            return Colours(planes.map(|pixels| Plane::new(width, height, pixels)));
        }
        Colours([plane(0), plane(1), plane(2)])
    }

    pub(crate) fn width(&self) -> usize {
        self.0[0].width()
    }

    pub(crate) fn height(&self) -> usize {
        self.0[0].height()
    }

    /// Every pixel's three numbers, row by row.
    pub(crate) fn pixels(&self) -> impl Iterator<Item = [u8; 3]> + '_ {
        let [r, g, b] = &self.0;
        r.pixels().iter().zip(g.pixels()).zip(b.pixels()).map(|((&r, &g), &b)| [r, g, b])
    }

    /// 0.299 red + 0.587 green + 0.114 blue, rounded: ITU-R BT.601, as Pillow and OpenCV have it.
    pub(crate) fn brightness(&self) -> Plane {
        let weigh =
            |[r, g, b]: [u8; 3]| (u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 32_768) >> 16;
        Plane::new(self.width(), self.height(), self.pixels().map(|pixel| weigh(pixel) as u8).collect())
    }

    /// The image at another size.
    pub(crate) fn resized(&self, width: usize, height: usize, filter: Filter) -> Colours {
        Colours([0, 1, 2].map(|channel| self.0[channel].resized(width, height, filter)))
    }
}
