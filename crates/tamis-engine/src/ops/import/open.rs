//! Sources by address: folders and files of this machine, prefixes of buckets; archives in buckets and on the web,
//! which are copied to a temporary file first.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use tamis_core::Report;
use tamis_formats::{Entry, Files, Source, SourceLimits};
use tamis_store::Location;
use tamis_store::backend::{Backend, CloudBackend};

use super::fetch::{Fetcher, NotFetched};
use super::{ImportRequest, lake};
use crate::error::{EngineError, Result};
use crate::references::Object;

/// Endings of archives.
const ARCHIVES: [&str; 6] = [".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst"];

/// Opens what an import reads: a path of this machine, `file://…`, or `s3://…`, `gs://…`, `az://…`; an archive at an
/// `https://…` whose host is allowed; or a dataset of another lake, `LAKE#DATASET@REVISION`.
pub(super) fn open(request: &ImportRequest, report: &Report) -> Result<Source> {
    let path = request.path.as_path();
    let limits = SourceLimits::default();
    let text = path.to_str().filter(|text| text.contains("://"));
    if let Some((place, dataset)) = path.to_str().and_then(lake::address) {
        return lake::open(place, dataset, report);
    }
    let Some(text) = text else { return Ok(Source::open(path, &limits, report)?) };
    if text.starts_with("http://") || text.starts_with("https://") {
        // Without what may be a key.
        let shown = text.split(['?', '#']).next().unwrap_or(text);
        let Some(name) = archive(shown) else {
            let message = format!("cannot list what is below `{shown}`");
            let hint = "put the URLs of the files into a text file, one a line, and import that; or name an archive";
            return Err(EngineError::new("usage", message).hint(hint));
        };
        return unpacked(name, &limits, report, |out| web(request, text, shown, out));
    }
    match Location::parse(text)? {
        Location::Folder(folder) => Ok(Source::open(&folder, &limits, report)?),
        Location::Bucket(url) => {
            if let Some(name) = archive(url.path()) {
                let mut parent = url.clone();
                if let Ok(mut parts) = parent.path_segments_mut() {
                    parts.pop();
                }
                let backend = CloudBackend::bucket(&parent)?;
                // A folder may be called like an archive.
                if let Some(file) = backend.open(name)? {
                    return unpacked(name, &limits, report, |out| {
                        let fail = |e| bad_source(&format!("{}/{name}", backend.place()), e);
                        io::copy(&mut Object::new(file), out).map(drop).map_err(fail)
                    });
                }
            }
            let backend = Arc::new(CloudBackend::bucket(&url)?);
            objects(backend, &limits, report)
        }
        other => Err(EngineError::new("usage", format!("cannot import from `{other}`"))),
    }
}

/// The name of an archive at the end of an address.
fn archive(address: &str) -> Option<&str> {
    let name = address.rsplit('/').next()?;
    let lower = name.to_ascii_lowercase();
    ARCHIVES.iter().any(|ending| lower.len() > ending.len() && lower.ends_with(ending)).then_some(name)
}

fn bad_source(place: &str, reason: impl std::fmt::Display) -> EngineError {
    EngineError::new("format.bad_source", format!("cannot fetch the archive `{place}`: {reason}"))
}

/// Fetches an archive from a host that is allowed.
fn web(request: &ImportRequest, url: &str, shown: &str, out: &mut File) -> Result<()> {
    let fetcher = Fetcher::new(&request.hosts, request.fetch_limit).map_err(|e| bad_source(shown, e))?;
    fetcher.copy(url, out).map_err(|e| match e {
        NotFetched::NotAllowed(host) => {
            bad_source(shown, "its host is not allowed").hint(format!("allow it with --allow-host {host}"))
        }
        NotFetched::Failed(reason) => bad_source(shown, reason),
    })
}

/// A source that was fetched into a temporary folder, which goes when nobody reads any more.
struct Unpacked {
    inner: Source,
    _folder: tempfile::TempDir,
}

impl Files for Unpacked {
    fn open(&self, entry: &Entry) -> io::Result<Box<dyn Read + Send>> {
        self.inner.reader(&entry.path).map_err(io::Error::other)
    }
}

/// The files of an archive that `fetch` writes into a file.
fn unpacked(
    name: &str,
    limits: &SourceLimits,
    report: &Report,
    fetch: impl FnOnce(&mut File) -> Result<()>,
) -> Result<Source> {
    let fail = |e: io::Error| bad_source(name, format!("a temporary file cannot be written, {e}"));
    let folder = tempfile::tempdir().map_err(fail)?;
    let path = folder.path().join("archive");
    let mut out = File::create(&path).map_err(fail)?;
    fetch(&mut out)?;
    out.flush().map_err(fail)?;
    let inner = Source::open(&path, limits, report)?;
    let entries = inner.entries().to_vec();
    let stem = ARCHIVES.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name).to_owned();
    let files = Arc::new(Unpacked { inner, _folder: folder });
    Ok(Source::from_files(stem, entries, files, limits.clone(), report)?)
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
        let hint = "check bucket, prefix and credentials";
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A tar of one file.
    fn tar(name: &str, bytes: &[u8]) -> Vec<u8> {
        let mut head = [0u8; 512];
        let mut put = |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, name);
        put(100, "0000644\0");
        put(124, &format!("{:011o}\0", bytes.len()));
        put(136, "00000000000\0");
        put(148, "        0");
        put(257, "ustar\x0000");
        let sum: u32 = head.iter().map(|b| u32::from(*b)).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let mut out = head.to_vec();
        out.extend(bytes);
        out.resize(out.len().next_multiple_of(512) + 1024, 0);
        out
    }

    #[test]
    fn archives_of_the_web_are_read_from_hosts_that_are_allowed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let body = tar("in/a.txt", b"hello");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body).unwrap();
        });
        let request = |path: String, hosts: &[&str]| ImportRequest {
            path: path.into(),
            hosts: hosts.iter().map(|h| (*h).to_owned()).collect(),
            ..ImportRequest::default()
        };
        let url = format!("http://127.0.0.1:{port}/sets/flowers.tar?key=secret");
        let refused = open(&request(url.clone(), &["example.org"]), &Report::new()).err().unwrap().to_string();
        assert!(refused.contains("not allowed") && !refused.contains("secret"), "{refused}");
        let source = open(&request(url, &["127.0.0.1"]), &Report::new()).unwrap();
        server.join().unwrap();
        assert_eq!((source.name(), source.read("in/a.txt").unwrap()), ("flowers", b"hello".to_vec()));
        let refused = open(&request("https://h.org/folder/".into(), &["h.org"]), &Report::new());
        assert!(refused.err().unwrap().to_string().contains("cannot list"));
    }

    #[test]
    fn archives_are_told_by_their_ending() {
        for (address, name) in [
            ("/a/b.tar.GZ", Some("b.tar.GZ")),
            ("s3://x/y.zip", Some("y.zip")),
            ("/a/.zip", None),
            ("/a.zip/b", None),
            ("", None),
        ] {
            assert_eq!(archive(address), name, "{address}");
        }
    }
}
