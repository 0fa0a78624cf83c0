//! One sample with everything about it.

use std::io::Read;

use serde::Serialize;
use tamis_core::{Media, Sample};

use crate::error::{EngineError, Result};
use crate::references::Found;
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

    /// The bytes of a sample's media file, from the lake or from where it lies.
    pub fn media(&self, address: &Address) -> Result<bytes::Bytes> {
        let shown = self.show(address)?;
        self.bytes_of(address, shown.sample.media.as_ref())
    }

    /// The bytes of a medium of the sample at an address.
    pub(crate) fn bytes_of(&self, address: &Address, media: Option<&Media>) -> Result<bytes::Bytes> {
        self.media_bytes(&address.to_string(), media)
    }

    /// The bytes of a medium; `address` names it in errors.
    pub(crate) fn media_bytes(&self, address: &str, media: Option<&Media>) -> Result<bytes::Bytes> {
        let fail = |e: std::io::Error| EngineError::new("format.io", format!("cannot read `{address}`: {e}"));
        match media.map(|media| (media, &media.uri, media.blob)) {
            Some((media, Some(uri), _)) => match self.references().open(uri, media).map_err(fail)? {
                Found::Disk(path) => Ok(std::fs::read(path).map_err(fail)?.into()),
                Found::Stream(mut stream) => {
                    let mut bytes = Vec::new();
                    stream.read_to_end(&mut bytes).map_err(fail)?;
                    Ok(bytes.into())
                }
            },
            Some((_, None, Some(blob))) => Ok(self.repo().store().blob(&blob)?.read()?),
            _ => Err(EngineError::new("sample.none", format!("`{address}` has no media"))),
        }
    }
}
