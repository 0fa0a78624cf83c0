//! The root of a version as bytes. docs/spec/table.md §3.

use tamis_core::Hash;

use crate::cut::CutRule;
use crate::error::{Result, TableError};
use crate::node::wire::{Reader, put_varint};
use crate::summary::{self, Summary};

const MAGIC: [u8; 4] = *b"TTBL";
const VERSION: u8 = 1;

/// What a version is made of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Root {
    pub(crate) schema: Hash,
    pub(crate) cut: CutRule,
    /// The root node of the base tree.
    pub(crate) base: Option<Hash>,
    pub(crate) base_rows: u64,
    /// Oldest first.
    pub(crate) deltas: Vec<DeltaRef>,
    pub(crate) summary: Summary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeltaRef {
    pub(crate) node: Hash,
    /// Rows in the delta, tombstones included.
    pub(crate) rows: u64,
}

impl Root {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        out.extend_from_slice(&self.schema.0);
        for number in [self.cut.min, self.cut.target, self.cut.max, self.cut.rare, self.cut.frequent] {
            put_varint(&mut out, number.into());
        }
        out.push(u8::from(self.base.is_some()));
        if let Some(base) = &self.base {
            out.extend_from_slice(&base.0);
        }
        put_varint(&mut out, self.base_rows);
        put_varint(&mut out, self.deltas.len() as u64);
        for delta in &self.deltas {
            out.extend_from_slice(&delta.node.0);
            put_varint(&mut out, delta.rows);
        }
        let mut encoded = Vec::new();
        summary::encode(&self.summary, &mut encoded);
        put_varint(&mut out, encoded.len() as u64);
        out.extend_from_slice(&encoded);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Root> {
        let mut reader = Reader::new(bytes, "table");
        if reader.take(4)? != MAGIC {
            return Err(TableError::Corrupt { what: "table", reason: "it does not start as a table" });
        }
        if reader.u8()? != VERSION {
            return Err(TableError::Unsupported { what: "table version" });
        }
        let schema = reader.hash()?;
        let mut number = || {
            let value = reader.varint()?;
            u32::try_from(value).map_err(|_| TableError::Corrupt { what: "table", reason: "a cut rule is too large" })
        };
        let cut = CutRule { min: number()?, target: number()?, max: number()?, rare: number()?, frequent: number()? };
        if cut.min == 0 || cut.max < cut.min || cut.max > crate::page::MAX_ROWS as u32 {
            return Err(TableError::Corrupt { what: "table", reason: "its cut rule makes no leaves" });
        }
        let base = if reader.u8()? == 0 { None } else { Some(reader.hash()?) };
        let base_rows = reader.amount()?;
        let mut deltas = Vec::new();
        for _ in 0..reader.count()? {
            deltas.push(DeltaRef { node: reader.hash()?, rows: reader.amount()? });
        }
        let summary = summary::decode(reader.bytes()?)?;
        reader.end()?;
        Ok(Root { schema, cut, base, base_rows, deltas, summary })
    }
}
