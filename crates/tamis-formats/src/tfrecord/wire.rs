//! The framing of TFRecord files (length and data, each with a masked CRC-32C) and `tf.train.Example` in the protocol
//! buffers' wire format: a map of names to lists of bytes, floats or integers.

use std::collections::BTreeMap;
use std::io::{self, Read};

/// A record larger than this is not read.
const RECORD: u64 = 1 << 30;

/// A list of values of one kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Feature {
    Bytes(Vec<Vec<u8>>),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
}

/// Features by name.
pub(super) type Example = BTreeMap<String, Feature>;

/// CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected), rotated and shifted as TFRecord does.
pub(super) fn masked_crc(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0u32; 256];
        let mut i = 0;
        while i < 256 {
            let mut crc = i as u32;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 };
                bit += 1;
            }
            table[i] = crc;
            i += 1;
        }
        table
    };
    let step = |crc: u32, byte: &u8| TABLE[usize::from(crc as u8 ^ byte)] ^ crc >> 8;
    let crc = !bytes.iter().fold(!0u32, step);
    crc.rotate_right(15).wrapping_add(0xA282_EAD8)
}

/// The next record; [`None`] at the end of the file.
pub(super) fn next(reader: &mut dyn Read) -> io::Result<Option<Vec<u8>>> {
    let bad = |message: String| io::Error::new(io::ErrorKind::InvalidData, message);
    let mut head = [0u8; 12];
    let mut got = 0;
    while got < head.len() {
        match reader.read(&mut head[got..])? {
            0 if got == 0 => return Ok(None),
            0 => return Err(bad("the file ends inside a record's head".to_owned())),
            n => got += n,
        }
    }
    let (length, crc) = head.split_at(8);
    let stated = u32::from_le_bytes([crc[0], crc[1], crc[2], crc[3]]);
    if masked_crc(length) != stated {
        return Err(bad("a record's length does not match its checksum".to_owned()));
    }
    let length = u64::from_le_bytes([head[0], head[1], head[2], head[3], head[4], head[5], head[6], head[7]]);
    if length > RECORD {
        return Err(bad(format!("a record of {length} bytes is larger than is read")));
    }
    let mut data = Vec::new();
    reader.take(length).read_to_end(&mut data)?;
    let mut tail = [0u8; 4];
    if data.len() as u64 != length || reader.read_exact(&mut tail).is_err() {
        return Err(bad("the file ends inside a record".to_owned()));
    }
    if masked_crc(&data) != u32::from_le_bytes(tail) {
        return Err(bad("a record does not match its checksum".to_owned()));
    }
    Ok(Some(data))
}

/// A record with its frame.
pub(super) fn frame(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut out = Vec::with_capacity(data.len() + 16);
    out.extend(length);
    out.extend(masked_crc(&length).to_le_bytes());
    out.extend(data);
    out.extend(masked_crc(data).to_le_bytes());
    out
}

/// A field of a message.
enum Field<'b> {
    Varint(u64),
    Bytes(&'b [u8]),
    Word(u32),
    Other,
}

/// Reads the fields of a message one by one.
struct Fields<'b>(&'b [u8]);

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f).checked_shl(shift).unwrap_or(0);
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'b>(bytes: &mut &'b [u8], count: usize) -> Option<&'b [u8]> {
    let (first, rest) = (bytes.get(..count)?, bytes.get(count..)?);
    *bytes = rest;
    Some(first)
}

impl<'b> Fields<'b> {
    /// The next field's number and value; an error where the message is damaged.
    fn next(&mut self) -> Option<Result<(u64, Field<'b>), &'static str>> {
        if self.0.is_empty() {
            return None;
        }
        let field = (|| {
            let tag = varint(&mut self.0)?;
            let value = match tag & 7 {
                0 => Field::Varint(varint(&mut self.0)?),
                1 => take(&mut self.0, 8).map(|_| Field::Other)?,
                2 => {
                    let length = usize::try_from(varint(&mut self.0)?).ok()?;
                    Field::Bytes(take(&mut self.0, length)?)
                }
                5 => take(&mut self.0, 4).map(|b| Field::Word(u32::from_le_bytes([b[0], b[1], b[2], b[3]])))?,
                _ => return None,
            };
            Some((tag >> 3, value))
        })();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or("the record is no tf.train.Example"))
    }
}

/// Each message field of this number inside a message.
fn messages<'b>(
    bytes: &'b [u8],
    number: u64,
    mut each: impl FnMut(&'b [u8]) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    let mut fields = Fields(bytes);
    while let Some(field) = fields.next() {
        if let (n, Field::Bytes(inner)) = field?
            && n == number
        {
            each(inner)?;
        }
    }
    Ok(())
}

/// Reads an example.
pub(super) fn parse(data: &[u8]) -> Result<Example, &'static str> {
    let mut out = Example::new();
    messages(data, 1, |features| {
        messages(features, 1, |entry| {
            let (mut name, mut value) = (String::new(), None);
            let mut fields = Fields(entry);
            while let Some(field) = fields.next() {
                match field? {
                    (1, Field::Bytes(key)) => name = String::from_utf8_lossy(key).into_owned(),
                    (2, Field::Bytes(inner)) => value = feature(inner)?,
                    _ => {}
                }
            }
            if let Some(value) = value {
                out.insert(name, value);
            }
            Ok(())
        })
    })?;
    Ok(out)
}

fn feature(bytes: &[u8]) -> Result<Option<Feature>, &'static str> {
    let mut fields = Fields(bytes);
    let mut out = None;
    while let Some(field) = fields.next() {
        let (kind, Field::Bytes(mut list)) = field? else { continue };
        out = match kind {
            1 => {
                let mut all = Vec::new();
                messages(list, 1, |bytes| {
                    all.push(bytes.to_vec());
                    Ok(())
                })?;
                Some(Feature::Bytes(all))
            }
            2 => Some(Feature::Floats(floats(&mut list)?)),
            3 => Some(Feature::Ints(ints(&mut list)?)),
            _ => out,
        };
    }
    Ok(out)
}

fn floats(list: &mut &[u8]) -> Result<Vec<f32>, &'static str> {
    let (mut fields, mut all) = (Fields(list), Vec::new());
    while let Some(field) = fields.next() {
        match field? {
            (1, Field::Bytes(packed)) => {
                all.extend(packed.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
            }
            (1, Field::Word(word)) => all.push(f32::from_bits(word)),
            _ => {}
        }
    }
    Ok(all)
}

fn ints(list: &mut &[u8]) -> Result<Vec<i64>, &'static str> {
    let (mut fields, mut all) = (Fields(list), Vec::new());
    while let Some(field) = fields.next() {
        match field? {
            (1, Field::Bytes(mut packed)) => {
                while !packed.is_empty() {
                    all.push(varint(&mut packed).ok_or("a list of integers is cut short")? as i64);
                }
            }
            (1, Field::Varint(value)) => all.push(value as i64),
            _ => {}
        }
    }
    Ok(all)
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_bytes(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend(bytes);
}

/// An example's bytes; equal examples give equal bytes.
pub(super) fn encode(example: &Example) -> Vec<u8> {
    let mut features = Vec::new();
    for (name, value) in example {
        let mut list = Vec::new();
        let kind = match value {
            Feature::Bytes(all) => {
                all.iter().for_each(|bytes| put_bytes(&mut list, 1, bytes));
                1
            }
            Feature::Floats(all) => {
                put_bytes(&mut list, 1, &all.iter().flat_map(|f| f.to_le_bytes()).collect::<Vec<u8>>());
                2
            }
            Feature::Ints(all) => {
                let mut packed = Vec::new();
                all.iter().for_each(|i| put_varint(&mut packed, *i as u64));
                put_bytes(&mut list, 1, &packed);
                3
            }
        };
        let (mut feature, mut entry) = (Vec::new(), Vec::new());
        put_bytes(&mut feature, kind, &list);
        put_bytes(&mut entry, 1, name.as_bytes());
        put_bytes(&mut entry, 2, &feature);
        put_bytes(&mut features, 1, &entry);
    }
    let mut out = Vec::new();
    put_bytes(&mut out, 1, &features);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        // RFC 3720, B.4: 32 bytes of zeros.
        let plain = masked_crc(&[0; 32]).wrapping_sub(0xA282_EAD8).rotate_left(15);
        assert_eq!(plain, 0x8A91_36AA);
    }

    #[test]
    fn an_example_and_its_frame_read_back_and_cuts_are_errors() {
        let example = Example::from([
            ("a".to_owned(), Feature::Bytes(vec![b"x".to_vec(), vec![]])),
            ("b".to_owned(), Feature::Floats(vec![0.5, -1.0])),
            ("c".to_owned(), Feature::Ints(vec![3, -1, i64::MAX])),
        ]);
        let data = encode(&example);
        assert_eq!(parse(&data), Ok(example));
        let framed = frame(&data);
        assert_eq!(next(&mut framed.as_slice()).unwrap(), Some(data.clone()));
        for cut in 1..framed.len() {
            assert!(next(&mut &framed[..cut]).is_err());
        }
        for cut in 0..data.len() {
            let _ = parse(&data[..cut]);
        }
        let mut bad = framed;
        bad[20] ^= 1;
        assert!(next(&mut bad.as_slice()).is_err());
    }
}
