//! Merging, and deciding what could not be merged.

use serde::Serialize;
use tamis_core::DatasetName;
use tamis_repo::{Conflict, MergeOptions, MergeOutcome, Resolution};

use crate::error::{EngineError, Result};
use crate::{Ctx, Engine};

/// How a merge ended.
#[derive(Clone, Debug, Serialize)]
pub struct MergeReport {
    /// `up_to_date`, `fast_forward`, `merged` or `conflicts`.
    pub outcome: &'static str,
    /// The branch's commit afterwards, where it moved.
    pub commit: Option<String>,
    /// Conflicts that wait for decisions.
    pub conflicts: usize,
}

/// A conflict of an unfinished merge.
#[derive(Clone, Debug, Serialize)]
pub struct ConflictLine {
    /// The place for people: `train/1.jpg (truth label 7)`.
    pub place: String,
    /// The conflict with its three values.
    #[serde(flatten)]
    pub conflict: Conflict,
}

/// A branch's unfinished merge.
#[derive(Clone, Debug, Serialize)]
pub struct Unfinished {
    /// The branch.
    pub branch: String,
    /// What is merged into it.
    pub source: String,
    /// The conflicts, decided ones included.
    pub conflicts: Vec<ConflictLine>,
    /// How many are not decided.
    pub open: usize,
}

/// Which conflicts to decide, and how.
#[derive(Clone, Debug)]
pub struct ResolveRequest {
    /// A path, a pattern (`*` within a component, `**` across), or `*` alone for all.
    pub pattern: String,
    /// Only the conflict about this label.
    pub label: Option<u64>,
    /// `ours`, `theirs`, `base`, or a JSON value.
    pub with: String,
}

/// How decisions went.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Resolved {
    /// Decided by this call.
    pub decided: usize,
    /// Still open.
    pub open: usize,
}

impl From<MergeOutcome> for MergeReport {
    fn from(outcome: MergeOutcome) -> MergeReport {
        match outcome {
            MergeOutcome::UpToDate => MergeReport { outcome: "up_to_date", commit: None, conflicts: 0 },
            MergeOutcome::FastForward(id) => {
                MergeReport { outcome: "fast_forward", commit: Some(id.to_string()), conflicts: 0 }
            }
            MergeOutcome::Merged(commit) => {
                MergeReport { outcome: "merged", commit: Some(commit.id.to_string()), conflicts: 0 }
            }
            MergeOutcome::Conflicts(conflicts) => MergeReport { outcome: "conflicts", commit: None, conflicts },
        }
    }
}

impl Engine {
    /// Merges a revision into a branch.
    pub fn merge(
        &self,
        ctx: &Ctx,
        dataset: &DatasetName,
        source: &str,
        into: &str,
        message: &str,
    ) -> Result<MergeReport> {
        let options = MergeOptions { message: message.to_owned(), ..MergeOptions::default() };
        Ok(self.dataset(dataset)?.merge(into, source, &ctx.author, &options)?.into())
    }

    /// Undoes what a commit changed, as a new commit on a branch.
    pub fn revert(&self, ctx: &Ctx, dataset: &DatasetName, revision: &str, on: &str) -> Result<MergeReport> {
        Ok(self.dataset(dataset)?.revert(on, revision, &ctx.author, &MergeOptions::default())?.into())
    }

    /// Makes a commit's change again on a branch.
    pub fn cherry_pick(&self, ctx: &Ctx, dataset: &DatasetName, revision: &str, on: &str) -> Result<MergeReport> {
        Ok(self.dataset(dataset)?.cherry_pick(on, revision, &ctx.author, &MergeOptions::default())?.into())
    }

    /// Makes the commits of a branch since a revision into one. Gives its id.
    pub fn squash(&self, ctx: &Ctx, dataset: &DatasetName, branch: &str, since: &str, message: &str) -> Result<String> {
        Ok(self.dataset(dataset)?.squash(branch, since, message, &ctx.author, false)?.to_string())
    }

    /// The unfinished merge of a branch.
    pub fn conflicts(&self, dataset: &DatasetName, branch: &str) -> Result<Option<Unfinished>> {
        let merge = self.dataset(dataset)?.unfinished_merge(branch)?;
        Ok(merge.map(|merge| Unfinished {
            open: merge.open(),
            branch: merge.branch,
            source: merge.source,
            conflicts: merge.conflicts.into_iter().map(|c| ConflictLine { place: c.place(), conflict: c }).collect(),
        }))
    }

    /// Decides conflicts.
    pub fn resolve(
        &self,
        ctx: &Ctx,
        dataset: &DatasetName,
        branch: &str,
        request: &ResolveRequest,
    ) -> Result<Resolved> {
        let resolution = match request.with.as_str() {
            "ours" => Resolution::Ours,
            "theirs" => Resolution::Theirs,
            "base" => Resolution::Base,
            json => Resolution::Value(Some(serde_json::from_str(json).map_err(|e| {
                EngineError::new("usage", format!("cannot decide with `{json}`: it is not JSON ({e})"))
                    .hint("say ours, theirs, base, or give the value as JSON")
            })?)),
        };
        let dataset = self.dataset(dataset)?;
        let pattern = if request.pattern == "*" { "**" } else { request.pattern.as_str() };
        let (decided, open) = dataset.resolve_paths(branch, pattern, request.label, &resolution, &ctx.author)?;
        if decided == 0 {
            let message = format!("no conflict of the merge into `{branch}` fits `{}`", request.pattern);
            return Err(EngineError::new("sample.none", message).hint("see their paths with `tamis conflicts`"));
        }
        Ok(Resolved { decided, open })
    }

    /// Finishes a merge whose conflicts are all decided. Gives the commit's id.
    pub fn continue_merge(&self, ctx: &Ctx, dataset: &DatasetName, branch: &str) -> Result<String> {
        Ok(self.dataset(dataset)?.continue_merge(branch, &ctx.author, false)?.id.to_string())
    }

    /// Gives up an unfinished merge.
    pub fn abort_merge(&self, ctx: &Ctx, dataset: &DatasetName, branch: &str) -> Result<()> {
        Ok(self.dataset(dataset)?.abort_merge(branch, &ctx.author)?)
    }
}
