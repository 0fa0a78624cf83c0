//! Entry points for fuzzing: each takes any bytes and must neither panic nor grow without bound.

use std::path::Path;

use tamis_core::Report;

use crate::format::ReadOptions;
use crate::lex;
use crate::registry::FORMATS;
use crate::source::{Source, SourceLimits};

/// Reads bytes as JSON, XML, YAML, CSV and packed runs.
pub fn syntax(bytes: &[u8]) {
    let _ = lex::json::walk(bytes, |item| drop(serde_json::from_slice::<serde_json::Value>(item.text)));
    let _ = lex::xml::parse(bytes);
    let _ = lex::yaml::parse(bytes);
    let _ = crate::tamis::parse(bytes);
    let _ = crate::coco::decode_rle(&lex::text::decode(bytes));
    crate::table::read_cells(bytes);
}

/// Reads a folder or archive as every format, whatever the detectors say; how many records there were.
pub fn source(path: &Path) -> usize {
    let report = Report::new();
    let limits = SourceLimits { unpacked: 64 << 20, entries: 10_000, ..SourceLimits::default() };
    let Ok(source) = Source::open(path, &limits, &report) else { return 0 };
    let _ = crate::detect::candidates(&source);
    let readers = FORMATS.iter().filter_map(|f| f.read(&source, &ReadOptions::default(), &report).ok());
    readers.map(|reader| reader.take(10_000).filter(|r| r.is_ok()).count()).sum()
}
