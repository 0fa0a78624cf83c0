//! Writes a pack.

use std::sync::Arc;

use bytes::Bytes;
use tamis_core::Hash;

use super::{Codec, END_MAGIC, HEADER, MAGIC, ObjectKind, Pack, RECORD, Record, TRAILER, path_of};
use crate::backend::{Backend, NewFile, SyncWork};
use crate::error::{Result, StoreError};

/// A pack being written. Dropped unpublished, it leaves no trace.
#[derive(Debug)]
pub(crate) struct PackBuilder {
    file: Box<dyn NewFile>,
    size: u64,
    records: Vec<Record>,
}

impl PackBuilder {
    pub(crate) fn new(backend: &dyn Backend, size_hint: u64) -> Result<PackBuilder> {
        let mut file = backend.create(size_hint)?;
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(&MAGIC);
        file.append(&header)?;
        Ok(PackBuilder { file, size: HEADER as u64, records: Vec::new() })
    }

    /// Bytes written so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Appends the parts of one frame and returns its record.
    pub(crate) fn append(
        &mut self,
        id: Hash,
        kind: ObjectKind,
        codec: Codec,
        raw: usize,
        parts: &[&[u8]],
    ) -> Result<Record> {
        let too_large = |_| StoreError::Internal("an object of 4 GiB or more");
        let stored: usize = parts.iter().map(|part| part.len()).sum();
        let record = Record {
            id,
            offset: self.size,
            codec,
            kind,
            stored: u32::try_from(stored).map_err(too_large)?,
            raw: u32::try_from(raw).map_err(too_large)?,
        };
        match parts {
            [one] => self.file.append(one)?,
            // One append a frame, so that a frame can be read back while the file is written.
            many => self.file.append(&many.concat())?,
        }
        self.size += stored as u64;
        self.records.push(record);
        Ok(record)
    }

    /// Reads back a frame.
    pub(crate) fn read(&self, record: &Record) -> Result<Bytes> {
        self.file.read(record.offset..record.offset + u64::from(record.stored))
    }

    /// Work that makes the frames durable beside further writing; see [`NewFile::start_sync`].
    pub(crate) fn start_sync(&mut self) -> Result<Option<SyncWork>> {
        self.file.start_sync()
    }

    /// Writes the index, makes the pack durable and visible, and opens it.
    pub(crate) fn publish(mut self, backend: &dyn Backend) -> Result<Arc<Pack>> {
        self.records.sort_unstable_by_key(|record| (record.id, record.offset));
        let mut index = Vec::with_capacity(self.records.len() * RECORD + TRAILER);
        for record in &self.records {
            index.extend_from_slice(&record.encode());
        }
        let id = Hash::of(&index);
        index.extend_from_slice(&id.0);
        index.extend_from_slice(&(self.records.len() as u64).to_le_bytes());
        index.extend_from_slice(&self.size.to_le_bytes());
        index.extend_from_slice(&[0; 8]);
        index.extend_from_slice(&END_MAGIC);
        self.file.append(&index)?;
        let path = path_of(&id);
        let file = self.file.publish(&path)?;
        Ok(Arc::new(Pack::open(file, id, format!("{}/{path}", backend.place()))?))
    }
}
