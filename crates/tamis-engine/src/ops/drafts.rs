//! Drafts: open, writable states on a branch.

use serde::Serialize;
use tamis_core::DatasetName;
use tamis_repo::{CommitOptions, Draft};

use crate::error::Result;
use crate::{Ctx, Engine};

/// A draft in a list.
#[derive(Clone, Debug, Serialize)]
pub struct DraftLine {
    /// The name; `draft/<name>` is a revision.
    pub name: String,
    /// The branch that it is for.
    pub branch: String,
    /// The commit that it began at.
    pub base: String,
    /// Its newest save; the base where nothing was saved yet.
    pub head: String,
    /// Who opened it.
    pub owner: String,
    /// When, in microseconds since 1970.
    pub time: i64,
}

impl DraftLine {
    fn new(name: String, draft: &Draft) -> DraftLine {
        DraftLine {
            name,
            branch: draft.branch.clone(),
            base: draft.base.to_string(),
            head: draft.head.to_string(),
            owner: draft.owner.to_string(),
            time: draft.time,
        }
    }
}

impl Engine {
    /// The open drafts of a dataset.
    pub fn drafts(&self, dataset: &DatasetName) -> Result<Vec<DraftLine>> {
        let drafts = self.dataset(dataset)?.drafts()?;
        Ok(drafts.into_iter().map(|(name, draft)| DraftLine::new(name, &draft)).collect())
    }

    /// Opens a draft on a branch.
    ///
    /// # Errors
    /// `repo.exists` where there is one of the name.
    pub fn open_draft(&self, ctx: &Ctx, dataset: &DatasetName, name: &str, branch: &str) -> Result<DraftLine> {
        let draft = self.dataset(dataset)?.open_draft(name, branch, &ctx.author)?;
        Ok(DraftLine::new(name.to_owned(), &draft))
    }

    /// Makes what a draft holds one commit on its branch and closes it; where the branch moved meanwhile, by merging.
    /// Returns the commit; [`None`] where nothing differs.
    ///
    /// # Errors
    /// `repo.conflict` where the branch and the draft disagree; the draft stays open.
    pub fn commit_draft(&self, ctx: &Ctx, dataset: &DatasetName, name: &str, message: &str) -> Result<Option<String>> {
        let outcome = self.dataset(dataset)?.commit_draft(name, message, &ctx.author, &CommitOptions::default())?;
        Ok(outcome.commit().map(|commit| commit.id.to_string()))
    }

    /// Throws a draft away; `undo` brings it back.
    pub fn discard_draft(&self, ctx: &Ctx, dataset: &DatasetName, name: &str) -> Result<()> {
        Ok(self.dataset(dataset)?.discard_draft(name, &ctx.author)?)
    }
}
