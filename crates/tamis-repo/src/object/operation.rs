//! The operation log: every move of a ref is an entry, so that undo is general.

use serde::{Deserialize, Serialize};
use tamis_core::{ObjectId, OperationId};

use super::{Author, Object};

/// What kind of operation it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// A dataset was made.
    Create,
    /// A dataset was removed (and can be brought back by undo).
    Remove,
    /// A dataset got another name.
    Rename,
    /// A commit was made on a branch.
    Commit,
    /// A branch was made, renamed, moved, deleted, protected.
    Branch,
    /// A tag was made or deleted.
    Tag,
    /// A draft was opened, saved or thrown away.
    Draft,
    /// Branches were merged, or a merge was begun, worked on or given up.
    Merge,
    /// A commit was reverted.
    Revert,
    /// A commit was applied to another branch.
    CherryPick,
    /// Commits were made one.
    Squash,
    /// Something came from another lake.
    Fetch,
    /// Something was received from another lake.
    Push,
    /// An operation was undone.
    Undo,
    /// The dataset was set back to the state after an operation.
    Restore,
    /// A remote or a saved query was set.
    Config,
}

impl Action {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Remove => "remove",
            Action::Rename => "rename",
            Action::Commit => "commit",
            Action::Branch => "branch",
            Action::Tag => "tag",
            Action::Draft => "draft",
            Action::Merge => "merge",
            Action::Revert => "revert",
            Action::CherryPick => "cherry_pick",
            Action::Squash => "squash",
            Action::Fetch => "fetch",
            Action::Push => "push",
            Action::Undo => "undo",
            Action::Restore => "restore",
            Action::Config => "config",
        }
    }
}

/// An entry of the operation log as it is stored; see `docs/spec/operation.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OperationObject {
    pub action: Action,
    pub author: Author,
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<OperationId>,
    pub time: i64,
    pub view: ObjectId,
}

impl Object for OperationObject {
    const KIND: &'static str = "operation";
}

/// An entry of the operation log.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// BLAKE3 of the encoded operation.
    pub id: OperationId,
    /// What kind it was.
    pub action: Action,
    /// What was done, for people.
    pub description: String,
    /// Who did it.
    pub author: Author,
    /// When, in microseconds since 1970-01-01 UTC.
    pub time: i64,
    /// The operation before it; none for the first.
    pub parent: Option<OperationId>,
    /// The refs after it.
    pub view: ObjectId,
}

/// What a dataset's ref in the store holds: the newest operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub operation: OperationId,
}

impl Object for Head {
    const KIND: &'static str = "head";
}
