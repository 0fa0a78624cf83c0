//! The state in which one statement is planned: our catalog, our functions, bounded memory.

use std::sync::Arc;

use datafusion::common::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::GenericDialect;

use super::answer::Query;
use super::catalog::{DEFAULT, LAKE, Lake, OneCatalog};
use super::changes::Diff;
use super::cube::FromRoot;
use crate::error::{QueryError, Result};

/// Makes the session of a query.
pub(crate) fn session(lake: &Arc<Lake>, query: &Query) -> Result<SessionContext, DataFusionError> {
    let threads = if query.threads == 0 {
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
    } else {
        query.threads
    };
    let mut config = SessionConfig::new()
        .with_target_partitions(threads)
        .with_default_catalog_and_schema(LAKE, DEFAULT)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false);
    config.options_mut().execution.collect_statistics = true;
    config.options_mut().explain.show_sizes = false;
    let mut runtime = RuntimeEnvBuilder::new();
    if let Some(memory) = query.memory {
        let bytes = usize::try_from(memory).unwrap_or(usize::MAX);
        let consumers = std::num::NonZero::<usize>::MIN.saturating_add(4);
        runtime = runtime.with_memory_pool(Arc::new(TrackConsumersPool::new(FairSpillPool::new(bytes), consumers)));
        // Sorts keep this much for the merge of what they spilled.
        config.options_mut().execution.sort_spill_reservation_bytes = (bytes / 16).min(10 << 20);
    }
    let mode = match &query.spill_to {
        Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
        None => DiskManagerMode::OsTmpDirectory,
    };
    runtime = runtime.with_disk_manager_builder(DiskManagerBuilder::default().with_mode(mode));
    let state = SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_runtime_env(Arc::new(runtime.build()?))
        .with_catalog_list(Arc::new(OneCatalog(Arc::clone(lake))))
        .with_optimizer_rule(Arc::new(FromRoot))
        .build();
    let context = SessionContext::new_with_state(state);
    context.register_udtf("diff", Arc::new(Diff(Arc::clone(lake))));
    crate::function::register(&context);
    Ok(context)
}

/// Reads one statement and refuses what is no query.
pub(crate) fn parse(sql: &str) -> Result<Statement> {
    let mut statements =
        DFParser::parse_sql_with_dialect(sql, &GenericDialect {}).map_err(|error| QueryError::of(error, sql))?;
    match (statements.pop_front(), statements.len()) {
        (Some(statement), 0) => {
            only_reads(&statement)?;
            Ok(statement)
        }
        (None, _) => Err(QueryError::Syntax { reason: "it is empty".to_owned(), shown: None }),
        (Some(_), more) => {
            let reason = format!("it has {} statements, one is run at a time", more + 1);
            Err(QueryError::Syntax { reason, shown: None })
        }
    }
}

fn only_reads(statement: &Statement) -> Result<()> {
    let refused = |what: &str| Err(QueryError::NotAQuery { what: what.to_owned() });
    match statement {
        Statement::Statement(inner) => match inner.as_ref() {
            ast::Statement::Query(_) | ast::Statement::ExplainTable { .. } => Ok(()),
            other => refused(&first_words(&other.to_string())),
        },
        Statement::Explain(explain) => only_reads(&explain.statement),
        Statement::CreateExternalTable(_) => refused("CREATE EXTERNAL TABLE"),
        Statement::CopyTo(_) => refused("COPY"),
        Statement::Reset(_) => refused("RESET"),
    }
}

/// The capital words that a statement begins with, at most three.
fn first_words(text: &str) -> String {
    let words = text.split_whitespace().take(3).take_while(|word| word.chars().all(|c| c.is_ascii_uppercase()));
    let words: Vec<&str> = words.collect();
    if words.is_empty() { "this statement".to_owned() } else { words.join(" ") }
}
