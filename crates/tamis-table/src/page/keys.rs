//! The key page: ascending keys, front-coded, found by binary search (docs/spec/page.md §4).
//!
//! INVARIANT: keys ascend strictly. The writer refuses others; a reader of broken pages may miss a
//! key, and never panics. A common suffix is cut off only where all keys of the block are equally long:
//! only then do middles sort as keys do.

use std::cmp::Ordering;
use std::ops::Range;

use arrow::array::{Array, BinaryArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use bytes::Bytes;

use super::wire::{Cursor, put_bytes, put_varint};
use super::{BLOCK_ROWS, Blocks, EncodedPage, MAX_ROWS, PADDING, corrupt};
use crate::error::TableError;

/// Longest key in bytes.
pub const MAX_KEY: usize = 4096;

const MAGIC: [u8; 4] = *b"TKEY";
const VERSION: u8 = 1;
/// Entries between two whole middles.
const RESTART: usize = 16;

/// Encodes ascending, distinct keys. O(bytes).
///
/// Fails with [`TableError::Unsupported`] for nulls, too long or too many keys, and keys out of order.
pub fn encode_keys(keys: &BinaryArray) -> Result<EncodedPage, TableError> {
    if keys.len() > MAX_ROWS {
        return Err(TableError::Unsupported { what: "page of more than 131,072 rows" });
    }
    if keys.null_count() > 0 {
        return Err(TableError::Unsupported { what: "null key" });
    }
    let keys: Vec<&[u8]> = (0..keys.len()).map(|i| keys.value(i)).collect();
    if keys.iter().any(|k| k.len() > MAX_KEY) {
        return Err(TableError::Unsupported { what: "key over 4,096 bytes" });
    }
    if !keys.is_sorted_by(|a, b| a < b) {
        return Err(TableError::Unsupported { what: "keys that do not ascend" });
    }
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&[VERSION, 0]);
    put_varint(&mut header, keys.len() as u64);
    let mut blocks = Vec::with_capacity(keys.len().div_ceil(BLOCK_ROWS));
    for block in keys.chunks(BLOCK_ROWS) {
        put_bytes(&mut header, block.first().copied().unwrap_or_default());
        blocks.push(encode_block(block));
    }
    Ok(EncodedPage { header, blocks })
}

fn shared_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn encode_block(keys: &[&[u8]]) -> Vec<u8> {
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Vec::new() };
    // Sorted keys: what the first and the last share, all share.
    let prefix = shared_prefix(first, last);
    let mut suffix = 0;
    if keys.iter().all(|k| k.len() == first.len()) {
        suffix = first.len() - prefix;
        for key in keys {
            let same = key.iter().rev().zip(first.iter().rev()).take(suffix).take_while(|(a, b)| a == b).count();
            suffix = suffix.min(same);
        }
    }
    let middle = |key: &'_ [u8]| -> Range<usize> { prefix..key.len() - suffix };
    let mut entries = Vec::new();
    let mut restarts = Vec::new();
    for (i, key) in keys.iter().enumerate() {
        let own = &key[middle(key)];
        let mut shared = 0;
        if i % RESTART == 0 {
            restarts.push(entries.len());
        } else {
            let before = keys[i - 1];
            shared = shared_prefix(own, &before[middle(before)]);
        }
        put_entry(&mut entries, shared, &own[shared..]);
    }
    let wide = entries.len() > usize::from(u16::MAX);
    let mut out = vec![u8::from(wide)];
    put_bytes(&mut out, &first[..prefix]);
    put_bytes(&mut out, &first[first.len() - suffix..]);
    for at in restarts.into_iter().skip(1) {
        let bytes = (at as u32).to_le_bytes();
        out.extend_from_slice(if wide { &bytes } else { &bytes[..2] });
    }
    out.extend_from_slice(&entries);
    out.extend_from_slice(&[0; PADDING]);
    out
}

fn put_entry(out: &mut Vec<u8>, shared: usize, own: &[u8]) {
    out.push(((shared.min(15) << 4) | own.len().min(15)) as u8);
    if shared >= 15 {
        put_varint(out, (shared - 15) as u64);
    }
    if own.len() >= 15 {
        put_varint(out, (own.len() - 15) as u64);
    }
    out.extend_from_slice(own);
}

/// An open key page.
pub struct KeyPage {
    blocks: Box<dyn Blocks>,
    header: Bytes,
    len: usize,
    /// Where the first key of each block is in the header.
    firsts: Vec<(u32, u32)>,
}

impl std::fmt::Debug for KeyPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPage").field("len", &self.len).finish()
    }
}

impl KeyPage {
    /// Opens a key page: parses its header, touches no block. O(blocks).
    pub fn open(blocks: impl Blocks + 'static) -> Result<KeyPage, TableError> {
        let header = blocks.header();
        let mut cursor = Cursor::new(&header);
        if cursor.take(4)? != MAGIC {
            return Err(corrupt("not a key page"));
        }
        if cursor.u8()? != VERSION || cursor.u8()? != 0 {
            return Err(TableError::Unsupported { what: "key page version" });
        }
        let len = cursor.count(MAX_ROWS)?;
        let mut firsts = Vec::with_capacity(len.div_ceil(BLOCK_ROWS));
        for _ in 0..len.div_ceil(BLOCK_ROWS) {
            let n = cursor.count(MAX_KEY)?;
            firsts.push((cursor.position() as u32, n as u32));
            cursor.take(n)?;
        }
        if cursor.position() != header.len() || blocks.blocks() != firsts.len() {
            return Err(corrupt("wrong number of blocks"));
        }
        Ok(KeyPage { blocks: Box::new(blocks), header, len, firsts })
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first key of the page, without touching a block.
    pub fn first(&self) -> Option<&[u8]> {
        self.firsts.first().map(|at| self.first_key(*at))
    }

    fn first_key(&self, (at, len): (u32, u32)) -> &[u8] {
        self.header.get(at as usize..(at + len) as usize).unwrap_or_default()
    }

    /// The row of `key`, or where it would stand. O(log blocks + log restarts), touches one block.
    pub fn find(&self, key: &[u8]) -> Result<Result<usize, usize>, TableError> {
        let after = self.firsts.partition_point(|at| self.first_key(*at) <= key);
        let Some(number) = after.checked_sub(1) else { return Ok(Err(0)) };
        let bytes = self.blocks.block(number)?;
        let block = KeyBlock::open(&bytes, self.rows_in(number))?;
        let base = number * BLOCK_ROWS;
        Ok(block.find(key)?.map(|i| base + i).map_err(|i| base + i))
    }

    /// Key `row`. Touches one block and decodes at most 16 entries.
    pub fn key(&self, row: usize) -> Result<Vec<u8>, TableError> {
        if row >= self.len {
            return Err(TableError::OutOfRange { row, rows: self.len });
        }
        let number = row / BLOCK_ROWS;
        let bytes = self.blocks.block(number)?;
        let block = KeyBlock::open(&bytes, self.rows_in(number))?;
        let mut keys = KeyBuilder::default();
        block.append(row % BLOCK_ROWS..row % BLOCK_ROWS + 1, &mut keys)?;
        keys.bytes.truncate(keys.used);
        Ok(keys.bytes)
    }

    /// Keys of a range of rows. O(bytes of the keys).
    pub fn scan(&self, rows: Range<usize>) -> Result<BinaryArray, TableError> {
        if rows.start > rows.end || rows.end > self.len {
            return Err(TableError::OutOfRange { row: rows.end, rows: self.len });
        }
        let mut keys = KeyBuilder::default();
        keys.offsets.reserve(rows.len());
        let mut row = rows.start;
        while row < rows.end {
            let number = row / BLOCK_ROWS;
            let end = ((number + 1) * BLOCK_ROWS).min(rows.end);
            let bytes = self.blocks.block(number)?;
            let block = KeyBlock::open(&bytes, self.rows_in(number))?;
            block.append(row % BLOCK_ROWS..end - number * BLOCK_ROWS, &mut keys)?;
            row = end;
        }
        keys.build()
    }

    /// The keys of `rows`, in the order given.
    pub fn take(&self, rows: &[u32]) -> Result<BinaryArray, TableError> {
        let mut keys = KeyBuilder::default();
        let mut open: Option<(usize, Bytes)> = None;
        for &row in rows {
            let row = row as usize;
            if row >= self.len {
                return Err(TableError::OutOfRange { row, rows: self.len });
            }
            let number = row / BLOCK_ROWS;
            let bytes = match &open {
                Some((n, bytes)) if *n == number => bytes.clone(),
                _ => self.blocks.block(number)?,
            };
            let block = KeyBlock::open(&bytes, self.rows_in(number))?;
            block.append(row % BLOCK_ROWS..row % BLOCK_ROWS + 1, &mut keys)?;
            open = Some((number, bytes));
        }
        keys.build()
    }

    fn rows_in(&self, block: usize) -> usize {
        self.len.saturating_sub(block * BLOCK_ROWS).min(BLOCK_ROWS)
    }
}

/// Keys on their way into an array.
struct KeyBuilder {
    /// The keys, and behind `used` what wide copies left.
    bytes: Vec<u8>,
    used: usize,
    offsets: Vec<i32>,
}

impl Default for KeyBuilder {
    fn default() -> KeyBuilder {
        KeyBuilder { bytes: Vec::new(), used: 0, offsets: vec![0] }
    }
}

impl KeyBuilder {
    fn build(mut self) -> Result<BinaryArray, TableError> {
        self.bytes.truncate(self.used);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        BinaryArray::try_new(offsets, Buffer::from_vec(self.bytes), None).map_err(super::leaf::broken)
    }
}

/// A block of keys with its directory.
struct KeyBlock<'a> {
    rows: usize,
    wide: bool,
    prefix: &'a [u8],
    suffix: &'a [u8],
    restarts: &'a [u8],
    entries: &'a [u8],
}

/// Reads the lengths of one entry at `at`: shared, own, and where its bytes begin.
#[inline(always)]
fn entry(entries: &[u8], at: usize) -> Result<(usize, usize, usize), TableError> {
    let first = *entries.get(at).ok_or_else(|| corrupt("entry outside its block"))?;
    let (mut shared, mut own) = (usize::from(first >> 4), usize::from(first & 15));
    let mut at = at + 1;
    if shared == 15 || own == 15 {
        let mut cursor = Cursor::new(entries.get(at..).unwrap_or_default());
        if shared == 15 {
            shared += cursor.count(MAX_KEY)?;
        }
        if own == 15 {
            own += cursor.count(MAX_KEY)?;
        }
        at += cursor.position();
    }
    Ok((shared, own, at))
}

/// Longest key parts that are copied by words.
const SHORT: usize = 8;
/// Longest start of a key that is copied in one piece.
const WIDE: usize = 32;
/// Bytes behind a key that copies may write to.
const SLACK: usize = SHORT + WIDE;

impl<'a> KeyBlock<'a> {
    fn open(bytes: &'a [u8], rows: usize) -> Result<KeyBlock<'a>, TableError> {
        let mut cursor = Cursor::new(bytes);
        let wide = match cursor.u8()? {
            0 => false,
            1 => true,
            _ => return Err(corrupt("unknown kind of block")),
        };
        let n = cursor.count(MAX_KEY)?;
        let prefix = cursor.take(n)?;
        let n = cursor.count(MAX_KEY - n)?;
        let suffix = cursor.take(n)?;
        let restarts = cursor.take(rows.saturating_sub(1) / RESTART * if wide { 4 } else { 2 })?;
        let entries = bytes.get(cursor.position()..).unwrap_or_default();
        Ok(KeyBlock { rows, wide, prefix, suffix, restarts, entries })
    }

    fn restart(&self, i: usize) -> usize {
        match (i.checked_sub(1), self.wide) {
            (None, _) => 0,
            (Some(i), true) => super::wire::load_short(self.restarts, i * 4, 4) as usize,
            (Some(i), false) => {
                let bytes = self.restarts.get(i * 2..i * 2 + 2);
                bytes.map_or(0, |b| usize::from(u16::from_le_bytes([b[0], b[1]])))
            }
        }
    }

    fn middle_at_restart(&self, i: usize) -> Result<&'a [u8], TableError> {
        let (_, own, at) = entry(self.entries, self.restart(i))?;
        self.entries.get(at..at + own).ok_or_else(|| corrupt("entry outside its block"))
    }

    /// Compares the key with this middle to `rest`, which is what follows the prefix in the key sought.
    fn order(&self, middle: &[u8], rest: &[u8]) -> Ordering {
        if self.suffix.is_empty() {
            return middle.cmp(rest);
        }
        let head = rest.get(..middle.len()).unwrap_or(rest);
        middle.cmp(head).then_with(|| self.suffix.cmp(rest.get(middle.len()..).unwrap_or_default()))
    }

    fn find(&self, key: &[u8]) -> Result<Result<usize, usize>, TableError> {
        let head = key.get(..self.prefix.len()).unwrap_or(key);
        match self.prefix.cmp(head) {
            Ordering::Greater => return Ok(Err(0)),
            Ordering::Less => return Ok(Err(self.rows)),
            Ordering::Equal => {}
        }
        let rest = key.get(self.prefix.len()..).unwrap_or_default();
        let (mut low, mut high) = (0, self.rows.saturating_sub(1) / RESTART + 1);
        while high - low > 1 {
            let middle = (low + high) / 2;
            if self.order(self.middle_at_restart(middle)?, rest) == Ordering::Greater {
                high = middle;
            } else {
                low = middle;
            }
        }
        let mut current: Vec<u8> = Vec::with_capacity(64);
        let mut at = self.restart(low);
        for i in low * RESTART..((low + 1) * RESTART).min(self.rows) {
            let (shared, own, from) = entry(self.entries, at)?;
            if shared > current.len() {
                return Err(corrupt("entry shares more than there is"));
            }
            current.truncate(shared);
            let own = self.entries.get(from..from + own).ok_or_else(|| corrupt("entry outside its block"))?;
            current.extend_from_slice(own);
            at = from + own.len();
            match self.order(&current, rest) {
                Ordering::Less => {}
                Ordering::Equal => return Ok(Ok(i)),
                Ordering::Greater => return Ok(Err(i)),
            }
        }
        Ok(Err(((low + 1) * RESTART).min(self.rows)))
    }

    /// Appends the keys of `rows` of this block.
    fn append(&self, rows: Range<usize>, out: &mut KeyBuilder) -> Result<(), TableError> {
        let first = rows.start / RESTART * RESTART;
        let mut at = self.restart(first / RESTART);
        let (prefix, suffix) = (self.prefix.len(), self.suffix.len());
        let mut ending = [0u8; SHORT];
        let short_ending = suffix <= SHORT;
        ending.iter_mut().zip(self.suffix).for_each(|(e, s)| *e = *s);
        // Entries before the first row asked for are built at its place and overwritten.
        let start = out.used;
        let mut previous = (start, 0usize);
        let mut end = start;
        for i in first..rows.end.min(self.rows) {
            let (shared, own, from) = entry(self.entries, at)?;
            if shared > previous.1 {
                return Err(corrupt("entry shares more than there is"));
            }
            let len = prefix + shared + own + suffix;
            if len > MAX_KEY {
                return Err(corrupt("key over its limit"));
            }
            at = from + own;
            let own_bytes = self.entries.get(from..at).ok_or_else(|| corrupt("entry outside its block"))?;
            let here = if i > rows.start { end } else { start };
            if out.bytes.len() < here + len + SLACK {
                out.bytes.resize((here + len) * 2 + SLACK, 0);
            }
            if i == first {
                copy(&mut out.bytes, here, self.prefix);
            } else if here != previous.0 {
                copy_within(&mut out.bytes, previous.0, here, prefix + shared);
            }
            copy_short(&mut out.bytes, here + prefix + shared, self.entries, from, own_bytes);
            match out.bytes.get_mut(here + len - suffix..).and_then(|o| o.first_chunk_mut::<SHORT>()) {
                Some(o) if short_ending => *o = ending,
                _ => copy(&mut out.bytes, here + len - suffix, self.suffix),
            }
            previous = (here, shared + own);
            if i >= rows.start {
                end = here + len;
                out.offsets.push(i32::try_from(end).map_err(|_| corrupt("keys over 2 GiB"))?);
            }
        }
        out.used = end;
        Ok(())
    }
}

#[inline(always)]
fn copy(out: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(o) = out.get_mut(at..at + bytes.len()) {
        o.copy_from_slice(bytes);
    }
}

/// Copies an entry's bytes by one word where they are few; what is written past them is overwritten next.
#[inline(always)]
fn copy_short(out: &mut [u8], at: usize, entries: &[u8], from: usize, own: &[u8]) {
    let word = entries.get(from..).and_then(|e| e.first_chunk::<SHORT>());
    match (word, out.get_mut(at..).and_then(|o| o.first_chunk_mut::<SHORT>())) {
        (Some(word), Some(o)) if own.len() <= SHORT => *o = *word,
        _ => copy(out, at, own),
    }
}

/// Copies the start of the key before. It ends where the new key begins, so that a wide copy reads
/// all it needs before it writes; what it writes too much is overwritten next.
#[inline(always)]
fn copy_within(out: &mut [u8], from: usize, to: usize, len: usize) {
    let wide = out.get(from..).and_then(|o| o.first_chunk::<WIDE>()).copied().filter(|_| len <= WIDE);
    if let (Some(bytes), Some(o)) = (wide, out.get_mut(to..).and_then(|o| o.first_chunk_mut::<WIDE>())) {
        *o = bytes;
    } else if from + len <= out.len() && to + len <= out.len() {
        out.copy_within(from..from + len, to);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::MemoryBlocks;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn open(keys: &BTreeSet<Vec<u8>>) -> (EncodedPage, KeyPage) {
        let array = BinaryArray::from_iter_values(keys.iter());
        let page = encode_keys(&array).unwrap();
        (page.clone(), KeyPage::open(MemoryBlocks::from(page)).unwrap())
    }

    fn check(keys: &BTreeSet<Vec<u8>>, others: &[Vec<u8>]) {
        let (_, page) = open(keys);
        let sorted: Vec<&Vec<u8>> = keys.iter().collect();
        let all = page.scan(0..page.len()).unwrap();
        assert_eq!(
            all.iter().map(|k| k.unwrap().to_vec()).collect::<Vec<_>>(),
            keys.iter().cloned().collect::<Vec<_>>()
        );
        for i in (0..sorted.len()).step_by(1 + sorted.len() / 60) {
            assert_eq!(&page.key(i).unwrap(), sorted[i]);
            let j = (i + 37).min(sorted.len());
            assert_eq!(page.scan(i..j).unwrap(), all.slice(i, j - i));
            assert_eq!(page.take(&[i as u32, 0]).unwrap().value(0), &sorted[i][..]);
        }
        for key in sorted.iter().copied().chain(others) {
            assert_eq!(page.find(key).unwrap(), sorted.binary_search(&key), "{key:?}");
        }
    }

    #[test]
    fn paths_read_back_and_take_three_bytes_each() {
        let keys: BTreeSet<Vec<u8>> =
            (0..16_384).map(|i| format!("seg{:07}/{:06}.jpg", 25_000 + i / 1000, i % 1000).into_bytes()).collect();
        let (page, _) = open(&keys);
        assert!(page.len() < keys.len() * 3, "{}", page.len());
        check(&keys, &[b"".to_vec(), b"seg".to_vec(), b"seg0025003/000400.jpg0".to_vec(), b"t".to_vec()]);
    }

    #[test]
    fn keys_of_every_length_up_to_the_limit() {
        let mut keys: BTreeSet<Vec<u8>> = (0..40usize).map(|i| vec![b'a'; i * 105]).collect();
        keys.insert(vec![0xff; MAX_KEY]);
        keys.insert("🐘\n\0".into());
        check(&keys, &[vec![b'a'; 7], vec![b'b'], vec![0xff; MAX_KEY - 1]]);
        let long = BinaryArray::from_iter_values([vec![1u8; MAX_KEY + 1]]);
        assert!(encode_keys(&long).is_err());
        assert!(encode_keys(&BinaryArray::from_iter_values(["b", "a"])).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn any_keys_read_back(
            keys in proptest::collection::btree_set(proptest::collection::vec(prop_oneof![Just(0u8), Just(b'a'), Just(b'b'), any::<u8>()], 0..24), 0..700),
            others in proptest::collection::vec(proptest::collection::vec(prop_oneof![Just(b'a'), any::<u8>()], 0..6), 0..20),
            cut in proptest::option::of(1usize..4),
        ) {
            let keys = match cut {
                Some(n) => keys.into_iter().filter(|k| k.len() >= n).map(|mut k| { k.truncate(n); k.extend_from_slice(b".jpg"); k }).collect(),
                None => keys,
            };
            check(&keys, &others);
        }

        #[test]
        fn broken_bytes_never_panic(seed in any::<u64>(), flips in proptest::collection::vec((any::<u32>(), any::<u8>()), 1..6)) {
            let keys: BTreeSet<Vec<u8>> = (0..600u64).map(|i| format!("{:x}/{}", seed.wrapping_mul(i * i), i).into_bytes()).collect();
            let (mut page, _) = open(&keys);
            for (at, value) in flips {
                let blocks = page.blocks.len();
                let part = if at as usize % (blocks + 1) == blocks { &mut page.header } else { &mut page.blocks[at as usize % (blocks + 1)] };
                let i = (at as usize / 7) % part.len();
                part[i] = value;
            }
            super::super::fuzz::read_keys(page.into());
        }
    }
}
