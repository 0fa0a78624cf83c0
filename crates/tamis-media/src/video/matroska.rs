//! Matroska and WebM: the EBML elements `Info` and `Tracks`, and the heads of blocks for the count of frames.
//! Sources: RFC 8794 (EBML), RFC 9559 (Matroska).

use super::{MAX_ENTRIES, VideoProbe, rate};
use crate::input::Input;

const SEGMENT: u64 = 0x1853_8067;
const INFO: u64 = 0x1549_A966;
const TRACKS: u64 = 0x1654_AE6B;
const CLUSTER: u64 = 0x1F43_B675;
const BLOCK_GROUP: u64 = 0xA0;
const BLOCK: u64 = 0xA1;
const SIMPLE_BLOCK: u64 = 0xA3;

/// Elements visited at most.
const VISITS: u64 = 4 * MAX_ENTRIES;

/// A variable-length number: value and length in bytes; with its marker for ids.
fn number(bytes: &[u8], keep_marker: bool) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return None;
    }
    let mark = if keep_marker { 0xFF } else { (0x7Fu32 >> (length - 1)) as u8 };
    let rest = bytes.get(1..length)?;
    Some((rest.iter().fold(u64::from(first & mark), |sum, &b| sum << 8 | u64::from(b)), length))
}

fn unknown(size: u64, length: usize) -> bool {
    size == (1u64 << (7 * length)) - 1
}

/// The head of an element: id, where its content starts, its size ([`None`] = until its parent ends).
fn element(bytes: &[u8]) -> Option<(u64, u64, Option<u64>)> {
    let (id, a) = number(bytes, true)?;
    let (size, b) = number(bytes.get(a..)?, false)?;
    Some((id, (a + b) as u64, (!unknown(size, b)).then_some(size)))
}

/// The elements inside some bytes.
fn inside(bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (id, start, size) = element(rest)?;
        let content = rest.get(start as usize..)?;
        let size = usize::try_from(size?).ok()?;
        rest = content.get(size..)?;
        Some((id, content.get(..size)?))
    })
}

fn unsigned(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |sum, &b| sum << 8 | u64::from(b))
}

fn float(bytes: &[u8]) -> Option<f64> {
    match *bytes {
        [a, b, c, d] => Some(f64::from(f32::from_be_bytes([a, b, c, d]))),
        [a, b, c, d, e, f, g, h] => Some(f64::from_be_bytes([a, b, c, d, e, f, g, h])),
        _ => None,
    }
}

#[derive(Default)]
struct Walk {
    probe: VideoProbe,
    track: Option<u64>,
    frame_nanos: Option<u64>,
    frames: u64,
    keys: Vec<u32>,
    knows_keys: bool,
}

pub(crate) fn probe(mime: &'static str, input: &mut Input<'_>) -> Option<VideoProbe> {
    let mut walk = Walk { knows_keys: true, ..Walk::default() };
    walk.probe.mime = mime;
    let (mut at, mut found) = (0u64, false);
    let mut visits = 0;
    while at < input.len() && visits < VISITS {
        visits += 1;
        let head = input.upto(at, 12);
        let Some((id, start, size)) = element(&head) else { break };
        let content = at + start;
        let content_length = size.unwrap_or(input.len().saturating_sub(content));
        match id {
            // Containers that are walked into rather than over.
            SEGMENT | CLUSTER | BLOCK_GROUP => {
                at = content;
                continue;
            }
            INFO | TRACKS => {
                found = true;
                let bytes = input.upto(content, content_length.min(16 << 20));
                if id == INFO { walk.read_info(&bytes) } else { walk.read_tracks(&bytes) }
            }
            SIMPLE_BLOCK | BLOCK => walk.count_block(&input.upto(content, 12), id == SIMPLE_BLOCK),
            _ => {}
        }
        at = content.checked_add(content_length)?;
    }
    let done = at >= input.len() && at == input.len();
    let Walk { mut probe, frames, keys, knows_keys, frame_nanos, track, .. } = walk;
    if track.is_some() && done && frames > 0 {
        probe.frames = Some(frames);
        probe.keys = knows_keys.then_some(keys);
    }
    probe.fps = frame_nanos.filter(|&n| n > 0).map(|n| 1e9 / n as f64).or_else(|| rate(probe.frames, probe.duration));
    found.then_some(probe)
}

impl Walk {
    fn read_info(&mut self, bytes: &[u8]) {
        let (mut scale, mut duration) = (1_000_000, None);
        for (id, content) in inside(bytes) {
            match id {
                0x2A_D7B1 => scale = unsigned(content),
                0x4489 => duration = float(content),
                _ => {}
            }
        }
        self.probe.duration = duration.map(|d| d * scale as f64 / 1e9).filter(|d| d.is_finite() && *d > 0.0);
    }

    fn read_tracks(&mut self, bytes: &[u8]) {
        for (_, entry) in inside(bytes).filter(|(id, _)| *id == 0xAE) {
            let find = |wanted| inside(entry).find(|(id, _)| *id == wanted).map(|(_, content)| content);
            match find(0x83).map(unsigned) {
                Some(1) if self.track.is_none() => {
                    self.track = find(0xD7).map(unsigned);
                    self.frame_nanos = find(0x23_E383).map(unsigned);
                    let codec = find(0x86).unwrap_or_default();
                    self.probe.codec = String::from_utf8_lossy(codec.get(..codec.len().min(40)).unwrap_or_default())
                        .trim_end_matches('\0')
                        .to_owned();
                    let video = find(0xE0).unwrap_or_default();
                    let side = |wanted| inside(video).find(|(id, _)| *id == wanted).map(|(_, content)| content);
                    let side = |wanted| side(wanted).and_then(|c| u32::try_from(unsigned(c)).ok());
                    (self.probe.width, self.probe.height) = (side(0xB0), side(0xBA));
                }
                Some(2) => self.probe.has_audio = true,
                _ => {}
            }
        }
    }

    /// A block's track and flags; only simple blocks say whether they are key frames.
    fn count_block(&mut self, head: &[u8], is_simple: bool) {
        let Some((track, length)) = number(head, false) else { return };
        if Some(track) != self.track {
            return;
        }
        self.knows_keys &= is_simple;
        let flags = head.get(length + 2).copied().unwrap_or(0);
        if flags & 0x80 != 0 && self.keys.len() < MAX_ENTRIES as usize {
            self.keys.extend(u32::try_from(self.frames));
        }
        self.frames += 1;
    }
}
