//! What changed in a checkout.

use std::fs;
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;
use tamis_core::{Finding, Report};
use tamis_repo::LabelChange;

use super::state::{Entry, FOLDER, Looks, State, hash_of, io};
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
        let (state, files) = load(root)?;
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
    compare(state, walk(&state.root, "")?)
}

/// Loads a checkout and finds the files that differ: folders are looked through while the list is parsed.
pub(super) fn load(root: &Path) -> Result<(State, Vec<FileChange>)> {
    let (state, found) = rayon::join(|| State::load(root), || walk(root, ""));
    let state = state?;
    let changes = compare(&state, found?)?;
    Ok((state, changes))
}

fn compare(state: &State, mut found: Vec<Found>) -> Result<Vec<FileChange>> {
    found.par_sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut doubtful = Vec::new();
    let mut changes = Vec::new();
    let mut found = found.into_iter().peekable();
    let change = |file: &str, change| FileChange { file: file.to_owned(), change };
    // Both are ordered by name.
    for entry in &state.entries {
        while let Some((file, _)) = found.next_if(|(file, _)| *file < entry.file) {
            changes.push(change(&file, "added"));
        }
        match found.next_if(|(file, _)| *file == entry.file) {
            Some((_, looks)) => match entry.judge(looks, state.identity.written) {
                Some(true) => {}
                Some(false) => changes.push(change(&entry.file, "changed")),
                None => doubtful.push(entry),
            },
            // Gone, or of a hidden name, which is not listed.
            None => doubtful.push(entry),
        }
    }
    changes.extend(found.map(|(file, _)| change(&file, "added")));
    let judge = |entry: &&Entry| -> Result<Option<FileChange>> {
        let path = state.root.join(&entry.file);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Some(change(&entry.file, "removed"))),
            Err(error) => Err(io("read", &path, error)),
            Ok(facts) if !facts.is_file() => Ok(Some(change(&entry.file, "removed"))),
            Ok(_) => Ok((hash_of(&path)? != entry.hash).then(|| change(&entry.file, "changed"))),
        }
    };
    let judged: Result<Vec<Option<FileChange>>> = doubtful.par_iter().map(judge).collect();
    changes.extend(judged?.into_iter().flatten());
    changes.sort();
    Ok(changes)
}

/// A file below the root, and what its directory says of it.
type Found = (String, Looks);

/// All files below a folder, hidden ones aside, unordered. Folders are read in parallel, each file looked at from its
/// folder, which is half of the work of looking from the root.
fn walk(root: &Path, folder: &str) -> Result<Vec<Found>> {
    let path = root.join(folder);
    let (mut files, mut folders) = (Vec::new(), Vec::new());
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
            match item.metadata() {
                Ok(facts) => files.push((full, Looks::of(&facts))),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(io("read", &path.join(name), error)),
            }
        }
    }
    let below: Result<Vec<Vec<Found>>> = folders.par_iter().map(|folder| walk(root, folder)).collect();
    files.extend(below?.into_iter().flatten());
    Ok(files)
}

/// The names of all files below a folder, hidden ones aside, unordered.
pub(super) fn list(root: &Path) -> Result<Vec<String>> {
    Ok(walk(root, "")?.into_iter().map(|(file, _)| file).collect())
}
