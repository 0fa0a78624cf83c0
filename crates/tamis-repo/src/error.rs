//! What can go wrong in history, and what a caller can do about it.

use tamis_core::{Cancelled, Classify, CoreError, Kind};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on a repository failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A dataset, branch, tag, draft, revision, sample or operation of that name is not there.
    #[error("no {what} `{name}`{}", did_you_mean(.near))]
    NotFound {
        /// What was looked for, e.g. `branch`.
        what: &'static str,
        /// The name as given.
        name: String,
        /// Names that are there and look alike, best first.
        near: Vec<String>,
    },
    /// The name is taken.
    #[error("{what} `{name}` exists already")]
    Exists {
        /// What was to be made, e.g. `branch`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A prefix fits several commits.
    #[error("`{revision}` is ambiguous: it fits {}", .candidates.join(", "))]
    Ambiguous {
        /// The revision as given.
        revision: String,
        /// What it may mean (at most 10), each id with its message.
        candidates: Vec<String>,
    },
    /// Two changes disagree about the same rows, labels or classes, and nobody decided.
    #[error("cannot {action} on `{branch}`: conflicts open: {count}, first in {}", .places.join(", "))]
    Conflict {
        /// What was attempted, e.g. `commit`.
        action: &'static str,
        /// The branch.
        branch: String,
        /// How many conflicts there are.
        count: usize,
        /// The first few places, e.g. `train/1.jpg (truth label 7)`.
        places: Vec<String>,
    },
    /// A ref is not where it was expected to be.
    #[error("cannot move `{name}`: {reason}")]
    Moved {
        /// The branch or dataset.
        name: String,
        /// Why it cannot be moved, with ids.
        reason: String,
        /// The same call may succeed when repeated (a race was lost too often).
        retry: bool,
    },
    /// The state of the branch does not allow it: protected, or a merge is unfinished.
    #[error("cannot {action} `{name}`: {reason}")]
    Refused {
        /// What was attempted.
        action: &'static str,
        /// The branch or dataset.
        name: String,
        /// Which rule stands against it.
        reason: &'static str,
    },
    /// The caller's input breaks a rule.
    #[error("invalid {what} `{name}`: {reason}")]
    Invalid {
        /// What kind of input, e.g. `label`.
        what: &'static str,
        /// Which one, e.g. a path with layer and label id.
        name: String,
        /// Which rule it breaks.
        reason: String,
    },
    /// A stored object is not what it should be.
    #[error("{what} `{id}` cannot be used: {reason}")]
    Corrupt {
        /// What kind of object, e.g. `commit`.
        what: &'static str,
        /// Its id.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store below failed.
    #[error(transparent)]
    Store(#[from] tamis_store::StoreError),
    /// The table below failed.
    #[error(transparent)]
    Table(#[from] tamis_table::TableError),
    /// A temporary file could not be written or read.
    #[error("cannot {action} temporary file: {source}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The work was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        match self {
            Error::NotFound { .. } => Kind::NotFound,
            Error::Exists { .. } => Kind::Exists,
            Error::Ambiguous { .. } | Error::Invalid { .. } => Kind::Invalid,
            Error::Moved { retry: true, .. } => Kind::Busy,
            Error::Conflict { .. } | Error::Moved { .. } => Kind::Conflict,
            Error::Refused { .. } => Kind::Denied,
            Error::Corrupt { .. } => Kind::Corrupt,
            Error::Store(source) => source.kind(),
            Error::Table(source) => source.kind(),
            Error::Io { .. } => Kind::Io,
            Error::Cancelled(_) => Kind::Cancelled,
        }
    }
}

impl From<CoreError> for Error {
    fn from(error: CoreError) -> Error {
        match error {
            CoreError::BadName { what, text, reason } => Error::Invalid { what, name: text, reason: reason.to_owned() },
            CoreError::BadId { text } => {
                Error::Invalid { what: "id", name: text, reason: "expected 64 hexadecimal digits".to_owned() }
            }
            other => Error::Invalid { what: "value", name: "-".to_owned(), reason: other.to_string() },
        }
    }
}

impl Error {
    /// A name that is not there, with up to three that look alike.
    pub(crate) fn not_found<'a>(
        what: &'static str,
        name: impl Into<String>,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Error {
        let name = name.into();
        let near = tamis_core::near(&name, known);
        Error::NotFound { what, name, near }
    }

    pub(crate) fn corrupt(what: &'static str, id: impl ToString, reason: impl ToString) -> Error {
        Error::Corrupt { what, id: id.to_string(), reason: reason.to_string() }
    }
}

fn did_you_mean(near: &[String]) -> String {
    match near {
        [] => String::new(),
        names => format!("; did you mean `{}`?", names.join("` or `")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_name_brings_the_right_one() {
        let error = Error::not_found("branch", "mian", ["main", "release", "fix/boxes"]);
        assert_eq!(error.to_string(), "no branch `mian`; did you mean `main`?");
        let error = Error::not_found("branch", "zzz", ["main"]);
        assert_eq!(error.to_string(), "no branch `zzz`");
    }
}
