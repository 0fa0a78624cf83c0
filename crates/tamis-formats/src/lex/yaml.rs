//! YAML settings files (docs/adr/0042).

use yaml_serde::Value;

use super::{Fault, text};

/// The settings of a file.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Fault> {
    yaml_serde::from_str(&text::decode(bytes)).map_err(|e| {
        let at = e.location();
        let message = e.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        Fault::new(at.as_ref().map_or(1, |l| l.line() as u64), at.map_or(0, |l| l.column() as u64), message)
    })
}

/// A document of a known shape; YAML, of which JSON is a part.
pub(crate) fn typed<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    yaml_serde::from_str(&text::decode(bytes)).map_err(|e| e.to_string())
}

/// A scalar as text.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// A scalar or a list of them as texts.
pub(crate) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Sequence(items) => items.iter().filter_map(scalar).collect(),
        other => scalar(other).into_iter().collect(),
    }
}
