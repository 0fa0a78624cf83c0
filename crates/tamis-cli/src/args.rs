//! What can be typed.

use clap::{Args, Parser, Subcommand};

use crate::cmd;

/// The data engine for machine-learning teams: version images, video, audio, point clouds and
/// text with their labels, like git, by row and label.
#[derive(Debug, Parser)]
#[command(name = "tamis", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Examples:
  tamis import photos/              take a folder in, whatever its format
  tamis stats photos                what is in it
  tamis branch photos fix           a branch to work on
  tamis diff photos main fix        which label of which image changed, and how
  tamis export photos out --format yolo

`tamis help COMMAND` tells more, with examples.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// The lake: a folder, or s3://bucket/prefix. Default: a .tamis folder here or above, else your own lake
    #[arg(
        long,
        global = true,
        env = "TAMIS_LAKE",
        hide_env_values = true,
        value_name = "DIR|URL",
        help_heading = "Everywhere"
    )]
    pub(crate) lake: Option<String>,
    /// Print JSON
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
    /// Print results only, no talk and no progress
    #[arg(long, short, global = true, help_heading = "Everywhere")]
    pub(crate) quiet: bool,
    /// Say what was read and written, and how long it took
    #[arg(long, short, global = true, help_heading = "Everywhere", conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a lake
    Init(cmd::init::InitArgs),
    /// Take in a folder or archive, in one commit
    Import(cmd::import::ImportArgs),
    /// List datasets, or the samples of one
    Ls(cmd::ls::LsArgs),
    /// Show one sample with its labels
    Show(cmd::show::ShowArgs),
    /// Count samples, labels, classes and bytes
    Stats(cmd::stats::StatsArgs),
    /// Find the samples that fit a filter
    Search(cmd::search::SearchArgs),
    /// Save queries inside a dataset, versioned with it
    View(cmd::view::ViewArgs),
    /// Ask datasets anything in SQL
    Sql(cmd::sql::SqlArgs),
    /// Show the history
    Log(cmd::log::LogArgs),
    /// Show what differs between two revisions, down to labels
    Diff(cmd::diff::DiffArgs),
    /// List, make, rename or delete branches
    Branch(cmd::refs::BranchArgs),
    /// List, make or delete tags
    Tag(cmd::refs::TagArgs),
    /// Merge a branch or revision into a branch
    Merge(cmd::merge::MergeArgs),
    /// List the conflicts of an unfinished merge
    Conflicts(cmd::merge::ConflictsArgs),
    /// Decide conflicts of an unfinished merge
    Resolve(cmd::merge::ResolveArgs),
    /// Undo what a commit changed, in a new commit
    Revert(cmd::history::RevertArgs),
    /// Make a commit's change again on another branch
    CherryPick(cmd::history::CherryPickArgs),
    /// Make several commits into one
    Squash(cmd::history::SquashArgs),
    /// Protect a branch
    Protect(cmd::history::ProtectArgs),
    /// Write a revision into a folder as plain files
    Checkout(cmd::checkout::CheckoutArgs),
    /// Show what changed in a checkout
    Status(cmd::checkout::StatusArgs),
    /// Commit what changed in a checkout
    Commit(cmd::checkout::CommitArgs),
    /// Bring files of a checkout back
    Restore(cmd::checkout::RestoreArgs),
    /// Copy a dataset of another lake into this one
    Clone(cmd::sync::CloneArgs),
    /// Copy a branch to a remote
    Push(cmd::sync::PushArgs),
    /// Copy what a remote has and merge it
    Pull(cmd::sync::PullArgs),
    /// List, add or remove remotes
    Remote(cmd::sync::RemoteArgs),
    /// Rename, remove or bring back whole datasets
    Dataset(cmd::sync::DatasetArgs),
    /// Fold a branch's changes into its base
    Compact(cmd::history::CompactArgs),
    /// Undo the last operation, or a chosen one
    Undo(cmd::refs::UndoArgs),
    /// List what was done: the operation log
    Oplog(cmd::refs::OplogArgs),
    /// Read every byte and check that nothing is damaged
    Verify(cmd::care::VerifyArgs),
    /// Give back the space of what nothing needs any more
    Gc(cmd::care::GcArgs),
    /// Measure a layer of predicted boxes against the truth
    Eval(cmd::eval::EvalArgs),
    /// Find what is wrong with labels, media and splits
    Check(cmd::check::CheckArgs),
    /// Look at drafts, commit them, or throw them away
    Draft(cmd::draft::DraftArgs),
    /// Compute values of every sample: hashes, image facts, embeddings
    Derive(cmd::derive::DeriveArgs),
    /// Make indexes for searching, or bring them up to date
    Index(cmd::index::IndexArgs),
    /// Write a dataset in another format
    Export(cmd::export::ExportArgs),
    /// List the formats that can be read and written
    Formats(cmd::export::FormatsArgs),
    /// Show the lake in a browser: the web UI and the API
    Serve(cmd::serve::ServeArgs),
    /// Draw a small street dataset with known flaws, to try things on
    Demo(cmd::demo::DemoArgs),
    /// Print what completes commands in a shell
    Completions(cmd::shell::CompletionsArgs),
    /// Print the manual page
    Man(cmd::shell::ManArgs),
}
