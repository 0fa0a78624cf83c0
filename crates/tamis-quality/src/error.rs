//! What can be wrong with the numbers that an algorithm is given.

use tamis_core::{Classify, Kind};

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, QualityError>;

/// An input that an algorithm cannot work on. Nothing else goes wrong here: the algorithms touch no disk.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QualityError {
    /// Two inputs that go together have different lengths.
    #[error("cannot compare {what}: expected {expected}, found {found}")]
    Length {
        /// What was counted.
        what: &'static str,
        /// How many there had to be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A number is not finite.
    #[error("{what} {at} is not a finite number")]
    NotFinite {
        /// What the number is, e.g. `score of detection`.
        what: &'static str,
        /// Its position, from 0.
        at: usize,
    },
    /// A number is outside what it may be.
    #[error("{what} {at} is {value}, expected {expected}")]
    OutOfRange {
        /// What the number is.
        what: &'static str,
        /// Its position, from 0.
        at: usize,
        /// The number.
        value: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// There is nothing to work on.
    #[error("no {what}: {why}")]
    Empty {
        /// What is missing.
        what: &'static str,
        /// What it is needed for.
        why: &'static str,
    },
}

impl Classify for QualityError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }
}

/// Whether two counts agree.
pub(crate) fn same_length(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(QualityError::Length { what, expected, found }) }
}

/// Whether all numbers are finite.
pub(crate) fn all_finite(what: &'static str, numbers: impl IntoIterator<Item = f64>) -> Result<()> {
    match numbers.into_iter().position(|number| !number.is_finite()) {
        Some(at) => Err(QualityError::NotFinite { what, at }),
        None => Ok(()),
    }
}
