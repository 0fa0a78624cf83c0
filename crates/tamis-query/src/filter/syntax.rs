//! From text to words: the shape of a filter, before anybody asks what its words mean. The grammar is in docs/filter.md.

use std::ops::Range;

use super::error::FilterError;
use super::pattern::Glyph;

/// The longest filter, in bytes.
const MAX_TEXT: usize = 64 * 1024;

/// How deep parentheses, brackets and negations may nest.
const MAX_DEPTH: usize = 50;

/// What is written, with places.
#[derive(Debug)]
pub(super) enum Raw {
    All(Vec<Raw>),
    Any(Vec<Raw>),
    Not(Box<Raw>),
    /// A word alone.
    Word(Value),
    /// `key op values`.
    Term {
        key: Value,
        op: Op,
        values: Vec<Value>,
        span: Range<usize>,
    },
    /// `[ … ]`.
    Label(Box<Raw>, Range<usize>),
    /// `labels … op value`.
    Count {
        of: Counted,
        op: Op,
        value: Value,
        span: Range<usize>,
    },
}

/// Which labels are counted.
#[derive(Debug)]
pub(super) enum Counted {
    All,
    Classes(Vec<Value>),
    Fitting(Box<Raw>),
}

/// What stands between a key and its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Is,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
}

/// A word or value.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) glyphs: Vec<Glyph>,
    /// As written, where nothing in it is quoted or escaped.
    pub(super) plain: Option<String>,
    pub(super) span: Range<usize>,
}

impl Value {
    /// The text, wildcards taken as they are written.
    pub(super) fn text(&self) -> String {
        let char = |glyph: &Glyph| match glyph {
            Glyph::Char(char) => *char,
            Glyph::One => '?',
            Glyph::Many => '*',
        };
        self.glyphs.iter().map(char).collect()
    }
}

type Parsed<T> = Result<T, FilterError>;

pub(super) fn read(text: &str) -> Parsed<Raw> {
    if text.len() > MAX_TEXT {
        let message = format!("a filter may have at most {MAX_TEXT} bytes, this one has {}", text.len());
        return Err(FilterError::new(message, text, 0..1));
    }
    let mut cursor = Cursor { text, at: 0, depth: 0 };
    let raw = cursor.any()?;
    match cursor.peek() {
        None => Ok(raw),
        Some(char) => {
            let span = cursor.at..cursor.at + char.len_utf8();
            let open = if char == ')' { '(' } else { '[' };
            Err(FilterError::new(format!("this `{char}` closes no `{open}`"), text, span))
        }
    }
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

/// Characters that end a bare word and must be quoted or escaped to stand in one.
fn is_special(char: char) -> bool {
    char.is_whitespace() || matches!(char, '(' | ')' | '[' | ']' | '"' | ',' | '<' | '>' | '=' | '~')
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.at += char.len_utf8();
        Some(char)
    }

    fn take(&mut self, token: &str) -> bool {
        let is_there = self.rest().starts_with(token);
        if is_there {
            self.at += token.len();
        }
        is_there
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn fail<T>(&self, message: impl Into<String>, span: Range<usize>) -> Parsed<T> {
        Err(FilterError::new(message, self.text, span))
    }

    /// The bare word that begins here, if it is one of `AND`, `OR`, `NOT` whatever the case.
    fn operator(&self) -> Option<(&'a str, &'static str)> {
        let end = self.rest().find(|char: char| char.is_whitespace() || matches!(char, '(' | ')' | '[' | ']'));
        let word = self.rest().get(..end.unwrap_or(self.rest().len()))?;
        ["AND", "OR", "NOT"].into_iter().find(|op| word.eq_ignore_ascii_case(op)).map(|op| (word, op))
    }

    /// Takes an operator; one in small letters is refused, since a path may be meant as well.
    fn take_operator(&mut self, wanted: &str) -> Parsed<bool> {
        self.skip_blanks();
        match self.operator() {
            Some((word, op)) if word == op => {
                let is_there = op == wanted;
                self.at += if is_there { word.len() } else { 0 };
                Ok(is_there)
            }
            Some((word, op)) => {
                let message =
                    format!("`{word}` alone is unclear: write `{op}`, or \"{word}\" for a path with this word");
                self.fail(message, self.at..self.at + word.len())
            }
            None => Ok(false),
        }
    }

    fn any(&mut self) -> Parsed<Raw> {
        let mut list = vec![self.all()?];
        loop {
            if !self.take_operator("OR")? {
                break;
            }
            let op = self.at - 2..self.at;
            let next = self.all()?;
            for (side, part) in [("before", list.last()), ("after", Some(&next))] {
                if matches!(part, Some(Raw::All(parts)) if parts.is_empty()) {
                    return self.fail(format!("nothing stands {side} this `OR`"), op);
                }
            }
            list.push(next);
        }
        Ok(if list.len() == 1 { list.swap_remove(0) } else { Raw::Any(list) })
    }

    fn all(&mut self) -> Parsed<Raw> {
        let mut list = Vec::new();
        loop {
            if self.take_operator("AND")? {
                let op = self.at - 3..self.at;
                self.skip_blanks();
                let has_next = !matches!(self.peek(), None | Some(')' | ']'))
                    && !matches!(self.operator(), Some((_, "AND" | "OR")));
                if list.is_empty() || !has_next {
                    return self.fail("`AND` needs a term on each side", op);
                }
            }
            self.skip_blanks();
            if matches!(self.peek(), None | Some(')' | ']')) || matches!(self.operator(), Some(("OR", _))) {
                return Ok(Raw::All(list));
            }
            list.push(self.not()?);
        }
    }

    fn not(&mut self) -> Parsed<Raw> {
        let start = self.at;
        let is_word = self.take_operator("NOT")?;
        if !is_word && !self.take("-") {
            return self.primary();
        }
        let op = start..self.at;
        if is_word {
            self.skip_blanks();
        }
        if self.peek().is_none_or(|char| char.is_whitespace() || matches!(char, ')' | ']')) {
            return self.fail("nothing stands after this to be negated", op);
        }
        self.deeper(op, |cursor| Ok(Raw::Not(Box::new(cursor.not()?))))
    }

    fn deeper<T>(&mut self, span: Range<usize>, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == MAX_DEPTH {
            return self.fail(format!("this is nested deeper than {MAX_DEPTH}"), span);
        }
        self.depth += 1;
        let parsed = parse(self)?;
        self.depth -= 1;
        Ok(parsed)
    }

    fn primary(&mut self) -> Parsed<Raw> {
        let start = self.at;
        let raw = if self.take("(") {
            let inner = self.deeper(start..self.at, Self::any)?;
            self.close(')', start)?;
            if matches!(&inner, Raw::All(list) if list.is_empty()) {
                return self.fail("nothing stands between these parentheses", start..self.at);
            }
            inner
        } else if self.take("[") {
            self.label(start)?
        } else {
            self.term()?
        };
        match self.peek() {
            Some(char) if !char.is_whitespace() && !matches!(char, ')' | ']') => {
                let span = self.at..self.at + char.len_utf8();
                self.fail(format!("`{char}` cannot stand here: put a blank before it, or quote it as \"{char}\""), span)
            }
            _ => Ok(raw),
        }
    }

    fn label(&mut self, start: usize) -> Parsed<Raw> {
        let inner = self.deeper(start..self.at, Self::any)?;
        self.close(']', start)?;
        Ok(Raw::Label(Box::new(inner), start..self.at))
    }

    fn close(&mut self, wanted: char, open: usize) -> Parsed<()> {
        match self.peek() {
            Some(char) if char == wanted => {
                self.next();
                Ok(())
            }
            Some(char) => self.fail(format!("`{char}` stands where a `{wanted}` is missing"), self.at..self.at + 1),
            None => self.fail(format!("this is never closed by `{wanted}`"), open..open + 1),
        }
    }

    fn term(&mut self) -> Parsed<Raw> {
        let start = self.at;
        if let Some(key) = self.key()? {
            let is_count = key.plain.as_deref() == Some("labels");
            if is_count && self.peek() == Some('[') {
                let open = self.at;
                self.next();
                let Raw::Label(inner, _) = self.label(open)? else {
                    return self.fail("expected a label", open..self.at);
                };
                return self.count(start, Counted::Fitting(inner));
            }
            if let Some(op) = self.op() {
                if is_count && op == Op::Is {
                    let classes = self.values(op)?;
                    return self.count(start, Counted::Classes(classes));
                }
                if is_count {
                    let value = self.value(false)?;
                    return Ok(Raw::Count { of: Counted::All, op, value, span: start..self.at });
                }
                let values = if op == Op::Like { vec![self.expression()?] } else { self.values(op)? };
                return Ok(Raw::Term { key, op, values, span: start..self.at });
            }
        }
        self.at = start;
        if self.take("~") {
            let glyphs = "path".chars().map(Glyph::Char).collect();
            let key = Value { glyphs, plain: Some("path".to_owned()), span: start..self.at };
            let values = vec![self.expression()?];
            return Ok(Raw::Term { key, op: Op::Like, values, span: start..self.at });
        }
        Ok(Raw::Word(self.value(true)?))
    }

    /// What follows the labels that are to be counted.
    fn count(&mut self, start: usize, of: Counted) -> Parsed<Raw> {
        match self.op() {
            Some(op) if !matches!(op, Op::Is | Op::Like) => {
                let value = self.value(false)?;
                Ok(Raw::Count { of, op, value, span: start..self.at })
            }
            _ => {
                let message = "how many labels are wanted is missing: write `labels:CLASS>=NUMBER`, or `class:CLASS` for at least one";
                self.fail(message, start..self.at)
            }
        }
    }

    /// The word before an operator; [`None`] where no operator follows.
    fn key(&mut self) -> Parsed<Option<Value>> {
        let start = self.at;
        let (mut glyphs, mut is_plain) = (Vec::new(), true);
        while let Some(char) = self.peek() {
            if char == '"' {
                self.quoted(&mut glyphs)?;
                is_plain = false;
            } else if is_special(char) || char == ':' || self.rest().starts_with("!=") {
                break;
            } else {
                self.next();
                let char = if char == '\\' { self.escaped(&mut is_plain)? } else { char };
                glyphs.push(Glyph::Char(char));
            }
        }
        let span = start..self.at;
        let follows = self.peek().is_some_and(|char| matches!(char, ':' | '<' | '>' | '=' | '~' | '!' | '['));
        let plain = is_plain.then(|| self.text.get(span.clone()).unwrap_or("").to_owned());
        Ok((follows && !glyphs.is_empty()).then_some(Value { glyphs, plain, span }))
    }

    fn op(&mut self) -> Option<Op> {
        const OPS: [(&str, Op); 8] = [
            ("!=", Op::NotEqual),
            ("<=", Op::LessOrEqual),
            (">=", Op::GreaterOrEqual),
            ("<", Op::Less),
            (">", Op::Greater),
            ("=", Op::Equal),
            (":", Op::Is),
            ("~", Op::Like),
        ];
        OPS.into_iter().find(|(token, _)| self.take(token)).map(|(_, op)| op)
    }

    fn values(&mut self, op: Op) -> Parsed<Vec<Value>> {
        let mut values = vec![self.value(false)?];
        while self.peek() == Some(',') {
            let comma = self.at..self.at + 1;
            self.next();
            if !matches!(op, Op::Is | Op::Equal | Op::NotEqual) {
                return self.fail("only one value can stand after a comparison", comma);
            }
            values.push(self.value(false)?);
        }
        Ok(values)
    }

    /// A value, or a word alone (in which commas and the like are letters).
    fn value(&mut self, is_word: bool) -> Parsed<Value> {
        let start = self.at;
        let (mut glyphs, mut is_plain, mut has_quotes) = (Vec::new(), true, false);
        // Half-open intervals have a `<` of their own.
        let is_letter = |cursor: &Self, char: char| match char {
            ',' | '=' | '~' => is_word,
            '<' => !is_word && cursor.text.get(start..cursor.at).is_some_and(|so_far| so_far.ends_with("..")),
            '!' => !cursor.rest().starts_with("!="),
            char => !is_special(char),
        };
        while let Some(char) = self.peek() {
            match char {
                '"' => {
                    self.quoted(&mut glyphs)?;
                    (is_plain, has_quotes) = (false, true);
                }
                char if !is_letter(self, char) => break,
                '\\' => {
                    self.next();
                    glyphs.push(Glyph::Char(self.escaped(&mut is_plain)?));
                }
                _ => {
                    self.next();
                    glyphs.push(match char {
                        '*' => Glyph::Many,
                        '?' => Glyph::One,
                        char => Glyph::Char(char),
                    });
                }
            }
        }
        let span = start..self.at;
        if glyphs.is_empty() && !has_quotes {
            let end = self.peek().map_or(start, |char| start + char.len_utf8());
            let found =
                self.peek().filter(|char| !char.is_whitespace()).map_or(String::new(), |c| format!(", not `{c}`"));
            let what = if is_word { "a term" } else { "a value" };
            return self.fail(format!("{what} is expected here{found}"), start..end);
        }
        let plain = is_plain.then(|| self.text.get(span.clone()).unwrap_or("").to_owned());
        Ok(Value { glyphs, plain, span })
    }

    fn escaped(&mut self, is_plain: &mut bool) -> Parsed<char> {
        *is_plain = false;
        let at = self.at;
        match self.next() {
            Some(char) => Ok(char),
            None => self.fail("a `\\` at the end escapes nothing: write `\\\\`", at - 1..at),
        }
    }

    /// `"…"` with the escapes `\"`, `\\`, `\n`, `\r`, `\t` and `\u{…}`; before any other character a backslash is skipped.
    fn quoted(&mut self, glyphs: &mut Vec<Glyph>) -> Parsed<()> {
        let start = self.at;
        self.next();
        while let Some(char) = self.next() {
            let char = match char {
                '"' => return Ok(()),
                '\\' => match self.next() {
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some('t') => '\t',
                    Some('u') if self.peek() == Some('{') => self.code()?,
                    Some(char) => char,
                    None => break,
                },
                char => char,
            };
            glyphs.push(Glyph::Char(char));
        }
        self.fail("this quote is never closed", start..start + 1)
    }

    /// The `{…}` of `\u{…}`.
    fn code(&mut self) -> Parsed<char> {
        let start = self.at;
        let end = self.rest().find('}').map(|length| start + length);
        let digits = end.and_then(|end| self.text.get(start + 1..end));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        match (code, end) {
            (Some(code), Some(end)) => {
                self.at = end + 1;
                Ok(code)
            }
            _ => self.fail("this is no character: write its number in hexadecimal, as `\\u{e9}`", start - 2..start + 1),
        }
    }

    /// A regular expression: quoted, or up to a blank or the `)` or `]` that closes what stands around it. Backslashes stay.
    fn expression(&mut self) -> Parsed<Value> {
        let start = self.at;
        let mut text = String::new();
        if self.take("\"") {
            loop {
                match self.next() {
                    Some('"') => break,
                    Some('\\') => {
                        text.push('\\');
                        text.extend(self.next());
                    }
                    Some(char) => text.push(char),
                    None => return self.fail("this quote is never closed", start..start + 1),
                }
            }
        } else {
            let mut open = Vec::new();
            while let Some(char) = self.peek().filter(|char| !char.is_whitespace()) {
                match char {
                    '(' => open.push(')'),
                    '[' => open.push(']'),
                    ')' | ']' if open.last() == Some(&char) => drop(open.pop()),
                    ')' | ']' if open.is_empty() => break,
                    _ => {}
                }
                self.next();
                text.push(char);
                if char == '\\' {
                    text.extend(self.next());
                }
            }
        }
        let span = start..self.at;
        if text.is_empty() {
            return self.fail("a regular expression is expected after `~`", start.saturating_sub(1)..self.at);
        }
        Ok(Value { glyphs: text.chars().map(Glyph::Char).collect(), plain: Some(text), span })
    }
}
