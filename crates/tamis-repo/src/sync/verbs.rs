//! Clone, fetch, pull, push.

use std::collections::BTreeMap;

use tamis_core::{CommitId, DatasetName, Progress};

use super::{SyncReport, transfer};
use crate::dataset::branch_of;
use crate::graph::is_ancestor;
use crate::merge::{MergeOptions, MergeOutcome};
use crate::object::{Action, Author, Branch, Remote, View};
use crate::repo::write_root_on;
use crate::{Dataset, Error, Repo, Result};

/// How to clone.
#[derive(Clone, Debug)]
pub struct CloneOptions {
    /// The name under which the source is kept as a remote.
    pub remote: String,
    /// Where the source is, as the remote's location.
    pub location: String,
}

impl Default for CloneOptions {
    fn default() -> CloneOptions {
        CloneOptions { remote: "origin".to_owned(), location: String::new() }
    }
}

/// How to push.
#[derive(Clone, Debug, Default)]
pub struct PushOptions {
    /// Move the other side's branch though commits there are left behind.
    pub force: bool,
    /// Move a branch that is protected there.
    pub allow_protected: bool,
    /// Send tags on the pushed commits too.
    pub tags: bool,
    /// Where the other lake is, as the remote's location.
    pub location: String,
}

/// How a pull ended.
#[derive(Clone, Debug, PartialEq)]
pub struct PullOutcome {
    /// What was copied.
    pub report: SyncReport,
    /// What happened to the branch.
    pub merge: MergeOutcome,
}

fn heads(view: &View) -> Vec<CommitId> {
    let tags = view.tags.values().map(|tag| tag.commit);
    view.branches.values().map(|branch| branch.commit).chain(tags).collect()
}

impl Repo {
    /// Copies a dataset of another lake into this one: all branches and tags with their history.
    /// Drafts, unfinished merges and the operation log stay where they are.
    pub fn clone_dataset(
        &self,
        from: &Dataset,
        name: &DatasetName,
        options: &CloneOptions,
        author: &Author,
        progress: &Progress,
    ) -> Result<(Dataset, SyncReport)> {
        if self.state(name)?.is_some_and(|state| state.view.removed.is_none()) {
            return Err(Error::Exists { what: "dataset", name: name.to_string() });
        }
        let there = from.view()?;
        // A transfer from afar compares with the root here, which a new lake does not have yet.
        let root = self.store().writer()?;
        write_root_on(&root, self)?;
        root.finish()?;
        let report = transfer(from.repo(), self, &heads(&there), &[], progress)?;
        let branches = there.branches.iter().map(|(name, branch)| (name.clone(), branch.commit)).collect();
        let remote = Remote { branches, dataset: from.name().to_string(), location: options.location.clone() };
        let writer = self.store().writer()?;
        let kept = |branch: &Branch| Branch { merge: None, ..branch.clone() };
        let view = View {
            branches: there.branches.iter().map(|(name, branch)| (name.clone(), kept(branch))).collect(),
            default: there.default.clone(),
            remotes: [(options.remote.clone(), remote)].into(),
            tags: there.tags.clone(),
            ..View::default()
        };
        let description = format!("clone {}", from.name());
        let dataset = self.put_new(name, view, writer, Action::Create, description, author)?;
        Ok((dataset, report))
    }
}

impl Dataset {
    /// Names another lake as a remote, or forgets it.
    pub fn set_remote(&self, name: &str, remote: Option<(&str, &DatasetName)>, author: &Author) -> Result<()> {
        tamis_core::BranchName::new(name)?;
        self.change_view(Action::Config, author, format!("set remote {name}"), |view, _| {
            match remote {
                Some((location, dataset)) => {
                    let entry = view.remotes.entry(name.to_owned()).or_default();
                    location.clone_into(&mut entry.location);
                    entry.dataset = dataset.to_string();
                }
                None => drop(view.remotes.remove(name)),
            }
            Ok(())
        })
    }

    /// Copies what a dataset of another lake has and this one has not, and notes where its
    /// branches are as `<remote>/<branch>`. Its tags come along unless the name is taken here.
    pub fn fetch(&self, remote: &str, from: &Dataset, author: &Author, progress: &Progress) -> Result<SyncReport> {
        let there = from.view()?;
        let haves: Vec<CommitId> = crate::revision::heads(&self.view()?).collect();
        let report = transfer(from.repo(), self.repo(), &heads(&there), &haves, progress)?;
        let branches: BTreeMap<String, CommitId> =
            there.branches.iter().map(|(name, branch)| (name.clone(), branch.commit)).collect();
        self.change_view(Action::Fetch, author, format!("fetch {remote}"), |view, _| {
            let entry = view.remotes.entry(remote.to_owned()).or_default();
            entry.branches.clone_from(&branches);
            if entry.dataset.is_empty() {
                entry.dataset = from.name().to_string();
                entry.location = from.repo().store().place();
            }
            for (name, tag) in &there.tags {
                if !view.branches.contains_key(name) {
                    view.tags.entry(name.clone()).or_insert_with(|| tag.clone());
                }
            }
            Ok(())
        })?;
        Ok(report)
    }

    /// Fetches, then merges the other side's branch into the one of the same name here (which is
    /// made where it is not there). Conflicts wait as an unfinished merge.
    pub fn pull(
        &self,
        remote: &str,
        from: &Dataset,
        branch: &str,
        author: &Author,
        options: &MergeOptions,
        progress: &Progress,
    ) -> Result<PullOutcome> {
        let report = self.fetch(remote, from, author, progress)?;
        let source = format!("{remote}/{branch}");
        if !self.view()?.branches.contains_key(branch) {
            let commit = self.resolve(&source)?.id;
            self.change_view(Action::Branch, author, format!("branch {branch} at {source}"), |view, _| {
                let new = Branch { commit, merge: None, protected: false };
                view.branches.entry(branch.to_owned()).or_insert(new);
                Ok(())
            })?;
            return Ok(PullOutcome { report, merge: MergeOutcome::FastForward(commit) });
        }
        let merge = self.merge(branch, &source, author, options)?;
        Ok(PullOutcome { report, merge })
    }

    /// Copies what a branch has to a dataset of another lake (made where it is not there) and
    /// moves the branch of the same name there forward. Refused when that branch has commits that
    /// this one has not, unless forced.
    #[expect(clippy::too_many_arguments, reason = "who, what, where, how; a struct would only name them again")]
    pub fn push(
        &self,
        remote: &str,
        to: &Repo,
        name: &DatasetName,
        branch: &str,
        options: &PushOptions,
        author: &Author,
        progress: &Progress,
    ) -> Result<SyncReport> {
        let view = self.view()?;
        let commit = branch_of(&view, branch)?.commit;
        let target = match to.state(name)? {
            Some(state) if state.view.removed.is_none() => Dataset::new(to.clone(), name.clone()),
            _ => to.create(name, author)?,
        };
        let there = target.view()?;
        self.check_forward(&there, branch, commit, options.force)?;
        let tags: BTreeMap<_, _> = match options.tags {
            true => view.tags.iter().map(|(name, tag)| (name.clone(), tag.clone())).collect(),
            false => BTreeMap::new(),
        };
        let wants: Vec<CommitId> = std::iter::once(commit).chain(tags.values().map(|tag| tag.commit)).collect();
        let haves: Vec<CommitId> = crate::revision::heads(&there).collect();
        let report = transfer(self.repo(), to, &wants, &haves, progress)?;
        target.change_view(Action::Push, author, format!("push {branch}"), |there, _| {
            self.check_forward(there, branch, commit, options.force)?;
            let entry = there.branches.entry(branch.to_owned()).or_insert_with(|| Branch {
                commit,
                merge: None,
                protected: false,
            });
            if entry.commit != commit {
                crate::refs::check_protection(branch, entry, "push to", options.allow_protected)?;
                entry.commit = commit;
            }
            for (name, tag) in &tags {
                if !there.branches.contains_key(name) {
                    there.tags.entry(name.clone()).or_insert_with(|| tag.clone());
                }
            }
            Ok(())
        })?;
        self.change_view(Action::Push, author, format!("push {branch} to {remote}"), |view, _| {
            let entry = view.remotes.entry(remote.to_owned()).or_default();
            entry.branches.insert(branch.to_owned(), commit);
            entry.dataset = name.to_string();
            if !options.location.is_empty() {
                entry.location.clone_from(&options.location);
            } else if entry.location.is_empty() {
                entry.location = to.store().place();
            }
            Ok(())
        })?;
        Ok(report)
    }

    /// Whether the other side's branch can move to a commit without leaving anything behind. Only
    /// this side's history is read.
    fn check_forward(&self, there: &View, branch: &str, commit: CommitId, force: bool) -> Result<()> {
        let Some(old) = there.branches.get(branch).map(|branch| branch.commit) else { return Ok(()) };
        if force || old == commit {
            return Ok(());
        }
        let is_known = old == self.repo().root() || self.repo().store().contains(old.hash())?;
        if is_known && is_ancestor(self.repo(), old, commit)? {
            return Ok(());
        }
        let reason =
            format!("the other side is at {}, which is not behind {}: pull first", old.short(), commit.short());
        Err(Error::Moved { name: branch.to_owned(), reason, retry: false })
    }
}
