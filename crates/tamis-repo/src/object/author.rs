//! Who did it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who made a commit, a tag or an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Author {
    /// The e-mail address; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// The name; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

impl Author {
    /// An author of this name and e-mail address.
    pub fn new(name: impl Into<String>, email: impl Into<String>) -> Author {
        Author { name: name.into(), email: email.into() }
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name.is_empty(), self.email.is_empty()) {
            (_, true) => f.write_str(&self.name),
            (true, false) => write!(f, "<{}>", self.email),
            (false, false) => write!(f, "{} <{}>", self.name, self.email),
        }
    }
}
