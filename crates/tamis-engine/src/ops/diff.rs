//! Differences of two revisions, down to labels.

use serde::Serialize;
use tamis_core::{DatasetName, Sample};
use tamis_repo::DiffOptions;
pub use tamis_repo::{DiffStat, FieldChange, LabelChange, LabelParts, OntologyChange};

use crate::error::Result;
use crate::{Ctx, Engine};

/// What to compare.
#[derive(Clone, Debug, Default)]
pub struct DiffRequest {
    /// The older revision.
    pub from: String,
    /// The newer revision.
    pub to: String,
    /// Only paths that begin with this.
    pub prefix: String,
}

impl DiffRequest {
    fn options(&self) -> DiffOptions {
        DiffOptions { prefix: self.prefix.clone() }
    }
}

/// One sample that differs.
#[derive(Clone, Debug, Serialize)]
pub struct DiffLine {
    /// The path.
    pub path: String,
    /// `added`, `removed` or `changed`.
    pub change: &'static str,
    /// Whether the media file differs.
    pub media_changed: bool,
    /// Fields and properties that differ.
    pub fields: Vec<FieldChange>,
    /// Labels that differ.
    pub labels: Vec<LabelChange>,
    /// The sample as it was.
    pub old: Option<Sample>,
    /// The sample as it is.
    pub new: Option<Sample>,
}

impl Engine {
    /// The samples that differ between two revisions, in the order of their paths.
    pub fn diff(
        &self,
        dataset: &DatasetName,
        request: &DiffRequest,
    ) -> Result<impl Iterator<Item = Result<DiffLine>> + use<>> {
        let changes = self.dataset(dataset)?.diff(&request.from, &request.to, &request.options())?;
        Ok(changes.map(|change| {
            let change = change?;
            Ok(DiffLine {
                path: change.path.clone(),
                change: match (&change.old, &change.new) {
                    (None, _) => "added",
                    (_, None) => "removed",
                    _ => "changed",
                },
                media_changed: change.media().is_some(),
                fields: change.fields(),
                labels: change.labels(),
                old: change.old,
                new: change.new,
            })
        }))
    }

    /// The difference in numbers.
    pub fn diff_stat(&self, ctx: &Ctx, dataset: &DatasetName, request: &DiffRequest) -> Result<DiffStat> {
        let dataset = self.dataset(dataset)?;
        Ok(dataset.diff_stat(&request.from, &request.to, &request.options(), &ctx.progress)?)
    }

    /// The differences of the ontologies.
    pub fn diff_ontology(&self, dataset: &DatasetName, request: &DiffRequest) -> Result<Vec<OntologyChange>> {
        Ok(self.dataset(dataset)?.diff_ontology(&request.from, &request.to)?)
    }
}
