//! Branches and tags.

use tamis_core::{BranchName, CommitId};

use crate::dataset::branch_of;
use crate::graph::{is_ancestor, relate};
use crate::object::{Action, Author, Branch, Tag, View};
use crate::{Dataset, Error, Result};

/// A branch with how far it is from the default branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchStatus {
    /// The name.
    pub name: String,
    /// The newest commit.
    pub commit: CommitId,
    /// It is the branch that is meant where none is named.
    pub is_default: bool,
    /// It refuses direct commits, resets and deletion.
    pub is_protected: bool,
    /// A merge into it is unfinished.
    pub is_merging: bool,
    /// Commits it has and the default branch has not.
    pub ahead: u64,
    /// Commits the default branch has and it has not.
    pub behind: u64,
}

/// What a move of a branch may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MoveOptions {
    /// Move or delete it though it is protected.
    pub allow_protected: bool,
    /// Delete it though it has commits that no other branch or tag has.
    pub allow_unmerged: bool,
}

impl Dataset {
    /// The branches by name, with their distance from the default branch.
    pub fn branches(&self) -> Result<Vec<BranchStatus>> {
        let view = self.view()?;
        let main = branch_of(&view, &view.default)?.commit;
        let status = |(name, branch): (&String, &Branch)| {
            let relation = relate(self.repo(), branch.commit, main)?;
            Ok(BranchStatus {
                name: name.clone(),
                commit: branch.commit,
                is_default: *name == view.default,
                is_protected: branch.protected,
                is_merging: branch.merge.is_some(),
                ahead: relation.ahead,
                behind: relation.behind,
            })
        };
        view.branches.iter().map(status).collect()
    }

    /// Makes a branch at a revision.
    pub fn create_branch(&self, name: &str, revision: &str, author: &Author) -> Result<()> {
        check_name(name)?;
        let commit = self.resolve(revision)?.id;
        self.change_view(Action::Branch, author, format!("branch {name} at {revision}"), |view, _| {
            check_free(view, name)?;
            view.branches.insert(name.to_owned(), Branch { commit, merge: None, protected: false });
            Ok(())
        })
    }

    /// Gives a branch another name; drafts on it follow, and so does being the default.
    pub fn rename_branch(&self, from: &str, to: &str, author: &Author) -> Result<()> {
        check_name(to)?;
        self.change_view(Action::Branch, author, format!("rename branch {from} to {to}"), |view, _| {
            branch_of(view, from)?;
            check_free(view, to)?;
            if let Some(branch) = view.branches.remove(from) {
                view.branches.insert(to.to_owned(), branch);
            }
            for draft in view.drafts.values_mut().filter(|draft| draft.branch == from) {
                to.clone_into(&mut draft.branch);
            }
            if view.default == from {
                to.clone_into(&mut view.default);
            }
            Ok(())
        })
    }

    /// Deletes a branch. Refused for the default one, for one with open drafts, for a protected
    /// one, and for one with commits that nothing else has, unless the options allow the latter two.
    pub fn delete_branch(&self, name: &str, author: &Author, options: MoveOptions) -> Result<()> {
        self.change_view(Action::Branch, author, format!("delete branch {name}"), |view, _| {
            let branch = branch_of(view, name)?.clone();
            check_protection(name, &branch, "delete", options.allow_protected)?;
            let refuse = |reason| Err(Error::Refused { action: "delete", name: name.to_owned(), reason });
            if view.default == name {
                return refuse("it is the default branch");
            }
            if view.drafts.values().any(|draft| draft.branch == name) {
                return refuse("it has open drafts");
            }
            view.branches.remove(name);
            if !options.allow_unmerged && !self.is_reachable(view, branch.commit)? {
                return refuse("it has commits that no other branch or tag has");
            }
            Ok(())
        })
    }

    fn is_reachable(&self, view: &View, commit: CommitId) -> Result<bool> {
        let heads = view.branches.values().map(|b| b.commit).chain(view.tags.values().map(|t| t.commit));
        for head in heads {
            if is_ancestor(self.repo(), commit, head)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Moves a branch to any revision, also backwards. `undo` takes it back.
    pub fn reset_branch(&self, name: &str, revision: &str, author: &Author, options: MoveOptions) -> Result<()> {
        let commit = self.resolve(revision)?.id;
        self.change_view(Action::Branch, author, format!("reset {name} to {revision}"), |view, _| {
            check_protection(name, branch_of(view, name)?, "reset", options.allow_protected)?;
            if let Some(branch) = view.branches.get_mut(name) {
                branch.commit = commit;
                branch.merge = None;
            }
            Ok(())
        })
    }

    /// Makes a branch refuse (or take again) direct commits, resets and deletion.
    pub fn protect_branch(&self, name: &str, protected: bool, author: &Author) -> Result<()> {
        let word = if protected { "protect" } else { "unprotect" };
        self.change_view(Action::Branch, author, format!("{word} {name}"), |view, _| {
            branch_of(view, name)?;
            if let Some(branch) = view.branches.get_mut(name) {
                branch.protected = protected;
            }
            Ok(())
        })
    }

    /// Sets the branch that is meant where none is named.
    pub fn set_default_branch(&self, name: &str, author: &Author) -> Result<()> {
        self.change_view(Action::Branch, author, format!("make {name} the default"), |view, _| {
            branch_of(view, name)?;
            name.clone_into(&mut view.default);
            Ok(())
        })
    }

    /// Makes a tag at a revision.
    pub fn create_tag(&self, name: &str, revision: &str, message: &str, author: &Author) -> Result<()> {
        check_name(name)?;
        let commit = self.resolve(revision)?.id;
        let time = self.repo().now();
        self.change_view(Action::Tag, author, format!("tag {name} at {revision}"), |view, _| {
            check_free(view, name)?;
            let tag = Tag { author: author.clone(), commit, message: message.to_owned(), time };
            view.tags.insert(name.to_owned(), tag);
            Ok(())
        })
    }

    /// Deletes a tag.
    pub fn delete_tag(&self, name: &str, author: &Author) -> Result<()> {
        self.change_view(Action::Tag, author, format!("delete tag {name}"), |view, _| match view.tags.remove(name) {
            Some(_) => Ok(()),
            None => Err(Error::not_found("tag", name, view.tags.keys().map(String::as_str))),
        })
    }

    /// Sets or takes away one of the view's other objects (saved queries); `bytes` are what is kept.
    pub fn set_extra(&self, name: &str, bytes: Option<&[u8]>, author: &Author) -> Result<()> {
        self.change_view(Action::Config, author, format!("set {name}"), |view, writer| {
            match bytes {
                Some(bytes) => {
                    let id = tamis_core::ObjectId(writer.put(bytes)?);
                    view.extra.insert(name.to_owned(), id);
                }
                None => {
                    view.extra.remove(name);
                }
            }
            Ok(())
        })
    }
}

fn check_name(name: &str) -> Result<()> {
    BranchName::new(name)?;
    let taken = ["HEAD", "head"].contains(&name) || name.starts_with("draft/");
    if taken {
        let reason = "`HEAD` and names under `draft/` have a meaning of their own".to_owned();
        return Err(Error::Invalid { what: "branch or tag name", name: name.to_owned(), reason });
    }
    Ok(())
}

/// Branches and tags share one space of names, so that a revision means one thing.
fn check_free(view: &View, name: &str) -> Result<()> {
    let what = if view.branches.contains_key(name) {
        "branch"
    } else if view.tags.contains_key(name) {
        "tag"
    } else {
        return Ok(());
    };
    Err(Error::Exists { what, name: name.to_owned() })
}

pub(crate) fn check_protection(name: &str, branch: &Branch, action: &'static str, allow: bool) -> Result<()> {
    if branch.protected && !allow {
        return Err(Error::Refused { action, name: name.to_owned(), reason: "the branch is protected" });
    }
    Ok(())
}
