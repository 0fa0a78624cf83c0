//! JSON with values that JSON has not, as some tools write it: `NaN`, `Infinity`, numbers that no 64-bit float holds, and
//! nesting so deep that no parser follows. These become `null`, each with its place, so that one of them does not cost
//! the rest of its document.

use super::json::At;

/// Levels that are kept; `serde_json` follows 128.
const LEVELS: usize = 100;
/// Faults that are told one by one.
const TOLD: usize = 100;

/// A document that can be parsed now, and what was replaced.
pub(crate) struct Mended {
    pub(crate) text: String,
    pub(crate) faults: Vec<(At, String)>,
}

/// Replaces what JSON has not; [`None`] where there is nothing of that kind, or brackets are not closed. O(length).
pub(crate) fn mend(text: &str) -> Option<Mended> {
    let mut faults: Vec<(usize, String)> = Vec::new();
    let mut out = String::with_capacity(text.len().min(64 << 20));
    let (mut at, mut depth) = (0, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let taken = match rest.as_bytes().first() {
            Some(b'"') => quoted(rest)?,
            Some(b'[' | b'{') if depth == LEVELS => {
                let taken = nested(rest)?;
                faults.push((at, format!("more than {LEVELS} levels of nesting; read as null")));
                out.push_str("null");
                at += taken;
                continue;
            }
            Some(b'[' | b'{') => {
                depth += 1;
                1
            }
            Some(b']' | b'}') => {
                depth = depth.checked_sub(1)?;
                1
            }
            Some(b',' | b':') => 1,
            Some(b) if b.is_ascii_whitespace() => 1,
            _ => {
                let ends = |c: char| matches!(c, ',' | ':' | ']' | '}' | '[' | '{' | '"') || c.is_ascii_whitespace();
                let taken = rest.find(ends).unwrap_or(rest.len());
                let word = rest.get(..taken).unwrap_or_default();
                if is_no_number(word) {
                    faults.push((at, format!("`{}` is no number of JSON; read as null", super::text::crop(word))));
                    out.push_str("null");
                    at += taken;
                    continue;
                }
                taken
            }
        };
        out.push_str(rest.get(..taken)?);
        at += taken;
    }
    (!faults.is_empty()).then(|| Mended { faults: places(text, faults), text: out })
}

fn places(text: &str, mut faults: Vec<(usize, String)>) -> Vec<(At, String)> {
    faults.truncate(TOLD);
    let (mut line, mut before, mut start) = (1, 0, 0);
    let place = |(at, message): (usize, String)| {
        let passed = text.get(before..at).unwrap_or_default();
        line += passed.matches('\n').count() as u64;
        start = passed.rfind('\n').map_or(start, |i| before + i + 1);
        before = at;
        let column = text.get(start..at).unwrap_or_default().chars().count() as u64 + 1;
        (At { line, column }, message)
    };
    faults.into_iter().map(place).collect()
}

/// Words that stand for numbers and that JSON has not.
fn is_no_number(word: &str) -> bool {
    let bare = word.trim_start_matches(['-', '+']);
    let named = ["nan", "inf", "infinity"].iter().any(|name| bare.eq_ignore_ascii_case(name));
    named || word.parse::<f64>().is_ok_and(f64::is_infinite)
}

/// Bytes of a text in quotes.
fn quoted(rest: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Bytes of a value in brackets.
fn nested(rest: &str) -> Option<usize> {
    let (mut at, mut depth) = (0, 0usize);
    while let Some(byte) = rest.as_bytes().get(at) {
        match byte {
            b'"' => {
                at += quoted(rest.get(at..)?)?;
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_json_has_not_becomes_null() {
        let text = "{\"a\": [NaN, 1e999,\n -Infinity, 2], \"b\": \"NaN \\\" [\"}";
        assert!(serde_json::from_str::<Value>(text).is_err());
        let mended = mend(text).unwrap();
        let value: Value = serde_json::from_str(&mended.text).unwrap();
        assert_eq!(value, json!({"a": [null, null, null, 2], "b": "NaN \" ["}));
        let places: Vec<(u64, u64)> = mended.faults.iter().map(|(at, _)| (at.line, at.column)).collect();
        assert_eq!(places, [(1, 8), (1, 13), (2, 2)]);
        let deep = format!("{{\"a\": {}{}, \"b\": 1}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        let mended = mend(&deep).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&mended.text).unwrap()["b"], 1);
    }

    #[test]
    fn what_is_sound_or_hopeless_is_left() {
        for text in ["", "{\"a\": [1, 2.5e3, true, null]}", "[[[", "]", "\"open", "[NaN, \"open", "{a: b}"] {
            assert!(mend(text).is_none(), "{text}");
        }
    }
}
