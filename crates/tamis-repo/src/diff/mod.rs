//! What differs between two commits: samples, fields, labels, ontology, sensors.

mod change;
mod stat;
mod verb;

pub use change::{FieldChange, LabelChange, LabelParts, OntologyChange, SampleChange, SensorChange};
pub use stat::DiffStat;
pub use verb::{DiffOptions, SampleChanges};
