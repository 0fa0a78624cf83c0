//! The log of commits.

use std::collections::HashMap;

use tamis_core::CommitId;

use super::lanes::Lanes;
use crate::graph::Walk;
use crate::object::{Commit, View};
use crate::{Dataset, Result};

/// Which commits the log has.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// Follow first parents only.
    pub first_parent: bool,
    /// At most so many; 0 = all.
    pub limit: usize,
    /// Leave out what this revision reaches.
    pub since: Option<String>,
    /// All branches, tags and drafts, not only the revision.
    pub all: bool,
    /// With the root commit, which is the same everywhere and holds nothing.
    pub with_root: bool,
}

/// A commit in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEntry {
    /// The commit.
    pub commit: Commit,
    /// The names of branches, tags and drafts that are at it, e.g. `main`, `tag v1`.
    pub refs: Vec<String>,
    /// The graph beside it, one text a line: the first has the commit's `*`, the others join lanes.
    pub graph: Vec<String>,
}

impl Dataset {
    /// The commits that a revision reaches, newest first, children always before parents.
    /// Memory and time are proportional to what is shown, `since` included.
    pub fn log(&self, revision: &str, options: &LogOptions) -> Result<Vec<LogEntry>> {
        let state = self.state()?;
        let mut heads = vec![crate::revision::resolve(self, &state, revision)?.id];
        if options.all {
            heads.extend(crate::revision::heads(&state.view));
        }
        let hidden = match &options.since {
            Some(since) => self.reachable(crate::revision::resolve(self, &state, since)?.id)?,
            None => Vec::new(),
        };
        let mut walk = Walk::new(self.repo(), [], options.first_parent)?;
        hidden.into_iter().for_each(|id| walk.hide(id));
        heads.into_iter().try_for_each(|head| walk.push(head))?;
        let names = names(&state.view);
        let limit = if options.limit == 0 { usize::MAX } else { options.limit };
        let mut lanes = Lanes::default();
        let mut entries = Vec::new();
        while entries.len() < limit
            && let Some(commit) = walk.next()?
        {
            if commit.is_root() && !options.with_root {
                continue;
            }
            let parents = if options.first_parent {
                commit.parents.iter().take(1)
            } else {
                commit.parents.iter().take(usize::MAX)
            };
            let shown: Vec<CommitId> =
                parents.copied().filter(|parent| options.with_root || *parent != self.repo().root()).collect();
            let graph = lanes.draw(commit.id, &shown);
            let refs = names.get(&commit.id).cloned().unwrap_or_default();
            entries.push(LogEntry { commit, refs, graph });
        }
        Ok(entries)
    }

    fn reachable(&self, head: CommitId) -> Result<Vec<CommitId>> {
        let mut walk = Walk::new(self.repo(), [head], false)?;
        let mut found = Vec::new();
        while let Some(commit) = walk.next()? {
            found.push(commit.id);
        }
        Ok(found)
    }
}

fn names(view: &View) -> HashMap<CommitId, Vec<String>> {
    let mut names: HashMap<CommitId, Vec<String>> = HashMap::new();
    let branches = view.branches.iter().map(|(name, branch)| (branch.commit, name.clone()));
    let tags = view.tags.iter().map(|(name, tag)| (tag.commit, format!("tag {name}")));
    let drafts = view.drafts.iter().map(|(name, draft)| (draft.head, format!("draft/{name}")));
    let remotes = view.remotes.iter().flat_map(|(remote, there)| {
        there.branches.iter().map(move |(branch, commit)| (*commit, format!("{remote}/{branch}")))
    });
    for (commit, name) in branches.chain(tags).chain(drafts).chain(remotes) {
        names.entry(commit).or_default().push(name);
    }
    names
}
