//! What a dataset says of its derived fields. docs/spec/derived.md §1 to §3.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tamis_core::{Hash, TableId};
use tamis_repo::{GroupInput, Snapshot};

use crate::error::{EngineError, Result};

/// The names of definitions in a commit.
const DEFINITION: &str = "derived/";
/// The names of states in a commit.
const STATE: &str = "state/derived/";

/// The definition of a derived field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// The function's name.
    pub function: String,
    /// Its version.
    pub version: u32,
    /// Every parameter.
    pub parameters: Map<String, Value>,
    /// `media`, or `field:` and a field's name.
    pub input: String,
    /// The layer that labels go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// The function's id: 64 hexadecimal digits.
    pub id: String,
}

/// Up to where a derived field is computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Rows that are as in this table have their value.
    pub(crate) table: TableId,
    /// Of the function with this id.
    pub(crate) id: String,
}

impl Definition {
    /// What the values are computed from.
    pub(crate) fn input(&self) -> Result<GroupInput> {
        parse_input(&self.input)
    }

    /// The object of a commit that holds the definition of a field.
    pub(crate) fn object(field: &str) -> String {
        format!("{DEFINITION}{field}")
    }

    /// The column group of a field.
    pub(crate) fn group(field: &str) -> String {
        format!("{DEFINITION}{field}")
    }

    /// A field's definition in a commit.
    pub(crate) fn read(snapshot: &Snapshot, field: &str) -> Result<Option<Definition>> {
        read(snapshot, &Definition::object(field))
    }

    /// The fields that a commit defines, sorted.
    pub(crate) fn fields(snapshot: &Snapshot) -> Vec<String> {
        let names = snapshot.commit().extra.keys();
        names.filter_map(|name| name.strip_prefix(DEFINITION)).map(str::to_owned).collect()
    }
}

impl State {
    /// The object of a commit that holds the state of a field.
    pub(crate) fn object(field: &str) -> String {
        format!("{STATE}{field}")
    }

    /// A field's state in a commit.
    pub(crate) fn read(snapshot: &Snapshot, field: &str) -> Result<Option<State>> {
        read(snapshot, &State::object(field))
    }
}

fn read<T: for<'a> Deserialize<'a>>(snapshot: &Snapshot, name: &str) -> Result<Option<T>> {
    let Some(bytes) = snapshot.extra(name)? else { return Ok(None) };
    let damaged = |error: serde_json::Error| {
        EngineError::new("store.corrupt", format!("cannot read `{name}` of commit {}: {error}", snapshot.commit().id))
    };
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}

/// Reads `media` or `field:NAME`.
pub(crate) fn parse_input(text: &str) -> Result<GroupInput> {
    match text.split_once(':') {
        None if text == "media" => Ok(GroupInput::Media),
        Some(("field", name)) if !name.is_empty() => Ok(GroupInput::Field(name.to_owned())),
        _ => {
            let message = format!("cannot compute from `{text}`: it is neither `media` nor `field:NAME`");
            Err(EngineError::new("usage", message).hint("say --input media or --input field:NAME"))
        }
    }
}

/// Checks the name of a new derived field.
pub(crate) fn check_name(snapshot: &Snapshot, field: &str) -> Result<()> {
    let bad = |why: &str| Err(EngineError::new("usage", format!("`{field}` cannot name a derived field: {why}")));
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if field.is_empty() || field.len() > 100 || !field.chars().all(is_plain) {
        return bad("letters, digits, `_`, `-` and `.` are allowed, at most 100 bytes");
    }
    let fields = snapshot.schema().group("fields").ok();
    let mut names =
        fields.iter().flat_map(|group| group.fields.iter().filter_map(|f| tamis_repo::FieldKind::parse(f.name())));
    if names.any(|(name, _)| name == field) {
        return bad("the samples have a field of that name");
    }
    Ok(())
}

/// The hash that a text of 64 digits names.
pub(crate) fn hash_of(text: &str) -> Result<Hash> {
    Hash::from_hex(text).map_err(|error| EngineError::new("store.corrupt", error.to_string()))
}
