//! Counts that a commit's root holds, so that no row has to be read.

use std::collections::BTreeMap;

use tamis_repo::Stats;

use super::Filter;
use super::fits::Fact;
use super::key::Key;
use super::needs::Place;
use super::tree::{Condition, SampleTerm, Test};

/// The name under which rarer values are counted together.
const REST: &str = "…";

impl Filter {
    /// How many samples fit, where the counts of all samples under the filter's place ([`Filter::place`]) tell: filters
    /// of one of split, media type and sensor, of labels in a layer at all, of classes that nobody has. [`None`]
    /// where rows must be looked at.
    pub fn count_from(&self, stats: &Stats) -> Option<u64> {
        let rest = self.beside_place()?;
        if rest.is_empty() {
            return Some(stats.samples);
        }
        let whole = Condition::all(rest);
        if !may_fit(&whole, stats) {
            return Some(0);
        }
        counted(&whole, stats)
    }

    /// Whether some sample may fit, by the counts of those that are asked about. A "yes" may be wrong, a "no" is not.
    pub fn may_fit(&self, stats: &Stats) -> bool {
        may_fit(self.condition(), stats)
    }

    /// How many labels fit a filter that asks for labels and nothing else, where class, type and layer are all that it
    /// asks.
    pub fn count_labels_from(&self, stats: &Stats) -> Option<u64> {
        let rest = self.beside_place()?;
        let [Condition::Is(SampleTerm::Label(label))] = rest.as_slice() else { return None };
        labels(label, stats)
    }

    /// The conditions beside the beginning of the path; [`None`] where the path has to be looked at.
    fn beside_place(&self) -> Option<Vec<Condition<SampleTerm>>> {
        let list = match self.condition() {
            Condition::All(list) => list.clone(),
            one => vec![one.clone()],
        };
        let Place::Prefix(prefix) = self.place("") else { return None };
        let whole = format!("path:{prefix}*");
        let is_place = |condition: &Condition<SampleTerm>| {
            let folder = Filter::parse(&whole).map(|filter| filter.condition == *condition);
            let segment = matches!(condition, Condition::Is(SampleTerm::Is(test)) if test.key == Key::Segment)
                && condition.to_string() == format!("segment:{}", prefix.trim_end_matches('/'));
            folder.unwrap_or(false) || segment
        };
        Some(list.into_iter().filter(|condition| !is_place(condition)).collect())
    }
}

fn may_fit(condition: &Condition<SampleTerm>, stats: &Stats) -> bool {
    match condition {
        Condition::All(list) => list.iter().all(|condition| may_fit(condition, stats)),
        Condition::Any(list) => list.iter().any(|condition| may_fit(condition, stats)),
        Condition::Is(SampleTerm::Label(label)) => most_labels(label, stats).is_none_or(|most| most > 0),
        Condition::Is(SampleTerm::Count(label, interval)) => {
            // A sample has no more of them than all samples together.
            most_labels(label, stats).is_none_or(|most| interval.low.is_none_or(|low| low <= most as f64))
        }
        other => counted(other, stats) != Some(0),
    }
}

/// How many samples fit a condition, where the counts tell.
fn counted(condition: &Condition<SampleTerm>, stats: &Stats) -> Option<u64> {
    match condition {
        Condition::Is(SampleTerm::Label(label)) => labelled(label, stats),
        Condition::Not(inner) if matches!(**inner, Condition::Is(SampleTerm::Label(_))) => {
            stats.samples.checked_sub(counted(inner, stats)?)
        }
        other => one_column(other, stats),
    }
}

/// Samples by the values of one column of the counts.
fn one_column(condition: &Condition<SampleTerm>, stats: &Stats) -> Option<u64> {
    let mut keys: Vec<Option<&Key>> = Vec::new();
    condition.each(&mut |term, _| {
        keys.push(match term {
            SampleTerm::Is(test) => Some(&test.key),
            _ => None,
        });
    });
    keys.dedup();
    let [Some(key)] = keys.as_slice() else { return None };
    let counts: &BTreeMap<String, u64> = match key {
        Key::Split => &stats.splits,
        Key::Mime => &stats.media,
        Key::Sensor => &stats.sensors,
        _ => return None,
    };
    if counts.contains_key(REST) {
        return None;
    }
    let fits = |value: Option<&str>| {
        condition.holds(&mut |term| match term {
            SampleTerm::Is(test) => test.wanted.fits(&Fact::from(value)),
            _ => false,
        })
    };
    let named = counts.iter().filter(|(name, _)| !name.is_empty());
    let without = stats.samples.checked_sub(named.clone().map(|(_, count)| count).sum())?;
    let with: u64 = named.filter(|(name, _)| fits(Some(name))).map(|(_, count)| count).sum();
    Some(with + if fits(None) { without } else { 0 })
}

/// Samples with a label of one layer, whatever it is.
fn labelled(label: &Condition<Test>, stats: &Stats) -> Option<u64> {
    let is_layer = match label {
        Condition::All(list) => list.is_empty(),
        Condition::Is(test) => test.key == Key::Layer,
        _ => false,
    };
    let fits = |layer: &str| label.holds(&mut |test| test.wanted.fits(&Some(layer).into()));
    let mut layers = stats.layers.iter().filter(|(name, counts)| counts.labels > 0 && fits(name));
    match (is_layer, layers.next(), layers.next()) {
        (true, None, _) => Some(0),
        (true, Some((_, counts)), None) => Some(counts.samples),
        _ => None,
    }
}

/// Labels that fit, by layer, type and class.
fn labels(label: &Condition<Test>, stats: &Stats) -> Option<u64> {
    let mut is_counted = true;
    label.each(&mut |test, _| is_counted &= matches!(test.key, Key::Layer | Key::Type | Key::Class));
    if !is_counted {
        return None;
    }
    let mut total = 0;
    for (layer, counts) in &stats.layers {
        if counts.classes.contains_key(REST) {
            return None;
        }
        for (label_type, classes) in &counts.types_classes {
            for (class, count) in classes {
                let class = Some(class.as_str()).filter(|class| !class.is_empty());
                let fits = label.holds(&mut |test| {
                    test.wanted.fits(&match test.key {
                        Key::Layer => Some(layer.as_str()).into(),
                        Key::Type => Some(label_type.as_str()).into(),
                        _ => class.into(),
                    })
                });
                total += if fits { *count } else { 0 };
            }
        }
    }
    Some(total)
}

/// A number that no fewer labels fit than, by what the condition asks of layer, type and class; [`None`] where it asks
/// nothing of them, or they are not counted.
fn most_labels(label: &Condition<Test>, stats: &Stats) -> Option<u64> {
    let is_counted = |condition: &Condition<Test>| {
        let mut all = true;
        condition.each(&mut |test, _| all &= matches!(test.key, Key::Layer | Key::Type | Key::Class));
        all
    };
    let list = match label {
        Condition::All(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let known: Vec<Condition<Test>> = list.iter().filter(|condition| is_counted(condition)).cloned().collect();
    labels(&Condition::all(known), stats)
}
