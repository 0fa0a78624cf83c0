//! MP4 and QuickTime: the boxes of `moov`, and the fragments after it. Source: ISO/IEC 14496-12.

use super::{MAX_ENTRIES, VideoProbe, rate};
use crate::input::Input;
use crate::numbers::{be16, be32, be64, tag};

/// A `moov` larger than this is not read.
const MOOV: u64 = 256 << 20;
/// Boxes at the top at most; a fragment is two.
const BOXES: usize = 1_000_000;

#[derive(Default)]
struct Track {
    id: u32,
    kind: [u8; 4],
    codec: String,
    size: Option<(u32, u32)>,
    seconds: Option<f64>,
    scale: u32,
    frames: u64,
    ticks: u64,
    deltas: usize,
    keys: Option<Vec<u32>>,
}

/// The boxes of a stretch of bytes: type and content. Ends at the first that does not fit.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut at = 0usize;
    std::iter::from_fn(move || {
        let (size, kind) = (be32(bytes, at)?, tag(bytes, at + 4)?);
        let (head, size) = match size {
            0 => (8, bytes.len() - at),
            1 => (16, usize::try_from(be64(bytes, at + 8)?).ok()?),
            size => (8, size as usize),
        };
        let content = bytes.get(at + head..at.checked_add(size)?)?;
        at += size;
        Some((kind, content))
    })
}

pub(crate) fn probe(mime: &'static str, input: &mut Input<'_>) -> Option<VideoProbe> {
    let (mut at, mut tracks, mut whole) = (0u64, Vec::new(), None);
    let mut fragments: Vec<(u32, u64)> = Vec::new();
    for _ in 0..BOXES {
        let head = input.upto(at, 16);
        let (Some(size), Some(kind)) = (be32(&head, 0), tag(&head, 4)) else { break };
        let (skip, size) = match size {
            0 => (8, input.len() - at),
            1 => (16, be64(&head, 8)?),
            size => (8, u64::from(size)),
        };
        let inside = size.checked_sub(skip)?;
        match &kind {
            b"moov" if inside <= MOOV => {
                let moov = input.get(at + skip, inside as usize)?;
                for (kind, content) in boxes(&moov) {
                    match &kind {
                        b"mvhd" => whole = seconds(content),
                        b"trak" => tracks.push(track(content)),
                        _ => {}
                    }
                }
            }
            b"moof" if inside <= MOOV / 16 => count_fragment(&input.get(at + skip, inside as usize)?, &mut fragments),
            _ => {}
        }
        at = at.checked_add(size)?;
    }
    if tracks.is_empty() {
        return None;
    }
    let has_audio = tracks.iter().any(|t| &t.kind == b"soun");
    let Some(film) = tracks.into_iter().find(|t| &t.kind == b"vide") else {
        return Some(VideoProbe { mime, duration: whole, has_audio, ..VideoProbe::default() });
    };
    let of_fragments: u64 = fragments.iter().filter(|(id, _)| *id == film.id).map(|(_, count)| count).sum();
    let frames = Some(film.frames + of_fragments).filter(|&count| count > 0);
    let own = (film.scale > 0 && film.ticks > 0).then(|| film.ticks as f64 / f64::from(film.scale));
    let duration = if of_fragments == 0 { own } else { None }.or(film.seconds).or(whole).filter(|d| *d > 0.0);
    Some(VideoProbe {
        mime,
        codec: film.codec,
        width: film.size.map(|(w, _)| w),
        height: film.size.map(|(_, h)| h),
        duration,
        frames,
        fps: rate(frames, duration),
        is_constant: (of_fragments == 0 && film.frames > 0).then_some(film.deltas == 1),
        keys: if of_fragments == 0 { film.keys } else { None },
        has_audio,
    })
}

/// Duration over time scale of `mvhd` and `mdhd`.
fn seconds(content: &[u8]) -> Option<f64> {
    let (scale, duration) = match content.first()? {
        1 => (be32(content, 20)?, be64(content, 24)?),
        _ => (be32(content, 12)?, u64::from(be32(content, 16)?)),
    };
    let known = duration != u64::MAX && duration != u64::from(u32::MAX);
    (scale > 0 && known && duration > 0).then(|| duration as f64 / f64::from(scale))
}

fn track(trak: &[u8]) -> Track {
    let mut track = Track::default();
    for (kind, content) in boxes(trak) {
        match &kind {
            b"tkhd" => track.id = be32(content, if content.first() == Some(&1) { 20 } else { 12 }).unwrap_or(0),
            b"mdia" => boxes(content).for_each(|(kind, content)| media(&mut track, kind, content)),
            _ => {}
        }
    }
    track
}

fn media(track: &mut Track, kind: [u8; 4], content: &[u8]) {
    match &kind {
        b"mdhd" => {
            track.seconds = seconds(content);
            track.scale = be32(content, if content.first() == Some(&1) { 20 } else { 12 }).unwrap_or(0);
        }
        b"hdlr" => track.kind = tag(content, 8).unwrap_or_default(),
        b"minf" => {
            let tables = boxes(content).filter(|(kind, _)| kind == b"stbl").flat_map(|(_, table)| boxes(table));
            tables.for_each(|(kind, table)| sample_table(track, kind, table));
        }
        _ => {}
    }
}

fn sample_table(track: &mut Track, kind: [u8; 4], table: &[u8]) {
    let entries = u64::from(be32(table, 4).unwrap_or(0)).min(MAX_ENTRIES) as usize;
    match &kind {
        b"stsd" => {
            let name = tag(table, 12).unwrap_or_default();
            track.codec = name.iter().filter(|b| b.is_ascii_graphic()).map(|&b| char::from(b)).collect();
            let side = |at| be16(table, at).map(u32::from).filter(|&side| side > 0);
            track.size = side(40).zip(side(42));
        }
        b"stts" => {
            let entry = |i: usize| Some((be32(table, 8 + i * 8)?, be32(table, 12 + i * 8)?));
            let mut last = None;
            for (count, delta) in (0..entries).map_while(entry) {
                track.frames += u64::from(count);
                track.ticks = track.ticks.saturating_add(u64::from(count) * u64::from(delta));
                // The last frame alone may last longer without making the rate vary.
                if last != Some(delta) && (track.deltas == 0 || count > 1) {
                    track.deltas += 1;
                }
                last = Some(delta);
            }
        }
        b"stss" => {
            let number = |i: usize| be32(table, 8 + i * 4)?.checked_sub(1);
            track.keys = Some((0..entries).map_while(number).collect());
        }
        _ => {}
    }
}

/// Adds the samples of each track that a `moof` has.
fn count_fragment(moof: &[u8], fragments: &mut Vec<(u32, u64)>) {
    for (_, traf) in boxes(moof).filter(|(kind, _)| kind == b"traf") {
        let id = boxes(traf).find(|(kind, _)| kind == b"tfhd").and_then(|(_, head)| be32(head, 4));
        let runs = boxes(traf).filter(|(kind, _)| kind == b"trun");
        let count: u64 = runs.filter_map(|(_, run)| be32(run, 4)).map(u64::from).sum();
        let Some(id) = id else { continue };
        match fragments.iter().position(|(known, _)| *known == id) {
            Some(at) => fragments[at].1 += count,
            None if fragments.len() < 1000 => fragments.push((id, count)),
            None => {}
        }
    }
}
