//! Media that stay where they are: read again from there, and only if they are still what was referenced.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use tamis_core::{Hash, Hasher, Media};
use tamis_store::Location;
use tamis_store::backend::{Backend, CloudBackend, ReadFile};

/// What one request for a part of an object brings at first, and at most.
const FIRST: u64 = 1 << 20;
const MOST: u64 = 16 << 20;

/// Reads referenced media; buckets are opened once.
#[derive(Debug, Default)]
pub(crate) struct References {
    buckets: Mutex<HashMap<String, Arc<CloudBackend>>>,
}

/// Where the bytes of a reference are.
pub(crate) enum Found {
    /// A file of this disk that is as it was.
    Disk(PathBuf),
    /// The bytes of an object; reading ends in an error when they are not what was referenced.
    Stream(Box<dyn Read + Send>),
}

impl References {
    /// Finds the bytes of a medium that lies at `uri`.
    ///
    /// # Errors
    /// Where there is nothing, or something else than was referenced: other size, or other content as far as it was
    /// read when it was referenced.
    pub(crate) fn open(&self, uri: &str, media: &Media) -> io::Result<Found> {
        if let Some(path) = uri.strip_prefix("file://") {
            return unchanged(Path::new(path), media).map(|()| Found::Disk(path.into()));
        }
        let missing = |hint: &str| io::Error::new(io::ErrorKind::NotFound, format!("its bytes are at {uri}: {hint}"));
        if is_web(uri) {
            return Err(missing("import its list again with --allow-host to take it into the lake"));
        }
        let (bucket, key) = in_bucket(uri).ok_or_else(|| missing("no kind of place that can be read"))?;
        let file = self.bucket(&bucket)?.open_known(key, media.size, &Bytes::new()).map_err(io::Error::other)?;
        let inner = Object::new(file);
        let expected = media.blob.map(|blob| blob.0);
        Ok(Found::Stream(Box::new(Checked { inner, hasher: Hasher::default(), expected, uri: uri.to_owned() })))
    }

    /// A URL under which others can read what lies at `uri`: itself on the web or on this disk, signed and valid for a
    /// while in a bucket.
    ///
    /// # Errors
    /// Where there are no credentials to sign with, or the place has no URLs.
    pub(crate) fn url(&self, uri: &str, valid: Duration) -> io::Result<String> {
        if is_web(uri) || uri.starts_with("file://") {
            return Ok(uri.to_owned());
        }
        let (bucket, key) = in_bucket(uri).ok_or_else(|| io::Error::other(format!("there is no URL for {uri}")))?;
        self.bucket(&bucket)?.sign(key, valid).map_err(io::Error::other)
    }

    fn bucket(&self, address: &str) -> io::Result<Arc<CloudBackend>> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = buckets.get(address) {
            return Ok(Arc::clone(known));
        }
        let Location::Bucket(url) = Location::parse(address).map_err(io::Error::other)? else {
            return Err(io::Error::other(format!("`{address}` is no bucket")));
        };
        let backend = Arc::new(CloudBackend::bucket(&url).map_err(io::Error::other)?);
        buckets.insert(address.to_owned(), Arc::clone(&backend));
        Ok(backend)
    }
}

fn is_web(uri: &str) -> bool {
    uri.starts_with("http://") || uri.starts_with("https://")
}

/// The bucket's address and the key in it.
fn in_bucket(uri: &str) -> Option<(String, &str)> {
    let (scheme @ ("s3" | "s3a" | "gs" | "az"), rest) = uri.split_once("://")? else { return None };
    let (bucket, key) = rest.split_once('/')?;
    Some((format!("{scheme}://{bucket}"), key))
}

/// Refuses a file that is not the one that was referenced. Its content is read only where its time changed.
fn unchanged(path: &Path, media: &Media) -> io::Result<()> {
    let fail = |e: io::Error| io::Error::new(e.kind(), format!("its bytes are at `{}`: {e}", path.display()));
    let facts = std::fs::metadata(path).map_err(fail)?;
    let time = facts.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).map_or(0, |d| d.as_nanos());
    if media.etag.as_deref() == Some(format!("{}-{time}", facts.len()).as_str()) {
        return Ok(());
    }
    let is_same = facts.len() == media.size
        && match media.blob {
            Some(blob) => {
                let mut hasher = Hasher::default();
                io::copy(&mut File::open(path).map_err(fail)?, &mut hasher).map_err(fail)?;
                hasher.finish() == blob.0
            }
            None => true,
        };
    if is_same { Ok(()) } else { Err(changed(&path.display().to_string())) }
}

fn changed(place: &str) -> io::Error {
    let what = format!("`{place}` is not what was referenced any more; import it again");
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Reads an object in growing parts, so that a look at its head costs little and all of it few requests.
pub(crate) struct Object {
    file: Arc<dyn ReadFile>,
    at: u64,
    step: u64,
    chunk: Bytes,
}

impl Object {
    pub(crate) fn new(file: Arc<dyn ReadFile>) -> Object {
        Object { file, at: 0, step: FIRST, chunk: Bytes::new() }
    }
}

impl Read for Object {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() && self.at < self.file.size() {
            let end = (self.at + self.step).min(self.file.size());
            self.chunk = self.file.read(self.at..end).map_err(io::Error::other)?;
            self.at = end;
            self.step = (self.step * 2).min(MOST);
        }
        let count = out.len().min(self.chunk.len());
        out[..count].copy_from_slice(&self.chunk.split_to(count));
        Ok(count)
    }
}

/// Bytes whose hash is known; the last read tells if they are others.
struct Checked<R> {
    inner: R,
    hasher: Hasher,
    expected: Option<Hash>,
    uri: String,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.hasher.update(&out[..count]);
        if count == 0 && !out.is_empty() && self.expected.is_some_and(|expected| expected != self.hasher.finish()) {
            return Err(changed(&self.uri));
        }
        Ok(count)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_only_while_it_is_the_one_that_was_referenced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let uri = format!("file://{}", path.display());
        let references = References::default();
        let media = Media { size: 5, blob: Some(tamis_core::BlobId(Hash::of(b"right"))), ..Media::default() };
        assert!(references.open(&uri, &media).err().unwrap().to_string().contains("its bytes are at"));
        std::fs::write(&path, "right").unwrap();
        assert!(matches!(references.open(&uri, &media), Ok(Found::Disk(found)) if found == path));
        std::fs::write(&path, "wrong").unwrap();
        assert!(references.open(&uri, &media).err().unwrap().to_string().contains("import it again"));
        // Never read: the size is all that is known.
        assert!(references.open(&uri, &Media { blob: None, ..media }).is_ok());
    }

    #[test]
    fn other_bytes_than_expected_end_in_an_error() {
        let read = |expected: &[u8]| {
            let inner = &b"right"[..];
            let expected = Some(Hash::of(expected));
            let mut checked = Checked { inner, hasher: Hasher::default(), expected, uri: "s3://b/k".into() };
            checked.read_to_end(&mut Vec::new())
        };
        assert_eq!(read(b"right").unwrap(), 5);
        assert!(read(b"other").is_err());
    }

    #[test]
    fn only_places_that_can_be_read_are() {
        let references = References::default();
        for uri in ["ftp://host/a", "https://host/a", "s3://bucket"] {
            assert!(references.open(uri, &Media::default()).is_err(), "{uri}");
        }
        let valid = Duration::from_secs(60);
        assert_eq!(references.url("https://host/a", valid).unwrap(), "https://host/a");
        assert!(references.url("ftp://host/a", valid).is_err());
    }
}
