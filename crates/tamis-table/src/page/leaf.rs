//! Arrays of nodes whose streams hold values, and the offsets of lists.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, DictionaryArray, FixedSizeBinaryArray,
    FixedSizeListArray, GenericByteArray, GenericListArray, MapArray, OffsetSizeTrait, PrimitiveArray, StructArray,
    downcast_primitive, new_null_array,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    ByteArrayType, DataType, Float32Type, Float64Type, GenericBinaryType, GenericStringType, UInt32Type,
};
use arrow::error::ArrowError;

use super::bits::Word;
use super::corrupt;
use super::dictionary::Dictionary;
use super::header::{Content, Stream, kind};
use super::numbers::Number;
use super::physical::{Physical, physical};
use super::projection::Target;
use super::read::{Elements, Reader, Span, mismatch};
use crate::error::TableError;

/// What arrays refuse is what pages promised and did not keep.
pub(crate) fn broken(_: ArrowError) -> TableError {
    corrupt("values break the rules of their type")
}

const TOO_MANY: TableError = TableError::Unsupported { what: "more than 2^31 elements in one read" };

/// The array of a leaf.
pub(crate) fn array(
    reader: &Reader<'_>,
    content: &Content,
    target: &Target,
    elements: &Elements,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, TableError> {
    let data_type = target.field.data_type();
    match (content, physical(data_type)?) {
        (Content::Bool(values), Physical::Bool) => bools(reader, *values, elements, nulls),
        (Content::Int { bytes, signed, values }, Physical::Int { bytes: b, signed: s })
            if (*bytes, *signed) == (b, s) =>
        {
            let buffer = match bytes {
                1 => integers::<u8>(reader, *values, elements)?,
                2 => integers::<u16>(reader, *values, elements)?,
                4 => integers::<u32>(reader, *values, elements)?,
                _ => integers::<u64>(reader, *values, elements)?,
            };
            integer_array(data_type, buffer, elements.slots(), nulls)
        }
        (Content::F32(values), Physical::F32) => {
            let mut out = vec![0f32; elements.count];
            each(elements, &mut out, |span, out| {
                reader.block(span)?.numbers(*values, Number::F32)?.read_f32(span.start as usize, out)
            })?;
            let values = ScalarBuffer::from(spread(out, elements.present.as_ref()));
            Ok(Arc::new(PrimitiveArray::<Float32Type>::try_new(values, nulls).map_err(broken)?))
        }
        (Content::F64(values), Physical::F64) => {
            let mut out = vec![0f64; elements.count];
            each(elements, &mut out, |span, out| {
                reader.block(span)?.numbers(*values, Number::F64)?.read_f64(span.start as usize, out)
            })?;
            let values = ScalarBuffer::from(spread(out, elements.present.as_ref()));
            Ok(Arc::new(PrimitiveArray::<Float64Type>::try_new(values, nulls).map_err(broken)?))
        }
        (Content::Bytes { utf8, lengths, bytes }, form) => {
            let as_type = match form {
                Physical::Bytes { utf8: u, .. } if u == *utf8 => data_type.clone(),
                Physical::Dictionary { utf8: true } if *utf8 => DataType::Utf8,
                Physical::Dictionary { utf8: false } if !*utf8 => DataType::Binary,
                _ => return Err(mismatch(target)),
            };
            // Bytes are bounded by the chunk that holds them, which is checked when they are read.
            let (lengths, spans) = reader.lengths(*lengths, elements, |_| u32::MAX as usize)?;
            let content = contents(reader, *bytes, &spans)?;
            let plain = byte_array(&as_type, &lengths, content, elements, nulls)?;
            if as_type == *data_type { Ok(plain) } else { cast(&plain, data_type).map_err(|_| mismatch(target)) }
        }
        (Content::FixedBytes { width, bytes }, Physical::FixedBytes { width: w }) if *width == w => {
            fixed_bytes(reader, w, *bytes, elements, nulls)
        }
        (Content::Coded { kind, width, codes, dictionary }, form) => {
            coded(reader, (*kind, *width), *codes, dictionary, form, target, elements, nulls)
        }
        _ => Err(mismatch(target)),
    }
}

/// Calls `read` for each span with its part of `out`.
fn each<T>(
    elements: &Elements,
    out: &mut [T],
    read: impl Fn(Span, &mut [T]) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let mut rest = out;
    for &span in elements.spans.iter().filter(|s| s.len > 0) {
        let (part, tail) = rest.split_at_mut_checked(span.len as usize).ok_or_else(|| corrupt("spans disagree"))?;
        read(span, part)?;
        rest = tail;
    }
    Ok(())
}

/// Puts dense values into the slots that are present; the others get the default.
fn spread<T: Copy + Default>(values: Vec<T>, present: Option<&BooleanBuffer>) -> Vec<T> {
    let Some(present) = present.filter(|p| p.len() != values.len()) else { return values };
    let mut out = vec![T::default(); present.len()];
    let mut from = 0;
    for (start, end) in present.set_slices() {
        if let (Some(o), Some(v)) = (out.get_mut(start..end), values.get(from..from + (end - start))) {
            o.copy_from_slice(v);
        }
        from += end - start;
    }
    out
}

fn integers<W: Word + arrow::datatypes::ArrowNativeType>(
    reader: &Reader<'_>,
    values: Stream,
    elements: &Elements,
) -> Result<Buffer, TableError> {
    let mut out = vec![W::default(); elements.count];
    each(elements, &mut out, |span, out| {
        reader.block(span)?.numbers(values, Number::Integer)?.read_ints(span.start as usize, out)
    })?;
    Ok(Buffer::from_vec(spread(out, elements.present.as_ref())))
}

fn integer_array(
    data_type: &DataType,
    values: Buffer,
    len: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, TableError> {
    macro_rules! build {
        ($t:ty) => {
            PrimitiveArray::<$t>::try_new(ScalarBuffer::new(values, 0, len), nulls)
                .map(|a| Arc::new(a.with_data_type(data_type.clone())) as ArrayRef)
                .map_err(broken)
        };
    }
    downcast_primitive! {
        data_type => (build),
        _ => Err(TableError::Unsupported { what: "column type" })
    }
}

fn bools(
    reader: &Reader<'_>,
    values: Stream,
    elements: &Elements,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, TableError> {
    let mut bits = BooleanBufferBuilder::new(elements.count);
    for span in elements.spans.iter().filter(|s| s.len > 0) {
        let (start, len) = (span.start as usize, span.len as usize);
        match reader.block(*span)?.ints(values)?.as_bits(start, len)? {
            Ok(packed) => bits.append_packed_range(start..start + len, packed),
            Err(all) => bits.append_n(len, all),
        }
    }
    let mut bits = bits.build();
    if let Some(present) = &elements.present {
        bits = super::read::scatter_bits(&bits, present);
    }
    Ok(Arc::new(BooleanArray::new(bits, nulls)))
}

/// Bytes reserved at once on the word of lengths that are not checked yet.
const RESERVED: usize = 1 << 20;

/// The bytes of spans of a byte stream, one after the other.
fn contents(reader: &Reader<'_>, slot: u16, bytes: &Elements) -> Result<Vec<u8>, TableError> {
    let mut out = Vec::with_capacity(bytes.count.min(RESERVED));
    let mut scratch = Vec::new();
    let mut spans = bytes.spans.iter().filter(|s| s.len > 0).peekable();
    // Spans of one block come together, so that a compressed chunk is unpacked once.
    while let Some(&first) = spans.peek() {
        let content = reader.block(*first)?.content(slot, &mut scratch)?;
        while let Some(span) = spans.next_if(|s| s.block == first.block) {
            let range = span.start as usize..(span.start as usize).saturating_add(span.len as usize);
            out.extend_from_slice(content.get(range).ok_or_else(|| corrupt("value outside its chunk"))?);
        }
    }
    Ok(out)
}

fn fixed_bytes(
    reader: &Reader<'_>,
    width: usize,
    slot: u16,
    elements: &Elements,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, TableError> {
    let scale = |n: u32| (n as usize).checked_mul(width).and_then(|n| u32::try_from(n).ok()).ok_or(TOO_MANY);
    let mut spans = Vec::with_capacity(elements.spans.len());
    for s in &elements.spans {
        spans.push(Span { block: s.block, start: scale(s.start)?, len: scale(s.len)? });
    }
    // Reserved only as far as the chunks can fill it: `contents` fails before it grows further.
    let dense = contents(reader, slot, &Elements { spans, count: 0, present: None })?;
    let slots = elements.slots();
    let mut out = dense;
    if let Some(present) = elements.present.as_ref().filter(|p| p.len() != elements.count) {
        let mut wide = vec![0u8; slots.checked_mul(width).filter(|n| *n <= i32::MAX as usize).ok_or(TOO_MANY)?];
        let mut from = 0;
        for (start, end) in present.set_slices() {
            let n = (end - start) * width;
            if let (Some(o), Some(v)) = (wide.get_mut(start * width..end * width), out.get(from..from + n)) {
                o.copy_from_slice(v);
            }
            from += n;
        }
        out = wide;
    }
    let array = FixedSizeBinaryArray::try_new_with_len(width as i32, Buffer::from_vec(out), nulls, slots);
    Ok(Arc::new(array.map_err(broken)?))
}

/// Offsets of all slots from the lengths of the present ones.
fn offsets<O: OffsetSizeTrait>(lengths: &[u32], elements: &Elements) -> Result<OffsetBuffer<O>, TableError> {
    let total: u64 = lengths.iter().map(|n| u64::from(*n)).sum();
    if !O::IS_LARGE && total > i32::MAX as u64 {
        return Err(TOO_MANY);
    }
    let mut out = Vec::with_capacity(elements.slots() + 1);
    let mut end = 0usize;
    out.push(O::usize_as(0));
    let mut push = |n: &u32| {
        end += *n as usize;
        out.push(O::usize_as(end));
    };
    match &elements.present {
        None => lengths.iter().for_each(push),
        Some(present) => {
            let mut lengths = lengths.iter();
            for set in present {
                push(if set { lengths.next().unwrap_or(&0) } else { &0 });
            }
        }
    }
    Ok(OffsetBuffer::new(ScalarBuffer::from(out)))
}

fn byte_array(
    data_type: &DataType,
    lengths: &[u32],
    content: Vec<u8>,
    elements: &Elements,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, TableError> {
    fn build<T: ByteArrayType>(
        lengths: &[u32],
        content: Vec<u8>,
        elements: &Elements,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef, TableError> {
        let offsets = offsets::<T::Offset>(lengths, elements)?;
        let array = GenericByteArray::<T>::try_new(offsets, Buffer::from_vec(content), nulls).map_err(broken)?;
        Ok(Arc::new(array))
    }
    match data_type {
        DataType::Utf8 => build::<GenericStringType<i32>>(lengths, content, elements, nulls),
        DataType::LargeUtf8 => build::<GenericStringType<i64>>(lengths, content, elements, nulls),
        DataType::Binary => build::<GenericBinaryType<i32>>(lengths, content, elements, nulls),
        DataType::LargeBinary => build::<GenericBinaryType<i64>>(lengths, content, elements, nulls),
        _ => Err(TableError::Unsupported { what: "column type" }),
    }
}

#[allow(clippy::too_many_arguments)]
fn coded(
    reader: &Reader<'_>,
    (code, width): (u8, usize),
    codes: Stream,
    dictionary: &Dictionary,
    form: Physical,
    target: &Target,
    elements: &Elements,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, TableError> {
    let mut out = vec![0u32; elements.count];
    each(elements, &mut out, |span, out| reader.block(span)?.ints(codes)?.read(span.start as usize, out))?;
    let data_type = target.field.data_type();
    match form {
        Physical::Bytes { utf8, .. } if code == if utf8 { kind::UTF8 } else { kind::BINARY } => {
            let (lengths, content) = gather(dictionary, &out)?;
            byte_array(data_type, &lengths, content, elements, nulls)
        }
        Physical::FixedBytes { width: w } if code == kind::FIXED_BINARY && width == w => {
            let out = spread(out, elements.present.as_ref());
            let (_, content) = gather(dictionary, &out)?;
            let array =
                FixedSizeBinaryArray::try_new_with_len(w as i32, Buffer::from_vec(content), nulls, elements.slots());
            Ok(Arc::new(array.map_err(broken)?))
        }
        Physical::Dictionary { utf8 } if code == if utf8 { kind::UTF8 } else { kind::BINARY } => {
            let all = Elements { spans: Vec::new(), count: dictionary.len(), present: None };
            let lengths: Vec<u32> = dictionary.entries().map(|e| e.len() as u32).collect();
            let value_type = if utf8 { DataType::Utf8 } else { DataType::Binary };
            let values = byte_array(&value_type, &lengths, dictionary.bytes().to_vec(), &all, None)?;
            let keys = ScalarBuffer::from(spread(out, elements.present.as_ref()));
            let keys = PrimitiveArray::<UInt32Type>::try_new(keys, nulls).map_err(broken)?;
            let array: ArrayRef = Arc::new(DictionaryArray::<UInt32Type>::try_new(keys, values).map_err(broken)?);
            if array.data_type() == data_type {
                Ok(array)
            } else {
                cast(&array, data_type).map_err(|_| mismatch(target))
            }
        }
        _ => Err(mismatch(target)),
    }
}

/// Bytes copied at once for short entries.
const SHORT: usize = 16;

/// The entries of `codes`, one after the other, and their lengths.
fn gather(dictionary: &Dictionary, codes: &[u32]) -> Result<(Vec<u32>, Vec<u8>), TableError> {
    let range = |code: u32| dictionary.range(code as usize).ok_or_else(|| corrupt("code outside its dictionary"));
    let mut lengths = Vec::with_capacity(codes.len());
    let mut total = 0usize;
    for &code in codes {
        let len = range(code)?.len();
        lengths.push(len as u32);
        total += len;
    }
    if codes.len() < 64 {
        let mut out = Vec::with_capacity(total);
        for &code in codes {
            out.extend_from_slice(dictionary.bytes().get(range(code)?).unwrap_or_default());
        }
        return Ok((lengths, out));
    }
    // Short entries are copied as whole words past their end, over what the next one will fill.
    let mut source = dictionary.bytes().to_vec();
    source.resize(source.len() + SHORT, 0);
    let mut out = vec![0u8; total + SHORT];
    let mut at = 0;
    for &code in codes {
        let Range { start, end } = range(code)?;
        let n = end - start;
        let wide = if n <= SHORT { SHORT } else { n };
        if let (Some(o), Some(s)) = (out.get_mut(at..at + wide), source.get(start..start + wide)) {
            if n <= SHORT {
                if let (Some(o), Some(s)) = (o.first_chunk_mut::<SHORT>(), s.first_chunk::<SHORT>()) {
                    *o = *s;
                }
            } else {
                o.copy_from_slice(s);
            }
        }
        at += n;
    }
    out.truncate(total);
    Ok((lengths, out))
}

/// A list, large list or map array over its item's array.
pub(crate) fn list_array(
    target: &Target,
    map: bool,
    lengths: &[u32],
    elements: &Elements,
    values: ArrayRef,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, TableError> {
    fn build<O: OffsetSizeTrait>(
        item: &arrow::datatypes::FieldRef,
        offsets: OffsetBuffer<O>,
        values: ArrayRef,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef, TableError> {
        Ok(Arc::new(GenericListArray::<O>::try_new(item.clone(), offsets, values, nulls).map_err(broken)?))
    }
    match target.field.data_type() {
        DataType::List(item) if !map => build::<i32>(item, offsets(lengths, elements)?, values, nulls),
        DataType::LargeList(item) if !map => build::<i64>(item, offsets(lengths, elements)?, values, nulls),
        DataType::Map(item, sorted) if map => {
            let entries = values.as_struct_opt().ok_or_else(|| mismatch(target))?.clone();
            let array = MapArray::try_new(item.clone(), offsets(lengths, elements)?, entries, nulls, *sorted);
            Ok(Arc::new(array.map_err(broken)?))
        }
        _ => Err(mismatch(target)),
    }
}

/// A fixed-size list array over its item's array.
pub(crate) fn fixed_list_array(
    target: &Target,
    size: usize,
    slots: usize,
    values: ArrayRef,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, TableError> {
    match target.field.data_type() {
        DataType::FixedSizeList(item, n) if *n as usize == size => {
            let array = FixedSizeListArray::try_new_with_length(item.clone(), *n, values, nulls, slots);
            Ok(Arc::new(array.map_err(broken)?))
        }
        _ => Err(mismatch(target)),
    }
}

/// `len` values of nothing in particular, none of them null: what lies below a null.
pub(crate) fn defaults(data_type: &DataType, len: usize) -> Result<ArrayRef, TableError> {
    let field = |f: &arrow::datatypes::FieldRef, n: usize| match f.is_nullable() {
        true => Ok(new_null_array(f.data_type(), n)),
        false => defaults(f.data_type(), n),
    };
    Ok(match data_type {
        DataType::Struct(fields) => {
            let columns = fields.iter().map(|f| field(f, len)).collect::<Result<Vec<_>, _>>()?;
            Arc::new(StructArray::try_new_with_length(fields.clone(), columns, None, len).map_err(broken)?)
        }
        DataType::FixedSizeList(item, n) => {
            let values = field(item, len.checked_mul(*n as usize).ok_or(TOO_MANY)?)?;
            let array = FixedSizeListArray::try_new_with_length(item.clone(), *n, values, None, len);
            Arc::new(array.map_err(broken)?)
        }
        DataType::Dictionary(_, value) => {
            let keys = PrimitiveArray::<UInt32Type>::new(ScalarBuffer::from(vec![0u32; len]), None);
            let values = defaults(value, 1)?;
            cast(&DictionaryArray::try_new(keys, values).map_err(broken)?, data_type).map_err(broken)?
        }
        _ => {
            let nulls = new_null_array(data_type, len).to_data().into_builder().nulls(None);
            arrow::array::make_array(nulls.build().map_err(broken)?)
        }
    })
}
