//! Packs: immutable files of many objects with a sorted index at the end.
//!
//! The format is docs/spec/pack.md. [`PackBuilder`] writes one, [`Pack`] finds and reads objects
//! in one. A pack's name is the BLAKE3 of its index, which names its contents.

mod builder;
mod reader;
mod record;

pub(crate) use builder::PackBuilder;
pub use reader::Pack;
pub(crate) use reader::decode;
pub use record::{Codec, ObjectKind, Record};

/// The first bytes of a pack.
pub(crate) const MAGIC: [u8; 8] = *b"TAMISPK\x01";
/// Bytes before the first frame: magic, required feature flags, reserved.
pub(crate) const HEADER: usize = 16;
/// Bytes of an index record.
pub(crate) const RECORD: usize = 48;
/// Bytes at the very end: index hash 32, count 8, index offset 8, flags 4, reserved 4, magic 8.
pub(crate) const TRAILER: usize = 64;
/// The last bytes of a pack.
pub(crate) const END_MAGIC: [u8; 8] = *b"\x01KPSIMAT";

/// The id of the pack at a path; [`None`] when it is no pack's path.
pub(crate) fn id_of(path: &str) -> Option<tamis_core::Hash> {
    let hex = path.strip_prefix("packs/")?.strip_suffix(".pack")?;
    tamis_core::Hash::from_hex(hex).ok()
}

/// The path of a pack in its lake.
pub(crate) fn path_of(id: &tamis_core::Hash) -> String {
    format!("packs/{id}.pack")
}
