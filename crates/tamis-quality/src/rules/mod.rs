//! Rules that labels keep: inside the image, of some area, of the ontology, each once, and steady along tracks.
//!
//! [`RULES`] is the one table of them; the list in `docs/quality.md` is made from it. A [`RuleBook`] checks the labels
//! of one sample at a time, [`Tracks`] follows instances through the frames of a sequence. Both give what they find to
//! a function, so that memory does not grow with it. Where a rule has a safe fix, the finding carries it;
//! [`fixed`] applies the fixes of one sample.
//!
//! Complexity: O(n log n) for n labels of a sample, plus pairs of boxes and of polygon edges that overlap across.

mod book;
mod fix;
mod pairs;
mod polygon;
mod shape;
mod table;
mod tracks;

pub use book::{RuleBook, RuleOptions, Scene};
pub use fix::{Fix, fixed};
pub use table::{RULES, Rule};
pub use tracks::Tracks;

/// A rule that a label breaks.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// The rule.
    pub rule: &'static Rule,
    /// The position of the label in its list.
    pub label: usize,
    /// The position of the other label, where two are at fault.
    pub other: Option<usize>,
    /// What is wrong: lower case, no final stop.
    pub message: String,
    /// What can be done without asking anybody.
    pub fix: Option<Fix>,
}

impl Broken {
    fn new(rule: &'static Rule, label: usize, message: impl Into<String>) -> Broken {
        Broken { rule, label, other: None, message: message.into(), fix: None }
    }

    fn with(mut self, fix: Option<Fix>) -> Broken {
        self.fix = fix;
        self
    }
}
