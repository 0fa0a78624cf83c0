//! Arrow to page: shred, then write every block's chunks.

use arrow::array::{Array, StructArray};

use super::header::{HAS_BLOCKS, MAGIC, VERSION};
use super::ints;
use super::numbers::Prepared;
use super::shred::{Shredded, Shredder, Values};
use super::wire::put_varint;
use super::{BLOCK_ROWS, FREE_ELEMENTS, MAX_BLOCK, MAX_ROWS, MAX_UNZIPPED, PADDING};
use crate::error::TableError;

/// A page on its way into the store: the parts of a blocked object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncodedPage {
    /// The header.
    pub header: Vec<u8>,
    /// One block every 256 rows, or none.
    pub blocks: Vec<Vec<u8>>,
}

impl EncodedPage {
    /// Bytes of header and blocks.
    pub fn len(&self) -> usize {
        self.header.len() + self.blocks.iter().map(Vec::len).sum::<usize>()
    }

    /// Whether there are no bytes at all, which no encoded page is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The blocks as [`tamis_store`]'s writer takes them.
    pub fn block_slices(&self) -> Vec<&[u8]> {
        self.blocks.iter().map(Vec::as_slice).collect()
    }
}

/// Encodes one column group: at most 131,072 rows. O(values).
///
/// The same values give the same bytes, however the arrays are sliced and whatever lies below nulls.
/// Fails with [`TableError::Unsupported`] for column types that pages do not hold and for groups over
/// the limits of docs/spec/page.md.
pub fn encode(group: &StructArray) -> Result<EncodedPage, TableError> {
    let rows = group.len();
    if rows > MAX_ROWS {
        return Err(TableError::Unsupported { what: "page of more than 131,072 rows" });
    }
    let blocks = rows.div_ceil(BLOCK_ROWS);
    let ends = (1..=blocks).map(|b| (b * BLOCK_ROWS).min(rows)).collect();
    let (root, shredded) = Shredder::shred(group, ends)?;
    if shredded.streams.len() > usize::from(u16::MAX) {
        return Err(TableError::Unsupported { what: "schema with more than 65,535 streams" });
    }
    let has_blocks = !shredded.streams.is_empty() || shredded.most.iter().any(|n| *n > FREE_ELEMENTS);
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&[VERSION, if has_blocks { HAS_BLOCKS } else { 0 }]);
    put_varint(&mut header, rows as u64);
    header.extend_from_slice(&root);
    let mut page = EncodedPage { header, blocks: Vec::new() };
    if has_blocks {
        for (b, most) in shredded.most.iter().enumerate() {
            page.blocks.push(block(&shredded.streams, b, *most)?);
        }
    }
    Ok(page)
}

fn part<'a, T>(values: &'a [T], ends: &[usize], b: usize) -> &'a [T] {
    let from = if b == 0 { 0 } else { ends[b - 1] };
    &values[from..ends[b]]
}

fn block(streams: &[Shredded], b: usize, most: usize) -> Result<Vec<u8>, TableError> {
    let mut starts = Vec::with_capacity(streams.len());
    let mut body = Vec::new();
    let mut prepared: Vec<(u16, usize, Prepared)> = Vec::new();
    for (slot, stream) in streams.iter().enumerate() {
        starts.push(body.len());
        match &stream.values {
            Values::Ints(values) => ints::encode(part(values, &stream.ends, b), false, &mut body),
            Values::Numbers { bits, number, family } => {
                let mut own = Prepared::choose(part(bits, &stream.ends, b), *number);
                let siblings: Vec<(u16, &Prepared)> =
                    prepared.iter().filter(|(_, f, _)| f == family).map(|(s, _, p)| (*s, p)).rev().take(4).collect();
                own.encode(&siblings, &mut body);
                prepared.push((slot as u16, *family, own));
            }
            Values::Bytes { content, ends } => {
                let values = part(content, ends, b);
                let from = if b == 0 { 0 } else { stream.ends[b - 1] };
                bytes_chunk(values, stream.ends[b] - from, &mut body);
            }
        }
    }
    starts.push(body.len());
    let small = 1 + 2 * starts.len() + body.len() <= usize::from(u16::MAX);
    let head = 1 + starts.len() * if small { 2 } else { 4 };
    let len = (head + body.len() + PADDING).max(most.saturating_sub(FREE_ELEMENTS).div_ceil(8));
    if len > MAX_BLOCK {
        return Err(TableError::Unsupported { what: "block of 256 rows over 1 GiB" });
    }
    let mut out = Vec::with_capacity(len);
    out.push(u8::from(!small));
    for start in starts {
        let at = head + start;
        if small {
            out.extend_from_slice(&(at as u16).to_le_bytes());
        } else {
            out.extend_from_slice(&(at as u32).to_le_bytes());
        }
    }
    out.extend_from_slice(&body);
    out.resize(len, 0);
    Ok(out)
}

/// Mean length of values from which compressing is tried.
const LONG: usize = 64;
const ZSTD_LEVEL: i32 = 3;

fn bytes_chunk(content: &[u8], values: usize, out: &mut Vec<u8>) {
    if content.is_empty() {
        return;
    }
    if content.len() > LONG * values
        && u32::try_from(content.len()).is_ok()
        && let Ok(frame) = zstd::bulk::compress(content, ZSTD_LEVEL)
        && frame.len() * 5 < content.len() * 4
        && content.len() <= MAX_UNZIPPED + 256 * frame.len()
    {
        out.push(1);
        out.extend_from_slice(&(content.len() as u32).to_le_bytes());
        out.extend_from_slice(&frame);
        return;
    }
    out.push(0);
    out.extend_from_slice(content);
}
