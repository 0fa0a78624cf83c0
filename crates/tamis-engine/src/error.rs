//! The errors that doors show: a stable code, a message, a hint.
//!
//! [`ERROR_CODES`] is the one table: HTTP status, exit status, Python class and the documentation
//! come from it. Hints are decided here, where a library's error becomes the user's.

use std::error::Error as StdError;

use serde::Serialize;
use tamis_core::{Classify, Kind};

/// The result of the engine's operations.
pub type Result<T> = std::result::Result<T, EngineError>;

/// A row of the table of errors.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ErrorCode {
    /// The stable code, `area.what`.
    pub id: &'static str,
    /// What a caller can do about it.
    #[serde(skip)]
    pub kind: Kind,
    /// HTTP status.
    pub http: u16,
    /// Exit status of the command line.
    pub exit: u8,
    /// Class of the Python package.
    pub python: &'static str,
    /// What it means, for the documentation.
    pub doc: &'static str,
}

macro_rules! codes {
    ($($id:literal $kind:ident $http:literal $exit:literal $python:literal $doc:literal;)*) => {
        /// Every error code, by area.
        pub const ERROR_CODES: &[ErrorCode] = &[
            $(ErrorCode { id: $id, kind: Kind::$kind, http: $http, exit: $exit, python: $python, doc: $doc },)*
        ];
    };
}

codes! {
    "usage" Invalid 400 2 "InvalidError" "The call does not make sense as it stands.";
    "lake.none" NotFound 404 3 "NotFoundError" "There is no lake where one was looked for.";
    "lake.exists" Exists 409 1 "ExistsError" "A lake, or something else, is there already.";
    "lake.too_new" Unsupported 501 1 "UnsupportedError" "The lake was written by a newer version.";
    "lake.read_only" Denied 403 5 "DeniedError" "The lake was opened for reading only.";
    "store.corrupt" Corrupt 500 1 "CorruptError" "Stored bytes are missing or not what they should be.";
    "store.io" Io 500 1 "StorageError" "The operating system or the object store refused.";
    "store.denied" Denied 403 5 "DeniedError" "A file or bucket may not be read or written.";
    "store.busy" Busy 503 1 "BusyError" "The storage is out of reach for now; try again.";
    "repo.not_found" NotFound 404 3 "NotFoundError" "No dataset, revision, branch or tag of that name.";
    "repo.exists" Exists 409 1 "ExistsError" "The name is taken.";
    "repo.ambiguous" Invalid 400 2 "InvalidError" "A short id fits several commits.";
    "repo.conflict" Conflict 409 4 "ConflictError" "Two changes disagree; somebody has to decide.";
    "repo.moved" Conflict 409 4 "ConflictError" "A branch was moved by somebody else meanwhile.";
    "repo.refused" Denied 403 5 "DeniedError" "The branch is protected, or the state does not allow it.";
    "repo.invalid" Invalid 400 2 "InvalidError" "A name or value breaks a rule.";
    "format.unknown" Invalid 400 2 "InvalidError" "No format of that name, or none fits the source.";
    "format.bad_source" Invalid 400 1 "InvalidError" "The source does not hold what the format needs.";
    "format.lossy" Invalid 409 1 "InvalidError" "The format cannot hold something, and losses were refused.";
    "format.io" Io 500 1 "StorageError" "A file of the source or target cannot be read or written.";
    "import.strict" Invalid 400 1 "InvalidError" "Findings were made and `--strict` refuses them.";
    "query.syntax" Invalid 400 2 "InvalidError" "The query is no SQL, or does more than read.";
    "query.unknown" Invalid 400 2 "InvalidError" "The query names a table or column that is not there.";
    "query.invalid" Invalid 400 2 "InvalidError" "The query makes no sense: types, arguments, functions.";
    "query.memory" Io 507 1 "StorageError" "The query needs more memory, or more disk to spill to.";
    "sample.none" NotFound 404 3 "NotFoundError" "No sample at that path.";
    "media.bad" Invalid 422 1 "InvalidError" "A media file cannot be decoded, or not in the way asked for.";
    "media.tool" Unsupported 501 1 "UnsupportedError" "Frames of films need an `ffmpeg`, which is not there or failed.";
    "query.filter" Invalid 400 2 "InvalidError" "A filter cannot be read, or names what the dataset does not have.";
    "checkout.none" NotFound 404 3 "NotFoundError" "There is no checkout in the folder or above it.";
    "checkout.damaged" Corrupt 500 1 "CorruptError" "What a checkout remembers about its files cannot be read.";
    "cancelled" Cancelled 499 130 "CancelledError" "Stopped because the caller asked for it.";
    "internal" Internal 500 1 "InternalError" "A bug in Tamis; please report it.";
}

/// The row of a code; `internal` for one that is not in the table.
pub fn error_code(id: &str) -> &'static ErrorCode {
    const INTERNAL: ErrorCode = ErrorCode {
        id: "internal",
        kind: Kind::Internal,
        http: 500,
        exit: 1,
        python: "InternalError",
        doc: "A bug in Tamis; please report it.",
    };
    ERROR_CODES.iter().find(|code| code.id == id).unwrap_or(&INTERNAL)
}

/// An error as a door shows it.
#[derive(Debug)]
pub struct EngineError {
    /// The row of the table.
    pub code: &'static ErrorCode,
    /// What was attempted, on what, and why not.
    pub message: String,
    /// What to do, in the imperative; may be empty.
    pub hint: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl EngineError {
    /// An error of a code of [`ERROR_CODES`].
    pub fn new(code: &str, message: impl Into<String>) -> EngineError {
        EngineError { code: error_code(code), message: message.into(), hint: String::new(), source: None }
    }

    /// The same with a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> EngineError {
        self.hint = hint.into();
        self
    }

    fn from_source(code: &str, source: impl StdError + Send + Sync + 'static) -> EngineError {
        let message = source.to_string();
        EngineError { code: error_code(code), message, hint: String::new(), source: Some(Box::new(source)) }
    }
}

impl std::fmt::Display for EngineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for EngineError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl Classify for EngineError {
    fn kind(&self) -> Kind {
        self.code.kind
    }
}

fn by_kind(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::NotFound => ("repo.not_found", ""),
        Kind::Exists => ("repo.exists", "choose another name"),
        Kind::Conflict => ("repo.conflict", ""),
        Kind::Invalid => ("repo.invalid", ""),
        Kind::Unsupported => ("lake.too_new", "install a newer Tamis"),
        Kind::Denied => ("store.denied", "check the permissions of the lake's folder or bucket"),
        Kind::Busy => ("store.busy", "try again"),
        Kind::Corrupt => {
            ("store.corrupt", "run `tamis verify` to see what is damaged, and restore it from another copy")
        }
        Kind::Cancelled => ("cancelled", ""),
        Kind::Io => ("store.io", "check that the disk is not full and the device is healthy"),
        _ => ("internal", "please report this with the command and the message"),
    }
}

impl From<tamis_store::StoreError> for EngineError {
    fn from(error: tamis_store::StoreError) -> EngineError {
        use tamis_store::StoreError;
        let (code, hint) = match &error {
            StoreError::NoLake { .. } => ("lake.none", "create one with `tamis init`, or name another with --lake"),
            StoreError::LakeExists { .. } => ("lake.exists", "choose an empty folder"),
            StoreError::TooNew { .. } => ("lake.too_new", "install a newer Tamis"),
            StoreError::ReadOnly { .. } => ("lake.read_only", "open the lake for writing"),
            StoreError::BadArgument { .. } => ("usage", ""),
            other => by_kind(other.kind()),
        };
        EngineError::from_source(code, error).hint(hint)
    }
}

impl From<tamis_table::TableError> for EngineError {
    fn from(error: tamis_table::TableError) -> EngineError {
        let (code, hint) = by_kind(error.kind());
        EngineError::from_source(code, error).hint(hint)
    }
}

impl From<tamis_repo::Error> for EngineError {
    fn from(error: tamis_repo::Error) -> EngineError {
        use tamis_repo::Error;
        let (code, hint) = match error {
            Error::Store(error) => return error.into(),
            Error::Table(error) => return error.into(),
            Error::NotFound { what: "dataset", .. } => ("repo.not_found", "list the datasets with `tamis ls`"),
            Error::NotFound { what: "layer", .. } => ("repo.not_found", "`tamis stats` lists the layers of a dataset"),
            Error::NotFound { .. } => ("repo.not_found", "list branches and tags with `tamis branch` and `tamis tag`"),
            Error::Ambiguous { .. } => ("repo.ambiguous", "give more digits of the id"),
            Error::Conflict { .. } => (
                "repo.conflict",
                "see them with `tamis conflicts`, decide with `tamis resolve`, or give up with `tamis merge --abort`",
            ),
            Error::Moved { retry: true, .. } => ("store.busy", "try again"),
            Error::Moved { .. } => ("repo.moved", "look at `tamis log`, then merge and try again"),
            Error::Refused { .. } => ("repo.refused", ""),
            ref other => by_kind(other.kind()),
        };
        EngineError::from_source(code, error).hint(hint)
    }
}

impl From<tamis_query::QueryError> for EngineError {
    fn from(error: tamis_query::QueryError) -> EngineError {
        use tamis_query::QueryError;
        let (code, hint) = match error {
            QueryError::Repo(error) => return error.into(),
            QueryError::Table(error) => return error.into(),
            QueryError::Syntax { .. } => ("query.syntax", "docs/query.md has examples"),
            QueryError::NotAQuery { .. } => {
                ("query.syntax", "write SELECT …; datasets are changed by `tamis import` and checkouts")
            }
            QueryError::NoTable { .. } => {
                ("query.unknown", "names with `/`, `@` or capital letters stand in double quotes")
            }
            QueryError::NoColumn { .. } => {
                ("query.unknown", "names with capital letters stand in double quotes, texts in single ones")
            }
            QueryError::NoDataset { .. } => ("query.unknown", "name the default dataset with --dataset"),
            QueryError::Memory { .. } => ("query.memory", "allow more with --memory, or select less"),
            QueryError::Io { .. } => ("store.io", "check that the disk is not full"),
            QueryError::Cancelled(_) => ("cancelled", ""),
            QueryError::Internal { .. } => ("internal", ""),
            _ => ("query.invalid", "docs/query.md has examples; `tamis sql --functions` lists functions"),
        };
        EngineError::from_source(code, error).hint(hint)
    }
}

impl From<tamis_formats::FormatError> for EngineError {
    fn from(error: tamis_formats::FormatError) -> EngineError {
        use tamis_formats::FormatError;
        let (code, hint) = match &error {
            FormatError::BadMapping { .. } => ("usage", "docs/spec/mapping.md tells what a mapping may say"),
            FormatError::UnknownFormat { .. } => ("format.unknown", "see them with `tamis formats`"),
            FormatError::NotThis { .. } => ("format.bad_source", "leave out --format to let Tamis look for itself"),
            FormatError::Lossy { .. } => ("format.lossy", "choose another format, or allow it with --on-loss report"),
            FormatError::Io { .. } => ("format.io", "check the path and its permissions"),
            other => (if other.kind() == Kind::Invalid { "format.bad_source" } else { "format.io" }, ""),
        };
        EngineError::from_source(code, error).hint(hint)
    }
}

impl From<tamis_media::MediaError> for EngineError {
    fn from(error: tamis_media::MediaError) -> EngineError {
        match error {
            tamis_media::MediaError::Tool { .. } => EngineError::from_source("media.tool", error)
                .hint("install ffmpeg, or name its program in TAMIS_FFMPEG"),
            _ => EngineError::from_source("media.bad", error),
        }
    }
}

impl From<tamis_infer::InferError> for EngineError {
    fn from(error: tamis_infer::InferError) -> EngineError {
        let code = if matches!(error, tamis_infer::InferError::Media(_)) { "media.bad" } else { "usage" };
        let hint = match &error {
            tamis_infer::InferError::UnknownFunction { .. } => "`tamis derive --functions` tells what each computes",
            _ => "",
        };
        EngineError::from_source(code, error).hint(hint)
    }
}

impl From<tamis_index::IndexError> for EngineError {
    fn from(error: tamis_index::IndexError) -> EngineError {
        match error {
            tamis_index::IndexError::Table(error) => tamis_repo::Error::from(error).into(),
            tamis_index::IndexError::Cancelled(error) => error.into(),
            error if error.kind() == Kind::Corrupt => EngineError::from_source("store.corrupt", error),
            error => EngineError::from_source("usage", error),
        }
    }
}

impl From<tamis_quality::QualityError> for EngineError {
    fn from(error: tamis_quality::QualityError) -> EngineError {
        EngineError::from_source("usage", error)
    }
}

impl From<tamis_query::FilterError> for EngineError {
    fn from(error: tamis_query::FilterError) -> EngineError {
        let message = format!("cannot use the filter: {error}");
        EngineError { message, ..EngineError::from_source("query.filter", error) }
            .hint("`tamis help search` tells what a filter may say")
    }
}

impl From<tamis_core::CoreError> for EngineError {
    fn from(error: tamis_core::CoreError) -> EngineError {
        EngineError::from_source("repo.invalid", error)
    }
}

impl From<tamis_core::Cancelled> for EngineError {
    fn from(error: tamis_core::Cancelled) -> EngineError {
        EngineError::from_source("cancelled", error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_exits_fit_their_kind() {
        let mut ids: Vec<&str> = ERROR_CODES.iter().map(|code| code.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ERROR_CODES.len());
        for code in ERROR_CODES {
            let expected = match code.kind {
                Kind::NotFound => 3,
                Kind::Conflict => 4,
                Kind::Denied => 5,
                Kind::Cancelled => 130,
                _ => code.exit,
            };
            assert_eq!(code.exit, expected, "{}", code.id);
        }
    }
}
