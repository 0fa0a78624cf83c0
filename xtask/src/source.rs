//! Rust source without its comments and literals, for guards that look at names only.

/// The code of a Rust source: comments, strings and character literals become spaces, lines stay where they are.
///
/// Knows nested block comments, raw strings, byte and C strings, and tells lifetimes from characters. O(length).
pub(crate) fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let skipped = match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => line_comment(&bytes[at..]),
            b'/' if bytes.get(at + 1) == Some(&b'*') => block_comment(&bytes[at..]),
            b'"' => string(&bytes[at..]),
            b'r' if !out.last().is_some_and(|last| is_word(*last) && !matches!(last, b'b' | b'c')) => raw(&bytes[at..]),
            b'\'' => character(&bytes[at..]),
            _ => 0,
        };
        if skipped == 0 {
            out.push(bytes[at]);
            at += 1;
        } else {
            let end = (at + skipped).min(bytes.len());
            out.extend(bytes[at..end].iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }));
            at = end;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Code (as [`code_only`] gives it) whose items under `#[cfg(test)]` became spaces.
pub(crate) fn without_tests(code: &str) -> String {
    let mut out = String::from(code);
    let mut from = 0;
    while let Some(start) = out[from..].find("#[cfg(test)]").map(|found| from + found) {
        let end = item_end(&out[start..]).map_or(out.len(), |length| start + length);
        let blank: String = out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
        from = start + blank.len();
    }
    out
}

/// Where the item at the start of the code ends: its first `;` outside brackets, or the brace that closes its body.
fn item_end(code: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && c == '}' {
                    return Some(at + 1);
                }
            }
            ';' if depth == 0 => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Whether a byte may be part of an identifier.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The names in a piece of code with the offset of each, in order; numbers are left out.
pub(crate) fn names(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = code.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let start = at;
            while at < bytes.len() && is_word(bytes[at]) {
                at += 1;
            }
            if at == start {
                at += 1;
            } else if !bytes[start].is_ascii_digit() {
                return Some((start, &code[start..at]));
            }
        }
        None
    })
}

/// The line, from 1, of an offset.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count()
}

fn line_comment(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len())
}

fn block_comment(bytes: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn string(bytes: &[u8]) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// Length of a raw string at `r`, or 0 when it is just the letter.
fn raw(bytes: &[u8]) -> usize {
    let hashes = bytes[1..].iter().take_while(|byte| **byte == b'#').count();
    if bytes.get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    let body = 2 + hashes;
    let end = bytes[body..].windows(close.len()).position(|window| window == close);
    end.map_or(bytes.len(), |end| body + end + close.len())
}

/// Length of a character literal at a quote, or 0 for a lifetime.
fn character(bytes: &[u8]) -> usize {
    match bytes.get(1) {
        Some(b'\\') => bytes[3.min(bytes.len())..].iter().position(|byte| *byte == b'\'').map_or(0, |end| end + 4),
        Some(first) => {
            let width = match *first {
                0xF0.. => 4,
                0xE0.. => 3,
                0xC0.. => 2,
                _ => 1,
            };
            if bytes.get(1 + width) == Some(&b'\'') { width + 2 } else { 0 }
        }
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_comments_become_spaces() {
        let text = "a /* x /* y */ z */ b // c\nlet s = \"d \\\" e\"; r#\"f\"# g b\"h\" br##\"i\"#j\"## k";
        let code = code_only(text);
        let left: Vec<_> = names(&code).map(|(_, name)| name).collect();
        assert_eq!(left, ["a", "b", "let", "s", "g", "b", "b", "k"]);
        assert_eq!(code.len(), text.len());
        assert_eq!(code.lines().count(), 2);
    }

    #[test]
    fn characters_are_told_from_lifetimes() {
        let code = code_only("fn f<'a>(x: &'a str) { ['\"', '\\'', 'é', '\\u{1F600}', b'x'] } struct Y;");
        assert!(code.contains("'a>") && code.contains("&'a str") && code.contains("struct Y;"), "{code}");
        assert!(!code.contains('"'));
    }

    #[test]
    fn an_identifier_that_ends_in_r_is_no_raw_string() {
        assert!(code_only("for x in bar { r.y }").contains("bar { r.y }"));
        assert_eq!(code_only("or\"x\"").trim(), "or");
    }

    #[test]
    fn items_under_test_become_spaces() {
        let code =
            without_tests("use a;\n#[cfg(test)]\nmod tests;\nuse b;\n#[cfg(test)]\nmod more {\nuse c; }\nuse d;");
        let left: Vec<_> = names(&code).map(|(_, name)| name).collect();
        assert_eq!(left, ["use", "a", "use", "b", "use", "d"]);
        assert_eq!(code.lines().count(), 8);
        assert_eq!(without_tests("#[cfg(test)]\nfn f(").trim(), "");
    }

    #[test]
    fn lines_count_from_one() {
        assert_eq!((line_of("a\nb", 0), line_of("a\nb", 2)), (1, 2));
    }
}
