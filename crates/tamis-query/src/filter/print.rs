//! A tree as text that reads back as the same tree: one line, no control characters, label terms in brackets.

use std::fmt::{self, Write};

use super::key::{Key, Kind};
use super::pattern::{Glyph, Pattern};
use super::tree::{Choice, Condition, Interval, Operand, SampleTerm, Test, Wanted};

/// How a term is written.
pub(super) trait Print {
    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

impl<T: Print> fmt::Display for Condition<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::All(list) => {
                for (at, condition) in list.iter().enumerate() {
                    f.write_str(if at > 0 { " " } else { "" })?;
                    inner(condition, f, matches!(condition, Condition::Any(_)))?;
                }
                Ok(())
            }
            Condition::Any(list) => {
                for (at, condition) in list.iter().enumerate() {
                    f.write_str(if at > 0 { " OR " } else { "" })?;
                    inner(condition, f, false)?;
                }
                Ok(())
            }
            Condition::Not(condition) => {
                f.write_char('-')?;
                inner(condition, f, matches!(**condition, Condition::Any(_) | Condition::All(_)))
            }
            Condition::Is(term) => term.print(f),
        }
    }
}

fn inner<T: Print>(condition: &Condition<T>, f: &mut fmt::Formatter<'_>, in_parentheses: bool) -> fmt::Result {
    if in_parentheses { write!(f, "({condition})") } else { write!(f, "{condition}") }
}

impl Print for SampleTerm {
    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SampleTerm::Is(test) => test.print(f),
            SampleTerm::Label(label) => write!(f, "[{label}]"),
            SampleTerm::Count(Condition::All(list), interval) if list.is_empty() => {
                write!(f, "labels")?;
                counts(interval, f)
            }
            SampleTerm::Count(label, interval) => {
                write!(f, "labels[{label}]")?;
                counts(interval, f)
            }
            SampleTerm::Layer(layers, _) => {
                f.write_str("has:")?;
                listed(layers, f, pattern)
            }
            SampleTerm::View(name, _) => {
                f.write_str("view:")?;
                quoted(name, false, f)
            }
        }
    }
}

impl Print for Test {
    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        key(&self.key, f)?;
        match &self.wanted {
            Wanted::Present => f.write_str(":*"),
            Wanted::OneOf(choices) => {
                f.write_char(':')?;
                let is_number = self.key.kind() != Kind::Any;
                listed(choices, f, |choice, f| match choice {
                    Choice::Text(text) => pattern(text, f),
                    Choice::Number(interval) => match interval.single().filter(|_| is_number) {
                        Some(single) => number(single, f),
                        None => range(interval, f),
                    },
                })
            }
            Wanted::Than(order, operand) => {
                f.write_str(order.as_str())?;
                match operand {
                    Operand::Number(value) => number(*value, f),
                    Operand::Text(text) => quoted(text, false, f),
                }
            }
            Wanted::Like(expression) => {
                f.write_str("~\"")?;
                let mut chars = expression.as_str().chars();
                while let Some(char) = chars.next() {
                    match char {
                        '"' => f.write_str("\\\"")?,
                        '\\' => {
                            f.write_char('\\')?;
                            chars.next().map_or(Ok(()), |next| f.write_char(next))?;
                        }
                        char => f.write_char(char)?,
                    }
                }
                f.write_char('"')
            }
        }
    }
}

fn listed<T>(
    list: &[T],
    f: &mut fmt::Formatter<'_>,
    mut one: impl FnMut(&T, &mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    for (at, item) in list.iter().enumerate() {
        f.write_str(if at > 0 { "," } else { "" })?;
        one(item, f)?;
    }
    Ok(())
}

fn key(key: &Key, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (before, name) = key.word();
    f.write_str(before)?;
    quoted(name, false, f)
}

fn counts(interval: &Interval, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match (interval.low, interval.high) {
        (Some(low), None) => {
            f.write_str(">=")?;
            number(low, f)
        }
        (None, Some(high)) => {
            f.write_str(if interval.is_open { "<" } else { "<=" })?;
            number(high, f)
        }
        _ => {
            f.write_char('=')?;
            match interval.single() {
                Some(single) => number(single, f),
                None => range(interval, f),
            }
        }
    }
}

fn range(interval: &Interval, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    interval.low.map_or(Ok(()), |low| number(low, f))?;
    f.write_str(if interval.is_open { "..<" } else { ".." })?;
    interval.high.map_or(Ok(()), |high| number(high, f))
}

/// A number with as many digits as it takes to read it back.
fn number(value: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if value.fract() == 0.0 && value.abs() < 1e15 && !(value == 0.0 && value.is_sign_negative()) {
        write!(f, "{}", value as i64)
    } else {
        write!(f, "{value:?}")
    }
}

fn pattern(pattern: &Pattern, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(literal) = pattern.literal() {
        return quoted(literal, true, f);
    }
    let mut run = String::new();
    for glyph in pattern.glyphs() {
        let wild = match glyph {
            Glyph::Char(char) => {
                run.push(*char);
                continue;
            }
            Glyph::One => '?',
            Glyph::Many => '*',
        };
        if !run.is_empty() {
            quoted(&run, false, f)?;
            run.clear();
        }
        f.write_char(wild)?;
    }
    if run.is_empty() { Ok(()) } else { quoted(&run, true, f) }
}

/// A text, in quotes where it must be: bare are letters and digits, and `_`, `-`, `.`, `/`, `@` between. A `/` at the end
/// of a pattern would mean a folder.
fn quoted(text: &str, is_end: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let is_bare = |char: char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.' | '/' | '@');
    let is_folder = is_end && text.ends_with('/');
    if !text.is_empty() && text.chars().all(is_bare) && !text.contains("..") && !text.starts_with('-') && !is_folder {
        return f.write_str(text);
    }
    f.write_char('"')?;
    for char in text.chars() {
        match char {
            '"' | '\\' => write!(f, "\\{char}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            char if char.is_control() => write!(f, "\\u{{{:x}}}", u32::from(char))?,
            char => f.write_char(char)?,
        }
    }
    f.write_char('"')
}
