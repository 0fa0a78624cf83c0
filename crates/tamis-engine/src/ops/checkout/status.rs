//! What changed in a checkout.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;
use tamis_core::{Finding, Report};
use tamis_repo::LabelChange;

use super::state::{FOLDER, State, hash_of, io};
use crate::error::Result;
use crate::{Ctx, Engine};

/// A file that changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FileChange {
    /// The file in the folder.
    pub file: String,
    /// `added`, `changed` or `removed`.
    pub change: &'static str,
}

/// A sample that a commit would change.
#[derive(Clone, Debug, Serialize)]
pub struct SampleLine {
    /// The path.
    pub path: String,
    /// `added`, `changed` or `removed`.
    pub change: &'static str,
    /// Whether the media file differs.
    pub media_changed: bool,
    /// Labels that differ.
    pub labels: Vec<LabelChange>,
}

/// What changed in a checkout.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The folder.
    pub folder: String,
    /// The dataset.
    pub dataset: String,
    /// The branch that a commit goes to.
    pub branch: Option<String>,
    /// The commit that was checked out.
    pub commit: String,
    /// Whether the branch has newer commits.
    pub behind: bool,
    /// Files that changed.
    pub files: Vec<FileChange>,
    /// Samples that changed.
    pub samples: Vec<SampleLine>,
    /// What is wrong with changed files.
    pub findings: Vec<Finding>,
}

impl Engine {
    /// Compares a checkout with what was checked out. Clean: one look at each directory entry.
    pub fn status(&self, ctx: &Ctx, root: &Path) -> Result<Status> {
        let state = State::load(root)?;
        let files = changes(&state)?;
        let (dataset, snapshot) = self.checked_out(&state)?;
        let head = match &state.identity.branch {
            Some(branch) => dataset.view()?.branches.get(branch).map(|branch| branch.commit),
            None => None,
        };
        let report = Report::new();
        let samples = match files.is_empty() {
            true => Vec::new(),
            false => super::back::read(ctx, &state, &snapshot, &files, None, &report)?.changes,
        };
        let line = |(old, new): super::back::Pair| super::back::line(old, new);
        Ok(Status {
            folder: root.display().to_string(),
            dataset: state.identity.dataset.clone(),
            branch: state.identity.branch.clone(),
            commit: state.identity.commit.clone(),
            behind: head.is_some_and(|head| head != snapshot.commit().id),
            files,
            samples: samples.into_iter().map(line).collect(),
            findings: report.findings(),
        })
    }
}

/// Files that differ from what was written, ordered by name.
pub(super) fn changes(state: &State) -> Result<Vec<FileChange>> {
    let (listed, judged) = rayon::join(
        || list(&state.root),
        || {
            let judge = |entry: &super::state::Entry| -> Result<Option<FileChange>> {
                let path = state.root.join(&entry.file);
                let change = |change| Some(FileChange { file: entry.file.clone(), change });
                match fs::symlink_metadata(&path) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(change("removed")),
                    Err(error) => Err(io("read", &path, error)),
                    Ok(facts) if !facts.is_file() => Ok(change("removed")),
                    Ok(facts) => Ok(match entry.judge(&facts, state.identity.written) {
                        Some(true) => None,
                        Some(false) => change("changed"),
                        None if hash_of(&path)? == entry.hash => None,
                        None => change("changed"),
                    }),
                }
            };
            let judged: Result<Vec<Option<FileChange>>> =
                state.entries.par_iter().with_min_len(512).map(judge).collect();
            judged
        },
    );
    let known: HashSet<&str> = state.entries.iter().map(|entry| entry.file.as_str()).collect();
    let added = listed?.into_iter().filter(|file| !known.contains(file.as_str()));
    let added = added.map(|file| FileChange { file, change: "added" });
    let mut changes: Vec<FileChange> = judged?.into_iter().flatten().chain(added).collect();
    changes.sort();
    Ok(changes)
}

/// All files below a folder, hidden ones aside, unordered.
pub(super) fn list(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let path = root.join(&folder);
        for item in fs::read_dir(&path).map_err(|e| io("list", &path, e))? {
            let item = item.map_err(|e| io("list", &path, e))?;
            let name = item.file_name();
            // A name that is not UTF-8 cannot be a sample's.
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.') && *name != FOLDER) else { continue };
            let full = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            let kind = item.file_type().map_err(|e| io("list", &path, e))?;
            if kind.is_dir() {
                folders.push(full);
            } else if kind.is_file() {
                files.push(full);
            }
        }
    }
    Ok(files)
}
