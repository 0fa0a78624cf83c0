//! Samples out of sound files, in pieces, so that hours of sound take no more memory than seconds.

use std::io::Cursor;
use std::time::{Duration, Instant};

use super::AudioProbe;
use crate::decode::{Limits, plain};
use crate::error::{MediaError, Result};
use crate::input::Input;
use crate::sniff::sniff;

/// Samples handed over at once.
const PIECE: usize = 1 << 14;

/// Decodes a sound file; `each` is given the samples of all channels interleaved, -1 to 1, in pieces.
///
/// # Errors
/// [`MediaError::Unsupported`] for a codec that this version does not decode (Opus, ADPCM); [`MediaError::TooLarge`]
/// for more decoded bytes (4 a sample) than `limits` allow, [`MediaError::TooSlow`] beyond their time;
/// [`MediaError::Malformed`] for damaged files. What came before is handed over.
pub fn decode_audio(bytes: &[u8], limits: &Limits, mut each: impl FnMut(&[f32])) -> Result<AudioProbe> {
    let mime = sniff(bytes).filter(|mime| mime.starts_with("audio/")).unwrap_or("application/octet-stream");
    let mut cursor = Cursor::new(bytes);
    let probe = super::probe(mime, &mut Input::new(&mut cursor))
        .ok_or_else(|| MediaError::Malformed { mime, reason: "its header breaks its rules".to_owned() })?;
    let deadline = Instant::now().checked_add(Duration::from_millis(limits.max_millis));
    let mut done = 0u64;
    let mut take = |piece: &[f32]| {
        done += piece.len() as u64 * 4;
        if done > limits.max_bytes {
            return Err(MediaError::TooLarge { mime, unit: "bytes", needed: done, allowed: limits.max_bytes });
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(MediaError::TooSlow { mime, allowed_millis: limits.max_millis });
        }
        each(piece);
        Ok(())
    };
    match probe.codec {
        "pcm" | "float" => wav(bytes, &mut take)?,
        "flac" => flac(bytes, &mut take)?,
        "mp3" => mp3(bytes, &mut take)?,
        "vorbis" => vorbis(bytes, &mut take)?,
        codec => return Err(MediaError::Unsupported { mime, reason: format!("the codec {codec}") }),
    }
    Ok(probe)
}

type Take<'a> = &'a mut dyn FnMut(&[f32]) -> Result<()>;

fn broken(mime: &'static str, error: &dyn std::fmt::Display) -> MediaError {
    MediaError::Malformed { mime, reason: plain(error) }
}

fn wav(bytes: &[u8], take: Take<'_>) -> Result<()> {
    let mime = "audio/wav";
    let mut cursor = Cursor::new(bytes);
    let wave = super::wave(&mut Input::new(&mut cursor)).ok_or_else(|| broken(mime, &"there are no samples"))?;
    let end = wave.start.saturating_add(wave.length);
    let data = bytes.get(wave.start as usize..end as usize).unwrap_or_default();
    // Of 8 bits samples are unsigned, of more signed; 24 bits stand in the upper bytes of a word.
    let read: fn(&[u8]) -> f32 = match (wave.tag, wave.bits) {
        (1, 8) => |b| (f32::from(b[0]) - 128.0) / 128.0,
        (1, 16) => |b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0,
        (1, 24) => |b| i32::from_le_bytes([0, b[0], b[1], b[2]]) as f32 / 2_147_483_648.0,
        (1, 32) => |b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]) as f32 / 2_147_483_648.0,
        (3, 32) => |b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
        (3, 64) => |b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32,
        (tag, bits) => {
            return Err(MediaError::Unsupported { mime, reason: format!("the coding {tag} with {bits} bits") });
        }
    };
    let width = usize::from(wave.bits / 8);
    let mut piece = Vec::with_capacity(PIECE);
    for part in data.chunks(PIECE * width) {
        piece.clear();
        piece.extend(part.chunks_exact(width).map(read));
        take(&piece)?;
    }
    Ok(())
}

fn flac(bytes: &[u8], take: Take<'_>) -> Result<()> {
    let mut reader = claxon::FlacReader::new(bytes).map_err(|e| broken("audio/flac", &e))?;
    let scale = 1.0 / 2f32.powi(reader.streaminfo().bits_per_sample.clamp(1, 32) as i32 - 1);
    let mut frames = reader.blocks();
    let (mut buffer, mut piece) = (Vec::new(), Vec::new());
    while let Some(block) = frames.read_next_or_eof(buffer).map_err(|e| broken("audio/flac", &e))? {
        piece.clear();
        for at in 0..block.duration() {
            piece.extend((0..block.channels()).map(|channel| block.sample(channel, at) as f32 * scale));
        }
        take(&piece)?;
        buffer = block.into_buffer();
    }
    Ok(())
}

fn mp3(bytes: &[u8], take: Take<'_>) -> Result<()> {
    let mut reader = nanomp3::SliceReader::<f32>::new(bytes);
    let mut piece = vec![0.0; PIECE];
    loop {
        let count = reader.read(&mut piece).map_err(|e| broken("audio/mpeg", &e))?;
        if count == 0 {
            return Ok(());
        }
        take(piece.get(..count).unwrap_or_default())?;
    }
}

fn vorbis(bytes: &[u8], take: Take<'_>) -> Result<()> {
    let mut reader =
        lewton::inside_ogg::OggStreamReader::new(Cursor::new(bytes)).map_err(|e| broken("audio/ogg", &e))?;
    let mut piece = Vec::new();
    while let Some(packet) = reader.read_dec_packet_itl().map_err(|e| broken("audio/ogg", &e))? {
        piece.clear();
        piece.extend(packet.iter().map(|&v| f32::from(v) / 32_768.0));
        take(&piece)?;
    }
    Ok(())
}
