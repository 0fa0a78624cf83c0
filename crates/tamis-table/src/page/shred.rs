//! Cuts a column group into streams (docs/spec/page.md §1).
//!
//! INVARIANT: what a null hides, what lies outside a list's offsets, and where an array is sliced have
//! no influence on the streams: every node is walked by the runs of slots that its parents make present.

use std::ops::Range;

use arrow::array::{Array, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{ArrowNativeType, DataType};

use super::bits::{packed_len, width_of};
use super::dictionary::Interner;
use super::header::{CONSTANT, EXTRA, VALIDITY, kind};
use super::numbers::Number;
use super::physical::{Physical, physical};
use super::wire::{put_bytes, put_varint};
use super::{MAX_LEVELS, MAX_NAME, MAX_NODES};
use crate::error::TableError;

/// What one stream holds, for all blocks of the page.
pub(crate) enum Values {
    /// Validity, lengths, codes, bools.
    Ints(Vec<u64>),
    /// Numbers by their bits; members of a family may be stored relative to each other.
    Numbers { bits: Vec<u64>, number: Number, family: usize },
    /// Concatenated values; `ends` are the bytes' ends by block.
    Bytes { content: Vec<u8>, ends: Vec<usize> },
}

/// One stream; `ends[b]` is the number of its elements up to the end of block `b`.
pub(crate) struct Shredded {
    pub(crate) values: Values,
    pub(crate) ends: Vec<usize>,
}

/// The streams of a page in order, and the most elements any node has in each block.
pub(crate) struct Shredder {
    pub(crate) streams: Vec<Shredded>,
    pub(crate) most: Vec<usize>,
    nodes: usize,
    families: usize,
}

/// The slots of an array that are present, and how many of them are in each block.
struct Slots {
    runs: Vec<Range<usize>>,
    ends: Vec<usize>,
}

impl Slots {
    fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// One value a slot, run by run.
    fn gather<T, I: Iterator<Item = T>>(&self, run: impl Fn(Range<usize>) -> I) -> Vec<T> {
        let mut out = Vec::with_capacity(self.len());
        self.runs.iter().for_each(|r| out.extend(run(r.clone())));
        out
    }

    fn each(&self) -> impl Iterator<Item = usize> + '_ {
        self.runs.iter().cloned().flatten()
    }
}

fn push_run(runs: &mut Vec<Range<usize>>, run: Range<usize>) {
    match runs.last_mut() {
        _ if run.is_empty() => {}
        Some(last) if last.end == run.start => last.end = run.end,
        _ => runs.push(run),
    }
}

/// Sums of `lengths` at each of `ends`.
fn sums_at(lengths: &[u64], ends: &[usize]) -> Vec<usize> {
    let mut from = 0;
    let mut sum = 0;
    let each = ends.iter().map(|&end| {
        sum += lengths[from..end].iter().sum::<u64>() as usize;
        from = end;
        sum
    });
    each.collect()
}

fn all_equal<T: PartialEq>(values: &[T]) -> bool {
    values.windows(2).all(|w| w[0] == w[1])
}

impl Shredder {
    /// Shreds the rows of `group`; the encoded root node and the streams are the answer.
    pub(crate) fn shred(group: &dyn Array, block_ends: Vec<usize>) -> Result<(Vec<u8>, Shredder), TableError> {
        let mut shredder = Shredder { streams: Vec::new(), most: vec![0; block_ends.len()], nodes: 0, families: 0 };
        let mut runs = Vec::new();
        push_run(&mut runs, 0..group.len());
        let slots = Slots { runs, ends: block_ends };
        let node = shredder.node(group, slots, None, 0, 0)?;
        Ok((node.unwrap_or_else(|| vec![kind::STRUCT, 0]), shredder))
    }

    /// One node and what is below it; [`None`] where nothing of it is to be stored.
    fn node(
        &mut self,
        array: &dyn Array,
        mut slots: Slots,
        name: Option<&str>,
        level: usize,
        family: usize,
    ) -> Result<Option<Vec<u8>>, TableError> {
        let form = physical(array.data_type())?;
        if slots.len() == 0 || form == Physical::Null {
            return Ok(None);
        }
        self.nodes += 1;
        if self.nodes > MAX_NODES || level == MAX_LEVELS || name.is_some_and(|n| n.len() > MAX_NAME) {
            return Err(TableError::Unsupported { what: "schema over the page's limits of fields, depth or names" });
        }
        self.note(&slots.ends);
        let mut head = vec![0u8];
        if let Some(name) = name {
            put_bytes(&mut head, name.as_bytes());
        }
        if let Some(nulls) = array.logical_nulls() {
            match count_nulls(&nulls, &slots) {
                0 => {}
                n if n == slots.len() && level > 0 => return Ok(None),
                _ => {
                    let (bits, valid) = split_nulls(&nulls, &slots);
                    self.streams.push(Shredded { values: Values::Ints(bits), ends: slots.ends });
                    head[0] |= VALIDITY;
                    slots = valid;
                }
            }
        }
        self.content(array, form, slots, level, family, &mut head)?;
        Ok(Some(head))
    }

    /// Remembers how many elements each block has, for the bound on decoded sizes.
    fn note(&mut self, ends: &[usize]) {
        let mut from = 0;
        for (most, &end) in self.most.iter_mut().zip(ends) {
            *most = (*most).max(end - from);
            from = end;
        }
    }

    fn content(
        &mut self,
        array: &dyn Array,
        form: Physical,
        slots: Slots,
        level: usize,
        family: usize,
        head: &mut Vec<u8>,
    ) -> Result<(), TableError> {
        match form {
            Physical::Null => {}
            Physical::Struct => self.fields(array, slots, level, head)?,
            Physical::List { large: false } => {
                let list = array.as_list::<i32>();
                head[0] |= kind::LIST;
                self.lists(list.value_offsets(), list.values(), slots, level, head)?;
            }
            Physical::List { large: true } => {
                let list = array.as_list::<i64>();
                head[0] |= kind::LIST;
                self.lists(list.value_offsets(), list.values(), slots, level, head)?;
            }
            Physical::Map => {
                let map = array.as_map();
                head[0] |= kind::MAP;
                self.lists(map.value_offsets(), map.entries(), slots, level, head)?;
            }
            Physical::FixedList { size } => {
                let list = array.as_fixed_size_list();
                head[0] |= kind::FIXED_LIST;
                put_varint(head, size as u64);
                let mut runs = Vec::new();
                slots.runs.iter().for_each(|r| push_run(&mut runs, r.start * size..r.end * size));
                let inner = Slots { runs, ends: slots.ends.iter().map(|e| e * size).collect() };
                self.item(list.values(), inner, level, head)?;
            }
            Physical::Bool => {
                let values = array.as_boolean().values();
                let bits: Vec<u64> = slots.gather(|r| r.map(|i| u64::from(values.value(i))));
                head[0] |= kind::BOOL;
                self.values(Values::Ints(bits), slots.ends, head);
            }
            Physical::Int { bytes, signed } => {
                head[0] |= kind::INT;
                head.push(bytes.trailing_zeros() as u8 | u8::from(signed) << 2);
                let bits = integers(array, bytes, signed, &slots);
                self.values(Values::Numbers { bits, number: Number::Integer, family }, slots.ends, head);
            }
            Physical::F32 => {
                let data = array.to_data();
                let values = data.buffer::<f32>(0);
                let bits = slots.gather(|r| values[r].iter().map(|v| u64::from(v.to_bits())));
                head[0] |= kind::F32;
                self.values(Values::Numbers { bits, number: Number::F32, family }, slots.ends, head);
            }
            Physical::F64 => {
                let data = array.to_data();
                let values = data.buffer::<f64>(0);
                let bits = slots.gather(|r| values[r].iter().map(|v| v.to_bits()));
                head[0] |= kind::F64;
                self.values(Values::Numbers { bits, number: Number::F64, family }, slots.ends, head);
            }
            Physical::Bytes { .. } | Physical::FixedBytes { .. } | Physical::Dictionary { .. } => {
                self.byte_values(&texts(array, &slots)?, form, slots.ends, head);
            }
        }
        Ok(())
    }

    fn fields(&mut self, array: &dyn Array, slots: Slots, level: usize, head: &mut Vec<u8>) -> Result<(), TableError> {
        let array = array.as_struct();
        self.families += 1;
        let family = self.families;
        let mut children = Vec::new();
        let mut count = 0;
        for (field, column) in array.fields().iter().zip(array.columns()) {
            let slots = Slots { runs: slots.runs.clone(), ends: slots.ends.clone() };
            if let Some(child) = self.node(column, slots, Some(field.name()), level + 1, family)? {
                children.extend_from_slice(&child);
                count += 1;
            }
        }
        head[0] |= kind::STRUCT;
        put_varint(head, count);
        head.extend_from_slice(&children);
        Ok(())
    }

    fn lists<O: ArrowNativeType>(
        &mut self,
        offsets: &[O],
        values: &dyn Array,
        slots: Slots,
        level: usize,
        head: &mut Vec<u8>,
    ) -> Result<(), TableError> {
        let mut lengths = Vec::with_capacity(slots.len());
        let mut runs = Vec::new();
        for i in slots.each() {
            let (from, to) = (offsets[i].as_usize(), offsets[i + 1].as_usize());
            lengths.push((to - from) as u64);
            push_run(&mut runs, from..to);
        }
        let inner = Slots { runs, ends: sums_at(&lengths, &slots.ends) };
        if all_equal(&lengths) {
            head[0] |= CONSTANT;
            put_varint(head, lengths.first().copied().unwrap_or(0));
        } else {
            self.streams.push(Shredded { values: Values::Ints(lengths), ends: slots.ends });
        }
        self.item(values, inner, level, head)
    }

    fn item(&mut self, values: &dyn Array, slots: Slots, level: usize, head: &mut Vec<u8>) -> Result<(), TableError> {
        self.families += 1;
        let family = self.families;
        if let Some(child) = self.node(values, slots, None, level + 1, family)? {
            head[0] |= EXTRA;
            head.extend_from_slice(&child);
        }
        Ok(())
    }

    /// A stream of values, or the one value of all in the header.
    fn values(&mut self, values: Values, ends: Vec<usize>, head: &mut Vec<u8>) {
        if let Values::Ints(all) | Values::Numbers { bits: all, .. } = &values
            && all_equal(all)
        {
            head[0] |= CONSTANT;
            head.extend_from_slice(&all.first().copied().unwrap_or(0).to_le_bytes());
            return;
        }
        self.streams.push(Shredded { values, ends });
    }

    fn byte_values(&mut self, values: &[&[u8]], form: Physical, ends: Vec<usize>, head: &mut Vec<u8>) {
        let fixed = match form {
            Physical::FixedBytes { width } => {
                head[0] |= kind::FIXED_BINARY;
                put_varint(head, width as u64);
                true
            }
            Physical::Bytes { utf8: true, .. } | Physical::Dictionary { utf8: true } => {
                head[0] |= kind::UTF8;
                false
            }
            _ => {
                head[0] |= kind::BINARY;
                false
            }
        };
        let lengths: Vec<u64> = values.iter().map(|v| v.len() as u64).collect();
        if let Some((codes, interner)) = intern(values, &lengths, fixed) {
            head[0] |= EXTRA;
            interner.write(head);
            if interner.entries().len() > 1 {
                self.streams.push(Shredded { values: Values::Ints(codes), ends });
            }
            return;
        }
        let byte_ends = sums_at(&lengths, &ends);
        if !fixed && all_equal(&lengths) {
            head[0] |= CONSTANT;
            put_varint(head, lengths.first().copied().unwrap_or(0));
        } else if !fixed {
            self.streams.push(Shredded { values: Values::Ints(lengths), ends: ends.clone() });
        }
        self.streams.push(Shredded { values: Values::Bytes { content: values.concat(), ends: byte_ends }, ends });
    }
}

fn count_nulls(nulls: &NullBuffer, slots: &Slots) -> usize {
    if nulls.null_count() == 0 {
        return 0;
    }
    slots.runs.iter().map(|r| nulls.slice(r.start, r.len()).null_count()).sum()
}

/// Splits by validity: the bits, and the slots that are valid.
fn split_nulls(nulls: &NullBuffer, slots: &Slots) -> (Vec<u64>, Slots) {
    let mut bits = Vec::with_capacity(slots.len());
    let mut runs = Vec::new();
    for i in slots.each() {
        let valid = nulls.is_valid(i);
        bits.push(u64::from(valid));
        if valid {
            push_run(&mut runs, i..i + 1);
        }
    }
    let ends = sums_at(&bits, &slots.ends);
    (bits, Slots { runs, ends })
}

fn integers(array: &dyn Array, bytes: u8, signed: bool, slots: &Slots) -> Vec<u64> {
    let data = array.to_data();
    let mut out = Vec::with_capacity(slots.len());
    macro_rules! gather {
        ($t:ty) => {{
            let values = data.buffer::<$t>(0);
            slots.runs.iter().for_each(|r| out.extend(values[r.clone()].iter().map(|v| *v as u64)));
        }};
    }
    match (bytes, signed) {
        (1, true) => gather!(i8),
        (2, true) => gather!(i16),
        (4, true) => gather!(i32),
        (8, true) => gather!(i64),
        (1, false) => gather!(u8),
        (2, false) => gather!(u16),
        (4, false) => gather!(u32),
        _ => gather!(u64),
    }
    out
}

/// The values of text, binary and dictionaries of them.
fn texts<'a>(array: &'a dyn Array, slots: &Slots) -> Result<Vec<&'a [u8]>, TableError> {
    Ok(match array.data_type() {
        DataType::Utf8 => {
            let values = array.as_string::<i32>();
            slots.gather(|r| r.map(|i| values.value(i).as_bytes()))
        }
        DataType::LargeUtf8 => {
            let values = array.as_string::<i64>();
            slots.gather(|r| r.map(|i| values.value(i).as_bytes()))
        }
        DataType::Binary => {
            let values = array.as_binary::<i32>();
            slots.gather(|r| r.map(|i| values.value(i)))
        }
        DataType::LargeBinary => {
            let values = array.as_binary::<i64>();
            slots.gather(|r| r.map(|i| values.value(i)))
        }
        DataType::FixedSizeBinary(_) => {
            let values = array.as_fixed_size_binary();
            slots.gather(|r| r.map(|i| values.value(i)))
        }
        _ => {
            let dictionary = array.as_any_dictionary();
            let keys = dictionary.normalized_keys();
            let all = Slots {
                runs: std::iter::once(0..dictionary.values().len()).collect(),
                ends: vec![dictionary.values().len()],
            };
            let entries = texts(dictionary.values().as_ref(), &all)?;
            slots.gather(|r| r.map(|i| entries[keys[i]]))
        }
    })
}

/// Codes and dictionary, if that is smaller than lengths and bytes.
fn intern<'a>(values: &[&'a [u8]], lengths: &[u64], fixed: bool) -> Option<(Vec<u64>, Interner<'a>)> {
    let mut interner = Interner::new();
    let mut codes = Vec::with_capacity(values.len());
    for (i, value) in values.iter().enumerate() {
        codes.push(u64::from(interner.code(value)?));
        if i == 1023 && interner.entries().len() > 768 {
            return None;
        }
    }
    let total: u64 = lengths.iter().sum();
    let longest = lengths.iter().max().copied().unwrap_or(0);
    let constant = fixed || all_equal(lengths);
    let plain = total as usize + if constant { 0 } else { packed_len(lengths.len(), width_of(longest)) };
    let width = width_of(interner.entries().len() as u64 - 1);
    (interner.cost() + packed_len(codes.len(), width) < plain || (interner.entries().len() == 1 && values.len() > 1))
        .then_some((codes, interner))
}
