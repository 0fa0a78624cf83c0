//! Between lakes: clone, fetch, pull, push, remotes.

use serde::Serialize;
use tamis_core::DatasetName;
use tamis_repo::{CloneOptions, MergeOptions, PushOptions, SyncReport};

use super::merge::MergeReport;
use crate::error::{EngineError, Result};
use crate::{Ctx, Engine};

/// Another lake that has the same dataset.
#[derive(Clone, Debug, Serialize)]
pub struct RemoteLine {
    /// The name.
    pub name: String,
    /// Where the lake is.
    pub location: String,
    /// The dataset's name there.
    pub dataset: String,
    /// Branches there when last seen, with their commits.
    pub branches: std::collections::BTreeMap<String, String>,
}

/// How a pull ended.
#[derive(Clone, Debug, Serialize)]
pub struct Pulled {
    /// What was copied.
    pub copied: SyncReport,
    /// What happened to the branch.
    #[serde(flatten)]
    pub merge: MergeReport,
}

/// What to push.
#[derive(Clone, Debug, Default)]
pub struct PushRequest {
    /// The remote, `origin` by default.
    pub remote: String,
    /// The branch.
    pub branch: String,
    /// Move the other side's branch though commits there are left behind.
    pub force: bool,
    /// Send tags too.
    pub tags: bool,
}

impl Engine {
    /// Copies a dataset of another lake into this one.
    pub fn clone_dataset(
        &self,
        ctx: &Ctx,
        from: &str,
        dataset: &DatasetName,
        name: &DatasetName,
    ) -> Result<SyncReport> {
        let there = Engine::open(from)?;
        let options = CloneOptions { location: absolute(from), ..CloneOptions::default() };
        let source = there.dataset(dataset)?;
        Ok(self.repo().clone_dataset(&source, name, &options, &ctx.author, &ctx.progress)?.1)
    }

    /// The remotes of a dataset, by name.
    pub fn remotes(&self, dataset: &DatasetName) -> Result<Vec<RemoteLine>> {
        let view = self.dataset(dataset)?.view()?;
        let line = |(name, remote): (String, tamis_repo::Remote)| RemoteLine {
            name,
            location: remote.location,
            dataset: remote.dataset,
            branches: remote.branches.into_iter().map(|(name, commit)| (name, commit.to_string())).collect(),
        };
        Ok(view.remotes.into_iter().map(line).collect())
    }

    /// Names another lake as a remote.
    pub fn add_remote(
        &self,
        ctx: &Ctx,
        dataset: &DatasetName,
        name: &str,
        location: &str,
        there: &DatasetName,
    ) -> Result<()> {
        tamis_store::Location::parse(location)?;
        Ok(self.dataset(dataset)?.set_remote(name, Some((&absolute(location), there)), &ctx.author)?)
    }

    /// Forgets a remote.
    pub fn remove_remote(&self, ctx: &Ctx, dataset: &DatasetName, name: &str) -> Result<()> {
        self.remote(dataset, name)?;
        Ok(self.dataset(dataset)?.set_remote(name, None, &ctx.author)?)
    }

    /// Copies what a remote has and merges its branch into the one of the same name.
    pub fn pull(&self, ctx: &Ctx, dataset: &DatasetName, remote: &str, branch: &str) -> Result<Pulled> {
        let (location, name) = self.remote(dataset, remote)?;
        let there = Engine::open(&location)?.dataset(&name)?;
        let merge = MergeOptions::default();
        let pulled = self.dataset(dataset)?.pull(remote, &there, branch, &ctx.author, &merge, &ctx.progress)?;
        Ok(Pulled { copied: pulled.report, merge: pulled.merge.into() })
    }

    /// Copies a branch to a remote, whose lake is made where it is not there.
    pub fn push(&self, ctx: &Ctx, dataset: &DatasetName, request: &PushRequest) -> Result<SyncReport> {
        let (location, name) = self.remote(dataset, &request.remote)?;
        let there = Engine::open_or_init(&location)?;
        let options = PushOptions {
            force: request.force,
            allow_protected: false,
            tags: request.tags,
            location: location.clone(),
        };
        let own = self.dataset(dataset)?;
        Ok(own.push(&request.remote, there.repo(), &name, &request.branch, &options, &ctx.author, &ctx.progress)?)
    }

    fn remote(&self, dataset: &DatasetName, name: &str) -> Result<(String, DatasetName)> {
        let view = self.dataset(dataset)?.view()?;
        let Some(remote) = view.remotes.get(name) else {
            let known: Vec<&str> = view.remotes.keys().map(String::as_str).collect();
            let hint = match known.is_empty() {
                true => format!("name one with `tamis remote {dataset} --add {name} LAKE`"),
                false => format!("there are {}", known.join(", ")),
            };
            return Err(EngineError::new("repo.not_found", format!("no remote `{name}` of `{dataset}`")).hint(hint));
        };
        Ok((remote.location.clone(), DatasetName::new(remote.dataset.as_str())?))
    }
}

/// A folder's path from anywhere; other locations as they are.
fn absolute(location: &str) -> String {
    if location.contains("://") {
        return location.to_owned();
    }
    std::path::absolute(location).map_or_else(|_| location.to_owned(), |path| path.display().to_string())
}
