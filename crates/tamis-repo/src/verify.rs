//! Verification: every byte in the lake, every table, and that all that history names is there.

use std::collections::HashSet;

use serde::Serialize;
use tamis_core::{CommitId, Hash, Progress, TableId};

use crate::closure::{before, blobs, objects};
use crate::graph::Walk;
use crate::merge::{Contents, MergeObject};
use crate::object::{Commit, View};
use crate::rows::Rows;
use crate::{Dataset, Repo, Result};

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Packs read.
    pub packs: u64,
    /// Objects read.
    pub objects: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Datasets looked at.
    pub datasets: u64,
    /// Commits looked at.
    pub commits: u64,
    /// Tables whose structure and summaries were recomputed: those of branches, tags and drafts.
    pub tables: u64,
    /// Blobs that rows name.
    pub blobs: u64,
    /// What is wrong, each with the object's name; empty for a sound lake.
    pub problems: Vec<String>,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Repo {
    /// Reads every byte of the lake and checks that all of history is there and consistent: packs
    /// and objects, operations, views, commits (and that time goes forward), pages, summaries of
    /// the tables that refs name, and every blob of every row. Goes on after a problem.
    pub fn verify(&self, progress: &Progress) -> Result<VerifyReport> {
        let mut report = VerifyReport::default();
        let found = self.store().verify(progress)?;
        (report.packs, report.objects, report.bytes) = (found.packs, found.objects, found.bytes);
        for problem in &found.problems {
            let object = problem.object.map(|id| format!(" object {id}")).unwrap_or_default();
            report.problems.push(format!("{}{object}: {}", problem.pack, problem.reason));
        }
        progress.begin("verify history", None, "commits");
        let mut check = Check {
            repo: self,
            report,
            progress,
            commits: HashSet::new(),
            seen: HashSet::new(),
            blobs: HashSet::new(),
            tables: HashSet::new(),
        };
        let names = self.store().list_refs("datasets/")?;
        for reference in names {
            check.report.datasets += 1;
            let name = tamis_core::DatasetName::new(reference.strip_prefix("datasets/").unwrap_or(&reference))?;
            let outcome = check.dataset(&Dataset::new(self.clone(), name));
            check.note(&reference, outcome)?;
        }
        progress.end();
        let mut report = check.report;
        report.blobs = check.blobs.len() as u64;
        report.problems.sort();
        report.problems.dedup();
        Ok(report)
    }
}

struct Check<'a> {
    repo: &'a Repo,
    report: VerifyReport,
    progress: &'a Progress,
    commits: HashSet<CommitId>,
    seen: HashSet<Hash>,
    blobs: HashSet<Hash>,
    tables: HashSet<TableId>,
}

impl Check<'_> {
    /// Keeps a failure as a problem, unless the work was cancelled.
    fn note(&mut self, what: &str, outcome: Result<()>) -> Result<()> {
        use tamis_core::Classify;
        match outcome {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == tamis_core::Kind::Cancelled => Err(error),
            Err(error) => {
                self.report.problems.push(format!("{what}: {error}"));
                Ok(())
            }
        }
    }

    fn dataset(&mut self, dataset: &Dataset) -> Result<()> {
        for operation in dataset.operations(usize::MAX)? {
            if !self.seen.insert(*operation.view.hash()) {
                continue;
            }
            let place = format!("{} operation {}", dataset.name(), operation.id.short());
            let outcome = self.repo.read::<View>(operation.view.hash()).and_then(|view| self.view(dataset, &view));
            self.note(&place, outcome)?;
        }
        Ok(())
    }

    fn view(&mut self, dataset: &Dataset, view: &View) -> Result<()> {
        for head in crate::revision::heads(view).collect::<Vec<_>>() {
            let place = format!("{} commit {}", dataset.name(), head.short());
            let outcome = self.head(head);
            self.note(&place, outcome)?;
        }
        for (name, branch) in &view.branches {
            let Some(id) = branch.merge.filter(|id| self.seen.insert(*id.hash())) else { continue };
            let place = format!("{} merge into {name}", dataset.name());
            let outcome = self.repo.read::<MergeObject>(id.hash()).and_then(|merge| {
                let ours = Contents::of(&self.repo.commit(merge.ours)?);
                let MergeObject { tables, ontology, sensors, extra, .. } = merge;
                self.contents(&Contents { tables, ontology, sensors, extra }, Some(&ours))
            });
            self.note(&place, outcome)?;
        }
        for id in view.extra.values() {
            self.present(id.hash(), "object")?;
        }
        Ok(())
    }

    fn head(&mut self, head: CommitId) -> Result<()> {
        let repo = self.repo;
        let commit = repo.commit(head)?;
        for entry in commit.tables.values() {
            if self.tables.insert(entry.table) {
                self.report.tables += 1;
                Rows::open(repo, entry.table)?.verify(self.progress)?;
            }
        }
        let mut walk = Walk::new(repo, [], false)?;
        self.commits.iter().for_each(|id| walk.hide(*id));
        walk.push(head)?;
        while let Some(commit) = walk.next()? {
            self.commits.insert(commit.id);
            self.report.commits += 1;
            self.progress.advance(1, 0)?;
            let outcome = self.commit(&commit);
            self.note(&format!("commit {}", commit.id.short()), outcome)?;
        }
        Ok(())
    }

    fn commit(&mut self, commit: &Commit) -> Result<()> {
        for parent in &commit.parents {
            if self.repo.commit(*parent)?.time >= commit.time {
                self.report.problems.push(format!("commit {}: it is not later than its parent", commit.id.short()));
            }
        }
        let contents = Contents::of(commit);
        crate::merge::ontology_of(self.repo, &contents)?;
        crate::merge::sensors_of(self.repo, &contents)?;
        let repo = self.repo;
        let parent = before(&|id| repo.commit(id), commit)?;
        self.contents(&contents, parent.as_ref())
    }

    fn contents(&mut self, contents: &Contents, except: Option<&Contents>) -> Result<()> {
        let mut absent = Vec::new();
        let (repo, seen, known) = (self.repo, &mut self.seen, &mut self.blobs);
        objects(repo, contents, except, &mut |id| {
            if seen.insert(id) && !repo.store().contains(&id)? {
                absent.push(("object", id));
            }
            Ok(())
        })?;
        blobs(repo, contents, except, &mut |id| {
            if known.insert(id) && !repo.store().contains(&id)? {
                absent.push(("blob", id));
            }
            Ok(())
        })?;
        self.report.problems.extend(absent.into_iter().map(|(what, id)| format!("{what} {id}: it is not in the lake")));
        Ok(())
    }

    fn present(&mut self, id: &Hash, what: &str) -> Result<()> {
        if !self.repo.store().contains(id)? {
            self.report.problems.push(format!("{what} {id}: it is not in the lake"));
        }
        Ok(())
    }
}
