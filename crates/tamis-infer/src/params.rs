//! Parameters of functions: declared once, read from JSON or from a command line's text, and written in one way, because
//! a function's id is made of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tamis_core::{Hash, Value as Json};

use crate::error::{InferError, Result};

/// A parameter of a function.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// The name.
    pub name: &'static str,
    /// What its values may be.
    pub kind: ParamKind,
    /// The value when not given, as text; [`None`] = it has to be given.
    pub default: Option<&'static str>,
    /// What it does.
    pub help: &'static str,
}

/// What the values of a parameter may be.
#[derive(Clone, Copy, Debug)]
pub enum ParamKind {
    /// A whole number in a range, both ends included.
    Integer(i64, i64),
    /// A number in a range, both ends included.
    Number(f64, f64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any text; empty = left open.
    Text,
    /// The path of a file that is read when the function is looked up. The function's id depends on the file's content,
    /// not on its path. Empty = none.
    File,
}

impl ParamKind {
    /// What the values may be, for people.
    pub fn describe(&self) -> String {
        match self {
            ParamKind::Integer(low, high) => format!("a whole number from {low} to {high}"),
            ParamKind::Number(low, high) => format!("a number from {low} to {high}"),
            ParamKind::Choice(words) => format!("one of {}", words.join(", ")),
            ParamKind::Text => "text".to_owned(),
            ParamKind::File => "a file".to_owned(),
        }
    }
}

/// A file that a parameter names.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Arc<Vec<u8>>,
    pub(crate) hash: Hash,
}

/// The value of a parameter.
#[derive(Clone, Debug)]
enum Argument {
    Integer(i64),
    Number(f64),
    Text(String),
    File(Option<File>),
}

/// The values of all parameters of a function, checked.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    function: &'static str,
    values: BTreeMap<&'static str, Argument>,
}

/// More than any file that a parameter names: the wire format of models ends at 2 GiB.
const LARGEST_FILE: u64 = 2 << 30;

impl Arguments {
    /// Checks what was given and fills in what was not.
    pub(crate) fn read(function: &'static str, params: &[Param], given: &BTreeMap<String, Json>) -> Result<Arguments> {
        if let Some(name) = given.keys().find(|name| params.iter().all(|param| param.name != name.as_str())) {
            let known = params.iter().map(|param| param.name).collect();
            return Err(InferError::UnknownParameter { function, name: name.clone(), known });
        }
        let read = |param: &Param| {
            let bad = |value: &str, reason: String| InferError::BadParameter {
                function,
                name: param.name,
                value: if value == MISSING { value.to_owned() } else { format!("`{}`", crate::error::plain(&value)) },
                reason,
            };
            let text = match given.get(param.name) {
                Some(Json::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => match param.default {
                    Some(default) => default.to_owned(),
                    None => return Err(bad(MISSING, format!("it has to be given: {}", param.help))),
                },
            };
            let wanted = || bad(&text, format!("it has to be {}", param.kind.describe()));
            let value = match param.kind {
                ParamKind::Integer(low, high) => {
                    let number = text.trim().parse().ok().filter(|v| (low..=high).contains(v));
                    Argument::Integer(number.ok_or_else(wanted)?)
                }
                ParamKind::Number(low, high) => {
                    let number = text.trim().parse().ok().filter(|v| (low..=high).contains(v));
                    Argument::Number(number.ok_or_else(wanted)?)
                }
                ParamKind::Choice(words) if !words.contains(&text.as_str()) => return Err(wanted()),
                ParamKind::Choice(_) | ParamKind::Text => Argument::Text(text),
                ParamKind::File if text.is_empty() => Argument::File(None),
                ParamKind::File => Argument::File(Some(File::open(text.into())?)),
            };
            Ok((param.name, value))
        };
        Ok(Arguments { function, values: params.iter().map(read).collect::<Result<_>>()? })
    }

    /// One line of JSON: names in order, every default filled in, files as the hashes of their content.
    pub(crate) fn canonical(&self) -> String {
        let json = |argument: &Argument| match argument {
            Argument::Integer(v) => Json::from(*v),
            Argument::Number(v) => Json::from(*v),
            Argument::Text(v) => Json::from(v.as_str()),
            Argument::File(None) => Json::Null,
            Argument::File(Some(file)) => Json::from(file.hash.to_hex()),
        };
        Json::Object(self.values.iter().map(|(name, value)| ((*name).to_owned(), json(value))).collect()).to_string()
    }

    /// Refuses the value of a parameter for a reason that only the function knows.
    pub(crate) fn refuse(&self, name: &'static str, reason: impl Into<String>) -> InferError {
        let value = match self.values.get(name) {
            Some(Argument::Integer(v)) => v.to_string(),
            Some(Argument::Number(v)) => v.to_string(),
            Some(Argument::Text(v)) => v.clone(),
            Some(Argument::File(Some(file))) => file.path.display().to_string(),
            Some(Argument::File(None)) | None => String::new(),
        };
        let value = format!("`{}`", crate::error::plain(&value));
        InferError::BadParameter { function: self.function, name, value, reason: reason.into() }
    }

    /// A whole number; the parameter's range has been checked. 0 for a name that is not declared so.
    pub(crate) fn integer(&self, name: &str) -> i64 {
        if let Some(Argument::Integer(v)) = self.values.get(name) { *v } else { 0 }
    }

    /// The same as a size.
    pub(crate) fn size(&self, name: &str) -> usize {
        usize::try_from(self.integer(name)).unwrap_or(0)
    }

    /// A number.
    pub(crate) fn number(&self, name: &str) -> f64 {
        if let Some(Argument::Number(v)) = self.values.get(name) { *v } else { 0.0 }
    }

    /// A text or a choice.
    pub(crate) fn text(&self, name: &str) -> &str {
        if let Some(Argument::Text(v)) = self.values.get(name) { v } else { "" }
    }

    /// A file; [`None`] when none is named.
    pub(crate) fn file(&self, name: &str) -> Option<&File> {
        if let Some(Argument::File(file)) = self.values.get(name) { file.as_ref() } else { None }
    }
}

const MISSING: &str = "not given";

impl File {
    fn open(path: PathBuf) -> Result<File> {
        let failed = |source| InferError::File { path: path.clone(), source };
        let size = std::fs::metadata(&path).map_err(failed)?.len();
        if size > LARGEST_FILE {
            let reason = format!("it has {size} bytes, more than the {LARGEST_FILE} that a model may have");
            return Err(failed(std::io::Error::new(std::io::ErrorKind::FileTooLarge, reason)));
        }
        let bytes = std::fs::read(&path).map_err(failed)?;
        Ok(File { hash: Hash::of(&bytes), bytes: Arc::new(bytes), path })
    }
}
