//! Computes summaries of arrays.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};

use super::{Aggregate, ColumnSummary, column_name};
use crate::error::Result;
use crate::schema::{GroupSchema, list_item};

/// Joins the values of a combination.
const JOINT: char = '\u{1f}';

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
            let mut counts: HashMap<Vec<u32>, i64> = HashMap::new();
            let mut key = vec![0; rest.len() + 1];
            let mut last: Option<(Vec<u32>, i64)> = None;
            for row in 0..first.codes.len() {
                key[0] = first.codes[row];
                for (part, codes) in key[1..].iter_mut().zip(rest) {
                    *part = codes.codes[row];
                }
                match &mut last {
                    Some((same, count)) if *same == key => *count += 1,
                    _ => {
                        if let Some((key, count)) = last.replace((key.clone(), 1)) {
                            *counts.entry(key).or_insert(0) += count;
                        }
                    }
                }
            }
            if let Some((key, count)) = last {
                *counts.entry(key).or_insert(0) += count;
            }
            let text = |codes: &Codes, code: u32| codes.texts.get(code as usize).cloned().unwrap_or_default();
            for (key, count) in counts {
                let mut joined = text(first, key[0]);
                for (codes, code) in rest.iter().zip(&key[1..]) {
                    joined.push(JOINT);
                    joined.push_str(&text(codes, *code));
                }
                add(joined, count);
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
