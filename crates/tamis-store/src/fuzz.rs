//! Entry points of the fuzz targets: any bytes in, no panic out. Not part of the interface.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tamis_core::Hash;

use crate::backend::ReadFile;
use crate::blob::List;
use crate::error::{Result, StoreError};
use crate::pack::{END_MAGIC, HEADER, Pack, RECORD, TRAILER};

#[derive(Debug)]
struct InMemory(Bytes);

impl ReadFile for InMemory {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let inside = range.start <= range.end && range.end <= self.size();
        let part = || self.0.slice(range.start as usize..range.end as usize);
        inside.then(part).ok_or(StoreError::Internal("a range outside the file"))
    }
}

/// A pack: as it is, and with the trailer that its bytes ought to have, so that the index behind the hash is reached.
pub fn pack(input: &[u8]) {
    read_pack(Bytes::copy_from_slice(input), trailer_id(input));
    let body = input.len().saturating_sub(HEADER) / RECORD;
    let count = input.first().map_or(0, |first| usize::from(*first).min(body));
    let index_offset = input.len() - count * RECORD;
    let id = Hash::of(&input[index_offset..]);
    let mut whole = input.to_vec();
    whole.extend_from_slice(&id.0);
    for word in [count as u64, index_offset as u64, 0] {
        whole.extend_from_slice(&word.to_le_bytes());
    }
    whole.extend_from_slice(&END_MAGIC);
    read_pack(whole.into(), id);
}

fn trailer_id(input: &[u8]) -> Hash {
    let trailer = input.len().checked_sub(TRAILER).and_then(|start| input.get(start..start + 32));
    trailer.and_then(|id| id.try_into().ok()).map_or(Hash::ZERO, Hash)
}

fn read_pack(bytes: Bytes, id: Hash) {
    let Ok(pack) = Pack::open(Arc::new(InMemory(bytes)), id, String::from("fuzz")) else { return };
    let _ = pack.check_index();
    for record in pack.records().flatten() {
        let _ = pack.find(&record.id);
        if let Ok(frame) = pack.frame(&record) {
            let _ = pack.decode(&record, frame);
        }
    }
}

/// A list of chunks: as it is, and with the checksum that it ought to have.
pub fn chunk_list(input: &[u8]) {
    let _ = List::decode(input);
    let _ = List::decode(&[input, &Hash::of(input).0].concat());
}
