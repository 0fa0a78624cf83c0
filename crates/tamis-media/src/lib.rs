//! Opens media safely and draws.
//!
//! Bytes that come from users are hostile until shown otherwise. Everything here takes a byte slice, never reads
//! beyond it, never allocates by what a header claims before [`Limits`] were asked, and answers with a [`MediaError`]
//! where others would panic or eat the machine.
//!
//! * [`sniff`] says what some bytes are, [`probe`] adds size and orientation from the header alone.
//! * [`facts`] is one probe for all media: images, sound, film, point clouds, DICOM, text.
//! * [`peaks`], [`spectrogram`], [`cloud_preview`], [`dicom_image`] and [`VideoTool`] give something to look at.
//! * [`draw_wave`], [`draw_spectrum`] and [`draw_cloud`] make pictures of them.
//! * [`decode`] gives pixels, [`decode_grey`] brightness alone, [`thumbnail`] a small upright picture, [`check`] and [`check_deep`] what is broken.
//! * [`encode_png`] and [`encode_jpeg`] write pixels; equal pixels give equal bytes.
//! * [`scene`] draws the small street dataset that the demo uses.
//!
//! ```
//! use tamis_media::{Image, Limits, decode, encode_png, probe};
//! # fn main() -> Result<(), tamis_media::MediaError> {
//! let red = Image::rgb8(2, 1, vec![255, 0, 0, 255, 0, 0])?;
//! let png = encode_png(&red)?;
//! assert_eq!((probe(&png)?.width, probe(&png)?.mime), (2, "image/png"));
//! assert_eq!(decode(&png, &Limits::default())?, red);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod audio;
mod check;
mod cloud;
mod decode;
mod dicom;
mod draw;
mod encode;
mod error;
mod facts;
mod grey;
mod input;
mod numbers;
mod pixels;
mod probe;
mod resize;
mod sniff;
mod text;
mod thumbnail;
mod video;

pub mod scene;

#[doc(hidden)]
pub mod fuzz;

pub use audio::{AudioProbe, Peaks, Spectrogram, SpectrumOptions, decode_audio, peaks, spectrogram};
pub use check::{Problem, check, check_deep};
pub use cloud::{CloudPreview, CloudProbe, cloud_preview};
pub use decode::{Limits, decode};
pub use dicom::{DicomProbe, dicom_image};
pub use draw::{draw_cloud, draw_spectrum, draw_wave};
pub use encode::{encode_jpeg, encode_png};
pub use error::{MediaError, Result};
pub use facts::{Facts, facts, facts_of};
pub use grey::decode_grey;
pub use pixels::{Image, SampleType};
pub use probe::{ImageProbe, probe};
pub use sniff::{mime_of_name, sniff, sniff_named};
pub use text::TextProbe;
pub use thumbnail::{Thumbnail, thumbnail};
pub use video::{FrameAt, VideoProbe, VideoTool};
