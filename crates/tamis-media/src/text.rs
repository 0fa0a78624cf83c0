//! Texts: their encoding, lines and characters.

use serde::Serialize;

/// What a text's bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TextProbe {
    /// The media type.
    pub mime: &'static str,
    /// `utf-8`, `utf-16le`, `utf-16be`, or `latin-1` for bytes that are none of these.
    pub encoding: &'static str,
    /// Lines; the last counts also without a line end.
    pub lines: u64,
    /// Unicode scalar values, without a byte order mark: what spans of text count.
    pub characters: u64,
}

/// Counts. O(bytes).
pub(crate) fn probe(mime: &'static str, bytes: &[u8]) -> TextProbe {
    let wide = |bytes: &[u8], of: fn([u8; 2]) -> u16| -> (u64, u64) {
        let units = bytes.chunks_exact(2).map(|pair| of([pair[0], pair[1]]));
        count(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)))
    };
    let (encoding, (lines, characters)) = match bytes {
        [0xFF, 0xFE, rest @ ..] => ("utf-16le", wide(rest, u16::from_le_bytes)),
        [0xFE, 0xFF, rest @ ..] => ("utf-16be", wide(rest, u16::from_be_bytes)),
        _ => {
            let rest = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
            match std::str::from_utf8(rest) {
                Ok(text) => ("utf-8", count(text.chars())),
                Err(_) => ("latin-1", count(rest.iter().map(|&byte| char::from(byte)))),
            }
        }
    };
    TextProbe { mime, encoding, lines, characters }
}

/// Lines (ended by `\n`, `\r\n` or `\r`) and characters.
fn count(text: impl Iterator<Item = char>) -> (u64, u64) {
    let (mut lines, mut characters, mut before) = (0, 0, '\n');
    for c in text {
        characters += 1;
        // A line begins after a line end, but `\r\n` is one.
        if before == '\n' || before == '\r' && c != '\n' {
            lines += 1;
        }
        before = c;
    }
    (lines, characters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_lines_and_characters() {
        let of = |bytes: &[u8]| {
            let found = probe("text/plain", bytes);
            (found.encoding, found.lines, found.characters)
        };
        assert_eq!(of(b""), ("utf-8", 0, 0));
        assert_eq!(of("ä\nb".as_bytes()), ("utf-8", 2, 3));
        assert_eq!(of(b"\xEF\xBB\xBFa\r\nb\r\n"), ("utf-8", 2, 6));
        assert_eq!(of(b"a\rb"), ("utf-8", 2, 3));
        assert_eq!(of(b"\xFF\xFEa\0\n\0b\0"), ("utf-16le", 2, 3));
        assert_eq!(of(b"\xFE\xFF\0a"), ("utf-16be", 1, 1));
        assert_eq!(of(b"caf\xe9"), ("latin-1", 1, 4));
    }
}
