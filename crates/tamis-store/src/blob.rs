//! Blobs: media files, named by the BLAKE3 of their whole content however they are kept.
//!
//! Up to [`WHOLE`] bytes a blob is one plain object. A larger one is cut by FastCDC (Xia et al.
//! 2016) into chunks that versions of a file share, listed by a chunk list under the blob's id.
//! Layout: docs/spec/blob.md.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use fastcdc::v2020::FastCDC;
use tamis_core::{BlobId, Hash};

use crate::error::{Result, StoreError};
use crate::store::Store;
use crate::writer::{Writer, fill};

/// The largest blob kept as one object.
pub const WHOLE: usize = 1 << 20;
const MIN_CHUNK: usize = 64 << 10;
const AVERAGE_CHUNK: usize = 256 << 10;
const MAX_CHUNK: usize = 1 << 20;
/// A run of chunks that the lake has already is shared only if it is this long; a shorter run is
/// written again beside its new neighbours, so that reading stays sequential.
const MIN_SHARED: usize = 512 << 10;
/// How much of a stream is in memory at a time.
const WINDOW: usize = 16 << 20;

const MAGIC: [u8; 4] = *b"TCHK";
const VERSION: u16 = 1;
const FIXED: usize = 24;
const ENTRY: usize = 36;

struct Chunk {
    id: Hash,
    range: Range<usize>,
}

impl Writer {
    /// Keeps a media file: whole up to 1 MiB, else in content-defined chunks. Returns the BLAKE3
    /// of its content.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<BlobId> {
        put(self, bytes)
    }

    /// Keeps a media file read from a stream, in bounded memory.
    pub fn put_blob_from(&self, reader: &mut dyn Read) -> Result<BlobId> {
        put_from(self, reader)
    }
}

fn put(writer: &Writer, bytes: &[u8]) -> Result<BlobId> {
    let id = Hash::of(bytes);
    if bytes.len() <= WHOLE {
        writer.put_hashed(id, bytes)?;
    } else if !writer.contains_blob(&id)? {
        let mut list = List::new();
        put_chunks(writer, bytes, true, &mut list)?;
        writer.put_chunk_list(id, &list.encode())?;
    }
    Ok(BlobId(id))
}

fn put_from(writer: &Writer, reader: &mut dyn Read) -> Result<BlobId> {
    let mut window = Vec::new();
    fill(reader, &mut window, WINDOW)?;
    if window.len() < WINDOW {
        return put(writer, &window);
    }
    let (mut hasher, mut list) = (blake3::Hasher::new(), List::new());
    loop {
        let is_last = window.len() < WINDOW;
        let used = put_chunks(writer, &window, is_last, &mut list)?;
        hasher.update(&window[..used]);
        window.drain(..used);
        if is_last {
            break;
        }
        let missing = WINDOW - window.len();
        fill(reader, &mut window, missing)?;
    }
    let id = Hash(*hasher.finalize().as_bytes());
    if !writer.contains_blob(&id)? {
        writer.put_chunk_list(id, &list.encode())?;
    }
    Ok(BlobId(id))
}

/// Cuts and keeps `bytes`; unless they are the last, what follows the last sure cut is left for
/// the next window. Returns how many bytes were taken.
fn put_chunks(writer: &Writer, bytes: &[u8], is_last: bool, list: &mut List) -> Result<usize> {
    let mut chunks: Vec<Chunk> = Vec::new();
    for cut in FastCDC::new(bytes, MIN_CHUNK, AVERAGE_CHUNK, MAX_CHUNK) {
        let range = cut.offset..cut.offset + cut.length;
        // The last cut may be the window's end rather than the content's choice.
        if !is_last && range.end == bytes.len() {
            break;
        }
        chunks.push(Chunk { id: Hash::of(&bytes[range.clone()]), range });
    }
    let mut at = 0;
    while at < chunks.len() {
        let is_known = writer.contains(&chunks[at].id)?;
        let mut end = at + 1;
        while end < chunks.len() && writer.contains(&chunks[end].id)? == is_known {
            end += 1;
        }
        let run = &chunks[at..end];
        let length: usize = run.iter().map(|chunk| chunk.range.len()).sum();
        let is_all = run.len() == chunks.len();
        if !is_known || (length < MIN_SHARED && !is_all) {
            for chunk in run {
                writer.put_plain(chunk.id, &bytes[chunk.range.clone()])?;
            }
        }
        at = end;
    }
    list.chunks.extend(chunks.iter().map(|chunk| (chunk.id, chunk.range.len() as u32)));
    Ok(chunks.last().map_or(0, |chunk| chunk.range.end))
}

/// The chunks of a blob, in order.
#[derive(Debug, Default)]
pub(crate) struct List {
    pub(crate) chunks: Vec<(Hash, u32)>,
}

impl List {
    fn new() -> List {
        List::default()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let total: u64 = self.chunks.iter().map(|(_, length)| u64::from(*length)).sum();
        let mut out = Vec::with_capacity(FIXED + self.chunks.len() * ENTRY + 32);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&total.to_le_bytes());
        out.extend_from_slice(&(self.chunks.len() as u64).to_le_bytes());
        for (id, length) in &self.chunks {
            out.extend_from_slice(&id.0);
            out.extend_from_slice(&length.to_le_bytes());
        }
        let checksum = Hash::of(&out);
        out.extend_from_slice(&checksum.0);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> std::result::Result<List, &'static str> {
        let body_end = bytes.len().checked_sub(32).ok_or("the chunk list is cut short")?;
        let (body, checksum) = bytes.split_at(body_end);
        if Hash::of(body).0[..] != *checksum {
            return Err("the chunk list does not have the hash that it states");
        }
        if body.len() < FIXED || body[..4] != MAGIC || body[4..6] != VERSION.to_le_bytes() || body[6..8] != [0, 0] {
            return Err("it is not a chunk list of a known version");
        }
        let entries = body[FIXED..].chunks_exact(ENTRY);
        if !entries.remainder().is_empty() {
            return Err("the chunk list's length is wrong");
        }
        let mut chunks = Vec::with_capacity(entries.len());
        for entry in entries {
            let mut id = [0; 32];
            id.copy_from_slice(&entry[..32]);
            chunks.push((Hash(id), u32::from_le_bytes([entry[32], entry[33], entry[34], entry[35]])));
        }
        let list = List { chunks };
        if list.encode() == bytes { Ok(list) } else { Err("the chunk list's counts are wrong") }
    }
}

/// A blob opened for reading.
#[derive(Clone, Debug)]
pub struct Blob {
    store: Store,
    id: BlobId,
    parts: Parts,
}

#[derive(Clone, Debug)]
enum Parts {
    Whole(Bytes),
    /// The chunks' ids and the ends of each within the blob.
    Chunks(std::sync::Arc<Vec<(Hash, u64)>>),
}

impl Blob {
    pub(crate) fn whole(store: Store, id: BlobId, bytes: Bytes) -> Blob {
        Blob { store, id, parts: Parts::Whole(bytes) }
    }

    pub(crate) fn chunked(store: Store, id: BlobId, list: &List) -> Blob {
        let ends = list.chunks.iter().scan(0, |end, (chunk, length)| {
            *end += u64::from(*length);
            Some((*chunk, *end))
        });
        Blob { store, id, parts: Parts::Chunks(std::sync::Arc::new(ends.collect())) }
    }

    /// The blob's id.
    pub fn id(&self) -> &BlobId {
        &self.id
    }

    /// Bytes.
    pub fn len(&self) -> u64 {
        match &self.parts {
            Parts::Whole(bytes) => bytes.len() as u64,
            Parts::Chunks(chunks) => chunks.last().map_or(0, |(_, end)| *end),
        }
    }

    /// Whether it has no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole content, verified. Zero-copy for a blob kept whole in a local lake.
    pub fn read(&self) -> Result<Bytes> {
        match &self.parts {
            Parts::Whole(bytes) => Ok(bytes.clone()),
            Parts::Chunks(_) => {
                let bytes = self.gather(0..self.len(), false)?;
                if Hash::of(&bytes) == self.id.0 {
                    Ok(bytes)
                } else {
                    // Names the damaged chunk, if it is one.
                    self.read_range(0..self.len())?;
                    let reason = "its chunks together do not have the hash that is its id";
                    Err(StoreError::corrupt(format!("blob {}", self.id), self.store.place(), reason))
                }
            }
        }
    }

    /// A range of the content, cut at the blob's end; every chunk it touches is verified.
    pub fn read_range(&self, range: Range<u64>) -> Result<Bytes> {
        self.gather(range, true)
    }

    /// A range of the content, its chunks verified or not.
    fn gather(&self, range: Range<u64>, verify: bool) -> Result<Bytes> {
        let end = range.end.min(self.len());
        let start = range.start.min(end);
        match &self.parts {
            Parts::Whole(bytes) => Ok(bytes.slice(start as usize..end as usize)),
            Parts::Chunks(chunks) => {
                let mut out = BytesMut::with_capacity((end - start) as usize);
                let mut at = chunks.partition_point(|(_, chunk_end)| *chunk_end <= start);
                let mut chunk_start = if at == 0 { 0 } else { chunks[at - 1].1 };
                while let Some((id, chunk_end)) = chunks.get(at).filter(|_| chunk_start < end) {
                    let chunk = if verify { self.store.get(id)? } else { self.store.get_unverified(id)? };
                    if chunk.len() as u64 != chunk_end - chunk_start {
                        let reason = format!("chunk {id} has another length than listed");
                        return Err(StoreError::corrupt(format!("blob {}", self.id), self.store.place(), reason));
                    }
                    let from = start.saturating_sub(chunk_start) as usize;
                    let to = (end.min(*chunk_end) - chunk_start) as usize;
                    out.extend_from_slice(&chunk[from..to]);
                    (chunk_start, at) = (*chunk_end, at + 1);
                }
                Ok(out.freeze())
            }
        }
    }

    /// The ids of the chunks of a blob that is kept in chunks.
    pub fn chunks(&self) -> Vec<Hash> {
        match &self.parts {
            Parts::Whole(_) => Vec::new(),
            Parts::Chunks(chunks) => chunks.iter().map(|(id, _)| *id).collect(),
        }
    }

    /// A reader over the content.
    pub fn reader(&self) -> BlobReader {
        BlobReader { blob: self.clone(), at: 0, window: Bytes::new(), window_start: 0 }
    }
}

/// Reads a blob as a stream; every chunk is verified when it is read.
#[derive(Debug)]
pub struct BlobReader {
    blob: Blob,
    at: u64,
    window: Bytes,
    window_start: u64,
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let window_end = self.window_start + self.window.len() as u64;
        if !(self.window_start..window_end).contains(&self.at) {
            if self.at >= self.blob.len() || buffer.is_empty() {
                return Ok(0);
            }
            let want = self.at..self.at.saturating_add(MAX_CHUNK as u64);
            self.window = self.blob.read_range(want).map_err(io::Error::other)?;
            self.window_start = self.at;
        }
        let part = &self.window[(self.at - self.window_start) as usize..];
        let count = part.len().min(buffer.len());
        buffer[..count].copy_from_slice(&part[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for BlobReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.blob.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = target.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek before the start"))?;
        Ok(self.at)
    }
}
