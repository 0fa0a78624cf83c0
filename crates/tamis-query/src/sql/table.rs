//! A table of a commit as the query engine sees it.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DataFusionError};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use tamis_table::Table;

use super::blocking;
use super::column::{self, Shown};
use super::predicate::{Clause, Scope};
use super::read::{Condition, Reading, Source};
use super::scan::TreeScan;
use crate::error::Result;

/// What a table shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Rows.
    Rows,
    /// The labels of rows.
    Labels,
}

/// A table of a commit: its samples, their labels, or another table.
#[derive(Clone, Debug)]
pub(crate) struct TreeTable {
    /// As it is told in plans, e.g. `acme/signs@main.samples`.
    pub(crate) name: Arc<str>,
    pub(crate) table: Table,
    pub(crate) kind: Kind,
    pub(crate) shown: Arc<[Shown]>,
    schema: SchemaRef,
}

impl TreeTable {
    /// A table with its columns.
    pub(crate) fn new(name: String, table: Table, kind: Kind, shown: Vec<Shown>) -> TreeTable {
        let schema = column::schema(&shown);
        TreeTable { name: name.into(), table, kind, shown: shown.into(), schema }
    }

    /// The parts that are read: one of the rows, or one for each layer, without those that conditions rule out.
    pub(crate) fn sources(&self, filters: &[Expr]) -> Result<Vec<(Source, Clause)>> {
        let schema = self.table.schema();
        let layers = match self.kind {
            Kind::Rows => vec![None],
            Kind::Labels => column::layers(schema).into_iter().map(Some).collect(),
        };
        let mut sources = Vec::new();
        for layer in layers {
            let names = layer.as_ref().map(|(name, group)| (name.as_str(), group.as_str()));
            let mut clause = Clause::of(filters, &Scope { schema, shown: &self.shown, layer: names });
            if let Some((_, group)) = names {
                clause = clause.and(Clause::Counts(format!("{group}:labels"), Arc::new(|_| true)));
            }
            if matches!(clause, Clause::Never) {
                continue;
            }
            let (start, end) = clause.keys();
            let plan = self.table.plan(start, end, clause.filter().as_ref())?;
            if !plan.is_empty() {
                sources.push((Source { plan, layer }, clause));
            }
        }
        Ok(sources)
    }

    /// Whether an expression can be decided while reading: the same answer whenever it is asked.
    pub(crate) fn is_decidable(expr: &Expr) -> bool {
        let mut is_plain = true;
        let walked = expr.apply(|part| {
            let is_query = matches!(
                part,
                Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::OuterReferenceColumn(..)
            );
            is_plain &= !is_query;
            Ok(if is_plain { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
        });
        is_plain && walked.is_ok() && !expr.is_volatile()
    }

    fn condition(&self, state: &dyn Session, filters: &[Expr]) -> Result<Option<Condition>, DataFusionError> {
        let Some(all) = conjunction(filters.iter().cloned()) else { return Ok(None) };
        let used = all.column_refs();
        let columns: Vec<Shown> =
            self.shown.iter().filter(|shown| used.iter().any(|column| column.name == shown.name)).cloned().collect();
        let schema = column::schema(&columns);
        let unqualified = datafusion::logical_expr::expr_rewriter::unnormalize_col(all);
        let expr = state.create_physical_expr(unqualified, &DFSchema::try_from(Arc::clone(&schema))?)?;
        Ok(Some(Condition { columns, schema, expr }))
    }
}

#[async_trait]
impl TableProvider for TreeTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let output: Vec<Shown> = match projection {
            Some(places) => places.iter().filter_map(|at| self.shown.get(*at)).cloned().collect(),
            None => self.shown.to_vec(),
        };
        let condition = self.condition(state, filters)?;
        let sources = blocking(|| self.sources(filters))?;
        let schema = column::schema(&output);
        let reading = Reading { output, schema, condition };
        let partitions = state.config().target_partitions();
        Ok(Arc::new(TreeScan::new(self, sources, reading, filters, limit, partitions)))
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>, DataFusionError> {
        let judge = |filter: &&Expr| match TreeTable::is_decidable(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(judge).collect())
    }
}
