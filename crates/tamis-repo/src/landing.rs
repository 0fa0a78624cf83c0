//! Landing: the one way in which changed contents become the newest commit of a branch.
//!
//! A change is what `theirs` has over `base`. When the branch is still at `base`, the commit holds
//! `theirs`; when it moved, the change is merged onto the newest commit (three-way, row by row),
//! and again when the swap of the ref is lost. So no update of anybody is ever lost, and two
//! changes that disagree are a conflict, never a silent choice.

use tamis_core::CommitId;
use tamis_store::Writer;

use crate::dataset::{Races, branch_of};
use crate::merge::{Conflict, Contents, MergeObject, merge_contents};
use crate::object::{Action, Author, ChangeId, Commit, CommitObject, Object, View};
use crate::refs::check_protection;
use crate::{Dataset, Error, Repo, Result};

/// What lands where, and how.
pub(crate) struct Landing<'a> {
    pub(crate) branch: &'a str,
    pub(crate) action: Action,
    pub(crate) description: String,
    pub(crate) message: &'a str,
    pub(crate) author: &'a Author,
    /// Names the change.
    pub(crate) change: ChangeId,
    /// Parents after the branch's own commit.
    pub(crate) parents: Vec<CommitId>,
    /// Land though the branch is protected.
    pub(crate) allow_protected: bool,
    /// Commit though nothing differs.
    pub(crate) allow_empty: bool,
    /// Keep conflicts as an unfinished merge of this source; otherwise they are an error.
    pub(crate) keep_conflicts: Option<&'a str>,
}

/// How a landing ended.
#[derive(Debug)]
pub(crate) enum Landed {
    /// The branch had all of it already.
    Nothing,
    Commit(Box<Commit>),
    /// Kept as an unfinished merge.
    Conflicts(usize),
}

impl Dataset {
    /// Lands the change from `base` to `theirs`. `writer` holds what was written for `theirs`.
    /// `also` changes the rest of the view in the same operation.
    pub(crate) fn land(
        &self,
        landing: &Landing<'_>,
        base: &Contents,
        theirs: &Contents,
        writer: Option<Writer>,
        mut also: impl FnMut(&mut View) -> Result<()>,
    ) -> Result<Landed> {
        let turn = self.repo().turn(self.name());
        let _turn = turn.lock();
        let mut races = Races::default();
        let mut writer = writer;
        loop {
            let state = self.state()?;
            let branch = branch_of(&state.view, landing.branch)?;
            check_protection(landing.branch, branch, "commit to", landing.allow_protected)?;
            let head = self.repo().commit(branch.commit)?;
            let ours = Contents::of(&head);
            let session = match writer.take() {
                Some(writer) => writer,
                None => self.repo().store().writer()?,
            };
            let (merged, conflicts) = merge_contents(self.repo(), &session, base, &ours, theirs)?;
            let mut view = state.view.clone();
            let outcome = if conflicts.is_empty() {
                if !landing.allow_empty && merged.is_same(&ours, self.repo())? {
                    return self.nothing(landing, also);
                }
                let parents = std::iter::once(head.id).chain(landing.parents.iter().copied()).collect();
                let commit = self.repo().write_commit(
                    &session,
                    merged,
                    parents,
                    landing.message,
                    landing.author,
                    landing.change,
                )?;
                if let Some(branch) = view.branches.get_mut(landing.branch) {
                    branch.commit = commit.id;
                }
                Landed::Commit(Box::new(commit))
            } else {
                let count = conflicts.len();
                keep(landing, &mut view, &session, &head, merged, conflicts)?;
                Landed::Conflicts(count)
            };
            also(&mut view)?;
            let description = landing.description.clone();
            if self.swap_view(session, &state, &view, landing.action, description, landing.author)? {
                return Ok(outcome);
            }
            races.lost(self.name())?;
        }
    }

    /// Nothing differs; the rest of the view may still change.
    fn nothing(&self, landing: &Landing<'_>, mut also: impl FnMut(&mut View) -> Result<()>) -> Result<Landed> {
        let mut races = Races::default();
        loop {
            let state = self.state()?;
            let mut view = state.view.clone();
            also(&mut view)?;
            if view == state.view {
                return Ok(Landed::Nothing);
            }
            let writer = self.repo().store().writer()?;
            let description = landing.description.clone();
            if self.swap_view(writer, &state, &view, landing.action, description, landing.author)? {
                return Ok(Landed::Nothing);
            }
            races.lost(self.name())?;
        }
    }
}

/// Puts conflicts into the view, or makes them an error.
fn keep(
    landing: &Landing<'_>,
    view: &mut View,
    writer: &Writer,
    head: &Commit,
    merged: Contents,
    conflicts: Vec<Conflict>,
) -> Result<()> {
    let Some(source) = landing.keep_conflicts else {
        return Err(Error::Conflict {
            action: landing.action.as_str(),
            branch: landing.branch.to_owned(),
            count: conflicts.len(),
            places: conflicts.iter().take(3).map(Conflict::place).collect(),
        });
    };
    let Contents { tables, ontology, sensors, extra } = merged;
    let object = MergeObject {
        action: landing.action,
        conflicts,
        extra,
        message: landing.message.to_owned(),
        ontology,
        ours: head.id,
        parents: std::iter::once(head.id).chain(landing.parents.iter().copied()).collect(),
        sensors,
        source: source.to_owned(),
        tables,
    };
    let id = tamis_core::ObjectId(writer.put(object.encode()?)?);
    match view.branches.get_mut(landing.branch) {
        Some(branch) if branch.merge.is_none() => {
            branch.merge = Some(id);
            Ok(())
        }
        _ => Err(unfinished(landing.branch)),
    }
}

pub(crate) fn unfinished(branch: &str) -> Error {
    let reason = "an unfinished merge waits on the branch: continue or abort it first";
    Error::Refused { action: "merge into", name: branch.to_owned(), reason }
}

impl Repo {
    /// Writes a commit. Its time is now, but always later than its parents' times, so that walks
    /// by time see children first.
    pub(crate) fn write_commit(
        &self,
        writer: &Writer,
        contents: Contents,
        parents: Vec<CommitId>,
        message: &str,
        author: &Author,
        change: ChangeId,
    ) -> Result<Commit> {
        let mut time = self.now();
        for parent in &parents {
            time = time.max(self.commit(*parent)?.time.saturating_add(1));
        }
        let Contents { tables, ontology, sensors, extra } = contents;
        let (author, message) = (author.clone(), message.to_owned());
        let object = CommitObject { author, change, extra, message, ontology, parents, sensors, tables, time };
        let bytes = object.encode()?;
        let id = CommitId(writer.put(&bytes)?);
        Commit::decode(id, &bytes)
    }
}
