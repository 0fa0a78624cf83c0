//! A small picture of a sample, whatever its medium: images, frames of films, sounds, point clouds, DICOM.

use std::ffi::OsStr;
use std::io::Write;

use tamis_media::{FrameAt, Image, Limits, SpectrumOptions, VideoProbe, VideoTool};

use crate::error::{EngineError, Result};
use crate::{Address, Engine};

/// What to draw.
#[derive(Clone, Debug)]
pub struct PreviewRequest {
    /// The sample.
    pub address: Address,
    /// Pixels of the longer side, at most.
    pub edge: u32,
    /// Which frame of a film; the first where nothing is said.
    pub at: Option<PreviewAt>,
    /// Of a sound its spectrum rather than its wave.
    pub is_spectrum: bool,
    /// The program that decodes films; `ffmpeg` where nothing is said.
    pub ffmpeg: Option<std::ffi::OsString>,
}

/// A place in a film.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PreviewAt {
    /// By number, from 0.
    Frame(u64),
    /// By time.
    Seconds(f64),
}

/// A picture.
#[derive(Clone, Debug)]
pub struct Preview {
    /// `image/png` or `image/jpeg`.
    pub mime: &'static str,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// The encoded picture.
    pub bytes: Vec<u8>,
}

/// Points of a cloud that are drawn.
const POINTS: usize = 200_000;
/// Samples that a stretch of a wave stands for at first.
const STRETCH: u32 = 64;

impl Engine {
    /// Draws a sample.
    ///
    /// # Errors
    /// `media.bad` when it cannot be decoded, or is of a kind that has no picture; `media.tool` for films where
    /// there is no ffmpeg.
    pub fn preview(&self, request: &PreviewRequest) -> Result<Preview> {
        let address = &request.address;
        let sample = self.show(address)?.sample;
        let bytes = self.bytes_of(address, sample.media.as_ref())?;
        let limits = Limits::default();
        let mime = tamis_media::sniff_named(&bytes, &sample.path).unwrap_or("application/octet-stream");
        let (edge, low) = (request.edge.max(1), (request.edge / 4).max(1));
        let image = match mime {
            "application/dicom" => tamis_media::dicom_image(&bytes, None, &limits)?,
            _ if mime.starts_with("image/") => return small(&bytes, edge, &limits),
            _ if mime.starts_with("audio/") && request.is_spectrum => {
                let options = SpectrumOptions { mel: Some(128), ..SpectrumOptions::default() };
                tamis_media::draw_spectrum(&tamis_media::spectrogram(&bytes, &options, &limits)?, edge, low)?
            }
            _ if mime.starts_with("audio/") => {
                tamis_media::draw_wave(&tamis_media::peaks(&bytes, STRETCH, &limits)?, edge, low)?
            }
            _ if mime.starts_with("video/") => frame(request, &bytes, &sample.path, &limits)?,
            _ if mime.starts_with("text/") => {
                let message = format!("cannot draw `{address}`: it is text");
                return Err(EngineError::new("media.bad", message).hint("write it to a file with `tamis show --media`"));
            }
            _ => tamis_media::draw_cloud(&tamis_media::cloud_preview(&bytes, &sample.path, POINTS, &limits)?, edge)?,
        };
        small(&tamis_media::encode_png(&image)?, edge, &limits)
    }
}

fn small(bytes: &[u8], edge: u32, limits: &Limits) -> Result<Preview> {
    let small = tamis_media::thumbnail(bytes, edge, limits)?;
    Ok(Preview { mime: small.mime, width: small.width, height: small.height, bytes: small.bytes })
}

/// A frame of a film, by a program that reads files only.
fn frame(request: &PreviewRequest, bytes: &[u8], name: &str, limits: &Limits) -> Result<Image> {
    let io = |e: std::io::Error| EngineError::new("store.io", format!("cannot write a temporary file: {e}"));
    let mut file = tempfile::NamedTempFile::new().map_err(io)?;
    file.write_all(bytes).and_then(|()| file.flush()).map_err(io)?;
    let at = match request.at {
        None => FrameAt::Index(0),
        Some(PreviewAt::Frame(index)) => FrameAt::Index(index),
        Some(PreviewAt::Seconds(seconds)) => FrameAt::Seconds(seconds),
    };
    let probe: Option<VideoProbe> = match tamis_media::facts(bytes, name) {
        Ok(tamis_media::Facts::Video(probe)) => Some(probe),
        _ => None,
    };
    let tool = VideoTool::new(request.ffmpeg.as_deref().map(OsStr::new));
    Ok(tool.frame(file.path(), at, probe.as_ref(), limits)?)
}
