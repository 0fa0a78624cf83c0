//! What a caller can do about an error, in ten words.

use std::fmt;

/// What to do about an error; each crate's error type maps itself to one by [`Classify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// The thing named does not exist: check the name.
    NotFound,
    /// The thing to be made is there already: choose another name or use the one there.
    Exists,
    /// Somebody else changed it first, or two changes disagree: look, then decide.
    Conflict,
    /// The input is wrong: correct it.
    Invalid,
    /// Tamis cannot do this, or not in this version: use another way.
    Unsupported,
    /// Not allowed: ask for the right, or change the file's permissions.
    Denied,
    /// Out of reach or overloaded for now: try again.
    Busy,
    /// Stored bytes are not what they should be: run `tamis verify`, restore from another copy.
    Corrupt,
    /// Stopped because the caller asked for it.
    Cancelled,
    /// The operating system refused: disk full, device error.
    Io,
    /// A bug in Tamis: report it.
    Internal,
}

impl Kind {
    /// Whether the same call may succeed later without anything being changed by the caller.
    pub fn is_retryable(self) -> bool {
        matches!(self, Kind::Busy)
    }

    /// The kind's stable name, as it stands in JSON and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::NotFound => "not_found",
            Kind::Exists => "exists",
            Kind::Conflict => "conflict",
            Kind::Invalid => "invalid",
            Kind::Unsupported => "unsupported",
            Kind::Denied => "denied",
            Kind::Busy => "busy",
            Kind::Corrupt => "corrupt",
            Kind::Cancelled => "cancelled",
            Kind::Io => "io",
            Kind::Internal => "internal",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Implemented by every crate's error type.
pub trait Classify {
    /// What a caller can do about this error.
    fn kind(&self) -> Kind;
}

/// An error of the words themselves: a text that is not a name, an id or a shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CoreError {
    /// A text is not a valid name of its kind.
    #[error("`{text}` is not a valid {what}: {reason}")]
    BadName {
        /// What the text should have named, e.g. `dataset name`.
        what: &'static str,
        /// The text as given, shortened when long.
        text: String,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// A text is not an id in hexadecimal.
    #[error("`{text}` is not an id: expected 64 hexadecimal digits")]
    BadId {
        /// The text as given, shortened when long.
        text: String,
    },
    /// A geometry breaks a rule of its type.
    #[error("bad {what}: {reason}")]
    BadGeometry {
        /// The geometry's type, e.g. `rle`.
        what: &'static str,
        /// Which rule it breaks.
        reason: String,
    },
}

impl Classify for CoreError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }
}

/// Shortens a text for an error message: at most `max` characters, control characters escaped.
pub(crate) fn shorten(text: &str, max: usize) -> String {
    let mut out: String = text.chars().take(max).flat_map(char::escape_debug).collect();
    if text.chars().nth(max).is_some() {
        out.push('…');
    }
    out
}
