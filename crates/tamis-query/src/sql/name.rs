//! Names of tables: `org/name@revision.table`, `name.table`, `table`.

use tamis_core::DatasetName;
use tamis_repo::{Dataset, Error, Repo, Snapshot};

use crate::error::{QueryError, Result};

/// Which table of which revision of which dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName {
    /// The dataset with its revision, `org/name@revision`; [`None`]: the default one.
    pub dataset: Option<String>,
    /// The table, e.g. `samples`.
    pub table: String,
}

impl TableName {
    /// Reads a name as it stands in quotes: the table follows the last dot that is outside of `@{…}`.
    /// Without a dot, the whole is the table.
    pub fn parse(text: &str) -> TableName {
        let after = text.rfind('}').map_or(0, |at| at + 1);
        match text[after..].rfind('.') {
            Some(at) => {
                let (dataset, table) = (&text[..after + at], &text[after + at + 1..]);
                TableName { dataset: Some(dataset.to_owned()), table: table.to_owned() }
            }
            None => TableName { dataset: None, table: text.to_owned() },
        }
    }
}

/// A dataset and the revision that is meant, from `org/name@revision`.
pub(crate) fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once('@') {
        Some((dataset, revision)) => (dataset, Some(revision)),
        None => (text, None),
    }
}

/// What a revision of a dataset holds. A day or time that names no ref is one on the default branch.
pub(crate) fn snapshot(dataset: &Dataset, revision: Option<&str>) -> Result<Snapshot> {
    let Some(revision) = revision else { return Ok(dataset.snapshot("HEAD")?) };
    if revision.starts_with('{') {
        return Ok(dataset.snapshot(&format!("@{revision}"))?);
    }
    match dataset.snapshot(revision) {
        Err(Error::NotFound { .. }) if looks_like_a_day(revision) => Ok(dataset.snapshot(&format!("@{{{revision}}}"))?),
        other => Ok(other?),
    }
}

fn looks_like_a_day(text: &str) -> bool {
    let day: Vec<&[u8]> = text.as_bytes().get(..10).map(|day| day.split(|b| *b == b'-').collect()).unwrap_or_default();
    day.len() == 3 && day.iter().all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
}

/// A dataset of the lake by its name.
pub(crate) fn dataset(repo: &Repo, name: &str) -> Result<Dataset> {
    let name = DatasetName::new(name).map_err(|error| QueryError::Repo(error.into()))?;
    Ok(repo.dataset(&name)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_follows_the_last_dot() {
        let parts = |text: &str| {
            let name = TableName::parse(text);
            (name.dataset.unwrap_or_default(), name.table)
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(parts("samples"), pair("", "samples"));
        assert_eq!(parts("street.samples"), pair("street", "samples"));
        assert_eq!(parts("acme/signs@v1.0.annotations"), pair("acme/signs@v1.0", "annotations"));
        assert_eq!(parts("a@main@{2026-01-02 10:00:00.5}.log"), pair("a@main@{2026-01-02 10:00:00.5}", "log"));
        assert_eq!(split("a/b@{yesterday}"), ("a/b", Some("{yesterday}")));
        assert!(looks_like_a_day("2026-11-01") && looks_like_a_day("2026-11-01 10:00"));
        assert!(!looks_like_a_day("v1") && !looks_like_a_day("release-2026"));
    }
}
