//! Sound: WAV, FLAC, MP3 and Ogg Vorbis. Headers, peaks for drawing a wave form, spectrograms.

mod decode;
mod peaks;
mod spectrum;

pub use decode::decode_audio;
pub use peaks::{Peaks, peaks};
pub use spectrum::{Spectrogram, SpectrumOptions, spectrogram};

use serde::Serialize;

use crate::input::Input;
use crate::numbers::{be64, le16, le32, le64};

/// What a sound file's header says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AudioProbe {
    /// The media type by content.
    pub mime: &'static str,
    /// How the sound is coded: `pcm`, `float`, `flac`, `mp3`, `vorbis`, `opus`, or `other`.
    pub codec: &'static str,
    /// Samples a second of one channel.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u16,
    /// Bits of a sample, of codecs that keep samples.
    pub bits: Option<u16>,
    /// Samples of one channel, where the file tells.
    pub samples: Option<u64>,
    /// Seconds, where the file tells.
    pub duration: Option<f64>,
}

fn made(
    mime: &'static str,
    codec: &'static str,
    rate: u32,
    channels: u16,
    bits: Option<u16>,
    samples: Option<u64>,
) -> Option<AudioProbe> {
    let duration = samples.map(|samples| samples as f64 / f64::from(rate));
    (rate > 0 && channels > 0).then_some(AudioProbe {
        mime,
        codec,
        sample_rate: rate,
        channels,
        bits,
        samples,
        duration,
    })
}

pub(crate) fn probe(mime: &'static str, input: &mut Input<'_>) -> Option<AudioProbe> {
    match mime {
        "audio/wav" => wav(input),
        "audio/flac" => flac(&input.upto(0, 42)),
        "audio/ogg" => ogg(input),
        _ => mp3(input),
    }
}

/// The `fmt ` chunk and where the samples are.
pub(crate) struct Wave {
    /// 1 = whole numbers, 3 = floats.
    pub(crate) tag: u16,
    pub(crate) channels: u16,
    pub(crate) rate: u32,
    pub(crate) bits: u16,
    /// Bytes of one sample of all channels.
    pub(crate) block: u16,
    pub(crate) start: u64,
    pub(crate) length: u64,
}

/// Walks the chunks of a RIFF WAVE (or RF64) file. Source: Microsoft, "Multimedia programming interface 1.0", 1991.
pub(crate) fn wave(input: &mut Input<'_>) -> Option<Wave> {
    let (mut at, mut form, mut long) = (12u64, None, None);
    for _ in 0..10_000 {
        let head = input.get(at, 8)?;
        let mut size = u64::from(le32(&head, 4)?);
        match head.get(..4)? {
            b"fmt " => form = Some(input.upto(at + 8, size.min(40))),
            b"ds64" => long = le64(&input.upto(at + 8, 28), 8),
            b"data" => {
                let form = form?;
                if size == u64::from(u32::MAX) {
                    size = long.unwrap_or(size);
                }
                // The sub-format of an extensible header begins with the tag.
                let tag = le16(&form, 0).map(|tag| if tag == 0xFFFE { le16(&form, 24).unwrap_or(tag) } else { tag })?;
                let (channels, rate) = (le16(&form, 2)?, le32(&form, 4)?);
                let (block, bits) = (le16(&form, 12)?, le16(&form, 14)?);
                // A recorder that was cut off leaves a size of 0 or too large: what is there counts.
                let left = input.len().saturating_sub(at + 8);
                let length = if size == 0 { left } else { size.min(left) };
                return Some(Wave { tag, channels, rate, bits, block, start: at + 8, length });
            }
            _ => {}
        }
        at = at.checked_add(8)?.checked_add(size)?.checked_add(size & 1)?;
    }
    None
}

fn wav(input: &mut Input<'_>) -> Option<AudioProbe> {
    let wave = wave(input)?;
    let codec = match wave.tag {
        1 => "pcm",
        3 => "float",
        _ => "other",
    };
    let samples = (codec != "other").then(|| wave.length.checked_div(u64::from(wave.block))).flatten();
    made("audio/wav", codec, wave.rate, wave.channels, Some(wave.bits), samples)
}

/// The stream information of FLAC, which always comes first. Source: RFC 9639, section 8.2.
fn flac(head: &[u8]) -> Option<AudioProbe> {
    if head.get(4)? & 0x7F != 0 {
        return None;
    }
    let word = be64(head, 18)?;
    let samples = word & 0xF_FFFF_FFFF;
    let (channels, bits) = ((word >> 41 & 7) as u16 + 1, (word >> 36 & 31) as u16 + 1);
    made("audio/flac", "flac", (word >> 44) as u32, channels, Some(bits), (samples > 0).then_some(samples))
}

/// The first packet of an Ogg stream, and the place that its last page names. Sources: RFC 3533, the Vorbis I
/// specification (section 4.2.2), RFC 7845.
fn ogg(input: &mut Input<'_>) -> Option<AudioProbe> {
    let head = input.upto(0, 512);
    let first = head.get(27 + usize::from(*head.get(26)?)..)?;
    let tail = input.upto(input.len().saturating_sub(128 << 10), 128 << 10);
    let page = tail.windows(4).rposition(|w| w == b"OggS");
    let last = page.and_then(|at| le64(&tail, at + 6)).filter(|&granule| granule < 1 << 60);
    if first.starts_with(b"\x01vorbis") {
        return made("audio/ogg", "vorbis", le32(first, 12)?, u16::from(*first.get(11)?), None, last);
    }
    if first.starts_with(b"OpusHead") {
        let skip = u64::from(le16(first, 10)?);
        let samples = last.map(|granule| granule.saturating_sub(skip));
        return made("audio/ogg", "opus", 48_000, u16::from(*first.get(9)?), None, samples);
    }
    None
}

/// MP3: the decoder's own index, over at most 64 MiB; of more, the rest is taken to be like it.
fn mp3(input: &mut Input<'_>) -> Option<AudioProbe> {
    let bytes = input.upto(0, 64 << 20);
    let reader = nanomp3::SliceReader::<f32>::new(&bytes);
    let channels = match reader.channels()? {
        nanomp3::Channels::Mono => 1,
        nanomp3::Channels::Stereo => 2,
    };
    let samples = reader.total_samples().map(|samples| {
        if bytes.len() as u64 >= input.len() || reader.has_vbr_tag() {
            return samples;
        }
        (u128::from(samples) * u128::from(input.len()) / (bytes.len() as u128).max(1)) as u64
    });
    made("audio/mpeg", "mp3", reader.sample_rate(), channels, None, samples)
}

/// How many channels a file in memory has; 0 when it is no sound.
fn channels_of(bytes: &[u8]) -> u16 {
    let mime = crate::sniff::sniff(bytes).unwrap_or_default();
    probe(mime, &mut Input::new(&mut std::io::Cursor::new(bytes))).map_or(0, |found| found.channels)
}
