//! Computes summaries of arrays.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};

use super::{Aggregate, ColumnSummary, column_name};
use crate::error::Result;
use crate::schema::{GroupSchema, list_item};

/// Joins the values of a combination.
const JOINT: &str = "\u{1f}";
/// The most combinations that are counted in an array.
const DENSE: u128 = 1 << 16;

/// What is to be aggregated in a group: made once, used for every leaf.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
struct Node {
    /// Position among the siblings.
    at: usize,
    name: String,
    aggregates: Vec<Aggregate>,
    /// Positions of the fields that each `CountsOf` combines.
    combined: Vec<Vec<usize>>,
    children: Vec<Node>,
}

impl Plan {
    pub(crate) fn new(group: &GroupSchema) -> Plan {
        Plan { nodes: nodes(&group.fields, &group.name, "") }
    }

    /// Takes the columns of the group out of a map.
    pub(crate) fn forget(&self, columns: &mut BTreeMap<String, ColumnSummary>) {
        fn all(nodes: &[Node], columns: &mut BTreeMap<String, ColumnSummary>) {
            for node in nodes {
                columns.remove(&node.name);
                all(&node.children, columns);
            }
        }
        all(&self.nodes, columns);
    }

    /// Adds the aggregates of rows to a map of columns.
    pub(crate) fn collect(&self, rows: &StructArray, into: &mut BTreeMap<String, ColumnSummary>) -> Result<()> {
        collect_struct(&self.nodes, rows.columns(), None, into)
    }
}

fn nodes(fields: &Fields, group: &str, parent: &str) -> Vec<Node> {
    fields.iter().enumerate().filter_map(|(at, field)| node(at, field, group, parent)).collect()
}

/// The part of the plan at a field; [`None`] where nothing is asked for at or below it.
fn node(at: usize, field: &Field, group: &str, parent: &str) -> Option<Node> {
    let path = if parent.is_empty() { field.name().clone() } else { format!("{parent}.{}", field.name()) };
    let mut aggregates = Aggregate::parse_all(field.metadata().get("tamis.summary").map_or("", String::as_str));
    // A list's item is not named in paths: its aggregates count for the list.
    let (inner, children) = match list_item(field.data_type()) {
        Some(item) => {
            aggregates.extend(Aggregate::parse_all(item.metadata().get("tamis.summary").map_or("", String::as_str)));
            (item.data_type(), true)
        }
        None => (field.data_type(), matches!(field.data_type(), DataType::Struct(_))),
    };
    let (mut combined, mut below) = (Vec::new(), Vec::new());
    if let DataType::Struct(fields) = inner
        && children
    {
        below = nodes(fields, group, &path);
        for aggregate in &aggregates {
            if let Aggregate::CountsOf(names) = aggregate {
                combined.push(names.iter().filter_map(|name| fields.find(name).map(|(at, _)| at)).collect());
            }
        }
    }
    if aggregates.is_empty() && below.is_empty() {
        return None;
    }
    Some(Node { at, name: column_name(group, &path), aggregates, combined, children: below })
}

fn collect_struct(
    nodes: &[Node],
    columns: &[ArrayRef],
    parent: Option<&NullBuffer>,
    into: &mut BTreeMap<String, ColumnSummary>,
) -> Result<()> {
    for node in nodes {
        if let Some(column) = columns.get(node.at) {
            collect(node, column, parent, into)?;
        }
    }
    Ok(())
}

fn collect(
    node: &Node,
    array: &ArrayRef,
    parent: Option<&NullBuffer>,
    into: &mut BTreeMap<String, ColumnSummary>,
) -> Result<()> {
    let nulls = NullBuffer::union(array.logical_nulls().as_ref(), parent);
    // Lists: go on with the elements, cut to those in use.
    let elements: Option<(ArrayRef, i64)> = match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let (first, last) = (list.value_offsets()[0], list.value_offsets()[list.len()]);
            let nonempty = (0..list.len()).filter(|&i| list.is_valid(i) && list.value_length(i) > 0).count();
            Some((list.values().slice(first as usize, (last - first) as usize), nonempty as i64))
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let (first, last) = (list.value_offsets()[0], list.value_offsets()[list.len()]);
            let nonempty = (0..list.len()).filter(|&i| list.is_valid(i) && list.value_length(i) > 0).count();
            Some((list.values().slice(first as usize, (last - first) as usize), nonempty as i64))
        }
        _ => None,
    };
    let null_count = nulls.as_ref().map_or(0, NullBuffer::null_count);
    let column = into.entry(node.name.clone()).or_insert_with(|| ColumnSummary { exact: true, ..Default::default() });
    for aggregate in &node.aggregates {
        match aggregate {
            Aggregate::Values => {
                column.values += match &elements {
                    Some((items, _)) => items.len() as i64,
                    None => (array.len() - null_count) as i64,
                };
            }
            Aggregate::NonEmpty => column.nonempty += elements.as_ref().map_or(0, |(_, nonempty)| *nonempty),
            Aggregate::Counts => {
                let of = elements.as_ref().map_or(array, |(items, _)| items);
                count(&codes(of)?, None, column);
            }
            Aggregate::CountsOf(_) => {}
            Aggregate::Sum => column.sum += sum(array, nulls.as_ref())?,
            Aggregate::MinMax => widen(array, nulls.as_ref(), column)?,
        }
    }
    let inner = elements.as_ref().map_or(array, |(items, _)| items);
    if let Some(fields) = inner.as_struct_opt() {
        for combination in &node.combined {
            let parts: Vec<Codes> =
                combination.iter().map(|&at| codes(fields.column(at))).collect::<Result<Vec<_>>>()?;
            if let Some((first, rest)) = parts.split_first() {
                count(first, Some(rest), column);
            }
        }
        column.cap();
        let parent = if elements.is_some() { fields.nulls().cloned() } else { nulls };
        collect_struct(&node.children, fields.columns(), parent.as_ref(), into)?;
    } else {
        column.cap();
    }
    Ok(())
}

/// The values of a column as small numbers.
struct Codes {
    codes: Vec<u32>,
    /// Texts by code; null is [`NULL`].
    texts: Vec<String>,
}

const NULL: u32 = u32::MAX;

/// Numbers the distinct values of a column in the order of their appearance. O(values).
fn codes(array: &ArrayRef) -> Result<Codes> {
    let mut found = Codes { codes: Vec::with_capacity(array.len()), texts: Vec::new() };
    match array.data_type() {
        DataType::Utf8 => {
            let array = array.as_string::<i32>();
            let mut seen: HashMap<&str, u32> = HashMap::new();
            let mut last: Option<(&str, u32)> = None;
            for value in array {
                let code = match (value, last) {
                    (None, _) => NULL,
                    (Some(value), Some((text, code))) if text == value => code,
                    (Some(value), _) => {
                        let texts = &mut found.texts;
                        let code = *seen.entry(value).or_insert_with(|| {
                            texts.push(value.to_owned());
                            texts.len() as u32 - 1
                        });
                        last = Some((value, code));
                        code
                    }
                };
                found.codes.push(code);
            }
        }
        DataType::Boolean => {
            let array: &BooleanArray = array.as_boolean();
            found.texts = vec!["false".to_owned(), "true".to_owned()];
            found.codes.extend(array.iter().map(|value| value.map_or(NULL, u32::from)));
        }
        DataType::UInt8 => {
            let array = array.as_primitive::<arrow::datatypes::UInt8Type>();
            found.texts = (0..=u8::MAX).map(|value| value.to_string()).collect();
            found.codes.extend(array.iter().map(|value| value.map_or(NULL, u32::from)));
        }
        _ => {
            let text = arrow::compute::cast(array, &DataType::Utf8)?;
            return codes(&text);
        }
    }
    Ok(found)
}

/// Counts values, or combinations with `rest`, into a column.
fn count(first: &Codes, rest: Option<&[Codes]>, column: &mut ColumnSummary) {
    let mut add = |text: String, count: i64| *column.counts.entry(text).or_insert(0) += count;
    match rest {
        None => {
            let mut counts = vec![0i64; first.texts.len()];
            for &code in &first.codes {
                if let Some(count) = counts.get_mut(code as usize) {
                    *count += 1;
                }
            }
            for (text, count) in first.texts.iter().zip(counts).filter(|(_, count)| *count > 0) {
                add(text.clone(), count);
            }
        }
        Some(rest) => {
            // A combination as one number: each part's code, null counting as one more.
            let parts: Vec<&Codes> = std::iter::once(first).chain(rest).collect();
            let sizes: Vec<u128> = parts.iter().map(|part| part.texts.len() as u128 + 1).collect();
            let all = sizes.iter().try_fold(1u128, |all, size| all.checked_mul(*size));
            let number = |row: usize| {
                parts.iter().zip(&sizes).fold(0u128, |number, (part, size)| {
                    number.wrapping_mul(*size).wrapping_add(u128::from(part.codes[row]).min(size - 1))
                })
            };
            let rows = 0..first.codes.len();
            let mut found: Vec<(u128, i64)> = match all {
                Some(all) if all <= DENSE => {
                    let mut counts = vec![0i64; all as usize];
                    rows.for_each(|row| counts[number(row) as usize] += 1);
                    (0..).zip(counts).filter(|(_, count)| *count > 0).collect()
                }
                _ => {
                    let mut counts: HashMap<u128, i64> = HashMap::new();
                    rows.for_each(|row| *counts.entry(number(row)).or_insert(0) += 1);
                    counts.into_iter().collect()
                }
            };
            for (number, count) in &mut found {
                let mut texts = Vec::with_capacity(parts.len());
                for (part, size) in parts.iter().zip(&sizes).rev() {
                    texts.push(part.texts.get((*number % size) as usize).map_or("", String::as_str));
                    *number /= size;
                }
                texts.reverse();
                add(texts.join(JOINT), *count);
            }
        }
    }
}

fn sum(array: &ArrayRef, nulls: Option<&NullBuffer>) -> Result<i128> {
    let numbers = arrow::compute::cast(array, &DataType::Int64)?;
    let numbers = numbers.as_primitive::<arrow::datatypes::Int64Type>();
    let is_valid = |row: usize| numbers.is_valid(row) && nulls.is_none_or(|nulls| nulls.is_valid(row));
    Ok((0..numbers.len()).filter(|&row| is_valid(row)).map(|row| i128::from(numbers.value(row))).sum())
}

fn widen(array: &ArrayRef, nulls: Option<&NullBuffer>, column: &mut ColumnSummary) -> Result<()> {
    let numbers = arrow::compute::cast(array, &DataType::Float64)?;
    let numbers = numbers.as_primitive::<arrow::datatypes::Float64Type>();
    for row in 0..numbers.len() {
        let value = numbers.value(row);
        if numbers.is_valid(row) && nulls.is_none_or(|nulls| nulls.is_valid(row)) && !value.is_nan() {
            column.range = Some(column.range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
        }
    }
    Ok(())
}
