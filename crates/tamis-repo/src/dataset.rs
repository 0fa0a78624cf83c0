//! A dataset: the door to everything that has a name in it.

use bytes::Bytes;
use tamis_core::{CommitId, DatasetName, Ontology};
use tamis_store::Writer;

use crate::object::{Action, Author, Commit, Object, Sensors, View};
use crate::repo::{Repo, State, ref_name};
use crate::{Error, Result, Snapshot, Transaction};

/// How often a lost race is repeated before the caller hears of it.
pub(crate) const RACES: u32 = 200;

/// A dataset of a lake. Cheap to clone; holds no state of its own.
#[derive(Clone, Debug)]
pub struct Dataset {
    repo: Repo,
    name: DatasetName,
}

impl Dataset {
    pub(crate) fn new(repo: Repo, name: DatasetName) -> Dataset {
        Dataset { repo, name }
    }

    /// Its name.
    pub fn name(&self) -> &DatasetName {
        &self.name
    }

    /// The lake it is in.
    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    /// All its refs now.
    pub fn view(&self) -> Result<View> {
        self.state().map(|state| state.view)
    }

    pub(crate) fn state(&self) -> Result<State> {
        self.repo.state(&self.name)?.ok_or_else(|| Error::NotFound {
            what: "dataset",
            name: self.name.to_string(),
            near: Vec::new(),
        })
    }

    /// The commit that a revision names; see the crate's `docs/spec/commit.md` for the grammar.
    pub fn resolve(&self, revision: &str) -> Result<Commit> {
        let state = self.state()?;
        crate::revision::resolve(self, &state, revision)
    }

    /// What a revision holds, for reading.
    pub fn snapshot(&self, revision: &str) -> Result<Snapshot> {
        Snapshot::open(&self.repo, self.resolve(revision)?)
    }

    /// What a commit holds, for reading.
    pub fn snapshot_at(&self, commit: CommitId) -> Result<Snapshot> {
        Snapshot::open(&self.repo, self.repo.commit(commit)?)
    }

    /// Begins to change a branch. Nothing is seen by others before the commit.
    pub fn transaction(&self, branch: &str) -> Result<Transaction> {
        let view = self.view()?;
        let base = self.repo.commit(branch_of(&view, branch)?.commit)?;
        Transaction::begin(self.clone(), branch, base)
    }

    /// The ontology of a commit.
    pub(crate) fn ontology_of(&self, commit: &Commit) -> Result<Ontology> {
        commit.ontology.map_or_else(|| Ok(Ontology::default()), |id| self.repo.read(id.hash()))
    }

    /// The sensors of a commit.
    pub(crate) fn sensors_of(&self, commit: &Commit) -> Result<Sensors> {
        commit.sensors.map_or_else(|| Ok(Sensors::default()), |id| self.repo.read(id.hash()))
    }

    /// Changes the view: `edit` is run on the newest one, its outcome is written as an operation
    /// and swapped in; when somebody else was faster, all of it again. `edit` may write objects.
    pub(crate) fn change_view<T>(
        &self,
        action: Action,
        author: &Author,
        description: String,
        mut edit: impl FnMut(&mut View, &Writer) -> Result<T>,
    ) -> Result<T> {
        let turn = self.repo.turn(&self.name);
        let _turn = turn.lock();
        let mut races = Races::default();
        loop {
            let state = self.state()?;
            let mut view = state.view.clone();
            let writer = self.repo.store().writer()?;
            let outcome = edit(&mut view, &writer)?;
            if view == state.view {
                return Ok(outcome);
            }
            if self.swap_view(writer, &state, &view, action, description.clone(), author)? {
                return Ok(outcome);
            }
            races.lost(&self.name)?;
        }
    }

    /// Writes view and operation, makes everything of the writer durable, and swaps the ref. False
    /// when somebody else was faster.
    pub(crate) fn swap_view(
        &self,
        writer: Writer,
        state: &State,
        view: &View,
        action: Action,
        description: String,
        author: &Author,
    ) -> Result<bool> {
        let head = self.repo.write_operation(&writer, view, Some(state.operation), action, description, author)?;
        writer.finish()?;
        let bytes = Bytes::from(head.encode()?);
        let swapped = self.repo.store().swap_ref(&ref_name(&self.name), Some(&state.reference.version), bytes)?;
        Ok(swapped.is_ok())
    }
}

/// A branch of a view.
pub(crate) fn branch_of<'a>(view: &'a View, name: &str) -> Result<&'a crate::Branch> {
    view.branches.get(name).ok_or_else(|| Error::not_found("branch", name, view.branches.keys().map(String::as_str)))
}

/// Counts lost races and waits longer after each, with a spread that depends on the process.
#[derive(Debug, Default)]
pub(crate) struct Races(u32);

impl Races {
    pub(crate) fn lost(&mut self, name: &DatasetName) -> Result<()> {
        self.0 += 1;
        if self.0 > RACES {
            let reason = format!("{RACES} times somebody else was faster");
            return Err(Error::Moved { name: name.to_string(), reason, retry: true });
        }
        let spread = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), self.0) % 1000;
        let base = 1u64 << self.0.min(6);
        std::thread::sleep(std::time::Duration::from_micros(base * (500 + spread)));
        Ok(())
    }
}
