//! JSON as a stream: the members of the outermost object, and each element of those that are arrays, one at a time,
//! so that a file of any size is read in the memory of its largest element and one bad element spoils no other.

use std::io::Read;

use super::Fault;

/// Where a value starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

impl At {
    /// Where a file begins.
    pub(crate) const START: At = At { line: 1, column: 1 };

    /// The place of an error of `serde_json` inside the value that starts here.
    pub(crate) fn fault(self, error: &serde_json::Error) -> Fault {
        let line = error.line().max(1) as u64;
        let column = error.column() as u64;
        let column = if line == 1 { self.column + column.saturating_sub(1) } else { column };
        let text = error.to_string();
        let message = text.split(" at line ").next().unwrap_or_default().to_owned();
        Fault::new(self.line + line - 1, column, message)
    }
}

/// A value of the outermost object or array.
pub(crate) struct Item<'a> {
    /// The member's name; empty in an outermost array.
    pub(crate) key: &'a str,
    /// The number of the element when the member is an array.
    pub(crate) index: Option<usize>,
    /// The value's text.
    pub(crate) text: &'a [u8],
    /// Where it starts.
    pub(crate) at: At,
}

/// Walks through a file's outermost object or array. What was read before a fault stands.
///
/// # Errors
/// A [`Fault`] where the text stops to be JSON.
pub(crate) fn walk(reader: impl Read, mut each: impl FnMut(Item<'_>)) -> Result<(), Fault> {
    let mut scan = Scan::new(reader);
    scan.skip_bom();
    match scan.token()? {
        Some(b'[') => scan.elements("", &mut each)?,
        Some(b'{') => scan.members(&mut each)?,
        _ => return Err(scan.fault("expected `{` or `[`")),
    }
    match scan.token()? {
        None => Ok(()),
        Some(_) => Err(scan.fault("something follows the outermost value")),
    }
}

struct Scan<R> {
    reader: R,
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
    line: u64,
    column: u64,
    value: Vec<u8>,
    broken: Option<String>,
}

impl<R: Read> Scan<R> {
    fn new(reader: R) -> Scan<R> {
        let buffer = vec![0; 64 << 10].into_boxed_slice();
        Scan { reader, buffer, at: 0, end: 0, line: 1, column: 1, value: Vec::new(), broken: None }
    }

    fn fault(&self, message: &str) -> Fault {
        Fault::new(self.line, self.column, self.broken.as_deref().unwrap_or(message))
    }

    /// Reads on where the buffer is used up; whether there is something in it.
    fn fill(&mut self) -> bool {
        if self.at == self.end {
            self.end = loop {
                match self.reader.read(&mut self.buffer) {
                    Ok(read) => break read,
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(e) => {
                        self.broken = Some(e.to_string());
                        break 0;
                    }
                }
            };
            self.at = 0;
        }
        self.end > 0
    }

    fn peek(&mut self) -> Option<u8> {
        if self.fill() { self.buffer.get(self.at).copied() } else { None }
    }

    fn bump(&mut self, byte: u8) {
        self.at += 1;
        if byte == b'\n' {
            self.line += 1;
            self.column = 1;
        } else if byte & 0xC0 != 0x80 {
            self.column += 1;
        }
    }

    fn skip_bom(&mut self) {
        if self.peek() == Some(0xEF) {
            for _ in 0..3 {
                if self.peek().is_some_and(|b| b >= 0x80) {
                    self.at += 1;
                }
            }
        }
    }

    fn skip_space(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek() {
            self.bump(byte);
        }
    }

    /// The next byte that is no space, taken.
    fn token(&mut self) -> Result<Option<u8>, Fault> {
        self.skip_space();
        let byte = self.peek();
        if let Some(byte) = byte {
            self.bump(byte);
        } else if self.broken.is_some() {
            return Err(self.fault(""));
        }
        Ok(byte)
    }

    fn members(&mut self, each: &mut impl FnMut(Item<'_>)) -> Result<(), Fault> {
        loop {
            self.skip_space();
            match self.peek() {
                Some(b'}') => {
                    self.bump(b'}');
                    return Ok(());
                }
                Some(b'"') => {}
                _ => return Err(self.fault("expected a member's name or `}`")),
            }
            let at = At { line: self.line, column: self.column };
            self.capture()?;
            let key: String = serde_json::from_slice(&self.value).map_err(|e| at.fault(&e))?;
            if self.token()? != Some(b':') {
                return Err(self.fault("expected `:` after a member's name"));
            }
            self.skip_space();
            if self.peek() == Some(b'[') {
                self.bump(b'[');
                self.elements(&key, each)?;
            } else {
                let at = At { line: self.line, column: self.column };
                self.capture()?;
                each(Item { key: &key, index: None, text: &self.value, at });
            }
            match self.token()? {
                Some(b',') => {}
                Some(b'}') => return Ok(()),
                _ => return Err(self.fault("expected `,` or `}`")),
            }
        }
    }

    fn elements(&mut self, key: &str, each: &mut impl FnMut(Item<'_>)) -> Result<(), Fault> {
        for index in 0.. {
            self.skip_space();
            if index == 0 && self.peek() == Some(b']') {
                self.bump(b']');
                return Ok(());
            }
            let at = At { line: self.line, column: self.column };
            self.capture()?;
            each(Item { key, index: Some(index), text: &self.value, at });
            match self.token()? {
                Some(b',') => {}
                Some(b']') => return Ok(()),
                _ => return Err(self.fault("expected `,` or `]`")),
            }
        }
        Ok(())
    }

    /// Takes one value into `self.value` by its brackets and quotes; what is between is not looked at.
    fn capture(&mut self) -> Result<(), Fault> {
        self.value.clear();
        let mut state = Within::default();
        while self.fill() {
            let chunk = self.buffer.get(self.at..self.end).unwrap_or_default();
            let (taken, end) = state.pass(chunk);
            let run = chunk.get(..taken).unwrap_or_default();
            self.value.extend_from_slice(run);
            // Columns count characters: every byte but the later ones of a character.
            let last = run.iter().rposition(|b| *b == b'\n');
            if last.is_some() {
                self.line += run.iter().filter(|b| **b == b'\n').count() as u64;
                self.column = 1;
            }
            let rest = last.map_or(run, |last| run.get(last + 1..).unwrap_or_default());
            self.column += rest.iter().filter(|b| **b & 0xC0 != 0x80).count() as u64;
            self.at += taken;
            match end {
                End::Value => return Ok(()),
                End::Delimiter => break,
                End::Chunk => {}
            }
        }
        if state.quoted || state.depth > 0 || self.peek().is_none() && self.value.is_empty() {
            return Err(self.fault("the file ends inside a value"));
        }
        if self.value.is_empty() { Err(self.fault("expected a value")) } else { Ok(()) }
    }
}

/// Where in a value the scan is.
#[derive(Default)]
struct Within {
    depth: u32,
    quoted: bool,
    escaped: bool,
}

/// Why a pass ended.
enum End {
    /// The value is complete.
    Value,
    /// What follows the value is next, not taken.
    Delimiter,
    /// The bytes are used up.
    Chunk,
}

impl Within {
    /// Passes over bytes to the end of the value; gives how many belong to it.
    fn pass(&mut self, chunk: &[u8]) -> (usize, End) {
        for (at, byte) in chunk.iter().enumerate() {
            if self.quoted {
                if self.escaped {
                    self.escaped = false;
                } else if *byte == b'\\' {
                    self.escaped = true;
                } else if *byte == b'"' {
                    self.quoted = false;
                    if self.depth == 0 {
                        return (at + 1, End::Value);
                    }
                }
                continue;
            }
            match byte {
                b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t' | b':' if self.depth == 0 => {
                    return (at, End::Delimiter);
                }
                b'"' => self.quoted = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (at + 1, End::Value);
                    }
                }
                _ => {}
            }
        }
        (chunk.len(), End::Chunk)
    }
}

/// A number that may stand as text, as an integer.
pub(crate) fn as_id(value: &serde_json::Value) -> Option<i64> {
    match value {
        serde_json::Value::Number(n) => {
            n.as_i64().or_else(|| n.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 9e15).map(|f| f as i64))
        }
        serde_json::Value::String(s) => s.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> (Vec<String>, Result<(), Fault>) {
        let mut out = Vec::new();
        let end = walk(text.as_bytes(), |item| {
            let text = String::from_utf8_lossy(item.text).into_owned();
            out.push(format!("{}{:?} {}:{} {text}", item.key, item.index, item.at.line, item.at.column));
        });
        (out, end)
    }

    #[test]
    fn members_and_elements_come_one_by_one() {
        let (out, end) = items("\u{feff}{\"a\": [1, {\"x\": \"]}\\\"\"},\n [2]], \"b\": {\"c\": 1}}\r\n");
        assert_eq!(end, Ok(()));
        assert_eq!(
            out,
            ["aSome(0) 1:8 1", "aSome(1) 1:11 {\"x\": \"]}\\\"\"}", "aSome(2) 2:2 [2]", "bNone 2:13 {\"c\": 1}"]
        );
    }

    #[test]
    fn what_was_read_before_a_fault_stands() {
        let (out, end) = items("{\"a\": [1, 2, {\"x\"");
        assert_eq!(out.len(), 2);
        assert_eq!(end, Err(Fault::new(1, 18, "the file ends inside a value")));
        assert!(
            items("").1.is_err() && items("{\"a\"").1.is_err() && items("[1 2]").1.is_err() && items("{} x").1.is_err()
        );
    }
}
