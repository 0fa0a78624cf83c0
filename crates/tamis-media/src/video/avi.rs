//! AVI: the header lists, and the old index for key frames. Source: Microsoft, "AVI RIFF file reference".

use super::{MAX_ENTRIES, VideoProbe, rate};
use crate::input::Input;
use crate::numbers::{le32, tag};

pub(crate) fn probe(mime: &'static str, input: &mut Input<'_>) -> Option<VideoProbe> {
    let mut probe = VideoProbe { mime, ..VideoProbe::default() };
    let (mut at, mut streams, mut film, mut found) = (12u64, 0u32, None, false);
    for _ in 0..100_000 {
        let head = input.upto(at, 12);
        let (Some(kind), Some(size)) = (tag(&head, 0), le32(&head, 4)) else { break };
        let mut size = u64::from(size);
        match &kind {
            // Walked into: the chunks of a list follow its name. The film itself is walked over.
            b"LIST" if matches!(head.get(8..12), Some(b"hdrl" | b"strl")) => size = 4,
            b"avih" => {
                let main = input.upto(at + 8, size.min(56));
                found = true;
                probe.fps = le32(&main, 0).filter(|&micros| micros > 0).map(|micros| 1e6 / f64::from(micros));
                probe.frames = le32(&main, 16).map(u64::from);
                (probe.width, probe.height) = (le32(&main, 32), le32(&main, 36));
            }
            b"strh" => {
                let stream = input.upto(at + 8, size.min(56));
                match (stream.get(..4), film) {
                    (Some(b"vids"), None) => {
                        film = Some(streams);
                        read_stream(&mut probe, &stream);
                    }
                    (Some(b"auds"), _) => probe.has_audio = true,
                    _ => {}
                }
                streams += 1;
            }
            b"idx1" => probe.keys = film.map(|film| keys(&input.upto(at + 8, size.min(16 * MAX_ENTRIES)), film)),
            _ => {}
        }
        at = at.checked_add(8)?.checked_add(size)?.checked_add(size & 1)?;
    }
    probe.is_constant = Some(true);
    probe.duration = probe.frames.zip(probe.fps).map(|(frames, fps)| frames as f64 / fps);
    probe.fps = probe.fps.or_else(|| rate(probe.frames, probe.duration));
    found.then_some(probe)
}

fn read_stream(probe: &mut VideoProbe, stream: &[u8]) {
    let name = tag(stream, 4).unwrap_or_default();
    probe.codec = name.iter().filter(|b| b.is_ascii_graphic()).map(|&b| char::from(b)).collect();
    if let (Some(scale), Some(rate)) = (le32(stream, 20), le32(stream, 24))
        && scale > 0
        && rate > 0
    {
        probe.fps = Some(f64::from(rate) / f64::from(scale));
    }
    // Files beyond 1 GiB count all frames only here.
    probe.frames = le32(stream, 32).filter(|&count| count > 0).map(u64::from).or(probe.frames);
}

fn keys(index: &[u8], film: u32) -> Vec<u32> {
    let digits = format!("{film:02}");
    let of_film =
        |entry: &&[u8]| entry.get(..2) == Some(digits.as_bytes()) && matches!(entry.get(2..4), Some(b"dc" | b"db"));
    let is_key = |entry: &[u8]| le32(entry, 4).is_some_and(|flags| flags & 0x10 != 0);
    index.chunks_exact(16).filter(of_film).zip(0..).filter(|(entry, _)| is_key(entry)).map(|(_, at)| at).collect()
}
