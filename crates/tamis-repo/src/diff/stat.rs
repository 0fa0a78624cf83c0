//! A difference in numbers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::change::{LabelChange, SampleChange};

/// Added, removed and changed labels of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClassStat {
    /// New labels.
    pub added: u64,
    /// Labels that are gone.
    pub removed: u64,
    /// Labels that differ (counted under their new class).
    pub changed: u64,
}

/// A difference in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DiffStat {
    /// New samples.
    pub samples_added: u64,
    /// Samples that are gone.
    pub samples_removed: u64,
    /// Samples that differ.
    pub samples_changed: u64,
    /// Samples on both sides with another media file.
    pub media_changed: u64,
    /// Samples on both sides with another field, split, frame, sensor or timestamp.
    pub fields_changed: u64,
    /// New labels.
    pub labels_added: u64,
    /// Labels that are gone.
    pub labels_removed: u64,
    /// Labels that differ.
    pub labels_changed: u64,
    /// Labels by class; labels without one under the empty name.
    pub classes: BTreeMap<String, ClassStat>,
}

impl DiffStat {
    /// Counts one changed sample.
    pub fn add(&mut self, change: &SampleChange) {
        match (&change.old, &change.new) {
            (None, _) => self.samples_added += 1,
            (_, None) => self.samples_removed += 1,
            _ => {
                self.samples_changed += 1;
                self.media_changed += u64::from(change.media().is_some());
                self.fields_changed += u64::from(!change.fields().is_empty());
            }
        }
        for label in change.labels() {
            match label {
                LabelChange::Added { new, .. } => {
                    self.labels_added += 1;
                    self.class(new.class).added += 1;
                }
                LabelChange::Removed { old, .. } => {
                    self.labels_removed += 1;
                    self.class(old.class).removed += 1;
                }
                LabelChange::Changed { new, .. } => {
                    self.labels_changed += 1;
                    self.class(new.class).changed += 1;
                }
                LabelChange::LayerAdded { .. } | LabelChange::LayerRemoved { .. } => {}
            }
        }
    }

    fn class(&mut self, class: Option<String>) -> &mut ClassStat {
        self.classes.entry(class.unwrap_or_default()).or_default()
    }
}
