//! The header of a page: its tree of nodes, what is constant, its dictionaries (docs/spec/page.md §2).

use std::ops::Range;

use bytes::Bytes;

use super::dictionary::Dictionary;
use super::wire::Cursor;
use super::{BLOCK_ROWS, MAX_LEVELS, MAX_NAME, MAX_NODES, MAX_ROWS, corrupt};
use crate::error::TableError;

pub(crate) const MAGIC: [u8; 4] = *b"TPGE";
pub(crate) const VERSION: u8 = 1;
pub(crate) const HAS_BLOCKS: u8 = 1;
pub(crate) const CONSTANT: u8 = 0x10;
pub(crate) const EXTRA: u8 = 0x20;
pub(crate) const VALIDITY: u8 = 0x80;

/// Numbers of the node kinds.
pub(crate) mod kind {
    pub(crate) const STRUCT: u8 = 0;
    pub(crate) const LIST: u8 = 1;
    pub(crate) const FIXED_LIST: u8 = 2;
    pub(crate) const BOOL: u8 = 3;
    pub(crate) const INT: u8 = 4;
    pub(crate) const F32: u8 = 5;
    pub(crate) const F64: u8 = 6;
    pub(crate) const BINARY: u8 = 7;
    pub(crate) const UTF8: u8 = 8;
    pub(crate) const FIXED_BINARY: u8 = 9;
    pub(crate) const MAP: u8 = 10;
}

/// Where a stream's values are: in every block under a number, or one value for the whole page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Slot(u16),
    Constant(u64),
}

/// What a node holds, with its streams.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Struct,
    List { lengths: Stream, map: bool },
    FixedList { size: usize },
    Bool(Stream),
    Int { bytes: u8, signed: bool, values: Stream },
    F32(Stream),
    F64(Stream),
    Bytes { utf8: bool, lengths: Stream, bytes: u16 },
    FixedBytes { width: usize, bytes: u16 },
    Coded { kind: u8, width: usize, codes: Stream, dictionary: Dictionary },
}

/// One node; its subtree is the nodes up to `end`.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) content: Content,
    pub(crate) validity: Option<u16>,
    name: Range<usize>,
    /// Number of the first node after the subtree.
    pub(crate) end: usize,
}

/// A parsed header.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    bytes: Bytes,
    pub(crate) rows: usize,
    pub(crate) nodes: Vec<Node>,
    /// Streams in every block.
    pub(crate) slots: usize,
    pub(crate) has_blocks: bool,
}

impl Header {
    /// Parses and checks a header. O(its size).
    pub(crate) fn parse(bytes: &Bytes) -> Result<Header, TableError> {
        let mut cursor = Cursor::new(bytes);
        if cursor.take(4)? != MAGIC {
            return Err(corrupt("not a page"));
        }
        if cursor.u8()? != VERSION {
            return Err(TableError::Unsupported { what: "page version" });
        }
        let features = cursor.u8()?;
        if features & !HAS_BLOCKS != 0 {
            return Err(TableError::Unsupported { what: "page feature" });
        }
        let rows = cursor.count(MAX_ROWS)?;
        let mut parser = Parser { cursor, header: bytes, nodes: Vec::with_capacity(32), slots: 0 };
        parser.node(true, 0)?;
        if parser.cursor.position() != bytes.len() {
            return Err(corrupt("bytes after the header"));
        }
        if !matches!(parser.nodes.first(), Some(Node { content: Content::Struct, .. })) {
            return Err(corrupt("root is not a struct"));
        }
        let (nodes, slots) = (parser.nodes, usize::from(parser.slots));
        let has_blocks = features & HAS_BLOCKS != 0;
        if slots > 0 && !has_blocks {
            return Err(corrupt("streams without blocks"));
        }
        Ok(Header { bytes: bytes.clone(), rows, nodes, slots, has_blocks })
    }

    /// The node's name; empty where it has none.
    pub(crate) fn name(&self, node: &Node) -> &[u8] {
        self.bytes.get(node.name.clone()).unwrap_or_default()
    }

    /// How many blocks the page must have.
    pub(crate) fn blocks(&self) -> usize {
        if self.has_blocks { self.rows.div_ceil(BLOCK_ROWS) } else { 0 }
    }
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    header: &'a Bytes,
    nodes: Vec<Node>,
    slots: u16,
}

impl Parser<'_> {
    fn slot(&mut self) -> u16 {
        self.slots += 1;
        self.slots - 1
    }

    fn node(&mut self, nameless: bool, level: usize) -> Result<(), TableError> {
        if self.nodes.len() == MAX_NODES || level == MAX_LEVELS {
            return Err(corrupt("too many or too deep nodes"));
        }
        let first = self.cursor.u8()?;
        let (code, constant, extra) = (first & 15, first & CONSTANT != 0, first & EXTRA != 0);
        let mut name = 0..0;
        if !nameless {
            let len = self.cursor.count(MAX_NAME)?;
            let at = self.cursor.position();
            self.cursor.take(len)?;
            name = at..at + len;
        }
        let validity = (first & VALIDITY != 0).then(|| self.slot());
        let number = self.nodes.len();
        self.nodes.push(Node { content: Content::Struct, validity, name, end: 0 });
        let content = match code {
            kind::STRUCT => {
                for _ in 0..self.cursor.count(MAX_NODES)? {
                    self.node(false, level + 1)?;
                }
                Content::Struct
            }
            kind::LIST | kind::MAP => {
                let lengths =
                    if constant { Stream::Constant(self.cursor.varint()?) } else { Stream::Slot(self.slot()) };
                self.item(extra, level)?;
                Content::List { lengths, map: code == kind::MAP }
            }
            kind::FIXED_LIST => {
                let size = self.cursor.count(i32::MAX as usize)?;
                self.item(extra, level)?;
                Content::FixedList { size }
            }
            kind::BOOL => Content::Bool(self.value(constant)?),
            kind::INT => {
                let shape = self.cursor.u8()?;
                Content::Int { bytes: 1 << (shape & 3), signed: shape & 4 != 0, values: self.value(constant)? }
            }
            kind::F32 => Content::F32(self.value(constant)?),
            kind::F64 => Content::F64(self.value(constant)?),
            kind::BINARY | kind::UTF8 | kind::FIXED_BINARY => self.bytes(code, constant, extra)?,
            _ => return Err(corrupt("unknown kind of node")),
        };
        let end = self.nodes.len();
        if let Some(node) = self.nodes.get_mut(number) {
            node.content = content;
            node.end = end;
        }
        Ok(())
    }

    fn item(&mut self, present: bool, level: usize) -> Result<(), TableError> {
        if present { self.node(true, level + 1) } else { Ok(()) }
    }

    fn value(&mut self, constant: bool) -> Result<Stream, TableError> {
        Ok(if constant { Stream::Constant(self.cursor.u64()?) } else { Stream::Slot(self.slot()) })
    }

    fn bytes(&mut self, code: u8, constant: bool, extra: bool) -> Result<Content, TableError> {
        let utf8 = code == kind::UTF8;
        let fixed = code == kind::FIXED_BINARY;
        let width = if fixed { self.cursor.count(i32::MAX as usize)? } else { 0 };
        if extra {
            let dictionary = Dictionary::read(&mut self.cursor, self.header, utf8)?;
            if fixed && dictionary.entries().any(|e| e.len() != width) {
                return Err(corrupt("dictionary entry of the wrong width"));
            }
            let codes = if dictionary.len() == 1 { Stream::Constant(0) } else { Stream::Slot(self.slot()) };
            return Ok(Content::Coded { kind: code, width, codes, dictionary });
        }
        if fixed {
            return Ok(Content::FixedBytes { width, bytes: self.slot() });
        }
        let lengths = if constant { Stream::Constant(self.cursor.varint()?) } else { Stream::Slot(self.slot()) };
        Ok(Content::Bytes { utf8, lengths, bytes: self.slot() })
    }
}
