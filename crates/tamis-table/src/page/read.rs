//! Page to Arrow: every read is a list of spans of rows, and each node turns its spans of elements into
//! an array and into the spans of its children.
//!
//! A scan has one span a block, a point read one span of one row: the same code serves both, and a
//! point read touches only what lies before its row in the lengths it needs.

use std::ops::Range;

use arrow::array::{ArrayRef, BooleanBufferBuilder, StructArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use std::sync::Arc;

use super::block::Block;
use super::header::{Content, Header, Node, Stream};
use super::projection::{Projection, Target};
use super::{BLOCK_ROWS, Blocks, corrupt, leaf};
use crate::error::TableError;

/// An open page: the parsed header over blocks that are fetched when a read needs them.
pub struct Page {
    blocks: Box<dyn Blocks>,
    header: Header,
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page").field("rows", &self.header.rows).field("nodes", &self.header.nodes.len()).finish()
    }
}

/// `len` elements of one node from `start` in one of the open blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Index into [`Reader::blocks`].
    pub(crate) block: u32,
    pub(crate) start: u32,
    pub(crate) len: u32,
}

/// The spans of one node and the slots that its array will have.
///
/// INVARIANT: `count` is the sum of the spans' lengths; without `present`, it is the number of slots;
/// with it, the number of set bits.
pub(crate) struct Elements {
    pub(crate) spans: Vec<Span>,
    pub(crate) count: usize,
    pub(crate) present: Option<BooleanBuffer>,
}

impl Elements {
    pub(crate) fn slots(&self) -> usize {
        self.present.as_ref().map_or(self.count, BooleanBuffer::len)
    }

    /// The null buffer of a field: what is not present.
    fn nulls(&self) -> Option<NullBuffer> {
        self.present.clone().map(NullBuffer::new)
    }
}

impl Page {
    /// Opens a page: parses and checks its header, touches no block. O(header).
    pub fn open(blocks: impl Blocks + 'static) -> Result<Page, TableError> {
        let header = Header::parse(&blocks.header())?;
        if blocks.blocks() != header.blocks() {
            return Err(corrupt("wrong number of blocks"));
        }
        Ok(Page { blocks: Box::new(blocks), header })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.header.rows
    }

    /// Whether the page has no rows.
    pub fn is_empty(&self) -> bool {
        self.header.rows == 0
    }

    /// Reads a range of rows: one struct of the projection's fields for each. Fields that the page
    /// does not have are null. Fails with [`TableError::OutOfRange`] past the end, with
    /// [`TableError::Mismatch`] where a field's type or nullability is not the stored one.
    pub fn scan(&self, rows: Range<usize>, projection: &Projection) -> Result<StructArray, TableError> {
        if rows.start > rows.end || rows.end > self.len() {
            return Err(TableError::OutOfRange { row: rows.end, rows: self.len() });
        }
        let mut reader = Reader::new(self);
        let mut spans = Vec::with_capacity(rows.len() / BLOCK_ROWS + 2);
        let mut row = rows.start;
        while row < rows.end {
            let end = ((row / BLOCK_ROWS + 1) * BLOCK_ROWS).min(rows.end);
            let block = reader.load(row / BLOCK_ROWS)?;
            spans.push(Span { block, start: (row % BLOCK_ROWS) as u32, len: (end - row) as u32 });
            row = end;
        }
        reader.rows(spans, rows.len(), projection)
    }

    /// Reads single rows, in the order given; repeated rows are allowed. O(rows), and cheaper where
    /// rows of one block stand together in ascending order. Errors as [`Page::scan`].
    pub fn take(&self, rows: &[u32], projection: &Projection) -> Result<StructArray, TableError> {
        let mut reader = Reader::new(self);
        let mut spans: Vec<Span> = Vec::with_capacity(rows.len());
        for &row in rows {
            let row = row as usize;
            if row >= self.len() {
                return Err(TableError::OutOfRange { row, rows: self.len() });
            }
            let block = reader.load(row / BLOCK_ROWS)?;
            let start = (row % BLOCK_ROWS) as u32;
            match spans.last_mut() {
                Some(last) if last.block == block && last.start + last.len == start => last.len += 1,
                _ => spans.push(Span { block, start, len: 1 }),
            }
        }
        reader.rows(spans, rows.len(), projection)
    }
}

/// One read: the blocks it has opened.
pub(crate) struct Reader<'a> {
    page: &'a Page,
    pub(crate) blocks: Vec<Block>,
    numbers: Vec<usize>,
}

impl<'a> Reader<'a> {
    fn new(page: &'a Page) -> Reader<'a> {
        Reader { page, blocks: Vec::new(), numbers: Vec::new() }
    }

    /// Opens block `number` unless it is open.
    fn load(&mut self, number: usize) -> Result<u32, TableError> {
        // Reads come mostly in order, so the last one is tried first; blocks of a page are few.
        if let Some(at) = self.numbers.iter().rposition(|n| *n == number) {
            return Ok(at as u32);
        }
        let header = &self.page.header;
        let block =
            if header.has_blocks { Block::open(self.page.blocks.block(number)?, header.slots)? } else { Block::none() };
        self.blocks.push(block);
        self.numbers.push(number);
        Ok(self.blocks.len() as u32 - 1)
    }

    pub(crate) fn block(&self, span: Span) -> Result<&Block, TableError> {
        self.blocks.get(span.block as usize).ok_or_else(|| corrupt("block missing"))
    }

    fn rows(&self, spans: Vec<Span>, count: usize, projection: &Projection) -> Result<StructArray, TableError> {
        let root = self.node(0)?;
        let elements = self.validity(root, Elements { spans, count, present: None })?;
        let columns = self.fields(0, &projection.targets, &elements)?;
        StructArray::try_new_with_length(projection.fields().clone(), columns, elements.nulls(), count)
            .map_err(leaf::broken)
    }

    fn node(&self, number: usize) -> Result<&'a Node, TableError> {
        self.page.header.nodes.get(number).ok_or_else(|| corrupt("node missing"))
    }

    /// The arrays of a struct's fields.
    fn fields(&self, parent: usize, targets: &[Target], elements: &Elements) -> Result<Vec<ArrayRef>, TableError> {
        let end = self.node(parent)?.end;
        let mut next = parent + 1;
        let mut columns = Vec::with_capacity(targets.len());
        for target in targets {
            // Fields mostly stand in the schema's order, so the search starts after the last one found.
            let name = target.field.name().as_bytes();
            let found = match self.find(name, next, end)? {
                None => self.find(name, parent + 1, next.min(end))?,
                found => found,
            };
            match found {
                None => columns.push(absent(target, elements)?),
                Some(number) => {
                    columns.push(self.column(number, target, elements)?);
                    next = self.node(number)?.end;
                }
            }
        }
        Ok(columns)
    }

    fn find(&self, name: &[u8], mut from: usize, end: usize) -> Result<Option<usize>, TableError> {
        while from < end {
            let node = self.node(from)?;
            if self.page.header.name(node) == name {
                return Ok(Some(from));
            }
            from = node.end;
        }
        Ok(None)
    }

    /// The array of one node for `elements` of its parent.
    fn column(&self, number: usize, target: &Target, parent: &Elements) -> Result<ArrayRef, TableError> {
        let node = self.node(number)?;
        let own;
        let elements = match node.validity {
            None => parent,
            Some(_) if !target.field.is_nullable() => return Err(mismatch(target)),
            Some(_) => {
                let spans = parent.spans.clone();
                own = self.validity(node, Elements { spans, count: parent.count, present: parent.present.clone() })?;
                &own
            }
        };
        let nulls = if target.field.is_nullable() { elements.nulls() } else { None };
        match &node.content {
            Content::Struct => self.structs(number, target, elements, nulls),
            Content::List { lengths, map } => self.lists(number, *lengths, *map, target, elements, nulls),
            Content::FixedList { size } => self.fixed_lists(number, *size, target, elements, nulls),
            content => leaf::array(self, content, target, elements, nulls),
        }
    }

    /// Narrows `elements` to the valid ones.
    fn validity(&self, node: &Node, elements: Elements) -> Result<Elements, TableError> {
        let Some(slot) = node.validity else { return Ok(elements) };
        let mut bits = BooleanBufferBuilder::new(elements.count);
        let mut spans = Vec::with_capacity(elements.spans.len());
        let mut count = 0;
        let mut before = Before::default();
        for &span in elements.spans.iter().filter(|s| s.len > 0) {
            let ints = self.block(span)?.ints(Stream::Slot(slot))?;
            let (start, len) = (span.start as usize, span.len as usize);
            match ints.as_bits(start, len)? {
                Ok(packed) => bits.append_packed_range(start..start + len, packed),
                Err(all) => bits.append_n(len, all),
            }
            let from = before.advance(span, |from, n| ints.ones(from, n))?;
            let valid = ints.ones(start, len)?;
            before.end(span, from + valid);
            count += valid;
            spans.push(Span { block: span.block, start: from as u32, len: valid as u32 });
        }
        let bits = bits.build();
        let present = match &elements.present {
            None => bits,
            Some(outer) => scatter_bits(&bits, outer),
        };
        Ok(Elements { spans, count, present: Some(present) })
    }

    fn structs(
        &self,
        number: usize,
        target: &Target,
        elements: &Elements,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef, TableError> {
        let arrow::datatypes::DataType::Struct(fields) = target.field.data_type() else { return Err(mismatch(target)) };
        let columns = self.fields(number, &target.children, elements)?;
        Ok(Arc::new(
            StructArray::try_new_with_length(fields.clone(), columns, nulls, elements.slots()).map_err(leaf::broken)?,
        ))
    }

    fn lists(
        &self,
        number: usize,
        lengths: Stream,
        map: bool,
        target: &Target,
        elements: &Elements,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef, TableError> {
        let (lengths, items) = self.lengths(lengths, elements, Block::most)?;
        let values = self.item(number, target, items)?;
        leaf::list_array(target, map, &lengths, elements, values, nulls)
    }

    fn fixed_lists(
        &self,
        number: usize,
        size: usize,
        target: &Target,
        elements: &Elements,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef, TableError> {
        let mut spans = Vec::with_capacity(elements.spans.len());
        for span in &elements.spans {
            let most = self.block(*span)?.most();
            let times = |n: u32| (n as usize).checked_mul(size).filter(|n| *n <= most).map(|n| n as u32);
            let (Some(start), Some(len)) = (times(span.start), times(span.len)) else {
                return Err(corrupt("more elements than the block allows"));
            };
            spans.push(Span { block: span.block, start, len });
        }
        let present = match &elements.present {
            None => None,
            Some(bits) => Some(repeat_bits(bits, size)?),
        };
        let items = Elements { spans, count: elements.count * size, present };
        let values = self.item(number, target, items)?;
        leaf::fixed_list_array(target, size, elements.slots(), values, nulls)
    }

    /// The item of a list, whose elements are `items`.
    fn item(&self, number: usize, target: &Target, items: Elements) -> Result<ArrayRef, TableError> {
        let item = target.children.first().ok_or_else(|| mismatch(target))?;
        if number + 1 < self.node(number)?.end { self.column(number + 1, item, &items) } else { absent(item, &items) }
    }

    /// Lengths of the present elements, and the spans of what they are lengths of, of which a block
    /// has at most what `most` says.
    pub(crate) fn lengths(
        &self,
        stream: Stream,
        elements: &Elements,
        most: impl Fn(&Block) -> usize,
    ) -> Result<(Vec<u32>, Elements), TableError> {
        let mut lengths = vec![0u32; elements.count];
        let mut spans = Vec::with_capacity(elements.spans.len());
        let (mut at, mut count) = (0, 0);
        let mut before = Before::default();
        for &span in elements.spans.iter().filter(|s| s.len > 0) {
            let block = self.block(span)?;
            let ints = block.ints(stream)?;
            let from = before.advance(span, |from, n| ints.sum(from, n))?;
            let part = lengths.get_mut(at..at + span.len as usize).ok_or_else(|| corrupt("spans disagree"))?;
            ints.read(span.start as usize, part)?;
            let total: u64 = part.iter().map(|n| u64::from(*n)).sum();
            if from as u64 + total > most(block) as u64 {
                return Err(corrupt("more elements than the block allows"));
            }
            before.end(span, from + total as usize);
            at += part.len();
            count += total as usize;
            spans.push(Span { block: span.block, start: from as u32, len: total as u32 });
        }
        Ok((lengths, Elements { spans, count, present: None }))
    }
}

/// How many children lie before a span, carried on from the span before it where that is nearer.
#[derive(Default)]
pub(crate) struct Before {
    last: Option<(u32, u32, usize)>,
}

impl Before {
    fn advance(
        &self,
        span: Span,
        count: impl Fn(usize, usize) -> Result<usize, TableError>,
    ) -> Result<usize, TableError> {
        match self.last {
            Some((block, at, known)) if block == span.block && at <= span.start => {
                Ok(known + if at == span.start { 0 } else { count(at as usize, (span.start - at) as usize)? })
            }
            _ if span.start == 0 => Ok(0),
            _ => count(0, span.start as usize),
        }
    }

    fn end(&mut self, span: Span, known: usize) {
        self.last = Some((span.block, span.start + span.len, known));
    }
}

/// The array of a field that the page does not have: nulls.
fn absent(target: &Target, elements: &Elements) -> Result<ArrayRef, TableError> {
    if target.field.is_nullable() || elements.slots() == 0 || elements.count == 0 {
        return match target.field.is_nullable() || elements.slots() == 0 {
            true => Ok(target.nulls(elements.slots())),
            false => leaf::defaults(target.field.data_type(), elements.slots()),
        };
    }
    Err(mismatch(target))
}

pub(crate) fn mismatch(target: &Target) -> TableError {
    TableError::Mismatch { field: target.field.name().clone() }
}

/// Spreads `bits` over the set bits of `outer`.
pub(crate) fn scatter_bits(bits: &BooleanBuffer, outer: &BooleanBuffer) -> BooleanBuffer {
    let mut out = BooleanBufferBuilder::new(outer.len());
    let mut at = 0;
    let mut from = 0;
    for (start, end) in outer.set_slices() {
        out.append_n(start - at, false);
        out.append_buffer(&bits.slice(from, end - start));
        from += end - start;
        at = end;
    }
    out.append_n(outer.len() - at, false);
    out.build()
}

fn repeat_bits(bits: &BooleanBuffer, times: usize) -> Result<BooleanBuffer, TableError> {
    let total = bits.len().checked_mul(times).filter(|n| *n <= i32::MAX as usize);
    let total = total.ok_or(TableError::Unsupported { what: "more than 2^31 elements in one read" })?;
    let mut out = BooleanBufferBuilder::new(total);
    let mut at = 0;
    for (start, end) in bits.set_slices() {
        out.append_n((start - at) * times, false);
        out.append_n((end - start) * times, true);
        at = end;
    }
    out.append_n((bits.len() - at) * times, false);
    Ok(out.build())
}
