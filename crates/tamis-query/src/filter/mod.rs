//! The filter language: a line of text that says which samples are meant, for people and URLs.
//!
//! docs/filter.md has the language. A [`Filter`] is read from text, prints as text that reads back as the same filter,
//! and looks at samples directly. Its tree ([`Filter::condition`]) is public, for those who turn it into
//! something else. Every condition is true or false: an absent value is no value that was asked for.

mod batch;
mod count;
mod error;
mod find;
mod fits;
mod key;
mod meaning;
mod names;
mod needs;
mod number;
mod pattern;
mod print;
mod sql;
mod syntax;
mod tree;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use tamis_core::{Label, Sample};

pub use error::FilterError;
pub use find::{Finder, FoundPaths};
pub use key::{KEYS, Key, KeySpec, Kind, Owner};
pub use names::Names;
pub use needs::Place;
pub use pattern::{Glyph, Pattern};
pub use tree::{Choice, Condition, Expression, Interval, Operand, Order, SampleTerm, Span, Test, Wanted};

/// Which samples are meant. Equal when the trees are.
#[derive(Clone, Debug)]
pub struct Filter {
    condition: Condition<SampleTerm>,
    text: String,
}

impl Filter {
    /// Reads a filter; an empty text means all samples. O(text).
    ///
    /// # Errors
    /// What is wrong, where, and what may have been meant.
    pub fn parse(text: &str) -> Result<Filter, FilterError> {
        let condition = meaning::filter(text, syntax::read(text)?)?;
        Ok(Filter { condition, text: text.to_owned() })
    }

    /// The filter of a tree.
    pub fn of(condition: Condition<SampleTerm>) -> Filter {
        let text = condition.to_string();
        Filter { condition, text }
    }

    /// What it says.
    pub fn condition(&self) -> &Condition<SampleTerm> {
        &self.condition
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether all samples are meant.
    pub fn is_everything(&self) -> bool {
        matches!(&self.condition, Condition::All(list) if list.is_empty())
    }

    /// Whether a sample fits. Views must have been replaced ([`Filter::with_views`]); what is left of them fits nothing.
    pub fn fits(&self, sample: &Sample) -> bool {
        fits::sample(&self.condition, sample)
    }

    /// The labels of a sample that the filter asks for, with their layers: each fits a label condition that is not negated.
    /// Nothing for a filter that asks for no label.
    pub fn labels_of<'a>(&self, sample: &'a Sample) -> Vec<(&'a str, &'a Label)> {
        let mut wanted = Vec::new();
        self.condition.each(&mut |term, is_positive| match term {
            // A number of any labels asks for none in particular.
            SampleTerm::Count(Condition::All(list), _) if list.is_empty() => {}
            SampleTerm::Label(label) | SampleTerm::Count(label, _) if is_positive => wanted.push(label),
            _ => {}
        });
        let all = sample.layers.iter().flat_map(|(layer, labels)| labels.iter().map(move |l| (layer.as_str(), l)));
        all.filter(|(layer, label)| wanted.iter().any(|wanted| fits::label(wanted, layer, label))).collect()
    }

    /// The names of the views that it speaks of.
    pub fn views(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.condition.each(&mut |term, _| {
            if let SampleTerm::View(name, _) = term {
                names.push(name.clone());
            }
        });
        names
    }

    /// The same with each view replaced by what `resolve` says that it is.
    ///
    /// # Errors
    /// Those of `resolve`.
    pub fn with_views<E>(self, resolve: &mut impl FnMut(&str) -> Result<Filter, E>) -> Result<Filter, E> {
        let Filter { condition, text } = self;
        let condition = condition.try_map(&mut |term| match term {
            SampleTerm::View(name, _) => Ok(resolve(&name)?.condition),
            other => Ok(Condition::Is(other)),
        })?;
        Ok(Filter { condition, text })
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Filter) -> bool {
        self.condition == other.condition
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.condition)
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Filter, FilterError> {
        Filter::parse(text)
    }
}
