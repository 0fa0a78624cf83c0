//! Reads the parts of a scan: the columns of its conditions first, the others of the rows that are left.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::physical_expr::PhysicalExpr;
use tamis_table::{RowBatch, ScanPlan};

use super::column::{self, Shown};
use super::values::{Labels, Rows};
use crate::error::{QueryError, Result};

/// Where at most one row in so many is left, the other columns are read row by row.
const FEW: usize = 8;

/// What is read of a table.
#[derive(Debug)]
pub(crate) struct Reading {
    /// The columns of the outcome.
    pub(crate) output: Vec<Shown>,
    pub(crate) schema: SchemaRef,
    pub(crate) condition: Option<Condition>,
}

/// What rows must fulfil.
#[derive(Debug)]
pub(crate) struct Condition {
    /// The columns it looks at, in the order of its schema.
    pub(crate) columns: Vec<Shown>,
    pub(crate) schema: SchemaRef,
    pub(crate) expr: Arc<dyn PhysicalExpr>,
}

/// What was read, counted over all threads.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) leaves: AtomicU64,
    pub(crate) pages: AtomicU64,
    pub(crate) bytes: AtomicU64,
    /// Rows of which single values were looked up after a condition.
    pub(crate) looked_up: AtomicU64,
}

/// One layer of a table, or its rows.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) plan: ScanPlan,
    /// The layer's name and group, where labels are read.
    pub(crate) layer: Option<(String, String)>,
}

fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

impl Condition {
    /// The places of the rows that fulfil it.
    fn places(&self, columns: &[ArrayRef], rows: usize) -> Result<UInt32Array, DataFusionError> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns.to_vec(), &options)?;
        let holds = self.expr.evaluate(&batch)?.into_array(rows)?;
        let holds: &BooleanArray = holds
            .as_boolean_opt()
            .ok_or_else(|| DataFusionError::Internal("a condition is no truth value".to_owned()))?;
        let is_true = |row: &usize| holds.is_valid(*row) && holds.value(*row);
        Ok((0..rows).filter(is_true).map(|row| row as u32).collect::<Vec<u32>>().into())
    }
}

impl Reading {
    /// Reads a part: the rows (or labels) that fulfil the condition.
    pub(crate) fn part(&self, source: &Source, part: usize, counts: &Counts) -> Result<RecordBatch, DataFusionError> {
        let schema = source.plan.table().schema();
        let layer = source.layer.as_ref().map(|(_, group)| group.as_str());
        add(&counts.leaves, 1);
        let read = |shown: &[&Shown], keys: bool| -> Result<RowBatch> {
            let columns = column::needed(schema, shown.iter().copied(), layer)?;
            let keys = keys || shown.iter().any(|column| column.source.is_key());
            let pages = source.plan.pages(part, &columns, keys)?;
            add(&counts.pages, pages.pages);
            add(&counts.bytes, pages.bytes);
            Ok(source.plan.read(part, &columns, keys)?)
        };
        let labels = |batch: &RowBatch| -> Result<Option<Labels>> {
            let of = |(name, group): &(String, String)| Labels::of(schema, batch, name, group);
            source.layer.as_ref().map(of).transpose()
        };
        let output: Vec<&Shown> = self.output.iter().collect();
        let Some(condition) = &self.condition else {
            let batch = read(&output, false)?;
            let rows = Rows { schema, batch: &batch, labels: labels(&batch)? };
            return Ok(self.batch(self.columns(&rows)?, rows.len())?);
        };
        let known: Vec<&Shown> = condition.columns.iter().collect();
        let rest: Vec<&Shown> =
            output.iter().copied().filter(|column| known.iter().all(|other| other.name != column.name)).collect();
        let batch = read(&known, !rest.is_empty())?;
        let rows = Rows { schema, batch: &batch, labels: labels(&batch)? };
        let values = known.iter().map(|column| rows.column(column)).collect::<Result<Vec<_>>>()?;
        let places = condition.places(&values, rows.len())?;
        if places.is_empty() {
            return Ok(RecordBatch::new_empty(Arc::clone(&self.schema)));
        }
        let mut found: Vec<(&str, ArrayRef)> = Vec::with_capacity(output.len());
        for (column, values) in known.iter().zip(&values) {
            if output.iter().any(|other| other.name == column.name) {
                found.push((&column.name, take(values, &places, None)?));
            }
        }
        if !rest.is_empty() {
            for (column, values) in rest.iter().zip(self.rest(source, &rows, &rest, &places, &read, counts)?) {
                found.push((&column.name, values));
            }
        }
        let column = |shown: &Shown| {
            let values = found.iter().find(|(name, _)| *name == shown.name).map(|(_, values)| Arc::clone(values));
            values.ok_or_else(|| QueryError::Internal { reason: format!("column `{}` was not read", shown.name) })
        };
        let columns = self.output.iter().map(column).collect::<Result<Vec<_>>>()?;
        Ok(self.batch(columns, places.len())?)
    }

    /// The columns that the condition did not look at, of the rows that fulfil it.
    fn rest(
        &self,
        source: &Source,
        rows: &Rows<'_>,
        rest: &[&Shown],
        places: &UInt32Array,
        read: &dyn Fn(&[&Shown], bool) -> Result<RowBatch>,
        counts: &Counts,
    ) -> Result<Vec<ArrayRef>> {
        let schema = rows.schema;
        let layer = source.layer.as_ref();
        let wanted = |batch: &RowBatch, at: &UInt32Array| -> Result<Vec<ArrayRef>> {
            let labels = match layer {
                Some((name, group)) => Some(Labels::of(schema, batch, name, group)?.only(at)?),
                None => None,
            };
            let rows = Rows { schema, batch, labels };
            let values = rest.iter().map(|column| rows.column(column)).collect::<Result<Vec<_>>>()?;
            match layer {
                Some(_) => Ok(values),
                None => Ok(values.iter().map(|values| take(values, at, None)).collect::<Result<_, _>>()?),
            }
        };
        // The samples that are left, and where each row or label of the outcome is in them.
        let mut samples: Vec<u32> = Vec::new();
        let mut within: Vec<(u32, u32)> = Vec::with_capacity(places.len());
        match &rows.labels {
            None => samples.extend(places.values()),
            Some(labels) => {
                let mut first = (u32::MAX, 0);
                for &place in places.values() {
                    let row = labels.rows.value(place as usize);
                    if samples.last() != Some(&row) {
                        samples.push(row);
                    }
                    if first.0 != row {
                        let start = labels.rows.values().partition_point(|other| *other < row);
                        first = (row, start as u32);
                    }
                    within.push((samples.len() as u32 - 1, place - first.1));
                }
            }
        }
        if samples.len() * FEW > rows.batch.len() {
            return wanted(&read(rest, false)?, places);
        }
        add(&counts.looked_up, samples.len() as u64);
        let keys = take(&rows.batch.keys, &UInt32Array::from(samples.clone()), None)?;
        let columns = column::needed(schema, rest.iter().copied(), layer.map(|(_, group)| group.as_str()))?;
        let (batch, _) = source.plan.table().get_many(keys.as_binary(), &columns)?;
        let Some((name, group)) = layer else {
            return wanted(&batch, &(0..samples.len() as u32).collect::<Vec<_>>().into());
        };
        let labels = Labels::of(schema, &batch, name, group)?;
        let starts: Vec<u32> = (0..samples.len() as u32)
            .map(|sample| labels.rows.values().partition_point(|other| *other < sample) as u32)
            .collect();
        let at: Vec<u32> = within.iter().map(|(sample, place)| starts[*sample as usize] + place).collect();
        wanted(&batch, &at.into())
    }

    fn columns(&self, rows: &Rows<'_>) -> Result<Vec<ArrayRef>> {
        self.output.iter().map(|column| rows.column(column)).collect()
    }

    fn batch(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}
