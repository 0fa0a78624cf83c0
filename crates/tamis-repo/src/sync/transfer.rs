//! Moves what one lake has and the other has not.

use std::collections::{HashSet, VecDeque};

use tamis_core::{CommitId, Hash, Progress};

use super::SyncReport;
use crate::closure::{before, blobs, objects};
use crate::graph::exclusive;
use crate::merge::Contents;
use crate::{Repo, Result};

/// Copies all that `wants` reach and `haves` (refs of the target) do not. Durable when it returns.
pub(crate) fn transfer(
    from: &Repo,
    to: &Repo,
    wants: &[CommitId],
    haves: &[CommitId],
    progress: &Progress,
) -> Result<SyncReport> {
    // Commits are read where that is cheap.
    let is_pull = !from.store().is_local() && to.store().is_local();
    let read = |id: CommitId| match is_pull && to.store().contains(id.hash())? {
        true => to.commit(id),
        false => from.commit(id),
    };
    let shared = shared(from, to, haves)?;
    let commits = exclusive(&read, wants, &shared)?;
    let mut report = SyncReport { commits: commits.len() as u64, ..SyncReport::default() };
    if commits.is_empty() {
        return Ok(report);
    }
    let mut seen = HashSet::new();
    let mut pages = Vec::new();
    for commit in commits.iter().rev() {
        let parent = before(&read, commit)?;
        objects(from, &Contents::of(commit), parent.as_ref(), &mut |id| {
            if seen.insert(id) {
                pages.push(id);
            }
            progress.cancel().check().map_err(Into::into)
        })?;
    }
    report.add(to.store().copy_objects(from.store(), pages, progress)?);
    // Rows are read from the lake on this machine; the other one has their pages now, too.
    let reader = if is_pull { to } else { from };
    let mut media: Vec<Hash> = Vec::new();
    for commit in commits.iter().rev() {
        let parent = before(&read, commit)?;
        blobs(reader, &Contents::of(commit), parent.as_ref(), &mut |id| {
            if seen.insert(id) {
                media.push(id);
            }
            progress.cancel().check().map_err(Into::into)
        })?;
    }
    report.add(to.store().copy_objects(from.store(), media, progress)?);
    let ids: Vec<Hash> = commits.iter().rev().map(|commit| *commit.id.hash()).collect();
    report.add(to.store().copy_objects(from.store(), ids, progress)?);
    Ok(report)
}

/// The newest commits of the target's history that the source has. Only commits that the source
/// has not are read from the target.
fn shared(from: &Repo, to: &Repo, haves: &[CommitId]) -> Result<Vec<CommitId>> {
    let mut shared = vec![from.root()];
    let mut seen: HashSet<CommitId> = haves.iter().copied().collect();
    let mut queue: VecDeque<CommitId> = seen.iter().copied().collect();
    while let Some(id) = queue.pop_front() {
        if id == from.root() {
            continue;
        }
        if from.store().contains(id.hash())? {
            shared.push(id);
            continue;
        }
        for parent in to.commit(id)?.parents {
            if seen.insert(parent) {
                queue.push_back(parent);
            }
        }
    }
    Ok(shared)
}
