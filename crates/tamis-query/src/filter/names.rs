//! What a dataset has, and whether a filter asks for something that it has not.

use std::collections::BTreeSet;

use tamis_core::near;

use super::Filter;
use super::error::FilterError;
use super::key::Key;
use super::meaning::near_keys;
use super::pattern::Pattern;
use super::tree::{Choice, Condition, SampleTerm, Span, Test, Wanted};

/// The names in a dataset that a filter may speak of. A list that is [`None`] is not known and not checked.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Classes of labels.
    pub classes: Option<BTreeSet<String>>,
    /// Layers of labels.
    pub layers: Option<BTreeSet<String>>,
    /// The user's fields.
    pub fields: Option<BTreeSet<String>>,
    /// Attributes of labels.
    pub attributes: Option<BTreeSet<String>>,
    /// Parts of the data.
    pub splits: Option<BTreeSet<String>>,
    /// Saved queries.
    pub views: Option<BTreeSet<String>>,
}

/// At most so many names are listed where none looks alike.
const LISTED: usize = 8;

impl Names {
    /// Checks that everything a filter names is there; names with wildcards may fit nothing.
    ///
    /// # Errors
    /// The first name that is not there, with those that look alike, or with all of a few.
    pub fn check(&self, filter: &Filter) -> Result<(), FilterError> {
        let mut outcome = Ok(());
        filter.condition().each(&mut |term, _| {
            if outcome.is_ok() {
                outcome = self.term(filter, term);
            }
        });
        outcome.and_then(|()| never_both(filter))
    }

    fn term(&self, filter: &Filter, term: &SampleTerm) -> Result<(), FilterError> {
        match term {
            SampleTerm::Is(test) => self.test(filter, test),
            SampleTerm::Label(label) | SampleTerm::Count(label, _) => self.label(filter, label),
            SampleTerm::Layer(layers, span) => {
                layers.iter().try_for_each(|layer| one(filter, "layer", &self.layers, layer, span))
            }
            SampleTerm::View(name, span) => one(filter, "view", &self.views, &Pattern::literally(name), span),
        }
    }

    fn label(&self, filter: &Filter, label: &Condition<Test>) -> Result<(), FilterError> {
        let mut outcome = Ok(());
        label.each(&mut |test, _| {
            if outcome.is_ok() {
                outcome = self.test(filter, test);
            }
        });
        outcome
    }

    fn test(&self, filter: &Filter, test: &Test) -> Result<(), FilterError> {
        let (what, known) = match &test.key {
            Key::Field(name) => {
                return one(filter, "field", &self.fields, &Pattern::literally(name), &test.span)
                    .map_err(|error| with_keys(error, name));
            }
            Key::Attribute(name) => {
                return one(filter, "attribute", &self.attributes, &Pattern::literally(name), &test.span);
            }
            Key::Class => ("class", &self.classes),
            Key::Layer => ("layer", &self.layers),
            Key::Split => ("split", &self.splits),
            _ => return Ok(()),
        };
        let Wanted::OneOf(choices) = &test.wanted else { return Ok(()) };
        choices.iter().try_for_each(|choice| match choice {
            Choice::Text(pattern) => one(filter, what, known, pattern, &test.span),
            Choice::Number(_) => Ok(()),
        })
    }
}

/// A word that is no field may be a key with a slip.
fn with_keys(mut error: FilterError, name: &str) -> FilterError {
    let keys = near_keys(name);
    if !keys.is_empty() {
        error.message = format!("there is no field `{name}`");
    }
    error.near = keys.into_iter().chain(error.near).take(3).collect();
    error
}

fn one(
    filter: &Filter,
    what: &str,
    known: &Option<BTreeSet<String>>,
    wanted: &Pattern,
    span: &Span,
) -> Result<(), FilterError> {
    let (Some(known), Some(name)) = (known, wanted.literal()) else { return Ok(()) };
    if known.contains(name) {
        return Ok(());
    }
    let near = near(name, known.iter().map(String::as_str));
    let mut message = format!("there is no {what} `{name}`");
    if near.is_empty() {
        let listed: Vec<&str> = known.iter().map(String::as_str).filter(|name| !name.is_empty()).take(LISTED).collect();
        let more = if known.len() > LISTED { ", …" } else { "" };
        match listed.is_empty() {
            true => message.push_str("; there are none"),
            false => message.push_str(&format!("; there are {}{more}", listed.join(", "))),
        }
    }
    Err(FilterError::new(message, filter.text(), span.0.clone()).with_near(near))
}

/// Refuses `split:train split:val`, which nothing can be: alternatives are meant.
fn never_both(filter: &Filter) -> Result<(), FilterError> {
    let mut seen: Vec<(&Key, Vec<String>)> = Vec::new();
    for term in filter.required() {
        let SampleTerm::Is(Test { key, wanted: Wanted::OneOf(choices), span }) = term else { continue };
        let literal = |choice: &'_ Choice| match choice {
            Choice::Text(pattern) => pattern.literal().map(str::to_owned),
            Choice::Number(_) => None,
        };
        // A user's field may be a list, which can have both.
        let Some(values) = choices.iter().map(literal).collect::<Option<Vec<String>>>() else { continue };
        if matches!(key, Key::Field(_)) {
            continue;
        }
        if let Some((_, before)) =
            seen.iter().find(|(other, before)| *other == key && !before.iter().any(|v| values.contains(v)))
        {
            let (word, all) = (key.to_string(), [before.as_slice(), values.as_slice()].concat().join(","));
            let message = format!("no sample has two values of `{word}`: for either write `{word}:{all}`");
            return Err(FilterError::new(message, filter.text(), span.0.clone()));
        }
        seen.push((key, values));
    }
    Ok(())
}
