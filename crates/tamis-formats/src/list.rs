//! Writing one JSON file of many items: each goes to the disk when it is known.

use std::fs::File;
use std::io::{BufWriter, Write};

use serde_json::Value;

use crate::error::{FormatError, Result};
use crate::sink::Sink;

/// A JSON file that is a text before, items, and a text after; or one item a line.
pub(crate) struct List {
    out: BufWriter<File>,
    path: String,
    between: &'static str,
    any: bool,
}

impl List {
    /// A file that starts with this text; items are set apart by commas.
    pub(crate) fn begin(sink: &Sink, path: &str, head: &str) -> Result<List> {
        let mut list = List { out: sink.create(path)?, path: path.to_owned(), between: ",\n", any: false };
        list.text(head)?;
        Ok(list)
    }

    /// A file of one item a line.
    pub(crate) fn lines(sink: &Sink, path: &str) -> Result<List> {
        Ok(List { between: "\n", ..List::begin(sink, path, "")? })
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes()).map_err(|e| FormatError::io("write", &self.path, e))
    }

    /// Adds an item.
    pub(crate) fn push(&mut self, item: &Value) -> Result<()> {
        let between = if std::mem::replace(&mut self.any, true) { self.between } else { "" };
        self.text(between)?;
        self.text(&item.to_string())
    }

    /// Adds a member of an object.
    pub(crate) fn member(&mut self, key: &Value, item: &Value) -> Result<()> {
        let between = if std::mem::replace(&mut self.any, true) { self.between } else { "" };
        self.text(between)?;
        self.text(&format!("{key}: {item}"))
    }

    /// Writes what stands after the items.
    pub(crate) fn end(mut self, tail: &str) -> Result<()> {
        self.text(tail)?;
        self.out.flush().map_err(|e| FormatError::io("write", &self.path, e))
    }
}
