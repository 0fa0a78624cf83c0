//! What can be wrong with a query, with its place in the text and what may have been meant.

use datafusion::common::{DataFusionError, SchemaError};
use tamis_core::{Cancelled, Classify, Kind};

/// The result of queries.
pub type Result<T, E = QueryError> = std::result::Result<T, E>;

/// Why a query failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The text is not SQL.
    #[error("cannot read the query: {reason}{}", .shown.as_deref().map(|shown| format!("\n{shown}")).unwrap_or_default())]
    Syntax {
        /// What is wrong.
        reason: String,
        /// The line with a caret below the place, where it is known.
        shown: Option<String>,
    },
    /// A statement that does more than reading.
    #[error("cannot run the statement: {what} is not allowed, a query only reads")]
    NotAQuery {
        /// What it is, e.g. `INSERT`.
        what: String,
    },
    /// No table of that name.
    #[error("no table `{name}`{}; there are {}{}", did_you_mean(.near), list(.known), .shown.as_deref().map(|shown| format!("\n{shown}")).unwrap_or_default())]
    NoTable {
        /// The name as given.
        name: String,
        /// Names that look alike, best first.
        near: Vec<String>,
        /// What is there.
        known: Vec<String>,
        /// The line with a caret below the place, where it is known.
        shown: Option<String>,
    },
    /// A table is named without its dataset, and there is no default one.
    #[error(
        "`{name}` names a table without its dataset: write `\"DATASET@REVISION.{name}\"`, or give a default dataset"
    )]
    NoDataset {
        /// The table's name.
        name: String,
    },
    /// No column of that name.
    #[error("no column `{name}`{}; there are {}{}", did_you_mean(.near), list(.known), .shown.as_deref().map(|shown| format!("\n{shown}")).unwrap_or_default())]
    NoColumn {
        /// The name as given.
        name: String,
        /// Names that look alike, best first.
        near: Vec<String>,
        /// What is there.
        known: Vec<String>,
        /// The line with a caret below the place, where it is known.
        shown: Option<String>,
    },
    /// The query makes no sense for another reason: types, arguments, unknown functions.
    #[error("cannot run the query: {reason}")]
    Invalid {
        /// What is wrong.
        reason: String,
    },
    /// The memory given, or the disk to spill to, is not enough.
    #[error("the query needs more memory than it may use: {reason}")]
    Memory {
        /// What was asked for.
        reason: String,
    },
    /// A dataset or revision cannot be read.
    #[error(transparent)]
    Repo(#[from] tamis_repo::Error),
    /// A table cannot be read.
    #[error(transparent)]
    Table(#[from] tamis_table::TableError),
    /// A temporary file cannot be used.
    #[error("cannot use a temporary file: {source}")]
    Io {
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The work was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// A bug.
    #[error("internal: {reason}")]
    Internal {
        /// What was found.
        reason: String,
    },
}

impl Classify for QueryError {
    fn kind(&self) -> Kind {
        match self {
            QueryError::Syntax { .. }
            | QueryError::NoDataset { .. }
            | QueryError::NoColumn { .. }
            | QueryError::Invalid { .. } => Kind::Invalid,
            QueryError::NotAQuery { .. } => Kind::Denied,
            QueryError::NoTable { .. } => Kind::NotFound,
            QueryError::Memory { .. } | QueryError::Io { .. } => Kind::Io,
            QueryError::Repo(error) => error.kind(),
            QueryError::Table(error) => error.kind(),
            QueryError::Cancelled(_) => Kind::Cancelled,
            QueryError::Internal { .. } => Kind::Internal,
        }
    }
}

impl From<QueryError> for DataFusionError {
    fn from(error: QueryError) -> DataFusionError {
        DataFusionError::External(Box::new(error))
    }
}

impl QueryError {
    /// The error of the query engine in our words; `sql` is the text that it is about.
    pub(crate) fn of(error: DataFusionError, sql: &str) -> QueryError {
        match error {
            DataFusionError::External(inner) => match inner.downcast::<QueryError>() {
                Ok(own) => own.placed(sql),
                Err(inner) => match inner.downcast::<DataFusionError>() {
                    Ok(inner) => QueryError::of(*inner, sql),
                    Err(other) => QueryError::Invalid { reason: other.to_string() },
                },
            },
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => QueryError::of(*inner, sql),
            DataFusionError::Collection(mut all) if !all.is_empty() => QueryError::of(all.swap_remove(0), sql),
            DataFusionError::Shared(inner) => match &*inner {
                DataFusionError::ResourcesExhausted(reason) => QueryError::Memory { reason: reason.clone() },
                other => QueryError::Invalid { reason: told(other) },
            },
            DataFusionError::SQL(error, _) => syntax(&error.to_string(), sql),
            DataFusionError::SchemaError(error, _) => no_column(*error, sql),
            DataFusionError::ResourcesExhausted(reason) => QueryError::Memory { reason },
            DataFusionError::IoError(source) => QueryError::Io { source },
            DataFusionError::Internal(reason) => QueryError::Internal { reason },
            other => QueryError::Invalid { reason: told(&other) },
        }
    }

    /// The same with the place of the name in the text.
    fn placed(self, sql: &str) -> QueryError {
        match self {
            QueryError::NoTable { name, near, known, shown: None } => {
                let shown = caret_at(sql, &name);
                QueryError::NoTable { name, near, known, shown }
            }
            other => other,
        }
    }
}

/// The engine's message without its own prefix.
fn told(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    let prefixes =
        ["Error during planning: ", "Execution error: ", "This feature is not implemented: ", "Arrow error: "];
    let cut = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(&text);
    cut.trim_end_matches('.').to_owned()
}

fn no_column(error: SchemaError, sql: &str) -> QueryError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let mut known: Vec<String> = valid_fields.iter().map(|column| quoted(&column.name)).collect();
            known.dedup();
            let near = tamis_core::near(&field.name, valid_fields.iter().map(|column| column.name.as_str()));
            let near = near.iter().map(|name| quoted(name)).collect();
            let shown = caret_at(sql, &field.name);
            QueryError::NoColumn { name: field.name.clone(), near, known, shown }
        }
        other => QueryError::Invalid { reason: other.to_string() },
    }
}

/// A name as it has to be written: in quotes unless it is a plain lower-case word.
pub(crate) fn quoted(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.starts_with(|c: char| !c.is_ascii_digit());
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

fn did_you_mean(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) }
}

/// A list for a message: at most 40 names.
fn list(known: &[String]) -> String {
    const MOST: usize = 40;
    match known.len() {
        0 => "none".to_owned(),
        n if n <= MOST => known.join(", "),
        n => format!("{} and {} more", known[..MOST].join(", "), n - MOST),
    }
}

/// The parser's message says `… at Line: 1, Column: 8`.
fn syntax(message: &str, sql: &str) -> QueryError {
    let message = message.trim_start_matches("sql parser error: ");
    let place = message.rfind(" at Line: ").and_then(|at| {
        let (line, column) = message[at + " at Line: ".len()..].split_once(", Column: ")?;
        Some((at, line.trim().parse::<usize>().ok()?, column.trim().parse::<usize>().ok()?))
    });
    match place {
        Some((at, line, column)) if line > 0 => {
            QueryError::Syntax { reason: message[..at].to_owned(), shown: caret(sql, line, column) }
        }
        _ => QueryError::Syntax { reason: message.to_owned(), shown: None },
    }
}

/// A line of the text with a caret below a column; both count from 1.
fn caret(sql: &str, line: usize, column: usize) -> Option<String> {
    const MOST: usize = 160;
    let text: Vec<char> = sql.lines().nth(line.checked_sub(1)?)?.chars().collect();
    let at = column.saturating_sub(1).min(text.len());
    let start = if text.len() > MOST { at.saturating_sub(MOST / 2) } else { 0 };
    let shown: String = text.iter().skip(start).take(MOST).map(|c| if c.is_control() { ' ' } else { *c }).collect();
    Some(format!("  {shown}\n  {}^", " ".repeat(at - start)))
}

/// The first place of a name as a whole word.
fn caret_at(sql: &str, name: &str) -> Option<String> {
    let lower = sql.to_ascii_lowercase();
    let wanted = name.to_ascii_lowercase();
    if wanted.is_empty() {
        return None;
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let at = lower
        .match_indices(&wanted)
        .map(|(at, _)| at)
        .find(|at| !lower[..*at].ends_with(is_word) && !lower[at + wanted.len()..].starts_with(is_word))?;
    let before = &sql[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    caret(sql, line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_stands_below_the_place() {
        assert_eq!(caret("SELECT 1\nFORM x", 2, 1).unwrap(), "  FORM x\n  ^");
        assert_eq!(caret("a", 1, 9).unwrap(), "  a\n   ^");
        assert_eq!(caret_at("select a, ab from t", "ab").unwrap(), "  select a, ab from t\n            ^");
        assert!(caret("x", 7, 1).is_none() && caret_at("x", "y").is_none());
        let long = format!("{}!{}", "a".repeat(500), "b".repeat(500));
        let shown = caret(&long, 1, 501).unwrap();
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0].chars().nth(lines[1].chars().count() - 1), Some('!'));
    }
}
