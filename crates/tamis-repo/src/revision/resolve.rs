//! From a revision to the commit it names.

use tamis_core::{CommitId, Hash};

use super::parse::{Step, parse};
use super::time::parse_time;
use crate::graph::Walk;
use crate::object::{Commit, View};
use crate::repo::State;
use crate::{Dataset, Error, Result};

/// The prefix of drafts.
const DRAFT: &str = "draft/";

/// The shortest prefix of an id that is taken for one.
const MIN_PREFIX: usize = 4;

/// The commit that a revision names in a dataset.
pub(crate) fn resolve(dataset: &Dataset, state: &State, text: &str) -> Result<Commit> {
    let revision = parse(text)?;
    let base = match revision.base.as_str() {
        "" | "HEAD" | "head" => state.view.default.as_str(),
        other => other,
    };
    let mut steps = revision.steps.as_slice();
    let start = match steps.first() {
        Some(Step::Nth(n)) => {
            steps = &steps[1..];
            past(dataset, state, base, text, |_, back| back >= *n)?
        }
        Some(Step::At(when)) => {
            steps = &steps[1..];
            let time = parse_time(when, dataset.repo().now()).ok_or_else(|| Error::Invalid {
                what: "revision",
                name: text.to_owned(),
                reason: format!("`{when}` is not a time; write `yesterday`, `2 hours ago` or `2026-01-31 12:00`"),
            })?;
            past(dataset, state, base, text, |at, _| at <= time)?
        }
        _ => named(dataset, &state.view, base)?,
    };
    let mut commit = dataset.repo().commit(start)?;
    for step in steps {
        commit = follow(dataset, commit, step, text)?;
    }
    Ok(commit)
}

fn follow(dataset: &Dataset, commit: Commit, step: &Step, text: &str) -> Result<Commit> {
    let none = |what: &'static str| Error::NotFound { what, name: text.to_owned(), near: Vec::new() };
    match *step {
        Step::Back(n) => (0..n).try_fold(commit, |commit, _| {
            let parent = commit.parents.first().ok_or_else(|| none("commit that far back"))?;
            dataset.repo().commit(*parent)
        }),
        Step::Parent(0) => Ok(commit),
        Step::Parent(n) => {
            let at = usize::try_from(n - 1).unwrap_or(usize::MAX);
            dataset.repo().commit(*commit.parents.get(at).ok_or_else(|| none("such parent"))?)
        }
        Step::Nth(_) | Step::At(_) => Err(none("value")),
    }
}

/// What a ref's name stands for in a view.
pub(crate) fn ref_commit(view: &View, name: &str) -> Option<CommitId> {
    if let Some(branch) = view.branches.get(name) {
        return Some(branch.commit);
    }
    if let Some(tag) = view.tags.get(name) {
        return Some(tag.commit);
    }
    if let Some(draft) = name.strip_prefix(DRAFT).and_then(|name| view.drafts.get(name)) {
        return Some(draft.head);
    }
    let (remote, branch) = name.split_once('/')?;
    view.remotes.get(remote)?.branches.get(branch).copied()
}

fn named(dataset: &Dataset, view: &View, name: &str) -> Result<CommitId> {
    if let Some(commit) = ref_commit(view, name) {
        return Ok(commit);
    }
    if name.len() >= MIN_PREFIX && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_hexdigit()) {
        return by_prefix(dataset, view, &name.to_ascii_lowercase());
    }
    Err(unknown(view, name))
}

fn unknown(view: &View, name: &str) -> Error {
    let drafts: Vec<String> = view.drafts.keys().map(|name| format!("{DRAFT}{name}")).collect();
    let known = view.branches.keys().chain(view.tags.keys()).chain(&drafts).map(String::as_str);
    Error::not_found("revision", name, known)
}

/// All commits that a view reaches: branches, tags, drafts, remotes.
pub(crate) fn heads(view: &View) -> impl Iterator<Item = CommitId> + '_ {
    let remotes = view.remotes.values().flat_map(|remote| remote.branches.values().copied());
    view.branches
        .values()
        .map(|branch| branch.commit)
        .chain(view.tags.values().map(|tag| tag.commit))
        .chain(view.drafts.values().flat_map(|draft| [draft.head, draft.base]))
        .chain(remotes)
}

/// Walks the history for ids with a prefix; a full id is looked up directly.
fn by_prefix(dataset: &Dataset, view: &View, prefix: &str) -> Result<CommitId> {
    if prefix.len() == 64 {
        let id = CommitId(Hash::from_hex(prefix)?);
        return match dataset.repo().store().contains(id.hash())? {
            true => Ok(id),
            false => Err(unknown(view, prefix)),
        };
    }
    let mut fits: Vec<Commit> = Vec::new();
    let mut walk = Walk::new(dataset.repo(), heads(view), false)?;
    while let Some(commit) = walk.next()? {
        if commit.id.to_string().starts_with(prefix) {
            fits.push(commit);
        }
    }
    match fits.as_slice() {
        [] => Err(unknown(view, prefix)),
        [one] => Ok(one.id),
        many => {
            let candidates = many.iter().take(10).map(|c| format!("{} {}", c.id.short(), c.title())).collect();
            Err(Error::Ambiguous { revision: prefix.to_owned(), candidates })
        }
    }
}

/// The value of a ref in the past: walks the operation log backwards until `is_there` says so of
/// (when the value was set, how many values back it is). The oldest value stands for all time
/// before it only where a number was asked for and is exceeded: that is an error.
fn past(
    dataset: &Dataset,
    state: &State,
    name: &str,
    text: &str,
    is_there: impl Fn(i64, u32) -> bool,
) -> Result<CommitId> {
    let repo = dataset.repo();
    let mut value = ref_commit(&state.view, name).ok_or_else(|| unknown(&state.view, name))?;
    let mut back = 0;
    let mut operation = repo.operation(state.operation)?;
    loop {
        let parent = match operation.parent {
            Some(parent) if repo.store().contains(parent.hash())? => Some(repo.operation(parent)?),
            _ => None,
        };
        let before = match &parent {
            Some(parent) => ref_commit(&repo.read::<View>(parent.view.hash())?, name),
            None => None,
        };
        if before != Some(value) {
            if is_there(operation.time, back) {
                return Ok(value);
            }
            back += 1;
        }
        match (before, parent) {
            (Some(older), Some(parent)) => {
                value = older;
                operation = parent;
            }
            _ => {
                return Err(Error::NotFound {
                    what: "value of that ref so long ago:",
                    name: text.to_owned(),
                    near: Vec::new(),
                });
            }
        }
    }
}
