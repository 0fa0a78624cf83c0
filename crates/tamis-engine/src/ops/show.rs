//! One sample with everything about it.

use serde::Serialize;
use tamis_core::Sample;

use crate::error::{EngineError, Result};
use crate::{Address, Engine};

/// A sample of a commit.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// The commit's id.
    pub commit: String,
    /// The sample.
    pub sample: Sample,
}

impl Engine {
    /// The sample at an address's path.
    pub fn show(&self, address: &Address) -> Result<Shown> {
        let Some(path) = &address.path else {
            return Err(EngineError::new("usage", format!("`{address}` names no sample"))
                .hint(format!("write it as {address}:PATH; `tamis ls {address}` lists the paths")));
        };
        let snapshot = self.dataset(&address.dataset)?.snapshot(address.revision())?;
        match snapshot.get(path)? {
            Some(sample) => Ok(Shown { commit: snapshot.commit().id.to_string(), sample }),
            None => Err(EngineError::new(
                "sample.none",
                format!("no sample `{path}` in `{}@{}`", address.dataset, address.revision()),
            )
            .hint(format!("list paths with `tamis ls {}@{}:PREFIX`", address.dataset, address.revision()))),
        }
    }

    /// The bytes of a sample's media file.
    pub fn media(&self, address: &Address) -> Result<bytes::Bytes> {
        let shown = self.show(address)?;
        let blob = shown.sample.media.as_ref().and_then(|media| media.blob);
        let Some(blob) = blob else {
            return Err(EngineError::new("sample.none", format!("`{address}` has no media in the lake"))
                .hint("its bytes stay where they were referenced, see `tamis show`"));
        };
        let snapshot = self.dataset(&address.dataset)?.snapshot(address.revision())?;
        snapshot.blob(&blob)?.read().map_err(EngineError::from)
    }
}
