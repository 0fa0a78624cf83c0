//! Point clouds: PCD, LAS and LAZ, PLY, and raw floats as KITTI and nuScenes keep them.
//!
//! All readers are one scan that hands over point by point, so that bounds and previews take no memory for the cloud.

mod las;
mod lzf;
mod pcd;
mod ply;
mod raw;

pub(crate) use raw::{MIME as RAW, is_raw};

use serde::Serialize;

use crate::decode::Limits;
use crate::error::{MediaError, Result};
use crate::input::Input;
use crate::sniff::sniff_named;

/// What a point cloud is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CloudProbe {
    /// The media type by content.
    pub mime: &'static str,
    /// Points.
    pub points: u64,
    /// Lowest and highest x, y, z of the finite points in metres, where the header says or the points were looked at.
    pub bounds: Option<[[f64; 3]; 2]>,
    /// The names of the values of a point.
    pub fields: Vec<String>,
}

/// One point as a reader hands it over.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Dot {
    pub(crate) xyz: [f64; 3],
    pub(crate) intensity: Option<f32>,
    pub(crate) rgb: Option<[u8; 3]>,
}

/// Some points of a cloud, to look at.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CloudPreview {
    /// Points that the cloud has.
    pub points: u64,
    /// x, y, z of each point shown.
    pub xyz: Vec<[f32; 3]>,
    /// The intensity of each, as stored, where the cloud has it.
    pub intensity: Option<Vec<f32>>,
    /// Red, green, blue of each, where the cloud has it.
    pub rgb: Option<Vec<[u8; 3]>>,
}

/// Files up to this are scanned for their bounds by [`crate::facts`].
const SCANNED: u64 = 64 << 20;

fn fault(mime: &'static str, reason: impl Into<String>) -> MediaError {
    MediaError::Malformed { mime, reason: reason.into() }
}

pub(crate) fn probe(mime: &'static str, input: &mut Input<'_>, name: &str) -> Option<CloudProbe> {
    let whole = input.len() <= SCANNED;
    let bytes = input.upto(0, if whole { SCANNED } else { 1 << 20 });
    let head = match mime {
        "model/pcd" => pcd::head(&bytes).ok()?.probe(),
        "model/ply" => ply::head(&bytes).ok()?.probe(),
        "model/las" => return las::head(&bytes).map(|head| head.probe()),
        _ => raw::head(input.len(), name)?.probe(),
    };
    if !whole {
        return Some(head);
    }
    let mut seen = Bounds::default();
    let limits = Limits::default();
    // A file cut short has the bounds of what is there.
    drop(scan(mime, &bytes, name, &limits, &mut |dot| seen.add(dot.xyz)));
    Some(CloudProbe { bounds: seen.found, ..head })
}

#[derive(Default)]
struct Bounds {
    found: Option<[[f64; 3]; 2]>,
}

impl Bounds {
    fn add(&mut self, xyz: [f64; 3]) {
        if xyz.iter().any(|v| !v.is_finite()) {
            return;
        }
        let [low, high] = self.found.get_or_insert([xyz, xyz]);
        for axis in 0..3 {
            low[axis] = low[axis].min(xyz[axis]);
            high[axis] = high[axis].max(xyz[axis]);
        }
    }
}

fn scan(mime: &'static str, bytes: &[u8], name: &str, limits: &Limits, each: &mut dyn FnMut(Dot)) -> Result<()> {
    match mime {
        "model/pcd" => pcd::scan(bytes, limits, each),
        "model/ply" => ply::scan(bytes, each),
        "model/las" => las::scan(bytes, limits, each),
        _ => raw::scan(bytes, name, each),
    }
}

/// At most `count` points of a cloud in memory, evenly spread over its order: every n-th, the first being the first.
/// The same file gives the same points. One scan.
///
/// # Errors
/// [`MediaError::Unsupported`] for other kinds of files; [`MediaError::Malformed`] for damaged ones;
/// [`MediaError::TooLarge`] and [`MediaError::TooSlow`] beyond `limits`.
pub fn cloud_preview(bytes: &[u8], name: &str, count: usize, limits: &Limits) -> Result<CloudPreview> {
    let mime = match sniff_named(bytes, name) {
        Some(mime @ ("model/pcd" | "model/ply" | "model/las")) => mime,
        _ if is_raw(name) => RAW,
        other => {
            let mime = other.unwrap_or("application/octet-stream");
            return Err(MediaError::Unsupported { mime, reason: "the kind of file".to_owned() });
        }
    };
    let mut cursor = std::io::Cursor::new(bytes);
    let found = match mime {
        "model/pcd" => Some(pcd::head(bytes)?.probe()),
        "model/ply" => Some(ply::head(bytes)?.probe()),
        "model/las" => las::head(bytes).map(|head| head.probe()),
        _ => raw::head(Input::new(&mut cursor).len(), name).map(|head| head.probe()),
    };
    let points = found.ok_or_else(|| fault(mime, "its header breaks its rules"))?.points;
    let step = points.div_ceil(count.max(1) as u64).max(1);
    let mut out = CloudPreview { points, ..CloudPreview::default() };
    let (mut at, mut intensity, mut rgb) = (0u64, Vec::new(), Vec::new());
    scan(mime, bytes, name, limits, &mut |dot| {
        if at.is_multiple_of(step) {
            out.xyz.push(dot.xyz.map(|v| v as f32));
            intensity.extend(dot.intensity);
            rgb.extend(dot.rgb);
        }
        at += 1;
    })?;
    out.intensity = (!intensity.is_empty() && intensity.len() == out.xyz.len()).then_some(intensity);
    out.rgb = (!rgb.is_empty() && rgb.len() == out.xyz.len()).then_some(rgb);
    Ok(out)
}

/// A value of a binary point by the letter of its type and its width in bytes.
fn value(bytes: &[u8], kind: u8, width: usize) -> Option<f64> {
    use crate::numbers::{array, le16, le32, lef32, lef64};
    Some(match (kind, width) {
        (b'F', 4) => f64::from(lef32(bytes, 0)?),
        (b'F', 8) => lef64(bytes, 0)?,
        (b'U', 1) => f64::from(*bytes.first()?),
        (b'U', 2) => f64::from(le16(bytes, 0)?),
        (b'U', 4) => f64::from(le32(bytes, 0)?),
        (b'I', 1) => f64::from(*bytes.first()? as i8),
        (b'I', 2) => f64::from(le16(bytes, 0)? as i16),
        (b'I', 4) => f64::from(le32(bytes, 0)? as i32),
        (b'I', 8) => i64::from_le_bytes(array(bytes, 0)?) as f64,
        (b'U', 8) => u64::from_le_bytes(array(bytes, 0)?) as f64,
        _ => return None,
    })
}
