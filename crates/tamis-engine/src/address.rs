//! Addresses: `org/name@ref:path`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tamis_core::DatasetName;

use crate::error::{EngineError, Result};

/// A dataset, or a revision of it, or a path in that: `name`, `org/name@ref`, `name@ref:path`,
/// `name:path`. The revision is `main` where none is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    /// The dataset.
    pub dataset: DatasetName,
    /// The revision, where one is named.
    pub revision: Option<String>,
    /// A path or the beginning of paths, where one is named.
    pub path: Option<String>,
}

impl Address {
    /// The revision that is meant; `main` by default.
    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or("main")
    }

    /// The path, or the empty prefix.
    pub fn prefix(&self) -> &str {
        self.path.as_deref().unwrap_or("")
    }
}

impl FromStr for Address {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Address> {
        // `@{…}` of a revision may hold colons (`main@{2026-01-02 10:00}`): look for the path after it.
        let after = text.rfind("@{").and_then(|at| text[at..].find('}').map(|end| at + end)).unwrap_or(0);
        let (head, path) = match text[after..].find(':') {
            Some(at) => (&text[..after + at], Some(text[after + at + 1..].to_owned())),
            None => (text, None),
        };
        let (dataset, revision) = match head.split_once('@') {
            Some((dataset, revision)) => (dataset, Some(revision.to_owned())),
            None => (head, None),
        };
        // `name@{yesterday}` is a time on the default branch.
        let revision = revision.map(|r| if r.starts_with('{') { format!("main@{r}") } else { r });
        if revision.as_deref() == Some("") {
            let message = format!("`{text}` names no revision after `@`");
            return Err(EngineError::new("usage", message).hint("write it as DATASET@REVISION, e.g. signs@main"));
        }
        Ok(Address { dataset: DatasetName::new(dataset)?, revision, path: path.filter(|path| !path.is_empty()) })
    }
}

impl TryFrom<String> for Address {
    type Error = EngineError;

    fn try_from(text: String) -> Result<Address> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.dataset)?;
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        if let Some(path) = &self.path {
            write!(f, ":{path}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back() {
        let parts = |text: &str| {
            let a: Address = text.parse().unwrap();
            (a.dataset.to_string(), a.revision, a.path)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(parts("signs"), ("signs".into(), None, None));
        assert_eq!(parts("a/b@v1:train/x.jpg"), ("a/b".into(), some("v1"), some("train/x.jpg")));
        assert_eq!(parts("a:train/"), ("a".into(), None, some("train/")));
        assert_eq!(parts("a@main~3"), ("a".into(), some("main~3"), None));
        assert_eq!(parts("a@main@{2026-01-02 10:00}:x"), ("a".into(), some("main@{2026-01-02 10:00}"), some("x")));
        assert_eq!(parts("a@{yesterday}"), ("a".into(), some("main@{yesterday}"), None));
        for bad in ["", "a b", "a@", "/x", "a/b/c"] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
