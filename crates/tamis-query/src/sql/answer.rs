//! Running a statement: plan, batches as they come, stop at once when asked to.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::sql::parser::Statement;
use futures::StreamExt;
use tamis_core::{Cancelled, Progress};
use tamis_repo::Repo;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{Receiver, channel};

use super::catalog::Lake;
use super::session::{parse, session};
use crate::error::{QueryError, Result};

/// How often the wish to stop is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// What to tell of a statement beside, or in place of, its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Explain {
    /// Run it.
    #[default]
    No,
    /// Tell how it would be run, with what is read and left out as far as nodes tell.
    Plan,
    /// Run it and tell what was read.
    Run,
}

/// A statement and how it may be run.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// One SQL statement that reads.
    pub sql: String,
    /// The dataset of tables that are named without one: `org/name[@revision]`.
    pub dataset: Option<String>,
    /// The most bytes that sorts, joins and groups may hold before they spill; [`None`]: no bound.
    pub memory: Option<u64>,
    /// Where they spill to; [`None`]: the system's folder for temporary files.
    pub spill_to: Option<PathBuf>,
    /// Threads; 0: as many as there are processors.
    pub threads: usize,
    /// At most so many rows of the outcome.
    pub limit: Option<usize>,
    /// Whether to tell how it is run.
    pub explain: Explain,
}

/// The outcome of a statement: batches in order, as they are made. Dropping it stops the work.
pub struct Answer {
    schema: SchemaRef,
    sql: String,
    batches: Receiver<Result<RecordBatch, DataFusionError>>,
    progress: Progress,
    runtime: Option<Runtime>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Query {
    /// A query with no default dataset, no bounds, on all processors.
    pub fn new(sql: impl Into<String>) -> Query {
        Query { sql: sql.into(), ..Query::default() }
    }

    /// Plans the statement and starts it. Blocks while it plans (nodes of trees are read); must not be
    /// called on a thread of an asynchronous runtime.
    ///
    /// # Errors
    /// What is wrong with the statement, with its place; a lake that cannot be read.
    pub fn run(&self, repo: &Repo, progress: &Progress) -> Result<Answer> {
        let statement = self.statement()?;
        progress.cancel().check()?;
        let workers = if self.threads == 0 {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        } else {
            self.threads
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(workers)
            .thread_name("query")
            // Deep expressions are planned by recursion.
            .thread_stack_size(8 << 20)
            .enable_time()
            .build()
            .map_err(|source| QueryError::Io { source })?;
        let lake = Lake::new(repo, self.dataset.as_deref());
        let (send_plan, mut receive_plan) = channel(1);
        let (send, receive) = channel(4);
        let query = self.clone();
        runtime.spawn(async move {
            let planned = async {
                let context = session(&lake, &query)?;
                let plan = context.state().statement_to_plan(statement).await?;
                let reads = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
                reads.verify_plan(&plan)?;
                let has_rows =
                    !matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_));
                let mut frame = context.execute_logical_plan(plan).await?;
                if let Some(limit) = query.limit.filter(|_| has_rows) {
                    frame = frame.limit(0, Some(limit))?;
                }
                let plan = frame.create_physical_plan().await?;
                let schema = plan.schema();
                Ok::<_, DataFusionError>((execute_stream(plan, context.task_ctx())?, schema))
            };
            match planned.await {
                Ok((mut stream, schema)) => {
                    if send_plan.send(Ok(schema)).await.is_err() {
                        return;
                    }
                    while let Some(batch) = stream.next().await {
                        if send.send(batch).await.is_err() {
                            return;
                        }
                    }
                }
                // Nobody waits any more where the query was stopped.
                Err(error) => drop(send_plan.send(Err(error)).await),
            }
        });
        let planned = wait(&runtime, &mut receive_plan, progress);
        let schema = match planned {
            Ok(Some(Ok(schema))) => schema,
            Ok(Some(Err(error))) => return Err(self.stopped(runtime, QueryError::of(error, &self.sql))),
            Ok(None) => {
                let reason = "the planner ended without an outcome".to_owned();
                return Err(self.stopped(runtime, QueryError::Internal { reason }));
            }
            Err(cancelled) => return Err(self.stopped(runtime, cancelled.into())),
        };
        Ok(Answer {
            schema,
            sql: self.sql.clone(),
            batches: receive,
            progress: progress.clone(),
            runtime: Some(runtime),
        })
    }

    /// Ends the threads without waiting for them.
    fn stopped(&self, runtime: Runtime, error: QueryError) -> QueryError {
        runtime.shutdown_background();
        error
    }

    fn statement(&self) -> Result<Statement> {
        let statement = parse(&self.sql)?;
        let words = match (self.explain, &statement) {
            (Explain::No, _) | (_, Statement::Explain(_)) => return Ok(statement),
            (Explain::Plan, _) => "EXPLAIN",
            (Explain::Run, _) => "EXPLAIN ANALYZE",
        };
        parse(&format!("{words} {}", self.sql))
    }
}

/// Waits for the next message; looks at whether to stop meanwhile.
fn wait<T>(runtime: &Runtime, from: &mut Receiver<T>, progress: &Progress) -> Result<Option<T>, Cancelled> {
    runtime.block_on(async {
        loop {
            progress.cancel().check()?;
            if let Ok(next) = tokio::time::timeout(LOOK, from.recv()).await {
                return Ok(next);
            }
        }
    })
}

impl Answer {
    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// All rows as one batch, for small outcomes.
    pub fn all(mut self) -> Result<RecordBatch> {
        let mut batches = Vec::new();
        for batch in self.by_ref() {
            batches.push(batch?);
        }
        Ok(arrow::compute::concat_batches(&Arc::clone(&self.schema), &batches)?)
    }

    fn stop(&mut self) {
        self.batches.close();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Iterator for Answer {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Result<RecordBatch>> {
        let runtime = self.runtime.as_ref()?;
        let next = match wait(runtime, &mut self.batches, &self.progress) {
            Ok(None) => None,
            Ok(Some(Ok(batch))) => {
                return match self.progress.advance(batch.num_rows() as u64, 0) {
                    Ok(()) => Some(Ok(batch)),
                    Err(cancelled) => {
                        self.stop();
                        Some(Err(cancelled.into()))
                    }
                };
            }
            Ok(Some(Err(error))) => Some(Err(QueryError::of(error, &self.sql))),
            Err(cancelled) => Some(Err(cancelled.into())),
        };
        self.stop();
        next
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.stop();
    }
}
