//! One probe for all media: what a file is, and the facts its headers tell.

use std::collections::BTreeMap;
use std::io::Cursor;

use serde::Serialize;
use serde_json::Value;

use crate::audio::{self, AudioProbe};
use crate::cloud::{self, CloudProbe};
use crate::dicom::{self, DicomProbe};
use crate::error::{MediaError, Result};
use crate::input::{Bytes, Input};
use crate::probe::{ImageProbe, probe};
use crate::sniff::sniff_named;
use crate::text::{self, TextProbe};
use crate::video::{self, VideoProbe};

/// What is known of a media file without decoding it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Facts {
    /// A picture.
    Image(ImageProbe),
    /// A sound.
    Audio(AudioProbe),
    /// A film.
    Video(VideoProbe),
    /// A point cloud.
    Cloud(CloudProbe),
    /// A medical picture.
    Dicom(DicomProbe),
    /// A text.
    Text(TextProbe),
}

/// Headers lie at the ends of most files, and at most this much is read of each.
const HEAD: u64 = 64 << 20;

/// The facts of a file in memory. The name decides only where bytes cannot (see [`sniff_named`]).
///
/// # Errors
/// [`MediaError::Unsupported`] for a kind without facts; [`MediaError::Malformed`] and [`MediaError::Truncated`] for
/// headers that break their format's rules.
pub fn facts(bytes: &[u8], name: &str) -> Result<Facts> {
    facts_of(&mut Cursor::new(bytes), name)
}

/// As [`facts`], of a file that is not in memory: only headers and indexes are read, 64 MiB of them at the most.
///
/// # Errors
/// As [`facts`].
pub fn facts_of(reader: &mut (impl std::io::Read + std::io::Seek), name: &str) -> Result<Facts> {
    look(&mut Input::new(reader as &mut dyn Bytes), name)
}

fn look(input: &mut Input<'_>, name: &str) -> Result<Facts> {
    let head = input.upto(0, 1024);
    if dicom::is_dicom(&head) {
        return dicom::probe(&input.upto(0, HEAD)).map(Facts::Dicom);
    }
    let mime = sniff_named(&head, name).unwrap_or("application/octet-stream");
    let found = match mime {
        "image/jpeg" | "image/png" | "image/webp" | "image/tiff" | "image/bmp" | "image/gif" => {
            return probe(&input.upto(0, HEAD)).map(Facts::Image);
        }
        "audio/wav" | "audio/flac" | "audio/ogg" | "audio/mpeg" => audio::probe(mime, input).map(Facts::Audio),
        "video/mp4" | "video/quicktime" | "audio/mp4" => video::mp4(mime, input).map(Facts::Video),
        "video/webm" | "video/x-matroska" => video::matroska(mime, input).map(Facts::Video),
        "video/x-msvideo" => video::avi(mime, input).map(Facts::Video),
        "model/pcd" | "model/ply" | "model/las" => cloud::probe(mime, input, name).map(Facts::Cloud),
        _ if cloud::is_raw(name) => cloud::probe(cloud::RAW, input, name).map(Facts::Cloud),
        _ if mime.starts_with("text/") || mime.starts_with("application/json") => {
            Some(Facts::Text(text::probe(mime, &input.upto(0, HEAD))))
        }
        _ => return Err(MediaError::Unsupported { mime, reason: "the kind of file".to_owned() }),
    };
    found
        .ok_or_else(|| MediaError::Malformed { mime, reason: "its header is cut short or breaks its rules".to_owned() })
}

impl Facts {
    /// The media type by content.
    pub fn mime(&self) -> &'static str {
        match self {
            Facts::Image(found) => found.mime,
            Facts::Audio(found) => found.mime,
            Facts::Video(found) => found.mime,
            Facts::Cloud(found) => found.mime,
            Facts::Dicom(_) => dicom::MIME,
            Facts::Text(found) => found.mime,
        }
    }

    /// Pixels across and down, as stored, of what has pixels.
    pub fn size(&self) -> Option<(u32, u32)> {
        match self {
            Facts::Image(found) => Some((found.width, found.height)),
            Facts::Video(found) => found.width.zip(found.height),
            Facts::Dicom(found) => Some((found.width, found.height)),
            _ => None,
        }
    }

    /// The facts that have no column of their own, as fields of a sample: `media.duration` and its like
    /// (docs/adr/0056-facts-of-media-are-fields.md).
    pub fn fields(&self) -> BTreeMap<String, Value> {
        let mut out = BTreeMap::new();
        let mut put = |name: &str, value: Option<Value>| {
            out.extend(value.filter(|value| !value.is_null()).map(|value| (format!("media.{name}"), value)));
        };
        match self {
            Facts::Image(_) => {}
            Facts::Audio(found) => {
                put("duration", found.duration.map(Value::from));
                put("channels", Some(found.channels.into()));
                put("sample_rate", Some(found.sample_rate.into()));
                put("codec", Some(found.codec.into()));
            }
            Facts::Video(found) => {
                put("duration", found.duration.map(Value::from));
                put("frames", found.frames.map(Value::from));
                put("fps", found.fps.map(Value::from));
                put("key_frames", found.keys.as_ref().map(|keys| keys.len().into()));
                put("codec", Some(found.codec.as_str().into()));
                put("has_audio", Some(found.has_audio.into()));
            }
            Facts::Cloud(found) => {
                put("points", Some(found.points.into()));
                put("bounds", found.bounds.map(|[low, high]| low.into_iter().chain(high).collect()));
                put("point_fields", Some(found.fields.join(",").into()));
            }
            Facts::Dicom(found) => {
                put("frames", Some(found.frames.into()));
                put("bits", Some(found.bits.into()));
                put("modality", found.modality.as_deref().map(Value::from));
                put("window_center", found.window.map(|[center, _]| center.into()));
                put("window_width", found.window.map(|[_, width]| width.into()));
            }
            Facts::Text(found) => {
                put("encoding", Some(found.encoding.into()));
                put("lines", Some(found.lines.into()));
                put("characters", Some(found.characters.into()));
            }
        }
        out
    }
}
