//! Nodes as bytes: the search part first, the summaries after it.

use bytes::Bytes;
use tamis_core::Hash;

use super::{Child, Node, Target};
use crate::error::{Result, TableError};
use crate::leaf::LeafRef;

const MAGIC: [u8; 4] = *b"TNOD";
const VERSION: u8 = 1;
const HAS_OPS: u8 = 1;
/// The most rows or bytes below a child.
const MAX_AMOUNT: u64 = 1 << 48;

fn corrupt(reason: &'static str) -> TableError {
    TableError::Corrupt { what: "node", reason }
}

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads forward; every read is checked.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Reader<'a> {
        Reader { bytes, what }
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let cut = TableError::Corrupt { what: self.what, reason: "it is cut short" };
        let (head, rest) = self.bytes.split_at_checked(length).ok_or(cut)?;
        self.bytes = rest;
        Ok(head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    pub(crate) fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(TableError::Corrupt { what: self.what, reason: "a number is too long" })
    }

    /// A count of things that take at least one byte each.
    pub(crate) fn count(&mut self) -> Result<usize> {
        let too_many = TableError::Corrupt { what: self.what, reason: "a count is larger than the rest" };
        usize::try_from(self.varint()?).ok().filter(|n| *n <= self.bytes.len()).ok_or(too_many)
    }

    /// A number of rows or bytes: small enough that sums of them do not overflow.
    pub(crate) fn amount(&mut self) -> Result<u64> {
        let too_many = TableError::Corrupt { what: self.what, reason: "a number of rows or bytes is too large" };
        Some(self.varint()?).filter(|amount| *amount <= MAX_AMOUNT).ok_or(too_many)
    }

    pub(crate) fn hash(&mut self) -> Result<Hash> {
        let mut hash = [0; 32];
        hash.copy_from_slice(self.take(32)?);
        Ok(Hash(hash))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.count()?;
        self.take(length)
    }

    pub(crate) fn end(&self) -> Result<()> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(TableError::Corrupt { what: self.what, reason: "bytes are left over" })
        }
    }
}

impl Node {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let has_ops = self.children.iter().any(|c| matches!(&c.target, Target::Leaf(leaf) if leaf.ops.is_some()));
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&[VERSION, self.level, if has_ops { HAS_OPS } else { 0 }, 0]);
        put_varint(&mut out, self.children.len() as u64);
        for child in &self.children {
            for key in [&child.first, &child.last] {
                put_varint(&mut out, key.len() as u64);
                out.extend_from_slice(key);
            }
            put_varint(&mut out, child.rows);
            put_varint(&mut out, child.bytes);
            put_varint(&mut out, child.summary.len() as u64);
            match &child.target {
                Target::Node(id) => out.extend_from_slice(&id.0),
                Target::Leaf(leaf) => {
                    out.extend_from_slice(&leaf.keys.0);
                    if has_ops {
                        out.extend_from_slice(&leaf.ops.unwrap_or(Hash::ZERO).0);
                    }
                    // Groups that a newer schema adds must not change the nodes of old rows.
                    let groups = leaf.groups.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
                    put_varint(&mut out, groups as u64);
                    for group in &leaf.groups[..groups] {
                        out.push(u8::from(group.is_some()));
                        if let Some(id) = group {
                            out.extend_from_slice(&id.0);
                        }
                    }
                }
            }
        }
        for child in &self.children {
            out.extend_from_slice(&child.summary);
        }
        out
    }

    pub(crate) fn decode(bytes: &Bytes) -> Result<Node> {
        let mut reader = Reader::new(bytes, "node");
        if reader.take(4)? != MAGIC {
            return Err(corrupt("it does not start as a node"));
        }
        let (version, level, flags, _) = (reader.u8()?, reader.u8()?, reader.u8()?, reader.u8()?);
        if version != VERSION || flags & !HAS_OPS != 0 {
            return Err(TableError::Unsupported { what: "node version" });
        }
        let count = reader.count()?;
        if count == 0 {
            return Err(corrupt("it has no children"));
        }
        let (mut children, mut lengths) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for _ in 0..count {
            let (first, last) = (reader.bytes()?.into(), reader.bytes()?.into());
            let (rows, bytes) = (reader.amount()?, reader.amount()?);
            lengths.push(reader.varint()?);
            let target = if level > 0 {
                Target::Node(reader.hash()?)
            } else {
                let keys = reader.hash()?;
                let ops = if flags & HAS_OPS != 0 { Some(reader.hash()?) } else { None };
                let mut groups = Vec::new();
                for _ in 0..reader.count()? {
                    groups.push(if reader.u8()? == 0 { None } else { Some(reader.hash()?) });
                }
                Target::Leaf(LeafRef { keys, ops, groups })
            };
            children.push(Child { first, last, rows, bytes, target, summary: Bytes::new() });
        }
        for (child, length) in children.iter_mut().zip(lengths) {
            let length = usize::try_from(length).map_err(|_| corrupt("a summary is too long"))?;
            child.summary = bytes.slice_ref(reader.take(length)?);
        }
        reader.end()?;
        let in_order =
            children.iter().all(|c| c.first <= c.last) && children.windows(2).all(|w| w[0].last < w[1].first);
        if !in_order {
            return Err(corrupt("its children are not in order"));
        }
        Ok(Node { level, children })
    }
}
