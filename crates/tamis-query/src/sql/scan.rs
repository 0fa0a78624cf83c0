//! The scan of a tree's table as a step of a physical plan: partitions of leaves in the order of their
//! keys, read on threads that may block, with counts of what was read and what was left out.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::compute::SortOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, Partitioning, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use tamis_table::PlanStats;

use super::column;
use super::facts::facts;
use super::predicate::Clause;
use super::read::{Counts, Reading, Source};
use super::table::{Kind, TreeTable};

/// Rows of a batch, at most.
const BATCH: usize = 8192;

/// A scan of a table of a commit.
#[derive(Debug)]
pub(crate) struct TreeScan {
    table: TreeTable,
    sources: Arc<[Source]>,
    /// By partition: sources and their parts, in order.
    partitions: Vec<Vec<(usize, usize)>>,
    reading: Arc<Reading>,
    /// The conditions, for people.
    filters: Vec<String>,
    limit: Option<usize>,
    stats: PlanStats,
    /// Pages and bytes that will be opened for sure, and bytes that are left out.
    is_ordered: bool,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    statistics: Arc<Statistics>,
}

impl TreeScan {
    pub(crate) fn new(
        table: &TreeTable,
        sources: Vec<(Source, Clause)>,
        reading: Reading,
        filters: &[Expr],
        limit: Option<usize>,
        most: usize,
    ) -> TreeScan {
        let sources: Arc<[Source]> = sources.into_iter().map(|(source, _)| source).collect();
        let mut stats = PlanStats::default();
        for source in sources.iter() {
            let one = source.plan.stats();
            stats.nodes += one.nodes;
            stats.leaves += one.leaves;
            stats.rows += one.rows;
            stats.skipped += one.skipped;
            stats.rows_skipped += one.rows_skipped;
            stats.bytes_skipped += one.bytes_skipped;
        }
        let partitions = share(&sources, most);
        // Labels of several layers come layer by layer.
        let is_ordered = sources.len() <= 1;
        let ordering = is_ordered
            .then(|| reading.output.iter().position(|shown| shown.source == column::Source::Path))
            .flatten()
            .map(|at| {
                let path: Arc<dyn PhysicalExpr> = Arc::new(Column::new(&reading.output[at].name, at));
                PhysicalSortExpr::new(path, SortOptions { descending: false, nulls_first: false })
            });
        let orderings: Vec<LexOrdering> = ordering.into_iter().filter_map(|one| LexOrdering::new([one])).collect();
        let equivalence = EquivalenceProperties::new_with_orderings(Arc::clone(&reading.schema), orderings);
        let properties = PlanProperties::new(
            equivalence,
            Partitioning::UnknownPartitioning(partitions.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let mut statistics = facts(table, &reading.output);
        if reading.condition.is_some() {
            statistics = statistics.to_inexact();
        }
        if let Some(limit) = limit {
            statistics = statistics.to_inexact();
            statistics.num_rows = match statistics.num_rows.get_value() {
                Some(rows) => Precision::Inexact((*rows).min(limit)),
                None => Precision::Inexact(limit),
            };
        }
        TreeScan {
            table: table.clone(),
            sources,
            partitions,
            reading: Arc::new(reading),
            filters: filters.iter().map(ToString::to_string).collect(),
            limit,
            stats,
            is_ordered,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
            statistics: Arc::new(statistics),
        }
    }
}

/// Shares the parts of sources among at most `most` partitions, consecutive ones together, by their rows.
fn share(sources: &[Source], most: usize) -> Vec<Vec<(usize, usize)>> {
    let parts = sources.iter().enumerate().flat_map(|(at, source)| (0..source.plan.len()).map(move |part| (at, part)));
    let weighed: Vec<((usize, usize), u64)> =
        parts.map(|(at, part)| ((at, part), sources[at].plan.rows(part).max(1))).collect();
    let total: u64 = weighed.iter().map(|(_, rows)| rows).sum();
    let count = most.clamp(1, weighed.len().max(1));
    let mut partitions = vec![Vec::new(); count];
    let mut before = 0u64;
    for (part, rows) in weighed {
        // By the middle of the part, so that every partition gets its share.
        let at = (u128::from(before + rows / 2) * count as u128 / u128::from(total.max(1))) as usize;
        partitions[at.min(count - 1)].push(part);
        before += rows;
    }
    partitions
}

impl DisplayAs for TreeScan {
    fn fmt_as(&self, t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> = self.reading.output.iter().map(|shown| shown.name.as_str()).collect();
        if matches!(t, DisplayFormatType::TreeRender) {
            writeln!(f, "table={}", self.table.name)?;
            return writeln!(f, "leaves={}", self.stats.leaves);
        }
        write!(f, "TreeScan: {}, columns=[{}]", self.table.name, columns.join(", "))?;
        if !self.filters.is_empty() {
            write!(f, ", filter=[{}]", self.filters.join(" AND "))?;
        }
        if let Some(limit) = self.limit {
            write!(f, ", limit={limit}")?;
        }
        if self.table.kind == Kind::Labels {
            let layers = self.sources.iter().filter_map(|source| source.layer.as_ref().map(|(name, _)| name.as_str()));
            write!(f, ", layers=[{}]", layers.collect::<Vec<_>>().join(", "))?;
        }
        write!(
            f,
            ", partitions={}, nodes={}, leaves={}, rows={}, skipped_subtrees={}, skipped_rows={}, skipped_bytes={}",
            self.partitions.len(),
            self.stats.nodes,
            self.stats.leaves,
            self.stats.rows,
            self.stats.skipped,
            self.stats.rows_skipped,
            self.stats.bytes_skipped
        )?;
        if self.is_ordered { write!(f, ", ordered") } else { Ok(()) }
    }
}

impl ExecutionPlan for TreeScan {
    fn name(&self) -> &str {
        "TreeScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion, DataFusionError>,
    ) -> Result<TreeNodeRecursion, DataFusionError> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: datafusion::physical_plan::execution_plan::ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        match children.is_empty() {
            true => Ok(self),
            false => Err(DataFusionError::Internal("a scan has no children".to_owned())),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        Ok(self)
    }

    fn fetch(&self) -> Option<usize> {
        self.limit
    }

    fn execute(
        &self,
        partition: usize,
        _context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream, DataFusionError> {
        let mut builder = RecordBatchReceiverStream::builder(Arc::clone(&self.reading.schema), 2);
        let send = builder.tx();
        let parts = self.partitions.get(partition).cloned().unwrap_or_default();
        let (sources, reading) = (Arc::clone(&self.sources), Arc::clone(&self.reading));
        let counter = |name: &'static str| MetricBuilder::new(&self.metrics).counter(name, partition);
        let [rows, leaves, pages, bytes, looked_up] =
            ["output_rows", "leaves_read", "pages_read", "page_bytes", "rows_looked_up"].map(counter);
        if partition == 0 {
            let global = |name: &'static str, value: u64| {
                MetricBuilder::new(&self.metrics).global_counter(name).add(value as usize);
            };
            global("nodes_read", self.stats.nodes);
            global("subtrees_skipped", self.stats.skipped);
            global("rows_skipped", self.stats.rows_skipped);
            global("bytes_skipped", self.stats.bytes_skipped);
        }
        let limit = self.limit;
        builder.spawn_blocking(move || {
            let counts = Counts::default();
            let left = AtomicUsize::new(limit.unwrap_or(usize::MAX));
            let told = |counter: &datafusion::physical_plan::metrics::Count, of: &std::sync::atomic::AtomicU64| {
                counter.add(of.swap(0, Ordering::Relaxed) as usize);
            };
            for (source, part) in parts {
                if send.is_closed() || left.load(Ordering::Relaxed) == 0 {
                    break;
                }
                let batch = reading.part(&sources[source], part, &counts)?;
                told(&leaves, &counts.leaves);
                told(&pages, &counts.pages);
                told(&bytes, &counts.bytes);
                told(&looked_up, &counts.looked_up);
                let mut from = 0;
                while from < batch.num_rows() {
                    let now = BATCH.min(batch.num_rows() - from).min(left.load(Ordering::Relaxed));
                    if now == 0 {
                        break;
                    }
                    rows.add(now);
                    left.fetch_sub(now, Ordering::Relaxed);
                    if send.blocking_send(Ok(batch.slice(from, now))).is_err() {
                        return Ok(());
                    }
                    from += now;
                }
            }
            Ok(())
        });
        Ok(builder.build())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _: &[Arc<Statistics>],
        args: &datafusion::physical_plan::statistics::StatisticsArgs,
    ) -> Result<Arc<Statistics>, DataFusionError> {
        match args.partition() {
            None => Ok(Arc::clone(&self.statistics)),
            Some(_) => Ok(Arc::new(Statistics::new_unknown(&self.reading.schema))),
        }
    }
}
