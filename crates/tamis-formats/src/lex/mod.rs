//! Readers of syntax that formats share; none knows a format. Each says line and column of what it cannot read.

pub(crate) mod csv;

pub(crate) mod json;
pub(crate) mod mend;
pub(crate) mod number;
pub(crate) mod object;
pub(crate) mod spool;
pub(crate) mod text;
pub(crate) mod xml;
pub(crate) mod yaml;

use tamis_core::Place;

/// Something that breaks the rules of a syntax, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Line, from 1.
    pub(crate) line: u64,
    /// Column, from 1; 0 when not known.
    pub(crate) column: u64,
    /// Which rule.
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(line: u64, column: u64, message: impl Into<String>) -> Fault {
        Fault { line, column, message: message.into() }
    }

    /// The place in a file.
    pub(crate) fn place(&self, file: &str) -> Place {
        let column = (self.column > 0).then_some(self.column);
        Place { file: file.to_owned(), line: Some(self.line), column, pointer: None }
    }
}
