//! Comparing two revisions.

use tamis_core::Progress;

use super::change::{OntologyChange, SampleChange, SensorChange};
use super::stat::DiffStat;
use crate::merge::{ClassChange, diff_ontologies};
use crate::object::Commit;
use crate::rows::{RowDiff, Rows};
use crate::{Dataset, Result};

/// What to compare.
#[derive(Clone, Debug, Default)]
pub struct DiffOptions {
    /// Only paths that begin with this.
    pub prefix: String,
}

/// The samples that differ, in the order of their paths.
pub struct SampleChanges(RowDiff);

impl std::fmt::Debug for SampleChanges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SampleChanges")
    }
}

impl Iterator for SampleChanges {
    type Item = Result<SampleChange>;

    fn next(&mut self) -> Option<Result<SampleChange>> {
        loop {
            match self.0.next()? {
                Ok((path, old, new)) if old != new => return Some(Ok(SampleChange { path, old, new })),
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Dataset {
    /// The samples that differ between two revisions, with old and new values. Costs what
    /// changed, not what is there.
    pub fn diff(&self, a: &str, b: &str, options: &DiffOptions) -> Result<SampleChanges> {
        let state = self.state()?;
        let a = crate::revision::resolve(self, &state, a)?;
        let b = crate::revision::resolve(self, &state, b)?;
        self.diff_commits(&a, &b, options)
    }

    /// As [`Dataset::diff`], of commits.
    pub fn diff_commits(&self, a: &Commit, b: &Commit, options: &DiffOptions) -> Result<SampleChanges> {
        let (old, new) = (a.samples(), b.samples());
        // The change that a commit names is against its first parent.
        let change = new.change.filter(|_| b.parents.first() == Some(&a.id));
        let (old, new) = (Rows::open(self.repo(), old.table)?, Rows::open(self.repo(), new.table)?);
        Ok(SampleChanges(old.diff(&new, change, &options.prefix)?))
    }

    /// The difference of two revisions in numbers.
    pub fn diff_stat(&self, a: &str, b: &str, options: &DiffOptions, progress: &Progress) -> Result<DiffStat> {
        let mut stat = DiffStat::default();
        progress.begin("compare", None, "samples");
        for change in self.diff(a, b, options)? {
            stat.add(&change?);
            progress.advance(1, 0)?;
        }
        progress.end();
        Ok(stat)
    }

    /// How the ontology differs between two revisions.
    pub fn diff_ontology(&self, a: &str, b: &str) -> Result<Vec<OntologyChange>> {
        let (a, b) = (self.resolve(a)?, self.resolve(b)?);
        if a.ontology == b.ontology {
            return Ok(Vec::new());
        }
        let found = diff_ontologies(&self.ontology_of(&a)?, &self.ontology_of(&b)?);
        let change =
            |ClassChange { label_type, what, name, old, new }| OntologyChange { label_type, what, name, old, new };
        Ok(found.into_iter().map(change).collect())
    }

    /// How the sensors differ between two revisions.
    pub fn diff_sensors(&self, a: &str, b: &str) -> Result<Vec<SensorChange>> {
        let (a, b) = (self.resolve(a)?, self.resolve(b)?);
        if a.sensors == b.sensors {
            return Ok(Vec::new());
        }
        let (old, new) = (self.sensors_of(&a)?, self.sensors_of(&b)?);
        let keys: std::collections::BTreeSet<(&str, &str)> =
            old.iter().chain(new.iter()).map(|(segment, sensor)| (segment, sensor.name.as_str())).collect();
        let change = |(segment, name): (&str, &str)| SensorChange {
            segment: segment.to_owned(),
            name: name.to_owned(),
            old: old.get(segment, name).cloned(),
            new: new.get(segment, name).cloned(),
        };
        Ok(keys.into_iter().map(change).filter(|change| change.old != change.new).collect())
    }
}
