//! Summaries as bytes (docs/spec/summary.md).

use std::collections::BTreeMap;

use super::{ColumnSummary, Summary};
use crate::error::{Result, TableError};

fn put_varint(out: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_signed(out: &mut Vec<u8>, value: i128) {
    put_varint(out, ((value << 1) ^ (value >> 127)) as u128);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u128);
    out.extend_from_slice(text.as_bytes());
}

/// Appends a summary.
pub(crate) fn encode(summary: &Summary, out: &mut Vec<u8>) {
    put_signed(out, summary.rows.into());
    out.extend_from_slice(&summary.content.to_le_bytes());
    // Columns of nothing are left out, so that a field that is new changes no summary of old rows.
    let columns = || summary.columns.iter().filter(|(_, column)| !column.is_empty());
    put_varint(out, columns().count() as u128);
    for (name, column) in columns() {
        put_text(out, name);
        for number in [column.values, column.nonempty, column.other] {
            put_signed(out, number.into());
        }
        put_signed(out, column.sum);
        out.push(u8::from(column.range.is_some()) | (u8::from(column.exact) << 1));
        if let Some((low, high)) = column.range {
            out.extend_from_slice(&low.to_le_bytes());
            out.extend_from_slice(&high.to_le_bytes());
        }
        put_varint(out, column.counts.len() as u128);
        for (value, count) in &column.counts {
            put_text(out, value);
            put_signed(out, (*count).into());
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let corrupt = TableError::Corrupt { what: "summary", reason: "it is cut short" };
        let (head, rest) = self.0.split_at_checked(length).ok_or(corrupt)?;
        self.0 = rest;
        Ok(head)
    }

    fn varint(&mut self) -> Result<u128> {
        let mut value = 0u128;
        for shift in (0..126).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u128::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(TableError::Corrupt { what: "summary", reason: "a number is too long" })
    }

    fn signed(&mut self) -> Result<i128> {
        let value = self.varint()?;
        Ok(((value >> 1) as i128) ^ -((value & 1) as i128))
    }

    fn count(&mut self) -> Result<i64> {
        let count = self.signed()?;
        let is_small = count.unsigned_abs() <= 1 << 62;
        i64::try_from(count)
            .ok()
            .filter(|_| is_small)
            .ok_or(TableError::Corrupt { what: "summary", reason: "a count is too large" })
    }

    fn length(&mut self) -> Result<usize> {
        let length = self.varint()?;
        // Everything counted takes at least a byte.
        usize::try_from(length)
            .ok()
            .filter(|n| *n <= self.0.len())
            .ok_or(TableError::Corrupt { what: "summary", reason: "a length is larger than the rest" })
    }

    fn text(&mut self) -> Result<&'a str> {
        let length = self.length()?;
        let text = std::str::from_utf8(self.take(length)?);
        text.map_err(|_| TableError::Corrupt { what: "summary", reason: "a name is not UTF-8" })
    }

    fn float(&mut self) -> Result<f64> {
        let mut eight = [0; 8];
        eight.copy_from_slice(self.take(8)?);
        Ok(f64::from_le_bytes(eight))
    }
}

/// Reads a summary, which must fill the bytes.
pub(crate) fn decode(bytes: &[u8]) -> Result<Summary> {
    decode_some(bytes, |_| true)
}

/// Reads a summary with only the columns that are wanted; the others are passed over, which spares
/// their maps of counts.
pub(crate) fn decode_some(bytes: &[u8], is_wanted: impl Fn(&str) -> bool) -> Result<Summary> {
    let mut reader = Reader(bytes);
    let rows = reader.count()?;
    let mut content = [0; 16];
    content.copy_from_slice(reader.take(16)?);
    let mut columns = BTreeMap::new();
    for _ in 0..reader.length()? {
        let name = reader.text()?;
        let wanted = is_wanted(name);
        let mut column = ColumnSummary {
            values: reader.count()?,
            nonempty: reader.count()?,
            other: reader.count()?,
            sum: reader.signed()?,
            ..ColumnSummary::default()
        };
        let flags = reader.take(1)?[0];
        column.exact = flags & 2 != 0;
        if flags & 1 != 0 {
            column.range = Some((reader.float()?, reader.float()?));
        }
        for _ in 0..reader.length()? {
            let value = reader.text()?;
            let count = reader.count()?;
            if wanted {
                column.counts.insert(value.to_owned(), count);
            }
        }
        if wanted {
            columns.insert(name.to_owned(), column);
        }
    }
    if !reader.0.is_empty() {
        return Err(TableError::Corrupt { what: "summary", reason: "bytes are left over" });
    }
    Ok(Summary { rows, content: u128::from_le_bytes(content), columns })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn summaries_read_back_and_cut_ones_are_errors() {
        let column = ColumnSummary {
            values: 7,
            sum: -5_000_000_000,
            range: Some((-1.5, 2.0)),
            counts: [("bus".to_owned(), 3), ("car".to_owned(), -4)].into(),
            ..ColumnSummary::default()
        };
        let summary = Summary { rows: -3, content: u128::MAX - 5, columns: [("g:x".to_owned(), column)].into() };
        let mut bytes = Vec::new();
        encode(&summary, &mut bytes);
        assert_eq!(decode(&bytes).unwrap(), summary);
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_err(), "{cut}");
        }
    }
}
