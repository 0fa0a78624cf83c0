//! Film: MP4 and QuickTime, Matroska and WebM, AVI. Headers and indexes with our own readers; single frames by a
//! system's `ffmpeg` (docs/adr/0057-frames-by-a-systems-ffmpeg.md).

mod avi;
mod frame;
mod matroska;
mod mp4;

pub(crate) use avi::probe as avi;
pub use frame::{FrameAt, VideoTool};
pub(crate) use matroska::probe as matroska;
pub(crate) use mp4::probe as mp4;

use serde::Serialize;

/// What a film's headers and indexes say.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct VideoProbe {
    /// The media type by content.
    pub mime: &'static str,
    /// How the picture is coded, in the container's words (`avc1`, `V_VP9`); empty when there is no picture.
    pub codec: String,
    /// Pixels across.
    pub width: Option<u32>,
    /// Pixels down.
    pub height: Option<u32>,
    /// Seconds.
    pub duration: Option<f64>,
    /// Frames.
    pub frames: Option<u64>,
    /// Frames a second, on average.
    pub fps: Option<f64>,
    /// Whether every frame lasts as long as every other, where the file tells.
    pub is_constant: Option<bool>,
    /// The numbers of the frames that can be decoded by themselves, from 0, where the file tells.
    pub keys: Option<Vec<u32>>,
    /// Whether there is sound.
    pub has_audio: bool,
}

/// Entries of an index at most: 100 hours at 30 frames a second.
const MAX_ENTRIES: u64 = 10_800_000;

/// Frames a second of so many frames in so many seconds.
fn rate(frames: Option<u64>, duration: Option<f64>) -> Option<f64> {
    let fps = frames? as f64 / duration.filter(|d| *d > 0.0)?;
    (fps > 0.0 && fps.is_finite()).then_some(fps)
}
