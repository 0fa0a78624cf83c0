//! The objects in one list of a JSON file, one by one, with their places; the rest of the file as a whole.

use std::io::Read;

use serde_json::{Map, Value};
use tamis_core::Place;

use crate::error::Result;
use crate::labels::Judge;
use crate::lex::json::walk;

/// Everything beside the list of this name; faults are left to [`each`].
pub(crate) fn beside(reader: impl Read, list: &str) -> Map<String, Value> {
    let mut out = Map::new();
    let _ = walk(reader, |item| {
        if item.key == list || item.key.is_empty() {
            return;
        }
        let Ok(value) = serde_json::from_slice::<Value>(item.text) else { return };
        match (item.index, out.get_mut(item.key)) {
            (Some(_), Some(Value::Array(all))) => all.push(value),
            (Some(_), _) => drop(out.insert(item.key.to_owned(), Value::Array(vec![value]))),
            (None, _) => drop(out.insert(item.key.to_owned(), value)),
        }
    });
    out
}

/// Hands on each object of the list of this name (or, for the name "", of the outermost list). What is no object and
/// where the file breaks goes to the report; what was read before stands.
///
/// # Errors
/// What `take` answers; it is called no more then.
pub(crate) fn each(
    reader: impl Read,
    file: &str,
    list: &str,
    judge: &Judge<'_>,
    mut take: impl FnMut(Map<String, Value>, &dyn Fn() -> Place) -> Result<()>,
) -> Result<()> {
    let mut failed = Ok(());
    let end = walk(reader, |item| {
        if item.key != list || failed.is_err() {
            return;
        }
        let Some(index) = item.index else {
            let message = format!("`{}` is not a list", item.key);
            return judge.error("syntax", Place::line(file, item.at.line), message);
        };
        let pointer = if list.is_empty() { format!("/{index}") } else { format!("/{list}/{index}") };
        let place = || Place { column: Some(item.at.column), ..Place::line(file, item.at.line).at(pointer.as_str()) };
        match judge.json(file, &crate::lex::text::decode(item.text), item.at) {
            Some(Value::Object(object)) => failed = take(object, &place),
            Some(_) => judge.error("syntax", place(), "an entry is not an object; left out"),
            None => {}
        }
    });
    if let Err(fault) = end {
        judge.error("syntax", fault.place(file), fault.message);
    }
    failed
}

/// Hands on each object of a file of one JSON object a line.
///
/// # Errors
/// As [`each`]; I/O errors are findings.
pub(crate) fn lines(
    reader: impl Read,
    file: &str,
    judge: &Judge<'_>,
    mut take: impl FnMut(Map<String, Value>, &dyn Fn() -> Place) -> Result<()>,
) -> Result<()> {
    use std::io::BufRead;
    let mut reader = std::io::BufReader::new(reader);
    let mut bytes = Vec::new();
    for line in 1u64.. {
        bytes.clear();
        match reader.read_until(b'\n', &mut bytes) {
            Ok(0) => break,
            Ok(_) => {}
            Err(e) => {
                judge.error("unreadable", Place::line(file, line), e);
                break;
            }
        }
        let text = crate::lex::text::decode(&bytes);
        if text.trim().is_empty() {
            continue;
        }
        match judge.json(file, &text, crate::lex::json::At { line, column: 1 }) {
            Some(Value::Object(object)) => take(object, &|| Place::line(file, line))?,
            Some(_) => judge.error("syntax", Place::line(file, line), "a line is not an object; left out"),
            None => {}
        }
    }
    Ok(())
}
