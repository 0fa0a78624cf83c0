//! Text files: encodings, byte order marks, line ends.

use std::borrow::Cow;

use super::Fault;

/// Bytes as text: UTF-8 with or without a mark, UTF-16 with a mark, else Latin-1 (of which ASCII is a part).
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest),
        [0xFF, 0xFE, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)),
        [0xFE, 0xFF, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(latin1(bytes)),
        },
    }
}

/// Each byte as the character of its number.
pub(crate) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&b| b as char).collect()
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Lines with their numbers from 1, trimmed, without empty ones.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (u64, &str)> {
    text.lines().enumerate().map(|(i, line)| (i as u64 + 1, line.trim())).filter(|(_, line)| !line.is_empty())
}

/// The finite numbers of a line.
pub(crate) fn numbers(line: u64, words: &[&str]) -> Result<Vec<f64>, Fault> {
    let number = |(i, word): (usize, &&str)| match word.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(Fault::new(line, 0, format!("word {} is not a finite number: `{}`", i + 1, crop(word)))),
    };
    words.iter().enumerate().map(number).collect()
}

/// A text for a message: at most 60 characters, control characters escaped.
pub(crate) fn crop(text: &str) -> String {
    let mut out: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        out.push('…');
    }
    out
}
