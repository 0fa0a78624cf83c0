//! Merging a revision into a branch.

use tamis_core::CommitId;

use super::contents::Contents;
use crate::dataset::branch_of;
use crate::graph::{is_ancestor, relate};
use crate::landing::{Landed, Landing, unfinished};
use crate::object::{Action, Author, Commit};
use crate::refs::check_protection;
use crate::{Dataset, Result};

/// How to merge.
#[derive(Clone, Debug, Default)]
pub struct MergeOptions {
    /// The message; empty = `merge <source> into <branch>`.
    pub message: String,
    /// Make a merge commit even where the branch could simply move forward.
    pub no_fast_forward: bool,
    /// Merge into a protected branch.
    pub allow_protected: bool,
}

/// How a merge ended.
#[derive(Clone, Debug, PartialEq)]
pub enum MergeOutcome {
    /// The branch has all of it already.
    UpToDate,
    /// The branch moved forward to this commit.
    FastForward(CommitId),
    /// This commit was made.
    Merged(Box<Commit>),
    /// This many conflicts wait for decisions: see [`Dataset::unfinished_merge`].
    Conflicts(usize),
}

impl Dataset {
    /// The best common ancestor of two revisions: of several, the newest (then the one with the
    /// greatest id).
    pub fn merge_base(&self, a: &str, b: &str) -> Result<Option<CommitId>> {
        let (a, b) = (self.resolve(a)?.id, self.resolve(b)?.id);
        Ok(relate(self.repo(), a, b)?.bases.first().copied())
    }

    /// Merges a revision into a branch. With conflicts the branch stays as it is and the merge is
    /// kept with it, for [`Dataset::resolve_conflicts`] and [`Dataset::continue_merge`].
    pub fn merge(&self, branch: &str, source: &str, author: &Author, options: &MergeOptions) -> Result<MergeOutcome> {
        let theirs = self.resolve(source)?;
        self.merge_commit(branch, &theirs, source, author, options)
    }

    pub(crate) fn merge_commit(
        &self,
        branch: &str,
        theirs: &Commit,
        source: &str,
        author: &Author,
        options: &MergeOptions,
    ) -> Result<MergeOutcome> {
        let view = self.view()?;
        let head = branch_of(&view, branch)?;
        if head.merge.is_some() {
            return Err(unfinished(branch));
        }
        if is_ancestor(self.repo(), theirs.id, head.commit)? {
            return Ok(MergeOutcome::UpToDate);
        }
        let description = format!("merge {source} into {branch}");
        if !options.no_fast_forward
            && let Some(id) = self.fast_forward(branch, theirs.id, &description, author, options.allow_protected)?
        {
            return Ok(MergeOutcome::FastForward(id));
        }
        let relation = relate(self.repo(), head.commit, theirs.id)?;
        let base = self.repo().commit(relation.bases.first().copied().unwrap_or_else(|| self.repo().root()))?;
        let message = if options.message.is_empty() { description.clone() } else { options.message.clone() };
        let landing = Landing {
            branch,
            action: Action::Merge,
            description,
            message: &message,
            author,
            change: self.repo().new_change(),
            parents: vec![theirs.id],
            allow_protected: options.allow_protected,
            allow_empty: true,
            keep_conflicts: Some(source),
        };
        let landed = self.land(&landing, &Contents::of(&base), &Contents::of(theirs), None, |_| Ok(()))?;
        Ok(match landed {
            Landed::Commit(commit) => MergeOutcome::Merged(commit),
            Landed::Conflicts(count) => MergeOutcome::Conflicts(count),
            Landed::Nothing => MergeOutcome::UpToDate,
        })
    }

    /// Moves a branch forward to a commit that descends from it; [`None`] when it does not.
    pub(crate) fn fast_forward(
        &self,
        branch: &str,
        to: CommitId,
        description: &str,
        author: &Author,
        allow_protected: bool,
    ) -> Result<Option<CommitId>> {
        self.change_view(Action::Merge, author, description.to_owned(), |view, _| {
            let head = branch_of(view, branch)?;
            check_protection(branch, head, "merge into", allow_protected)?;
            if !is_ancestor(self.repo(), head.commit, to)? {
                return Ok(None);
            }
            if let Some(head) = view.branches.get_mut(branch) {
                head.commit = to;
            }
            Ok(Some(to))
        })
    }
}
