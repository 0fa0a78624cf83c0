//! What a filter says, as a tree.
//!
//! INVARIANT: conditions are built by [`Condition::all`] and [`Condition::any`], so that a list holds no list of its own
//! kind and never exactly one condition; only [`Condition::All`] may be empty, and only as a whole filter or label.

use std::fmt;
use std::ops::Range as Bytes;

use super::key::Key;
use super::pattern::Pattern;

/// Conditions on something, joined by and, or, not.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition<T> {
    /// All of them; an empty list holds of everything.
    All(Vec<Condition<T>>),
    /// At least one of them.
    Any(Vec<Condition<T>>),
    /// Not that.
    Not(Box<Condition<T>>),
    /// One condition.
    Is(T),
}

impl<T> Condition<T> {
    /// All of some conditions, flattened.
    pub fn all(conditions: impl IntoIterator<Item = Condition<T>>) -> Condition<T> {
        let mut flat = Vec::new();
        for condition in conditions {
            match condition {
                Condition::All(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            1 => flat.swap_remove(0),
            _ => Condition::All(flat),
        }
    }

    /// Any of some conditions, flattened; of none: none is asked for.
    pub fn any(conditions: impl IntoIterator<Item = Condition<T>>) -> Condition<T> {
        let mut flat = Vec::new();
        for condition in conditions {
            match condition {
                Condition::Any(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Condition::All(flat),
            1 => flat.swap_remove(0),
            _ => Condition::Any(flat),
        }
    }

    /// The opposite.
    pub fn negated(self) -> Condition<T> {
        Condition::Not(Box::new(self))
    }

    /// Whether it holds, when `is` says so of each term.
    pub fn holds(&self, is: &mut impl FnMut(&T) -> bool) -> bool {
        match self {
            Condition::All(list) => list.iter().all(|condition| condition.holds(is)),
            Condition::Any(list) => list.iter().any(|condition| condition.holds(is)),
            Condition::Not(inner) => !inner.holds(is),
            Condition::Is(term) => is(term),
        }
    }

    /// Calls `visit` with each term, and whether it stands under an even number of negations.
    pub fn each<'a>(&'a self, visit: &mut impl FnMut(&'a T, bool)) {
        self.each_from(true, visit);
    }

    fn each_from<'a>(&'a self, positive: bool, visit: &mut impl FnMut(&'a T, bool)) {
        match self {
            Condition::All(list) | Condition::Any(list) => {
                list.iter().for_each(|condition| condition.each_from(positive, visit));
            }
            Condition::Not(inner) => inner.each_from(!positive, visit),
            Condition::Is(term) => visit(term, positive),
        }
    }

    /// Replaces each term by a condition.
    pub fn try_map<U, E>(self, map: &mut impl FnMut(T) -> Result<Condition<U>, E>) -> Result<Condition<U>, E> {
        Ok(match self {
            Condition::All(list) => {
                Condition::all(list.into_iter().map(|c| c.try_map(map)).collect::<Result<Vec<_>, E>>()?)
            }
            Condition::Any(list) => {
                Condition::any(list.into_iter().map(|c| c.try_map(map)).collect::<Result<Vec<_>, E>>()?)
            }
            Condition::Not(inner) => inner.try_map(map)?.negated(),
            Condition::Is(term) => map(term)?,
        })
    }
}

/// A condition on a sample.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleTerm {
    /// One of its own values.
    Is(Test),
    /// Some label of it, of any layer, fits all of this.
    Label(Condition<Test>),
    /// How many labels, of all layers, fit.
    Count(Condition<Test>, Interval),
    /// It has one of these layers: somebody looked at it, labels or not.
    Layer(Vec<Pattern>, Span),
    /// It is in the saved query of that name.
    View(String, Span),
}

/// A condition on one value of a sample or of a label.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// Which value.
    pub key: Key,
    /// What it must be.
    pub wanted: Wanted,
    /// Where it stands in the filter's text.
    pub span: Span,
}

/// What a value must be. A value that is absent is nothing of all this.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// Anything, but there.
    Present,
    /// One of these.
    OneOf(Vec<Choice>),
    /// Before or after something.
    Than(Order, Operand),
    /// A text in which the expression is found.
    Like(Expression),
}

/// One of several values that are wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// A text, or a number or truth value that is written so.
    Text(Pattern),
    /// A number.
    Number(Interval),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Order {
    /// The sign.
    pub fn as_str(self) -> &'static str {
        match self {
            Order::Less => "<",
            Order::LessOrEqual => "<=",
            Order::Greater => ">",
            Order::GreaterOrEqual => ">=",
        }
    }

    /// Whether `a` stands so to `b`.
    pub fn holds<T: PartialOrd + ?Sized>(self, a: &T, b: &T) -> bool {
        match self {
            Order::Less => a < b,
            Order::LessOrEqual => a <= b,
            Order::Greater => a > b,
            Order::GreaterOrEqual => a >= b,
        }
    }
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A number.
    Number(f64),
    /// A text; texts are compared byte by byte.
    Text(String),
}

/// Numbers from one to another, each bound optional; finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The least.
    pub low: Option<f64>,
    /// The greatest.
    pub high: Option<f64>,
    /// Whether `high` itself is out.
    pub is_open: bool,
}

impl Interval {
    /// One number.
    pub fn exactly(number: f64) -> Interval {
        Interval { low: Some(number), high: Some(number), is_open: false }
    }

    /// What a comparison with a number admits, for whole numbers.
    pub fn of_counts(order: Order, number: f64) -> Interval {
        let (low, high, is_open) = match order {
            Order::Less => (None, Some(number), true),
            Order::LessOrEqual => (None, Some(number), false),
            Order::Greater => (Some(number.floor() + 1.0), None, false),
            Order::GreaterOrEqual => (Some(number), None, false),
        };
        Interval { low, high, is_open }
    }

    /// Whether a number is in it.
    pub fn contains(&self, number: f64) -> bool {
        self.low.is_none_or(|low| low <= number)
            && self.high.is_none_or(|high| if self.is_open { number < high } else { number <= high })
    }

    /// The one number that is in it, where it is one.
    pub fn single(&self) -> Option<f64> {
        self.low.filter(|_| self.low == self.high && !self.is_open)
    }
}

/// A regular expression, found anywhere in a text. Equal when written equally.
#[derive(Clone)]
pub struct Expression(regex::Regex);

impl Expression {
    /// The most memory that an expression may take, in bytes.
    const MOST: usize = 1 << 20;

    /// Reads an expression (the syntax of the crate `regex`). Control characters become escapes, and `\"` becomes `"`, so
    /// that every expression can be printed on one line between quotes.
    ///
    /// # Errors
    /// Why it is not one.
    pub fn new(text: &str) -> Result<Expression, String> {
        let mut plain = String::with_capacity(text.len());
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            match char {
                '\\' => match chars.next() {
                    Some('"') => plain.push('"'),
                    Some(next) => plain.extend(['\\', next]),
                    None => plain.push('\\'),
                },
                char if char.is_control() => plain.push_str(&format!("\\x{{{:x}}}", u32::from(char))),
                char => plain.push(char),
            }
        }
        let built = regex::RegexBuilder::new(&plain).size_limit(Expression::MOST).build();
        built.map(Expression).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "it is too big".to_owned(),
            // The last line says what is wrong; those before draw where, in a text that is not ours.
            other => {
                let told = other.to_string();
                told.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned()
            }
        })
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is found in a text.
    pub fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({:?})", self.as_str())
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Expression) -> bool {
        self.as_str() == other.as_str()
    }
}

/// Where something stands in a filter's text, in bytes. It is no part of what the filter says: all are equal.
#[derive(Clone, Debug, Default)]
pub struct Span(pub Bytes<usize>);

impl PartialEq for Span {
    fn eq(&self, _: &Span) -> bool {
        true
    }
}
