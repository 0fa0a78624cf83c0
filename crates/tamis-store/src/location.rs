//! Where a lake is.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use crate::error::{Result, StoreError};

/// Where a lake is: a folder, memory, or a prefix of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A folder of this machine.
    Folder(PathBuf),
    /// This process's memory, by a name; for tests. Lakes of one name are one lake.
    Memory(String),
    /// `s3://bucket/prefix`, `gs://…` or `az://…`; query parameters are options of the object store
    /// (`endpoint`, `region`, `allow_http`, …).
    Bucket(Url),
}

impl Location {
    /// Reads a location: a path, `file://…`, `memory://name`, `s3://bucket/prefix?endpoint=…`,
    /// `gs://…` or `az://…`.
    pub fn parse(text: &str) -> Result<Location> {
        let bad = |reason: &str| StoreError::BadArgument {
            what: "lake location",
            text: text.to_owned(),
            reason: reason.to_owned(),
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            return if text.is_empty() { Err(bad("it is empty")) } else { Ok(Location::Folder(PathBuf::from(text))) };
        };
        match scheme {
            "file" => {
                let url = Url::parse(text).map_err(|e| bad(&e.to_string()))?;
                url.to_file_path().map(Location::Folder).map_err(|()| bad("it is not an absolute path"))
            }
            "memory" => Ok(Location::Memory(rest.to_owned())),
            "s3" | "s3a" | "gs" | "az" | "azure" | "abfs" | "abfss" => {
                let url = Url::parse(text).map_err(|e| bad(&e.to_string()))?;
                if url.host_str().is_none_or(str::is_empty) {
                    return Err(bad("it names no bucket"));
                }
                Ok(Location::Bucket(url))
            }
            _ => Err(bad("known schemes are file, memory, s3, gs and az")),
        }
    }

    /// A place of a name inside this one.
    pub fn join(&self, name: &str) -> Location {
        match self {
            Location::Folder(path) => Location::Folder(path.join(name)),
            Location::Memory(own) => Location::Memory(format!("{own}/{name}")),
            Location::Bucket(url) => {
                let mut url = url.clone();
                url.set_path(&format!("{}/{name}", url.path().trim_end_matches('/')));
                Location::Bucket(url)
            }
        }
    }

    /// The folder, for a lake on this machine.
    pub fn as_folder(&self) -> Option<&Path> {
        match self {
            Location::Folder(path) => Some(path),
            Location::Memory(_) | Location::Bucket(_) => None,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Folder(path) => write!(f, "{}", path.display()),
            Location::Memory(name) => write!(f, "memory://{name}"),
            // Query parameters may hold keys: never shown.
            Location::Bucket(url) => {
                write!(f, "{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn locations_read_and_hide_secrets() {
        assert_eq!(Location::parse("a/b").unwrap(), Location::Folder("a/b".into()));
        assert_eq!(Location::parse("file:///a/b").unwrap(), Location::Folder("/a/b".into()));
        let s3 = Location::parse("s3://data/lake?secret_access_key=hush").unwrap();
        assert_eq!(s3.to_string(), "s3://data/lake");
        let inside = |text: &str| Location::parse(text).unwrap().join("in");
        assert_eq!(inside("a/b"), Location::Folder("a/b/in".into()));
        assert_eq!(inside("s3://data/lake/?region=x"), Location::parse("s3://data/lake/in?region=x").unwrap());
        assert_eq!(inside("memory://m"), Location::Memory("m/in".into()));
        for bad in ["", "ftp://x/y", "s3:///x"] {
            assert!(Location::parse(bad).is_err(), "{bad}");
        }
    }
}
