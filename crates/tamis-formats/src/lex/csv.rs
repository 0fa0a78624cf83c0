//! Tables of text with a header, row by row with lines; rows of another width are findings, not failures.

use std::io::Read;

use super::Fault;

/// A row with its line.
pub(crate) struct Row {
    pub(crate) line: u64,
    pub(crate) cells: Vec<String>,
}

/// Rows of a file; the header first.
pub(crate) struct Rows<R> {
    reader: csv::Reader<R>,
    width: usize,
}

impl<R: Read> Rows<R> {
    /// Begins to read; the separator is what the first line has most of: `,`, `;` or tab. Gives the header.
    pub(crate) fn new(reader: R, separator: u8) -> Result<(Rows<R>, Vec<String>), Fault> {
        let reader =
            csv::ReaderBuilder::new().has_headers(true).flexible(true).delimiter(separator).from_reader(reader);
        let mut rows = Rows { reader, width: 0 };
        let header = rows.reader.byte_headers().map_err(|e| Fault::new(1, 0, e.to_string()))?;
        let header: Vec<String> = header.iter().map(|c| super::text::decode(c).trim().to_owned()).collect();
        rows.width = header.len();
        Ok((rows, header))
    }

    /// The next row.
    pub(crate) fn next(&mut self) -> Option<Result<Row, Fault>> {
        let mut record = csv::ByteRecord::new();
        match self.reader.read_byte_record(&mut record) {
            Ok(false) => None,
            Ok(true) => {
                let line = record.position().map_or(0, csv::Position::line);
                if record.len() != self.width {
                    let message = format!("the row has {} cells, the header {}", record.len(), self.width);
                    return Some(Err(Fault::new(line, 0, message)));
                }
                let cells = record.iter().map(|c| super::text::decode(c).into_owned()).collect();
                Some(Ok(Row { line, cells }))
            }
            Err(e) => Some(Err(Fault::new(e.position().map_or(0, csv::Position::line), 0, e.to_string()))),
        }
    }
}

/// What separates the cells of a header line.
pub(crate) fn separator(head: &[u8]) -> u8 {
    let line = head.split(|b| *b == b'\n').next().unwrap_or_default();
    let count = |s: u8| line.iter().filter(|b| **b == s).count();
    *[b',', b';', b'\t'].iter().max_by_key(|s| (count(**s), u8::MAX - **s)).unwrap_or(&b',')
}
