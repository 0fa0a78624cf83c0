//! How far people agree, beyond what chance would give: 1 is full agreement, 0 that of chance.

use serde::{Deserialize, Serialize};

use super::Answers;
use crate::error::{QualityError, Result, all_finite, same_length};

/// How far two classes are apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metric {
    /// They are the same or not.
    #[default]
    Nominal,
    /// By how many answers lie between them; classes are in order.
    Ordinal,
    /// By the difference of their values.
    Interval,
    /// By the difference of their values over their sum.
    Ratio,
}

/// Krippendorff's alpha over any number of people, who need not answer everything. `values` are those of the classes,
/// ascending, and count for [`Metric::Interval`] and [`Metric::Ratio`]. [`None`] where all answers are equal, or no task
/// has two. O(answers + tasks · classes²).
///
/// Source: Krippendorff, "Computing Krippendorff's alpha-reliability", 2011.
///
/// # Errors
/// Values that are not as many as classes, or not finite.
pub fn krippendorff_alpha(input: &Answers<'_>, metric: Metric, values: &[f64]) -> Result<Option<f64>> {
    let k = input.classes;
    same_length("values of classes", k, values.len())?;
    all_finite("value of class", values.iter().copied())?;
    let counts = input.counts();
    let mut together = vec![0.0; k * k];
    for row in counts.chunks_exact(k) {
        let all = row.iter().sum::<u32>();
        if all < 2 {
            continue;
        }
        for c in (0..k).filter(|&c| row[c] > 0) {
            for d in (0..k).filter(|&d| row[d] > 0) {
                let pairs = f64::from(row[c]) * (f64::from(row[d]) - f64::from(u8::from(c == d)));
                together[c * k + d] += pairs / f64::from(all - 1);
            }
        }
    }
    let sums: Vec<f64> = together.chunks_exact(k).map(|row| row.iter().sum()).collect();
    let all: f64 = sums.iter().sum();
    let apart = |c: usize, d: usize| -> f64 {
        let distance = match metric {
            Metric::Nominal => f64::from(u8::from(c != d)),
            Metric::Ordinal => sums[c.min(d)..=c.max(d)].iter().sum::<f64>() - (sums[c] + sums[d]) / 2.0,
            Metric::Interval => values[c] - values[d],
            Metric::Ratio if values[c] + values[d] == 0.0 => 0.0,
            Metric::Ratio => (values[c] - values[d]) / (values[c] + values[d]),
        };
        distance * distance
    };
    let (mut seen, mut chance) = (0.0, 0.0);
    for c in 0..k {
        for d in (0..k).filter(|&d| d != c) {
            let distance = apart(c, d);
            seen += together[c * k + d] * distance;
            chance += sums[c] * sums[d] * distance;
        }
    }
    Ok((chance > 0.0).then(|| 1.0 - (all - 1.0) * seen / chance))
}

/// Fleiss' kappa over tasks that all have the same number of answers, at least two. [`None`] where all answers are
/// equal. O(answers + tasks · classes).
///
/// Source: Fleiss, "Measuring nominal scale agreement among many raters", 1971.
///
/// # Errors
/// Tasks with different numbers of answers, or with fewer than two.
pub fn fleiss_kappa(input: &Answers<'_>) -> Result<Option<f64>> {
    let counts = input.counts();
    let rows = || counts.chunks_exact(input.classes);
    let people = rows().next().map_or(0, |row| row.iter().sum::<u32>());
    if people < 2 {
        return Err(QualityError::Empty { what: "second answer", why: "one person alone agrees with nobody" });
    }
    for row in rows() {
        same_length("answers to a task", people as usize, row.iter().sum::<u32>() as usize)?;
    }
    let (n, people) = (input.tasks as f64, f64::from(people));
    let pairs = |row: &[u32]| row.iter().map(|&c| f64::from(c) * (f64::from(c) - 1.0)).sum::<f64>();
    let seen = rows().map(pairs).sum::<f64>() / (n * people * (people - 1.0));
    let share = |class: usize| rows().map(|row| f64::from(row[class])).sum::<f64>() / (n * people);
    let chance: f64 = (0..input.classes).map(|class| share(class).powi(2)).sum();
    Ok((chance < 1.0).then(|| (seen - chance) / (1.0 - chance)))
}

/// Cohen's kappa of two people who both labelled everything. [`None`] where both say one class only. O(labels + classes).
///
/// Source: Cohen, "A coefficient of agreement for nominal scales", 1960.
///
/// # Errors
/// Labels that are not equally many, none at all, or one that is no class.
pub fn cohen_kappa(first: &[u32], second: &[u32], classes: usize) -> Result<Option<f64>> {
    same_length("labels of two people", first.len(), second.len())?;
    if first.is_empty() {
        return Err(QualityError::Empty { what: "labels", why: "there is nothing to agree on" });
    }
    let (mut a, mut b, mut same) = (vec![0u64; classes], vec![0u64; classes], 0u64);
    for (at, (&x, &y)) in first.iter().zip(second).enumerate() {
        let (Some(i), Some(j)) = (a.get_mut(x as usize), b.get_mut(y as usize)) else {
            let value = f64::from(x.max(y));
            return Err(QualityError::OutOfRange { what: "label", at, value, expected: "below the count of classes" });
        };
        *i += 1;
        *j += 1;
        same += u64::from(x == y);
    }
    let n = first.len() as f64;
    let chance: f64 = a.iter().zip(&b).map(|(&i, &j)| (i as f64 / n) * (j as f64 / n)).sum();
    Ok((chance < 1.0).then(|| (same as f64 / n - chance) / (1.0 - chance)))
}
