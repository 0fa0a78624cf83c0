//! Listing datasets and samples.

use serde::Serialize;
use tamis_core::Sample;

use super::search::fitting;
use crate::error::Result;
use crate::{Address, Ctx, Engine};

/// A dataset in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DatasetLine {
    /// The name.
    pub name: String,
    /// The default branch.
    pub branch: String,
    /// The newest commit on it.
    pub commit: String,
    /// Samples in it.
    pub samples: u64,
    /// Labels in it, of all layers.
    pub annotations: u64,
    /// Bytes of media.
    pub bytes: u64,
    /// When it was committed, in microseconds since 1970.
    pub time: i64,
}

/// Which samples to list.
#[derive(Clone, Debug, Default)]
pub struct LsOptions {
    /// Only after this path.
    pub after: Option<String>,
    /// At most so many; 0 = all.
    pub limit: usize,
    /// Only samples that fit this filter; empty: all.
    pub filter: String,
}

impl Engine {
    /// The datasets of the lake, by name.
    pub fn list_datasets(&self) -> Result<Vec<DatasetLine>> {
        let mut lines = Vec::new();
        for name in self.repo().datasets()? {
            let dataset = self.dataset(&name)?;
            let branch = dataset.view()?.default;
            let snapshot = dataset.snapshot(&branch)?;
            let stats = snapshot.stats()?;
            lines.push(DatasetLine {
                name: name.to_string(),
                branch,
                commit: snapshot.commit().id.to_string(),
                samples: stats.samples,
                annotations: stats.annotations,
                bytes: stats.bytes,
                time: snapshot.commit().time,
            });
        }
        Ok(lines)
    }

    /// The samples of a revision whose paths begin with the address's path and that fit the filter, in order.
    ///
    /// # Errors
    /// `query.filter` for a filter that cannot be read or names what the dataset has not.
    pub fn list_samples(
        &self,
        ctx: &Ctx,
        address: &Address,
        options: &LsOptions,
    ) -> Result<impl Iterator<Item = Result<Sample>> + use<>> {
        let snapshot = self.dataset(&address.dataset)?.snapshot(address.revision())?;
        let filter = self.filter(&snapshot, &options.filter)?;
        let limit = if options.limit == 0 { usize::MAX } else { options.limit };
        Ok(fitting(ctx, &snapshot, &filter, address.prefix(), options.after.clone())?.take(limit))
    }
}
