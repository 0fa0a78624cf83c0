//! Findings as a table of the commit. docs/spec/checks.md §2.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, BooleanArray, Float64Array, StringArray, StructArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Fields};
use tamis_core::Severity;
use tamis_repo::Transaction;
use tamis_table::{Columns, Edit, GroupSchema, Op, RowBatch, ScanOptions, TableSchema};

use super::finding::{Finding, rule};
use super::run::Checked;
use crate::derived::run::wrong;
use crate::error::Result;

/// The table of findings.
pub(crate) const TABLE: &str = "findings";
/// Rows of one batch.
const BATCH: usize = 1 << 14;

pub(crate) fn schema() -> TableSchema {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let fields: Fields = vec![
        text("rule"),
        text("severity"),
        text("path"),
        text("layer"),
        Field::new("label", DataType::UInt64, true),
        text("other"),
        Field::new("score", DataType::Float64, true),
        text("message"),
        Field::new("fixable", DataType::Boolean, true),
    ]
    .into();
    TableSchema { groups: vec![GroupSchema::new("finding", fields)] }
}

/// Puts findings into a transaction: all of them, or, of a check of changes, those of the samples that changed.
pub(crate) fn keep(edit: &mut Transaction, checked: &Checked) -> Result<()> {
    let mut rows: BTreeMap<Vec<u8>, &Finding> = BTreeMap::new();
    for finding in checked.by_rule.values().flatten() {
        let key = |number: u32| {
            let label = finding.label.map_or_else(String::new, |label| format!("{label:020}"));
            let layer = finding.layer.as_deref().unwrap_or_default();
            format!("{}\0{}\0{layer}\0{label}\0{number}", finding.path, finding.rule).into_bytes()
        };
        let free = (0u32..).map(key).find(|key| !rows.contains_key(key));
        rows.extend(free.map(|key| (key, finding)));
    }
    let known = edit.snapshot()?.other_table(TABLE)?.filter(|table| *table.schema() == schema());
    let (Some(known), Some(changed)) = (known, &checked.changed) else {
        let all: Vec<(Vec<u8>, &Finding)> = rows.into_iter().collect();
        let batches =
            all.chunks(BATCH).map(|part| batch(part).map_err(|_| tamis_repo::Error::Cancelled(tamis_core::Cancelled)));
        return Ok(edit.put_table(TABLE, schema(), batches)?);
    };
    let mut ops: BTreeMap<Vec<u8>, Option<&Finding>> = BTreeMap::new();
    for key in keys_of(&known, changed)? {
        ops.insert(key, None);
    }
    ops.extend(rows.into_iter().map(|(key, finding)| (key, Some(finding))));
    let empty = Finding::default();
    let all: Vec<(Vec<u8>, &Finding)> =
        ops.iter().map(|(key, finding)| (key.clone(), finding.unwrap_or(&empty))).collect();
    if all.is_empty() {
        return Ok(());
    }
    let ops = ops.values().map(|finding| if finding.is_some() { Op::Put } else { Op::Delete }).collect();
    edit.edit_table(TABLE, &Edit { rows: batch(&all)?, ops, present: vec![None] })?;
    Ok(())
}

/// The keys of findings of some samples, and of the dataset.
fn keys_of(table: &tamis_table::Table, paths: &BTreeSet<String>) -> Result<Vec<Vec<u8>>> {
    let mut keys = Vec::new();
    for path in paths.iter().map(String::as_str).chain([""]) {
        let (start, end) = (format!("{path}\0").into_bytes(), format!("{path}\u{1}").into_bytes());
        let options = ScanOptions::new(Columns::none(table.schema())).range(Some(start), Some(end));
        for batch in table.scan(options)? {
            let batch = batch?;
            keys.extend((0..batch.len()).map(|row| batch.keys.value(row).to_vec()));
        }
    }
    Ok(keys)
}

fn batch(rows: &[(Vec<u8>, &Finding)]) -> Result<RowBatch> {
    let text = |of: &dyn Fn(&Finding) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, finding)| of(finding)).collect::<StringArray>())
    };
    let severity = |finding: &Finding| rule(finding.rule).map(|rule| name(rule.severity).to_owned());
    let columns = vec![
        text(&|finding| Some(finding.rule.to_owned())),
        text(&severity),
        text(&|finding| Some(finding.path.clone())),
        text(&|finding| finding.layer.clone()),
        Arc::new(rows.iter().map(|(_, finding)| finding.label).collect::<UInt64Array>()),
        text(&|finding| finding.other.clone()),
        Arc::new(rows.iter().map(|(_, finding)| finding.score).collect::<Float64Array>()),
        text(&|finding| Some(finding.message.clone())),
        Arc::new(rows.iter().map(|(_, finding)| Some(finding.fixable)).collect::<BooleanArray>()),
    ];
    let keys = BinaryArray::from_iter_values(rows.iter().map(|(key, _)| key));
    let fields = schema().groups.remove(0).fields;
    let values = StructArray::try_new(fields, columns, None).map_err(wrong)?;
    Ok(RowBatch { keys, groups: vec![Some(values)] })
}

/// A severity as it is written.
pub(crate) fn name(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}
