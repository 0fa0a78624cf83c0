//! Texts by their words.
//!
//! A row of the index has the key (word, path) and says how often the word is in the text and how many words that has; the
//! number of rows of a word, which ranking needs, is in the summaries of the table. Ranking is BM25 (Robertson, Zaragoza: "The
//! Probabilistic Relevance Framework: BM25 and Beyond", 2009) with k₁ = 1.2 and b = 0.75. Words are those of Unicode's text
//! segmentation (UAX #29) in lower case; of scripts without blanks every character is a word.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StructArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Fields, UInt32Type};
use tamis_table::{Columns, Edit, GroupSchema, Op, RowBatch, ScanOptions, Table, TableSchema};
use unicode_segmentation::UnicodeSegmentation;

use crate::error::{IndexError, Result};
use crate::vector::Nearest;

const K1: f64 = 1.2;
const B: f64 = 0.75;
/// Bytes of a word that count.
const LONGEST: usize = 64;
/// Words that one `word*` may stand for.
const EXPANDED: usize = 1000;

/// What all texts of an index add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Texts.
    pub texts: u64,
    /// Words in them.
    pub words: u64,
}

/// A text that changed.
#[derive(Clone, Debug)]
pub struct ChangedText<'a> {
    /// The sample's path.
    pub path: &'a str,
    /// The text before.
    pub old: Option<&'a str>,
    /// The text now.
    pub new: Option<&'a str>,
}

/// The words of a text, in their order.
pub fn words(text: &str) -> Vec<String> {
    let word = |word: &str| {
        let mut word = word.to_lowercase();
        if word.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|&at| word.is_char_boundary(at)).unwrap_or(0);
            word.truncate(end);
        }
        word
    };
    text.unicode_words().map(word).collect()
}

/// The schema of the table of an index of words.
pub fn schema() -> TableSchema {
    TableSchema { groups: vec![GroupSchema::new("posting", fields())] }
}

fn fields() -> Fields {
    vec![Field::new("count", DataType::UInt32, true), Field::new("length", DataType::UInt32, true)].into()
}

fn key(word: &str, path: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(word.len() + 1 + path.len());
    key.extend(word.as_bytes());
    key.push(0);
    key.extend(path.as_bytes());
    key
}

/// The edit of the index's table that follows from changes of texts, and what the texts add up to then. O(words of the
/// changed texts).
///
/// # Errors
/// Where rows cannot be put together, which is a bug.
pub fn edit(changes: &[ChangedText<'_>], totals: Totals) -> Result<(Edit, Totals)> {
    let mut steps: BTreeMap<Vec<u8>, Option<(u32, u32)>> = BTreeMap::new();
    let mut totals = totals;
    for change in changes {
        for word in change.old.map(words).iter().flatten() {
            steps.insert(key(word, change.path), None);
        }
    }
    for change in changes {
        if let Some(old) = change.old {
            totals.texts = totals.texts.saturating_sub(1);
            totals.words = totals.words.saturating_sub(words(old).len() as u64);
        }
        let Some(new) = change.new else { continue };
        let all = words(new);
        totals.texts += 1;
        totals.words += all.len() as u64;
        let mut counts: HashMap<&str, u32> = HashMap::new();
        for word in &all {
            *counts.entry(word).or_default() += 1;
        }
        for (word, count) in counts {
            steps.insert(key(word, change.path), Some((count, all.len() as u32)));
        }
    }
    let values = |of: fn((u32, u32)) -> u32| -> UInt32Array { steps.values().map(|step| step.map(of)).collect() };
    let columns: Vec<ArrayRef> = vec![Arc::new(values(|step| step.0)), Arc::new(values(|step| step.1))];
    let rows = StructArray::try_new(fields(), columns, None)?;
    let ops = steps.values().map(|step| if step.is_some() { Op::Put } else { Op::Delete }).collect();
    let rows = RowBatch { keys: BinaryArray::from_iter_values(steps.keys()), groups: vec![Some(rows)] };
    Ok((Edit { rows, ops, present: vec![None] }, totals))
}

/// The `most` texts that fit some words best: paths and scores, the best first. A word may end in `*` for all words that
/// begin so; texts need not have all words. O(texts that have one of them).
///
/// # Errors
/// Where the question has no word, or a `word*` stands for too many.
pub fn search(
    table: &Table,
    totals: Totals,
    question: &str,
    most: usize,
    allowed: Option<&dyn Fn(&str) -> bool>,
) -> Result<Vec<(String, f64)>> {
    let impossible = |reason: String| IndexError::Impossible { what: "search for words", reason };
    let mut ranges: Vec<(Vec<u8>, Vec<u8>, bool)> = Vec::new();
    for part in question.split_whitespace() {
        let is_open = part.ends_with('*');
        let found = words(part);
        let count = found.len();
        for (at, word) in found.into_iter().enumerate() {
            let mut start = word.into_bytes();
            let is_open = is_open && at + 1 == count;
            let mut end = start.clone();
            if is_open {
                end.push(0xff);
            } else {
                start.push(0);
                end.push(1);
            }
            ranges.push((start, end, is_open));
        }
    }
    if ranges.is_empty() {
        return Err(impossible(format!("`{question}` has no words")));
    }
    let mean = (totals.words as f64 / totals.texts.max(1) as f64).max(1.0);
    let mut scores: HashMap<String, f64> = HashMap::new();
    for (start, end, is_open) in ranges {
        let rows = table.summary_of(Some(&start), Some(&end))?.rows.max(0) as f64;
        let idf = (1.0 + (totals.texts as f64 - rows + 0.5).max(0.0) / (rows + 0.5)).ln();
        let options = ScanOptions::new(Columns::all(table.schema())).range(Some(start), Some(end));
        let mut seen: Vec<Vec<u8>> = Vec::new();
        for batch in table.scan(options)? {
            let batch = batch?;
            let wrong = || IndexError::Corrupt { what: "postings", reason: "its columns are others" };
            let group = batch.groups.first().and_then(Option::as_ref).ok_or_else(wrong)?;
            let column = |at: usize| group.columns().get(at).and_then(|c| c.as_primitive_opt::<UInt32Type>()).cloned();
            let (counts, lengths) = (column(0).ok_or_else(wrong)?, column(1).ok_or_else(wrong)?);
            for row in 0..batch.len() {
                let key = batch.keys.value(row);
                let cut = key.iter().position(|byte| *byte == 0).ok_or_else(wrong)?;
                if is_open && seen.last().is_none_or(|last| last[..] != key[..cut]) {
                    seen.push(key[..cut].to_vec());
                    if seen.len() > EXPANDED {
                        return Err(impossible(format!("`{question}` stands for more than {EXPANDED} words")));
                    }
                }
                let path = String::from_utf8_lossy(&key[cut + 1..]).into_owned();
                if counts.is_null(row) || !allowed.is_none_or(|allowed| allowed(&path)) {
                    continue;
                }
                let (count, length) = (f64::from(counts.value(row)), f64::from(lengths.value(row)));
                let weight = count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length / mean));
                *scores.entry(path).or_default() += idf * weight;
            }
        }
    }
    let mut best: Nearest<String> = Nearest::new(most);
    for (path, score) in &scores {
        best.offer(-*score as f32, path.clone());
    }
    let mut best: Vec<(String, f64)> =
        best.sorted().into_iter().map(|(path, _)| (path.clone(), scores[&path])).collect();
    best.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(best)
}
