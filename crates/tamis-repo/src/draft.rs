//! Drafts: open, writable states on a branch that outlive the process.

use tamis_core::BranchName;
use tamis_store::Writer;

use crate::dataset::{Races, branch_of};
use crate::landing::{Landed, Landing};
use crate::merge::{Contents, merge_contents};
use crate::object::{Action, Author, ChangeId, Commit, Draft, View};
use crate::transaction::{CommitOptions, Outcome, Target};
use crate::{Dataset, Error, Result, Transaction};

/// What to do with a draft's saves when it becomes a commit. Each save is a commit-like object of
/// its own; the branch gets one commit with the outcome of all of them.
impl Dataset {
    /// Opens a draft on a branch.
    pub fn open_draft(&self, name: &str, branch: &str, author: &Author) -> Result<Draft> {
        BranchName::new(name)?;
        let time = self.repo().now();
        self.change_view(Action::Draft, author, format!("open draft {name} on {branch}"), |view, _| {
            let base = branch_of(view, branch)?.commit;
            if view.drafts.contains_key(name) {
                return Err(Error::Exists { what: "draft", name: name.to_owned() });
            }
            let draft = Draft { base, branch: branch.to_owned(), head: base, owner: author.clone(), time };
            view.drafts.insert(name.to_owned(), draft.clone());
            Ok(draft)
        })
    }

    /// The open drafts by name.
    pub fn drafts(&self) -> Result<Vec<(String, Draft)>> {
        Ok(self.view()?.drafts.into_iter().collect())
    }

    /// Begins to change a draft; its commit is a durable save of the draft, and `draft/<name>`
    /// names what it holds.
    pub fn draft_transaction(&self, name: &str) -> Result<Transaction> {
        let view = self.view()?;
        let head = self.repo().commit(draft_of(&view, name)?.head)?;
        Transaction::towards(self.clone(), Target::Draft(name.to_owned()), head)
    }

    /// Saves the outcome of a transaction as the draft's newest state; other saves that were made
    /// meanwhile are merged.
    #[expect(clippy::too_many_arguments, reason = "one call from one place")]
    pub(crate) fn save_draft(
        &self,
        name: &str,
        base: &Commit,
        contents: Contents,
        writer: Writer,
        message: &str,
        author: &Author,
        change: ChangeId,
    ) -> Result<Outcome> {
        let turn = self.repo().turn(self.name());
        let _turn = turn.lock();
        let mut races = Races::default();
        let mut writer = Some(writer);
        loop {
            let state = self.state()?;
            let head = self.repo().commit(draft_of(&state.view, name)?.head)?;
            let session = match writer.take() {
                Some(writer) => writer,
                None => self.repo().store().writer()?,
            };
            let ours = Contents::of(&head);
            let (merged, conflicts) = merge_contents(self.repo(), &session, &Contents::of(base), &ours, &contents)?;
            if !conflicts.is_empty() {
                return Err(Error::Conflict {
                    action: "save",
                    branch: format!("draft/{name}"),
                    count: conflicts.len(),
                    places: conflicts.iter().take(3).map(crate::Conflict::place).collect(),
                });
            }
            if merged.is_same(&ours, self.repo())? {
                return Ok(Outcome::Nothing);
            }
            let commit = self.repo().write_commit(&session, merged, vec![head.id], message, author, change)?;
            let mut view = state.view.clone();
            if let Some(draft) = view.drafts.get_mut(name) {
                draft.head = commit.id;
            }
            if self.swap_view(session, &state, &view, Action::Draft, format!("save draft {name}"), author)? {
                return Ok(Outcome::Committed(Box::new(commit)));
            }
            races.lost(self.name())?;
        }
    }

    /// Makes a draft one commit on its branch and closes it. When the branch moved since, the
    /// draft's change is merged onto it; a clash is an error and the draft stays open.
    pub fn commit_draft(&self, name: &str, message: &str, author: &Author, options: &CommitOptions) -> Result<Outcome> {
        let view = self.view()?;
        let draft = draft_of(&view, name)?.clone();
        let (base, head) = (self.repo().commit(draft.base)?, self.repo().commit(draft.head)?);
        let mut theirs = Contents::of(&head);
        if head.parents.first() != Some(&base.id) {
            // Several saves: the newest one's change does not reach back to the base.
            theirs.tables.values_mut().for_each(|entry| entry.change = None);
        }
        let landing = Landing {
            branch: &draft.branch,
            action: Action::Commit,
            description: format!("commit draft {name} to {}", draft.branch),
            message,
            author,
            change: self.repo().new_change(),
            parents: Vec::new(),
            allow_protected: options.allow_protected,
            allow_empty: options.allow_empty,
            keep_conflicts: None,
        };
        let landed = self.land(&landing, &Contents::of(&base), &theirs, None, |view| {
            match draft_of(view, name)?.head == draft.head {
                true => drop(view.drafts.remove(name)),
                false => {
                    let reason = "it was saved again meanwhile".to_owned();
                    return Err(Error::Moved { name: format!("draft/{name}"), reason, retry: true });
                }
            }
            Ok(())
        })?;
        Ok(match landed {
            Landed::Commit(commit) => Outcome::Committed(commit),
            Landed::Nothing | Landed::Conflicts(_) => Outcome::Nothing,
        })
    }

    /// Throws a draft away; `undo` brings it back.
    pub fn discard_draft(&self, name: &str, author: &Author) -> Result<()> {
        self.change_view(Action::Draft, author, format!("discard draft {name}"), |view, _| {
            draft_of(view, name)?;
            view.drafts.remove(name);
            Ok(())
        })
    }
}

fn draft_of<'a>(view: &'a View, name: &str) -> Result<&'a Draft> {
    view.drafts.get(name).ok_or_else(|| Error::not_found("draft", name, view.drafts.keys().map(String::as_str)))
}
