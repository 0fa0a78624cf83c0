//! The small structured objects of history, and their one canonical encoding.
//!
//! Every object is a header line `tamis <kind> <version>\n` and a JSON object after it: keys in
//! the order of the alphabet, no white space, absent values left out. Encoding is a function of
//! the value alone, so ids are byte-stable; decoding refuses bytes that are not exactly what
//! encoding gives (`docs/spec/commit.md`).

mod author;
mod commit;
mod operation;
mod sensors;
mod view;

pub use author::Author;
pub use commit::{ChangeId, Commit, TableEntry};
pub(crate) use commit::{CommitObject, SAMPLES};
pub use operation::{Action, Operation};
pub use sensors::Sensors;
pub use view::{Branch, Draft, Remote, Removed, Tag, View};

pub(crate) use operation::{Head, OperationObject};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tamis_core::Hash;

use crate::{Error, Result};

/// The longest object that is read, in bytes; a longer one is refused, not parsed.
const MAX_OBJECT: usize = 1 << 30;

/// A value kept as an object of its own.
pub(crate) trait Object: Serialize + DeserializeOwned {
    /// The word in the header line.
    const KIND: &'static str;
    /// The version in the header line.
    const VERSION: u32 = 1;

    /// The canonical bytes.
    fn encode(&self) -> Result<Vec<u8>> {
        let mut bytes = format!("tamis {} {}\n", Self::KIND, Self::VERSION).into_bytes();
        serde_json::to_writer(&mut bytes, self)
            .map_err(|error| Error::corrupt(Self::KIND, "(new)", format_args!("internal: {error}")))?;
        Ok(bytes)
    }

    /// Reads canonical bytes; `id` is for messages.
    fn decode(id: &Hash, bytes: &[u8]) -> Result<Self> {
        let bad = |reason: String| Error::Corrupt { what: Self::KIND, id: id.to_string(), reason };
        if bytes.len() > MAX_OBJECT {
            return Err(bad(format!("it has {} bytes, more than {MAX_OBJECT}", bytes.len())));
        }
        let line = bytes.iter().take(64).position(|&b| b == b'\n').ok_or_else(|| bad("it has no header".to_owned()))?;
        let header = String::from_utf8_lossy(&bytes[..line]);
        let mut words = header.split(' ');
        let (magic, kind, version) = (words.next(), words.next(), words.next());
        if magic != Some("tamis") || kind != Some(Self::KIND) {
            return Err(bad(format!("expected a {}, found `{}`", Self::KIND, header.escape_debug())));
        }
        if version != Some(Self::VERSION.to_string().as_str()) {
            let found = version.unwrap_or("none").escape_debug().to_string();
            return Err(bad(format!("version {found} is not known to this release, which knows {}", Self::VERSION)));
        }
        let value: Self = serde_json::from_slice(&bytes[line + 1..]).map_err(|error| bad(error.to_string()))?;
        if value.encode()? != bytes {
            return Err(bad("its encoding is not canonical".to_owned()));
        }
        Ok(value)
    }
}

/// The object that a ref's bytes are; the same encoding, not stored by hash.
pub(crate) fn decode_ref(name: &str, bytes: &[u8]) -> Result<Head> {
    Head::decode(&Hash::of(bytes), bytes).map_err(|error| match error {
        Error::Corrupt { reason, .. } => Error::Corrupt { what: "ref", id: name.to_owned(), reason },
        other => other,
    })
}

#[cfg(test)]
mod tests;
