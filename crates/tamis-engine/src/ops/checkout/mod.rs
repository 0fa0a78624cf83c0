//! Checkouts: a commit as a plain folder, and the folder's changes back as a commit.
//!
//! The folder holds media and labels in a format; `.tamis-checkout` in it remembers what was
//! written (size, time, inode and hash of every file), so that a clean `status` only looks at
//! directory entries. Labels come back through the format's reader; of formats that cannot hold
//! everything, only the samples that read differently than right after the checkout are touched.

mod back;
mod commit;
mod media;
mod restore;
mod state;
mod status;
mod write;

use std::path::{Path, PathBuf};

use serde::Serialize;
use tamis_core::{DatasetName, Finding, Report};

use crate::error::{EngineError, Result};
use crate::{Address, Ctx, Engine};

pub use commit::{CommitRequest, Committed};
pub use restore::Restored;
pub use state::find_checkout;
pub use status::{FileChange, SampleLine, Status};

use state::{Identity, State};

/// What to check out.
#[derive(Clone, Debug)]
pub struct CheckoutRequest {
    /// The dataset and revision.
    pub address: Address,
    /// The folder; made where it is not there, else empty.
    pub dir: PathBuf,
    /// The format; Tamis's own, which loses nothing, when absent.
    pub format: Option<String>,
}

/// What was checked out.
#[derive(Clone, Debug, Serialize)]
pub struct CheckedOut {
    /// The dataset.
    pub dataset: String,
    /// The branch that commits go to; absent when a tag or commit was checked out.
    pub branch: Option<String>,
    /// The commit's id.
    pub commit: String,
    /// The format's name.
    pub format: String,
    /// The folder.
    pub folder: String,
    /// Samples.
    pub samples: u64,
    /// Files.
    pub files: u64,
    /// Bytes of media written.
    pub bytes: u64,
    /// What the format could not hold.
    pub findings: Vec<Finding>,
}

impl Engine {
    /// Writes a commit into a folder.
    pub fn checkout(&self, ctx: &Ctx, request: &CheckoutRequest) -> Result<CheckedOut> {
        let dataset = self.dataset(&request.address.dataset)?;
        let view = dataset.view()?;
        let revision = request.address.revision.clone().unwrap_or_else(|| view.default.clone());
        let snapshot = dataset.snapshot(&revision)?;
        let format = tamis_formats::find(request.format.as_deref().unwrap_or("tamis"))?;
        let report = Report::new();
        ctx.progress.begin("write labels", Some(snapshot.len()), "samples");
        let (written, media) = write::labels(&snapshot, format, &request.dir, &report, ctx)?;
        ctx.progress.begin("write files", Some(media.len() as u64), "files");
        let entries = write::media(self, &request.dir, &media, ctx)?;
        ctx.progress.end();
        let identity = Identity {
            version: 1,
            lake: self.place(),
            dataset: dataset.name().to_string(),
            branch: view.branches.contains_key(&revision).then(|| revision.clone()),
            commit: snapshot.commit().id.to_string(),
            format: format.spec().id.to_owned(),
            written: 0,
        };
        let bytes = entries.iter().map(|entry| entry.size).sum();
        let mut state = State { root: request.dir.clone(), identity, entries, records: Vec::new() };
        state.add_label_files()?;
        if format.spec().id != "tamis" {
            state.records = back::digests(&state, format)?;
        }
        state.save()?;
        Ok(CheckedOut {
            dataset: dataset.name().to_string(),
            branch: state.identity.branch.clone(),
            commit: state.identity.commit.clone(),
            format: state.identity.format.clone(),
            folder: request.dir.display().to_string(),
            samples: written.samples,
            files: state.entries.len() as u64,
            bytes,
            findings: report.findings(),
        })
    }

    /// The lake of the checkout that `folder` lies in.
    pub fn open_checkout(folder: &Path) -> Result<(Engine, PathBuf)> {
        let Some(root) = find_checkout(folder) else {
            let message = format!("cannot find a checkout in or above `{}`", folder.display());
            return Err(EngineError::new("checkout.none", message).hint("make one with `tamis checkout DATASET DIR`"));
        };
        let identity = state::load_identity(&root)?;
        Ok((Engine::open(&identity.lake)?, root))
    }

    fn checked_out(&self, state: &State) -> Result<(tamis_repo::Dataset, tamis_repo::Snapshot)> {
        let dataset = self.dataset(&DatasetName::new(state.identity.dataset.as_str())?)?;
        let snapshot = dataset.snapshot(&state.identity.commit)?;
        Ok((dataset, snapshot))
    }
}
