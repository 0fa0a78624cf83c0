//! A checkout's changes as a commit.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tamis_core::{BranchName, Finding, Report};
use tamis_repo::Outcome;

use super::state::{State, note};
use super::status::{SampleLine, changes};
use crate::error::{EngineError, Result};
use crate::{Ctx, Engine};

/// What to commit.
#[derive(Clone, Debug)]
pub struct CommitRequest {
    /// The checkout's folder.
    pub root: PathBuf,
    /// Why.
    pub message: String,
    /// Onto a new branch at the commit that was checked out.
    pub branch: Option<String>,
}

/// What was committed.
#[derive(Clone, Debug, Serialize)]
pub struct Committed {
    /// The commit; absent when nothing changed.
    pub commit: Option<String>,
    /// The dataset.
    pub dataset: String,
    /// The branch.
    pub branch: String,
    /// Samples that changed.
    pub samples: Vec<SampleLine>,
    /// What is wrong with changed files.
    pub findings: Vec<Finding>,
}

impl Engine {
    /// Commits what changed in a checkout. Refused when the branch has newer commits, so that
    /// nothing of them is undone.
    pub fn commit(&self, ctx: &Ctx, request: &CommitRequest) -> Result<Committed> {
        let mut state = State::load(&request.root)?;
        let files = changes(&state)?;
        let (dataset, snapshot) = self.checked_out(&state)?;
        let report = Report::new();
        let branch = match (&request.branch, &state.identity.branch) {
            (Some(branch), _) => {
                BranchName::new(branch.as_str())?;
                if !files.is_empty() {
                    dataset.create_branch(branch, &state.identity.commit, &ctx.author)?;
                }
                branch.clone()
            }
            (None, Some(branch)) => branch.clone(),
            (None, None) => {
                let message = "cannot commit: a tag or commit was checked out, no branch";
                return Err(
                    EngineError::new("usage", message).hint("name a new branch: `tamis commit --branch NAME -m …`")
                );
            }
        };
        let mut committed = Committed {
            commit: None,
            dataset: state.identity.dataset.clone(),
            branch: branch.clone(),
            samples: Vec::new(),
            findings: Vec::new(),
        };
        if files.is_empty() {
            return Ok(committed);
        }
        let mut transaction = dataset.transaction(&branch)?;
        if transaction.base().id != snapshot.commit().id {
            let (was, is) = (snapshot.commit().id.short(), transaction.base().id.short());
            let message = format!("cannot commit to `{branch}`: it moved from {was} to {is} since the checkout");
            let hint = format!(
                "commit to a branch of its own with `tamis commit --branch NAME`, then `tamis merge {} NAME --into {branch}`",
                state.identity.dataset
            );
            return Err(EngineError::new("repo.moved", message).hint(hint));
        }
        let back = super::back::read(ctx, &state, &snapshot, &files, Some(transaction.blobs()), &report)?;
        for (old, new) in &back.changes {
            match (old, new) {
                (_, Some(new)) => transaction.put(new.clone())?,
                (Some(old), None) => transaction.delete(&old.path)?,
                (None, None) => {}
            }
        }
        let ontology = snapshot.ontology()?;
        let joined = crate::ops::import::join(&ontology, &back.schema.ontology);
        if joined != ontology {
            transaction.set_ontology(joined)?;
        }
        let outcome = transaction.commit(&request.message, &ctx.author)?;
        if let Outcome::Committed(commit) = &outcome {
            committed.commit = Some(commit.id.to_string());
            state.identity.commit = commit.id.to_string();
        }
        state.identity.branch = Some(branch);
        remember(&mut state, &request.root, &files, &back)?;
        committed.samples = back.changes.into_iter().map(|(old, new)| super::back::line(old, new)).collect();
        committed.findings = report.findings();
        Ok(committed)
    }
}

/// Notes the changed files as they are now.
fn remember(state: &mut State, root: &Path, files: &[super::FileChange], back: &super::back::Back) -> Result<()> {
    let touched: std::collections::HashSet<&str> = files.iter().map(|change| change.file.as_str()).collect();
    state.entries.retain(|entry| !touched.contains(entry.file.as_str()));
    for change in files.iter().filter(|change| change.change != "removed") {
        let sample = back.files.get(&change.file).map_or("", String::as_str);
        state.entries.push(note(root, &change.file, sample)?);
    }
    if !back.records.is_empty() {
        state.records.clone_from(&back.records);
    }
    state.save()
}
