//! Deciding conflicts, and finishing or giving up a merge.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use tamis_core::{Attribute, Class, Label, LabelSchema, Ontology, Sample, Sensor, Value};

use super::conflict::{Conflict, ConflictPart, Resolution};
use super::contents::{Contents, ontology_of, sensors_of, write_object};
use super::unfinished::{MergeObject, UnfinishedMerge};
use crate::dataset::branch_of;
use crate::landing::{Landed, Landing};
use crate::object::{Action, Author, Commit, Object, Sensors, View};
use crate::rows::{Edits, Rows};
use crate::schema::{check_sample, prepare_labels};
use crate::{Dataset, Error, Result};

impl Dataset {
    /// The unfinished merge of a branch; [`None`] when there is none.
    pub fn unfinished_merge(&self, branch: &str) -> Result<Option<UnfinishedMerge>> {
        let view = self.view()?;
        let Some(id) = branch_of(&view, branch)?.merge else { return Ok(None) };
        let MergeObject { action, conflicts, message, ours, source, .. } = self.repo().read(id.hash())?;
        Ok(Some(UnfinishedMerge { branch: branch.to_owned(), source, action, ours, message, conflicts }))
    }

    /// Decides conflicts of a branch's unfinished merge: those for which `choose` gives a
    /// resolution. Gives how many were decided and how many are still open.
    ///
    /// An explicit value is checked here: it must be a value of the conflict's part.
    pub fn resolve_conflicts(
        &self,
        branch: &str,
        author: &Author,
        mut choose: impl FnMut(&Conflict) -> Option<Resolution>,
    ) -> Result<(usize, usize)> {
        self.change_view(Action::Merge, author, format!("resolve conflicts on {branch}"), |view, writer| {
            let mut merge = self.merge_object(view, branch)?;
            let mut decided = 0;
            for conflict in &mut merge.conflicts {
                if let Some(resolution) = choose(conflict) {
                    conflict.resolution = Some(resolution);
                    if let Some(value) = conflict.decided() {
                        check_value(conflict, value)?;
                    }
                    decided += 1;
                }
            }
            let open = merge.conflicts.iter().filter(|conflict| conflict.resolution.is_none()).count();
            let id = tamis_core::ObjectId(writer.put(merge.encode()?)?);
            if let Some(branch) = view.branches.get_mut(branch) {
                branch.merge = Some(id);
            }
            Ok((decided, open))
        })
    }

    /// Decides all conflicts whose path fits a pattern (`*` within a component, `**` across, `?`)
    /// and, where one is given, whose label has this id.
    pub fn resolve_paths(
        &self,
        branch: &str,
        pattern: &str,
        label: Option<u64>,
        resolution: &Resolution,
        author: &Author,
    ) -> Result<(usize, usize)> {
        self.resolve_conflicts(branch, author, |conflict| {
            let label_fits =
                label.is_none_or(|wanted| matches!(conflict.part, ConflictPart::Label { id, .. } if id == wanted));
            (label_fits && fits(pattern, &conflict.path)).then(|| resolution.clone())
        })
    }

    /// Makes the commit of an unfinished merge whose conflicts are all decided. Commits that the
    /// branch got meanwhile are merged in; when they clash with the decisions, this is refused.
    pub fn continue_merge(&self, branch: &str, author: &Author, allow_protected: bool) -> Result<Commit> {
        let view = self.view()?;
        let merge = self.merge_object(&view, branch)?;
        let open: Vec<&Conflict> = merge.conflicts.iter().filter(|c| c.resolution.is_none()).collect();
        if !open.is_empty() {
            return Err(Error::Conflict {
                action: "continue the merge",
                branch: branch.to_owned(),
                count: open.len(),
                places: open.iter().take(3).map(|conflict| conflict.place()).collect(),
            });
        }
        let writer = self.repo().store().writer()?;
        let contents = Contents {
            tables: merge.tables.clone(),
            ontology: merge.ontology,
            sensors: merge.sensors,
            extra: merge.extra.clone(),
        };
        let decided = self.apply(&writer, contents, &merge.conflicts)?;
        let base = Contents::of(&self.repo().commit(merge.ours)?);
        let landing = Landing {
            branch,
            action: merge.action,
            description: format!("{} {} into {branch}", merge.action.as_str(), merge.source),
            message: &merge.message,
            author,
            change: self.repo().new_change(),
            parents: merge.parents.iter().skip(1).copied().collect(),
            allow_protected,
            allow_empty: true,
            keep_conflicts: None,
        };
        let landed = self.land(&landing, &base, &decided, Some(writer), |view| {
            if let Some(branch) = view.branches.get_mut(branch) {
                branch.merge = None;
            }
            Ok(())
        })?;
        match landed {
            Landed::Commit(commit) => Ok(*commit),
            _ => Err(Error::Moved { name: branch.to_owned(), reason: "nothing was merged".to_owned(), retry: false }),
        }
    }

    /// Gives up an unfinished merge; the branch stays as it is.
    pub fn abort_merge(&self, branch: &str, author: &Author) -> Result<()> {
        self.change_view(Action::Merge, author, format!("abort the merge into {branch}"), |view, _| {
            self.merge_object(view, branch)?;
            if let Some(branch) = view.branches.get_mut(branch) {
                branch.merge = None;
            }
            Ok(())
        })
    }

    fn merge_object(&self, view: &View, branch: &str) -> Result<MergeObject> {
        let none = || Error::NotFound { what: "unfinished merge on branch", name: branch.to_owned(), near: Vec::new() };
        let id = branch_of(view, branch)?.merge.ok_or_else(none)?;
        self.repo().read(id.hash())
    }

    /// Puts the decisions into the merged contents.
    fn apply(&self, writer: &tamis_store::Writer, contents: Contents, conflicts: &[Conflict]) -> Result<Contents> {
        let mut by_path: BTreeMap<&str, Vec<&Conflict>> = BTreeMap::new();
        for conflict in conflicts {
            by_path.entry(&conflict.path).or_default().push(conflict);
        }
        let mut contents = contents;
        if let Some(whole) = by_path.remove("") {
            let mut ontology = ontology_of(self.repo(), &contents)?;
            let mut sensors = sensors_of(self.repo(), &contents)?;
            for conflict in whole {
                decide_whole(conflict, &mut ontology, &mut sensors, &mut contents)?;
            }
            contents.ontology = write_object(writer, &ontology)?;
            contents.sensors = write_object(writer, &sensors)?;
        }
        if by_path.is_empty() {
            return Ok(contents);
        }
        let entry = contents.samples()?;
        let rows = Rows::open(self.repo(), entry.table)?;
        let paths: Vec<&str> = by_path.keys().copied().collect();
        let mut edits = Edits::default();
        for ((path, conflicts), old) in by_path.iter().zip(rows.get_many(&paths)?) {
            let mut sample = old.clone();
            for conflict in conflicts {
                decide_sample(conflict, &mut sample)?;
            }
            if sample != old {
                edits.set(path, sample)?;
            }
        }
        // The table's change was relative to `ours`; after a second edit it is not known any more.
        let entry =
            if edits.is_empty() { entry } else { rows.edit(self.repo(), writer, edits)?.entry_without_change() };
        Ok(contents.with_samples(entry))
    }
}

fn read<T: DeserializeOwned>(conflict: &Conflict, value: Option<&Value>) -> Result<Option<T>> {
    let Some(value) = value else { return Ok(None) };
    T::deserialize(value).map(Some).map_err(|error| Error::Invalid {
        what: "resolution",
        name: conflict.place(),
        reason: error.to_string(),
    })
}

/// Whether a value is one for the conflict's part.
fn check_value(conflict: &Conflict, value: Option<&Value>) -> Result<()> {
    let mut sample = Some(Sample { path: conflict.path.clone(), ..Sample::default() });
    if conflict.path.is_empty() {
        let none = Contents { tables: BTreeMap::new(), ontology: None, sensors: None, extra: BTreeMap::new() };
        let mut scratch = none;
        let _ = value;
        return decide_whole(conflict, &mut Ontology::default(), &mut Sensors::default(), &mut scratch);
    }
    decide_sample(conflict, &mut sample)
}

/// Puts a decision about a part of a sample into the sample.
fn decide_sample(conflict: &Conflict, sample: &mut Option<Sample>) -> Result<()> {
    let Some(value) = conflict.decided() else { return Ok(()) };
    if conflict.part == ConflictPart::Sample {
        let mut whole: Option<Sample> = read(conflict, value)?;
        if let Some(whole) = &mut whole {
            whole.path.clone_from(&conflict.path);
        }
        *sample = whole;
    } else if let Some(sample) = sample {
        decide_part(conflict, value, sample)?;
    }
    if let Some(sample) = sample {
        check_sample(sample)?;
        for (layer, labels) in &mut sample.layers {
            prepare_labels(&conflict.path, layer, labels)?;
        }
    }
    Ok(())
}

fn decide_part(conflict: &Conflict, value: Option<&Value>, sample: &mut Sample) -> Result<()> {
    match &conflict.part {
        ConflictPart::Media => sample.media = read(conflict, value)?,
        ConflictPart::Property { name } => match name.as_str() {
            "split" => sample.split = read(conflict, value)?,
            "frame" => sample.frame = read(conflict, value)?,
            "sensor" => sample.sensor = read(conflict, value)?,
            _ => sample.timestamp = read(conflict, value)?,
        },
        ConflictPart::Field { name } => {
            sample.fields.remove(name);
            sample.fields.extend(value.map(|value| (name.clone(), value.clone())));
        }
        ConflictPart::Layer { layer } => {
            sample.layers.remove(layer);
            sample.layers.extend(read(conflict, value)?.map(|labels| (layer.clone(), labels)));
        }
        ConflictPart::Label { layer, id } => {
            let label: Option<Label> = read(conflict, value)?;
            let labels = sample.layers.entry(layer.clone()).or_default();
            labels.retain(|label| label.id != *id);
            labels.extend(label.map(|label| label.with_id(*id)));
            labels.sort_by_key(|label| label.id);
        }
        _ => {}
    }
    Ok(())
}

/// Puts a decision about ontology, sensors or another object into place.
fn decide_whole(
    conflict: &Conflict,
    ontology: &mut Ontology,
    sensors: &mut Sensors,
    contents: &mut Contents,
) -> Result<()> {
    let Some(value) = conflict.decided() else { return Ok(()) };
    match &conflict.part {
        ConflictPart::Class { label_type, name } => {
            let class: Option<Class> = read(conflict, value)?;
            replace(&mut ontology.schema_mut(*label_type).classes, class, |class| class.name == *name);
        }
        ConflictPart::Attribute { label_type, name } => {
            let attribute: Option<Attribute> = read(conflict, value)?;
            replace(&mut ontology.schema_mut(*label_type).attributes, attribute, |a| a.name == *name);
        }
        ConflictPart::Ontology { label_type: None, .. } => {
            ontology.description = read(conflict, value)?.unwrap_or_default();
        }
        ConflictPart::Ontology { label_type: Some(label_type), name } if name == "schema" => {
            let schema: Option<LabelSchema> = read(conflict, value)?;
            ontology.types.remove(label_type);
            ontology.types.extend(schema.map(|schema| (*label_type, schema)));
        }
        ConflictPart::Ontology { label_type: Some(label_type), name } => {
            // One property of a schema: through its JSON form, which knows the property's type.
            let schema = ontology.schema_mut(*label_type);
            let mut json = serde_json::to_value(&*schema).unwrap_or_default();
            if let Value::Object(map) = &mut json {
                map.remove(name);
                map.extend(value.filter(|value| !value.is_null()).map(|value| (name.clone(), value.clone())));
            }
            *schema = read(conflict, Some(&json))?.unwrap_or_default();
        }
        ConflictPart::Sensor { segment, name } => {
            let sensor: Option<Sensor> = read(conflict, value)?;
            sensors.set(segment, name, sensor);
        }
        ConflictPart::Extra { name } => {
            contents.extra.remove(name);
            contents.extra.extend(read(conflict, value)?.map(|id| (name.clone(), id)));
        }
        _ => {}
    }
    Ok(())
}

/// Replaces the item that fits, in its place; appends it when none fits.
fn replace<T>(list: &mut Vec<T>, item: Option<T>, is_it: impl Fn(&T) -> bool) {
    let at = list.iter().position(&is_it);
    match (at, item) {
        (Some(at), Some(item)) => list[at] = item,
        (Some(at), None) => drop(list.remove(at)),
        (None, Some(item)) => list.push(item),
        (None, None) => {}
    }
}

/// Whether a path fits a pattern: `*` and `?` stay within a component, `**` crosses them; `*` alone
/// is everything. A pattern without `*` and `?` is a path or a folder. Linear memory,
/// O(pattern × path) time.
pub(crate) fn fits(pattern: &str, path: &str) -> bool {
    if matches!(pattern, "" | "*" | "**") {
        return true;
    }
    if !pattern.contains(['*', '?']) {
        let folder = pattern.trim_end_matches('/');
        return path == pattern || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    }
    let (pattern, path): (Vec<char>, Vec<char>) = (pattern.chars().collect(), path.chars().collect());
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let mut next = vec![false; path.len() + 1];
        let star = pattern[at] == '*';
        let wide = star && pattern.get(at + 1) == Some(&'*');
        for i in 0..=path.len() {
            if star {
                let stays = i > 0 && next[i - 1] && (wide || path[i - 1] != '/');
                next[i] = reached[i] || stays;
            } else if i > 0 && reached[i - 1] {
                next[i] = pattern[at] == path[i - 1] || (pattern[at] == '?' && path[i - 1] != '/');
            }
        }
        reached = next;
        at += if wide { 2 } else { 1 };
    }
    reached[path.len()]
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns_fit_as_people_expect() {
        for (pattern, path, yes) in [
            ("**", "a/b", true),
            ("*", "a/b", true),
            ("a", "a/b", true),
            ("a/", "a/b", true),
            ("a", "ab", false),
            ("a/*", "a/b", true),
            ("a/*", "a/b/c", false),
            ("a/**", "a/b/c", true),
            ("*.jpg", "x.jpg", true),
            ("*.jpg", "a/x.jpg", false),
            ("**/*.jpg", "a/b/x.jpg", true),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
        ] {
            assert_eq!(fits(pattern, path), yes, "{pattern} {path}");
        }
    }
}
