//! SQL over the datasets of the lake.

use std::io::Write;
use std::path::PathBuf;

use tamis_query::{Answer, Query};

pub use tamis_query::{AnswerColumn, Explain, Function, OutputFormat, functions};

use crate::error::{EngineError, Result};
use crate::{Ctx, Engine};

/// A statement and how it may be run.
#[derive(Clone, Debug, Default)]
pub struct SqlRequest {
    /// One statement that reads.
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

/// The outcome: rows as they are made. Dropping it stops the work.
#[derive(Debug)]
pub struct SqlAnswer(Answer);

impl SqlAnswer {
    /// The columns.
    pub fn columns(&self) -> Vec<AnswerColumn> {
        self.0.columns()
    }

    /// The cells of the next rows as texts, null as none; [`None`] at the end.
    pub fn next_cells(&mut self) -> Option<Result<Vec<Vec<Option<String>>>>> {
        self.0.next_cells().map(|cells| cells.map_err(EngineError::from))
    }

    /// Writes all rows. Gives how many there were.
    pub fn write(self, format: OutputFormat, out: &mut (dyn Write + Send)) -> Result<u64> {
        Ok(self.0.write(format, out)?)
    }

    /// The batches themselves.
    pub fn into_inner(self) -> Answer {
        self.0
    }
}

impl Engine {
    /// Runs a statement that reads against the tables of the lake; nothing else can be reached from it.
    /// Plans it before it returns; rows come as they are asked for.
    ///
    /// # Errors
    /// `query.*` with the place in the text and what may have been meant; those of reading.
    pub fn sql(&self, ctx: &Ctx, request: &SqlRequest) -> Result<SqlAnswer> {
        let SqlRequest { sql, dataset, memory, spill_to, threads, limit, explain } = request.clone();
        let query = Query { sql, dataset, memory, spill_to, threads, limit, explain };
        Ok(SqlAnswer(query.run(self.repo(), &ctx.progress)?))
    }
}
