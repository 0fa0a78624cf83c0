//! Datasets as wholes: rename, remove, bring back, compact.

use tamis_core::DatasetName;

use crate::error::Result;
use crate::{Ctx, Engine};

impl Engine {
    /// Gives a dataset another name.
    pub fn rename_dataset(&self, ctx: &Ctx, from: &DatasetName, to: &DatasetName) -> Result<()> {
        Ok(self.repo().rename(from, to, &ctx.author).map(drop)?)
    }

    /// Removes a dataset; it can be brought back until `gc` collects it.
    pub fn remove_dataset(&self, ctx: &Ctx, name: &DatasetName) -> Result<()> {
        Ok(self.repo().remove(name, &ctx.author)?)
    }

    /// Brings a removed dataset back.
    pub fn restore_dataset(&self, ctx: &Ctx, name: &DatasetName) -> Result<()> {
        Ok(self.repo().restore(name, &ctx.author).map(drop)?)
    }

    /// Folds the changes of a branch into its base. Gives the commit's id, if anything was to fold.
    pub fn compact(&self, ctx: &Ctx, dataset: &DatasetName, branch: &str) -> Result<Option<String>> {
        let commit = self.dataset(dataset)?.compact(branch, &ctx.author, false)?;
        Ok(commit.map(|commit| commit.id.to_string()))
    }
}
