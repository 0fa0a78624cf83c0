//! What a guard has to say about one place.

use std::fmt;

/// One broken rule, or a remark when it is not fatal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// File (and line) or crate it is about.
    pub(crate) place: String,
    /// What is wrong, and what the rule is.
    pub(crate) what: String,
    /// Whether it fails the run.
    pub(crate) fatal: bool,
}

impl Fault {
    /// A broken rule.
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), fatal: true }
    }

    /// Something to know, which fails nothing.
    pub(crate) fn remark(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { fatal: false, ..Self::new(place, what) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grade = if self.fatal { "" } else { "note: " };
        write!(f, "{grade}{}: {}", self.place, self.what)
    }
}
