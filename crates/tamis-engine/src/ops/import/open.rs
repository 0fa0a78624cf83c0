//! Sources by address: folders and files of this machine, prefixes of buckets.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use tamis_core::Report;
use tamis_formats::{Entry, Files, Source, SourceLimits};
use tamis_store::Location;
use tamis_store::backend::{Backend, CloudBackend};

use super::lake;
use crate::error::{EngineError, Result};
use crate::references::Object;

/// Opens what an import reads: a path of this machine, `file://…`, or `s3://…`, `gs://…`, `az://…`; or a dataset of
/// another lake, `LAKE#DATASET@REVISION`.
pub(super) fn open(path: &Path, report: &Report) -> Result<Source> {
    let limits = SourceLimits::default();
    let text = path.to_str().filter(|text| text.contains("://"));
    if let Some((place, dataset)) = path.to_str().and_then(lake::address) {
        return lake::open(place, dataset, report);
    }
    let Some(text) = text else { return Ok(Source::open(path, &limits, report)?) };
    if text.starts_with("http://") || text.starts_with("https://") {
        let message = format!("cannot list what is below `{text}`");
        let hint = "put the URLs of the files into a text file, one a line, and import that";
        return Err(EngineError::new("usage", message).hint(hint));
    }
    match Location::parse(text)? {
        Location::Folder(folder) => Ok(Source::open(&folder, &limits, report)?),
        Location::Bucket(url) => {
            let backend = Arc::new(CloudBackend::bucket(&url)?);
            objects(backend, &limits, report)
        }
        other => Err(EngineError::new("usage", format!("cannot import from `{other}`"))),
    }
}

/// Whether reading waits for a network rather than a disk.
pub(super) fn is_remote(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.contains("://") && !text.starts_with("file://"))
}

/// The objects under a prefix.
fn objects(backend: Arc<CloudBackend>, limits: &SourceLimits, report: &Report) -> Result<Source> {
    let place = backend.place();
    let entry = |file: tamis_store::backend::FileEntry| {
        let time = file.modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let mut entry = Entry::new(file.path, file.size);
        entry.etag = Some(format!("{}-{time}", file.size));
        entry
    };
    let entries: Vec<Entry> = backend.list("")?.into_iter().filter(|file| !file.path.is_empty()).map(entry).collect();
    if entries.is_empty() {
        let message = format!("there are no objects under `{place}`");
        let hint = "check bucket, prefix and credentials; an archive in a bucket must be downloaded first";
        return Err(EngineError::new("format.bad_source", message).hint(hint));
    }
    let name = place.trim_end_matches('/').rsplit('/').next().unwrap_or("bucket").to_owned();
    Ok(Source::from_files(name, entries, Arc::new(Objects { backend, place }), limits.clone(), report)?)
}

struct Objects {
    backend: Arc<CloudBackend>,
    place: String,
}

impl Files for Objects {
    fn open(&self, entry: &Entry) -> io::Result<Box<dyn Read + Send>> {
        let file = self.backend.open_known(&entry.path, entry.size, &Bytes::new()).map_err(io::Error::other)?;
        Ok(Box::new(Object::new(file)))
    }

    fn local(&self, _: &Entry) -> Option<std::path::PathBuf> {
        None
    }

    fn uri(&self, entry: &Entry) -> Option<String> {
        Some(format!("{}/{}", self.place.trim_end_matches('/'), entry.path))
    }
}
