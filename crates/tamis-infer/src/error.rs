//! What can go wrong when a value is computed.

use std::path::PathBuf;

use tamis_core::{Classify, Kind};
use tamis_media::MediaError;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, InferError>;

/// An error of choosing a function, or of computing one value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferError {
    /// No function has this name.
    #[error("there is no function `{name}`: one of {}", .known.join(", "))]
    UnknownFunction {
        /// The name as given.
        name: String,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// The function has no such parameter.
    #[error("`{function}` has no parameter `{name}`: {}", list(.known))]
    UnknownParameter {
        /// The function.
        function: &'static str,
        /// The name as given.
        name: String,
        /// The parameters there are.
        known: Vec<&'static str>,
    },
    /// A parameter is missing, or its value cannot be.
    #[error("cannot use `{function}` with `{name}` {value}: {reason}")]
    BadParameter {
        /// The function.
        function: &'static str,
        /// The parameter.
        name: &'static str,
        /// The value as given, shortened; `not given` when it is missing.
        value: String,
        /// What it may be.
        reason: String,
    },
    /// A sample of another kind was given: text where an image is wanted.
    #[error("`{function}` works on {expected}, not on {found}")]
    WrongInput {
        /// The function.
        function: &'static str,
        /// What it works on.
        expected: &'static str,
        /// What was given.
        found: &'static str,
    },
    /// The image cannot be decoded.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// A file that a parameter names cannot be read.
    #[error("cannot read `{}`: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A model cannot be loaded, or is not of the shape that the function wants.
    #[error("cannot use the model `{}`: {reason}", .path.display())]
    Model {
        /// The model's file.
        path: PathBuf,
        /// Why not: broken bytes, an unknown operator, a wrong shape.
        reason: String,
    },
    /// A model failed on an input.
    #[error("the model `{model}` failed: {reason}")]
    Run {
        /// The model's file name.
        model: String,
        /// Why, in the runtime's words.
        reason: String,
    },
    /// A model gave numbers that are none.
    #[error("the model `{model}` gave {value} in its output `{output}`")]
    NotFinite {
        /// The model's file name.
        model: String,
        /// The output.
        output: String,
        /// `NaN` or an infinity.
        value: f32,
    },
    /// The runtime asked for is not in this program, or its library not on this machine.
    #[error("cannot run models with `{backend}`: {reason}")]
    Backend {
        /// The runtime.
        backend: &'static str,
        /// What is missing, and how to get it.
        reason: String,
    },
    /// A bug in Tamis or in a library it uses.
    #[error("internal: `{function}` broke off on an input: {reason}; please report it")]
    Internal {
        /// The function.
        function: &'static str,
        /// The library's last words.
        reason: String,
    },
}

impl Classify for InferError {
    fn kind(&self) -> Kind {
        match self {
            InferError::UnknownFunction { .. } => Kind::NotFound,
            InferError::Media(error) => error.kind(),
            InferError::File { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound => Kind::NotFound,
                std::io::ErrorKind::PermissionDenied => Kind::Denied,
                _ => Kind::Io,
            },
            InferError::Backend { .. } => Kind::Unsupported,
            InferError::Internal { .. } => Kind::Internal,
            _ => Kind::Invalid,
        }
    }
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "it has none".to_owned() } else { format!("one of {}", names.join(", ")) }
}

/// A foreign message on one line, shortened, without a final stop.
pub(crate) fn plain(error: &dyn std::fmt::Display) -> String {
    let text: String = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    text.trim_end_matches('.').chars().take(300).collect()
}
