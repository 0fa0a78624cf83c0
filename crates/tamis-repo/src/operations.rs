//! The operation log: list, undo, restore.

use std::collections::BTreeMap;

use tamis_core::OperationId;

use crate::object::{Action, Author, Operation, View};
use crate::{Dataset, Error, Result};

impl Dataset {
    /// The newest operations, newest first. The log ends where older entries were given up by
    /// garbage collection.
    pub fn operations(&self, limit: usize) -> Result<Vec<Operation>> {
        let mut found = Vec::new();
        let mut next = Some(self.state()?.operation);
        while let Some(id) = next.filter(|_| found.len() < limit) {
            if !found.is_empty() && !self.repo().store().contains(id.hash())? {
                break;
            }
            let operation = self.repo().operation(id)?;
            next = operation.parent;
            found.push(operation);
        }
        Ok(found)
    }

    /// The view after an operation.
    pub fn view_at(&self, operation: OperationId) -> Result<View> {
        self.repo().read(self.repo().operation(operation)?.view.hash())
    }

    /// Finds an operation of this dataset by a prefix of its id (at least 4 digits).
    pub fn find_operation(&self, prefix: &str) -> Result<Operation> {
        let all = self.operations(usize::MAX)?;
        let fits: Vec<&Operation> =
            all.iter().filter(|op| prefix.len() >= 4 && op.id.to_string().starts_with(prefix)).collect();
        match fits.as_slice() {
            [] => Err(Error::NotFound { what: "operation", name: prefix.to_owned(), near: Vec::new() }),
            [one] => Ok((*one).clone()),
            many => {
                let candidates =
                    many.iter().take(10).map(|op| format!("{} {}", op.id.short(), op.description)).collect();
                Err(Error::Ambiguous { revision: prefix.to_owned(), candidates })
            }
        }
    }

    /// Undoes an operation, by default the newest. Undoing an undo does the operation again.
    ///
    /// What the operation did to each ref is taken back; a ref that was moved again since is a
    /// conflict, and nothing is changed.
    pub fn undo(&self, operation: Option<OperationId>, author: &Author) -> Result<Operation> {
        let id = match operation {
            Some(id) => id,
            None => self.state()?.operation,
        };
        let undone = self.repo().operation(id)?;
        let after: View = self.repo().read(undone.view.hash())?;
        let gone = "it is the first, or the one before it was given up by gc";
        let refused = || Error::Refused { action: "undo", name: id.short(), reason: gone };
        let parent = undone.parent.ok_or_else(refused)?;
        if !self.repo().store().contains(parent.hash())? {
            return Err(refused());
        }
        let before = self.view_at(parent)?;
        let description = format!("undo: {}", undone.description);
        self.change_view(Action::Undo, author, description, |view, _| {
            *view = merge_views(&after, view, &before).map_err(|names| Error::Conflict {
                action: "undo",
                branch: id.short(),
                count: names.len(),
                places: names,
            })?;
            Ok(())
        })?;
        Ok(undone)
    }

    /// Sets all refs back to what they were after an operation.
    pub fn restore(&self, operation: OperationId, author: &Author) -> Result<()> {
        let then = self.view_at(operation)?;
        self.change_view(Action::Restore, author, format!("restore to {}", operation.short()), |view, _| {
            *view = then.clone();
            Ok(())
        })
    }
}

/// Three-way merge of views, ref by ref; the names of refs that both changed, otherwise.
fn merge_views(base: &View, ours: &View, theirs: &View) -> std::result::Result<View, Vec<String>> {
    let mut clashes = Vec::new();
    let merged = View {
        branches: merge_maps(&base.branches, &ours.branches, &theirs.branches, "branch", &mut clashes),
        default: pick(&base.default, &ours.default, &theirs.default, "default branch", &mut clashes),
        drafts: merge_maps(&base.drafts, &ours.drafts, &theirs.drafts, "draft", &mut clashes),
        extra: merge_maps(&base.extra, &ours.extra, &theirs.extra, "object", &mut clashes),
        remotes: merge_maps(&base.remotes, &ours.remotes, &theirs.remotes, "remote", &mut clashes),
        removed: pick(&base.removed, &ours.removed, &theirs.removed, "removal", &mut clashes),
        tags: merge_maps(&base.tags, &ours.tags, &theirs.tags, "tag", &mut clashes),
    };
    if clashes.is_empty() && !merged.branches.contains_key(&merged.default) {
        clashes.push(format!("default branch {}", merged.default));
    }
    if clashes.is_empty() { Ok(merged) } else { Err(clashes) }
}

fn pick<T: Clone + PartialEq>(base: &T, ours: &T, theirs: &T, what: &str, clashes: &mut Vec<String>) -> T {
    if base == theirs || ours == theirs {
        ours.clone()
    } else if base == ours {
        theirs.clone()
    } else {
        clashes.push(what.to_owned());
        ours.clone()
    }
}

fn merge_maps<T: Clone + PartialEq>(
    base: &BTreeMap<String, T>,
    ours: &BTreeMap<String, T>,
    theirs: &BTreeMap<String, T>,
    what: &str,
    clashes: &mut Vec<String>,
) -> BTreeMap<String, T> {
    let names: std::collections::BTreeSet<&String> = base.keys().chain(ours.keys()).chain(theirs.keys()).collect();
    names
        .into_iter()
        .filter_map(|name| {
            let place = format!("{what} {name}");
            let value = pick(&base.get(name), &ours.get(name), &theirs.get(name), &place, clashes);
            value.map(|value| (name.clone(), value.clone()))
        })
        .collect()
}
