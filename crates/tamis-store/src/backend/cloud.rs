//! A lake in an object store: S3 and what speaks like it, Google Cloud Storage, Azure, or memory.
//!
//! Packs are put whole, created only if absent; their names are hashes, so that a repeated put is
//! the same put. Small files are swapped by conditional puts. A removed small file becomes an
//! empty object, because object stores have no conditional delete: an empty small file is absent.
//! Requests are retried with backoff; a conditional put whose answer was lost is decided by
//! looking at what is there. See docs/adr/0011.

use std::collections::HashMap;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{
    BackoffConfig, ClientOptions, Error as CloudError, GetOptions, GetRange, MultipartUpload, ObjectStore,
    ObjectStoreExt, PutMode, PutPayload, RetryConfig, UpdateVersion,
};
use parking_lot::Mutex;
use url::Url;

use super::drive::{poll_now, wait};
use super::{Backend, Counters, FileEntry, FileVersion, NewFile, ReadFile, StoreStats, Swapped};
use crate::error::{Result, StoreError};

/// What the first request of a pack brings: its end, with the index of some 5,000 objects; small
/// packs come whole.
const TAIL: u64 = 256 << 10;
/// Bytes of a chunk of a file being written.
const CHUNK: usize = 4 << 20;
/// Files above this go in parts.
const WHOLE: u64 = 96 << 20;
/// Bytes of a part.
const PART: usize = 16 << 20;
/// Requests in flight for one call.
const IN_FLIGHT: usize = 8;
/// Times that a lost answer of a put is looked into.
const ATTEMPTS: u32 = 5;

/// A prefix of a bucket, or this process's memory.
#[derive(Clone, Debug)]
pub struct CloudBackend {
    store: Arc<dyn ObjectStore>,
    signer: Option<Arc<dyn Signer>>,
    prefix: Path,
    place: String,
    /// Calls never wait, so that they run on the caller's thread.
    immediate: bool,
    counters: Arc<Counters>,
}

impl CloudBackend {
    /// This process's memory under a name; lakes of one name are one lake. An empty name is a new
    /// lake that nobody else can open.
    pub fn memory(name: &str) -> CloudBackend {
        static LAKES: OnceLock<Mutex<HashMap<String, Arc<InMemory>>>> = OnceLock::new();
        let store = match name {
            "" => Arc::new(InMemory::new()),
            _ => Arc::clone(LAKES.get_or_init(Mutex::default).lock().entry(name.to_owned()).or_default()),
        };
        CloudBackend {
            store,
            signer: None,
            prefix: Path::default(),
            place: format!("memory://{name}"),
            immediate: true,
            counters: Arc::default(),
        }
    }

    /// A prefix of a bucket: `s3://bucket/prefix?endpoint=…`, `gs://…`, `az://…`. Query parameters
    /// are the object store's options; credentials also come from the usual environment variables.
    pub fn bucket(url: &Url) -> Result<CloudBackend> {
        let host = url.host_str().unwrap_or_default();
        let place = format!("{}://{host}{}", url.scheme(), url.path());
        let bad = |reason: String| StoreError::BadArgument { what: "lake location", text: place.clone(), reason };
        let refused = |e: CloudError| bad(e.to_string());
        let mut bare = url.clone();
        bare.set_query(None);
        let mut client = ClientOptions::new().with_timeout(Duration::from_secs(180));
        let options: Vec<(String, String)> =
            url.query_pairs().map(|(k, v)| (k.to_ascii_lowercase(), v.into_owned())).collect();
        let given = options.iter().filter(|(key, _)| key.contains("endpoint")).map(|(_, value)| value.clone());
        let set =
            ["AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_ENDPOINT"].iter().filter_map(|name| std::env::var(name).ok());
        if given.chain(set).any(|endpoint| endpoint.starts_with("http://")) {
            client = client.with_allow_http(true);
        }
        let retry = RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(50),
                max_backoff: Duration::from_secs(5),
                base: 2.0,
            },
            max_retries: 8,
            retry_timeout: Duration::from_secs(120),
        };
        let (store, signer): (Arc<dyn ObjectStore>, Arc<dyn Signer>) = match url.scheme() {
            "s3" | "s3a" => {
                let mut builder =
                    AmazonS3Builder::from_env().with_url(bare).with_client_options(client).with_retry(retry);
                for (key, value) in options {
                    builder = builder.with_config(AmazonS3ConfigKey::from_str(&key).map_err(refused)?, value);
                }
                let store = Arc::new(builder.build().map_err(refused)?);
                (Arc::clone(&store) as _, store)
            }
            "gs" => {
                let mut builder =
                    GoogleCloudStorageBuilder::from_env().with_url(bare).with_client_options(client).with_retry(retry);
                for (key, value) in options {
                    builder = builder.with_config(GoogleConfigKey::from_str(&key).map_err(refused)?, value);
                }
                let store = Arc::new(builder.build().map_err(refused)?);
                (Arc::clone(&store) as _, store)
            }
            _ => {
                let mut builder =
                    MicrosoftAzureBuilder::from_env().with_url(bare).with_client_options(client).with_retry(retry);
                for (key, value) in options {
                    builder = builder.with_config(AzureConfigKey::from_str(&key).map_err(refused)?, value);
                }
                let store = Arc::new(builder.build().map_err(refused)?);
                (Arc::clone(&store) as _, store)
            }
        };
        let prefix = Path::from_url_path(url.path()).map_err(|e| bad(e.to_string()))?;
        Ok(CloudBackend { store, signer: Some(signer), prefix, place, immediate: false, counters: Arc::default() })
    }

    /// A URL that lets anybody read an object for a while, without credentials of their own. No request.
    ///
    /// # Errors
    /// [`StoreError::Io`] when there are no credentials to sign with.
    pub fn sign(&self, path: &str, valid: Duration) -> Result<String> {
        let path = self.path(path)?;
        let Some(signer) = self.signer.clone() else {
            let error = io::Error::from(ErrorKind::Unsupported);
            return Err(StoreError::io("sign", self.shown(&path), error));
        };
        let wanted = path.clone();
        // The default method is GET.
        let signed = self.call(|_| async move { signer.signed_url(Default::default(), &wanted, valid).await })?;
        signed.map(String::from).map_err(|e| self.failed("sign", &path, e))
    }

    fn path(&self, path: &str) -> Result<Path> {
        let full = match self.prefix.as_ref() {
            "" => path.to_owned(),
            prefix => format!("{prefix}/{path}"),
        };
        Path::parse(&full).map_err(|e| StoreError::BadArgument {
            what: "path in a lake",
            text: path.to_owned(),
            reason: e.to_string(),
        })
    }

    /// Runs a call on the store.
    fn call<T, F>(&self, call: impl FnOnce(Arc<dyn ObjectStore>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        self.counters.request(1);
        let future = call(Arc::clone(&self.store));
        if self.immediate { poll_now(future).ok_or(StoreError::Internal("memory was not ready")) } else { wait(future) }
    }

    fn failed(&self, action: &'static str, path: &Path, error: CloudError) -> StoreError {
        io_error(action, self.shown(path), error)
    }

    fn shown(&self, path: &Path) -> String {
        let inside = path.as_ref().strip_prefix(self.prefix.as_ref()).unwrap_or(path.as_ref());
        format!("{}/{}", self.place.trim_end_matches('/'), inside.trim_start_matches('/'))
    }

    fn conditional_put(
        &self,
        path: &Path,
        mode: PutMode,
        bytes: &Bytes,
    ) -> Result<std::result::Result<FileVersion, CloudError>> {
        let (path, payload) = (path.clone(), PutPayload::from(bytes.clone()));
        let outcome = self.call(|store| async move { store.put_opts(&path, payload, mode.into()).await })?;
        self.counters.wrote(bytes.len() as u64);
        Ok(outcome.map(|put| version_text(put.e_tag, put.version)))
    }

    /// What a small file holds, absent or emptied included.
    fn look(&self, path: &Path) -> Result<Option<(Bytes, FileVersion)>> {
        let wanted = path.clone();
        let outcome = self.call(|store| async move {
            let got = store.get(&wanted).await?;
            let version = version_text(got.meta.e_tag.clone(), got.meta.version.clone());
            Ok::<_, CloudError>((got.bytes().await?, version))
        })?;
        match outcome {
            Ok(found) => {
                self.counters.read(found.0.len());
                Ok(Some(found))
            }
            Err(CloudError::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.failed("read", path, e)),
        }
    }
}

/// An error of the object store as one of input and output, so that its kind tells what to do.
fn io_error(action: &'static str, place: String, error: CloudError) -> StoreError {
    let kind = match &error {
        CloudError::NotFound { .. } => ErrorKind::NotFound,
        CloudError::PermissionDenied { .. } | CloudError::Unauthenticated { .. } => ErrorKind::PermissionDenied,
        CloudError::NotSupported { .. } | CloudError::NotImplemented { .. } => ErrorKind::Unsupported,
        CloudError::AlreadyExists { .. } | CloudError::Precondition { .. } => ErrorKind::AlreadyExists,
        // The answer to a listing comes only as text.
        CloudError::Generic { source, .. } if says(&**source, "404") => ErrorKind::NotFound,
        CloudError::Generic { source, .. } if says(&**source, "403") => ErrorKind::PermissionDenied,
        // What is left after the retries: the network, or a server that is overloaded.
        CloudError::Generic { .. } => ErrorKind::TimedOut,
        _ => ErrorKind::Other,
    };
    StoreError::io(action, place, io::Error::new(kind, error))
}

/// Whether an error of the network or of one of its causes tells this status.
fn says(error: &(dyn std::error::Error + Send + Sync), status: &str) -> bool {
    error.to_string().contains(&format!("status code: {status}"))
}

fn version_text(e_tag: Option<String>, version: Option<String>) -> FileVersion {
    FileVersion(format!("{}\n{}", e_tag.unwrap_or_default(), version.unwrap_or_default()))
}

fn update_version(version: &FileVersion) -> UpdateVersion {
    let (e_tag, version) = version.0.split_once('\n').unwrap_or((&version.0, ""));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    UpdateVersion { e_tag: some(e_tag), version: some(version) }
}

fn present(found: Option<(Bytes, FileVersion)>) -> Option<(Bytes, FileVersion)> {
    found.filter(|(bytes, _)| !bytes.is_empty())
}

impl Backend for CloudBackend {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn open(&self, path: &str) -> Result<Option<Arc<dyn ReadFile>>> {
        let path = self.path(path)?;
        let wanted = path.clone();
        let outcome = self.call(|store| async move {
            let options = GetOptions { range: Some(GetRange::Suffix(TAIL)), ..GetOptions::default() };
            match store.get_opts(&wanted, options).await {
                Ok(got) => Ok((got.meta.size, got.bytes().await?)),
                // Azure reads no suffix.
                Err(CloudError::NotSupported { .. }) => Ok((store.head(&wanted).await?.size, Bytes::new())),
                Err(e) => Err(e),
            }
        })?;
        match outcome {
            Ok((size, tail)) => {
                self.counters.read(tail.len());
                Ok(Some(Arc::new(CloudFile { backend: self.clone(), path, size, tail })))
            }
            Err(CloudError::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.failed("open", &path, e)),
        }
    }

    fn open_known(&self, path: &str, size: u64, tail: &Bytes) -> Result<Arc<dyn ReadFile>> {
        Ok(Arc::new(CloudFile { backend: self.clone(), path: self.path(path)?, size, tail: tail.clone() }))
    }

    fn create(&self, _size_hint: u64) -> Result<Box<dyn NewFile>> {
        Ok(Box::new(CloudNewFile {
            backend: self.clone(),
            chunks: Vec::new(),
            open: BytesMut::new(),
            starts: Vec::new(),
            size: 0,
        }))
    }

    fn read_small(&self, path: &str) -> Result<Option<(Bytes, FileVersion)>> {
        Ok(present(self.look(&self.path(path)?)?))
    }

    fn swap_small(&self, path: &str, expected: Option<&FileVersion>, bytes: Bytes) -> Result<Swapped> {
        if bytes.is_empty() {
            return Err(StoreError::Internal("an empty small file"));
        }
        let path = self.path(path)?;
        let mut mode = expected.map_or(PutMode::Create, |version| PutMode::Update(update_version(version)));
        let mut delay = Duration::from_millis(50);
        // Whether an earlier try may have arrived although its answer was lost.
        let mut is_unsure = false;
        for attempt in 1.. {
            let error = match self.conditional_put(&path, mode.clone(), &bytes)? {
                Ok(version) => return Ok(Ok(version)),
                Err(error) => error,
            };
            let moved = matches!(error, CloudError::AlreadyExists { .. } | CloudError::Precondition { .. });
            if matches!(error, CloudError::PermissionDenied { .. } | CloudError::Unauthenticated { .. })
                || (!moved && attempt >= ATTEMPTS)
            {
                return Err(self.failed("swap", &path, error));
            }
            match self.look(&path)? {
                // A caller's bytes are its own (they name its operation), so equal bytes with a new
                // version are this swap.
                Some((found, version)) if (is_unsure || !moved) && found == bytes && Some(&version) != expected => {
                    return Ok(Ok(version));
                }
                // An emptied file is absent: the swap replaces exactly that emptied version.
                Some((found, version)) if expected.is_none() && found.is_empty() => {
                    mode = PutMode::Update(update_version(&version));
                }
                Some((_, version)) if Some(&version) == expected => {}
                None if expected.is_none() => mode = PutMode::Create,
                found => return Ok(Err(present(found))),
            }
            is_unsure |= !moved;
            std::thread::sleep(delay);
            delay *= 2;
        }
        Err(StoreError::Internal("a swap without an end"))
    }

    fn remove_small(&self, path: &str, expected: &FileVersion) -> Result<bool> {
        let path = self.path(path)?;
        match self.conditional_put(&path, PutMode::Update(update_version(expected)), &Bytes::new())? {
            Ok(_) => Ok(true),
            Err(CloudError::AlreadyExists { .. } | CloudError::Precondition { .. } | CloudError::NotFound { .. }) => {
                Ok(false)
            }
            Err(e) => Err(self.failed("remove", &path, e)),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<FileEntry>> {
        let folder = self.path(prefix.trim_end_matches('/'))?;
        let wanted = folder.clone();
        let outcome = self.call(|store| async move { store.list(Some(&wanted)).try_collect::<Vec<_>>().await })?;
        // A listing comes in pages of a thousand.
        self.counters.request(outcome.as_ref().map_or(0, |found| found.len() as u64 / 1000));
        let cut = match self.prefix.as_ref() {
            "" => 0,
            lake => lake.len() + 1,
        };
        let mut found: Vec<FileEntry> = outcome
            .map_err(|e| self.failed("list", &folder, e))?
            .into_iter()
            // An empty object is a removed small file.
            .filter(|meta| meta.size > 0)
            .filter_map(|meta| {
                Some(FileEntry {
                    path: meta.location.as_ref().get(cut..)?.to_owned(),
                    size: meta.size,
                    modified: SystemTime::from(meta.last_modified),
                })
            })
            .collect();
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn delete(&self, path: &str) -> Result<()> {
        let path = self.path(path)?;
        let wanted = path.clone();
        match self.call(|store| async move { store.delete(&wanted).await })? {
            Ok(()) | Err(CloudError::NotFound { .. }) => Ok(()),
            Err(e) => Err(self.failed("delete", &path, e)),
        }
    }

    fn is_local(&self) -> bool {
        self.immediate
    }

    fn stats(&self) -> StoreStats {
        self.counters.get()
    }
}

/// An immutable object.
#[derive(Debug)]
struct CloudFile {
    backend: CloudBackend,
    path: Path,
    size: u64,
    /// The object's last bytes, which came with the first request.
    tail: Bytes,
}

impl CloudFile {
    fn check(&self, range: &Range<u64>) -> Result<()> {
        if range.start <= range.end && range.end <= self.size {
            return Ok(());
        }
        let reason = format!("bytes {}..{} are wanted, but it has {}", range.start, range.end, self.size);
        Err(StoreError::corrupt("a range", self.backend.shown(&self.path), reason))
    }

    fn in_tail(&self, range: &Range<u64>) -> Option<Bytes> {
        let start = range.start.checked_sub(self.size - self.tail.len() as u64)?;
        Some(self.tail.slice(start as usize..(start + range.end - range.start) as usize))
    }
}

impl CloudFile {
    /// Reads ranges, several in flight.
    fn request(&self, ranges: Vec<Range<u64>>) -> Result<Vec<Bytes>> {
        let counters = &self.backend.counters;
        counters.request(ranges.len() as u64 - 1);
        counters.read(ranges.iter().map(|range| (range.end - range.start) as usize).sum());
        let path = self.path.clone();
        self.backend
            .call(|store| async move {
                let (store, path) = (&store, &path);
                let reads = ranges.into_iter().map(|range| store.get_range(path, range));
                futures_util::stream::iter(reads).buffered(IN_FLIGHT).try_collect::<Vec<_>>().await
            })?
            .map_err(|e| self.backend.failed("read", &self.path, e))
    }
}

impl ReadFile for CloudFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        self.check(&range)?;
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        if let Some(bytes) = self.in_tail(&range) {
            return Ok(bytes);
        }
        let (path, wanted) = (self.path.clone(), range.clone());
        let bytes = self
            .backend
            .call(|store| async move { store.get_range(&path, wanted).await })?
            .map_err(|e| self.backend.failed("read", &self.path, e))?;
        self.backend.counters.read(bytes.len());
        if bytes.len() as u64 == range.end - range.start {
            return Ok(bytes);
        }
        let reason = format!("{} bytes came where {} were asked for", bytes.len(), range.end - range.start);
        Err(StoreError::corrupt("a range", self.backend.shown(&self.path), reason))
    }

    fn read_many(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if self.backend.immediate || ranges.len() < 2 {
            return ranges.iter().map(|range| self.read(range.clone())).collect();
        }
        ranges.iter().try_for_each(|range| self.check(range))?;
        let mut found: Vec<Option<Bytes>> = ranges
            .iter()
            .map(|range| if range.is_empty() { Some(Bytes::new()) } else { self.in_tail(range) })
            .collect();
        let missing: Vec<Range<u64>> =
            ranges.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(range, _)| range.clone()).collect();
        if !missing.is_empty() {
            let mut read = self.request(missing)?.into_iter();
            found.iter_mut().filter(|slot| slot.is_none()).for_each(|slot| *slot = read.next());
        }
        Ok(found.into_iter().flatten().collect())
    }
}

/// An object being written: kept in memory until it is put.
#[derive(Debug)]
struct CloudNewFile {
    backend: CloudBackend,
    chunks: Vec<Bytes>,
    /// The offset of each closed chunk.
    starts: Vec<u64>,
    open: BytesMut,
    size: u64,
}

impl CloudNewFile {
    fn close_chunk(&mut self) {
        if !self.open.is_empty() {
            self.starts.push(self.size - self.open.len() as u64);
            self.chunks.push(self.open.split().freeze());
        }
    }

    /// Whether an object of this size is there.
    fn is_there(&self, path: &Path) -> Result<bool> {
        let wanted = path.clone();
        let head = self.backend.call(|store| async move { store.head(&wanted).await })?;
        head.map(|meta| meta.size == self.size).map_err(|e| self.backend.failed("look at", path, e))
    }

    /// Puts a very large object in parts. The name appears when the last part is there.
    fn put_parts(&self, path: &Path) -> Result<()> {
        let (path_there, chunks) = (path.clone(), self.chunks.clone());
        let outcome = self.backend.call(|store| async move {
            let mut upload = store.put_multipart(&path_there).await?;
            let sent = send_parts(&mut *upload, chunks).await;
            if sent.is_err() {
                // The parts are garbage of the object store, which its lifecycle rules remove.
                drop(upload.abort().await);
            }
            sent
        })?;
        outcome.map_err(|e| self.backend.failed("write", path, e))
    }
}

async fn send_parts(upload: &mut dyn MultipartUpload, chunks: Vec<Bytes>) -> object_store::Result<()> {
    let mut part: Vec<Bytes> = Vec::new();
    let mut length = 0;
    for chunk in chunks {
        length += chunk.len();
        part.push(chunk);
        if length >= PART {
            upload.put_part(part.drain(..).collect()).await?;
            length = 0;
        }
    }
    if !part.is_empty() {
        upload.put_part(part.into_iter().collect()).await?;
    }
    upload.complete().await.map(drop)
}

impl NewFile for CloudNewFile {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        // An append never straddles chunks, so that it reads back as one slice.
        if self.open.len() + bytes.len() > CHUNK {
            self.close_chunk();
        }
        self.open.extend_from_slice(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let outside = || StoreError::Internal("a range outside a file being written");
        let length = usize::try_from(range.end.saturating_sub(range.start)).map_err(|_| outside())?;
        let open_start = self.size - self.open.len() as u64;
        if let Some(start) = range.start.checked_sub(open_start) {
            let start = start as usize;
            return self.open.get(start..start + length).map(Bytes::copy_from_slice).ok_or_else(outside);
        }
        let at = self.starts.partition_point(|start| *start <= range.start).checked_sub(1).ok_or_else(outside)?;
        let (chunk, start) = (&self.chunks[at], (range.start - self.starts[at]) as usize);
        if start + length > chunk.len() {
            return Err(outside());
        }
        Ok(chunk.slice(start..start + length))
    }

    fn publish(mut self: Box<Self>, path: &str) -> Result<Arc<dyn ReadFile>> {
        self.close_chunk();
        let path = self.backend.path(path)?;
        if self.size > WHOLE {
            self.put_parts(&path)?;
        } else {
            let (mut delay, mut mode) = (Duration::from_millis(50), PutMode::Create);
            for attempt in 1.. {
                let (wanted, payload) = (path.clone(), self.chunks.iter().cloned().collect::<PutPayload>());
                let mode_now = mode.clone();
                let put = self
                    .backend
                    .call(|store| async move { store.put_opts(&wanted, payload, mode_now.into()).await })?;
                match put {
                    Ok(_) => break,
                    // The name is the hash of the content: what is there is the same, unless it
                    // is damaged.
                    Err(CloudError::AlreadyExists { .. }) => {
                        if self.is_there(&path)? {
                            break;
                        }
                        mode = PutMode::Overwrite;
                    }
                    Err(e @ (CloudError::Generic { .. } | CloudError::Precondition { .. })) if attempt < ATTEMPTS => {
                        tracing::debug!(error = %e, attempt, "put again");
                        std::thread::sleep(delay);
                        delay *= 4;
                    }
                    Err(e) => return Err(self.backend.failed("write", &path, e)),
                }
            }
        }
        self.backend.counters.wrote(self.size);
        // The end of the object is known: opening it needs no request.
        let last = self.chunks.last().cloned().unwrap_or_default();
        let tail = Bytes::copy_from_slice(&last[last.len().saturating_sub(TAIL as usize)..]);
        Ok(Arc::new(CloudFile { backend: self.backend.clone(), path, size: self.size, tail }))
    }
}
