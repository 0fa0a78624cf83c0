//! Which flaws the drawn dataset has, and where.

use serde::{Deserialize, Serialize};

use super::dice::Dice;

/// What is wrong with a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FlawKind {
    /// The same bytes as another sample of the split.
    ExactDuplicate,
    /// The same picture as another sample of the split, shifted a little and encoded anew.
    NearDuplicate,
    /// The same bytes as a sample of another split.
    Leak,
    /// A label of the wrong class.
    Mislabelled,
    /// A thing without a label.
    MissingLabel,
    /// A box far from its thing.
    MisplacedBox,
    /// A box that leaves the picture.
    BoxOutside,
    /// A class whose name is misspelt.
    ClassTypo,
    /// A file cut short.
    Corrupt,
}

/// One flaw of the dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flaw {
    /// What is wrong.
    pub kind: FlawKind,
    /// The sample.
    pub path: String,
    /// The sample that it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    /// The id of the label that is wrong or missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<u64>,
    /// The true class of a mislabelled or missing label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

/// The flaw of each sample, by its number.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    flaws: Vec<Option<FlawKind>>,
}

/// How many of each kind a dataset of 240 samples has.
const SHARES: [(FlawKind, usize); 9] = [
    (FlawKind::ExactDuplicate, 4),
    (FlawKind::NearDuplicate, 4),
    (FlawKind::Leak, 3),
    (FlawKind::Mislabelled, 8),
    (FlawKind::MissingLabel, 6),
    (FlawKind::MisplacedBox, 3),
    (FlawKind::BoxOutside, 2),
    (FlawKind::ClassTypo, 3),
    (FlawKind::Corrupt, 1),
];

impl Plan {
    /// Spreads the flaws over samples: at least one of each kind from 60 samples on, none below 20.
    pub(super) fn new(seed: u64, samples: usize, split_of: impl Fn(usize) -> &'static str) -> Plan {
        let mut dice = Dice::new(seed, u64::MAX);
        let mut flaws = vec![None; samples];
        let least = usize::from(samples >= 60);
        for (kind, count) in SHARES {
            let count = if samples < 20 { 0 } else { (count * samples / 240).max(least) };
            for _ in 0..count {
                // Not among the first, so that there is something to repeat.
                let tries = (0..200).map(|_| 10.min(samples) + dice.below(samples.saturating_sub(10)));
                let is_fit = |&i: &usize| {
                    let fits = match kind {
                        FlawKind::Leak => split_of(i) == "test",
                        FlawKind::Corrupt => split_of(i) == "train",
                        _ => true,
                    };
                    fits && flaws.get(i) == Some(&None)
                };
                let found = tries.into_iter().find(is_fit);
                if let Some(flaw) = found.and_then(|i| flaws.get_mut(i)) {
                    *flaw = Some(kind);
                }
            }
        }
        Plan { flaws }
    }

    pub(super) fn of(&self, index: usize) -> Option<FlawKind> {
        self.flaws.get(index).copied().flatten()
    }

    /// The sample that a repeating one repeats: an earlier one without a flaw, of the split that the flaw asks for.
    pub(super) fn repeated(&self, index: usize, split_of: impl Fn(usize) -> &'static str) -> Option<usize> {
        let wanted = match self.of(index)? {
            FlawKind::ExactDuplicate | FlawKind::NearDuplicate => split_of(index),
            FlawKind::Leak => "train",
            _ => return None,
        };
        (0..index).rev().filter(|&i| split_of(i) == wanted && self.of(i).is_none()).nth(index % 3)
    }
}
