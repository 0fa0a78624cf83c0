//! Text files: encodings, byte order marks, line ends.

use std::borrow::Cow;
use std::io::Read;

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

/// A stream of text without its byte order mark, UTF-16 turned into UTF-8; other bytes pass as they are.
///
/// # Errors
/// Those of reading the first bytes.
pub(crate) fn stream<'r>(mut reader: Box<dyn Read + Send + 'r>) -> std::io::Result<Box<dyn Read + Send + 'r>> {
    let mut head = Vec::with_capacity(3);
    reader.by_ref().take(3).read_to_end(&mut head)?;
    let unit = match head.as_slice() {
        [0xFF, 0xFE, ..] => u16::from_le_bytes,
        [0xFE, 0xFF, ..] => u16::from_be_bytes,
        [0xEF, 0xBB, 0xBF] => return Ok(reader),
        _ => return Ok(Box::new(std::io::Cursor::new(head).chain(reader))),
    };
    let reader = std::io::Cursor::new(head.split_off(2)).chain(reader);
    Ok(Box::new(Wide { reader, unit, held: Vec::new(), text: Vec::new(), at: 0 }))
}

/// UTF-16 as UTF-8.
struct Wide<R> {
    reader: R,
    unit: fn([u8; 2]) -> u16,
    /// Bytes of a character that is not complete.
    held: Vec<u8>,
    text: Vec<u8>,
    at: usize,
}

impl<R: Read> Read for Wide<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.text.len() {
            let before = self.held.len();
            let taken = self.reader.by_ref().take(32 << 10).read_to_end(&mut self.held)?;
            if taken == 0 && before == 0 {
                return Ok(0);
            }
            let mut whole = self.held.len() & !1;
            let high = |pair: &[u8]| matches!(pair, [a, b] if (0xD800..0xDC00).contains(&(self.unit)([*a, *b])));
            if taken > 0 && self.held.get(whole.saturating_sub(2)..whole).is_some_and(high) {
                whole -= 2;
            }
            let rest = self.held.split_off(whole);
            self.text = utf16(&self.held, self.unit).into_bytes();
            self.held = rest;
            self.at = 0;
            if taken == 0 && !self.held.is_empty() {
                self.held.clear();
                self.text.extend(char::REPLACEMENT_CHARACTER.to_string().bytes());
            }
        }
        let left = self.text.get(self.at..).unwrap_or_default();
        let length = left.len().min(out.len());
        out.iter_mut().zip(left).for_each(|(to, from)| *to = *from);
        self.at += length;
        Ok(length)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn streamed(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        stream(Box::new(bytes)).unwrap().read_to_end(&mut out).unwrap();
        out
    }

    proptest! {
        #[test]
        fn a_stream_is_what_the_whole_is(text in "[a-z\u{e9}\u{1f600}\n]{0,60}", times in 1usize..900, cut in 0usize..3) {
            let text = text.repeat(times);
            for unit in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
                let mut bytes: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(unit).collect();
                prop_assert_eq!(streamed(&bytes), text.as_bytes());
                bytes.truncate(bytes.len().saturating_sub(cut).max(2));
                let whole = decode(&bytes).into_owned();
                let found = String::from_utf8(streamed(&bytes)).unwrap();
                let marked = format!("{whole}\u{fffd}");
                prop_assert!(found == whole || found == marked);
            }
            prop_assert_eq!(streamed(format!("\u{feff}{text}").as_bytes()), text.as_bytes());
            prop_assert_eq!(streamed(text.as_bytes()), text.as_bytes());
        }
    }
}
