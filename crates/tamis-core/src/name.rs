//! Names people choose, and the rules that keep them safe in paths, URLs and terminals.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{CoreError, shorten};

/// The layer of labels held to be true.
pub const TRUTH: &str = "truth";

/// The longest sample path, in bytes.
pub(crate) const MAX_PATH: usize = 4096;

/// Checks a sample's path (its key): 1 to 4,096 bytes of UTF-8, relative, `/`-separated, no empty
/// component, no `.` or `..`, no NUL. Everything else (newlines, emoji, backslashes) is allowed.
pub fn check_path(path: &str) -> Result<(), CoreError> {
    let reason = if path.is_empty() {
        "it is empty"
    } else if path.len() > MAX_PATH {
        "it is longer than 4096 bytes"
    } else if path.contains('\0') {
        "it contains a NUL byte"
    } else if path.split('/').any(|part| part.is_empty()) {
        "it has an empty component (leading, trailing or double `/`)"
    } else if path.split('/').any(|part| part == "." || part == "..") {
        "it has a `.` or `..` component"
    } else {
        return Ok(());
    };
    Err(CoreError::BadName { what: "sample path", text: shorten(path, 80), reason })
}

/// Rules common to the parts of names: letters, digits, `-`, `_`, `.`; not starting with `-` or `.`.
fn check_part(part: &str) -> Result<(), &'static str> {
    if part.is_empty() {
        return Err("a part of it is empty");
    }
    if part.len() > 100 {
        return Err("a part of it is longer than 100 bytes");
    }
    if part.starts_with(['-', '.']) {
        return Err("a part of it starts with `-` or `.`");
    }
    if part.ends_with(".lock") || part.contains("..") {
        return Err("it contains `..` or ends with `.lock`");
    }
    if part.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        Ok(())
    } else {
        Err("only letters, digits, `-`, `_` and `.` are allowed")
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and takes a name.
            pub fn new(text: impl Into<String>) -> Result<Self, CoreError> {
                let text = text.into();
                let check: fn(&str) -> Result<(), &'static str> = $check;
                match check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(reason) => Err(CoreError::BadName { what: $what, text: shorten(&text, 80), reason }),
                }
            }
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = CoreError;
            fn from_str(text: &str) -> Result<Self, CoreError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = CoreError;
            fn try_from(text: String) -> Result<Self, CoreError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

name_type!(
    /// A dataset: `org/name`, or `name` alone, which means the organisation `local`.
    DatasetName, "dataset name", |text| {
        let mut parts = text.split('/');
        parts.next().map_or(Err("it is empty"), check_part)?;
        parts.next().map_or(Ok(()), check_part)?;
        if parts.next().is_some() { Err("it has more than one `/`") } else { Ok(()) }
    }
);

name_type!(
    /// A branch or tag: parts joined by `/`, not 12 to 64 hexadecimal digits (that is a commit id).
    BranchName, "branch or tag name", |text| {
        text.split('/').try_for_each(check_part)?;
        if (12..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("it looks like a commit id");
        }
        if text.len() > 200 { Err("it is longer than 200 bytes") } else { Ok(()) }
    }
);

name_type!(
    /// A layer of labels: `truth`, `pred/yolo-v9`; parts joined by `/`.
    LayerName, "layer name", |text| {
        text.split('/').try_for_each(check_part)?;
        if text.len() > 200 { Err("it is longer than 200 bytes") } else { Ok(()) }
    }
);

impl DatasetName {
    /// The organisation of a name without one.
    pub const LOCAL: &'static str = "local";

    /// The organisation.
    pub fn org(&self) -> &str {
        self.0.split_once('/').map_or(Self::LOCAL, |(org, _)| org)
    }

    /// The name within the organisation.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or(self.0.as_str(), |(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_the_folder_are_refused() {
        for bad in ["", "/etc/passwd", "a/../b", "..", "a//b", "a/", "./a", "a\0b", &"x".repeat(4097)] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "train/seq042/000123.jpg", "a\nb", "😀/…", "a\\b", "...", &"x".repeat(4096)] {
            assert_eq!(check_path(good), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn dataset_names_have_one_or_two_parts() {
        let name = DatasetName::new("acme/road-signs.v2").ok();
        assert_eq!(name.as_ref().map(|n| (n.org(), n.name())), Some(("acme", "road-signs.v2")));
        assert_eq!(DatasetName::new("signs").ok().map(|n| n.org().to_owned()), Some("local".to_owned()));
        for bad in ["", "a/b/c", "-x", "a b", "a/", ".hidden", "a@b", "a:b"] {
            assert!(DatasetName::new(bad).is_err(), "{bad:?}");
        }
        assert!(BranchName::new("0123456789ab").is_err());
        assert!(BranchName::new("fix/boxes").is_ok());
    }
}
