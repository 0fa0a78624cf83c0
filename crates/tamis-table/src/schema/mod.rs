//! The schema of a table: its column groups and what is summarised and merged in them.

mod json;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields};

use crate::error::{Result, TableError};

/// The column groups of a table. Rows also have a key, which belongs to no group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableSchema {
    /// The groups, in a fixed order; new ones come last.
    pub groups: Vec<GroupSchema>,
}

/// A column group: columns that are kept in one page per leaf, and read, changed, withheld and
/// merged together.
///
/// Fields are nullable at the top level; a row that has nothing of the group has nulls there.
/// Metadata on fields (nested ones too) says more:
///
/// * `tamis.summary` = a `;`-separated list of aggregates, see [`crate::Aggregate`];
/// * `tamis.merge` = `keyed:id` on a list of structs: merging compares its elements by the field `id`.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSchema {
    /// The name, e.g. `base` or `layer/truth`.
    pub name: String,
    /// The columns.
    pub fields: Fields,
}

impl TableSchema {
    /// The position of a group.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.groups.iter().position(|group| group.name == name)
    }

    /// The group of a name.
    pub fn group(&self, name: &str) -> Result<&GroupSchema> {
        let found = self.groups.iter().find(|group| group.name == name);
        found.ok_or_else(|| TableError::NoField { path: name.to_owned() })
    }

    /// Canonical JSON (docs/spec/table.md §1).
    pub fn to_json(&self) -> Vec<u8> {
        json::encode(self)
    }

    /// Reads [`TableSchema::to_json`].
    pub fn from_json(bytes: &[u8]) -> Result<TableSchema> {
        let schema = json::decode(bytes)?;
        schema.check()?;
        Ok(schema)
    }

    /// Unique group names, nullable top-level fields with unique names.
    pub(crate) fn check(&self) -> Result<()> {
        let bad = |reason: String| Err(TableError::BadRows { reason });
        let mut names = HashSet::new();
        for group in &self.groups {
            if !names.insert(&group.name) {
                return bad(format!("group `{}` is there twice", group.name));
            }
            let mut fields = HashSet::new();
            for field in &group.fields {
                if !fields.insert(field.name()) {
                    return bad(format!("field `{}` is twice in group `{}`", field.name(), group.name));
                }
                if !field.is_nullable() {
                    return bad(format!("field `{}` of group `{}` must be nullable", field.name(), group.name));
                }
            }
        }
        Ok(())
    }

    /// Whether tables of `self` can be read and edited as tables of `newer`: groups keep their
    /// positions, fields may be added, none changes its type.
    pub(crate) fn evolves_to(&self, newer: &TableSchema) -> Result<()> {
        newer.check()?;
        let bad = |reason: String| Err(TableError::BadRows { reason });
        for (at, old) in self.groups.iter().enumerate() {
            let Some(new) = newer.groups.get(at).filter(|new| new.name == old.name) else {
                return bad(format!("group `{}` must keep its position", old.name));
            };
            for field in &old.fields {
                match new.fields.find(field.name()) {
                    Some((_, f)) if f.data_type().equals_datatype(field.data_type()) => {
                        if !same_summaries(field, f) {
                            return bad(format!("field `{}` cannot change what is summarised", field.name()));
                        }
                    }
                    Some(_) => return bad(format!("field `{}` cannot change its type", field.name())),
                    None => return bad(format!("field `{}` cannot be removed", field.name())),
                }
            }
        }
        Ok(())
    }
}

impl GroupSchema {
    /// A group.
    pub fn new(name: impl Into<String>, fields: impl Into<Fields>) -> GroupSchema {
        GroupSchema { name: name.into(), fields: fields.into() }
    }
}

/// Whether two fields of the same type ask for the same aggregates at every level: what was not
/// counted from the start is never exact.
fn same_summaries(a: &Field, b: &Field) -> bool {
    let below = |field: &Field| match field.data_type() {
        DataType::Struct(fields) => fields.clone(),
        other => list_item(other).cloned().into_iter().collect(),
    };
    a.metadata().get("tamis.summary") == b.metadata().get("tamis.summary")
        && below(a).iter().zip(&below(b)).all(|(a, b)| same_summaries(a, b))
}

/// The element type of any list type.
pub(crate) fn list_item(data_type: &DataType) -> Option<&Arc<Field>> {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => Some(item),
        _ => None,
    }
}
