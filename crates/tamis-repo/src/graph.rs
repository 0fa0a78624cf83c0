//! Walks over the commit graph.
//!
//! INVARIANT: a commit's time is later than the times of all its parents (the writer sees to it,
//! `verify` checks it). So taking commits newest first visits every commit after all its
//! descendants, and each walk below costs what it visits: the commits between the heads and their
//! common past, not the whole history.

use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};

use tamis_core::CommitId;

use crate::object::Commit;
use crate::{Repo, Result};

const OURS: u8 = 1;
const THEIRS: u8 = 2;
const BOTH: u8 = OURS | THEIRS;
/// Below a common ancestor that was found already.
const STALE: u8 = 4;

/// How two commits relate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Relation {
    /// Commits reachable from the first alone.
    pub(crate) ahead: u64,
    /// Commits reachable from the second alone.
    pub(crate) behind: u64,
    /// Common ancestors that no other common ancestor descends from, newest first.
    pub(crate) bases: Vec<CommitId>,
}

/// Counts what two commits have alone and finds their best common ancestors.
pub(crate) fn relate(repo: &Repo, ours: CommitId, theirs: CommitId) -> Result<Relation> {
    let mut found = Relation::default();
    let mut marks: HashMap<CommitId, u8> = HashMap::new();
    let mut commits: HashMap<CommitId, Commit> = HashMap::new();
    let mut queue: BinaryHeap<(i64, CommitId)> = BinaryHeap::new();
    let mut open = 0usize;
    for (id, mark) in [(ours, OURS), (theirs, THEIRS)] {
        add(repo, id, mark, &mut marks, &mut commits, &mut queue, &mut open)?;
    }
    while open > 0 {
        let Some((_, id)) = queue.pop() else { break };
        let mut mark = marks.get(&id).copied().unwrap_or(STALE);
        let Some(commit) = commits.remove(&id) else { continue };
        if mark & STALE == 0 {
            open -= 1;
            match mark {
                OURS => found.ahead += 1,
                THEIRS => found.behind += 1,
                _ => {
                    found.bases.push(id);
                    mark |= STALE;
                }
            }
        }
        for parent in commit.parents {
            add(repo, parent, mark, &mut marks, &mut commits, &mut queue, &mut open)?;
        }
    }
    Ok(found)
}

/// Adds marks to a commit; `open` counts the queued commits that are not stale.
fn add(
    repo: &Repo,
    id: CommitId,
    mark: u8,
    marks: &mut HashMap<CommitId, u8>,
    commits: &mut HashMap<CommitId, Commit>,
    queue: &mut BinaryHeap<(i64, CommitId)>,
    open: &mut usize,
) -> Result<()> {
    match marks.get_mut(&id) {
        Some(known) => {
            let was = *known;
            *known |= if mark & STALE != 0 { BOTH | STALE } else { mark };
            if was & STALE == 0 && *known & STALE != 0 && commits.contains_key(&id) {
                *open -= 1;
            }
        }
        None => {
            let commit = repo.commit(id)?;
            queue.push((commit.time, id));
            commits.insert(id, commit);
            marks.insert(id, if mark & STALE != 0 { BOTH | STALE } else { mark });
            if mark & STALE == 0 {
                *open += 1;
            }
        }
    }
    Ok(())
}

/// Whether `old` is `new` or one of its ancestors.
pub(crate) fn is_ancestor(repo: &Repo, old: CommitId, new: CommitId) -> Result<bool> {
    if old == new || old == repo.root() {
        return Ok(true);
    }
    let oldest = repo.commit(old)?.time;
    let mut walk = Walk::new(repo, [new], false)?;
    while let Some(commit) = walk.next()? {
        if commit.id == old {
            return Ok(true);
        }
        if commit.time < oldest {
            return Ok(false);
        }
    }
    Ok(false)
}

/// Commits reachable from some heads, newest first: children before parents.
pub(crate) struct Walk<'a> {
    repo: &'a Repo,
    queue: BTreeMap<(i64, CommitId), Commit>,
    seen: HashSet<CommitId>,
    first_parent: bool,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(
        repo: &'a Repo,
        heads: impl IntoIterator<Item = CommitId>,
        first_parent: bool,
    ) -> Result<Walk<'a>> {
        let mut walk = Walk { repo, queue: BTreeMap::new(), seen: HashSet::new(), first_parent };
        heads.into_iter().try_for_each(|head| walk.push(head))?;
        Ok(walk)
    }

    /// Leaves out a commit and, unless reached otherwise, what is behind it.
    pub(crate) fn hide(&mut self, id: CommitId) {
        self.seen.insert(id);
    }

    /// Adds a head.
    pub(crate) fn push(&mut self, id: CommitId) -> Result<()> {
        if self.seen.insert(id) {
            let commit = self.repo.commit(id)?;
            self.queue.insert((commit.time, id), commit);
        }
        Ok(())
    }

    pub(crate) fn next(&mut self) -> Result<Option<Commit>> {
        let Some((_, commit)) = self.queue.pop_last() else { return Ok(None) };
        let limit = if self.first_parent { 1 } else { usize::MAX };
        for &parent in commit.parents.iter().take(limit) {
            self.push(parent)?;
        }
        Ok(Some(commit))
    }
}

/// Commits that `wants` reach and `haves` do not, newest first. Reads those and the edge between.
pub(crate) fn exclusive(
    read: &dyn Fn(CommitId) -> Result<Commit>,
    wants: &[CommitId],
    haves: &[CommitId],
) -> Result<Vec<Commit>> {
    let mut queue: BTreeMap<(i64, CommitId), (Commit, bool)> = BTreeMap::new();
    let mut seen: HashMap<CommitId, i64> = HashMap::new();
    let mut open = 0usize;
    let mut add = |id: CommitId,
                   wanted: bool,
                   queue: &mut BTreeMap<(i64, CommitId), (Commit, bool)>,
                   open: &mut usize|
     -> Result<()> {
        match seen.get(&id) {
            Some(time) => {
                if let Some((_, was_wanted)) = queue.get_mut(&(*time, id))
                    && *was_wanted
                    && !wanted
                {
                    *was_wanted = false;
                    *open -= 1;
                }
            }
            None => {
                let commit = read(id)?;
                seen.insert(id, commit.time);
                *open += usize::from(wanted);
                queue.insert((commit.time, id), (commit, wanted));
            }
        }
        Ok(())
    };
    haves.iter().try_for_each(|id| add(*id, false, &mut queue, &mut open))?;
    wants.iter().try_for_each(|id| add(*id, true, &mut queue, &mut open))?;
    let mut found = Vec::new();
    while open > 0
        && let Some((_, (commit, wanted))) = queue.pop_last()
    {
        open -= usize::from(wanted);
        commit.parents.iter().try_for_each(|parent| add(*parent, wanted, &mut queue, &mut open))?;
        if wanted {
            found.push(commit);
        }
    }
    Ok(found)
}
