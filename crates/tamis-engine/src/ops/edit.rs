//! Edits of single labels, made somewhere else on what was read before.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tamis_core::{DatasetName, Label, LayerName};

use crate::error::{EngineError, Result};
use crate::{Ctx, Engine};

/// Edits that become one commit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditRequest {
    /// The branch.
    pub branch: String,
    /// The commit that was read before; names it in conflicts.
    #[serde(default)]
    pub base: String,
    /// The commit's message.
    pub message: String,
    /// Edits by sample.
    pub patches: BTreeMap<String, Vec<LabelEdit>>,
}

/// What becomes of one label.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelEdit {
    /// The layer.
    pub layer: String,
    /// The label's id.
    pub id: u64,
    /// What it was; absent where it was not there.
    #[serde(default)]
    pub before: Option<Value>,
    /// What it is to be; absent where it is to go.
    #[serde(default)]
    pub after: Option<Value>,
}

/// A commit of edits.
#[derive(Clone, Debug, Serialize)]
pub struct Edited {
    /// The branch's commit: a new one, or the one that has all of it already.
    pub commit: String,
}

impl Engine {
    /// Commits edits of labels onto a branch: all or none.
    ///
    /// Each edit names what the label was. A label that is something else by now was edited by somebody else; other
    /// labels of the same sample may have changed meanwhile. Numbers are compared as numbers, because not every client
    /// keeps `1.0` apart from `1`; what an edit leaves as it was keeps its stored form.
    ///
    /// # Errors
    /// `repo.conflict` for a label that changed since, `sample.none` for a sample that is gone; `usage` for what is
    /// no label.
    pub fn edit(&self, ctx: &Ctx, dataset: &DatasetName, request: &EditRequest) -> Result<Edited> {
        let mut edit = self.dataset(dataset)?.transaction(&request.branch)?;
        let snapshot = edit.snapshot()?;
        let paths: Vec<&str> = request.patches.keys().map(String::as_str).collect();
        ctx.progress.begin("edit", Some(paths.len() as u64), "samples");
        for ((path, edits), sample) in request.patches.iter().zip(snapshot.get_many(&paths)?) {
            ctx.progress.advance(1, 0)?;
            let Some(mut sample) = sample else {
                let message = format!("cannot edit `{path}`: it is not on `{}` any more", request.branch);
                return Err(EngineError::new("sample.none", message).hint("discard the draft of it"));
            };
            let mut changed: HashMap<&str, Vec<Label>> = HashMap::new();
            for one in edits {
                let labels =
                    changed.entry(&one.layer).or_insert_with(|| sample.layers.remove(&one.layer).unwrap_or_default());
                apply(request, path, one, labels)?;
            }
            for (layer, mut labels) in changed {
                LayerName::new(layer)?;
                labels.sort_by_key(|label| label.id);
                edit.patch_layer(path, layer, Some(labels))?;
            }
        }
        ctx.progress.end();
        let base = edit.base().id.to_string();
        let outcome = edit.commit(&request.message, &ctx.author)?;
        Ok(Edited { commit: outcome.commit().map_or(base, |commit| commit.id.to_string()) })
    }
}

/// Carries out one edit on the labels of its layer.
fn apply(request: &EditRequest, path: &str, edit: &LabelEdit, labels: &mut Vec<Label>) -> Result<()> {
    let at = labels.iter().position(|label| label.id == edit.id);
    let there = at.map(|at| serde_json::to_value(labels.get(at))).transpose().map_err(unwritable)?;
    let is_as_was = match (&there, &edit.before) {
        (None, None) => true,
        (Some(there), Some(before)) => same(there, before),
        _ => false,
    };
    if !is_as_was {
        let since = match request.base.get(..12) {
            Some(short) => format!(" since {short}"),
            None => String::new(),
        };
        let message = format!("label {} of `{path}` was changed on `{}`{since}", edit.id, request.branch);
        let hint = "discard the draft, or edit a branch of your own and merge it";
        return Err(EngineError::new("repo.conflict", message).hint(hint));
    }
    if let Some(at) = at {
        labels.remove(at);
    }
    let Some(mut after) = edit.after.clone() else { return Ok(()) };
    if let Some(there) = &there {
        keep_forms(there, &mut after);
    }
    let bad = |why: String| EngineError::new("usage", format!("label {} of `{path}` is no label: {why}", edit.id));
    let label: Label = serde_json::from_value(after).map_err(|error| bad(error.to_string()))?;
    if label.id != edit.id {
        return Err(bad(format!("its own id is {}", label.id)));
    }
    labels.push(label);
    Ok(())
}

fn unwritable(error: serde_json::Error) -> EngineError {
    EngineError::new("internal", format!("cannot write a label as JSON: {error}"))
}

/// Whether two values mean the same: numbers by value, members in any order, `null` as not there.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        // Whole numbers as such: above 2⁵³ several of them are one `f64`.
        (Value::Number(a), Value::Number(b)) => a == b || ((a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            let null = Value::Null;
            let has = |of: &serde_json::Map<String, Value>, other: &serde_json::Map<String, Value>| {
                of.iter().all(|(name, value)| same(value, other.get(name).unwrap_or(&null)))
            };
            has(a, b) && has(b, a)
        }
        (a, b) => a == b,
    }
}

/// Gives the parts of `new` that mean the same as those of `old` the form of those.
fn keep_forms(old: &Value, new: &mut Value) {
    match (old, new) {
        (old, new) if same(old, new) => *new = old.clone(),
        (Value::Object(old), Value::Object(new)) => {
            new.iter_mut().filter_map(|(name, new)| Some((old.get(name)?, new))).for_each(|(o, n)| keep_forms(o, n));
        }
        (Value::Array(old), Value::Array(new)) => old.iter().zip(new).for_each(|(old, new)| keep_forms(old, new)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn forms_of_numbers_are_kept_where_nothing_changed() {
        let old = json!({"a": 1.0, "b": [2.0, 3.0], "c": "x"});
        let mut new = json!({"c": "x", "b": [2, 4], "a": 1, "d": null});
        assert!(!same(&old, &new));
        keep_forms(&old, &mut new);
        assert_eq!(new.to_string(), r#"{"c":"x","b":[2.0,4],"a":1.0,"d":null}"#);
        assert!(same(&json!({"a": 1, "b": null}), &json!({"a": 1.0})));
        assert!(!same(&json!({"a": 1, "b": 2}), &json!({"a": 1})));
        assert!(!same(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)));
    }
}
