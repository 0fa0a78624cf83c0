//! Garbage collection: what no ref reaches, and no undo can bring back, is given up.

use std::collections::HashSet;
use std::time::Duration;

use serde::Serialize;
use tamis_core::{CommitId, Hash, Progress};
use tamis_store::LiveSet;

use crate::closure::{before, blobs, objects};
use crate::graph::Walk;
use crate::merge::{Contents, MergeObject};
use crate::object::View;
use crate::repo::ref_name;
use crate::{Dataset, Repo, Result};

/// What to keep.
#[derive(Clone, Debug)]
pub struct GcOptions {
    /// How long operations can be undone (and removed datasets brought back); what only older
    /// entries of the operation log reach is given up. 30 days by default.
    pub retention: Duration,
    /// How long a writer may take from its first object to its commit; see
    /// [`tamis_store::GcOptions::grace`].
    pub grace: Duration,
    /// Only tell what would be done.
    pub dry_run: bool,
}

impl Default for GcOptions {
    fn default() -> GcOptions {
        let grace = tamis_store::GcOptions::default().grace;
        GcOptions { retention: Duration::from_secs(30 * 86_400), grace, dry_run: false }
    }
}

/// What a collection did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GcReport {
    /// Datasets looked at.
    pub datasets: u64,
    /// Commits that stay.
    pub commits: u64,
    /// Objects that stay (chunks not counted).
    pub live: u64,
    /// Objects that nothing reaches.
    pub dead_objects: u64,
    /// Bytes of them.
    pub dead_bytes: u64,
    /// Bytes given back to the disk by this run.
    pub freed_bytes: u64,
    /// Packs that wait for the end of the grace period.
    pub condemned: u64,
    /// Removed datasets that were given up.
    pub expired: Vec<String>,
}

impl Repo {
    /// Gives up what nothing reaches. See [`GcOptions`]; with a grace period it takes two runs
    /// until the bytes are free.
    pub fn gc(&self, options: &GcOptions, progress: &Progress) -> Result<GcReport> {
        let mut live = LiveSet::new(self.store());
        let cutoff = self.now().saturating_sub(i64::try_from(options.retention.as_micros()).unwrap_or(i64::MAX));
        let mut report = GcReport::default();
        let mut mark = Mark { repo: self, live: &mut live, commits: HashSet::new(), progress };
        progress.begin("mark", None, "objects");
        for name in self.all_names()? {
            let Some(state) = self.state(&name)? else { continue };
            report.datasets += 1;
            let is_expired = state.view.removed.as_ref().is_some_and(|removed| removed.time < cutoff);
            if is_expired && (options.dry_run || self.store().remove_ref(&ref_name(&name), &state.reference.version)?) {
                report.expired.push(name.to_string());
                continue;
            }
            mark.dataset(&Dataset::new(self.clone(), name), cutoff)?;
        }
        mark.commit_tree([self.root()])?;
        report.commits = mark.commits.len() as u64;
        progress.end();
        report.live = live.len() as u64;
        let mut store_options = tamis_store::GcOptions::default();
        (store_options.dry_run, store_options.grace) = (options.dry_run, options.grace);
        let swept = self.store().gc(&live, &store_options, progress)?;
        report.dead_objects = swept.dead_objects;
        report.dead_bytes = swept.dead_bytes;
        report.freed_bytes = swept.freed_bytes.saturating_sub(swept.written_bytes);
        report.condemned = swept.condemned;
        Ok(report)
    }
}

struct Mark<'a> {
    repo: &'a Repo,
    live: &'a mut LiveSet,
    commits: HashSet<CommitId>,
    progress: &'a Progress,
}

impl Mark<'_> {
    fn dataset(&mut self, dataset: &Dataset, cutoff: i64) -> Result<()> {
        for (at, operation) in dataset.operations(usize::MAX)?.into_iter().enumerate() {
            // The newest entry stays whatever its age. An entry's parent must stay with it, so
            // that it can be undone: its view is the state before.
            self.live.insert(operation.id.hash());
            if self.live.insert(operation.view.hash()) {
                let view: View = self.repo.read(operation.view.hash())?;
                self.view(&view)?;
            }
            if at > 0 && operation.time < cutoff {
                break;
            }
        }
        Ok(())
    }

    fn view(&mut self, view: &View) -> Result<()> {
        for id in view.extra.values() {
            self.live.insert(id.hash());
        }
        self.commit_tree(crate::revision::heads(view).collect::<Vec<_>>())?;
        for branch in view.branches.values() {
            if let Some(id) = branch.merge
                && self.live.insert(id.hash())
            {
                let merge: MergeObject = self.repo.read(id.hash())?;
                self.commit_tree(merge.parents.iter().copied().chain([merge.ours]))?;
                let ours = Contents::of(&self.repo.commit(merge.ours)?);
                let MergeObject { tables, ontology, sensors, extra, .. } = merge;
                self.contents(&Contents { tables, ontology, sensors, extra }, Some(&ours))?;
            }
        }
        Ok(())
    }

    fn commit_tree(&mut self, heads: impl IntoIterator<Item = CommitId>) -> Result<()> {
        let repo = self.repo;
        let mut walk = Walk::new(repo, [], false)?;
        self.commits.iter().for_each(|id| walk.hide(*id));
        for head in heads {
            walk.push(head)?;
        }
        while let Some(commit) = walk.next()? {
            self.commits.insert(commit.id);
            self.live.insert(commit.id.hash());
            let parent = before(&|id| repo.commit(id), &commit)?;
            self.contents(&Contents::of(&commit), parent.as_ref())?;
        }
        Ok(())
    }

    fn contents(&mut self, contents: &Contents, except: Option<&Contents>) -> Result<()> {
        let (live, progress) = (&mut *self.live, self.progress);
        let mut mark = |id: Hash| {
            live.insert(&id);
            progress.advance(1, 0).map_err(Into::into)
        };
        objects(self.repo, contents, except, &mut mark)?;
        blobs(self.repo, contents, except, &mut mark)
    }
}
