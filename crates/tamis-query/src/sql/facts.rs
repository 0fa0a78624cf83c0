//! What the root of a table's tree says of all its rows: exact, whatever deltas lie on the base.

use arrow::datatypes::DataType;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use tamis_table::{ColumnSummary, Summary};

use super::column::{self, Shown, Source};
use super::predicate::never_nan;
use super::table::{Kind, TreeTable};

/// The sum of the counts of a column: how many values were counted.
pub(crate) fn counted(column: &ColumnSummary) -> i64 {
    column.counts.values().sum::<i64>().wrapping_add(column.other)
}

fn exact(count: i64) -> Precision<usize> {
    usize::try_from(count).map_or(Precision::Absent, Precision::Exact)
}

/// How many rows a table shows; [`None`] where its root does not tell.
fn rows(table: &TreeTable, summary: &Summary) -> i64 {
    match table.kind {
        Kind::Rows => summary.rows,
        Kind::Labels => {
            let layers = column::layers(table.table.schema());
            let of = |group: &str| summary.column(group, "labels").map_or(0, counted);
            layers.iter().map(|(_, group)| of(group)).sum()
        }
    }
}

/// The statistics of all rows of a table, for some of its columns.
pub(crate) fn facts(table: &TreeTable, output: &[Shown]) -> Statistics {
    let summary = table.table.summary();
    let rows = rows(table, summary);
    let column_statistics = output.iter().map(|shown| column_facts(table, shown, summary, rows)).collect();
    Statistics { num_rows: exact(rows), total_byte_size: Precision::Absent, column_statistics }
}

fn column_facts(table: &TreeTable, shown: &Shown, summary: &Summary, rows: i64) -> ColumnStatistics {
    let mut facts = ColumnStatistics::new_unknown();
    if table.kind == Kind::Labels {
        return facts;
    }
    let asks = |group: &str, column: &str, aggregate: &str| {
        let fields = table.table.schema().group(group).ok().map(|group| group.fields.clone());
        let field = fields.as_ref().and_then(|fields| fields.find(column)).map(|(_, field)| field);
        field
            .and_then(|field| field.metadata().get("tamis.summary"))
            .is_some_and(|asked| asked.split(';').any(|one| one.trim() == aggregate))
    };
    let (group, column) = match &shown.source {
        Source::Path | Source::Segment => {
            facts.null_count = Precision::Exact(0);
            return facts;
        }
        Source::Stored { group, column } => (group.as_str(), column.as_str()),
        Source::Field(kinds) if kinds.len() == 1 => ("fields", kinds[0].1.as_str()),
        _ => return facts,
    };
    let found = summary.column(group, column);
    if asks(group, column, "counts") {
        facts.null_count = exact(rows - found.map_or(0, counted));
    }
    if group != "fields" && !never_nan(table.table.schema(), group, column) {
        return facts;
    }
    // Whole numbers beyond 2^53 are rounded.
    if let (true, Some((least, most))) =
        (asks(group, column, "minmax"), found.filter(|f| f.exact).and_then(|f| f.range))
    {
        let value = |number: f64| match shown.data_type {
            DataType::Float64 => Some(ScalarValue::Float64(Some(number))),
            DataType::Int64 if number.abs() < 9e15 => Some(ScalarValue::Int64(Some(number as i64))),
            _ => None,
        };
        if let (Some(least), Some(most)) = (value(least), value(most)) {
            facts.min_value = Precision::Exact(least);
            facts.max_value = Precision::Exact(most);
        }
    }
    facts
}
