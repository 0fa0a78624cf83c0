//! Branches, tags, the operation log.

use serde::Serialize;
use tamis_core::DatasetName;
use tamis_repo::{MoveOptions, Operation};

use crate::error::Result;
use crate::{Ctx, Engine};

/// A branch in a list.
#[derive(Clone, Debug, Serialize)]
pub struct BranchLine {
    /// The name.
    pub name: String,
    /// The newest commit.
    pub commit: String,
    /// Meant where none is named.
    pub default: bool,
    /// Refuses direct commits, resets and deletion.
    pub protected: bool,
    /// A merge into it is unfinished.
    pub merging: bool,
    /// Commits that the default branch has not.
    pub ahead: u64,
    /// Commits that only the default branch has.
    pub behind: u64,
}

/// A tag in a list.
#[derive(Clone, Debug, Serialize)]
pub struct TagLine {
    /// The name.
    pub name: String,
    /// The commit.
    pub commit: String,
    /// What was said with it.
    pub message: String,
}

/// An entry of the operation log.
#[derive(Clone, Debug, Serialize)]
pub struct OperationLine {
    /// The id.
    pub id: String,
    /// What was done.
    pub description: String,
    /// Who did it.
    pub author: String,
    /// When, in microseconds since 1970.
    pub time: i64,
}

impl From<Operation> for OperationLine {
    fn from(operation: Operation) -> OperationLine {
        OperationLine {
            id: operation.id.to_string(),
            description: operation.description,
            author: operation.author.to_string(),
            time: operation.time,
        }
    }
}

impl Engine {
    /// The branches of a dataset, by name.
    pub fn branches(&self, dataset: &DatasetName) -> Result<Vec<BranchLine>> {
        let branches = self.dataset(dataset)?.branches()?;
        let line = |b: tamis_repo::BranchStatus| BranchLine {
            name: b.name,
            commit: b.commit.to_string(),
            default: b.is_default,
            protected: b.is_protected,
            merging: b.is_merging,
            ahead: b.ahead,
            behind: b.behind,
        };
        Ok(branches.into_iter().map(line).collect())
    }

    /// Makes a branch at a revision.
    pub fn create_branch(&self, ctx: &Ctx, dataset: &DatasetName, name: &str, at: &str) -> Result<()> {
        Ok(self.dataset(dataset)?.create_branch(name, at, &ctx.author)?)
    }

    /// Renames a branch.
    pub fn rename_branch(&self, ctx: &Ctx, dataset: &DatasetName, from: &str, to: &str) -> Result<()> {
        Ok(self.dataset(dataset)?.rename_branch(from, to, &ctx.author)?)
    }

    /// Deletes a branch; with `force` also one with commits that nothing else has.
    pub fn delete_branch(&self, ctx: &Ctx, dataset: &DatasetName, name: &str, force: bool) -> Result<()> {
        let options = MoveOptions { allow_unmerged: force, ..MoveOptions::default() };
        Ok(self.dataset(dataset)?.delete_branch(name, &ctx.author, options)?)
    }

    /// Protects a branch, or lifts the protection.
    pub fn protect_branch(&self, ctx: &Ctx, dataset: &DatasetName, name: &str, protected: bool) -> Result<()> {
        Ok(self.dataset(dataset)?.protect_branch(name, protected, &ctx.author)?)
    }

    /// The tags of a dataset, by name.
    pub fn tags(&self, dataset: &DatasetName) -> Result<Vec<TagLine>> {
        let view = self.dataset(dataset)?.view()?;
        let line = |(name, tag): (String, tamis_repo::Tag)| TagLine {
            name,
            commit: tag.commit.to_string(),
            message: tag.message,
        };
        Ok(view.tags.into_iter().map(line).collect())
    }

    /// Makes a tag at a revision.
    pub fn create_tag(&self, ctx: &Ctx, dataset: &DatasetName, name: &str, at: &str, message: &str) -> Result<()> {
        Ok(self.dataset(dataset)?.create_tag(name, at, message, &ctx.author)?)
    }

    /// Deletes a tag.
    pub fn delete_tag(&self, ctx: &Ctx, dataset: &DatasetName, name: &str) -> Result<()> {
        Ok(self.dataset(dataset)?.delete_tag(name, &ctx.author)?)
    }

    /// The newest entries of the operation log, newest first.
    pub fn operations(&self, dataset: &DatasetName, limit: usize) -> Result<Vec<OperationLine>> {
        Ok(self.dataset(dataset)?.operations(limit)?.into_iter().map(OperationLine::from).collect())
    }

    /// Undoes an operation by (the beginning of) its id, by default the newest. Gives what was
    /// undone.
    pub fn undo(&self, ctx: &Ctx, dataset: &DatasetName, operation: Option<&str>) -> Result<OperationLine> {
        let dataset = self.dataset(dataset)?;
        let id = operation.map(|prefix| dataset.find_operation(prefix)).transpose()?.map(|operation| operation.id);
        Ok(dataset.undo(id, &ctx.author)?.into())
    }
}
