//! One frame of a film, decoded by a system's `ffmpeg` in a process of its own, within limits.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::VideoProbe;
use crate::decode::{Limits, decode};
use crate::error::{MediaError, Result};
use crate::pixels::Image;

/// Which frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FrameAt {
    /// By number, from 0.
    Index(u64),
    /// The one that is shown at so many seconds.
    Seconds(f64),
}

/// The program that decodes films. Nothing else needs it, images least of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoTool {
    program: OsString,
}

impl VideoTool {
    /// The program at a path (the setting `TAMIS_FFMPEG`), or else `ffmpeg` by the system's search path. Whether it is
    /// there shows when it is used.
    pub fn new(program: Option<&OsStr>) -> VideoTool {
        VideoTool { program: program.filter(|p| !p.is_empty()).unwrap_or(OsStr::new("ffmpeg")).to_owned() }
    }

    /// Decodes one frame of a file. By number the file's `probe` makes it fast where frames last equally long.
    ///
    /// # Errors
    /// [`MediaError::Tool`] when the program is not there, fails, or gives no frame (beyond the end);
    /// [`MediaError::TooSlow`] and [`MediaError::TooLarge`] beyond `limits`.
    pub fn frame(&self, file: &Path, at: FrameAt, probe: Option<&VideoProbe>, limits: &Limits) -> Result<Image> {
        let fault = |reason: String| MediaError::Tool { program: self.program.to_string_lossy().into_owned(), reason };
        let io = |e: std::io::Error| fault(e.to_string());
        let scratch = tempfile::tempdir().map_err(io)?;
        let (picture, words) = (scratch.path().join("frame.png"), scratch.path().join("words"));
        let mut command = Command::new(&self.program);
        command.args(["-nostdin", "-v", "error", "-protocol_whitelist", "file", "-threads", "1"]);
        command.args(arguments(file, at, probe));
        command.args(["-frames:v", "1", "-an", "-sn", "-c:v", "png", "-f", "image2", "-update", "1"]);
        command.arg("-fs").arg(limits.max_bytes.to_string()).arg(&picture);
        let errors = std::fs::File::create(&words).map_err(io)?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
        let mut child = command.spawn().map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => fault("it is not installed".to_owned()),
            _ => io(e),
        })?;
        let deadline = Instant::now().checked_add(Duration::from_millis(limits.max_millis));
        let mut pause = Duration::from_millis(1);
        let status = loop {
            if let Some(status) = child.try_wait().map_err(io)? {
                break status;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                drop(child.kill());
                drop(child.wait());
                return Err(MediaError::TooSlow { mime: "video", allowed_millis: limits.max_millis });
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        };
        match std::fs::read(&picture) {
            Ok(bytes) if status.success() && !bytes.is_empty() => decode(&bytes, limits),
            _ => {
                let words = std::fs::read(&words).unwrap_or_default();
                let words = String::from_utf8_lossy(words.get(..words.len().min(4000)).unwrap_or_default());
                let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("there is no such frame");
                Err(fault(crate::decode::plain(&last)))
            }
        }
    }
}

/// Where to seek and what to take.
fn arguments(file: &Path, at: FrameAt, probe: Option<&VideoProbe>) -> Vec<OsString> {
    let seek = |seconds: f64| vec!["-ss".into(), format!("{:.6}", seconds.max(0.0)).into(), "-i".into(), file.into()];
    match at {
        FrameAt::Seconds(seconds) => seek(if seconds.is_finite() { seconds } else { 0.0 }),
        FrameAt::Index(index) => match probe.filter(|p| p.is_constant == Some(true)).and_then(|p| p.fps) {
            // Half a frame early, so that rounding cannot choose the next.
            Some(fps) => seek((index as f64 - 0.5) / fps),
            None => vec!["-i".into(), file.into(), "-vf".into(), format!("select=eq(n\\,{index})").into()],
        },
    }
}
