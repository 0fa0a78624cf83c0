//! Counts of whole commits from the root of their tree.
//!
//! A root counts samples by split, media type and sensor, and labels by layer, type and class, exact
//! whatever deltas lie on the base. `count(*)` grouped and filtered by such columns (and by ranges of
//! paths, whose counts come from O(log n) nodes) is rewritten to a sum over these counts: no row is read.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DataFusionError, ScalarValue};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::sum::sum;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use tamis_core::LabelType;
use tamis_table::{ColumnSummary, Summary};

use super::blocking;
use super::column::{self, Part, Source};
use super::facts::counted;
use super::predicate::{Clause, Scope};
use super::table::{Kind, TreeTable};
use crate::error::Result;

/// The column of counts.
const COUNT: &str = "rows counted in the root";

/// Answers counts from the root.
#[derive(Debug)]
pub(crate) struct FromRoot;

impl OptimizerRule for FromRoot {
    fn name(&self) -> &str {
        "counts_from_root"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>, DataFusionError> {
        let LogicalPlan::Aggregate(aggregate) = &plan else { return Ok(Transformed::no(plan)) };
        match rewritten(aggregate)? {
            Some(plan) => Ok(Transformed::yes(plan)),
            None => Ok(Transformed::no(plan)),
        }
    }
}

/// Whether an aggregate counts rows.
fn counts_rows(expr: &Expr) -> bool {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expr else { return false };
    let is_plain = !params.distinct && params.filter.is_none() && params.order_by.is_empty();
    is_plain
        && func.name() == "count"
        && matches!(params.args.as_slice(), [Expr::Literal(value, _)] if !value.is_null())
}

fn rewritten(aggregate: &Aggregate) -> Result<Option<LogicalPlan>, DataFusionError> {
    let LogicalPlan::TableScan(scan) = aggregate.input.as_ref() else { return Ok(None) };
    let Ok(provider) = source_as_provider(&scan.source) else { return Ok(None) };
    let Some(table) = provider.downcast_ref::<TreeTable>() else { return Ok(None) };
    let is_simple = scan.fetch.is_none()
        && !aggregate.aggr_expr.is_empty()
        && aggregate.aggr_expr.iter().all(counts_rows)
        && aggregate.group_expr.iter().all(|expr| matches!(expr, Expr::Column(_)));
    if !is_simple {
        return Ok(None);
    }
    let (ranges, filters): (Vec<&Expr>, Vec<&Expr>) = scan.filters.iter().partition(|filter| is_range(filter, table));
    let group: Vec<&Column> = aggregate.group_expr.iter().filter_map(Expr::try_as_col).collect();
    let used: HashSet<&str> =
        filters.iter().flat_map(|filter| filter.column_refs()).chain(group.iter().copied()).map(Column::name).collect();
    let ranges: Vec<Expr> = ranges.into_iter().cloned().collect();
    let Some(cube) = blocking(|| cube(table, &used, &ranges))? else { return Ok(None) };
    build(aggregate, table, cube, &filters).map(Some)
}

/// Whether a condition is a range of paths, the whole of it.
fn is_range(filter: &Expr, table: &TreeTable) -> bool {
    let scope = Scope { schema: table.table.schema(), shown: &table.shown, layer: None };
    matches!(Clause::of(std::slice::from_ref(filter), &scope), Clause::Keys(..)) && is_exact_range(filter)
}

/// Whether the range of keys says all that a condition says: a comparison of the path, or a pattern that is
/// a beginning and `%`.
fn is_exact_range(filter: &Expr) -> bool {
    match filter {
        Expr::BinaryExpr(binary) => !binary.op.is_logic_operator(),
        Expr::Between(_) => true,
        Expr::ScalarFunction(call) => call.name() == "starts_with",
        Expr::Like(like) => match like.pattern.as_ref() {
            Expr::Literal(ScalarValue::Utf8(Some(pattern)) | ScalarValue::Utf8View(Some(pattern)), _) => {
                pattern.strip_suffix('%').is_some_and(|start| !start.contains(['%', '_', '\\']))
            }
            _ => false,
        },
        _ => false,
    }
}

/// The counts by the columns that are used; [`None`] where the root does not know them.
fn cube(table: &TreeTable, used: &HashSet<&str>, ranges: &[Expr]) -> Result<Option<Cube>> {
    let scope = Scope { schema: table.table.schema(), shown: &table.shown, layer: None };
    let (start, end) = Clause::of(ranges, &scope).keys();
    let source = |name: &&str| table.shown.iter().find(|shown| shown.name == **name).map(|shown| &shown.source);
    let sources: Option<Vec<&Source>> = used.iter().map(source).collect();
    let Some(sources) = sources else { return Ok(None) };
    let summary = || table.table.summary_of(start.as_deref(), end.as_deref());
    match (table.kind, sources.as_slice()) {
        (Kind::Rows, []) => Ok(Some(Cube::of_rows(&summary()?))),
        (Kind::Rows, [Source::Stored { group, column }]) => {
            let asked =
                table.table.schema().group(group).ok().and_then(|group| group.fields.find(column).map(|f| f.1.clone()));
            let is_counted = asked.is_some_and(|field| {
                *field.data_type() == DataType::Utf8
                    && field
                        .metadata()
                        .get("tamis.summary")
                        .is_some_and(|asked| asked.split(';').any(|one| one == "counts"))
            });
            let name = used.iter().next().copied().unwrap_or_default();
            if is_counted { Ok(Cube::of_column(&summary()?, group, column, name)) } else { Ok(None) }
        }
        (Kind::Labels, sources) => {
            let is_known =
                |source: &&Source| matches!(source, Source::Layer | Source::Label(Part::Type | Part::Stored("class")));
            if sources.iter().all(is_known) { Ok(Cube::of_labels(table, &summary()?)) } else { Ok(None) }
        }
        _ => Ok(None),
    }
}

/// Counts by some columns.
struct Cube {
    columns: Vec<(String, Vec<Option<String>>)>,
    counts: Vec<i64>,
}

fn is_complete(column: &ColumnSummary) -> bool {
    column.other == 0 && column.counts.values().all(|count| *count >= 0)
}

impl Cube {
    fn of_rows(summary: &Summary) -> Cube {
        Cube { columns: Vec::new(), counts: vec![summary.rows] }
    }

    fn of_column(summary: &Summary, group: &str, column: &str, name: &str) -> Option<Cube> {
        let empty = ColumnSummary::default();
        let column = summary.column(group, column).unwrap_or(&empty);
        if !is_complete(column) {
            return None;
        }
        let mut values: Vec<Option<String>> = column.counts.keys().cloned().map(Some).collect();
        let mut counts: Vec<i64> = column.counts.values().copied().collect();
        let missing = summary.rows - counted(column);
        if missing > 0 {
            values.push(None);
            counts.push(missing);
        }
        Some(Cube { columns: vec![(name.to_owned(), values)], counts })
    }

    fn of_labels(table: &TreeTable, summary: &Summary) -> Option<Cube> {
        let (mut layers, mut types, mut classes, mut counts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (layer, group) in column::layers(table.table.schema()) {
            let Some(column) = summary.column(&group, "labels") else { continue };
            if !is_complete(column) {
                return None;
            }
            for (key, count) in column.counts.iter().filter(|(_, count)| **count > 0) {
                let (code, class) = key.split_once('\u{1f}')?;
                let known = LabelType::from_code(code.parse().ok()?);
                layers.push(Some(layer.clone()));
                types.push(Some(known.map_or_else(|| code.to_owned(), |known| known.as_str().to_owned())));
                // A label without a class and one of the empty class are counted together.
                classes.push((!class.is_empty()).then(|| class.to_owned()));
                counts.push(*count);
            }
        }
        let columns = vec![("layer".to_owned(), layers), ("type".to_owned(), types), ("class".to_owned(), classes)];
        Some(Cube { columns, counts })
    }

    fn table(self) -> Result<MemTable, DataFusionError> {
        let mut fields: Vec<Field> =
            self.columns.iter().map(|(name, _)| Field::new(name, DataType::Utf8, true)).collect();
        fields.push(Field::new(COUNT, DataType::Int64, true));
        let mut arrays: Vec<ArrayRef> =
            self.columns.into_iter().map(|(_, values)| Arc::new(StringArray::from(values)) as ArrayRef).collect();
        arrays.push(Arc::new(Int64Array::from(self.counts)));
        let schema = Arc::new(Schema::new(fields));
        MemTable::try_new(Arc::clone(&schema), vec![vec![RecordBatch::try_new(schema, arrays)?]])
    }
}

/// A plan with the schema of the aggregate, over the counts.
fn build(
    aggregate: &Aggregate,
    table: &TreeTable,
    cube: Cube,
    filters: &[&Expr],
) -> Result<LogicalPlan, DataFusionError> {
    let memory: Arc<dyn TableProvider> = Arc::new(cube.table()?);
    let name = format!("root of {}", table.name);
    let relation = datafusion::common::TableReference::bare(name.clone());
    let moved = |expr: &Expr| {
        let map = |column: &Column| Column::new(Some(relation.clone()), column.name.clone());
        use datafusion::common::tree_node::TreeNode;
        expr.clone().transform(|part| {
            Ok(match part {
                Expr::Column(column) => Transformed::yes(Expr::Column(map(&column))),
                other => Transformed::no(other),
            })
        })
    };
    let mut plan = LogicalPlanBuilder::scan(relation.clone(), provider_as_source(memory), None)?;
    for filter in filters {
        plan = plan.filter(moved(filter)?.data)?;
    }
    let group: Vec<Expr> =
        aggregate.group_expr.iter().map(|expr| Ok(moved(expr)?.data)).collect::<Result<_, DataFusionError>>()?;
    let total = sum(Expr::Column(Column::new(Some(relation.clone()), COUNT))).alias("total");
    let plan = plan.aggregate(group.clone(), vec![total])?;
    let mut output: Vec<Expr> = Vec::new();
    for (at, (qualifier, field)) in aggregate.schema.iter().enumerate() {
        let value = match group.get(at) {
            Some(column) => column.clone(),
            None => coalesce(vec![Expr::Column(Column::from_name("total")), lit(0i64)]),
        };
        output.push(value.alias_qualified(qualifier.cloned(), field.name()));
    }
    plan.project(output)?.build()
}
