//! The classes of two sets, and how even those of one are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{QualityError, Result};

/// How even the shares of classes are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Imbalance {
    /// The largest count over the smallest that is not 0.
    pub ratio: f64,
    /// The entropy of the shares over its largest possible value: 1 is even, 0 one class alone. 1 for a single class.
    pub evenness: f64,
    /// Classes that have less than a tenth of an even share, by their positions, the rarest first.
    pub rare: Vec<usize>,
    /// Classes that have no sample at all.
    pub empty: Vec<usize>,
}

/// How even the counts of classes are. A class is rare below a tenth of an even share, as `cleanlab.datalab` has it.
/// O(K log K).
///
/// # Errors
/// No samples.
pub fn imbalance(counts: &[u64]) -> Result<Imbalance> {
    let all = counts.iter().sum::<u64>() as f64;
    let present: Vec<u64> = counts.iter().copied().filter(|count| *count > 0).collect();
    let (Some(&most), Some(&least)) = (present.iter().max(), present.iter().min()) else {
        return Err(QualityError::Empty { what: "samples", why: "shares need some" });
    };
    let k = counts.len() as f64;
    let entropy: f64 = present.iter().map(|&count| count as f64 / all).map(|share| -share * share.ln()).sum();
    let mut rare: Vec<usize> =
        (0..counts.len()).filter(|&at| counts[at] > 0 && (counts[at] as f64) < 0.1 / k * all).collect();
    rare.sort_by_key(|&at| (counts[at], at));
    Ok(Imbalance {
        ratio: most as f64 / least as f64,
        evenness: if counts.len() > 1 { entropy / k.ln() } else { 1.0 },
        rare,
        empty: (0..counts.len()).filter(|&at| counts[at] == 0).collect(),
    })
}

/// What became of a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", content = "to", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClassChange {
    /// Only the second set has it.
    Added,
    /// Only the first set has it.
    Removed,
    /// It probably has another name in the second set.
    Renamed(String),
    /// Its share is another.
    Shifted,
}

/// A class that differs between two sets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassDrift {
    /// Its name in the first set, or in the second where it was added.
    pub class: String,
    /// What became of it.
    #[serde(flatten)]
    pub change: ClassChange,
    /// How many labels it has in the first set.
    pub first: u64,
    /// How many in the second.
    pub second: u64,
    /// Its share of the second set less that of the first.
    pub shift: f64,
}

/// When a share is another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct OntologyDriftOptions {
    /// By what factor a share has to change.
    pub factor: f64,
    /// How many standard errors apart the shares have to be.
    pub errors: f64,
    /// How alike names have to be for a renaming, 0 to 1.
    pub alike: f64,
}

impl Default for OntologyDriftOptions {
    fn default() -> OntologyDriftOptions {
        OntologyDriftOptions { factor: 1.5, errors: 4.0, alike: 0.6 }
    }
}

/// Compares the counts of classes by name: first those that changed their name, then the others, each by how far its
/// share moved. Classes that are in the ontology without labels count 0. O(K + removed · added · length²).
pub fn ontology_drift(
    first: &BTreeMap<String, u64>,
    second: &BTreeMap<String, u64>,
    options: &OntologyDriftOptions,
) -> Vec<ClassDrift> {
    let (n, m) = (first.values().sum::<u64>() as f64, second.values().sum::<u64>() as f64);
    let share = |count: u64, all: f64| if all > 0.0 { count as f64 / all } else { 0.0 };
    let drift = |class: &str, change, a: u64, b: u64| {
        let shift = share(b, m) - share(a, n);
        ClassDrift { class: class.to_owned(), change, first: a, second: b, shift }
    };
    let mut removed: Vec<(&String, u64)> = only(first, second);
    let mut added: Vec<(&String, u64)> = only(second, first);
    let mut drifts = Vec::new();
    let mut alike: Vec<(f64, &String, &String)> = removed
        .iter()
        .flat_map(|(old, _)| added.iter().map(move |(new, _)| (likeness(old, new), *old, *new)))
        .filter(|(alike, _, _)| *alike >= options.alike)
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    for (_, old, new) in alike {
        let place = |side: &[(&String, u64)], name: &String| side.iter().position(|(other, _)| *other == name);
        if let (Some(from), Some(to)) = (place(&removed, old), place(&added, new)) {
            let (a, b) = (removed.remove(from).1, added.remove(to).1);
            drifts.push(drift(old, ClassChange::Renamed(new.clone()), a, b));
        }
    }
    let mut rest: Vec<ClassDrift> = Vec::new();
    rest.extend(removed.iter().map(|(class, count)| drift(class, ClassChange::Removed, *count, 0)));
    rest.extend(added.iter().map(|(class, count)| drift(class, ClassChange::Added, 0, *count)));
    for (class, &a) in first {
        let Some(&b) = second.get(class) else { continue };
        let (p, q) = (share(a, n), share(b, m));
        let both = share(a + b, n + m);
        let error = (both * (1.0 - both) * (1.0 / n + 1.0 / m)).sqrt();
        let factor = p.max(q) / p.min(q);
        if factor >= options.factor && (q - p).abs() > options.errors * error {
            rest.push(drift(class, ClassChange::Shifted, a, b));
        }
    }
    rest.sort_by(|a, b| b.shift.abs().total_cmp(&a.shift.abs()).then(a.class.cmp(&b.class)));
    drifts.extend(rest);
    drifts
}

fn only<'a>(of: &'a BTreeMap<String, u64>, other: &BTreeMap<String, u64>) -> Vec<(&'a String, u64)> {
    of.iter().filter(|(class, _)| !other.contains_key(*class)).map(|(class, &count)| (class, count)).collect()
}

/// How alike two names are, 0 to 1: letters and digits alone, without case, less their edits (Levenshtein 1966).
fn likeness(a: &str, b: &str) -> f64 {
    let plain = |name: &str| -> Vec<char> {
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(64).collect()
    };
    let (a, b) = (plain(a), plain(b));
    let longest = a.len().max(b.len());
    if longest == 0 {
        return 0.0;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let (mut diagonal, mut left) = (i, i + 1);
        row[0] = i + 1;
        for (y, above) in b.iter().zip(&mut row[1..]) {
            let best = (diagonal + usize::from(x != y)).min(*above + 1).min(left + 1);
            diagonal = std::mem::replace(above, best);
            left = best;
        }
    }
    1.0 - row.last().copied().unwrap_or(longest) as f64 / longest as f64
}
