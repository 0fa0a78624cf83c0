//! What is wrong with a filter, and where.

use std::fmt;
use std::ops::Range;

use tamis_core::{Classify, Kind};

/// A filter that cannot be read, or names what a dataset does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// What is wrong, on one line.
    pub message: String,
    /// The filter as it was given.
    pub text: String,
    /// Which bytes of it are meant.
    pub span: Range<usize>,
    /// What may have been meant, nearest first.
    pub near: Vec<String>,
}

/// Characters shown on each side of the place.
const AROUND: usize = 60;

impl FilterError {
    pub(super) fn new(message: impl Into<String>, text: &str, span: Range<usize>) -> FilterError {
        FilterError { message: message.into(), text: text.to_owned(), span, near: Vec::new() }
    }

    pub(super) fn with_near(mut self, near: Vec<String>) -> FilterError {
        self.near = near;
        self
    }

    /// The line of the filter around the place, and carets under the place.
    pub fn drawn(&self) -> (String, String) {
        let start = self.span.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or("");
        let marked = self.text.get(start..self.span.end.max(start)).unwrap_or("");
        let after = self.text.get(start + marked.len()..).unwrap_or("");
        let plain = |char: char| if char.is_control() { ' ' } else { char };
        let skipped = before.chars().count().saturating_sub(AROUND);
        let mut line = String::from(if skipped > 0 { "…" } else { "" });
        line.extend(before.chars().skip(skipped).map(plain));
        let indent = line.chars().count();
        let carets = marked.chars().count().clamp(1, AROUND);
        line.extend(marked.chars().chain(after.chars()).take(carets + AROUND).map(plain));
        if marked.chars().chain(after.chars()).nth(carets + AROUND).is_some() {
            line.push('…');
        }
        (line, format!("{}{}", " ".repeat(indent), "^".repeat(carets)))
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.near.is_empty() {
            write!(f, "; did you mean `{}`?", self.near.join("` or `"))?;
        }
        let (line, carets) = self.drawn();
        write!(f, "\n  {}\n  {}", line.trim_end(), carets)
    }
}

impl std::error::Error for FilterError {}

impl Classify for FilterError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }
}
