//! Reading a sample's media in parts.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;

use bytes::Bytes;

use crate::error::{EngineError, Result};
use crate::references::Found;
use crate::{Address, Engine};

/// A medium that can be read in parts.
#[derive(Debug)]
pub struct OpenMedia {
    /// The path of its sample.
    pub path: String,
    /// Its content's id, where it is known.
    pub blob: Option<String>,
    address: String,
    len: u64,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Lake(tamis_store::Blob),
    Disk(PathBuf),
    Memory(Bytes),
}

impl OpenMedia {
    /// Its bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no byte.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A part, cut at the end.
    ///
    /// # Errors
    /// `store.*` where the lake's bytes are damaged or out of reach, `format.io` where those elsewhere are.
    pub fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let range = range.start.min(self.len)..range.end.min(self.len);
        match &self.place {
            Place::Lake(blob) => Ok(blob.read_range(range)?),
            Place::Memory(bytes) => Ok(bytes.slice(range.start as usize..range.end.max(range.start) as usize)),
            Place::Disk(path) => {
                let fail =
                    |e: std::io::Error| EngineError::new("format.io", format!("cannot read `{}`: {e}", self.address));
                let mut file = File::open(path).map_err(fail)?;
                file.seek(SeekFrom::Start(range.start)).map_err(fail)?;
                let mut part = vec![0; range.end.saturating_sub(range.start) as usize];
                file.read_exact(&mut part).map_err(fail)?;
                Ok(part.into())
            }
        }
    }

    /// The media type, told by the first bytes, else by the name.
    ///
    /// # Errors
    /// As for [`OpenMedia::read`].
    pub fn mime(&self) -> Result<Option<&'static str>> {
        Ok(tamis_media::sniff_named(&self.read(0..4096)?, &self.path))
    }
}

impl Engine {
    /// Opens the medium of the sample at an address. In the lake or on this disk nothing is read yet; of a bucket all is.
    ///
    /// # Errors
    /// `sample.none` where there is no such sample, or it has no media; as for [`OpenMedia::read`].
    pub fn open_media(&self, address: &Address) -> Result<OpenMedia> {
        let sample = self.show(address)?.sample;
        let text = address.to_string();
        let Some(media) = sample.media else {
            return Err(EngineError::new("sample.none", format!("`{text}` has no media")));
        };
        let fail = |e: std::io::Error| EngineError::new("format.io", format!("cannot read `{text}`: {e}"));
        let (place, len) = match (&media.uri, media.blob) {
            (Some(uri), _) => match self.references().open(uri, &media).map_err(fail)? {
                Found::Disk(path) => (Place::Disk(path), media.size),
                Found::Stream(mut stream) => {
                    let mut bytes = Vec::new();
                    stream.read_to_end(&mut bytes).map_err(fail)?;
                    let len = bytes.len() as u64;
                    (Place::Memory(bytes.into()), len)
                }
            },
            (None, Some(id)) => {
                let blob = self.repo().store().blob(&id)?;
                let len = blob.len();
                (Place::Lake(blob), len)
            }
            (None, None) => return Err(EngineError::new("sample.none", format!("`{text}` has no media"))),
        };
        Ok(OpenMedia { path: sample.path, blob: media.blob.map(|id| id.to_string()), address: text, len, place })
    }
}
