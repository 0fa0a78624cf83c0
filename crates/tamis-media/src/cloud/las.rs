//! LAS and LAZ. Source: ASPRS, "LAS specification 1.4 R15"; compressed points by the crate `laz`.

use std::io::Cursor;

use super::{CloudProbe, Dot, fault};
use crate::decode::{Limits, plain};
use crate::error::{MediaError, Result};
use crate::numbers::{array, le16, le32, le64, lef64};

const MIME: &str = "model/las";

pub(super) struct Head {
    start: u32,
    header: u16,
    extras: u32,
    format: u8,
    is_packed: bool,
    record: u16,
    points: u64,
    scale: [f64; 3],
    offset: [f64; 3],
    bounds: [[f64; 3]; 2],
}

pub(super) fn head(bytes: &[u8]) -> Option<Head> {
    if bytes.get(..4)? != b"LASF" {
        return None;
    }
    let three = |at: usize, step: usize| -> Option<[f64; 3]> {
        Some([lef64(bytes, at)?, lef64(bytes, at + step)?, lef64(bytes, at + 2 * step)?])
    };
    let kind = *bytes.get(104)?;
    let old = u64::from(le32(bytes, 107)?);
    let is_new = *bytes.get(25)? >= 4 && le16(bytes, 94)? >= 375;
    let points = if is_new { le64(bytes, 247).filter(|&n| n > 0).unwrap_or(old) } else { old };
    Some(Head {
        start: le32(bytes, 96)?,
        header: le16(bytes, 94)?,
        extras: le32(bytes, 100)?,
        format: kind & 0x3F,
        is_packed: kind & 0xC0 != 0,
        record: le16(bytes, 105)?,
        points,
        scale: three(131, 8)?,
        offset: three(155, 8)?,
        bounds: [three(187, 16)?, three(179, 16)?],
    })
}

impl Head {
    pub(super) fn probe(&self) -> CloudProbe {
        let mut fields = vec!["x", "y", "z", "intensity"];
        if self.colours().is_some() {
            fields.extend(["red", "green", "blue"]);
        }
        let fields = fields.into_iter().map(str::to_owned).collect();
        let is_finite = self.bounds.iter().flatten().all(|v| v.is_finite());
        CloudProbe { mime: MIME, points: self.points, bounds: is_finite.then_some(self.bounds), fields }
    }

    /// Where red stands in a point.
    fn colours(&self) -> Option<usize> {
        match self.format {
            2 => Some(20),
            3 | 5 => Some(28),
            7 | 8 | 10 => Some(30),
            _ => None,
        }
    }

    fn dot(&self, point: &[u8]) -> Option<Dot> {
        let raw = |axis: usize| array(point, axis * 4).map(i32::from_le_bytes);
        let axis = |i: usize| Some(f64::from(raw(i)?) * self.scale[i] + self.offset[i]);
        let rgb = self.colours().and_then(|at| {
            let of = |i: usize| le16(point, at + i * 2).map(|v| (v >> 8) as u8);
            Some([of(0)?, of(1)?, of(2)?])
        });
        let intensity = le16(point, 12).map(f32::from);
        Some(Dot { xyz: [axis(0)?, axis(1)?, axis(2)?], intensity, rgb })
    }
}

pub(super) fn scan(bytes: &[u8], limits: &Limits, each: &mut dyn FnMut(Dot)) -> Result<()> {
    let head = head(bytes).ok_or_else(|| fault(MIME, "its header is cut short"))?;
    let stride = usize::from(head.record);
    if stride < 20 {
        return Err(fault(MIME, format!("its points have {stride} bytes")));
    }
    if head.points.saturating_mul(stride as u64) > limits.max_bytes.saturating_mul(64) {
        let needed = head.points.saturating_mul(stride as u64);
        return Err(MediaError::TooLarge { mime: MIME, unit: "bytes", needed, allowed: limits.max_bytes });
    }
    if head.is_packed {
        return unpack(bytes, &head, stride, limits, each);
    }
    let count = usize::try_from(head.points).unwrap_or(usize::MAX);
    let rest = bytes.get(head.start as usize..).unwrap_or_default();
    let mut found = 0;
    for point in rest.chunks_exact(stride).take(count) {
        each(head.dot(point).unwrap_or_default());
        found += 1;
    }
    if found >= head.points { Ok(()) } else { Err(fault(MIME, format!("it has {found} of {} points", head.points))) }
}

/// The record that says how points are packed: of the user `laszip encoded`, number 22204.
fn packing<'a>(bytes: &'a [u8], head: &Head) -> Option<&'a [u8]> {
    let mut at = usize::from(head.header);
    for _ in 0..head.extras.min(10_000) {
        let (user, number) = (bytes.get(at + 2..at + 18)?, le16(bytes, at + 18)?);
        let length = usize::from(le16(bytes, at + 20)?);
        if number == 22204 && user.starts_with(b"laszip encoded") {
            return bytes.get(at + 54..at + 54 + length);
        }
        at += 54 + length;
    }
    None
}

fn unpack(bytes: &[u8], head: &Head, stride: usize, limits: &Limits, each: &mut dyn FnMut(Dot)) -> Result<()> {
    let broken = |error: &dyn std::fmt::Display| fault(MIME, plain(error));
    let record = packing(bytes, head).ok_or_else(|| fault(MIME, "the record of its packing is missing"))?;
    let vlr = laz::LazVlr::from_buffer(record).map_err(|e| broken(&e))?;
    if vlr.items_size() != stride as u64 {
        return Err(fault(MIME, "its packing is of other points"));
    }
    // The table of chunks is allocated by its count: it must be one that the file can hold.
    let table = le64(bytes, head.start as usize).and_then(|at| usize::try_from(at).ok()).filter(|&at| at > 0);
    let chunks = table.and_then(|at| le32(bytes, at.checked_add(4)?));
    if chunks.is_none_or(|count| u64::from(count) > head.points.min(bytes.len() as u64)) {
        return Err(fault(MIME, "its table of chunks is damaged or missing"));
    }
    let mut source = Cursor::new(bytes);
    source.set_position(u64::from(head.start));
    let mut reader = laz::LasZipDecompressor::new(source, vlr).map_err(|e| broken(&e))?;
    let deadline = std::time::Instant::now().checked_add(std::time::Duration::from_millis(limits.max_millis));
    let mut point = vec![0; stride];
    for at in 0..head.points {
        reader.decompress_one(&mut point).map_err(|e| broken(&e))?;
        if at.is_multiple_of(65_536) && deadline.is_some_and(|deadline| std::time::Instant::now() >= deadline) {
            return Err(MediaError::TooSlow { mime: MIME, allowed_millis: limits.max_millis });
        }
        each(head.dot(&point).unwrap_or_default());
    }
    Ok(())
}
