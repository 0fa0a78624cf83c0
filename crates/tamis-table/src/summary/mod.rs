//! Summaries: mergeable aggregates of rows, kept in every node of the tree.
//!
//! A summary adds up: that of a node is the sum of its children's, that of a version is the base's
//! plus the deltas'. So a delta's summary is the signed difference that it makes. Counts, sums and
//! the multiset hash are always exact; min and max cannot be subtracted, so after an edit they are
//! bounds ([`ColumnSummary::exact`] is false) until the rows are folded. docs/spec/summary.md.

mod collect;
mod wire;

use std::collections::BTreeMap;

pub(crate) use collect::Plan;
pub(crate) use wire::{decode, decode_some, encode};

/// The most distinct values that are counted one by one; rarer ones go to `other`.
pub(crate) const MAX_COUNTED: usize = 4096;

/// An aggregate that a field asks for in its metadata `tamis.summary` (several joined by `;`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Aggregate {
    /// `values`: how many values are not null (of a list: how many elements there are).
    Values,
    /// `counts`: how often each value occurs (text, integers, booleans).
    Counts,
    /// `counts:a,b`, on a struct: how often each combination of its fields occurs.
    CountsOf(Vec<String>),
    /// `sum`: the sum of an integer column.
    Sum,
    /// `minmax`: the smallest and largest value of a number.
    MinMax,
    /// `rows`, on a list: how many lists have an element.
    NonEmpty,
}

impl Aggregate {
    /// Reads the metadata value; what is not known is left out.
    pub(crate) fn parse_all(text: &str) -> Vec<Aggregate> {
        let one = |part: &str| match part.trim() {
            "values" => Some(Aggregate::Values),
            "counts" => Some(Aggregate::Counts),
            "sum" => Some(Aggregate::Sum),
            "minmax" => Some(Aggregate::MinMax),
            "rows" => Some(Aggregate::NonEmpty),
            other => other
                .strip_prefix("counts:")
                .map(|fields| Aggregate::CountsOf(fields.split(',').map(|f| f.trim().to_owned()).collect())),
        };
        text.split(';').filter_map(one).collect()
    }
}

/// The aggregate of some rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Rows; in a delta's summary, rows added less rows removed.
    pub rows: i64,
    /// The sum mod 2^128 of the rows' hashes: equal sets of rows have equal hashes, however they
    /// came to be.
    pub content: u128,
    /// By column, named `group:path`, e.g. `layer/truth:labels.class`.
    pub columns: BTreeMap<String, ColumnSummary>,
}

/// The aggregate of one column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnSummary {
    /// Values that are not null (of a list: elements over all rows).
    pub values: i64,
    /// Lists that have an element.
    pub nonempty: i64,
    /// Occurrences by value; combinations are joined by U+001F.
    pub counts: BTreeMap<String, i64>,
    /// Occurrences of values beyond the most that are counted one by one.
    pub other: i64,
    /// The sum.
    pub sum: i128,
    /// The smallest and largest value; `None` when there is none.
    pub range: Option<(f64, f64)>,
    /// Whether `range` is exact; else it is a bound.
    pub exact: bool,
}

impl Summary {
    /// Adds another summary to this one.
    pub fn add(&mut self, other: &Summary) {
        self.rows = self.rows.wrapping_add(other.rows);
        self.content = self.content.wrapping_add(other.content);
        for (name, column) in &other.columns {
            match self.columns.get_mut(name) {
                Some(own) => own.add(column),
                None => drop(self.columns.insert(name.clone(), column.clone())),
            }
        }
    }

    /// Takes the counts and sums of another summary away; min and max become bounds.
    pub(crate) fn subtract(&mut self, other: &Summary) {
        self.rows = self.rows.wrapping_sub(other.rows);
        self.content = self.content.wrapping_sub(other.content);
        for (name, column) in &other.columns {
            self.columns
                .entry(name.clone())
                .or_insert_with(|| ColumnSummary { exact: true, ..Default::default() })
                .subtract(column);
        }
    }

    /// Leaves out columns of nothing, as the encoding does.
    pub(crate) fn prune(&mut self) {
        self.columns.retain(|_, column| !column.is_empty());
    }

    /// A column's aggregate.
    pub fn column(&self, group: &str, path: &str) -> Option<&ColumnSummary> {
        self.columns.get(&column_name(group, path))
    }
}

pub(crate) fn column_name(group: &str, path: &str) -> String {
    format!("{group}:{path}")
}

impl ColumnSummary {
    /// Whether nothing was counted.
    fn is_empty(&self) -> bool {
        let has_number = self.values != 0 || self.nonempty != 0 || self.other != 0 || self.sum != 0;
        !has_number && self.counts.is_empty() && self.range.is_none()
    }

    fn add(&mut self, other: &ColumnSummary) {
        self.values = self.values.wrapping_add(other.values);
        self.nonempty = self.nonempty.wrapping_add(other.nonempty);
        self.other = self.other.wrapping_add(other.other);
        self.sum = self.sum.wrapping_add(other.sum);
        for (value, count) in &other.counts {
            match self.counts.get_mut(value) {
                Some(own) => {
                    *own = own.wrapping_add(*count);
                    if *own == 0 {
                        self.counts.remove(value);
                    }
                }
                None if *count != 0 => drop(self.counts.insert(value.clone(), *count)),
                None => {}
            }
        }
        self.cap();
        self.range = match (self.range, other.range) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        self.exact &= other.exact;
    }

    fn subtract(&mut self, other: &ColumnSummary) {
        self.values = self.values.wrapping_sub(other.values);
        self.nonempty = self.nonempty.wrapping_sub(other.nonempty);
        self.other = self.other.wrapping_sub(other.other);
        self.sum = self.sum.wrapping_sub(other.sum);
        for (value, count) in &other.counts {
            let own = self.counts.entry(value.clone()).or_insert(0);
            *own = own.wrapping_sub(*count);
            if *own == 0 {
                self.counts.remove(value);
            }
        }
        // What is taken away may have been the smallest: only a bound is left.
        if other.range.is_some() {
            self.exact = false;
        }
    }

    /// Keeps the map small: beyond the limit the rarest values go to `other`.
    fn cap(&mut self) {
        if self.counts.len() <= MAX_COUNTED {
            return;
        }
        let mut by_count: Vec<(i64, String)> = self.counts.iter().map(|(v, c)| (*c, v.clone())).collect();
        by_count.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        for (count, value) in by_count.split_off(MAX_COUNTED) {
            self.counts.remove(&value);
            self.other = self.other.wrapping_add(count);
        }
    }
}
