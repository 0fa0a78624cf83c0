//! One record of a pack's index.

use tamis_core::Hash;

use super::RECORD;

/// How an object's bytes are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Codec {
    /// As they are.
    Raw = 0,
    /// One zstd frame.
    Zstd = 1,
}

/// What an object is, which says how its id is made from its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ObjectKind {
    /// Plain bytes: id = BLAKE3 of the bytes. Small blobs and chunks are plain too.
    Plain = 1,
    /// A blocked object: id = BLAKE3 of its prelude.
    Blocked = 2,
    /// The list of a large blob's chunks: id = BLAKE3 of the blob.
    ChunkList = 3,
}

/// Where an object is in its pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The object's id.
    pub id: Hash,
    /// Where its frame starts in the pack; less than 2^48.
    pub offset: u64,
    /// How it is stored.
    pub codec: Codec,
    /// What it is.
    pub kind: ObjectKind,
    /// Bytes of the frame.
    pub stored: u32,
    /// Bytes of the object.
    pub raw: u32,
}

impl Record {
    pub(crate) fn encode(&self) -> [u8; RECORD] {
        let mut out = [0; RECORD];
        out[..32].copy_from_slice(&self.id.0);
        out[32..38].copy_from_slice(&self.offset.to_le_bytes()[..6]);
        out[38] = self.codec as u8;
        out[39] = self.kind as u8;
        out[40..44].copy_from_slice(&self.stored.to_le_bytes());
        out[44..48].copy_from_slice(&self.raw.to_le_bytes());
        out
    }

    /// Reads a record; the error says what is not known.
    pub(crate) fn decode(bytes: &[u8; RECORD]) -> Result<Record, &'static str> {
        let mut id = [0; 32];
        id.copy_from_slice(&bytes[..32]);
        let mut offset = [0; 8];
        offset[..6].copy_from_slice(&bytes[32..38]);
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Ok(Record {
            id: Hash(id),
            offset: u64::from_le_bytes(offset),
            codec: match bytes[38] {
                0 => Codec::Raw,
                1 => Codec::Zstd,
                _ => return Err("its codec is not known"),
            },
            kind: match bytes[39] {
                1 => ObjectKind::Plain,
                2 => ObjectKind::Blocked,
                3 => ObjectKind::ChunkList,
                _ => return Err("its kind is not known"),
            },
            stored: word(40),
            raw: word(44),
        })
    }
}
