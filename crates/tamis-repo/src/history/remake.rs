//! Revert, cherry-pick, squash: changes of old commits made again, or backwards.

use tamis_core::CommitId;

use crate::dataset::branch_of;
use crate::graph::is_ancestor;
use crate::landing::{Landed, Landing, unfinished};
use crate::merge::{Contents, MergeOptions, MergeOutcome};
use crate::object::{Action, Author, Commit};
use crate::refs::check_protection;
use crate::rows::Rows;
use crate::{Dataset, Error, Result};

impl Dataset {
    /// Takes back on a branch what a commit did against its first parent. Conflicts wait as an
    /// unfinished merge.
    pub fn revert(
        &self,
        branch: &str,
        revision: &str,
        author: &Author,
        options: &MergeOptions,
    ) -> Result<MergeOutcome> {
        let commit = self.resolve(revision)?;
        let message = format!("revert \"{}\"\n\nThis reverts commit {}.", commit.title(), commit.id);
        let parent = self.first_parent(&commit, "revert")?;
        let description = format!("revert {} on {branch}", commit.id.short());
        self.remake(branch, Action::Revert, [&commit, &parent], (&message, description, revision), author, options)
    }

    /// Does on a branch what a commit did against its first parent. Conflicts wait as an
    /// unfinished merge. The new commit has the old one's message and change id.
    pub fn cherry_pick(
        &self,
        branch: &str,
        revision: &str,
        author: &Author,
        options: &MergeOptions,
    ) -> Result<MergeOutcome> {
        let commit = self.resolve(revision)?;
        let parent = self.first_parent(&commit, "cherry-pick")?;
        let description = format!("cherry-pick {} onto {branch}", commit.id.short());
        let message = commit.message.clone();
        self.remake(branch, Action::CherryPick, [&parent, &commit], (&message, description, revision), author, options)
    }

    fn first_parent(&self, commit: &Commit, action: &'static str) -> Result<Commit> {
        let root = || Error::Refused { action, name: commit.id.short(), reason: "it is the root commit" };
        self.repo().commit(*commit.parents.first().ok_or_else(root)?)
    }

    fn remake(
        &self,
        branch: &str,
        action: Action,
        [from, to]: [&Commit; 2],
        (message, description, source): (&str, String, &str),
        author: &Author,
        options: &MergeOptions,
    ) -> Result<MergeOutcome> {
        if branch_of(&self.view()?, branch)?.merge.is_some() {
            return Err(unfinished(branch));
        }
        let change = match action {
            Action::CherryPick => to.change,
            _ => self.repo().new_change(),
        };
        let mut theirs = Contents::of(to);
        if to.parents.first() != Some(&from.id) {
            theirs.tables.values_mut().for_each(|entry| entry.change = None);
        }
        let landing = Landing {
            branch,
            action,
            description,
            message: if options.message.is_empty() { message } else { &options.message },
            author,
            change,
            parents: Vec::new(),
            allow_protected: options.allow_protected,
            allow_empty: false,
            keep_conflicts: Some(source),
        };
        Ok(match self.land(&landing, &Contents::of(from), &theirs, None, |_| Ok(()))? {
            Landed::Commit(commit) => MergeOutcome::Merged(commit),
            Landed::Conflicts(count) => MergeOutcome::Conflicts(count),
            Landed::Nothing => MergeOutcome::UpToDate,
        })
    }

    /// Makes the commits of a branch after `since` one commit. `since` must be on the branch. The
    /// old commits stay reachable through the operation log until garbage collection.
    pub fn squash(
        &self,
        branch: &str,
        since: &str,
        message: &str,
        author: &Author,
        allow_protected: bool,
    ) -> Result<CommitId> {
        let base = self.resolve(since)?;
        self.change_view(Action::Squash, author, format!("squash {branch} since {since}"), |view, writer| {
            let there = branch_of(view, branch)?;
            check_protection(branch, there, "squash", allow_protected)?;
            let head = self.repo().commit(there.commit)?;
            let refuse = |reason| Err(Error::Refused { action: "squash", name: branch.to_owned(), reason });
            if there.merge.is_some() {
                return refuse("a merge into it is unfinished");
            }
            if head.id == base.id {
                return refuse("it has no commits after that revision");
            }
            if !is_ancestor(self.repo(), base.id, head.id)? {
                return refuse("that revision is not behind it");
            }
            let mut contents = Contents::of(&head);
            if head.parents.first() != Some(&base.id) {
                contents.tables.values_mut().for_each(|entry| entry.change = None);
            }
            let message = if message.is_empty() { head.message.as_str() } else { message };
            let commit = self.repo().write_commit(writer, contents, vec![base.id], message, author, head.change)?;
            if let Some(branch) = view.branches.get_mut(branch) {
                branch.commit = commit.id;
            }
            Ok(commit.id)
        })
    }

    /// Folds the samples of a branch: a commit of the same rows whose table is one base without
    /// deltas. [`None`] when it is folded already. O(rows of leaves with changes).
    pub fn compact(&self, branch: &str, author: &Author, allow_protected: bool) -> Result<Option<Commit>> {
        let head = self.repo().commit(branch_of(&self.view()?, branch)?.commit)?;
        let base = Contents::of(&head);
        let writer = self.repo().store().writer()?;
        let Some(entry) = Rows::open(self.repo(), base.samples()?.table)?.folded(&writer)? else { return Ok(None) };
        let landing = Landing {
            branch,
            action: Action::Commit,
            description: format!("compact {branch}"),
            message: "compact",
            author,
            change: self.repo().new_change(),
            parents: Vec::new(),
            allow_protected,
            allow_empty: true,
            keep_conflicts: None,
        };
        let folded = base.clone().with_samples(entry);
        match self.land(&landing, &base, &folded, Some(writer), |_| Ok(()))? {
            Landed::Commit(commit) => Ok(Some(*commit)),
            Landed::Nothing | Landed::Conflicts(_) => Ok(None),
        }
    }
}
